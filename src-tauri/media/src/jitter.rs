//! Plays one remote voice evenly although its packets come unevenly, late, twice, in the wrong order or not at all.
//!
//! ```text
//! push ──> packets by sequence ──decode | FEC | conceal──> samples ──stretch | shorten──> pull, 10 ms at a time
//! ```
//!
//! Every sample has a planned time: when the quickest packets would bring it, plus a target delay that covers 97 % of the
//! others and, where packets carry copies of lost ones, the wait for those. Sound that plays too late is shortened, too
//! early stretched, by single pitch periods. (The design follows what is published about NetEQ.) Time enters only by
//! arguments.
//!
//! ```text
//! Waiting ──first packet's time──▶ Playing ──nothing there──▶ Starved ──packet──▶ Playing
//!                                     └────pause packet────▶ Paused ──packet──▶ Playing
//! ```

mod frames;
mod repairs;
mod stretch;

use std::{
    collections::{BTreeSet, VecDeque},
    time::{Duration, Instant},
};

use crate::{
    audio::CHUNK_SAMPLES,
    codec::opus,
    timing::{DelayTracker, Prior},
};
use frames::{Frame, Frames, MAX_FRAMES, Place};
use repairs::Repairs;
use stretch::Where;

/// Samples of one millisecond.
const MS: i64 = 48;
const CHUNK: i64 = CHUNK_SAMPLES as i64;

/// Share of packets that should come in time.
const IN_TIME: f32 = 0.97;

/// A packet counts for half after this time: the target falls within seconds when the network calms down.
const HALF_LIFE: Duration = Duration::from_millis(1500);

/// Believed of an unknown network until about a second and a half has been measured.
const PRIOR: Prior = Prior { delay_ms: 16.0, weight: 5.0 };

/// On top of the measured delays, for the pace of the player's thread.
const MARGIN_MS: f64 = 2.0;
const MAX_TARGET_MS: f64 = 400.0;

/// The first word need not wait for a delay that is only believed: after this share of it sound plays, and is stretched.
const FIRST_SHARE: f64 = 0.5;

/// How far sound may play too early before it is stretched: the target itself wavers by this much.
const TOLERANCE: i64 = 3 * MS;

/// Beyond this above the target, sound is skipped instead of shortened.
const FAR_OFF: i64 = 300 * MS;

/// Least chunks between two changes: up to a quarter faster or slower.
const CHUNKS_BETWEEN_CHANGES: u32 = 5;

/// The grain of concealment: 2.5 ms.
const GRAIN: i64 = 120;

/// Whoever sends nothing for longer has stopped sending; silence then counts as silence.
const MAX_STARVED: i64 = 2000 * MS;

/// The noise of a pause fades to silence when no packet renews it for so long.
const MAX_NOISE: i64 = 1000 * MS;

/// What happened to a stream so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct JitterStats {
    /// Packets taken in, each once; copies inside others do not count.
    pub received: u64,
    /// Packets whose turn came and that were not there by themselves, whether or not a copy made up for them.
    pub lost: u64,
    /// Packets that came after their turn. They are in `lost` too.
    pub late: u64,
    /// Lost packets that were rebuilt from a copy in a later one.
    pub recovered: u64,
    /// Played samples that were invented, silence of a pause excepted. (As W3C webrtc-stats `concealedSamples`.)
    pub concealed_samples: u64,
    /// Played samples since the first packet's turn.
    pub total_samples: u64,
    /// How much later than by the quickest packets sound plays at the moment, smoothed.
    pub delay_ms: f32,
    /// How much later it should play.
    pub target_ms: f32,
    /// Mean difference in delay between one packet and the next. (RFC 3550, 6.4.1)
    pub jitter_ms: f32,
}

/// A copy of an earlier packet inside a later one. (RFC 2198)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpareCopy<'a> {
    /// How many packets before.
    pub distance: u16,
    pub timestamp: u32,
    pub packet: &'a [u8],
}

/// The playout buffer of one remote voice: Opus packets in, chunks of 10 ms out.
pub struct AudioJitterBuffer {
    decoder: Option<opus::Decoder>,
    frames: Frames,
    delays: DelayTracker,
    repairs: Repairs,
    /// Delay that is added for other reasons, such as a slow picture.
    extra_delay_ms: f64,
    /// The packet whose turn is next. None until the first came.
    next: Option<i64>,
    /// The last packets that were not there when their turn came.
    missing: BTreeSet<i64>,
    /// Decoded sound, of which the last sample is the one before `end`.
    samples: VecDeque<f32>,
    /// What was played last, for stretching.
    heard: VecDeque<f32>,
    /// Time stamp after the decoded sound.
    end: i64,
    frame_samples: usize,
    flow: Flow,
    chunks_since_change: u32,
    last_delay_ms: f64,
    stats: JitterStats,
}

