//! The list of rooms and people.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::ids::{FileId, RoomId, UnixMs, UserId};
use crate::wire::{MemberRole, NotifyLevel, Presence, RoomKind, Visibility};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RoomsView {
    /// True until the list is known, from disk or from the relay.
    pub loading: bool,
    /// Unread first, then by the time of the last message.
    pub rooms: Vec<RoomItem>,
    /// Unread messages that count on the app's icon: those that I want to be notified of.
    pub badge: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RoomItem {
    pub id: RoomId,
    pub kind: RoomKind,
    /// The room's name; for a direct room the other person's.
    pub title: String,
    /// The other person of a direct room.
    pub peer: Option<PersonItem>,
    pub unread: u32,
    /// Those of them that mention me.
    pub mentions: u32,
    /// The key of its picture; a direct room has the other person's.
    pub avatar: Option<FileId>,
    /// The last message in one line, empty when there is none.
    pub preview: Preview,
    pub last_at_ms: Option<UnixMs>,
    /// Names of those who type, without me.
    pub typing: Vec<String>,
    /// A call goes on in the room.
    pub in_call: bool,
    pub archived: bool,
    pub notify: NotifyLevel,
}

/// The last message of a room in one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Preview {
    Empty,
    Text {
        sender: String,
        mine: bool,
        /// With names in the place of mentions.
        text: String,
        /// Files that come with it: images, and others.
        images: u32,
        files: u32,
    },
    Deleted,
    /// `missed` is true when I was called and did not answer.
    Call {
        missed: bool,
    },
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PeopleView {
    pub query: String,
    pub loading: bool,
    /// Favourites first, then by name. Without me.
    pub people: Vec<PersonItem>,
    /// Set when the search could not be made.
    pub failed: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PersonItem {
    pub id: UserId,
    pub display_name: String,
    pub presence: Presence,
    pub last_seen_at_ms: Option<UnixMs>,
    pub favourite: bool,
    pub blocked: bool,
    pub bot: bool,
    /// The key of their picture.
    pub avatar: Option<FileId>,
    pub status_text: String,
    pub bio: String,
}

/// A member of the open room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct MemberItem {
    pub person: PersonItem,
    pub role: MemberRole,
    pub me: bool,
}

/// What the open room's header and its details show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RoomDetails {
    pub id: RoomId,
    pub kind: RoomKind,
    pub title: String,
    pub topic: String,
    pub visibility: Visibility,
    pub archived: bool,
    /// Who has an invite may join without an account.
    pub guests: bool,
    pub notify: NotifyLevel,
    pub avatar: Option<FileId>,
    /// The other person of a direct room.
    pub peer: Option<PersonItem>,
    pub my_role: MemberRole,
    pub members: Vec<MemberItem>,
    pub member_count: u32,
    /// A call goes on that I am not in and could join.
    pub joinable_call: bool,
    /// Names of those who are in that call.
    pub call_people: Vec<String>,
}

/// A public room that could be joined, as [`super::Query::PublicRooms`] finds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PublicRoomItem {
    pub id: RoomId,
    pub name: String,
    pub topic: String,
    pub member_count: u32,
}
