//! A microphone by cpal: the audio callback only copies into a ring, this thread cuts the ring into chunks.

use std::{
    thread::{self, Thread},
    time::{Duration, Instant},
};

use cpal::{
    FromSample, InputCallbackInfo, SampleFormat, SizedSample, Stream,
    traits::{DeviceTrait, StreamTrait},
};
use rtrb::{Consumer, Producer, RingBuffer};

use super::{AudioEvent, STALL_AFTER, emitter::Emitter};
use crate::{
    audio::{AudioChunk, CHUNK_DURATION, CHUNK_SAMPLES},
    audio_host::{self, Opened},
    device::{DeviceError, DeviceKind},
    resample::ToChunks,
    stream_health::StreamHealth,
};

/// How long the system may take to open a stream.
const OPEN_TIMEOUT: Duration = Duration::from_secs(5);

/// Stamps kept between two wake-ups: far more callbacks than fit into the ring of one second.
const STAMPS: usize = 4_096;

/// Delays above this are a driver's mistake.
const MAX_DEVICE_DELAY: Duration = Duration::from_millis(500);

pub(super) fn run(id: Option<&str>, emitter: &Emitter<AudioEvent>) -> Result<(), DeviceError> {
    let opened = audio_host::find(DeviceKind::Microphone, id)?;
    let rate = opened.config.sample_rate;
    let mut chunker = Chunker::new(rate)?;
    let health = StreamHealth::default();
    let (samples, stamps) = (RingBuffer::new(rate as usize), RingBuffer::new(STAMPS));
    let feed = Feed {
        samples: samples.0,
        stamps: stamps.0,
        channels: usize::from(opened.config.channels),
        taken: 0,
        reader: thread::current(),
    };
    let stream = open_stream(&opened, feed, health.clone())?;
    let (mut samples, mut stamps) = (samples.1, stamps.1);
    let mut go_on = emitter.emit(AudioEvent::Started { name: opened.name.clone() });
    let mut watch = Watch::new();
    while go_on {
        thread::park_timeout(CHUNK_DURATION * 5);
        while go_on && let Some(chunk) = chunker.next(&mut samples, &mut stamps) {
            watch.heard();
            go_on = emitter.emit(AudioEvent::Chunk(chunk));
        }
        if let Some(error) = health.verdict() {
            return Err(error);
        }
        match watch.check(&health) {
            Silence::None => {}
            Silence::Began => go_on = go_on && emitter.emit(AudioEvent::Stalled),
            // Some servers move or end a stream without a word: see whether the device is still listed.
            Silence::GoesOn => audio_host::find(DeviceKind::Microphone, id).map(drop).map_err(|_| DeviceError::Gone)?,
        }
        go_on = go_on && !emitter.is_closed();
    }
    drop(stream);
    Ok(())
}

fn open_stream(opened: &Opened, feed: Feed, health: StreamHealth) -> Result<Stream, DeviceError> {
    let built = match opened.format {
        SampleFormat::F32 => build::<f32>(opened, feed, health),
        SampleFormat::I16 => build::<i16>(opened, feed, health),
        SampleFormat::I32 => build::<i32>(opened, feed, health),
        SampleFormat::U8 => build::<u8>(opened, feed, health),
        other => return Err(DeviceError::Unsupported(format!("sample format {other}"))),
    };
    let stream = built.map_err(|error| audio_host::device_error(&error))?;
    stream.play().map_err(|error| audio_host::device_error(&error))?;
    Ok(stream)
}

fn build<T>(opened: &Opened, mut feed: Feed, health: StreamHealth) -> Result<Stream, cpal::Error>
where
    T: SizedSample,
    f32: FromSample<T>,
{
    opened.device.build_input_stream::<T, _, _>(
        opened.config,
        move |data, info| feed.on_samples(data, info),
        move |error| health.on_error(&error),
        Some(OPEN_TIMEOUT),
    )
}

/// The audio callback's side of the ring. Does not lock, allocate or log.
struct Feed {
    samples: Producer<f32>,
    stamps: Producer<Stamp>,
    channels: usize,
    taken: u64,
    reader: Thread,
}

/// When the sample of this number was captured.
#[derive(Clone, Copy)]
struct Stamp {
    sample: u64,
    captured_at: Instant,
}

