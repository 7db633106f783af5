//! A folder that is removed when dropped.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

/// A private folder (mode 700) with a short path, because Unix sockets live in it. Removed with all it holds when dropped.
#[derive(Debug)]
pub struct TempFolder {
    path: PathBuf,
}

impl TempFolder {
    /// # Errors
    /// When the system's folder for temporary files cannot be written to.
    pub fn new(name: &str) -> io::Result<Self> {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().subsec_nanos();
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("{name}-{}-{number}-{nanos:x}", std::process::id()));
        fs::create_dir(&path)?;
        #[cfg(unix)]
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
        Ok(Self { path })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }

    /// Makes a folder inside and returns its path.
    ///
    /// # Errors
    /// As [`fs::create_dir_all`].
    pub fn make(&self, name: impl AsRef<Path>) -> io::Result<PathBuf> {
        let path = self.join(name);
        fs::create_dir_all(&path)?;
        Ok(path)
    }

    /// Writes a file inside and returns its path.
    ///
    /// # Errors
    /// As [`fs::write`].
    pub fn write(&self, name: impl AsRef<Path>, text: &str) -> io::Result<PathBuf> {
        let path = self.join(name);
        fs::write(&path, text)?;
        Ok(path)
    }
}

impl Drop for TempFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}
