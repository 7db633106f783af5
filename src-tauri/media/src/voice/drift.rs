//! How far the clocks of two devices have run apart, and how fast they do.
//!
//! A device counts samples; the system says when some of them were played or heard. The difference of both is the phase
//! of the device's clock. It wobbles by milliseconds, because callbacks come late, but over half a minute its slope shows
//! the clock's error to a few millionths. Two devices differ by up to some 300 ppm: 18 ms a minute.

use crate::audio::SAMPLE_RATE;

/// Chunks of the microphone that make one measurement: half a second.
const CHUNKS_PER_WINDOW: usize = 50;

/// Fewer times in a window say nothing.
const FEWEST_TIMES: usize = 10;

/// What is known before the first measurement (standard deviations): the phase to 5 ms, the drift to 200 ppm.
const FIRST_PHASE_S: f64 = 0.005;
const FIRST_DRIFT: f64 = 2e-4;

/// How much the truth changes by itself (standard deviations for one second): delays of devices, temperature of crystals.
const PHASE_WALK_S: f64 = 2e-5;
const DRIFT_WALK: f64 = 3e-7;

/// No time stamp is trusted beyond this.
const LEAST_NOISE_S: f64 = 5e-5;

/// Measurements are not independent of each other: callbacks come late in groups.
const NOISE_FACTOR: f64 = 2.0;

/// A measurement this far from what was expected is left out ...
const OUTLIER_S: f64 = 0.008;

/// ... unless so many agree: then the devices tell their delays in another way, and the counts go on as they were.
const OUTLIERS_AGREE: u32 = 4;

/// Clocks that are further apart are not clocks of the same rate.
const LARGEST_DRIFT: f64 = 1e-3;

/// Measures the phase between what a loudspeaker plays and what a microphone hears, with a Kalman filter of two states.
#[derive(Debug, Default)]
pub(super) struct DriftTracker {
    render: Vec<f64>,
    capture: Vec<f64>,
    estimate: Option<Estimate>,
    /// Known already from before one of the devices was opened again.
    drift: Option<f64>,
    /// What the tellings of the devices jumped by in all.
    bias_s: f64,
    outliers: u32,
}

impl DriftTracker {
    /// The loudspeaker plays the sample of this place at `heard_at_s`, in seconds of any steady clock.
    pub(super) fn on_render(&mut self, place: i64, heard_at_s: f64) {
        if self.render.len() < CHUNKS_PER_WINDOW * 4 {
            self.render.push(phase(place, heard_at_s));
        }
    }

    /// The microphone heard the sample of this place at `captured_at_s`.
    pub(super) fn on_capture(&mut self, place: i64, captured_at_s: f64) {
        self.capture.push(phase(place, captured_at_s));
        if self.capture.len() < CHUNKS_PER_WINDOW {
            return;
        }
        if let (Some(render), Some(capture)) = (Middle::of(&mut self.render), Middle::of(&mut self.capture)) {
            self.on_measured(Middle::difference(render, capture), captured_at_s);
        }
        self.render.clear();
        self.capture.clear();
    }

    /// The phase so far, before there is an estimate.
    pub(super) fn rough_phase_s(&self) -> Option<f64> {
        let (mut render, mut capture) = (self.render.clone(), self.capture.clone());
        Some(Middle::of_any(&mut render)?.value_s - Middle::of_any(&mut capture)?.value_s)
    }

    /// Seconds by which the loudspeaker's phase is later than the microphone's. It does not jump, but for
    /// [`DriftTracker::restart`].
    pub(super) fn phase_s(&self, at_s: f64) -> Option<f64> {
        self.estimate.as_ref().map(|estimate| estimate.phase_at(at_s))
    }

    /// Seconds by which the phase grows in a second: positive when the loudspeaker's clock is the slower one.
    pub(super) fn drift(&self) -> f64 {
        self.estimate.as_ref().map(|estimate| estimate.drift).or(self.drift).unwrap_or(0.0)
    }

