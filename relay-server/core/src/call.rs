//! Calls: ringing, answering, who is in one, and passing signals on.
//!
//! ```text
//! (none) --start--> Ringing --accept--> Active --all but one left--> (ended)
//!    |                 `--decline, cancel, 45 s, nobody there-----> (ended)
//!    `--restore (relay restarted)-----> Active, empty --rejoin-->
//! ```

mod fate;
mod live;
mod signal;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Instant;

use parley_shared::ids::{CallId, DeviceId, ParticipantId, RoomId, UnixMs, UserId};
use parley_shared::wire::{
    Call, CallEndReason, CallOutcome, CallPhase, DeclineReason, ErrorCode, Event, MediaState, Participant, Signal,
    User, WireError,
};

use crate::Now;
use crate::work::{CallSeat, OpenCall, Roster, RosterMember};
use live::{LiveCall, Seat};

/// Participants of one call: as many as a mesh carries.
pub const MESH_PARTICIPANTS: usize = 4;
/// Ended calls that are remembered, so that a late repetition of their start does not ring again.
const ENDED_KEPT: usize = 1_024;

/// Every call that goes on: one a room. Apps make the ids, so the same id in two rooms is two calls, and whoever says it means the one that
/// they may know of.
#[derive(Debug, Default)]
pub struct Calls {
    live: BTreeMap<RoomId, LiveCall>,
    by_id: BTreeSet<(CallId, RoomId)>,
    ended: VecDeque<Ended>,
    outputs: VecDeque<CallOutput>,
}

#[derive(Debug)]
struct Ended {
    call_id: CallId,
    room_id: RoomId,
    caller_id: UserId,
}

