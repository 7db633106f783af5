//! The operating system's keyring. Blocks; must not run on a thread of an async runtime.

use parley_shared::wire::Session;

use crate::core::{Account, HistoryKey};

const SERVICE: &str = "Parley";
/// An entry that never exists: asking for it tells whether there is a keyring.
const PROBE: &str = "probe";

/// Whether the system has a keyring that answers.
pub(super) fn is_there() -> bool {
    let answer = keyring::Entry::new(SERVICE, PROBE).and_then(|entry| entry.get_password());
    match answer {
        Ok(_) | Err(keyring::Error::NoEntry) => true,
        Err(error) => {
            tracing::info!(%error, "there is no keyring");
            false
        }
    }
}

/// The account's session, if there is one that this version can read.
pub(super) fn load(account: &Account) -> Option<Session> {
    match entry(account).and_then(|entry| entry.get_password()) {
        Ok(json) => serde_json::from_str(&zeroize::Zeroizing::new(json)).ok(),
        Err(keyring::Error::NoEntry) => None,
        Err(error) => {
            tracing::warn!(%error, "the keyring does not give the session");
            None
        }
    }
}

/// # Errors
/// The keyring refuses, or it is locked and the person did not open it.
pub(super) fn save(account: &Account, session: &Session) -> Result<(), keyring::Error> {
    let json = serde_json::to_string(session).map_err(|error| keyring::Error::PlatformFailure(Box::new(error)))?;
    entry(account)?.set_password(&zeroize::Zeroizing::new(json))
}

pub(super) fn forget(account: &Account) {
    delete(entry(account));
}

/// The key of the account's history; none when there is none, or it is no key.
///
/// # Errors
/// The keyring refuses, or it is locked and the person did not open it.
pub(super) fn history_key(account: &Account) -> Result<Option<HistoryKey>, keyring::Error> {
    match history_entry(account)?.get_password() {
        Ok(hex) => Ok(HistoryKey::from_hex(&zeroize::Zeroizing::new(hex))),
        Err(keyring::Error::NoEntry) => Ok(None),
        Err(error) => Err(error),
    }
}

/// # Errors
/// As [`history_key`].
pub(super) fn save_history_key(account: &Account, key: &HistoryKey) -> Result<(), keyring::Error> {
    history_entry(account)?.set_password(&key.to_hex())
}

pub(super) fn forget_history_key(account: &Account) {
    delete(history_entry(account));
}

fn delete(entry: Result<keyring::Entry, keyring::Error>) {
    match entry.and_then(|entry| entry.delete_credential()) {
        Ok(()) | Err(keyring::Error::NoEntry) => {}
        Err(error) => tracing::warn!(%error, "the keyring keeps what is over"),
    }
}

fn entry(account: &Account) -> Result<keyring::Entry, keyring::Error> {
    keyring::Entry::new(SERVICE, &format!("{} at {}", account.user_id, account.relay_url))
}

fn history_entry(account: &Account) -> Result<keyring::Entry, keyring::Error> {
    keyring::Entry::new(SERVICE, &format!("history of {} at {}", account.user_id, account.relay_url))
}
