//! People and presence: bodies of `/api/v1/users` and `/api/v1/contacts`.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::Secret;
use crate::ids::{FileId, UnixMs, UserId};

/// What an account may do on the relay. The first account of a fresh relay is its admin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Admin,
    Member,
    Guest,
}

/// A person as others see them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct User {
    pub id: UserId,
    pub display_name: String,
    pub role: Role,
    /// True for programs such as Echo.
    #[serde(default)]
    pub bot: bool,
    /// `GET /api/v1/files/{avatar}` gives the picture, to everyone who may see the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<FileId>,
    /// One line, such as "On holiday until Monday".
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub status_text: String,
}

/// `GET /api/v1/me`: what nobody else is told. `GET /api/v1/users/{id}` has the rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Profile {
    pub user: User,
    pub email: String,
    pub bio: String,
    /// What my files take on the relay, and how much they may.
    pub storage_bytes: u64,
    pub storage_limit_bytes: u64,
}

/// `PATCH /api/v1/me` → [`Profile`]. What is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChangeProfile {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bio: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_text: Option<String>,
    /// An upload of mine with [`super::UploadPurpose::Avatar`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<FileId>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub remove_avatar: bool,
}

/// `POST /api/v1/me/password` → 204. Every other device is signed out. `forbidden` for a wrong old password.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChangePassword {
    pub old_password: Secret,
    pub new_password: Secret,
}

/// `POST /api/v1/me/delete` → 204. My messages stay, in the name of a deleted account; everything else goes. `forbidden` for a wrong password.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DeleteAccount {
    pub password: Secret,
}

/// Whether a person can be reached. Several devices count as the most present of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    Online,
    /// All devices idle.
    Away,
    /// In a call.
    Busy,
    Offline,
}

/// One entry of `GET /api/v1/users?query=&after=&limit=`: by name, then id. `after` is the last id of the page before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Person {
    #[serde(flatten)]
    pub user: User,
    pub presence: Presence,
    /// When the person was last connected; absent while they are, or when they never were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen_at_ms: Option<UnixMs>,
    /// Some lines about themselves.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub bio: String,
    /// Marked by the one who asks: `PUT` and `DELETE /api/v1/contacts/favourites/{user_id}`.
    #[serde(default)]
    pub favourite: bool,
    /// Blocked by the one who asks: `PUT` and `DELETE /api/v1/contacts/blocked/{user_id}`.
    #[serde(default)]
    pub blocked: bool,
}
