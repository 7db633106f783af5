//! Tests of the core on a virtual clock, with a relay that is played by hand.

mod accounts;
mod call_reports;
mod calls;
mod chat;
mod devices;
mod exports;
mod jumps;
mod notifications;
mod reducers;
mod session;
mod threads;
mod uploads;

use std::time::Duration;

use parley_shared::ids::*;
use parley_shared::view::*;
use parley_shared::wire::*;

use super::input::*;
use super::{Core, Preferences};

pub const ROOM: RoomId = RoomId::from_bytes([9; 16]);
pub const ME: UserId = UserId::from_bytes([1; 16]);
pub const MINA: UserId = UserId::from_bytes([2; 16]);
pub const MY_DEVICE: DeviceId = DeviceId::from_bytes([11; 16]);

pub fn user(id: UserId) -> User {
    let display_name = if id == ME { "Jo" } else { "Mina" }.to_owned();
    User { id, display_name, role: Role::Member, bot: false, avatar: None, status_text: String::new() }
}

pub fn member(id: UserId) -> Member {
    Member { user: user(id), role: MemberRole::Owner, delivered_seq: Seq(0), read_seq: Seq(0) }
}

pub fn direct_room() -> Room {
    Room {
        id: ROOM,
        kind: RoomKind::Direct,
        name: String::new(),
        topic: String::new(),
        visibility: Visibility::Private,
        max_members: 2,
        archived: false,
        created_at_ms: UnixMs(1),
        members: vec![member(ME), member(MINA)],
        member_count: 2,
        last_seq: Seq(0),
        last_change: Change(0),
        last_message: None,
        unread: 0,
        mentions: 0,
        guests: false,
        notify: NotifyLevel::All,
        avatar: None,
        call: None,
    }
}

/// A message as the relay stores it; its id follows from its place.
pub fn message(seq: u64, sender: UserId, text: &str) -> Message {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&seq.to_be_bytes());
    Message {
        id: MessageId::from_bytes(id),
        room_id: ROOM,
        seq: Seq(seq),
        change: Change(seq),
        sender_id: sender,
        client_id: ClientMessageId::from_bytes(id),
        sent_at_ms: UnixMs(i64::try_from(seq).unwrap() * 1_000),
        edited_at_ms: None,
        reply_to: None,
        thread_id: None,
        thread: None,
        reactions: Vec::new(),
        pinned_at_ms: None,
        body: MessageBody::text(text),
    }
}

pub fn page_loaded(at: PageAt, messages: Vec<Message>, from: u64, to: u64) -> Input {
    Input::PageLoaded { room_id: ROOM, at, page: Page { messages, from: Seq(from), to: Seq(to) } }
}

/// Sending a text alone.
pub fn text_command(text: &str) -> Command {
    Command::SendMessage {
        room_id: ROOM,
        text: text.to_owned(),
        reply_to: None,
        thread_id: None,
        attachments: Vec::new(),
    }
}

pub fn welcome(resumed: bool, calls: Vec<Call>) -> Input {
    Input::Link(LinkEvent::Welcome(Box::new(Welcome {
        version: PROTOCOL_VERSION,
        session_id: SessionId::from_bytes([5; 16]),
        resumed,
        user: user(ME),
        device_id: MY_DEVICE,
        server_time_ms: UnixMs(0),
        ice_servers: Vec::new(),
        calls,
    })))
}

pub fn event(event: Event) -> Input {
    Input::Link(LinkEvent::Event(Box::new(event)))
}

pub fn stored(message: Message) -> Input {
    event(Event::MessageStored { message: Box::new(message) })
}

pub fn wire_session() -> Session {
    Session {
        user: user(ME),
        device_id: MY_DEVICE,
        access_token: Secret::new("a"),
        access_expires_in_s: 900,
        refresh_token: Secret::new("r"),
    }
}

/// A core at a desk: inputs go in, effects are kept for the test to read.
pub struct Desk {
    pub core: Core,
    pub now: Now,
    pub effects: Vec<Effect>,
    next_reply: u64,
}

impl Desk {
    pub fn new() -> Self {
        let now = Now { clock: Duration::from_secs(10), wall: UnixMs(1_700_000_000_000) };
        Self { core: Core::new("Test", 7), now, effects: Vec::new(), next_reply: 0 }
    }

    /// Signed in and connected, with one direct room that is known to its end.
    pub fn online() -> Self {
        let mut desk = Self::signed_in(Cached::default());
        desk.feed(welcome(false, Vec::new()));
        let rooms = desk.api_op(|call| matches!(call, ApiCall::Rooms));
        desk.feed(Input::ApiDone(rooms, Ok(ApiReply::Rooms(vec![direct_room()]))));
        desk.effects.clear();
        desk
    }

