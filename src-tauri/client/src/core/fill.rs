//! Fills the local history in the background, so that a search without a network finds what there is.
//!
//! One page at a time, only while nothing else is fetched; each page moves the beginning of a room's kept history back, so
//! that it goes on where it stopped after a restart, and fetches nothing twice.

use std::collections::BTreeSet;
use std::time::Duration;

use parley_shared::ids::{RoomId, Seq};
use parley_shared::limits::PAGE_ITEMS;
use parley_shared::wire::{HistoryPage, HistoryQuery};

use super::Core;
use super::input::*;
use super::ops::Op;

/// What a new connection fetches comes first.
const AFTER_WELCOME: Duration = Duration::from_secs(3);
/// Between two pages: some messages a millisecond to read, index and encrypt, and room for everything else.
const BETWEEN_PAGES: Duration = Duration::from_millis(200);
const WHILE_BUSY: Duration = Duration::from_secs(1);
const AFTER_REFUSAL: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub struct Fill {
    /// When the next page is due; none when nothing is left to fetch.
    at: Option<Duration>,
    under_way: bool,
    /// Rooms that the relay refuses the history of, until the next connection.
    refused: BTreeSet<RoomId>,
}

impl Core {
    pub(super) fn fill_timeout(&self) -> Option<Duration> {
        self.fill.at.filter(|_| self.is_online() && !self.fill.under_way)
    }

    /// After a new connection, or when more is to be kept.
    pub(super) fn fill_soon(&mut self, now: Now) {
        self.fill = Fill { at: Some(now.clock + AFTER_WELCOME), ..Fill::default() };
    }

    pub(super) fn fill_next(&mut self, now: Now) {
        if self.fill_timeout().is_none_or(|at| at > now.clock) {
            return;
        }
        if self.is_fetching() {
            self.fill.at = Some(now.clock + WHILE_BUSY);
            return;
        }
        let Some((room_id, before)) = self.next_to_fill() else {
            self.fill.at = None;
            return;
        };
        self.fill.under_way = true;
        let query = HistoryQuery { before: Some(before), limit: Some(PAGE_ITEMS), ..HistoryQuery::default() };
        self.api(Op::Fill { room_id }, ApiCall::History(room_id, query));
    }

    fn is_fetching(&self) -> bool {
        let loads = self
            .timeline
            .as_ref()
            .is_some_and(|timeline| timeline.loading || timeline.loading_older || timeline.loading_newer);
        loads || !self.syncing.is_empty() || !self.to_sync.is_empty() || self.jump.is_some()
    }

    /// The room with the newest message whose history is not whole, and where what is kept of it begins.
    fn next_to_fill(&self) -> Option<(RoomId, Seq)> {
        let floor = self.fill_floor();
        self.rooms
            .map
            .iter()
            .filter(|(id, _)| !self.fill.refused.contains(id))
            .filter_map(|(id, room)| {
                let from = room.record.history_from.filter(|from| *from > Seq(1))?;
                let newest = room.room().last_message.as_ref().map(|message| message.sent_at_ms);
                let reached = room.record.oldest_at_ms.or(newest)?;
                (floor.is_none_or(|floor| reached > floor)).then_some((newest, *id, from))
            })
            .max_by_key(|(newest, id, _)| (*newest, *id))
            .map(|(_, id, from)| (id, from))
    }

    pub(super) fn on_filled(&mut self, room_id: RoomId, page: &HistoryPage, now: Now) {
        self.fill.under_way = false;
        self.fill.at = Some(now.clock + BETWEEN_PAGES);
        let before = self.rooms.map.get(&room_id).and_then(|room| room.record.history_from);
        self.keep_older(room_id, page);
        let after = self.rooms.map.get(&room_id).and_then(|room| room.record.history_from);
        if before == after {
            // What came is not to be kept, or it makes no sense.
            self.fill.refused.insert(room_id);
        }
    }

    pub(super) fn on_fill_failed(&mut self, room_id: RoomId, failure: &CallFailure, now: Now) {
        self.fill.under_way = false;
        match failure {
            CallFailure::Offline | CallFailure::Lost => self.fill.at = Some(now.clock + AFTER_WELCOME),
            CallFailure::Refused(_) | CallFailure::Garbled => {
                self.fill.refused.insert(room_id);
                self.fill.at = Some(now.clock + AFTER_REFUSAL);
            }
        }
    }
}
