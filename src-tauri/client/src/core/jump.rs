//! Jumps: the open room shows another part of its history.
//!
//! ```text
//! JumpTo --in the window--------------------------------> focus
//!    `--FindPlace--> place known --on disk: around it---> focus
//!            `--not on disk: asked from the relay--^ `--else: around it, from the relay--> focus
//! ```
//! A page around a far place lives in the window only: what is kept on disk has no gaps.

use parley_shared::ids::{MessageId, RoomId, Seq};
use parley_shared::view::{CommandErrorCode, FocusView, JumpTarget};
use parley_shared::wire::{HistoryPage, HistoryQuery, Message};

use super::failure::{error, failure_to_error, not_now};
use super::history::page_of;
use super::input::*;
use super::ops::Op;
use super::sync::PAGE;
use super::{Core, Slice};

/// A jump that has not arrived.
#[derive(Debug)]
pub struct Jump {
    id: u32,
    room_id: RoomId,
    wanted: Wanted,
    /// Once it is known.
    seq: Option<Seq>,
    reply: ReplyId,
}

impl Core {
    pub(super) fn jump_to(&mut self, reply: ReplyId, room_id: RoomId, to: JumpTarget) {
        if !self.rooms.map.contains_key(&room_id) {
            return self.no_room(reply);
        }
        if !self.is_open(room_id) {
            self.show_room(room_id);
        }
        let wanted = match to {
            JumpTarget::Newest => {
                self.show_newest();
                return self.done(reply);
            }
            JumpTarget::Place { seq } => Wanted::Place(seq),
            JumpTarget::Message { message_id } => Wanted::Message(message_id),
            JumpTarget::Moment { at_ms } => Wanted::Moment(at_ms),
        };
        self.cancel_jump();
        self.jumps += 1;
        let id = self.jumps;
        self.jump = Some(Jump { id, room_id, wanted, seq: None, reply });
        self.look_for(wanted);
    }

    /// The window reaches to the newest message again.
    pub(super) fn show_newest(&mut self) {
        self.cancel_jump();
        let Some(timeline) = &self.timeline else { return };
        let room_id = timeline.room_id;
        let unread_from = timeline.unread_from;
        if timeline.to().is_some() {
            self.show_room(room_id);
        }
        if let Some(timeline) = &mut self.timeline {
            (timeline.unread_from, timeline.focus) = (unread_from, None);
        }
        self.touch(Slice::Timeline);
    }

    pub(super) fn cancel_jump(&mut self) {
        if let Some(jump) = self.jump.take() {
            self.refuse(jump.reply, not_now("Another place is shown."));
        }
    }

    fn look_for(&mut self, wanted: Wanted) {
        let (Some(jump), Some(timeline)) = (&self.jump, &self.timeline) else { return };
        let (id, room_id) = (jump.id, jump.room_id);
        let near = match wanted {
            Wanted::Place(seq) => timeline.at(seq).map(|message| message.seq),
            Wanted::Message(id) => timeline.message(id).map(|message| message.seq),
            Wanted::Moment(_) => None,
        };
        match near {
            Some(seq) => self.arrive(seq),
            None => self.emit(Effect::Store(StoreJob::FindPlace { room_id, jump: id, place: wanted })),
        }
    }

    /// The disk has answered. It knows the place, the message when it keeps it, and of a moment only what it reaches back to.
    pub(super) fn on_place_found(&mut self, room_id: RoomId, jump: u32, seq: Option<Seq>, message: Option<Message>) {
        let Some(wanted) = self.jump.as_ref().filter(|there| there.id == jump).map(|there| there.wanted) else {
            return;
        };
        let Some(room) = self.rooms.map.get(&room_id) else { return };
        let record = &room.record;
        match wanted {
            Wanted::Moment(at) => {
                let all = record.history_from.is_some_and(|from| from <= Seq(1));
                if all || record.history_from.is_some() && record.oldest_at_ms.is_some_and(|oldest| oldest <= at) {
                    match seq {
                        Some(seq) => self.go_to(seq, None),
                        None => self.arrive(room.room().last_seq),
                    }
                } else {
                    let query = HistoryQuery { at_ms: Some(at), limit: Some(1), ..HistoryQuery::default() };
                    self.ask_for_jump(Op::FindMoment { jump }, ApiCall::History(room_id, query));
                }
            }
            Wanted::Message(id) => match seq {
                Some(seq) => self.go_to(seq, message.as_ref()),
                None => self.ask_for_jump(Op::FindMessage { jump }, ApiCall::Message(room_id, id)),
            },
            Wanted::Place(seq) => self.go_to(seq, message.as_ref()),
        }
    }

