//! Messages: what is stored, and bodies of `/api/v1/rooms/{id}/messages`.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::ids::{CallId, Change, ClientMessageId, MessageId, RoomId, Seq, UnixMs, UserId};

/// A message as the relay stored it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    pub body: MessageBody,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum MessageBody {
    Text {
        text: String,
    },
    /// The text is gone for everyone; the place remains.
    Deleted,
    /// Written by the relay when a call ends; `sender_id` is the caller.
    Call {
        call_id: CallId,
        outcome: CallOutcome,
        duration_s: u32,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
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

/// `GET /api/v1/rooms/{id}/messages` with at most one of `before` and `after` (exclusive), or `at_ms` for the first message at or after a
/// time; `limit` up to [`crate::limits::PAGE_ITEMS`]. Always in ascending order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryQuery {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Seq>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Seq>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_ms: Option<UnixMs>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// A page of history, ascending by `seq`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
pub struct ChangesPage {
    pub messages: Vec<Message>,
    pub has_more: bool,
}
