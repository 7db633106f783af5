use parley_shared::ids::{ClientMessageId, EventSeq, MessageId, RequestId, Seq, UnixMs};
use parley_shared::limits::{HEARTBEAT_TIMEOUT, MESSAGE_BURST, TYPING_TIMEOUT};
use parley_shared::wire::{Hint, MessageBody, Presence, Reply, Request, Role, RoomKind, Secret};
use proptest::prelude::*;

use super::*;
use crate::work::{Roster, RosterMember};

const ROOM: [u8; 16] = [9; 16];

/// A relay over one room of some people, with a store that answers at once.
struct World {
    relay: Relay,
    now: Now,
    people: u8,
    stored: Vec<Message>,
    frames: BTreeMap<SocketId, Vec<Outgoing>>,
    closed: Vec<SocketId>,
    sockets: u64,
}

impl World {
    fn of(people: u8) -> Self {
        let mut counter = 0_u64;
        let random = Box::new(move || {
            counter += 1;
            let mut bytes = [0; 10];
            bytes[..8].copy_from_slice(&counter.to_be_bytes());
            bytes
        });
        Self {
            relay: Relay::new(Settings::default(), random),
            now: Now { at: Instant::now(), unix: UnixMs(1_000_000) },
            people,
            stored: Vec::new(),
            frames: BTreeMap::new(),
            closed: Vec::new(),
            sockets: 0,
        }
    }

    fn user(person: u8) -> User {
        User {
            id: UserId::from_bytes([person; 16]),
            display_name: format!("P{person}"),
            role: Role::Member,
            bot: false,
            avatar: None,
            status_text: String::new(),
        }
    }

    fn open(&mut self, person: u8, device: u8, resume: Option<Resume>) -> SocketId {
        self.sockets += 1;
        let socket = SocketId(self.sockets);
        let mut device_id = [person; 16];
        device_id[1] = device;
        let device_id = DeviceId::from_bytes(device_id);
        self.handle(Input::SocketOpened { socket, user: Self::user(person), device_id, resume });
        socket
    }

    fn close(&mut self, socket: SocketId) {
        self.handle(Input::SocketClosed { socket, said_goodbye: false });
    }

    fn request(&mut self, socket: SocketId, id: u64, request: Request) {
        let msg = ClientMsg::Request { id: RequestId(id), request };
        self.handle(Input::Received { socket, msg });
    }

    fn send(&mut self, socket: SocketId, id: u64, client_id: u8, text: &str) {
        let client_id = ClientMessageId::from_bytes([client_id; 16]);
        self.request(
            socket,
            id,
            Request::SendMessage {
                room_id: RoomId::from_bytes(ROOM),
                client_id,
                text: text.into(),
                reply_to: None,
                thread_id: None,
                attachments: Vec::new(),
            },
        );
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now.at + time;
        while let Some(due) = self.relay.poll_timeout().filter(|due| *due <= end) {
            self.advance_to(due);
            self.handle(Input::Timeout);
        }
        self.advance_to(end);
    }

    fn advance_to(&mut self, at: Instant) {
        let passed = at.saturating_duration_since(self.now.at);
        self.now.at += passed;
        self.now.unix.0 += passed.as_millis() as i64;
    }

    fn handle(&mut self, input: Input) {
        self.relay.handle(input, self.now);
        while let Some(output) = self.relay.poll_output() {
            match output {
                Output::Send { socket, msg } => self.frames.entry(socket).or_default().push(msg),
                Output::Close { socket } => self.closed.push(socket),
                Output::Work { ticket, work } => {
                    let answered = self.store(work);
                    self.relay.handle(Input::Answered { ticket, answered }, self.now);
                }
                Output::Presence(_) | Output::CallShown { .. } => {}
            }
        }
    }

