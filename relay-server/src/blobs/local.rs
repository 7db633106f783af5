//! Blobs in a directory of this machine.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;

use super::{BlobHash, Blobs, Content, blocking, private_dir, private_file};

/// What is read from disk at once.
const PIECE_BYTES: u64 = 64 * 1024;

#[derive(Clone, Debug)]
pub struct LocalBlobs {
    dir: PathBuf,
    next_part: Arc<AtomicU64>,
}

impl LocalBlobs {
    /// Makes the directory when it is not there, and clears what a crash left half written. Blocks.
    ///
    /// # Errors
    /// Fails when the directory cannot be made or read.
    pub fn open(dir: &Path) -> io::Result<Self> {
        let parts = dir.join(PARTS);
        private_dir(&parts)?;
        for entry in fs::read_dir(&parts)? {
            fs::remove_file(entry?.path())?;
        }
        Ok(Self { dir: dir.to_owned(), next_part: Arc::default() })
    }

    fn place(&self, hash: BlobHash) -> PathBuf {
        let name = hash.to_string();
        let (folder, rest) = name.split_at(2);
        self.dir.join(folder).join(rest)
    }

    /// Puts a blob where it belongs, out of a part that `make` makes. What is there already is made anew: were it faster, whoever sends
    /// something would learn whether somebody else has sent the same.
    fn put_part(&self, hash: BlobHash, length: u64, make: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
        let place = self.place(hash);
        let folder = place.parent().expect("a blob's place has a folder");
        private_dir(folder)?;
        let part = self.dir.join(PARTS).join(self.next_part.fetch_add(1, Ordering::Relaxed).to_string());
        let put = make(&part).and_then(|()| match fs::rename(&part, &place) {
            // Some systems do not replace what is being read.
            Err(_) if is_whole(&place, length) => Ok(()),
            renamed => renamed,
        });
        // It is still there after a failure, and when both were the same file.
        let _ = fs::remove_file(&part);
        put?;
        sync_dir(folder)
    }
}

fn write_part(part: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let mut file = private_file().write(true).truncate(true).open(part)?;
    write(&mut file)?;
    file.sync_all()
}

const PARTS: &str = "part";

fn is_whole(place: &Path, length: u64) -> bool {
    fs::metadata(place).is_ok_and(|found| found.is_file() && found.len() == length)
}

/// A renamed file is sure to be found after a crash once its folder is on disk.
fn sync_dir(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        File::open(folder)?.sync_all()?;
        if let Some(above) = folder.parent() {
            File::open(above)?.sync_all()?;
        }
    }
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

#[async_trait]
impl Blobs for LocalBlobs {
    async fn put(&self, hash: BlobHash, bytes: Bytes) -> io::Result<()> {
        let blobs = self.clone();
        blocking(move || {
            blobs.put_part(hash, bytes.len() as u64, |part| write_part(part, |file| file.write_all(&bytes)))
        })
        .await
    }

    /// Links where the file system can, which costs nothing, and copies elsewhere.
    async fn put_file(&self, hash: BlobHash, path: &Path) -> io::Result<()> {
        let (blobs, path) = (self.clone(), path.to_owned());
        blocking(move || {
            blobs.put_part(hash, fs::metadata(&path)?.len(), |part| match fs::hard_link(&path, part) {
                Ok(()) => Ok(()),
                Err(_) => write_part(part, |file| io::copy(&mut File::open(&path)?, file).map(drop)),
            })
        })
        .await
    }

    async fn read(&self, hash: BlobHash, range: Range<u64>) -> io::Result<Content> {
        let place = self.place(hash);
        let file = blocking(move || {
            let mut file = File::open(place)?;
            file.seek(SeekFrom::Start(range.start))?;
            Ok(file.take(range.end.saturating_sub(range.start)))
        })
        .await?;
        let pieces = stream::try_unfold(file, |mut file| async move {
            if file.limit() == 0 {
                return Ok(None);
            }
            let next = blocking(move || {
                let mut piece = vec![0; file.limit().min(PIECE_BYTES) as usize];
                file.read_exact(&mut piece)?;
                Ok((Bytes::from(piece), file))
            });
            next.await.map(Some)
        });
        Ok(Box::pin(pieces))
    }

    async fn remove(&self, hash: BlobHash) -> io::Result<()> {
        let place = self.place(hash);
        blocking(move || match fs::remove_file(place) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt;

    use super::*;

    async fn content(blobs: &LocalBlobs, hash: BlobHash, range: Range<u64>) -> io::Result<Vec<u8>> {
        let pieces: Vec<Bytes> = blobs.read(hash, range).await?.try_collect().await?;
        Ok(pieces.concat())
    }

    #[tokio::test]
    async fn the_same_content_is_kept_once_and_read_by_ranges() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = LocalBlobs::open(dir.path()).unwrap();
        let bytes: Vec<u8> = (0..200_000u32).map(|n| n as u8).collect();
        let hash = BlobHash::of(&bytes);
        blobs.put(hash, bytes.clone().into()).await.unwrap();
        let file = dir.path().join("upload");
        fs::write(&file, &bytes).unwrap();
        assert_eq!(BlobHash::of_file(&file).unwrap(), hash);
        blobs.put_file(hash, &file).await.unwrap();
        assert_eq!(content(&blobs, hash, 0..200_000).await.unwrap(), bytes);
        assert_eq!(content(&blobs, hash, 65_530..65_545).await.unwrap(), bytes[65_530..65_545]);
        let folder = dir.path().join(&hash.to_string()[..2]);
        assert_eq!(fs::read_dir(folder).unwrap().count(), 1);
        assert_eq!(fs::read_dir(dir.path().join(PARTS)).unwrap().count(), 0);
        fs::remove_file(&file).unwrap();
        assert_eq!(content(&blobs, hash, 0..3).await.unwrap(), bytes[..3], "the blob is no part of the upload");
        blobs.remove(hash).await.unwrap();
        blobs.remove(hash).await.unwrap();
        assert!(content(&blobs, hash, 0..1).await.is_err());
    }

    #[tokio::test]
    async fn half_a_blob_is_made_whole_and_half_written_parts_are_cleared() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = LocalBlobs::open(dir.path()).unwrap();
        let hash = BlobHash::of(b"content");
        private_dir(blobs.place(hash).parent().unwrap()).unwrap();
        fs::write(blobs.place(hash), b"con").unwrap();
        blobs.put(hash, Bytes::from_static(b"content")).await.unwrap();
        assert_eq!(content(&blobs, hash, 0..7).await.unwrap(), b"content");
        fs::write(dir.path().join(PARTS).join("7"), b"half").unwrap();
        LocalBlobs::open(dir.path()).unwrap();
        assert_eq!(fs::read_dir(dir.path().join(PARTS)).unwrap().count(), 0);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn nobody_else_reads_blobs() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let blobs = LocalBlobs::open(&dir.path().join("blobs")).unwrap();
        let hash = BlobHash::of(b"secret");
        blobs.put(hash, Bytes::from_static(b"secret")).await.unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&blobs.place(hash)), mode(blobs.place(hash).parent().unwrap())), (0o600, 0o700));
    }
}
