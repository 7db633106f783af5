//! The thread that turns another participant's video packets into pictures.
//!
//! ```text
//! packets ─▶ in order ─▶ whole pictures ─▶ (drop until a key frame) ─▶ decoder ─▶ at their time ─▶ FrameHub
//! ```

use super::depacketize::{Assembled, Assembler, Picture};
use super::freezes::{FreezeMeter, Freezes};
use super::picture_plan::PicturePlan;
use super::reorder::Reorder;
use crate::engine::frame_hub::{FrameHub, StreamId};
use crate::engine::marks::MarkWindow;
use crate::peer::MediaPacket;
use parley_media::codec::h264::Decoder;
use parley_media::mark::{self, video_mark};
use parley_media::{I420, VideoFrame};
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// About four seconds of 2.5 Mbit/s video: the bound for a decoder that does not keep up.
const QUEUE_PACKETS: usize = 1024;
/// A request that is lost, or whose key frame is, is made again after this time and two round trips.
const KEY_FRAME_REQUEST_GAP: Duration = Duration::from_millis(150);
/// A stream begins with a key frame by itself; only when that is late it is asked for.
const FIRST_KEY_FRAME_PATIENCE: Duration = Duration::from_millis(150);
/// How often the thread looks whether it still waits for a key frame.
const IDLE_TICK: Duration = Duration::from_millis(100);

/// What the session must do for the receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PictureEvent {
    FirstPicture,
    KeyFrameNeeded,
}

enum Input {
    Packet(MediaPacket),
    Restart,
}

/// Takes packets from any thread. Dropping it ends the thread.
#[derive(Debug, Clone)]
pub(crate) struct PictureReceiver {
    inputs: SyncSender<Input>,
    stats: Arc<PictureStats>,
    outlet: Arc<Outlet>,
    path: Arc<PathHints>,
}

/// What the session tells the thread.
#[derive(Debug, Default)]
struct PathHints {
    rtt_ms: AtomicU32,
    extra_delay_ms: AtomicU32,
}

impl PathHints {
    fn rtt(&self) -> Duration {
        Duration::from_millis(self.rtt_ms.load(Ordering::Relaxed).into())
    }

    fn extra_delay(&self) -> Duration {
        Duration::from_millis(self.extra_delay_ms.load(Ordering::Relaxed).into())
    }
}

/// Where pictures are shown, until it is closed.
#[derive(Debug)]
struct Outlet {
    frames: FrameHub,
    stream: StreamId,
    is_closed: Mutex<bool>,
}

impl Outlet {
    fn publish(&self, picture: I420, now: Instant) {
        let is_closed = self.is_closed.lock().unwrap_or_else(PoisonError::into_inner);
        if !*is_closed {
            self.frames.publish(self.stream, VideoFrame { picture: Arc::new(picture), captured_at: now });
        }
    }
}

/// Counts since the receiver was made.
#[derive(Debug, Default)]
pub(crate) struct PictureStats {
    /// Pictures that came whole, whether they could be decoded or not.
    pub whole: AtomicU64,
    pub decoded: AtomicU64,
    pub key_frames: AtomicU64,
    pub lost_packets: AtomicU64,
    pub width: AtomicUsize,
    pub height: AtomicUsize,
    /// How much later than the quickest each picture is shown.
    pub playout_ms: AtomicU32,
    latencies: Mutex<MarkWindow>,
    freezes: Mutex<Freezes>,
    latency: Mutex<Option<Latency>>,
}

/// How long the picture shown last took from its capture, with the sender's clock against ours.
#[derive(Debug, Clone, Copy)]
struct Latency {
    ms: f64,
    shown_at: Instant,
}

/// A latency that is older than this says nothing about the present.
const LATENCY_AGE: Duration = Duration::from_secs(1);

