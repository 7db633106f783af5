//! Calling, being called, and leaving: what the person and the relay say.

use std::time::Duration;

use parley_shared::ids::{CallId, ParticipantId, RoomId};
use parley_shared::limits::{CALL_ABSENCE, RING_TIMEOUT};
use parley_shared::wire::{Call, CallEndReason, CallPhase, DeclineReason, ErrorCode, Request, Signal};

use super::call::{CallState, ENDED_SHOWN, Entry, Peer, Phase};
use super::failure::not_now;
use super::input::*;
use super::ops::Op;
use super::{Core, Slice};

/// The relay ends the ringing; this is for an end that got lost.
const RING_AT_MOST: Duration = RING_TIMEOUT.saturating_add(Duration::from_secs(15));

impl Core {
    pub(super) fn start_call(&mut self, reply: ReplyId, room_id: RoomId, entry: Entry, now: Now) {
        if self.call.as_ref().is_some_and(CallState::is_live) {
            return self.refuse(reply, not_now("You are in a call already."));
        }
        if !self.rooms.map.contains_key(&room_id) {
            return self.no_room(reply);
        }
        if !self.needs_relay(reply) {
            return;
        }
        self.drop_call();
        let call_id = self.mint.call(now.wall);
        let mut call = CallState::new(call_id, room_id, self.me(), Phase::Outgoing);
        call.enter(entry);
        let media = call.media();
        self.call = Some(call);
        // Whoever calls has agreed to the call: their own picture may be seen while it rings.
        self.open_devices(entry);
        self.request(Op::JoinCall { reply: Some(reply), call_id }, Request::StartCall { room_id, call_id, media });
        self.call_changed();
    }

    pub(super) fn accept_call(&mut self, reply: ReplyId, entry: Entry, now: Now) {
        let Some(call) = self.call.as_mut().filter(|call| matches!(call.phase, Phase::Incoming { .. })) else {
            return self.refuse(reply, not_now("Nobody is calling."));
        };
        call.phase = Phase::Connecting;
        call.tally.on_begun(now.clock);
        call.enter(entry);
        let (call_id, media) = (call.call_id, call.media());
        self.open_devices(entry);
        self.request(Op::JoinCall { reply: Some(reply), call_id }, Request::AcceptCall { call_id, media });
        self.call_changed();
    }

    pub(super) fn decline_call(&mut self, reply: ReplyId, reason: DeclineReason) {
        let Some(call) = self.call.take_if(|call| matches!(call.phase, Phase::Incoming { .. })) else {
            return self.refuse(reply, not_now("Nobody is calling."));
        };
        self.request(Op::Quiet, Request::DeclineCall { call_id: call.call_id, reason });
        self.call_changed();
        self.done(reply);
    }

    pub(super) fn hang_up(&mut self, reply: ReplyId, now: Now) {
        let Some(call) = self.call.as_ref().filter(|call| call.is_live()) else {
            return self.refuse(reply, not_now("You are in no call."));
        };
        let call_id = call.call_id;
        let request = match call.phase {
            Phase::Incoming { .. } => Request::DeclineCall { call_id, reason: DeclineReason::Declined },
            Phase::Outgoing
            | Phase::Connecting
            | Phase::Active { .. }
            | Phase::Reconnecting { .. }
            | Phase::Ended { .. } => Request::LeaveCall { call_id },
        };
        self.request(Op::Quiet, request);
        self.report_call(now);
        self.drop_call();
        self.done(reply);
    }

    pub(super) fn on_ending(&mut self, now: Now) {
        if let Some(call) = self.call.as_ref().filter(|call| call.is_joined()) {
            let call_id = call.call_id;
            self.request(Op::Quiet, Request::LeaveCall { call_id });
            self.report_call(now);
        }
        self.drop_call();
    }

    /// A call as the relay tells it: one that rings for me, one I am in, or one of a room of mine.
    pub(super) fn on_call_changed(&mut self, call: Call, now: Now) {
        self.show_in_room(&call);
        match &self.call {
            Some(mine) if mine.call_id == call.id && mine.is_joined() => self.follow_call(call, now),
            Some(mine) if mine.call_id == call.id => {}
            mine => {
                let ringing = call.phase == CallPhase::Ringing && call.caller.id != self.me();
                // Both call each other at once: my own start joins the other's.
                let same_room = mine.as_ref().is_some_and(|mine| mine.is_live() && mine.room_id == call.room_id);
                if !ringing || same_room {
                    return;
                }
                if mine.as_ref().is_some_and(CallState::is_live) {
                    let request = Request::DeclineCall { call_id: call.id, reason: DeclineReason::Busy };
                    return self.request(Op::Quiet, request);
                }
                let phase = Phase::Incoming { until: now.clock + RING_AT_MOST };
                self.people.upsert_user(&call.caller);
                self.call = Some(CallState::new(call.id, call.room_id, call.caller.id, phase));
                self.call_changed();
            }
        }
    }

