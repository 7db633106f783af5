//! Invites into rooms: a code that whoever has it may join with.

use parley_shared::ids::{InviteId, RoomId, UnixMs, UserId};
use parley_shared::wire::{ErrorCode, Invite, MemberRole, Room};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{rooms, rows, views};
use crate::store::{NewInvite, StoreError};

type Result<T> = std::result::Result<T, StoreError>;

/// Invites of one room.
const INVITES: u32 = 100;
const COLUMNS: &str = "id, code, created_at_ms, expires_at_ms, max_uses, uses";

pub(super) fn create(c: &Connection, asker: UserId, room_id: RoomId, new: &NewInvite) -> Result<Invite> {
    rooms::require(c, room_id, asker, MemberRole::Moderator)?;
    c.execute(
        "DELETE FROM invites WHERE room_id = ?1 AND ((expires_at_ms > 0 AND expires_at_ms <= ?2)
           OR (max_uses > 0 AND uses >= max_uses))",
        params![room_id.as_bytes(), new.at.0],
    )?;
    let count: u32 =
        c.query_row("SELECT count(*) FROM invites WHERE room_id = ?", [room_id.as_bytes()], |r| r.get(0))?;
    if count >= INVITES {
        return Err(StoreError::refused(ErrorCode::Conflict, "The room has too many invites. Revoke some first."));
    }
    c.execute(
        "INSERT INTO invites (id, room_id, code, created_at_ms, expires_at_ms, max_uses) VALUES (?, ?, ?, ?, ?, ?)",
        params![
            new.id.as_bytes(),
            room_id.as_bytes(),
            new.code,
            new.at.0,
            new.expires_at.map_or(0, |at| at.0),
            new.max_uses.unwrap_or(0),
        ],
    )?;
    Ok(Invite {
        id: new.id,
        code: new.code.clone(),
        created_at_ms: new.at,
        expires_at_ms: new.expires_at,
        max_uses: new.max_uses,
        uses: 0,
    })
}

pub(super) fn list(c: &Connection, asker: UserId, room_id: RoomId) -> Result<Vec<Invite>> {
    rooms::require(c, room_id, asker, MemberRole::Moderator)?;
    let sql = format!("SELECT {COLUMNS} FROM invites WHERE room_id = ? ORDER BY id");
    let mut statement = c.prepare_cached(&sql)?;
    let invites = statement.query_map([room_id.as_bytes()], invite_row)?;
    Ok(invites.collect::<std::result::Result<_, _>>()?)
}

pub(super) fn revoke(c: &Connection, asker: UserId, room_id: RoomId, invite_id: InviteId) -> Result<()> {
    rooms::require(c, room_id, asker, MemberRole::Moderator)?;
    let removed = c.execute(
        "DELETE FROM invites WHERE id = ? AND room_id = ?",
        params![invite_id.as_bytes(), room_id.as_bytes()],
    )?;
    if removed == 0 { Err(unknown()) } else { Ok(()) }
}

/// Accepting again as a member changes nothing and costs no use.
pub(super) fn accept(c: &Connection, asker: UserId, code: &str, at: UnixMs) -> Result<Room> {
    let sql = format!("SELECT {COLUMNS}, room_id FROM invites WHERE code = ?");
    let (invite, room_id) = c
        .prepare_cached(&sql)?
        .query_row([code], |r| Ok((invite_row(r)?, RoomId::from_bytes(r.get(6)?))))
        .optional()?
        .ok_or_else(unknown)?;
    if invite.expires_at_ms.is_some_and(|expires| expires <= at) {
        return Err(unknown());
    }
    if views::my_role(c, room_id, asker).is_ok() {
        return views::room(c, asker, room_id);
    }
    if invite.max_uses.is_some_and(|max| invite.uses >= max) {
        return Err(unknown());
    }
    c.execute("UPDATE invites SET uses = uses + 1 WHERE id = ?", [invite.id.as_bytes()])?;
    rooms::enter(c, asker, room_id, at)
}

fn unknown() -> StoreError {
    StoreError::refused(ErrorCode::NotFound, "This invite is not valid (any more).")
}

fn invite_row(row: &Row<'_>) -> std::result::Result<Invite, rusqlite::Error> {
    let max_uses: u32 = row.get(4)?;
    Ok(Invite {
        id: InviteId::from_bytes(row.get(0)?),
        code: row.get(1)?,
        created_at_ms: UnixMs(row.get(2)?),
        expires_at_ms: rows::time(row, 3)?,
        max_uses: (max_uses != 0).then_some(max_uses),
        uses: row.get(5)?,
    })
}
