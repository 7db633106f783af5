//! Messages: sending, editing, deleting.

use std::sync::Arc;

use parley_shared::ids::{MessageId, RoomId, UnixMs, UserId};
use parley_shared::limits::VERSIONS_PER_MESSAGE;
use parley_shared::wire::{ErrorCode, MemberRole, Message, MessageBody, RoomKind, WireError};
use relay_core::text;
use relay_core::work::{Done, NewMessage};
use rusqlite::{Connection, params};

use super::mentions::Standing;
use super::people::has_blocked;
use super::rows::{self, StoredMessage};
use super::views::{self, my_role, no_room};
use super::{files, mentions, messages, reactions, words};
use crate::store::StoreError;

type Result<T> = std::result::Result<T, StoreError>;

pub(super) fn send(c: &Connection, new: &NewMessage) -> Result<Done> {
    if let Some(message) = by_client_id(c, new)? {
        if message.room_id != new.room_id {
            return Err(StoreError::refused(ErrorCode::Conflict, "This client_id was used in another room."));
        }
        my_role(c, new.room_id, new.sender_id)?;
        return Ok(Done::Stored { message: Box::new(message), root: None, members: Arc::from([]), fresh: false });
    }
    my_role(c, new.room_id, new.sender_id)?;
    check_open(c, new.room_id, new.sender_id)?;
    check_reply(c, new)?;
    let root = thread_root(c, new)?;
    let place = next_place(c, new.room_id, new.at)?;
    c.prepare_cached(
        "INSERT INTO messages (id, room_id, seq, change, sender_id, client_id, sent_at_ms, kind, text, reply_to, thread_id)
         VALUES (?, ?, ?, ?, ?, ?, ?, 'text', ?, ?, ?)",
    )?
    .execute(params![
        new.id.as_bytes(),
        new.room_id.as_bytes(),
        place.seq,
        place.change,
        new.sender_id.as_bytes(),
        new.client_id.as_bytes(),
        place.sent_at_ms,
        new.text,
        id_or_empty(new.reply_to.as_ref()),
        id_or_empty(new.thread_id.as_ref()),
    ])?;
    let row = c.last_insert_rowid();
    files::use_in_message(c, new.sender_id, row, &new.attachments)?;
    let message = messages::at(c, row)?;
    note(c, row, &message)?;
    let root = root.map(|root| grow_thread(c, &root, place.sent_at_ms)).transpose()?;
    Ok(Done::Stored {
        message: Box::new(message),
        root: root.map(Box::new),
        members: members(c, new.room_id)?,
        fresh: true,
    })
}

fn id_or_empty(id: Option<&MessageId>) -> &[u8] {
    id.map_or(&[], |id| id.as_bytes())
}

fn check_reply(c: &Connection, new: &NewMessage) -> Result<()> {
    let Some(reply_to) = new.reply_to else { return Ok(()) };
    let known: bool = c
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM messages WHERE id = ? AND room_id = ?)")?
        .query_row(params![reply_to.as_bytes(), new.room_id.as_bytes()], |r| r.get(0))?;
    if known { Ok(()) } else { Err(wrong("reply_to", "It answers no message of this room.")) }
}

/// The first message of the thread that a message goes into: a text in the room's own flow.
fn thread_root(c: &Connection, new: &NewMessage) -> Result<Option<StoredMessage>> {
    let Some(thread_id) = new.thread_id else { return Ok(None) };
    let values = params![thread_id.as_bytes(), new.room_id.as_bytes()];
    let root = messages::read_one(c, "m.id = ? AND m.room_id = ? AND m.kind = 'text' AND m.thread_id = x''", values)?;
    root.map(Some).ok_or_else(|| wrong("thread_id", "No thread can begin there."))
}

fn grow_thread(c: &Connection, root: &StoredMessage, sent_at_ms: i64) -> Result<Message> {
    let change = next_change(c, root.message.room_id)?;
    c.prepare_cached("UPDATE messages SET replies = replies + 1, last_reply_at_ms = ?, change = ? WHERE place = ?")?
        .execute(params![sent_at_ms, change, root.place])?;
    messages::at(c, root.place)
}

