//! What the loudspeaker plays, on the clock of the microphone.
//!
//! ```text
//! loudspeaker's thread            ring of 640 ms            microphone's thread
//! RenderTap ── chunk, place, time ══════════════▶ RenderLine ─▶ History ─▶ converter ─▶ 480 samples a chunk
//!                                                     └─▶ DriftTracker ──speed──┘
//! ```
//!
//! Each chunk of the microphone gets what the loudspeaker played a constant time before. That time may be wrong by the
//! delays that the devices do not tell; the echo canceller finds those. What it must never see is a change. So samples are
//! counted, pauses are filled, and the rest is done by reading a little faster or slower.

use std::{collections::VecDeque, time::Instant};

use rtrb::{Consumer, Producer, RingBuffer};

use super::{drift::DriftTracker, timeline::Timeline};
use crate::{
    audio::{CHUNK_SAMPLES, SAMPLE_RATE},
    resample::ToChunks,
};

/// Chunks between the two threads: more than a microphone's thread ever sleeps while it delivers.
const LINE_CHUNKS: usize = 64;

/// What is kept of what was played: 1.5 s.
const HISTORY_SAMPLES: usize = SAMPLE_RATE as usize * 3 / 2;

/// A chunk must have been played before it is read; reading begins at most so far behind the newest sample. 20 ms.
const CUSHION: i64 = 960;

/// How much further it falls back whenever that was too little: 10 ms.
const CUSHION_STEP: i64 = 480;

/// How far reading should be ahead of what is heard at the same time, lest the echo comes before its cause: 10 ms.
const LEAD: f64 = 480.0;

/// A loudspeaker that gives nothing for longer than so many chunks pauses; before, it is only late.
const LATE_CHUNKS: u32 = 10;

/// Reading that is off by more than this, as after a pause, jumps to its place: 7.5 ms. Below, it is steered.
const JUMP: i64 = 360;

/// An error of reading is steered away in so many samples of time (5 s) ...
const STEER_OVER: f64 = 240_000.0;

/// ... but by at most 200 ppm, which the echo canceller does not notice.
const LARGEST_STEER: f64 = 2e-4;

/// Makes the two ends for a loudspeaker that is opened.
pub fn render_line() -> (RenderTap, RenderLine) {
    let (producer, consumer) = RingBuffer::new(LINE_CHUNKS);
    (RenderTap { timeline: Timeline::default(), played: producer }, RenderLine { played: consumer })
}

/// The end at the loudspeaker. Never blocks or allocates; what finds no room, because no microphone is open, is lost.
#[derive(Debug)]
pub struct RenderTap {
    timeline: Timeline,
    played: Producer<Played>,
}

/// The end at the microphone, for [`VoiceChain::listen_to`](super::VoiceChain::listen_to).
#[derive(Debug)]
pub struct RenderLine {
    played: Consumer<Played>,
}

#[derive(Debug)]
struct Played {
    place: i64,
    heard_at: Instant,
    samples: [f32; CHUNK_SAMPLES],
}

impl RenderTap {
    /// This goes to the loudspeaker, and its first sample will be heard at `heard_at`.
    pub fn on_played(&mut self, samples: &[f32; CHUNK_SAMPLES], heard_at: Instant) {
        let place = self.timeline.place(heard_at);
        let _ = self.played.push(Played { place, heard_at, samples: *samples });
    }

    /// The loudspeaker found nothing to play for so many samples at 48 kHz, before what is played next.
    pub fn on_starved(&mut self, samples: u32) {
        self.timeline.skip(samples);
    }
}

/// Reads what was played, chunk by chunk of the microphone.
#[derive(Debug)]
pub(super) struct Reference {
    epoch: Option<Instant>,
    line: Option<RenderLine>,
    history: History,
    microphone: Timeline,
    tracker: DriftTracker,
    converter: ToChunks,
    block: Vec<f32>,
    reading: Option<Reading>,
    /// How far reading is ahead of what is heard at the same time, in samples, known from an earlier loudspeaker.
    former_lead: Option<f64>,
}

/// Where the next sample is read.
#[derive(Clone, Copy, Debug)]
struct Reading {
    place: i64,
    /// How far it is ahead of what the tracker says is heard at the same time; known with its first estimate.
    lead: Option<f64>,
    /// Chunks in a row that were not played yet when they were to be read.
    missing: u32,
}

impl Default for Reference {
    fn default() -> Self {
        let converter = ToChunks::adjustable();
        let block = vec![0.0; converter.max_needed()];
        Self {
            epoch: None,
            line: None,
            history: History::default(),
            microphone: Timeline::default(),
            tracker: DriftTracker::default(),
            converter,
            block,
            reading: None,
            former_lead: None,
        }
    }
}

impl Reference {
    pub(super) fn listen_to(&mut self, line: RenderLine) {
        self.former_lead = self.lead().or(self.former_lead);
        self.line = Some(line);
        self.history = History::default();
        self.tracker.restart();
        self.reading = None;
    }

