//! What befalls calls: lost devices, removed members, restarts, time.

use parley_shared::ids::{DeviceId, RoomId, UserId};
use parley_shared::limits::CALL_ABSENCE;
use parley_shared::wire::{CallEndReason, CallPhase, Event};

use super::live::LiveCall;
use super::{Calls, To};
use crate::Now;
use crate::work::{OpenCall, Roster};

impl Calls {
    /// The device has no connection any more: it leaves its call unless it comes back in time.
    pub fn device_lost(&mut self, device_id: DeviceId, now: Now) {
        for call in self.live.values_mut() {
            if let Some(seat) = call.seat_of_device_mut(device_id) {
                seat.absent_until.get_or_insert(now.at + CALL_ABSENCE);
            }
        }
    }

    pub fn device_back(&mut self, device_id: DeviceId) {
        for call in self.live.values_mut() {
            if let Some(seat) = call.seat_of_device_mut(device_id) {
                seat.absent_until = None;
            }
        }
    }

    /// The device was signed out.
    pub fn device_gone(&mut self, device_id: DeviceId, now: Now) {
        for room_id in self.rooms_of(|call| call.seat_of_device(device_id).is_some()) {
            self.unseat(room_id, device_id, CallEndReason::HungUp, true, now);
        }
    }

    /// The room has these members: whoever is no longer one leaves its call. An empty list: the room is gone.
    pub fn members_changed(&mut self, room_id: RoomId, members: &[UserId], now: Now) {
        let Some(call) = self.live.get_mut(&room_id) else { return };
        let call_id = call.id;
        let ringing = call.phase() == CallPhase::Ringing;
        let mut outsiders: Vec<UserId> = call.told();
        // The caller of a ringing call is told by its end.
        outsiders.retain(|user| !(members.contains(user) || ringing && call.caller.id == *user));
        call.members = members.iter().copied().collect();
        call.rung.retain(|user| members.contains(user));
        call.ringing.retain(|user| members.contains(user));
        let gone = call.seats.iter().filter(|seat| !members.contains(&seat.participant.user.id));
        let devices: Vec<DeviceId> = gone.map(|seat| seat.participant.device_id).collect();
        let nobody_rings = ringing && call.ringing.is_empty();
        let reason = if ringing { CallEndReason::Cancelled } else { CallEndReason::HungUp };
        if !outsiders.is_empty() {
            self.tell(To::Users(outsiders), Event::CallEnded { call_id, room_id, reason });
        }
        for device_id in devices {
            self.unseat(room_id, device_id, CallEndReason::HungUp, false, now);
        }
        if nobody_rings {
            self.end(room_id, CallEndReason::Unreachable, now);
        }
    }

    /// Takes up the calls that went on when the relay stopped. Those that rang are missed; those that were answered wait for
    /// their participants to come back.
    pub fn restore(&mut self, open: OpenCall, roster: &Roster, now: Now) {
        let call = LiveCall::restored(open, roster, now);
        let (room_id, phase) = (call.room_id, call.phase());
        self.insert(call);
        match phase {
            CallPhase::Ringing => self.end(room_id, CallEndReason::Lost, now),
            CallPhase::Active => {}
        }
    }

    pub fn handle_timeout(&mut self, now: Now) {
        for room_id in self.rooms_of(|call| call.deadline().is_some_and(|deadline| deadline <= now.at)) {
            self.on_deadline(room_id, now);
        }
    }

    fn on_deadline(&mut self, room_id: RoomId, now: Now) {
        let Some(call) = self.live.get(&room_id) else { return };
        if call.phase() == CallPhase::Ringing && call.ring_until <= now.at {
            return self.end(room_id, CallEndReason::NoAnswer, now);
        }
        if call.waits_until.is_some_and(|until| until <= now.at) {
            return self.end(room_id, CallEndReason::Lost, now);
        }
        let lost: Vec<DeviceId> = call
            .seats
            .iter()
            .filter(|seat| seat.absent_until.is_some_and(|until| until <= now.at))
            .map(|seat| seat.participant.device_id)
            .collect();
        for device_id in lost {
            self.unseat(room_id, device_id, CallEndReason::Lost, true, now);
        }
    }
}
