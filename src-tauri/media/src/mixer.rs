//! Adds the voices of several people into one.

use crate::audio::CHUNK_SAMPLES;

/// Collects chunks of 10 ms and gives their sum, with loud sums bent instead of cut.
#[derive(Clone, Debug)]
pub struct Mixer {
    sum: [f32; CHUNK_SAMPLES],
}

impl Mixer {
    pub fn new() -> Self {
        Self { sum: [0.0; CHUNK_SAMPLES] }
    }

    /// Adds one voice as loud as `fader` says.
    pub fn add(&mut self, samples: &[f32; CHUNK_SAMPLES], fader: &mut Fader) {
        let (mut gain, step) = fader.advance();
        for (sum, sample) in self.sum.iter_mut().zip(samples) {
            gain += step;
            *sum += sample * gain;
        }
    }

    /// Writes the mix, within -1..=1, and starts anew.
    pub fn take(&mut self, out: &mut [f32; CHUNK_SAMPLES]) {
        for (out, sum) in out.iter_mut().zip(&mut self.sum) {
            *out = soft_clip(*sum);
            *sum = 0.0;
        }
    }
}

impl Default for Mixer {
    fn default() -> Self {
        Self::new()
    }
}

/// How loud one voice is. A change is spread over a chunk, because a step would be heard as a click.
#[derive(Clone, Copy, Debug)]
pub struct Fader {
    current: f32,
    wanted: f32,
}

impl Fader {
    /// Loudest gain: 6 dB.
    pub const MAX_GAIN: f32 = 2.0;

    /// Begins at `gain` without a ramp.
    pub fn new(gain: f32) -> Self {
        let gain = Self::bounded(gain);
        Self { current: gain, wanted: gain }
    }

    /// From the next chunk on the voice is `gain` times as loud: 0 mutes, 1 leaves it, 2 doubles. What is not a number
    /// counts as 1.
    pub fn set(&mut self, gain: f32) {
        self.wanted = Self::bounded(gain);
    }

    /// The gain before the next chunk, and what it grows by from sample to sample.
    fn advance(&mut self) -> (f32, f32) {
        let from = std::mem::replace(&mut self.current, self.wanted);
        (from, (self.wanted - from) / CHUNK_SAMPLES as f32)
    }

    fn bounded(gain: f32) -> f32 {
        if gain.is_nan() { 1.0 } else { gain.clamp(0.0, Self::MAX_GAIN) }
    }
}

impl Default for Fader {
    fn default() -> Self {
        Self::new(1.0)
    }
}

/// Where bending begins: below it nothing changes.
const KNEE: f32 = 0.8;

/// Leaves -0.8..=0.8 as it is and bends everything beyond smoothly towards 1. What is not a number becomes silence.
fn soft_clip(sample: f32) -> f32 {
    let loudness = sample.abs();
    if loudness <= KNEE {
        return sample;
    }
    if sample.is_nan() {
        return 0.0;
    }
    let room = 1.0 - KNEE;
    let over = ((loudness - KNEE) / room).min(1e6);
    (KNEE + room * over / (1.0 + over)).copysign(sample)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn voices_are_added_with_their_gain_and_only_once() {
        let (mut mixer, mut out) = (Mixer::new(), [9.0; CHUNK_SAMPLES]);
        mixer.add(&[0.2; CHUNK_SAMPLES], &mut Fader::default());
        mixer.add(&[0.4; CHUNK_SAMPLES], &mut Fader::new(0.5));
        mixer.take(&mut out);
        assert!(out.iter().all(|&sample| (sample - 0.4).abs() < 1e-6));
        mixer.take(&mut out);
        assert_eq!(out, [0.0; CHUNK_SAMPLES]);
    }

    #[test]
    fn a_new_volume_is_reached_within_a_chunk_without_a_step() {
        let (mut mixer, mut fader, mut heard) = (Mixer::new(), Fader::default(), Vec::new());
        for gain in [1.0, 0.0, 0.0, 2.0, f32::NAN] {
            fader.set(gain);
            mixer.add(&[0.3; CHUNK_SAMPLES], &mut fader);
            let mut out = [0.0; CHUNK_SAMPLES];
            mixer.take(&mut out);
            heard.extend(out);
        }
        let largest = heard.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
        assert!(largest < 0.3 * 2.0 / CHUNK_SAMPLES as f32 * 1.1, "{largest}");
        let after = |chunk: usize| heard[chunk * CHUNK_SAMPLES - 1];
        assert!((after(1) - 0.3).abs() < 1e-3 && after(2).abs() < 1e-3 && after(3).abs() < 1e-3);
        assert!((after(4) - 0.6).abs() < 1e-3 && (after(5) - 0.3).abs() < 1e-3);
    }

    #[test]
    fn twenty_five_voices_are_mixed_and_stay_within_bounds() {
        let (mut mixer, mut out) = (Mixer::new(), [0.0; CHUNK_SAMPLES]);
        for _ in 0..25 {
            mixer.add(&[0.9; CHUNK_SAMPLES], &mut Fader::new(2.0));
        }
        mixer.take(&mut out);
        assert!(out.iter().all(|&sample| (0.98..=1.0).contains(&sample)));
    }

    proptest! {
        #[test]
        fn output_is_bounded_ordered_and_odd(a in any::<f32>(), b in -50.0f32..50.0, c in -50.0f32..50.0) {
            prop_assert!(soft_clip(a).abs() <= 1.0);
            prop_assert_eq!(soft_clip(-b), -soft_clip(b));
            if b < c {
                prop_assert!(soft_clip(b) <= soft_clip(c));
            }
        }
    }
}
