//! The newest picture of every stream, for whoever draws.

use parley_media::VideoFrame;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// A stream of pictures in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u32);

impl StreamId {
    /// The person's own camera in a call.
    pub const SELF: Self = Self(0);
    /// The person's own camera in the settings.
    pub const PREVIEW: Self = Self(1);
    /// The first id for pictures of others.
    pub const FIRST_REMOTE: Self = Self(2);
}

/// Hands the newest picture of each stream to any number of watchers. Latest wins: nothing is ever queued, so a slow
/// watcher skips pictures and costs no memory. Clones share the hub; it may be used from any thread.
#[derive(Debug, Clone, Default)]
pub struct FrameHub {
    streams: Arc<Mutex<BTreeMap<StreamId, watch::Sender<Option<VideoFrame>>>>>,
}

impl FrameHub {
    pub fn new() -> Self {
        Self::default()
    }

    /// Replaces the picture of `stream`. Does not block.
    pub fn publish(&self, stream: StreamId, frame: VideoFrame) {
        self.sender(&mut self.lock(), stream).send_replace(Some(frame));
    }

    /// Takes the picture of `stream` away, as when a camera is turned off. Watchers stay and wait for the next one.
    pub fn clear(&self, stream: StreamId) {
        if let Some(sender) = self.lock().get(&stream) {
            sender.send_replace(None);
        }
    }

    /// Ends `stream`: its watchers' [`FrameWatch::changed`] returns `None`.
    pub fn remove(&self, stream: StreamId) {
        self.lock().remove(&stream);
    }

    /// Watches `stream`, which need not have a picture yet.
    pub fn subscribe(&self, stream: StreamId) -> FrameWatch {
        let mut frames = self.sender(&mut self.lock(), stream).subscribe();
        frames.mark_changed();
        FrameWatch { frames }
    }

    /// The streams that have a picture.
    pub fn streams(&self) -> Vec<StreamId> {
        self.lock().iter().filter(|(_, sender)| sender.borrow().is_some()).map(|(stream, _)| *stream).collect()
    }

    fn sender<'a>(
        &self,
        streams: &'a mut MutexGuard<'_, BTreeMap<StreamId, watch::Sender<Option<VideoFrame>>>>,
        stream: StreamId,
    ) -> &'a mut watch::Sender<Option<VideoFrame>> {
        streams.entry(stream).or_insert_with(|| watch::Sender::new(None))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<StreamId, watch::Sender<Option<VideoFrame>>>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One watcher of one stream.
#[derive(Debug, Clone)]
pub struct FrameWatch {
    frames: watch::Receiver<Option<VideoFrame>>,
}

impl FrameWatch {
    /// Waits for a picture that this watcher has not seen, the first time for any; `None` when the stream has ended.
    /// Dropping the future loses nothing.
    pub async fn changed(&mut self) -> Option<VideoFrame> {
        loop {
            self.frames.changed().await.ok()?;
            if let Some(frame) = self.frames.borrow_and_update().clone() {
                return Some(frame);
            }
        }
    }

    /// The newest picture, if there is one.
    pub fn latest(&self) -> Option<VideoFrame> {
        self.frames.borrow().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parley_media::I420;
    use std::time::Instant;

    fn frame(width: usize) -> VideoFrame {
        VideoFrame { picture: Arc::new(I420::new(width, 2)), captured_at: Instant::now() }
    }

    #[tokio::test]
    async fn a_watcher_gets_the_newest_picture_only() {
        let (hub, stream) = (FrameHub::new(), StreamId::FIRST_REMOTE);
        let mut watch = hub.subscribe(stream);
        for width in [2, 4, 6] {
            hub.publish(stream, frame(width));
        }
        assert_eq!(watch.changed().await.unwrap().picture.width(), 6);
        assert!(!watch.frames.has_changed().unwrap());
    }

    #[tokio::test]
    async fn a_late_watcher_gets_the_picture_that_is_there() {
        let hub = FrameHub::new();
        hub.publish(StreamId::SELF, frame(8));
        assert_eq!(hub.subscribe(StreamId::SELF).changed().await.unwrap().picture.width(), 8);
        assert_eq!(hub.streams(), [StreamId::SELF]);
    }

    #[tokio::test]
    async fn clearing_keeps_watchers_and_removing_ends_them() {
        let hub = FrameHub::new();
        let mut watch = hub.subscribe(StreamId::SELF);
        hub.publish(StreamId::SELF, frame(2));
        hub.clear(StreamId::SELF);
        assert!(hub.streams().is_empty());
        hub.publish(StreamId::SELF, frame(4));
        assert_eq!(watch.changed().await.unwrap().picture.width(), 4);
        hub.remove(StreamId::SELF);
        assert!(watch.changed().await.is_none());
    }
}
