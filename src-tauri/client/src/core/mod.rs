//! The decisions of the app: (state, input, time) → effects and view events. No IO, no clock, no threads.
//!
//! [`Core::handle`] takes an input and leaves effects for [`Core::poll_effects`] and changed slices for [`Core::take_changes`];
//! [`Core::poll_timeout`] names the time of the next [`Input::Tick`].

mod call;
mod call_flow;
mod call_media;
mod call_report;
mod commands;
mod device_memory;
mod devices;
mod devices_in_use;
mod failure;
mod history;
mod input;
mod messages;
mod mint;
mod ops;
mod outbox;
mod people;
mod preferences;
mod quality;
mod rooms;
mod session;
mod sync;
mod timeline;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use parley_shared::ids::{DeviceId, RoomId, Seq, UserId};
use parley_shared::view::{ConnectionView, Snapshot, TimelineView, ViewEvent};
use parley_shared::wire::{Hint, IceServer, Request};

pub use failure::failure_to_error;
pub use input::*;
pub use outbox::Pending;
pub use preferences::{Account, DeviceChoice, FULL_VOLUME_PCT, Keeping, MAX_VOLUME_PCT, Preferences};
pub use rooms::RoomRecord;

use call::CallState;
use devices::Devices;
use mint::Mint;
use ops::Op;
use outbox::Outbox;
use people::People;
use rooms::Rooms;
use session::Session;
use timeline::Timeline;

/// Delivery receipts wait this long for more of the same room.
const DELIVERED_AFTER: Duration = Duration::from_millis(150);

/// The state of one client.
#[derive(Debug)]
pub struct Core {
    mint: Mint,
    device_name: String,
    preferences: Preferences,
    session: Session,
    link: LinkState,
    rooms: Rooms,
    people: People,
    timeline: Option<Timeline>,
    outbox: Outbox,
    call: Option<CallState>,
    devices: Devices,
    ice_servers: Vec<IceServer>,
    /// This installation, as the relay calls it.
    device_id: Option<DeviceId>,
    /// The stream of the next picture of somebody else: never used twice, so that no old picture shows in a new call.
    next_stream: u32,
    /// Rooms whose history lags behind the relay, in the order of fetching.
    to_sync: VecDeque<RoomId>,
    syncing: BTreeSet<RoomId>,
    /// The newest message of each room that arrived and is not yet acknowledged, and when that is due.
    to_deliver: BTreeMap<RoomId, Seq>,
    deliver_at: Option<Duration>,
    /// When I last told the relay that I type, and where.
    typing_told: Option<(RoomId, Duration)>,
    ops: BTreeMap<OpId, Op>,
    next_op: u64,
    effects: Vec<Effect>,
    changed: BTreeSet<Slice>,
}

/// Whether the relay is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LinkState {
    Idle,
    Connecting,
    Online,
    Offline { retry_at: Duration, shown_s: u32 },
}

/// A part of the [`Snapshot`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Slice {
    Session,
    Connection,
    Rooms,
    People,
    Timeline,
    Call,
    Devices,
    Settings,
}

impl Core {
    /// A client before its preferences are read. `seed` makes its ids.
    pub fn new(device_name: impl Into<String>, seed: u64) -> Self {
        Self {
            mint: Mint::new(seed),
            device_name: device_name.into(),
            preferences: Preferences::default(),
            session: Session::default(),
            link: LinkState::Idle,
            rooms: Rooms::default(),
            people: People::default(),
            timeline: None,
            outbox: Outbox::default(),
            call: None,
            devices: Devices::default(),
            ice_servers: Vec::new(),
            device_id: None,
            next_stream: call_media::FIRST_REMOTE_STREAM,
            to_sync: VecDeque::new(),
            syncing: BTreeSet::new(),
            to_deliver: BTreeMap::new(),
            deliver_at: None,
            typing_told: None,
            ops: BTreeMap::new(),
            next_op: 0,
            effects: Vec::new(),
            changed: BTreeSet::new(),
        }
    }

    pub fn handle(&mut self, input: Input, now: Now) {
        match input {
            Input::Started(preferences) => self.on_started(*preferences),
            Input::Command(reply, command) => self.on_command(reply, command, now),
            Input::PublicRooms(reply, query) => self.on_public_rooms_asked(reply, query),
            Input::CreateInvite(reply, room_id) => self.on_invite_asked(reply, room_id),
            Input::CallDetails(reply, call_id) => self.on_call_details_asked(reply, call_id),
            Input::Secrets(answer) => self.on_secrets(answer),
            Input::StoreOpened(cached) => self.on_store_opened(cached.map(|cached| *cached)),
            Input::PageLoaded { room_id, before, messages } => self.on_page_loaded(room_id, before, messages),
            Input::UnreadCounted { room_id, after, unread } => self.on_unread_counted(room_id, after, unread),
            Input::ApiDone(op, result) => self.on_api_done(op, result, now),
            Input::Link(event) => self.on_link(event, now),
            Input::Media(event) => self.on_media(event, now),
            Input::Ending => self.on_ending(now),
            Input::Tick => {}
        }
        self.on_time(now);
    }

