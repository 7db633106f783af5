//! Hands every encoded unit to all peers of a call. A peer that is too slow loses units, never the others' time.

use crate::peer::{AudioUnit, VideoUnit};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc;

/// A third of a second: a peer that is further behind waits for a key frame instead.
const VIDEO_QUEUE: usize = 10;
const AUDIO_QUEUE: usize = 16;

/// One peer's share of the encoded video. Dropping it ends the share.
#[derive(Debug)]
pub(crate) struct VideoSubscription {
    pub(crate) units: mpsc::Receiver<Arc<VideoUnit>>,
    target_bps: Arc<AtomicU32>,
}

impl VideoSubscription {
    /// A handle for telling what this peer's path carries, while the units are read elsewhere.
    pub(crate) fn target(&self) -> TargetHandle {
        TargetHandle(Arc::clone(&self.target_bps))
    }
}

/// Sets what one peer's path carries. The encoder follows the narrowest path.
#[derive(Debug, Clone)]
pub(crate) struct TargetHandle(Arc<AtomicU32>);

impl TargetHandle {
    pub(crate) fn set_bps(&self, bps: u32) {
        self.0.store(bps, Ordering::Relaxed);
    }
}

#[derive(Debug, Default)]
pub(crate) struct VideoBroadcast {
    subscribers: Mutex<Vec<VideoSubscriber>>,
    key_frame_wanted: AtomicBool,
}

#[derive(Debug)]
struct VideoSubscriber {
    units: mpsc::Sender<Arc<VideoUnit>>,
    target_bps: Arc<AtomicU32>,
    /// Nothing but a key frame helps a peer that has begun or has lost a unit.
    needs_key_frame: bool,
}

impl VideoBroadcast {
    /// Adds a peer; the next picture will be a key frame.
    pub(crate) fn subscribe(&self, target_bps: u32) -> VideoSubscription {
        let (sender, units) = mpsc::channel(VIDEO_QUEUE);
        let target_bps = Arc::new(AtomicU32::new(target_bps));
        let subscriber = VideoSubscriber { units: sender, target_bps: Arc::clone(&target_bps), needs_key_frame: true };
        self.lock().push(subscriber);
        self.request_key_frame();
        VideoSubscription { units, target_bps }
    }

    pub(crate) fn request_key_frame(&self) {
        self.key_frame_wanted.store(true, Ordering::Relaxed);
    }

    pub(crate) fn take_key_frame_request(&self) -> bool {
        self.key_frame_wanted.swap(false, Ordering::Relaxed)
    }

    /// The narrowest path in bits per second, `None` without any peer.
    pub(crate) fn target_bps(&self) -> Option<u32> {
        self.live().iter().map(|subscriber| subscriber.target_bps.load(Ordering::Relaxed)).min()
    }

    pub(crate) fn send(&self, unit: &Arc<VideoUnit>) {
        for subscriber in self.live().iter_mut() {
            if subscriber.needs_key_frame && !unit.is_key_frame {
                continue;
            }
            subscriber.needs_key_frame = subscriber.units.try_send(Arc::clone(unit)).is_err();
            if subscriber.needs_key_frame {
                self.request_key_frame();
            }
        }
    }

    fn live(&self) -> MutexGuard<'_, Vec<VideoSubscriber>> {
        let mut subscribers = self.lock();
        subscribers.retain(|subscriber| !subscriber.units.is_closed());
        subscribers
    }

    fn lock(&self) -> MutexGuard<'_, Vec<VideoSubscriber>> {
        self.subscribers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
pub(crate) struct AudioBroadcast {
    subscribers: Mutex<Vec<mpsc::Sender<AudioUnit>>>,
}

impl AudioBroadcast {
    pub(crate) fn subscribe(&self) -> mpsc::Receiver<AudioUnit> {
        let (sender, units) = mpsc::channel(AUDIO_QUEUE);
        self.lock().push(sender);
        units
    }

    /// A peer whose queue is full loses the packet: old sound is worth nothing.
    pub(crate) fn send(&self, unit: &AudioUnit) {
        self.lock().retain(|units| !matches!(units.try_send(unit.clone()), Err(mpsc::error::TrySendError::Closed(_))));
    }

    pub(crate) fn has_listeners(&self) -> bool {
        let mut subscribers = self.lock();
        subscribers.retain(|units| !units.is_closed());
        !subscribers.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<mpsc::Sender<AudioUnit>>> {
        self.subscribers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn unit(is_key_frame: bool) -> Arc<VideoUnit> {
        Arc::new(VideoUnit { annex_b: Default::default(), is_key_frame, captured_at: Instant::now() })
    }

    #[test]
    fn a_new_peer_begins_with_a_key_frame() {
        let broadcast = VideoBroadcast::default();
        let mut peer = broadcast.subscribe(1_000_000);
        assert!(broadcast.take_key_frame_request());
        broadcast.send(&unit(false));
        assert!(peer.units.try_recv().is_err());
        broadcast.send(&unit(true));
        broadcast.send(&unit(false));
        assert!(peer.units.try_recv().unwrap().is_key_frame);
        assert!(!peer.units.try_recv().unwrap().is_key_frame);
    }

    #[test]
    fn a_slow_peer_skips_to_the_next_key_frame_and_others_lose_nothing() {
        let broadcast = VideoBroadcast::default();
        let (mut slow, mut quick) = (broadcast.subscribe(1), broadcast.subscribe(1));
        broadcast.take_key_frame_request();
        let mut received = 0;
        for n in 0..30 {
            broadcast.send(&unit(n == 0));
            received += usize::from(quick.units.try_recv().is_ok());
        }
        assert_eq!(received, 30);
        assert!(broadcast.take_key_frame_request(), "the slow peer asked for a key frame");
        while slow.units.try_recv().is_ok() {}
        broadcast.send(&unit(false));
        assert!(slow.units.try_recv().is_err());
        broadcast.send(&unit(true));
        assert!(slow.units.try_recv().is_ok());
    }

    #[test]
    fn the_encoder_follows_the_narrowest_living_path() {
        let broadcast = VideoBroadcast::default();
        assert_eq!(broadcast.target_bps(), None);
        let (wide, narrow) = (broadcast.subscribe(2_000_000), broadcast.subscribe(300_000));
        assert_eq!(broadcast.target_bps(), Some(300_000));
        drop(narrow);
        assert_eq!(broadcast.target_bps(), Some(2_000_000));
        wide.target().set_bps(500_000);
        assert_eq!(broadcast.target_bps(), Some(500_000));
    }
}