    fn store(&mut self, work: Work) -> Answered {
        let everyone: Vec<UserId> = (1..=self.people).map(|n| UserId::from_bytes([n; 16])).collect();
        match work {
            Work::SendMessage(new) => {
                if let Some(old) = self.stored.iter().find(|old| old.client_id == new.client_id) {
                    let message = Box::new(old.clone());
                    return Ok(Done::Stored { message, root: None, members: Arc::from([]), fresh: false });
                }
                let place = self.stored.len() as u64 + 1;
                let message = Message {
                    id: new.id,
                    room_id: new.room_id,
                    seq: Seq(place),
                    change: parley_shared::ids::Change(place),
                    sender_id: new.sender_id,
                    client_id: new.client_id,
                    sent_at_ms: new.at,
                    edited_at_ms: None,
                    reply_to: new.reply_to,
                    thread_id: new.thread_id,
                    thread: None,
                    reactions: Vec::new(),
                    pinned_at_ms: None,
                    body: MessageBody::text(new.text),
                };
                self.stored.push(message.clone());
                Ok(Done::Stored { message: Box::new(message), root: None, members: everyone.into(), fresh: true })
            }
            Work::Roster { room_id, .. } => {
                let member = |user_id: &UserId| RosterMember { user_id: *user_id, bot: false, blocked: false };
                Ok(Done::Roster(Roster {
                    room_id,
                    kind: RoomKind::Group,
                    archived: false,
                    members: everyone.iter().map(member).collect(),
                }))
            }
            Work::Audience { user_id } | Work::Watched { user_id } => {
                Ok(Done::People(everyone.into_iter().filter(|id| *id != user_id).collect()))
            }
            Work::Mark { delivered, .. } => {
                Ok(Done::Marked { delivered, read: delivered, members: everyone.into(), fresh: true })
            }
            Work::OpenCall(_) | Work::SeatInCall(_) | Work::CloseCall(_) | Work::LastSeen { .. } => Ok(Done::Nothing),
            Work::EditMessage { .. }
            | Work::DeleteMessage { .. }
            | Work::SetReaction { .. }
            | Work::SetPinned { .. }
            | Work::RoomViews { .. } => Err(WireError::new(ErrorCode::NotFound, "not in this test")),
        }
    }

    fn taken(&mut self, socket: SocketId) -> Vec<Outgoing> {
        self.frames.remove(&socket).unwrap_or_default()
    }

    fn messages(frames: &[Outgoing]) -> Vec<&ServerMsg> {
        let msg = |frame: &'_ Outgoing| match frame {
            Outgoing::Msg(_) => true,
            Outgoing::Event { .. } => false,
        };
        frames
            .iter()
            .filter(|frame| msg(frame))
            .map(|frame| match frame {
                Outgoing::Msg(msg) => &**msg,
                Outgoing::Event { .. } => unreachable!("filtered above"),
            })
            .collect()
    }

    fn welcome(frames: &[Outgoing]) -> Welcome {
        let found = Self::messages(frames).into_iter().find_map(|msg| match msg {
            ServerMsg::Welcome(welcome) => Some((**welcome).clone()),
            _ => None,
        });
        found.expect("a welcome came")
    }

    fn hints(frames: &[Outgoing]) -> Vec<Hint> {
        let hint = |msg: &ServerMsg| match msg {
            ServerMsg::Hint { hint } => Some(hint.clone()),
            _ => None,
        };
        Self::messages(frames).into_iter().filter_map(hint).collect()
    }
}

#[test]
fn a_resume_brings_what_was_missed_once_and_in_order() {
    let mut world = World::of(2);
    let (alice, bob) = (world.open(1, 0, None), world.open(2, 0, None));
    let session_id = World::welcome(&world.taken(bob)).session_id;
    world.send(alice, 1, 1, "one");
    world.close(bob);
    world.send(alice, 2, 2, "two");
    world.taken(bob);
    let bob = world.open(2, 0, Some(Resume { session_id, last_seq: EventSeq(1) }));
    let frames = world.taken(bob);
    assert!(World::welcome(&frames).resumed);
    let seqs: Vec<u64> = frames
        .iter()
        .filter_map(|frame| match frame {
            Outgoing::Event { seq, .. } => Some(seq.0),
            Outgoing::Msg(_) => None,
        })
        .collect();
    assert_eq!(seqs, [2]);
}

