//! Where tokens are kept: the operating system's keyring, or an encrypted file, or nowhere. Never in plain text.
//!
//! Everything here blocks, the keyring even for minutes while it asks the person; it lives on a thread of its own, because
//! the keyring's blocking calls wait for ever inside an async runtime.

mod file;
mod keyring;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use parley_shared::view::{HistoryProtection, SecretKeeping};
use parley_shared::wire::Session;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};
use zeroize::Zeroizing;

pub use file::{EncryptedFile, FileError};

use crate::config::SecretsChoice;
use crate::core::{Account, HistoryKey, Input, Keeping, SecretsAnswer, SecretsJob};

/// Jobs that wait: a few, except while the keyring asks the person.
const QUEUE: usize = 64;

/// The thread that keeps secrets. It ends when this is dropped.
#[derive(Debug)]
pub struct Secrets {
    jobs: mpsc::Sender<SecretsJob>,
    /// Closed when the thread has ended.
    ended: oneshot::Receiver<()>,
}

impl Secrets {
    /// # Errors
    /// The system gives no thread.
    pub fn spawn(choice: SecretsChoice, data_dir: &Path, answers: mpsc::Sender<Input>) -> std::io::Result<Self> {
        let (jobs, mut inbox) = mpsc::channel(QUEUE);
        let (end, ended) = oneshot::channel();
        let mut keeper = Keeper::new(choice, data_dir);
        std::thread::Builder::new().name("parley-secrets".to_owned()).spawn(move || {
            let _end: oneshot::Sender<()> = end;
            while let Some(job) = inbox.blocking_recv() {
                if let Some(answer) = keeper.run(job)
                    && answers.blocking_send(Input::Secrets(answer)).is_err()
                {
                    return;
                }
            }
        })?;
        Ok(Self { jobs, ended })
    }

    /// Hands a job over. One that finds the queue full is lost: the keyring has not answered for long.
    pub fn give(&self, job: SecretsJob) {
        if self.jobs.try_send(job).is_err() {
            tracing::warn!("the keyring does not answer");
        }
    }

    /// Returns when all that was given is kept. A keyring that waits for the person is waited for, so set a limit.
    pub async fn close(self) {
        drop(self.jobs);
        // The sender is dropped, never used: the error is the end of the thread.
        let _ = self.ended.await;
    }
}

/// Decides where things go; holds what is not kept anywhere.
struct Keeper {
    choice: SecretsChoice,
    file_path: PathBuf,
    place: Place,
    /// The newest session, for a place that is chosen after the sign-in.
    newest: Option<(Account, Box<Session>)>,
    /// Keys of histories that are in no keyring: they last with the file, or with the process.
    keys: Keys,
}

/// By the names of accounts, in hexadecimal.
type Keys = BTreeMap<String, Zeroizing<String>>;

/// What the encrypted file holds.
#[derive(Serialize, Deserialize)]
struct Sealed {
    session: Option<Session>,
    history_keys: BTreeMap<String, String>,
}

#[derive(Debug)]
enum Place {
    /// Not looked for yet.
    Unknown,
    Keyring,
    Undecided,
    File(EncryptedFile),
    Nowhere,
}

impl Keeper {
    fn new(choice: SecretsChoice, data_dir: &Path) -> Self {
        Self {
            choice,
            file_path: data_dir.join("session.sealed"),
            place: Place::Unknown,
            newest: None,
            keys: Keys::new(),
        }
    }

    fn run(&mut self, job: SecretsJob) -> Option<SecretsAnswer> {
        match job {
            SecretsJob::Load { account, keeping } => Some(self.load(account.as_ref(), keeping)),
            SecretsJob::Save { account, session } => {
                self.newest = Some((account, session));
                self.save_newest().err().map(|_| SecretsAnswer::SaveFailed)
            }
            SecretsJob::Unlock { account, passphrase } => Some(self.unlock(&account, &passphrase)),
            SecretsJob::Keep { passphrase } => Some(SecretsAnswer::Kept(self.keep(passphrase.as_deref()))),
            SecretsJob::HistoryKey { account } => Some(self.history_key(&account)),
            SecretsJob::Forget { account, history } => {
                self.forget(&account, history);
                None
            }
        }
    }

    fn load(&mut self, account: Option<&Account>, keeping: Keeping) -> SecretsAnswer {
        self.place = match self.choice {
            SecretsChoice::Memory => Place::Nowhere,
            SecretsChoice::Keyring if keyring::is_there() => Place::Keyring,
            SecretsChoice::Keyring | SecretsChoice::File => match keeping {
                Keeping::Undecided => Place::Undecided,
                Keeping::AskEachTime => Place::Nowhere,
                Keeping::EncryptedFile if account.is_some() && self.file_path.exists() => {
                    return SecretsAnswer::Locked { wrong: false };
                }
                // Signed out: the next sign-in asks for a passphrase anew.
                Keeping::EncryptedFile => Place::Undecided,
            },
        };
        let found = match (&self.place, account) {
            (Place::Keyring, Some(account)) => keyring::load(account),
            _ => None,
        };
        self.ready(account, found)
    }

    /// Takes the keys out of an opened file and gives its session. A file of an earlier version is a session alone.
    fn unseal(&mut self, plain: &[u8]) -> Option<Session> {
        match serde_json::from_slice::<Sealed>(plain) {
            Ok(sealed) => {
                self.keys.extend(sealed.history_keys.into_iter().map(|(account, key)| (account, Zeroizing::new(key))));
                sealed.session
            }
            Err(_) => serde_json::from_slice(plain).ok(),
        }
    }

