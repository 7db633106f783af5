//! Local history on disk: one directory per relay and account, one thread that writes in batches.

mod history;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use tokio::sync::mpsc;

pub use history::History;

use crate::core::{Account, Cached, Input, StoreJob};

/// Jobs that wait for the disk.
const QUEUE: usize = 1_024;
/// Jobs of one transaction.
const BATCH: usize = 256;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the history was written by a later version of Parley")]
    TooNew,
    #[error("an entry cannot be written as JSON")]
    Unwritable,
    #[error("the disk refused: {0}")]
    Io(#[from] std::io::Error),
    #[error("the database refused: {0}")]
    Database(#[from] rusqlite::Error),
}

/// An open history. Dropping it ends the thread after the jobs that were given.
#[derive(Debug)]
pub struct Store {
    jobs: mpsc::Sender<StoreJob>,
    thread: JoinHandle<()>,
    dir: PathBuf,
}

impl Store {
    /// Opens the account's history and reads what is shown first. Blocks: call it off the async threads.
    ///
    /// Pages and counts are answered through `answers`, which is never waited for.
    ///
    /// # Errors
    /// The disk refuses, or the history is from a later version.
    pub fn open(
        data_dir: &Path,
        account: &Account,
        answers: mpsc::Sender<Input>,
    ) -> Result<(Self, Cached), StoreError> {
        let dir = account_dir(data_dir, account);
        make_private_dir(&dir)?;
        let history = History::open(&dir.join("history.db"))?;
        let cached = history.load()?;
        let (jobs, inbox) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("parley-store".to_owned())
            .spawn(move || run(&history, inbox, &answers))?;
        Ok((Self { jobs, thread, dir }, cached))
    }

    /// Hands a job over, waiting for a place in the queue.
    pub async fn give(&self, job: StoreJob) {
        if self.jobs.send(job).await.is_err() {
            tracing::error!("the local history has stopped");
        }
    }

    /// Waits until everything is written; then removes the history when `wipe`. Blocks.
    pub fn close(self, wipe: bool) {
        drop(self.jobs);
        if self.thread.join().is_err() {
            tracing::error!("the local history's thread panicked");
        }
        if wipe && let Err(error) = std::fs::remove_dir_all(&self.dir) {
            tracing::warn!(%error, "the local history cannot be removed");
        }
    }
}

/// Where an account's files are: the names of relay and person, made safe for every file system.
pub fn account_dir(data_dir: &Path, account: &Account) -> PathBuf {
    let relay: String = account
        .relay_url
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '.' || c == '-' { c.to_ascii_lowercase() } else { '_' })
        .take(100)
        .collect();
    data_dir.join("accounts").join(format!("{relay}-{}", account.user_id))
}

/// Makes a directory that only its owner reads, where the system knows such a thing.
pub fn make_private_dir(dir: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

fn run(history: &History, mut inbox: mpsc::Receiver<StoreJob>, answers: &mpsc::Sender<Input>) {
    while let Some(first) = inbox.blocking_recv() {
        let mut batch = vec![first];
        while batch.len() < BATCH {
            let Ok(next) = inbox.try_recv() else { break };
            batch.push(next);
        }
        if let Err(error) = run_batch(history, batch, answers) {
            history.rollback();
            tracing::error!(%error, "the local history cannot be written");
        }
    }
}

fn run_batch(history: &History, batch: Vec<StoreJob>, answers: &mpsc::Sender<Input>) -> Result<(), StoreError> {
    history.begin()?;
    for job in batch {
        if let Some(answer) = run_job(history, job)?
            && answers.try_send(answer).is_err()
        {
            tracing::warn!("an answer of the local history found no taker");
        }
    }
    history.commit()
}

fn run_job(history: &History, job: StoreJob) -> Result<Option<Input>, StoreError> {
    match job {
        StoreJob::SaveRoom(record) => history.save_room(&record)?,
        StoreJob::RemoveRoom(room_id) => history.remove_room(room_id)?,
        StoreJob::SavePeople(people) => people.iter().try_for_each(|person| history.save_person(person))?,
        StoreJob::SaveMessages(messages) => messages.iter().try_for_each(|message| history.save_message(message))?,
        StoreJob::LoadPage { room_id, before, from } => {
            let messages = history.page(room_id, before, from)?;
            return Ok(Some(Input::PageLoaded { room_id, before, messages }));
        }
        StoreJob::CountUnread { room_id, after, me } => {
            let unread = history.count_unread(room_id, after, me)?;
            return Ok(Some(Input::UnreadCounted { room_id, after, unread }));
        }
        StoreJob::SaveOutbox(pending) => history.save_outbox(&pending)?,
        StoreJob::RemoveOutbox(client_id) => history.remove_outbox(client_id)?,
    }
    Ok(None)
}
