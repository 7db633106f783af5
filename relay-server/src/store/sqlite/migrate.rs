//! Brings a database file to the newest shape, one numbered step at a time.

use rusqlite::{Connection, ErrorCode};

/// In order, never edited once released. `user_version` counts those that were done.
const MIGRATIONS: &[&str] = &[
    include_str!("../../../migrations/sqlite/0001_base.sql"),
    include_str!("../../../migrations/sqlite/0002_call_reports.sql"),
];

/// # Errors
/// Fails, changing nothing, when a step fails or the file was written by a newer relay.
pub(super) fn migrate(connection: &Connection) -> Result<(), rusqlite::Error> {
    let done: usize = connection
        .pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))?
        .try_into()
        .unwrap_or(usize::MAX);
    if done > MIGRATIONS.len() {
        let error = rusqlite::ffi::Error { code: ErrorCode::SchemaChanged, extended_code: 0 };
        return Err(rusqlite::Error::SqliteFailure(error, Some("the database is of a newer relay".into())));
    }
    for (number, sql) in MIGRATIONS.iter().enumerate().skip(done) {
        let step = format!("BEGIN IMMEDIATE; {sql} PRAGMA user_version = {}; COMMIT;", number + 1);
        if let Err(error) = connection.execute_batch(&step) {
            let _ = connection.execute_batch("ROLLBACK");
            return Err(error);
        }
    }
    Ok(())
}
