//! One unbroken count of samples for a device that pauses, stalls and is opened again.

use std::time::{Duration, Instant};

use crate::audio::{CHUNK_DURATION, CHUNK_SAMPLES, SAMPLE_RATE};

/// Chunks may come this much later than counted before anyone thinks of a pause: threads wait for the processor.
const PAUSE: Duration = Duration::from_millis(40);

/// A pause is believed when so many chunks in a row say the same: one late time stamp is no pause.
const CONFIRMATIONS: u32 = 3;

/// Gives every chunk of 10 ms its place. Without pauses places follow each other, whatever the times of the chunks say:
/// counts are exact, times wobble. After a pause the places leave out what the device did not deliver or play.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    next: i64,
    expected_at: Option<Instant>,
    /// Chunks in a row that came late, and by how much the least late of them.
    late: Option<(u32, Duration)>,
}

impl Timeline {
    /// The place of the first sample of a chunk that belongs to the time `at`.
    pub(super) fn place(&mut self, at: Instant) -> i64 {
        let expected = self.expected_at.unwrap_or(at);
        let (ahead, behind) = (at.saturating_duration_since(expected), expected.saturating_duration_since(at));
        let followed = if ahead > PAUSE {
            self.on_late(expected, ahead)
        } else {
            self.late = None;
            if behind > PAUSE { at } else { expected + ahead / 16 - behind / 16 }
        };
        self.expected_at = Some(followed + CHUNK_DURATION);
        let place = self.next;
        self.next += CHUNK_SAMPLES as i64;
        place
    }

    /// Returns the time that this chunk is taken to belong to.
    fn on_late(&mut self, expected: Instant, ahead: Duration) -> Instant {
        let (count, least) = self.late.map_or((1, ahead), |(count, least)| (count + 1, least.min(ahead)));
        if count < CONFIRMATIONS {
            self.late = Some((count, least));
            return expected;
        }
        self.late = None;
        self.next += samples_in(least);
        expected + least
    }

    /// The device played, or lost, so many samples of its own before the next chunk.
    pub(super) fn skip(&mut self, samples: u32) {
        self.next += i64::from(samples);
        let time = Duration::from_nanos(u64::from(samples) * 1_000_000_000 / u64::from(SAMPLE_RATE));
        self.expected_at = self.expected_at.map(|expected| expected + time);
    }
}

fn samples_in(time: Duration) -> i64 {
    (time.as_secs_f64() * f64::from(SAMPLE_RATE)).round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(times_ms: impl IntoIterator<Item = u64>) -> Vec<i64> {
        let (mut timeline, start) = (Timeline::default(), Instant::now());
        times_ms.into_iter().map(|ms| timeline.place(start + Duration::from_millis(ms))).collect()
    }

    #[test]
    fn wobbling_times_leave_no_holes() {
        assert_eq!(places([0, 22, 20, 45, 33, 50]), [0, 480, 960, 1440, 1920, 2400]);
    }

    #[test]
    fn one_late_time_is_no_pause() {
        assert_eq!(places([0, 10, 90, 30, 40, 50]), [0, 480, 960, 1440, 1920, 2400]);
    }

    #[test]
    fn a_pause_is_left_out_once_it_is_sure() {
        let told = places([0, 10, 1_020, 1_030, 1_040, 1_050]);
        assert_eq!(told, [0, 480, 960, 1440, 49_920, 50_400]);
    }

    #[test]
    fn times_that_go_back_do_not_reuse_a_place() {
        assert_eq!(places([5_000, 10, 20, 30]), [0, 480, 960, 1440]);
    }

    #[test]
    fn silence_that_the_device_played_is_counted_once() {
        let (mut timeline, start) = (Timeline::default(), Instant::now());
        assert_eq!(timeline.place(start), 0);
        timeline.skip(4_800);
        let told: Vec<_> = (11..15).map(|n| timeline.place(start + CHUNK_DURATION * n)).collect();
        assert_eq!(told, [5_280, 5_760, 6_240, 6_720]);
    }
}
