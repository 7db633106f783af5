//! What the webview asks for.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{Accent, Density, DeviceKindView, DoNotDisturb, JoinChoice, Theme, VoiceView};
use crate::ids::{CallId, ClientMessageId, DeviceId, InviteId, MessageId, ParticipantId, RoomId, Seq, UnixMs, UserId};
use crate::wire::{DeclineReason, ErrorCode, MemberRole, NotifyLevel, Visibility};

/// Something to do. It answers when it is done or refused ([`CommandError`]); what changed comes as events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Command {
    SignUp {
        relay_url: String,
        display_name: String,
        email: String,
        password: String,
        /// For a relay that takes new people by invite: a code, or a link that ends in one.
        registration_code: Option<String>,
    },
    /// Joins a room by a link, with a name and no account.
    JoinAsGuest {
        link: String,
        display_name: String,
    },
    SignIn {
        relay_url: String,
        email: String,
        password: String,
    },
    SignOut,
    /// Opens the encrypted file of a machine without a keyring.
    Unlock {
        passphrase: String,
    },
    /// Chooses what a machine without a keyring does with the session: a file under this passphrase, or (none) asking each time.
    KeepSecrets {
        passphrase: Option<String>,
    },
    /// Tries the relay now rather than at the next turn of the backoff.
    Reconnect,

    SearchPeople {
        query: String,
    },
    SetFavourite {
        user_id: UserId,
        favourite: bool,
    },
    SetBlocked {
        user_id: UserId,
        blocked: bool,
    },
    /// Opens the direct room with a person, making it when there is none.
    OpenDirect {
        user_id: UserId,
    },
    CreateGroup {
        name: String,
        topic: String,
        visibility: Visibility,
        members: Vec<UserId>,
    },
    JoinRoom {
        room_id: RoomId,
    },
    /// Joins by an invite code or a link that ends in one.
    JoinByInvite {
        code: String,
    },
    OpenRoom {
        room_id: RoomId,
    },
    CloseRoom,
    RenameRoom {
        room_id: RoomId,
        name: String,
        topic: String,
    },
    ArchiveRoom {
        room_id: RoomId,
        archived: bool,
    },
    AddMembers {
        room_id: RoomId,
        members: Vec<UserId>,
    },
    RemoveMember {
        room_id: RoomId,
        user_id: UserId,
    },
    ChangeMember {
        room_id: RoomId,
        user_id: UserId,
        role: MemberRole,
    },
    LeaveRoom {
        room_id: RoomId,
    },
    DeleteRoom {
        room_id: RoomId,
    },
    /// Whether invites may be used without an account.
    SetGuests {
        room_id: RoomId,
        guests: bool,
    },
    SetNotify {
        room_id: RoomId,
        level: NotifyLevel,
    },
    /// `room_id` none: an invite to the relay.
    RevokeInvite {
        room_id: Option<RoomId>,
        invite_id: InviteId,
    },

    /// `text` with mentions as the wire has them; it may be empty beside attachments.
    SendMessage {
        room_id: RoomId,
        text: String,
        reply_to: Option<MessageId>,
        thread_id: Option<MessageId>,
        /// Keys that the shell gave for files ([`super::DraftFile`]).
        attachments: Vec<String>,
    },
    RetryMessage {
        room_id: RoomId,
        client_id: ClientMessageId,
    },
    /// Forgets a message that could not be sent, or whose files are still on their way.
    DiscardMessage {
        room_id: RoomId,
        client_id: ClientMessageId,
    },
    EditMessage {
        room_id: RoomId,
        message_id: MessageId,
        text: String,
    },
    DeleteMessage {
        room_id: RoomId,
        message_id: MessageId,
    },
    /// Takes back a file that was added to a message not yet sent.
    DiscardFile {
        key: String,
    },
    /// `emoji` is one emoji.
    SetReaction {
        room_id: RoomId,
        message_id: MessageId,
        emoji: String,
        on: bool,
    },
    SetPinned {
        room_id: RoomId,
        message_id: MessageId,
        pinned: bool,
    },
    LoadOlder {
        room_id: RoomId,
    },
    /// The window ends before the newest message: after a jump.
    LoadNewer {
        room_id: RoomId,
    },
    /// Shows another part of the open room; it opens the room when it is not.
    JumpTo {
        room_id: RoomId,
        to: JumpTarget,
    },
    OpenThread {
        room_id: RoomId,
        message_id: MessageId,
    },
    CloseThread,
    MarkRead {
        room_id: RoomId,
        seq: Seq,
    },
    SetTyping {
        room_id: RoomId,
        typing: bool,
    },
    SetDraft {
        room_id: RoomId,
        text: String,
    },

    StartCall {
        room_id: RoomId,
        camera: bool,
        muted: bool,
    },
    AcceptCall {
        camera: bool,
        muted: bool,
    },
    DeclineCall {
        reason: DeclineReason,
    },
    HangUp,
    SetMuted {
        muted: bool,
    },
    SetCamera {
        on: bool,
    },
    /// How loud I hear somebody in this call and in later ones: 0 to 200, 100 is as it comes.
    SetVolume {
        participant_id: ParticipantId,
        volume_pct: u16,
    },

    /// The list of devices is on the screen, or no longer: it is kept true while it is.
    WatchDevices {
        on: bool,
    },
    /// `id` none: the system's default.
    ChooseDevice {
        kind: DeviceKindView,
        id: Option<String>,
    },
    /// Opens the microphone, and the camera when `camera`, for me alone; nothing leaves the machine. Asked again, it opens or
    /// closes the camera.
    StartPreview {
        camera: bool,
    },
    StopPreview,
    /// Plays a short tone through the chosen speaker.
    PlayTestSound,
    /// Remembers how I enter calls.
    SetJoinChoice {
        join: JoinChoice,
    },

    SetVoice {
        voice: VoiceView,
    },
    /// From the next connection on.
    SetRelayOnly {
        relay_only: bool,
    },

    SetAppearance {
        theme: Theme,
        accent: Accent,
        density: Density,
    },
    SetLanguage {
        language: String,
    },
    /// How many days of history this device keeps; none is for ever.
    SetRetention {
        days: Option<u32>,
    },
    /// Removes the messages that this device keeps; those on the relay stay.
    WipeHistory,
    ChangeProfile {
        display_name: String,
        status_text: String,
        bio: String,
    },
    /// `key` of a [`super::DraftFile`]; none removes the picture.
    SetAvatar {
        key: Option<String>,
    },
    SetRoomAvatar {
        room_id: RoomId,
        key: Option<String>,
    },
    RevokeDevice {
        device_id: DeviceId,
    },
    RevokeOtherDevices,
    /// Signs out every other device.
    ChangePassword {
        old_password: String,
        new_password: String,
    },
    /// For good. It signs out and removes what this device keeps.
    DeleteAccount {
        password: String,
    },
    SetNotifications {
        enabled: bool,
        show_text: bool,
        sound: bool,
    },
    SetDoNotDisturb {
        do_not_disturb: DoNotDisturb,
    },
    /// The window has the focus, or lost it. From the shell.
    SetInFront {
        in_front: bool,
    },
    CancelExport,
    /// The person is idle, or back.
    SetIdle {
        idle: bool,
    },
}

