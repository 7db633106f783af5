//! How much of the history this device keeps: by days, and after a wipe.
//!
//! A wipe removes the messages and leaves rooms, drafts and what waits to be sent. What was written before it comes back only
//! where the person goes: the background fetches nothing older than the wipe. What a room shows in the list stays.

use std::time::Duration;

use parley_shared::ids::{Seq, UnixMs};

use super::failure::{invalid, not_now};
use super::input::*;
use super::{Core, Slice};

const DAY_MS: i64 = 86_400_000;
const PRUNE_EVERY: Duration = Duration::from_secs(24 * 60 * 60);
/// A hundred years.
const MAX_DAYS: u32 = 36_500;

impl Core {
    pub(super) fn set_retention(&mut self, reply: ReplyId, days: Option<u32>, now: Now) {
        if days.is_some_and(|days| days == 0 || days > MAX_DAYS) {
            return self.refuse(reply, invalid("days", "History is kept for 1 to 36,500 days, or for ever."));
        }
        self.preferences.retention_days = days;
        self.prune_at = now.clock;
        self.fill_soon(now);
        self.save_preferences();
        self.touch(Slice::Settings);
        self.done(reply);
    }

    pub(super) fn wipe_history(&mut self, reply: ReplyId, now: Now) {
        if self.session.me().is_none() {
            return self.refuse(reply, not_now("Nobody is signed in."));
        }
        self.preferences.history_wiped_at_ms = Some(now.wall);
        self.save_preferences();
        let rooms: Vec<_> = self.rooms.map.keys().copied().collect();
        for room_id in rooms {
            if let Some(room) = self.rooms.map.get_mut(&room_id)
                && room.record.history_from.is_some()
            {
                // Everything from here on is on disk: nothing yet.
                room.record.history_from = Some(room.record.room.last_seq.next());
                room.record.oldest_at_ms = None;
                self.save_room(room_id);
            }
        }
        self.asked_disk.insert(reply);
        self.emit(Effect::Store(StoreJob::Wipe(reply)));
        self.emit(Effect::Files(FilesJob::WipeCache));
        if let Some(room_id) = self.timeline.as_ref().map(|timeline| timeline.room_id) {
            self.hide_thread();
            self.show_room(room_id);
        }
    }

    /// What was sent earlier is not kept.
    pub(super) fn retention_floor(&self) -> Option<UnixMs> {
        let days = i64::from(self.preferences.retention_days?);
        Some(UnixMs(self.wall.0.saturating_sub(days * DAY_MS)))
    }

    /// What was sent earlier is not fetched in the background.
    pub(super) fn fill_floor(&self) -> Option<UnixMs> {
        self.retention_floor().max(self.preferences.history_wiped_at_ms)
    }

    pub(super) fn prune_timeout(&self) -> Option<Duration> {
        (self.preferences.retention_days.is_some() && self.session.me().is_some()).then_some(self.prune_at)
    }

    pub(super) fn prune_old(&mut self, now: Now) {
        if self.prune_timeout().is_none_or(|at| at > now.clock) {
            return;
        }
        self.prune_at = now.clock + PRUNE_EVERY;
        if let Some(floor) = self.retention_floor() {
            self.emit(Effect::Store(StoreJob::FirstsSince(floor)));
        }
    }

    /// The rooms' histories begin later from here on; then the rest is removed, so that a crash in between leaves no gap.
    pub(super) fn on_firsts_found(&mut self, since: UnixMs, firsts: &Firsts) {
        let mut moved = Vec::new();
        for (room_id, room) in &mut self.rooms.map {
            let Some(from) = room.record.history_from else { continue };
            let first = firsts.get(room_id).copied().unwrap_or(room.record.room.last_seq.next());
            let older = room.record.oldest_at_ms.is_none_or(|oldest| oldest < since);
            if first > from && older {
                room.record.history_from = Some(first.max(Seq(1)));
                room.record.oldest_at_ms = Some(since);
                moved.push(*room_id);
            }
        }
        for room_id in moved {
            self.save_room(room_id);
        }
        self.emit(Effect::Store(StoreJob::Prune { before: since }));
    }
}
