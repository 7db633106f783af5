//! What happens to messages while the relay is there: events, sending, receipts, typing.

use std::time::Duration;

use parley_shared::ids::{Change, ClientMessageId, MessageId, RoomId, Seq, UserId};
use parley_shared::limits::{MESSAGE_CHARS, TYPING_TIMEOUT};
use parley_shared::wire::{ErrorCode, Event, Message, Request};

use super::failure::{invalid, not_now, word};
use super::input::*;
use super::notifications::Heard;
use super::ops::Op;
use super::outbox::Pending;
use super::{Core, DELIVERED_AFTER, Slice};

/// Messages of one room that may wait: a day's writing without a network.
const OUTBOX_PER_ROOM: usize = 1_000;
/// Wait after a refusal that names no time.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// What [`parley_shared::view::Command::SendMessage`] says.
#[derive(Debug)]
pub(super) struct Written {
    pub room_id: RoomId,
    pub text: String,
    pub reply_to: Option<MessageId>,
    pub thread_id: Option<MessageId>,
    pub attachments: Vec<String>,
}

impl Core {
    pub(super) fn on_event(&mut self, event: Event, now: Now) {
        match event {
            Event::MessageStored { message } | Event::MessageChanged { message } => self.on_message(*message, now),
            Event::ReceiptChanged { room_id, user_id, delivered_seq, read_seq } => {
                self.on_receipt(room_id, user_id, delivered_seq, read_seq);
            }
            Event::RoomChanged { room } => self.on_room(*room),
            Event::RoomRemoved { room_id } => self.forget_room(room_id),
            Event::UserChanged { user } => self.on_user_changed(&user),
            Event::CallChanged { call } => self.on_call_changed(*call, now),
            Event::CallEnded { call_id, room_id, reason } => self.on_call_ended(call_id, room_id, reason, now),
            Event::CallSignal { call_id, from, signal } => self.on_call_signal(call_id, from, signal),
            Event::SignedOut => self.on_link(LinkEvent::SignedOut { revoked: true }, now),
        }
    }

    /// A message that the relay stored or changed, from an event or a reply: both may bring it, in either order.
    pub(super) fn on_message(&mut self, message: Message, now: Now) {
        let me = self.me();
        let room_id = message.room_id;
        let taken = self.on_maybe_mine(&message);
        self.replies.apply(&message);
        if let Some(thread) = self.thread.as_mut().filter(|thread| thread.room_id == room_id)
            && thread.apply(&message)
        {
            self.changed.insert(Slice::Thread);
        }
        let Some(room) = self.rooms.map.get_mut(&room_id) else { return };
        if message.change <= room.record.cursor {
            if taken {
                self.touch_rooms([room_id]);
            }
            return;
        }
        let is_next = message.change == Change(room.record.cursor.0 + 1) && room.record.history_from.is_some();
        let changed_unread = room.on_message(&message, me);
        if is_next {
            room.record.cursor = message.change;
        }
        let keep = room.record.history_from.is_some_and(|from| message.seq >= from);
        if let Some(timeline) = self.timeline.as_mut().filter(|timeline| timeline.room_id == room_id) {
            timeline.apply(&message);
        }
        self.on_heard(&message, Heard::Live, now);
        if message.sender_id != me {
            self.deliver_at.get_or_insert(now.clock + DELIVERED_AFTER);
            self.deliver(room_id, message.seq);
        }
        if keep {
            self.save_messages(vec![message]);
        }
        if changed_unread {
            self.recount_unread(room_id);
        }
        self.resolve_replies();
        self.save_room(room_id);
        self.sync_if_behind(room_id);
        self.touch_rooms([room_id]);
    }

    /// Takes my own message out of the outbox. True when it was there.
    pub(super) fn on_maybe_mine(&mut self, message: &Message) -> bool {
        if message.sender_id == self.me() {
            self.free_files(message.room_id, message.client_id, false);
        }
        let mine = message.sender_id == self.me() && self.outbox.on_stored(message.room_id, message.client_id);
        if mine {
            self.emit(Effect::Store(StoreJob::RemoveOutbox(message.client_id)));
        }
        mine
    }

    fn on_receipt(&mut self, room_id: RoomId, user: UserId, delivered: Seq, read: Seq) {
        let me = self.me();
        let Some(room) = self.rooms.map.get_mut(&room_id) else { return };
        if !room.on_receipt(user, delivered, read) {
            return;
        }
        if user == me {
            self.recount_unread(room_id);
            self.notified_until_read(room_id);
        }
        self.save_room(room_id);
        self.touch_rooms([room_id]);
    }

