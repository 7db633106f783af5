//! Brings files of the relay into the cache: each once, however many ask for it, and a few at once.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use parley_shared::ids::FileId;
use parley_shared::limits::FILE_BYTES;
use tokio::sync::{Semaphore, mpsc};

use super::store::{FileStore, Variant};
use crate::api::Api;
use crate::core::CallFailure;

const AT_ONCE: usize = 4;
/// A relay that says nothing for so long in the middle of a file is gone.
const SILENCE: Duration = Duration::from_secs(30);

/// Why a file did not come.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    #[error("the relay did not give the file")]
    Relay(CallFailure),
    #[error("the disk refused the file")]
    Disk,
}

type Download = Shared<BoxFuture<'static, Result<(), FetchError>>>;

/// Clones share what is under way.
#[derive(Clone)]
pub(super) struct Downloads {
    under_way: Arc<Mutex<HashMap<(FileId, Variant), Download>>>,
    places: Arc<Semaphore>,
}

impl std::fmt::Debug for Downloads {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Downloads")
    }
}

impl Default for Downloads {
    fn default() -> Self {
        Self { under_way: Arc::default(), places: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Downloads {
    /// Returns when the file is in the cache. A download ends early when nobody waits for it any more.
    ///
    /// # Errors
    /// The relay does not give it, or the disk does not take it.
    pub async fn fetch(&self, store: Arc<FileStore>, api: Api, id: FileId, variant: Variant) -> Result<(), FetchError> {
        let download = {
            let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
            let places = self.places.clone();
            let begin = || async move { load(&places, store, api, id, variant).await }.boxed().shared();
            under_way.entry((id, variant)).or_insert_with(begin).clone()
        };
        let result = download.clone().await;
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if under_way.get(&(id, variant)).is_some_and(|there| there.ptr_eq(&download)) {
            under_way.remove(&(id, variant));
        }
        result
    }
}

async fn load(
    places: &Semaphore,
    store: Arc<FileStore>,
    api: Api,
    id: FileId,
    variant: Variant,
) -> Result<(), FetchError> {
    let _place = places.acquire().await.map_err(|_| FetchError::Disk)?;
    let mut response = api.download(id, variant).await.map_err(FetchError::Relay)?;
    if response.content_length().is_some_and(|length| length > FILE_BYTES) {
        return Err(FetchError::Relay(CallFailure::Garbled));
    }
    let (to_disk, chunks) = mpsc::channel(16);
    let written = tokio::task::spawn_blocking(move || write(&store, id, variant, chunks));
    let received = async {
        let mut total = 0;
        loop {
            // A body that is shorter than it was announced is an error here, too.
            let chunk = tokio::time::timeout(SILENCE, response.chunk()).await.map_err(|_| CallFailure::Offline)?;
            let Some(chunk) = chunk.map_err(|_| CallFailure::Offline)? else { return Ok(()) };
            total += chunk.len() as u64;
            if total > FILE_BYTES {
                return Err(CallFailure::Garbled);
            }
            if to_disk.send(Some(chunk)).await.is_err() {
                return Ok(());
            }
        }
    };
    let received = received.await;
    if received.is_ok() {
        // Without this word the file is not whole, and is dropped. An error means that the disk refused already.
        let _ = to_disk.send(None).await;
    }
    drop(to_disk);
    let written = written.await;
    received.map_err(FetchError::Relay)?;
    match written {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => {
            tracing::warn!(%error, "a file cannot be written into the cache");
            Err(FetchError::Disk)
        }
        Err(_) => Err(FetchError::Disk),
    }
}

/// `None` is the end of a file that is whole.
fn write(store: &FileStore, id: FileId, variant: Variant, mut chunks: mpsc::Receiver<Option<Bytes>>) -> io::Result<()> {
    let mut writer = store.cache_writer(id, variant)?;
    while let Some(chunk) = chunks.blocking_recv() {
        match chunk {
            Some(chunk) => writer.write(&chunk)?,
            None => return store.cache_finish(id, variant, writer),
        }
    }
    Err(io::ErrorKind::UnexpectedEof.into())
}