    fn history_key(&mut self, account: &Account) -> SecretsAnswer {
        let fresh = || HistoryKey::from_bytes(rand::random());
        if matches!(self.place, Place::Keyring) {
            let kept = keyring::history_key(account).and_then(|kept| match kept {
                Some(key) => Ok(key),
                None => {
                    let key = fresh();
                    keyring::save_history_key(account, &key).map(|()| key)
                }
            });
            match kept {
                Ok(key) => return SecretsAnswer::HistoryKey { key, protection: HistoryProtection::Keyring },
                Err(error) => tracing::warn!(%error, "the keyring keeps no key of the history"),
            }
        }
        let there = self.keys.get(&name(account)).and_then(|hex| HistoryKey::from_hex(hex));
        let key = there.unwrap_or_else(|| {
            let key = fresh();
            self.keys.insert(name(account), key.to_hex());
            key
        });
        let protection = match &self.place {
            Place::File(_) if self.save_newest().is_ok() => HistoryProtection::Passphrase,
            Place::File(_) | Place::Unknown | Place::Keyring | Place::Undecided | Place::Nowhere => {
                HistoryProtection::Session
            }
        };
        SecretsAnswer::HistoryKey { key, protection }
    }

    fn ready(&mut self, account: Option<&Account>, found: Option<Session>) -> SecretsAnswer {
        let found = found.map(Box::new);
        self.newest = account.cloned().zip(found.clone());
        SecretsAnswer::Ready { keeping: self.keeping(), found }
    }

    fn keeping(&self) -> SecretKeeping {
        match (&self.place, self.choice) {
            (Place::Keyring, _) => SecretKeeping::Keyring,
            (Place::Unknown | Place::Undecided, _) => SecretKeeping::Undecided,
            (Place::File(_), _) => SecretKeeping::EncryptedFile,
            (Place::Nowhere, _) => SecretKeeping::AskEachTime,
        }
    }

    fn unlock(&mut self, account: &Account, passphrase: &str) -> SecretsAnswer {
        match EncryptedFile::open(&self.file_path, passphrase) {
            Ok((file, plain)) => {
                self.place = Place::File(file);
                let found = self.unseal(&plain);
                self.ready(Some(account), found)
            }
            Err(FileError::WrongPassphrase) => SecretsAnswer::Locked { wrong: true },
            Err(error) => {
                // A file that nobody can read again holds nobody up.
                tracing::warn!(%error, "the session's file is of no use");
                self.place = Place::Undecided;
                self.ready(None, None)
            }
        }
    }

    fn keep(&mut self, passphrase: Option<&str>) -> Result<SecretKeeping, String> {
        if matches!(self.place, Place::Keyring) {
            return Ok(SecretKeeping::Keyring);
        }
        self.place = match passphrase {
            Some(passphrase) => {
                // The same passphrase again: the keys of earlier histories are in it.
                if let Ok((_, plain)) = EncryptedFile::open(&self.file_path, passphrase) {
                    self.unseal(&plain);
                }
                Place::File(EncryptedFile::create(&self.file_path, passphrase).map_err(|error| error.to_string())?)
            }
            None => {
                remove(&self.file_path);
                Place::Nowhere
            }
        };
        self.save_newest()?;
        Ok(self.keeping())
    }

    fn save_newest(&self) -> Result<(), String> {
        match (&self.place, &self.newest) {
            (Place::Keyring, Some((account, session))) => {
                return keyring::save(account, session).map_err(|error| error.to_string());
            }
            (Place::File(file), newest) => {
                return self.seal(file, newest.as_ref().map(|(_, session)| session.as_ref()));
            }
            (Place::Keyring | Place::Unknown | Place::Undecided | Place::Nowhere, _) => {}
        }
        Ok(())
    }

    fn seal(&self, file: &EncryptedFile, session: Option<&Session>) -> Result<(), String> {
        let history_keys = self.keys.iter().map(|(account, key)| (account.clone(), key.to_string())).collect();
        let sealed = Sealed { session: session.cloned(), history_keys };
        let plain = Zeroizing::new(serde_json::to_vec(&sealed).map_err(|error| error.to_string())?);
        file.write(&plain).map_err(|error| error.to_string())
    }

    fn forget(&mut self, account: &Account, history: bool) {
        self.newest = None;
        if history {
            self.keys.remove(&name(account));
        }
        match &self.place {
            Place::Keyring => {
                keyring::forget(account);
                if history {
                    keyring::forget_history_key(account);
                }
            }
            // The passphrase stays for the next sign-in of this run; so do the keys of histories that stay.
            Place::File(file) if self.keys.is_empty() => remove(file.path()),
            Place::File(file) => {
                if let Err(error) = self.seal(file, None) {
                    tracing::warn!(%error, "the session's file cannot be written");
                }
            }
            Place::Unknown | Place::Undecided | Place::Nowhere => remove(&self.file_path),
        }
        if matches!(self.place, Place::Unknown) {
            self.place = Place::Undecided;
        }
    }
}

fn name(account: &Account) -> String {
    format!("{} at {}", account.user_id, account.relay_url)
}

fn remove(path: &Path) {
    match std::fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => tracing::warn!(%error, "the session's file cannot be removed"),
    }
}
