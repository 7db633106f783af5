//! The socket `/api/v1/socket`: one JSON object a text frame.
//!
//! ```text
//! connect --Hello--> Welcome --Request/Reply, Event/Ack--> ... --lost--> connect --Hello{resume}--> Welcome{resumed}
//! ```

use serde::{Deserialize, Serialize};

use super::{
    Call, CallEndReason, DeclineReason, IceServer, MediaState, Message, Presence, Room, Secret, Signal, User, WireError,
};
use crate::ids::{
    CallId, ClientMessageId, DeviceId, EventSeq, FileId, MessageId, ParticipantId, RequestId, RoomId, Seq, SessionId,
    UnixMs, UserId,
};

/// From the app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientMsg {
    /// The first message on every socket.
    Hello {
        version: u32,
        access_token: Secret,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resume: Option<Resume>,
    },
    /// Asks for something. A session answers each id once; a repeated id gets the first answer again, so that a request
    /// whose reply was lost with its socket can be sent again without being done twice.
    Request { id: RequestId, request: Request },
    /// Every event up to and including this one has arrived.
    Ack { seq: EventSeq },
    /// Keeps the socket alive; answered by `pong`.
    Ping,
    /// The person is idle, or back. Needs no reply.
    Idle { idle: bool },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Resume {
    pub session_id: SessionId,
    /// The last event that arrived.
    pub last_seq: EventSeq,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Request {
    /// → [`Reply::Message`] once it is on disk. The same `client_id` gives the same message, however often it is sent.
    SendMessage {
        room_id: RoomId,
        client_id: ClientMessageId,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        text: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reply_to: Option<MessageId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        thread_id: Option<MessageId>,
        /// Uploads of mine that are complete and in no message yet.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        attachments: Vec<FileId>,
    },
    /// → [`Reply::Message`].
    EditMessage { room_id: RoomId, message_id: MessageId, text: String },
    /// → [`Reply::Message`].
    DeleteMessage { room_id: RoomId, message_id: MessageId },
    /// Sets or takes back my reaction: one emoji. → [`Reply::Message`].
    SetReaction { room_id: RoomId, message_id: MessageId, emoji: String, on: bool },
    /// Both of a direct room, moderators of a group. → [`Reply::Message`].
    SetPinned { room_id: RoomId, message_id: MessageId, pinned: bool },
    /// → [`Reply::Done`]. Receipts only grow; a lower one changes nothing.
    MarkDelivered { room_id: RoomId, seq: Seq },
    /// → [`Reply::Done`]. Reading includes delivery.
    MarkRead { room_id: RoomId, seq: Seq },
    /// → [`Reply::Done`]. Renewed every few seconds while it is true.
    SetTyping { room_id: RoomId, typing: bool },
    /// Starts a call, or joins the one that goes on in the room. → [`Reply::Call`].
    StartCall { room_id: RoomId, call_id: CallId, media: MediaState },
    /// Enters again, as the same participant, a call that went on when the relay restarted: for a device that was in it and whose
    /// welcome was not resumed and does not name it. Rings nobody. `not_found` when the relay does not remember the call
    /// (any more): the call is over. → [`Reply::Call`].
    RejoinCall { room_id: RoomId, call_id: CallId, participant_id: ParticipantId, media: MediaState },
    /// → [`Reply::Call`].
    AcceptCall { call_id: CallId, media: MediaState },
    /// → [`Reply::Done`].
    DeclineCall { call_id: CallId, reason: DeclineReason },
    /// Hangs up, or gives up ringing. → [`Reply::Done`].
    LeaveCall { call_id: CallId },
    /// → [`Reply::Done`].
    SetMedia { call_id: CallId, media: MediaState },
    /// → [`Reply::Done`] when it was passed on.
    Signal { call_id: CallId, to: ParticipantId, signal: Signal },
}

/// From the relay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerMsg {
    Welcome(Box<Welcome>),
    Reply {
        id: RequestId,
        reply: Reply,
    },
    /// A request failed (`id` is its), or what came was no message at all (no `id`). The socket stays open unless `fatal`.
    Error {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<RequestId>,
        error: WireError,
        #[serde(default)]
        fatal: bool,
    },
    /// Kept until it is acknowledged, and sent again after a resume.
    Event {
        seq: EventSeq,
        event: Event,
    },
    /// Not kept: the newest is all that counts.
    Hint {
        hint: Hint,
    },
    Pong,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Welcome {
    pub version: u32,
    pub session_id: SessionId,
    /// True when the session went on: unacknowledged events follow. False: fetch rooms and changes.
    pub resumed: bool,
    pub user: User,
    pub device_id: DeviceId,
    pub server_time_ms: UnixMs,
    pub ice_servers: Vec<IceServer>,
    /// Calls that ring for this person or that this device is in.
    pub calls: Vec<Call>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Reply {
    Done,
    Message {
        message: Box<Message>,
    },
    /// `participant_id` is the asking device in the call.
    Call {
        call: Box<Call>,
        participant_id: ParticipantId,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    MessageStored {
        message: Box<Message>,
    },
    /// Edited or deleted, or its reactions, pin or thread changed.
    MessageChanged {
        message: Box<Message>,
    },
    ReceiptChanged {
        room_id: RoomId,
        user_id: UserId,
        delivered_seq: Seq,
        read_seq: Seq,
    },
    /// A room of mine is new or changed: its name, topic, members, roles. It comes whole, as the receiver sees it.
    RoomChanged {
        room: Box<Room>,
    },
    /// I am no longer a member, or the room is gone.
    RoomRemoved {
        room_id: RoomId,
    },
    /// A person that I share a room with, or myself, changed name, picture, status or role.
    UserChanged {
        user: User,
    },
    /// A call rings for me, or its participants changed.
    CallChanged {
        call: Box<Call>,
    },
    CallEnded {
        call_id: CallId,
        room_id: RoomId,
        reason: CallEndReason,
    },
    CallSignal {
        call_id: CallId,
        from: ParticipantId,
        signal: Signal,
    },
    /// My session is over: the device was revoked or signed out. The socket closes after this.
    SignedOut,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Hint {
    Presence {
        user_id: UserId,
        presence: Presence,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last_seen_at_ms: Option<UnixMs>,
    },
    Typing {
        room_id: RoomId,
        user_id: UserId,
        typing: bool,
    },
}
