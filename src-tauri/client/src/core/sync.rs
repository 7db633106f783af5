//! Catching up with the relay after a connection that is a new session.

use parley_shared::ids::{Change, RoomId, Seq};
use parley_shared::wire::{HistoryPage, HistoryQuery, Message, Room, Welcome};

use super::history::page_of;
use super::input::*;
use super::notifications::Heard;
use super::ops::Op;
use super::{Core, LinkState, Slice};

/// Rooms whose history is fetched at the same time.
const SYNCING_AT_ONCE: usize = 4;
/// Messages of one page of history.
pub(super) const PAGE: u32 = parley_shared::limits::PAGE_ITEMS_DEFAULT;

impl Core {
    pub(super) fn on_welcome(&mut self, welcome: Welcome, now: Now) {
        self.set_link(LinkState::Online);
        self.fill_soon(now);
        self.fetch_thread(None);
        self.ice_servers = welcome.ice_servers;
        self.device_id = Some(welcome.device_id);
        self.set_my_user(&welcome.user);
        if !welcome.resumed {
            self.api(Op::FetchRooms, ApiCall::Rooms);
            self.typing_told = None;
        }
        let query = self.people.query.clone();
        self.people.loading = true;
        self.touch(Slice::People);
        if !query.is_empty() {
            self.api(Op::LearnPeople, ApiCall::People { query: String::new() });
        }
        self.api(Op::SearchPeople { reply: None, query: query.clone() }, ApiCall::People { query });
        self.on_calls_at_welcome(welcome.calls, welcome.resumed, now);
    }

    /// The whole list: what is not in it is no longer mine.
    pub(super) fn on_rooms(&mut self, rooms: Vec<Room>) {
        let gone: Vec<RoomId> =
            self.rooms.map.keys().filter(|id| !rooms.iter().any(|room| room.id == **id)).copied().collect();
        for room_id in gone {
            self.forget_room(room_id);
        }
        self.rooms.known = true;
        for room in rooms {
            self.on_room(room);
        }
        if std::mem::take(&mut self.session.shows_first_room)
            && let Some(room_id) = self.rooms.map.keys().next().copied()
        {
            self.show_room(room_id);
        }
        self.notifications.on_rooms(&self.rooms);
        self.touch(Slice::Rooms);
    }

    /// A room as the relay tells it.
    pub(super) fn on_room(&mut self, room: Room) {
        let me = self.me();
        let room_id = room.id;
        for member in &room.members {
            self.people.upsert_user(&member.user);
        }
        let empty = room.last_seq == Seq(0);
        let state = self.rooms.upsert(room, me);
        if empty && state.record.history_from.is_none() {
            state.record.history_from = Some(Seq(1));
            state.record.cursor = state.record.room.last_change;
        }
        let (read_ahead, read) = (std::mem::take(&mut state.read_ahead), state.read_seq(me));
        if read_ahead {
            self.tell_read(room_id, read);
        }
        self.notified_until_read(room_id);
        self.save_room(room_id);
        self.sync_if_behind(room_id);
        self.touch_rooms([room_id]);
    }

    pub(super) fn forget_room(&mut self, room_id: RoomId) {
        self.rooms.map.remove(&room_id);
        self.forget_notified(room_id);
        self.to_sync.retain(|id| *id != room_id);
        self.to_deliver.remove(&room_id);
        let waiting: Vec<_> = self.outbox.of(room_id).map(|pending| pending.client_id).collect();
        for client_id in waiting {
            self.free_files(room_id, client_id, true);
        }
        for client_id in self.outbox.discard_room(room_id) {
            self.emit(Effect::Store(StoreJob::RemoveOutbox(client_id)));
        }
        self.emit(Effect::Store(StoreJob::RemoveRoom(room_id)));
        if self.is_open(room_id) {
            self.timeline = None;
            self.touch(Slice::Timeline);
            self.hide_thread();
            self.cancel_jump();
        }
        self.touch(Slice::Rooms);
    }

    pub(super) fn sync_if_behind(&mut self, room_id: RoomId) {
        let Some(room) = self.rooms.map.get(&room_id) else { return };
        let behind = room.record.history_from.is_none() || room.record.cursor < room.room().last_change;
        if !behind || self.syncing.contains(&room_id) || self.to_sync.contains(&room_id) {
            return;
        }
        // What the person looks at comes first.
        if self.is_open(room_id) {
            self.to_sync.push_front(room_id);
        } else {
            self.to_sync.push_back(room_id);
        }
        self.sync_next();
    }