    /// After my own reading moved, here or on another device.
    pub(super) fn recount_unread(&mut self, room_id: RoomId) {
        let me = self.me();
        let Some(room) = self.rooms.map.get_mut(&room_id) else { return };
        let read = room.read_seq(me);
        let room_view = &mut room.record.room;
        let left = u32::try_from(room_view.last_seq.0.saturating_sub(read.0)).unwrap_or(u32::MAX);
        room_view.unread = room_view.unread.min(left);
        room_view.mentions = room_view.mentions.min(room_view.unread);
        // What is not on disk cannot be counted there; the next list of rooms brings the relay's count.
        if left > 0 && room.record.history_from.is_some_and(|from| from <= read.next()) {
            self.emit(Effect::Store(StoreJob::CountUnread { room_id, after: read }));
        }
    }

    pub(super) fn on_unread_counted(&mut self, room_id: RoomId, after: Seq, unread: Unread) {
        let me = self.me();
        let Some(room) = self.rooms.map.get_mut(&room_id) else { return };
        // Reading went on meanwhile: a later count is under way.
        let read = room.read_seq(me);
        let summary = &mut room.record.room;
        let counted = (summary.unread, summary.mentions) != (unread.messages, unread.mentions);
        if read == after && counted {
            (summary.unread, summary.mentions) = (unread.messages, unread.mentions);
            self.touch(Slice::Rooms);
        }
    }

    pub(super) fn mark_read(&mut self, reply: ReplyId, room_id: RoomId, seq: Seq) {
        let me = self.me();
        let Some(room) = self.rooms.map.get_mut(&room_id) else { return self.no_room(reply) };
        let newest = room.room().last_seq;
        let timeline = self.timeline.as_ref().filter(|timeline| timeline.room_id == room_id);
        let seq = timeline.map_or(seq, |timeline| timeline.read_with(seq, newest)).min(newest);
        if room.on_receipt(me, seq, seq) {
            self.recount_unread(room_id);
            self.save_room(room_id);
            self.touch_rooms([room_id]);
            self.tell_read(room_id, seq);
            self.notified_until_read(room_id);
        }
        self.done(reply);
    }

    /// Without the relay the room keeps it; the next list of rooms brings it up again.
    pub(super) fn tell_read(&mut self, room_id: RoomId, seq: Seq) {
        if self.is_online() {
            self.request(Op::Quiet, Request::MarkRead { room_id, seq });
        }
    }

    /// Somebody's message has arrived on this device.
    pub(super) fn deliver(&mut self, room_id: RoomId, seq: Seq) {
        let me = self.me();
        let Some(room) = self.rooms.map.get(&room_id) else { return };
        if room.member(me).is_none_or(|member| member.delivered_seq.max(member.read_seq) >= seq) {
            return;
        }
        let newest = self.to_deliver.entry(room_id).or_default();
        *newest = (*newest).max(seq);
        self.deliver_at.get_or_insert(Duration::ZERO);
    }

    pub(super) fn send_delivered(&mut self, now: Now) {
        if !self.is_online() || self.deliver_at.is_none_or(|at| at > now.clock) {
            return;
        }
        self.deliver_at = None;
        let me = self.me();
        for (room_id, seq) in std::mem::take(&mut self.to_deliver) {
            if let Some(room) = self.rooms.map.get_mut(&room_id) {
                room.on_receipt(me, seq, Seq(0));
            }
            self.request(Op::Quiet, Request::MarkDelivered { room_id, seq });
        }
    }

    pub(super) fn send_message(&mut self, reply: ReplyId, written: Written, now: Now) {
        let Written { room_id, text, reply_to, thread_id, attachments } = written;
        let text = text.trim();
        if !self.rooms.map.contains_key(&room_id) {
            return self.no_room(reply);
        }
        if text.is_empty() && attachments.is_empty() {
            return self.refuse(reply, invalid("text", "A message has at least one character."));
        }
        if text.chars().count() > MESSAGE_CHARS {
            return self.refuse(reply, invalid("text", "A message has at most 4,000 characters."));
        }
        if self.outbox.len(room_id) >= OUTBOX_PER_ROOM {
            return self.refuse(reply, not_now("Too many messages wait to be sent."));
        }
        let attachments = match self.take_drafts(&attachments) {
            Ok(attachments) => attachments,
            Err(error) => return self.refuse(reply, error),
        };
        // What is written in a thread leaves the draft of the room alone.
        if let Some(room) = self.rooms.map.get_mut(&room_id).filter(|_| thread_id.is_none()) {
            room.record.draft.clear();
        }
        let client_id = self.mint.client_message(now.wall);
        let pending = Pending {
            client_id,
            room_id,
            text: text.to_owned(),
            reply_to,
            thread_id,
            attachments,
            written_at_ms: now.wall,
            failed: None,
        };
        self.emit(Effect::Store(StoreJob::SaveOutbox(pending.clone())));
        self.outbox.push(pending);
        self.save_room(room_id);
        self.touch_rooms([room_id]);
        if thread_id.is_none() && self.is_open(room_id) {
            self.show_newest();
        }
        self.resolve_replies();
        self.done(reply);
    }

