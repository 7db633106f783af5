//! The bytes of files, by the SHA-256 of what they are: the same content is kept once.
//!
//! ```text
//! <data-dir>/uploads/<file id>     what has come of an upload; its length is the truth of how much
//! <data-dir>/blobs/ab/cdef...      whole content, never changed
//! <data-dir>/blobs/part/...        being written; dead after a crash
//! ```
//! A blob appears whole or not at all. Who refers to it only the store knows: see [`crate::files`] for when one is removed.

mod local;
mod parts;

use std::fmt;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::pin::Pin;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::Stream;
use sha2::{Digest, Sha256};

pub use local::LocalBlobs;
pub use parts::{Broken, Parts};

/// The SHA-256 of a content.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobHash(pub [u8; 32]);

impl BlobHash {
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Reads a file to its end. Blocks.
    ///
    /// # Errors
    /// Fails when the file cannot be read.
    pub fn of_file(path: &Path) -> io::Result<Self> {
        let mut hasher = Sha256::new();
        io::copy(&mut std::fs::File::open(path)?, &mut hasher)?;
        Ok(Self(hasher.finalize().into()))
    }
}

/// Sixty-four hexadecimal digits.
impl fmt::Display for BlobHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for BlobHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlobHash({self})")
    }
}

/// Content as it comes, in pieces.
pub type Content = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// Where blobs are kept.
#[async_trait]
pub trait Blobs: Send + Sync + 'static {
    /// Keeps some bytes. On disk when it returns; again what is there changes nothing.
    async fn put(&self, hash: BlobHash, bytes: Bytes) -> io::Result<()>;
    /// Keeps the content of a file that is whole and on disk. The file stays where it is.
    async fn put_file(&self, hash: BlobHash, path: &Path) -> io::Result<()>;
    /// The bytes of a range that is within the content.
    async fn read(&self, hash: BlobHash, range: Range<u64>) -> io::Result<Content>;
    /// Removing what is not there is no error.
    async fn remove(&self, hash: BlobHash) -> io::Result<()>;
}

impl fmt::Debug for dyn Blobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Blobs")
    }
}

/// A directory that concerns nobody else on the machine.
fn private_dir(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// How a file is made that only its owner reads.
fn private_file() -> std::fs::OpenOptions {
    let mut options = std::fs::OpenOptions::new();
    options.create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Runs what blocks on a thread for that.
async fn blocking<T: Send + 'static>(body: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(body).await.map_err(|_| io::Error::other("a blocking job panicked"))?
}