    /// What was left out of [`DriftTracker::phase_s`] because only the tellings of a device had jumped, not its sound.
    pub(super) fn bias_s(&self) -> f64 {
        self.bias_s
    }

    /// Another device plays: the phase is unknown, the drift a good guess.
    pub(super) fn restart(&mut self) {
        *self = Self { drift: Some(self.drift()), ..Self::default() };
    }

    fn on_measured(&mut self, measured: Middle, at_s: f64) {
        let unbiased = Middle { value_s: measured.value_s - self.bias_s, ..measured };
        let Some(estimate) = &mut self.estimate else {
            self.estimate = Some(Estimate::new(unbiased, self.drift.unwrap_or(0.0), at_s));
            return;
        };
        estimate.predict(at_s);
        let surprise = unbiased.value_s - estimate.phase_s;
        if surprise.abs() < OUTLIER_S.max(5.0 * (estimate.covariance[0][0] + unbiased.variance).sqrt()) {
            self.outliers = 0;
            estimate.correct(unbiased);
            return;
        }
        self.outliers += 1;
        if self.outliers >= OUTLIERS_AGREE {
            self.outliers = 0;
            self.bias_s += surprise;
        }
    }
}

fn phase(place: i64, at_s: f64) -> f64 {
    at_s - place as f64 / f64::from(SAMPLE_RATE)
}

/// Phase and drift at one moment, with what is not known about them.
#[derive(Debug)]
struct Estimate {
    at_s: f64,
    phase_s: f64,
    drift: f64,
    covariance: [[f64; 2]; 2],
}

impl Estimate {
    fn new(first: Middle, drift: f64, at_s: f64) -> Self {
        let covariance = [[first.variance + FIRST_PHASE_S * FIRST_PHASE_S, 0.0], [0.0, FIRST_DRIFT * FIRST_DRIFT]];
        Self { at_s, phase_s: first.value_s, drift, covariance }
    }

    fn phase_at(&self, at_s: f64) -> f64 {
        self.phase_s + self.drift * (at_s - self.at_s)
    }

    fn predict(&mut self, at_s: f64) {
        let step = (at_s - self.at_s).max(0.0);
        self.phase_s = self.phase_at(self.at_s + step);
        self.at_s += step;
        let [[phase, cross], [_, drift]] = self.covariance;
        let cross_after = cross + step * drift;
        self.covariance = [
            [phase + step * (cross + cross_after) + step * PHASE_WALK_S * PHASE_WALK_S, cross_after],
            [cross_after, drift + step * DRIFT_WALK * DRIFT_WALK],
        ];
    }

    fn correct(&mut self, measured: Middle) {
        let [[phase, cross], [_, drift]] = self.covariance;
        let (gain_phase, gain_drift) = (phase / (phase + measured.variance), cross / (phase + measured.variance));
        let surprise = measured.value_s - self.phase_s;
        self.phase_s += gain_phase * surprise;
        self.drift = (self.drift + gain_drift * surprise).clamp(-LARGEST_DRIFT, LARGEST_DRIFT);
        let cross_after = (1.0 - gain_phase) * cross;
        self.covariance = [[(1.0 - gain_phase) * phase, cross_after], [cross_after, drift - gain_drift * cross]];
    }
}

/// The median of many times and how well it is known.
#[derive(Clone, Copy, Debug)]
struct Middle {
    value_s: f64,
    variance: f64,
}

impl Middle {
    /// `None` when they are too few. Sorts them.
    fn of(times: &mut [f64]) -> Option<Self> {
        (times.len() >= FEWEST_TIMES).then(|| Self::of_any(times))?
    }

    fn of_any(times: &mut [f64]) -> Option<Self> {
        times.sort_by(f64::total_cmp);
        let count = times.len();
        let value_s = *times.get(count / 2)?;
        // Half the distance of the quartiles is 0.67 deviations of a normal distribution; a median needs pi/2 more times
        // than a mean.
        let deviation = (times[count * 3 / 4] - times[count / 4]) / 1.349;
        let variance = deviation * deviation * std::f64::consts::FRAC_PI_2 / count as f64;
        Some(Self { value_s, variance: variance * NOISE_FACTOR + LEAST_NOISE_S * LEAST_NOISE_S })
    }

