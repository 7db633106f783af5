use super::*;
use proptest::prelude::*;

const TIMEOUT: Duration = Duration::from_secs(10);

fn offerer() -> Negotiation {
    Negotiation::new(Role::Offerer, TIMEOUT)
}

fn answerer() -> Negotiation {
    Negotiation::new(Role::Answerer, TIMEOUT)
}

#[test]
fn the_plain_call_takes_one_offer_and_one_answer() {
    let now = Instant::now();
    let (mut a, mut b) = (offerer(), answerer());
    assert_eq!(a.begin(now), Step::Offer { generation: 1 });
    assert_eq!(b.begin(now), Step::Ignore);
    assert_eq!(b.on_offer(1, now), Step::Answer { generation: 1 });
    assert_eq!(a.on_answer(1, now), Step::AcceptAnswer);
    assert_eq!(a.on_candidate(1), Step::AddCandidate);
    a.on_connected();
    b.on_connected();
    assert_eq!((a.poll_timeout(), b.poll_timeout()), (None, None));
}

#[test]
fn old_and_repeated_signals_are_ignored() {
    let now = Instant::now();
    let (mut a, mut b) = (offerer(), answerer());
    a.begin(now);
    a.handle_timeout(now + TIMEOUT);
    assert_eq!(a.generation(), 2);
    assert_eq!(a.on_answer(1, now), Step::Ignore);
    assert_eq!(a.on_candidate(1), Step::Ignore);
    b.on_offer(2, now);
    assert_eq!(b.on_offer(2, now), Step::Ignore);
    assert_eq!(b.on_offer(1, now), Step::Ignore);
    assert_eq!(b.on_answer(2, now), Step::Ignore);
}

#[test]
fn a_set_up_that_takes_too_long_is_begun_anew() {
    let now = Instant::now();
    let mut a = offerer();
    a.begin(now);
    a.on_answer(1, now);
    assert_eq!(a.handle_timeout(now + TIMEOUT - Duration::from_millis(1)), Step::Ignore);
    assert_eq!(a.handle_timeout(now + TIMEOUT), Step::Offer { generation: 2 });
}

#[test]
fn a_working_connection_is_rebuilt_at_once_and_a_refused_one_after_a_pause() {
    let now = Instant::now();
    let mut a = offerer();
    a.begin(now);
    a.on_answer(1, now);
    a.on_connected();
    assert_eq!(a.on_broken(now), Step::Offer { generation: 2 });
    assert_eq!(a.on_broken(now), Step::Drop);
    assert_eq!(a.handle_timeout(now), Step::Ignore);
    assert_eq!(a.handle_timeout(now + PAUSE_AFTER_REFUSAL), Step::Offer { generation: 3 });
}

#[test]
fn the_answerer_leaves_the_rebuilding_to_the_offerer_for_a_while() {
    let now = Instant::now();
    let mut b = answerer();
    b.on_offer(1, now);
    b.on_connected();
    assert_eq!(b.on_broken(now), Step::Drop);
    assert_eq!(b.on_broken(now), Step::Ignore);
    assert_eq!(b.handle_timeout(now + ANSWERER_GRACE), Step::Offer { generation: 2 });
}

#[test]
fn when_both_offer_the_offerers_offer_counts() {
    let now = Instant::now();
    let (mut a, mut b) = (offerer(), answerer());
    a.begin(now);
    b.on_offer(1, now);
    b.on_broken(now);
    b.handle_timeout(now + ANSWERER_GRACE);
    a.handle_timeout(now + TIMEOUT);
    assert_eq!((a.generation(), b.generation()), (2, 2));
    assert_eq!(a.on_offer(2, now), Step::Ignore);
    assert_eq!(b.on_offer(2, now), Step::Answer { generation: 2 });
}

#[test]
fn the_last_generation_does_not_overflow() {
    let now = Instant::now();
    let mut a = offerer();
    a.begin(now);
    a.on_offer(u32::MAX, now);
    a.on_connected();
    assert_eq!(a.on_broken(now), Step::Drop);
}

fn connected_pair(now: Instant) -> (Negotiation, Negotiation) {
    let (mut a, mut b) = (offerer(), answerer());
    a.begin(now);
    b.on_offer(1, now);
    a.on_answer(1, now);
    a.on_connected();
    b.on_connected();
    (a, b)
}