    /// Signed in from the disk; the relay has not answered.
    pub fn signed_in(cached: Cached) -> Self {
        let mut desk = Self::new();
        let account = super::Account { relay_url: "http://relay".to_owned(), user_id: ME };
        desk.feed(Input::Started(Box::new(Preferences { account: Some(account), ..Preferences::default() })));
        let found = Some(Box::new(wire_session()));
        desk.feed(Input::Secrets(SecretsAnswer::Ready { keeping: SecretKeeping::Keyring, found }));
        desk.feed(Input::StoreOpened(Some(Box::new(cached))));
        desk
    }

    pub fn feed(&mut self, input: Input) {
        self.core.handle(input, self.now);
        self.effects.extend(self.core.poll_effects());
    }

    pub fn command(&mut self, command: Command) -> ReplyId {
        self.next_reply += 1;
        let id = ReplyId(self.next_reply);
        self.feed(Input::Command(id, command));
        id
    }

    pub fn wait(&mut self, time: Duration) {
        let until = self.now.clock + time;
        while let Some(at) = self.core.poll_timeout().filter(|at| *at <= until) {
            self.now.clock = at.max(self.now.clock);
            self.feed(Input::Tick);
            assert!(self.core.poll_timeout() != Some(at), "the core asks for the same tick for ever");
        }
        self.now.clock = until;
    }

    /// What a command was answered, if it was.
    pub fn answer(&self, id: ReplyId) -> Option<Result<(), CommandErrorCode>> {
        self.effects.iter().find_map(|effect| match effect {
            Effect::Reply(reply, answer) if *reply == id => {
                Some(answer.as_ref().map(|_| ()).map_err(|error| error.code))
            }
            _ => None,
        })
    }

    /// The last REST call of this kind.
    pub fn api_op(&self, wanted: impl Fn(&ApiCall) -> bool) -> OpId {
        self.try_api_op(wanted).expect("the core asked the relay for it")
    }

    pub fn try_api_op(&self, wanted: impl Fn(&ApiCall) -> bool) -> Option<OpId> {
        self.effects.iter().rev().find_map(|effect| match effect {
            Effect::Api(op, call) if wanted(call) => Some(*op),
            _ => None,
        })
    }

    /// The socket's requests since the effects were last cleared.
    pub fn requests(&self) -> Vec<(OpId, Request)> {
        self.effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Request(op, request) => Some((*op, request.clone())),
                _ => None,
            })
            .collect()
    }

    pub fn take_requests(&mut self) -> Vec<(OpId, Request)> {
        let requests = self.requests();
        self.effects.clear();
        requests
    }

    /// What holders of devices and connections were told, as words.
    pub fn media_words(&self) -> Vec<&'static str> {
        self.effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Media(command) => Some(match command {
                    MediaCommand::OpenLocal { .. } => "open",
                    MediaCommand::CloseLocal => "close",
                    MediaCommand::SetMuted(_) => "mute",
                    MediaCommand::SetCamera(_) => "camera",
                    MediaCommand::UseDevices(_) => "use",
                    MediaCommand::SetVoice(_) => "voice",
                    MediaCommand::SetVolume { .. } => "volume",
                    MediaCommand::OpenPeer { offers: true, .. } => "offer",
                    MediaCommand::OpenPeer { offers: false, .. } => "answer",
                    MediaCommand::Signal { .. } => "signal",
                    MediaCommand::ClosePeer(_) => "close peer",
                    MediaCommand::StartPreview { .. } => "preview",
                    MediaCommand::StopPreview => "stop preview",
                    MediaCommand::WatchDevices(_) => "watch",
                    MediaCommand::PlayTestSound(_) => "sound",
                }),
                _ => None,
            })
            .collect()
    }

    pub fn timeline(&self) -> TimelineView {
        self.core.snapshot().timeline.expect("a room is open")
    }

    pub fn call(&self) -> Option<CallView> {
        self.core.snapshot().call
    }

    /// The open room's messages as text and state.
    pub fn texts(&self) -> Vec<(String, MessageState)> {
        let text = |body: &BodyView| match body {
            BodyView::Text { text, .. } => text.clone(),
            BodyView::Deleted => "(deleted)".to_owned(),
            BodyView::Call { .. } => "(call)".to_owned(),
        };
        self.timeline().messages.iter().map(|message| (text(&message.body), message.state.clone())).collect()
    }

    /// Opens the room; the disk has these messages of it.
    pub fn open_room(&mut self, on_disk: Vec<Message>) {
        self.command(Command::OpenRoom { room_id: ROOM });
        let from = on_disk.first().map_or(Seq(1), |first| first.seq);
        self.feed(Input::PageLoaded {
            room_id: ROOM,
            at: PageAt::Newest,
            page: Page { messages: on_disk, from, to: Seq(u64::MAX) },
        });
    }
}
