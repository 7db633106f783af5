//! Opening a room and going back and forth in its history: from disk at once, from the relay where the disk ends.

use parley_shared::ids::{RoomId, Seq};
use parley_shared::limits::PAGE_ITEMS;
use parley_shared::wire::{HistoryPage, HistoryQuery};

use super::failure::{failure_to_error, not_now};
use super::input::*;
use super::ops::Op;
use super::sync::PAGE;
use super::timeline::Timeline;
use super::{Core, Slice};

/// Pages in a row that may bring nothing to show before the person has to ask again: each of them is full of threads.
const EMPTY_PAGES: u32 = 20;

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

    /// Shows the newest messages of a room that exists.
    pub(super) fn show_room(&mut self, room_id: RoomId) {
        let me = self.me();
        let same = self.is_open(room_id);
        let Some(room) = self.rooms.map.get(&room_id) else { return };
        self.timeline = Some(Timeline::open(room_id, room.read_seq(me), room.room().unread));
        let floor = room.record.history_from.unwrap_or_default();
        self.emit(Effect::Store(StoreJob::LoadPage { room_id, at: PageAt::Newest, floor }));
        self.cancel_jump();
        if !same {
            self.hide_thread();
            self.replies = super::Replies::default();
        }
        self.to_sync.retain(|id| *id != room_id);
        self.sync_if_behind(room_id);
        self.touch(Slice::Timeline);
    }

    pub(super) fn close_room(&mut self, reply: ReplyId) {
        if self.timeline.take().is_some() {
            self.touch(Slice::Timeline);
        }
        self.hide_thread();
        self.cancel_jump();
        self.done(reply);
    }

    pub(super) fn on_page_loaded(&mut self, room_id: RoomId, at: PageAt, page: Page) {
        let fetching = self.syncing.contains(&room_id) || self.to_sync.contains(&room_id);
        let Some(room) = self.rooms.map.get(&room_id) else { return };
        let (history_from, newest) = (room.record.history_from, room.room().last_seq);
        let online = self.is_online();
        let Some(timeline) = self.timeline.as_mut().filter(|timeline| timeline.room_id == room_id) else { return };
        match at {
            PageAt::Newest => {
                // The first page of a room comes from the relay; it is waited for while that is under way.
                timeline.loading = history_from.is_none() && fetching;
                if history_from.is_some() {
                    timeline.on_newest(page);
                }
                self.go_on_when_empty(room_id);
            }
            PageAt::Before(before) if timeline.from() == Some(before) => {
                timeline.loading_older = false;
                if !timeline.on_older(page) {
                    self.go_older(None, room_id);
                }
            }
            PageAt::After(after) if timeline.to() == Some(after) => {
                timeline.loading_newer = false;
                if !timeline.on_newer(page, newest) && timeline.to().is_some() {
                    if online {
                        self.fetch_newer(None, room_id);
                    } else {
                        timeline.reach_newest();
                    }
                }
            }
            PageAt::Around(seq) => self.on_around_loaded(room_id, seq, page),
            // The window went elsewhere meanwhile.
            PageAt::Before(_) | PageAt::After(_) => {}
        }
        self.resolve_replies();
        self.touch(Slice::Timeline);
    }

    /// A window in which nothing is to be seen looks further back by itself.
    pub(super) fn go_on_when_empty(&mut self, room_id: RoomId) {
        let Some(timeline) = self.timeline.as_ref().filter(|timeline| timeline.room_id == room_id) else { return };
        let more = timeline.from().is_some_and(|from| from > Seq(1));
        if timeline.is_empty() && more && !timeline.loading && !timeline.loading_older {
            self.go_older(None, room_id);
        }
    }

    pub(super) fn load_older(&mut self, reply: ReplyId, room_id: RoomId) {
        let Some(timeline) = self.timeline.as_mut().filter(|timeline| timeline.room_id == room_id) else {
            return self.refuse(reply, not_now("This room is not open."));
        };
        if timeline.from().is_none_or(|from| from <= Seq(1)) || timeline.loading || timeline.loading_older {
            return self.done(reply);
        }
        timeline.empty_pages = 0;
        self.go_older(Some(reply), room_id);
    }

    fn go_older(&mut self, reply: Option<ReplyId>, room_id: RoomId) {
        let Some(timeline) = self.timeline.as_mut().filter(|timeline| timeline.room_id == room_id) else { return };
        let Some(from) = timeline.from().filter(|from| *from > Seq(1)) else { return };
        let floor = self.rooms.map.get(&room_id).and_then(|room| room.record.history_from).unwrap_or(from);
        if from <= floor {
            return self.fetch_older(reply, room_id);
        }
        timeline.loading_older = true;
        self.emit(Effect::Store(StoreJob::LoadPage { room_id, at: PageAt::Before(from), floor }));
        self.touch(Slice::Timeline);
        if let Some(reply) = reply {
            self.done(reply);
        }
    }

    fn fetch_older(&mut self, reply: Option<ReplyId>, room_id: RoomId) {
        let online = self.is_online();
        let Some(timeline) = self.timeline.as_mut().filter(|timeline| timeline.room_id == room_id) else { return };
        timeline.loading_older = online;
        timeline.older_failed = !online;
        let (before, limit) = (timeline.from(), if timeline.empty_pages > 0 { PAGE_ITEMS } else { PAGE });
        self.touch(Slice::Timeline);
        if online {
            let query = HistoryQuery { before, limit: Some(limit), ..HistoryQuery::default() };
            self.api(Op::FetchOlder { reply, room_id, before }, ApiCall::History(room_id, query));
        } else if let Some(reply) = reply {
            self.refuse(reply, failure_to_error(CallFailure::Offline));
        }
    }

    pub(super) fn on_older(
        &mut self,
        reply: Option<ReplyId>,
        room_id: RoomId,
        before: Option<Seq>,
        result: Result<HistoryPage, CallFailure>,
    ) {
        let (page, answer) = match result {
            Ok(page) => (Some(page), Ok(Answer::Done)),
            Err(failure) => (None, Err(failure_to_error(failure))),
        };
        if let Some(page) = &page {
            self.keep_older(room_id, page);
        }
        if let Some(timeline) = self.timeline.as_mut().filter(|timeline| timeline.room_id == room_id)
            && timeline.from() == before
        {
            timeline.loading_older = false;
            timeline.older_failed = page.is_none();
            let brought = page.is_none_or(|page| timeline.on_older(page_of(page, before, None)));
            let more = timeline.from().is_some_and(|from| from > Seq(1)) && timeline.empty_pages < EMPTY_PAGES;
            if !brought && more {
                return self.go_older(reply, room_id);
            }
            self.resolve_replies();
        }
        if let Some(reply) = reply {
            self.emit(Effect::Reply(reply, answer));
        }
        self.touch(Slice::Timeline);
    }

    pub(super) fn load_newer(&mut self, reply: ReplyId, room_id: RoomId) {
        let Some(timeline) = self.timeline.as_mut().filter(|timeline| timeline.room_id == room_id) else {
            return self.refuse(reply, not_now("This room is not open."));
        };
        let Some(to) = timeline.to().filter(|_| !timeline.loading_newer) else { return self.done(reply) };
        timeline.empty_pages = 0;
        let floor = self.rooms.map.get(&room_id).and_then(|room| room.record.history_from);
        match floor.filter(|from| to.next() >= *from) {
            Some(floor) => {
                timeline.loading_newer = true;
                self.emit(Effect::Store(StoreJob::LoadPage { room_id, at: PageAt::After(to), floor }));
                self.touch(Slice::Timeline);
                self.done(reply);
            }
            None => self.fetch_newer(Some(reply), room_id),
        }
    }

    fn fetch_newer(&mut self, reply: Option<ReplyId>, room_id: RoomId) {
        let online = self.is_online();
        let Some(timeline) = self.timeline.as_mut().filter(|timeline| timeline.room_id == room_id) else { return };
        let Some(after) = timeline.to() else { return };
        timeline.loading_newer = online;
        self.touch(Slice::Timeline);
        if online {
            let query = HistoryQuery { after: Some(after), limit: Some(PAGE), ..HistoryQuery::default() };
            self.api(Op::FetchNewer { reply, room_id, after }, ApiCall::History(room_id, query));
        } else if let Some(reply) = reply {
            self.refuse(reply, failure_to_error(CallFailure::Offline));
        }
    }

    pub(super) fn on_newer(
        &mut self,
        reply: Option<ReplyId>,
        room_id: RoomId,
        after: Seq,
        result: Result<HistoryPage, CallFailure>,
    ) {
        let newest = self.rooms.map.get(&room_id).map_or(Seq(0), |room| room.room().last_seq);
        let (page, answer) = match result {
            Ok(page) => (Some(page), Ok(Answer::Done)),
            Err(failure) => (None, Err(failure_to_error(failure))),
        };
        if let Some(timeline) = self.timeline.as_mut().filter(|timeline| timeline.room_id == room_id)
            && timeline.to() == Some(after)
        {
            timeline.loading_newer = false;
            if let Some(page) = page {
                let whole = !page.has_after && page.messages.is_empty();
                let brought = timeline.on_newer(page_of(page, None, Some(after)), newest);
                if whole {
                    // What the room's count still names is on its way as events.
                    timeline.reach_newest();
                } else if !brought && timeline.to().is_some() && timeline.empty_pages < EMPTY_PAGES {
                    return self.fetch_newer(reply, room_id);
                }
            }
            self.resolve_replies();
        }
        if let Some(reply) = reply {
            self.emit(Effect::Reply(reply, answer));
        }
        self.touch(Slice::Timeline);
    }

    /// Only a page that touches what is on disk makes the disk reach further back: what is kept of a room has no gaps.
    pub(super) fn keep_older(&mut self, room_id: RoomId, page: &HistoryPage) {
        let floor = self.retention_floor();
        let Some(room) = self.rooms.map.get_mut(&room_id) else { return };
        let record = &mut room.record;
        let Some(from) = record.history_from else { return };
        let begin = if page.has_before { page.messages.first().map_or(from, |first| first.seq) } else { Seq(1) };
        let touches = page.messages.last().is_none_or(|last| last.seq.next() >= from);
        let too_old = |last: &parley_shared::wire::Message| floor.is_some_and(|floor| last.sent_at_ms < floor);
        if begin >= from || !touches || page.messages.last().is_some_and(too_old) {
            return;
        }
        record.history_from = Some(begin);
        record.oldest_at_ms = page.messages.first().map(|first| first.sent_at_ms).or(record.oldest_at_ms);
        self.save_messages(page.messages.clone());
        self.save_room(room_id);
    }
}

/// The relay's page as a span of places. It touches the place that it was asked after or before; threads within it count.
pub(super) fn page_of(page: HistoryPage, before: Option<Seq>, after: Option<Seq>) -> Page {
    let first = page.messages.first().map(|first| first.seq);
    let last = page.messages.last().map(|last| last.seq);
    let from = match (page.has_before, after) {
        (_, Some(after)) => after.next(),
        (false, None) => Seq(1),
        (true, None) => first.or(before).unwrap_or(Seq(1)),
    };
    let to = match (before, last) {
        (Some(before), _) => Seq(before.0.saturating_sub(1)),
        (None, Some(last)) => last,
        (None, None) => after.unwrap_or_default(),
    };
    Page { messages: page.messages, from, to }
}