fn wrong(field: &str, sentence: &str) -> StoreError {
    StoreError::Refused(WireError::field(field, sentence))
}

/// Where a new message goes. Times never run backwards within a room, whatever the clock does: history is searched by them.
pub(super) struct Place {
    pub seq: u64,
    pub change: u64,
    pub sent_at_ms: i64,
}

pub(super) fn next_place(c: &Connection, room_id: RoomId, at: UnixMs) -> Result<Place> {
    Ok(c.prepare_cached(
        "UPDATE rooms SET last_seq = last_seq + 1, last_change = last_change + 1,
           last_sent_at_ms = max(last_sent_at_ms, ?2)
         WHERE id = ?1 RETURNING last_seq, last_change, last_sent_at_ms",
    )?
    .query_row(params![room_id.as_bytes(), at.0], |r| {
        Ok(Place { seq: r.get(0)?, change: r.get(1)?, sent_at_ms: r.get(2)? })
    })?)
}

pub(super) fn next_change(c: &Connection, room_id: RoomId) -> Result<u64> {
    Ok(c.prepare_cached("UPDATE rooms SET last_change = last_change + 1 WHERE id = ? RETURNING last_change")?
        .query_row([room_id.as_bytes()], |r| r.get(0))?)
}

pub(super) fn members(c: &Connection, room_id: RoomId) -> Result<Arc<[UserId]>> {
    Ok(views::member_ids(c, room_id)?.into())
}

fn by_client_id(c: &Connection, new: &NewMessage) -> Result<Option<Message>> {
    let values = params![new.sender_id.as_bytes(), new.client_id.as_bytes()];
    Ok(messages::read_one(c, "m.sender_id = ? AND m.client_id = ?", values)?.map(|stored| stored.message))
}

/// Whether the room takes what this member writes: it is not archived, and no block stands between the two of a direct room.
pub(super) fn check_open(c: &Connection, room_id: RoomId, sender: UserId) -> Result<()> {
    let (kind, archived): (RoomKind, bool) = c
        .prepare_cached("SELECT kind, archived FROM rooms WHERE id = ?")?
        .query_row([room_id.as_bytes()], |r| Ok((rows::kind(r, 0)?, r.get(1)?)))?;
    if archived {
        return Err(StoreError::refused(ErrorCode::Conflict, "This room is archived."));
    }
    match kind {
        RoomKind::Group => Ok(()),
        RoomKind::Direct => {
            for other in views::member_ids(c, room_id)?.into_iter().filter(|id| *id != sender) {
                if has_blocked(c, other, sender)? {
                    return Err(no_room());
                }
                if has_blocked(c, sender, other)? {
                    return Err(StoreError::refused(ErrorCode::Forbidden, "You have blocked this person."));
                }
            }
            Ok(())
        }
    }
}

/// # Errors
/// `conflict` for what has nothing to react to, to pin or to edit.
pub(super) fn check_text(message: &Message) -> Result<()> {
    match &message.body {
        MessageBody::Text { .. } => Ok(()),
        MessageBody::Deleted | MessageBody::Call { .. } => {
            Err(StoreError::refused(ErrorCode::Conflict, "This message has no text."))
        }
    }
}

/// What a message is found by, and who is told that it mentions them.
fn note(c: &Connection, place: i64, message: &Message) -> Result<()> {
    words::index(c, place, message)?;
    match &message.body {
        MessageBody::Text { text, .. } => {
            let (room_id, seq, sender_id) = (message.room_id, message.seq, message.sender_id);
            mentions::note(c, &Standing { place, room_id, seq, sender_id }, text)
        }
        MessageBody::Deleted | MessageBody::Call { .. } => Ok(()),
    }
}

fn unnote(c: &Connection, place: i64) -> Result<()> {
    words::unindex(c, place)?;
    mentions::forget(c, place)
}

