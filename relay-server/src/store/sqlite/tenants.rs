//! Tenants, and what a person is in theirs.

use parley_shared::ids::{InviteId, RoomId, UnixMs, UserId};
use parley_shared::wire::{Invite, InviteInfo, User};
use rusqlite::{Connection, OptionalExtension, params};

use super::people::nobody;
use super::{SqliteStore, guests, invites, registration, rows};
use crate::store::{Answer, DeletedAccount, NewGuest, NewInvite, Standing, StoreError, TenantId, TenantStore};

type Result<T> = std::result::Result<T, StoreError>;

impl TenantStore for SqliteStore {
    fn ensure_tenants(&self, names: Vec<String>) -> Answer<Vec<TenantId>> {
        self.pool.write(move |c| names.iter().map(|name| ensure(c, name)).collect())
    }

    fn tenant_of(&self, user_id: UserId) -> Answer<TenantId> {
        self.pool.read(move |c| Ok(standing(c, user_id)?.tenant))
    }

    fn invite_info(&self, tenant: TenantId, code: String, at: UnixMs) -> Answer<InviteInfo> {
        self.pool.read(move |c| invites::info(c, tenant, &code, at))
    }

    fn takes_registration_code(&self, tenant: TenantId, code: String, at: UnixMs) -> Answer<bool> {
        self.pool.read(move |c| registration::is_usable(c, tenant, &code, at))
    }

    fn create_registration_invite(&self, asker: UserId, new: NewInvite) -> Answer<Invite> {
        self.pool.write(move |c| registration::create(c, asker, &new))
    }

    fn registration_invites(&self, asker: UserId) -> Answer<Vec<Invite>> {
        self.pool.read(move |c| registration::list(c, asker))
    }

    fn revoke_registration_invite(&self, asker: UserId, invite_id: InviteId) -> Answer<()> {
        self.pool.write(move |c| registration::revoke(c, asker, invite_id))
    }

    fn join_as_guest(&self, new: NewGuest) -> Answer<(User, RoomId)> {
        self.pool.write(move |c| guests::join(c, &new))
    }

    fn forget_guest(&self, at: UnixMs) -> Answer<Option<DeletedAccount>> {
        self.pool.write(move |c| guests::forget_one(c, at))
    }
}

fn ensure(c: &Connection, name: &str) -> Result<TenantId> {
    c.execute("INSERT OR IGNORE INTO tenants (name) VALUES (?)", [name])?;
    Ok(TenantId(c.query_row("SELECT id FROM tenants WHERE name = ?", [name], |r| r.get(0))?))
}

/// `not_found` for whoever is gone.
pub(super) fn standing(c: &Connection, user_id: UserId) -> Result<Standing> {
    c.prepare_cached("SELECT tenant_id, role FROM users WHERE id = ? AND deleted_at_ms = 0")?
        .query_row(params![user_id.as_bytes()], |r| {
            Ok(Standing { tenant: TenantId(r.get(0)?), role: rows::role(r, 1)? })
        })
        .optional()?
        .ok_or_else(nobody)
}
