//! Files that can be had again: kept until the room they take is wanted for others, what was not used for longest first.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;
use std::{fs, io};

use super::store::remove;
use crate::store::make_private_dir;

#[derive(Debug)]
pub struct Cache {
    dir: PathBuf,
    max_bytes: u64,
    files: Mutex<BTreeMap<String, Kept>>,
}

#[derive(Clone, Copy, Debug)]
struct Kept {
    bytes: u64,
    used_at: SystemTime,
}

impl Cache {
    /// Finds out what is there; what was left half written goes.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn open(dir: PathBuf, max_bytes: u64) -> io::Result<Self> {
        make_private_dir(&dir)?;
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(&dir)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let meta = entry.metadata()?;
            if name.ends_with(".new") {
                remove(&entry.path());
            } else {
                // The time of the last change stands for the last use: the time of reading is off on most systems.
                files.insert(name, Kept { bytes: meta.len(), used_at: meta.modified()? });
            }
        }
        let cache = Self { dir, max_bytes, files: Mutex::new(files) };
        cache.make_room(&mut cache.lock());
        Ok(cache)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// A file was written.
    pub fn insert(&self, name: &str, bytes: u64) {
        let mut files = self.lock();
        files.insert(name.to_owned(), Kept { bytes, used_at: SystemTime::now() });
        self.make_room(&mut files);
    }

    /// A file was used.
    pub fn touch(&self, name: &str) {
        let now = SystemTime::now();
        if let Some(kept) = self.lock().get_mut(name) {
            kept.used_at = now;
            // Only the order after a restart depends on it.
            let _ = fs::File::options().write(true).open(self.path(name)).and_then(|file| file.set_modified(now));
        }
    }

    pub fn remove(&self, name: &str) {
        self.lock().remove(name);
        remove(&self.path(name));
    }

    pub fn wipe(&self) {
        for (name, _) in std::mem::take(&mut *self.lock()) {
            remove(&self.path(&name));
        }
    }

    pub fn bytes(&self) -> u64 {
        self.lock().values().map(|kept| kept.bytes).sum()
    }

    fn make_room(&self, files: &mut BTreeMap<String, Kept>) {
        let mut total: u64 = files.values().map(|kept| kept.bytes).sum();
        while total > self.max_bytes {
            let Some(oldest) = files.iter().min_by_key(|(_, kept)| kept.used_at).map(|(name, _)| name.clone()) else {
                return;
            };
            total -= files.remove(&oldest).map_or(0, |kept| kept.bytes);
            remove(&self.path(&oldest));
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Kept>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
