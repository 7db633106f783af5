//! The decisions of the app: (state, input, time) → effects and view events. No IO, no clock, no threads.
//!
//! [`Core::handle`] takes an input and leaves effects for [`Core::poll_effects`] and changed slices for [`Core::take_changes`];
//! [`Core::poll_timeout`] names the time of the next [`Input::Tick`].

mod accounts;
mod call;
mod call_flow;
mod call_media;
mod call_report;
mod commands;
mod device_memory;
mod devices;
mod devices_in_use;
mod disk;
mod export;
mod eye;
mod failure;
mod fill;
mod history;
mod history_key;
mod input;
mod invites;
mod jump;
mod keep;
mod links;
mod messages;
mod mint;
mod notifications;
mod ops;
mod outbox;
mod people;
mod preferences;
mod profile;
mod quality;
mod queries;
mod reactions;
mod replies;
mod rooms;
mod search;
mod session;
mod sync;
mod thread;
mod timeline;
mod uploads;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use parley_shared::ids::{DeviceId, RoomId, Seq, UnixMs, UserId};
use parley_shared::mentions::{Mention, mentions};
use parley_shared::view::{ConnectionView, DraftFile, HistoryProtection, Snapshot, TimelineView, ViewEvent};
use parley_shared::wire::{Hint, IceServer, Message, MessageBody, Request};

pub use export::{ExportEvent, ExportFailure, ExportId, ExportJob, ExportRoom, ExportWhat, ExportWish};
pub use failure::failure_to_error;
pub use history_key::HistoryKey;
pub use input::*;
pub use outbox::Pending;
pub use preferences::{Account, DeviceChoice, FULL_VOLUME_PCT, Keeping, MAX_VOLUME_PCT, Preferences};
pub use rooms::RoomRecord;
pub use uploads::{PendingFile, PendingUpload};

use call::CallState;
use devices::Devices;
use export::Exporting;
use fill::Fill;
use jump::Jump;
use mint::Mint;
use notifications::Notifications;
use ops::Op;
use outbox::Outbox;
use people::People;
use reactions::Reacting;
use replies::Replies;
use rooms::Rooms;
use session::Session;
use thread::Thread;
use timeline::Timeline;
use uploads::Uploads;

/// Delivery receipts wait this long for more of the same room.
const DELIVERED_AFTER: Duration = Duration::from_millis(150);

/// The state of one client.
#[derive(Debug)]
pub struct Core {
    mint: Mint,
    device_name: String,
    preferences: Preferences,
    notifications: Notifications,
    session: Session,
    link: LinkState,
    rooms: Rooms,
    people: People,
    timeline: Option<Timeline>,
    thread: Option<Thread>,
    replies: Replies,
    reacting: Reacting,
    /// Where the person asked to be shown, until it is found.
    jump: Option<Jump>,
    jumps: u32,
    fill: Fill,
    /// When what is too old is removed next.
    prune_at: Duration,
    /// Who waits for the disk.
    asked_disk: BTreeSet<ReplyId>,
    /// The wall clock at the last input.
    wall: UnixMs,
    history_protection: HistoryProtection,
    outbox: Outbox,
    /// Files that were handed over and are in no message yet.
    drafts: BTreeMap<String, DraftFile>,
    uploads: Uploads,
    exporting: Exporting,
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
    Thread,
    Call,
    Devices,
    Settings,
    Export,
}

