use super::*;

pub(super) const CALL: CallId = CallId::from_bytes([7; 16]);
pub(super) const MY_PLACE: ParticipantId = ParticipantId::from_bytes([21; 16]);
pub(super) const MINAS_PLACE: ParticipantId = ParticipantId::from_bytes([22; 16]);
const MINAS_DEVICE: DeviceId = DeviceId::from_bytes([12; 16]);

pub(super) fn place(id: ParticipantId) -> Participant {
    let (user_id, device_id) = if id == MY_PLACE { (ME, MY_DEVICE) } else { (MINA, MINAS_DEVICE) };
    Participant { id, user: user(user_id), device_id, media: MediaState { microphone: true, camera: true } }
}

pub(super) fn call(id: CallId, caller: UserId, phase: CallPhase, places: &[ParticipantId]) -> Call {
    let participants = places.iter().map(|id| place(*id)).collect();
    Call { id, room_id: ROOM, caller: user(caller), phase, started_at_ms: UnixMs(0), participants }
}

pub(super) fn changed(call: Call) -> Input {
    event(Event::CallChanged { call: Box::new(call) })
}

pub(super) fn ended(call_id: CallId, reason: CallEndReason) -> Input {
    event(Event::CallEnded { call_id, room_id: ROOM, reason })
}

pub(super) fn joined(op: OpId, call: Call) -> Input {
    Input::Link(LinkEvent::RequestDone(op, Ok(Reply::Call { call: Box::new(call), participant_id: MY_PLACE })))
}

fn signal_from_mina(call_id: CallId, text: &str) -> Input {
    let signal = Signal::Candidate { candidate: text.to_owned(), sdp_mid: None, sdp_m_line_index: None, generation: 1 };
    event(Event::CallSignal { call_id, from: MINAS_PLACE, signal })
}

pub(super) fn peer_is(state: PeerPhase) -> Input {
    Input::Media(MediaEvent::Peer { participant: MINAS_PLACE, state })
}

fn phase(desk: &Desk) -> Option<CallPhaseView> {
    desk.call().map(|call| call.phase)
}

/// I call; the relay's answer is still out. Gives the call's id and the request to answer.
pub(super) fn calling() -> (Desk, CallId, OpId) {
    let mut desk = Desk::online();
    desk.command(Command::StartCall { room_id: ROOM, camera: true, muted: false });
    let (op, request) = desk.requests().remove(0);
    let Request::StartCall { call_id, .. } = request else { panic!("{request:?}") };
    (desk, call_id, op)
}

/// A call that I made and that is connected.
pub(super) fn in_call() -> (Desk, CallId) {
    let (mut desk, id, op) = calling();
    desk.feed(joined(op, call(id, ME, CallPhase::Ringing, &[MY_PLACE])));
    desk.feed(changed(call(id, ME, CallPhase::Active, &[MY_PLACE, MINAS_PLACE])));
    desk.feed(peer_is(PeerPhase::Connected));
    desk.effects.clear();
    (desk, id)
}

#[test]
fn calling_rings_connects_and_is_answered_by_the_callees_offer() {
    let (mut desk, id, op) = calling();
    assert_eq!(phase(&desk), Some(CallPhaseView::Outgoing));
    assert_eq!(desk.media_words(), ["open"]);
    desk.feed(joined(op, call(id, ME, CallPhase::Ringing, &[MY_PLACE])));
    desk.effects.clear();
    desk.feed(changed(call(id, ME, CallPhase::Active, &[MY_PLACE, MINAS_PLACE])));
    assert_eq!(phase(&desk), Some(CallPhaseView::Connecting));
    assert_eq!(desk.media_words(), ["answer"]);
    desk.feed(peer_is(PeerPhase::Connected));
    assert_eq!(phase(&desk), Some(CallPhaseView::Active { since_ms: desk.now.wall }));
}

