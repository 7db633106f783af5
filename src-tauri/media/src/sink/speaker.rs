//! A loudspeaker by cpal: the audio callback only copies out of a ring, the playout thread keeps the ring filled.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread::{self, Thread},
    time::{Duration, Instant},
};

use cpal::{
    FromSample, OutputCallbackInfo, SampleFormat, SizedSample, Stream,
    traits::{DeviceTrait, StreamTrait},
};
use rtrb::{Consumer, Producer, RingBuffer};

use crate::{
    audio::{CHUNK_DURATION, CHUNK_SAMPLES, SAMPLE_RATE},
    audio_host::{self, Opened},
    device::{DeviceError, DeviceKind},
    resample::FromChunks,
    stream_health::StreamHealth,
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpeakerConfig {
    /// A loudspeaker by [`crate::DeviceInfo::id`], or the default one.
    Device { id: Option<String> },
    /// Takes sound at the pace of a device and drops it.
    Null,
}

/// `Started`, then at most one `Failed`, which is the last event: the owner opens anew, with growing pauses.
#[derive(Clone, Debug)]
pub enum SpeakerEvent {
    Started {
        name: String,
    },
    /// The device found nothing to play for so many samples at 48 kHz, after all that was pulled so far and before what
    /// is pulled next. It played silence.
    Starved {
        samples: u32,
    },
    Failed(DeviceError),
}

/// An open loudspeaker. Dropping it stops it without waiting.
#[derive(Debug)]
pub struct Speaker {
    stop: Arc<AtomicBool>,
}

impl Speaker {
    /// Opens a loudspeaker on a thread of its own and returns at once; failure comes as an event.
    ///
    /// `pull` is asked on that thread for the next 480 samples (48 kHz mono, -1..=1; the buffer comes silent) whenever the
    /// device has room, and is told when their first sample will be heard. It should return within 5 ms.
    pub fn open(
        config: SpeakerConfig,
        pull: impl FnMut(&mut [f32; CHUNK_SAMPLES], Instant) + Send + 'static,
        on_event: impl FnMut(SpeakerEvent) + Send + 'static,
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let on_thread = stop.clone();
        let spawned = thread::Builder::new().name("parley-speaker".to_owned()).spawn(move || {
            let (mut pull, mut on_event) = (pull, on_event);
            let playing = std::panic::AssertUnwindSafe(|| match &config {
                SpeakerConfig::Device { id } => play_device(id.as_deref(), &on_thread, &mut pull, &mut on_event),
                SpeakerConfig::Null => play_nowhere(&on_thread, &mut pull, &mut on_event),
            });
            let result = std::panic::catch_unwind(playing)
                .unwrap_or_else(|_| Err(DeviceError::Backend("its driver code panicked".to_owned())));
            if let Err(error) = result
                && !on_thread.load(Ordering::Acquire)
            {
                on_event(SpeakerEvent::Failed(error));
            }
        });
        if let Err(error) = spawned {
            // The callback went down with the thread; without threads nothing else works either.
            tracing::error!(%error, "cannot start the playout thread");
        }
        Self { stop }
    }
}

impl Drop for Speaker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
    }
}

type Pull<'a> = &'a mut dyn FnMut(&mut [f32; CHUNK_SAMPLES], Instant);
type OnEvent<'a> = &'a mut dyn FnMut(SpeakerEvent);

fn play_nowhere(stop: &AtomicBool, pull: Pull<'_>, on_event: OnEvent<'_>) -> Result<(), DeviceError> {
    on_event(SpeakerEvent::Started { name: "No speaker".to_owned() });
    let mut next = Instant::now();
    while !stop.load(Ordering::Acquire) {
        let now = Instant::now();
        if now.saturating_duration_since(next) > LONGEST_PAUSE {
            next = now;
        }
        thread::sleep(next.saturating_duration_since(now));
        pull(&mut [0.0; CHUNK_SAMPLES], next);
        next += CHUNK_DURATION;
    }
    Ok(())
}

/// After a longer pause (the machine slept) the pace starts anew.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// How long the system may take to open a stream, and how long a stream may take nothing before it counts as dead.
const OPEN_TIMEOUT: Duration = Duration::from_secs(5);
const DEAD_AFTER: Duration = Duration::from_secs(3);

/// Delays above this are a driver's mistake.
const MAX_DEVICE_DELAY: Duration = Duration::from_millis(500);

