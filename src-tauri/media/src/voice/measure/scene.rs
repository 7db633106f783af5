//! One call: who speaks when, the two devices with their own clocks, and the chain between them.

use std::{
    ops::Range,
    time::{Duration, Instant},
};

use super::{
    room::Room,
    signal::{Noise, speech},
};
use crate::{
    audio::{AudioChunk, CHUNK_SAMPLES, SAMPLE_RATE},
    resample::ToChunks,
    voice::{VoiceChain, VoiceConfig, render_line},
};

const SECONDS: usize = 26;
pub(super) const FAR_ALONE: Range<usize> = seconds(2, 12);
pub(super) const DOUBLE_TALK: Range<usize> = seconds(12, 20);
/// From 0.1 s later: the chain and the room still hold the person's last syllable.
pub(super) const FAR_AFTER: Range<usize> = DOUBLE_TALK.end + SAMPLE_RATE as usize / 10..seconds(0, SECONDS).end;

/// Levels: speech at -22 dBFS, its echo 8 dB below, the room's noise at -70 dBFS.
const SPEECH_RMS: f32 = 0.08;
const ECHO_GAIN: f32 = 0.4;
const NOISE_AMPLITUDE: f32 = 5.5e-4;

/// From the moment at which sound is asked for to the one at which it is heard.
const PLAYOUT_DELAY: Duration = Duration::from_millis(25);
/// From the end of a chunk at the microphone to its delivery.
const CAPTURE_DELAY: Duration = Duration::from_millis(12);
/// Threads come late, and times are told wrong, by up to this.
const JITTER_S: f32 = 0.004;

const fn seconds(from: usize, to: usize) -> Range<usize> {
    from * SAMPLE_RATE as usize..to * SAMPLE_RATE as usize
}

pub(super) struct Scene {
    seed: u64,
    /// How many samples the loudspeaker plays in the time of one sample of the microphone.
    speed: f64,
    far: Vec<f32>,
    pub(super) near: Vec<f32>,
    pub(super) echo: Vec<f32>,
}

impl Scene {
    pub(super) fn new(seed: u64, drift_ppm: f64) -> Self {
        let speed = 1.0 + drift_ppm * 1e-6;
        let far = speech(seed, SECONDS + 1, SPEECH_RMS);
        let mut near = speech(seed + 1_000, SECONDS, SPEECH_RMS);
        near[..DOUBLE_TALK.start].fill(0.0);
        near[DOUBLE_TALK.end..].fill(0.0);
        let echo = Room::new(seed + 2_000, ECHO_GAIN).echo_of(&as_heard(&far, speed));
        Self { seed, speed, far, near, echo }
    }

    /// What comes out of the chain, in time with what went into the microphone but for the chain's own delay. `config` is
    /// asked for every chunk of 10 ms.
    pub(super) fn run(&self, with_far_end: bool, config: impl Fn(usize) -> VoiceConfig) -> Vec<f32> {
        let (mut tap, line) = render_line();
        let mut chain = VoiceChain::new(config(0));
        chain.listen_to(line);
        let mut noise = Noise::new(self.seed + 3_000);
        let mut jitter = Noise::new(self.seed + 4_000);
        let start = Instant::now();
        let mut played = self.far.chunks_exact(CHUNK_SAMPLES).enumerate().peekable();
        let mut out = Vec::with_capacity(self.echo.len());
        for (n, echo) in self.echo.chunks_exact(CHUNK_SAMPLES).enumerate() {
            let captured_at = start + chunks(n as f64);
            let delivered_at = captured_at + chunks(1.0) + CAPTURE_DELAY + late(&mut jitter);
            while let Some((k, far)) = played.next_if(|(k, _)| start + chunks(*k as f64 / self.speed) < delivered_at) {
                let far: &[f32; CHUNK_SAMPLES] = far.try_into().expect("chunks are of this size");
                let samples = if with_far_end { *far } else { [0.0; CHUNK_SAMPLES] };
                let heard_at = start + chunks(k as f64 / self.speed) + PLAYOUT_DELAY;
                tap.on_played(&samples, heard_at + late(&mut jitter));
            }
            let near = &self.near[n * CHUNK_SAMPLES..];
            let echo_gain = f32::from(u8::from(with_far_end));
            let samples = std::array::from_fn(|i| near[i] + echo[i] * echo_gain + noise.next() * NOISE_AMPLITUDE);
            let mut chunk = AudioChunk { samples, captured_at: captured_at + late(&mut jitter) };
            chain.set_config(config(n));
            chain.process(&mut chunk, false);
            out.extend_from_slice(&chunk.samples);
        }
        out
    }
}

/// What a microphone's clock makes of sound from a loudspeaker's clock, 25 ms later.
fn as_heard(far: &[f32], speed: f64) -> Vec<f32> {
    let mut converter = ToChunks::adjustable();
    converter.set_speed(speed);
    let mut heard = vec![0.0; (PLAYOUT_DELAY.as_secs_f64() * f64::from(SAMPLE_RATE)) as usize];
    let (mut at, length) = (0, SECONDS * SAMPLE_RATE as usize);
    while heard.len() < length {
        let (needed, mut chunk) = (converter.needed(), [0.0; CHUNK_SAMPLES]);
        converter.convert(&far[at..at + needed], &mut chunk);
        at += needed;
        heard.extend_from_slice(&chunk);
    }
    heard.truncate(length);
    heard
}

fn chunks(count: f64) -> Duration {
    Duration::from_secs_f64(count * CHUNK_SAMPLES as f64 / f64::from(SAMPLE_RATE))
}

fn late(jitter: &mut Noise) -> Duration {
    Duration::from_secs_f32(jitter.between(0.0, JITTER_S))
}
