use std::time::Duration;

use parley_shared::ids::{RoomId, UnixMs, UserId};
use parley_shared::wire::{Reply, Role};

use super::*;

fn session() -> Session {
    let user = User {
        id: UserId::from_bytes([1; 16]),
        display_name: "Ada".into(),
        role: Role::Member,
        bot: false,
        avatar: None,
        status_text: String::new(),
    };
    let quota = Quota { burst: 10, window: Duration::from_secs(1) };
    Session::new(SessionId::from_parts(UnixMs(1), [1; 10]), user, DeviceId::from_bytes([2; 16]), quota, Instant::now())
}

fn event() -> Arc<Event> {
    Arc::new(Event::RoomRemoved { room_id: RoomId::from_bytes([3; 16]) })
}

#[test]
fn a_resume_gives_back_exactly_what_was_not_acknowledged() {
    let mut session = session();
    for _ in 0..5 {
        session.push(event());
    }
    session.ack(EventSeq(3));
    assert!(session.can_resume(EventSeq(3)));
    assert!(session.can_resume(EventSeq(5)));
    assert!(!session.can_resume(EventSeq(2)), "what was acknowledged is gone");
    assert!(!session.can_resume(EventSeq(6)), "the future cannot have arrived");
    let kept: Vec<u64> = session.kept().map(|(seq, _)| seq.0).collect();
    assert_eq!(kept, [4, 5]);
}

#[test]
fn a_client_that_is_too_far_behind_cannot_resume() {
    let mut session = session();
    for _ in 0..RESUME_EVENTS + 1 {
        session.push(event());
    }
    assert!(!session.can_resume(EventSeq(0)));
    assert!(session.can_resume(EventSeq(1)));
}

#[test]
fn what_is_kept_is_bounded_in_bytes_too() {
    let mut session = session();
    let big = Arc::new(Event::CallSignal {
        call_id: parley_shared::ids::CallId::from_bytes([4; 16]),
        from: parley_shared::ids::ParticipantId::from_bytes([5; 16]),
        signal: Signal::Description {
            kind: parley_shared::wire::DescriptionKind::Offer,
            sdp: "x".repeat(60_000),
            generation: 1,
            tracks: Vec::new(),
        },
    });
    for _ in 0..100 {
        session.push(big.clone());
    }
    assert!(session.kept().count() < 20);
}

#[test]
fn a_repeated_request_gets_its_first_answer() {
    let mut session = session();
    assert_eq!(session.begin(RequestId(1)), Begin::New);
    assert_eq!(session.begin(RequestId(1)), Begin::UnderWay);
    let answer = ServerMsg::Reply { id: RequestId(1), reply: Reply::Done };
    session.answer(RequestId(1), answer.clone());
    assert_eq!(session.begin(RequestId(1)), Begin::Answered(answer));
}

#[test]
fn answers_are_forgotten_oldest_first_and_never_asked_anew() {
    let mut session = session();
    for id in 1..=300 {
        assert_eq!(session.begin(RequestId(id)), Begin::New);
        session.answer(RequestId(id), ServerMsg::Reply { id: RequestId(id), reply: Reply::Done });
    }
    assert_eq!(session.begin(RequestId(1)), Begin::Forgotten);
    assert!(matches!(session.begin(RequestId(300)), Begin::Answered(_)));
}

#[test]
fn too_many_requests_under_way_are_turned_away() {
    let mut session = session();
    for id in 0..REQUESTS_AT_ONCE as u64 {
        assert_eq!(session.begin(RequestId(id)), Begin::New);
    }
    assert_eq!(session.begin(RequestId(1_000)), Begin::Crowded);
    session.answer(RequestId(0), ServerMsg::Pong);
    assert_eq!(session.begin(RequestId(1_000)), Begin::New);
}
