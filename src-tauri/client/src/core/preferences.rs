//! What a person chose, and who signed in last: kept in a small file without secrets.

use std::collections::BTreeMap;

use parley_shared::ids::{UnixMs, UserId};
use parley_shared::view::{Accent, Density, DeviceKindView, JoinChoice, NotificationSettings, Theme, VoiceView};
use serde::{Deserialize, Serialize};

use super::device_memory::DeviceMemory;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Preferences {
    /// The relay that the sign-in screen proposes.
    pub relay_url: String,
    /// Whoever is signed in on this machine.
    pub account: Option<Account>,
    pub keeping: Keeping,
    pub theme: Theme,
    pub accent: Accent,
    pub density: Density,
    /// A BCP 47 tag, or `system`.
    pub language: String,
    /// Those that are chosen at present.
    pub devices: DeviceChoice,
    pub device_memory: DeviceMemory,
    pub voice: VoiceView,
    pub relay_only: bool,
    pub join: JoinChoice,
    pub notifications: NotificationSettings,
    /// How loud I hear people, in percent; whoever is not here is heard at [`FULL_VOLUME_PCT`].
    pub volumes: BTreeMap<UserId, u16>,
    /// How many days of history are kept; none is for ever.
    pub retention_days: Option<u32>,
    /// What was written before it is not fetched in the background.
    pub history_wiped_at_ms: Option<UnixMs>,
}

/// A voice as it comes.
pub const FULL_VOLUME_PCT: u16 = 100;
/// Twice as loud: more would only clip.
pub const MAX_VOLUME_PCT: u16 = 200;
/// People whose volume is remembered; the oldest accounts are forgotten first.
const VOLUMES: usize = 500;

impl Preferences {
    pub fn volume_pct(&self, user_id: UserId) -> u16 {
        self.volumes.get(&user_id).map_or(FULL_VOLUME_PCT, |pct| (*pct).min(MAX_VOLUME_PCT))
    }

    pub fn set_volume(&mut self, user_id: UserId, volume_pct: u16) {
        if volume_pct == FULL_VOLUME_PCT {
            self.volumes.remove(&user_id);
            return;
        }
        self.volumes.insert(user_id, volume_pct.min(MAX_VOLUME_PCT));
        while self.volumes.len() > VOLUMES {
            self.volumes.pop_first();
        }
    }
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            relay_url: "http://127.0.0.1:3001".to_owned(),
            account: None,
            keeping: Keeping::Undecided,
            theme: Theme::default(),
            accent: Accent::default(),
            density: Density::default(),
            language: "system".to_owned(),
            devices: DeviceChoice::default(),
            device_memory: DeviceMemory::default(),
            voice: VoiceView::default(),
            relay_only: false,
            join: JoinChoice::default(),
            notifications: NotificationSettings::default(),
            volumes: BTreeMap::new(),
            retention_days: None,
            history_wiped_at_ms: None,
        }
    }
}

/// An account on a relay: names its history on disk and its tokens in the keyring.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    pub relay_url: String,
    pub user_id: UserId,
}

/// What a machine without a keyring does with the session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keeping {
    #[default]
    Undecided,
    EncryptedFile,
    AskEachTime,
}

/// The chosen devices by their id; none is the system's default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeviceChoice {
    pub camera: Option<String>,
    pub microphone: Option<String>,
    pub speaker: Option<String>,
}

impl DeviceChoice {
    pub fn of(&self, kind: DeviceKindView) -> Option<&str> {
        match kind {
            DeviceKindView::Camera => self.camera.as_deref(),
            DeviceKindView::Microphone => self.microphone.as_deref(),
            DeviceKindView::Speaker => self.speaker.as_deref(),
        }
    }

    pub fn set(&mut self, kind: DeviceKindView, id: Option<String>) {
        match kind {
            DeviceKindView::Camera => self.camera = id,
            DeviceKindView::Microphone => self.microphone = id,
            DeviceKindView::Speaker => self.speaker = id,
        }
    }
}
