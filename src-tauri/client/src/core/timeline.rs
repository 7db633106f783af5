//! The open room: a window of the messages of its own flow. It reaches to the newest, or, after a jump, ends before it.

use std::collections::BTreeMap;

use parley_shared::ids::{MessageId, RoomId, Seq, UserId};
use parley_shared::view::{FocusView, MemberItem, RoomDetails, TimelineView};
use parley_shared::wire::{Message, RoomKind};

use super::disk::Page;
use super::eye::{Eye, Near};
use super::outbox::Outbox;
use super::people::People;
use super::rooms::RoomState;

/// Messages of the open room by their place, those of threads left out. However often and in whatever order a message comes,
/// it stands once, in its newest version.
#[derive(Debug)]
pub struct Timeline {
    pub room_id: RoomId,
    messages: BTreeMap<Seq, Message>,
    /// The first place of the window; every message of the flow from here to its end is in it, or on its way.
    from: Option<Seq>,
    /// The last place of a window that ends before the newest message. None: it reaches to the newest.
    to: Option<Seq>,
    pub loading: bool,
    pub loading_older: bool,
    pub older_failed: bool,
    pub loading_newer: bool,
    pub focus: Option<FocusView>,
    pub unread_from: Option<Seq>,
    /// Pages in a row that brought nothing to show.
    pub empty_pages: u32,
}

impl Timeline {
    /// `read` is how far I had read when the room was opened, `unread` how much there was after it.
    pub fn open(room_id: RoomId, read: Seq, unread: u32) -> Self {
        Self {
            room_id,
            messages: BTreeMap::new(),
            from: None,
            to: None,
            loading: true,
            loading_older: false,
            older_failed: false,
            loading_newer: false,
            focus: None,
            unread_from: (unread > 0).then(|| read.next()),
            empty_pages: 0,
        }
    }

    /// The first place that is shown, or none before anything came.
    pub fn from(&self) -> Option<Seq> {
        self.from
    }

    /// The last place of a window that ends before the newest message.
    pub fn to(&self) -> Option<Seq> {
        self.to
    }

    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// The newest page of the room. A window that ends elsewhere takes nothing of it.
    pub fn on_newest(&mut self, page: Page) {
        if self.to.is_none() {
            self.on_older(page);
        }
    }

    /// A page that ends where the window begins. True when it brought something to show.
    pub fn on_older(&mut self, page: Page) -> bool {
        let shown = self.messages.len();
        let from = self.from.map_or(page.from, |from| from.min(page.from));
        self.from = Some(from);
        for message in page.messages {
            self.insert(message);
        }
        self.messages.retain(|seq, _| *seq >= from);
        let brought = self.messages.len() > shown;
        self.empty_pages = if brought { 0 } else { self.empty_pages + 1 };
        brought
    }

    /// A page that begins where the window ends; with the room's newest message the window reaches to the newest from then
    /// on. True when it brought something to show.
    pub fn on_newer(&mut self, page: Page, newest: Seq) -> bool {
        let shown = self.messages.len();
        self.to = (page.to < newest).then_some(page.to);
        for message in page.messages {
            self.insert(message);
        }
        let brought = self.messages.len() > shown;
        self.empty_pages = if brought { 0 } else { self.empty_pages + 1 };
        brought
    }

    /// There is nothing newer that could be had: what comes is on its way.
    pub fn reach_newest(&mut self) {
        self.to = None;
    }

    /// Another part of the room in place of the window.
    pub fn show(&mut self, page: Page, newest: Seq) {
        self.messages.clear();
        self.from = Some(page.from);
        self.to = None;
        (self.loading, self.loading_older, self.older_failed, self.loading_newer) = (false, false, false, false);
        self.on_newer(page, newest);
        self.empty_pages = 0;
    }

    /// A message that was stored, edited or deleted. What lies outside the window comes with its page.
    pub fn apply(&mut self, message: &Message) {
        let after_begin = self.from.is_none_or(|from| message.seq >= from);
        if after_begin && self.to.is_none_or(|to| message.seq <= to) {
            self.insert(message.clone());
        }
    }

