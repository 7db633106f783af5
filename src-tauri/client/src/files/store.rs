//! An account's files on the disk, each sealed: those that wait to be sent, and a cache of those that were seen.
//!
//! ```text
//! files/key               sealed with the account's key: when it does not open, nothing else would
//!       drafts/draft-…    what waits to be sent, and draft-….thumb
//!       cache/<file id>   what was downloaded, and <file id>.thumb
//! ```
//! Everything here blocks.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use parley_shared::ids::FileId;
use parley_shared::limits::{ATTACHMENTS_PER_MESSAGE, FILE_BYTES};
use parley_shared::view::DraftFile;
use parley_shared::wire::AttachmentKind;
use rand::Rng;

use super::cache::Cache;
use super::name::{FileRef, clean_name};
use super::picture::{self, PictureError};
use super::sealed::{FileKey, SealedReader, SealedWriter};
use super::whole::write_whole;
use crate::store::make_private_dir;

/// Files that may wait at once: a day's sending without a network, and a few messages that are being written.
const DRAFTS: usize = 20 * ATTACHMENTS_PER_MESSAGE;
/// What they may take together.
const DRAFTS_BYTES: u64 = 1024 * 1024 * 1024;
const CHECK: &str = "key";

/// Which form of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Variant {
    Full,
    /// Of a picture.
    Thumbnail,
}

