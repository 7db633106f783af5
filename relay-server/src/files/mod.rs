//! Uploads, and what becomes of them.
//!
//! ```text
//! pieces --> uploads/<id> --all here--> looked at --> its blobs doubted --> blobs made --> the row complete --> uploads/<id> removed
//! ```
//! A crash between any two steps leaves an upload that goes on, or a doubtful blob that [`Files::sweep`] finds. A blob is removed only when
//! no row refers to it, and never between the making of one and its row: the two hold `finishing` against each other.

mod desk;
mod kinds;
mod refusals;
mod turns;

use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use parley_shared::ids::{FileId, UserId};
use parley_shared::limits::{IMAGE_BYTES, UPLOAD_CHUNK_BYTES};
use parley_shared::wire::{ErrorCode, Upload, WireError};
use tokio::sync::RwLock;

use crate::blobs::{BlobHash, Blobs, Content, LocalBlobs, Parts};
use crate::clock::unix_now;
use crate::images::{Format, MAGIC_BYTES};
use crate::store::{Kept, KeptContent, Store, StoreError, StoredUpload};
pub use refusals::check_size;

use desk::{Desk, Looked};
use refusals::{disk, piece_refused, wrong_offset};
use turns::Turns;

/// A sender whose piece is refused may send this much of it before it hears so.
const DRAINED_BYTES: usize = UPLOAD_CHUNK_BYTES;
const DRAIN_TIME: std::time::Duration = std::time::Duration::from_secs(5);

#[derive(Debug)]
pub struct Files {
    store: Arc<dyn Store>,
    blobs: Arc<dyn Blobs>,
    parts: Parts,
    desk: Desk,
    turns: Turns,
    /// Read by whoever makes blobs and their row, written by whoever removes blobs.
    finishing: RwLock<()>,
}

impl Files {
    /// Makes the directories that are not there. Blocks.
    ///
    /// # Errors
    /// Fails when they cannot be made.
    pub fn open(data_dir: &Path, store: Arc<dyn Store>) -> io::Result<Self> {
        Ok(Self {
            store,
            blobs: Arc::new(LocalBlobs::open(&data_dir.join("blobs"))?),
            parts: Parts::open(&data_dir.join("uploads"))?,
            desk: Desk::default(),
            turns: Turns::default(),
            finishing: RwLock::default(),
        })
    }

    /// How an upload of the asker's stands. One whose last bytes came just before a crash is finished by this.
    ///
    /// # Errors
    /// `not_found`, or what [`Files::append`] says of the last piece.
    pub async fn upload(self: Arc<Self>, asker: UserId, id: FileId) -> Result<Upload, WireError> {
        let stored = self.stored(asker, id).await?;
        let received = self.received(&stored).await?;
        if stored.file.is_some() || received < stored.size_bytes {
            return Ok(shown(&stored, received));
        }
        let Some(turn) = self.turns.take(id) else { return Ok(shown(&stored, received)) };
        self.to_the_end(move |files| async move {
            let _turn = turn;
            files.finish(asker, stored).await
        })
        .await
    }

    /// Appends a piece to an upload of the asker's, and finishes it when that was the last. Goes on when nobody waits any more.
    ///
    /// # Errors
    /// `conflict` for a wrong offset, or while another piece comes; `too_large` for more than was declared or than a piece may have, or for
    /// a picture over its limits; `unsupported_media_type` for an avatar that is no picture.
    pub async fn append(
        self: Arc<Self>,
        asker: UserId,
        id: FileId,
        offset: u64,
        pieces: impl Stream<Item = Result<Bytes, axum::Error>> + Send + Unpin + 'static,
    ) -> Result<Upload, WireError> {
        self.to_the_end(move |files| async move {
            let mut pieces = pieces;
            let appended = files.take_piece(asker, id, offset, &mut pieces).await;
            if appended.is_err() {
                drain(pieces).await;
            }
            appended
        })
        .await
    }

    async fn take_piece(
        &self,
        asker: UserId,
        id: FileId,
        offset: u64,
        pieces: impl Stream<Item = Result<Bytes, axum::Error>> + Send,
    ) -> Result<Upload, WireError> {
        let busy = || WireError::new(ErrorCode::Conflict, "Another piece of this upload is coming in.");
        let _turn = self.turns.take(id).ok_or_else(busy)?;
        let stored = self.stored(asker, id).await?;
        if stored.file.is_some() || offset > stored.size_bytes {
            return Err(wrong_offset());
        }
        let room = (stored.size_bytes - offset).min(UPLOAD_CHUNK_BYTES as u64);
        let received = self.parts.receive(id, offset, room, pieces).await;
        let received = received.map_err(|broken| piece_refused(&broken))?;
        self.store.touch_upload(asker, id, unix_now()).await.map_err(StoreError::into_wire)?;
        if offset == 0 && stored.size_bytes > IMAGE_BYTES {
            let head = self.parts.head(id, MAGIC_BYTES).await.map_err(disk)?;
            if Format::of(&head).is_some() {
                self.discard(asker, id).await;
                return Err(desk::picture_too_large());
            }
        }
        if received < stored.size_bytes {
            return Ok(shown(&stored, received));
        }
        self.finish(asker, stored).await
    }

