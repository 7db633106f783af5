use std::collections::BTreeMap;
use std::time::Duration;

use parley_shared::limits::{CALL_ABSENCE, CANDIDATES_PER_CONNECTION, RING_TIMEOUT, SDP_BYTES};
use parley_shared::wire::{DescriptionKind, Role, RoomKind};
use proptest::prelude::*;

use super::*;

const MEDIA: MediaState = MediaState { microphone: true, camera: true };

/// Calls over one room of `people`, with a clock that only the test moves.
struct Table {
    calls: Calls,
    now: Now,
    people: Vec<User>,
    offline: Vec<UserId>,
    outputs: Vec<CallOutput>,
    next: u8,
}

impl Table {
    fn of(people: u8) -> Self {
        let user = |n| User {
            id: UserId::from_bytes([n; 16]),
            display_name: format!("P{n}"),
            role: Role::Member,
            bot: false,
            avatar: None,
            status_text: String::new(),
        };
        Self {
            calls: Calls::default(),
            now: Now { at: Instant::now(), unix: UnixMs(1_000_000) },
            people: (1..=people).map(user).collect(),
            offline: Vec::new(),
            outputs: Vec::new(),
            next: 0,
        }
    }

    fn roster(&self, room: u8) -> Roster {
        let member = |user: &User| RosterMember { user_id: user.id, bot: user.bot, blocked: false };
        Roster {
            room_id: room_id(room),
            kind: RoomKind::Group,
            archived: false,
            members: self.people.iter().map(member).collect(),
        }
    }

    fn joiner(&mut self, person: usize, device: u8) -> Joiner {
        self.next += 1;
        Joiner {
            user: self.people[person].clone(),
            device_id: device_id(person, device),
            participant_id: ParticipantId::from_bytes([self.next; 16]),
            media: MEDIA,
        }
    }

    fn start(&mut self, person: usize, call: u8) -> Joined {
        self.start_in(person, call, 1)
    }

    fn start_in(&mut self, person: usize, call: u8, room: u8) -> Joined {
        let (joiner, roster, offline) = (self.joiner(person, 0), self.roster(room), self.offline.clone());
        let joined = self.calls.start(joiner, call_id(call), &roster, |user| !offline.contains(&user), self.now);
        self.drain();
        joined
    }

    fn accept(&mut self, person: usize, device: u8, call: u8) -> Joined {
        let joiner = self.joiner(person, device);
        let joined = self.calls.accept(joiner, call_id(call), self.now);
        self.drain();
        joined
    }

    fn decline(&mut self, person: usize, call: u8) -> Result<(), WireError> {
        let id = self.people[person].id;
        let declined = self.calls.decline(call_id(call), id, device_id(person, 0), DeclineReason::Declined, self.now);
        self.drain();
        declined
    }

    fn leave(&mut self, person: usize, call: u8) {
        self.calls.leave(call_id(call), device_id(person, 0), self.now);
        self.drain();
    }

    fn pass(&mut self, time: Duration) {
        self.now.at += time;
        self.now.unix.0 += time.as_millis() as i64;
        self.calls.handle_timeout(self.now);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.calls.poll_output() {
            self.outputs.push(output);
        }
    }

    /// How the calls ended, oldest first.
    fn overs(&self) -> Vec<CallOutcome> {
        let over = |output: &CallOutput| match output {
            CallOutput::Over(over) => Some(over.outcome),
            _ => None,
        };
        self.outputs.iter().filter_map(over).collect()
    }

    /// The reasons that a person was told, or one device of theirs.
    fn ends(&self, person: usize, device: u8) -> Vec<CallEndReason> {
        let user = self.people[person].id;
        let concerns = |to: &To| match to {
            To::Users(users) => users.contains(&user),
            To::UserExcept(one, except) => *one == user && *except != device_id(person, device),
            To::Device(one) => *one == device_id(person, device),
        };
        let reason = |output: &CallOutput| match output {
            CallOutput::Tell { to, event: Event::CallEnded { reason, .. } } if concerns(to) => Some(*reason),
            _ => None,
        };
        self.outputs.iter().filter_map(reason).collect()
    }
}

fn room_id(n: u8) -> RoomId {
    RoomId::from_bytes([n; 16])
}

fn call_id(n: u8) -> CallId {
    CallId::from_bytes([n; 16])
}

