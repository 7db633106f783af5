//! What is a person's own, in pages: an export of years holds the database no longer than any other reading.

use parley_shared::ids::{ClientMessageId, FileId, MessageId, RoomId, UnixMs, UserId};
use parley_shared::wire::{MemberRole, Message, MessageVersion, RoomKind, Visibility};
use serde::Serialize;

use super::{Answer, StoredFile};

/// A room of the one who asks, without what others say in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OwnRoom {
    pub id: RoomId,
    pub kind: RoomKind,
    /// Empty for a direct room.
    pub name: String,
    pub topic: String,
    pub visibility: Visibility,
    pub archived: bool,
    pub created_at_ms: UnixMs,
    pub joined_at_ms: UnixMs,
    pub my_role: MemberRole,
}

/// A message of the one who asks, without the reactions under it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OwnMessage {
    #[serde(flatten)]
    pub message: Message,
    /// What it said before it was edited, the newest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<MessageVersion>,
}

/// A page of messages. What is deleted takes its place on a page, too, so that one page is always little work.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnMessages {
    pub messages: Vec<OwnMessage>,
    /// Where the next page begins; None when there is nothing after this one.
    pub next: Option<ClientMessageId>,
}

/// An emoji that the one who asks put under a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OwnReaction {
    pub room_id: RoomId,
    pub message_id: MessageId,
    pub emoji: String,
    /// Where the next page begins.
    #[serde(skip)]
    pub place: i64,
}

/// The part of the store that gives people what is theirs. Pages are ascending and begin after what is named; an empty one is the end.
pub trait ExportStore: Send + Sync + 'static {
    fn own_rooms(&self, asker: UserId, after: Option<RoomId>) -> Answer<Vec<OwnRoom>>;
    /// What they wrote that is there, by their own ids of it, whether they are still in its room or not. The end is where `next` is None.
    fn own_messages(&self, asker: UserId, after: Option<ClientMessageId>) -> Answer<OwnMessages>;
    fn own_reactions(&self, asker: UserId, after_place: i64, after_emoji: String) -> Answer<Vec<OwnReaction>>;
    /// Complete uploads, whatever shows them.
    fn own_files(&self, asker: UserId, after: Option<FileId>) -> Answer<Vec<StoredFile>>;
}

/// Rows of one page.
pub const EXPORT_PAGE: u32 = 100;
