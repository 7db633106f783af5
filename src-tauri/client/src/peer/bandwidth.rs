//! How much we may send: an estimate from the delay gradient and the loss that the receiver reports.
//!
//! After draft-ietf-rmcat-gcc-02 and the trendline detector of libwebrtc: packets are put into 5 ms groups, the
//! slope of their accumulated one-way delay tells whether a queue is building, and the rate is cut to 85 % of what
//! arrived when it is, or else grows. The `Gcc` of rtc-interceptor 0.21.1 lacks the detector's gain and so never sees
//! a queue. Nothing here reads a clock.

use super::trend::{DelayTrend, Usage};
use rtc::interceptor::{BandwidthEstimator, EstimatorStats, PacketReport};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Packets leave at this multiple of the estimate, so that the pacer smooths a key frame and never starves.
const PACING_FACTOR: f64 = 2.5;
const DECREASE_FACTOR: f64 = 0.85;
const DECREASE_PAUSE: Duration = Duration::from_millis(300);
/// Growth per second far from a known limit, as a share of the estimate.
const GROWTH_PER_SECOND: f64 = 0.16;
/// Growth per second close to the rate of the last congestion: one packet of 1200 bytes per response time.
const CAREFUL_GROWTH_BPS_PER_SECOND: f64 = 8.0 * 1200.0 / 0.2;
const HIGH_LOSS: f64 = 0.10;
const LOSS_WINDOW: Duration = Duration::from_millis(500);
const MIN_PACKETS_FOR_LOSS: u32 = 10;
/// Loss without a growing queue never takes the estimate below this: that is a bad radio, not a narrow link.
const LOSS_FLOOR_BPS: f64 = 300_000.0;

/// The bounds of an estimate, in bits per second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BandwidthLimits {
    pub start_bps: u32,
    pub min_bps: u32,
    pub max_bps: u32,
}

impl Default for BandwidthLimits {
    fn default() -> Self {
        Self { start_bps: 1_500_000, min_bps: 100_000, max_bps: 6_000_000 }
    }
}

/// The newest estimate, readable from any thread.
#[derive(Debug, Clone)]
pub(crate) struct BandwidthReading(Arc<AtomicU64>);

impl BandwidthReading {
    /// In bits per second.
    pub(crate) fn target_bps(&self) -> u32 {
        u32::try_from(self.0.load(Ordering::Relaxed)).unwrap_or(u32::MAX)
    }
}

#[derive(Debug)]
pub(crate) struct Estimator {
    limits: BandwidthLimits,
    estimate_bps: f64,
    trend: DelayTrend,
    acked: AckedRate,
    loss: LossWindow,
    /// The rate that arrived when a queue built up last.
    congested_at_bps: Option<f64>,
    last_decrease: Option<Instant>,
    last_update: Option<Instant>,
    reading: BandwidthReading,
}

impl Estimator {
    pub(crate) fn new(limits: BandwidthLimits) -> Self {
        Self::with_reading(limits, BandwidthReading(Arc::new(AtomicU64::new(u64::from(limits.start_bps)))))
    }

    /// Makes an estimator that speaks through an existing reading.
    pub(crate) fn with_reading(limits: BandwidthLimits, reading: BandwidthReading) -> Self {
        Self {
            limits,
            estimate_bps: f64::from(limits.start_bps),
            trend: DelayTrend::default(),
            acked: AckedRate::default(),
            loss: LossWindow::default(),
            congested_at_bps: None,
            last_decrease: None,
            last_update: None,
            reading,
        }
    }

    pub(crate) fn reading(&self) -> BandwidthReading {
        self.reading.clone()
    }

    /// What the pacer starts with, in bits per second.
    pub(crate) fn pacing_bps(&self) -> f64 {
        self.estimate_bps * PACING_FACTOR
    }

    fn take_in(&mut self, now: Instant, reports: &[PacketReport]) {
        for report in reports {
            self.loss.count(report.arrived);
            if let Some(arrival) = report.arrival.filter(|_| report.arrived) {
                self.acked.push(arrival, report.size);
                self.trend.on_packet(report.departure, arrival, now);
            }
        }
    }

    fn follow_loss(&mut self, now: Instant) {
        if let Some(loss) = self.loss.close(now).filter(|loss| *loss > HIGH_LOSS) {
            let reduced = self.estimate_bps * (1.0 - 0.5 * loss);
            self.estimate_bps = reduced.max(LOSS_FLOOR_BPS.min(self.estimate_bps));
        }
    }

