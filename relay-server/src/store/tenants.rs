//! Tenants, and who may come into them.

use parley_shared::ids::{InviteId, UnixMs, UserId};
use parley_shared::wire::{Invite, InviteInfo, Role, User};

use super::{Answer, DeletedAccount, NewDevice, NewInvite};

/// Whose a person or a room is. Those of one never learn that another's exist. Never on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantId(pub i64);

impl TenantId {
    /// The one of every store, and the only one of most.
    pub const DEFAULT: Self = Self(1);
}

/// What [`TenantId::DEFAULT`] is called.
pub const DEFAULT_TENANT: &str = "default";

/// A code that was given to make an account.
#[derive(Clone, Debug)]
pub struct GivenCode {
    pub code: String,
    /// Without a usable invite of this code there is no account.
    pub required: bool,
}

/// Somebody who comes in by an invite into a room, without an account.
#[derive(Clone, Debug)]
pub struct NewGuest {
    pub tenant: TenantId,
    pub code: String,
    pub display_name: String,
    /// Its `user_id` is the guest's.
    pub device: NewDevice,
    pub at: UnixMs,
}

/// The part of the store that knows tenants, and invites that are shown by whoever has the code.
pub trait TenantStore: Send + Sync + 'static {
    /// The tenants of these names, made when they are not there; in the same order.
    fn ensure_tenants(&self, names: Vec<String>) -> Answer<Vec<TenantId>>;
    fn tenant_of(&self, user_id: UserId) -> Answer<TenantId>;

    /// What a code of the tenant is for; `not_found` alike for codes that are unknown, expired, used up, or another tenant's.
    fn invite_info(&self, tenant: TenantId, code: String, at: UnixMs) -> Answer<InviteInfo>;
    /// Whether somebody may make an account with it. [`super::Store::create_user`] looks again, and counts the use.
    fn takes_registration_code(&self, tenant: TenantId, code: String, at: UnixMs) -> Answer<bool>;
    /// Admins make, see and revoke invites to their tenant; `forbidden` for others.
    fn create_registration_invite(&self, asker: UserId, new: NewInvite) -> Answer<Invite>;
    fn registration_invites(&self, asker: UserId) -> Answer<Vec<Invite>>;
    fn revoke_registration_invite(&self, asker: UserId, invite_id: InviteId) -> Answer<()>;

    /// A guest in the room of the invite, and their device. `not_found` alike for a code that is not valid and for a room that takes no
    /// guests.
    fn join_as_guest(&self, new: NewGuest) -> Answer<(User, parley_shared::ids::RoomId)>;
    /// Deletes one guest who is in no group any more, has no device any more, or was not seen for
    /// [`parley_shared::limits::GUEST_DAYS`]. None: there is no such guest.
    fn forget_guest(&self, at: UnixMs) -> Answer<Option<DeletedAccount>>;
}

/// What a person may do on the relay, and where they belong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    pub tenant: TenantId,
    pub role: Role,
}
