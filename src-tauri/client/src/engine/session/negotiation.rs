//! Who offers when: the generations of a connection, and the restarts within one. Pure: the clock is passed in.
//!
//! ```text
//!          begin (offerer)            answer              silent, address lost
//!   Idle ─────────────────▶ Offered ─────────▶ Settling ──▶ Connected ──▶ Restarting
//!     │       offer                               ▲  ▲          │             │
//!     └───────────────────────────────────────────┘  └──────────┴─────────────┘
//!                                   offer of the same generation, or the answer to ours
//!
//!   Offered, Settling, Connected, Restarting ── failed, driver gone, too long ──▶ Broken
//!   Broken ──▶ Offered (generation + 1), after a pause
//! ```
//!
//! A connection that worked is first restarted: ICE begins anew with the same keys and media, whoever notices first. Only
//! when that fails it is rebuilt. The offerer rebuilds a connection that had worked, or that took too long, at once; one
//! that was refused after a pause, so that a hostile peer cannot make it busy. The answerer gives the offerer time to come
//! first.

use super::Role;
use std::time::{Duration, Instant};

/// How long the answerer leaves the rebuilding to the offerer, who has noticed the same.
const ANSWERER_GRACE: Duration = Duration::from_secs(3);
const PAUSE_AFTER_REFUSAL: Duration = Duration::from_secs(1);
/// A connection that hears nothing for this long is restarted: checks alone bring two datagrams a second.
const SILENCE: Duration = Duration::from_secs(2);
/// The answerer waits longer, so that both do not restart at once.
const ANSWERER_SILENCE: Duration = Duration::from_secs(3);
/// Longer than the network may be away: until then a restart goes on looking for a path.
const RESTART_LIMIT: Duration = Duration::from_secs(17);
/// Restarts that the other side may ask for in a row, and the time in which one of them is forgiven.
const RESTART_BURST: u32 = 8;
const RESTART_REFILL: Duration = Duration::from_secs(4);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Idle,
    /// We have offered and wait for the answer.
    Offered {
        deadline: Instant,
    },
    /// Descriptions are exchanged; the transport is coming up, for the first time or again.
    Settling {
        deadline: Instant,
        is_restart: bool,
    },
    Connected,
    /// We have offered to restart and wait for the answer. The path of before is still in use.
    Restarting {
        deadline: Instant,
    },
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
    /// Offers to restart the connection that there is.
    OfferRestart {
        generation: u32,
    },
    /// Answers the offer to restart the connection that there is.
    AnswerRestart {
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
    /// Nothing has come for too long.
    is_silent: bool,
    asked_restarts: Allowance,
}

impl Negotiation {
    pub(crate) fn new(role: Role, setup_timeout: Duration) -> Self {
        let asked_restarts = Allowance { spent: 0, refilled_at: None };
        Self { role, setup_timeout, generation: 0, phase: Phase::Idle, is_silent: false, asked_restarts }
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
        if generation == self.generation && self.may_be_restarted() {
            return self.on_restart_offer(now);
        }
        let is_newer = generation > self.generation;
        // Both have offered the same generation: the offerer's offer counts.
        let yields =
            generation == self.generation && self.role == Role::Answerer && matches!(self.phase, Phase::Offered { .. });
        if !is_newer && !yields {
            return Step::Ignore;
        }
        self.generation = generation;
        self.phase = Phase::Settling { deadline: now + self.setup_timeout, is_restart: false };
        Step::Answer { generation }
    }

    pub(crate) fn on_answer(&mut self, generation: u32, now: Instant) -> Step {
        if generation != self.generation {
            return Step::Ignore;
        }
        self.phase = match self.phase {
            Phase::Offered { deadline } => Phase::Settling { deadline, is_restart: false },
            Phase::Restarting { .. } => Phase::Settling { deadline: now + RESTART_LIMIT, is_restart: true },
            Phase::Idle | Phase::Settling { .. } | Phase::Connected | Phase::Broken { .. } => return Step::Ignore,
        };
        Step::AcceptAnswer
    }

    pub(crate) fn on_candidate(&self, generation: u32) -> Step {
        match self.phase {
            Phase::Offered { .. } | Phase::Settling { .. } | Phase::Connected | Phase::Restarting { .. }
                if generation == self.generation =>
            {
                Step::AddCandidate
            }
            Phase::Offered { .. }
            | Phase::Settling { .. }
            | Phase::Connected
            | Phase::Restarting { .. }
            | Phase::Idle
            | Phase::Broken { .. } => Step::Ignore,
        }
    }

    pub(crate) fn on_connected(&mut self) {
        match self.phase {
            Phase::Settling { .. } => self.phase = Phase::Connected,
            Phase::Idle
            | Phase::Offered { .. }
            | Phase::Connected
            | Phase::Restarting { .. }
            | Phase::Broken { .. } => {}
        }
    }

