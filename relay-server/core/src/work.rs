//! What the core asks of the store, and what comes back. The driver carries both; answers come in the order of asking.

use std::sync::Arc;

use parley_shared::ids::{
    CallId, ClientMessageId, DeviceId, FileId, MessageId, RequestId, RoomId, Seq, SessionId, UnixMs, UserId,
};
use parley_shared::wire::{CallOutcome, MediaState, Message, Room, RoomKind, User, WireError};

/// Ties an answer to its question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// One question to the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// → [`Done::Stored`].
    SendMessage(NewMessage),
    /// → [`Done::Changed`].
    EditMessage { room_id: RoomId, user_id: UserId, message_id: MessageId, text: String, at: UnixMs },
    /// → [`Done::Changed`].
    DeleteMessage { room_id: RoomId, user_id: UserId, message_id: MessageId, at: UnixMs },
    /// → [`Done::Changed`].
    SetReaction { room_id: RoomId, user_id: UserId, message_id: MessageId, emoji: String, on: bool },
    /// → [`Done::Changed`].
    SetPinned { room_id: RoomId, user_id: UserId, message_id: MessageId, pinned: bool, at: UnixMs },
    /// → [`Done::Marked`]. `read` none: only delivered.
    Mark { room_id: RoomId, user_id: UserId, delivered: Seq, read: Option<Seq> },
    /// → [`Done::Roster`].
    Roster { room_id: RoomId, user_id: UserId },
    /// Remembers a call, so that a restarted relay knows of it. → [`Done::Nothing`].
    OpenCall(OpenCall),
    /// Remembers that a person took part in a call. → [`Done::Nothing`].
    SeatInCall(CallSeat),
    /// Writes the entry of a call that ended and forgets the call. → [`Done::Stored`].
    CloseCall(CallEntry),
    /// The room as each of `users` that is a member sees it. → [`Done::RoomViews`].
    RoomViews { room_id: RoomId, users: Vec<UserId> },
    /// Who sees this person's presence. → [`Done::People`].
    Audience { user_id: UserId },
    /// Whose presence this person sees. → [`Done::People`].
    Watched { user_id: UserId },
    /// → [`Done::Nothing`].
    LastSeen { user_id: UserId, at: UnixMs },
}

/// An answer of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// `fresh` is false when the same message had been stored before.
    Stored {
        message: Box<Message>,
        /// The first message of the thread that it stands in, as it is after it.
        root: Option<Box<Message>>,
        members: Arc<[UserId]>,
        fresh: bool,
    },
    Changed {
        message: Box<Message>,
        members: Arc<[UserId]>,
        fresh: bool,
    },
    /// `fresh` is false when nothing grew.
    Marked {
        delivered: Seq,
        read: Seq,
        members: Arc<[UserId]>,
        fresh: bool,
    },
    Roster(Roster),
    RoomViews {
        members: Vec<UserId>,
        views: Vec<(UserId, Room)>,
    },
    People(Vec<UserId>),
    Nothing,
}

pub type Answered = Result<Done, WireError>;

/// A message to be stored. The store gives it its place and its change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMessage {
    pub id: MessageId,
    pub room_id: RoomId,
    pub sender_id: UserId,
    pub client_id: ClientMessageId,
    /// May be empty beside attachments.
    pub text: String,
    pub reply_to: Option<MessageId>,
    pub thread_id: Option<MessageId>,
    pub attachments: Vec<FileId>,
    pub at: UnixMs,
}

/// A call that goes on, as the store remembers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenCall {
    pub id: CallId,
    pub room_id: RoomId,
    pub caller: User,
    pub started_at: UnixMs,
    /// Set once somebody answered.
    pub answered_at: Option<UnixMs>,
}

/// Somebody who entered a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallSeat {
    pub call_id: CallId,
    pub room_id: RoomId,
    pub user_id: UserId,
    pub at: UnixMs,
}

/// The entry that a call leaves in its room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallEntry {
    pub message_id: MessageId,
    pub room_id: RoomId,
    pub call_id: CallId,
    pub caller_id: UserId,
    pub outcome: CallOutcome,
    pub duration_s: u32,
    pub at: UnixMs,
}

/// Who is in a room, as one of its members may call them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roster {
    pub room_id: RoomId,
    pub kind: RoomKind,
    pub archived: bool,
    pub members: Vec<RosterMember>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RosterMember {
    pub user_id: UserId,
    pub bot: bool,
    /// One of the two has blocked the other.
    pub blocked: bool,
}

/// Who waits for an answer.
#[derive(Clone, Debug)]
pub(crate) enum Waiting {
    Message(Asker),
    Mark { asker: Asker, room_id: RoomId },
    Typing { asker: Asker, typing: bool },
    StartCall { asker: Asker, call_id: CallId, media: MediaState },
    RejoinCall { asker: Asker, call_id: CallId, participant_id: parley_shared::ids::ParticipantId, media: MediaState },
    CallEntry,
    RoomViews { room_id: RoomId },
    Audience { user_id: UserId },
    Watched { session_id: SessionId },
    Nobody,
}

/// A request of a session.
#[derive(Clone, Debug)]
pub(crate) struct Asker {
    pub session_id: SessionId,
    pub request_id: RequestId,
    pub user: User,
    pub device_id: DeviceId,
}