impl PictureStats {
    pub(crate) fn freezes(&self) -> Freezes {
        *self.freezes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From capture to the screen in milliseconds, off by the difference of the two clocks. `None` without new pictures.
    pub(crate) fn latency_ms(&self, now: Instant) -> Option<f64> {
        let latency = *self.latency.lock().unwrap_or_else(PoisonError::into_inner);
        latency
            .filter(|latency| now.saturating_duration_since(latency.shown_at) < LATENCY_AGE)
            .map(|latency| latency.ms)
    }

    fn note_shown(&self, freezes: Freezes, captured_us: Option<i64>, shown_at: Instant) {
        *self.freezes.lock().unwrap_or_else(PoisonError::into_inner) = freezes;
        let latency = captured_us
            .map(|captured_us| Latency { ms: (mark::wall_us(shown_at) - captured_us) as f64 / 1e3, shown_at });
        *self.latency.lock().unwrap_or_else(PoisonError::into_inner) = latency;
    }

    pub(crate) fn latencies(&self) -> MarkWindow {
        self.latencies.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl PictureReceiver {
    /// Starts the thread. `on_event` is called on it.
    pub(crate) fn spawn(
        frames: FrameHub,
        stream: StreamId,
        measure_marks: bool,
        on_event: impl FnMut(PictureEvent) + Send + 'static,
    ) -> Self {
        let (inputs, receiver) = sync_channel(QUEUE_PACKETS);
        let stats = Arc::new(PictureStats::default());
        let outlet = Arc::new(Outlet { frames, stream, is_closed: Mutex::new(false) });
        let path = Arc::new(PathHints::default());
        let worker = Worker {
            outlet: Arc::clone(&outlet),
            measure_marks,
            on_event: Box::new(on_event),
            stats: Arc::clone(&stats),
            reorder: Reorder::default(),
            assembler: Assembler::default(),
            path: Arc::clone(&path),
            plan: PicturePlan::new(),
            freeze_meter: FreezeMeter::default(),
            decoder: None,
            needs_key_frame: true,
            ask_at: None,
        };
        let spawned = std::thread::Builder::new().name("parley-decode".to_owned()).spawn(move || worker.run(&receiver));
        if let Err(error) = spawned {
            tracing::error!(%error, "no thread for decoding video");
        }
        Self { inputs, stats, outlet, path }
    }

    /// Tells the round-trip time, on which depends how long a repair may take.
    pub(crate) fn set_rtt(&self, rtt: Duration) {
        self.path.rtt_ms.store(u32::try_from(rtt.as_millis()).unwrap_or(u32::MAX), Ordering::Relaxed);
    }

    /// Shows pictures so much later than the network asks for.
    pub(crate) fn set_extra_delay(&self, delay: Duration) {
        self.path.extra_delay_ms.store(u32::try_from(delay.as_millis()).unwrap_or(u32::MAX), Ordering::Relaxed);
    }

    /// Does not block. A packet that finds no room is lost like one on the network.
    pub(crate) fn push(&self, packet: MediaPacket) {
        let _ = self.inputs.try_send(Input::Packet(packet));
    }

    /// Begins anew: the next packets come from another RTP stream.
    pub(crate) fn restart(&self) {
        let _ = self.inputs.try_send(Input::Restart);
    }

    /// Ends the stream in the hub; a picture that is being decoded at this moment is not shown any more.
    pub(crate) fn end_stream(&self) {
        *self.outlet.is_closed.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.outlet.frames.remove(self.outlet.stream);
    }

    pub(crate) fn stats(&self) -> Arc<PictureStats> {
        Arc::clone(&self.stats)
    }
}

struct Worker {
    outlet: Arc<Outlet>,
    measure_marks: bool,
    on_event: Box<dyn FnMut(PictureEvent) + Send>,
    stats: Arc<PictureStats>,
    reorder: Reorder,
    assembler: Assembler,
    path: Arc<PathHints>,
    plan: PicturePlan<Decoded>,
    freeze_meter: FreezeMeter,
    decoder: Option<Decoder>,
    needs_key_frame: bool,
    /// The earliest time to ask for a key frame; `None` until packets come.
    ask_at: Option<Instant>,
}

struct Decoded {
    picture: I420,
    captured_us: Option<i64>,
}

impl Worker {
    fn run(mut self, inputs: &Receiver<Input>) {
        loop {
            match inputs.recv_timeout(self.patience()) {
                Ok(Input::Packet(packet)) => self.on_packet(packet),
                Ok(Input::Restart) => self.restart(),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.advance();
            self.show_what_is_due();
            self.ask_if_needed();
        }
    }

    fn patience(&self) -> Duration {
        let now = Instant::now();
        let deadlines = [self.reorder.deadline(), self.plan.due()];
        let until = deadlines.into_iter().flatten().map(|at| at.saturating_duration_since(now));
        until.min().map_or(IDLE_TICK, |time| time.min(IDLE_TICK))
    }

    fn on_packet(&mut self, packet: MediaPacket) {
        let now = Instant::now();
        self.ask_at.get_or_insert(now + FIRST_KEY_FRAME_PATIENCE);
        self.reorder.push(packet, now);
    }

    fn restart(&mut self) {
        self.reorder.restart();
        self.assembler.restart();
        self.plan = PicturePlan::new();
        self.decoder = None;
        self.needs_key_frame = true;
        self.ask_at = None;
    }

    fn advance(&mut self) {
        self.reorder.set_rtt(self.path.rtt());
        self.plan.set_extra_delay(self.path.extra_delay());
        while let Some(item) = self.reorder.pop(Instant::now()) {
            match self.assembler.push(item) {
                Some(Assembled::Picture(picture)) => self.on_picture(&picture),
                Some(Assembled::Broken) => self.needs_key_frame = true,
                None => {}
            }
        }
        self.stats.lost_packets.store(self.reorder.lost(), Ordering::Relaxed);
    }

    fn ask_if_needed(&mut self) {
        let now = Instant::now();
        if self.needs_key_frame && self.ask_at.is_some_and(|at| now >= at) {
            self.ask_at = Some(now + KEY_FRAME_REQUEST_GAP + self.path.rtt() * 2);
            (self.on_event)(PictureEvent::KeyFrameNeeded);
        }
    }

    fn on_picture(&mut self, picture: &Picture) {
        self.stats.whole.fetch_add(1, Ordering::Relaxed);
        if self.needs_key_frame && !picture.is_key_frame {
            return;
        }
        match self.decode(picture) {
            Ok(decoded) => {
                self.needs_key_frame = false;
                if picture.is_key_frame {
                    self.stats.key_frames.fetch_add(1, Ordering::Relaxed);
                }
                if let Some(decoded) = decoded {
                    let decoded = Decoded { picture: decoded, captured_us: picture.captured_us };
                    self.plan.push(picture.timestamp, decoded, Instant::now());
                    self.show_what_is_due();
                }
            }
            Err(error) => {
                tracing::debug!(%error, "a picture was not decoded");
                self.decoder = None;
                self.needs_key_frame = true;
            }
        }
    }

    fn decode(&mut self, picture: &Picture) -> Result<Option<I420>, parley_media::codec::CodecError> {
        let mut decoder = match self.decoder.take() {
            Some(decoder) => decoder,
            None => Decoder::new()?,
        };
        let decoded = decoder.decode(&picture.annex_b)?;
        self.decoder = Some(decoder);
        Ok(decoded)
    }

    fn show_what_is_due(&mut self) {
        while let Some(decoded) = self.plan.pop(Instant::now()) {
            self.show(decoded);
        }
    }

    fn show(&mut self, Decoded { picture, captured_us }: Decoded) {
        let now = Instant::now();
        self.stats.note_shown(self.freeze_meter.on_shown(now), captured_us, now);
        self.stats.playout_ms.store(self.plan.delay_ms() as u32, Ordering::Relaxed);
        self.stats.width.store(picture.width(), Ordering::Relaxed);
        self.stats.height.store(picture.height(), Ordering::Relaxed);
        if self.measure_marks {
            self.measure(&picture, now);
        }
        self.outlet.publish(picture, now);
        if self.stats.decoded.fetch_add(1, Ordering::Relaxed) == 0 {
            (self.on_event)(PictureEvent::FirstPicture);
        }
    }

    fn measure(&self, picture: &I420, now: Instant) {
        if let Some((_, clock_ms)) = video_mark::read(picture)
            && let Ok(latency_ms) = u64::try_from(mark::elapsed_ms(clock_ms, now))
        {
            let mut latencies = self.stats.latencies.lock().unwrap_or_else(PoisonError::into_inner);
            latencies.push(Duration::from_millis(latency_ms));
        }
    }
}