fn device_id(person: usize, device: u8) -> DeviceId {
    let mut bytes = [device; 16];
    bytes[0] = person as u8 + 1;
    DeviceId::from_bytes(bytes)
}

fn code<T>(result: Result<T, WireError>) -> Option<ErrorCode> {
    result.err().map(|error| error.code)
}

#[test]
fn answered_call_is_active_and_leaves_a_completed_entry() {
    let mut table = Table::of(2);
    let (call, _) = table.start(0, 1).unwrap();
    assert_eq!(call.phase, CallPhase::Ringing);
    assert_eq!(table.calls.in_room(room_id(1)), None, "a ringing call is no call that others see");
    let (call, _) = table.accept(1, 0, 1).unwrap();
    assert_eq!((call.phase, call.participants.len()), (CallPhase::Active, 2));
    table.pass(Duration::from_secs(90));
    table.leave(0, 1);
    assert_eq!(table.overs(), [CallOutcome::Completed]);
    assert!(table.outputs.iter().any(|o| matches!(o, CallOutput::Over(over) if over.duration_s == 90)));
    assert_eq!(table.calls.count(), 0);
}

#[test]
fn nobody_there_is_told_at_once() {
    let mut table = Table::of(2);
    table.offline.push(table.people[1].id);
    assert!(table.start(0, 1).is_ok());
    assert_eq!(table.ends(0, 0), [CallEndReason::Unreachable]);
    assert_eq!(table.overs(), [CallOutcome::Unreachable]);
}

#[test]
fn no_answer_ends_after_the_ring_time() {
    let mut table = Table::of(2);
    table.start(0, 1).unwrap();
    table.pass(RING_TIMEOUT - Duration::from_millis(1));
    assert_eq!(table.calls.count(), 1);
    table.pass(Duration::from_millis(1));
    assert_eq!(table.ends(0, 0), [CallEndReason::NoAnswer]);
    assert_eq!(table.overs(), [CallOutcome::Missed]);
    assert_eq!(code(table.accept(1, 0, 1)), Some(ErrorCode::NotFound), "an answer after the end finds nothing");
}

#[test]
fn cancelled_by_the_caller_is_missed() {
    let mut table = Table::of(2);
    table.start(0, 1).unwrap();
    table.leave(0, 1);
    assert_eq!(table.ends(1, 0), [CallEndReason::Cancelled]);
    assert_eq!(table.overs(), [CallOutcome::Missed]);
}

#[test]
fn declined_call_ends_and_other_devices_stop_ringing() {
    let mut table = Table::of(2);
    table.start(0, 1).unwrap();
    table.decline(1, 1).unwrap();
    assert_eq!(table.ends(0, 0), [CallEndReason::Declined]);
    assert_eq!(table.ends(1, 7), [CallEndReason::AnsweredElsewhere]);
    assert_eq!(table.overs(), [CallOutcome::Declined]);
}

#[test]
fn one_device_answers_and_the_others_are_told() {
    let mut table = Table::of(2);
    table.start(0, 1).unwrap();
    table.accept(1, 0, 1).unwrap();
    assert_eq!(table.ends(1, 7), [CallEndReason::AnsweredElsewhere]);
    assert!(table.ends(1, 0).is_empty(), "the answering device is not told so");
    assert_eq!(code(table.accept(1, 7, 1)), Some(ErrorCode::Conflict), "there is one winner");
}

#[test]
fn who_is_in_a_call_is_busy() {
    let mut table = Table::of(3);
    table.start(0, 1).unwrap();
    table.accept(1, 0, 1).unwrap();
    table.offline.push(table.people[0].id);
    table.start_in(2, 2, 2).unwrap();
    assert_eq!(table.ends(2, 0).last(), Some(&CallEndReason::Busy));
    assert_eq!(table.overs(), [CallOutcome::Busy]);
}

#[test]
fn calling_each_other_at_once_is_one_call() {
    let mut table = Table::of(2);
    table.start(0, 1).unwrap();
    let (call, _) = table.start(1, 2).unwrap();
    assert_eq!((call.id, call.phase), (call_id(1), CallPhase::Active));
}

#[test]
fn a_repeated_start_is_the_same_call_and_never_rings_again_after_its_end() {
    let mut table = Table::of(2);
    let (_, first) = table.start(0, 1).unwrap();
    let (_, again) = table.start(0, 1).unwrap();
    assert_eq!(first, again);
    table.leave(0, 1);
    assert_eq!(code(table.start(0, 1)), Some(ErrorCode::Conflict));
}

