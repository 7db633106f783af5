//! Everything that outlives a process: the one truth of accounts, rooms and messages.
//!
//! Every method hands its question over before it returns; the future only waits for the answer. Writes are answered after their
//! commit reached the disk, in the order in which they were handed over.

pub mod contract;
mod export;
mod files;
mod profiles;
pub mod sqlite;
mod tenants;

use std::future::Future;
use std::pin::Pin;

use parley_shared::ids::{CallId, ClientMessageId, DeviceId, InviteId, MessageId, RoomId, Seq, UnixMs, UserId};
use parley_shared::search::SearchQuery;
use parley_shared::wire::{
    CallReport, ChangeRoom, ChangesPage, Device, ErrorCode, HistoryPage, HistoryQuery, Invite, Member, MemberRole,
    Message, MessageVersion, NotifyLevel, Person, PublicRoom, Role, Room, RoomKind, SearchPage, StoredReport,
    ThreadPage, User, Visibility, WireError,
};
use relay_core::work::{Answered, OpenCall, Roster, Work};

pub use export::*;
pub use files::*;
pub use profiles::*;
pub use tenants::*;

pub type Answer<T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send>>;

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It is refused, with the answer for the one who asked.
    #[error("{0}")]
    Refused(WireError),
    /// Too much is waiting.
    #[error("the store has too much to do")]
    Busy,
    /// A search that reads too much was broken off.
    #[error("it took too long")]
    TooLong,
    /// The database failed. Nothing was done.
    #[error("the database failed: {0}")]
    Failed(String),
}

impl StoreError {
    pub fn refused(code: ErrorCode, sentence: &str) -> Self {
        Self::Refused(WireError::new(code, sentence))
    }

    /// What the one who asked is told.
    pub fn into_wire(self) -> WireError {
        match self {
            Self::Refused(error) => error,
            Self::TooLong => WireError::field(
                "query",
                "That is too much to look through. Add a room, a name, a day or a rarer word.",
            ),
            Self::Busy | Self::Failed(_) => WireError {
                retry_after_s: Some(1),
                ..WireError::new(ErrorCode::Unavailable, "The relay cannot do that at the moment. Nothing was done.")
            },
        }
    }
}

#[derive(Clone, Debug)]
pub struct NewUser {
    pub id: UserId,
    pub tenant: TenantId,
    pub display_name: String,
    pub email: String,
    pub password_hash: String,
    /// None: admin for the first person of a tenant, else member.
    pub role: Option<Role>,
    pub bot: bool,
    /// A use of an invite to the tenant, counted with the account.
    pub code: Option<GivenCode>,
    pub at: UnixMs,
}

#[derive(Clone, Debug)]
pub struct Credentials {
    pub user: User,
    pub password_hash: String,
}

#[derive(Clone, Debug)]
pub struct NewDevice {
    pub id: DeviceId,
    pub user_id: UserId,
    pub name: String,
    pub at: UnixMs,
    pub refresh: NewRefresh,
}

/// A refresh token by its SHA-256.
#[derive(Clone, Debug)]
pub struct NewRefresh {
    pub hash: [u8; 32],
    pub expires_at: UnixMs,
}

/// A refresh token is shown, to be spent for a new one.
#[derive(Clone, Debug)]
pub struct Rotate {
    pub shown: [u8; 32],
    /// SHA-256 of the client's name for this attempt. The same attempt may be made again when its answer was lost.
    pub attempt: Option<[u8; 32]>,
    pub next: NewRefresh,
    pub at: UnixMs,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rotated {
    Spent {
        user: User,
        device_id: DeviceId,
    },
    /// It was spent before: its device is revoked.
    Reused {
        device_id: DeviceId,
    },
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    Favourite,
    Blocked,
}

#[derive(Clone, Debug)]
pub struct NewRoom {
    pub id: RoomId,
    pub kind: RoomKind,
    pub name: String,
    pub topic: String,
    pub visibility: Visibility,
    pub max_members: u32,
    pub owner: UserId,
    pub others: Vec<UserId>,
    pub at: UnixMs,
}

/// What follows from a member leaving or being removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Left {
    Member,
    /// The last one left, and the room with them. Guests cannot keep it: these lost it too.
    RoomGone {
        guests: Vec<UserId>,
    },
}

#[derive(Clone, Debug)]
pub struct NewInvite {
    pub id: InviteId,
    pub code: String,
    pub at: UnixMs,
    pub expires_at: Option<UnixMs>,
    pub max_uses: Option<u32>,
}

#[derive(Clone, Debug)]
pub struct Search {
    pub query: SearchQuery,
    /// Only in this room.
    pub room_id: Option<RoomId>,
    /// The `next` of the page before, as it came from outside.
    pub before: Option<String>,
    pub limit: u32,
}

/// See the module's first page. Methods that take `asker` refuse what that person may not see with `not_found`.
pub trait Store: ExportStore + FileStore + ProfileStore + TenantStore {
    fn create_user(&self, new: NewUser) -> Answer<User>;
    fn credentials(&self, tenant: TenantId, email: String) -> Answer<Option<Credentials>>;
    fn set_password(&self, user_id: UserId, password_hash: String) -> Answer<()>;

