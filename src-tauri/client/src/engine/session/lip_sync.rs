//! Keeps picture and sound together: whichever is ahead is delayed.

use std::time::Duration;

/// Weight of a new measurement, of which five come in a second.
const WEIGHT: f64 = 0.2;
/// Below this nobody sees a difference, and nothing is done. (People notice about 45 ms of early sound.)
const UNNOTICED_MS: f64 = 15.0;
/// Largest change at once: sound is stretched by a quarter at most.
const MAX_STEP_MS: f64 = 15.0;
/// Most that either is delayed for the other's sake.
const MAX_EXTRA_MS: f64 = 200.0;
/// What is further apart is not of one clock.
const BELIEVED_MS: f64 = 2_000.0;

/// Delays on top of what the network asks for.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Extra {
    pub sound: Duration,
    pub picture: Duration,
}

#[derive(Debug, Default)]
pub(super) struct LipSync {
    /// How much later a picture is seen than its sound is heard, smoothed.
    skew_ms: Option<f64>,
    /// What is still to come of the changes so far, because they take time.
    on_the_way_ms: f64,
    sound_extra_ms: f64,
    picture_extra_ms: f64,
}

impl LipSync {
    /// Takes in how long sound and picture take at present from capture to ear and eye, in milliseconds on any one clock.
    /// To be called five times a second while both are there.
    pub(super) fn on_latencies(&mut self, sound_ms: f64, picture_ms: f64) -> Extra {
        let skew = picture_ms - sound_ms;
        if skew.abs() <= BELIEVED_MS {
            let smoothed = self.skew_ms.map_or(skew, |old| old + (skew - old) * WEIGHT);
            self.skew_ms = Some(smoothed);
            self.on_the_way_ms *= 1.0 - WEIGHT;
            self.correct(smoothed + self.on_the_way_ms);
        }
        self.extra()
    }

    /// Positive when the picture is later than the sound. `None` while it is unknown.
    pub(super) fn skew_ms(&self) -> Option<f64> {
        self.skew_ms
    }

    fn correct(&mut self, skew_ms: f64) {
        if skew_ms.abs() < UNNOTICED_MS {
            return;
        }
        let step = (skew_ms / 2.0).clamp(-MAX_STEP_MS, MAX_STEP_MS);
        let (ahead, behind) = if step > 0.0 {
            (&mut self.sound_extra_ms, &mut self.picture_extra_ms)
        } else {
            (&mut self.picture_extra_ms, &mut self.sound_extra_ms)
        };
        // What is behind first loses the delay that it was given.
        let taken = step.abs().min(*behind);
        *behind -= taken;
        let given = (step.abs() - taken).min(MAX_EXTRA_MS - *ahead);
        *ahead += given;
        self.on_the_way_ms -= (taken + given).copysign(step);
    }

    fn extra(&self) -> Extra {
        let millis = |ms: f64| Duration::from_secs_f64(ms.max(0.0) / 1e3);
        Extra { sound: millis(self.sound_extra_ms), picture: millis(self.picture_extra_ms) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs for a minute; the natural latencies may change over time. Returns the last skew and the delays.
    fn run(sync: &mut LipSync, natural: impl Fn(u32) -> (f64, f64)) -> (f64, Extra) {
        let (mut extra, mut skew) = (sync.extra(), 0.0);
        // A change of sound takes effect within three calls.
        let mut sound_now = extra.sound.as_secs_f64() * 1e3;
        for n in 0..300 {
            let (sound, picture) = natural(n);
            sound_now += (extra.sound.as_secs_f64() * 1e3 - sound_now) / 3.0;
            let picture = picture + extra.picture.as_secs_f64() * 1e3;
            skew = picture - sound - sound_now;
            extra = sync.on_latencies(sound + sound_now, picture);
        }
        (skew, extra)
    }

    #[test]
    fn whichever_is_ahead_is_delayed() {
        for (sound, picture) in [(30.0, 130.0), (160.0, 40.0), (30.0, 45.0)] {
            let (skew, extra) = run(&mut LipSync::default(), |_| (sound, picture));
            assert!(skew.abs() <= 20.0, "{sound} {picture}: {skew}");
            assert!(extra.sound.is_zero() || extra.picture.is_zero(), "{extra:?}");
        }
    }

    #[test]
    fn a_delay_is_taken_back_before_the_other_is_delayed() {
        let mut sync = LipSync::default();
        let (_, slow_picture) = run(&mut sync, |_| (30.0, 130.0));
        assert!(slow_picture.sound >= Duration::from_millis(80), "{slow_picture:?}");
        let (skew, calm) = run(&mut sync, |_| (30.0, 35.0));
        assert!(skew.abs() <= 20.0 && calm.sound < Duration::from_millis(20) && calm.picture.is_zero(), "{calm:?}");
    }

    #[test]
    fn noise_and_small_differences_change_nothing() {
        let (_, extra) = run(&mut LipSync::default(), |n| (30.0, 35.0 + f64::from(n % 3) * 8.0 - 8.0));
        assert_eq!(extra, Extra::default());
    }

    #[test]
    fn delays_are_bounded_and_nonsense_is_not_believed() {
        let mut sync = LipSync::default();
        let (_, extra) = run(&mut sync, |_| (0.0, 1_500.0));
        assert_eq!(extra.sound, Duration::from_millis(200));
        let mut sync = LipSync::default();
        assert_eq!(run(&mut sync, |_| (0.0, 1e9)).1, Extra::default());
        assert_eq!(sync.skew_ms(), None);
        assert_eq!(run(&mut sync, |_| (f64::NAN, 0.0)).1, Extra::default());
    }
}
