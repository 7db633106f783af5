//! What comes into the core and what it wants done.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use parley_shared::ids::{CallId, DeviceId, FileId, InviteId, MessageId, ParticipantId, RoomId, Seq, UnixMs, UserId};
use parley_shared::view::{
    CallDetailsView, Command, CommandError, DeviceProblemCode, DraftFile, HistoryProtection, HistoryUsage,
    InviteInfoView, InviteView, MessageVersionView, MessageView, Notice, ProfileView, PublicRoomItem, Query,
    ReceiptsView, RelayView, SearchResults, SecretKeeping, SignedInDevice, Snapshot, ViewEvent, VoiceView,
};
use parley_shared::wire::{
    AddMembers, Attachment, CallReport, ChangeMember, ChangePassword, ChangeProfile, ChangeRoom, ChangesPage,
    CreateInvite, CreateRoom, DeleteAccount, Device, Event, Hint, HistoryPage, HistoryQuery, IceServer, Invite,
    InviteInfo, JoinAsGuest, Message, MessageVersion, Person, Profile, PublicRoom, RelayInfo, Reply, Request, Room,
    SearchPage, SearchRequest, Session, SignIn, SignUp, Signal, StoredReport, ThreadPage, UploadPurpose, Welcome,
    WireError,
};

use serde::Serialize;

pub use super::disk::*;
use super::export::{ExportEvent, ExportId, ExportJob, ExportWish};
use super::history_key::HistoryKey;
use super::outbox::Pending;
use super::preferences::{Account, DeviceChoice, Preferences};
use super::rooms::RoomRecord;

/// The time of an input: `clock` only grows and measures, `wall` is what people read.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    pub clock: Duration,
    pub wall: UnixMs,
}

/// Ties an answer to the one who asked; chosen by the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReplyId(pub u64);

/// Ties a result to what was asked of the relay; chosen by the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OpId(pub u64);

#[derive(Debug)]
pub enum Input {
    Started(Box<Preferences>),
    Command(ReplyId, Command),
    Query(ReplyId, Query),
    Secrets(SecretsAnswer),
    /// The local history of the account is open; `None` when the disk refused.
    StoreOpened(Option<Box<Cached>>),
    PageLoaded {
        room_id: RoomId,
        at: PageAt,
        page: Page,
    },
    /// Those of the asked that are on disk.
    MessagesFound {
        room_id: RoomId,
        ids: Vec<MessageId>,
        messages: Vec<Message>,
    },
    PlaceFound {
        room_id: RoomId,
        jump: u32,
        seq: Option<Seq>,
        /// What stands there, when it is on disk.
        message: Option<Box<Message>>,
    },
    ThreadLoaded {
        thread_id: MessageId,
        root: Option<Box<Message>>,
        messages: Vec<Message>,
    },
    UnreadCounted {
        room_id: RoomId,
        after: Seq,
        unread: Unread,
    },
    /// The message answers one of mine, or stands in a thread that I wrote in.
    ToMe(Box<Message>),
    FirstsFound {
        since: UnixMs,
        firsts: Firsts,
    },
    /// None when the disk refused.
    StoreAnswered(ReplyId, Option<StoreAnswer>),
    ApiDone(OpId, Result<ApiReply, CallFailure>),
    /// A file that was handed over is kept on the disk, or was refused.
    FileAttached(ReplyId, Result<DraftFile, CommandError>),
    Upload(UploadId, UploadEvent),
    /// What a person wants in a file, and where.
    ExportAsked(ReplyId, ExportWish, PathBuf),
    Export(ExportId, ExportEvent),
    Link(LinkEvent),
    Media(MediaEvent),
    /// The client closes: a call that it is in ends for it, one that rings goes on ringing elsewhere.
    Ending,
    /// A time that [`super::Core::poll_timeout`] named has come.
    Tick,
}

/// What the disk holds of an account.
#[derive(Debug, Default)]
pub struct Cached {
    pub rooms: Vec<RoomRecord>,
    pub people: Vec<Person>,
    pub outbox: Vec<Pending>,
    /// The key opened no history that was there: this is a new one.
    pub lost: bool,
}

#[derive(Debug)]
pub enum SecretsAnswer {
    /// The place for tokens is known, and what it held for the account.
    Ready { keeping: SecretKeeping, found: Option<Box<Session>> },
    /// An encrypted file waits for its passphrase.
    Locked { wrong: bool },
    /// The key of an account's history, and what protects it.
    HistoryKey { key: HistoryKey, protection: HistoryProtection },
    /// [`SecretsJob::Keep`] is done.
    Kept(Result<SecretKeeping, String>),
    /// A session could not be written: it lasts only as long as the process.
    SaveFailed,
}

