//! The thread that encodes the person's pictures, once for all peers.

use super::broadcast::VideoBroadcast;
use super::scale::ScalePolicy;
use crate::peer::VideoUnit;
use parley_media::VideoFrame;
use parley_media::codec::CodecError;
use parley_media::codec::h264::{EncodedFrame, Encoder, EncoderConfig};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Key frames are larger than others, so requests of several peers share one.
const KEY_FRAME_GAP: Duration = Duration::from_millis(300);
/// The encoder is told about a new rate when it differs by more than this share.
const RATE_STEP: f64 = 0.05;
const DEFAULT_FPS: u32 = 30;

/// Takes pictures from any thread and encodes the newest on its own thread. Dropping it ends the thread.
#[derive(Debug)]
pub(crate) struct PictureSender {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    slot: Mutex<Slot>,
    filled: Condvar,
    broadcast: Arc<VideoBroadcast>,
    max_bps: u32,
    fps: AtomicU32,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Slot {
    newest: Option<VideoFrame>,
    is_closed: bool,
}

#[derive(Debug, Default)]
struct Counts {
    captured: AtomicU64,
    encoded: AtomicU64,
    key_frames: AtomicU64,
}

/// Numbers since the sender was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct PictureCounts {
    pub captured: u64,
    pub encoded: u64,
    pub key_frames: u64,
}

impl PictureSender {
    /// Starts the thread. It waits without work until there are pictures and peers.
    pub(crate) fn spawn(broadcast: Arc<VideoBroadcast>, max_bps: u32) -> Self {
        let shared = Arc::new(Shared {
            slot: Mutex::default(),
            filled: Condvar::new(),
            broadcast,
            max_bps,
            fps: AtomicU32::new(DEFAULT_FPS),
            counts: Counts::default(),
        });
        let worker = Worker::new(Arc::clone(&shared));
        let spawned = std::thread::Builder::new().name("parley-encode".to_owned()).spawn(move || worker.run());
        if let Err(error) = spawned {
            tracing::error!(%error, "no thread for encoding video");
        }
        Self { shared }
    }

    /// Replaces the picture that waits. Does not block.
    pub(crate) fn push(&self, frame: VideoFrame) {
        self.shared.counts.captured.fetch_add(1, Ordering::Relaxed);
        self.shared.slot.lock().unwrap_or_else(PoisonError::into_inner).newest = Some(frame);
        self.shared.filled.notify_one();
    }

    /// How many pictures a second the source makes.
    pub(crate) fn set_fps(&self, fps: u32) {
        self.shared.fps.store(fps.clamp(1, 120), Ordering::Relaxed);
    }

    pub(crate) fn counts(&self) -> PictureCounts {
        PictureCounts {
            captured: self.shared.counts.captured.load(Ordering::Relaxed),
            encoded: self.shared.counts.encoded.load(Ordering::Relaxed),
            key_frames: self.shared.counts.key_frames.load(Ordering::Relaxed),
        }
    }
}

impl Drop for PictureSender {
    fn drop(&mut self) {
        self.shared.slot.lock().unwrap_or_else(PoisonError::into_inner).is_closed = true;
        self.shared.filled.notify_one();
    }
}

struct Worker {
    shared: Arc<Shared>,
    encoder: Option<Encoder>,
    bitrate_bps: u32,
    scale: ScalePolicy,
    last_key_frame: Option<Instant>,
    key_frame_pending: bool,
}

impl Worker {
    fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            encoder: None,
            bitrate_bps: 0,
            scale: ScalePolicy::default(),
            last_key_frame: None,
            key_frame_pending: false,
        }
    }

    fn run(mut self) {
        while let Some(frame) = self.next_frame() {
            // Without peers the encoder rests; the next peer begins with a key frame anyway.
            let Some(target_bps) = self.shared.broadcast.target_bps() else {
                continue;
            };
            if let Err(error) = self.encode(&frame, target_bps.min(self.shared.max_bps)) {
                tracing::warn!(%error, "a picture was not encoded");
                self.encoder = None;
            }
        }
    }

    fn next_frame(&self) -> Option<VideoFrame> {
        let mut slot = self.shared.slot.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if slot.is_closed {
                return None;
            }
            if let Some(frame) = slot.newest.take() {
                return Some(frame);
            }
            slot = self.shared.filled.wait(slot).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn encode(&mut self, frame: &VideoFrame, bitrate_bps: u32) -> Result<(), CodecError> {
        let (width, height) = self.scale.fit(frame.picture.width(), frame.picture.height(), bitrate_bps);
        let scaled = (width != frame.picture.width()).then(|| frame.picture.scaled(width, height));
        let picture = scaled.as_ref().unwrap_or(&frame.picture);
        self.prepare_encoder(width, height, bitrate_bps)?;
        self.follow_key_frame_requests();
        let Some(encoder) = &mut self.encoder else {
            return Ok(());
        };
        if let Some(encoded) = encoder.encode(picture)? {
            self.hand_out(encoded, frame.captured_at);
        }
        Ok(())
    }

    fn prepare_encoder(&mut self, width: usize, height: usize, bitrate_bps: u32) -> Result<(), CodecError> {
        let fps = self.shared.fps.load(Ordering::Relaxed);
        match &mut self.encoder {
            Some(encoder) if encoder.config().fps == fps => {
                let change = f64::from(bitrate_bps.abs_diff(self.bitrate_bps));
                if change > f64::from(self.bitrate_bps) * RATE_STEP {
                    encoder.set_bitrate(bitrate_bps)?;
                    self.bitrate_bps = bitrate_bps;
                }
            }
            // openh264 takes no rate above the one it was opened with; the second picture brings it down.
            Some(_) | None => {
                let bitrate_bps = self.shared.max_bps;
                self.encoder = Some(Encoder::new(EncoderConfig { width, height, fps, bitrate_bps })?);
                self.bitrate_bps = bitrate_bps;
            }
        }
        Ok(())
    }

    fn follow_key_frame_requests(&mut self) {
        self.key_frame_pending |= self.shared.broadcast.take_key_frame_request();
        let is_too_soon = self.last_key_frame.is_some_and(|at| at.elapsed() < KEY_FRAME_GAP);
        if self.key_frame_pending
            && !is_too_soon
            && let Some(encoder) = &mut self.encoder
        {
            encoder.request_key_frame();
        }
    }

    fn hand_out(&mut self, encoded: EncodedFrame, captured_at: Instant) {
        self.shared.counts.encoded.fetch_add(1, Ordering::Relaxed);
        if encoded.is_key_frame {
            self.shared.counts.key_frames.fetch_add(1, Ordering::Relaxed);
            self.last_key_frame = Some(Instant::now());
            self.key_frame_pending = false;
        }
        let unit = VideoUnit { annex_b: encoded.annex_b.into(), is_key_frame: encoded.is_key_frame, captured_at };
        self.shared.broadcast.send(&Arc::new(unit));
    }
}