#[test]
fn the_caller_cannot_accept_for_the_called() {
    let mut table = Table::of(2);
    table.start(0, 1).unwrap();
    let (call, _) = table.accept(0, 0, 1).unwrap();
    assert_eq!(call.phase, CallPhase::Ringing, "accepting one's own call changes nothing");
}

#[test]
fn a_lost_device_has_a_minute_to_come_back() {
    let mut table = Table::of(2);
    table.start(0, 1).unwrap();
    table.accept(1, 0, 1).unwrap();
    table.calls.device_lost(device_id(1, 0), table.now);
    table.pass(CALL_ABSENCE / 2);
    table.calls.device_back(device_id(1, 0));
    table.pass(CALL_ABSENCE);
    assert_eq!(table.calls.count(), 1);
    table.calls.device_lost(device_id(1, 0), table.now);
    table.pass(CALL_ABSENCE);
    assert_eq!(table.ends(0, 0), [CallEndReason::Lost]);
    assert_eq!(table.overs(), [CallOutcome::Completed]);
}

#[test]
fn signals_pass_only_between_participants() {
    let mut table = Table::of(3);
    let (_, a) = table.start(0, 1).unwrap();
    let offer =
        || Signal::Description { kind: DescriptionKind::Offer, sdp: "v=0".into(), generation: 1, tracks: Vec::new() };
    let ringing = table.calls.signal(call_id(1), device_id(1, 0), a, offer());
    assert_eq!(code(ringing), Some(ErrorCode::NotFound), "nothing flows before the called accepts");
    table.accept(1, 0, 1).unwrap();
    assert_eq!(table.calls.signal(call_id(1), device_id(1, 0), a, offer()), Ok(()));
    let outsider = table.calls.signal(call_id(1), device_id(2, 0), a, offer());
    assert_eq!(code(outsider), Some(ErrorCode::NotFound));
    table.drain();
    let passed = |o: &CallOutput| matches!(o, CallOutput::Tell { event: Event::CallSignal { .. }, .. });
    assert_eq!(table.outputs.iter().filter(|o| passed(o)).count(), 1);
}

#[test]
fn signals_are_bounded_in_size_and_number() {
    let mut table = Table::of(2);
    let (_, a) = table.start(0, 1).unwrap();
    table.accept(1, 0, 1).unwrap();
    let from = device_id(1, 0);
    let huge = Signal::Description {
        kind: DescriptionKind::Offer,
        sdp: "x".repeat(SDP_BYTES + 1),
        generation: 1,
        tracks: Vec::new(),
    };
    assert_eq!(code(table.calls.signal(call_id(1), from, a, huge)), Some(ErrorCode::TooLarge));
    let candidate = |generation| Signal::Candidate {
        candidate: "candidate:1 1 udp 1 192.0.2.1 9 typ host".into(),
        sdp_mid: None,
        sdp_m_line_index: None,
        generation,
    };
    for _ in 0..CANDIDATES_PER_CONNECTION {
        assert_eq!(table.calls.signal(call_id(1), from, a, candidate(1)), Ok(()));
    }
    assert_eq!(code(table.calls.signal(call_id(1), from, a, candidate(1))), Some(ErrorCode::RateLimited));
    let restart =
        Signal::Description { kind: DescriptionKind::Offer, sdp: "v=0".into(), generation: 1, tracks: Vec::new() };
    assert_eq!(table.calls.signal(call_id(1), from, a, restart), Ok(()));
    assert_eq!(table.calls.signal(call_id(1), from, a, candidate(1)), Ok(()), "a restarted connection counts anew");
    assert_eq!(table.calls.signal(call_id(1), from, a, candidate(2)), Ok(()), "a new connection counts anew");
    assert_eq!(code(table.calls.signal(call_id(1), from, a, candidate(0))), Some(ErrorCode::InvalidArgument));
    table.drain();
    table.outputs.clear();
    assert_eq!(table.calls.signal(call_id(1), from, a, candidate(1)), Ok(()));
    table.drain();
    assert!(table.outputs.is_empty(), "a signal of an older connection goes nowhere");
}

