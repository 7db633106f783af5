//! Plays one remote voice evenly although its packets come unevenly, late, twice, in the wrong order or not at all.
//!
//! ```text
//! push ──> packets by sequence ──decode | FEC | conceal──> samples ──stretch | shorten──> pull, 10 ms at a time
//! ```
//!
//! The delay follows the network: it starts at 40 ms, grows when packets come too late, and shrinks by taking out single
//! pitch periods when the network is calm. Time enters only by arguments.

mod arrival;
mod stretch;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Instant,
};

use crate::{
    audio::CHUNK_SAMPLES,
    codec::opus::{self, MAX_PACKET_BYTES},
};
use arrival::Arrival;

/// Most packets that wait; more than that is a burst after an outage, of which the newest are kept.
const MAX_PACKETS: usize = 64;

/// A step in the sequence beyond this is a new stream, not loss.
const MAX_STEP: i64 = 500;

/// Samples of one millisecond.
const MS: usize = 48;

/// How far the waiting sound may be off its target before it is stretched or shortened.
const SLACK_MS: usize = 20;

/// Beyond this above the target, sound is skipped instead of shortened.
const FAR_OFF_MS: usize = 300;

/// Least chunks between two changes: five make up to a quarter faster or slower.
const CHUNKS_BETWEEN_CHANGES: u32 = 5;

/// What happened to a stream so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct JitterStats {
    /// Packets taken in, each once.
    pub received: u64,
    /// Packets whose turn came and that were not there, whether or not error correction made up for them.
    pub lost: u64,
    /// Packets that came after their turn. They are in `lost` too.
    pub late: u64,
    /// Lost packets that were rebuilt from the next one.
    pub recovered: u64,
    /// Played samples that were invented. (As W3C webrtc-stats `concealedSamples`.)
    pub concealed_samples: u64,
    /// Played samples since the first packet.
    pub total_samples: u64,
    /// How much sound waits at the moment, smoothed.
    pub delay_ms: f32,
}

/// The playout buffer of one remote voice: Opus packets in, chunks of 10 ms out.
pub struct AudioJitterBuffer {
    decoder: Option<opus::Decoder>,
    packets: BTreeMap<i64, Vec<u8>>,
    /// The last packets that were not there when their turn came.
    missing: BTreeSet<i64>,
    /// The packet whose turn is next. None until the first came.
    next: Option<i64>,
    newest: i64,
    /// The first packet of a stream that does not continue the current one; believed when its successor comes.
    restart: Option<u16>,
    arrival: Arrival,
    samples: VecDeque<f32>,
    /// Waits for the target delay to fill up.
    filling: bool,
    /// Chunks invented in a row because nothing was there.
    starved_chunks: u32,
    delay_samples: f32,
    chunks_since_change: u32,
    stats: JitterStats,
}

impl AudioJitterBuffer {
    pub fn new() -> Self {
        Self {
            decoder: opus::Decoder::new().ok(),
            packets: BTreeMap::new(),
            missing: BTreeSet::new(),
            next: None,
            newest: 0,
            restart: None,
            arrival: Arrival::new(),
            samples: VecDeque::with_capacity(CHUNK_SAMPLES * 32),
            filling: true,
            starved_chunks: 0,
            delay_samples: 0.0,
            chunks_since_change: 0,
            stats: JitterStats::default(),
        }
    }

    /// Takes in one Opus packet that arrived at `now`. Empty and over-long packets are dropped, repeated ones ignored.
    pub fn push(&mut self, seq: u16, rtp_timestamp: u32, packet: &[u8], now: Instant) {
        if packet.is_empty() || packet.len() > MAX_PACKET_BYTES {
            return;
        }
        let Some(index) = self.place(seq) else { return };
        let late = self.next.is_some_and(|next| index < next);
        let known = if late { !self.missing.remove(&index) } else { self.packets.contains_key(&index) };
        if known {
            return;
        }
        self.stats.received += 1;
        self.arrival.on_packet(rtp_timestamp, now);
        if late {
            self.stats.late += 1;
            return;
        }
        self.newest = self.newest.max(index);
        self.next = Some(self.next.unwrap_or(index));
        self.packets.insert(index, packet.to_vec());
        if self.packets.len() > MAX_PACKETS {
            self.skip_to_newest();
        }
    }

    /// Writes the next 10 ms. Before the first packet this is silence; where packets are missing it is invented sound that
    /// fades. `now` is when the chunk is asked for.
    pub fn pull(&mut self, out: &mut [f32; CHUNK_SAMPLES], now: Instant) {
        out.fill(0.0);
        if self.next.is_none() {
            return;
        }
        self.stats.total_samples += CHUNK_SAMPLES as u64;
        self.follow_target(now);
        if self.filling {
            if self.waiting() < self.target() && self.packets.len() < MAX_PACKETS / 2 {
                self.stats.concealed_samples += CHUNK_SAMPLES as u64;
                return;
            }
            self.filling = false;
        }
        while self.samples.len() < CHUNK_SAMPLES {
            self.decode_next();
        }
        for (out, sample) in out.iter_mut().zip(self.samples.drain(..CHUNK_SAMPLES)) {
            *out = sample;
        }
    }

    pub fn stats(&self) -> JitterStats {
        JitterStats { delay_ms: self.delay_samples / MS as f32, ..self.stats }
    }

