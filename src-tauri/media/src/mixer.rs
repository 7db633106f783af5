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

    /// Adds one voice, `gain` times as loud (1 leaves it, 0 mutes it).
    pub fn add(&mut self, samples: &[f32; CHUNK_SAMPLES], gain: f32) {
        for (sum, sample) in self.sum.iter_mut().zip(samples) {
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
        mixer.add(&[0.2; CHUNK_SAMPLES], 1.0);
        mixer.add(&[0.4; CHUNK_SAMPLES], 0.5);
        mixer.take(&mut out);
        assert!(out.iter().all(|&sample| (sample - 0.4).abs() < 1e-6));
        mixer.take(&mut out);
        assert_eq!(out, [0.0; CHUNK_SAMPLES]);
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
