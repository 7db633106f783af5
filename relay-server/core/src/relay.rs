//! The one machine: sessions and who hears what.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parley_shared::ids::{DeviceId, MessageId, RoomId, SessionId, UserId};
use parley_shared::limits::{RESUME_WINDOW, SOCKETS_PER_USER};
use parley_shared::wire::{
    ClientMsg, ErrorCode, Event, Message, PROTOCOL_VERSION, Resume, Room, ServerMsg, User, Welcome, WireError,
};

use crate::call::{CallOutput, Calls, To};
use crate::hints::Typing;
use crate::presence::PresenceBook;
use crate::rate::Limiter;
use crate::session::Session;
use crate::work::{Answered, Asker, CallEntry, Done, Ticket, Waiting, Work};
use crate::{Input, Now, Outgoing, Output, Random, Settings, SocketId};

/// A person whose last socket broke counts as connected for this long: most come back at once.
const OFFLINE_GRACE: Duration = Duration::from_secs(5);

/// Decides everything that happens on sockets. See the crate's first page for its loop.
pub struct Relay {
    pub(crate) settings: Settings,
    pub(crate) sessions: BTreeMap<SessionId, Session>,
    by_socket: BTreeMap<SocketId, SessionId>,
    by_device: BTreeMap<DeviceId, SessionId>,
    by_user: BTreeMap<UserId, BTreeSet<SessionId>>,
    pub(crate) presence: PresenceBook,
    pub(crate) calls: Calls,
    pub(crate) messages: Limiter<UserId>,
    pub(crate) typing: BTreeMap<(RoomId, UserId), Typing>,
    /// People whose last socket broke, and until when they count as connected.
    pub(crate) fading: BTreeMap<UserId, Instant>,
    pub(crate) timers: BTreeSet<(Instant, Timer)>,
    waiting: BTreeMap<Ticket, Waiting>,
    next_ticket: u64,
    pub(crate) outputs: VecDeque<Output>,
    random: Random,
}

/// What may be due at a moment. Whether it is, is looked up then: timers are never taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    Session(SessionId),
    Offline(UserId),
    Typing(RoomId, UserId),
}

impl std::fmt::Debug for Relay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Relay").field("sessions", &self.sessions.len()).field("calls", &self.calls.count()).finish()
    }
}

impl Relay {
    pub fn new(settings: Settings, random: Random) -> Self {
        Self {
            messages: Limiter::new(settings.messages),
            settings,
            sessions: BTreeMap::new(),
            by_socket: BTreeMap::new(),
            by_device: BTreeMap::new(),
            by_user: BTreeMap::new(),
            presence: PresenceBook::default(),
            calls: Calls::default(),
            typing: BTreeMap::new(),
            fading: BTreeMap::new(),
            timers: BTreeSet::new(),
            waiting: BTreeMap::new(),
            next_ticket: 0,
            outputs: VecDeque::new(),
            random,
        }
    }

    pub fn handle(&mut self, input: Input, now: Now) {
        match input {
            Input::SocketOpened { socket, user, device_id, resume } => {
                self.on_opened(socket, user, device_id, resume, now);
            }
            Input::SocketClosed { socket, said_goodbye } => self.on_closed(socket, said_goodbye, now),
            Input::Received { socket, msg } => self.on_received(socket, msg, now),
            Input::Answered { ticket, answered } => self.on_answered(ticket, answered, now),
            Input::RoomTouched { room_id } => self.ask_room_views(room_id),
            Input::RoomViewChanged { room_id, user_id } => {
                self.ask(Work::RoomViews { room_id, users: vec![user_id] }, Waiting::RoomViews { room_id });
            }
            Input::RoomLeft { room_id, users, gone } => self.on_room_left(room_id, &users, gone, now),
            Input::UserChanged { user, audience } => self.on_user_changed(user, &audience),
            Input::DevicesRevoked { devices } => {
                for device_id in devices {
                    self.on_device_revoked(device_id, now);
                }
            }
            Input::CallRestored { open, roster } => self.calls.restore(open, &roster, now),
            Input::Timeout => self.on_timeout(now),
        }
        self.drain_calls(now);
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The next moment at which time alone changes something.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let timer = self.timers.first().map(|(at, _)| *at);
        [timer, self.calls.poll_timeout()].into_iter().flatten().min()
    }

    /// Sessions with a socket, sessions in all, calls.
    pub fn counts(&self) -> (usize, usize, usize) {
        (self.by_socket.len(), self.sessions.len(), self.calls.count())
    }