    fn sync_next(&mut self) {
        while self.is_online() && self.syncing.len() < SYNCING_AT_ONCE {
            let Some(room_id) = self.to_sync.pop_front() else { return };
            let Some(room) = self.rooms.map.get(&room_id) else { continue };
            self.syncing.insert(room_id);
            if room.record.history_from.is_none() {
                let upto = room.room().last_change;
                let query = HistoryQuery { limit: Some(PAGE), ..HistoryQuery::default() };
                self.api(Op::FetchLatest { room_id, upto }, ApiCall::History(room_id, query));
            } else {
                let after = room.record.cursor;
                self.api(Op::FetchChanges { room_id }, ApiCall::Changes { room_id, after });
            }
        }
    }

    /// The first page ever of a room. The room was at `upto` when it was asked for.
    pub(super) fn on_latest(&mut self, room_id: RoomId, upto: Change, page: HistoryPage, now: Now) {
        self.syncing.remove(&room_id);
        let Some(room) = self.rooms.map.get_mut(&room_id) else { return self.sync_next() };
        let page = page_of(page, None, None);
        room.record.history_from = Some(page.from);
        room.record.oldest_at_ms = page.messages.first().map(|first| first.sent_at_ms);
        room.record.cursor = upto;
        self.take_messages(room_id, &page.messages, now);
        if let Some(timeline) = self.timeline.as_mut().filter(|timeline| timeline.room_id == room_id) {
            timeline.loading = false;
            timeline.on_newest(page);
            self.touch(Slice::Timeline);
        }
        self.go_on_when_empty(room_id);
        self.after_sync(room_id);
    }

    pub(super) fn on_changes(&mut self, room_id: RoomId, messages: Vec<Message>, has_more: bool, now: Now) {
        self.syncing.remove(&room_id);
        let Some(room) = self.rooms.map.get_mut(&room_id) else { return self.sync_next() };
        let known = room.room().last_change;
        let last = messages.last().map(|message| message.change);
        room.record.cursor = match last {
            Some(last) => room.record.cursor.max(last),
            // A change that nothing carries any longer: there is nothing to wait for.
            None if !has_more => room.record.cursor.max(known),
            None => room.record.cursor,
        };
        let from = room.record.history_from.unwrap_or_default();
        for message in &messages {
            self.replies.apply(message);
            if let Some(thread) = &mut self.thread
                && thread.room_id == room_id
            {
                thread.apply(message);
            }
        }
        if let Some(timeline) = self.timeline.as_mut().filter(|timeline| timeline.room_id == room_id) {
            messages.iter().for_each(|message| timeline.apply(message));
        }
        let kept: Vec<Message> = messages.into_iter().filter(|message| message.seq >= from).collect();
        self.take_messages(room_id, &kept, now);
        if !has_more {
            self.recount_unread(room_id);
        }
        self.after_sync(room_id);
    }

    pub(super) fn on_sync_failed(&mut self, room_id: RoomId) {
        // The next connection, or the next event of the room, asks again.
        self.syncing.remove(&room_id);
        if let Some(timeline) = self.timeline.as_mut().filter(|timeline| timeline.room_id == room_id) {
            timeline.loading = false;
            self.touch(Slice::Timeline);
        }
        self.sync_next();
    }

    fn after_sync(&mut self, room_id: RoomId) {
        self.resolve_replies();
        self.save_room(room_id);
        self.touch_rooms([room_id]);
        self.sync_if_behind(room_id);
        self.sync_next();
    }

    /// Puts messages on disk, into the room's summary and out of the outbox.
    fn take_messages(&mut self, room_id: RoomId, messages: &[Message], now: Now) {
        let me = self.me();
        for message in messages {
            self.on_maybe_mine(message);
            if let Some(room) = self.rooms.map.get_mut(&room_id) {
                room.on_message(message, me);
            }
            self.on_heard(message, Heard::CatchUp, now);
        }
        if let Some(newest) = messages.iter().filter(|message| message.sender_id != me).map(|message| message.seq).max()
        {
            self.deliver(room_id, newest);
        }
        if !messages.is_empty() {
            self.save_messages(messages.to_vec());
        }
    }
}