pub(super) fn edit(
    c: &Connection,
    room_id: RoomId,
    user_id: UserId,
    message_id: MessageId,
    text: &str,
    at: UnixMs,
) -> Result<Done> {
    my_role(c, room_id, user_id)?;
    let StoredMessage { place, message, .. } = messages::of_room(c, room_id, message_id)?;
    if message.sender_id != user_id {
        return Err(StoreError::refused(ErrorCode::Forbidden, "Only its sender may edit a message."));
    }
    check_text(&message)?;
    match &message.body {
        MessageBody::Text { text: old, .. } if old == text => return unchanged(message),
        MessageBody::Text { attachments, .. } if text.is_empty() && attachments.is_empty() => {
            return Err(StoreError::Refused(text::no_text()));
        }
        MessageBody::Text { text: old, .. } => {
            check_open(c, room_id, user_id)?;
            keep_version(c, place, old, message.edited_at_ms.unwrap_or(message.sent_at_ms))?;
        }
        MessageBody::Deleted | MessageBody::Call { .. } => {}
    }
    let change = next_change(c, room_id)?;
    c.prepare_cached("UPDATE messages SET text = ?, change = ?, edited_at_ms = ? WHERE place = ?")?
        .execute(params![text, change, at.0.max(1), place])?;
    unnote(c, place)?;
    note(c, place, &messages::at(c, place)?)?;
    changed(c, room_id, place)
}

/// Beyond [`VERSIONS_PER_MESSAGE`] the oldest goes.
fn keep_version(c: &Connection, place: i64, text: &str, at: UnixMs) -> Result<()> {
    c.prepare_cached(
        "INSERT INTO message_versions (place, number, at_ms, text)
         SELECT ?1, 1 + coalesce(max(number), 0), ?2, ?3 FROM message_versions WHERE place = ?1",
    )?
    .execute(params![place, at.0, text])?;
    c.prepare_cached(
        "DELETE FROM message_versions WHERE place = ?1
           AND number <= (SELECT max(number) FROM message_versions WHERE place = ?1) - ?2",
    )?
    .execute(params![place, VERSIONS_PER_MESSAGE])?;
    Ok(())
}

/// Senders delete their own messages, moderators any. Deleting twice is deleting once. Its place in a thread remains.
pub(super) fn delete(
    c: &Connection,
    room_id: RoomId,
    user_id: UserId,
    message_id: MessageId,
    at: UnixMs,
) -> Result<Done> {
    let role = my_role(c, room_id, user_id)?;
    let StoredMessage { place, message, .. } = messages::of_room(c, room_id, message_id)?;
    match &message.body {
        MessageBody::Deleted => return unchanged(message),
        MessageBody::Call { .. } => {
            return Err(StoreError::refused(ErrorCode::Forbidden, "The record of a call cannot be deleted."));
        }
        MessageBody::Text { .. } => {}
    }
    if message.sender_id != user_id && role < MemberRole::Moderator {
        return Err(StoreError::refused(ErrorCode::Forbidden, "Only its sender or a moderator may delete a message."));
    }
    let change = next_change(c, room_id)?;
    c.prepare_cached(
        "UPDATE messages SET kind = 'deleted', text = '', change = ?, edited_at_ms = ?, pinned_at_ms = 0, reacted = 0
         WHERE place = ?",
    )?
    .execute(params![change, at.0.max(1), place])?;
    c.prepare_cached("DELETE FROM message_versions WHERE place = ?")?.execute([place])?;
    reactions::remove(c, place)?;
    files::free_message(c, place)?;
    unnote(c, place)?;
    changed(c, room_id, place)
}

pub(super) fn unchanged(message: Message) -> Result<Done> {
    Ok(Done::Changed { message: Box::new(message), members: Arc::from([]), fresh: false })
}

pub(super) fn changed(c: &Connection, room_id: RoomId, place: i64) -> Result<Done> {
    Ok(Done::Changed { message: Box::new(messages::at(c, place)?), members: members(c, room_id)?, fresh: true })
}

#[cfg(test)]
#[path = "chat_tests.rs"]
mod tests;
