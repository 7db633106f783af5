//! How loud it is in a room where nobody speaks.

use std::collections::VecDeque;

use crate::audio::CHUNK_SAMPLES;

/// Energies are averaged over 60 ms first, or the floor would be the quietest moment of the noise, not its level.
const AVERAGED: usize = 6;

/// One minimum is kept per half second ...
const CHUNKS_PER_BLOCK: usize = 50;

/// ... for four seconds: nobody speaks longer without a breath.
const BLOCKS: usize = 8;

/// The minimum of smoothed noise lies about this far below its mean (measured on white and on pink noise).
const MINIMUM_BIAS_DB: f32 = 0.5;

/// Digital silence.
const LOWEST_DB: f32 = -120.0;

/// Follows the minimum of the loudness over the last four seconds (minimum statistics).
#[derive(Debug)]
pub(super) struct NoiseFloor {
    /// Energies of the newest chunks, in any order, and how many chunks there were.
    recent: [f32; AVERAGED],
    count: usize,
    /// Least energy of the current block, and of the ones before it.
    current: f32,
    blocks: VecDeque<f32>,
}

impl NoiseFloor {
    pub(super) fn new() -> Self {
        Self { recent: [0.0; AVERAGED], count: 0, current: f32::INFINITY, blocks: VecDeque::with_capacity(BLOCKS) }
    }

    pub(super) fn push(&mut self, samples: &[f32; CHUNK_SAMPLES]) {
        let energy = samples.iter().map(|sample| sample * sample).sum::<f32>() / CHUNK_SAMPLES as f32;
        self.recent[self.count % AVERAGED] = energy;
        self.count += 1;
        if self.count < AVERAGED {
            return;
        }
        self.current = self.current.min(self.recent.iter().sum::<f32>() / AVERAGED as f32);
        if self.count.is_multiple_of(CHUNKS_PER_BLOCK) {
            if self.blocks.len() == BLOCKS {
                self.blocks.pop_front();
            }
            self.blocks.push_back(std::mem::replace(&mut self.current, f32::INFINITY));
        }
    }

    /// The floor in dBFS (0 is a square wave of full scale), at least -120. `None` in the first half second.
    pub(super) fn level_db(&self) -> Option<f32> {
        let finished = self.blocks.iter().copied().reduce(f32::min)?;
        let energy = finished.min(self.current);
        Some((10.0 * energy.log10() + MINIMUM_BIAS_DB).max(LOWEST_DB))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::voice::measure::signal::Noise;

    fn push_seconds(floor: &mut NoiseFloor, seconds: usize, mut sample: impl FnMut(usize) -> f32) {
        for chunk in 0..seconds * 100 {
            floor.push(&std::array::from_fn(|n| sample(chunk * CHUNK_SAMPLES + n)));
        }
    }

    #[test]
    fn the_level_of_steady_noise_is_told() {
        for wanted_db in [-70.0f32, -50.0, -30.0] {
            let (mut floor, mut noise) = (NoiseFloor::new(), Noise::new(7));
            let amplitude = 10f32.powf(wanted_db / 20.0) * 3f32.sqrt();
            push_seconds(&mut floor, 6, |_| amplitude * noise.next());
            let told = floor.level_db().unwrap();
            assert!((told - wanted_db).abs() < 2.0, "{told} for {wanted_db}");
        }
    }

    #[test]
    fn speech_with_breaths_does_not_raise_it_and_a_fan_does() {
        let (mut floor, mut noise) = (NoiseFloor::new(), Noise::new(8));
        let amplitude = |db: f32| 10f32.powf(db / 20.0) * 3f32.sqrt();
        // 1.5 s of loud sound, 0.3 s of pause.
        push_seconds(&mut floor, 9, |n| {
            let loud = n % 86_400 < 72_000;
            noise.next() * if loud { amplitude(-20.0) } else { amplitude(-60.0) }
        });
        let told = floor.level_db().unwrap();
        assert!((told + 60.0).abs() < 3.0, "{told}");
        push_seconds(&mut floor, 6, |_| noise.next() * amplitude(-35.0));
        let told = floor.level_db().unwrap();
        assert!((told + 35.0).abs() < 2.0, "{told}");
    }

    #[test]
    fn nothing_is_told_before_half_a_second_and_silence_has_a_number() {
        let mut floor = NoiseFloor::new();
        floor.push(&[0.0; CHUNK_SAMPLES]);
        assert_eq!(floor.level_db(), None);
        push_seconds(&mut floor, 1, |_| 0.0);
        assert_eq!(floor.level_db(), Some(LOWEST_DB));
    }
}
