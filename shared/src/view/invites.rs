//! Invites: into a room, or to the relay.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::ids::{InviteId, UnixMs};
use crate::wire::Registration;

/// An invite that I may hand on or revoke.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct InviteView {
    pub id: InviteId,
    /// An address that ends in the code: every field that takes a code takes it.
    pub link: String,
    pub created_at_ms: UnixMs,
    pub expires_at_ms: Option<UnixMs>,
    pub max_uses: Option<u32>,
    pub uses: u32,
}

/// What a relay says of itself to somebody who is not signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RelayView {
    pub registration: Registration,
}

/// What an invite is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum InviteInfoView {
    Room {
        /// The relay that the link leads to.
        relay_url: String,
        name: String,
        member_count: u32,
        /// It may be used without an account.
        guests: bool,
    },
    /// It lets one make an account.
    Registration { relay_url: String, code: String },
}
