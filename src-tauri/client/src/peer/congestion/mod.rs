//! How much we may send, and when each packet leaves.
//!
//! ```text
//!             every packet that leaves                 the receiver's reports
//! Pacer ───────────────────────────────▶ path ───────────────────────────────▶ Controller
//!   ▲                                                                              │
//!   └──────────── pacing rate, probes, whether the window is open ─────────────────┤
//! encoder ◀───────────────────────── target ───────────────────────────────────────┘
//! ```
//!
//! After draft-ietf-rmcat-gcc-02 and what libwebrtc made of it: the slope of the one-way delay tells whether a queue is
//! building ([`delay`]), loss beyond the path's own tells the same of paths without a queue ([`loss`]), short bursts find
//! out whether there is more ([`probe`]). Everything here is pure: the clock is passed in, and `simulation` runs all of it
//! against a virtual path.

mod delay;
mod loss;
mod outstanding;
mod pacer;
mod packet_rate;
mod probe;
mod rate;
#[cfg(test)]
mod simulation;

pub(crate) use pacer::{Pacer, Priority, ProbeSent, Release};
pub(crate) use probe::Probe;

use delay::{DelayTrend, Usage};
use loss::LossMonitor;
use outstanding::Outstanding;
use packet_rate::PacketRate;
use probe::{ProbeMeter, ProbeOutcome};
use rate::RateControl;
use std::time::{Duration, Instant};

/// Pictures leave at this multiple of the target while no limit of the path is known, so that each leaves quickly.
const PACING_FREE: f64 = 2.5;
/// At a known limit, sending faster only moves the wait from here to the path.
const PACING_AT_LIMIT: f64 = 1.25;
/// The first burst is this many times the start rate.
const FIRST_PROBE: f64 = 4.0;
const NEXT_PROBE: f64 = 2.0;
/// Between bursts that look for more; they cost at most this share of the rate.
const PROBE_PAUSE: Duration = Duration::from_millis(800);
const PROBE_COST_SHARE: f64 = 0.08;
/// After this time without success the path is as it is.
const PATIENT_AFTER: Duration = Duration::from_secs(30);
const PATIENT_PROBE_PAUSE: Duration = Duration::from_secs(4);
/// A burst into a standing queue would only make it longer.
const MAX_QUEUE_FOR_PROBE_MS: f64 = 15.0;
/// A queue that is full no longer grows; its length and its losses tell.
const FULL_QUEUE_MS: f64 = 80.0;
/// Reports come about every 30 ms; this long without any, while we send, something is wrong.
const SILENCE: Duration = Duration::from_millis(500);
/// A machine that is so late has been busy with something else.
const MAX_LATENESS: Duration = Duration::from_millis(100);
/// Packets may be on their way for the response time and this long.
const WINDOW_SLACK: Duration = Duration::from_millis(150);
/// With a longer response time a repair comes too late to be smooth, so each packet is sent twice when some are lost.
const COPIES_FROM_RESPONSE: Duration = Duration::from_millis(190);
/// Shares lost at which copies begin and end.
const COPIES_BEGIN: f64 = 0.02;
const COPIES_END: f64 = 0.007;
/// On a path this narrow, copies would leave no picture to copy.
const COPIES_FROM_BPS: f64 = 400_000.0;
const DEFAULT_RTT: Duration = Duration::from_millis(100);

/// The bounds of an estimate, in bits per second on the wire.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BandwidthLimits {
    pub start_bps: u32,
    pub min_bps: u32,
    /// More than the person's media can use need not be found.
    pub max_bps: u32,
}

impl Default for BandwidthLimits {
    fn default() -> Self {
        Self { start_bps: 800_000, min_bps: 40_000, max_bps: 4_000_000 }
    }
}

/// What became of one packet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct PacketResult {
    pub sent_at: Instant,
    /// On the wire, with all headers.
    pub bytes: usize,
    /// On the receiver's clock; `None` when it was lost.
    pub arrived_at: Option<Duration>,
}

/// Turns reports into a rate. One per connection.
#[derive(Debug)]
pub(crate) struct Controller {
    limits: BandwidthLimits,
    rate: RateControl,
    trend: DelayTrend,
    sent: PacketRate,
    acked: PacketRate,
    loss: LossMonitor,
    probes: ProbeMeter,
    outstanding: Outstanding,
    /// The least response time of late: round trip and the wait for the report.
    response_time: Duration,
    next_probe_at: Option<Instant>,
    /// When the path last showed that it carries more, or less, than before.
    last_change: Option<Instant>,
    /// The estimate before the receiver fell silent.
    before_silence_bps: Option<f64>,
    next_silence_check: Option<Instant>,
    wants_copies: bool,
    /// The origin of the clock on which departures are counted.
    first_sent_at: Option<Instant>,
}