#[test]
fn a_restored_call_waits_for_its_participants_and_rings_nobody() {
    let mut table = Table::of(2);
    let (call, a) = table.start(0, 1).unwrap();
    table.accept(1, 0, 1).unwrap();
    let open = OpenCall {
        id: call.id,
        room_id: call.room_id,
        caller: call.caller,
        started_at: call.started_at_ms,
        answered_at: Some(table.now.unix),
    };
    let mut after = Table::of(2);
    after.calls.restore(open, &after.roster(1), after.now);
    assert_eq!(after.calls.in_room(room_id(1)), None, "nobody is in it yet");
    let mut joiner = after.joiner(0, 0);
    joiner.participant_id = a;
    let (view, id) = after.calls.rejoin(joiner, call_id(1), &after.roster(1), after.now).unwrap();
    assert_eq!((view.phase, view.participants.len(), id), (CallPhase::Active, 1, a));
    after.pass(CALL_ABSENCE / 2);
    let joiner = after.joiner(1, 0);
    after.calls.rejoin(joiner, call_id(1), &after.roster(1), after.now).unwrap();
    after.pass(CALL_ABSENCE * 2);
    assert_eq!(after.calls.count(), 1, "with two in it, it goes on");
}

#[test]
fn a_restored_call_that_nobody_enters_again_ends() {
    let mut table = Table::of(2);
    let open = OpenCall {
        id: call_id(1),
        room_id: room_id(1),
        caller: table.people[0].clone(),
        started_at: UnixMs(1_000),
        answered_at: Some(UnixMs(2_000)),
    };
    table.calls.restore(open.clone(), &table.roster(1), table.now);
    table.pass(CALL_ABSENCE);
    assert_eq!(table.overs(), [CallOutcome::Completed]);
    let ringing = OpenCall { id: call_id(2), answered_at: None, ..open };
    table.calls.restore(ringing, &table.roster(1), table.now);
    table.drain();
    assert_eq!(table.overs(), [CallOutcome::Completed, CallOutcome::Missed]);
    let joiner = table.joiner(0, 0);
    let unknown = table.calls.rejoin(joiner, call_id(9), &table.roster(1), table.now);
    assert_eq!(code(unknown), Some(ErrorCode::NotFound), "a call cannot be made up");
}

#[test]
fn a_removed_member_is_out_of_the_call() {
    let mut table = Table::of(3);
    table.start(0, 1).unwrap();
    table.accept(1, 0, 1).unwrap();
    table.accept(2, 0, 1).unwrap();
    let rest = [table.people[0].id, table.people[1].id];
    table.calls.members_changed(room_id(1), &rest, table.now);
    table.drain();
    assert_eq!(table.ends(2, 0), [CallEndReason::HungUp]);
    assert_eq!(table.calls.in_room(room_id(1)).map(|call| call.participants.len()), Some(2));
}

#[derive(Clone, Debug)]
enum Step {
    Start(usize, u8, u8),
    Accept(usize, u8, u8),
    Decline(usize, u8),
    Leave(usize, u8),
    Lost(usize),
    Back(usize),
    Gone(usize),
    Members(u8, u8),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..4usize, 1..6u8, 1..3u8).prop_map(|(p, c, r)| Step::Start(p, c, r)),
        3 => (0..4usize, 0..2u8, 1..6u8).prop_map(|(p, d, c)| Step::Accept(p, d, c)),
        1 => (0..4usize, 1..6u8).prop_map(|(p, c)| Step::Decline(p, c)),
        1 => (0..4usize, 1..6u8).prop_map(|(p, c)| Step::Leave(p, c)),
        1 => (0..4usize).prop_map(Step::Lost),
        1 => (0..4usize).prop_map(Step::Back),
        1 => (0..4usize).prop_map(Step::Gone),
        1 => (1..3u8, 0..16u8).prop_map(|(r, m)| Step::Members(r, m)),
        2 => (1..70u64).prop_map(Step::Pass),
    ]
}