    fn on_opened(&mut self, socket: SocketId, user: User, device_id: DeviceId, resume: Option<Resume>, now: Now) {
        let current = self.by_device.get(&device_id).copied();
        if current.is_none() && self.by_user.get(&user.id).is_some_and(|all| all.len() >= SOCKETS_PER_USER) {
            return self.refuse(
                socket,
                WireError {
                    retry_after_s: Some(60),
                    ..WireError::new(ErrorCode::RateLimited, "Too many devices of this account are connected.")
                },
            );
        }
        if let Some(old_socket) = current.and_then(|id| self.sessions.get_mut(&id)?.socket.take()) {
            self.by_socket.remove(&old_socket);
            self.refuse(old_socket, WireError::new(ErrorCode::Conflict, "This device connected again."));
        }
        let resumed = current.zip(resume).filter(|(id, resume)| {
            *id == resume.session_id && self.sessions.get(id).is_some_and(|s| s.can_resume(resume.last_seq))
        });
        let session_id = match resumed {
            Some((id, _)) => id,
            None => self.begin_session(current, user.clone(), device_id, now),
        };
        self.by_socket.insert(socket, session_id);
        self.fading.remove(&user.id);
        self.calls.device_back(device_id);
        let Some(session) = self.sessions.get_mut(&session_id) else { return };
        session.socket = Some(socket);
        session.user = user.clone();
        if let Some((_, resume)) = resumed {
            session.ack(resume.last_seq);
        }
        let backlog: Vec<_> = session.kept().collect();
        self.send(
            socket,
            ServerMsg::Welcome(Box::new(Welcome {
                version: PROTOCOL_VERSION,
                session_id,
                resumed: resumed.is_some(),
                device_id,
                server_time_ms: now.unix,
                ice_servers: self.settings.ice_servers.clone(),
                calls: self.calls.concerning(user.id, device_id),
                user: user.clone(),
            })),
        );
        for (seq, event) in backlog {
            self.outputs.push_back(Output::Send { socket, msg: Outgoing::Event { seq, event } });
        }
        self.ask(Work::Watched { user_id: user.id }, Waiting::Watched { session_id });
        self.refresh_presence(user.id, now);
    }

    fn begin_session(&mut self, old: Option<SessionId>, user: User, device_id: DeviceId, now: Now) -> SessionId {
        if let Some(old) = old {
            self.forget_session(old);
        }
        let id = SessionId::from_parts(now.unix, (self.random)());
        self.by_device.insert(device_id, id);
        self.by_user.entry(user.id).or_default().insert(id);
        self.sessions.insert(id, Session::new(id, user, device_id, self.settings.requests, now.at));
        id
    }

    fn forget_session(&mut self, id: SessionId) {
        let Some(session) = self.sessions.remove(&id) else { return };
        if self.by_device.get(&session.device_id) == Some(&id) {
            self.by_device.remove(&session.device_id);
        }
        if let Some(all) = self.by_user.get_mut(&session.user.id) {
            all.remove(&id);
            if all.is_empty() {
                self.by_user.remove(&session.user.id);
            }
        }
    }

    fn on_closed(&mut self, socket: SocketId, said_goodbye: bool, now: Now) {
        let Some(session_id) = self.by_socket.remove(&socket) else { return };
        let Some(session) = self.sessions.get_mut(&session_id) else { return };
        session.socket = None;
        session.detached_at = now.at;
        let (user_id, device_id) = (session.user.id, session.device_id);
        self.timers.insert((now.at + RESUME_WINDOW, Timer::Session(session_id)));
        self.calls.device_lost(device_id, now);
        if !said_goodbye && !self.has_socket(user_id) {
            self.fading.insert(user_id, now.at + OFFLINE_GRACE);
            self.timers.insert((now.at + OFFLINE_GRACE, Timer::Offline(user_id)));
        }
        self.refresh_presence(user_id, now);
    }

    fn on_received(&mut self, socket: SocketId, msg: ClientMsg, now: Now) {
        let Some(session_id) = self.by_socket.get(&socket).copied() else { return };
        match msg {
            ClientMsg::Hello { .. } => {
                self.send_error(socket, WireError::new(ErrorCode::Conflict, "This socket has said hello already."));
            }
            ClientMsg::Request { id, request } => self.on_request(session_id, socket, id, request, now),
            ClientMsg::Ack { seq } => {
                if let Some(session) = self.sessions.get_mut(&session_id) {
                    session.ack(seq);
                }
            }
            ClientMsg::Ping => self.send(socket, ServerMsg::Pong),
            ClientMsg::Idle { idle } => {
                let Some(session) = self.sessions.get_mut(&session_id) else { return };
                session.idle = idle;
                let user_id = session.user.id;
                self.refresh_presence(user_id, now);
            }
        }
    }

