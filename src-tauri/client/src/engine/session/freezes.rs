//! When a moving picture stood still. (W3C webrtc-stats: `freezeCount`, `totalFreezesDuration`, `pauseCount`)

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Intervals that the usual one is the mean of.
const INTERVALS: usize = 30;
/// Before so many nothing is usual.
const MIN_INTERVALS: usize = 5;
/// A gap is a freeze from three usual intervals on, and from this much more than one.
const MORE_THAN_USUAL: Duration = Duration::from_millis(150);
/// A longer gap is a pause: the camera was off.
const PAUSE: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Freezes {
    pub count: u64,
    pub total: Duration,
    pub longest: Duration,
}

#[derive(Debug, Default)]
pub(super) struct FreezeMeter {
    last: Option<Instant>,
    intervals: VecDeque<Duration>,
    freezes: Freezes,
}

impl FreezeMeter {
    /// A picture is shown at `now`.
    pub(super) fn on_shown(&mut self, now: Instant) -> Freezes {
        let gap = self.last.replace(now).map(|last| now.saturating_duration_since(last));
        match gap {
            Some(gap) if gap < PAUSE => self.count(gap),
            Some(_) | None => self.intervals.clear(),
        }
        self.freezes
    }

    fn count(&mut self, gap: Duration) {
        if self.intervals.len() >= MIN_INTERVALS {
            let usual = self.intervals.iter().sum::<Duration>() / self.intervals.len() as u32;
            if gap >= (usual * 3).max(usual + MORE_THAN_USUAL) {
                self.freezes.count += 1;
                self.freezes.total += gap;
                self.freezes.longest = self.freezes.longest.max(gap);
            }
        }
        if self.intervals.len() == INTERVALS {
            self.intervals.pop_front();
        }
        self.intervals.push_back(gap);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(gaps_ms: impl IntoIterator<Item = u64>) -> Freezes {
        let (mut meter, mut now) = (FreezeMeter::default(), Instant::now());
        meter.on_shown(now);
        for gap in gaps_ms {
            now += Duration::from_millis(gap);
            meter.on_shown(now);
        }
        meter.freezes
    }

    #[test]
    fn a_gap_of_150_ms_more_than_usual_is_a_freeze() {
        assert_eq!(after([33; 40].into_iter().chain([182])).count, 0);
        let frozen = after([33; 40].into_iter().chain([184, 33, 33, 400]));
        assert_eq!((frozen.count, frozen.total), (2, Duration::from_millis(584)));
        assert_eq!(frozen.longest, Duration::from_millis(400));
    }

    #[test]
    fn a_slow_picture_is_not_frozen() {
        assert_eq!(after([200; 40].into_iter().chain([590])).count, 0);
        assert_eq!(after([200; 40].into_iter().chain([600])).count, 1);
    }

    #[test]
    fn a_camera_that_was_off_is_no_freeze() {
        assert_eq!(after([33; 40].into_iter().chain([60_000]).chain([33; 10])), Freezes::default());
    }
}
