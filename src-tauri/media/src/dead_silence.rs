//! Tells a microphone that delivers nothing from a quiet room: a room always makes some noise, a dead microphone zeros.

use crate::audio::{CHUNK_DURATION, CHUNK_SAMPLES};

/// Longer than any driver fades in.
const CHUNKS_UNTIL_TOLD: u32 = 5_000 / CHUNK_DURATION.as_millis() as u32;

/// What a [`DeadSilence`] has noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// Every sample of the last five seconds was zero.
    Began,
    /// Something was heard, or nothing has to be.
    Ended,
}

/// Counts zeros.
#[derive(Debug, Default)]
pub struct DeadSilence {
    zero_chunks: u32,
}

impl DeadSilence {
    /// Takes in the next 10 ms as the device delivered them. While `muted` nothing has to be heard.
    pub fn push(&mut self, samples: &[f32; CHUNK_SAMPLES], muted: bool) -> Option<Silence> {
        let was_told = self.zero_chunks >= CHUNKS_UNTIL_TOLD;
        if muted || samples.iter().any(|&sample| sample != 0.0) {
            self.zero_chunks = 0;
            return was_told.then_some(Silence::Ended);
        }
        self.zero_chunks = (self.zero_chunks + 1).min(CHUNKS_UNTIL_TOLD);
        (!was_told && self.zero_chunks == CHUNKS_UNTIL_TOLD).then_some(Silence::Began)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZEROS: [f32; CHUNK_SAMPLES] = [0.0; CHUNK_SAMPLES];

    fn after_seconds(silence: &mut DeadSilence, seconds: usize, muted: bool) -> Vec<Silence> {
        (0..seconds * 100).filter_map(|_| silence.push(&ZEROS, muted)).collect()
    }

    #[test]
    fn zeros_are_told_once_and_the_first_sound_ends_them() {
        let mut silence = DeadSilence::default();
        assert_eq!(after_seconds(&mut silence, 4, false), []);
        assert_eq!(after_seconds(&mut silence, 60, false), [Silence::Began]);
        let mut noise = ZEROS;
        noise[479] = 1.0 / 32_768.0;
        assert_eq!(silence.push(&noise, false), Some(Silence::Ended));
        assert_eq!(silence.push(&noise, false), None);
        assert_eq!(after_seconds(&mut silence, 5, false), [Silence::Began]);
    }

    #[test]
    fn a_muted_microphone_may_be_silent() {
        let mut silence = DeadSilence::default();
        assert_eq!(after_seconds(&mut silence, 60, true), []);
        assert_eq!(after_seconds(&mut silence, 6, false), [Silence::Began]);
        assert_eq!(silence.push(&ZEROS, true), Some(Silence::Ended));
    }

    #[test]
    fn the_noise_of_a_quiet_room_is_heard() {
        let mut silence = DeadSilence::default();
        let mut quiet = ZEROS;
        quiet[7] = -1e-5;
        assert!((0..10_000).all(|_| silence.push(&quiet, false).is_none()));
    }
}
