//! The system's choice of microphone and speaker, for streams that follow it.

use parley_media::{DeviceInfo, DeviceKind};

/// The defaults as last listed. Nothing is known before the first list.
#[derive(Debug, Default)]
pub(super) struct Defaults {
    known: Option<[Option<String>; 2]>,
}

/// Which streams on the default device are to be opened again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Moved {
    pub microphone: bool,
    pub speaker: bool,
}

impl Defaults {
    /// Takes in a list. PulseAudio leaves a stream where it was opened, so it has to be opened again on another default.
    ///
    /// Cameras are left out: their order is no choice of the person's, and one that works is not taken away.
    pub(super) fn update(&mut self, devices: &[DeviceInfo]) -> Moved {
        let default = |kind| devices.iter().find(|device| device.kind == kind && device.is_default);
        let listed =
            [DeviceKind::Microphone, DeviceKind::Speaker].map(|kind| default(kind).map(|device| device.id.clone()));
        let Some(known) = self.known.replace(listed.clone()) else { return Moved::default() };
        // Where none is left there is nowhere to go; where none was, the supervisor is waiting anyway.
        let moved = |kind: usize| known[kind].is_some() && listed[kind].is_some() && known[kind] != listed[kind];
        Moved { microphone: moved(0), speaker: moved(1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(microphone: Option<&str>, speaker: Option<&str>) -> Vec<DeviceInfo> {
        let device = |kind, id: &str, is_default| DeviceInfo { id: id.into(), name: id.into(), kind, is_default };
        let mut list = vec![device(DeviceKind::Camera, "camera", true), device(DeviceKind::Speaker, "other", false)];
        list.extend(microphone.map(|id| device(DeviceKind::Microphone, id, true)));
        list.extend(speaker.map(|id| device(DeviceKind::Speaker, id, true)));
        list
    }

    #[test]
    fn only_a_change_between_two_defaults_moves_a_stream() {
        let mut defaults = Defaults::default();
        let none = Moved::default();
        assert_eq!(defaults.update(&list(Some("a"), Some("s"))), none);
        assert_eq!(defaults.update(&list(Some("a"), Some("s"))), none);
        assert_eq!(defaults.update(&list(Some("b"), Some("s"))), Moved { microphone: true, speaker: false });
        assert_eq!(defaults.update(&list(None, Some("t"))), Moved { microphone: false, speaker: true });
        assert_eq!(defaults.update(&list(Some("b"), None)), none);
    }
}