    fn insert(&mut self, message: Message) {
        if message.thread_id.is_some() {
            return;
        }
        match self.messages.get_mut(&message.seq) {
            Some(there) if there.change >= message.change => {}
            Some(there) => *there = message,
            None => drop(self.messages.insert(message.seq, message)),
        }
    }

    /// Whether a place lies within the window.
    pub fn covers(&self, seq: Seq) -> bool {
        self.from.is_some_and(|from| seq >= from) && self.to.is_none_or(|to| seq <= to)
    }

    /// What is shown at a place, else next after it, else before it.
    pub fn nearest(&self, seq: Seq) -> Option<Seq> {
        let after = self.messages.range(seq..).next();
        after.or_else(|| self.messages.range(..seq).next_back()).map(|(seq, _)| *seq)
    }

    /// How far I have read when I have read the message at this place: what stands in threads up to the next message of
    /// the flow counts with it.
    pub fn read_with(&self, seq: Seq, newest: Seq) -> Seq {
        if !self.covers(seq) {
            return seq;
        }
        match self.messages.range(seq.next()..).next() {
            Some((next, _)) => Seq(next.0 - 1),
            None => self.to.unwrap_or(newest).max(seq),
        }
    }

    pub fn message(&self, id: MessageId) -> Option<&Message> {
        self.messages.values().rev().find(|message| message.id == id)
    }

    pub fn has(&self, id: MessageId) -> bool {
        self.message(id).is_some()
    }

    pub fn at(&self, seq: Seq) -> Option<&Message> {
        self.messages.get(&seq)
    }

    /// What its messages answer outside the window.
    pub fn unresolved(&self) -> Vec<MessageId> {
        let replies: Vec<MessageId> = self.messages.values().filter_map(|message| message.reply_to).collect();
        if replies.is_empty() {
            return replies;
        }
        let near = self.near();
        replies.into_iter().filter(|id| !near.contains_key(id)).collect()
    }

    fn near(&self) -> Near<'_> {
        self.messages.values().map(|message| (message.id, message)).collect()
    }

    pub fn view(&self, eye: &Eye<'_>, outbox: &Outbox, joinable_call: bool) -> TimelineView {
        let near = self.near();
        let stored = self.messages.values().map(|message| eye.message(message, &near));
        let waiting = outbox
            .of(self.room_id)
            .filter(|pending| pending.thread_id.is_none())
            .filter(|pending| {
                !self.messages.values().rev().take(200).any(|message| message.client_id == pending.client_id)
            })
            .map(|pending| eye.pending(pending, &near));
        let room = eye.room;
        let first = self.from.unwrap_or(room.room().last_seq.next());
        TimelineView {
            room: details(room, eye.me, eye.people, joinable_call),
            messages: stored.chain(waiting).collect(),
            loading: self.loading,
            has_older: first > Seq(1),
            loading_older: self.loading_older,
            older_failed: self.older_failed,
            has_newer: self.to.is_some(),
            loading_newer: self.loading_newer,
            focus: self.focus,
            unread_from: self.unread_from,
            typing: room.typing_names(eye.me, eye.people),
            draft: room.record.draft.clone(),
        }
    }
}

fn details(state: &RoomState, me: UserId, people: &People, joinable_call: bool) -> RoomDetails {
    let room = state.room();
    RoomDetails {
        id: room.id,
        kind: room.kind,
        title: state.title(me, people),
        topic: room.topic.clone(),
        visibility: room.visibility,
        archived: room.archived,
        guests: room.guests,
        notify: room.notify,
        avatar: room.avatar,
        peer: match room.kind {
            RoomKind::Direct => state.peer(me).map(|peer| people.item(peer)),
            RoomKind::Group => None,
        },
        my_role: state.role(me),
        members: room
            .members
            .iter()
            .map(|member| MemberItem {
                person: people.item(member.user.id),
                role: member.role,
                me: member.user.id == me,
            })
            .collect(),
        member_count: room.member_count,
        joinable_call,
        call_people: match &room.call {
            Some(call) if joinable_call => {
                call.participants.iter().map(|participant| participant.user.display_name.clone()).collect()
            }
            Some(_) | None => Vec::new(),
        },
    }
}
