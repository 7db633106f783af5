//! Hands every encoded unit to all peers of a call. A peer that is too slow loses units, never the others' time.

use crate::peer::{AudioUnit, SendBudget, VideoUnit};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;

/// A third of a second: a peer that is further behind waits for a key frame instead.
const VIDEO_QUEUE: usize = 10;
const AUDIO_QUEUE: usize = 16;
/// A peer whose pacer is further behind gets nothing until it has caught up, and then a key frame.
const MAX_PACER_QUEUE: Duration = Duration::from_millis(300);

#[derive(Debug, Default)]
pub(crate) struct VideoBroadcast {
    subscribers: Mutex<Vec<VideoSubscriber>>,
    key_frame_wanted: AtomicBool,
}

#[derive(Debug)]
struct VideoSubscriber {
    units: mpsc::Sender<Arc<VideoUnit>>,
    budget: SendBudget,
    /// Nothing but a key frame helps a peer that has begun or has lost a unit.
    needs_key_frame: bool,
}

impl VideoBroadcast {
    /// Adds a peer; the next picture will be a key frame.
    pub(crate) fn subscribe(&self, budget: SendBudget) -> mpsc::Receiver<Arc<VideoUnit>> {
        let (sender, units) = mpsc::channel(VIDEO_QUEUE);
        self.lock().push(VideoSubscriber { units: sender, budget, needs_key_frame: true });
        self.request_key_frame();
        units
    }

    pub(crate) fn request_key_frame(&self) {
        self.key_frame_wanted.store(true, Ordering::Relaxed);
    }

    pub(crate) fn take_key_frame_request(&self) -> bool {
        self.key_frame_wanted.swap(false, Ordering::Relaxed)
    }

    /// What the narrowest path leaves for pictures, in bits per second; `None` without any peer.
    pub(crate) fn pictures_bps(&self) -> Option<u32> {
        self.live().iter().map(|subscriber| subscriber.budget.pictures_bps()).min()
    }

    /// How far the pacer of the narrowest path is behind.
    pub(crate) fn pacer_queue(&self) -> Duration {
        self.live().iter().map(|subscriber| subscriber.budget.pacer_queue()).max().unwrap_or_default()
    }

    pub(crate) fn send(&self, unit: &Arc<VideoUnit>) {
        for subscriber in self.live().iter_mut() {
            let is_behind = subscriber.budget.pacer_queue() > MAX_PACER_QUEUE;
            subscriber.needs_key_frame |= is_behind;
            if is_behind {
                continue;
            }
            if !subscriber.needs_key_frame || unit.is_key_frame {
                subscriber.needs_key_frame = subscriber.units.try_send(Arc::clone(unit)).is_err();
            }
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

/// What the way to one peer asks of the encoder of sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AudioPath {
    pub expected_loss_pct: u8,
    /// Packets of 10 ms: less latency for 23 kbit/s more.
    pub short_packets: bool,
}

impl AudioPath {
    /// Of a way that nothing is known about yet.
    pub(crate) const UNKNOWN: Self = Self { expected_loss_pct: 10, short_packets: false };

    /// What suits both ways.
    fn and(self, other: Self) -> Self {
        Self {
            expected_loss_pct: self.expected_loss_pct.max(other.expected_loss_pct),
            short_packets: self.short_packets && other.short_packets,
        }
    }
}

/// One peer's share of the encoded sound. Dropping it ends the share.
#[derive(Debug)]
pub(crate) struct AudioSubscription {
    pub(crate) units: mpsc::Receiver<AudioUnit>,
    path: Arc<Mutex<AudioPath>>,
}

impl AudioSubscription {
    /// A handle for telling what this peer's path asks for, while the units are read elsewhere.
    pub(crate) fn path(&self) -> PathHandle {
        PathHandle(Arc::clone(&self.path))
    }
}

/// Sets what one peer's path asks of the encoder of sound.
#[derive(Debug, Clone)]
pub(crate) struct PathHandle(Arc<Mutex<AudioPath>>);

impl PathHandle {
    pub(crate) fn set(&self, path: AudioPath) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = path;
    }
}

#[derive(Debug, Default)]
pub(crate) struct AudioBroadcast {
    subscribers: Mutex<Vec<AudioSubscriber>>,
}

#[derive(Debug)]
struct AudioSubscriber {
    units: mpsc::Sender<AudioUnit>,
    path: Arc<Mutex<AudioPath>>,
}

impl AudioBroadcast {
    pub(crate) fn subscribe(&self) -> AudioSubscription {
        let (sender, units) = mpsc::channel(AUDIO_QUEUE);
        let path = Arc::new(Mutex::new(AudioPath::UNKNOWN));
        self.lock().push(AudioSubscriber { units: sender, path: Arc::clone(&path) });
        AudioSubscription { units, path }
    }

