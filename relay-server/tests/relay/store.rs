//! SQLite passes the battery of every store.

use std::sync::Arc;

use parley_relay::store::contract;
use parley_relay::store::sqlite::SqliteStore;

#[tokio::test]
async fn sqlite_keeps_the_contract() {
    let dir = tempfile::tempdir().unwrap();
    contract::run(|name| Arc::new(SqliteStore::open(&dir.path().join(name)).unwrap())).await;
}