#[test]
fn nothing_opens_before_an_incoming_call_is_accepted() {
    let mut desk = Desk::online();
    desk.feed(changed(call(CALL, MINA, CallPhase::Ringing, &[MINAS_PLACE])));
    desk.feed(signal_from_mina(CALL, "early"));
    assert_eq!(phase(&desk), Some(CallPhaseView::Incoming));
    assert_eq!(desk.call().unwrap().title, "Mina");
    assert!(desk.media_words().is_empty());

    desk.command(Command::AcceptCall { camera: false, muted: false });
    assert_eq!(desk.media_words(), ["open"]);
    let (op, request) = desk.requests().remove(0);
    let media = MediaState { microphone: true, camera: false };
    assert_eq!(request, Request::AcceptCall { call_id: CALL, media });
    desk.effects.clear();
    desk.feed(joined(op, call(CALL, MINA, CallPhase::Active, &[MINAS_PLACE, MY_PLACE])));
    assert_eq!(desk.media_words(), ["offer", "signal"]);
}

#[test]
fn the_event_may_come_before_the_answer() {
    let (mut desk, id, op) = calling();
    desk.feed(changed(call(id, ME, CallPhase::Active, &[MY_PLACE, MINAS_PLACE])));
    desk.feed(joined(op, call(id, ME, CallPhase::Active, &[MY_PLACE, MINAS_PLACE])));
    assert_eq!(desk.media_words(), ["open", "answer"]);
}

#[test]
fn signals_before_their_connection_are_kept_but_not_without_bound() {
    let (mut desk, id, op) = calling();
    desk.feed(joined(op, call(id, ME, CallPhase::Ringing, &[MY_PLACE])));
    for n in 0..500 {
        desk.feed(signal_from_mina(id, &format!("candidate {n}")));
    }
    desk.effects.clear();
    desk.feed(changed(call(id, ME, CallPhase::Active, &[MY_PLACE, MINAS_PLACE])));
    assert_eq!(desk.media_words().iter().filter(|word| **word == "signal").count(), 66);
}

#[test]
fn a_second_caller_hears_that_i_am_busy() {
    let (mut desk, _) = in_call();
    let other = Call { room_id: RoomId::from_bytes([10; 16]), ..call(CALL, MINA, CallPhase::Ringing, &[MINAS_PLACE]) };
    desk.feed(changed(other));
    let declined = Request::DeclineCall { call_id: CALL, reason: DeclineReason::Busy };
    assert_eq!(desk.requests().remove(0).1, declined);
    assert!(matches!(phase(&desk), Some(CallPhaseView::Active { .. })));
}

#[test]
fn two_who_call_each_other_meet_in_one_call() {
    let (mut desk, _, op) = calling();
    desk.effects.clear();
    desk.feed(changed(call(CALL, MINA, CallPhase::Ringing, &[MINAS_PLACE])));
    assert!(desk.requests().is_empty(), "the other's call is not declined");
    desk.feed(joined(op, call(CALL, MINA, CallPhase::Active, &[MINAS_PLACE, MY_PLACE])));
    assert_eq!(desk.call().unwrap().call_id, CALL);
    assert_eq!(desk.media_words(), ["offer"]);
}

#[test]
fn every_end_closes_devices_and_is_shown_for_a_moment() {
    for reason in [CallEndReason::HungUp, CallEndReason::Declined, CallEndReason::NoAnswer, CallEndReason::Lost] {
        let (mut desk, id) = in_call();
        desk.feed(ended(id, reason));
        assert_eq!(phase(&desk), Some(CallPhaseView::Ended { reason }));
        assert_eq!(desk.media_words(), ["close peer", "close"]);
        desk.wait(Duration::from_secs(4));
        assert_eq!(phase(&desk), None);
    }
}

#[test]
fn answering_elsewhere_ends_the_ringing_here_without_a_word() {
    let mut desk = Desk::online();
    desk.feed(changed(call(CALL, MINA, CallPhase::Ringing, &[MINAS_PLACE])));
    desk.feed(ended(CALL, CallEndReason::AnsweredElsewhere));
    assert_eq!(phase(&desk), None);
}

#[test]
fn hanging_up_before_the_relay_answered_leaves_no_call_behind() {
    let (mut desk, id, op) = calling();
    desk.command(Command::HangUp);
    assert_eq!(phase(&desk), None);
    desk.effects.clear();
    desk.feed(joined(op, call(id, ME, CallPhase::Ringing, &[MY_PLACE])));
    assert_eq!(desk.requests().remove(0).1, Request::LeaveCall { call_id: id });
    assert!(desk.media_words().is_empty());
}

