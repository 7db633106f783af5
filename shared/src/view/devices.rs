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

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SettingsView {
    pub theme: Theme,
    pub accent: Accent,
    pub density: Density,
    /// A BCP 47 tag, or `system`.
    pub language: String,
    pub keeping: SecretKeeping,
    /// Version of the app.
    pub version: String,
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
