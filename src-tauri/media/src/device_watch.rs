//! Notices which devices come and go. PulseAudio and V4L2 tell nobody, so the system is asked again and again.

use std::{
    sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel},
    thread,
    time::Duration,
};

use crate::{
    audio_host::SoundLister,
    device::DeviceInfo,
    source::camera::{self, CameraNodes},
};

/// What a person takes for "at once"; asking takes a few milliseconds.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Looks at the devices of this machine on a thread of its own. Dropping it ends the looking without waiting.
#[derive(Debug)]
pub struct DeviceWatch {
    asks: SyncSender<()>,
}

impl DeviceWatch {
    /// Starts looking and returns at once. `on_list` is called on the thread with the first list and with every one that
    /// differs from the one before, each as [`crate::list_devices`] gives it.
    pub fn start(on_list: impl FnMut(Vec<DeviceInfo>) + Send + 'static) -> Self {
        let (asks, asked) = sync_channel(1);
        let mut on_list = on_list;
        let watching = move || {
            let (mut lister, mut told) = (Lister::default(), None);
            loop {
                let list = lister.list();
                if told.as_ref() != Some(&list) {
                    told = Some(list.clone());
                    on_list(list);
                }
                match asked.recv_timeout(LOOK_EVERY) {
                    Ok(()) | Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        };
        if let Err(error) = thread::Builder::new().name("parley-devices".to_owned()).spawn(watching) {
            tracing::error!(%error, "cannot watch the devices");
        }
        Self { asks }
    }

    /// Looks at once: a device failed, so the list has probably changed. Does not block.
    pub fn look_now(&self) {
        // A look that waits already serves this one too.
        let _ = self.asks.try_send(());
    }
}

/// Looks that follow a change of the camera nodes: the system lets programs open a new node a moment after it made it.
const LOOKS_TO_SETTLE: u8 = 5;

/// Asks for sound devices every time, for cameras only while their nodes change: opening one wakes the camera up.
#[derive(Debug, Default)]
struct Lister {
    nodes: Option<CameraNodes>,
    looks_left: u8,
    cameras: Vec<DeviceInfo>,
    sound: SoundLister,
}

impl Lister {
    fn list(&mut self) -> Vec<DeviceInfo> {
        let nodes = camera::nodes();
        if nodes.is_none() || self.nodes != nodes {
            self.nodes = nodes;
            self.looks_left = LOOKS_TO_SETTLE;
        }
        if self.looks_left > 0 {
            self.looks_left -= 1;
            self.cameras = camera::list();
        }
        self.cameras.iter().cloned().chain(self.sound.list()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn the_first_list_is_told_an_equal_one_is_not_and_the_thread_ends_with_its_owner() {
        let (sender, lists) = mpsc::channel();
        let watch = DeviceWatch::start(move |list| drop(sender.send(list)));
        let first = lists.recv_timeout(Duration::from_secs(20)).unwrap();
        assert_eq!(first, crate::list_devices());
        watch.look_now();
        assert_eq!(lists.recv_timeout(Duration::from_millis(500)), Err(mpsc::RecvTimeoutError::Timeout));
        drop(watch);
        assert_eq!(lists.recv_timeout(Duration::from_secs(20)), Err(mpsc::RecvTimeoutError::Disconnected));
    }
}
