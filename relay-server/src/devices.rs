//! Devices between REST, sockets and store: which were revoked, and when each was there last.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use parley_shared::ids::DeviceId;
use relay_core::Input;

use crate::app::Parts;
use crate::clock::unix_now;

/// Hellos gather for so long before it is written down who was there: many come at once when a relay starts again.
const GATHER: Duration = Duration::from_millis(100);

#[derive(Debug, Default)]
pub struct Devices {
    revocations: AtomicU64,
    seen: Mutex<Vec<DeviceId>>,
}

impl Devices {
    /// Grows with every revocation, after it is in the store and before the core hears of it. While it stays as it was before a
    /// device was asked for in the store, the core will hear of every revocation that the store did not know then.
    pub fn revocations(&self) -> u64 {
        self.revocations.load(Ordering::SeqCst)
    }

    /// True for the first since the last [`Self::take_seen`].
    fn note_seen(&self, device_id: DeviceId) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.push(device_id);
        seen.len() == 1
    }

    fn take_seen(&self) -> Vec<DeviceId> {
        std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Parts {
    /// Cuts the sockets of devices that the store has revoked.
    pub async fn cut(&self, devices: Vec<DeviceId>) {
        self.devices.revocations.fetch_add(1, Ordering::SeqCst);
        self.hub.input(Input::DevicesRevoked { devices }).await;
    }

    /// A device that was revoked between its hello and its place in the core is cut like any other.
    pub async fn cut_if_revoked(&self, device_id: DeviceId) {
        if let Ok(None) = self.store.device_user(device_id).await {
            self.hub.input(Input::DevicesRevoked { devices: vec![device_id] }).await;
        }
    }

    /// Notes that the device is in use; nobody waits for it.
    pub fn touch_device(self: &Arc<Self>, device_id: DeviceId) {
        if self.devices.note_seen(device_id) {
            let app = self.clone();
            tokio::spawn(async move {
                tokio::time::sleep(GATHER).await;
                if let Err(error) = app.store.touch_devices(app.devices.take_seen(), unix_now()).await {
                    tracing::warn!(%error, "who was there cannot be written down");
                }
            });
        }
    }
}
