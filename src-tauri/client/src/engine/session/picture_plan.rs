//! When each decoded picture is shown: at once on a calm network, evenly on one that delays some.

use parley_media::timing::{DelayTracker, Prior};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Share of the pictures that should be there in time.
const IN_TIME: f32 = 0.95;
/// A picture counts for half after this time.
const HALF_LIFE: Duration = Duration::from_secs(3);
const PRIOR: Prior = Prior { delay_ms: 0.0, weight: 0.0 };
/// Pictures wait when they come more unevenly than the first of these, until they come more evenly than the second. What
/// a screen of 60 Hz does to a picture anyway is less than that.
const UNEVEN_MS: f64 = 30.0;
const EVEN_MS: f64 = 18.0;
/// Later than this nobody waits; the freeze is seen.
const MAX_DELAY_MS: f64 = 250.0;
/// Pictures of a third of a second at 30 Hz, 14 MB of 720p.
const MAX_WAITING: usize = 10;
const TICKS_PER_MS: f64 = 90.0;

/// Holds decoded pictures until their time. `P` is what is shown.
#[derive(Debug)]
pub(super) struct PicturePlan<P> {
    delays: DelayTracker,
    /// The last time stamp, counted on past 2^32.
    last_timestamp: Option<i64>,
    is_uneven: bool,
    extra_delay_ms: f64,
    waiting: VecDeque<(Instant, P)>,
}

impl<P> PicturePlan<P> {
    pub(super) fn new() -> Self {
        Self {
            delays: DelayTracker::new(HALF_LIFE, PRIOR),
            last_timestamp: None,
            is_uneven: false,
            extra_delay_ms: 0.0,
            waiting: VecDeque::new(),
        }
    }

    /// Takes in a picture of RTP time `timestamp` that is ready at `now`. Pictures come in order.
    pub(super) fn push(&mut self, timestamp: u32, picture: P, now: Instant) {
        let media_ms = self.extend(timestamp) as f64 / TICKS_PER_MS;
        let delay_ms = self.delays.push(media_ms, now);
        let wait_ms = (self.delay_ms() - delay_ms).max(0.0);
        self.waiting.push_back((now + Duration::from_secs_f64(wait_ms / 1e3), picture));
    }

    /// The next picture whose time has come.
    pub(super) fn pop(&mut self, now: Instant) -> Option<P> {
        let is_due = self.due().is_some_and(|due| due <= now) || self.waiting.len() > MAX_WAITING;
        if is_due { self.waiting.pop_front().map(|(_, picture)| picture) } else { None }
    }

    /// When [`pop`](Self::pop) will give the next picture.
    pub(super) fn due(&self) -> Option<Instant> {
        self.waiting.front().map(|(due, _)| *due)
    }

    /// Shows everything so much later than the network asks for.
    pub(super) fn set_extra_delay(&mut self, delay: Duration) {
        self.extra_delay_ms = delay.as_secs_f64() * 1e3;
    }

    /// How much later than the quickest pictures each is shown, 0 to 250.
    pub(super) fn delay_ms(&mut self) -> f64 {
        let uneven_ms = self.delays.quantile_ms(IN_TIME);
        self.is_uneven = uneven_ms > if self.is_uneven { EVEN_MS } else { UNEVEN_MS };
        let network_ms = if self.is_uneven { uneven_ms } else { 0.0 };
        (network_ms + self.extra_delay_ms).min(MAX_DELAY_MS)
    }

    fn extend(&mut self, timestamp: u32) -> i64 {
        let last = self.last_timestamp.unwrap_or_else(|| i64::from(timestamp));
        let extended = last + i64::from(timestamp.wrapping_sub(last as u32) as i32);
        self.last_timestamp = Some(extended);
        extended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shows pictures of 30 Hz that take `takes_ms(n)`; gives, for each, when it was shown after its capture.
    fn play(plan: &mut PicturePlan<u32>, pictures: u32, takes_ms: impl Fn(u32) -> u64) -> Vec<u64> {
        let start = Instant::now();
        let captured_ms = |n: u32| u64::from(n) * 100 / 3;
        let (mut shown, mut next, mut ready_ms) = (Vec::new(), 0, 0);
        for ms in 0..captured_ms(pictures) + 400 {
            let now = start + Duration::from_millis(ms);
            while next < pictures && {
                ready_ms = ready_ms.max(captured_ms(next) + takes_ms(next));
                ready_ms <= ms
            } {
                let timestamp = (u32::MAX - 90_000).wrapping_add((captured_ms(next) * 90) as u32);
                plan.push(timestamp, next, now);
                next += 1;
            }
            while let Some(n) = plan.pop(now) {
                shown.push(ms - captured_ms(n));
            }
        }
        shown
    }

    #[test]
    fn a_calm_network_adds_nothing() {
        let mut plan = PicturePlan::new();
        let shown = play(&mut plan, 300, |n| 30 + u64::from(n % 7));
        assert_eq!(shown.len(), 300);
        assert!(shown.iter().all(|ms| *ms <= 36), "{shown:?}");
    }

    #[test]
    fn repaired_pictures_are_waited_for_so_that_all_come_evenly() {
        // Every fourth picture needs a repair that takes 75 ms.
        let mut plan = PicturePlan::new();
        let shown = play(&mut plan, 300, |n| if n % 4 == 0 { 105 } else { 30 });
        let late: Vec<_> = shown[100..].iter().map(|ms| ms.abs_diff(106)).collect();
        assert!(late.iter().all(|ms| *ms <= 3), "{shown:?}");
    }

    #[test]
    fn the_delay_ends_when_the_network_calms_down() {
        let mut plan = PicturePlan::new();
        let shown = play(&mut plan, 900, |n| if n < 300 && n % 4 == 0 { 105 } else { 30 });
        assert!(shown[800..].iter().all(|ms| *ms <= 31), "{shown:?}");
    }

    #[test]
    fn a_long_repair_is_not_waited_for_and_what_waits_is_bounded() {
        let mut plan = PicturePlan::new();
        let shown = play(&mut plan, 300, |n| if n % 30 == 0 { 390 } else { 30 });
        assert_eq!(shown.len(), 300);
        assert!(shown.iter().all(|ms| *ms <= 391), "{shown:?}");
        let now = Instant::now();
        for n in 0..100 {
            plan.set_extra_delay(Duration::from_secs(5));
            plan.push(n * 3000, n, now);
            plan.pop(now);
            assert!(plan.waiting.len() <= MAX_WAITING);
        }
    }

    #[test]
    fn an_extra_delay_is_kept() {
        let mut plan = PicturePlan::new();
        plan.set_extra_delay(Duration::from_millis(50));
        let shown = play(&mut plan, 60, |_| 30);
        assert!(shown.iter().all(|ms| (79..=82).contains(ms)), "{shown:?}");
    }
}
