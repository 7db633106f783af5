//! Clicks that tell when they were made: one begins at every full second of the wall clock, so whoever hears one at
//! 12.083 s knows that the sound took 83 ms.

use std::time::{Duration, Instant};

use super::wall_us;
use crate::audio::{CHUNK_SAMPLES, SAMPLE_RATE};

const SECOND_US: i64 = 1_000_000;

/// A click: a burst of 2 kHz, long enough to survive Opus at speech rates.
const CLICK_SAMPLES: i64 = 480;
const CLICK_HZ: f32 = 2_000.0;
const CLICK_AMPLITUDE: f32 = 0.6;

/// Makes the click track: silence with a 10 ms burst of 2 kHz at every full second of the wall clock.
#[derive(Debug, Default)]
pub struct ClickTrack {
    /// Samples since a full second of the next sample, to keep a burst whole when the caller's times wobble.
    position: Option<i64>,
}

impl ClickTrack {
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes one chunk whose first sample belongs to `starts_at`. Chunks are expected one after the other; a step of more
    /// than 2 ms in their times makes the track jump there.
    pub fn fill(&mut self, samples: &mut [f32; CHUNK_SAMPLES], starts_at: Instant) {
        const TOLERANCE_SAMPLES: i64 = 96;
        let wanted = wall_us(starts_at).rem_euclid(SECOND_US) * i64::from(SAMPLE_RATE) / SECOND_US;
        let rate = i64::from(SAMPLE_RATE);
        let steady = self.position.filter(|&position| {
            let step = (wanted - position).rem_euclid(rate);
            step.min(rate - step) <= TOLERANCE_SAMPLES
        });
        let start = steady.unwrap_or(wanted);
        // A burst whose beginning was missed would be heard as a delay. What is left of it ends within the chunk.
        let cut = steady.is_none() && (1..CLICK_SAMPLES).contains(&start);
        for (offset, sample) in samples.iter_mut().enumerate() {
            let at = (start + offset as i64) % rate;
            *sample = if at < CLICK_SAMPLES && !cut { burst(at) } else { 0.0 };
        }
        self.position = Some((start + CHUNK_SAMPLES as i64) % rate);
    }
}

fn burst(at: i64) -> f32 {
    let seconds = at as f32 / SAMPLE_RATE as f32;
    CLICK_AMPLITUDE * (seconds * CLICK_HZ * std::f32::consts::TAU).sin()
}

/// A click that was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Click {
    /// When its first sound was heard, in the time that was given with the chunks.
    pub at: Instant,
    /// How long it took since the full second at which it was made, below 999 ms.
    pub latency: Duration,
}

/// Hears the clicks of a [`ClickTrack`] that went through codecs and loudspeakers. Onsets are told to about 2 ms.
#[derive(Debug)]
pub struct ClickDetector {
    /// Energy of the 2 kHz band in the background, per sample, slowly followed.
    background: f32,
    deaf_until: Option<Instant>,
}

/// Samples over which energy is measured: 1 ms, two periods of the click.
const WINDOW: usize = 48;

/// Least energy per sample of a click: an amplitude of about 0.05. Lower, the pre-echo of Opus would be heard instead.
const MIN_ENERGY: f32 = 0.001;

/// How far a click must stand out of the background.
const CONTRAST: f32 = 20.0;

/// Nothing is heard for so long after a click, to skip its echo and its ringing.
const DEAF_TIME: Duration = Duration::from_millis(500);

impl ClickDetector {
    pub fn new() -> Self {
        Self { background: 0.0, deaf_until: None }
    }

    /// Listens to one chunk of 48 kHz mono whose first sample is heard at `heard_at`. Tells the click that begins in it.
    pub fn push(&mut self, samples: &[f32], heard_at: Instant) -> Option<Click> {
        let mut heard = None;
        for (index, window) in samples.chunks_exact(WINDOW).enumerate() {
            let at = heard_at + samples_to_time(index * WINDOW);
            let energy = band_energy(window);
            let deaf = self.deaf_until.is_some_and(|until| at < until);
            if !deaf && energy > MIN_ENERGY && energy > self.background * CONTRAST {
                let onset = at + samples_to_time(first_loud_sample(window));
                self.deaf_until = Some(onset + DEAF_TIME);
                heard = Some(Click { at: onset, latency: since_full_second(onset) });
            }
            // Follows in about 50 ms: a click is forgotten before the next one, a steady tone becomes background.
            self.background += (energy - self.background) * 0.02;
        }
        heard
    }
}

impl Default for ClickDetector {
    fn default() -> Self {
        Self::new()
    }
}

/// Mean energy around 2 kHz of one window (Goertzel over whole periods).
fn band_energy(window: &[f32]) -> f32 {
    let (mut re, mut im) = (0.0, 0.0);
    for (n, sample) in window.iter().enumerate() {
        let phase = n as f32 * CLICK_HZ / SAMPLE_RATE as f32 * std::f32::consts::TAU;
        re += sample * phase.cos();
        im += sample * phase.sin();
    }
    (re * re + im * im) * 2.0 / (window.len() * window.len()) as f32
}

fn first_loud_sample(window: &[f32]) -> usize {
    let peak = window.iter().fold(0.0f32, |peak, sample| peak.max(sample.abs()));
    window.iter().position(|sample| sample.abs() > peak * 0.3).unwrap_or(0)
}