    fn show_in_room(&mut self, call: &Call) {
        let Some(room) = self.rooms.map.get_mut(&call.room_id) else { return };
        if call.phase == CallPhase::Active {
            room.record.room.call = Some(call.clone());
            self.touch_rooms([call.room_id]);
        }
    }

    /// My place in a call, as the answer to starting, accepting or rejoining.
    pub(super) fn on_joined_call(&mut self, asked: CallId, call: Call, me: ParticipantId, now: Now) {
        let Some(mine) = self.call.as_mut().filter(|mine| mine.is_joined() && mine.call_id == asked) else {
            // Hung up before the answer came.
            return self.request(Op::Quiet, Request::LeaveCall { call_id: call.id });
        };
        mine.call_id = call.id;
        mine.me = Some(me);
        self.show_in_room(&call);
        self.follow_call(call, now);
    }

    pub(super) fn on_join_failed(&mut self, asked: CallId, failure: &CallFailure, now: Now) {
        let Some(call) = self.call.as_ref().filter(|call| call.is_joined() && call.call_id == asked) else { return };
        let connected = !call.peers.is_empty();
        match failure {
            // The media goes on; the next welcome brings another try.
            CallFailure::Offline | CallFailure::Lost if connected => {}
            CallFailure::Refused(error) if error.code == ErrorCode::NotFound && connected => {
                self.end_call(CallEndReason::Lost, now);
            }
            CallFailure::Refused(error) if error.code == ErrorCode::NotFound && call.caller_id != self.me() => {
                self.end_call(CallEndReason::Cancelled, now);
            }
            CallFailure::Refused(_) | CallFailure::Offline | CallFailure::Lost | CallFailure::Garbled => {
                self.drop_call()
            }
        }
    }

    /// Opens and closes connections so that there is one to everybody else in the call.
    fn follow_call(&mut self, call: Call, now: Now) {
        let device = self.device_id;
        let Some(mine) = &mut self.call else { return };
        let my_place = call.participants.iter().position(|p| Some(p.id) == mine.me || Some(p.device_id) == device);
        let Some(my_place) = my_place else { return };
        mine.me = Some(call.participants[my_place].id);
        if mine.rejoin_until.is_none() {
            let gone: Vec<ParticipantId> = mine
                .peers
                .iter()
                .map(|peer| peer.participant.id)
                .filter(|id| !call.participants.iter().any(|participant| participant.id == *id))
                .collect();
            self.close_peers(&gone);
        }
        for (place, participant) in call.participants.into_iter().enumerate() {
            if place != my_place {
                self.follow_participant(participant, place < my_place);
            }
        }
        if let Some(mine) = &mut self.call {
            mine.follow_peers(now);
        }
        self.call_changed();
    }

    fn follow_participant(&mut self, participant: parley_shared::wire::Participant, offers: bool) {
        let (ice_servers, relay_only) = (self.ice_servers.clone(), self.preferences.relay_only);
        let volume_pct = self.preferences.volume_pct(participant.user.id);
        let Some(mine) = &mut self.call else { return };
        if let Some(peer) = mine.peer_mut(participant.id) {
            if !participant.media.camera {
                peer.has_video = false;
            }
            peer.participant = participant;
            return;
        }
        let id = participant.id;
        let stream = self.next_stream;
        self.next_stream += 1;
        mine.peers.push(Peer::new(participant, stream, volume_pct));
        let early = mine.take_early(id);
        let open = MediaCommand::OpenPeer { participant: id, stream, offers, ice_servers, relay_only, volume_pct };
        self.emit(Effect::Media(open));
        for signal in early {
            self.emit(Effect::Media(MediaCommand::Signal { participant: id, signal }));
        }
    }

    fn close_peers(&mut self, gone: &[ParticipantId]) {
        let Some(mine) = &mut self.call else { return };
        mine.peers.retain(|peer| !gone.contains(&peer.participant.id));
        for id in gone {
            self.emit(Effect::Media(MediaCommand::ClosePeer(*id)));
        }
    }

    pub(super) fn on_call_signal(&mut self, call_id: CallId, from: ParticipantId, signal: Signal) {
        let Some(mine) = self.call.as_mut().filter(|mine| mine.is_live()) else { return };
        // My start may be on its way to join a call of another id: its signals may come before the answer.
        if mine.call_id != call_id && !matches!(mine.phase, Phase::Outgoing) {
            return;
        }
        if mine.peer(from).is_some() {
            self.emit(Effect::Media(MediaCommand::Signal { participant: from, signal }));
        } else {
            mine.keep_early(from, signal);
        }
    }