#[test]
fn a_silent_connection_is_restarted_and_not_rebuilt() {
    let now = Instant::now();
    let (mut a, mut b) = connected_pair(now);
    assert_eq!(a.on_silence(SILENCE - Duration::from_millis(1), now), Step::Ignore);
    assert_eq!(a.on_silence(SILENCE, now), Step::OfferRestart { generation: 1 });
    assert_eq!(a.on_silence(SILENCE, now), Step::Ignore, "one offer at a time");
    assert_eq!(b.on_silence(SILENCE, now), Step::Ignore, "the offerer comes first");
    assert_eq!(b.on_offer(1, now), Step::AnswerRestart { generation: 1 });
    assert_eq!(a.on_answer(1, now), Step::AcceptAnswer);
    a.on_connected();
    b.on_connected();
    assert_eq!((a.poll_timeout(), b.poll_timeout()), (None, None));
}

#[test]
fn whoever_loses_an_address_restarts() {
    let now = Instant::now();
    let (mut a, mut b) = connected_pair(now);
    assert_eq!(b.on_address_lost(now), Step::OfferRestart { generation: 1 });
    assert_eq!(b.on_address_lost(now), Step::Ignore);
    assert_eq!(a.on_offer(1, now), Step::AnswerRestart { generation: 1 });
    assert_eq!(b.on_answer(1, now), Step::AcceptAnswer);
    assert_eq!(b.on_address_lost(now), Step::OfferRestart { generation: 1 }, "the new address was lost as well");
    assert_eq!(a.on_offer(1, now), Step::AnswerRestart { generation: 1 });
}

#[test]
fn when_both_restart_the_offerers_offer_counts() {
    let now = Instant::now();
    let (mut a, mut b) = connected_pair(now);
    a.on_address_lost(now);
    b.on_address_lost(now);
    assert_eq!(a.on_offer(1, now), Step::Ignore);
    assert_eq!(b.on_offer(1, now), Step::AnswerRestart { generation: 1 });
    assert_eq!(a.on_answer(1, now), Step::AcceptAnswer);
}

#[test]
fn a_restart_without_an_answer_is_forgotten_when_the_path_came_back_by_itself() {
    let now = Instant::now();
    let (mut a, _) = connected_pair(now);
    a.on_silence(SILENCE, now);
    a.on_silence(Duration::ZERO, now);
    assert_eq!(a.handle_timeout(now + RESTART_LIMIT), Step::Ignore);
    assert_eq!(a.poll_timeout(), None);
}

#[test]
fn a_restart_that_finds_no_path_is_followed_by_a_rebuilding() {
    let now = Instant::now();
    let (mut a, mut b) = connected_pair(now);
    a.on_silence(SILENCE, now);
    b.on_offer(1, now);
    a.on_answer(1, now);
    assert_eq!(a.handle_timeout(now + RESTART_LIMIT), Step::Offer { generation: 2 });
    assert_eq!(b.handle_timeout(now + RESTART_LIMIT), Step::Drop);
    assert_eq!(b.on_offer(2, now + RESTART_LIMIT), Step::Answer { generation: 2 });
    // The same when the answer never came.
    let (mut a, _) = connected_pair(now);
    a.on_silence(SILENCE, now);
    assert_eq!(a.handle_timeout(now + RESTART_LIMIT), Step::Offer { generation: 2 });
}

#[test]
fn an_address_lost_during_the_set_up_begins_it_anew() {
    let now = Instant::now();
    let mut a = offerer();
    a.begin(now);
    assert_eq!(a.on_address_lost(now), Step::Offer { generation: 2 });
}

#[test]
fn a_flood_of_restarts_is_not_answered() {
    let now = Instant::now();
    let (_, mut b) = connected_pair(now);
    let answered = (0..100).filter(|_| b.on_offer(1, now) != Step::Ignore).count();
    assert_eq!(answered, RESTART_BURST as usize);
    assert_eq!(b.on_offer(1, now + RESTART_REFILL), Step::AnswerRestart { generation: 1 });
    assert_eq!(b.on_offer(1, now + RESTART_REFILL), Step::Ignore);
}

proptest! {
    #[test]
    fn generations_never_go_back(signals in proptest::collection::vec((0u8..8, 0u32..9), 0..100)) {
        let start = Instant::now();
        for mut side in [offerer(), answerer()] {
            side.begin(start);
            let mut last = side.generation();
            for (index, (kind, generation)) in signals.iter().enumerate() {
                let now = start + Duration::from_secs(index as u64);
                match kind {
                    0 => side.on_offer(*generation, now),
                    1 => side.on_answer(*generation, now),
                    2 => side.on_candidate(*generation),
                    3 => side.on_broken(now),
                    4 => side.on_silence(Duration::from_secs(u64::from(*generation)), now),
                    5 => side.on_address_lost(now),
                    6 => {
                        side.on_connected();
                        Step::Ignore
                    }
                    _ => side.handle_timeout(now),
                };
                prop_assert!(side.generation() >= last);
                last = side.generation();
            }
        }
    }
}