impl Core {
    /// A client before its preferences are read. `seed` makes its ids.
    pub fn new(device_name: impl Into<String>, seed: u64) -> Self {
        Self {
            mint: Mint::new(seed),
            device_name: device_name.into(),
            preferences: Preferences::default(),
            notifications: Notifications::default(),
            session: Session::default(),
            link: LinkState::Idle,
            rooms: Rooms::default(),
            people: People::default(),
            timeline: None,
            thread: None,
            replies: Replies::default(),
            reacting: Reacting::default(),
            jump: None,
            jumps: 0,
            fill: Fill::default(),
            prune_at: Duration::ZERO,
            asked_disk: BTreeSet::new(),
            wall: UnixMs(0),
            history_protection: HistoryProtection::None,
            outbox: Outbox::default(),
            drafts: BTreeMap::new(),
            uploads: Uploads::default(),
            exporting: Exporting::default(),
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
        self.wall = now.wall;
        match input {
            Input::Started(preferences) => self.on_started(*preferences),
            Input::Command(reply, command) => self.on_command(reply, command, now),
            Input::Query(reply, query) => self.on_query(reply, query),
            Input::Secrets(answer) => self.on_secrets(answer),
            Input::StoreOpened(cached) => self.on_store_opened(cached.map(|cached| *cached)),
            Input::PageLoaded { room_id, at, page } => self.on_page_loaded(room_id, at, page),
            Input::MessagesFound { room_id, ids, messages } => self.on_messages_found(room_id, &ids, messages),
            Input::PlaceFound { room_id, jump, seq, message } => {
                self.on_place_found(room_id, jump, seq, message.map(|message| *message));
            }
            Input::ThreadLoaded { thread_id, root, messages } => {
                self.on_thread_loaded(thread_id, root.map(|root| *root), messages);
            }
            Input::FirstsFound { since, firsts } => self.on_firsts_found(since, &firsts),
            Input::StoreAnswered(reply, answer) => self.on_store_answered(reply, answer),
            Input::UnreadCounted { room_id, after, unread } => self.on_unread_counted(room_id, after, unread),
            Input::ToMe(message) => self.on_to_me(&message, now),
            Input::ApiDone(op, result) => self.on_api_done(op, result, now),
            Input::FileAttached(reply, attached) => self.on_file_attached(reply, attached),
            Input::Upload(id, event) => self.on_upload(id, event, now),
            Input::ExportAsked(reply, wish, path) => self.on_export_asked(reply, wish, path),
            Input::Export(id, event) => self.on_export(id, event),
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
        let sending = [self.outbox.poll_timeout(), self.uploads.poll_timeout(), self.deliver_at];
        let sending = sending.into_iter().flatten().min().filter(|_| self.is_online());
        let call = self.call.as_ref().and_then(CallState::poll_timeout);
        let kept = [self.fill_timeout(), self.prune_timeout()].into_iter().flatten().min();
        let told = self.notifications.poll_timeout(|room_id| self.is_catching_up(room_id));
        [offline.filter(|_| !self.countdown_over()), sending, call, self.rooms.poll_timeout(), kept, told]
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
            thread: self.thread_view(),
            call: self.call_view(),
            devices: self.devices_view(),
            settings: self.settings_view(),
            export: self.exporting.view(),
        }
    }

    fn slice(&self, slice: Slice) -> ViewEvent {
        match slice {
            Slice::Session => ViewEvent::Session(self.session_view()),
            Slice::Connection => ViewEvent::Connection(self.connection_view()),
            Slice::Rooms => ViewEvent::Rooms(self.rooms_view()),
            Slice::People => ViewEvent::People(self.people.view(self.me())),
            Slice::Timeline => ViewEvent::Timeline(self.timeline_view()),
            Slice::Thread => ViewEvent::Thread(self.thread_view()),
            Slice::Call => ViewEvent::Call(self.call_view()),
            Slice::Devices => ViewEvent::Devices(self.devices_view()),
            Slice::Settings => ViewEvent::Settings(self.settings_view()),
            Slice::Export => ViewEvent::Export(self.exporting.view()),
        }
    }

    fn rooms_view(&self) -> parley_shared::view::RoomsView {
        self.rooms.view(self.me(), &self.people)
    }

    fn timeline_view(&self) -> Option<TimelineView> {
        let timeline = self.timeline.as_ref()?;
        let room = self.rooms.map.get(&timeline.room_id)?;
        let joinable = room.room().call.is_some() && !self.is_in_call_of(timeline.room_id);
        Some(timeline.view(&self.eye(room), &self.outbox, joinable))
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
        self.start_uploads(now);
        self.send_waiting(now);
        self.send_delivered(now);
        self.fill_next(now);
        self.prune_old(now);
        self.on_call_time(now);
        self.end_quiet(now);
        self.notify_due(now);
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
            self.touch(Slice::Thread);
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

    /// Keeps messages on disk, with the names that their mentions are searched by.
    fn save_messages(&mut self, messages: Vec<Message>) {
        let mentioned = messages.iter().filter_map(|message| match &message.body {
            MessageBody::Text { text, .. } => Some(mentions(text)),
            MessageBody::Deleted | MessageBody::Call { .. } => None,
        });
        let names = mentioned
            .flatten()
            .filter_map(|(_, mention)| match mention {
                Mention::Person(id) => Some((id, self.people.name(id))),
                Mention::Everyone => None,
            })
            .collect();
        self.emit(Effect::Store(StoreJob::SaveMessages { messages, names }));
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
