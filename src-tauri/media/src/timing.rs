//! How unevenly units of media arrive: sound packets in the jitter buffer, whole pictures in the video player.
//!
//! Every unit carries a time of its sender's clock. The quickest units of the last seconds give the clock's offset; what
//! another one takes longer than they did is its delay. A histogram of delays that forgets tells how long to wait.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Width of a histogram bucket. Finer than what a scheduler does to a thread would say nothing.
const BUCKET_MS: f64 = 2.0;

/// A delay of 400 ms and more is an outage, for which no player waits: it does not count.
const BUCKETS: usize = 200;

/// A clock that is off by more than this has jumped: a new stream.
const JUMP_MS: f64 = 10_000.0;

/// The quickest unit is looked for among those of the last 5 s, in steps of half a second. Clocks that drift apart by
/// 300 ppm are 1.5 ms off in that time.
const FLOOR_STEPS: usize = 10;
const FLOOR_STEP_MS: f64 = 500.0;

/// A pause longer than this between two units ages the histogram no further.
const LONGEST_AGING: Duration = Duration::from_millis(200);

/// Follows the delays of one stream. Its memory is bounded; it never panics on any times.
#[derive(Clone, Debug)]
pub struct DelayTracker {
    origin: Option<Instant>,
    last_arrival: Option<Instant>,
    floor: Floor,
    buckets: Vec<f32>,
    total: f32,
    half_life: Duration,
    prior: Prior,
}

/// What is believed before anything was measured, as if `weight` units had come `delay_ms` late.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prior {
    pub delay_ms: f64,
    pub weight: f32,
}

impl DelayTracker {
    /// `half_life` is how long a unit takes to count for half.
    pub fn new(half_life: Duration, prior: Prior) -> Self {
        let mut tracker = Self {
            origin: None,
            last_arrival: None,
            floor: Floor::default(),
            buckets: vec![0.0; BUCKETS],
            total: 0.0,
            half_life,
            prior,
        };
        tracker.count(prior.delay_ms, prior.weight);
        tracker
    }

    /// Takes in a unit of the sender's time `media_ms` (any origin) that arrived at `now`. Returns its delay in
    /// milliseconds, 0 for the quickest. A jump of the sender's clock begins everything anew.
    pub fn push(&mut self, media_ms: f64, now: Instant) -> f64 {
        let passed = now.saturating_duration_since(*self.last_arrival.get_or_insert(now));
        self.last_arrival = Some(now);
        self.origin.get_or_insert(now);
        let transit = self.transit(media_ms, now);
        if self.floor.min().is_some_and(|floor| (transit - floor).abs() > JUMP_MS) {
            *self = Self::new(self.half_life, self.prior);
            return self.push(media_ms, now);
        }
        self.floor.push(self.since_origin(now), transit);
        let delay = transit - self.floor.min().unwrap_or(transit);
        self.age(passed.min(LONGEST_AGING));
        self.count(delay, 1.0);
        delay
    }

    /// The delay that a unit of `media_ms` would have if it arrived, or was played, at `now`. `None` before the first.
    pub fn delay_ms(&self, media_ms: f64, now: Instant) -> Option<f64> {
        let floor = self.floor.min()?;
        Some(self.transit(media_ms, now) - floor)
    }

    /// The delay within which `share` (0 to 1) of the units came, rounded up to 2 ms.
    pub fn quantile_ms(&self, share: f32) -> f64 {
        let mut left = self.total * share.clamp(0.0, 1.0);
        let bucket = self.buckets.iter().position(|weight| {
            left -= weight;
            left <= 0.0
        });
        (bucket.unwrap_or(BUCKETS - 1) + 1) as f64 * BUCKET_MS
    }

    fn since_origin(&self, now: Instant) -> f64 {
        let Some(origin) = self.origin else { return 0.0 };
        match now.checked_duration_since(origin) {
            Some(later) => later.as_secs_f64() * 1e3,
            None => -(origin - now).as_secs_f64() * 1e3,
        }
    }

    fn transit(&self, media_ms: f64, now: Instant) -> f64 {
        self.since_origin(now) - media_ms
    }

    fn age(&mut self, passed: Duration) {
        let factor = 0.5f32.powf(passed.as_secs_f32() / self.half_life.as_secs_f32().max(1e-3));
        self.buckets.iter_mut().for_each(|weight| *weight *= factor);
        self.total = self.buckets.iter().sum();
    }

    fn count(&mut self, delay_ms: f64, weight: f32) {
        if let Some(bucket) = self.buckets.get_mut((delay_ms / BUCKET_MS) as usize) {
            *bucket += weight;
            self.total += weight;
        }
    }
}

