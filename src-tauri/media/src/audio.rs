//! The one shape of sound inside Parley: mono, 48 kHz, `f32` in -1..=1, ten milliseconds at a time.

use std::time::{Duration, Instant};

/// Samples a second of every [`AudioChunk`].
pub const SAMPLE_RATE: u32 = 48_000;

/// Samples of one chunk: ten milliseconds.
pub const CHUNK_SAMPLES: usize = 480;

/// Time that one chunk lasts.
pub const CHUNK_DURATION: Duration = Duration::from_millis(10);

/// Ten milliseconds of sound.
#[derive(Clone, Debug)]
pub struct AudioChunk {
    /// 480 mono samples at 48 kHz, -1..=1. A louder source is not clipped here.
    pub samples: [f32; CHUNK_SAMPLES],
    /// When the first sample met the microphone, as near as the device tells.
    pub captured_at: Instant,
}

impl AudioChunk {
    /// Makes a chunk of silence.
    pub fn silence(captured_at: Instant) -> Self {
        Self { samples: [0.0; CHUNK_SAMPLES], captured_at }
    }
}
