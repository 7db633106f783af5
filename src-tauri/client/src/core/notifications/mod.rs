//! What is told outside of the window: each message of others is considered once, and what the person looks at or has read
//! is not told.
//!
//! ```text
//! message --considered--> waiting --due--> shown --read, deleted, room left--> (gone)
//!                            `--read, deleted--> (gone)
//! ```

mod quiet;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use parley_shared::ids::{MessageId, RoomId, Seq};
use parley_shared::view::{NotificationAbout, NotificationView, ViewEvent};
use parley_shared::wire::{AttachmentKind, CallOutcome, Message, MessageBody, NotifyLevel, RoomKind};

use super::Core;
use super::eye::mentions_me;
use super::input::*;
use super::rooms::Rooms;

/// Between two notifications of one room; what comes meanwhile is told as one.
const AT_MOST_EVERY: Duration = Duration::from_secs(1);
/// After being away, a room's messages come in pages and are told as one.
const CATCH_UP: Duration = Duration::from_secs(1);
/// What the person looks at is marked as read within this time: two turns of the page and a busy machine.
const IN_FRONT: Duration = Duration::from_secs(2);
/// Untold messages of one room that are remembered whole, for when the newest is deleted.
const WAITING: usize = 20;
/// Unread messages of one room that are counted; nobody reads a larger number.
const COUNTED: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct Notifications {
    /// The window has the focus.
    in_front: bool,
    /// This device knew nothing of the account: what the relay has is no news.
    fresh: bool,
    rooms: BTreeMap<RoomId, Told>,
    /// When do-not-disturb is looked at again.
    quiet_look_at: Option<Duration>,
}

/// What was told of a room.
#[derive(Debug, Default)]
struct Told {
    /// Every message up to this place was considered.
    heard: Seq,
    /// To be told at `due`.
    waiting: BTreeMap<Seq, News>,
    due: Option<Duration>,
    /// The person had time to read what stands before them.
    held: bool,
    /// What was told or waits to be, and is not read.
    unread: BTreeSet<Seq>,
    /// What the notification on the screen is about.
    shown: Option<(Seq, MessageId)>,
    told_at: Option<Duration>,
}

#[derive(Debug)]
struct News {
    message: Message,
    mention: bool,
}

/// Whether the person wants to be told of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    No,
    Yes {
        mention: bool,
    },
    /// If it answers me: the disk knows.
    IfToMe,
}

/// Where messages come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Live,
    /// Fetched after being away.
    CatchUp,
}

impl Notifications {
    /// For an account whose rooms were `rooms` when this device last ran.
    pub(super) fn open(&mut self, rooms: &Rooms) {
        self.fresh = rooms.map.is_empty();
        self.rooms.clear();
        self.skip(rooms);
    }

    /// The rooms of a device that knew none are no news.
    pub(super) fn on_rooms(&mut self, rooms: &Rooms) {
        if std::mem::take(&mut self.fresh) {
            self.skip(rooms);
        }
    }

    fn skip(&mut self, rooms: &Rooms) {
        for (id, room) in &rooms.map {
            self.rooms.entry(*id).or_default().heard = room.room().last_seq;
        }
    }

    pub(super) fn poll_timeout(&self, syncing: impl Fn(RoomId) -> bool) -> Option<Duration> {
        let due = self.rooms.iter().filter(|(id, _)| !syncing(**id)).filter_map(|(_, told)| told.due);
        due.chain(self.quiet_look_at).min()
    }
}

impl Told {
    /// Forgets what was read. True when the notification on the screen has nothing to say any more.
    fn on_read(&mut self, read: Seq) -> bool {
        self.waiting.retain(|seq, _| *seq > read);
        self.unread.retain(|seq| *seq > read);
        if self.waiting.is_empty() {
            self.due = None;
        }
        self.shown.take_if(|(seq, _)| *seq <= read).is_some()
    }

    /// As [`Self::on_read`].
    fn on_deleted(&mut self, seq: Seq) -> bool {
        self.waiting.remove(&seq);
        self.unread.remove(&seq);
        if self.waiting.is_empty() {
            self.due = None;
        }
        self.shown.take_if(|(shown, _)| *shown == seq).is_some()
    }

