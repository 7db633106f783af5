//! The SQL of the local history.

use std::path::Path;

use parley_shared::ids::{Change, ClientMessageId, MessageId, RoomId, Seq, UnixMs, UserId};
use parley_shared::wire::{Message, MessageBody, Person};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::StoreError;
use crate::core::{Cached, Pending, RoomRecord};

/// Appended to, never changed: the position is the schema's version.
const MIGRATIONS: &[&str] = &[include_str!("migrations/0001_history.sql")];

/// Messages of one page.
const PAGE: u32 = parley_shared::limits::PAGE_ITEMS_DEFAULT;

/// The local history of one account: an SQLite file that one connection uses.
#[derive(Debug)]
pub struct History {
    db: Connection,
}

impl History {
    /// Opens or makes the file and brings its schema up to date.
    ///
    /// # Errors
    /// The disk refuses, or the file was written by a later version.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let mut db = Connection::open(path)?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        // A power cut may cost the last moments of what the relay has anyway; a crash of the app costs nothing.
        db.pragma_update(None, "synchronous", "NORMAL")?;
        db.busy_timeout(std::time::Duration::from_secs(5))?;
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
        Ok(Self { db })
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

    /// Keeps the message unless what is there is as new; its words go into the index.
    pub fn save_message(&self, message: &Message) -> Result<(), StoreError> {
        let (room, seq) = (message.room_id.as_bytes(), to_sql(message.seq.0));
        let sql = "SELECT row_id, change FROM messages WHERE room_id = ?1 AND seq = ?2";
        let there: Option<(i64, i64)> = self
            .db
            .prepare_cached(sql)?
            .query_row(params![room, seq], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        if let Some((row_id, change)) = there {
            if change >= to_sql(message.change.0) {
                return Ok(());
            }
            self.db.prepare_cached("DELETE FROM message_search WHERE rowid = ?1")?.execute([row_id])?;
            self.db.prepare_cached("DELETE FROM messages WHERE row_id = ?1")?.execute([row_id])?;
        }
        let sql = "INSERT INTO messages (room_id, seq, change, id, sender_id, client_id, sent_at_ms, edited_at_ms, body) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        self.db.prepare_cached(sql)?.execute(params![
            room,
            seq,
            to_sql(message.change.0),
            message.id.as_bytes(),
            message.sender_id.as_bytes(),
            message.client_id.as_bytes(),
            message.sent_at_ms.0,
            message.edited_at_ms.map_or(0, |at| at.0),
            to_json(&message.body)?,
        ])?;
        if let MessageBody::Text { text } = &message.body {
            let row_id = self.db.last_insert_rowid();
            let sql = "INSERT INTO message_search (rowid, text, room) VALUES (?1, ?2, ?3)";
            self.db.prepare_cached(sql)?.execute(params![row_id, text, room_token(message.room_id)])?;
        }
        Ok(())
    }

    /// Up to 50 messages before a place, or the newest; none before `from`. Ascending.
    pub fn page(&self, room_id: RoomId, before: Option<Seq>, from: Seq) -> Result<Vec<Message>, StoreError> {
        let before = before.map_or(i64::MAX, |seq| to_sql(seq.0));
        let sql = "SELECT room_id, seq, change, id, sender_id, client_id, sent_at_ms, edited_at_ms, body FROM messages \
                   WHERE room_id = ?1 AND seq < ?2 AND seq >= ?3 ORDER BY seq DESC LIMIT ?4";
        let mut statement = self.db.prepare_cached(sql)?;
        let rows = statement.query_map(params![room_id.as_bytes(), before, to_sql(from.0), PAGE], read_message)?;
        let mut page = rows.collect::<Result<Vec<_>, _>>()?;
        page.reverse();
        Ok(page)
    }

    /// Other people's messages after a place.
    pub fn count_unread(&self, room_id: RoomId, after: Seq, me: UserId) -> Result<u32, StoreError> {
        let sql = "SELECT count(*) FROM messages WHERE room_id = ?1 AND seq > ?2 AND sender_id <> ?3";
        let bound = params![room_id.as_bytes(), to_sql(after.0), me.as_bytes()];
        Ok(self.db.prepare_cached(sql)?.query_row(bound, |row| row.get(0))?)
    }

    /// Messages that contain all words of the text, newest first, in one room or in all.
    pub fn search(&self, text: &str, room_id: Option<RoomId>, limit: u32) -> Result<Vec<Message>, StoreError> {
        let words: Vec<String> =
            text.split_whitespace().map(|word| format!("text:\"{}\"", word.replace('"', "\"\""))).collect();
        if words.is_empty() {
            return Ok(Vec::new());
        }
        let room = room_id.map(|id| format!(" AND room:{}", room_token(id))).unwrap_or_default();
        let sql = "SELECT room_id, seq, change, id, sender_id, client_id, sent_at_ms, edited_at_ms, body FROM messages \
                   WHERE row_id IN (SELECT rowid FROM message_search WHERE message_search MATCH ?1) \
                   ORDER BY sent_at_ms DESC, id DESC LIMIT ?2";
        let mut statement = self.db.prepare_cached(sql)?;
        let rows = statement.query_map(params![words.join(" AND ") + &room, limit], read_message)?;
        Ok(rows.collect::<Result<Vec<_>, _>>()?)
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

    pub(super) fn begin(&self) -> Result<(), StoreError> {
        Ok(self.db.execute_batch("BEGIN IMMEDIATE")?)
    }

    pub(super) fn commit(&self) -> Result<(), StoreError> {
        Ok(self.db.execute_batch("COMMIT")?)
    }

    pub(super) fn rollback(&self) {
        // Nothing is lost beyond what the failed batch held: there is no transaction when this fails too.
        let _ = self.db.execute_batch("ROLLBACK");
    }
}

fn read_message(row: &Row<'_>) -> rusqlite::Result<Message> {
    let body: String = row.get(8)?;
    let edited: i64 = row.get(7)?;
    Ok(Message {
        room_id: RoomId::from_bytes(row.get(0)?),
        seq: Seq(from_sql(row.get(1)?)),
        change: Change(from_sql(row.get(2)?)),
        id: MessageId::from_bytes(row.get(3)?),
        sender_id: UserId::from_bytes(row.get(4)?),
        client_id: ClientMessageId::from_bytes(row.get(5)?),
        sent_at_ms: UnixMs(row.get(6)?),
        edited_at_ms: (edited != 0).then_some(UnixMs(edited)),
        body: serde_json::from_str(&body).map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(8, rusqlite::types::Type::Text, Box::new(error))
        })?,
    })
}

/// A room as one word of the index.
fn room_token(room_id: RoomId) -> String {
    let hex: String = room_id.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("r{hex}")
}

fn to_json<T: serde::Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|_| StoreError::Unwritable)
}

fn to_sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn from_sql(number: i64) -> u64 {
    number.max(0).unsigned_abs()
}