    /// What is to be done, in this order.
    pub fn poll_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// When the core wants an [`Input::Tick`] at the latest.
    pub fn poll_timeout(&self) -> Option<Duration> {
        let offline = match self.link {
            LinkState::Offline { retry_at, shown_s } => {
                Some(retry_at.saturating_sub(Duration::from_secs(u64::from(shown_s.saturating_sub(1)))))
            }
            LinkState::Idle | LinkState::Connecting | LinkState::Online => None,
        };
        let (outbox, deliver) =
            if self.is_online() { (self.outbox.poll_timeout(), self.deliver_at) } else { (None, None) };
        let call = self.call.as_ref().and_then(CallState::poll_timeout);
        [offline.filter(|_| !self.countdown_over()), outbox, call, self.rooms.poll_timeout(), deliver]
            .into_iter()
            .flatten()
            .min()
    }

    /// The slices that changed since the last time, in their new state.
    pub fn take_changes(&mut self) -> Vec<ViewEvent> {
        let changed = std::mem::take(&mut self.changed);
        changed.into_iter().map(|slice| self.slice(slice)).collect()
    }

    pub fn has_changes(&self) -> bool {
        !self.changed.is_empty()
    }

    /// Everything as it is.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            session: self.session_view(),
            connection: self.connection_view(),
            rooms: self.rooms_view(),
            people: self.people.view(self.me()),
            timeline: self.timeline_view(),
            call: self.call_view(),
            devices: self.devices_view(),
            settings: self.settings_view(),
        }
    }

    fn slice(&self, slice: Slice) -> ViewEvent {
        match slice {
            Slice::Session => ViewEvent::Session(self.session_view()),
            Slice::Connection => ViewEvent::Connection(self.connection_view()),
            Slice::Rooms => ViewEvent::Rooms(self.rooms_view()),
            Slice::People => ViewEvent::People(self.people.view(self.me())),
            Slice::Timeline => ViewEvent::Timeline(self.timeline_view()),
            Slice::Call => ViewEvent::Call(self.call_view()),
            Slice::Devices => ViewEvent::Devices(self.devices_view()),
            Slice::Settings => ViewEvent::Settings(self.settings_view()),
        }
    }

    fn rooms_view(&self) -> parley_shared::view::RoomsView {
        self.rooms.view(self.me(), &self.people)
    }

    fn timeline_view(&self) -> Option<TimelineView> {
        let timeline = self.timeline.as_ref()?;
        let room = self.rooms.map.get(&timeline.room_id)?;
        let joinable = room.room().call.is_some() && !self.is_in_call_of(timeline.room_id);
        Some(timeline.view(room, self.me(), &self.people, &self.outbox, joinable))
    }

    fn connection_view(&self) -> ConnectionView {
        match self.link {
            LinkState::Idle => ConnectionView::Idle,
            LinkState::Connecting => ConnectionView::Connecting,
            LinkState::Online => ConnectionView::Online,
            LinkState::Offline { shown_s, .. } => ConnectionView::Offline { retry_in_s: shown_s },
        }
    }

    /// What falls due by the passing of time.
    fn on_time(&mut self, now: Now) {
        self.count_down(now);
        self.send_waiting(now);
        self.send_delivered(now);
        self.on_call_time(now);
        let ended = self.rooms.expire_typing(now.clock);
        if !ended.is_empty() {
            self.touch_rooms(ended);
        }
    }

    fn on_hint(&mut self, hint: Hint, now: Now) {
        match hint {
            Hint::Presence { user_id, presence, last_seen_at_ms } => {
                if self.people.on_presence(user_id, presence, last_seen_at_ms) {
                    self.changed.extend([Slice::People, Slice::Rooms, Slice::Timeline]);
                }
            }
            Hint::Typing { room_id, user_id, typing } => {
                let Some(room) = self.rooms.map.get_mut(&room_id) else { return };
                room.on_typing(user_id, typing, now.clock);
                self.touch_rooms([room_id]);
            }
        }
    }

    fn touch(&mut self, slice: Slice) {
        self.changed.insert(slice);
    }

    /// The list changed, and the open room if it is one of these.
    fn touch_rooms(&mut self, rooms: impl IntoIterator<Item = RoomId>) {
        self.touch(Slice::Rooms);
        if rooms.into_iter().any(|id| self.is_open(id)) {
            self.touch(Slice::Timeline);
        }
    }

    fn is_open(&self, room_id: RoomId) -> bool {
        self.timeline.as_ref().is_some_and(|timeline| timeline.room_id == room_id)
    }

    fn is_online(&self) -> bool {
        self.link == LinkState::Online
    }

    /// My id; all zeros while nobody is signed in, which is no one's.
    fn me(&self) -> UserId {
        self.session.me().unwrap_or(UserId::from_bytes([0; 16]))
    }

    fn emit(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    fn api(&mut self, op: Op, call: ApiCall) {
        let id = self.begin(op);
        self.emit(Effect::Api(id, call));
    }

    fn request(&mut self, op: Op, request: Request) {
        let id = self.begin(op);
        self.emit(Effect::Request(id, request));
    }

    fn begin(&mut self, op: Op) -> OpId {
        self.next_op += 1;
        let id = OpId(self.next_op);
        self.ops.insert(id, op);
        id
    }

    fn save_room(&mut self, room_id: RoomId) {
        if let Some(room) = self.rooms.map.get(&room_id) {
            let record = Box::new(room.record.clone());
            self.emit(Effect::Store(StoreJob::SaveRoom(record)));
        }
    }
}
