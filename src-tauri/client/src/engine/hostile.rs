//! Doors to what a session does with packets, without its threads and clocks.

use super::local::push_sound;
use super::session::{Assembled, Assembler, Reorder};
use crate::peer::MediaPacket;
use parley_media::codec::h264::Decoder;
use parley_media::{AudioJitterBuffer, CHUNK_DURATION, CHUNK_SAMPLES};
use std::time::{Duration, Instant};

/// From packets to decoded pictures.
#[derive(Debug, Default)]
pub(crate) struct Pictures {
    reorder: Reorder,
    assembler: Assembler,
    decoder: Option<Decoder>,
    decoded: u64,
}

impl Pictures {
    pub(crate) fn push(&mut self, packet: MediaPacket, now: Instant) {
        self.reorder.push(packet, now);
        self.advance(now);
    }

    pub(crate) fn advance(&mut self, now: Instant) {
        while let Some(item) = self.reorder.pop(now) {
            match self.assembler.push(item) {
                Some(Assembled::Picture(picture)) => self.decode(&picture.annex_b),
                Some(Assembled::Broken) | None => {}
            }
        }
    }

    pub(crate) fn decoded(&self) -> u64 {
        self.decoded
    }

    fn decode(&mut self, annex_b: &[u8]) {
        let Some(mut decoder) = self.decoder.take().or_else(|| Decoder::new().ok()) else { return };
        if let Ok(picture) = decoder.decode(annex_b) {
            self.decoded += u64::from(picture.is_some());
            self.decoder = Some(decoder);
        }
    }
}

/// From packets to played samples.
#[derive(Debug, Default)]
pub(crate) struct Sound(AudioJitterBuffer);

impl Sound {
    pub(crate) fn push(&mut self, packet: &MediaPacket) {
        push_sound(&mut self.0, packet);
    }

    pub(crate) fn play(&mut self, time: Duration, now: Instant) {
        for _ in 0..(time.as_millis() / CHUNK_DURATION.as_millis()).min(100) {
            let mut chunk = [0.0_f32; CHUNK_SAMPLES];
            self.0.pull(&mut chunk, now);
            assert!(chunk.iter().all(|sample| sample.is_finite()), "a sample that is no number reaches the speaker");
        }
    }
}
