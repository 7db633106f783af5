//! Whether someone speaks, and whether a person who is muted should be told so.

use sonora_agc2::vad_wrapper::VoiceActivityDetectorWrapper;

use crate::audio::{CHUNK_SAMPLES, SAMPLE_RATE};

/// Chunks of 10 ms that are looked back at: half a second.
const WINDOW: u32 = 50;

/// So many of them with speech are someone speaking: a cough or a key is shorter.
const ENOUGH_VOICED: u32 = 25;

/// With fewer, nobody speaks ...
const FEW_VOICED: u32 = 5;

/// ... and after two and a half seconds of that the person is no longer told.
const CALM_CHUNKS: u32 = 250;

/// Decides when a person speaks into a muted microphone: told once, taken back once. Pure; a push is 10 ms.
///
/// ```text
///           25 of 50 chunks are speech
///   quiet ──────────────────────────────▶ told
///     ▲                                    │
///     └── not muted, or 2.5 s of silence ──┘
/// ```
#[derive(Debug, Default)]
pub struct MutedSpeech {
    /// The last chunks, one bit each.
    voiced: u64,
    calm: u32,
    told: bool,
}

impl MutedSpeech {
    /// Returns what has changed. `is_speech` is asked only while `muted`.
    pub fn push(&mut self, muted: bool, is_speech: impl FnOnce() -> bool) -> Option<bool> {
        if !muted {
            let told = std::mem::take(self).told;
            return told.then_some(false);
        }
        self.voiced = (self.voiced << 1 | u64::from(is_speech())) & ((1 << WINDOW) - 1);
        let voiced = self.voiced.count_ones();
        self.calm = if voiced < FEW_VOICED { self.calm + 1 } else { 0 };
        let speaks = if self.told { self.calm < CALM_CHUNKS } else { voiced >= ENOUGH_VOICED };
        (std::mem::replace(&mut self.told, speaks) != speaks).then_some(speaks)
    }
}

/// Speech is at least this likely.
const LIKELY: f32 = 0.8;

/// Speech is at least so much louder than the room, and at least so loud, in dBFS.
const ABOVE_FLOOR_DB: f32 = 9.0;
const LEAST_DB: f32 = -55.0;

/// Tells speech from other sounds by a small neural network that looks at pitch and spectrum.
#[derive(Debug)]
pub(super) struct SpeechDetector {
    network: VoiceActivityDetectorWrapper,
}

impl SpeechDetector {
    pub(super) fn new() -> Self {
        Self { network: VoiceActivityDetectorWrapper::new(sonora_simd::detect_backend(), SAMPLE_RATE as i32) }
    }

    /// Chunks are expected one after the other; `floor_db` is the loudness of the room.
    pub(super) fn is_speech(&mut self, samples: &[f32; CHUNK_SAMPLES], floor_db: Option<f32>) -> bool {
        /// The network knows samples of 16 bit.
        const FULL_SCALE: f32 = 32_768.0;
        let likely = self.network.analyze(&samples.map(|sample| sample * FULL_SCALE)) > LIKELY;
        let energy = samples.iter().map(|sample| sample * sample).sum::<f32>() / CHUNK_SAMPLES as f32;
        let threshold_db = floor_db.map_or(LEAST_DB, |floor| (floor + ABOVE_FLOOR_DB).max(LEAST_DB));
        likely && 10.0 * energy.log10() > threshold_db
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is told, with the number of the chunk.
    fn told(speech: &mut MutedSpeech, chunks: impl IntoIterator<Item = (bool, bool)>) -> Vec<(usize, bool)> {
        let pushed = chunks.into_iter().enumerate();
        pushed.filter_map(|(n, (muted, voiced))| Some((n, speech.push(muted, || voiced)?))).collect()
    }

    #[test]
    fn speech_is_told_after_a_moment_once_and_taken_back_once() {
        let mut speech = MutedSpeech::default();
        // 0.7 of the chunks of a sentence are voiced.
        let sentence = (0..300).map(|n| (true, n % 10 < 7));
        let silence = (0..600).map(|_| (true, false));
        let told = told(&mut speech, sentence.chain(silence));
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].1 && (25..60).contains(&told[0].0), "{told:?}");
        assert!(!told[1].1 && (540..620).contains(&told[1].0), "{told:?}");
    }

    #[test]
    fn a_cough_is_not_told() {
        let mut speech = MutedSpeech::default();
        let coughs = (0..3_000).map(|n| (true, n % 300 < 20));
        assert_eq!(told(&mut speech, coughs), []);
    }

    #[test]
    fn a_breath_between_sentences_takes_nothing_back() {
        let mut speech = MutedSpeech::default();
        let talk = (0..2_000).map(|n| (true, n % 350 < 150));
        assert_eq!(told(&mut speech, talk).len(), 1);
    }

    #[test]
    fn unmuting_takes_it_back_at_once_and_muting_begins_anew() {
        let mut speech = MutedSpeech::default();
        let talk = |muted| (0..100).map(move |_| (muted, true));
        let told = told(&mut speech, talk(true).chain(talk(false)).chain(talk(true)));
        assert_eq!(told, [(24, true), (100, false), (224, true)]);
    }

    #[test]
    fn nobody_is_told_while_not_muted() {
        let mut speech = MutedSpeech::default();
        assert_eq!(told(&mut speech, (0..500).map(|_| (false, true))), []);
    }
}
