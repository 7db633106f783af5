//! The trendline detector: is a queue building on the path?
//!
//! Two signs must agree, unless the delay rises steeply: the delay of packet groups has a rising trend, and even the
//! quickest packet of the last moment was slower than packets can be. A busy machine that reads its socket late shows the
//! first sign, but not the second: after a pause it reads everything at once, so that the newest of what it reads has
//! hardly waited.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Packets that left within this time are one group: they travel as one burst.
const GROUP_SPAN: Duration = Duration::from_millis(5);
const WINDOW_GROUPS: usize = 20;
const SMOOTHING: f64 = 0.9;
const GAIN: f64 = 4.0;
const MAX_GROUPS_IN_GAIN: u32 = 60;
const START_THRESHOLD: f64 = 12.5;
const THRESHOLD_RANGE: (f64, f64) = (6.0, 600.0);
const THRESHOLD_GROWTH: f64 = 0.0087;
const THRESHOLD_DECAY: f64 = 0.039;
/// A jump further beyond the threshold than this does not move it.
const MAX_ADAPTATION_STEP: f64 = 15.0;
/// A queue stands when even the quickest packet of `window` waited `delay_ms`. A steep rise is believed sooner.
const STANDING: [Standing; 2] = [
    Standing { window: Duration::from_millis(150), delay_ms: 15.0 },
    Standing { window: Duration::from_millis(50), delay_ms: 40.0 },
];
/// A queue that grows so fast from one moment to the next is believed without a trend: a link became much narrower.
const STEEP: Steep = Steep { moment: Duration::from_millis(30), delay_ms: 40.0, rise_ms: 25.0 };
/// The path's own delay is the least of this time, or of twice this time.
const BASE_WINDOW: Duration = Duration::from_secs(10);
/// A delay that has been there for so long, and does not grow, is the path's own: another route, or others' queue.
const ACCEPTED_AFTER: Duration = Duration::from_secs(3);
const OVERUSE_LASTS: Duration = Duration::from_millis(10);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Usage {
    #[default]
    Normal,
    /// A queue is building.
    Over,
    /// A queue is draining.
    Under,
}

/// Follows the one-way delay of packet groups and compares its slope with an adaptive threshold.
#[derive(Debug)]
pub(super) struct DelayTrend {
    group: Option<Group>,
    previous: Option<Group>,
    first_arrival: Option<Duration>,
    accumulated_ms: f64,
    smoothed_ms: f64,
    groups: u32,
    /// Arrival time and smoothed delay of the last groups, both in ms.
    window: VecDeque<(f64, f64)>,
    threshold: f64,
    threshold_at: Option<Instant>,
    /// On the receiver's clock: a report tells of many groups at once.
    over_since: Option<Duration>,
    last_trend: f64,
    usage: Usage,
    queue: StandingQueue,
}

