//! Tells the thread that owns an audio stream when the stream is dead.
//!
//! cpal reports errors from the audio thread, so the report is two atomics and nothing else.

use std::sync::{
    Arc,
    atomic::{AtomicU8, AtomicU32, Ordering},
};

use cpal::ErrorKind;

use crate::device::DeviceError;

/// Unclassified errors within a second that mean death: ALSA's pulse plugin repeats one for ever once it has failed.
const STORM: u32 = 5;

const ALIVE: u8 = 0;
const GONE: u8 = 1;
const BUSY: u8 = 2;
const DENIED: u8 = 3;
const BROKEN: u8 = 4;

/// Shared by the error callback and the owner of a stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct StreamHealth {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    verdict: AtomicU8,
    unclassified: AtomicU32,
}

impl StreamHealth {
    /// Takes in an error of the stream. Does not lock, allocate or log.
    pub(crate) fn on_error(&self, error: &cpal::Error) {
        let verdict = match error.kind() {
            ErrorKind::DeviceChanged | ErrorKind::RealtimeDenied | ErrorKind::Xrun => ALIVE,
            ErrorKind::DeviceNotAvailable | ErrorKind::HostUnavailable | ErrorKind::StreamInvalidated => GONE,
            ErrorKind::DeviceBusy => BUSY,
            ErrorKind::PermissionDenied => DENIED,
            _ if self.shared.unclassified.fetch_add(1, Ordering::Relaxed) + 1 >= STORM => BROKEN,
            _ => ALIVE,
        };
        if verdict != ALIVE {
            let _ = self.shared.verdict.compare_exchange(ALIVE, verdict, Ordering::AcqRel, Ordering::Acquire);
        }
    }

    /// Why the stream is dead, if it is. The first reason stays.
    pub(crate) fn verdict(&self) -> Option<DeviceError> {
        match self.shared.verdict.load(Ordering::Acquire) {
            ALIVE => None,
            GONE => Some(DeviceError::Gone),
            BUSY => Some(DeviceError::Busy),
            DENIED => Some(DeviceError::Denied),
            _ => Some(DeviceError::Backend("its stream fails again and again".to_owned())),
        }
    }

    /// Forgives single errors; to be called once a second.
    pub(crate) fn forgive(&self) {
        self.shared.unclassified.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(kinds: &[ErrorKind]) -> Option<DeviceError> {
        let health = StreamHealth::default();
        kinds.iter().for_each(|&kind| health.on_error(&cpal::Error::new(kind)));
        health.verdict()
    }

    #[test]
    fn harmless_errors_are_survived_and_the_first_fatal_one_counts() {
        assert_eq!(
            after(&[ErrorKind::Xrun, ErrorKind::DeviceChanged, ErrorKind::RealtimeDenied, ErrorKind::BackendError]),
            None
        );
        assert_eq!(after(&[ErrorKind::StreamInvalidated, ErrorKind::DeviceBusy]), Some(DeviceError::Gone));
        assert_eq!(after(&[ErrorKind::PermissionDenied]), Some(DeviceError::Denied));
    }

    #[test]
    fn a_storm_is_one_death_and_single_errors_are_forgiven() {
        assert!(matches!(after(&[ErrorKind::BackendError; 10_000]), Some(DeviceError::Backend(_))));
        let health = StreamHealth::default();
        for _ in 0..50 {
            health.on_error(&cpal::Error::new(ErrorKind::BackendError));
            health.forgive();
        }
        assert_eq!(health.verdict(), None);
    }
}