#[test]
fn a_session_is_forgotten_after_the_resume_window() {
    let mut world = World::of(1);
    let socket = world.open(1, 0, None);
    let session_id = World::welcome(&world.taken(socket)).session_id;
    world.close(socket);
    world.pass(RESUME_WINDOW);
    let socket = world.open(1, 0, Some(Resume { session_id, last_seq: EventSeq(0) }));
    let welcome = World::welcome(&world.taken(socket));
    assert!(!welcome.resumed);
    assert_ne!(welcome.session_id, session_id);
}

#[test]
fn nobody_resumes_the_session_of_another_device() {
    let mut world = World::of(2);
    let alice = world.open(1, 0, None);
    let session_id = World::welcome(&world.taken(alice)).session_id;
    let bob = world.open(2, 0, Some(Resume { session_id, last_seq: EventSeq(0) }));
    assert!(!World::welcome(&world.taken(bob)).resumed);
}

#[test]
fn a_repeated_send_after_a_resume_is_stored_once() {
    let mut world = World::of(1);
    let socket = world.open(1, 0, None);
    let session_id = World::welcome(&world.taken(socket)).session_id;
    world.send(socket, 7, 1, "hi");
    world.close(socket);
    let socket = world.open(1, 0, Some(Resume { session_id, last_seq: EventSeq(0) }));
    world.taken(socket);
    world.send(socket, 7, 1, "hi");
    let frames = world.taken(socket);
    assert_eq!(world.stored.len(), 1);
    assert!(matches!(
        World::messages(&frames)[..],
        [ServerMsg::Reply { id: RequestId(7), reply: Reply::Message { .. } }]
    ));
}

#[test]
fn a_second_socket_of_a_device_replaces_the_first() {
    let mut world = World::of(1);
    let first = world.open(1, 0, None);
    world.open(1, 0, None);
    assert_eq!(world.closed, [first]);
    assert_eq!(world.relay.counts().0, 1);
}

#[test]
fn messages_beyond_the_burst_are_refused_with_a_wait() {
    let mut world = World::of(1);
    let socket = world.open(1, 0, None);
    world.taken(socket);
    for n in 0..=MESSAGE_BURST as u8 {
        world.send(socket, u64::from(n) + 1, n, "x");
    }
    let frames = world.taken(socket);
    let refused = World::messages(&frames).into_iter().filter_map(|msg| match msg {
        ServerMsg::Error { error, .. } => Some((error.code, error.retry_after_s)),
        _ => None,
    });
    assert_eq!(refused.collect::<Vec<_>>(), [(ErrorCode::RateLimited, Some(1))]);
    assert_eq!(world.stored.len(), MESSAGE_BURST as usize);
}

#[test]
fn presence_follows_devices_idleness_and_loss() {
    let mut world = World::of(2);
    let watcher = world.open(2, 0, None);
    world.taken(watcher);
    let presences = |world: &mut World| -> Vec<Presence> {
        let hints = World::hints(&world.taken(watcher));
        let presence = |hint: Hint| match hint {
            Hint::Presence { presence, .. } => Some(presence),
            Hint::Typing { .. } => None,
        };
        hints.into_iter().filter_map(presence).collect()
    };
    let desk = world.open(1, 0, None);
    let phone = world.open(1, 1, None);
    assert_eq!(presences(&mut world), [Presence::Online]);
    world.handle(Input::Received { socket: desk, msg: ClientMsg::Idle { idle: true } });
    assert!(presences(&mut world).is_empty(), "one of two devices is still in use");
    world.handle(Input::Received { socket: phone, msg: ClientMsg::Idle { idle: true } });
    assert_eq!(presences(&mut world), [Presence::Away]);
    world.close(desk);
    world.close(phone);
    assert!(presences(&mut world).iter().all(|p| *p != Presence::Offline), "a broken socket may come back");
    world.pass(OFFLINE_GRACE);
    assert_eq!(presences(&mut world), [Presence::Offline]);
}

