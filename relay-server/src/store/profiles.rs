//! What people say of themselves, and the end of an account.

use parley_shared::ids::{DeviceId, RoomId, UnixMs, UserId};
use parley_shared::wire::{ChangeProfile, Profile, User};

use super::{Answer, Credentials, Left};

/// Who is told that a person changed.
#[derive(Clone, Debug)]
pub struct UserChange {
    pub user: User,
    pub audience: Vec<UserId>,
}

/// What an account left.
#[derive(Clone, Debug)]
pub struct DeletedAccount {
    pub change: UserChange,
    pub devices: Vec<DeviceId>,
    /// The rooms that it was in and is no longer.
    pub left: Vec<(RoomId, Left)>,
    /// Conversations of two that stay to be read.
    pub closed: Vec<RoomId>,
}

/// What a deleted account is called.
pub const DELETED_NAME: &str = "Deleted account";

/// The part of the store that knows profiles.
pub trait ProfileStore: Send + Sync + 'static {
    /// `storage_limit_bytes` is left 0: the settings have it.
    fn profile(&self, asker: UserId) -> Answer<Profile>;
    /// None when nothing that others see changed.
    fn change_profile(&self, asker: UserId, change: ChangeProfile) -> Answer<Option<UserChange>>;
    fn own_credentials(&self, asker: UserId) -> Answer<Credentials>;
    /// Makes the account nobody's: its name, address, devices, contacts, memberships and unused files go, its messages stay. `conflict` for
    /// the last admin while there are other people.
    fn delete_account(&self, asker: UserId, at: UnixMs) -> Answer<DeletedAccount>;
}