    /// A peer whose queue is full loses the packet: old sound is worth nothing.
    pub(crate) fn send(&self, unit: &AudioUnit) {
        self.lock().retain(|subscriber| {
            !matches!(subscriber.units.try_send(unit.clone()), Err(mpsc::error::TrySendError::Closed(_)))
        });
    }

    /// What all peers together ask for, `None` without any.
    pub(crate) fn path(&self) -> Option<AudioPath> {
        let mut subscribers = self.lock();
        subscribers.retain(|subscriber| !subscriber.units.is_closed());
        let paths =
            subscribers.iter().map(|subscriber| *subscriber.path.lock().unwrap_or_else(PoisonError::into_inner));
        paths.reduce(AudioPath::and)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<AudioSubscriber>> {
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

    fn subscribe(broadcast: &VideoBroadcast) -> mpsc::Receiver<Arc<VideoUnit>> {
        broadcast.subscribe(SendBudget::fixed(1_000_000))
    }

    #[test]
    fn a_new_peer_begins_with_a_key_frame() {
        let broadcast = VideoBroadcast::default();
        let mut peer = subscribe(&broadcast);
        assert!(broadcast.take_key_frame_request());
        broadcast.send(&unit(false));
        assert!(peer.try_recv().is_err());
        broadcast.send(&unit(true));
        broadcast.send(&unit(false));
        assert!(peer.try_recv().unwrap().is_key_frame);
        assert!(!peer.try_recv().unwrap().is_key_frame);
    }

    #[test]
    fn a_slow_peer_skips_to_the_next_key_frame_and_others_lose_nothing() {
        let broadcast = VideoBroadcast::default();
        let (mut slow, mut quick) = (subscribe(&broadcast), subscribe(&broadcast));
        broadcast.take_key_frame_request();
        let mut received = 0;
        for n in 0..30 {
            broadcast.send(&unit(n == 0));
            received += usize::from(quick.try_recv().is_ok());
        }
        assert_eq!(received, 30);
        assert!(broadcast.take_key_frame_request(), "the slow peer asked for a key frame");
        while slow.try_recv().is_ok() {}
        broadcast.send(&unit(false));
        assert!(slow.try_recv().is_err());
        broadcast.send(&unit(true));
        assert!(slow.try_recv().is_ok());
    }

    #[test]
    fn a_peer_whose_pacer_is_behind_goes_on_with_a_key_frame() {
        let broadcast = VideoBroadcast::default();
        let budget = SendBudget::fixed(1_000_000);
        let mut peer = broadcast.subscribe(budget.clone());
        broadcast.send(&unit(true));
        assert!(peer.try_recv().is_ok());
        broadcast.take_key_frame_request();
        budget.set_pacer_queue(Duration::from_millis(400));
        broadcast.send(&unit(false));
        assert!(!broadcast.take_key_frame_request(), "a key frame would only wait as well");
        budget.set_pacer_queue(Duration::ZERO);
        broadcast.send(&unit(false));
        assert!(peer.try_recv().is_err());
        assert!(broadcast.take_key_frame_request());
        broadcast.send(&unit(true));
        assert!(peer.try_recv().is_ok());
    }

    #[test]
    fn sound_suits_the_worst_of_all_paths() {
        let broadcast = AudioBroadcast::default();
        assert_eq!(broadcast.path(), None);
        let (good, bad) = (broadcast.subscribe(), broadcast.subscribe());
        let path = |expected_loss_pct, short_packets| AudioPath { expected_loss_pct, short_packets };
        good.path().set(path(0, true));
        bad.path().set(path(20, false));
        assert_eq!(broadcast.path(), Some(path(20, false)));
        drop(bad);
        assert_eq!(broadcast.path(), Some(path(0, true)));
    }

    #[test]
    fn the_encoder_follows_the_narrowest_living_path() {
        let broadcast = VideoBroadcast::default();
        assert_eq!(broadcast.pictures_bps(), None);
        let budgets = [2_000_000, 300_000].map(SendBudget::fixed);
        let [_wide, narrow] = budgets.each_ref().map(|budget| broadcast.subscribe(budget.clone()));
        assert_eq!(broadcast.pictures_bps(), Some(300_000));
        drop(narrow);
        assert_eq!(broadcast.pictures_bps(), Some(2_000_000));
        budgets[0].set_pictures_bps(500_000);
        assert_eq!(broadcast.pictures_bps(), Some(500_000));
    }
}
