//! Brings a database file to the newest shape, one numbered step at a time.

use rusqlite::{Connection, ErrorCode};

/// In order, never edited once released. `user_version` counts those that were done.
const MIGRATIONS: &[&str] = &[
    include_str!("../../../migrations/sqlite/0001_base.sql"),
    include_str!("../../../migrations/sqlite/0002_call_reports.sql"),
    include_str!("../../../migrations/sqlite/0003_messages.sql"),
    include_str!("../../../migrations/sqlite/0004_files.sql"),
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

#[cfg(test)]
mod tests {
    use parley_shared::ids::{RoomId, UserId};
    use parley_shared::search::Has;

    use super::super::words::{has_token, room_token, sender_token};
    use super::*;

    #[test]
    fn messages_of_an_older_relay_are_found_as_if_they_were_written_today() {
        let c = Connection::open_in_memory().unwrap();
        for sql in &MIGRATIONS[..2] {
            c.execute_batch(sql).unwrap();
        }
        c.execute_batch(
            "PRAGMA user_version = 2;
             INSERT INTO users (id, display_name, name_key, email, email_key, password_hash, role, created_at_ms)
               VALUES (x'abababababababababababababababab', 'Ada', 'ada', 'a', 'a', '', 'admin', 1);
             INSERT INTO rooms (id, kind, visibility, max_members, created_at_ms, last_seq, last_change)
               VALUES (x'cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd', 'group', 'private', 9, 1, 2, 2);
             INSERT INTO messages (place, id, room_id, seq, change, sender_id, client_id, sent_at_ms, kind, text)
               SELECT value, CAST(value AS BLOB), x'cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd', value, value,
                 x'abababababababababababababababab', CAST(value AS BLOB), 1,
                 CASE value WHEN 1 THEN 'text' ELSE 'deleted' END, 'see HTTPS://example.org'
               FROM json_each('[1, 2]');
             INSERT INTO message_words (rowid, room, text) VALUES (1, 'old', 'see');",
        )
        .unwrap();
        migrate(&c).unwrap();
        let found = |expression: String| {
            let mut statement = c.prepare("SELECT rowid FROM message_words WHERE message_words MATCH ?").unwrap();
            let places = statement.query_map([expression], |r| r.get::<_, i64>(0)).unwrap();
            places.collect::<Result<Vec<_>, _>>().unwrap()
        };
        assert_eq!(found("text : \"exam\" *".into()), [1], "text alone has words");
        for (column, token) in [
            ("room", room_token(RoomId::from_bytes([0xcd; 16]))),
            ("sender", sender_token(UserId::from_bytes([0xab; 16]))),
            ("has", has_token(Has::Link).to_owned()),
        ] {
            assert_eq!(found(format!("{column} : \"{token}\"")), [1], "{column}");
        }
    }
}