    /// All bytes are here: finds out what they are and keeps them.
    async fn finish(&self, asker: UserId, stored: StoredUpload) -> Result<Upload, WireError> {
        let id = stored.id;
        let looked = match self.desk.look(&self.parts.path(id), stored.purpose).await {
            Ok(looked) => looked,
            Err(error) if error.code == ErrorCode::Unavailable => return Err(error),
            Err(error) => {
                self.discard(asker, id).await;
                return Err(error);
            }
        };
        let _making = self.finishing.read().await;
        let kept = self.keep(id, looked).await?;
        let complete = self.store.complete_upload(asker, id, kept, unix_now()).await.map_err(StoreError::into_wire)?;
        if let Err(error) = self.parts.remove(id).await {
            tracing::warn!(%error, "a finished upload could not be cleared");
        }
        Ok(shown(&complete, complete.size_bytes))
    }

    async fn keep(&self, id: FileId, looked: Looked) -> Result<Kept, WireError> {
        match looked {
            Looked::Picture { content, thumbnail, kind } => {
                let hashes = [Some(&content), thumbnail.as_ref()].into_iter().flatten();
                let hashes = hashes.map(|(kept, _)| kept.hash).collect();
                self.store.doubt_blobs(hashes).await.map_err(StoreError::into_wire)?;
                let content = self.put(content).await?;
                let thumbnail = match thumbnail {
                    Some(thumbnail) => Some(self.put(thumbnail).await?),
                    None => None,
                };
                Ok(Kept { content, thumbnail, kind })
            }
            Looked::File { content, kind } => {
                self.store.doubt_blobs(vec![content.hash]).await.map_err(StoreError::into_wire)?;
                self.blobs.put_file(content.hash, &self.parts.path(id)).await.map_err(disk)?;
                Ok(Kept { content, thumbnail: None, kind })
            }
        }
    }

    async fn put(&self, (kept, bytes): (KeptContent, Bytes)) -> Result<KeptContent, WireError> {
        self.blobs.put(kept.hash, bytes).await.map_err(disk)?;
        Ok(kept)
    }

    /// Gives up an upload of the asker's.
    ///
    /// # Errors
    /// `not_found`, and `conflict` for what something shows.
    pub async fn give_up(&self, asker: UserId, id: FileId) -> Result<(), WireError> {
        self.store.remove_upload(asker, id).await.map_err(StoreError::into_wire)?;
        self.parts.remove(id).await.map_err(disk)
    }

    async fn discard(&self, asker: UserId, id: FileId) {
        if let Err(error) = self.give_up(asker, id).await {
            tracing::debug!(%error, "a refused upload waits for the sweep");
        }
    }

    /// The bytes of a range that is within the content.
    ///
    /// # Errors
    /// `unavailable` when they cannot be read.
    pub async fn content(&self, hash: BlobHash, range: Range<u64>) -> Result<Content, WireError> {
        self.blobs.read(hash, range).await.map_err(disk)
    }

    /// Removes blobs that nothing refers to, and what is left of uploads that nobody goes on with.
    ///
    /// # Errors
    /// Fails when the store or the disk does; what is left waits for the next time.
    pub async fn sweep(&self) -> anyhow::Result<()> {
        let _removing = self.finishing.write().await;
        loop {
            let unused = self.store.unused_blobs().await?;
            if unused.is_empty() {
                break;
            }
            for hash in &unused {
                self.blobs.remove(*hash).await?;
            }
            self.store.forget_blobs(unused).await?;
        }
        let parts: Vec<FileId> = self.parts.all().await?.into_iter().collect();
        for id in self.store.dead_uploads(parts).await? {
            self.parts.remove(id).await?;
        }
        Ok(())
    }

    /// Runs something that must not stop halfway, although whoever asked may go away.
    async fn to_the_end<T, F>(
        self: Arc<Self>,
        work: impl FnOnce(Arc<Self>) -> F + Send + 'static,
    ) -> Result<T, WireError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, WireError>> + Send + 'static,
    {
        let done = tokio::spawn(work(self)).await;
        done.unwrap_or_else(|error| {
            tracing::error!(%error, "an upload panicked");
            Err(WireError::new(ErrorCode::Unavailable, "Something went wrong on the relay."))
        })
    }

    async fn stored(&self, asker: UserId, id: FileId) -> Result<StoredUpload, WireError> {
        self.store.upload(asker, id).await.map_err(StoreError::into_wire)
    }

    async fn received(&self, stored: &StoredUpload) -> Result<u64, WireError> {
        if stored.file.is_some() {
            return Ok(stored.size_bytes);
        }
        self.parts.received(stored.id).await.map_err(disk)
    }
}

fn shown(stored: &StoredUpload, received_bytes: u64) -> Upload {
    Upload {
        id: stored.id,
        size_bytes: stored.size_bytes,
        received_bytes,
        file: stored.file.as_ref().map(|file| file.attachment()),
    }
}

/// A sender that is still sending hears nothing: what is left of its piece is read, within bounds.
async fn drain(mut pieces: impl Stream<Item = Result<Bytes, axum::Error>> + Unpin) {
    let mut left = DRAINED_BYTES;
    let all = async {
        while let Some(Ok(bytes)) = pieces.next().await {
            left = left.saturating_sub(bytes.len());
            if left == 0 {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(DRAIN_TIME, all).await;
}