    pub(super) fn on_moment_found(&mut self, jump: u32, page: &HistoryPage) {
        if self.jump.as_ref().is_none_or(|there| there.id != jump) {
            return;
        }
        match page.messages.first() {
            Some(first) => self.go_to(first.seq, None),
            // Nothing was written since.
            None => {
                let room = self.timeline.as_ref().and_then(|timeline| self.rooms.map.get(&timeline.room_id));
                let newest = room.map_or(Seq(0), |room| room.room().last_seq);
                self.go_to(newest, None);
            }
        }
    }

    pub(super) fn on_message_found(&mut self, jump: u32, message: &Message) {
        if self.jump.as_ref().is_some_and(|there| there.id == jump && there.room_id == message.room_id) {
            self.go_to(message.seq, Some(message));
        }
    }

    /// The place is known. A message of a thread is shown in its thread, beside the message that begins it.
    fn go_to(&mut self, seq: Seq, message: Option<&Message>) {
        if let Some(thread_id) = message.and_then(|message| message.thread_id) {
            return self.go_to_thread(thread_id);
        }
        let (Some(jump), Some(timeline)) = (&mut self.jump, &self.timeline) else { return };
        jump.seq = Some(seq);
        let (id, room_id, is_moment) = (jump.id, jump.room_id, matches!(jump.wanted, Wanted::Moment(_)));
        if timeline.covers(seq) && (is_moment || timeline.at(seq).is_some()) {
            return self.arrive(seq);
        }
        let from = self.rooms.map.get(&room_id).and_then(|room| room.record.history_from);
        if let Some(floor) = from.filter(|from| seq >= *from)
            && (is_moment || message.is_some())
        {
            return self.emit(Effect::Store(StoreJob::LoadPage { room_id, at: PageAt::Around(seq), floor }));
        }
        let query = HistoryQuery { around: Some(seq), limit: Some(PAGE), ..HistoryQuery::default() };
        self.ask_for_jump(Op::FetchAround { jump: id }, ApiCall::History(room_id, query));
    }

    fn go_to_thread(&mut self, thread_id: MessageId) {
        let Some(jump) = &mut self.jump else { return };
        let room_id = jump.room_id;
        jump.wanted = Wanted::Message(thread_id);
        jump.seq = None;
        self.show_thread(room_id, thread_id);
        self.look_for(Wanted::Message(thread_id));
    }

    fn ask_for_jump(&mut self, op: Op, call: ApiCall) {
        if self.is_online() {
            self.api(op, call);
        } else if let Some(jump) = self.jump.take() {
            self.refuse(jump.reply, failure_to_error(CallFailure::Offline));
        }
    }

    pub(super) fn on_around_loaded(&mut self, room_id: RoomId, seq: Seq, page: Page) {
        if self.jump.as_ref().is_some_and(|jump| jump.room_id == room_id && jump.seq == Some(seq)) {
            self.show_page(room_id, page);
            self.arrive(seq);
        }
    }

    pub(super) fn on_around_fetched(&mut self, jump: u32, page: HistoryPage) {
        let Some(there) = self.jump.as_ref().filter(|there| there.id == jump) else { return };
        let (room_id, Some(seq)) = (there.room_id, there.seq) else { return };
        let is_moment = matches!(there.wanted, Wanted::Moment(_));
        let target = page.messages.iter().find(|message| message.seq == seq);
        if let Some(thread_id) = target.and_then(|target| target.thread_id).filter(|_| !is_moment) {
            return self.go_to_thread(thread_id);
        }
        self.keep_older(room_id, &page);
        self.show_page(room_id, page_of(page, None, None));
        self.arrive(seq);
    }

    fn show_page(&mut self, room_id: RoomId, page: Page) {
        let newest = self.rooms.map.get(&room_id).map_or(Seq(0), |room| room.room().last_seq);
        if let Some(timeline) = self.timeline.as_mut().filter(|timeline| timeline.room_id == room_id) {
            timeline.show(page, newest);
        }
        self.resolve_replies();
    }

    fn arrive(&mut self, seq: Seq) {
        let Some(jump) = self.jump.take() else { return };
        let Some(timeline) = self.timeline.as_mut().filter(|timeline| timeline.room_id == jump.room_id) else { return };
        match timeline.nearest(seq) {
            Some(seq) => {
                timeline.focus = Some(FocusView { seq, jump: jump.id });
                self.done(jump.reply);
            }
            None => self.refuse(jump.reply, error(CommandErrorCode::NotFound, "There is nothing at this place.")),
        }
        self.touch(Slice::Timeline);
    }

    pub(super) fn on_jump_failed(&mut self, jump: u32, failure: CallFailure) {
        if let Some(there) = self.jump.take_if(|there| there.id == jump) {
            self.refuse(there.reply, failure_to_error(failure));
        }
    }
}
