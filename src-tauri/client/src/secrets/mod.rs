//! Where tokens are kept: the operating system's keyring, or an encrypted file, or nowhere. Never in plain text.
//!
//! Everything here blocks, the keyring even for minutes while it asks the person; it lives on a thread of its own, because
//! the keyring's blocking calls wait for ever inside an async runtime.

mod file;
mod keyring;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use parley_shared::view::SecretKeeping;
use parley_shared::wire::Session;
use tokio::sync::{mpsc, oneshot};

pub use file::{EncryptedFile, FileError};

use crate::config::SecretsChoice;
use crate::core::{Account, Input, Keeping, SecretsAnswer, SecretsJob};

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
        Self { choice, file_path: data_dir.join("session.sealed"), place: Place::Unknown, newest: None }
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
            SecretsJob::Forget { account } => {
                self.forget(&account);
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
                let found = serde_json::from_slice(&plain).ok();
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
        let Some((account, session)) = &self.newest else { return Ok(()) };
        match &self.place {
            Place::Keyring => keyring::save(account, session).map_err(|error| error.to_string()),
            Place::File(file) => {
                let plain = zeroize::Zeroizing::new(serde_json::to_vec(session).map_err(|error| error.to_string())?);
                file.write(&plain).map_err(|error| error.to_string())
            }
            Place::Unknown | Place::Undecided | Place::Nowhere => Ok(()),
        }
    }

    fn forget(&mut self, account: &Account) {
        self.newest = None;
        match &self.place {
            Place::Keyring => keyring::forget(account),
            Place::File(file) => {
                // The passphrase stays for the next sign-in of this run.
                remove(file.path());
            }
            Place::Unknown | Place::Undecided | Place::Nowhere => remove(&self.file_path),
        }
        if matches!(self.place, Place::Unknown) {
            self.place = Place::Undecided;
        }
    }
}

fn remove(path: &Path) {
    match std::fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => tracing::warn!(%error, "the session's file cannot be removed"),
    }
}
