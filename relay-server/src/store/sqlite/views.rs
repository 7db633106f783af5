//! Rooms as one of their members sees them.

use std::collections::BTreeSet;

use parley_shared::ids::{Change, RoomId, Seq, UnixMs, UserId};
use parley_shared::limits::PAGE_ITEMS;
use parley_shared::wire::{ErrorCode, Member, MemberRole, NotifyLevel, Room};
use relay_core::work::Done;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::rows::{self, USER_COLUMNS};
use super::{mentions, messages};
use crate::store::{StoreError, UNREAD_COUNTED};

type Result<T> = std::result::Result<T, StoreError>;

/// The room as `asker` sees it, `not_found` for whoever is not a member.
pub(super) fn room(c: &Connection, asker: UserId, room_id: RoomId) -> Result<Room> {
    let mut room = shared(c, room_id)?.ok_or_else(no_room)?;
    let member = member(c, room_id, asker)?.ok_or_else(no_room)?;
    personalise(c, &mut room, member)?;
    Ok(room)
}

pub(super) fn rooms(c: &Connection, asker: UserId, after: Option<RoomId>, limit: u32) -> Result<Vec<Room>> {
    let after = after.map_or([0; 16], |id| *id.as_bytes());
    let ids: Vec<RoomId> = c
        .prepare_cached("SELECT room_id FROM members WHERE user_id = ? AND room_id > ? ORDER BY room_id LIMIT ?")?
        .query_map(params![asker.as_bytes(), after, limit], |r| r.get(0).map(RoomId::from_bytes))?
        .collect::<std::result::Result<_, _>>()?;
    ids.into_iter().map(|id| room(c, asker, id)).collect()
}

/// The room as each of `users` that is a member sees it, and all its members. A room that is gone has none.
pub(super) fn for_members(c: &Connection, room_id: RoomId, users: &[UserId]) -> Result<Done> {
    let members = member_ids(c, room_id)?;
    let Some(base) = shared(c, room_id)? else { return Ok(Done::RoomViews { members, views: Vec::new() }) };
    let wanted: BTreeSet<UserId> = users.iter().copied().collect();
    let mut views = Vec::new();
    for user_id in members.iter().filter(|id| wanted.contains(id)) {
        let Some(member) = member(c, room_id, *user_id)? else { continue };
        let mut room = base.clone();
        personalise(c, &mut room, member)?;
        views.push((*user_id, room));
    }
    Ok(Done::RoomViews { members, views })
}

pub(super) fn members_page(
    c: &Connection,
    asker: UserId,
    room_id: RoomId,
    after: Option<UserId>,
    limit: u32,
) -> Result<Vec<Member>> {
    my_role(c, room_id, asker)?;
    let after = after.map_or([0; 16], |id| *id.as_bytes());
    let sql = format!("SELECT {MEMBER} WHERE m.room_id = ? AND m.user_id > ? ORDER BY m.user_id LIMIT ?");
    Ok(c.prepare_cached(&sql)?
        .query_map(params![room_id.as_bytes(), after, limit], member_row)?
        .collect::<std::result::Result<_, _>>()?)
}

pub(super) fn member_ids(c: &Connection, room_id: RoomId) -> Result<Vec<UserId>> {
    Ok(c.prepare_cached("SELECT user_id FROM members WHERE room_id = ?")?
        .query_map([room_id.as_bytes()], |r| r.get(0).map(UserId::from_bytes))?
        .collect::<std::result::Result<_, _>>()?)
}

/// The asker's role, `not_found` for whoever is not a member.
pub(super) fn my_role(c: &Connection, room_id: RoomId, asker: UserId) -> Result<MemberRole> {
    c.prepare_cached("SELECT role FROM members WHERE room_id = ? AND user_id = ?")?
        .query_row(params![room_id.as_bytes(), asker.as_bytes()], |r| rows::member_role(r, 0))
        .optional()?
        .ok_or_else(no_room)
}

pub(super) fn no_room() -> StoreError {
    StoreError::refused(ErrorCode::NotFound, "There is no such room.")
}

