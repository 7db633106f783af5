//! The rate itself: cut to what arrived when a queue builds, grown when the path is free.

use super::BandwidthLimits;
use std::time::{Duration, Instant};

const DECREASE_FACTOR: f64 = 0.85;
/// Packets that left before a cut still arrive late; they are no news, but what arrives of them tells the rate better.
const DECREASE_PAUSE: Duration = Duration::from_millis(100);
/// When less than this share of the estimate is sent, what arrives says little about the path.
const APPLICATION_LIMITED: f64 = 0.65;
/// Growth per second far from a known limit, as a share of the estimate.
const GROWTH_PER_SECOND: f64 = 0.16;
const PACKET_BITS: f64 = 8.0 * 1200.0;
/// The estimate may be ahead of what arrives by this factor; further would be a guess.
const MAX_LEAD: f64 = 1.5;
/// A limit is forgotten when this multiple of it is carried.
const LIMIT_EXCEEDED: f64 = 1.3;
const LIMIT_SMOOTHING: f64 = 0.3;
/// What arrives is measured over half a second: so long it also tells of the time before the limit showed itself.
const LIMIT_BELIEVED: Duration = Duration::from_millis(600);
/// A queue is given this long to drain.
const DRAIN_TIME_MS: f64 = 300.0;
const DRAINED_MS: f64 = 15.0;
const MIN_DRAIN_FACTOR: f64 = 0.15;
const MAX_DRAIN: Duration = Duration::from_secs(2);
/// With a longer queue there is nothing to gain from growth.
const MAX_QUEUE_FOR_GROWTH_MS: f64 = 30.0;
/// Loss without a growing queue never takes the estimate below this: that is a bad radio, not a narrow link.
const LOSS_FLOOR_BPS: f64 = 300_000.0;
/// A burst that arrives at this rate leaves room for what others send.
const SATURATED_SHARE: f64 = 0.9;

#[derive(Debug)]
pub(super) struct RateControl {
    limits: BandwidthLimits,
    estimate_bps: f64,
    /// What arrived when a queue built up, smoothed.
    limit_bps: Option<f64>,
    last_decrease: Option<Instant>,
    last_update: Option<Instant>,
    draining_since: Option<Instant>,
}

impl RateControl {
    pub(super) fn new(limits: BandwidthLimits) -> Self {
        Self {
            limits,
            estimate_bps: f64::from(limits.start_bps),
            limit_bps: None,
            last_decrease: None,
            last_update: None,
            draining_since: None,
        }
    }

    pub(super) fn estimate_bps(&self) -> f64 {
        self.estimate_bps
    }

    /// What may be sent: the estimate, and less while a queue of ours drains.
    pub(super) fn target_bps(&self, queue_ms: f64) -> f64 {
        match self.draining_since {
            Some(_) => self.estimate_bps * (1.0 - queue_ms / DRAIN_TIME_MS).clamp(MIN_DRAIN_FACTOR, 1.0),
            None => self.estimate_bps,
        }
    }

    /// Whether the path's limit is known and near.
    pub(super) fn is_at_limit(&self) -> bool {
        self.limit_bps.is_some_and(|limit| self.estimate_bps > limit * 0.6)
    }

    /// A queue builds while `sent_bps` is sent and `acked_bps` arrives.
    pub(super) fn on_overuse(&mut self, sent_bps: f64, acked_bps: f64, now: Instant) {
        self.last_update = Some(now);
        if self.last_decrease.is_some_and(|at| now.saturating_duration_since(at) < DECREASE_PAUSE) {
            return;
        }
        self.last_decrease = Some(now);
        self.draining_since = Some(now);
        let smoothed = self.limit_bps.filter(|limit| (0.7..1.4).contains(&(acked_bps / limit)));
        self.limit_bps = Some(smoothed.map_or(acked_bps, |limit| limit + (acked_bps - limit) * LIMIT_SMOOTHING));
        let floor = if sent_bps < self.estimate_bps * APPLICATION_LIMITED { self.estimate_bps * 0.5 } else { 0.0 };
        self.set(self.estimate_bps.min((acked_bps * DECREASE_FACTOR).max(floor)));
    }