    pub(super) fn retry_message(&mut self, reply: ReplyId, room_id: RoomId, client_id: ClientMessageId) {
        let Some(pending) = self.outbox.retry(room_id, client_id) else {
            return self.refuse(reply, not_now("This message does not wait for a retry."));
        };
        self.emit(Effect::Store(StoreJob::SaveOutbox(pending)));
        self.touch_rooms([room_id]);
        self.done(reply);
    }

    pub(super) fn discard_message(&mut self, reply: ReplyId, room_id: RoomId, client_id: ClientMessageId) {
        if !self.outbox.can_discard(room_id, client_id) {
            return self.refuse(reply, not_now("This message can be taken back no longer."));
        }
        self.free_files(room_id, client_id, true);
        self.outbox.discard(room_id, client_id);
        self.emit(Effect::Store(StoreJob::RemoveOutbox(client_id)));
        self.touch_rooms([room_id]);
        self.done(reply);
    }

    /// Sends what waits and is due.
    pub(super) fn send_waiting(&mut self, now: Now) {
        if !self.is_online() {
            return;
        }
        for pending in self.outbox.poll(now.clock) {
            let Pending { client_id, room_id, text, reply_to, thread_id, attachments, .. } = pending;
            let attachments = attachments.iter().filter_map(|file| file.upload.id()).collect();
            let request = Request::SendMessage { room_id, client_id, text, reply_to, thread_id, attachments };
            self.request(Op::Send { room_id, client_id }, request);
        }
    }

    pub(super) fn on_send_failed(
        &mut self,
        room_id: RoomId,
        client_id: ClientMessageId,
        failure: CallFailure,
        now: Now,
    ) {
        match failure {
            CallFailure::Refused(error) if matches!(error.code, ErrorCode::RateLimited | ErrorCode::Unavailable) => {
                let wait = error.retry_after_s.map_or(RETRY_AFTER, |s| Duration::from_secs(u64::from(s.clamp(1, 60))));
                self.outbox.on_later(room_id, client_id, now.clock + wait);
            }
            CallFailure::Refused(error) if self.upload_again(room_id, client_id, &error) => {}
            CallFailure::Refused(error) => {
                if let Some(pending) = self.outbox.on_refused(room_id, client_id, word(error.code)) {
                    self.emit(Effect::Store(StoreJob::SaveOutbox(pending)));
                }
                self.touch_rooms([room_id]);
            }
            // The same client id is stored once, however often it is sent.
            CallFailure::Offline | CallFailure::Lost => self.outbox.on_later(room_id, client_id, now.clock),
            CallFailure::Garbled => self.outbox.on_later(room_id, client_id, now.clock + RETRY_AFTER),
        }
    }

    pub(super) fn set_typing(&mut self, reply: ReplyId, room_id: RoomId, typing: bool, now: Now) {
        let told = self.typing_told.filter(|(room, _)| *room == room_id);
        let fresh = told.is_some_and(|(_, at)| now.clock.saturating_sub(at) < TYPING_TIMEOUT / 2);
        if self.is_online() && self.rooms.map.contains_key(&room_id) && (typing && !fresh || !typing && told.is_some())
        {
            self.typing_told = typing.then_some((room_id, now.clock));
            self.request(Op::Quiet, Request::SetTyping { room_id, typing });
        }
        self.done(reply);
    }

    pub(super) fn set_draft(&mut self, reply: ReplyId, room_id: RoomId, text: String) {
        let Some(room) = self.rooms.map.get_mut(&room_id) else { return self.no_room(reply) };
        if text.len() > 4 * MESSAGE_CHARS * 4 {
            return self.refuse(reply, invalid("text", "The draft is too long."));
        }
        // Whoever writes the draft has it on the screen already: the timeline is not sent again for it.
        room.record.draft = text;
        self.save_room(room_id);
        self.done(reply);
    }
}
