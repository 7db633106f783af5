//! Where the picture and the sound of a bot come from and go.

use parley_media::{AudioSourceConfig, SpeakerConfig, VideoSourceConfig};
use parley_shared::view::DeviceKindView;

use crate::MediaOverrides;

/// What the command line asks for.
pub(super) struct Sources {
    pub camera: Option<VideoSourceConfig>,
    pub microphone: AudioSourceConfig,
    pub speaker: SpeakerConfig,
}

impl Sources {
    /// Test sources stay as they are. Real devices are left to Parley, which looks after them as it does for a person.
    pub(super) fn overrides(&self) -> MediaOverrides {
        // Without a camera nothing real is to be looked for either.
        let camera = self.camera.clone().unwrap_or(VideoSourceConfig::Pattern { width: 16, height: 16, fps: 1 });
        let (microphone, speaker) = (self.microphone.clone(), self.speaker.clone());
        MediaOverrides {
            camera: Some(camera).filter(|camera| !matches!(camera, VideoSourceConfig::Camera { .. })),
            microphone: Some(microphone).filter(|source| !matches!(source, AudioSourceConfig::Device { .. })),
            speaker: Some(speaker).filter(|sink| !matches!(sink, SpeakerConfig::Device { .. })),
            ..MediaOverrides::default()
        }
    }

    /// The real devices that are named by their ids.
    pub(super) fn choices(&self) -> Vec<(DeviceKindView, String)> {
        let mut choices = Vec::new();
        if let Some(VideoSourceConfig::Camera { id: Some(id), .. }) = &self.camera {
            choices.push((DeviceKindView::Camera, id.clone()));
        }
        if let AudioSourceConfig::Device { id: Some(id) } = &self.microphone {
            choices.push((DeviceKindView::Microphone, id.clone()));
        }
        if let SpeakerConfig::Device { id: Some(id) } = &self.speaker {
            choices.push((DeviceKindView::Speaker, id.clone()));
        }
        choices
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_devices_are_chosen_and_test_sources_fixed() {
        let sources = Sources {
            camera: None,
            microphone: AudioSourceConfig::Device { id: Some("mic".to_owned()) },
            speaker: SpeakerConfig::Null,
        };
        let fixed = sources.overrides();
        assert!(fixed.camera.is_some() && fixed.microphone.is_none());
        assert_eq!(fixed.speaker, Some(SpeakerConfig::Null));
        assert_eq!(sources.choices(), [(DeviceKindView::Microphone, "mic".to_owned())]);
    }
}
