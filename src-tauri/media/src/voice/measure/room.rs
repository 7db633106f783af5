//! The way from a loudspeaker to a microphone in a small room.

use super::signal::Noise;
use crate::audio::SAMPLE_RATE;

/// The direct sound and reflections that die away, as a sparse impulse response.
pub(super) struct Room {
    /// Delay in samples and gain.
    paths: Vec<(usize, f32)>,
}

/// Sound comes back for 60 ms, and is 60 dB weaker after 150 ms.
const LENGTH_S: f32 = 0.06;
const DECAY_60_DB_S: f32 = 0.15;
const REFLECTIONS: usize = 250;
/// About a metre.
const DIRECT_S: f32 = 0.003;

impl Room {
    /// `gain` is the level of all of its paths together, for noise.
    pub(super) fn new(seed: u64, gain: f32) -> Self {
        let mut rng = Noise::new(seed);
        let at = |seconds: f32| (seconds * SAMPLE_RATE as f32) as usize;
        let mut paths = vec![(at(DIRECT_S), 1.0)];
        paths.extend((0..REFLECTIONS).map(|_| {
            let later_s = rng.between(0.001, LENGTH_S);
            (at(DIRECT_S + later_s), 0.35 * rng.next() * 10f32.powf(-3.0 * later_s / DECAY_60_DB_S))
        }));
        let energy: f32 = paths.iter().map(|(_, gain)| gain * gain).sum();
        let scale = gain / energy.sqrt();
        paths.iter_mut().for_each(|(_, path_gain)| *path_gain *= scale);
        Self { paths }
    }

    pub(super) fn echo_of(&self, played: &[f32]) -> Vec<f32> {
        let mut heard = vec![0.0; played.len()];
        for &(delay, gain) in &self.paths {
            heard[delay..].iter_mut().zip(played).for_each(|(heard, sample)| *heard += sample * gain);
        }
        heard
    }
}
