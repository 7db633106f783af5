//! The file of the local history: an encrypted SQLite database.

use std::path::Path;
use std::time::Duration;

use parley_shared::ids::{ClientMessageId, RoomId, UserId};
use parley_shared::wire::Person;
use rusqlite::{Connection, ErrorCode, params};
use zeroize::Zeroizing;

use super::StoreError;
use crate::core::{Cached, HistoryKey, Pending, RoomRecord};

/// Appended to, never changed: the position is the schema's version.
const MIGRATIONS: &[&str] =
    &[include_str!("migrations/0001_history.sql"), include_str!("migrations/0002_messages.sql")];

/// Pages of the file that a connection keeps decrypted.
const CACHE_KIB: i64 = 16 * 1024;

/// The local history of one account: an SQLite file that one connection uses.
#[derive(Debug)]
pub struct History {
    pub(super) db: Connection,
    /// Whose history it is.
    pub(super) me: UserId,
}

impl History {
    /// Opens or makes the file and brings its schema up to date.
    ///
    /// # Errors
    /// `Unreadable` when the file is not one of this key, or broken; the disk refuses, or the file was written by a later version.
    pub fn open(path: &Path, key: &HistoryKey, me: UserId) -> Result<Self, StoreError> {
        let mut db = connect(path, key)?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        // A power cut may cost the last moments of what the relay has anyway; a crash of the app costs nothing.
        db.pragma_update(None, "synchronous", "NORMAL")?;
        let version: usize = db.query_row("PRAGMA user_version", [], |row| row.get::<_, u32>(0))? as usize;
        if version > MIGRATIONS.len() {
            return Err(StoreError::TooNew);
        }
        for (index, migration) in MIGRATIONS.iter().enumerate().skip(version) {
            let step = db.transaction()?;
            step.execute_batch(migration)?;
            step.pragma_update(None, "user_version", u32::try_from(index + 1).unwrap_or(u32::MAX))?;
            step.commit()?;
        }
        Ok(Self { db, me })
    }

    /// Another connection to a file that is open, for reading beside long writes.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_reader(path: &Path, key: &HistoryKey, me: UserId) -> Result<Self, StoreError> {
        let db = connect(path, key)?;
        db.pragma_update(None, "query_only", true)?;
        Ok(Self { db, me })
    }

    /// Everything but the messages. Entries that this version cannot read are left out: the relay has them.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn load(&self) -> Result<Cached, StoreError> {
        Ok(Cached {
            rooms: self.all("SELECT record FROM rooms ORDER BY id")?,
            people: self.all("SELECT person FROM people ORDER BY id")?,
            outbox: self.all("SELECT pending FROM outbox ORDER BY place")?,
            lost: false,
        })
    }

    fn all<T: serde::de::DeserializeOwned>(&self, sql: &str) -> Result<Vec<T>, StoreError> {
        let mut statement = self.db.prepare_cached(sql)?;
        let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
        let mut out = Vec::new();
        for json in rows {
            if let Ok(item) = serde_json::from_str(&json?) {
                out.push(item);
            }
        }
        Ok(out)
    }

    pub fn save_room(&self, record: &RoomRecord) -> Result<(), StoreError> {
        let sql =
            "INSERT INTO rooms (id, record) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET record = excluded.record";
        self.db.prepare_cached(sql)?.execute(params![record.room.id.as_bytes(), to_json(record)?])?;
        Ok(())
    }

    /// Forgets a room and its messages.
    pub fn remove_room(&self, room_id: RoomId) -> Result<(), StoreError> {
        let id = room_id.as_bytes();
        let of_room = "SELECT row_id FROM messages WHERE room_id = ?1";
        self.db.execute(&format!("DELETE FROM message_search WHERE rowid IN ({of_room})"), [id])?;
        self.db.execute("DELETE FROM messages WHERE room_id = ?1", [id])?;
        self.db.execute("DELETE FROM rooms WHERE id = ?1", [id])?;
        Ok(())
    }

    pub fn save_person(&self, person: &Person) -> Result<(), StoreError> {
        let sql =
            "INSERT INTO people (id, person) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET person = excluded.person";
        self.db.prepare_cached(sql)?.execute(params![person.user.id.as_bytes(), to_json(person)?])?;
        Ok(())
    }

    pub fn save_outbox(&self, pending: &Pending) -> Result<(), StoreError> {
        let sql = "INSERT INTO outbox (client_id, place, pending) \
                   VALUES (?1, (SELECT coalesce(max(place), 0) + 1 FROM outbox), ?2) \
                   ON CONFLICT (client_id) DO UPDATE SET pending = excluded.pending";
        self.db.prepare_cached(sql)?.execute(params![pending.client_id.as_bytes(), to_json(pending)?])?;
        Ok(())
    }

    pub fn remove_outbox(&self, client_id: ClientMessageId) -> Result<(), StoreError> {
        self.db.prepare_cached("DELETE FROM outbox WHERE client_id = ?1")?.execute([client_id.as_bytes()])?;
        Ok(())
    }

    /// Begins a batch that [`Self::commit`] writes at once.
    ///
    /// # Errors
    /// The database refuses.
    pub fn begin(&self) -> Result<(), StoreError> {
        Ok(self.db.execute_batch("BEGIN IMMEDIATE")?)
    }

    /// # Errors
    /// The database refuses; the batch is still open.
    pub fn commit(&self) -> Result<(), StoreError> {
        Ok(self.db.execute_batch("COMMIT")?)
    }

    pub(super) fn rollback(&self) {
        // Nothing is lost beyond what the failed batch held: there is no transaction when this fails too.
        let _ = self.db.execute_batch("ROLLBACK");
    }
}

/// A connection that reads and writes with this key.
fn connect(path: &Path, key: &HistoryKey) -> Result<Connection, StoreError> {
    let db = Connection::open(path)?;
    // The key itself, not a passphrase: nothing is computed from it that takes time.
    // What goes wrong comes back as errors; the library would also write it to the terminal.
    let pragma =
        Zeroizing::new(format!("PRAGMA cipher_log_level = NONE; PRAGMA key = \"x'{}'\"", key.to_hex().as_str()));
    db.execute_batch(&pragma)?;
    let readable = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0));
    if let Err(error) = readable {
        return Err(match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => StoreError::Unreadable,
            _ => error.into(),
        });
    }
    db.busy_timeout(Duration::from_secs(5))?;
    db.pragma_update(None, "cache_size", -CACHE_KIB)?;
    // Built with STAT4, SQLite would prepare a statement anew for every value that is bound to a range.
    db.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(db)
}

pub(super) fn to_json<T: serde::Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|_| StoreError::Unwritable)
}

pub(super) fn to_sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn from_sql(number: i64) -> u64 {
    number.max(0).unsigned_abs()
}
