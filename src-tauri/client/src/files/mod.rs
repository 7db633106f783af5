//! Files of an account: what is to be sent, what was downloaded, and the ways to and from the relay.

mod cache;
mod download;
mod name;
mod picture;
mod sealed;
mod store;
#[cfg(test)]
mod store_tests;
mod upload;
mod whole;
#[cfg(test)]
mod wire_tests;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use parley_shared::limits::IMAGE_BYTES;
use parley_shared::view::{CommandError, CommandErrorCode};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::{AbortHandle, JoinSet};

pub use download::FetchError;
pub use name::{FileRef, clean_name, name_on_disk};
pub use picture::shown_type;
pub use sealed::FileKey;
pub use store::{DraftError, FileStore, Variant};
pub(crate) use whole::{private_file, write_whole};

use crate::api::Api;
use crate::core::{FilesJob, Input, ReplyId, UploadId, failure_to_error};
use download::Downloads;
use upload::UploadWork;

/// What the cache may take on the disk.
const CACHE_BYTES: u64 = 500 * 1024 * 1024;
/// A picture of the relay's may be larger than the one that was sent: it is made upright and loses its metadata.
const SHOWN_BYTES: u64 = 4 * IMAGE_BYTES;

/// Work on the disk that waits: a few files, except when a room with a long queue goes.
const CHORES: usize = 1_024;

type Chore = Box<dyn FnOnce() + Send>;

/// A picture for the webview.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownFile {
    /// `image/jpeg`, `image/png` or `image/webp`, by the content.
    pub media_type: &'static str,
    pub bytes: Vec<u8>,
}

/// Keeps and carries the files of the account that is signed in. Dropping it ends what is under way with the relay.
#[derive(Debug)]
pub struct Files {
    store: Arc<FileStore>,
    answers: mpsc::Sender<Input>,
    downloads: Downloads,
    /// One at a time: decoding takes up to 200 MB.
    looking: Arc<Semaphore>,
    tasks: JoinSet<()>,
    /// Work on the disk that is done in order.
    chores: mpsc::Sender<Chore>,
    keeper: JoinHandle<()>,
    uploads: BTreeMap<UploadId, AbortHandle>,
}

impl Files {
    /// Opens the store below an account's directory. Blocks: call it off the async threads.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn open(account_dir: &Path, key: FileKey, answers: mpsc::Sender<Input>) -> io::Result<Self> {
        let store = Arc::new(FileStore::open(&account_dir.join("files"), key, CACHE_BYTES)?);
        let (chores, mut inbox) = mpsc::channel::<Chore>(CHORES);
        let keeper = std::thread::Builder::new().name("parley-files".to_owned()).spawn(move || {
            while let Some(chore) = inbox.blocking_recv() {
                chore();
            }
        })?;
        Ok(Self {
            store,
            answers,
            downloads: Downloads::default(),
            looking: Arc::new(Semaphore::new(1)),
            tasks: JoinSet::new(),
            chores,
            keeper,
            uploads: BTreeMap::new(),
        })
    }

    /// Ends what is under way, and returns when the disk has what was given to it. Blocks.
    pub fn close(self) {
        drop((self.tasks, self.chores));
        if self.keeper.join().is_err() {
            tracing::error!("the keeper of files panicked");
        }
    }

    /// Keeps a file that was handed over; [`Input::FileAttached`] says what it is.
    pub fn attach(&mut self, reply: ReplyId, name: String, bytes: Vec<u8>) {
        let (store, answers, looking) = (self.store.clone(), self.answers.clone(), self.looking.clone());
        self.spawn(async move {
            let _place = looking.acquire().await;
            let added = tokio::task::spawn_blocking(move || store.add_draft(&name, &bytes)).await;
            let attached = added.map_err(|_| unreadable()).and_then(|added| added.map_err(draft_error));
            // The driver is gone only when the client ends.
            let _ = answers.send(Input::FileAttached(reply, attached)).await;
        });
    }

    /// A picture for the webview, from here or from the relay.
    pub fn show(
        &mut self,
        api: Option<Api>,
        file: FileRef,
        variant: Variant,
        answer: oneshot::Sender<Result<ShownFile, CommandError>>,
    ) {
        let (store, downloads) = (self.store.clone(), self.downloads.clone());
        self.spawn(async move {
            let shown = async {
                have(&store, &downloads, api, &file, variant).await?;
                blocking(move || shown(&store, &file, variant)).await
            };
            // Whoever asked may have given up.
            let _ = answer.send(shown.await);
        });
    }

    /// Writes a file's bytes to a place outside.
    pub fn save_as(
        &mut self,
        api: Option<Api>,
        file: FileRef,
        path: PathBuf,
        answer: oneshot::Sender<Result<(), CommandError>>,
    ) {
        let (store, downloads) = (self.store.clone(), self.downloads.clone());
        self.spawn(async move {
            let saved = async {
                have(&store, &downloads, api, &file, Variant::Full).await?;
                blocking(move || store.save_as(&file, &path).map_err(disk)).await
            };
            // Whoever asked may have given up.
            let _ = answer.send(saved.await);
        });
    }

    /// Does what the core wants.
    pub async fn give(&mut self, job: FilesJob, api: Option<Api>) {
        let store = self.store.clone();
        match job {
            FilesJob::Sweep { keep } => self.later(move || store.keep_drafts(&keep)).await,
            FilesJob::Discard(keys) => {
                self.later(move || keys.iter().for_each(|key| store.remove_draft(key))).await;
            }
            FilesJob::Adopt { key, id } => {
                let adopt = move || {
                    if let Err(error) = store.adopt(&key, id) {
                        tracing::debug!(%error, "a file that was sent has to be downloaded");
                    }
                };
                self.later(adopt).await;
            }
            FilesJob::Upload { upload, file, purpose, known } => {
                let work = UploadWork { upload, file, purpose, known, store, answers: self.answers.clone() };
                let handle = self.spawn(work.run(api));
                self.uploads.retain(|_, handle| !handle.is_finished());
                self.uploads.insert(upload, handle);
            }
            FilesJob::StopUpload(upload) => {
                if let Some(handle) = self.uploads.remove(&upload) {
                    handle.abort();
                }
            }
            FilesJob::GiveUp(ids) => {
                let Some(api) = api else { return };
                self.spawn(async move {
                    for id in ids {
                        // What the relay does not hear of, it forgets by itself after a day.
                        let _ = api.give_up_upload(id).await;
                    }
                });
            }
            FilesJob::WipeCache => self.later(move || store.wipe_cache()).await,
        }
    }

    /// Has the work done after what was given before.
    async fn later(&self, work: impl FnOnce() + Send + 'static) {
        if self.chores.send(Box::new(work)).await.is_err() {
            tracing::error!("the keeper of files has stopped");
        }
    }

    fn spawn(&mut self, work: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        while self.tasks.try_join_next().is_some() {}
        self.tasks.spawn(work)
    }
}

