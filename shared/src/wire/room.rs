//! Rooms and their members: bodies of `/api/v1/rooms` and `/api/v1/invites`.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{Call, Message, User};
use crate::ids::{Change, FileId, InviteId, RoomId, Seq, UnixMs, UserId};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RoomKind {
    /// Exactly two people; the same two always get the same room.
    Direct,
    /// Members with a name and a history.
    Group,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Found and joined only by invitation.
    Private,
    /// Listed, and joined by anyone of the tenant.
    Public,
}

/// What a member may do in a room. Ordered: each may do all that the ones before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum MemberRole {
    Member,
    /// Invites, removes members, deletes messages, renames.
    Moderator,
    /// Also changes roles and deletes the room.
    Owner,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Member {
    pub user: User,
    pub role: MemberRole,
    /// The last message that reached a device of the member.
    pub delivered_seq: Seq,
    /// The last message that the member has seen.
    pub read_seq: Seq,
}

/// Which messages of a room an app notifies its person of, on all their devices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum NotifyLevel {
    #[default]
    All,
    Mentions,
    None,
}

/// `PUT /api/v1/rooms/{id}/notify` → [`Room`]. The person's other devices get `RoomChanged`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SetNotify {
    pub level: NotifyLevel,
}

/// A room as one of its members sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Room {
    pub id: RoomId,
    pub kind: RoomKind,
    /// Empty for a direct room: it is called after the other person.
    pub name: String,
    #[serde(default)]
    pub topic: String,
    pub visibility: Visibility,
    pub max_members: u32,
    #[serde(default)]
    pub archived: bool,
    pub created_at_ms: UnixMs,
    /// Every member of a direct room; the first [`crate::limits::PAGE_ITEMS`] of a group, the one who asks among them.
    pub members: Vec<Member>,
    pub member_count: u32,
    /// Place of the newest message, 0 when there is none.
    pub last_seq: Seq,
    /// The newest change of any message of the room.
    pub last_change: Change,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_message: Option<Message>,
    /// Messages of others after the asking member's `read_seq`.
    pub unread: u32,
    /// Those of them that mention the asking member.
    #[serde(default)]
    pub mentions: u32,
    /// Who has an invite may join without an account.
    #[serde(default)]
    pub guests: bool,
    /// What the asking member is notified of.
    #[serde(default)]
    pub notify: NotifyLevel,
    /// Its picture, for all who see the room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<FileId>,
    /// The call that goes on in the room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<Call>,
}

/// `POST /api/v1/rooms` → [`Room`]. A direct room names one other person and is returned as it is when it exists already.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CreateRoom {
    pub kind: RoomKind,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub topic: String,
    #[serde(default = "private")]
    pub visibility: Visibility,
    /// The other people. Blocked and unknown ones are `not_found`.
    #[serde(default)]
    pub members: Vec<UserId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_members: Option<u32>,
}

fn private() -> Visibility {
    Visibility::Private
}

/// `PATCH /api/v1/rooms/{id}` → [`Room`]. What is absent stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChangeRoom {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility: Option<Visibility>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_members: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guests: Option<bool>,
    /// An upload of mine with [`super::UploadPurpose::Avatar`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<FileId>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub remove_avatar: bool,
}

/// `POST /api/v1/rooms/{id}/members` → [`Room`]. `DELETE /api/v1/rooms/{id}/members/{user_id}` removes; one's own id leaves.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AddMembers {
    pub members: Vec<UserId>,
}

/// `PATCH /api/v1/rooms/{id}/members/{user_id}` → [`Room`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChangeMember {
    pub role: MemberRole,
}

/// One entry of `GET /api/v1/rooms/public?query=&after=&limit=`; `POST /api/v1/rooms/{id}/join` → [`Room`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PublicRoom {
    pub id: RoomId,
    pub name: String,
    pub topic: String,
    pub member_count: u32,
}

/// `POST /api/v1/rooms/{id}/invites` → [`Invite`] into the room; `POST /api/v1/registration-invites` → [`Invite`] to make an account.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CreateInvite {
    /// Seconds that the invite lives; absent is for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_s: Option<u32>,
    /// How many may use it; absent is any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_uses: Option<u32>,
}

/// `GET /api/v1/rooms/{id}/invites` → list, `DELETE /api/v1/rooms/{id}/invites/{invite_id}` revokes,
/// `POST /api/v1/invites/{code}/accept` → [`Room`]. The same below `/api/v1/registration-invites`, for admins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Invite {
    pub id: InviteId,
    /// 128 random bits in base64url: who has it may join.
    pub code: String,
    pub created_at_ms: UnixMs,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at_ms: Option<UnixMs>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_uses: Option<u32>,
    pub uses: u32,
}

/// `GET /api/v1/invites/{code}`: what somebody who has an invite is told before they use it, signed in or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum InviteInfo {
    Room {
        name: String,
        member_count: u32,
        /// It may be used without an account.
        guests: bool,
    },
    /// It lets one make an account.
    Registration,
}
