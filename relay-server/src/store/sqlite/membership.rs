//! Members of rooms: coming in, what each may and wants, leaving.

use parley_shared::ids::{RoomId, UnixMs, UserId};
use parley_shared::limits::{ROOM_MEMBERS, ROOMS_PER_USER};
use parley_shared::wire::{ErrorCode, MemberRole, NotifyLevel, Role, Room, RoomKind, Visibility};
use rusqlite::{Connection, OptionalExtension, params};

use super::guests;
use super::people::{either_blocked, has_blocked, nobody};
use super::rooms::discard;
use super::rows::{self, member_role_number};
use super::tenants::standing;
use super::views::{self, my_role, no_room};
use crate::store::{Left, StoreError};

type Result<T> = std::result::Result<T, StoreError>;

pub(super) fn join(c: &Connection, asker: UserId, room_id: RoomId, at: UnixMs) -> Result<Room> {
    let me = standing(c, asker)?;
    if me.role == Role::Guest {
        return Err(StoreError::refused(ErrorCode::Forbidden, "Guests join by invite."));
    }
    let visibility = c
        .prepare_cached("SELECT visibility FROM rooms WHERE id = ? AND tenant_id = ? AND deleted = 0")?
        .query_row(params![room_id.as_bytes(), me.tenant.0], |r| rows::visibility(r, 0))
        .optional()?;
    match visibility {
        Some(Visibility::Public) => enter(c, asker, room_id, at),
        // Members may ask again; for others a private room is not there.
        Some(Visibility::Private) | None => views::room(c, asker, room_id),
    }
}

/// Makes the person a member, if there is space.
pub(super) fn enter(c: &Connection, user_id: UserId, room_id: RoomId, at: UnixMs) -> Result<Room> {
    insert_member(c, room_id, user_id, MemberRole::Member, at)?;
    check_space(c, room_id)?;
    views::room(c, user_id, room_id)
}

pub(super) fn add_members(
    c: &Connection,
    asker: UserId,
    room_id: RoomId,
    members: &[UserId],
    at: UnixMs,
) -> Result<Room> {
    require(c, room_id, asker, MemberRole::Moderator)?;
    for member in members {
        check_person(c, asker, *member, RoomKind::Group)?;
        guests::check_room(c, room_id, *member)?;
        insert_member(c, room_id, *member, MemberRole::Member, at)?;
    }
    check_space(c, room_id)?;
    views::room(c, asker, room_id)
}

pub(super) fn remove_member(c: &Connection, asker: UserId, room_id: RoomId, user_id: UserId) -> Result<Left> {
    let role = require(c, room_id, asker, if asker == user_id { MemberRole::Member } else { MemberRole::Moderator })?;
    if asker != user_id {
        let theirs = my_role(c, room_id, user_id).map_err(|_| nobody())?;
        if theirs >= role {
            return Err(StoreError::refused(ErrorCode::Forbidden, "They may as much as you in this room."));
        }
    }
    leave(c, room_id, user_id)
}

/// The last to leave takes the room along. Guests do not count: nobody could look after them.
pub(super) fn leave(c: &Connection, room_id: RoomId, user_id: UserId) -> Result<Left> {
    remove_row(c, room_id, user_id)?;
    let guests = guests::of_room(c, room_id)?;
    if member_count(c, room_id)? == guests.len() as u64 {
        discard(c, room_id)?;
        return Ok(Left::RoomGone { guests });
    }
    ensure_owner(c, room_id)?;
    Ok(Left::Member)
}

/// One of the two of a direct room deleted their account: the other may read on. True when there is no other, and the room is gone.
pub(super) fn close_direct(c: &Connection, room_id: RoomId) -> Result<bool> {
    let readers: u32 = c
        .prepare_cached(
            "SELECT count(*) FROM members m JOIN users u ON u.id = m.user_id WHERE m.room_id = ? AND u.deleted_at_ms = 0",
        )?
        .query_row([room_id.as_bytes()], |r| r.get(0))?;
    if readers == 0 {
        discard(c, room_id)?;
    } else {
        c.prepare_cached("UPDATE rooms SET archived = 1 WHERE id = ?")?.execute([room_id.as_bytes()])?;
    }
    Ok(readers == 0)
}

pub(super) fn change_member(
    c: &Connection,
    asker: UserId,
    room_id: RoomId,
    user_id: UserId,
    role: MemberRole,
) -> Result<Room> {
    require(c, room_id, asker, MemberRole::Owner)?;
    my_role(c, room_id, user_id).map_err(|_| nobody())?;
    if role > MemberRole::Member && guests::is_guest(c, user_id)? {
        return Err(StoreError::refused(ErrorCode::Conflict, "A guest cannot look after a room."));
    }
    c.prepare_cached("UPDATE members SET role = ? WHERE room_id = ? AND user_id = ?")?.execute(params![
        member_role_number(role),
        room_id.as_bytes(),
        user_id.as_bytes()
    ])?;
    let owners: u32 = c
        .prepare_cached("SELECT count(*) FROM members WHERE room_id = ? AND role = 2")?
        .query_row([room_id.as_bytes()], |r| r.get(0))?;
    if owners == 0 {
        return Err(StoreError::refused(ErrorCode::Conflict, "A room needs an owner. Make somebody else one first."));
    }
    views::room(c, asker, room_id)
}