/// A place in a room's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum JumpTarget {
    Newest,
    Place {
        seq: Seq,
    },
    /// The message that a reply answers, for one whose place is not known.
    Message {
        message_id: MessageId,
    },
    /// The first message at or after a moment.
    Moment {
        at_ms: UnixMs,
    },
}

/// Something to be told once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Query {
    /// → [`super::Snapshot`].
    Snapshot,
    /// → [`FramesEndpoint`]. Asked again after a reload: the token works once.
    Frames,
    /// → list of [`super::PublicRoomItem`].
    PublicRooms { query: String },
    /// → [`super::InviteView`]. `room_id` none: an invite to the relay, for admins. Absent bounds are none.
    CreateInvite { room_id: Option<RoomId>, expires_in_s: Option<u32>, max_uses: Option<u32> },
    /// → list of [`super::InviteView`], the newest first.
    Invites { room_id: Option<RoomId> },
    /// → [`super::InviteInfoView`]. A bare code is one of the relay that is signed in to.
    InviteInfo { link: String },
    /// → [`super::RelayView`].
    Relay { relay_url: String },
    /// → [`super::CallDetailsView`].
    CallDetails { call_id: CallId },
    /// → [`super::SearchResults`]. Asked of both sources at once, as one types: the device answers at once and without a network.
    Search {
        query: String,
        source: SearchSource,
        /// Only in this room.
        room_id: Option<RoomId>,
        /// [`super::SearchResults::next`] of the page before.
        before: Option<String>,
        /// Minutes that the clock on the wall is ahead of UTC.
        utc_offset_min: i32,
    },
    /// → list of [`super::MessageVersionView`], the present text first.
    MessageVersions { room_id: RoomId, message_id: MessageId },
    /// → [`super::ReceiptsView`].
    Receipts { room_id: RoomId, message_id: MessageId },
    /// → list of [`super::MessageView`], pinned last first.
    Pins { room_id: RoomId },
    /// → [`super::HistoryUsage`].
    HistoryUsage,
    /// → [`super::ProfileView`].
    Profile,
    /// → list of [`super::SignedInDevice`], the present one first.
    SignedInDevices,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum SearchSource {
    /// What was seen on this device.
    Device,
    Relay,
}

