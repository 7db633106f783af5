//! One call that goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use parley_shared::ids::{CallId, DeviceId, ParticipantId, RoomId, UnixMs, UserId};
use parley_shared::limits::{CALL_ABSENCE, RING_TIMEOUT};
use parley_shared::wire::{Call, CallEndReason, CallOutcome, CallPhase, Participant, User};

use super::signal::Pair;
use super::{Joiner, participant, seconds_between};
use crate::Now;
use crate::work::{CallSeat, OpenCall, Roster};

#[derive(Debug)]
pub(super) struct LiveCall {
    pub id: CallId,
    pub room_id: RoomId,
    pub caller: User,
    pub started_at: UnixMs,
    /// Set by the first answer: from then on the call is active.
    pub answered_at: Option<UnixMs>,
    /// In the order of joining.
    pub seats: Vec<Seat>,
    /// The called that neither answered nor declined.
    pub ringing: BTreeSet<UserId>,
    /// All that it rang for.
    pub rung: BTreeSet<UserId>,
    pub members: BTreeSet<UserId>,
    pub ring_until: Instant,
    /// Set after a restart: until then fewer than two participants do not end the call.
    pub waits_until: Option<Instant>,
    pub pairs: BTreeMap<(ParticipantId, ParticipantId), Pair>,
}

/// A participant, and whether its device is connected.
#[derive(Debug)]
pub(super) struct Seat {
    pub participant: Participant,
    pub absent_until: Option<Instant>,
}

impl Seat {
    pub fn new(joiner: Joiner) -> Self {
        Self { participant: participant(joiner), absent_until: None }
    }
}

impl LiveCall {
    pub fn ringing(id: CallId, roster: &Roster, joiner: &Joiner, now: Now) -> Self {
        Self {
            id,
            room_id: roster.room_id,
            caller: joiner.user.clone(),
            started_at: now.unix,
            answered_at: None,
            seats: vec![Seat::new(joiner.clone())],
            ringing: BTreeSet::new(),
            rung: BTreeSet::new(),
            members: roster.members.iter().map(|member| member.user_id).collect(),
            ring_until: now.at + RING_TIMEOUT,
            waits_until: None,
            pairs: BTreeMap::new(),
        }
    }

    pub fn restored(open: OpenCall, roster: &Roster, now: Now) -> Self {
        Self {
            id: open.id,
            room_id: open.room_id,
            caller: open.caller,
            started_at: open.started_at,
            answered_at: open.answered_at,
            seats: Vec::new(),
            ringing: BTreeSet::new(),
            rung: BTreeSet::new(),
            members: roster.members.iter().map(|member| member.user_id).collect(),
            ring_until: now.at,
            waits_until: Some(now.at + CALL_ABSENCE),
            pairs: BTreeMap::new(),
        }
    }

    pub fn phase(&self) -> CallPhase {
        match self.answered_at {
            None => CallPhase::Ringing,
            Some(_) => CallPhase::Active,
        }
    }

    pub fn view(&self) -> Call {
        Call {
            id: self.id,
            room_id: self.room_id,
            caller: self.caller.clone(),
            phase: self.phase(),
            started_at_ms: self.started_at,
            participants: self.seats.iter().map(|seat| seat.participant.clone()).collect(),
        }
    }

    pub fn open(&self) -> OpenCall {
        OpenCall {
            id: self.id,
            room_id: self.room_id,
            caller: self.caller.clone(),
            started_at: self.started_at,
            answered_at: self.answered_at,
        }
    }

    pub fn seat_of(&self, user_id: UserId, now: Now) -> CallSeat {
        CallSeat { call_id: self.id, room_id: self.room_id, user_id, at: now.unix }
    }

    pub fn seat_of_device(&self, device_id: DeviceId) -> Option<&Seat> {
        self.seats.iter().find(|seat| seat.participant.device_id == device_id)
    }

    pub fn seat_of_device_mut(&mut self, device_id: DeviceId) -> Option<&mut Seat> {
        self.seats.iter_mut().find(|seat| seat.participant.device_id == device_id)
    }

    /// Whether the person may know of the call: while it rings the caller and the called, from then on every member.
    pub fn concerns(&self, user_id: UserId) -> bool {
        match self.phase() {
            CallPhase::Ringing => self.caller.id == user_id || self.rung.contains(&user_id),
            CallPhase::Active => self.members.contains(&user_id),
        }
    }

    /// Everyone for whom [`LiveCall::concerns`] holds.
    pub fn told(&self) -> Vec<UserId> {
        match self.phase() {
            CallPhase::Ringing => {
                let mut told = self.rung.clone();
                told.insert(self.caller.id);
                told.into_iter().collect()
            }
            CallPhase::Active => self.members.iter().copied().collect(),
        }
    }

    pub fn deadline(&self) -> Option<Instant> {
        let ring = match self.phase() {
            CallPhase::Ringing => Some(self.ring_until),
            CallPhase::Active => None,
        };
        let absent = self.seats.iter().filter_map(|seat| seat.absent_until).min();
        [ring, absent, self.waits_until].into_iter().flatten().min()
    }

    pub fn outcome(&self, reason: CallEndReason) -> CallOutcome {
        if self.answered_at.is_some() {
            return CallOutcome::Completed;
        }
        match reason {
            CallEndReason::Declined => CallOutcome::Declined,
            CallEndReason::Busy => CallOutcome::Busy,
            CallEndReason::Unreachable => CallOutcome::Unreachable,
            CallEndReason::HungUp
            | CallEndReason::NoAnswer
            | CallEndReason::Cancelled
            | CallEndReason::AnsweredElsewhere
            | CallEndReason::Lost => CallOutcome::Missed,
        }
    }

    pub fn duration_s(&self, now: UnixMs) -> u32 {
        self.answered_at.map_or(0, |answered| seconds_between(answered, now))
    }
}
