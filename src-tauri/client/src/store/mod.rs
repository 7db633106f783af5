//! Local history on disk, encrypted: one directory per relay and account, one thread that writes in batches, one that reads
//! what need not wait for it.

mod exit;
mod history;
mod messages;
mod pages;
mod plain;
mod search;
#[cfg(test)]
mod search_tests;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use parley_shared::ids::UserId;
use parley_shared::view::HistoryUsage;
use tokio::sync::mpsc;

pub use history::History;
pub use pages::Pages;
use pages::Question;

use crate::core::{Account, Cached, HistoryKey, Input, ReadJob, ReplyId, StoreAnswer, StoreJob, Wanted};

/// Jobs that wait for the disk.
const QUEUE: usize = 1_024;
/// Questions that wait for the disk: a search for each key that is pressed.
const QUESTIONS: usize = 64;
/// Jobs of one transaction.
const BATCH: usize = 256;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the history was written by a later version of Parley")]
    TooNew,
    #[error("the file is not one of this key")]
    Unreadable,
    #[error("an entry cannot be written as JSON")]
    Unwritable,
    #[error("the disk refused: {0}")]
    Io(#[from] std::io::Error),
    #[error("the database refused: {0}")]
    Database(#[from] rusqlite::Error),
}

/// How an account's history is opened.
#[derive(Clone, Debug)]
pub struct StoreKey {
    pub key: HistoryKey,
    /// The key ends with the process. What it leaves can never be read again: it is removed at the next opening, and nobody is
    /// told.
    pub passing: bool,
}

/// An open history. Dropping it ends the threads after the jobs that were given.
#[derive(Debug)]
pub struct Store {
    jobs: mpsc::Sender<StoreJob>,
    questions: mpsc::Sender<Question>,
    threads: [JoinHandle<()>; 2],
    dir: PathBuf,
}

impl Store {
    /// Opens the account's history and reads what is shown first. Blocks: call it off the async threads. A file that this key
    /// does not open is put aside (`*.lost`), and [`Cached::lost`] says so.
    ///
    /// Pages, counts and searches are answered through `answers`, which is never waited for.
    ///
    /// # Errors
    /// The disk refuses, or the history is from a later version.
    pub fn open(
        data_dir: &Path,
        account: &Account,
        key: &StoreKey,
        answers: mpsc::Sender<Input>,
    ) -> Result<(Self, Cached), StoreError> {
        let dir = account_dir(data_dir, account);
        make_private_dir(&dir)?;
        let path = dir.join("history.db");
        let _in_use = exit::hold();
        let (history, lost) = open_or_begin_again(&path, key, account.user_id)?;
        let cached = Cached { lost, ..history.load()? };
        let reader = History::open_reader(&path, &key.key, account.user_id)?;
        exit::wait_at_exit();
        let (jobs, inbox) = mpsc::channel(QUEUE);
        let (questions, asked) = mpsc::channel(QUESTIONS);
        let to = answers.clone();
        let writing =
            std::thread::Builder::new().name("parley-store".to_owned()).spawn(move || run(history, inbox, &to))?;
        let files = dir.clone();
        let reading = std::thread::Builder::new()
            .name("parley-reader".to_owned())
            .spawn(move || answer(reader, &files, asked, &answers))?;
        Ok((Self { jobs, questions, threads: [writing, reading], dir }, cached))
    }

    /// Hands a job over, waiting for a place in the queue.
    pub async fn give(&self, job: StoreJob) {
        if self.jobs.send(job).await.is_err() {
            tracing::error!("the local history has stopped");
        }
    }

    /// Asks beside the jobs. What was given a moment ago may not be seen yet. False when too many questions wait.
    pub fn ask(&self, reply: ReplyId, job: ReadJob) -> bool {
        self.questions.try_send(Question::Core(reply, job)).is_ok()
    }

    /// Reads whole histories beside everything else, as long as the store is open.
    pub fn pages(&self) -> Pages {
        Pages(self.questions.downgrade())
    }

    /// Waits until everything is written; then removes the history when `wipe`. Blocks.
    pub fn close(self, wipe: bool) {
        drop((self.jobs, self.questions));
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a thread of the local history panicked");
            }
        }
        if wipe && let Err(error) = std::fs::remove_dir_all(&self.dir) {
            tracing::warn!(%error, "the local history cannot be removed");
        }
    }
}

/// Beside a history whose key ends with the process.
const PASSING: &str = "passing";

/// True with a history that replaces one that nobody can read.
fn open_or_begin_again(path: &Path, key: &StoreKey, me: UserId) -> Result<(History, bool), StoreError> {
    plain::encrypt(path, &key.key, me)?;
    let (aside, passing) = (path.with_extension("db.lost"), path.with_extension(PASSING));
    let mut lost = false;
    let mut opened = History::open(path, &key.key, me);
    if let Err(StoreError::Unreadable) = opened {
        lost = !passing.exists();
        if lost {
            remove_database(&aside)?;
            std::fs::rename(path, &aside)?;
        }
        remove_database(path)?;
        // A keyring that refused the key once, and gives it again.
        if aside.exists() && History::open(&aside, &key.key, me).is_ok() {
            std::fs::rename(&aside, path)?;
            lost = false;
        }
        opened = History::open(path, &key.key, me);
    }
    let history = opened?;
    if key.passing {
        std::fs::write(&passing, [])?;
    } else {
        remove_database(&passing)?;
    }
    Ok((history, lost))
}

