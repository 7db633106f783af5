//! A room's messages: pages, changes, threads, earlier texts.

use parley_shared::ids::{MessageId, RoomId, Seq, UnixMs, UserId};
use parley_shared::limits::{PAGE_ITEMS, PAGE_ITEMS_DEFAULT};
use parley_shared::wire::{ChangesPage, HistoryPage, HistoryQuery, Message, MessageBody, MessageVersion, ThreadPage};
use rusqlite::{Connection, params};

use super::messages;
use super::rows::StoredMessage;
use super::views::my_role;
use crate::store::StoreError;

type Result<T> = std::result::Result<T, StoreError>;

pub(super) fn history(c: &Connection, asker: UserId, room_id: RoomId, query: HistoryQuery) -> Result<HistoryPage> {
    my_role(c, room_id, asker)?;
    let limit = i64::from(query.limit.unwrap_or(PAGE_ITEMS_DEFAULT).clamp(1, PAGE_ITEMS));
    let last: i64 =
        c.prepare_cached("SELECT last_seq FROM rooms WHERE id = ?")?.query_row([room_id.as_bytes()], |r| r.get(0))?;
    let (from, end) = match query {
        HistoryQuery { after: Some(after), .. } => {
            let from = place(after).saturating_add(1);
            (from, from.saturating_add(limit))
        }
        HistoryQuery { before: Some(before), .. } => {
            let end = place(before).min(last + 1);
            (end - limit, end)
        }
        HistoryQuery { around: Some(around), .. } => {
            // A whole page also at either end of the room.
            let from = (place(around).min(last) - limit / 2).min(last + 1 - limit).max(1);
            (from, from + limit)
        }
        HistoryQuery { at_ms: Some(at), .. } => {
            let from = first_at(c, room_id, at, last)?;
            (from, from + limit)
        }
        HistoryQuery { .. } => (last + 1 - limit, last + 1),
    };
    let end = end.min(last + 1);
    let values = params![room_id.as_bytes(), from.max(1), end];
    let messages = messages::read(c, "m.room_id = ? AND m.seq >= ? AND m.seq < ? ORDER BY m.seq", values)?;
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
    let values = params![room_id.as_bytes(), place(Seq(after)), limit + 1];
    let mut messages = messages::read(c, "m.room_id = ? AND m.change > ? ORDER BY m.change LIMIT ?", values)?;
    let has_more = messages.len() > limit as usize;
    messages.truncate(limit as usize);
    Ok(ChangesPage { messages, has_more })
}

/// A place as SQL counts.
pub(super) fn place(seq: Seq) -> i64 {
    i64::try_from(seq.0).unwrap_or(i64::MAX - 1)
}

pub(super) fn message(c: &Connection, asker: UserId, room_id: RoomId, message_id: MessageId) -> Result<Message> {
    my_role(c, room_id, asker)?;
    Ok(messages::of_room(c, room_id, message_id)?.message)
}

pub(super) fn versions(
    c: &Connection,
    asker: UserId,
    room_id: RoomId,
    message_id: MessageId,
) -> Result<Vec<MessageVersion>> {
    my_role(c, room_id, asker)?;
    let StoredMessage { place, message, .. } = messages::of_room(c, room_id, message_id)?;
    let MessageBody::Text { text, .. } = message.body else { return Ok(Vec::new()) };
    let mut versions = vec![MessageVersion { text, at_ms: message.edited_at_ms.unwrap_or(message.sent_at_ms) }];
    let mut earlier =
        c.prepare_cached("SELECT text, at_ms FROM message_versions WHERE place = ? ORDER BY number DESC")?;
    for version in earlier.query_map([place], |r| Ok(MessageVersion { text: r.get(0)?, at_ms: UnixMs(r.get(1)?) }))? {
        versions.push(version?);
    }
    Ok(versions)
}

pub(super) fn thread(
    c: &Connection,
    asker: UserId,
    room_id: RoomId,
    root: MessageId,
    after: Seq,
    limit: u32,
) -> Result<ThreadPage> {
    let root = message(c, asker, room_id, root)?;
    let values = params![root.id.as_bytes(), place(after), limit + 1];
    let condition = "m.thread_id = ? AND m.thread_id <> x'' AND m.seq > ? ORDER BY m.seq LIMIT ?";
    let mut messages = messages::read(c, condition, values)?;
    let has_more = messages.len() > limit as usize;
    messages.truncate(limit as usize);
    Ok(ThreadPage { root, messages, has_more })
}
