//! Invites into rooms: a code that whoever has it may join with.

use parley_shared::ids::{InviteId, RoomId, UnixMs, UserId};
use parley_shared::limits::INVITES_PER_ROOM;
use parley_shared::wire::{ErrorCode, Invite, InviteInfo, MemberRole, Role, Room};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::tenants::standing;
use super::{guests, membership, registration, rows, views};
use crate::store::{NewInvite, StoreError, TenantId};

type Result<T> = std::result::Result<T, StoreError>;

pub(super) const COLUMNS: &str = "id, code, created_at_ms, expires_at_ms, max_uses, uses";

pub(super) fn create(c: &Connection, asker: UserId, room_id: RoomId, new: &NewInvite) -> Result<Invite> {
    membership::require(c, room_id, asker, MemberRole::Moderator)?;
    let sql = format!("SELECT count(*) FROM invites WHERE room_id = ?2 AND {USABLE}");
    let usable: usize = c.prepare_cached(&sql)?.query_row(params![new.at.0, room_id.as_bytes()], |r| r.get(0))?;
    if usable >= INVITES_PER_ROOM {
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
    Ok(made(new))
}

pub(super) fn made(new: &NewInvite) -> Invite {
    Invite {
        id: new.id,
        code: new.code.clone(),
        created_at_ms: new.at,
        expires_at_ms: new.expires_at,
        max_uses: new.max_uses,
        uses: 0,
    }
}

pub(super) fn list(c: &Connection, asker: UserId, room_id: RoomId) -> Result<Vec<Invite>> {
    membership::require(c, room_id, asker, MemberRole::Moderator)?;
    let sql = format!("SELECT {COLUMNS} FROM invites WHERE room_id = ? ORDER BY id");
    let mut statement = c.prepare_cached(&sql)?;
    let invites = statement.query_map([room_id.as_bytes()], invite_row)?;
    Ok(invites.collect::<std::result::Result<_, _>>()?)
}

pub(super) fn revoke(c: &Connection, asker: UserId, room_id: RoomId, invite_id: InviteId) -> Result<()> {
    membership::require(c, room_id, asker, MemberRole::Moderator)?;
    let removed = c.execute(
        "DELETE FROM invites WHERE id = ? AND room_id = ?",
        params![invite_id.as_bytes(), room_id.as_bytes()],
    )?;
    if removed == 0 { Err(unknown()) } else { Ok(()) }
}

/// An invite and where it leads.
pub(super) struct Usable {
    pub id: InviteId,
    pub room_id: RoomId,
}

/// Of the tables of invites, with the time as parameter 1.
pub(super) const USABLE: &str = "(expires_at_ms = 0 OR expires_at_ms > ?1) AND (max_uses = 0 OR uses < max_uses)";

/// The invite of a code, `not_found` unless it can be used in this tenant.
pub(super) fn usable(c: &Connection, tenant: TenantId, code: &str, at: UnixMs) -> Result<Usable> {
    let sql = format!(
        "SELECT id, room_id FROM invites WHERE code = ?2 AND {USABLE}
           AND EXISTS (SELECT 1 FROM rooms r WHERE r.id = room_id AND r.tenant_id = ?3 AND r.deleted = 0)"
    );
    c.prepare_cached(&sql)?
        .query_row(params![at.0, code, tenant.0], |r| {
            Ok(Usable { id: InviteId::from_bytes(r.get(0)?), room_id: RoomId::from_bytes(r.get(1)?) })
        })
        .optional()?
        .ok_or_else(unknown)
}

pub(super) fn count_use(c: &Connection, invite_id: InviteId) -> Result<()> {
    c.prepare_cached("UPDATE invites SET uses = uses + 1 WHERE id = ?")?.execute([invite_id.as_bytes()])?;
    Ok(())
}

pub(super) fn info(c: &Connection, tenant: TenantId, code: &str, at: UnixMs) -> Result<InviteInfo> {
    if registration::is_usable(c, tenant, code, at)? {
        return Ok(InviteInfo::Registration);
    }
    let invite = usable(c, tenant, code, at)?;
    let sql = "SELECT name, guests, (SELECT count(*) FROM members WHERE room_id = rooms.id) FROM rooms WHERE id = ?";
    Ok(c.prepare_cached(sql)?.query_row([invite.room_id.as_bytes()], |r| {
        Ok(InviteInfo::Room { name: r.get(0)?, guests: r.get(1)?, member_count: r.get(2)? })
    })?)
}

/// Accepting again as a member changes nothing and costs no use, also when there is none left.
pub(super) fn accept(c: &Connection, asker: UserId, code: &str, at: UnixMs) -> Result<Room> {
    let me = standing(c, asker)?;
    if let Some(room_id) = own_room(c, asker, code, at)? {
        return views::room(c, asker, room_id);
    }
    let invite = usable(c, me.tenant, code, at)?;
    if me.role == Role::Guest && !guests::takes_guests(c, invite.room_id)? {
        return Err(unknown());
    }
    count_use(c, invite.id)?;
    membership::enter(c, asker, invite.room_id, at)
}

/// The room of a code of which the asker is a member.
fn own_room(c: &Connection, asker: UserId, code: &str, at: UnixMs) -> Result<Option<RoomId>> {
    Ok(c.prepare_cached(
        "SELECT i.room_id FROM invites i JOIN members m ON m.room_id = i.room_id AND m.user_id = ?
         WHERE i.code = ? AND (i.expires_at_ms = 0 OR i.expires_at_ms > ?)",
    )?
    .query_row(params![asker.as_bytes(), code, at.0], |r| r.get(0).map(RoomId::from_bytes))
    .optional()?)
}

pub(super) fn unknown() -> StoreError {
    StoreError::refused(ErrorCode::NotFound, "This invite is not valid (any more).")
}

pub(super) fn invite_row(row: &Row<'_>) -> std::result::Result<Invite, rusqlite::Error> {
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