    /// The queue drains: what is there is enough.
    pub(super) fn hold(&mut self, now: Instant) {
        self.last_update = Some(now);
    }

    /// No queue builds while `acked_bps` arrives.
    pub(super) fn on_normal(&mut self, acked_bps: Option<f64>, response_time: Duration, queue_ms: f64, now: Instant) {
        let elapsed = self.last_update.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        self.last_update = Some(now);
        let is_overdue = self.draining_since.is_some_and(|at| now.saturating_duration_since(at) > MAX_DRAIN);
        if queue_ms < DRAINED_MS || is_overdue {
            self.draining_since = None;
        }
        let Some(acked_bps) = acked_bps else {
            return;
        };
        let is_news = self.last_decrease.is_none_or(|at| now.saturating_duration_since(at) > LIMIT_BELIEVED);
        if is_news && self.limit_bps.is_some_and(|limit| acked_bps > limit * LIMIT_EXCEEDED) {
            self.limit_bps = None;
        }
        let is_ahead = self.estimate_bps > acked_bps * MAX_LEAD + 10_000.0;
        if is_ahead || self.draining_since.is_some() || queue_ms > MAX_QUEUE_FOR_GROWTH_MS {
            return;
        }
        let per_second = match self.limit_bps {
            Some(_) => (3.0 * PACKET_BITS / (response_time.as_secs_f64() + 0.1)).min(self.estimate_bps * 0.25),
            None => self.estimate_bps * GROWTH_PER_SECOND,
        };
        self.set(self.estimate_bps + per_second * elapsed.as_secs_f64().min(1.0));
    }

    /// More was lost than the path loses by itself: `excess` is the share beyond, 0 to 1.
    pub(super) fn on_loss(&mut self, excess: f64, now: Instant) {
        self.last_update = Some(now);
        let reduced = self.estimate_bps * (1.0 - 0.5 * excess);
        self.set(reduced.max(LOSS_FLOOR_BPS.min(self.estimate_bps)));
    }

    /// Sending more than this was of no use: `arrived_bps` is all that the path carries.
    pub(super) fn on_plateau(&mut self, arrived_bps: f64) {
        self.limit_bps = Some(arrived_bps);
        self.set(self.estimate_bps.min(arrived_bps));
    }

    /// The path has shown that it carries `bps`. Returns whether that is more than was known.
    pub(super) fn raise_to(&mut self, bps: f64) -> bool {
        let is_more = bps > self.estimate_bps;
        if is_more {
            if self.limit_bps.is_some_and(|limit| bps > limit * LIMIT_EXCEEDED) {
                self.limit_bps = None;
            }
            self.set(bps);
        }
        is_more
    }

    /// A burst arrived at `bps`, slower than it was sent: the link, less what others send meanwhile. Returns whether
    /// that is more than was known.
    pub(super) fn on_saturated_probe(&mut self, bps: f64) -> bool {
        // A burst pushes others aside. Near a known limit, whoever believed it would have their share for good.
        if self.is_at_limit() {
            return false;
        }
        let is_more = self.raise_to(bps * SATURATED_SHARE);
        if is_more {
            self.limit_bps = Some(bps);
        }
        is_more
    }

    /// The receiver is silent.
    pub(super) fn halve(&mut self) {
        self.set(self.estimate_bps / 2.0);
    }

    fn set(&mut self, bps: f64) {
        self.estimate_bps = bps.clamp(f64::from(self.limits.min_bps), f64::from(self.limits.max_bps));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_arrived_before_a_limit_does_not_unsay_it() {
        let limits = BandwidthLimits { start_bps: 2_300_000, ..BandwidthLimits::default() };
        let (mut rate, cut) = (RateControl::new(limits), Instant::now());
        rate.on_overuse(2.3e6, 0.6e6, cut);
        let mut arrives = |after_ms, bps| {
            rate.on_normal(Some(bps), Duration::from_millis(50), 0.0, cut + Duration::from_millis(after_ms));
            rate.is_at_limit()
        };
        assert!(arrives(100, 2.3e6));
        assert!(arrives(500, 0.9e6));
        assert!(!arrives(700, 0.9e6));
    }
}