    fn on_answered(&mut self, ticket: Ticket, answered: Answered, now: Now) {
        let Some(waiting) = self.waiting.remove(&ticket) else { return };
        match (waiting, answered) {
            (Waiting::Message(asker), answered) => self.on_message_answered(&asker, answered),
            (Waiting::Mark { asker, room_id }, answered) => self.on_mark_answered(&asker, room_id, answered),
            (Waiting::Typing { asker, typing }, answered) => self.on_typing_answered(&asker, typing, answered, now),
            (Waiting::StartCall { asker, call_id, media }, answered) => {
                self.on_start_call_answered(asker, call_id, media, answered, now);
            }
            (Waiting::RejoinCall { asker, call_id, participant_id, media }, answered) => {
                self.on_rejoin_call_answered(asker, call_id, participant_id, media, answered, now);
            }
            (Waiting::CallEntry, Ok(Done::Stored { message, root, members, .. })) => {
                self.tell_stored(message, root, &members);
            }
            (Waiting::RoomViews { room_id }, Ok(Done::RoomViews { members, views })) => {
                self.on_room_views(room_id, &members, views, now);
            }
            (Waiting::Audience { user_id }, Ok(Done::People(people))) => self.tell_presence(user_id, &people, now),
            (Waiting::Watched { session_id }, Ok(Done::People(people))) => self.show_presences(session_id, &people),
            // A store that failed has told the driver's log; nobody waits for these.
            (Waiting::CallEntry | Waiting::RoomViews { .. } | Waiting::Audience { .. }, _)
            | (Waiting::Watched { .. } | Waiting::Nobody, _) => {}
        }
    }

    fn on_room_left(&mut self, room_id: RoomId, users: &[UserId], gone: bool, now: Now) {
        self.tell(users, Arc::new(Event::RoomRemoved { room_id }));
        if gone {
            self.calls.members_changed(room_id, &[], now);
        } else {
            self.ask_room_views(room_id);
        }
    }

    fn ask_room_views(&mut self, room_id: RoomId) {
        let users = self.by_user.keys().copied().collect();
        self.ask(Work::RoomViews { room_id, users }, Waiting::RoomViews { room_id });
    }

    fn on_room_views(&mut self, room_id: RoomId, members: &[UserId], views: Vec<(UserId, Room)>, now: Now) {
        self.calls.members_changed(room_id, members, now);
        let call = self.calls.in_room(room_id);
        for (user_id, mut room) in views {
            room.call.clone_from(&call);
            self.tell(&[user_id], Arc::new(Event::RoomChanged { room: Box::new(room) }));
        }
    }

    fn on_user_changed(&mut self, user: User, audience: &[UserId]) {
        for id in self.by_user.get(&user.id).cloned().unwrap_or_default() {
            if let Some(session) = self.sessions.get_mut(&id) {
                session.user = user.clone();
            }
        }
        let own = user.id;
        let event = Arc::new(Event::UserChanged { user });
        self.tell(&[own], event.clone());
        let others: Vec<UserId> = audience.iter().copied().filter(|id| *id != own).collect();
        self.tell(&others, event);
    }

    fn on_device_revoked(&mut self, device_id: DeviceId, now: Now) {
        self.calls.device_gone(device_id, now);
        let Some(session_id) = self.by_device.get(&device_id).copied() else { return };
        self.push(session_id, Arc::new(Event::SignedOut));
        let Some(session) = self.sessions.get(&session_id) else { return };
        let (socket, user_id) = (session.socket, session.user.id);
        if let Some(socket) = socket {
            self.by_socket.remove(&socket);
            self.outputs.push_back(Output::Close { socket });
        }
        self.forget_session(session_id);
        self.refresh_presence(user_id, now);
    }

    fn on_timeout(&mut self, now: Now) {
        self.calls.handle_timeout(now);
        while let Some((at, timer)) = self.timers.first().copied().filter(|(at, _)| *at <= now.at) {
            self.timers.remove(&(at, timer));
            match timer {
                Timer::Session(id) => {
                    let over = |s: &Session| s.socket.is_none() && s.detached_at + RESUME_WINDOW <= now.at;
                    if self.sessions.get(&id).is_some_and(over) {
                        self.forget_session(id);
                    }
                }
                Timer::Offline(user_id) => {
                    if self.fading.get(&user_id).is_some_and(|until| *until <= now.at) {
                        self.fading.remove(&user_id);
                        self.refresh_presence(user_id, now);
                    }
                }
                Timer::Typing(room_id, user_id) => {
                    if self.typing.get(&(room_id, user_id)).is_some_and(|typing| typing.until <= now.at) {
                        self.stop_typing(room_id, user_id);
                    }
                }
            }
        }
    }