impl Default for DelayTrend {
    fn default() -> Self {
        Self {
            group: None,
            previous: None,
            first_arrival: None,
            accumulated_ms: 0.0,
            smoothed_ms: 0.0,
            groups: 0,
            window: VecDeque::with_capacity(WINDOW_GROUPS + 1),
            threshold: START_THRESHOLD,
            threshold_at: None,
            over_since: None,
            last_trend: 0.0,
            usage: Usage::Normal,
            queue: StandingQueue::default(),
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Group {
    first_departure: Instant,
    last_departure: Instant,
    last_arrival: Duration,
}

impl DelayTrend {
    /// Takes in a packet: departure on our clock, arrival on the receiver's.
    pub(super) fn on_packet(&mut self, departure: Instant, arrival: Duration, now: Instant) {
        self.queue.push(departure, arrival);
        match &mut self.group {
            Some(group) if departure.saturating_duration_since(group.first_departure) <= GROUP_SPAN => {
                group.last_departure = group.last_departure.max(departure);
                group.last_arrival = group.last_arrival.max(arrival);
            }
            Some(_) | None => {
                let next = Group { first_departure: departure, last_departure: departure, last_arrival: arrival };
                if let Some(complete) = self.group.replace(next) {
                    self.on_group(complete, now);
                }
            }
        }
    }

    /// How long packets wait on the path at present, in ms.
    pub(super) fn queue_ms(&self) -> f64 {
        self.queue.delay_ms(STANDING[1].window)
    }

    pub(super) fn usage(&self) -> Usage {
        self.usage
    }

    /// Forgets an overuse that has been acted upon.
    pub(super) fn restart(&mut self) {
        self.usage = Usage::Normal;
        self.over_since = None;
    }

    fn on_group(&mut self, group: Group, now: Instant) {
        if let Some(previous) = self.previous.replace(group) {
            let sent_ms = group.last_departure.saturating_duration_since(previous.last_departure).as_secs_f64() * 1e3;
            let arrived_ms = (group.last_arrival.as_secs_f64() - previous.last_arrival.as_secs_f64()) * 1e3;
            self.groups = self.groups.saturating_add(1);
            self.accumulated_ms += arrived_ms - sent_ms;
            self.smoothed_ms = SMOOTHING * self.smoothed_ms + (1.0 - SMOOTHING) * self.accumulated_ms;
            let first = *self.first_arrival.get_or_insert(group.last_arrival);
            let arrival_ms = (group.last_arrival.as_secs_f64() - first.as_secs_f64()) * 1e3;
            self.window.push_back((arrival_ms, self.smoothed_ms));
            if self.window.len() > WINDOW_GROUPS {
                self.window.pop_front();
            }
            if self.window.len() == WINDOW_GROUPS {
                self.judge(slope(&self.window), group.last_arrival, now);
            }
            if self.queue.is_steep() {
                self.usage = Usage::Over;
            }
        }
    }

    fn judge(&mut self, slope: f64, arrival: Duration, now: Instant) {
        let trend = slope * f64::from(self.groups.min(MAX_GROUPS_IN_GAIN)) * GAIN;
        if trend > self.threshold {
            let since = *self.over_since.get_or_insert(arrival);
            if self.queue.is_standing() && arrival.saturating_sub(since) >= OVERUSE_LASTS && trend >= self.last_trend {
                self.usage = Usage::Over;
            }
        } else {
            self.over_since = None;
            self.usage = if trend < -self.threshold { Usage::Under } else { Usage::Normal };
        }
        self.last_trend = trend;
        self.adapt_threshold(trend.abs(), now);
    }

    fn adapt_threshold(&mut self, trend: f64, now: Instant) {
        let elapsed_ms = self.threshold_at.map_or(5.0, |at| ((now - at).as_secs_f64() * 1e3).min(100.0));
        self.threshold_at = Some(now);
        if trend > self.threshold + MAX_ADAPTATION_STEP {
            return;
        }
        let speed = if trend < self.threshold { THRESHOLD_DECAY } else { THRESHOLD_GROWTH };
        let moved = self.threshold + speed * (trend - self.threshold) * elapsed_ms;
        self.threshold = moved.clamp(THRESHOLD_RANGE.0, THRESHOLD_RANGE.1);
    }
}

#[derive(Debug, Clone, Copy)]
struct Standing {
    window: Duration,
    delay_ms: f64,
}

#[derive(Debug, Clone, Copy)]
struct Steep {
    moment: Duration,
    delay_ms: f64,
    rise_ms: f64,
}

/// How long even the quickest packet of the last moment has waited, beyond the path's own delay.
#[derive(Debug, Default)]
struct StandingQueue {
    first: Option<(Instant, Duration)>,
    /// Arrival and one-way delay in ms, both since the first packet: the two clocks have no common origin.
    recent: VecDeque<(Duration, f64)>,
    base_since: Duration,
    base_ms: Option<f64>,
    former_base_ms: Option<f64>,
    /// Since when, on the receiver's clock, there has been a queue.
    standing_since: Option<Duration>,
}

impl StandingQueue {
    fn push(&mut self, departure: Instant, arrival: Duration) {
        let (first_departure, first_arrival) = *self.first.get_or_insert((departure, arrival));
        let arrival = arrival.saturating_sub(first_arrival);
        let sent = departure.saturating_duration_since(first_departure);
        let delay_ms = (arrival.as_secs_f64() - sent.as_secs_f64()) * 1e3;
        if arrival.saturating_sub(self.base_since) > BASE_WINDOW {
            self.base_since = arrival;
            self.former_base_ms = self.base_ms.take();
        }
        self.base_ms = Some(self.base_ms.map_or(delay_ms, |base| base.min(delay_ms)));
        self.recent.push_back((arrival, delay_ms));
        while self.recent.front().is_some_and(|(at, _)| *at + STANDING[0].window < arrival) {
            self.recent.pop_front();
        }
        self.accept(arrival);
    }

    /// Takes a lasting delay for the path's own.
    fn accept(&mut self, now: Duration) {
        if self.delay_ms(STANDING[0].window) < STANDING[0].delay_ms {
            self.standing_since = None;
            return;
        }
        let since = *self.standing_since.get_or_insert(now);
        if now.saturating_sub(since) > ACCEPTED_AFTER {
            self.standing_since = None;
            self.base_since = now;
            self.former_base_ms = None;
            self.base_ms = self.recent.iter().map(|(_, delay)| *delay).reduce(f64::min);
        }
    }

    fn is_standing(&self) -> bool {
        STANDING.iter().any(|standing| self.delay_ms(standing.window) >= standing.delay_ms)
    }

    fn is_steep(&self) -> bool {
        let (now, before) = (self.delay_ms(STEEP.moment), self.delay_before_ms(STEEP.moment));
        now >= STEEP.delay_ms && before.is_some_and(|before| now - before >= STEEP.rise_ms)
    }

    /// What even the quickest packet of the last `window` has waited.
    fn delay_ms(&self, window: Duration) -> f64 {
        self.delay_between_ms(window, Duration::ZERO).unwrap_or(0.0)
    }

    /// The same of the `window` before the last.
    fn delay_before_ms(&self, window: Duration) -> Option<f64> {
        self.delay_between_ms(window * 2, window)
    }

    /// Of packets that arrived between so long before the newest.
    fn delay_between_ms(&self, from: Duration, to: Duration) -> Option<f64> {
        let (newest, _) = self.recent.back()?;
        let (begin, end) = (newest.saturating_sub(from), newest.saturating_sub(to));
        let recent = self.recent.iter().rev().skip_while(|(at, _)| *at > end).take_while(|(at, _)| *at >= begin);
        let quickest = recent.map(|(_, delay)| *delay).fold(f64::INFINITY, f64::min);
        let base = self.base_ms.into_iter().chain(self.former_base_ms).fold(f64::INFINITY, f64::min);
        (quickest.is_finite() && base.is_finite()).then_some(quickest - base)
    }
}

/// Least-squares slope of y over x.
fn slope(points: &VecDeque<(f64, f64)>) -> f64 {
    let count = points.len() as f64;
    let mean_x = points.iter().map(|(x, _)| x).sum::<f64>() / count;
    let mean_y = points.iter().map(|(_, y)| y).sum::<f64>() / count;
    let covariance: f64 = points.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    let variance: f64 = points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    if variance > 0.0 { covariance / variance } else { 0.0 }
}