impl Controller {
    pub(crate) fn new(limits: BandwidthLimits) -> Self {
        Self {
            limits,
            rate: RateControl::new(limits),
            trend: DelayTrend::default(),
            sent: PacketRate::default(),
            acked: PacketRate::default(),
            wants_copies: false,
            first_sent_at: None,
            loss: LossMonitor::default(),
            probes: ProbeMeter::default(),
            outstanding: Outstanding::default(),
            response_time: DEFAULT_RTT,
            next_probe_at: None,
            last_change: None,
            before_silence_bps: None,
            next_silence_check: None,
        }
    }

    /// What sound, pictures and repairs may use together, in bits per second on the wire.
    pub(crate) fn target_bps(&self) -> f64 {
        self.rate.target_bps(self.trend.queue_ms())
    }

    /// The rate at which pictures leave.
    pub(crate) fn pacing_bps(&self) -> f64 {
        let factor = if self.rate.is_at_limit() { PACING_AT_LIMIT } else { PACING_FREE };
        self.target_bps() * factor
    }

    /// Round trip and the wait for the report.
    pub(crate) fn response_time(&self) -> Duration {
        self.response_time
    }

    /// Whether packets of pictures shall be sent twice, because the path loses some and repairs take too long.
    pub(crate) fn wants_copies(&self) -> bool {
        self.wants_copies
    }

    /// Whether the path may take more before it has reported on what it has.
    pub(crate) fn is_window_open(&self) -> bool {
        let time = self.response_time + WINDOW_SLACK;
        let window_bits = self.rate.estimate_bps().max(f64::from(self.limits.start_bps) / 4.0) * time.as_secs_f64();
        (self.outstanding.bytes() as f64) * 8.0 <= window_bits * PACING_AT_LIMIT
    }

    /// A packet of `bytes` on the wire has left.
    pub(crate) fn on_sent(&mut self, bytes: usize, now: Instant) {
        if self.outstanding.is_empty() {
            self.next_silence_check = Some(now + SILENCE);
        }
        self.outstanding.push(bytes, now);
    }

    /// A picture is to be sent. The first ones serve as the first probe.
    pub(crate) fn on_picture(&mut self, now: Instant) {
        if self.next_probe_at.is_none() {
            self.next_probe_at = Some(now + PROBE_PAUSE);
            let bps = f64::from(self.limits.start_bps) * FIRST_PROBE;
            self.probes.want(Probe::at(bps.min(f64::from(self.limits.max_bps))));
        }
    }

