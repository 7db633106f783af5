//! The thread that encodes the person's pictures, once for all peers.

use super::adaptation::{Adaptation, Plan, Source};
use super::broadcast::VideoBroadcast;
use crate::peer::VideoUnit;
use parley_media::VideoFrame;
use parley_media::codec::CodecError;
use parley_media::codec::h264::{EncodedFrame, Encoder, EncoderConfig};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Key frames are larger than others, so requests of several peers share one.
const KEY_FRAME_GAP: Duration = Duration::from_millis(300);
/// The encoder is told about a new rate when it differs by more than this share.
const RATE_STEP: f64 = 0.05;
const DEFAULT_FPS: u32 = 30;
/// A peer that begins is not shown an older picture.
const MAX_KEPT: Duration = Duration::from_millis(100);
/// Pictures are skipped while what was encoded before takes longer to leave.
const MAX_PACER_QUEUE: Duration = Duration::from_millis(60);

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
    /// The last picture, while there is nobody to send it to.
    kept: Option<VideoFrame>,
    is_closed: bool,
}

#[derive(Debug, Default)]
struct Counts {
    captured: AtomicU64,
    encoded: AtomicU64,
    key_frames: AtomicU64,
    width: AtomicUsize,
    height: AtomicUsize,
    is_paused: AtomicBool,
}

/// Numbers since the sender was made, and what it makes at present.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct PictureCounts {
    pub captured: u64,
    pub encoded: u64,
    pub key_frames: u64,
    /// Of the newest encoded picture.
    pub width: usize,
    pub height: usize,
    /// The path carries sound only.
    pub is_paused: bool,
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

    /// Sends the last picture to a peer that begins, so that it need not wait for the next.
    pub(crate) fn begin(&self) {
        let mut slot = self.shared.slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = slot.kept.take_if(|kept| kept.captured_at.elapsed() < MAX_KEPT) {
            slot.newest.get_or_insert(kept);
            self.shared.filled.notify_one();
        }
    }

    /// How many pictures a second the source makes.
    pub(crate) fn set_fps(&self, fps: u32) {
        self.shared.fps.store(fps.clamp(1, 120), Ordering::Relaxed);
    }

    pub(crate) fn counts(&self) -> PictureCounts {
        let counts = &self.shared.counts;
        PictureCounts {
            captured: counts.captured.load(Ordering::Relaxed),
            encoded: counts.encoded.load(Ordering::Relaxed),
            key_frames: counts.key_frames.load(Ordering::Relaxed),
            width: counts.width.load(Ordering::Relaxed),
            height: counts.height.load(Ordering::Relaxed),
            is_paused: counts.is_paused.load(Ordering::Relaxed),
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
    adaptation: Adaptation,
    last_key_frame: Option<Instant>,
    key_frame_pending: bool,
}

impl Worker {
    fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            encoder: None,
            bitrate_bps: 0,
            adaptation: Adaptation::default(),
            last_key_frame: None,
            key_frame_pending: false,
        }
    }

    fn run(mut self) {
        while let Some(frame) = self.next_frame() {
            // Without peers the encoder rests; the next peer begins with a key frame anyway.
            let Some(target_bps) = self.shared.broadcast.pictures_bps() else {
                self.shared.slot.lock().unwrap_or_else(PoisonError::into_inner).kept = Some(frame);
                continue;
            };
            // What is not encoded need not wait.
            if self.shared.broadcast.pacer_queue() > MAX_PACER_QUEUE {
                continue;
            }
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
        let source = Source {
            width: frame.picture.width(),
            height: frame.picture.height(),
            fps: self.shared.fps.load(Ordering::Relaxed),
        };
        let plan = self.adaptation.plan(source, bitrate_bps, Instant::now());
        self.shared.counts.is_paused.store(plan == Plan::Pause, Ordering::Relaxed);
        let Plan::Encode { width, height, fps } = plan else {
            return Ok(());
        };
        if !self.adaptation.takes(frame.captured_at, fps, source.fps) {
            return Ok(());
        }
        let scaled = (width != source.width).then(|| frame.picture.scaled(width, height));
        let picture = scaled.as_ref().unwrap_or(&frame.picture);
        // The encoder divides its rate by the source's pictures; of fewer, each may be larger.
        let per_source_picture = u64::from(bitrate_bps) * u64::from(source.fps) / u64::from(fps);
        self.prepare_encoder(width, height, source.fps, u32::try_from(per_source_picture).unwrap_or(u32::MAX))?;
        self.follow_key_frame_requests();
        let Some(encoder) = &mut self.encoder else {
            return Ok(());
        };
        if let Some(encoded) = encoder.encode(picture)? {
            self.shared.counts.width.store(width, Ordering::Relaxed);
            self.shared.counts.height.store(height, Ordering::Relaxed);
            self.hand_out(encoded, frame.captured_at);
        }
        Ok(())
    }

    fn prepare_encoder(&mut self, width: usize, height: usize, fps: u32, bitrate_bps: u32) -> Result<(), CodecError> {
        match &mut self.encoder {
            Some(encoder) if encoder.config().fps == fps => {
                let change = f64::from(bitrate_bps.abs_diff(self.bitrate_bps));
                if change > f64::from(self.bitrate_bps) * RATE_STEP {
                    encoder.set_bitrate(bitrate_bps)?;
                    self.bitrate_bps = bitrate_bps;
                }
            }
            Some(_) | None => {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::SendBudget;
    use parley_media::source::pattern::TestPattern;

    #[test]
    fn a_peer_that_begins_need_not_wait_for_the_next_picture() {
        let broadcast = Arc::<VideoBroadcast>::default();
        let sender = PictureSender::spawn(Arc::clone(&broadcast), 1_000_000);
        let picture = TestPattern::new(160, 96).draw(Duration::ZERO, 0);
        sender.push(VideoFrame { picture: Arc::new(picture), captured_at: Instant::now() });
        let has_kept = || sender.shared.slot.lock().unwrap().kept.is_some();
        assert!(comes_true(has_kept));
        // On a busy machine it may be too old by now.
        if let Some(kept) = &mut sender.shared.slot.lock().unwrap().kept {
            kept.captured_at = Instant::now();
        }
        let mut units = broadcast.subscribe(SendBudget::fixed(500_000));
        sender.begin();
        assert!(comes_true(|| units.try_recv().is_ok_and(|unit| unit.is_key_frame)));
        assert!(!has_kept(), "it is sent once");
    }

    fn comes_true(mut is_true: impl FnMut() -> bool) -> bool {
        let deadline = Instant::now() + Duration::from_secs(5);
        while Instant::now() < deadline {
            if is_true() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        false
    }
}
