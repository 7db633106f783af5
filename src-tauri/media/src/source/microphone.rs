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

use super::{AudioEvent, STALL_AFTER, downmix::Downmix, emitter::Emitter};
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
    let channels = usize::from(opened.config.channels);
    let mut chunker = Chunker::new(rate, channels)?;
    let health = StreamHealth::default();
    let (samples, stamps) = (RingBuffer::new(rate as usize * channels), RingBuffer::new(STAMPS));
    let feed = Feed { samples: samples.0, stamps: stamps.0, channels, taken: 0, reader: thread::current() };
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

/// The audio callback's side of the ring, which holds interleaved channels. Does not lock, allocate or log.
struct Feed {
    samples: Producer<f32>,
    stamps: Producer<Stamp>,
    channels: usize,
    /// Frames so far.
    taken: u64,
    reader: Thread,
}

/// When the frame (a sample of every channel) of this number was captured.
#[derive(Clone, Copy)]
struct Stamp {
    frame: u64,
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
        let frames = data.len().min(self.samples.slots()) / self.channels;
        let Ok(space) = self.samples.write_chunk_uninit(frames * self.channels) else { return };
        let _ = self.stamps.push(Stamp { frame: self.taken, captured_at });
        space.fill_from_iter(data.iter().map(|&sample| f32::from_sample_(sample)));
        self.taken += frames as u64;
        self.reader.unpark();
    }
}

/// Cuts the ring into mono chunks of 10 ms at 48 kHz and tells when each was captured.
struct Chunker {
    downmix: Downmix,
    resampler: ToChunks,
    channels: usize,
    interleaved: Vec<f32>,
    mono: Vec<f32>,
    rate: u32,
    /// Frames so far.
    read: u64,
    stamp: Option<Stamp>,
    last_captured_at: Option<Instant>,
}

impl Chunker {
    fn new(rate: u32, channels: usize) -> Result<Self, DeviceError> {
        let resampler = ToChunks::new(rate).map_err(|error| DeviceError::Unsupported(error.to_string()))?;
        let longest = resampler.max_needed();
        Ok(Self {
            downmix: Downmix::new(channels),
            resampler,
            channels,
            interleaved: vec![0.0; longest * channels],
            mono: vec![0.0; longest],
            rate,
            read: 0,
            stamp: None,
            last_captured_at: None,
        })
    }

    fn next(&mut self, samples: &mut Consumer<f32>, stamps: &mut Consumer<Stamp>) -> Option<AudioChunk> {
        let needed = self.resampler.needed();
        let (interleaved, mono) = (&mut self.interleaved[..needed * self.channels], &mut self.mono[..needed]);
        samples.pop_entire_slice(interleaved).ok()?;
        while stamps.peek().is_ok_and(|stamp| stamp.frame <= self.read) {
            self.stamp = stamps.pop().ok();
        }
        self.downmix.mix(interleaved, mono);
        let mut chunk = [0.0; CHUNK_SAMPLES];
        self.resampler.convert(mono, &mut chunk);
        let captured_at = self.captured_at();
        self.read += needed as u64;
        Some(AudioChunk { samples: chunk, captured_at })
    }

    /// The time of the next sample, smoothed: callbacks come late under load, the clock of the device does not.
    fn captured_at(&mut self) -> Instant {
        const JUMP: Duration = Duration::from_millis(40);
        let told = self.stamp.map_or_else(Instant::now, |stamp| {
            let later = Duration::from_nanos((self.read - stamp.frame) * 1_000_000_000 / u64::from(self.rate));
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What a microphone of this rate and number of channels makes of a tone of 500 Hz that only its last channel hears.
    fn chunks_of(rate: u32, channels: usize) -> Vec<AudioChunk> {
        let mut chunker = Chunker::new(rate, channels).expect("the rate is usual");
        let (mut samples, mut samples_out) = RingBuffer::new(rate as usize * channels);
        let (mut stamps, mut stamps_out) = RingBuffer::new(STAMPS);
        let start = Instant::now();
        let mut chunks = Vec::new();
        // Callbacks of 7 ms, three seconds of them.
        let frames = rate as usize * 7 / 1_000;
        for callback in 0..430 {
            let frame = (callback * frames) as u64;
            let captured_at = start + Duration::from_nanos(frame * 1_000_000_000 / u64::from(rate));
            stamps.push(Stamp { frame, captured_at }).expect("there is room");
            for n in 0..frames {
                let tone =
                    ((frame as f64 + n as f64) / f64::from(rate) * 500.0 * std::f64::consts::TAU).sin() as f32 * 0.5;
                (0..channels)
                    .for_each(|c| samples.push(if c + 1 == channels { tone } else { 0.0 }).expect("there is room"));
            }
            chunks.extend(std::iter::from_fn(|| chunker.next(&mut samples_out, &mut stamps_out)));
        }
        chunks
    }

    #[test]
    fn a_tone_comes_whole_out_of_every_rate_and_number_of_channels() {
        for rate in [8_000, 16_000, 44_100, 48_000, 96_000, 192_000] {
            for channels in 1..=8 {
                let chunks = chunks_of(rate, channels);
                assert!(chunks.len() >= 295, "{rate} Hz, {channels} channels: {} chunks", chunks.len());
                let loudest =
                    chunks[150..290].iter().flat_map(|chunk| chunk.samples).fold(0.0f32, |a, b| a.max(b.abs()));
                assert!((loudest - 0.5).abs() < 0.02, "{rate} Hz, {channels} channels: {loudest}");
                let lasted = chunks[290].captured_at - chunks[90].captured_at;
                assert!(lasted.abs_diff(Duration::from_secs(2)) < Duration::from_millis(2), "{rate} Hz: {lasted:?}");
            }
        }
    }
}