proptest! {
    #[test]
    fn every_call_ends_once_and_everyone_told_of_it_is_told_of_its_end(steps in prop::collection::vec(step(), 1..60)) {
        let mut table = Table::of(4);
        for step in steps {
            match step {
                Step::Start(p, c, r) => drop(table.start_in(p, c, r)),
                Step::Accept(p, d, c) => drop(table.accept(p, d, c)),
                Step::Decline(p, c) => drop(table.decline(p, c)),
                Step::Leave(p, c) => table.leave(p, c),
                Step::Lost(p) => table.calls.device_lost(device_id(p, 0), table.now),
                Step::Back(p) => table.calls.device_back(device_id(p, 0)),
                Step::Gone(p) => table.calls.device_gone(device_id(p, 0), table.now),
                Step::Members(r, mask) => {
                    let members: Vec<UserId> =
                        (0..4).filter(|p| mask & (1 << p) != 0).map(|p| table.people[p].id).collect();
                    table.calls.members_changed(room_id(r), &members, table.now);
                }
                Step::Pass(seconds) => table.pass(Duration::from_secs(seconds)),
            }
            table.drain();
            for person in 0..4 {
                for device in 0..2 {
                    let id = device_id(person, device);
                    let seats = table.calls.live.values().filter(|call| call.seat_of_device(id).is_some()).count();
                    prop_assert!(seats <= 1, "a device is in one call at a time");
                }
            }
            for call in table.calls.live.values() {
                prop_assert!(call.phase() == CallPhase::Ringing || call.seats.len() >= 2, "an active call has two");
                prop_assert!(call.seats.len() <= MESH_PARTICIPANTS);
            }
        }
        for call in 1..6 {
            for person in 0..4 {
                for device in 0..2 {
                    table.calls.leave(call_id(call), device_id(person, device), table.now);
                }
            }
        }
        table.pass(CALL_ABSENCE * 2);
        prop_assert_eq!(table.calls.count(), 0);
        prop_assert_eq!(table.calls.poll_timeout(), None);

        let mut overs: BTreeMap<(CallId, RoomId), usize> = BTreeMap::new();
        let mut begun: Vec<(CallId, RoomId)> = Vec::new();
        for output in &table.outputs {
            match output {
                CallOutput::Over(over) => *overs.entry((over.call_id, over.room_id)).or_default() += 1,
                CallOutput::Remember(open) => begun.push((open.id, open.room_id)),
                CallOutput::Tell { .. } | CallOutput::Shown { .. } | CallOutput::Seated(_) | CallOutput::Moved(_) => {}
            }
        }
        for call in begun {
            prop_assert_eq!(overs.get(&call), Some(&1));
        }
        prop_assert!(told_of_every_end(&table.outputs));
    }
}

/// Whoever was told that a ringing call changed is told that it ended.
fn told_of_every_end(outputs: &[CallOutput]) -> bool {
    let mut ringing: Vec<(CallId, RoomId, UserId)> = Vec::new();
    for output in outputs {
        let CallOutput::Tell { to, event } = output else { continue };
        match (to, event) {
            (To::Users(users), Event::CallChanged { call }) if call.phase == CallPhase::Ringing => {
                ringing.extend(users.iter().map(|user| (call.id, call.room_id, *user)));
            }
            (To::Users(users), Event::CallEnded { call_id, room_id, .. }) => {
                ringing.retain(|(call, room, user)| (call, room) != (call_id, room_id) || !users.contains(user));
            }
            (To::UserExcept(one, _), Event::CallEnded { call_id, room_id, .. }) => {
                ringing.retain(|(call, room, user)| (call, room) != (call_id, room_id) || user != one);
            }
            _ => {}
        }
    }
    ringing.is_empty()
}

#[test]
fn the_same_id_in_two_rooms_is_two_calls() {
    let mut table = Table::of(4);
    let roster = |table: &Table, room: u8, people: std::ops::Range<usize>| Roster {
        members: table.roster(room).members[people].to_vec(),
        ..table.roster(room)
    };
    let (first, second) = (roster(&table, 1, 0..2), roster(&table, 2, 2..4));
    for (person, roster) in [(0, &first), (2, &second)] {
        let joiner = table.joiner(person, 0);
        let (call, _) = table.calls.start(joiner, call_id(1), roster, |_| true, table.now).unwrap();
        assert_eq!((call.id, call.room_id), (call_id(1), roster.room_id), "as if there were no other");
    }
    for (person, room) in [(1, 1), (3, 2)] {
        assert_eq!(table.accept(person, 0, 1).unwrap().0.room_id, room_id(room));
    }
    table.leave(3, 1);
    assert_eq!(table.calls.in_room(room_id(2)), None);
    assert_eq!(table.calls.in_room(room_id(1)).unwrap().participants.len(), 2, "the other goes on");
    let outsider = table.accept(3, 0, 1).unwrap_err();
    assert_eq!(outsider, table.accept(3, 0, 9).unwrap_err(), "and is nothing to those who are not in its room");
}
