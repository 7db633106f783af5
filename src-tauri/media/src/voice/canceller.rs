//! The echo canceller: WebRTC's third one, put together from the parts of `sonora` so that its suppressor can be tuned.
//!
//! ```text
//! 480 samples ─▶ 3 bands of 160 ─▶ blocks of 64 ─▶ delay search, adaptive filter, suppressor ─▶ back again
//! ```

use sonora::three_band_filter_bank::ThreeBandFilterBank;
use sonora_aec3::{
    block::Block, block_framer::BlockFramer, block_processor::BlockProcessor, config::EchoCanceller3Config,
    frame_blocker::FrameBlocker,
};

use super::stage::Part;
use crate::audio::{CHUNK_SAMPLES, SAMPLE_RATE};

const BANDS: usize = 3;
const BAND_SAMPLES: usize = CHUNK_SAMPLES / BANDS;

/// A chunk passes through in two halves: what is left over makes a fifth block with every second chunk.
const HALF_BAND: usize = BAND_SAMPLES / 2;

/// The canceller knows samples of 16 bit.
const FULL_SCALE: f32 = 32_768.0;

/// A microphone this close to full scale is cut, and its echo no longer follows the loudspeaker.
const SATURATED: f32 = 32_700.0 / FULL_SCALE;

/// 48 kHz mono; the delay between both sounds may be 0 to half a second and should not change.
pub(super) struct EchoCanceller {
    processor: BlockProcessor,
    played: Splitter,
    heard: Splitter,
    framer: BlockFramer,
    halves: Vec<Vec<Vec<f32>>>,
}

/// Cuts one sound into bands and blocks.
struct Splitter {
    bank: ThreeBandFilterBank,
    bands: [[f32; BAND_SAMPLES]; BANDS],
    blocker: FrameBlocker,
    block: Block,
}

impl EchoCanceller {
    pub(super) fn new(config: &EchoCanceller3Config) -> Self {
        Self {
            processor: BlockProcessor::new(config, SAMPLE_RATE as usize, 1, 1),
            played: Splitter::new(),
            heard: Splitter::new(),
            framer: BlockFramer::new(BANDS, 1),
            halves: vec![vec![vec![0.0; HALF_BAND]]; BANDS],
        }
    }
}

impl Part for EchoCanceller {
    fn process(&mut self, samples: &mut [f32; CHUNK_SAMPLES], played: &[f32; CHUNK_SAMPLES]) {
        let saturated = samples.iter().any(|sample| sample.abs() >= SATURATED);
        self.played.split(played);
        for half in 0..2 {
            self.played.cut(half);
            self.processor.buffer_render(&self.played.block);
        }
        if self.played.cut_rest() {
            self.processor.buffer_render(&self.played.block);
        }
        self.heard.split(samples);
        for half in 0..2 {
            self.heard.cut(half);
            self.processor.process_capture(false, saturated, None, &mut self.heard.block);
            self.framer.insert_block_and_extract_sub_frame(&self.heard.block, &mut self.halves);
            self.heard.replace(half, &self.halves);
        }
        if self.heard.cut_rest() {
            self.processor.process_capture(false, saturated, None, &mut self.heard.block);
            self.framer.insert_block(&self.heard.block);
        }
        self.heard.join(samples);
    }
}

impl Splitter {
    fn new() -> Self {
        Self {
            bank: ThreeBandFilterBank::new(),
            bands: [[0.0; BAND_SAMPLES]; BANDS],
            blocker: FrameBlocker::new(BANDS, 1),
            block: Block::new(BANDS, 1),
        }
    }

    fn split(&mut self, samples: &[f32; CHUNK_SAMPLES]) {
        self.bank.analysis(&samples.map(|sample| sample * FULL_SCALE), &mut self.bands);
    }

    /// Makes the next block out of half a chunk and what was left over.
    fn cut(&mut self, half: usize) {
        let halves: [Vec<&[f32]>; BANDS] = std::array::from_fn(|band| vec![&self.bands[band][range(half)]]);
        self.blocker.insert_sub_frame_and_extract_block(&halves, &mut self.block);
    }

    /// Whether what is left over makes a whole block.
    fn cut_rest(&mut self) -> bool {
        let whole = self.blocker.is_block_available();
        if whole {
            self.blocker.extract_block(&mut self.block);
        }
        whole
    }

    fn replace(&mut self, half: usize, halves: &[Vec<Vec<f32>>]) {
        for (band, cleaned) in self.bands.iter_mut().zip(halves) {
            band[range(half)].copy_from_slice(&cleaned[0]);
        }
    }

    fn join(&mut self, samples: &mut [f32; CHUNK_SAMPLES]) {
        self.bank.synthesis(&self.bands, samples);
        samples.iter_mut().for_each(|sample| *sample /= FULL_SCALE);
    }
}

fn range(half: usize) -> std::ops::Range<usize> {
    half * HALF_BAND..(half + 1) * HALF_BAND
}