    fn on_news(&mut self, message: &Message, mention: bool) {
        self.unread.insert(message.seq);
        self.waiting.insert(message.seq, News { message: message.clone(), mention });
        while self.waiting.len() > WAITING {
            self.waiting.pop_first();
        }
        while self.unread.len() > COUNTED {
            self.unread.pop_first();
        }
    }
}

impl Core {
    /// A message that came, or came again changed; what it did to its room is done.
    pub(super) fn on_heard(&mut self, message: &Message, heard: Heard, now: Now) {
        let told = self.notifications.rooms.entry(message.room_id).or_default();
        let news = message.seq > told.heard;
        told.heard = told.heard.max(message.seq);
        if message.body == MessageBody::Deleted {
            if told.on_deleted(message.seq) {
                self.show_gone(message.room_id);
            }
            return;
        }
        if let Some(waiting) = told.waiting.get_mut(&message.seq) {
            waiting.message = message.clone();
        }
        if !news {
            return;
        }
        match self.wish(message) {
            Wish::No => {}
            Wish::Yes { mention } => self.notify_later(message, mention, heard, now),
            Wish::IfToMe => self.emit(Effect::Store(StoreJob::IsToMe(Box::new(message.clone())))),
        }
    }

    /// The disk knows that the message answers one of mine, or stands in a thread of mine.
    pub(super) fn on_to_me(&mut self, message: &Message, now: Now) {
        match self.wish(message) {
            Wish::No => {}
            Wish::Yes { .. } | Wish::IfToMe => self.notify_later(message, true, Heard::Live, now),
        }
    }

    fn notify_later(&mut self, message: &Message, mention: bool, heard: Heard, now: Now) {
        let wait = match heard {
            _ if self.is_in_front(message.room_id) => IN_FRONT,
            Heard::Live => Duration::ZERO,
            Heard::CatchUp => CATCH_UP,
        };
        let in_front = self.is_in_front(message.room_id);
        let told = self.notifications.rooms.entry(message.room_id).or_default();
        told.on_news(message, mention);
        told.held = in_front;
        let earliest = told.told_at.map_or(Duration::ZERO, |at| at + AT_MOST_EVERY);
        let due = (now.clock + wait).max(earliest);
        told.due = Some(if in_front { due } else { told.due.map_or(due, |there| there.min(due)) });
    }

    fn wish(&self, message: &Message) -> Wish {
        let me = self.me();
        let Some(room) = self.rooms.map.get(&message.room_id) else { return Wish::No };
        let quiet = !self.preferences.notifications.enabled || self.is_quiet();
        let not_for_me = message.sender_id == me || message.seq <= room.read_seq(me);
        if quiet || not_for_me || room.room().archived || self.people.is_blocked(message.sender_id) {
            return Wish::No;
        }
        let mention = mentions_me(message, me);
        let answers = message.reply_to.is_some() || message.thread_id.is_some();
        match (&message.body, room.room().notify) {
            (MessageBody::Deleted, _) | (_, NotifyLevel::None) => Wish::No,
            (MessageBody::Call { outcome, .. }, NotifyLevel::All | NotifyLevel::Mentions) => match outcome {
                CallOutcome::Missed | CallOutcome::Busy | CallOutcome::Unreachable => Wish::Yes { mention: false },
                CallOutcome::Completed | CallOutcome::Declined => Wish::No,
            },
            (MessageBody::Text { .. }, NotifyLevel::All) => Wish::Yes { mention },
            (MessageBody::Text { .. }, NotifyLevel::Mentions) if mention => Wish::Yes { mention },
            (MessageBody::Text { .. }, NotifyLevel::Mentions) if answers => Wish::IfToMe,
            (MessageBody::Text { .. }, NotifyLevel::Mentions) => Wish::No,
        }
    }

    /// The person looks at the room, as far as it is known here: whoever reads further up in it marks nothing as read.
    fn is_in_front(&self, room_id: RoomId) -> bool {
        let open = self.timeline.as_ref().filter(|timeline| timeline.room_id == room_id);
        self.notifications.in_front && open.is_some_and(|timeline| timeline.to().is_none())
    }

