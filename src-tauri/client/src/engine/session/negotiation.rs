//! Who offers when: the generations of a connection. Pure: the clock is passed in.
//!
//! ```text
//!          begin (offerer)            answer
//!   Idle ─────────────────▶ Offered ─────────▶ Settling ──▶ Connected ◀──▶ (transport hiccups)
//!     │       offer                               ▲              │
//!     └───────────────────────────────────────────┘              │ failed, driver gone
//!   Settling / Offered too long ──▶ Broken ◀─────────────────────┘
//!   Broken ──▶ Offered (generation + 1), after a pause
//!
//! The offerer rebuilds a connection that had worked, or that took too long, at once; one that was refused after a
//! pause, so that a hostile peer cannot make it busy. The answerer gives the offerer time to come first.
//! ```

use super::Role;
use std::time::{Duration, Instant};

/// How long the answerer leaves the rebuilding to the offerer, who has noticed the same.
const ANSWERER_GRACE: Duration = Duration::from_secs(3);
const PAUSE_AFTER_REFUSAL: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Idle,
    /// We have offered and wait for the answer.
    Offered {
        deadline: Instant,
    },
    /// Descriptions are exchanged; the transport is coming up.
    Settling {
        deadline: Instant,
    },
    Connected,
    Broken {
        rebuild_at: Instant,
    },
}

/// What the session does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Drops the connection, makes a new one of this generation and offers.
    Offer {
        generation: u32,
    },
    /// Drops the connection, makes a new one of this generation and answers the offer.
    Answer {
        generation: u32,
    },
    AcceptAnswer,
    AddCandidate,
    /// Drops the connection and waits for the other side.
    Drop,
    Ignore,
}

#[derive(Debug)]
pub(crate) struct Negotiation {
    role: Role,
    setup_timeout: Duration,
    generation: u32,
    phase: Phase,
}

impl Negotiation {
    pub(crate) fn new(role: Role, setup_timeout: Duration) -> Self {
        Self { role, setup_timeout, generation: 0, phase: Phase::Idle }
    }

    pub(crate) fn generation(&self) -> u32 {
        self.generation
    }

    /// The first step of a session.
    pub(crate) fn begin(&mut self, now: Instant) -> Step {
        match self.role {
            Role::Offerer => self.offer_anew(now),
            Role::Answerer => Step::Ignore,
        }
    }

    pub(crate) fn on_offer(&mut self, generation: u32, now: Instant) -> Step {
        let is_newer = generation > self.generation;
        // Both have offered the same generation: the offerer's offer counts.
        let yields =
            generation == self.generation && self.role == Role::Answerer && matches!(self.phase, Phase::Offered { .. });
        if !is_newer && !yields {
            return Step::Ignore;
        }
        self.generation = generation;
        self.phase = Phase::Settling { deadline: now + self.setup_timeout };
        Step::Answer { generation }
    }

    pub(crate) fn on_answer(&mut self, generation: u32) -> Step {
        match self.phase {
            Phase::Offered { deadline } if generation == self.generation => {
                self.phase = Phase::Settling { deadline };
                Step::AcceptAnswer
            }
            Phase::Offered { .. } | Phase::Idle | Phase::Settling { .. } | Phase::Connected | Phase::Broken { .. } => {
                Step::Ignore
            }
        }
    }

    pub(crate) fn on_candidate(&self, generation: u32) -> Step {
        match self.phase {
            Phase::Offered { .. } | Phase::Settling { .. } | Phase::Connected if generation == self.generation => {
                Step::AddCandidate
            }
            Phase::Offered { .. } | Phase::Settling { .. } | Phase::Connected | Phase::Idle | Phase::Broken { .. } => {
                Step::Ignore
            }
        }
    }

    pub(crate) fn on_connected(&mut self) {
        match self.phase {
            Phase::Settling { .. } => self.phase = Phase::Connected,
            Phase::Idle | Phase::Offered { .. } | Phase::Connected | Phase::Broken { .. } => {}
        }
    }