    pub(crate) fn on_reports(&mut self, results: &[PacketResult], now: Instant) {
        let Some(newest) = results.last() else {
            return;
        };
        for result in results {
            self.take_in(*result, now);
        }
        self.outstanding.on_reported(newest.sent_at);
        self.next_silence_check = Some(now + SILENCE);
        let response = now.saturating_duration_since(newest.sent_at);
        self.response_time = response.min(self.response_time.mul_f64(0.95) + response.mul_f64(0.05));
        self.end_silence(now);
        self.follow_loss(now);
        self.follow_delay(now);
        self.follow_probe(now);
        self.plan_probe(now);
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        let Some(due) = self.next_silence_check.filter(|due| now >= *due) else {
            return;
        };
        self.next_silence_check = None;
        let is_silent =
            self.outstanding.oldest().is_some_and(|oldest| now.saturating_duration_since(oldest) >= SILENCE);
        if !is_silent {
            return;
        }
        self.next_silence_check = Some(now + SILENCE);
        // When we wake up late, the reports may be waiting for us.
        if now.saturating_duration_since(due) < MAX_LATENESS {
            self.before_silence_bps.get_or_insert(self.rate.estimate_bps());
            self.rate.halve();
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.next_silence_check
    }

    /// A burst that the pacer shall send.
    pub(crate) fn take_probe(&mut self, now: Instant) -> Option<Probe> {
        self.probes.take(now)
    }

    /// What became of the burst that was taken: when it left, or nothing when it could not be sent.
    pub(crate) fn on_probe_sent(&mut self, sent: Option<ProbeSent>) {
        match sent {
            Some(ProbeSent { first, last }) => self.probes.on_sent(first, last),
            None => self.probes.give_up(),
        }
    }

    fn take_in(&mut self, result: PacketResult, now: Instant) {
        let origin = *self.first_sent_at.get_or_insert(result.sent_at);
        self.sent.push(result.sent_at.saturating_duration_since(origin), result.bytes);
        self.loss.count(result.arrived_at.is_some());
        self.probes.take_in(result);
        if let Some(arrival) = result.arrived_at {
            self.acked.push(arrival, result.bytes);
            self.trend.on_packet(result.sent_at, arrival, now);
        }
    }

    /// The receiver is back: what the path carried before is likely, but not certain.
    fn end_silence(&mut self, now: Instant) {
        if let Some(before) = self.before_silence_bps.take() {
            self.rate.raise_to(before / 2.0);
            self.want_probe(before, now);
        }
    }

    fn follow_loss(&mut self, now: Instant) {
        let (Some(sent), Some(acked)) = (self.sent.bps(), self.acked.bps()) else {
            return;
        };
        let Some(verdict) = self.loss.close(sent, acked, now) else {
            return;
        };
        let enough_loss = if self.wants_copies { COPIES_END } else { COPIES_BEGIN };
        self.wants_copies = self.response_time >= COPIES_FROM_RESPONSE
            && self.loss.smoothed() >= enough_loss
            && self.rate.estimate_bps() >= COPIES_FROM_BPS;
        let is_queue_full = self.trend.queue_ms() > FULL_QUEUE_MS;
        if verdict.excess > 0.0 && is_queue_full {
            self.on_overuse(now);
        } else if let Some(limit) = verdict.plateau_bps {
            self.rate.on_plateau(limit);
            self.last_change = Some(now);
        } else if verdict.excess > 0.0 {
            self.rate.on_loss(verdict.excess, now);
            self.last_change = Some(now);
        }
    }

    fn follow_delay(&mut self, now: Instant) {
        match self.trend.usage() {
            Usage::Over => self.on_overuse(now),
            Usage::Under => self.rate.hold(now),
            Usage::Normal => {
                self.rate.on_normal(self.acked.bps(), self.response_time, self.trend.queue_ms(), now);
            }
        }
    }

    fn on_overuse(&mut self, now: Instant) {
        let (Some(sent), Some(acked)) = (self.sent.bps(), self.acked.recent_bps()) else {
            return;
        };
        // What the path loses by itself has passed the narrow link, too.
        let passed = acked / (1.0 - self.loss.inherent());
        self.rate.on_overuse(sent, passed, now);
        self.last_change = Some(now);
        self.next_probe_at = Some(now + PROBE_PAUSE);
        self.trend.restart();
    }

    fn follow_probe(&mut self, now: Instant) {
        match self.probes.outcome(now, self.loss.inherent()) {
            Some(ProbeOutcome::Carried(bps)) => {
                if self.rate.raise_to(bps) {
                    self.last_change = Some(now);
                    self.want_probe(bps * NEXT_PROBE, now);
                }
            }
            Some(ProbeOutcome::Saturated(bps)) => {
                if self.rate.on_saturated_probe(bps) {
                    self.last_change = Some(now);
                }
            }
            Some(ProbeOutcome::Unclear) | None => {}
        }
    }

    /// Looks for more, from time to time.
    fn plan_probe(&mut self, now: Instant) {
        if self.next_probe_at.is_some_and(|at| now >= at) {
            self.want_probe(self.rate.estimate_bps() * NEXT_PROBE, now);
        }
    }

    fn want_probe(&mut self, bps: f64, now: Instant) {
        let is_useful = self.rate.estimate_bps() < f64::from(self.limits.max_bps) * 0.95;
        let is_path_free = self.trend.queue_ms() < MAX_QUEUE_FOR_PROBE_MS && self.trend.usage() == Usage::Normal;
        if !is_useful || !is_path_free || !self.probes.is_idle() {
            return;
        }
        let probe = Probe::at(bps.min(f64::from(self.limits.max_bps) * 1.1));
        self.probes.want(probe);
        let affordable = probe.bytes as f64 * 8.0 / (self.rate.estimate_bps() * PROBE_COST_SHARE);
        let is_settled = self.last_change.is_none_or(|at| now.saturating_duration_since(at) > PATIENT_AFTER);
        let pause = if is_settled { PATIENT_PROBE_PAUSE } else { PROBE_PAUSE };
        self.next_probe_at = Some(now + pause.max(Duration::from_secs_f64(affordable)));
    }
}