#[test]
fn receipts_of_a_large_room_reach_only_the_readers_own_devices() {
    let told = |people: u8| {
        let mut world = World::of(people);
        let (watcher, desk, phone) = (world.open(2, 0, None), world.open(1, 0, None), world.open(1, 1, None));
        world.taken(watcher);
        world.taken(phone);
        world.request(desk, 1, Request::MarkRead { room_id: RoomId::from_bytes(ROOM), seq: Seq(1) });
        let receipts = |frames: Vec<Outgoing>| {
            let receipt = |frame: &&Outgoing| match frame {
                Outgoing::Event { event, .. } => matches!(**event, Event::ReceiptChanged { .. }),
                Outgoing::Msg(_) => false,
            };
            frames.iter().filter(receipt).count()
        };
        (receipts(world.taken(watcher)), receipts(world.taken(phone)))
    };
    assert_eq!(told(64), (1, 1));
    assert_eq!(told(65), (0, 1));
}

#[test]
fn an_orderly_goodbye_is_offline_at_once() {
    let mut world = World::of(2);
    let (watcher, socket) = (world.open(2, 0, None), world.open(1, 0, None));
    world.taken(watcher);
    world.handle(Input::SocketClosed { socket, said_goodbye: true });
    let hints = World::hints(&world.taken(watcher));
    assert!(matches!(hints[..], [Hint::Presence { presence: Presence::Offline, last_seen_at_ms: Some(_), .. }]));
}

#[test]
fn typing_ends_by_itself_and_by_sending() {
    let mut world = World::of(2);
    let (alice, bob) = (world.open(1, 0, None), world.open(2, 0, None));
    let room_id = RoomId::from_bytes(ROOM);
    let typing = |world: &mut World| -> Vec<bool> {
        let hints = World::hints(&world.taken(bob));
        let typing = |hint: Hint| match hint {
            Hint::Typing { typing, .. } => Some(typing),
            Hint::Presence { .. } => None,
        };
        hints.into_iter().filter_map(typing).collect()
    };
    world.request(alice, 1, Request::SetTyping { room_id, typing: true });
    assert_eq!(typing(&mut world), [true]);
    world.pass(TYPING_TIMEOUT);
    assert_eq!(typing(&mut world), [false]);
    world.request(alice, 2, Request::SetTyping { room_id, typing: true });
    world.send(alice, 3, 1, "done");
    assert_eq!(typing(&mut world), [true, false]);
    assert!(world.taken(alice).iter().all(
        |frame| !matches!(frame, Outgoing::Msg(msg) if matches!(**msg, ServerMsg::Hint { hint: Hint::Typing { .. } }))
    ));
}

#[test]
fn a_revoked_device_is_told_and_closed_at_once() {
    let mut world = World::of(1);
    let socket = world.open(1, 0, None);
    world.taken(socket);
    let mut device = [1; 16];
    device[1] = 0;
    world.handle(Input::DevicesRevoked { devices: vec![DeviceId::from_bytes(device)] });
    let frames = world.taken(socket);
    assert!(matches!(&frames[..], [Outgoing::Event { event, .. }] if **event == Event::SignedOut));
    assert_eq!(world.closed, [socket]);
    assert_eq!(world.relay.counts().1, 0);
}

