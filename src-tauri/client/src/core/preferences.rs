//! What a person chose, and who signed in last: kept in a small file without secrets.

use parley_shared::ids::UserId;
use parley_shared::view::{Accent, Density, DeviceKindView, Theme};
use serde::{Deserialize, Serialize};

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
    pub devices: DeviceChoice,
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
