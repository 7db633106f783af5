//! The history of version 1 was not encrypted: it is taken over once, whole, and then removed.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;

use parley_shared::ids::{Change, ClientMessageId, MessageId, RoomId, Seq, UnixMs, UserId};
use parley_shared::wire::{Message, MessageBody};
use rusqlite::{Connection, Row};

use super::history::{History, from_sql};
use super::{StoreError, remove_database};
use crate::core::HistoryKey;

/// Every plain SQLite file begins with it, and no encrypted one.
const PLAIN: &[u8; 16] = b"SQLite format 3\0";
const TABLES: [(&str, &str, &str); 3] = [
    ("rooms", "id, record", "?1, ?2"),
    ("people", "id, person", "?1, ?2"),
    ("outbox", "client_id, place, pending", "?1, ?2, ?3"),
];

/// Encrypts what is there in plain. Broken off at any point, it begins again at the next start: the plain file goes last.
///
/// # Errors
/// The disk refuses.
pub(super) fn encrypt(path: &Path, key: &HistoryKey, me: UserId) -> Result<(), StoreError> {
    if !is_plain(path)? {
        return Ok(());
    }
    let beside = path.with_extension("new");
    remove_database(&beside)?;
    copy(&Connection::open(path)?, &History::open(&beside, key, me)?)?;
    remove_database(path)?;
    fs::rename(&beside, path)?;
    Ok(())
}

fn copy(plain: &Connection, history: &History) -> Result<(), StoreError> {
    history.begin()?;
    for (table, columns, places) in TABLES {
        let mut all = plain.prepare(&format!("SELECT {columns} FROM {table}"))?;
        let mut insert = history.db.prepare(&format!("INSERT INTO {table} ({columns}) VALUES ({places})"))?;
        let mut rows = all.query([])?;
        while let Some(row) = rows.next()? {
            let values = (0..row.as_ref().column_count())
                .map(|column| row.get::<_, rusqlite::types::Value>(column))
                .collect::<Result<Vec<_>, _>>()?;
            insert.execute(rusqlite::params_from_iter(values))?;
        }
    }
    let sql = "SELECT room_id, seq, change, id, sender_id, client_id, sent_at_ms, edited_at_ms, body FROM messages";
    let mut all = plain.prepare(sql)?;
    let mut rows = all.query([])?;
    while let Some(row) = rows.next()? {
        // What version 1 cannot have written is left out; the relay has it.
        if let Ok(message) = read_message(row) {
            history.save_message(&message, &BTreeMap::new())?;
        }
    }
    history.commit()
}

fn is_plain(path: &Path) -> Result<bool, StoreError> {
    let mut begin = [0; PLAIN.len()];
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    Ok(file.take(PLAIN.len() as u64).read(&mut begin)? == PLAIN.len() && begin == *PLAIN)
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
        reply_to: None,
        thread_id: None,
        thread: None,
        reactions: Vec::new(),
        pinned_at_ms: None,
        body: serde_json::from_str::<MessageBody>(&body).map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(8, rusqlite::types::Type::Text, Box::new(error))
        })?,
    })
}
