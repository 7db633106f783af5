//! Files that are there whole or not at all, and files for their owner only.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

use rand::Rng;

/// Writes a file where the person wants it: beside `path` first, so that what was there stays until all is on the disk. `open` makes
/// the file ([`File::create_new`] or [`private_file`]), `fill` writes it.
///
/// # Errors
/// What `open`, `fill` or the disk gave; nothing is left of it then.
pub(crate) fn write_whole(
    path: &Path,
    open: fn(&Path) -> io::Result<File>,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    let unique: u32 = rand::rng().random();
    let beside = path.with_file_name(format!(".parley-{unique:08x}.part"));
    let written = open(&beside).and_then(|mut file| {
        fill(&mut file)?;
        file.sync_all()
    });
    let done = written.and_then(|()| fs::rename(&beside, path));
    if done.is_err() {
        // What was never made need not go.
        let _ = fs::remove_file(&beside);
    }
    done
}

/// Makes a file that only its owner reads, where the system knows such a thing.
///
/// # Errors
/// There is one already, or the disk refuses.
pub(crate) fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
