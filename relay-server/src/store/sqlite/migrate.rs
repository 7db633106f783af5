//! Brings a database file to the newest shape, one numbered step at a time.

use rusqlite::{Connection, ErrorCode};

/// In order, never edited once released. `user_version` counts those that were done.
const MIGRATIONS: &[&str] = &[
    include_str!("../../../migrations/sqlite/0001_base.sql"),
    include_str!("../../../migrations/sqlite/0002_call_reports.sql"),
    include_str!("../../../migrations/sqlite/0003_messages.sql"),
    include_str!("../../../migrations/sqlite/0004_files.sql"),
    include_str!("../../../migrations/sqlite/0005_tenants_guests.sql"),
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
    // A table that others refer to is made anew without them noticing; each step is checked instead.
    connection.pragma_update(None, "foreign_keys", false)?;
    let migrated = MIGRATIONS.iter().enumerate().skip(done).try_for_each(|(number, sql)| {
        take_step(connection, sql, number + 1).inspect_err(|_| {
            let _ = connection.execute_batch("ROLLBACK");
        })
    });
    connection.pragma_update(None, "foreign_keys", true)?;
    migrated
}

fn take_step(connection: &Connection, sql: &str, number: usize) -> Result<(), rusqlite::Error> {
    connection.execute_batch(&format!("BEGIN IMMEDIATE; {sql} PRAGMA user_version = {number};"))?;
    if connection.prepare("PRAGMA foreign_key_check")?.exists([])? {
        let error = rusqlite::ffi::Error { code: ErrorCode::ConstraintViolation, extended_code: 0 };
        return Err(rusqlite::Error::SqliteFailure(
            error,
            Some(format!("step {number} left rows without what they name")),
        ));
    }
    connection.execute_batch("COMMIT")
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

    #[test]
    fn people_and_what_hangs_on_them_come_from_before_there_were_tenants() {
        let c = Connection::open_in_memory().unwrap();
        c.pragma_update(None, "foreign_keys", true).unwrap();
        for sql in &MIGRATIONS[..4] {
            c.execute_batch(sql).unwrap();
        }
        c.execute_batch(
            "PRAGMA user_version = 4;
             INSERT INTO users (id, display_name, name_key, email, email_key, password_hash, role, created_at_ms, bio, deleted_at_ms)
               VALUES (x'01', 'Ada', 'ada', 'A@x', 'a@x', 'h', 'admin', 1, 'lines', 0),
                      (x'02', 'Deleted account', '', '', 'deleted 02', '', 'member', 1, '', 5),
                      (x'03', 'Deleted account', '', '', 'deleted 03', '', 'member', 1, '', 6);
             INSERT INTO user_words (word, user_id) VALUES ('ada', x'01');
             INSERT INTO devices (id, user_id, name, created_at_ms, last_used_at_ms) VALUES (x'11', x'01', 'd', 1, 1);
             INSERT INTO refresh_tokens (hash, device_id, expires_at_ms) VALUES (x'12', x'11', 9);
             INSERT INTO favourites (user_id, other_id) VALUES (x'01', x'02');
             INSERT INTO rooms (id, kind, visibility, max_members, created_at_ms) VALUES (x'21', 'group', 'public', 9, 1);
             INSERT INTO members (room_id, user_id, role, joined_at_ms) VALUES (x'21', x'01', 2, 1);
             INSERT INTO invites (id, room_id, code, created_at_ms) VALUES (x'31', x'21', 'c', 1);
             INSERT INTO messages (id, room_id, seq, change, sender_id, client_id, sent_at_ms, kind)
               VALUES (x'41', x'21', 1, 1, x'02', x'42', 1, 'text');
             INSERT INTO reactions (place, emoji_no, user_no, emoji, user_id) VALUES (1, 1, 1, 'x', x'01');
             INSERT INTO files (id, owner_id, purpose, name, declared_bytes, kept_bytes, touched_at_ms)
               VALUES (x'51', x'02', 'attachment', 'f', 1, 1, 1);",
        )
        .unwrap();
        migrate(&c).unwrap();
        let count =
            |what: &str| c.query_row(&format!("SELECT count(*) FROM {what}"), [], |r| r.get::<_, u32>(0)).unwrap();
        for (what, rows) in [
            ("users WHERE tenant_id = 1", 3),
            ("users WHERE id = x'01' AND email_key = 'a@x' AND bio = 'lines' AND role = 'admin'", 1),
            ("users WHERE email_key = ''", 2),
            ("user_words WHERE tenant_id = 1 AND word = 'ada' AND user_id = x'01'", 1),
            ("devices", 1),
            ("refresh_tokens", 1),
            ("favourites", 1),
            ("rooms WHERE tenant_id = 1 AND guests = 0", 1),
            ("members WHERE notify = 0", 1),
            ("invites", 1),
            ("messages", 1),
            ("reactions", 1),
            ("files", 1),
        ] {
            assert_eq!(count(what), rows, "{what}");
        }
        assert!(c.execute("INSERT INTO devices (id, user_id, name, created_at_ms, last_used_at_ms) VALUES (x'13', x'99', '', 1, 1)", []).is_err());
        c.execute("DELETE FROM users WHERE id = x'02'", []).unwrap_err();
        c.execute_batch("DELETE FROM messages; DELETE FROM files; DELETE FROM users;").unwrap();
        assert_eq!((count("devices"), count("favourites"), count("members"), count("user_words")), (0, 0, 0, 0));
    }

    #[test]
    fn a_step_that_leaves_loose_ends_is_not_kept() {
        let c = Connection::open_in_memory().unwrap();
        migrate(&c).unwrap();
        c.pragma_update(None, "foreign_keys", false).unwrap();
        let loose =
            "INSERT INTO devices (id, user_id, name, created_at_ms, last_used_at_ms) VALUES (x'13', x'99', '', 1, 1);";
        assert!(take_step(&c, loose, 99).is_err());
        c.execute_batch("ROLLBACK").unwrap();
        assert_eq!(c.query_row("SELECT count(*) FROM devices", [], |r| r.get::<_, u32>(0)).unwrap(), 0);
    }
}
