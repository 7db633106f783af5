//! Carries one file to the relay, piece by piece; what was sent before a connection broke is not sent again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use parley_shared::ids::FileId;
use parley_shared::limits::UPLOAD_CHUNK_BYTES;
use parley_shared::view::DraftFile;
use parley_shared::wire::{Attachment, CreateUpload, ErrorCode, Upload, UploadPurpose};
use tokio::sync::mpsc;

use super::store::FileStore;
use crate::api::Api;
use crate::core::{CallFailure, Input, UploadEvent, UploadFailure, UploadId};

/// Between two tellings of the progress: a bar that moves ten times a second is fluent.
const TELL_EVERY: Duration = Duration::from_millis(100);
/// Answers in a row that do not get further: something between here and the relay eats the pieces.
const STUCK: u32 = 3;

/// One upload.
#[derive(Debug)]
pub(super) struct UploadWork {
    pub upload: UploadId,
    pub file: DraftFile,
    pub purpose: UploadPurpose,
    pub known: Option<FileId>,
    pub store: Arc<FileStore>,
    pub answers: mpsc::Sender<Input>,
}

impl UploadWork {
    /// Sends all of it and tells what came of it.
    pub async fn run(self, api: Option<Api>) {
        let outcome = match api {
            Some(api) => self.carry(&api).await,
            None => Err(UploadFailure::Relay(CallFailure::Offline)),
        };
        let event = match outcome {
            Ok(attachment) => UploadEvent::Done(attachment),
            Err(failure) => UploadEvent::Failed(failure),
        };
        self.tell(event).await;
    }

    async fn carry(&self, api: &Api) -> Result<Attachment, UploadFailure> {
        let mut at = self.begin(api).await?;
        let mut stuck = 0;
        loop {
            if let Some(file) = at.file {
                return Ok(file);
            }
            if at.size_bytes != self.file.size_bytes || at.received_bytes > at.size_bytes || stuck >= STUCK {
                return Err(UploadFailure::Relay(CallFailure::Garbled));
            }
            let (offset, piece) = (at.received_bytes, self.piece(at.received_bytes).await?);
            let progress = self.progress(offset);
            at = match api.send_piece(at.id, offset, piece, progress).await {
                Ok(next) => next,
                // It stands elsewhere than was thought: an answer was lost.
                Err(CallFailure::Refused(error)) if error.code == ErrorCode::Conflict => {
                    api.upload(at.id).await.map_err(UploadFailure::Relay)?
                }
                Err(failure) => return Err(UploadFailure::Relay(failure)),
            };
            stuck = if at.received_bytes > offset { 0 } else { stuck + 1 };
        }
    }

    async fn begin(&self, api: &Api) -> Result<Upload, UploadFailure> {
        if let Some(id) = self.known {
            return api.upload(id).await.map_err(UploadFailure::Relay);
        }
        let body =
            CreateUpload { name: self.file.name.clone(), size_bytes: self.file.size_bytes, purpose: self.purpose };
        let upload = api.create_upload(&body).await.map_err(UploadFailure::Relay)?;
        self.tell(UploadEvent::Created(upload.id)).await;
        Ok(upload)
    }

    async fn piece(&self, offset: u64) -> Result<Bytes, UploadFailure> {
        let (store, key) = (self.store.clone(), self.file.key.clone());
        let read = move || {
            let mut reader = store.open_draft(&key)?;
            reader.read_at(offset, UPLOAD_CHUNK_BYTES)
        };
        match tokio::task::spawn_blocking(read).await {
            Ok(Ok(bytes)) => Ok(bytes.into()),
            Ok(Err(error)) => {
                tracing::warn!(%error, "a file that is to be sent cannot be read");
                Err(UploadFailure::Unreadable)
            }
            Err(_) => Err(UploadFailure::Unreadable),
        }
    }

    /// Tells what has left, not too often; what finds no place in the queue is told by the next one.
    fn progress(&self, offset: u64) -> impl Fn(u64) + Clone + Send + Sync + 'static {
        let (upload, answers) = (self.upload, self.answers.clone());
        let told_at = Arc::new(Mutex::new(None::<Instant>));
        move |bytes| {
            let mut told_at = told_at.lock().unwrap_or_else(PoisonError::into_inner);
            if told_at.is_none_or(|at| at.elapsed() >= TELL_EVERY) {
                *told_at = Some(Instant::now());
                let _ = answers.try_send(Input::Upload(upload, UploadEvent::Sent { bytes: offset + bytes }));
            }
        }
    }

    async fn tell(&self, event: UploadEvent) {
        // The driver is gone only when the client ends.
        let _ = self.answers.send(Input::Upload(self.upload, event)).await;
    }
}