/// From the socket.
#[derive(Debug)]
pub enum LinkEvent {
    Connecting,
    Welcome(Box<Welcome>),
    Event(Box<Event>),
    Hint(Hint),
    RequestDone(OpId, Result<Reply, CallFailure>),
    Offline {
        retry_in: Duration,
    },
    /// The relay takes the tokens no longer; nothing more comes.
    SignedOut {
        revoked: bool,
    },
    /// The relay speaks another version.
    UnsupportedVersion,
}

/// Why the relay gave no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallFailure {
    /// It refused.
    Refused(WireError),
    /// It does not answer.
    Offline,
    /// The session ended before the answer came: it may have been done, or not.
    Lost,
    /// Its answer makes no sense to this version.
    Garbled,
}

#[derive(Debug)]
pub enum Effect {
    Reply(ReplyId, Result<Answer, CommandError>),
    Show(Box<ViewEvent>),
    SavePreferences(Box<Preferences>),
    Secrets(SecretsJob),
    OpenStore {
        account: Account,
        key: HistoryKey,
        protection: HistoryProtection,
    },
    /// Closes the local history, and removes it when `wipe`.
    CloseStore {
        wipe: bool,
    },
    Store(StoreJob),
    /// Answered by [`Input::StoreAnswered`].
    AskStore(ReplyId, ReadJob),
    Api(OpId, ApiCall),
    StartLink {
        relay_url: String,
        session: Box<Session>,
    },
    StopLink,
    Reconnect,
    Idle(bool),
    Request(OpId, Request),
    Files(FilesJob),
    Export(Box<ExportJob>),
    /// What it wrote goes; it tells when it has.
    StopExport(ExportId),
    Media(MediaCommand),
}

/// What a command or a query is answered with; in JSON it is the bare answer.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Answer {
    Done,
    Snapshot(Box<Snapshot>),
    PublicRooms(Vec<PublicRoomItem>),
    Invite(Box<InviteView>),
    Invites(Vec<InviteView>),
    InviteInfo(InviteInfoView),
    Relay(RelayView),
    CallDetails(Box<CallDetailsView>),
    Search(SearchResults),
    Versions(Vec<MessageVersionView>),
    Receipts(ReceiptsView),
    Messages(Vec<MessageView>),
    Usage(HistoryUsage),
    Profile(Box<ProfileView>),
    SignedInDevices(Vec<SignedInDevice>),
    Draft(Box<DraftFile>),
    /// False: it was cancelled.
    Exported(bool),
}

#[derive(Debug)]
pub enum SecretsJob {
    Load {
        account: Option<Account>,
        keeping: super::preferences::Keeping,
    },
    Save {
        account: Account,
        session: Box<Session>,
    },
    Unlock {
        account: Account,
        passphrase: String,
    },
    Keep {
        passphrase: Option<String>,
    },
    /// The key of the account's history, made when there is none.
    HistoryKey {
        account: Account,
    },
    /// `history`: the key of the account's history too.
    Forget {
        account: Account,
        history: bool,
    },
}

/// Ties what is told of an upload to what was asked; chosen by the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UploadId(pub u64);

