//! Names of the cameras, microphones and speakers of this machine, and what can go wrong with them.

use crate::{audio_host, source::camera};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeviceKind {
    Camera,
    Microphone,
    Speaker,
}

/// A device that can be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceInfo {
    /// What the source and sink configurations take. Stable while the device stays plugged in, opaque to everyone else.
    pub id: String,
    /// What a person would call it, unique within its kind.
    pub name: String,
    pub kind: DeviceKind,
    /// The system would choose it when nobody chooses. At most one of each kind.
    pub is_default: bool,
}

/// Why a device does not deliver.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    #[error("there is no such device")]
    NotFound,
    #[error("the device is in use by another program")]
    Busy,
    #[error("access to the device is denied by the system")]
    Denied,
    #[error("the device was unplugged")]
    Gone,
    #[error("the device cannot be used: {0}")]
    Unsupported(String),
    #[error("the device failed: {0}")]
    Backend(String),
}

/// Lists cameras, microphones and speakers, each kind with its default first. A kind that cannot be listed is empty.
///
/// Blocks for up to a second or two (it asks the audio server and opens device nodes): never call it on an async thread.
pub fn list_devices() -> Vec<DeviceInfo> {
    let mut devices = camera::list();
    devices.extend(audio_host::list());
    devices
}

/// Puts the default first, drops repeated ids and numbers equal names: "Webcam", "Webcam (2)".
pub(crate) fn tidy(mut devices: Vec<DeviceInfo>) -> Vec<DeviceInfo> {
    devices.sort_by_key(|device| !device.is_default);
    let mut tidied: Vec<DeviceInfo> = Vec::with_capacity(devices.len());
    for mut device in devices {
        if tidied.iter().any(|other| other.id == device.id) {
            continue;
        }
        let name = device.name.trim().to_owned();
        let taken = |candidate: &str| tidied.iter().any(|other| other.name == candidate);
        device.name = std::iter::once(name.clone())
            .chain((2..).map(|n| format!("{name} ({n})")))
            .find(|candidate| !taken(candidate))
            .unwrap_or(name);
        device.is_default = device.is_default && tidied.is_empty();
        tidied.push(device);
    }
    tidied
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(id: &str, name: &str, is_default: bool) -> DeviceInfo {
        DeviceInfo { id: id.into(), name: name.into(), kind: DeviceKind::Camera, is_default }
    }

    #[test]
    fn default_comes_first_and_names_are_unique() {
        let tidied = tidy(vec![
            device("a", "Webcam", false),
            device("b", "Webcam ", false),
            device("c", "Other", true),
            device("a", "Webcam", false),
            device("d", "Late", true),
        ]);
        let seen: Vec<_> = tidied.iter().map(|d| (d.id.as_str(), d.name.as_str(), d.is_default)).collect();
        assert_eq!(
            seen,
            [("c", "Other", true), ("d", "Late", false), ("a", "Webcam", false), ("b", "Webcam (2)", false)]
        );
    }
}
