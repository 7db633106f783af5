//! Uploads on their way: one file each, which only grows.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use parley_shared::ids::FileId;
use tokio::io::AsyncWriteExt;

use super::{blocking, private_dir, private_file};

/// A sender that is silent for this long has gone.
const SILENCE: Duration = Duration::from_secs(20);
/// One piece comes within this time.
const PIECE_TIME: Duration = Duration::from_secs(10 * 60);

#[derive(Clone, Debug)]
pub struct Parts {
    dir: PathBuf,
}

/// Why a piece was not taken, or not whole.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The upload stands elsewhere.
    #[error("the upload stands at {0}")]
    Offset(u64),
    /// More came than was to come; nothing of it was kept.
    #[error("more came than was to come")]
    TooMuch,
    /// The sender went away; what had come is kept.
    #[error("the sender went away")]
    Sender,
    #[error("the disk failed: {0}")]
    Disk(#[from] io::Error),
}

impl Parts {
    /// Blocks.
    ///
    /// # Errors
    /// Fails when the directory cannot be made.
    pub fn open(dir: &Path) -> io::Result<Self> {
        private_dir(dir)?;
        Ok(Self { dir: dir.to_owned() })
    }

    pub fn path(&self, id: FileId) -> PathBuf {
        self.dir.join(id.to_string())
    }

    /// How much has come.
    ///
    /// # Errors
    /// Fails when the directory cannot be read.
    pub async fn received(&self, id: FileId) -> io::Result<u64> {
        match tokio::fs::metadata(self.path(id)).await {
            Ok(found) => Ok(found.len()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// Appends what comes, at most `room` bytes, to an upload that stands at `offset`. On disk when it returns. One caller at a time for each
    /// upload; must run to its end: a write that nobody waits for could follow the next piece.
    ///
    /// # Errors
    /// See [`Broken`].
    pub async fn receive(
        &self,
        id: FileId,
        offset: u64,
        room: u64,
        pieces: impl Stream<Item = Result<Bytes, axum::Error>> + Send,
    ) -> Result<u64, Broken> {
        let path = self.path(id);
        let file = blocking(move || private_file().append(true).open(path)).await?;
        let mut file = tokio::fs::File::from_std(file);
        let stands = file.metadata().await?.len();
        if stands != offset {
            return Err(Broken::Offset(stands));
        }
        let mut pieces = std::pin::pin!(pieces);
        let mut written = 0;
        let end = tokio::time::Instant::now() + PIECE_TIME;
        let result = loop {
            let next = tokio::time::timeout_at(end.min(tokio::time::Instant::now() + SILENCE), pieces.next()).await;
            let bytes = match next {
                Ok(Some(Ok(bytes))) => bytes,
                Ok(None) => break Ok(offset + written),
                Ok(Some(Err(_))) | Err(_) => break Err(Broken::Sender),
            };
            written += bytes.len() as u64;
            if written > room {
                break Err(Broken::TooMuch);
            }
            if let Err(error) = file.write_all(&bytes).await {
                break Err(Broken::Disk(error));
            }
        };
        let flushed = file.flush().await.map_err(Broken::Disk);
        let result = flushed.and(result);
        match result {
            // A sender that breaks off may still send the rest; of the others nothing is kept.
            Ok(_) | Err(Broken::Sender | Broken::Offset(_)) => {}
            Err(Broken::TooMuch | Broken::Disk(_)) => file.set_len(offset).await?,
        }
        file.sync_data().await?;
        result
    }

    /// The first bytes, as many as there are, at most `count`.
    ///
    /// # Errors
    /// Fails when the file cannot be read.
    pub async fn head(&self, id: FileId, count: usize) -> io::Result<Vec<u8>> {
        let path = self.path(id);
        blocking(move || {
            use io::Read as _;
            let mut head = Vec::new();
            std::fs::File::open(path)?.take(count as u64).read_to_end(&mut head)?;
            Ok(head)
        })
        .await
    }

    /// # Errors
    /// Fails when the file cannot be removed; that there is none is no error.
    pub async fn remove(&self, id: FileId) -> io::Result<()> {
        match tokio::fs::remove_file(self.path(id)).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Every upload that has a file here.
    ///
    /// # Errors
    /// Fails when the directory cannot be read.
    pub async fn all(&self) -> io::Result<BTreeSet<FileId>> {
        let dir = self.dir.clone();
        blocking(move || {
            let mut ids = BTreeSet::new();
            for entry in std::fs::read_dir(dir)? {
                ids.extend(entry?.file_name().to_str().and_then(|name| name.parse::<FileId>().ok()));
            }
            Ok(ids)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    const ID: FileId = FileId::from_bytes([1; 16]);

    fn pieces(pieces: &[Option<&'static [u8]>]) -> impl Stream<Item = Result<Bytes, axum::Error>> + Send + use<> {
        let pieces: Vec<_> = pieces
            .iter()
            .map(|piece| piece.map(Bytes::from_static).ok_or_else(|| axum::Error::new(io::Error::other("gone"))))
            .collect();
        stream::iter(pieces)
    }

    #[tokio::test]
    async fn what_came_before_the_sender_broke_off_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let parts = Parts::open(dir.path()).unwrap();
        assert_eq!(parts.received(ID).await.unwrap(), 0);
        let broken = parts.receive(ID, 0, 10, pieces(&[Some(b"abc"), None])).await;
        assert!(matches!(broken, Err(Broken::Sender)));
        let again = Parts::open(dir.path()).unwrap();
        assert_eq!(again.received(ID).await.unwrap(), 3);
        assert_eq!(again.receive(ID, 3, 10, pieces(&[Some(b"de")])).await.unwrap(), 5);
        assert_eq!(std::fs::read(again.path(ID)).unwrap(), b"abcde");
        assert_eq!(again.all().await.unwrap(), BTreeSet::from([ID]));
        assert_eq!(again.head(ID, 2).await.unwrap(), b"ab");
    }

    #[tokio::test]
    async fn nothing_is_kept_of_too_much_or_of_a_wrong_offset() {
        let dir = tempfile::tempdir().unwrap();
        let parts = Parts::open(dir.path()).unwrap();
        parts.receive(ID, 0, 10, pieces(&[Some(b"abc")])).await.unwrap();
        assert!(matches!(parts.receive(ID, 2, 10, pieces(&[Some(b"x")])).await, Err(Broken::Offset(3))));
        let much = parts.receive(ID, 3, 4, pieces(&[Some(b"def"), Some(b"gh")])).await;
        assert!(matches!(much, Err(Broken::TooMuch)));
        assert_eq!(std::fs::read(parts.path(ID)).unwrap(), b"abc");
    }
}
