//! Loss that follows from sending too much, told apart from loss that is simply there.
//!
//! A radio loses packets at any rate; a full queue or a policer loses them above its rate. So the least loss of the last
//! seconds counts as the path's own, and only what goes beyond it is answered. A rate that creeps up makes loss creep up
//! with it; that shows when more is sent and no more arrives.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

const WINDOW: Duration = Duration::from_millis(500);
const MIN_PACKETS: u32 = 15;
/// The least loss of this many windows is the path's own.
const MEMORY_WINDOWS: usize = 5;
/// Excess below this share is chance.
const TOLERATED_EXCESS: f64 = 0.08;
/// No path is believed to lose more than this by itself.
const MAX_INHERENT: f64 = 0.3;
/// With less loss than this nothing is asked.
const SUSPICIOUS_LOSS: f64 = 0.03;
/// So much more was sent, and so little more arrived: the rest is too much.
const SENT_MORE: f64 = 1.2;
const ARRIVED_MORE: f64 = 1.05;
const RATE_SMOOTHING: f64 = 0.4;
const LOSS_SMOOTHING: f64 = 0.3;

/// What one closed window says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct LossVerdict {
    /// Share lost, 0 to 1.
    pub loss: f64,
    /// The part of it that sending less may cure.
    pub excess: f64,
    /// All that the path carries, in bits per second, when sending more has brought no more.
    pub plateau_bps: Option<f64>,
}

#[derive(Debug, Default)]
pub(super) struct LossMonitor {
    lost: u32,
    total: u32,
    since: Option<Instant>,
    /// The loss of the last windows.
    history: VecDeque<f64>,
    /// Sent and arrived, smoothed, in bits per second.
    rates: Option<(f64, f64)>,
    /// What they were when more arrived than before.
    reference: Option<(f64, f64)>,
    smoothed: f64,
}

impl LossMonitor {
    pub(super) fn count(&mut self, arrived: bool) {
        self.total += 1;
        self.lost += u32::from(!arrived);
    }

    /// The path's own loss, 0 to 1.
    pub(super) fn inherent(&self) -> f64 {
        let is_known = self.history.len() >= MEMORY_WINDOWS;
        if is_known { self.history.iter().copied().fold(MAX_INHERENT, f64::min) } else { 0.0 }
    }

    /// The share lost over the last seconds, 0 to 1.
    pub(super) fn smoothed(&self) -> f64 {
        self.smoothed
    }

    /// Closes the window when it is over. Rates are those of the last half second, in bits per second.
    pub(super) fn close(&mut self, sent_bps: f64, arrived_bps: f64, now: Instant) -> Option<LossVerdict> {
        let since = *self.since.get_or_insert(now);
        if now.saturating_duration_since(since) < WINDOW || self.total < MIN_PACKETS {
            return None;
        }
        let loss = f64::from(self.lost) / f64::from(self.total);
        let beyond = loss - self.inherent();
        self.smoothed += (loss - self.smoothed) * LOSS_SMOOTHING;
        self.history.push_back(loss);
        if self.history.len() > MEMORY_WINDOWS {
            self.history.pop_front();
        }
        (self.lost, self.total, self.since) = (0, 0, Some(now));
        let plateau_bps = self.plateau(sent_bps, arrived_bps).filter(|_| loss > SUSPICIOUS_LOSS);
        Some(LossVerdict { loss, excess: if beyond > TOLERATED_EXCESS { beyond } else { 0.0 }, plateau_bps })
    }

    fn plateau(&mut self, sent_bps: f64, arrived_bps: f64) -> Option<f64> {
        let smooth = |old: f64, new: f64| old + (new - old) * RATE_SMOOTHING;
        let (sent, arrived) = self
            .rates
            .map_or((sent_bps, arrived_bps), |(sent, arrived)| (smooth(sent, sent_bps), smooth(arrived, arrived_bps)));
        self.rates = Some((sent, arrived));
        let (sent_before, arrived_before) = *self.reference.get_or_insert((sent, arrived));
        let is_plateau = sent > sent_before * SENT_MORE && arrived < arrived_before * ARRIVED_MORE;
        if is_plateau || arrived > arrived_before * ARRIVED_MORE || sent < sent_before {
            self.reference = Some((sent, arrived));
        }
        is_plateau.then_some(arrived)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows(monitor: &mut LossMonitor, start: Instant, lost_of_ten: &[u32]) -> Vec<LossVerdict> {
        let mut now = start;
        let mut verdicts = Vec::new();
        for &lost in lost_of_ten {
            for n in 0..40 {
                monitor.count(n % 10 >= lost);
            }
            now += WINDOW;
            verdicts.extend(monitor.close(1e6, 1e6, now));
        }
        verdicts
    }

    #[test]
    fn lasting_loss_becomes_the_paths_own() {
        let (mut monitor, start) = (LossMonitor::default(), Instant::now());
        monitor.close(1e6, 1e6, start);
        let verdicts = windows(&mut monitor, start, &[2, 2, 2, 2, 2, 2, 5]);
        assert!(verdicts[0].excess > 0.15, "at first it may be congestion");
        assert_eq!(verdicts[5].excess, 0.0);
        assert!((verdicts[6].excess - 0.3).abs() < 1e-9, "what goes beyond is answered");
    }

    #[test]
    fn sending_more_without_more_arriving_is_a_limit() {
        let (mut monitor, mut now) = (LossMonitor::default(), Instant::now());
        let mut plateaus = Vec::new();
        for n in 0..20 {
            for packet in 0..40 {
                monitor.count(packet % 5 != 0);
            }
            now += WINDOW;
            let verdict = monitor.close(1e6 + 1e5 * f64::from(n), 0.8e6, now);
            plateaus.extend(verdict.and_then(|verdict| verdict.plateau_bps));
        }
        assert!(!plateaus.is_empty() && plateaus.iter().all(|bps| *bps == 0.8e6), "{plateaus:?}");
    }

    #[test]
    fn light_loss_is_tolerated() {
        let (mut monitor, start) = (LossMonitor::default(), Instant::now());
        monitor.close(1e6, 1e6, start);
        for n in 0..100 {
            monitor.count(n % 20 != 0);
        }
        let verdict = monitor.close(1e6, 1e6, start + WINDOW).unwrap();
        assert!(verdict.loss > 0.0 && verdict.excess == 0.0);
    }
}
