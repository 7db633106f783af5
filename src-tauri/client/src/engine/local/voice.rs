//! The person's voice on its way to the encoder: real microphones go through the voice chain, everything else does not.

use parley_media::voice::{RenderTap, render_line};
use parley_media::{AudioChunk, AudioSourceConfig, VoiceChain, VoiceConfig};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The chain, and what it noticed last. The microphone's thread holds the lock for less than a millisecond at a time; no
/// audio callback ever wants it.
#[derive(Debug)]
pub(super) struct Voice {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    chain: VoiceChain,
    noise_floor_db: Option<f32>,
}

impl Voice {
    pub(super) fn new(config: VoiceConfig) -> Self {
        Self { state: Mutex::new(State { chain: VoiceChain::new(config), noise_floor_db: None }) }
    }

    pub(super) fn set_config(&self, config: VoiceConfig) {
        self.lock().chain.set_config(config);
    }

    pub(super) fn noise_floor_db(&self) -> Option<f32> {
        self.lock().noise_floor_db
    }

    /// Cleans what a microphone heard. Returns whether the person began or ceased to speak while `muted`.
    pub(super) fn clean(&self, chunk: &mut AudioChunk, muted: bool) -> Option<bool> {
        let mut state = self.lock();
        let heard = state.chain.process(chunk, muted);
        state.noise_floor_db = heard.noise_floor_db;
        heard.speaking_while_muted
    }

    /// The microphone is gone: nothing is known of the room. Returns as [`Voice::clean`] does.
    pub(super) fn on_microphone_lost(&self) -> Option<bool> {
        let mut state = self.lock();
        state.noise_floor_db = None;
        state.chain.forget_speech()
    }

    /// Hears a loudspeaker that is being opened, and no other from here on.
    pub(super) fn listen_to_speaker(&self) -> RenderTap {
        let (tap, line) = render_line();
        self.lock().chain.listen_to(line);
        tap
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A microphone hears a room and its loudspeaker. Test sounds are sent as they are: they are measured at the other end.
pub(super) fn hears_a_room(source: &AudioSourceConfig) -> bool {
    match source {
        AudioSourceConfig::Device { .. } => true,
        AudioSourceConfig::File { .. }
        | AudioSourceConfig::Clicks
        | AudioSourceConfig::DriftingClicks { .. }
        | AudioSourceConfig::Silence => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parley_media::voice::measure::signal::speech;
    use parley_media::{CHUNK_DURATION, CHUNK_SAMPLES};
    use std::time::Instant;

    /// A call in which the others speak through a loudspeaker into the microphone; the level of the echo that is left, in
    /// dB, and what was told of the muted person.
    fn echo_left_db(voice: &Voice, muted: bool) -> (f64, Vec<bool>) {
        let mut tap = voice.listen_to_speaker();
        let far = speech(21, 6, 0.1);
        let (start, mut told, mut echo, mut left) = (Instant::now(), Vec::new(), 0.0, 0.0);
        for (n, window) in far.windows(CHUNK_SAMPLES * 5).step_by(CHUNK_SAMPLES).enumerate() {
            let captured_at = start + CHUNK_DURATION * n as u32;
            let (heard, asked) = (&window[..CHUNK_SAMPLES], &window[CHUNK_SAMPLES * 4..]);
            tap.on_played(asked.try_into().unwrap(), captured_at + CHUNK_DURATION * 4);
            let mut chunk = AudioChunk { samples: std::array::from_fn(|i| heard[i] * 0.4), captured_at };
            told.extend(voice.clean(&mut chunk, muted && n > 200));
            if n > 200 {
                echo += heard.iter().map(|&s| f64::from(s * 0.4).powi(2)).sum::<f64>();
                left += chunk.samples.iter().map(|&s| f64::from(s).powi(2)).sum::<f64>();
            }
        }
        (10.0 * (left / echo).log10(), told)
    }

    #[test]
    fn what_the_loudspeaker_plays_is_not_sent_back() {
        let config = VoiceConfig { echo_cancellation: true, ..VoiceConfig::OFF };
        let (left_db, told) = echo_left_db(&Voice::new(config), true);
        assert!(left_db < -30.0, "{left_db}");
        assert!(told.is_empty(), "{told:?}");
    }

    #[test]
    fn it_is_sent_back_when_the_person_wants_it_so() {
        let voice = Voice::new(VoiceConfig::ALL);
        voice.set_config(VoiceConfig::OFF);
        let (left_db, _) = echo_left_db(&voice, false);
        assert!(left_db.abs() < 0.1, "{left_db}");
    }

    #[test]
    fn a_lost_microphone_takes_the_hint_and_the_noise_floor_back() {
        let voice = Voice::new(VoiceConfig::ALL);
        let start = Instant::now();
        let mut told = Vec::new();
        for (n, samples) in speech(22, 4, 0.1).chunks_exact(CHUNK_SAMPLES).enumerate() {
            let captured_at = start + CHUNK_DURATION * n as u32;
            let mut chunk = AudioChunk { samples: samples.try_into().unwrap(), captured_at };
            told.extend(voice.clean(&mut chunk, true));
        }
        assert_eq!(told, [true]);
        assert!(voice.noise_floor_db().is_some());
        assert_eq!(voice.on_microphone_lost(), Some(false));
        assert_eq!(voice.on_microphone_lost(), None);
        assert_eq!(voice.noise_floor_db(), None);
    }
}
