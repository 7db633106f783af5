//! Sounds made from a seed: noise, and something that a speech detector takes for speech.

use std::f32::consts::{PI, TAU};

use crate::audio::SAMPLE_RATE;

/// White noise, equally spread over -1..=1.
#[derive(Clone, Debug)]
pub struct Noise {
    state: u64,
}

impl Noise {
    pub fn new(seed: u64) -> Self {
        Self { state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d }
    }

    /// The next sample; the sequence never ends.
    #[expect(clippy::should_implement_trait, reason = "an iterator could end")]
    pub fn next(&mut self) -> f32 {
        // SplitMix64.
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        (mixed >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    /// A value between `low` and `high`.
    pub fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (self.next() * 0.5 + 0.5) * (high - low)
    }
}

/// Syllables of a voice (pulses through three resonances, gliding pitch), hisses between them, pauses between words.
/// 48 kHz mono, `rms` is the level of all of it.
pub fn speech(seed: u64, seconds: usize, rms: f32) -> Vec<f32> {
    let length = seconds * SAMPLE_RATE as usize;
    let mut samples = Vec::with_capacity(length + SAMPLE_RATE as usize);
    let mut rng = Noise::new(seed);
    let base_pitch_hz = rng.between(95.0, 190.0);
    while samples.len() < length {
        for _ in 0..rng.between(2.0, 6.0) as usize {
            hiss(&mut rng, &mut samples);
            syllable(&mut rng, base_pitch_hz, &mut samples);
        }
        let pause = rng.between(0.1, 0.35) * SAMPLE_RATE as f32;
        samples.extend(std::iter::repeat_n(0.0, pause as usize));
    }
    samples.truncate(length);
    let energy = samples.iter().map(|sample| sample * sample).sum::<f32>() / length as f32;
    let gain = rms / energy.sqrt();
    samples.iter_mut().for_each(|sample| *sample *= gain);
    samples
}

fn syllable(rng: &mut Noise, base_pitch_hz: f32, samples: &mut Vec<f32>) {
    let length = (rng.between(0.12, 0.28) * SAMPLE_RATE as f32) as usize;
    let mut resonances = [
        (Resonance::new(rng.between(300.0, 800.0), 80.0), 1.0),
        (Resonance::new(rng.between(900.0, 2_200.0), 110.0), 0.6),
        (Resonance::new(rng.between(2_400.0, 3_300.0), 170.0), 0.35),
    ];
    let (from_hz, to_hz) = (base_pitch_hz * rng.between(0.9, 1.3), base_pitch_hz * rng.between(0.8, 1.2));
    let loudness = rng.between(0.5, 1.0);
    let (mut phase, mut pulse, mut radiated) = (0.0, 0.0, 0.0);
    for n in 0..length {
        let share = n as f32 / length as f32;
        phase += (from_hz + (to_hz - from_hz) * share) / SAMPLE_RATE as f32;
        let closes = phase >= 1.0;
        phase -= f32::from(u8::from(closes));
        // A glottal pulse falls by 6 dB an octave, with a little breath mixed in; lips do not radiate what is steady.
        let before = pulse;
        pulse = pulse * 0.97 + f32::from(u8::from(closes)) + rng.next() * 0.01;
        radiated = radiated * 0.995 + pulse - before;
        let voiced: f32 = resonances.iter_mut().map(|(resonance, gain)| resonance.step(radiated) * *gain).sum();
        samples.push(voiced * loudness * (PI * share).sin().sqrt());
    }
}

fn hiss(rng: &mut Noise, samples: &mut Vec<f32>) {
    let length = (rng.between(0.02, 0.07) * SAMPLE_RATE as f32) as usize;
    let mut resonance = Resonance::new(rng.between(3_000.0, 7_000.0), 1_500.0);
    let loudness = rng.between(0.1, 0.5);
    samples.extend((0..length).map(|n| {
        let share = n as f32 / length as f32;
        resonance.step(rng.next()) * loudness * (PI * share).sin()
    }));
}

/// A resonator of two poles with about unit gain at its frequency.
struct Resonance {
    gain: f32,
    a: [f32; 2],
    before: [f32; 2],
}

impl Resonance {
    fn new(hz: f32, bandwidth_hz: f32) -> Self {
        let radius = (-PI * bandwidth_hz / SAMPLE_RATE as f32).exp();
        let angle = TAU * hz / SAMPLE_RATE as f32;
        let gain = (1.0 - radius) * (1.0 - 2.0 * radius * (2.0 * angle).cos() + radius * radius).sqrt();
        Self { gain, a: [2.0 * radius * angle.cos(), -radius * radius], before: [0.0; 2] }
    }

    fn step(&mut self, input: f32) -> f32 {
        let output = self.gain * input + self.a[0] * self.before[0] + self.a[1] * self.before[1];
        self.before = [output, self.before[0]];
        output
    }
}
