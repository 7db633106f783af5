//! Rooms and members: making, changing, leaving.

use parley_shared::ids::{FileId, RoomId, UnixMs, UserId};
use parley_shared::limits::{ROOM_MEMBERS, ROOMS_PER_USER};
use parley_shared::wire::{ChangeRoom, ErrorCode, MemberRole, PublicRoom, Room, RoomKind, Visibility};
use relay_core::text;
use rusqlite::{Connection, OptionalExtension, ToSql, params};

use super::files;
use super::people::{either_blocked, has_blocked, nobody};
use super::profiles::avatar_bytes;
use super::rows::{self, kind_text, member_role_number, visibility_text};
use super::views::{self, my_role, no_room};
use crate::store::{Left, NewRoom, StoreError};

type Result<T> = std::result::Result<T, StoreError>;

pub(super) fn create(c: &Connection, new: &NewRoom) -> Result<(Room, bool)> {
    let direct_key = match new.kind {
        RoomKind::Direct => {
            let key = direct_key(new.owner, new.others.first().copied().ok_or_else(nobody)?);
            if let Some(existing) = direct_room(c, &key)? {
                return Ok((views::room(c, new.owner, existing)?, false));
            }
            key
        }
        RoomKind::Group => Vec::new(),
    };
    for other in &new.others {
        check_person(c, new.owner, *other, new.kind)?;
    }
    if new.others.len() as u64 + 1 > u64::from(new.max_members) {
        return Err(full());
    }
    c.prepare_cached(
        "INSERT INTO rooms (id, kind, name, name_key, topic, visibility, max_members, created_at_ms, direct_key)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![
        new.id.as_bytes(),
        kind_text(new.kind),
        new.name,
        new.name.to_lowercase(),
        new.topic,
        visibility_text(new.visibility),
        new.max_members,
        new.at.0,
        direct_key,
    ])?;
    write_words(c, new.id, &new.name)?;
    let role = match new.kind {
        RoomKind::Direct => MemberRole::Member,
        RoomKind::Group => MemberRole::Owner,
    };
    insert_member(c, new.id, new.owner, role, new.at)?;
    for other in &new.others {
        insert_member(c, new.id, *other, MemberRole::Member, new.at)?;
    }
    Ok((views::room(c, new.owner, new.id)?, true))
}

fn direct_key(a: UserId, b: UserId) -> Vec<u8> {
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    [*low.as_bytes(), *high.as_bytes()].concat()
}

fn direct_room(c: &Connection, key: &[u8]) -> Result<Option<RoomId>> {
    Ok(c.prepare_cached("SELECT id FROM rooms WHERE kind = 'direct' AND direct_key = ?")?
        .query_row([key], |r| r.get(0).map(RoomId::from_bytes))
        .optional()?)
}

/// Whom one may bring into a room: whoever is there and has not blocked the one who asks.
fn check_person(c: &Connection, asker: UserId, other: UserId, kind: RoomKind) -> Result<()> {
    let known: bool = c
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM users WHERE id = ? AND deleted_at_ms = 0)")?
        .query_row([other.as_bytes()], |r| r.get(0))?;
    let blocked = match kind {
        RoomKind::Direct => either_blocked(c, asker, other)?,
        RoomKind::Group => has_blocked(c, other, asker)?,
    };
    if known && !blocked { Ok(()) } else { Err(nobody()) }
}

