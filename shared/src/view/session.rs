//! Who is signed in, and whether the relay is there.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::ids::{DeviceId, FileId, UnixMs, UserId};
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
        /// Why the person is signed out, when they did not just sign out: `revoked`, `expired`, `deleted` (the account, by their own hand).
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
    /// The key of my picture.
    pub avatar: Option<FileId>,
    pub status_text: String,
}

/// What others see of me, and what only I see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ProfileView {
    pub display_name: String,
    pub status_text: String,
    pub bio: String,
    pub email: String,
    pub avatar: Option<FileId>,
    /// What my files take on the relay, and how much they may.
    #[ts(type = "number")]
    pub storage_bytes: u64,
    #[ts(type = "number")]
    pub storage_limit_bytes: u64,
}

/// A device that is signed in to my account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SignedInDevice {
    pub id: DeviceId,
    pub name: String,
    pub created_at_ms: UnixMs,
    pub last_used_at_ms: UnixMs,
    /// This one.
    pub current: bool,
}

/// What this device keeps of the history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct HistoryUsage {
    #[ts(type = "number")]
    pub bytes: u64,
    #[ts(type = "number")]
    pub messages: u64,
    pub oldest_at_ms: Option<UnixMs>,
}

/// How the history on this device is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum HistoryProtection {
    /// Encrypted; its key is in the keyring of the system.
    Keyring,
    /// Encrypted; its key is in the file under the passphrase.
    Passphrase,
    /// Encrypted with a key that lasts as long as the process: nothing is kept beyond it.
    Session,
    /// There is no history open.
    None,
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
