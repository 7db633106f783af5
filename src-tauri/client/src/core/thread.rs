//! The thread that is shown beside the open room: from the disk at once, then whole from the relay.

use std::collections::BTreeMap;

use parley_shared::ids::{MessageId, RoomId, Seq};
use parley_shared::view::ThreadView;
use parley_shared::wire::{Message, ThreadPage};

use super::eye::{Eye, Near};
use super::input::*;
use super::ops::Op;
use super::outbox::Outbox;
use super::{Core, Slice};

/// Messages of a thread that are shown; what is older than these stays on the relay.
const SHOWN: usize = 2_000;

/// The first message and those in its thread, each once, in its newest version.
#[derive(Debug)]
pub struct Thread {
    pub room_id: RoomId,
    pub thread_id: MessageId,
    root: Option<Message>,
    messages: BTreeMap<Seq, Message>,
    loading: bool,
    failed: bool,
}

impl Thread {
    fn open(room_id: RoomId, thread_id: MessageId, root: Option<Message>) -> Self {
        Self { room_id, thread_id, root, messages: BTreeMap::new(), loading: true, failed: false }
    }

    /// Takes a message in when it is of this thread. True when something changed.
    pub fn apply(&mut self, message: &Message) -> bool {
        let is_newer = |there: &Message| there.change < message.change;
        if message.id == self.thread_id {
            let newer = self.root.as_ref().is_none_or(is_newer);
            if newer {
                self.root = Some(message.clone());
            }
            return newer;
        }
        if message.thread_id != Some(self.thread_id) || !self.messages.get(&message.seq).is_none_or(is_newer) {
            return false;
        }
        self.messages.insert(message.seq, message.clone());
        while self.messages.len() > SHOWN {
            self.messages.pop_first();
        }
        true
    }

    pub fn message(&self, id: MessageId) -> Option<&Message> {
        self.root.iter().chain(self.messages.values()).find(|message| message.id == id)
    }

    /// What its messages answer.
    pub fn unresolved(&self) -> Vec<MessageId> {
        let near = self.near();
        let replies = self.root.iter().chain(self.messages.values()).filter_map(|message| message.reply_to);
        replies.filter(|id| !near.contains_key(id)).collect()
    }

    fn near(&self) -> Near<'_> {
        self.root.iter().chain(self.messages.values()).map(|message| (message.id, message)).collect()
    }

    fn view(&self, eye: &Eye<'_>, outbox: &Outbox) -> ThreadView {
        let near = self.near();
        let stored = self.messages.values().map(|message| eye.message(message, &near));
        let waiting = outbox
            .of(self.room_id)
            .filter(|pending| pending.thread_id == Some(self.thread_id))
            .filter(|pending| !self.messages.values().any(|message| message.client_id == pending.client_id))
            .map(|pending| eye.pending(pending, &near));
        ThreadView {
            room_id: self.room_id,
            thread_id: self.thread_id,
            root: self.root.as_ref().map(|root| eye.message(root, &near)),
            messages: stored.chain(waiting).collect(),
            loading: self.loading,
            failed: self.failed,
        }
    }
}

impl Core {
    pub(super) fn thread_view(&self) -> Option<ThreadView> {
        let thread = self.thread.as_ref()?;
        let room = self.rooms.map.get(&thread.room_id)?;
        Some(thread.view(&self.eye(room), &self.outbox))
    }

    pub(super) fn open_thread(&mut self, reply: ReplyId, room_id: RoomId, thread_id: MessageId) {
        if !self.rooms.map.contains_key(&room_id) {
            return self.no_room(reply);
        }
        if !self.is_open(room_id) {
            self.show_room(room_id);
        }
        self.show_thread(room_id, thread_id);
        self.done(reply);
    }

    pub(super) fn show_thread(&mut self, room_id: RoomId, thread_id: MessageId) {
        if self.thread.as_ref().is_some_and(|thread| thread.thread_id == thread_id && !thread.failed) {
            return;
        }
        let root = self.timeline.as_ref().and_then(|timeline| timeline.message(thread_id)).cloned();
        self.thread = Some(Thread::open(room_id, thread_id, root));
        self.emit(Effect::Store(StoreJob::LoadThread { thread_id }));
        self.touch(Slice::Thread);
    }

    pub(super) fn close_thread(&mut self, reply: ReplyId) {
        self.hide_thread();
        self.done(reply);
    }

    pub(super) fn hide_thread(&mut self) {
        if self.thread.take().is_some() {
            self.touch(Slice::Thread);
        }
    }

    pub(super) fn on_thread_loaded(&mut self, thread_id: MessageId, root: Option<Message>, messages: Vec<Message>) {
        let Some(thread) = self.thread.as_mut().filter(|thread| thread.thread_id == thread_id) else { return };
        let room_id = thread.room_id;
        for message in root.iter().chain(&messages).filter(|message| message.room_id == room_id) {
            thread.apply(message);
        }
        self.fetch_thread(None);
        self.resolve_replies();
        self.touch(Slice::Thread);
    }

    /// Asks the relay for what comes after a place; without the relay the disk may be enough.
    pub(super) fn fetch_thread(&mut self, after: Option<Seq>) {
        let online = self.is_online();
        let Some(thread) = &mut self.thread else { return };
        let (room_id, thread_id) = (thread.room_id, thread.thread_id);
        thread.loading = online;
        if online {
            self.api(Op::FetchThread { thread_id }, ApiCall::Thread { room_id, thread_id, after });
        } else {
            // Messages of a thread come after its first one: a history that has that one has them all.
            let from = self.rooms.map.get(&room_id).and_then(|room| room.record.history_from);
            let whole = thread.root.as_ref().zip(from).map(|(root, from)| root.seq >= from);
            thread.failed = whole != Some(true);
        }
        self.touch(Slice::Thread);
    }

    pub(super) fn on_thread_page(&mut self, thread_id: MessageId, page: ThreadPage) {
        let Some(thread) = self.thread.as_mut().filter(|thread| thread.thread_id == thread_id) else { return };
        thread.apply(&page.root);
        for message in &page.messages {
            thread.apply(message);
        }
        let next = page.messages.last().map(|last| last.seq).filter(|_| page.has_more);
        (thread.loading, thread.failed) = (false, false);
        if next.is_some() {
            self.fetch_thread(next);
        }
        self.resolve_replies();
        self.touch(Slice::Thread);
    }

    pub(super) fn on_thread_failed(&mut self, thread_id: MessageId) {
        if let Some(thread) = self.thread.as_mut().filter(|thread| thread.thread_id == thread_id) {
            (thread.loading, thread.failed) = (false, true);
            self.touch(Slice::Thread);
        }
    }
}