    /// Extends a 16-bit sequence number. None when it belongs to no known stream (yet).
    fn place(&mut self, seq: u16) -> Option<i64> {
        if self.next.is_none() {
            self.newest = i64::from(seq);
            return Some(self.newest);
        }
        let step = i64::from(seq.wrapping_sub(self.newest as u16) as i16);
        if step.abs() <= MAX_STEP {
            self.restart = None;
            return Some(self.newest + step);
        }
        if self.restart.replace(seq) != Some(seq.wrapping_sub(1)) {
            return None;
        }
        self.packets.clear();
        self.missing.clear();
        self.restart = None;
        self.newest = i64::from(seq);
        self.next = Some(self.newest);
        self.arrival = Arrival::new();
        Some(self.newest)
    }

    /// Samples that could be played without a gap in time: decoded ones and waiting packets.
    fn waiting(&self) -> usize {
        let packets: usize = self.packets.values().map(|packet| opus::packet_samples(packet).unwrap_or(0)).sum();
        self.samples.len() + packets
    }

    fn target(&self) -> usize {
        self.arrival.target_ms() as usize * MS
    }

    /// Keeps what waits near the target, by single pitch periods.
    fn follow_target(&mut self, now: Instant) {
        self.arrival.on_time(now);
        let (waiting, target) = (self.waiting(), self.target());
        self.delay_samples += (waiting as f32 - self.delay_samples) * 0.05;
        self.chunks_since_change += 1;
        if waiting > target + FAR_OFF_MS * MS {
            self.skip_to_newest();
        }
        if self.filling || self.chunks_since_change < CHUNKS_BETWEEN_CHANGES {
            return;
        }
        let delay = self.delay_samples as usize;
        let too_long = waiting.min(delay) > target + SLACK_MS * MS;
        let too_short = waiting < target && delay + SLACK_MS * MS / 2 < target;
        if !too_long && !too_short {
            return;
        }
        self.decode_ahead();
        let change = if too_long { stretch::shorten(&mut self.samples) } else { stretch::lengthen(&mut self.samples) };
        if change != 0 {
            // The smoothed delay learns of the change at once, else one deviation would be corrected several times.
            self.delay_samples += change as f32;
            self.chunks_since_change = 0;
        }
    }

    /// Decodes what is there until a change has enough sound to work on.
    fn decode_ahead(&mut self) {
        while self.samples.len() < stretch::NEEDED && self.next.is_some_and(|next| self.packets.contains_key(&next)) {
            self.decode_next();
        }
    }

    /// Adds at least one sample: the next packet, its copy in the one after, or invented sound.
    fn decode_next(&mut self) {
        let (Some(next), Some(decoder)) = (self.next, &mut self.decoder) else {
            self.samples.extend([0.0; CHUNK_SAMPLES]);
            return;
        };
        if let Some(packet) = self.packets.remove(&next) {
            self.next = Some(next + 1);
            self.starved_chunks = 0;
            match decoder.decode(&packet) {
                Ok(samples) if !samples.is_empty() => self.samples.extend(samples),
                Ok(_) | Err(_) => self.conceal(opus::FRAME_SAMPLES),
            }
        } else if let Some(following) = self.packets.get(&(next + 1)) {
            self.next = Some(next + 1);
            note_missing(&mut self.missing, &mut self.stats, next);
            match decoder.decode_fec(following) {
                Ok(samples) if !samples.is_empty() => {
                    self.stats.recovered += 1;
                    self.samples.extend(samples);
                }
                Ok(_) | Err(_) => self.conceal(opus::FRAME_SAMPLES),
            }
        } else if !self.packets.is_empty() {
            self.next = Some(next + 1);
            note_missing(&mut self.missing, &mut self.stats, next);
            self.conceal(opus::FRAME_SAMPLES);
        } else {
            self.starve();
        }
    }

    /// Nothing is there at all: invent for a while, then wait for the target to fill up again.
    fn starve(&mut self) {
        const REFILL_AFTER_CHUNKS: u32 = 10;
        self.starved_chunks += 1;
        self.filling = self.starved_chunks >= REFILL_AFTER_CHUNKS;
        self.conceal(CHUNK_SAMPLES);
    }

    fn conceal(&mut self, samples: usize) {
        self.stats.concealed_samples += samples as u64;
        match &mut self.decoder {
            Some(decoder) => self.samples.extend(decoder.conceal(samples)),
            None => self.samples.extend(std::iter::repeat_n(0.0, samples)),
        }
    }

    /// After an outage everything comes at once: keep as much of the newest as the target asks for.
    fn skip_to_newest(&mut self) {
        let keep = (self.target() / opus::FRAME_SAMPLES).clamp(1, MAX_PACKETS / 2);
        while self.packets.len() > keep {
            self.packets.pop_first();
        }
        self.next = self.packets.first_key_value().map(|(index, _)| *index).or(self.next);
        self.samples.clear();
        self.delay_samples = self.waiting() as f32;
    }
}

fn note_missing(missing: &mut BTreeSet<i64>, stats: &mut JitterStats, index: i64) {
    stats.lost += 1;
    missing.insert(index);
    if missing.len() > MAX_PACKETS {
        missing.pop_first();
    }
}

impl Default for AudioJitterBuffer {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for AudioJitterBuffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AudioJitterBuffer")
            .field("next", &self.next)
            .field("packets", &self.packets.len())
            .field("stats", &self.stats)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
