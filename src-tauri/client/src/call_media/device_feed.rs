//! The list of this machine's devices, kept true while someone needs it.

use parley_media::{AudioSourceConfig, DeviceInfo, DeviceWatch, SpeakerConfig, VideoSourceConfig};
use tokio::sync::mpsc;

use crate::config::MediaOverrides;

/// Lists that wait: devices do not come and go faster than they are looked at.
const QUEUE: usize = 8;

fn uses_devices(overrides: &MediaOverrides) -> bool {
    let camera = overrides.camera.as_ref().is_none_or(|source| matches!(source, VideoSourceConfig::Camera { .. }));
    let microphone =
        overrides.microphone.as_ref().is_none_or(|source| matches!(source, AudioSourceConfig::Device { .. }));
    let speaker = overrides.speaker.as_ref().is_none_or(|sink| matches!(sink, SpeakerConfig::Device { .. }));
    camera || microphone || speaker
}

pub(super) struct DeviceFeed {
    /// Nothing real is ever opened, so the system is not asked.
    headless: bool,
    on_screen: bool,
    watch: Option<DeviceWatch>,
    last: Option<Vec<DeviceInfo>>,
    to_lists: mpsc::Sender<Vec<DeviceInfo>>,
    lists: mpsc::Receiver<Vec<DeviceInfo>>,
}

impl DeviceFeed {
    pub(super) fn new(overrides: &MediaOverrides) -> Self {
        let (to_lists, lists) = mpsc::channel(QUEUE);
        Self { headless: !uses_devices(overrides), on_screen: false, watch: None, last: None, to_lists, lists }
    }

    /// The list is shown to the person, or no longer.
    pub(super) fn set_on_screen(&mut self, on: bool) {
        self.on_screen = on;
        if on && self.headless {
            let _ = self.to_lists.try_send(Vec::new());
        }
    }

    /// Looks at the devices as long as some are open or the list is shown.
    pub(super) fn follow(&mut self, open: bool) {
        let needed = !self.headless && (open || self.on_screen);
        if needed && self.watch.is_none() {
            // What an earlier watch may still say goes nowhere.
            let (to_lists, lists) = mpsc::channel(QUEUE);
            (self.to_lists, self.lists) = (to_lists.clone(), lists);
            self.watch = Some(DeviceWatch::start(move |list| drop(to_lists.blocking_send(list))));
        } else if !needed {
            self.watch = None;
            self.last = None;
        }
    }

    /// Tells the last list once more: somebody new needs it.
    pub(super) fn repeat(&self) {
        if let Some(last) = &self.last {
            let _ = self.to_lists.try_send(last.clone());
        }
    }

    /// A device failed: looks without waiting for the next time.
    pub(super) fn look_now(&self) {
        if let Some(watch) = &self.watch {
            watch.look_now();
        }
    }

    /// The next list; waits for ever while nobody looks. Loses nothing when it is dropped.
    pub(super) async fn next(&mut self) -> Vec<DeviceInfo> {
        match self.lists.recv().await {
            Some(list) => {
                self.last = Some(list.clone());
                list
            }
            None => std::future::pending().await,
        }
    }
}
