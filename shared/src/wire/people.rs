//! People and presence: bodies of `/api/v1/users` and `/api/v1/contacts`.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::ids::{UnixMs, UserId};

/// What an account may do on the relay. The first account of a fresh relay is its admin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Admin,
    Member,
    Guest,
}

/// A person as others see them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    pub id: UserId,
    pub display_name: String,
    pub role: Role,
    /// True for programs such as Echo.
    #[serde(default)]
    pub bot: bool,
}

/// Whether a person can be reached. Several devices count as the most present of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
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
pub struct Person {
    #[serde(flatten)]
    pub user: User,
    pub presence: Presence,
    /// When the person was last connected; absent while they are, or when they never were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen_at_ms: Option<UnixMs>,
    /// Marked by the one who asks: `PUT` and `DELETE /api/v1/contacts/favourites/{user_id}`.
    #[serde(default)]
    pub favourite: bool,
    /// Blocked by the one who asks: `PUT` and `DELETE /api/v1/contacts/blocked/{user_id}`.
    #[serde(default)]
    pub blocked: bool,
}