    /// The connection cannot be used any more: it failed, its driver ended, or a description was refused.
    pub(crate) fn on_broken(&mut self, now: Instant) -> Step {
        match (self.phase, self.role) {
            (Phase::Idle | Phase::Broken { .. }, _) => Step::Ignore,
            (Phase::Connected, Role::Offerer) => self.offer_anew(now),
            (Phase::Offered { .. } | Phase::Settling { .. }, Role::Offerer) => self.pause(now, PAUSE_AFTER_REFUSAL),
            (Phase::Offered { .. } | Phase::Settling { .. } | Phase::Connected, Role::Answerer) => {
                self.pause(now, ANSWERER_GRACE)
            }
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match self.phase {
            Phase::Offered { deadline } | Phase::Settling { deadline } => Some(deadline),
            Phase::Broken { rebuild_at } => Some(rebuild_at),
            Phase::Idle | Phase::Connected => None,
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Step {
        if self.poll_timeout().is_none_or(|at| now < at) {
            return Step::Ignore;
        }
        match self.phase {
            Phase::Broken { .. } => self.offer_anew(now),
            Phase::Offered { .. } | Phase::Settling { .. } if self.role == Role::Offerer => self.offer_anew(now),
            Phase::Offered { .. } | Phase::Settling { .. } | Phase::Idle | Phase::Connected => self.on_broken(now),
        }
    }

    fn pause(&mut self, now: Instant, pause: Duration) -> Step {
        self.phase = Phase::Broken { rebuild_at: now + pause };
        Step::Drop
    }

    fn offer_anew(&mut self, now: Instant) -> Step {
        // Only a hostile peer drives the generation to its end; then nothing newer can be offered.
        let Some(generation) = self.generation.checked_add(1) else {
            self.phase = Phase::Idle;
            return Step::Drop;
        };
        self.generation = generation;
        self.phase = Phase::Offered { deadline: now + self.setup_timeout };
        Step::Offer { generation }
    }
}

#[cfg(test)]
mod tests {
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
        assert_eq!(a.on_answer(1), Step::AcceptAnswer);
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
        assert_eq!(a.on_answer(1), Step::Ignore);
        assert_eq!(a.on_candidate(1), Step::Ignore);
        b.on_offer(2, now);
        assert_eq!(b.on_offer(2, now), Step::Ignore);
        assert_eq!(b.on_offer(1, now), Step::Ignore);
        assert_eq!(b.on_answer(2), Step::Ignore);
    }

    #[test]
    fn a_set_up_that_takes_too_long_is_begun_anew() {
        let now = Instant::now();
        let mut a = offerer();
        a.begin(now);
        a.on_answer(1);
        assert_eq!(a.handle_timeout(now + TIMEOUT - Duration::from_millis(1)), Step::Ignore);
        assert_eq!(a.handle_timeout(now + TIMEOUT), Step::Offer { generation: 2 });
    }

    #[test]
    fn a_working_connection_is_rebuilt_at_once_and_a_refused_one_after_a_pause() {
        let now = Instant::now();
        let mut a = offerer();
        a.begin(now);
        a.on_answer(1);
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

    proptest! {
        #[test]
        fn generations_never_go_back(signals in proptest::collection::vec((0u8..5, any::<u32>()), 0..100)) {
            let start = Instant::now();
            for mut side in [offerer(), answerer()] {
                side.begin(start);
                let mut last = side.generation();
                for (index, (kind, generation)) in signals.iter().enumerate() {
                    let now = start + Duration::from_secs(index as u64);
                    match kind {
                        0 => side.on_offer(*generation, now),
                        1 => side.on_answer(*generation),
                        2 => side.on_candidate(*generation),
                        3 => side.on_broken(now),
                        _ => side.handle_timeout(now),
                    };
                    prop_assert!(side.generation() >= last);
                    last = side.generation();
                }
            }
        }
    }
}
