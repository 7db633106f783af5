//! What messages answer: from the window, else from the disk, else asked from the relay once.

use std::collections::{BTreeMap, VecDeque};

use parley_shared::ids::{MessageId, RoomId};
use parley_shared::wire::Message;

use super::input::*;
use super::ops::Op;
use super::{Core, Slice};

/// Answered messages that are remembered: some screens of the open room.
const REMEMBERED: usize = 500;

/// Answered messages of the open room that are not in its window.
#[derive(Debug, Default)]
pub struct Replies {
    known: BTreeMap<MessageId, Reply>,
    /// The order of asking; the oldest are forgotten first.
    order: VecDeque<MessageId>,
}

#[derive(Debug)]
pub enum Reply {
    Asked,
    Known(Box<Message>),
    /// The relay does not know it, or not for me.
    Unknown,
}

impl Replies {
    pub fn of(&self, id: MessageId) -> Option<&Reply> {
        self.known.get(&id)
    }

    /// A message that was edited or deleted.
    pub fn apply(&mut self, message: &Message) {
        if let Some(Reply::Known(there)) = self.known.get_mut(&message.id)
            && there.change < message.change
        {
            **there = message.clone();
        }
    }

    /// Those that nobody asked for so far; they count as asked from here on.
    fn ask(&mut self, ids: Vec<MessageId>) -> Vec<MessageId> {
        let fresh: Vec<MessageId> = ids.into_iter().filter(|id| !self.known.contains_key(id)).collect();
        for id in &fresh {
            self.known.insert(*id, Reply::Asked);
            self.order.push_back(*id);
        }
        while self.order.len() > REMEMBERED {
            if let Some(oldest) = self.order.pop_front() {
                self.known.remove(&oldest);
            }
        }
        fresh
    }

    fn set(&mut self, id: MessageId, reply: Reply) {
        if let Some(there) = self.known.get_mut(&id) {
            *there = reply;
        }
    }

    /// It can be asked again.
    pub(super) fn forget(&mut self, id: MessageId) {
        self.known.remove(&id);
        self.order.retain(|there| *there != id);
    }
}

impl Core {
    /// Looks for what the open room's messages answer.
    pub(super) fn resolve_replies(&mut self) {
        let Some(timeline) = &self.timeline else { return };
        let room_id = timeline.room_id;
        let mut wanted = timeline.unresolved();
        if let Some(thread) = &self.thread {
            wanted.extend(thread.unresolved());
        }
        wanted.extend(self.outbox.of(room_id).filter_map(|pending| pending.reply_to));
        wanted.retain(|id| !timeline.has(*id));
        wanted.sort();
        wanted.dedup();
        let ids = self.replies.ask(wanted);
        if !ids.is_empty() {
            self.emit(Effect::Store(StoreJob::FindMessages { room_id, ids }));
        }
    }

    pub(super) fn on_messages_found(&mut self, room_id: RoomId, ids: &[MessageId], messages: Vec<Message>) {
        if !self.is_open(room_id) {
            return;
        }
        for id in ids.iter().filter(|id| !messages.iter().any(|message| message.id == **id)) {
            if self.is_online() {
                self.api(Op::FetchReply { room_id, message_id: *id }, ApiCall::Message(room_id, *id));
            } else {
                self.replies.forget(*id);
            }
        }
        for message in messages {
            self.on_reply_known(room_id, message.id, Some(message));
        }
    }

    pub(super) fn on_reply_known(&mut self, room_id: RoomId, id: MessageId, message: Option<Message>) {
        let message = message.filter(|message| message.room_id == room_id);
        self.replies.set(id, message.map_or(Reply::Unknown, |message| Reply::Known(Box::new(message))));
        if self.is_open(room_id) {
            self.changed.extend([Slice::Timeline, Slice::Thread]);
        }
    }
}
