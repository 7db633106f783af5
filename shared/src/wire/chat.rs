//! Messages: what is stored, and bodies of `/api/v1/rooms/{id}/messages`.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::Attachment;
use crate::ids::{CallId, Change, ClientMessageId, MessageId, RoomId, Seq, UnixMs, UserId};

/// A message as the relay stored it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Message {
    pub id: MessageId,
    pub room_id: RoomId,
    /// Its place in the room. Never changes.
    pub seq: Seq,
    /// The room's change count when the message was last inserted, edited or deleted.
    pub change: Change,
    pub sender_id: UserId,
    /// The sender's own id of it.
    pub client_id: ClientMessageId,
    pub sent_at_ms: UnixMs,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited_at_ms: Option<UnixMs>,
    /// The message that it answers, of the same room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<MessageId>,
    /// The first message of the thread that it stands in; absent in the room's own flow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread_id: Option<MessageId>,
    /// What follows it, when it begins a thread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<ThreadSummary>,
    /// In the order of their first use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reactions: Vec<Reaction>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned_at_ms: Option<UnixMs>,
    pub body: MessageBody,
}

/// One emoji under a message and who set it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Reaction {
    pub emoji: String,
    /// The first [`crate::limits::REACTION_PEOPLE`], earliest first.
    pub user_ids: Vec<UserId>,
    pub count: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ThreadSummary {
    pub replies: u32,
    pub last_at_ms: UnixMs,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum MessageBody {
    /// `text` is Markdown; `<@user-id>` in it mentions a person and `<@everyone>` all members. It may be empty beside attachments.
    Text {
        text: String,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        attachments: Vec<Attachment>,
    },
    /// The text is gone for everyone; the place remains.
    Deleted,
    /// Written by the relay when a call ends; `sender_id` is the caller.
    Call { call_id: CallId, outcome: CallOutcome, duration_s: u32 },
}

impl MessageBody {
    /// A text without attachments.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into(), attachments: Vec::new() }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CallOutcome {
    /// People talked.
    Completed,
    /// Nobody answered, or the caller gave up.
    Missed,
    Declined,
    Busy,
    /// Nobody of the called was connected.
    Unreachable,
}

/// One earlier text of an edited message: `GET /api/v1/rooms/{id}/messages/{message_id}/versions` → list, newest first, the present one
/// first of all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MessageVersion {
    pub text: String,
    /// When it was written.
    pub at_ms: UnixMs,
}

/// `GET /api/v1/rooms/{id}/threads/{message_id}?after=&limit=`: the first message of a thread and those in it after a place, ascending.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ThreadPage {
    pub root: Message,
    pub messages: Vec<Message>,
    pub has_more: bool,
}

/// `GET /api/v1/search`: see [`crate::search`] for the query's syntax. `before` is the `next` of the page before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SearchRequest {
    pub query: String,
    /// Only in this room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room_id: Option<RoomId>,
    /// Minutes that the asker's clock is ahead of UTC: their days begin there.
    #[serde(default)]
    pub utc_offset_min: i32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// What a search found in the rooms of the one who asks, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SearchPage {
    pub messages: Vec<Message>,
    /// Where the next page begins; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// `GET /api/v1/rooms/{id}/messages` with at most one of `before` and `after` (exclusive), `around` for the page in whose middle a place
/// stands, or `at_ms` for the page that begins with the first message at or after a time; `limit` up to [`crate::limits::PAGE_ITEMS`]. Always in ascending order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HistoryQuery {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Seq>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Seq>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub around: Option<Seq>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_ms: Option<UnixMs>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// A page of history, ascending by `seq`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HistoryPage {
    pub messages: Vec<Message>,
    /// True when the room has messages before the first of this page.
    pub has_before: bool,
    /// True when the room has messages after the last of this page.
    pub has_after: bool,
}

/// `GET /api/v1/rooms/{id}/changes?after=&limit=`: every message changed since, ascending by `change`.
/// A client that was away asks until `has_more` is false and then has every insert, edit and deletion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChangesPage {
    pub messages: Vec<Message>,
    pub has_more: bool,
}
