//! Messages that a room keeps at hand.

use parley_shared::ids::{MessageId, RoomId, UnixMs, UserId};
use parley_shared::limits::PINS_PER_ROOM;
use parley_shared::wire::{ErrorCode, MemberRole, Message, RoomKind};
use relay_core::work::Done;
use rusqlite::{Connection, params};

use super::chat::{changed, check_open, check_text, next_change, unchanged};
use super::views::my_role;
use super::{messages, rows};
use crate::store::StoreError;

type Result<T> = std::result::Result<T, StoreError>;

/// Both of a direct room pin, and moderators of a group. Pinning twice is pinning once.
pub(super) fn set(
    c: &Connection,
    room_id: RoomId,
    user_id: UserId,
    message_id: MessageId,
    pinned: bool,
    at: UnixMs,
) -> Result<Done> {
    let role = my_role(c, room_id, user_id)?;
    let stored = messages::of_room(c, room_id, message_id)?;
    let kind = c
        .prepare_cached("SELECT kind FROM rooms WHERE id = ?")?
        .query_row([room_id.as_bytes()], |r| rows::kind(r, 0))?;
    if kind == RoomKind::Group && role < MemberRole::Moderator {
        return Err(StoreError::refused(ErrorCode::Forbidden, "Your role in this room does not allow that."));
    }
    check_text(&stored.message)?;
    check_open(c, room_id, user_id)?;
    if stored.message.pinned_at_ms.is_some() == pinned {
        return unchanged(stored.message);
    }
    if pinned && count(c, room_id)? >= PINS_PER_ROOM {
        return Err(StoreError::refused(ErrorCode::Conflict, "This room has as many pinned messages as it can."));
    }
    let change = next_change(c, room_id)?;
    let pinned_at_ms = if pinned { at.0.max(1) } else { 0 };
    c.prepare_cached("UPDATE messages SET change = ?, pinned_at_ms = ? WHERE place = ?")?.execute(params![
        change,
        pinned_at_ms,
        stored.place
    ])?;
    changed(c, room_id, stored.place)
}

fn count(c: &Connection, room_id: RoomId) -> Result<usize> {
    Ok(c.prepare_cached("SELECT count(*) FROM messages WHERE room_id = ? AND pinned_at_ms <> 0")?
        .query_row([room_id.as_bytes()], |r| r.get(0))?)
}

/// All pinned messages, the newest pin first.
pub(super) fn list(c: &Connection, asker: UserId, room_id: RoomId) -> Result<Vec<Message>> {
    my_role(c, room_id, asker)?;
    messages::read(
        c,
        "m.room_id = ? AND m.pinned_at_ms <> 0 ORDER BY m.pinned_at_ms DESC, m.place DESC",
        [room_id.as_bytes()],
    )
}