#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    #[error("This file is empty.")]
    Empty,
    #[error("A file has at most 25 MB.")]
    TooManyBytes,
    #[error("{0}")]
    Picture(#[from] PictureError),
    #[error("Too many files wait to be sent.")]
    Full,
    #[error("The disk refused the file.")]
    Io(#[from] io::Error),
}

/// The files of one account. One process at a time.
#[derive(Debug)]
pub struct FileStore {
    drafts: PathBuf,
    /// Names below `drafts` at the start: what was handed over since is never swept.
    found: Mutex<Vec<String>>,
    cache: Cache,
    key: FileKey,
}

impl FileStore {
    /// Opens or makes the store; `cache_bytes` is what the cache may take. Files that another key sealed are removed.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn open(dir: &Path, key: FileKey, cache_bytes: u64) -> io::Result<Self> {
        let check = dir.join(CHECK);
        let opens = SealedReader::open(&check, CHECK, &key).and_then(|mut reader| reader.read_all(64)).is_ok();
        if !opens && dir.exists() {
            fs::remove_dir_all(dir)?;
        }
        let drafts = dir.join("drafts");
        make_private_dir(&drafts)?;
        let cache = Cache::open(dir.join("cache"), cache_bytes)?;
        if !opens {
            let mut writer = SealedWriter::create(&check, CHECK, &key)?;
            writer.write(b"parley")?;
            writer.finish(true)?;
        }
        let found = names(&drafts)?;
        Ok(Self { drafts, found: Mutex::new(found), cache, key })
    }

    /// Keeps a file that is to be sent, and looks what it is. Takes up to a second and 200 MB.
    ///
    /// # Errors
    /// It is over a limit, too much waits, or the disk refuses.
    pub fn add_draft(&self, name: &str, bytes: &[u8]) -> Result<DraftFile, DraftError> {
        if bytes.is_empty() {
            return Err(DraftError::Empty);
        }
        if bytes.len() as u64 > FILE_BYTES {
            return Err(DraftError::TooManyBytes);
        }
        let (count, total) = self.drafts_usage()?;
        if count >= DRAFTS || total + bytes.len() as u64 > DRAFTS_BYTES {
            return Err(DraftError::Full);
        }
        let picture = picture::look(bytes)?;
        let key = FileRef::new_draft(rand::rng().random());
        self.write(&self.drafts.join(&key), &key, bytes)?;
        let kind = match picture {
            Some(picture) => {
                let name = thumb(&key);
                self.write(&self.drafts.join(&name), &name, &picture.thumbnail)?;
                picture.kind
            }
            None => AttachmentKind::File { media_type: "application/octet-stream".to_owned() },
        };
        Ok(DraftFile { key, name: clean_name(name), size_bytes: bytes.len() as u64, kind })
    }

    /// A file that waits to be sent, for reading in pieces.
    ///
    /// # Errors
    /// It is not here, or damaged.
    pub fn open_draft(&self, key: &str) -> io::Result<SealedReader> {
        SealedReader::open(&self.drafts.join(key), key, &self.key)
    }

    pub fn remove_draft(&self, key: &str) {
        remove(&self.drafts.join(key));
        remove(&self.drafts.join(thumb(key)));
    }

    /// Removes what an earlier run left for no message, and what it left half written.
    pub fn keep_drafts(&self, keep: &BTreeSet<String>) {
        let found = std::mem::take(&mut *self.found.lock().unwrap_or_else(PoisonError::into_inner));
        for name in found {
            if !keep.contains(name.strip_suffix(".thumb").unwrap_or(&name)) {
                remove(&self.drafts.join(name));
            }
        }
    }

    /// Whether a file can be read without the relay.
    pub fn has(&self, file: &FileRef, variant: Variant) -> bool {
        let (path, _) = self.place(file, variant);
        path.exists()
    }

    /// Opens a file for reading; in the cache it counts as used.
    ///
    /// # Errors
    /// It is not here, or damaged; what is damaged is removed.
    pub fn open_file(&self, file: &FileRef, variant: Variant) -> io::Result<SealedReader> {
        let (path, name) = self.place(file, variant);
        let opened = SealedReader::open(&path, &name, &self.key);
        match (&opened, file) {
            (Ok(_), FileRef::Stored(_)) => self.cache.touch(&name),
            (Err(error), FileRef::Stored(_)) if error.kind() == io::ErrorKind::InvalidData => self.cache.remove(&name),
            (Ok(_) | Err(_), FileRef::Draft(_) | FileRef::Stored(_)) => {}
        }
        opened
    }

    /// Everything of a file.
    ///
    /// # Errors
    /// As [`Self::open_file`], or it has more than `limit` bytes.
    pub fn read(&self, file: &FileRef, variant: Variant, limit: u64) -> io::Result<Vec<u8>> {
        let read = self.open_file(file, variant)?.read_all(limit);
        if let (Err(error), FileRef::Stored(id)) = (&read, file)
            && error.kind() == io::ErrorKind::InvalidData
        {
            self.cache.remove(&cache_name(*id, variant));
        }
        read
    }

    /// Begins a file of the cache.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn cache_writer(&self, id: FileId, variant: Variant) -> io::Result<SealedWriter> {
        let name = cache_name(id, variant);
        SealedWriter::create(&self.cache.path(&name), &name, &self.key)
    }

    /// Ends a file of the cache; what was not used for longest makes room for it.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn cache_finish(&self, id: FileId, variant: Variant, writer: SealedWriter) -> io::Result<()> {
        let bytes = writer.finish(false)?;
        self.cache.insert(&cache_name(id, variant), bytes);
        Ok(())
    }

    /// Copies a file that was sent, and its thumbnail, under the name that the relay gave it: nobody downloads what they uploaded.
    ///
    /// # Errors
    /// The draft is not here, or the disk refuses.
    pub fn adopt(&self, key: &str, id: FileId) -> io::Result<()> {
        for variant in [Variant::Thumbnail, Variant::Full] {
            let draft = FileRef::Draft(key.to_owned());
            if !self.has(&draft, variant) {
                continue;
            }
            let mut writer = self.cache_writer(id, variant)?;
            self.open_file(&draft, variant)?.copy_to(&mut |part| writer.write(part))?;
            self.cache_finish(id, variant, writer)?;
        }
        Ok(())
    }

    /// Writes a file's plain bytes to where the person wants it, whole or not at all.
    ///
    /// # Errors
    /// As [`Self::open_file`], or the other place refuses.
    pub fn save_as(&self, file: &FileRef, path: &Path) -> io::Result<()> {
        let mut reader = self.open_file(file, Variant::Full)?;
        write_whole(path, |path| fs::File::create_new(path), |out| reader.copy_to(&mut |part| out.write_all(part)))
    }

    /// What the cache takes on the disk, in bytes.
    pub fn cache_bytes(&self) -> u64 {
        self.cache.bytes()
    }

    /// Removes everything that the relay has too.
    pub fn wipe_cache(&self) {
        self.cache.wipe();
    }

    fn write(&self, path: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut writer = SealedWriter::create(path, name, &self.key)?;
        writer.write(bytes)?;
        writer.finish(true)?;
        Ok(())
    }

    fn place(&self, file: &FileRef, variant: Variant) -> (PathBuf, String) {
        match file {
            FileRef::Draft(key) => {
                let name = match variant {
                    Variant::Full => key.clone(),
                    Variant::Thumbnail => thumb(key),
                };
                (self.drafts.join(&name), name)
            }
            FileRef::Stored(id) => {
                let name = cache_name(*id, variant);
                (self.cache.path(&name), name)
            }
        }
    }

    fn drafts_usage(&self) -> io::Result<(usize, u64)> {
        let mut usage = (0, 0);
        for entry in fs::read_dir(&self.drafts)? {
            let entry = entry?;
            usage.0 += usize::from(entry.path().extension().is_none());
            usage.1 += entry.metadata()?.len();
        }
        Ok(usage)
    }
}

fn names(dir: &Path) -> io::Result<Vec<String>> {
    fs::read_dir(dir)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

fn cache_name(id: FileId, variant: Variant) -> String {
    match variant {
        Variant::Full => id.to_string(),
        Variant::Thumbnail => thumb(&id.to_string()),
    }
}

fn thumb(name: &str) -> String {
    format!("{name}.thumb")
}

pub(super) fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(%error, "a file cannot be removed");
    }
}