/// Removes a database and what SQLite keeps beside it, as far as they are there.
fn remove_database(path: &Path) -> std::io::Result<()> {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        match std::fs::remove_file(&name) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
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

fn run(history: History, mut inbox: mpsc::Receiver<StoreJob>, answers: &mpsc::Sender<Input>) {
    while let Some(first) = inbox.blocking_recv() {
        let _in_use = exit::hold();
        let mut batch = vec![first];
        while batch.len() < BATCH {
            let Ok(next) = inbox.try_recv() else { break };
            batch.push(next);
        }
        let waits = |job: &StoreJob| match job {
            StoreJob::Wipe(reply) => Some(*reply),
            _ => None,
        };
        let waiting: Vec<ReplyId> = batch.iter().filter_map(waits).collect();
        if let Err(error) = run_batch(&history, batch, answers) {
            history.rollback();
            waiting.into_iter().for_each(|reply| give_answer(answers, Input::StoreAnswered(reply, None)));
            tracing::error!(%error, "the local history cannot be written");
        }
    }
    let _in_use = exit::hold();
    drop(history);
}

fn run_batch(history: &History, batch: Vec<StoreJob>, answers: &mpsc::Sender<Input>) -> Result<(), StoreError> {
    let shrinks = batch.iter().any(|job| matches!(job, StoreJob::Wipe(_)));
    let mut found = Vec::new();
    history.begin()?;
    for job in batch {
        found.extend(run_job(history, job)?);
    }
    history.commit()?;
    found.into_iter().for_each(|answer| give_answer(answers, answer));
    if shrinks { history.shrink() } else { Ok(()) }
}

fn give_answer(answers: &mpsc::Sender<Input>, answer: Input) {
    if answers.try_send(answer).is_err() {
        tracing::warn!("an answer of the local history found no taker");
    }
}

fn run_job(history: &History, job: StoreJob) -> Result<Option<Input>, StoreError> {
    match job {
        StoreJob::SaveRoom(record) => history.save_room(&record)?,
        StoreJob::RemoveRoom(room_id) => history.remove_room(room_id)?,
        StoreJob::SavePeople(people) => people.iter().try_for_each(|person| history.save_person(person))?,
        StoreJob::SaveMessages { messages, names } => {
            messages.iter().try_for_each(|message| history.save_message(message, &names))?;
        }
        StoreJob::LoadPage { room_id, at, floor } => {
            let page = history.page(room_id, at, floor)?;
            return Ok(Some(Input::PageLoaded { room_id, at, page }));
        }
        StoreJob::FindMessages { room_id, ids } => {
            let messages = history.find(&ids)?;
            return Ok(Some(Input::MessagesFound { room_id, ids, messages }));
        }
        StoreJob::FindPlace { room_id, place, jump } => {
            let (seq, message) = match place {
                Wanted::Message(id) => {
                    let message = history.find(&[id])?.pop().filter(|message| message.room_id == room_id);
                    (message.as_ref().map(|message| message.seq), message)
                }
                Wanted::Place(seq) => (Some(seq), history.at(room_id, seq)?),
                Wanted::Moment(at) => (history.first_since(room_id, at)?, None),
            };
            return Ok(Some(Input::PlaceFound { room_id, jump, seq, message: message.map(Box::new) }));
        }
        StoreJob::LoadThread { thread_id } => {
            let (root, messages) = history.thread(thread_id)?;
            return Ok(Some(Input::ThreadLoaded { thread_id, root: root.map(Box::new), messages }));
        }
        StoreJob::CountUnread { room_id, after } => {
            let unread = history.count_unread(room_id, after)?;
            return Ok(Some(Input::UnreadCounted { room_id, after, unread }));
        }
        StoreJob::IsToMe(message) => {
            return Ok(history.is_to_me(&message)?.then(|| Input::ToMe(message)));
        }
        StoreJob::FirstsSince(at) => {
            return Ok(Some(Input::FirstsFound { since: at, firsts: history.firsts_since(at)? }));
        }
        StoreJob::Prune { before } => history.prune(before)?,
        StoreJob::Wipe(reply) => {
            history.wipe()?;
            return Ok(Some(Input::StoreAnswered(reply, Some(StoreAnswer::Wiped))));
        }
        StoreJob::SaveOutbox(pending) => history.save_outbox(&pending)?,
        StoreJob::RemoveOutbox(client_id) => history.remove_outbox(client_id)?,
    }
    Ok(None)
}

fn answer(history: History, dir: &Path, mut asked: mpsc::Receiver<Question>, answers: &mpsc::Sender<Input>) {
    while let Some(question) = asked.blocking_recv() {
        let _in_use = exit::hold();
        let (reply, job) = match question {
            Question::Core(reply, job) => (reply, job),
            Question::Page(wanted) => {
                wanted.answer(&history);
                continue;
            }
        };
        let answer = read(&history, dir, job);
        if let Err(error) = &answer {
            tracing::error!(%error, "the local history cannot be read");
        }
        give_answer(answers, Input::StoreAnswered(reply, answer.ok()));
    }
    let _in_use = exit::hold();
    drop(history);
}

fn read(history: &History, dir: &Path, job: ReadJob) -> Result<StoreAnswer, StoreError> {
    Ok(match job {
        ReadJob::Search(spec) => {
            let found = history.search(&spec)?;
            StoreAnswer::Found { spec, found }
        }
        ReadJob::Pins(room_id) => StoreAnswer::Pins { room_id, messages: history.pins(room_id)? },
        ReadJob::Usage => {
            let (messages, oldest_at_ms) = history.count()?;
            StoreAnswer::Usage(HistoryUsage { bytes: bytes_below(dir)?, messages, oldest_at_ms })
        }
    })
}

/// What the files of a directory take, those of its folders included.
fn bytes_below(dir: &Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        // A file that goes away meanwhile takes nothing.
        let Ok(meta) = entry.metadata() else { continue };
        bytes += if meta.is_dir() { bytes_below(&entry.path())? } else { meta.len() };
    }
    Ok(bytes)
}