#[derive(Debug)]
pub enum UploadEvent {
    /// The relay knows of it.
    Created(FileId),
    /// So much of it has left; it may go back when a connection broke.
    Sent {
        bytes: u64,
    },
    Done(Attachment),
    Failed(UploadFailure),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UploadFailure {
    Relay(CallFailure),
    /// The file is not on the disk any more, or damaged.
    Unreadable,
}

/// To whoever keeps files and carries them.
#[derive(Debug)]
pub enum FilesJob {
    /// Removes the drafts but for these.
    Sweep {
        keep: BTreeSet<String>,
    },
    Discard(Vec<String>),
    /// Keeps a draft's bytes as those of the relay's file too.
    Adopt {
        key: String,
        id: FileId,
    },
    /// Sends a draft; goes on with the upload that the relay knows as `known`.
    Upload {
        upload: UploadId,
        file: DraftFile,
        purpose: UploadPurpose,
        known: Option<FileId>,
    },
    /// Tells nothing more of an upload.
    StopUpload(UploadId),
    /// The relay may forget these uploads.
    GiveUp(Vec<FileId>),
    /// Removes what the relay has too.
    WipeCache,
}

#[derive(Debug)]
pub enum ApiCall {
    SignUp {
        relay_url: String,
        body: SignUp,
    },
    SignIn {
        relay_url: String,
        body: SignIn,
    },
    SignOut,
    People {
        query: String,
    },
    SetFavourite(UserId, bool),
    SetBlocked(UserId, bool),
    Rooms,
    CreateRoom(CreateRoom),
    ChangeRoom(RoomId, ChangeRoom),
    SetNotify(RoomId, parley_shared::wire::SetNotify),
    DeleteRoom(RoomId),
    JoinRoom(RoomId),
    AcceptInvite(String),
    JoinAsGuest {
        relay_url: String,
        code: String,
        body: JoinAsGuest,
    },
    Relay {
        relay_url: String,
    },
    InviteInfo {
        relay_url: String,
        code: String,
    },
    AddMembers(RoomId, AddMembers),
    RemoveMember(RoomId, UserId),
    ChangeMember(RoomId, UserId, ChangeMember),
    PublicRooms {
        query: String,
    },
    /// Without a room: to the relay, here and below.
    CreateInvite(Option<RoomId>, CreateInvite),
    Invites(Option<RoomId>),
    RevokeInvite(Option<RoomId>, InviteId),
    History(RoomId, HistoryQuery),
    Changes {
        room_id: RoomId,
        after: parley_shared::ids::Change,
    },
    Message(RoomId, MessageId),
    Thread {
        room_id: RoomId,
        thread_id: MessageId,
        after: Option<Seq>,
    },
    Versions(RoomId, MessageId),
    Pins(RoomId),
    Search(SearchRequest),
    ReportCall(CallId, Box<CallReport>),
    CallReports(CallId),
    Profile,
    ChangeProfile(ChangeProfile),
    ChangePassword(ChangePassword),
    DeleteAccount(DeleteAccount),
    Devices,
    RevokeDevice(DeviceId),
    RevokeOtherDevices,
}

#[derive(Debug)]
pub enum ApiReply {
    Done,
    Session(Box<Session>),
    People(Vec<Person>),
    Rooms(Vec<Room>),
    Room(Box<Room>),
    PublicRooms(Vec<PublicRoom>),
    Invite(Invite),
    Invites(Vec<Invite>),
    InviteInfo(InviteInfo),
    Relay(RelayInfo),
    History(HistoryPage),
    Changes(ChangesPage),
    Message(Box<Message>),
    Messages(Vec<Message>),
    Thread(Box<ThreadPage>),
    Versions(Vec<MessageVersion>),
    Search(SearchPage),
    CallReports(Vec<StoredReport>),
    Profile(Box<Profile>),
    Devices(Vec<Device>),
}

/// To whoever holds devices and connections.
#[derive(Debug)]
pub enum MediaCommand {
    /// Opens my microphone and speaker, and my camera when `camera`.
    OpenLocal {
        devices: DeviceChoice,
        voice: VoiceView,
        camera: bool,
        muted: bool,
    },
    CloseLocal,
    SetMuted(bool),
    SetCamera(bool),
    UseDevices(DeviceChoice),
    SetVoice(VoiceView),
    OpenPeer {
        participant: ParticipantId,
        /// Where its picture goes.
        stream: u32,
        /// I joined after it: I offer.
        offers: bool,
        ice_servers: Vec<IceServer>,
        /// Neither side learns the other's address.
        relay_only: bool,
        volume_pct: u16,
    },
    Signal {
        participant: ParticipantId,
        signal: Signal,
    },
    ClosePeer(ParticipantId),
    SetVolume {
        participant: ParticipantId,
        volume_pct: u16,
    },
    /// While a preview is open, it opens or closes its camera.
    StartPreview {
        devices: DeviceChoice,
        voice: VoiceView,
        camera: bool,
    },
    StopPreview,
    /// Keeps [`MediaEvent::Devices`] coming also while no device is open.
    WatchDevices(bool),
    PlayTestSound(DeviceChoice),
}

#[derive(Debug)]
pub enum MediaEvent {
    Signal {
        participant: ParticipantId,
        signal: Signal,
    },
    Peer {
        participant: ParticipantId,
        state: PeerPhase,
    },
    FirstVideo {
        participant: ParticipantId,
    },
    /// A device of mine is open and works.
    DeviceStarted {
        kind: parley_shared::view::DeviceKindView,
        name: String,
    },
    /// One that is open works again.
    DeviceHealed(parley_shared::view::DeviceKindView),
    DeviceFailed {
        kind: parley_shared::view::DeviceKindView,
        code: DeviceProblemCode,
    },
    /// My microphone hears a voice while it is muted, or no longer.
    SpeakingWhileMuted(bool),
    Levels(parley_shared::view::LevelsView),
    /// Without names and verdicts: those are the core's.
    Stats(Vec<parley_shared::view::ParticipantStats>),
    /// The devices of this machine; comes again whenever they change, while any is open or the list is watched.
    Devices(Vec<parley_media::DeviceInfo>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerPhase {
    Connecting,
    Connected,
    Reconnecting,
    Failed,
}

impl Effect {
    /// Something to say once.
    pub fn notice(kind: parley_shared::view::NoticeKind, code: &str, subject: Option<String>) -> Self {
        let notice = Notice { kind, code: code.to_owned(), subject, instead: None };
        Self::Show(Box::new(ViewEvent::Notice(notice)))
    }
}
