//! What a client is started with.

use std::path::PathBuf;

use crate::peer::TestNetwork;
use parley_media::{AudioSourceConfig, SpeakerConfig, VideoSourceConfig, VoiceConfig};

/// How one client is set up. [`ClientConfig::new`] gives what the desktop app wants.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// Where preferences and local history live. Made when it is not there; one client at a time may use it.
    pub data_dir: PathBuf,
    /// The relay that the sign-in screen proposes, such as `http://127.0.0.1:3001`.
    pub relay_url: Option<String>,
    pub secrets: SecretsChoice,
    pub media: MediaOverrides,
    /// How this installation is called in the account's list of devices, 1 to 64 characters.
    pub device_name: String,
    /// What the datagrams of calls suffer, in tests.
    pub network: Option<TestNetwork>,
}

impl ClientConfig {
    /// Real devices, tokens in the keyring of the operating system.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            relay_url: None,
            secrets: SecretsChoice::Keyring,
            media: MediaOverrides::default(),
            device_name: "Parley".to_owned(),
            network: None,
        }
    }

    /// Tokens in memory, a test picture, clicks for sound, and a silent speaker.
    pub fn headless(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            secrets: SecretsChoice::Memory,
            media: MediaOverrides {
                camera: Some(VideoSourceConfig::Pattern { width: 1280, height: 720, fps: 30 }),
                microphone: Some(AudioSourceConfig::Clicks),
                speaker: Some(SpeakerConfig::Null),
                voice: None,
                measure_marks: true,
            },
            device_name: "Headless".to_owned(),
            ..Self::new(data_dir)
        }
    }
}

/// Where tokens are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretsChoice {
    /// The operating system's keyring; where there is none, the person chooses between an encrypted file and being asked.
    Keyring,
    /// As [`Self::Keyring`] on a machine that has none.
    File,
    /// Nowhere: gone with the process.
    Memory,
}

/// Sources and sinks taken in place of the chosen devices. `None` is a real device.
#[derive(Clone, Debug, Default)]
pub struct MediaOverrides {
    pub camera: Option<VideoSourceConfig>,
    pub microphone: Option<AudioSourceConfig>,
    pub speaker: Option<SpeakerConfig>,
    /// What is done to the voice of a real microphone, whatever the person's settings say.
    pub voice: Option<VoiceConfig>,
    /// Reads latency marks from what others send: they use a test picture and clicks.
    pub measure_marks: bool,
}