fn play_device(id: Option<&str>, stop: &AtomicBool, pull: Pull<'_>, on_event: OnEvent<'_>) -> Result<(), DeviceError> {
    let opened = audio_host::find(DeviceKind::Speaker, id)?;
    let rate = opened.config.sample_rate;
    let mut converter = FromChunks::new(rate).map_err(|error| DeviceError::Unsupported(error.to_string()))?;
    let (mut ring, consumer) = RingBuffer::new(rate as usize);
    let (health, state) = (StreamHealth::default(), Arc::new(DeviceState::default()));
    let drain = Drain {
        samples: consumer,
        channels: usize::from(opened.config.channels),
        state: state.clone(),
        writer: thread::current(),
    };
    let stream = open_stream(&opened, drain, health.clone())?;
    on_event(SpeakerEvent::Started { name: opened.name.clone() });
    let mut reserve = Reserve::new(rate);
    let mut watch = Watch::new();
    while !stop.load(Ordering::Acquire) {
        let starved = state.take_starved_frames();
        if starved > 0 {
            on_event(SpeakerEvent::Starved {
                samples: (u64::from(starved) * u64::from(SAMPLE_RATE) / u64::from(rate)) as u32,
            });
        }
        let wanted = reserve.frames(&state);
        while fill(&ring) < wanted && !stop.load(Ordering::Acquire) {
            let mut chunk = [0.0; CHUNK_SAMPLES];
            pull(&mut chunk, Instant::now() + frames_to_time(fill(&ring), rate) + state.device_delay());
            let samples = converter.convert(&chunk);
            // What does not fit is dropped; the ring holds a second.
            let _ = ring.push_partial_slice(samples);
        }
        thread::park_timeout(CHUNK_DURATION * 2);
        if let Some(error) = health.verdict() {
            return Err(error);
        }
        watch.check(&state, &health)?;
    }
    drop(stream);
    Ok(())
}

fn fill(ring: &Producer<f32>) -> usize {
    ring.buffer().capacity() - ring.slots()
}

fn frames_to_time(frames: usize, rate: u32) -> Duration {
    Duration::from_nanos(frames as u64 * 1_000_000_000 / u64::from(rate))
}

fn open_stream(opened: &Opened, drain: Drain, health: StreamHealth) -> Result<Stream, DeviceError> {
    let built = match opened.format {
        SampleFormat::F32 => build::<f32>(opened, drain, health),
        SampleFormat::I16 => build::<i16>(opened, drain, health),
        SampleFormat::I32 => build::<i32>(opened, drain, health),
        SampleFormat::U8 => build::<u8>(opened, drain, health),
        other => return Err(DeviceError::Unsupported(format!("sample format {other}"))),
    };
    let stream = built.map_err(|error| audio_host::device_error(&error))?;
    stream.play().map_err(|error| audio_host::device_error(&error))?;
    Ok(stream)
}

fn build<T: SizedSample + FromSample<f32>>(
    opened: &Opened,
    mut drain: Drain,
    health: StreamHealth,
) -> Result<Stream, cpal::Error> {
    opened.device.build_output_stream::<T, _, _>(
        opened.config,
        move |data, info| drain.on_room(data, info),
        move |error| health.on_error(&error),
        Some(OPEN_TIMEOUT),
    )
}

/// What the audio callback tells the playout thread.
#[derive(Debug, Default)]
struct DeviceState {
    /// Frames that the device takes at once, the most so far.
    callback_frames: AtomicU32,
    /// Time from the callback to the ear.
    delay_us: AtomicU32,
    /// Callbacks that found too little, and the frames that they missed since the playout thread last asked.
    underruns: AtomicU32,
    starved_frames: AtomicU32,
    callbacks: AtomicU32,
}

impl DeviceState {
    fn device_delay(&self) -> Duration {
        Duration::from_micros(u64::from(self.delay_us.load(Ordering::Relaxed)))
    }

    fn take_starved_frames(&self) -> u32 {
        self.starved_frames.swap(0, Ordering::Relaxed)
    }
}

/// The audio callback's side of the ring. Does not lock, allocate or log.
struct Drain {
    samples: Consumer<f32>,
    channels: usize,
    state: Arc<DeviceState>,
    writer: Thread,
}

impl Drain {
    fn on_room<T: SizedSample + FromSample<f32>>(&mut self, data: &mut [T], info: &OutputCallbackInfo) {
        let frames = data.len() / self.channels;
        let times = info.timestamp();
        let delay = times.playback.saturating_duration_since(times.callback).min(MAX_DEVICE_DELAY);
        self.state.delay_us.store(delay.as_micros() as u32, Ordering::Relaxed);
        self.state.callback_frames.fetch_max(frames as u32, Ordering::Relaxed);
        self.state.callbacks.fetch_add(1, Ordering::Relaxed);
        let missing = frames.saturating_sub(self.samples.slots());
        if missing > 0 {
            self.state.underruns.fetch_add(1, Ordering::Relaxed);
            self.state.starved_frames.fetch_add(missing as u32, Ordering::Relaxed);
        }
        let available = frames - missing;
        for (n, frame) in data.chunks_exact_mut(self.channels).enumerate() {
            // Not what the playout thread adds meanwhile: it was told that silence came before.
            let sample = if n < available { self.samples.pop().unwrap_or(0.0).clamp(-1.0, 1.0) } else { 0.0 };
            place(T::from_sample_(sample), frame);
        }
        self.writer.unpark();
    }
}

