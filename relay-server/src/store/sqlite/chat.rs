//! Messages: sending, editing, deleting, receipts, history.

use std::sync::Arc;

use parley_shared::ids::{Change, MessageId, RoomId, Seq, UnixMs, UserId};
use parley_shared::limits::{PAGE_ITEMS, PAGE_ITEMS_DEFAULT};
use parley_shared::wire::{
    ChangesPage, ErrorCode, HistoryPage, HistoryQuery, MemberRole, Message, MessageBody, RoomKind,
};
use relay_core::work::{Done, NewMessage};
use rusqlite::{Connection, OptionalExtension, params};

use super::people::has_blocked;
use super::rows::{self, MESSAGE};
use super::views::{self, my_role, no_room};
use crate::store::StoreError;

type Result<T> = std::result::Result<T, StoreError>;

pub(super) fn send(c: &Connection, new: &NewMessage) -> Result<Done> {
    if let Some(message) = by_client_id(c, new)? {
        if message.room_id != new.room_id {
            return Err(StoreError::refused(ErrorCode::Conflict, "This client_id was used in another room."));
        }
        my_role(c, new.room_id, new.sender_id)?;
        return Ok(Done::Stored { message: Box::new(message), members: Arc::from([]), fresh: false });
    }
    my_role(c, new.room_id, new.sender_id)?;
    check_open(c, new.room_id, new.sender_id)?;
    let place = next_place(c, new.room_id, new.at)?;
    c.prepare_cached(
        "INSERT INTO messages (id, room_id, seq, change, sender_id, client_id, sent_at_ms, kind, text)
         VALUES (?, ?, ?, ?, ?, ?, ?, 'text', ?)",
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
    ])?;
    index(c, c.last_insert_rowid(), new.room_id, &new.text)?;
    Ok(Done::Stored {
        message: Box::new(Message {
            id: new.id,
            room_id: new.room_id,
            seq: Seq(place.seq),
            change: Change(place.change),
            sender_id: new.sender_id,
            client_id: new.client_id,
            sent_at_ms: UnixMs(place.sent_at_ms),
            edited_at_ms: None,
            body: MessageBody::Text { text: new.text.clone() },
        }),
        members: members(c, new.room_id)?,
        fresh: true,
    })
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

fn next_change(c: &Connection, room_id: RoomId) -> Result<u64> {
    Ok(c.prepare_cached("UPDATE rooms SET last_change = last_change + 1 WHERE id = ? RETURNING last_change")?
        .query_row([room_id.as_bytes()], |r| r.get(0))?)
}

pub(super) fn members(c: &Connection, room_id: RoomId) -> Result<Arc<[UserId]>> {
    Ok(views::member_ids(c, room_id)?.into())
}

fn by_client_id(c: &Connection, new: &NewMessage) -> Result<Option<Message>> {
    let sql = format!("SELECT {MESSAGE} FROM messages m WHERE m.sender_id = ? AND m.client_id = ?");
    Ok(c.prepare_cached(&sql)?
        .query_row(params![new.sender_id.as_bytes(), new.client_id.as_bytes()], rows::message)
        .optional()?)
}