    pub(crate) fn tell_stored(&mut self, message: Box<Message>, root: Option<Box<Message>>, members: &[UserId]) {
        self.stop_typing(message.room_id, message.sender_id);
        self.tell(members, Arc::new(Event::MessageStored { message }));
        if let Some(message) = root {
            self.tell(members, Arc::new(Event::MessageChanged { message }));
        }
    }

    pub(crate) fn sessions_of(&self, user_id: UserId) -> impl Iterator<Item = &Session> {
        self.by_user.get(&user_id).into_iter().flatten().filter_map(|id| self.sessions.get(id))
    }

    fn drain_calls(&mut self, now: Now) {
        while let Some(output) = self.calls.poll_output() {
            match output {
                CallOutput::Tell { to, event } => self.tell_call(to, Arc::new(event)),
                CallOutput::Shown { room_id, call } => self.outputs.push_back(Output::CallShown { room_id, call }),
                CallOutput::Seated(seat) => self.ask(Work::SeatInCall(seat), Waiting::Nobody),
                CallOutput::Remember(open) => self.ask(Work::OpenCall(open), Waiting::Nobody),
                CallOutput::Over(over) => {
                    let message_id = MessageId::from_parts(now.unix, (self.random)());
                    let entry = CallEntry {
                        message_id,
                        room_id: over.room_id,
                        call_id: over.call_id,
                        caller_id: over.caller_id,
                        outcome: over.outcome,
                        duration_s: over.duration_s,
                        at: now.unix,
                    };
                    self.ask(Work::CloseCall(entry), Waiting::CallEntry);
                }
                CallOutput::Moved(user_id) => self.refresh_presence(user_id, now),
            }
        }
    }

    fn tell_call(&mut self, to: To, event: Arc<Event>) {
        match to {
            To::Users(users) => self.tell(&users, event),
            To::UserExcept(user_id, device_id) => {
                for id in self.by_user.get(&user_id).cloned().unwrap_or_default() {
                    if self.sessions.get(&id).is_some_and(|session| session.device_id != device_id) {
                        self.push(id, event.clone());
                    }
                }
            }
            To::Device(device_id) => {
                if let Some(id) = self.by_device.get(&device_id).copied() {
                    self.push(id, event);
                }
            }
        }
    }

    pub(crate) fn tell(&mut self, users: &[UserId], event: Arc<Event>) {
        for user_id in users {
            let Some(ids) = self.by_user.get(user_id) else { continue };
            for id in ids {
                let Some(session) = self.sessions.get_mut(id) else { continue };
                let seq = session.push(event.clone());
                if let Some(socket) = session.socket {
                    let msg = Outgoing::Event { seq, event: event.clone() };
                    self.outputs.push_back(Output::Send { socket, msg });
                }
            }
        }
    }

    fn push(&mut self, session_id: SessionId, event: Arc<Event>) {
        let Some(session) = self.sessions.get_mut(&session_id) else { return };
        let seq = session.push(event.clone());
        if let Some(socket) = session.socket {
            self.outputs.push_back(Output::Send { socket, msg: Outgoing::Event { seq, event } });
        }
    }

    pub(crate) fn ask(&mut self, work: Work, waiting: Waiting) {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        self.waiting.insert(ticket, waiting);
        self.outputs.push_back(Output::Work { ticket, work });
    }

    pub(crate) fn random(&mut self) -> [u8; 10] {
        (self.random)()
    }

    /// Answers a request, for good.
    pub(crate) fn answer(&mut self, asker: &Asker, msg: ServerMsg) {
        let Some(session) = self.sessions.get_mut(&asker.session_id) else { return };
        session.answer(asker.request_id, msg.clone());
        if let Some(socket) = session.socket {
            self.send(socket, msg);
        }
    }

    pub(crate) fn send(&mut self, socket: SocketId, msg: ServerMsg) {
        self.outputs.push_back(Output::Send { socket, msg: Outgoing::Msg(Box::new(msg)) });
    }

    pub(crate) fn send_error(&mut self, socket: SocketId, error: WireError) {
        self.send(socket, ServerMsg::Error { id: None, error, fatal: false });
    }

    fn refuse(&mut self, socket: SocketId, error: WireError) {
        self.send(socket, ServerMsg::Error { id: None, error, fatal: true });
        self.outputs.push_back(Output::Close { socket });
    }
}

#[cfg(test)]
#[path = "relay_tests.rs"]
mod tests;