    /// Takes in how long nothing has come from the network.
    pub(crate) fn on_silence(&mut self, silence: Duration, now: Instant) -> Step {
        self.is_silent = match self.role {
            Role::Offerer => silence >= SILENCE,
            Role::Answerer => silence >= ANSWERER_SILENCE,
        };
        match self.phase {
            Phase::Connected if self.is_silent => self.offer_restart(now),
            Phase::Connected
            | Phase::Idle
            | Phase::Offered { .. }
            | Phase::Settling { .. }
            | Phase::Restarting { .. }
            | Phase::Broken { .. } => Step::Ignore,
        }
    }

    /// The address that the connection used is gone.
    pub(crate) fn on_address_lost(&mut self, now: Instant) -> Step {
        match self.phase {
            Phase::Connected | Phase::Settling { is_restart: true, .. } => self.offer_restart(now),
            Phase::Offered { .. } | Phase::Settling { is_restart: false, .. } => self.offer_anew(now),
            // The offer to restart that is on its way binds the addresses of the moment when it is answered.
            Phase::Restarting { .. } | Phase::Idle | Phase::Broken { .. } => Step::Ignore,
        }
    }

    /// The connection cannot be used any more: it failed, its driver ended, or a description was refused.
    pub(crate) fn on_broken(&mut self, now: Instant) -> Step {
        match (self.phase, self.role) {
            (Phase::Idle | Phase::Broken { .. }, _) => Step::Ignore,
            (Phase::Connected | Phase::Restarting { .. }, Role::Offerer) => self.offer_anew(now),
            (Phase::Offered { .. } | Phase::Settling { .. }, Role::Offerer) => self.pause(now, PAUSE_AFTER_REFUSAL),
            (
                Phase::Offered { .. } | Phase::Settling { .. } | Phase::Connected | Phase::Restarting { .. },
                Role::Answerer,
            ) => self.pause(now, ANSWERER_GRACE),
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match self.phase {
            Phase::Offered { deadline } | Phase::Settling { deadline, .. } | Phase::Restarting { deadline } => {
                Some(deadline)
            }
            Phase::Broken { rebuild_at } => Some(rebuild_at),
            Phase::Idle | Phase::Connected => None,
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Step {
        if self.poll_timeout().is_none_or(|at| now < at) {
            return Step::Ignore;
        }
        match self.phase {
            // The path of before is back and the answer did not come.
            Phase::Restarting { .. } if !self.is_silent => {
                self.phase = Phase::Connected;
                Step::Ignore
            }
            Phase::Broken { .. } => self.offer_anew(now),
            Phase::Offered { .. } | Phase::Settling { .. } if self.role == Role::Offerer => self.offer_anew(now),
            Phase::Offered { .. }
            | Phase::Settling { .. }
            | Phase::Restarting { .. }
            | Phase::Idle
            | Phase::Connected => self.on_broken(now),
        }
    }

    /// Whether an offer of the present generation is one to restart. When both offer to, the offerer's counts.
    fn may_be_restarted(&self) -> bool {
        match self.phase {
            Phase::Connected | Phase::Settling { is_restart: true, .. } => true,
            Phase::Restarting { .. } => self.role == Role::Answerer,
            Phase::Idle | Phase::Offered { .. } | Phase::Settling { is_restart: false, .. } | Phase::Broken { .. } => {
                false
            }
        }
    }

    fn on_restart_offer(&mut self, now: Instant) -> Step {
        if !self.asked_restarts.take(now) {
            return Step::Ignore;
        }
        self.phase = Phase::Settling { deadline: now + RESTART_LIMIT, is_restart: true };
        Step::AnswerRestart { generation: self.generation }
    }

    fn offer_restart(&mut self, now: Instant) -> Step {
        self.phase = Phase::Restarting { deadline: now + RESTART_LIMIT };
        Step::OfferRestart { generation: self.generation }
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

/// How many restarts the other side may still ask for: each binds new sockets.
#[derive(Debug)]
struct Allowance {
    spent: u32,
    refilled_at: Option<Instant>,
}

impl Allowance {
    fn take(&mut self, now: Instant) -> bool {
        let since = now.saturating_duration_since(*self.refilled_at.get_or_insert(now));
        let forgiven = (since.as_secs() / RESTART_REFILL.as_secs()) as u32;
        if forgiven > 0 {
            self.spent = self.spent.saturating_sub(forgiven);
            self.refilled_at = Some(now);
        }
        let is_left = self.spent < RESTART_BURST;
        self.spent += u32::from(is_left);
        is_left
    }
}

#[cfg(test)]
#[path = "negotiation_tests.rs"]
mod tests;