    pub(super) fn on_call_ended(&mut self, call_id: CallId, room_id: RoomId, reason: CallEndReason, now: Now) {
        if let Some(room) = self.rooms.map.get_mut(&room_id)
            && reason != CallEndReason::AnsweredElsewhere
            && room.record.room.call.take_if(|call| call.id == call_id).is_some()
        {
            self.touch_rooms([room_id]);
        }
        let Some(mine) = self.call.as_ref().filter(|mine| mine.call_id == call_id && mine.is_live()) else { return };
        let ringing = matches!(mine.phase, Phase::Incoming { .. });
        match reason {
            // This device answered, and its answer is on the way.
            CallEndReason::AnsweredElsewhere if !ringing => {}
            CallEndReason::AnsweredElsewhere => self.drop_call(),
            CallEndReason::HungUp
            | CallEndReason::Declined
            | CallEndReason::Busy
            | CallEndReason::NoAnswer
            | CallEndReason::Cancelled
            | CallEndReason::Unreachable
            | CallEndReason::Lost => self.end_call(reason, now),
        }
    }

    /// After a connection that is a new session: what the relay knows of calls is all there is, except that a relay which
    /// restarted lets those that were in a call enter it again.
    pub(super) fn on_calls_at_welcome(&mut self, calls: Vec<Call>, resumed: bool, now: Now) {
        if resumed {
            return;
        }
        let device = self.device_id;
        let seat_kept = |call_id| {
            let mut of_it = calls.iter().filter(|call| call.id == call_id).flat_map(|call| &call.participants);
            of_it.any(|participant| Some(participant.device_id) == device)
        };
        if let Some(mine) = self.call.as_mut().filter(|mine| mine.is_live()) {
            let known = calls.iter().any(|call| call.id == mine.call_id);
            match (mine.phase, mine.me) {
                (Phase::Incoming { .. }, _) if known => {}
                (Phase::Incoming { .. }, _) => self.drop_call(),
                (Phase::Ended { .. }, _) => {}
                (_, _) if seat_kept(mine.call_id) => {}
                (Phase::Connecting | Phase::Active { .. } | Phase::Reconnecting { .. }, Some(participant_id)) => {
                    mine.rejoin_until = Some(now.clock + CALL_ABSENCE);
                    let (room_id, call_id, media) = (mine.room_id, mine.call_id, mine.media());
                    let request = Request::RejoinCall { room_id, call_id, participant_id, media };
                    self.request(Op::JoinCall { reply: None, call_id }, request);
                }
                (Phase::Outgoing | Phase::Connecting | Phase::Active { .. } | Phase::Reconnecting { .. }, _) => {
                    self.end_call(CallEndReason::Lost, now);
                }
            }
        }
        for call in calls {
            let seated = call.participants.iter().any(|participant| Some(participant.device_id) == device);
            if seated && self.call.as_ref().is_none_or(|mine| mine.call_id != call.id || !mine.is_joined()) {
                // A call that this device left without the relay hearing of it.
                self.request(Op::Quiet, Request::LeaveCall { call_id: call.id });
            } else {
                self.on_call_changed(call, now);
            }
        }
    }

    pub(super) fn on_call_time(&mut self, now: Now) {
        let Some(call) = &mut self.call else { return };
        match call.phase {
            Phase::Incoming { until } | Phase::Ended { until, .. } if until <= now.clock => self.drop_call(),
            Phase::Outgoing
            | Phase::Incoming { .. }
            | Phase::Connecting
            | Phase::Active { .. }
            | Phase::Reconnecting { .. }
            | Phase::Ended { .. } => {
                if call.rejoin_until.take_if(|until| *until <= now.clock).is_some() {
                    let lost: Vec<ParticipantId> = call
                        .peers
                        .iter()
                        .filter(|peer| peer.phase != PeerPhase::Connected)
                        .map(|peer| peer.participant.id)
                        .collect();
                    self.close_peers(&lost);
                    self.call_changed();
                }
            }
        }
    }

    /// Closes everything of the call and shows why it ended.
    fn end_call(&mut self, reason: CallEndReason, now: Now) {
        self.report_call(now);
        self.close_call_media();
        let Some(call) = &mut self.call else { return };
        call.phase = Phase::Ended { reason, until: now.clock + ENDED_SHOWN };
        call.peers.clear();
        call.camera_runs = false;
        self.call_changed();
    }

    /// Closes everything of the call, and it is gone.
    pub(super) fn drop_call(&mut self) {
        self.close_call_media();
        if self.call.take().is_some() {
            self.call_changed();
        }
    }

    fn close_call_media(&mut self) {
        let Some(call) = self.call.as_ref().filter(|call| call.is_joined()) else { return };
        let peers: Vec<ParticipantId> = call.peers.iter().map(|peer| peer.participant.id).collect();
        for id in peers {
            self.emit(Effect::Media(MediaCommand::ClosePeer(id)));
        }
        self.emit(Effect::Media(MediaCommand::CloseLocal));
    }

    pub(super) fn call_changed(&mut self) {
        self.touch(Slice::Call);
        self.touch(Slice::Timeline);
    }
}