/// Both front loudspeakers of any arrangement say the same; subwoofers and those behind the listener are silent.
fn place<T: SizedSample>(sample: T, frame: &mut [T]) {
    for (channel, out) in frame.iter_mut().enumerate() {
        *out = if channel < FRONT_CHANNELS { sample } else { T::EQUILIBRIUM };
    }
}

/// Left and right come first in every arrangement.
const FRONT_CHANNELS: usize = 2;

/// How much sound waits in the ring: what the device takes at once, and a margin that grows when it was too small.
struct Reserve {
    margin: usize,
    smallest: usize,
    largest: usize,
    underruns_seen: u32,
    calm_since: Instant,
}

impl Reserve {
    fn new(rate: u32) -> Self {
        let ten_ms = rate as usize / 100;
        Self {
            margin: ten_ms / 2,
            smallest: ten_ms / 2,
            largest: ten_ms * 8,
            underruns_seen: 0,
            calm_since: Instant::now(),
        }
    }

    fn frames(&mut self, state: &DeviceState) -> usize {
        const CALM: Duration = Duration::from_secs(20);
        let underruns = state.underruns.load(Ordering::Relaxed);
        if underruns != self.underruns_seen {
            self.underruns_seen = underruns;
            self.margin = (self.margin + self.smallest).min(self.largest);
            self.calm_since = Instant::now();
        } else if self.calm_since.elapsed() > CALM && self.margin > self.smallest {
            self.margin -= self.smallest;
            self.calm_since = Instant::now();
        }
        self.margin + state.callback_frames.load(Ordering::Relaxed) as usize
    }
}

/// Notices a device that takes nothing any more without a word.
struct Watch {
    callbacks_seen: u32,
    last_callback: Instant,
    next_check: Instant,
}

impl Watch {
    fn new() -> Self {
        Self { callbacks_seen: 0, last_callback: Instant::now(), next_check: Instant::now() }
    }

    fn check(&mut self, state: &DeviceState, health: &StreamHealth) -> Result<(), DeviceError> {
        let now = Instant::now();
        if now < self.next_check {
            return Ok(());
        }
        self.next_check = now + Duration::from_secs(1);
        health.forgive();
        let callbacks = state.callbacks.load(Ordering::Relaxed);
        if callbacks != self.callbacks_seen {
            self.callbacks_seen = callbacks;
            self.last_callback = now;
        }
        if now.duration_since(self.last_callback) > DEAD_AFTER { Err(DeviceError::Gone) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn null_speaker_pulls_at_the_pace_of_a_device() {
        let (sender, receiver) = mpsc::channel();
        let (events, started) = mpsc::channel();
        let began = Instant::now();
        let speaker = Speaker::open(
            SpeakerConfig::Null,
            move |_, at| sender.send(at).unwrap_or_default(),
            move |event| drop(events.send(event)),
        );
        let times: Vec<Instant> = (0..30).map(|_| receiver.recv_timeout(Duration::from_secs(5)).unwrap()).collect();
        assert!(began.elapsed() >= CHUNK_DURATION * 28);
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= CHUNK_DURATION));
        assert!(matches!(started.recv_timeout(Duration::from_secs(1)), Ok(SpeakerEvent::Started { .. })));
        drop(speaker);
        // The thread ends and lets go of its callback.
        while receiver.recv_timeout(Duration::from_secs(5)).is_ok() {}
        assert!(matches!(receiver.try_recv(), Err(mpsc::TryRecvError::Disconnected)));
    }

    #[test]
    fn unknown_speaker_fails_once() {
        let (events, told) = mpsc::channel();
        let _speaker = Speaker::open(
            SpeakerConfig::Device { id: Some("no such id".to_owned()) },
            |_, _| {},
            move |event| drop(events.send(event)),
        );
        assert!(matches!(told.recv_timeout(Duration::from_secs(5)), Ok(SpeakerEvent::Failed(DeviceError::NotFound))));
        assert!(told.recv_timeout(Duration::from_secs(5)).is_err());
    }

    #[test]
    fn mono_comes_from_the_front_in_every_arrangement() {
        for channels in 1..=8 {
            let mut frame = vec![9i16; channels];
            place(5, &mut frame);
            let front = channels.min(2);
            assert_eq!(frame[..front], vec![5; front]);
            assert!(frame[front..].iter().all(|&sample| sample == 0), "{frame:?}");
        }
        let mut frame = [9u8; 4];
        place(5, &mut frame);
        assert_eq!(frame, [5, 5, 128, 128]);
    }

    #[test]
    fn reserve_grows_with_underruns_and_shrinks_no_lower_than_it_began() {
        let (mut reserve, state) = (Reserve::new(48_000), DeviceState::default());
        assert_eq!(reserve.frames(&state), 240);
        state.callback_frames.store(256, Ordering::Relaxed);
        for underruns in 1..100 {
            state.underruns.store(underruns, Ordering::Relaxed);
            reserve.frames(&state);
        }
        assert_eq!(reserve.frames(&state), 480 * 8 + 256);
    }
}