/// Where pictures come from: a WebSocket on the loopback.
///
/// The webview sends the token as its first text frame, then `{"tile":{"stream":2,"width":640,"height":360}}` for each tile that shows a stream
/// (width 0 when none does) and `{"ack":2}` after each frame it has drawn; at most one frame of a stream is under way.
/// A frame is binary, little-endian: u32 stream, u32 sequence, u16 width, u16 height, then I420 planes with tight strides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct FramesEndpoint {
    pub url: String,
    pub token: String,
}

/// Why a command was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CommandError {
    pub code: CommandErrorCode,
    /// One plain sentence in English, for codes that the webview does not know.
    pub message: String,
    /// The field of the command that is wrong.
    pub field: Option<String>,
    pub retry_after_s: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum CommandErrorCode {
    InvalidArgument,
    Unauthenticated,
    Forbidden,
    NotFound,
    Conflict,
    TooLarge,
    /// My files take all the space that I have on the relay.
    StorageFull,
    RateLimited,
    /// The relay says that it cannot.
    Unavailable,
    /// The relay does not answer.
    Offline,
    /// The relay speaks another version.
    UnsupportedVersion,
    /// The keyring or the disk refused.
    Storage,
    /// It needs someone signed in, an open room, a call: something that is not there.
    NotNow,
}

impl From<ErrorCode> for CommandErrorCode {
    fn from(code: ErrorCode) -> Self {
        match code {
            ErrorCode::InvalidArgument => Self::InvalidArgument,
            ErrorCode::Unauthenticated => Self::Unauthenticated,
            ErrorCode::Forbidden => Self::Forbidden,
            ErrorCode::NotFound => Self::NotFound,
            ErrorCode::Conflict => Self::Conflict,
            ErrorCode::TooLarge => Self::TooLarge,
            ErrorCode::StorageFull => Self::StorageFull,
            ErrorCode::UnsupportedMediaType | ErrorCode::Unavailable => Self::Unavailable,
            ErrorCode::RateLimited => Self::RateLimited,
            ErrorCode::UnsupportedVersion => Self::UnsupportedVersion,
        }
    }
}
