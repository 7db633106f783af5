//! The open room's messages.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{PersonItem, RoomDetails};
use crate::ids::{CallId, ClientMessageId, MessageId, RoomId, Seq, UnixMs, UserId};
use crate::wire::{AttachmentKind, CallOutcome};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct TimelineView {
    pub room: RoomDetails,
    /// Ascending; what waits to be sent comes last.
    pub messages: Vec<MessageView>,
    pub loading: bool,
    /// There are older messages; `LoadOlder` brings them.
    pub has_older: bool,
    pub loading_older: bool,
    /// Older messages could not be had: the relay is away and they are not on disk.
    pub older_failed: bool,
    /// The window ends before the newest message: after a jump. `LoadNewer` brings more, `JumpTo` the newest.
    pub has_newer: bool,
    pub loading_newer: bool,
    /// Where the last jump went.
    pub focus: Option<FocusView>,
    /// The first message that was unread when the room was opened.
    pub unread_from: Option<Seq>,
    /// Names of those who type, without me.
    pub typing: Vec<String>,
    /// What was written and not sent, kept across rooms and restarts.
    pub draft: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct MessageView {
    /// Stable from the first optimistic drawing on.
    pub client_id: ClientMessageId,
    /// Absent until stored.
    pub id: Option<MessageId>,
    pub seq: Option<Seq>,
    pub sender_id: UserId,
    pub sender_name: String,
    pub mine: bool,
    pub sent_at_ms: UnixMs,
    pub edited: bool,
    /// What it answers.
    pub reply: Option<ReplyView>,
    /// What follows it, when it begins a thread.
    pub thread: Option<ThreadSummaryView>,
    pub reactions: Vec<ReactionView>,
    pub pinned: bool,
    /// It names me, or everyone.
    pub mentions_me: bool,
    pub body: BodyView,
    pub state: MessageState,
    /// I may edit it, or delete it.
    pub can_edit: bool,
    pub can_delete: bool,
    /// I may pin it, or take the pin off.
    pub can_pin: bool,
    /// I may answer it and react to it: it is stored, and the room is open.
    pub can_answer: bool,
}

/// A message that another one answers, in one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ReplyView {
    pub message_id: MessageId,
    /// Absent while it is not known on this device.
    pub seq: Option<Seq>,
    pub sender_name: String,
    pub mine: bool,
    /// With names in the place of mentions; empty for a deleted message, one that is not known, and one that is only files.
    pub text: String,
    pub state: ReplyState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ReplyState {
    Known,
    Deleted,
    Unknown,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ThreadSummaryView {
    pub replies: u32,
    pub last_at_ms: UnixMs,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ReactionView {
    pub emoji: String,
    pub count: u32,
    pub mine: bool,
    /// Of the first who set it, without me.
    pub names: Vec<String>,
}

/// A message to bring into view and to mark for a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct FocusView {
    pub seq: Seq,
    /// Grows with every jump, so that the same place can be gone to twice.
    pub jump: u32,
}

/// A thread beside the room that is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ThreadView {
    pub room_id: RoomId,
    pub thread_id: MessageId,
    /// Absent until it came.
    pub root: Option<MessageView>,
    /// Ascending; what waits to be sent comes last.
    pub messages: Vec<MessageView>,
    pub loading: bool,
    /// It could not be had whole: the relay is away.
    pub failed: bool,
}

/// A file that the shell keeps for a message that is being written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct DraftFile {
    /// What commands and the address of its bytes call it.
    pub key: String,
    pub name: String,
    #[ts(type = "number")]
    pub size_bytes: u64,
    pub kind: AttachmentKind,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct AttachmentView {
    /// What the address of its bytes calls it: the relay's id of the file, or a [`DraftFile`]'s key until it is sent.
    pub key: String,
    pub name: String,
    #[ts(type = "number")]
    pub size_bytes: u64,
    pub kind: AttachmentKind,
    /// While it is on its way to the relay.
    pub upload: Option<UploadView>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct UploadView {
    #[ts(type = "number")]
    pub sent_bytes: u64,
}

/// One text of an edited message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct MessageVersionView {
    pub text: String,
    pub mentions: Vec<MentionView>,
    pub at_ms: UnixMs,
}

/// Who has a message of mine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ReceiptsView {
    pub read: Vec<PersonItem>,
    /// Have it on a device and have not seen it.
    pub delivered: Vec<PersonItem>,
    pub waiting: Vec<PersonItem>,
}

/// The name behind a mention in a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct MentionView {
    pub user_id: UserId,
    pub name: String,
    pub me: bool,
}

/// What a search found, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SearchResults {
    pub hits: Vec<SearchHit>,
    /// There is more: pass it as `before`.
    pub next: Option<String>,
    /// What is to be marked in the texts: words by their beginning, then phrases.
    pub words: Vec<String>,
    pub phrases: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SearchHit {
    pub room_id: RoomId,
    pub room_title: String,
    pub message: MessageView,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum BodyView {
    Text { text: String, mentions: Vec<MentionView>, attachments: Vec<AttachmentView> },
    Deleted,
    Call { call_id: CallId, outcome: CallOutcome, duration_s: u32 },
}

/// ```text
/// Sending --> Stored --> Delivered --> Read
///    `--> Failed --retry--> Sending
/// ```
/// Delivered and read when every other member has it. Other people's messages are `Stored`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum MessageState {
    Sending,
    Stored,
    Delivered,
    Read,
    Failed {
        /// Stable word, such as `rate_limited`.
        code: String,
    },
}