    fn difference(a: Self, b: Self) -> Self {
        Self { value_s: a.value_s - b.value_s, variance: a.variance + b.variance }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::voice::measure::signal::Noise;

    /// Two devices with clocks of their own, told through late callbacks.
    struct Devices {
        tracker: DriftTracker,
        noise: Noise,
        drift: f64,
        jitter_s: f64,
        /// Delay that the loudspeaker tells too much.
        extra_s: f64,
        chunk: i64,
    }

    impl Devices {
        fn new(drift: f64, jitter_s: f64) -> Self {
            let noise = Noise::new(3);
            Self { tracker: DriftTracker::default(), noise, drift, jitter_s, extra_s: 0.0, chunk: 0 }
        }

        fn run(&mut self, seconds: f64) {
            for _ in 0..(seconds * 100.0) as i64 {
                let (place, at_s) = (self.chunk * 480, self.chunk as f64 / 100.0);
                let late = |noise: &mut Noise, jitter: f64| f64::from(noise.next().max(-0.5)) * jitter;
                let render_late = late(&mut self.noise, self.jitter_s);
                let capture_late = late(&mut self.noise, self.jitter_s);
                self.tracker.on_render(place, at_s * (1.0 + self.drift) + 0.02 + self.extra_s + render_late);
                self.tracker.on_capture(place, at_s + capture_late);
                self.chunk += 1;
            }
        }

        fn error_ppm(&self) -> f64 {
            (self.tracker.drift() - self.drift).abs() * 1e6
        }
    }

    #[test]
    fn drift_is_found_through_late_callbacks() {
        for drift_ppm in [-300.0, -100.0, 0.0, 100.0, 300.0] {
            let mut devices = Devices::new(drift_ppm * 1e-6, 0.008);
            devices.run(10.0);
            assert!(devices.error_ppm() < 150.0, "{drift_ppm}: {}", devices.error_ppm());
            devices.run(50.0);
            assert!(devices.error_ppm() < 10.0, "{drift_ppm}: {}", devices.error_ppm());
            let at_s = devices.chunk as f64 / 100.0;
            let phase_error = devices.tracker.phase_s(at_s).unwrap() - (0.02 + at_s * devices.drift);
            assert!(phase_error.abs() < 0.001, "{drift_ppm}: {phase_error}");
        }
    }

    #[test]
    fn a_jump_of_what_a_device_tells_changes_neither_phase_nor_drift() {
        let mut devices = Devices::new(100e-6, 0.002);
        devices.run(40.0);
        devices.extra_s = 0.03;
        devices.run(20.0);
        assert!(devices.error_ppm() < 25.0, "{}", devices.error_ppm());
        let at_s = devices.chunk as f64 / 100.0;
        let expected = 0.02 + at_s * devices.drift;
        assert!((devices.tracker.phase_s(at_s).unwrap() - expected).abs() < 0.001);
        assert!((devices.tracker.bias_s() - 0.03).abs() < 0.001);
    }

    #[test]
    fn drift_is_remembered_when_a_device_is_opened_again() {
        let mut devices = Devices::new(-250e-6, 0.004);
        devices.run(60.0);
        devices.tracker.restart();
        assert!(devices.tracker.phase_s(0.0).is_none());
        assert!(devices.error_ppm() < 10.0, "{}", devices.error_ppm());
        devices.run(5.0);
        assert!(devices.error_ppm() < 60.0, "{}", devices.error_ppm());
    }

    #[test]
    fn a_microphone_without_loudspeaker_measures_nothing() {
        let mut tracker = DriftTracker::default();
        (0..500).for_each(|n| tracker.on_capture(n * 480, n as f64 / 100.0));
        assert_eq!((tracker.phase_s(5.0), tracker.drift(), tracker.rough_phase_s()), (None, 0.0, None));
    }
}
