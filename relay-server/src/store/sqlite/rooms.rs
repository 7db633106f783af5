//! Rooms: making, changing, deleting, finding the public ones.

use parley_shared::ids::{FileId, RoomId, UserId};
use parley_shared::wire::{ChangeRoom, ErrorCode, MemberRole, PublicRoom, Role, Room, RoomKind};
use relay_core::text;
use rusqlite::{Connection, OptionalExtension, ToSql, params};

use super::membership::{check_person, full, insert_member, member_count, remove_row, require};
use super::people::nobody;
use super::profiles::avatar_bytes;
use super::rows::{self, kind_text, visibility_text};
use super::tenants::standing;
use super::{files, guests, views};
use crate::store::{NewRoom, StoreError};

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
    let me = standing(c, new.owner)?;
    if me.role == Role::Guest {
        return Err(StoreError::refused(ErrorCode::Forbidden, "Guests make no rooms."));
    }
    for other in &new.others {
        check_person(c, new.owner, *other, new.kind)?;
    }
    if new.others.len() as u64 + 1 > u64::from(new.max_members) {
        return Err(full());
    }
    c.prepare_cached(
        "INSERT INTO rooms (id, tenant_id, kind, name, name_key, topic, visibility, max_members, created_at_ms, direct_key)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![
        new.id.as_bytes(),
        me.tenant.0,
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
        if new.kind == RoomKind::Group {
            guests::check_room(c, new.id, *other)?;
        }
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

/// A room is found by the words of its name.
fn write_words(c: &Connection, room_id: RoomId, name: &str) -> Result<()> {
    c.prepare_cached("DELETE FROM room_words WHERE room_id = ?")?.execute([room_id.as_bytes()])?;
    let mut insert = c.prepare_cached("INSERT INTO room_words (word, room_id) VALUES (?, ?)")?;
    for word in text::words(name) {
        insert.execute(params![word, room_id.as_bytes()])?;
    }
    Ok(())
}

pub(super) fn change(
    c: &Connection,
    asker: UserId,
    room_id: RoomId,
    change: &ChangeRoom,
) -> Result<(Room, Vec<UserId>)> {
    require(c, room_id, asker, MemberRole::Moderator)?;
    let owner_only = change.visibility.is_some()
        || change.max_members.is_some()
        || change.archived.is_some()
        || change.guests.is_some();
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
           max_members = coalesce(?7, max_members), guests = coalesce(?8, guests)
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
        change.guests,
    ])?;
    if let Some(name) = &change.name {
        write_words(c, room_id, name)?;
    }
    if change.avatar.is_some() || change.remove_avatar {
        set_avatar(c, asker, room_id, change.avatar)?;
    }
    let removed = if change.guests == Some(false) { guests::of_room(c, room_id)? } else { Vec::new() };
    for guest in &removed {
        remove_row(c, room_id, *guest)?;
    }
    Ok((views::room(c, asker, room_id)?, removed))
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
pub(super) fn discard(c: &Connection, room_id: RoomId) -> Result<()> {
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

pub(super) fn public(
    c: &Connection,
    asker: UserId,
    query: &str,
    after: Option<RoomId>,
    limit: u32,
) -> Result<Vec<PublicRoom>> {
    let me = standing(c, asker)?;
    let words = text::words(query);
    if me.role == Role::Guest || (words.is_empty() && !query.trim().is_empty()) {
        return Ok(Vec::new());
    }
    let mut sql = String::from(
        "SELECT r.id, r.name, r.topic, (SELECT count(*) FROM members WHERE room_id = r.id) FROM rooms r
         WHERE r.tenant_id = ? AND r.visibility = 'public' AND r.deleted = 0 AND r.archived = 0",
    );
    let mut values: Vec<Box<dyn ToSql>> = vec![Box::new(me.tenant.0)];
    for word in words {
        sql += " AND r.id IN (SELECT room_id FROM room_words WHERE word >= ? AND word < ?)";
        values.push(Box::new(word.clone()));
        values.push(Box::new(format!("{word}\u{10ffff}")));
    }
    if let Some(after) = after {
        // Rooms that the asker does not see begin no page: where they stand in the list would tell of their names.
        sql += " AND (r.name_key, r.id) >
                 (SELECT name_key, id FROM rooms WHERE id = ? AND tenant_id = ? AND visibility = 'public')";
        values.push(Box::new(after.as_bytes().to_vec()));
        values.push(Box::new(me.tenant.0));
    }
    sql += &format!(" ORDER BY r.name_key, r.id LIMIT {limit}");
    let mut statement = c.prepare_cached(&sql)?;
    let rooms = statement.query_map(rusqlite::params_from_iter(values), |r| {
        Ok(PublicRoom { id: RoomId::from_bytes(r.get(0)?), name: r.get(1)?, topic: r.get(2)?, member_count: r.get(3)? })
    })?;
    Ok(rooms.collect::<std::result::Result<_, _>>()?)
}
