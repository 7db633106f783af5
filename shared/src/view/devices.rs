//! Devices, their preview, and settings.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::SecretKeeping;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct DevicesView {
    pub cameras: Vec<DeviceItem>,
    pub microphones: Vec<DeviceItem>,
    pub speakers: Vec<DeviceItem>,
    /// True while the list is being made.
    pub loading: bool,
    /// Set while settings preview the camera and the microphone: the stream of the picture.
    pub preview_stream: Option<u32>,
    pub previewing: bool,
    pub problems: Vec<super::DeviceProblem>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct DeviceItem {
    pub id: String,
    pub name: String,
    /// What the system would take.
    pub is_default: bool,
    /// What the person chose; none chosen means the default.
    pub chosen: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum DeviceKindView {
    Camera,
    Microphone,
    Speaker,
}

impl DeviceKindView {
    pub const ALL: [Self; 3] = [Self::Camera, Self::Microphone, Self::Speaker];
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SettingsView {
    pub theme: Theme,
    pub accent: Accent,
    pub density: Density,
    /// A BCP 47 tag, or `system`.
    pub language: String,
    pub keeping: SecretKeeping,
    pub voice: VoiceView,
    /// Calls go through the relay, so that others do not learn my address.
    pub relay_only: bool,
    pub join: JoinChoice,
    pub notifications: super::NotificationSettings,
    /// How many days of history this device keeps; none is for ever.
    pub retention_days: Option<u32>,
    pub history_protection: super::HistoryProtection,
    /// Version of the app.
    pub version: String,
}

/// What is done with the sound of my microphone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(default)]
pub struct VoiceView {
    /// Takes out what my own speaker plays.
    pub echo_cancellation: bool,
    /// Takes out fans, keyboards and traffic.
    pub noise_suppression: bool,
    /// Brings a quiet voice up and a loud one down.
    pub automatic_gain: bool,
    /// Takes out rumble below the voice.
    pub high_pass: bool,
}

impl Default for VoiceView {
    fn default() -> Self {
        Self { echo_cancellation: true, noise_suppression: true, automatic_gain: true, high_pass: true }
    }
}

/// How I entered my last call from its preview: the next preview begins with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(default)]
pub struct JoinChoice {
    pub camera: bool,
    pub muted: bool,
}

impl Default for JoinChoice {
    fn default() -> Self {
        Self { camera: true, muted: false }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    #[default]
    System,
    Dark,
    Light,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Accent {
    #[default]
    Teal,
    Synthwave,
    HighContrast,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Density {
    #[default]
    Comfortable,
    Compact,
}