/// What is being played. Both counts are of samples invented since the last packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    Waiting,
    Playing,
    Starved { invented: i64 },
    Paused { invented: i64 },
}

impl AudioJitterBuffer {
    pub fn new() -> Self {
        Self {
            decoder: opus::Decoder::new().ok(),
            frames: Frames::default(),
            delays: DelayTracker::new(HALF_LIFE, PRIOR),
            repairs: Repairs::default(),
            extra_delay_ms: 0.0,
            next: None,
            missing: BTreeSet::new(),
            samples: VecDeque::with_capacity(CHUNK_SAMPLES * 32),
            heard: VecDeque::from(vec![0.0; stretch::MAX_PERIOD]),
            end: 0,
            frame_samples: opus::FRAME_SAMPLES,
            flow: Flow::Waiting,
            chunks_since_change: 0,
            last_delay_ms: 0.0,
            stats: JitterStats::default(),
        }
    }

    /// Takes in one Opus packet that arrived at `now`, and the copies of earlier ones that came with it. Damaged packets
    /// are dropped, repeated ones ignored.
    pub fn push(&mut self, seq: u16, timestamp: u32, packet: &[u8], copies: &[SpareCopy<'_>], now: Instant) {
        let Ok(samples) = opus::packet_samples(packet) else { return };
        let newest = self.frames.newest();
        let (index, timestamp) = match self.frames.place(seq, timestamp) {
            Place::At { index, timestamp } => (index, timestamp),
            Place::Anew { index, timestamp } => {
                self.begin(index);
                (index, timestamp)
            }
            Place::Nowhere => return,
        };
        let is_late = self.next.is_some_and(|next| index < next);
        let frame = Frame { timestamp, samples, packet: packet.to_vec(), is_copy: false };
        let is_known = if is_late {
            !self.missing.remove(&index)
        } else {
            !self.frames.insert(index, frame) && !self.frames.confirm(index)
        };
        if is_known {
            return;
        }
        self.stats.received += 1;
        self.stats.late += u64::from(is_late);
        self.measure(timestamp, now);
        let ahead = newest.map_or(0, |newest| index - newest);
        if ahead > 0 {
            let copies = copies.len().max(usize::from(opus::has_spare_copy(packet)));
            self.repairs.on_packet(index, ahead as usize - 1, copies);
        } else {
            self.repairs.on_reordered(index);
        }
        copies.iter().for_each(|copy| self.push_copy(index, timestamp, *copy));
        while self.frames.len() > MAX_FRAMES {
            self.skip_first();
        }
    }

    /// Writes the next 10 ms. Before the first packet's turn this is silence; where packets are missing it is invented
    /// sound that fades. `now` is when the chunk is asked for.
    pub fn pull(&mut self, out: &mut [f32; CHUNK_SAMPLES], now: Instant) {
        out.fill(0.0);
        if self.flow == Flow::Waiting && !self.is_first_due(now) {
            return;
        }
        self.stats.total_samples += CHUNK_SAMPLES as u64;
        self.skip_what_is_far_too_late(now);
        self.follow_target(now);
        while self.samples.len() < CHUNK_SAMPLES {
            self.produce(now);
        }
        for (out, sample) in out.iter_mut().zip(self.samples.drain(..CHUNK_SAMPLES)) {
            *out = sample;
        }
        self.heard.extend(&*out);
        self.heard.drain(..CHUNK_SAMPLES);
    }

    /// Plays so much later than the network asks for.
    pub fn set_extra_delay(&mut self, delay: Duration) {
        self.extra_delay_ms = delay.as_secs_f64() * 1e3;
    }

    /// RTP time of the first sample of the next chunk. `None` while none of the sender's sound is played.
    pub fn position(&self) -> Option<u32> {
        (self.flow == Flow::Playing).then(|| self.front() as u32)
    }

    pub fn stats(&self) -> JitterStats {
        JitterStats { target_ms: self.target_ms() as f32, ..self.stats }
    }

    fn begin(&mut self, index: i64) {
        self.next = Some(index);
        self.missing.clear();
        self.samples.clear();
        self.delays = DelayTracker::new(HALF_LIFE, PRIOR);
        self.flow = Flow::Waiting;
    }

    fn measure(&mut self, timestamp: i64, now: Instant) {
        let delay_ms = self.delays.push(millis(timestamp), now);
        let change = (delay_ms - std::mem::replace(&mut self.last_delay_ms, delay_ms)).abs();
        self.stats.jitter_ms += (change as f32 - self.stats.jitter_ms) / 16.0;
    }

    fn push_copy(&mut self, index: i64, timestamp: i64, copy: SpareCopy<'_>) {
        let index = index - i64::from(copy.distance);
        let timestamp = timestamp + i64::from(copy.timestamp.wrapping_sub(timestamp as u32) as i32);
        let Ok(samples) = opus::packet_samples(copy.packet) else { return };
        if self.next.is_some_and(|next| index >= next) {
            self.frames.insert(index, Frame { timestamp, samples, packet: copy.packet.to_vec(), is_copy: true });
        }
    }

    fn target_ms(&self) -> f64 {
        let repair_ms = millis((self.repairs.wanted_distance() * self.frame_samples) as i64);
        (self.delays.quantile_ms(IN_TIME) + repair_ms + self.extra_delay_ms + MARGIN_MS).min(MAX_TARGET_MS)
    }

    /// Time stamp of the first sample that waits decoded.
    fn front(&self) -> i64 {
        self.end - self.samples.len() as i64
    }

    /// How much later than planned a sample of `timestamp` would play at `now`, negative when earlier.
    fn lateness(&self, timestamp: i64, now: Instant) -> i64 {
        let delay_ms = self.delays.delay_ms(millis(timestamp), now).unwrap_or(0.0);
        ((delay_ms - self.target_ms()) * MS as f64) as i64
    }

    fn is_first_due(&mut self, now: Instant) -> bool {
        let Some((_, first)) = self.frames.first() else { return false };
        let early = (self.target_ms() * FIRST_SHARE * MS as f64) as i64;
        let is_due = self.lateness(first.timestamp, now) >= -early || self.frames.len() > MAX_FRAMES / 2;
        if is_due {
            self.end = first.timestamp;
            self.flow = Flow::Playing;
        }
        is_due
    }

    /// After an outage everything comes at once.
    fn skip_what_is_far_too_late(&mut self, now: Instant) {
        let lateness = |buffer: &Self| match buffer.frames.first() {
            Some((_, first)) if buffer.frames.len() > 1 => buffer.lateness(first.timestamp, now),
            Some(_) | None => 0,
        };
        if lateness(self) > FAR_OFF {
            while lateness(self) > CHUNK {
                self.skip_first();
            }
        }
    }

    fn skip_first(&mut self) {
        let Some((index, frame)) = self.frames.pop_first() else { return };
        self.stats.lost += 1;
        self.stats.late += 1;
        self.give_up_until(index);
        self.next = Some(index + 1);
        self.end = frame.timestamp + frame.samples as i64;
        self.samples.clear();
    }

    /// Brings what plays nearer to its plan, by single pitch periods.
    fn follow_target(&mut self, now: Instant) {
        if self.flow != Flow::Playing {
            return;
        }
        self.decode_ahead();
        let lateness = self.lateness(self.front(), now);
        let delay_ms = lateness as f32 / MS as f32 + self.target_ms() as f32;
        self.stats.delay_ms += (delay_ms - self.stats.delay_ms) * 0.05;
        self.chunks_since_change += 1;
        if self.chunks_since_change >= CHUNKS_BETWEEN_CHANGES && self.change_length(lateness) {
            self.chunks_since_change = 0;
        }
    }

    /// A packet that begins within a chunk must be there when the chunk is asked for, so sound that waits beyond whole
    /// chunks is delay without use: `spare`.
    fn change_length(&mut self, lateness: i64) -> bool {
        let spare = self.samples.len() as i64 % CHUNK;
        let slack = lateness - spare;
        if slack >= CHUNK || (slack >= 0 && spare > 0) {
            let place = if slack >= CHUNK { Where::Anywhere } else { Where::SilenceOnly };
            let most = slack / CHUNK * CHUNK + spare;
            stretch::shorten(&mut self.samples, most as usize, place) > 0
        } else if slack < -TOLERANCE {
            let heard = self.heard.make_contiguous();
            stretch::lengthen(&mut self.samples, heard, (CHUNK - spare) as usize) > 0
        } else {
            false
        }
    }

    /// Decodes what is there until a change has enough sound to work on.
    fn decode_ahead(&mut self) {
        while self.samples.len() < stretch::WANTED
            && let Some((index, first)) = self.frames.first()
            && Some(index) == self.next
            && first.timestamp <= self.end
            && !opus::is_pause(&first.packet)
        {
            self.play_first();
        }
    }

    /// Adds at least one grain of sound.
    fn produce(&mut self, now: Instant) {
        let Some((index, first)) = self.frames.first() else { return self.go_without() };
        let (gap, timestamp) = (first.timestamp - self.end, first.timestamp);
        // What was invented while nothing was there has filled a part of the gap. A chunk of lateness is normal.
        let early = CHUNK - self.lateness(timestamp, now) - self.samples.len() as i64;
        let fill = (gap - self.invented()).min(early);
        if fill < GRAIN { self.play_first() } else { self.bridge(index, fill as usize) }
    }

    fn invented(&self) -> i64 {
        match self.flow {
            Flow::Waiting | Flow::Playing => 0,
            Flow::Starved { invented } | Flow::Paused { invented } => invented,
        }
    }

    /// Decodes the first packet; those before it are given up.
    fn play_first(&mut self) {
        let Some((index, frame)) = self.frames.pop_first() else { return };
        self.give_up_until(index);
        self.next = Some(index + 1);
        if frame.is_copy {
            self.note_missing(index);
            self.stats.recovered += 1;
        }
        let decoded = self.decoder.as_mut().and_then(|decoder| decoder.decode(&frame.packet).ok());
        match decoded {
            Some(samples) if !samples.is_empty() => self.samples.extend(samples),
            Some(_) | None => drop(self.conceal(frame.samples)),
        }
        self.end = frame.timestamp + frame.samples as i64;
        self.frame_samples = frame.samples;
        self.flow = if opus::is_pause(&frame.packet) { Flow::Paused { invented: 0 } } else { Flow::Playing };
    }

    /// Fills a part of the `fill` samples before the first waiting packet, `index`: from a copy inside that one, with
    /// invented sound, or, as far as no packet is missing, with the noise of a pause.
    fn bridge(&mut self, index: i64, fill: usize) {
        let Some((_, first)) = self.frames.first() else { return };
        let missing = self.next.map_or(0, |next| usize::try_from(index - next).unwrap_or(0));
        let lost = missing.saturating_mul(self.frame_samples);
        if missing > 0 && fill <= first.samples && opus::has_spare_copy(&first.packet) {
            let rebuilt = self.decoder.as_mut().and_then(|decoder| decoder.decode_fec(&first.packet).ok());
            if let Some(rebuilt) = rebuilt.filter(|rebuilt| rebuilt.len() >= fill) {
                self.samples.extend(&rebuilt[rebuilt.len() - fill..]);
                self.end = first.timestamp;
                self.stats.recovered += 1;
                return;
            }
        }
        let step = fill.min(CHUNK_SAMPLES);
        let len = if fill > lost { self.invent(step) } else { self.conceal(step) };
        self.end += len as i64;
    }

    /// Nothing is there at all.
    fn go_without(&mut self) {
        self.flow = match self.flow {
            Flow::Starved { invented } if invented >= MAX_STARVED => Flow::Paused { invented },
            Flow::Waiting | Flow::Playing => Flow::Starved { invented: CHUNK },
            Flow::Starved { invented } => Flow::Starved { invented: invented + CHUNK },
            Flow::Paused { invented } => Flow::Paused { invented: invented + CHUNK },
        };
        match self.flow {
            Flow::Paused { invented } if invented > MAX_NOISE => self.samples.extend([0.0; CHUNK_SAMPLES]),
            Flow::Paused { .. } => drop(self.invent(CHUNK_SAMPLES)),
            Flow::Waiting | Flow::Playing | Flow::Starved { .. } => drop(self.conceal(CHUNK_SAMPLES)),
        }
    }

    /// Adds invented sound in place of sound that is lost.
    fn conceal(&mut self, samples: usize) -> usize {
        let invented = self.invent(samples);
        self.stats.concealed_samples += invented as u64;
        invented
    }

    /// Adds sound that goes on from what was heard last; in a pause that is its noise. Returns how much it added.
    fn invent(&mut self, samples: usize) -> usize {
        let before = self.samples.len();
        match &mut self.decoder {
            Some(decoder) => self.samples.extend(decoder.conceal(samples)),
            None => self.samples.extend(std::iter::repeat_n(0.0, samples)),
        }
        self.samples.len() - before
    }

    fn give_up_until(&mut self, index: i64) {
        let next = self.next.unwrap_or(index);
        // Of a long outage only the last ones can still come.
        for missing in next.max(index - MAX_FRAMES as i64)..index {
            self.note_missing(missing);
        }
    }

    fn note_missing(&mut self, index: i64) {
        self.stats.lost += 1;
        self.missing.insert(index);
        if self.missing.len() > MAX_FRAMES {
            self.missing.pop_first();
        }
    }
}

fn millis(samples: i64) -> f64 {
    samples as f64 / MS as f64
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
            .field("frames", &self.frames.len())
            .field("stats", &self.stats)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