#[test]
fn a_lost_connection_reconnects_and_keeps_the_time() {
    let (mut desk, _) = in_call();
    let since_ms = desk.now.wall;
    desk.now.wall = UnixMs(since_ms.0 + 5_000);
    desk.feed(peer_is(PeerPhase::Reconnecting));
    assert_eq!(phase(&desk), Some(CallPhaseView::Reconnecting { since_ms }));
    desk.feed(peer_is(PeerPhase::Connected));
    assert_eq!(phase(&desk), Some(CallPhaseView::Active { since_ms }));
}

#[test]
fn a_restarted_relay_is_told_of_the_call_and_its_media_goes_on() {
    let (mut desk, id) = in_call();
    desk.feed(Input::Link(LinkEvent::Offline { retry_in: Duration::from_secs(1) }));
    desk.feed(welcome(false, Vec::new()));
    let (op, _) = desk
        .requests()
        .into_iter()
        .find(|(_, request)| matches!(request, Request::RejoinCall { participant_id: MY_PLACE, .. }))
        .expect("the call is entered again");
    // Mina is not back yet.
    desk.feed(joined(op, call(id, ME, CallPhase::Active, &[MY_PLACE])));
    desk.feed(changed(call(id, ME, CallPhase::Active, &[MY_PLACE, MINAS_PLACE])));
    assert!(!desk.media_words().contains(&"close peer") && !desk.media_words().contains(&"answer"));
    assert!(matches!(phase(&desk), Some(CallPhaseView::Active { .. })));
}

#[test]
fn a_call_that_the_restarted_relay_forgot_is_over() {
    let (mut desk, _) = in_call();
    desk.feed(welcome(false, Vec::new()));
    let (op, _) =
        desk.requests().into_iter().find(|(_, request)| matches!(request, Request::RejoinCall { .. })).unwrap();
    let gone = CallFailure::Refused(WireError::new(ErrorCode::NotFound, "Over."));
    desk.feed(Input::Link(LinkEvent::RequestDone(op, Err(gone))));
    assert_eq!(phase(&desk), Some(CallPhaseView::Ended { reason: CallEndReason::Lost }));
}

#[test]
fn a_place_from_before_a_crash_is_given_up() {
    let mut desk = Desk::signed_in(Cached::default());
    desk.feed(welcome(false, vec![call(CALL, ME, CallPhase::Active, &[MY_PLACE, MINAS_PLACE])]));
    assert!(desk.requests().iter().any(|(_, request)| *request == Request::LeaveCall { call_id: CALL }));
    assert_eq!(phase(&desk), None);
}

#[test]
fn muting_and_the_camera_are_told_to_the_others() {
    let (mut desk, call_id) = in_call();
    desk.command(Command::SetMuted { muted: true });
    desk.command(Command::SetCamera { on: false });
    let told: Vec<Request> = desk.requests().into_iter().map(|(_, request)| request).collect();
    let media = |microphone, camera| Request::SetMedia { call_id, media: MediaState { microphone, camera } };
    assert_eq!(told, [media(false, true), media(false, false)]);
    assert_eq!(desk.call().unwrap().self_stream, None);
}

#[test]
fn my_picture_is_shown_while_my_camera_runs() {
    let (mut desk, _) = in_call();
    assert_eq!(desk.call().unwrap().self_stream, None);
    desk.feed(Input::Media(MediaEvent::DeviceStarted { kind: DeviceKindView::Camera, name: "Cam".to_owned() }));
    assert_eq!(desk.call().unwrap().self_stream, Some(0));
    desk.feed(Input::Media(MediaEvent::DeviceFailed { kind: DeviceKindView::Camera, code: DeviceProblemCode::Gone }));
    let view = desk.call().unwrap();
    let problem = (view.problems[0].code, view.problems[0].name.as_deref());
    assert_eq!((view.self_stream, problem), (None, (DeviceProblemCode::Gone, Some("Cam"))));
}

