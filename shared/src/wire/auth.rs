//! Accounts and sessions: bodies of `/api/v1/auth/*` and `/api/v1/devices`.

use std::fmt;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::User;
use crate::ids::{DeviceId, UnixMs};

/// A text that must never be printed: passwords and tokens. `Debug` shows only that there is one.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself. Whoever calls this answers for where it goes.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// `POST /api/v1/auth/sign-up` → [`Session`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SignUp {
    pub display_name: String,
    pub email: String,
    pub password: Secret,
    pub device_name: String,
    /// What a relay that takes new people by invite asks for: a code of its own, or the code of an invite that its admin made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_code: Option<Secret>,
}

/// `POST /api/v1/auth/sign-in` → [`Session`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SignIn {
    pub email: String,
    pub password: Secret,
    pub device_name: String,
}

/// `POST /api/v1/auth/refresh` → [`Session`]. The old refresh token is spent; using it again revokes the device.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Refresh {
    pub refresh_token: Secret,
}

/// Who may make an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Registration {
    Open,
    /// Whoever has a code.
    Invite,
    Closed,
}

/// `GET /api/v1/relay`: what a relay tells everybody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RelayInfo {
    pub registration: Registration,
}

/// `POST /api/v1/invites/{code}/guest` → [`Session`] of a new guest who is a member of the invite's room, if that takes guests.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct JoinAsGuest {
    pub display_name: String,
    pub device_name: String,
}

/// A signed-in device.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Session {
    pub user: User,
    pub device_id: DeviceId,
    /// JWT for `Authorization: Bearer` and for the socket's hello.
    pub access_token: Secret,
    /// Seconds that the access token lives.
    pub access_expires_in_s: u64,
    pub refresh_token: Secret,
}

/// `GET /api/v1/auth/validate`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Validated {
    pub user: User,
    pub device_id: DeviceId,
}

/// `GET /api/v1/devices` → list. `DELETE /api/v1/devices/{id}` revokes one, `DELETE /api/v1/devices` all but the asking one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Device {
    pub id: DeviceId,
    pub name: String,
    pub created_at_ms: UnixMs,
    pub last_used_at_ms: UnixMs,
    /// True for the device that asks.
    pub current: bool,
}
