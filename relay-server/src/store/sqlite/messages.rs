//! Messages as they are read: rows with what hangs on them.

use parley_shared::ids::{MessageId, RoomId};
use parley_shared::wire::{ErrorCode, Message};
use rusqlite::{Connection, Params, params};

use super::files::ATTACHMENTS;
use super::reactions;
use super::rows::{self, MESSAGE, StoredMessage};
use crate::store::StoreError;

type Result<T> = std::result::Result<T, StoreError>;

/// Messages of the table `m` that meet `condition`, which may also order and limit them.
pub(super) fn read(c: &Connection, condition: &str, values: impl Params) -> Result<Vec<Message>> {
    Ok(read_stored(c, condition, values)?.into_iter().map(|stored| stored.message).collect())
}

/// Like [`read`], for at most one.
pub(super) fn read_one(c: &Connection, condition: &str, values: impl Params) -> Result<Option<StoredMessage>> {
    Ok(read_stored(c, condition, values)?.into_iter().next())
}

/// A message of a room, `not_found` when there is none.
pub(super) fn of_room(c: &Connection, room_id: RoomId, message_id: MessageId) -> Result<StoredMessage> {
    read_one(c, "m.id = ? AND m.room_id = ?", params![message_id.as_bytes(), room_id.as_bytes()])?
        .ok_or_else(|| StoreError::refused(ErrorCode::NotFound, "There is no such message."))
}

/// The message of a place that is taken.
pub(super) fn at(c: &Connection, place: i64) -> Result<Message> {
    read_one(c, "m.place = ?", [place])?
        .map(|stored| stored.message)
        .ok_or_else(|| StoreError::Failed("a message is not where it was put".into()))
}

/// Like [`read`], without reactions.
pub(super) fn read_plain(c: &Connection, condition: &str, values: impl Params) -> Result<Vec<StoredMessage>> {
    let sql = format!("SELECT {MESSAGE}, {ATTACHMENTS} FROM messages m WHERE {condition}");
    Ok(c.prepare_cached(&sql)?.query_map(values, rows::message)?.collect::<std::result::Result<_, _>>()?)
}

fn read_stored(c: &Connection, condition: &str, values: impl Params) -> Result<Vec<StoredMessage>> {
    let mut all = read_plain(c, condition, values)?;
    for stored in all.iter_mut().filter(|stored| stored.reacted) {
        stored.message.reactions = reactions::of(c, stored.place)?;
    }
    Ok(all)
}
