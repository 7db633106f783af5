//! Invites to make an account.

use parley_shared::ids::{InviteId, UnixMs, UserId};
use parley_shared::limits::INVITES_PER_ROOM;
use parley_shared::wire::{ErrorCode, Invite, Role};
use rusqlite::{Connection, params};

use super::invites::{COLUMNS, USABLE, invite_row, made, unknown};
use super::tenants::standing;
use crate::store::{GivenCode, NewInvite, StoreError, TenantId};

type Result<T> = std::result::Result<T, StoreError>;

pub(super) fn create(c: &Connection, asker: UserId, new: &NewInvite) -> Result<Invite> {
    let tenant = require_admin(c, asker)?;
    let sql = format!("SELECT count(*) FROM registration_invites WHERE tenant_id = ?2 AND {USABLE}");
    let usable: usize = c.prepare_cached(&sql)?.query_row(params![new.at.0, tenant.0], |r| r.get(0))?;
    if usable >= INVITES_PER_ROOM {
        return Err(StoreError::refused(ErrorCode::Conflict, "There are too many invites. Revoke some first."));
    }
    c.prepare_cached(
        "INSERT INTO registration_invites (id, tenant_id, code, created_at_ms, expires_at_ms, max_uses) VALUES (?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![
        new.id.as_bytes(),
        tenant.0,
        new.code,
        new.at.0,
        new.expires_at.map_or(0, |at| at.0),
        new.max_uses.unwrap_or(0),
    ])?;
    Ok(made(new))
}

pub(super) fn list(c: &Connection, asker: UserId) -> Result<Vec<Invite>> {
    let tenant = require_admin(c, asker)?;
    let sql = format!("SELECT {COLUMNS} FROM registration_invites WHERE tenant_id = ? ORDER BY id");
    Ok(c.prepare_cached(&sql)?.query_map([tenant.0], invite_row)?.collect::<std::result::Result<_, _>>()?)
}

pub(super) fn revoke(c: &Connection, asker: UserId, invite_id: InviteId) -> Result<()> {
    let tenant = require_admin(c, asker)?;
    let removed = c
        .prepare_cached("DELETE FROM registration_invites WHERE id = ? AND tenant_id = ?")?
        .execute(params![invite_id.as_bytes(), tenant.0])?;
    if removed == 0 { Err(unknown()) } else { Ok(()) }
}

pub(super) fn is_usable(c: &Connection, tenant: TenantId, code: &str, at: UnixMs) -> Result<bool> {
    let sql =
        format!("SELECT EXISTS (SELECT 1 FROM registration_invites WHERE code = ?2 AND tenant_id = ?3 AND {USABLE})");
    Ok(c.prepare_cached(&sql)?.query_row(params![at.0, code, tenant.0], |r| r.get(0))?)
}

/// Counts a use. Whoever has no usable invite and needs one is refused.
pub(super) fn spend(c: &Connection, tenant: TenantId, given: &GivenCode, at: UnixMs) -> Result<()> {
    let sql =
        format!("UPDATE registration_invites SET uses = uses + 1 WHERE code = ?2 AND tenant_id = ?3 AND {USABLE}");
    let spent = c.prepare_cached(&sql)?.execute(params![at.0, given.code, tenant.0])?;
    if spent == 0 && given.required {
        let sentence = "This relay takes new accounts by invite: it needs a valid registration_code.";
        return Err(StoreError::refused(ErrorCode::Forbidden, sentence));
    }
    Ok(())
}

fn require_admin(c: &Connection, asker: UserId) -> Result<TenantId> {
    let me = standing(c, asker)?;
    match me.role {
        Role::Admin => Ok(me.tenant),
        Role::Member | Role::Guest => {
            Err(StoreError::refused(ErrorCode::Forbidden, "Only administrators invite to the relay."))
        }
    }
}
