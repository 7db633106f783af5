//! Calls over sockets.

use parley_shared::ids::CallId;
use parley_shared::wire::*;

use crate::harness::*;

#[tokio::test]
async fn two_people_call_exchange_signals_and_hang_up() {
    let relay = TestRelay::start().await;
    let (ada, bob) = (relay.sign_up("Ada").await, relay.sign_up("Bob").await);
    let phone = bob.sign_in().await;
    let room_id = ada.direct(&bob).await.id;
    let (mut a, mut b, mut p) = (ada.connect().await, bob.connect().await, phone.connect().await);
    let (call, caller) = a.call(start_call(room_id)).await;
    assert_eq!(call.phase, CallPhase::Ringing);
    for socket in [&mut b, &mut p] {
        assert_eq!(socket.call_in(CallPhase::Ringing, 1).await.id, call.id);
    }
    let (active, callee) = b.call(Request::AcceptCall { call_id: call.id, media: MEDIA }).await;
    assert_eq!((active.phase, active.participants.len()), (CallPhase::Active, 2));
    assert_eq!(p.call_ended().await, CallEndReason::AnsweredElsewhere);
    a.call_in(CallPhase::Active, 2).await;

    let offer =
        Signal::Description { kind: DescriptionKind::Offer, sdp: "v=0\r\n".into(), generation: 1, tracks: Vec::new() };
    b.done(Request::Signal { call_id: call.id, to: caller, signal: offer.clone() }).await;
    let signal = |event: &Event| match event {
        Event::CallSignal { from, signal, .. } => Some((*from, signal.clone())),
        _ => None,
    };
    assert_eq!(a.event(signal).await, (callee, offer));
    let room: Room = bob.get(&format!("/rooms/{room_id}")).await;
    assert_eq!(room.call.map(|call| call.participants.len()), Some(2), "members see who is in it");
    let seen: Person = ada.get(&format!("/users/{}", bob.id())).await;
    assert_eq!(seen.presence, Presence::Busy);

    a.done(Request::SetMedia { call_id: call.id, media: MediaState { microphone: false, camera: true } }).await;
    let media = |event: &Event| match event {
        Event::CallChanged { call } if call.participants[0].media.camera => Some(()),
        _ => None,
    };
    b.event(media).await;
    b.done(Request::LeaveCall { call_id: call.id }).await;
    assert_eq!(a.call_ended().await, CallEndReason::HungUp);
    let entry = a.stored().await;
    let completed = |body: &MessageBody| matches!(body, MessageBody::Call { outcome: CallOutcome::Completed, .. });
    assert!(completed(&entry.body) && entry.sender_id == ada.id(), "{entry:?}");
    b.done(Request::LeaveCall { call_id: call.id }).await;
}

#[tokio::test]
async fn declined_unreachable_and_busy_are_told_and_written_down() {
    let relay = TestRelay::start().await;
    let (ada, bob, eve) = (relay.sign_up("Ada").await, relay.sign_up("Bob").await, relay.sign_up("Eve").await);
    let (with_bob, with_eve) = (ada.direct(&bob).await.id, eve.direct(&bob).await.id);
    let mut a = ada.connect().await;
    a.call(start_call(with_bob)).await;
    assert_eq!(a.call_ended().await, CallEndReason::Unreachable, "at once");
    let outcome = |message: Message| match message.body {
        MessageBody::Call { outcome, .. } => outcome,
        other => panic!("an entry of a call, not {other:?}"),
    };
    assert_eq!(outcome(a.stored().await), CallOutcome::Unreachable);

    let mut b = bob.connect().await;
    let (call, _) = a.call(start_call(with_bob)).await;
    b.call_in(CallPhase::Ringing, 1).await;
    b.done(Request::DeclineCall { call_id: call.id, reason: DeclineReason::Declined }).await;
    assert_eq!(a.call_ended().await, CallEndReason::Declined);
    assert_eq!(outcome(a.stored().await), CallOutcome::Declined);

    let (call, _) = a.call(start_call(with_bob)).await;
    b.call(Request::AcceptCall { call_id: call.id, media: MEDIA }).await;
    let mut e = eve.connect().await;
    e.call(start_call(with_eve)).await;
    assert_eq!(e.call_ended().await, CallEndReason::Busy);
    assert_eq!(outcome(e.stored().await), CallOutcome::Busy);
}

#[tokio::test]
async fn a_welcome_names_the_call_that_rings() {
    let relay = TestRelay::start().await;
    let (ada, bob) = (relay.sign_up("Ada").await, relay.sign_up("Bob").await);
    let room_id = ada.direct(&bob).await.id;
    let phone = bob.sign_in().await;
    let (mut a, _b) = (ada.connect().await, bob.connect().await);
    let (call, _) = a.call(start_call(room_id)).await;
    let (_, welcome) = phone.connect_resuming(None).await;
    assert_eq!(welcome.calls.iter().map(|call| call.id).collect::<Vec<_>>(), [call.id]);
}

#[tokio::test]
async fn outsiders_cannot_touch_a_call() {
    let relay = TestRelay::start().await;
    let (ada, bob, eve) = (relay.sign_up("Ada").await, relay.sign_up("Bob").await, relay.sign_up("Eve").await);
    let room_id = ada.direct(&bob).await.id;
    let (mut a, mut b, mut e) = (ada.connect().await, bob.connect().await, eve.connect().await);
    let (call, caller) = a.call(start_call(room_id)).await;
    let call_id = call.id;
    let signal = Signal::CandidatesDone { generation: 1 };
    b.call_in(CallPhase::Ringing, 1).await;
    for request in [
        start_call(room_id),
        Request::AcceptCall { call_id, media: MEDIA },
        Request::DeclineCall { call_id, reason: DeclineReason::Declined },
        Request::SetMedia { call_id, media: MEDIA },
        Request::Signal { call_id, to: caller, signal: signal.clone() },
        Request::RejoinCall { room_id, call_id, participant_id: caller, media: MEDIA },
    ] {
        assert_eq!(e.refused(request).await, ErrorCode::NotFound);
    }
    let early = Request::Signal { call_id, to: caller, signal };
    assert_eq!(b.refused(early).await, ErrorCode::NotFound, "the called sends nothing before accepting");
    e.done(Request::LeaveCall { call_id }).await;
    let unknown =
        Request::RejoinCall { room_id, call_id: CallId::from_bytes([3; 16]), participant_id: caller, media: MEDIA };
    assert_eq!(a.refused(unknown).await, ErrorCode::NotFound, "a call cannot be made up");
    b.call(Request::AcceptCall { call_id, media: MEDIA }).await;
}
