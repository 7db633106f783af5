//! A file that is written beside its target and takes its place when it is whole.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::core::ExportFailure;
use crate::files::{private_file, write_whole};

/// Gathered before it goes to the thread that writes.
const PIECE: usize = 64 * 1024;
/// Pieces that wait for the disk: a megabyte.
const WAITING: usize = 16;

/// Takes bytes, and waits while the disk is behind.
#[derive(Debug)]
pub(super) struct Out {
    pieces: mpsc::Sender<Piece>,
    gathered: Vec<u8>,
    writing: JoinHandle<io::Result<()>>,
}

#[derive(Debug)]
enum Piece {
    Bytes(Bytes),
    /// The file is whole. One that ends without it is removed.
    End,
}

impl Out {
    /// Nothing fails here: a place that takes no file is told at the next call.
    pub fn create(path: PathBuf) -> Self {
        let (pieces, inbox) = mpsc::channel(WAITING);
        let writing = tokio::task::spawn_blocking(move || write(&path, inbox));
        Self { pieces, gathered: Vec::with_capacity(PIECE), writing }
    }

    /// # Errors
    /// `Disk`: the place does not take it.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), ExportFailure> {
        self.gathered.extend_from_slice(bytes);
        if self.gathered.len() >= PIECE { self.hand_over().await } else { Ok(()) }
    }

    async fn hand_over(&mut self) -> Result<(), ExportFailure> {
        let piece = Bytes::from(std::mem::replace(&mut self.gathered, Vec::with_capacity(PIECE)));
        self.pieces.send(Piece::Bytes(piece)).await.map_err(|_| ExportFailure::Disk)
    }

    /// Returns when the target is there.
    ///
    /// # Errors
    /// `Disk`; nothing is left then, and an older target is as it was.
    pub async fn finish(mut self) -> Result<(), ExportFailure> {
        let handed = self.hand_over().await;
        // A thread that is gone has said why in its result.
        let _ = self.pieces.send(Piece::End).await;
        let written = self.writing.await.unwrap_or_else(|_| Err(io::ErrorKind::Other.into()));
        if let Err(error) = &written {
            tracing::debug!(%error, "an export cannot be written");
        }
        handed.and(written.map_err(|_| ExportFailure::Disk))
    }

    /// Returns when nothing of it is left.
    pub async fn abandon(self) {
        drop(self.pieces);
        // It ends with an error, since no end came.
        let _ = self.writing.await;
    }
}

fn write(path: &Path, mut pieces: mpsc::Receiver<Piece>) -> io::Result<()> {
    // Only its owner reads what people said in confidence.
    write_whole(path, private_file, |file| {
        loop {
            match pieces.blocking_recv() {
                Some(Piece::Bytes(bytes)) => file.write_all(&bytes)?,
                Some(Piece::End) => return Ok(()),
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(dir: &tempfile::TempDir) -> Vec<String> {
        let entries = std::fs::read_dir(dir.path()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[tokio::test]
    async fn a_whole_file_takes_the_place_of_what_was_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.json");
        std::fs::write(&path, "old").unwrap();
        let mut out = Out::create(path.clone());
        let bytes = vec![7; 3 * PIECE + 1];
        out.write(&bytes).await.unwrap();
        out.write(&bytes).await.unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        out.finish().await.unwrap();
        assert!(std::fs::read(&path).unwrap() == bytes.repeat(2));
        assert_eq!(files(&dir), ["out.json"]);
    }

    #[tokio::test]
    async fn an_abandoned_file_leaves_nothing_and_what_was_there_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.json");
        std::fs::write(&path, "old").unwrap();
        let mut out = Out::create(path.clone());
        out.write(&vec![7; 3 * PIECE]).await.unwrap();
        out.abandon().await;
        assert_eq!((files(&dir), std::fs::read(&path).unwrap()), (vec!["out.json".to_owned()], b"old".to_vec()));
    }

    #[tokio::test]
    async fn a_place_that_takes_no_file_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let mut out = Out::create(dir.path().join("nowhere").join("out.json"));
        out.write(b"a").await.unwrap();
        assert_eq!(out.finish().await, Err(ExportFailure::Disk));
        let mut out = Out::create(dir.path().join("nowhere").join("out.json"));
        let mut refused = Ok(());
        for _ in 0..100 {
            refused = out.write(&vec![7; PIECE]).await;
            if refused.is_err() {
                break;
            }
        }
        assert_eq!(refused, Err(ExportFailure::Disk));
        assert!(files(&dir).is_empty());
    }
}
