//! All parts in their order.

use sonora::{
    Config,
    config::{
        AdaptiveDigital, EchoCanceller, GainController2, MaxProcessingRate, NoiseSuppression, NoiseSuppressionLevel,
        Pipeline,
    },
};

use super::{
    VoiceConfig,
    activity::{MutedSpeech, SpeechDetector},
    high_pass::HighPass,
    noise_floor::NoiseFloor,
    reference::{Reference, RenderLine},
    stage::{Stage, Switch},
};
use crate::audio::{AudioChunk, CHUNK_SAMPLES};

/// Cleans what a microphone hears, 10 ms at a time, on the thread that delivers it. See the module for its parts.
///
/// One chunk takes about a third of a millisecond of one core. It never waits for another thread.
#[derive(Debug)]
pub struct VoiceChain {
    config: VoiceConfig,
    reference: Reference,
    high_pass: HighPass,
    high_pass_switch: Switch,
    echo: Stage,
    noise: Stage,
    gain: Stage,
    floor: NoiseFloor,
    detector: SpeechDetector,
    muted_speech: MutedSpeech,
}

/// What the chain noticed in a chunk.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heard {
    /// Loudness of the room without speech, in dBFS, before noise suppression. `None` in the first half second.
    pub noise_floor_db: Option<f32>,
    /// The person began (`true`) or ceased (`false`) to speak into the muted microphone. `None`: nothing changed.
    pub speaking_while_muted: Option<bool>,
}

impl VoiceChain {
    pub fn new(config: VoiceConfig) -> Self {
        Self {
            config,
            reference: Reference::default(),
            high_pass: HighPass::new(),
            high_pass_switch: Switch::default(),
            echo: Stage::new(echo_canceller),
            noise: Stage::new(noise_suppression),
            gain: Stage::new(automatic_gain),
            floor: NoiseFloor::new(),
            detector: SpeechDetector::new(),
            muted_speech: MutedSpeech::default(),
        }
    }

    /// Turns parts on and off with the next chunk, within 10 ms and without a gap.
    pub fn set_config(&mut self, config: VoiceConfig) {
        self.config = config;
    }

    /// Takes what is played from another loudspeaker, or from the same one opened again.
    pub fn listen_to(&mut self, line: RenderLine) {
        self.reference.listen_to(line);
    }

    /// The microphone is gone, and with it whoever spoke: returns `Some(false)` when that was told.
    pub fn forget_speech(&mut self) -> Option<bool> {
        self.muted_speech.push(false, || false)
    }

    /// Cleans one chunk in place. The chunk should be given even when nobody hears it (`muted`): the echo canceller keeps
    /// what it has learned. Samples that are no numbers become silence, louder ones than full scale are cut.
    pub fn process(&mut self, chunk: &mut AudioChunk, muted: bool) -> Heard {
        let samples = &mut chunk.samples;
        samples.iter_mut().for_each(|sample| *sample = finite(*sample));
        let mut played = [0.0; CHUNK_SAMPLES];
        self.reference.next(chunk.captured_at, &mut played);
        self.remove_rumble(samples);
        self.echo.run(self.config.echo_cancellation, samples, &played);
        self.noise.run(self.config.noise_suppression, samples, &played);
        let speaking_while_muted = self.listen_while_muted(samples, muted);
        self.gain.run(self.config.automatic_gain, samples, &played);
        Heard { noise_floor_db: self.floor.level_db(), speaking_while_muted }
    }

    fn remove_rumble(&mut self, samples: &mut [f32; CHUNK_SAMPLES]) {
        let dry = *samples;
        self.high_pass.filter(samples);
        self.floor.push(samples);
        let wanted = self.config.high_pass || self.config.echo_cancellation;
        self.high_pass_switch.choose(wanted, &dry, samples);
    }

    /// Listens before the gain, which would make a whisper in the next room loud.
    fn listen_while_muted(&mut self, samples: &[f32; CHUNK_SAMPLES], muted: bool) -> Option<bool> {
        let floor_db = self.floor.level_db();
        self.muted_speech.push(muted, || self.detector.is_speech(samples, floor_db))
    }
}

fn finite(sample: f32) -> f32 {
    if sample.is_finite() { sample.clamp(-1.0, 1.0) } else { 0.0 }
}

/// The whole band is kept: by default everything above 16 kHz is lost.
fn full_band() -> Config {
    let pipeline = Pipeline { maximum_internal_processing_rate: MaxProcessingRate::Rate48kHz, ..Pipeline::default() };
    Config { pipeline, ..Config::default() }
}

/// Its own high-pass is off: ours comes before it.
fn echo_canceller() -> Config {
    let canceller = EchoCanceller { enforce_high_pass_filtering: false, ..EchoCanceller::default() };
    Config { echo_canceller: Some(canceller), ..full_band() }
}

/// About 20 dB less noise in pauses, speech loses 0.4 dB.
fn noise_suppression() -> Config {
    let suppression = NoiseSuppression { level: NoiseSuppressionLevel::High, ..NoiseSuppression::default() };
    Config { noise_suppression: Some(suppression), ..full_band() }
}

/// Begins with little gain, so that turning it on is no shock, and stops where the noise of a room would become a nuisance.
fn automatic_gain() -> Config {
    let adaptive = AdaptiveDigital { initial_gain_db: 6.0, max_gain_db: 30.0, ..AdaptiveDigital::default() };
    let controller = GainController2 { adaptive_digital: Some(adaptive), ..GainController2::default() };
    Config { gain_controller2: Some(controller), ..full_band() }
}

#[cfg(test)]
#[path = "chain_tests.rs"]
mod tests;
