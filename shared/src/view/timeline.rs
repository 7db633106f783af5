//! The open room's messages.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::RoomDetails;
use crate::ids::{CallId, ClientMessageId, MessageId, Seq, UnixMs, UserId};
use crate::wire::CallOutcome;

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
    pub body: BodyView,
    pub state: MessageState,
    /// I may edit it, or delete it.
    pub can_edit: bool,
    pub can_delete: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum BodyView {
    Text { text: String },
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