/// What all members see alike.
fn shared(c: &Connection, room_id: RoomId) -> Result<Option<Room>> {
    let room = c
        .prepare_cached(
            "SELECT kind, name, topic, visibility, max_members, archived, created_at_ms, last_seq, last_change, avatar,
               (SELECT count(*) FROM members WHERE room_id = rooms.id), guests
             FROM rooms WHERE id = ? AND deleted = 0",
        )?
        .query_row([room_id.as_bytes()], |r| {
            Ok(Room {
                id: room_id,
                kind: rows::kind(r, 0)?,
                name: r.get(1)?,
                topic: r.get(2)?,
                visibility: rows::visibility(r, 3)?,
                max_members: r.get(4)?,
                archived: r.get(5)?,
                created_at_ms: UnixMs(r.get(6)?),
                last_seq: Seq(r.get(7)?),
                last_change: Change(r.get(8)?),
                member_count: r.get(10)?,
                members: Vec::new(),
                last_message: None,
                unread: 0,
                mentions: 0,
                avatar: rows::file_id(r, 9)?,
                guests: r.get(11)?,
                notify: NotifyLevel::All,
                call: None,
            })
        })
        .optional()?;
    let Some(mut room) = room else { return Ok(None) };
    let sql = format!("SELECT {MEMBER} WHERE m.room_id = ? ORDER BY m.joined_at_ms, m.user_id LIMIT {PAGE_ITEMS}");
    room.members =
        c.prepare_cached(&sql)?.query_map([room_id.as_bytes()], member_row)?.collect::<std::result::Result<_, _>>()?;
    let last = messages::read_one(c, "m.room_id = ? AND m.seq = ?", params![room_id.as_bytes(), room.last_seq.0])?;
    room.last_message = last.map(|stored| stored.message);
    Ok(Some(room))
}

/// Adds what only this member sees: the counts of what is unread, what they are notified of, and themselves among the members.
fn personalise(c: &Connection, room: &mut Room, member: Member) -> Result<()> {
    room.unread = c
        .prepare_cached(
            "SELECT count(*) FROM
               (SELECT 1 FROM messages WHERE room_id = ? AND seq > ? AND sender_id <> ? LIMIT ?)",
        )?
        .query_row(params![room.id.as_bytes(), member.read_seq.0, member.user.id.as_bytes(), UNREAD_COUNTED], |r| {
            r.get(0)
        })?;
    room.mentions = mentions::unread(c, room.id, member.user.id, member.read_seq)?;
    room.notify = c
        .prepare_cached("SELECT notify FROM members WHERE room_id = ? AND user_id = ?")?
        .query_row(params![room.id.as_bytes(), member.user.id.as_bytes()], |r| rows::notify(r, 0))?;
    if !room.members.iter().any(|other| other.user.id == member.user.id) {
        room.members.pop();
        room.members.push(member);
    }
    Ok(())
}

/// Columns of [`member_row`], and where they are from. The first are [`rows::USER`].
const MEMBER: &str = "u.id, u.display_name, u.role, u.bot, u.avatar, u.status_text, m.role, m.delivered_seq, m.read_seq
     FROM members m JOIN users u ON u.id = m.user_id";

fn member(c: &Connection, room_id: RoomId, user_id: UserId) -> Result<Option<Member>> {
    let sql = format!("SELECT {MEMBER} WHERE m.room_id = ? AND m.user_id = ?");
    Ok(c.prepare_cached(&sql)?.query_row(params![room_id.as_bytes(), user_id.as_bytes()], member_row).optional()?)
}

fn member_row(row: &Row<'_>) -> std::result::Result<Member, rusqlite::Error> {
    Ok(Member {
        user: rows::user(row, 0)?,
        role: rows::member_role(row, USER_COLUMNS)?,
        delivered_seq: Seq(row.get(USER_COLUMNS + 1)?),
        read_seq: Seq(row.get(USER_COLUMNS + 2)?),
    })
}
