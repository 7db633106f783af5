//! Whether the disk takes writes: one small commit, whose outcome all who ask within a while share.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::Shared;

use super::pool::Pool;
use crate::store::{Answer, StoreError};

/// Health is asked without an account: however often, the disk is bothered this often.
const EVERY: Duration = Duration::from_secs(3);

type Outcome = Shared<Pin<Box<dyn Future<Output = Result<(), String>> + Send>>>;

#[derive(Debug, Default)]
pub(super) struct Probe {
    last: Mutex<Option<(Instant, Outcome)>>,
}

impl Probe {
    /// Fails when the last write of the probe, or the present one, failed.
    pub fn ask(&self, pool: &Pool) -> Answer<()> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = match &*last {
            Some((at, outcome)) if at.elapsed() < EVERY => outcome.clone(),
            Some(_) | None => {
                let write = pool.write(|c| {
                    c.execute("UPDATE probe SET writes = writes + 1 WHERE id = 1", [])?;
                    Ok(())
                });
                let write: Pin<Box<dyn Future<Output = Result<(), String>> + Send>> =
                    Box::pin(async { write.await.map_err(|error| error.to_string()) });
                let outcome = write.shared();
                *last = Some((Instant::now(), outcome.clone()));
                outcome
            }
        };
        Box::pin(async { outcome.await.map_err(StoreError::Failed) })
    }
}

#[cfg(test)]
mod tests {
    use super::super::SqliteStore;
    use crate::store::Store;

    #[tokio::test]
    async fn a_ping_fails_when_the_database_takes_no_writes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("relay.sqlite");
        let store = SqliteStore::open(&path).unwrap();
        store.ping().await.unwrap();
        let other = rusqlite::Connection::open(&path).unwrap();
        let writes = || other.query_row("SELECT writes FROM probe", [], |r| r.get::<_, u32>(0)).unwrap();
        for _ in 0..10 {
            store.ping().await.unwrap();
        }
        assert_eq!(writes(), 1, "those who ask meanwhile share one write");
        drop(store);

        let full = "CREATE TRIGGER full BEFORE UPDATE ON probe BEGIN SELECT RAISE(ABORT, 'the disk is full'); END";
        other.execute_batch(full).unwrap();
        let store = SqliteStore::open(&path).unwrap();
        assert!(store.ping().await.is_err());
    }
}