/// The least of the values of the last five seconds.
#[derive(Clone, Debug, Default)]
struct Floor {
    /// (Number of the step, least value in it), oldest first.
    steps: VecDeque<(i64, f64)>,
}

impl Floor {
    fn push(&mut self, at_ms: f64, value: f64) {
        let step = (at_ms / FLOOR_STEP_MS) as i64;
        match self.steps.back_mut() {
            Some((last, least)) if *last >= step => *least = least.min(value),
            Some(_) | None => self.steps.push_back((step, value)),
        }
        while self.steps.len() > 1 && self.steps[0].0 <= step - FLOOR_STEPS as i64 {
            self.steps.pop_front();
        }
    }

    fn min(&self) -> Option<f64> {
        self.steps.iter().map(|(_, value)| *value).min_by(f64::total_cmp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NONE: Prior = Prior { delay_ms: 0.0, weight: 0.0 };

    fn tracker() -> DelayTracker {
        DelayTracker::new(Duration::from_secs(1), NONE)
    }

    /// Feeds units of 20 ms that take `takes_ms(n)`.
    fn feed(tracker: &mut DelayTracker, start: Instant, units: std::ops::Range<u32>, takes_ms: impl Fn(u32) -> f64) {
        for n in units {
            let sent = f64::from(n) * 20.0;
            tracker.push(sent, start + Duration::from_secs_f64((sent + takes_ms(n)) / 1e3));
        }
    }

    #[test]
    fn even_units_have_no_delay_whatever_they_take() {
        let (mut tracker, start) = (tracker(), Instant::now());
        feed(&mut tracker, start, 0..200, |_| 170.0);
        assert_eq!(tracker.quantile_ms(0.97), 2.0);
        let at = start + Duration::from_millis(4_000 + 170 + 30);
        assert!((tracker.delay_ms(4_000.0, at).unwrap() - 30.0).abs() < 0.01);
    }

    #[test]
    fn the_quantile_rises_with_jitter_and_falls_again() {
        let (mut tracker, start) = (tracker(), Instant::now());
        feed(&mut tracker, start, 0..200, |n| if n % 4 == 0 { 80.0 } else { 20.0 });
        assert!((58.0..=64.0).contains(&tracker.quantile_ms(0.97)), "{}", tracker.quantile_ms(0.97));
        feed(&mut tracker, start, 200..400, |_| 20.0);
        assert!(tracker.quantile_ms(0.97) <= 4.0, "{}", tracker.quantile_ms(0.97));
    }

    #[test]
    fn the_prior_is_forgotten_within_seconds() {
        let mut tracker = DelayTracker::new(Duration::from_millis(1500), Prior { delay_ms: 40.0, weight: 10.0 });
        let start = Instant::now();
        feed(&mut tracker, start, 0..10, |_| 20.0);
        assert!(tracker.quantile_ms(0.97) >= 40.0);
        feed(&mut tracker, start, 10..250, |_| 20.0);
        assert!(tracker.quantile_ms(0.97) <= 4.0);
    }

    #[test]
    fn a_drifting_clock_is_followed() {
        for per_unit_ms in [-0.006, 0.006] {
            let (mut tracker, start) = (tracker(), Instant::now());
            feed(&mut tracker, start, 0..20_000, |n| 200.0 + f64::from(n) * per_unit_ms);
            assert!(tracker.quantile_ms(0.97) <= 4.0, "{}", tracker.quantile_ms(0.97));
        }
    }

    #[test]
    fn a_jump_of_the_senders_clock_begins_anew() {
        let (mut tracker, start) = (tracker(), Instant::now());
        feed(&mut tracker, start, 0..50, |_| 20.0);
        let at = start + Duration::from_millis(1020);
        assert_eq!(tracker.push(5_000_000.0, at), 0.0);
        assert_eq!(tracker.delay_ms(5_000_000.0, at), Some(0.0));
    }

    proptest! {
        #[test]
        fn any_times_are_survived(units in proptest::collection::vec((-1e12f64..1e12, 0u64..100_000), 0..300)) {
            let (mut tracker, start) = (tracker(), Instant::now());
            for (media_ms, at_ms) in units {
                let delay = tracker.push(media_ms, start + Duration::from_millis(at_ms));
                prop_assert!((0.0..=JUMP_MS * 2.0).contains(&delay), "{}", delay);
                prop_assert!(tracker.floor.steps.len() <= FLOOR_STEPS + 1);
            }
            prop_assert!((0.0..=BUCKETS as f64 * BUCKET_MS).contains(&tracker.quantile_ms(0.97)));
        }
    }
}
