//! Opening a room and going back in its history: from disk at once, from the relay where the disk ends.

use parley_shared::ids::{RoomId, Seq};
use parley_shared::wire::{HistoryPage, HistoryQuery, Message};

use super::failure::{failure_to_error, not_now};
use super::input::*;
use super::ops::Op;
use super::sync::PAGE;
use super::timeline::Timeline;
use super::{Core, Slice};

impl Core {
    pub(super) fn open_room(&mut self, reply: ReplyId, room_id: RoomId) {
        if !self.rooms.map.contains_key(&room_id) {
            return self.no_room(reply);
        }
        if !self.is_open(room_id) {
            self.show_room(room_id);
        }
        self.done(reply);
    }

    /// Shows a room that exists.
    pub(super) fn show_room(&mut self, room_id: RoomId) {
        let me = self.me();
        let Some(room) = self.rooms.map.get(&room_id) else { return };
        self.timeline = Some(Timeline::open(room_id, room.read_seq(me), room.room().unread));
        let from = room.record.history_from.unwrap_or_default();
        self.emit(Effect::Store(StoreJob::LoadPage { room_id, before: None, from }));
        self.to_sync.retain(|id| *id != room_id);
        self.sync_if_behind(room_id);
        self.touch(Slice::Timeline);
    }

    pub(super) fn close_room(&mut self, reply: ReplyId) {
        if self.timeline.take().is_some() {
            self.touch(Slice::Timeline);
        }
        self.done(reply);
    }

    pub(super) fn on_page_loaded(&mut self, room_id: RoomId, before: Option<Seq>, messages: Vec<Message>) {
        let fetching = self.syncing.contains(&room_id) || self.to_sync.contains(&room_id);
        let Some(room) = self.rooms.map.get(&room_id) else { return };
        let never_fetched = room.record.history_from.is_none();
        let Some(timeline) = self.timeline.as_mut().filter(|timeline| timeline.room_id == room_id) else { return };
        match before {
            // The first page of a room comes from the relay; it is waited for while that is under way.
            None => timeline.loading = never_fetched && fetching,
            Some(_) => timeline.loading_older = false,
        }
        let nothing = messages.is_empty();
        timeline.on_page(messages);
        self.touch(Slice::Timeline);
        if before.is_some() && nothing {
            // The disk ends here after all.
            self.fetch_older(None, room_id);
        }
    }

    pub(super) fn load_older(&mut self, reply: ReplyId, room_id: RoomId) {
        let Some(timeline) = self.timeline.as_ref().filter(|timeline| timeline.room_id == room_id) else {
            return self.refuse(reply, not_now("This room is not open."));
        };
        let Some(from) = timeline.from() else { return self.done(reply) };
        if from <= Seq(1) || timeline.loading || timeline.loading_older {
            return self.done(reply);
        }
        let on_disk = self.rooms.map.get(&room_id).and_then(|room| room.record.history_from).unwrap_or(from);
        if from > on_disk {
            if let Some(timeline) = &mut self.timeline {
                timeline.loading_older = true;
            }
            self.emit(Effect::Store(StoreJob::LoadPage { room_id, before: Some(from), from: on_disk }));
            self.touch(Slice::Timeline);
            return self.done(reply);
        }
        self.fetch_older(Some(reply), room_id);
    }

    fn fetch_older(&mut self, reply: Option<ReplyId>, room_id: RoomId) {
        let online = self.is_online();
        let Some(timeline) = self.timeline.as_mut().filter(|timeline| timeline.room_id == room_id) else { return };
        timeline.loading_older = online;
        timeline.older_failed = !online;
        let before = timeline.from();
        self.touch(Slice::Timeline);
        if online {
            let query = HistoryQuery { before, limit: Some(PAGE), ..HistoryQuery::default() };
            self.api(Op::FetchOlder { reply, room_id }, ApiCall::History(room_id, query));
        } else if let Some(reply) = reply {
            self.refuse(reply, failure_to_error(CallFailure::Offline));
        }
    }

    pub(super) fn on_older(
        &mut self,
        reply: Option<ReplyId>,
        room_id: RoomId,
        result: Result<HistoryPage, CallFailure>,
    ) {
        let (messages, answer) = match result {
            Ok(page) => (Some(page.messages), Ok(Answer::Done)),
            Err(failure) => (None, Err(failure_to_error(failure))),
        };
        if let Some(messages) = &messages {
            self.keep_older(room_id, messages);
        }
        if let Some(timeline) = self.timeline.as_mut().filter(|timeline| timeline.room_id == room_id) {
            timeline.loading_older = false;
            timeline.older_failed = messages.is_none();
            timeline.on_page(messages.unwrap_or_default());
        }
        if let Some(reply) = reply {
            self.emit(Effect::Reply(reply, answer));
        }
        self.touch(Slice::Timeline);
    }

    /// Only a page that touches what is on disk makes the disk reach further back.
    fn keep_older(&mut self, room_id: RoomId, messages: &[Message]) {
        let (Some(first), Some(last)) = (messages.first(), messages.last()) else { return };
        let Some(room) = self.rooms.map.get_mut(&room_id) else { return };
        if room.record.history_from.is_none_or(|from| last.seq.next() < from) {
            return;
        }
        room.record.history_from = room.record.history_from.map(|from| from.min(first.seq));
        self.emit(Effect::Store(StoreJob::SaveMessages(messages.to_vec())));
        self.save_room(room_id);
    }
}