    /// Writes what was played while the microphone heard the chunk of `captured_at`, or a constant time before.
    pub(super) fn next(&mut self, captured_at: Instant, out: &mut [f32; CHUNK_SAMPLES]) {
        let epoch = *self.epoch.get_or_insert(captured_at);
        let place = self.microphone.place(captured_at);
        self.take_in(epoch);
        let now_s = seconds_between(epoch, captured_at);
        self.tracker.on_capture(place, now_s);
        let Some(mut reading) = self.reading.or_else(|| self.first_reading(place)) else {
            out.fill(0.0);
            return;
        };
        let speed = self.steer(&mut reading, place, now_s);
        self.converter.set_speed(speed);
        let block = &mut self.block[..self.converter.needed()];
        let complete = self.history.read(reading.place, block);
        reading.place += block.len() as i64;
        self.converter.convert(block, out);
        reading.on_read(complete);
        self.reading = Some(reading);
    }

    /// Empties the line into the history.
    fn take_in(&mut self, epoch: Instant) {
        let Some(line) = &mut self.line else { return };
        while let Ok(played) = line.played.pop() {
            self.history.write(played.place, &played.samples);
            self.tracker.on_render(played.place, seconds_between(epoch, played.heard_at));
        }
    }

    /// Begins a little ahead of what is heard, or as far as with the loudspeaker before, if enough has been played.
    fn first_reading(&self, place: i64) -> Option<Reading> {
        let end = self.history.end()?;
        let newest = end - CHUNK_SAMPLES as i64;
        let ahead = |lead: f64| {
            let phase_s = self.tracker.rough_phase_s().unwrap_or(0.0);
            (place as f64 - phase_s * f64::from(SAMPLE_RATE) + lead).round() as i64
        };
        let place = match self.former_lead {
            Some(lead) => ahead(lead).min(newest),
            None => ahead(LEAD).clamp(end - CUSHION, newest),
        };
        Some(Reading { place, lead: None, missing: 0 })
    }

    /// Puts `reading` where it should be, or tells how fast it gets there: samples played per sample of the microphone.
    fn steer(&self, reading: &mut Reading, place: i64, now_s: f64) -> f64 {
        let Some(phase_s) = self.tracker.phase_s(now_s) else { return 1.0 - self.tracker.drift() };
        let heard = place as f64 - phase_s * f64::from(SAMPLE_RATE);
        let lead = *reading.lead.get_or_insert(reading.place as f64 - heard);
        let error = heard + lead - reading.place as f64;
        if error.abs() > JUMP as f64 {
            tracing::debug!(samples = error, "the echo reference jumps");
            reading.place = (heard + lead).round() as i64;
            return 1.0 - self.tracker.drift();
        }
        1.0 - self.tracker.drift() + (error / STEER_OVER).clamp(-LARGEST_STEER, LARGEST_STEER)
    }

    /// How far reading is ahead of what the devices say is heard, in samples.
    fn lead(&self) -> Option<f64> {
        self.reading?.lead.map(|lead| lead + self.tracker.bias_s() * f64::from(SAMPLE_RATE))
    }
}

impl Reading {
    /// Stays further behind once the loudspeaker's thread came too late.
    fn on_read(&mut self, complete: bool) {
        if !complete {
            self.missing = self.missing.saturating_add(1);
            return;
        }
        if (1..=LATE_CHUNKS).contains(&std::mem::take(&mut self.missing)) {
            self.place -= CUSHION_STEP;
            self.lead = self.lead.map(|lead| lead - CUSHION_STEP as f64);
        }
    }
}

fn seconds_between(epoch: Instant, at: Instant) -> f64 {
    at.saturating_duration_since(epoch).as_secs_f64() - epoch.saturating_duration_since(at).as_secs_f64()
}

/// The last second and a half of what was played, by place; what is missing is silence.
#[derive(Debug, Default)]
struct History {
    start: i64,
    samples: VecDeque<f32>,
}

impl History {
    /// The place after the newest sample; `None` before the first.
    fn end(&self) -> Option<i64> {
        (!self.samples.is_empty()).then(|| self.start + self.samples.len() as i64)
    }

    /// Samples are written in the order of their places.
    fn write(&mut self, place: i64, samples: &[f32]) {
        let end = self.end().unwrap_or(place);
        let hole = place - end;
        if !(0..HISTORY_SAMPLES as i64).contains(&hole) || self.samples.is_empty() {
            self.samples.clear();
            self.start = place;
        } else {
            self.samples.extend(std::iter::repeat_n(0.0, hole as usize));
        }
        self.samples.extend(samples.iter().map(|&sample| if sample.is_finite() { sample } else { 0.0 }));
        let surplus = self.samples.len().saturating_sub(HISTORY_SAMPLES);
        self.samples.drain(..surplus);
        self.start += surplus as i64;
    }

    /// Returns whether all of it has been played already.
    fn read(&self, place: i64, out: &mut [f32]) -> bool {
        for (offset, sample) in out.iter_mut().enumerate() {
            let index = usize::try_from(place + offset as i64 - self.start).ok();
            *sample = index.and_then(|index| self.samples.get(index)).copied().unwrap_or(0.0);
        }
        self.end().is_some_and(|end| place + out.len() as i64 <= end)
    }
}

#[cfg(test)]
#[path = "reference_tests.rs"]
mod tests;