    /// Also revokes the least used devices beyond [`DEVICES_PER_USER`]; returns those.
    fn create_device(&self, new: NewDevice) -> Answer<Vec<DeviceId>>;
    fn rotate_refresh(&self, rotate: Rotate) -> Answer<Rotated>;
    /// The person of a device that is not revoked.
    fn device_user(&self, device_id: DeviceId) -> Answer<Option<User>>;
    fn touch_devices(&self, devices: Vec<DeviceId>, at: UnixMs) -> Answer<()>;
    fn devices(&self, user_id: UserId) -> Answer<Vec<Device>>;
    /// False when there is no such device of the person.
    fn revoke_device(&self, user_id: UserId, device_id: DeviceId) -> Answer<bool>;
    fn revoke_other_devices(&self, user_id: UserId, keep: DeviceId) -> Answer<Vec<DeviceId>>;

    /// Presence is left `offline`: whoever knows it puts it in.
    fn search_people(&self, asker: UserId, query: String, after: Option<UserId>, limit: u32) -> Answer<Vec<Person>>;
    fn person(&self, asker: UserId, user_id: UserId) -> Answer<Person>;
    fn marked_people(&self, asker: UserId, mark: Mark) -> Answer<Vec<Person>>;
    fn set_mark(&self, asker: UserId, other: UserId, mark: Mark, on: bool) -> Answer<()>;

    /// The room and whether it is new: a direct room of the same two is returned as it is.
    fn create_room(&self, new: NewRoom) -> Answer<(Room, bool)>;
    fn rooms(&self, asker: UserId, after: Option<RoomId>, limit: u32) -> Answer<Vec<Room>>;
    fn room(&self, asker: UserId, room_id: RoomId) -> Answer<Room>;
    fn members(&self, asker: UserId, room_id: RoomId, after: Option<UserId>, limit: u32) -> Answer<Vec<Member>>;
    /// The room, and the guests that it lost by taking no more.
    fn change_room(&self, asker: UserId, room_id: RoomId, change: ChangeRoom) -> Answer<(Room, Vec<UserId>)>;
    /// The members that it had.
    fn delete_room(&self, asker: UserId, room_id: RoomId) -> Answer<Vec<UserId>>;
    fn add_members(&self, asker: UserId, room_id: RoomId, members: Vec<UserId>, at: UnixMs) -> Answer<Room>;
    fn remove_member(&self, asker: UserId, room_id: RoomId, user_id: UserId) -> Answer<Left>;
    fn change_member(&self, asker: UserId, room_id: RoomId, user_id: UserId, role: MemberRole) -> Answer<Room>;
    /// Guests see none.
    fn public_rooms(&self, asker: UserId, query: String, after: Option<RoomId>, limit: u32) -> Answer<Vec<PublicRoom>>;
    fn join_room(&self, asker: UserId, room_id: RoomId, at: UnixMs) -> Answer<Room>;
    fn set_notify(&self, asker: UserId, room_id: RoomId, level: NotifyLevel) -> Answer<Room>;

    fn create_invite(&self, asker: UserId, room_id: RoomId, new: NewInvite) -> Answer<Invite>;
    fn invites(&self, asker: UserId, room_id: RoomId) -> Answer<Vec<Invite>>;
    fn revoke_invite(&self, asker: UserId, room_id: RoomId, invite_id: InviteId) -> Answer<()>;
    fn accept_invite(&self, asker: UserId, code: String, at: UnixMs) -> Answer<Room>;

    fn history(&self, asker: UserId, room_id: RoomId, query: HistoryQuery) -> Answer<HistoryPage>;
    fn changes(&self, asker: UserId, room_id: RoomId, after: u64, limit: u32) -> Answer<ChangesPage>;
    fn message(&self, asker: UserId, room_id: RoomId, message_id: MessageId) -> Answer<Message>;
    /// What the message says and said before, the newest first. Empty for what has no text.
    fn message_versions(&self, asker: UserId, room_id: RoomId, message_id: MessageId) -> Answer<Vec<MessageVersion>>;
    /// The newest pin first.
    fn pins(&self, asker: UserId, room_id: RoomId) -> Answer<Vec<Message>>;
    fn thread(&self, asker: UserId, room_id: RoomId, root: MessageId, after: Seq, limit: u32) -> Answer<ThreadPage>;
    /// Looks in the rooms of the asker and nowhere else. A page may be short, even empty, and still have a `next`: a search stops
    /// after so many messages.
    fn search(&self, asker: UserId, search: Search) -> Answer<SearchPage>;

    /// Keeps what the person's app measured in a call that they took part in, in the place of what it reported before.
    fn put_call_report(&self, asker: UserId, call_id: CallId, report: CallReport, at: UnixMs) -> Answer<()>;
    /// What everybody's app measured, for those who took part.
    fn call_reports(&self, asker: UserId, call_id: CallId) -> Answer<Vec<StoredReport>>;

    /// Does what the core asks for.
    fn perform(&self, work: Work) -> Pin<Box<dyn Future<Output = Answered> + Send>>;
    /// The calls that went on when the relay stopped.
    fn open_calls(&self) -> Answer<Vec<(OpenCall, Roster)>>;

    /// Removes a part of what deleted rooms, expired tokens and used-up invites left. True: there is more.
    fn sweep(&self, at: UnixMs) -> Answer<bool>;
    /// Reads something, and commits something small unless that was done a moment ago: then its outcome counts.
    fn ping(&self) -> Answer<()>;
}

/// Devices that one person may have signed in.
pub const DEVICES_PER_USER: u32 = 64;
/// Unread messages are counted up to here.
pub const UNREAD_COUNTED: u32 = 1_000;
/// A refresh whose answer was lost may be repeated for this long.
pub const REFRESH_REPEAT_MS: i64 = 60_000;

/// The id under which a call's entry is stored: one entry a call.
pub fn entry_client_id(call_id: CallId) -> ClientMessageId {
    ClientMessageId::from_bytes(*call_id.as_bytes())
}