fn samples_to_time(samples: usize) -> Duration {
    Duration::from_nanos(samples as u64 * 1_000_000_000 / u64::from(SAMPLE_RATE))
}

/// The last millisecond of a second counts as a click that was timed a little early by rounding.
fn since_full_second(at: Instant) -> Duration {
    let since_us = wall_us(at).rem_euclid(SECOND_US);
    if since_us >= SECOND_US - 1_000 { Duration::ZERO } else { Duration::from_micros(since_us as u64) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        audio::CHUNK_DURATION,
        codec::opus::{Decoder, Encoder, OpusConfig},
    };

    /// Plays the track for `seconds` from now on, changes the sound by `through`, and gives the latencies in milliseconds.
    fn heard(seconds: usize, delay: Duration, through: impl FnMut([f32; CHUNK_SAMPLES]) -> Vec<f32>) -> Vec<f64> {
        heard_from(Instant::now(), seconds, delay, through)
    }

    fn heard_from(
        start: Instant,
        seconds: usize,
        delay: Duration,
        mut through: impl FnMut([f32; CHUNK_SAMPLES]) -> Vec<f32>,
    ) -> Vec<f64> {
        let (mut track, mut detector) = (ClickTrack::new(), ClickDetector::new());
        (0..seconds as u32 * 100)
            .filter_map(|n| {
                let at = start + CHUNK_DURATION * n;
                let mut chunk = [0.0; CHUNK_SAMPLES];
                track.fill(&mut chunk, at);
                detector.push(&through(chunk), at + delay)
            })
            .map(|click| click.latency.as_secs_f64() * 1e3)
            .collect()
    }

    #[test]
    fn delay_is_told_to_a_millisecond() {
        for delay_ms in [0, 3, 57, 400, 950] {
            let latencies = heard(5, Duration::from_millis(delay_ms), |chunk| chunk.to_vec());
            assert!((4..=6).contains(&latencies.len()), "{latencies:?}");
            assert!(latencies.iter().all(|ms| (ms - delay_ms as f64).abs() < 1.0), "{delay_ms}: {latencies:?}");
        }
    }

    #[test]
    fn track_that_begins_within_a_click_waits_for_the_next() {
        let now = Instant::now();
        let second = now + Duration::from_micros((SECOND_US - wall_us(now).rem_euclid(SECOND_US)) as u64);
        for late_us in [0, 300, 2_816, 9_000, 9_990] {
            let latencies =
                heard_from(second + Duration::from_micros(late_us), 3, Duration::ZERO, |chunk| chunk.to_vec());
            assert!((2..=3).contains(&latencies.len()), "{late_us}: {latencies:?}");
            assert!(latencies.iter().all(|ms| *ms < 1.0), "{late_us}: {latencies:?}");
        }
    }

    #[test]
    fn clicks_are_heard_through_noise_and_quiet() {
        let mut seed = 1u32;
        let latencies = heard(5, Duration::from_millis(20), |chunk| {
            chunk
                .map(|sample| {
                    seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    sample * 0.2 + (seed >> 8) as f32 / (1 << 24) as f32 * 0.02 - 0.01
                })
                .to_vec()
        });
        assert!((4..=6).contains(&latencies.len()), "{latencies:?}");
        assert!(latencies.iter().all(|ms| (ms - 20.0).abs() < 2.0), "{latencies:?}");
    }

    #[test]
    fn clicks_survive_opus_at_speech_rate() {
        let mut encoder = Encoder::new(OpusConfig { bitrate_bps: 24_000, ..OpusConfig::default() }).unwrap();
        let mut decoder = Decoder::new().unwrap();
        let mut pair = Vec::new();
        let mut out = std::collections::VecDeque::from(vec![0.0; CHUNK_SAMPLES]);
        let latencies = heard(8, Duration::ZERO, |chunk| {
            pair.extend_from_slice(&chunk);
            if pair.len() == 960 {
                let packet = encoder.encode(&pair).unwrap();
                out.extend(decoder.decode(&packet).unwrap());
                pair.clear();
            }
            out.drain(..CHUNK_SAMPLES).collect()
        });
        assert!((7..=9).contains(&latencies.len()), "{latencies:?}");
        // Ten milliseconds of packetising and 6.5 ms of codec look-ahead.
        assert!(latencies.iter().all(|ms| (ms - 16.5).abs() < 6.0), "{latencies:?}");
    }

    #[test]
    fn a_steady_tone_is_one_click_at_most_and_silence_none() {
        let start = Instant::now();
        let clicks = |hz: f32, amplitude: f32| {
            let mut detector = ClickDetector::new();
            let sample = |n: u32| amplitude * (n as f32 * hz / 48_000.0 * std::f32::consts::TAU).sin();
            let chunks = (0..300u32).map(|n| (n, (0..480).map(|i| sample(n * 480 + i)).collect::<Vec<f32>>()));
            chunks.filter_map(|(n, chunk)| detector.push(&chunk, start + CHUNK_DURATION * n)).count()
        };
        assert_eq!(clicks(440.0, 0.0), 0);
        assert!(clicks(440.0, 0.3) <= 1);
        assert_eq!(clicks(2_000.0, 0.3), 1);
    }
}