#[test]
fn entering_muted_is_muted_from_the_first_moment() {
    let mut desk = Desk::online();
    desk.command(Command::StartCall { room_id: ROOM, camera: false, muted: true });
    let (_, request) = desk.requests().remove(0);
    assert!(matches!(request, Request::StartCall { media: MediaState { microphone: false, camera: false }, .. }));
    assert!(desk.call().unwrap().muted);
}

#[test]
fn a_volume_is_bounded_and_remembered_for_the_next_call() {
    let (mut desk, id) = in_call();
    desk.command(Command::SetVolume { participant_id: MINAS_PLACE, volume_pct: 201 });
    assert!(desk.media_words().is_empty());
    desk.command(Command::SetVolume { participant_id: MINAS_PLACE, volume_pct: 140 });
    assert_eq!(desk.media_words(), ["volume"]);
    desk.feed(ended(id, CallEndReason::HungUp));
    desk.wait(Duration::from_secs(4));
    desk.feed(changed(call(CALL, MINA, CallPhase::Ringing, &[MINAS_PLACE])));
    desk.command(Command::AcceptCall { camera: false, muted: false });
    let (op, _) = desk.requests().remove(0);
    desk.feed(joined(op, call(CALL, MINA, CallPhase::Active, &[MINAS_PLACE, MY_PLACE])));
    assert_eq!(desk.call().unwrap().participants[0].volume_pct, 140);
}

#[test]
fn talking_while_muted_is_hinted_until_unmuted() {
    let (mut desk, _) = in_call();
    desk.feed(Input::Media(MediaEvent::SpeakingWhileMuted(true)));
    assert!(!desk.call().unwrap().speaking_while_muted, "everybody hears it");
    desk.command(Command::SetMuted { muted: true });
    desk.feed(Input::Media(MediaEvent::SpeakingWhileMuted(true)));
    assert!(desk.call().unwrap().speaking_while_muted);
    desk.command(Command::SetMuted { muted: false });
    assert!(!desk.call().unwrap().speaking_while_muted);
}

#[test]
fn a_relayed_call_is_asked_for_when_the_address_is_hidden() {
    let (mut desk, id, op) = calling();
    desk.command(Command::SetRelayOnly { relay_only: true });
    desk.feed(joined(op, call(id, ME, CallPhase::Active, &[MY_PLACE, MINAS_PLACE])));
    let opened = |effect: &Effect| matches!(effect, Effect::Media(MediaCommand::OpenPeer { relay_only: true, .. }));
    assert!(desk.effects.iter().any(opened));
}

#[test]
fn a_preview_turns_its_camera_on_and_off() {
    let mut desk = Desk::online();
    desk.command(Command::StartPreview { camera: true });
    desk.feed(Input::Media(MediaEvent::DeviceStarted { kind: DeviceKindView::Camera, name: "Cam".to_owned() }));
    assert_eq!(desk.core.snapshot().devices.preview_stream, Some(1));
    desk.command(Command::StartPreview { camera: false });
    desk.feed(Input::Media(MediaEvent::DeviceStarted { kind: DeviceKindView::Camera, name: "Cam".to_owned() }));
    assert_eq!(desk.core.snapshot().devices.preview_stream, None, "a late picture is not shown");
    assert_eq!(desk.media_words(), ["preview", "preview"]);
}

#[test]
fn a_preview_gives_its_devices_up_for_a_call() {
    let mut desk = Desk::online();
    desk.command(Command::StartPreview { camera: true });
    desk.command(Command::StartCall { room_id: ROOM, camera: true, muted: false });
    assert_eq!(desk.media_words(), ["preview", "stop preview", "open"]);
    assert!(!desk.core.snapshot().devices.previewing);
}

#[test]
fn closing_the_app_leaves_a_call_and_lets_another_ring_on() {
    let (mut desk, call_id) = in_call();
    desk.feed(Input::Ending);
    assert_eq!(desk.requests().remove(0).1, Request::LeaveCall { call_id });
    let mut desk = Desk::online();
    desk.feed(changed(call(CALL, MINA, CallPhase::Ringing, &[MINAS_PLACE])));
    desk.feed(Input::Ending);
    assert!(desk.requests().is_empty());
}
