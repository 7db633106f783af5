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