/// What a change of a call leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallOutput {
    Tell {
        to: To,
        event: Event,
    },
    /// The call of a room as its members see it, none when it is over.
    Shown {
        room_id: RoomId,
        call: Option<Call>,
    },
    /// The call is to be remembered across a restart.
    Remember(OpenCall),
    /// The person took part, which outlives the call.
    Seated(CallSeat),
    /// The call is over and leaves this entry.
    Over(CallOver),
    /// The person entered or left a call.
    Moved(UserId),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum To {
    Users(Vec<UserId>),
    /// The other devices of a person.
    UserExcept(UserId, DeviceId),
    Device(DeviceId),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallOver {
    pub call_id: CallId,
    pub room_id: RoomId,
    pub caller_id: UserId,
    pub outcome: CallOutcome,
    pub duration_s: u32,
}

/// The device that asks, and what it sends.
#[derive(Clone, Debug)]
pub struct Joiner {
    pub user: User,
    pub device_id: DeviceId,
    pub participant_id: ParticipantId,
    pub media: MediaState,
}

pub type Joined = Result<(Call, ParticipantId), WireError>;

impl Calls {
    pub fn poll_output(&mut self) -> Option<CallOutput> {
        self.outputs.pop_front()
    }

    /// The next moment at which [`Calls::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.live.values().filter_map(LiveCall::deadline).min()
    }

    pub fn count(&self) -> usize {
        self.live.len()
    }

    pub fn in_room(&self, room_id: RoomId) -> Option<Call> {
        let call = self.live.get(&room_id)?;
        (call.phase() == CallPhase::Active && !call.seats.is_empty()).then(|| call.view())
    }

    /// Calls that ring for the person or that the device is in.
    pub fn concerning(&self, user_id: UserId, device_id: DeviceId) -> Vec<Call> {
        let concerns = |call: &&LiveCall| call.ringing.contains(&user_id) || call.seat_of_device(device_id).is_some();
        self.live.values().filter(concerns).map(LiveCall::view).collect()
    }

    pub fn has_user(&self, user_id: UserId) -> bool {
        self.live.values().any(|call| call.seats.iter().any(|seat| seat.participant.user.id == user_id))
    }

    /// Starts a call in the room, or joins the one that goes on there.
    pub fn start(
        &mut self,
        joiner: Joiner,
        call_id: CallId,
        roster: &Roster,
        reachable: impl Fn(UserId) -> bool,
        now: Now,
    ) -> Joined {
        let room_id = roster.room_id;
        if self.live.contains_key(&room_id) {
            return self.join(joiner, room_id, now);
        }
        self.check_free(&joiner, room_id)?;
        if roster.archived {
            return Err(WireError::new(ErrorCode::Conflict, "This room is archived."));
        }
        if self.find(call_id, |call| call.concerns(joiner.user.id)).is_some() {
            return Err(WireError::new(ErrorCode::Conflict, "This call is in another room."));
        }
        let known = |ended: &Ended| ended.room_id == room_id || ended.caller_id == joiner.user.id;
        if self.ended.iter().any(|ended| ended.call_id == call_id && known(ended)) {
            return Err(WireError::new(ErrorCode::Conflict, "This call is over."));
        }
        let others: Vec<RosterMember> =
            roster.members.iter().filter(|m| m.user_id != joiner.user.id && !m.blocked).copied().collect();
        let there: Vec<RosterMember> = others.iter().filter(|m| reachable(m.user_id)).copied().collect();
        let free: Vec<UserId> =
            there.iter().filter(|m| m.bot || !self.has_user(m.user_id)).map(|m| m.user_id).collect();

        let mut call = LiveCall::ringing(call_id, roster, &joiner, now);
        call.rung = free.iter().copied().collect();
        call.ringing = call.rung.clone();
        let reply = (call.view(), joiner.participant_id);
        self.outputs.push_back(CallOutput::Remember(call.open()));
        self.outputs.push_back(CallOutput::Seated(call.seat_of(joiner.user.id, now)));
        self.outputs.push_back(CallOutput::Moved(joiner.user.id));
        self.insert(call);
        if there.is_empty() {
            self.end(room_id, CallEndReason::Unreachable, now);
        } else if free.is_empty() {
            self.end(room_id, CallEndReason::Busy, now);
        } else {
            self.tell_changed(room_id);
        }
        Ok(reply)
    }

    /// Answers a call that rings, or joins one that goes on.
    pub fn accept(&mut self, joiner: Joiner, call_id: CallId, now: Now) -> Joined {
        let room_id = self.find(call_id, |call| call.concerns(joiner.user.id)).ok_or_else(over)?;
        self.join(joiner, room_id, now)
    }

    /// Enters again, after the relay restarted, a call that it still remembers.
    pub fn rejoin(&mut self, joiner: Joiner, call_id: CallId, roster: &Roster, now: Now) -> Joined {
        if self.live.get(&roster.room_id).is_none_or(|call| call.id != call_id) {
            return Err(over());
        }
        self.join(joiner, roster.room_id, now)
    }

    pub fn decline(
        &mut self,
        call_id: CallId,
        user_id: UserId,
        device_id: DeviceId,
        reason: DeclineReason,
        now: Now,
    ) -> Result<(), WireError> {
        let room_id = self.find(call_id, |call| call.rung.contains(&user_id)).ok_or_else(over)?;
        let call = self.live.get_mut(&room_id).ok_or_else(over)?;
        if !call.ringing.remove(&user_id) || call.phase() == CallPhase::Active {
            return Ok(());
        }
        let nobody_left = call.ringing.is_empty();
        if nobody_left {
            call.rung.remove(&user_id);
        }
        self.tell(
            To::UserExcept(user_id, device_id),
            Event::CallEnded { call_id, room_id, reason: CallEndReason::AnsweredElsewhere },
        );
        if nobody_left {
            let reason = match reason {
                DeclineReason::Declined => CallEndReason::Declined,
                DeclineReason::Busy => CallEndReason::Busy,
            };
            self.tell(To::Device(device_id), Event::CallEnded { call_id, room_id, reason });
            self.end(room_id, reason, now);
        }
        Ok(())
    }

    /// Hangs up, or gives up ringing. Leaving twice is leaving once.
    pub fn leave(&mut self, call_id: CallId, device_id: DeviceId, now: Now) {
        if let Some(room_id) = self.find(call_id, |call| call.seat_of_device(device_id).is_some()) {
            self.unseat(room_id, device_id, CallEndReason::HungUp, true, now);
        }
    }

    pub fn set_media(&mut self, call_id: CallId, device_id: DeviceId, media: MediaState) -> Result<(), WireError> {
        let room_id = self.find(call_id, |call| call.seat_of_device(device_id).is_some()).ok_or_else(over)?;
        let Some(seat) = self.live.get_mut(&room_id).and_then(|call| call.seat_of_device_mut(device_id)) else {
            return Err(over());
        };
        if seat.participant.media != media {
            seat.participant.media = media;
            self.tell_changed(room_id);
        }
        Ok(())
    }

    /// Passes a signal from one participant to another of the same call.
    pub fn signal(
        &mut self,
        call_id: CallId,
        from: DeviceId,
        to: ParticipantId,
        signal: Signal,
    ) -> Result<(), WireError> {
        let room_id = self.find(call_id, |call| call.seat_of_device(from).is_some()).ok_or_else(over)?;
        let Some(call) = self.live.get_mut(&room_id) else { return Err(over()) };
        let Some(from) = call.seat_of_device(from).map(|seat| seat.participant.id) else { return Err(over()) };
        let Some(device_id) = call.seats.iter().find(|s| s.participant.id == to).map(|s| s.participant.device_id)
        else {
            return Err(WireError::new(ErrorCode::NotFound, "Nobody of that id is in the call."));
        };
        if from == to {
            return Err(WireError::field("to", "A signal goes to somebody else."));
        }
        if call.pairs.entry(signal::pair(from, to)).or_default().admit(from < to, &signal)? {
            self.tell(To::Device(device_id), Event::CallSignal { call_id, from, signal });
        }
        Ok(())
    }

    /// The room of the call of that id which is `wanted`.
    fn find(&self, call_id: CallId, wanted: impl Fn(&LiveCall) -> bool) -> Option<RoomId> {
        let rooms = self.by_id.range((call_id, RoomId::from_bytes([0; 16]))..).take_while(|(id, _)| *id == call_id);
        rooms.map(|(_, room_id)| *room_id).find(|room_id| self.live.get(room_id).is_some_and(&wanted))
    }

    fn insert(&mut self, call: LiveCall) {
        self.by_id.insert((call.id, call.room_id));
        self.live.insert(call.room_id, call);
    }

    fn join(&mut self, joiner: Joiner, room_id: RoomId, now: Now) -> Joined {
        self.check_free(&joiner, room_id)?;
        let Some(call) = self.live.get_mut(&room_id) else { return Err(over()) };
        if let Some(seat) = call.seat_of_device_mut(joiner.device_id) {
            let id = seat.participant.id;
            seat.absent_until = None;
            return Ok((call.view(), id));
        }
        if call.seats.iter().any(|seat| seat.participant.user.id == joiner.user.id) {
            return Err(WireError::new(ErrorCode::Conflict, "You are in this call on another device."));
        }
        if call.seats.iter().any(|seat| seat.participant.id == joiner.participant_id) {
            return Err(WireError::new(ErrorCode::Conflict, "That participant is in the call already."));
        }
        if call.seats.len() >= MESH_PARTICIPANTS {
            return Err(WireError::new(ErrorCode::Conflict, "The call is full."));
        }
        let (user_id, device_id, participant_id) = (joiner.user.id, joiner.device_id, joiner.participant_id);
        let rang = call.ringing.remove(&user_id);
        let first_answer = call.answered_at.is_none();
        call.answered_at.get_or_insert(now.unix);
        call.seats.push(Seat::new(joiner));
        if call.seats.len() > 1 {
            call.waits_until = None;
        }
        let (view, call_id, open) = (call.view(), call.id, call.open());
        let seat = call.seat_of(user_id, now);
        if rang {
            self.tell(
                To::UserExcept(user_id, device_id),
                Event::CallEnded { call_id, room_id, reason: CallEndReason::AnsweredElsewhere },
            );
        }
        if first_answer {
            self.outputs.push_back(CallOutput::Remember(open));
        }
        self.outputs.push_back(CallOutput::Seated(seat));
        self.outputs.push_back(CallOutput::Moved(user_id));
        self.tell_changed(room_id);
        Ok((view, participant_id))
    }

    /// Takes a device out of a call. `tell`: when the call goes on without it, the device is told.
    fn unseat(&mut self, room_id: RoomId, device_id: DeviceId, reason: CallEndReason, tell: bool, now: Now) {
        let Some(call) = self.live.get_mut(&room_id) else { return };
        let Some(place) = call.seats.iter().position(|seat| seat.participant.device_id == device_id) else { return };
        let left = call.seats.remove(place).participant;
        call.pairs.retain(|pair, _| pair.0 != left.id && pair.1 != left.id);
        let (call_id, phase, others) = (call.id, call.phase(), call.seats.len());
        let waits = call.waits_until.is_some() && others > 0;
        self.outputs.push_back(CallOutput::Moved(left.user.id));
        match phase {
            CallPhase::Ringing => {
                let reason = if reason == CallEndReason::HungUp { CallEndReason::Cancelled } else { reason };
                self.end(room_id, reason, now);
            }
            CallPhase::Active if others < 2 && !waits => self.end(room_id, reason, now),
            CallPhase::Active => {
                if tell {
                    self.tell(To::Device(device_id), Event::CallEnded { call_id, room_id, reason });
                }
                self.tell_changed(room_id);
            }
        }
    }

    fn end(&mut self, room_id: RoomId, reason: CallEndReason, now: Now) {
        let Some(call) = self.live.remove(&room_id) else { return };
        let call_id = call.id;
        self.by_id.remove(&(call_id, room_id));
        self.ended.push_back(Ended { call_id, room_id, caller_id: call.caller.id });
        if self.ended.len() > ENDED_KEPT {
            self.ended.pop_front();
        }
        self.tell(To::Users(call.told()), Event::CallEnded { call_id, room_id, reason });
        self.outputs.push_back(CallOutput::Shown { room_id, call: None });
        for seat in &call.seats {
            self.outputs.push_back(CallOutput::Moved(seat.participant.user.id));
        }
        self.outputs.push_back(CallOutput::Over(CallOver {
            call_id,
            room_id,
            caller_id: call.caller.id,
            outcome: call.outcome(reason),
            duration_s: call.duration_s(now.unix),
        }));
    }

    /// A device is in one call at a time; programs are in as many as they like.
    fn check_free(&self, joiner: &Joiner, room_id: RoomId) -> Result<(), WireError> {
        let elsewhere = |call: &LiveCall| call.room_id != room_id && call.seat_of_device(joiner.device_id).is_some();
        if !joiner.user.bot && self.live.values().any(elsewhere) {
            return Err(WireError::new(ErrorCode::Conflict, "This device is in another call."));
        }
        Ok(())
    }

    fn tell_changed(&mut self, room_id: RoomId) {
        let Some(call) = self.live.get(&room_id) else { return };
        let (view, told) = (call.view(), call.told());
        if view.phase == CallPhase::Active {
            self.outputs.push_back(CallOutput::Shown { room_id, call: Some(view.clone()) });
        }
        self.tell(To::Users(told), Event::CallChanged { call: Box::new(view) });
    }

    fn tell(&mut self, to: To, event: Event) {
        self.outputs.push_back(CallOutput::Tell { to, event });
    }

    /// The rooms of the calls that are `wanted`.
    fn rooms_of(&self, wanted: impl Fn(&LiveCall) -> bool) -> Vec<RoomId> {
        self.live.values().filter(|call| wanted(call)).map(|call| call.room_id).collect()
    }
}

/// The one answer for calls that are over, never were, or do not concern the one who asks.
fn over() -> WireError {
    WireError::new(ErrorCode::NotFound, "There is no such call.")
}

fn seconds_between(from: UnixMs, to: UnixMs) -> u32 {
    u32::try_from((to.0 - from.0).max(0) / 1_000).unwrap_or(u32::MAX)
}

fn participant(joiner: Joiner) -> Participant {
    Participant { id: joiner.participant_id, user: joiner.user, device_id: joiner.device_id, media: joiner.media }
}

#[cfg(test)]
#[path = "call_tests.rs"]
mod tests;