/// Whether the room takes messages of this member: it is not archived, and no block stands between the two of a direct room.
fn check_open(c: &Connection, room_id: RoomId, sender: UserId) -> Result<()> {
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

/// The room as a token of the index.
fn room_token(room_id: RoomId) -> String {
    use std::fmt::Write as _;
    room_id.as_bytes().iter().fold(String::from("r"), |mut token, byte| {
        let _ = write!(token, "{byte:02x}");
        token
    })
}

fn index(c: &Connection, place: i64, room_id: RoomId, text: &str) -> Result<()> {
    c.prepare_cached("INSERT INTO message_words (rowid, room, text) VALUES (?, ?, ?)")?.execute(params![
        place,
        room_token(room_id),
        text
    ])?;
    Ok(())
}

fn unindex(c: &Connection, place: i64) -> Result<()> {
    c.prepare_cached("DELETE FROM message_words WHERE rowid = ?")?.execute([place])?;
    Ok(())
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
    let (place, message) = stored(c, room_id, message_id)?;
    if message.sender_id != user_id {
        return Err(StoreError::refused(ErrorCode::Forbidden, "Only its sender may edit a message."));
    }
    match &message.body {
        MessageBody::Text { text: old } if old == text => return unchanged(message),
        MessageBody::Text { .. } => {}
        MessageBody::Deleted | MessageBody::Call { .. } => {
            return Err(StoreError::refused(ErrorCode::Conflict, "This message has no text to edit."));
        }
    }
    check_open(c, room_id, user_id)?;
    let change = next_change(c, room_id)?;
    c.prepare_cached("UPDATE messages SET text = ?, change = ?, edited_at_ms = ? WHERE place = ?")?
        .execute(params![text, change, at.0.max(1), place])?;
    unindex(c, place)?;
    index(c, place, room_id, text)?;
    changed(c, room_id, message_id)
}

/// Senders delete their own messages, moderators any. Deleting twice is deleting once.
pub(super) fn delete(
    c: &Connection,
    room_id: RoomId,
    user_id: UserId,
    message_id: MessageId,
    at: UnixMs,
) -> Result<Done> {
    let role = my_role(c, room_id, user_id)?;
    let (place, message) = stored(c, room_id, message_id)?;
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
    c.prepare_cached("UPDATE messages SET kind = 'deleted', text = '', change = ?, edited_at_ms = ? WHERE place = ?")?
        .execute(params![change, at.0.max(1), place])?;
    unindex(c, place)?;
    changed(c, room_id, message_id)
}

fn stored(c: &Connection, room_id: RoomId, message_id: MessageId) -> Result<(i64, Message)> {
    let sql = format!("SELECT {MESSAGE}, m.place FROM messages m WHERE m.id = ? AND m.room_id = ?");
    c.prepare_cached(&sql)?
        .query_row(params![message_id.as_bytes(), room_id.as_bytes()], |r| Ok((r.get("place")?, rows::message(r)?)))
        .optional()?
        .ok_or_else(|| StoreError::refused(ErrorCode::NotFound, "There is no such message."))
}

fn unchanged(message: Message) -> Result<Done> {
    Ok(Done::Changed { message: Box::new(message), members: Arc::from([]), fresh: false })
}

fn changed(c: &Connection, room_id: RoomId, message_id: MessageId) -> Result<Done> {
    let (_, message) = stored(c, room_id, message_id)?;
    Ok(Done::Changed { message: Box::new(message), members: members(c, room_id)?, fresh: true })
}

/// Receipts only grow, and never beyond the newest message.
pub(super) fn mark(
    c: &Connection,
    room_id: RoomId,
    user_id: UserId,
    delivered: Seq,
    read: Option<Seq>,
) -> Result<Done> {
    my_role(c, room_id, user_id)?;
    let grown = c
        .prepare_cached(
            "UPDATE members SET
               delivered_seq = max(delivered_seq, min(?3, (SELECT last_seq FROM rooms WHERE id = ?1))),
               read_seq = max(read_seq, min(?4, (SELECT last_seq FROM rooms WHERE id = ?1)))
             WHERE room_id = ?1 AND user_id = ?2
               AND (delivered_seq < min(?3, (SELECT last_seq FROM rooms WHERE id = ?1))
                 OR read_seq < min(?4, (SELECT last_seq FROM rooms WHERE id = ?1)))",
        )?
        .execute(params![room_id.as_bytes(), user_id.as_bytes(), place(delivered), read.map_or(0, place),])?;
    let (delivered, read) = c
        .prepare_cached("SELECT delivered_seq, read_seq FROM members WHERE room_id = ? AND user_id = ?")?
        .query_row(params![room_id.as_bytes(), user_id.as_bytes()], |r| Ok((Seq(r.get(0)?), Seq(r.get(1)?))))?;
    let fresh = grown > 0;
    let members = if fresh { members(c, room_id)? } else { Arc::from([]) };
    Ok(Done::Marked { delivered, read, members, fresh })
}

pub(super) fn history(c: &Connection, asker: UserId, room_id: RoomId, query: HistoryQuery) -> Result<HistoryPage> {
    my_role(c, room_id, asker)?;
    let limit = i64::from(query.limit.unwrap_or(PAGE_ITEMS_DEFAULT).clamp(1, PAGE_ITEMS));
    let last: i64 =
        c.prepare_cached("SELECT last_seq FROM rooms WHERE id = ?")?.query_row([room_id.as_bytes()], |r| r.get(0))?;
    let from = match (query.before, query.after, query.at_ms) {
        (_, Some(after), _) => place(after).saturating_add(1),
        (Some(before), None, _) => place(before).min(last + 1) - limit,
        (None, None, Some(at)) => first_at(c, room_id, at, last)?,
        (None, None, None) => last + 1 - limit,
    };
    let end = match query.before {
        Some(before) if query.after.is_none() => place(before).min(last + 1),
        Some(_) | None => from.saturating_add(limit).min(last + 1),
    };
    let sql =
        format!("SELECT {MESSAGE} FROM messages m WHERE m.room_id = ? AND m.seq >= ? AND m.seq < ? ORDER BY m.seq");
    let messages: Vec<Message> = c
        .prepare_cached(&sql)?
        .query_map(params![room_id.as_bytes(), from.max(1), end], rows::message)?
        .collect::<std::result::Result<_, _>>()?;
    Ok(HistoryPage { has_before: from > 1 && last > 0, has_after: end <= last, messages })
}

/// The first message at or after a time, by halving: places have no gaps and times do not run backwards.
fn first_at(c: &Connection, room_id: RoomId, at: UnixMs, last: i64) -> Result<i64> {
    let mut sent = c.prepare_cached("SELECT sent_at_ms FROM messages WHERE room_id = ? AND seq = ?")?;
    let (mut low, mut high) = (1, last + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let sent_at: i64 = sent.query_row(params![room_id.as_bytes(), middle], |r| r.get(0))?;
        if sent_at < at.0 {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

pub(super) fn changes(c: &Connection, asker: UserId, room_id: RoomId, after: u64, limit: u32) -> Result<ChangesPage> {
    my_role(c, room_id, asker)?;
    let sql =
        format!("SELECT {MESSAGE} FROM messages m WHERE m.room_id = ? AND m.change > ? ORDER BY m.change LIMIT ?");
    let mut messages: Vec<Message> = c
        .prepare_cached(&sql)?
        .query_map(params![room_id.as_bytes(), place(Seq(after)), limit + 1], rows::message)?
        .collect::<std::result::Result<_, _>>()?;
    let has_more = messages.len() > limit as usize;
    messages.truncate(limit as usize);
    Ok(ChangesPage { messages, has_more })
}

/// A place as SQL counts.
fn place(seq: Seq) -> i64 {
    i64::try_from(seq.0).unwrap_or(i64::MAX - 1)
}

#[cfg(test)]
#[path = "chat_tests.rs"]
mod tests;
