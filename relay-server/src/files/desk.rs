//! Where uploads are looked at: a few at a time, so that pictures never take more memory than a relay has.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use parley_shared::limits::{IMAGE_BYTES, IMAGE_PIXELS};
use parley_shared::wire::{AttachmentKind, ErrorCode, UploadPurpose, WireError};
use tokio::sync::Semaphore;

use super::kinds;
use crate::blobs::BlobHash;
use crate::images::{self, Encoded, Picture, Readable, Unreadable};
use crate::store::KeptContent;

/// Pictures are decoded two at a time, and no more than the largest one's millions of pixels in all.
const MEGAPIXELS_AT_ONCE: u32 = (IMAGE_PIXELS / 1_000_000) as u32;
const MEGAPIXELS_LEAST: u32 = MEGAPIXELS_AT_ONCE / 2;
/// Whoever waits longer than this for their turn is told to come again.
const TURN_TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Desk {
    megapixels: Arc<Semaphore>,
}

impl Default for Desk {
    fn default() -> Self {
        Self { megapixels: Arc::new(Semaphore::new(MEGAPIXELS_AT_ONCE as usize)) }
    }
}

/// What an upload is, and what is to be kept of it.
#[derive(Debug)]
pub(super) enum Looked {
    Picture {
        content: (KeptContent, Bytes),
        thumbnail: Option<(KeptContent, Bytes)>,
        kind: AttachmentKind,
    },
    /// The file as it came.
    File {
        content: KeptContent,
        kind: AttachmentKind,
    },
}

impl Desk {
    /// # Errors
    /// `too_large` for a picture over its limits, `unsupported_media_type` for an avatar that is no picture, `unavailable` when too many wait or
    /// the file cannot be read.
    pub async fn look(&self, path: &Path, purpose: UploadPurpose) -> Result<Looked, WireError> {
        let as_file = path.to_owned();
        let read = blocking({
            let path = path.to_owned();
            move || read(&path)
        });
        let picture = match read.await? {
            Ok(readable) => self.decode(readable, purpose).await?,
            Err(Unreadable::TooLarge) => return Err(picture_too_large()),
            Err(Unreadable::NoImage) => None,
        };
        match (picture, purpose) {
            (Some(picture), _) => Ok(looked(picture)),
            (None, UploadPurpose::Attachment) => blocking(move || file(&as_file)).await,
            (None, UploadPurpose::Avatar) => {
                Err(WireError::new(ErrorCode::UnsupportedMediaType, "A picture is a JPEG, PNG or WebP."))
            }
        }
    }

    async fn decode(&self, readable: Readable, purpose: UploadPurpose) -> Result<Option<Picture>, WireError> {
        let megapixels = u32::try_from(readable.pixels() / 1_000_000).unwrap_or(u32::MAX);
        let weight = megapixels.clamp(MEGAPIXELS_LEAST, MEGAPIXELS_AT_ONCE);
        let turn = tokio::time::timeout(TURN_TIMEOUT, self.megapixels.clone().acquire_many_owned(weight)).await;
        let Ok(Ok(turn)) = turn else { return Err(busy()) };
        blocking(move || {
            let _turn = turn;
            Ok(match purpose {
                UploadPurpose::Attachment => readable.into_attachment(),
                UploadPurpose::Avatar => readable.into_avatar(),
            })
        })
        .await
    }
}

async fn blocking<T: Send + 'static>(
    body: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, WireError> {
    let done = tokio::task::spawn_blocking(body).await.map_err(|_| busy())?;
    done.map_err(super::disk)
}

/// Reads no more than a picture may have.
fn read(path: &PathBuf) -> std::io::Result<Result<Readable, Unreadable>> {
    use std::io::Read as _;
    let mut file = std::fs::File::open(path)?;
    let mut bytes = vec![0; images::MAGIC_BYTES];
    let length = file.metadata()?.len();
    bytes.truncate(usize::try_from(length).unwrap_or(usize::MAX));
    file.read_exact(&mut bytes)?;
    if images::Format::of(&bytes).is_none() {
        return Ok(Err(Unreadable::NoImage));
    }
    if length > IMAGE_BYTES {
        return Ok(Err(Unreadable::TooLarge));
    }
    file.read_to_end(&mut bytes)?;
    Ok(images::read(&bytes))
}

fn file(path: &Path) -> std::io::Result<Looked> {
    use std::io::Read as _;
    let mut head = Vec::new();
    let opened = std::fs::File::open(path)?;
    let size_bytes = opened.metadata()?.len();
    opened.take(kinds::HEAD_BYTES as u64).read_to_end(&mut head)?;
    let media_type = kinds::media_type(&head);
    Ok(Looked::File {
        content: KeptContent { hash: BlobHash::of_file(path)?, size_bytes, media_type: media_type.into() },
        kind: AttachmentKind::File { media_type: media_type.into() },
    })
}

fn looked(picture: Picture) -> Looked {
    let Picture { encoded, width_px, height_px, placeholder, thumbnail } = picture;
    let kind = AttachmentKind::Image { width_px, height_px, placeholder: STANDARD.encode(placeholder) };
    Looked::Picture { content: content(encoded), thumbnail: thumbnail.map(content), kind }
}

fn content(encoded: Encoded) -> (KeptContent, Bytes) {
    let kept = KeptContent {
        hash: BlobHash::of(&encoded.bytes),
        size_bytes: encoded.bytes.len() as u64,
        media_type: encoded.format.media_type().into(),
    };
    (kept, encoded.bytes.into())
}

pub(super) fn picture_too_large() -> WireError {
    let (megabytes, megapixels) = (IMAGE_BYTES / (1024 * 1024), IMAGE_PIXELS / 1_000_000);
    WireError::new(ErrorCode::TooLarge, format!("A picture has at most {megabytes} MB and {megapixels} megapixels."))
}

fn busy() -> WireError {
    let sentence = "Too many pictures come in at the moment.";
    WireError { retry_after_s: Some(5), ..WireError::new(ErrorCode::Unavailable, sentence) }
}