    fn follow_delay(&mut self, now: Instant) {
        let elapsed = self.last_update.map_or(Duration::ZERO, |at| (now - at).min(Duration::from_secs(1)));
        self.last_update = Some(now);
        match self.trend.usage() {
            Usage::Over => self.decrease(now),
            Usage::Under => {}
            Usage::Normal => self.increase(elapsed),
        }
    }

    fn decrease(&mut self, now: Instant) {
        if self.last_decrease.is_some_and(|at| now - at < DECREASE_PAUSE) {
            return;
        }
        let Some(acked_bps) = self.acked.bps() else {
            return;
        };
        self.last_decrease = Some(now);
        self.congested_at_bps = Some(acked_bps);
        self.estimate_bps = self.estimate_bps.min(acked_bps * DECREASE_FACTOR);
        self.trend.restart();
    }

    fn increase(&mut self, elapsed: Duration) {
        let Some(acked_bps) = self.acked.bps() else {
            return;
        };
        if self.congested_at_bps.is_some_and(|limit| acked_bps > limit * 1.3) {
            self.congested_at_bps = None;
        }
        // An estimate far above what is sent would be a guess.
        if self.estimate_bps > acked_bps * 1.5 + 10_000.0 {
            return;
        }
        let per_second = match self.congested_at_bps {
            Some(_) => CAREFUL_GROWTH_BPS_PER_SECOND,
            None => self.estimate_bps * GROWTH_PER_SECOND,
        };
        self.estimate_bps += per_second * elapsed.as_secs_f64();
    }
}

impl BandwidthEstimator for Estimator {
    fn on_reports(&mut self, now: Instant, reports: &[PacketReport]) {
        if reports.is_empty() {
            return;
        }
        self.take_in(now, reports);
        self.follow_loss(now);
        self.follow_delay(now);
        self.estimate_bps = self.estimate_bps.clamp(f64::from(self.limits.min_bps), f64::from(self.limits.max_bps));
        self.reading.0.store(self.estimate_bps as u64, Ordering::Relaxed);
    }

    /// The pacing rate, not the media target: the stack gives this number to its pacer only.
    fn target_bitrate(&self) -> f64 {
        self.pacing_bps()
    }

    fn stats(&self) -> EstimatorStats {
        let mut stats = EstimatorStats::default();
        stats.delay_based_bitrate = Some(self.estimate_bps);
        stats
    }
}

/// The rate at which packets arrived within the last half second of the receiver's clock.
#[derive(Debug, Default)]
struct AckedRate {
    window: VecDeque<(Duration, usize)>,
    bytes: usize,
}

impl AckedRate {
    const WINDOW: Duration = Duration::from_millis(500);
    const MIN_SPAN: Duration = Duration::from_millis(300);

    fn push(&mut self, arrival: Duration, size: usize) {
        self.window.push_back((arrival, size));
        self.bytes += size;
        while let Some(&(oldest, size)) = self.window.front().filter(|(at, _)| *at + Self::WINDOW < arrival) {
            debug_assert!(oldest < arrival);
            self.window.pop_front();
            self.bytes -= size;
        }
    }

    fn bps(&self) -> Option<f64> {
        let (first, last) = (self.window.front()?.0, self.window.back()?.0);
        let span = last.saturating_sub(first).max(Self::MIN_SPAN);
        Some(self.bytes as f64 * 8.0 / span.as_secs_f64())
    }
}

#[derive(Debug, Default)]
struct LossWindow {
    lost: u32,
    total: u32,
    since: Option<Instant>,
}

impl LossWindow {
    fn count(&mut self, arrived: bool) {
        self.total += 1;
        self.lost += u32::from(!arrived);
    }

    /// The share that was lost, once per window.
    fn close(&mut self, now: Instant) -> Option<f64> {
        let since = *self.since.get_or_insert(now);
        if now - since < LOSS_WINDOW || self.total < MIN_PACKETS_FOR_LOSS {
            return None;
        }
        let loss = f64::from(self.lost) / f64::from(self.total);
        *self = Self { lost: 0, total: 0, since: Some(now) };
        Some(loss)
    }
}

#[cfg(test)]
#[path = "bandwidth_tests.rs"]
mod tests;