    pub(super) fn is_catching_up(&self, room_id: RoomId) -> bool {
        self.syncing.contains(&room_id) || self.to_sync.contains(&room_id)
    }

    /// Tells what is due.
    pub(super) fn notify_due(&mut self, now: Now) {
        let due = |told: &Told| told.due.is_some_and(|due| due <= now.clock);
        let rooms: Vec<RoomId> =
            self.notifications.rooms.iter().filter(|(_, told)| due(told)).map(|(id, _)| *id).collect();
        for room_id in rooms {
            if !self.is_catching_up(room_id) {
                self.notify_room(room_id, now);
            }
        }
    }

    fn notify_room(&mut self, room_id: RoomId, now: Now) {
        let in_front = self.is_in_front(room_id);
        let Some(told) = self.notifications.rooms.get_mut(&room_id) else { return };
        if in_front && !told.held {
            (told.held, told.due) = (true, Some(now.clock + IN_FRONT));
            return;
        }
        told.due = None;
        let waiting = std::mem::take(&mut told.waiting);
        let count = u32::try_from(told.unread.len()).unwrap_or(u32::MAX);
        // What was wanted when it came may be wanted no longer.
        let Some((seq, news)) = waiting.into_iter().rfind(|(_, news)| self.wish(&news.message) != Wish::No) else {
            return;
        };
        let Some(view) = self.notification_view(&news, count) else { return };
        if let Some(told) = self.notifications.rooms.get_mut(&room_id) {
            told.shown = Some((seq, news.message.id));
            told.told_at = Some(now.clock);
        }
        self.emit(Effect::Show(Box::new(ViewEvent::Notification(view))));
    }

    fn notification_view(&self, news: &News, count: u32) -> Option<NotificationView> {
        let message = &news.message;
        let settings = self.preferences.notifications;
        let room = self.rooms.map.get(&message.room_id)?;
        let sender = self.people.item(message.sender_id);
        Some(NotificationView {
            room_id: message.room_id,
            room_title: room.title(self.me(), &self.people),
            group: room.room().kind == RoomKind::Group,
            sender: sender.display_name,
            avatar: sender.avatar,
            about: self.about(message, news.mention, settings.show_text)?,
            count: count.max(1),
            sound: settings.sound,
        })
    }

    fn about(&self, message: &Message, mention: bool, show: bool) -> Option<NotificationAbout> {
        let (text, attachments) = match &message.body {
            MessageBody::Text { text, attachments } => (text, attachments),
            MessageBody::Call { .. } => return Some(NotificationAbout::MissedCall),
            MessageBody::Deleted => return None,
        };
        let images = attachments.iter().filter(|file| matches!(file.kind, AttachmentKind::Image { .. })).count();
        let number = |count: usize| if show { u32::try_from(count).unwrap_or(u32::MAX) } else { 0 };
        Some(NotificationAbout::Message {
            message_id: message.id,
            seq: message.seq,
            thread_id: message.thread_id,
            text: show.then(|| words::plain(text, &self.people)),
            images: number(images),
            files: number(attachments.len() - images),
            mention,
        })
    }

    /// After my own reading moved, here or elsewhere.
    pub(super) fn notified_until_read(&mut self, room_id: RoomId) {
        let me = self.me();
        let Some(room) = self.rooms.map.get(&room_id) else { return };
        let read = room.read_seq(me);
        if self.notifications.rooms.get_mut(&room_id).is_some_and(|told| told.on_read(read)) {
            self.show_gone(room_id);
        }
    }

    /// The room is mine no longer.
    pub(super) fn forget_notified(&mut self, room_id: RoomId) {
        let told = self.notifications.rooms.remove(&room_id);
        if told.is_some_and(|told| told.shown.is_some()) {
            self.show_gone(room_id);
        }
    }

    /// Nobody is signed in any more.
    pub(super) fn forget_all_notified(&mut self) {
        let rooms: Vec<RoomId> = self.notifications.rooms.keys().copied().collect();
        rooms.into_iter().for_each(|room_id| self.forget_notified(room_id));
    }

    fn show_gone(&mut self, room_id: RoomId) {
        self.emit(Effect::Show(Box::new(ViewEvent::NotificationsGone { room_id })));
    }
}