#[test]
fn a_second_hello_is_refused_and_the_session_goes_on() {
    let mut world = World::of(1);
    let socket = world.open(1, 0, None);
    world.taken(socket);
    let hello = ClientMsg::Hello { version: 1, access_token: Secret::new("x"), resume: None };
    world.handle(Input::Received { socket, msg: hello });
    world.handle(Input::Received { socket, msg: ClientMsg::Ping });
    let frames = world.taken(socket);
    assert!(matches!(World::messages(&frames)[..], [ServerMsg::Error { fatal: false, .. }, ServerMsg::Pong]));
}

/// What an app holds: it applies events in order and acknowledges, resumes, or fetches all when it cannot.
#[derive(Default)]
struct Client {
    socket: Option<SocketId>,
    session: Option<SessionId>,
    last: EventSeq,
    seen: Vec<MessageId>,
    /// What came by fetching: events of these may still follow, and change nothing.
    fetched: Vec<MessageId>,
}

impl Client {
    fn take(&mut self, world: &mut World) {
        let Some(socket) = self.socket else { return };
        for frame in world.taken(socket) {
            match frame {
                Outgoing::Msg(msg) => {
                    if let ServerMsg::Welcome(welcome) = *msg {
                        if !welcome.resumed {
                            self.last = EventSeq(0);
                            self.seen = world.stored.iter().map(|message| message.id).collect();
                            self.fetched.clone_from(&self.seen);
                        }
                        self.session = Some(welcome.session_id);
                    }
                }
                Outgoing::Event { seq, event } => {
                    assert_eq!(seq.0, self.last.0 + 1, "events have no gaps and no doubles");
                    self.last = seq;
                    if let Event::MessageStored { message } = &*event
                        && !self.fetched.contains(&message.id)
                    {
                        self.seen.push(message.id);
                    }
                }
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Open(usize),
    /// The socket breaks; what is under way is lost.
    Break(usize),
    Take(usize),
    Ack(usize),
    Send(usize),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..3usize).prop_map(Step::Open),
        2 => (0..3usize).prop_map(Step::Break),
        4 => (0..3usize).prop_map(Step::Take),
        2 => (0..3usize).prop_map(Step::Ack),
        5 => (0..3usize).prop_map(Step::Send),
        2 => (1..40u64).prop_map(Step::Pass),
    ]
}

proptest! {
    #[test]
    fn every_client_ends_with_every_message_once_and_in_order(steps in prop::collection::vec(step(), 1..120)) {
        let mut world = World::of(3);
        let mut clients: Vec<Client> = (0..3).map(|_| Client::default()).collect();
        let (mut client_id, mut request_id) = (0_u8, 0);
        let reopen = |world: &mut World, clients: &mut Vec<Client>, n: usize| {
            let resume = clients[n].session.map(|session_id| Resume { session_id, last_seq: clients[n].last });
            clients[n].socket = Some(world.open(n as u8 + 1, 0, resume));
        };
        for step in steps {
            match step {
                Step::Open(n) => reopen(&mut world, &mut clients, n),
                Step::Break(n) => {
                    if let Some(socket) = clients[n].socket.take() {
                        world.frames.remove(&socket);
                        world.close(socket);
                    }
                }
                Step::Take(n) => clients[n].take(&mut world),
                Step::Ack(n) => {
                    if let Some(socket) = clients[n].socket {
                        world.handle(Input::Received { socket, msg: ClientMsg::Ack { seq: clients[n].last } });
                    }
                }
                Step::Send(n) => {
                    if let Some(socket) = clients[n].socket {
                        client_id = client_id.wrapping_add(1);
                        request_id += 1;
                        world.send(socket, request_id, client_id, "x");
                    }
                }
                Step::Pass(seconds) => world.pass(Duration::from_secs(seconds).min(HEARTBEAT_TIMEOUT)),
            }
        }
        for n in 0..3 {
            reopen(&mut world, &mut clients, n);
            clients[n].take(&mut world);
        }
        let stored: Vec<MessageId> = world.stored.iter().map(|message| message.id).collect();
        for client in &clients {
            prop_assert_eq!(&client.seen, &stored);
        }
    }
}