/// Returns when the file can be read here.
async fn have(
    store: &Arc<FileStore>,
    downloads: &Downloads,
    api: Option<Api>,
    file: &FileRef,
    variant: Variant,
) -> Result<(), CommandError> {
    if store.has(file, variant) {
        return Ok(());
    }
    match (file, api) {
        (FileRef::Draft(_), _) => Err(error(CommandErrorCode::NotFound, "This file is not here any more.")),
        (FileRef::Stored(_), None) => Err(error(CommandErrorCode::Offline, "The relay does not answer.")),
        (FileRef::Stored(id), Some(api)) => {
            downloads.fetch(store.clone(), api, *id, variant).await.map_err(|failure| match failure {
                FetchError::Relay(failure) => failure_to_error(failure),
                FetchError::Disk => unreadable(),
            })
        }
    }
}

fn shown(store: &FileStore, file: &FileRef, variant: Variant) -> Result<ShownFile, CommandError> {
    let bytes = store.read(file, variant, SHOWN_BYTES).map_err(disk)?;
    let media_type =
        shown_type(&bytes).ok_or_else(|| error(CommandErrorCode::InvalidArgument, "This file is no picture."))?;
    Ok(ShownFile { media_type, bytes })
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CommandError> + Send + 'static,
) -> Result<T, CommandError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(unreadable()))
}

fn draft_error(why: DraftError) -> CommandError {
    let code = match &why {
        DraftError::TooManyBytes | DraftError::Picture(_) | DraftError::Full => CommandErrorCode::TooLarge,
        DraftError::Empty => CommandErrorCode::InvalidArgument,
        DraftError::Io(error) => {
            tracing::warn!(%error, "a file that was handed over cannot be kept");
            CommandErrorCode::Storage
        }
    };
    CommandError { field: Some("file".to_owned()), ..error(code, &why.to_string()) }
}

fn disk(why: io::Error) -> CommandError {
    tracing::debug!(error = %why, "a file cannot be read or written");
    unreadable()
}

fn unreadable() -> CommandError {
    error(CommandErrorCode::Storage, "The file cannot be read or written here.")
}

fn error(code: CommandErrorCode, message: &str) -> CommandError {
    CommandError { code, message: message.to_owned(), field: None, retry_after_s: None }
}
