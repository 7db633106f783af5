//! Probes: short bursts at a rate of their own, which show whether the path carries more than it is asked to.
//!
//! ```text
//! Idle ──▶ Wanted ──taken by the pacer──▶ Running ──last packet left──▶ Awaited ──reported, or too late──▶ Idle
//! ```

use super::PacketResult;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A burst shorter than this says more about timers than about the path.
const MIN_LENGTH: Duration = Duration::from_millis(20);
const MIN_BYTES: usize = 2_500;
const MIN_ARRIVED_PACKETS: usize = 4;
/// Share of the burst's bytes that must arrive for a result.
const MIN_ARRIVED_SHARE: f64 = 0.6;
/// A burst that arrives at this share of its sending rate was carried.
const CARRIED_SHARE: f64 = 0.9;
/// What is reported of packets sent within this time is remembered until their burst is complete.
const MEMORY: Duration = Duration::from_secs(1);
const RESULT_OVERDUE: Duration = Duration::from_secs(2);

/// What the pacer shall send: `bytes` at `bps`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Probe {
    pub bps: f64,
    pub bytes: usize,
}

impl Probe {
    pub(super) fn at(bps: f64) -> Self {
        let bytes = (bps * MIN_LENGTH.as_secs_f64() / 8.0) as usize;
        Self { bps, bytes: bytes.max(MIN_BYTES) }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum ProbeOutcome {
    /// The path carried this rate.
    Carried(f64),
    /// It arrived slower than it was sent, at this rate.
    Saturated(f64),
    /// Too little of it arrived to tell.
    Unclear,
}

#[derive(Debug, Default)]
enum Stage {
    #[default]
    Idle,
    Wanted(Probe),
    Running {
        since: Instant,
    },
    Awaited {
        first: Instant,
        last: Instant,
    },
}

/// Follows one probe at a time from the wish to its result.
#[derive(Debug, Default)]
pub(super) struct ProbeMeter {
    stage: Stage,
    recent: VecDeque<PacketResult>,
}

impl ProbeMeter {
    pub(super) fn is_idle(&self) -> bool {
        matches!(self.stage, Stage::Idle)
    }

    pub(super) fn want(&mut self, probe: Probe) {
        self.stage = Stage::Wanted(probe);
    }

    /// Hands the wanted probe to the pacer.
    pub(super) fn take(&mut self, now: Instant) -> Option<Probe> {
        let Stage::Wanted(probe) = self.stage else {
            return None;
        };
        self.stage = Stage::Running { since: now };
        Some(probe)
    }

    /// The burst's packets left from `first` to `last`.
    pub(super) fn on_sent(&mut self, first: Instant, last: Instant) {
        self.stage = Stage::Awaited { first, last };
    }

    /// The burst was not sent.
    pub(super) fn give_up(&mut self) {
        self.stage = Stage::Idle;
    }

    pub(super) fn take_in(&mut self, result: PacketResult) {
        self.recent.push_back(result);
        while self.recent.front().is_some_and(|old| old.sent_at + MEMORY < result.sent_at) {
            self.recent.pop_front();
        }
    }

    /// The result, once all packets of the burst are reported. `inherent_loss` is the path's own, 0 to 1.
    pub(super) fn outcome(&mut self, now: Instant, inherent_loss: f64) -> Option<ProbeOutcome> {
        match self.stage {
            Stage::Awaited { first, last } if self.recent.back().is_some_and(|newest| newest.sent_at >= last) => {
                self.stage = Stage::Idle;
                Some(self.measure(first, last, inherent_loss))
            }
            Stage::Awaited { last: since, .. } | Stage::Running { since } if now > since + RESULT_OVERDUE => {
                self.stage = Stage::Idle;
                Some(ProbeOutcome::Unclear)
            }
            Stage::Idle | Stage::Wanted(_) | Stage::Running { .. } | Stage::Awaited { .. } => None,
        }
    }

    fn measure(&self, first: Instant, last: Instant, inherent_loss: f64) -> ProbeOutcome {
        let burst = || self.recent.iter().filter(|packet| packet.sent_at >= first && packet.sent_at <= last);
        let sent_bytes: usize = burst().map(|packet| packet.bytes).sum();
        let arrived: Vec<(&PacketResult, Duration)> =
            burst().filter_map(|packet| packet.arrived_at.map(|at| (packet, at))).collect();
        let arrived_bytes: usize = arrived.iter().map(|(packet, _)| packet.bytes).sum();
        let is_enough = arrived_bytes as f64 >= sent_bytes as f64 * MIN_ARRIVED_SHARE;
        if !is_enough || arrived.len() < MIN_ARRIVED_PACKETS {
            return ProbeOutcome::Unclear;
        }
        let (Some((head, begin)), Some((tail, _))) = (arrived.first(), arrived.last()) else {
            return ProbeOutcome::Unclear;
        };
        let end = arrived.iter().map(|(_, at)| *at).max().unwrap_or(*begin);
        // A burst of n packets spans n - 1 intervals: the last packet sent, and the first that arrived, mark ends only.
        let sent_bps = bps(sent_bytes - tail.bytes, tail.sent_at.saturating_duration_since(head.sent_at));
        let carried_bytes = (arrived_bytes - head.bytes) as f64 / (1.0 - inherent_loss);
        let arrived_bps = bps(carried_bytes as usize, end.saturating_sub(*begin));
        if arrived_bps >= sent_bps * CARRIED_SHARE {
            ProbeOutcome::Carried(sent_bps.min(arrived_bps))
        } else {
            ProbeOutcome::Saturated(arrived_bps)
        }
    }
}

fn bps(bytes: usize, time: Duration) -> f64 {
    bytes as f64 * 8.0 / time.as_secs_f64().max(1e-4)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Ten packets of 1250 bytes, one per millisecond (10 Mbit/s), arriving `gap` apart; every `lose`th is lost.
    fn outcome_with(gap: Duration, lose: u32) -> Option<ProbeOutcome> {
        let (mut meter, start) = (ProbeMeter::default(), Instant::now());
        meter.want(Probe::at(10e6));
        assert!(meter.take(start).is_some());
        meter.on_sent(start, start + 9 * MS);
        for n in 0..10 {
            let arrived_at = (lose == 0 || n % lose != 1).then(|| 40 * MS + n * gap);
            meter.take_in(PacketResult { sent_at: start + n * MS, bytes: 1250, arrived_at });
        }
        meter.outcome(start + 100 * MS, 0.0)
    }

    #[test]
    fn a_burst_that_keeps_its_pace_was_carried() {
        let Some(ProbeOutcome::Carried(bps)) = outcome_with(MS, 0) else { panic!("not carried") };
        assert!((9e6..11e6).contains(&bps), "{bps}");
    }

    #[test]
    fn a_burst_that_is_stretched_shows_the_link() {
        let Some(ProbeOutcome::Saturated(bps)) = outcome_with(4 * MS, 0) else { panic!("not saturated") };
        assert!((2.3e6..2.7e6).contains(&bps), "{bps}");
    }

    #[test]
    fn a_burst_that_mostly_vanished_says_nothing() {
        assert_eq!(outcome_with(MS, 2), Some(ProbeOutcome::Unclear));
    }

    #[test]
    fn a_result_that_never_comes_is_given_up() {
        let (mut meter, start) = (ProbeMeter::default(), Instant::now());
        meter.want(Probe::at(1e6));
        meter.take(start);
        meter.on_sent(start, start + MS);
        assert_eq!(meter.outcome(start + MS, 0.0), None);
        assert_eq!(meter.outcome(start + 3000 * MS, 0.0), Some(ProbeOutcome::Unclear));
        assert!(meter.is_idle());
    }
}
