//! Who is signed in, and whether the relay is there.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::ids::UserId;
use crate::wire::Role;

/// ```text
/// Starting --> Locked --Unlock--> SignedOut | SignedIn
///     `------------------------> SignedOut <--> SignedIn
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum SessionView {
    Starting,
    /// There is no OS keyring and the tokens are in a file that wants its passphrase.
    Locked {
        /// True after a wrong passphrase.
        wrong: bool,
    },
    SignedOut {
        relay_url: String,
        /// Where a session would be kept.
        keeping: SecretKeeping,
        /// Why the person is signed out, when it was not by their own hand: `revoked`, `expired`.
        reason: Option<String>,
    },
    SignedIn {
        relay_url: String,
        me: Me,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Me {
    pub user_id: UserId,
    pub display_name: String,
    pub role: Role,
}

/// Where tokens are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum SecretKeeping {
    /// The keyring of the operating system.
    Keyring,
    /// No keyring here and nothing chosen yet: the sign-in screen asks.
    Undecided,
    /// A file encrypted with a passphrase.
    EncryptedFile,
    /// Nowhere: signing in again at each start.
    AskEachTime,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ConnectionView {
    /// Signed out: nothing to connect to.
    Idle,
    Connecting,
    Online,
    /// The relay does not answer. What is on disk stays readable; what is written waits.
    Offline {
        /// Seconds until the next try.
        retry_in_s: u32,
    },
}