impl Feed {
    fn on_samples<T: Copy>(&mut self, data: &[T], info: &InputCallbackInfo)
    where
        f32: FromSample<T>,
    {
        let times = info.timestamp();
        let delay = times.callback.saturating_duration_since(times.capture).min(MAX_DEVICE_DELAY);
        let captured_at = Instant::now().checked_sub(delay).unwrap_or_else(Instant::now);
        let frames = (data.len() / self.channels).min(self.samples.slots());
        let Ok(space) = self.samples.write_chunk_uninit(frames) else { return };
        let _ = self.stamps.push(Stamp { sample: self.taken, captured_at });
        self.taken += space.fill_from_iter(data.chunks_exact(self.channels).map(to_mono)) as u64;
        self.reader.unpark();
    }
}

/// The mean of the first two channels: further ones of microphone arrays are often references, not voices.
fn to_mono<T: Copy>(frame: &[T]) -> f32
where
    f32: FromSample<T>,
{
    let sample = |index: usize| f32::from_sample_(frame[index]);
    if frame.len() == 1 { sample(0) } else { (sample(0) + sample(1)) * 0.5 }
}

/// Cuts the ring into chunks of 10 ms at 48 kHz and tells when each was captured.
struct Chunker {
    resampler: ToChunks,
    block: Vec<f32>,
    rate: u32,
    read: u64,
    stamp: Option<Stamp>,
    last_captured_at: Option<Instant>,
}

impl Chunker {
    fn new(rate: u32) -> Result<Self, DeviceError> {
        let resampler = ToChunks::new(rate).map_err(|error| DeviceError::Unsupported(error.to_string()))?;
        let block = vec![0.0; resampler.max_needed()];
        Ok(Self { resampler, block, rate, read: 0, stamp: None, last_captured_at: None })
    }

    fn next(&mut self, samples: &mut Consumer<f32>, stamps: &mut Consumer<Stamp>) -> Option<AudioChunk> {
        let needed = self.resampler.needed();
        let block = &mut self.block[..needed];
        samples.pop_entire_slice(block).ok()?;
        while stamps.peek().is_ok_and(|stamp| stamp.sample <= self.read) {
            self.stamp = stamps.pop().ok();
        }
        let mut chunk = [0.0; CHUNK_SAMPLES];
        self.resampler.convert(block, &mut chunk);
        let captured_at = self.captured_at();
        self.read += needed as u64;
        Some(AudioChunk { samples: chunk, captured_at })
    }

    /// The time of the next sample, smoothed: callbacks come late under load, the clock of the device does not.
    fn captured_at(&mut self) -> Instant {
        const JUMP: Duration = Duration::from_millis(40);
        let told = self.stamp.map_or_else(Instant::now, |stamp| {
            let later = Duration::from_nanos((self.read - stamp.sample) * 1_000_000_000 / u64::from(self.rate));
            stamp.captured_at + later
        });
        let smooth = self.last_captured_at.map(|last| last + CHUNK_DURATION).map_or(told, |expected| {
            let (ahead, behind) = (told.saturating_duration_since(expected), expected.saturating_duration_since(told));
            if ahead > JUMP || behind > JUMP { told } else { expected + ahead / 16 - behind / 16 }
        });
        let captured_at = self.last_captured_at.map_or(smooth, |last| smooth.max(last));
        self.last_captured_at = Some(captured_at);
        captured_at
    }
}

/// Notices that nothing comes any more, and how long.
struct Watch {
    last_heard: Instant,
    told: bool,
    next_check: Instant,
}

enum Silence {
    None,
    Began,
    GoesOn,
}

impl Watch {
    const CHECK_EVERY: Duration = Duration::from_secs(1);

    fn new() -> Self {
        let now = Instant::now();
        Self { last_heard: now, told: false, next_check: now + Self::CHECK_EVERY }
    }

    fn heard(&mut self) {
        self.last_heard = Instant::now();
        self.told = false;
    }

    fn check(&mut self, health: &StreamHealth) -> Silence {
        let now = Instant::now();
        if now < self.next_check {
            return Silence::None;
        }
        self.next_check = now + Self::CHECK_EVERY;
        health.forgive();
        if now.duration_since(self.last_heard) < STALL_AFTER {
            Silence::None
        } else if std::mem::replace(&mut self.told, true) {
            Silence::GoesOn
        } else {
            Silence::Began
        }
    }
}
