//! Files as the store knows them: whose they are, what shows them, and which blobs they are made of.
//!
//! ```text
//! Receiving --complete--> Complete --a message, a person or a room shows it--> Used --that goes--> removed
//!     `-- given up, or older than UPLOAD_LIFE --^--> removed
//! ```

use parley_shared::ids::{FileId, UnixMs, UserId};
use parley_shared::wire::{Attachment, AttachmentKind, UploadPurpose};

use super::Answer;
use crate::blobs::BlobHash;

#[derive(Clone, Debug)]
pub struct NewUpload {
    pub id: FileId,
    pub owner: UserId,
    pub purpose: UploadPurpose,
    pub name: String,
    pub size_bytes: u64,
    /// What the owner may keep in all, in bytes.
    pub storage_bytes: u64,
    /// Uploads of the owner that nothing shows.
    pub uploads: u32,
    pub at: UnixMs,
}

/// An upload of the one who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredUpload {
    pub id: FileId,
    pub purpose: UploadPurpose,
    pub name: String,
    pub size_bytes: u64,
    /// Set once it is complete.
    pub file: Option<StoredFile>,
    /// A message, a person or a room shows it.
    pub used: bool,
}

/// What is kept of an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    pub content: KeptContent,
    /// None for what has no thumbnail, or is its own.
    pub thumbnail: Option<KeptContent>,
    pub kind: AttachmentKind,
}

/// A blob and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptContent {
    pub hash: BlobHash,
    pub size_bytes: u64,
    pub media_type: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredFile {
    pub id: FileId,
    pub name: String,
    pub kept: Kept,
}

impl StoredFile {
    pub fn attachment(&self) -> Attachment {
        Attachment {
            id: self.id,
            name: self.name.clone(),
            size_bytes: self.kept.content.size_bytes,
            kind: self.kept.kind.clone(),
        }
    }
}

/// The part of the store that knows files. What is not the asker's, or shown to them, is `not_found`.
pub trait FileStore: Send + Sync + 'static {
    /// `rate_limited` for too many uploads that nothing shows, `too_large` when it does not fit what the owner may keep.
    fn create_upload(&self, new: NewUpload) -> Answer<()>;
    fn upload(&self, asker: UserId, id: FileId) -> Answer<StoredUpload>;
    /// Something more came: its life begins anew.
    fn touch_upload(&self, asker: UserId, id: FileId, at: UnixMs) -> Answer<()>;
    /// Refuses what is complete.
    fn complete_upload(&self, asker: UserId, id: FileId, kept: Kept, at: UnixMs) -> Answer<StoredUpload>;
    /// `conflict` for what something shows.
    fn remove_upload(&self, asker: UserId, id: FileId) -> Answer<()>;
    /// Those of `ids` that are no uploads under way.
    fn dead_uploads(&self, ids: Vec<FileId>) -> Answer<Vec<FileId>>;
    /// A complete file that the asker may see: of a message in a room of theirs, of a person or room that they see, or their own
    /// upload.
    fn file(&self, asker: UserId, id: FileId) -> Answer<StoredFile>;

    /// Notes blobs that are about to be made: should no file come to refer to them, they are found by [`FileStore::unused_blobs`].
    fn doubt_blobs(&self, hashes: Vec<BlobHash>) -> Answer<()>;
    /// Doubtful blobs that no file refers to, some at a time. Forgets those that are referred to.
    fn unused_blobs(&self) -> Answer<Vec<BlobHash>>;
    /// They were removed.
    fn forget_blobs(&self, hashes: Vec<BlobHash>) -> Answer<()>;
}