pub(super) fn set_notify(c: &Connection, asker: UserId, room_id: RoomId, level: NotifyLevel) -> Result<Room> {
    my_role(c, room_id, asker)?;
    c.prepare_cached("UPDATE members SET notify = ? WHERE room_id = ? AND user_id = ?")?.execute(params![
        rows::notify_number(level),
        room_id.as_bytes(),
        asker.as_bytes()
    ])?;
    views::room(c, asker, room_id)
}

/// The asker's role in a group, if it is at least `least`. Direct rooms cannot be changed.
pub(super) fn require(c: &Connection, room_id: RoomId, asker: UserId, least: MemberRole) -> Result<MemberRole> {
    let role = my_role(c, room_id, asker)?;
    let kind = c
        .prepare_cached("SELECT kind FROM rooms WHERE id = ? AND deleted = 0")?
        .query_row([room_id.as_bytes()], |r| rows::kind(r, 0))
        .optional()?
        .ok_or_else(no_room)?;
    if kind == RoomKind::Direct {
        return Err(StoreError::refused(ErrorCode::Forbidden, "A conversation of two cannot be changed."));
    }
    if role < least {
        return Err(StoreError::refused(ErrorCode::Forbidden, "Your role in this room does not allow that."));
    }
    Ok(role)
}

/// Whom one may bring into a room: whoever is there, of one's own tenant, and has not blocked the one who asks.
pub(super) fn check_person(c: &Connection, asker: UserId, other: UserId, kind: RoomKind) -> Result<()> {
    let known: bool = c
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM users u JOIN users me ON me.tenant_id = u.tenant_id
                            WHERE u.id = ? AND u.deleted_at_ms = 0 AND me.id = ?)",
        )?
        .query_row(params![other.as_bytes(), asker.as_bytes()], |r| r.get(0))?;
    let blocked = match kind {
        RoomKind::Direct => either_blocked(c, asker, other)?,
        RoomKind::Group => has_blocked(c, other, asker)?,
    };
    if known && !blocked { Ok(()) } else { Err(nobody()) }
}

/// A new member starts with everything read.
pub(super) fn insert_member(
    c: &Connection,
    room_id: RoomId,
    user_id: UserId,
    role: MemberRole,
    at: UnixMs,
) -> Result<()> {
    let rooms: u32 = c
        .prepare_cached("SELECT count(*) FROM members WHERE user_id = ?")?
        .query_row([user_id.as_bytes()], |r| r.get(0))?;
    if rooms >= ROOMS_PER_USER {
        return Err(StoreError::refused(ErrorCode::Conflict, "That person is in too many rooms."));
    }
    c.prepare_cached(
        "INSERT OR IGNORE INTO members (room_id, user_id, role, joined_at_ms, delivered_seq, read_seq)
         SELECT id, ?2, ?3, ?4, last_seq, last_seq FROM rooms WHERE id = ?1",
    )?
    .execute(params![room_id.as_bytes(), user_id.as_bytes(), member_role_number(role), at.0])?;
    Ok(())
}

pub(super) fn remove_row(c: &Connection, room_id: RoomId, user_id: UserId) -> Result<()> {
    c.prepare_cached("DELETE FROM members WHERE room_id = ? AND user_id = ?")?
        .execute(params![room_id.as_bytes(), user_id.as_bytes()])?;
    Ok(())
}

/// A room without an owner is inherited by the member who may most and has been there longest.
fn ensure_owner(c: &Connection, room_id: RoomId) -> Result<()> {
    c.prepare_cached(
        "UPDATE members SET role = 2
         WHERE room_id = ?1 AND NOT EXISTS (SELECT 1 FROM members WHERE room_id = ?1 AND role = 2)
           AND user_id = (SELECT m.user_id FROM members m JOIN users u ON u.id = m.user_id
                          WHERE m.room_id = ?1 AND u.role <> 'guest'
                          ORDER BY m.role DESC, m.joined_at_ms, m.user_id LIMIT 1)",
    )?
    .execute([room_id.as_bytes()])?;
    Ok(())
}

fn check_space(c: &Connection, room_id: RoomId) -> Result<()> {
    let max: u64 = c
        .prepare_cached("SELECT max_members FROM rooms WHERE id = ?")?
        .query_row([room_id.as_bytes()], |r| r.get(0))?;
    if member_count(c, room_id)? > max.min(u64::from(ROOM_MEMBERS)) { Err(full()) } else { Ok(()) }
}

pub(super) fn member_count(c: &Connection, room_id: RoomId) -> Result<u64> {
    Ok(c.prepare_cached("SELECT count(*) FROM members WHERE room_id = ?")?
        .query_row([room_id.as_bytes()], |r| r.get(0))?)
}

pub(super) fn full() -> StoreError {
    StoreError::refused(ErrorCode::Conflict, "The room is full.")
}