/// A new member starts with everything read.
fn insert_member(c: &Connection, room_id: RoomId, user_id: UserId, role: MemberRole, at: UnixMs) -> Result<()> {
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

/// A room is found by the words of its name.
fn write_words(c: &Connection, room_id: RoomId, name: &str) -> Result<()> {
    c.prepare_cached("DELETE FROM room_words WHERE room_id = ?")?.execute([room_id.as_bytes()])?;
    let mut insert = c.prepare_cached("INSERT INTO room_words (word, room_id) VALUES (?, ?)")?;
    for word in text::words(name) {
        insert.execute(params![word, room_id.as_bytes()])?;
    }
    Ok(())
}

pub(super) fn change(c: &Connection, asker: UserId, room_id: RoomId, change: &ChangeRoom) -> Result<Room> {
    require(c, room_id, asker, MemberRole::Moderator)?;
    let owner_only = change.visibility.is_some() || change.max_members.is_some() || change.archived.is_some();
    if owner_only {
        require(c, room_id, asker, MemberRole::Owner)?;
    }
    if let Some(max_members) = change.max_members
        && u64::from(max_members) < member_count(c, room_id)?
    {
        return Err(StoreError::refused(ErrorCode::Conflict, "The room has more members than that."));
    }
    c.prepare_cached(
        "UPDATE rooms SET name = coalesce(?2, name), name_key = coalesce(?3, name_key), topic = coalesce(?4, topic),
           visibility = coalesce(?5, visibility), archived = coalesce(?6, archived),
           max_members = coalesce(?7, max_members)
         WHERE id = ?1",
    )?
    .execute(params![
        room_id.as_bytes(),
        change.name,
        change.name.as_ref().map(|name| name.to_lowercase()),
        change.topic,
        change.visibility.map(visibility_text),
        change.archived,
        change.max_members,
    ])?;
    if let Some(name) = &change.name {
        write_words(c, room_id, name)?;
    }
    if change.avatar.is_some() || change.remove_avatar {
        set_avatar(c, asker, room_id, change.avatar)?;
    }
    views::room(c, asker, room_id)
}

/// The picture before is gone for good.
fn set_avatar(c: &Connection, asker: UserId, room_id: RoomId, avatar: Option<FileId>) -> Result<()> {
    let before = c
        .prepare_cached("SELECT avatar FROM rooms WHERE id = ?")?
        .query_row([room_id.as_bytes()], |r| rows::file_id(r, 0))?;
    if before == avatar {
        return Ok(());
    }
    if let Some(id) = avatar {
        files::use_as_avatar(c, asker, id)?;
    }
    c.prepare_cached("UPDATE rooms SET avatar = ? WHERE id = ?")?
        .execute(params![avatar_bytes(avatar.as_ref()), room_id.as_bytes()])?;
    before.map_or(Ok(()), |old| files::remove(c, old))
}

pub(super) fn delete(c: &Connection, asker: UserId, room_id: RoomId) -> Result<Vec<UserId>> {
    require(c, room_id, asker, MemberRole::Owner)?;
    let members = views::member_ids(c, room_id)?;
    discard(c, room_id)?;
    Ok(members)
}

/// Takes the room away at once; [`super::sweep`] removes its messages bit by bit.
fn discard(c: &Connection, room_id: RoomId) -> Result<()> {
    let avatar = c
        .prepare_cached("SELECT avatar FROM rooms WHERE id = ?")?
        .query_row([room_id.as_bytes()], |r| rows::file_id(r, 0))?;
    if let Some(avatar) = avatar {
        files::remove(c, avatar)?;
    }
    for sql in [
        "UPDATE rooms SET deleted = 1, avatar = x'' WHERE id = ?",
        "DELETE FROM members WHERE room_id = ?",
        "DELETE FROM invites WHERE room_id = ?",
        "DELETE FROM room_words WHERE room_id = ?",
    ] {
        c.prepare_cached(sql)?.execute([room_id.as_bytes()])?;
    }
    Ok(())
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

/// The last to leave takes the room along.
pub(super) fn leave(c: &Connection, room_id: RoomId, user_id: UserId) -> Result<Left> {
    c.prepare_cached("DELETE FROM members WHERE room_id = ? AND user_id = ?")?
        .execute(params![room_id.as_bytes(), user_id.as_bytes()])?;
    if member_count(c, room_id)? == 0 {
        discard(c, room_id)?;
        return Ok(Left::RoomGone);
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

/// A room without an owner is inherited by the member who may most and has been there longest.
fn ensure_owner(c: &Connection, room_id: RoomId) -> Result<()> {
    c.prepare_cached(
        "UPDATE members SET role = 2
         WHERE room_id = ?1 AND NOT EXISTS (SELECT 1 FROM members WHERE room_id = ?1 AND role = 2)
           AND user_id = (SELECT user_id FROM members WHERE room_id = ?1
                          ORDER BY role DESC, joined_at_ms, user_id LIMIT 1)",
    )?
    .execute([room_id.as_bytes()])?;
    Ok(())
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

pub(super) fn public(c: &Connection, query: &str, after: Option<RoomId>, limit: u32) -> Result<Vec<PublicRoom>> {
    let words = text::words(query);
    if words.is_empty() && !query.trim().is_empty() {
        return Ok(Vec::new());
    }
    let mut sql = String::from(
        "SELECT r.id, r.name, r.topic, (SELECT count(*) FROM members WHERE room_id = r.id) FROM rooms r
         WHERE r.visibility = 'public' AND r.deleted = 0 AND r.archived = 0",
    );
    let mut values: Vec<Box<dyn ToSql>> = Vec::new();
    for word in words {
        sql += " AND r.id IN (SELECT room_id FROM room_words WHERE word >= ? AND word < ?)";
        values.push(Box::new(word.clone()));
        values.push(Box::new(format!("{word}\u{10ffff}")));
    }
    if let Some(after) = after {
        sql += " AND (r.name_key, r.id) > (SELECT name_key, id FROM rooms WHERE id = ?)";
        values.push(Box::new(after.as_bytes().to_vec()));
    }
    sql += &format!(" ORDER BY r.name_key, r.id LIMIT {limit}");
    let mut statement = c.prepare_cached(&sql)?;
    let rooms = statement.query_map(rusqlite::params_from_iter(values), |r| {
        Ok(PublicRoom { id: RoomId::from_bytes(r.get(0)?), name: r.get(1)?, topic: r.get(2)?, member_count: r.get(3)? })
    })?;
    Ok(rooms.collect::<std::result::Result<_, _>>()?)
}

pub(super) fn join(c: &Connection, asker: UserId, room_id: RoomId, at: UnixMs) -> Result<Room> {
    let visibility = c
        .prepare_cached("SELECT visibility FROM rooms WHERE id = ? AND deleted = 0")?
        .query_row([room_id.as_bytes()], |r| rows::visibility(r, 0))
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

fn check_space(c: &Connection, room_id: RoomId) -> Result<()> {
    let max: u64 = c
        .prepare_cached("SELECT max_members FROM rooms WHERE id = ?")?
        .query_row([room_id.as_bytes()], |r| r.get(0))?;
    if member_count(c, room_id)? > max.min(u64::from(ROOM_MEMBERS)) { Err(full()) } else { Ok(()) }
}

fn member_count(c: &Connection, room_id: RoomId) -> Result<u64> {
    Ok(c.prepare_cached("SELECT count(*) FROM members WHERE room_id = ?")?
        .query_row([room_id.as_bytes()], |r| r.get(0))?)
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

fn full() -> StoreError {
    StoreError::refused(ErrorCode::Conflict, "The room is full.")
}
