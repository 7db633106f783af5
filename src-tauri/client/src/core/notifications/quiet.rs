//! What the person chose to be told of: on this device, in a room, and for a while.

use std::time::Duration;

use parley_shared::ids::RoomId;
use parley_shared::view::DoNotDisturb;
use parley_shared::wire::{NotifyLevel, SetNotify};

use crate::core::input::*;
use crate::core::ops::Op;
use crate::core::{Core, Slice};

/// The clock that measures stands still while a machine sleeps: the end of do-not-disturb is looked for this often.
const LOOK_EVERY: Duration = Duration::from_secs(60);

impl Core {
    /// Do-not-disturb is on.
    pub(super) fn is_quiet(&self) -> bool {
        match self.preferences.notifications.do_not_disturb {
            DoNotDisturb::Off => false,
            DoNotDisturb::On => true,
            DoNotDisturb::Until { at_ms } => self.wall < at_ms,
        }
    }

    /// Ends do-not-disturb when its time has come.
    pub(in crate::core) fn end_quiet(&mut self, now: Now) {
        let DoNotDisturb::Until { at_ms } = self.preferences.notifications.do_not_disturb else {
            self.notifications.quiet_look_at = None;
            return;
        };
        let left_ms = u64::try_from(at_ms.0.saturating_sub(now.wall.0)).unwrap_or(0);
        if left_ms == 0 {
            self.notifications.quiet_look_at = None;
            self.preferences.notifications.do_not_disturb = DoNotDisturb::Off;
            self.save_preferences();
            return self.touch(Slice::Settings);
        }
        self.notifications.quiet_look_at = Some(now.clock + Duration::from_millis(left_ms).min(LOOK_EVERY));
    }

    pub(in crate::core) fn set_in_front(&mut self, reply: ReplyId, in_front: bool) {
        self.notifications.in_front = in_front;
        self.done(reply);
    }

    pub(in crate::core) fn set_notifications(&mut self, reply: ReplyId, enabled: bool, show_text: bool, sound: bool) {
        let settings = &mut self.preferences.notifications;
        (settings.enabled, settings.show_text, settings.sound) = (enabled, show_text, sound);
        self.settings_changed(reply);
    }

    pub(in crate::core) fn set_do_not_disturb(&mut self, reply: ReplyId, do_not_disturb: DoNotDisturb) {
        self.preferences.notifications.do_not_disturb = do_not_disturb;
        self.settings_changed(reply);
    }

    /// Shown at once, and taken back when the relay refuses it.
    pub(in crate::core) fn set_notify(&mut self, reply: ReplyId, room_id: RoomId, level: NotifyLevel) {
        if !self.rooms.map.contains_key(&room_id) {
            return self.no_room(reply);
        }
        if !self.needs_relay(reply) {
            return;
        }
        let Some(before) = self.change_level(room_id, level) else { return };
        let op = Op::SetNotify { reply, room_id, level, before };
        self.api(op, ApiCall::SetNotify(room_id, SetNotify { level }));
    }

    /// The relay refused a level, or does not answer. What came from it meanwhile stays.
    pub(in crate::core) fn on_notify_failed(&mut self, room_id: RoomId, level: NotifyLevel, before: NotifyLevel) {
        if self.rooms.map.get(&room_id).is_some_and(|room| room.room().notify == level) {
            self.change_level(room_id, before);
        }
    }

    /// The level that it was before.
    fn change_level(&mut self, room_id: RoomId, level: NotifyLevel) -> Option<NotifyLevel> {
        let room = self.rooms.map.get_mut(&room_id)?;
        let before = std::mem::replace(&mut room.record.room.notify, level);
        self.save_room(room_id);
        self.touch_rooms([room_id]);
        Some(before)
    }
}
