//! From a thread that writes to a connection that reads.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::mpsc::Sender;
use tokio::time::{Instant, timeout, timeout_at};

const PIECE_BYTES: usize = 64 * 1024;
/// A reader that takes no piece for this long is given up.
const PIECE_TIMEOUT: Duration = Duration::from_secs(30);
/// And one that has not all of it after this time: turns are few.
const WHOLE_TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// Whether the reader is gone, for whoever finds the writing ended.
#[derive(Clone, Debug, Default)]
pub struct Gone(Arc<AtomicBool>);

impl Gone {
    pub fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Gathers what is written and sends it in pieces. Blocks: for threads only.
#[derive(Debug)]
pub struct Pipe {
    pieces: Sender<io::Result<Bytes>>,
    runtime: Handle,
    gathered: Vec<u8>,
    patience: Duration,
    ends_at: Instant,
    gone: Gone,
}

impl Pipe {
    pub fn new(pieces: Sender<io::Result<Bytes>>, runtime: Handle) -> Self {
        let ends_at = Instant::now() + WHOLE_TIMEOUT;
        Self {
            pieces,
            runtime,
            gathered: Vec::with_capacity(PIECE_BYTES),
            patience: PIECE_TIMEOUT,
            ends_at,
            gone: Gone::default(),
        }
    }

    pub fn reader_gone(&self) -> Gone {
        self.gone.clone()
    }

    /// Sends what is left.
    ///
    /// # Errors
    /// Fails when the reader is gone.
    pub fn finish(mut self) -> io::Result<()> {
        self.send()
    }

    fn send(&mut self) -> io::Result<()> {
        let piece = Bytes::from(std::mem::replace(&mut self.gathered, Vec::with_capacity(PIECE_BYTES)));
        let ends_at = self.ends_at;
        let taken = timeout_at(ends_at, timeout(self.patience, self.pieces.send(Ok(piece))));
        match self.runtime.block_on(taken) {
            Ok(Ok(Ok(()))) => Ok(()),
            Ok(Ok(Err(_)) | Err(_)) | Err(_) => {
                self.gone.0.store(true, Ordering::Relaxed);
                Err(io::ErrorKind::BrokenPipe.into())
            }
        }
    }
}

impl Write for Pipe {
    /// The first write after the reader went away fails. Those after it go nowhere: an archive that is given up still writes its end.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.gone.get() {
            return Ok(bytes.len());
        }
        let taken = bytes.len().min(PIECE_BYTES - self.gathered.len());
        self.gathered.extend_from_slice(&bytes[..taken]);
        if self.gathered.len() == PIECE_BYTES {
            self.send()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn bytes_come_whole_and_in_order() {
        let (pieces, mut reader) = mpsc::channel(1);
        let runtime = Handle::current();
        let bytes: Vec<u8> = (0..200_000u32).map(|n| n as u8).collect();
        let sent = bytes.clone();
        let writer = tokio::task::spawn_blocking(move || {
            let mut pipe = Pipe::new(pieces, runtime);
            pipe.write_all(&sent)?;
            pipe.finish()
        });
        let mut read = Vec::new();
        while let Some(piece) = reader.recv().await {
            let piece = piece.unwrap();
            assert!(piece.len() <= PIECE_BYTES);
            read.extend_from_slice(&piece);
        }
        writer.await.unwrap().unwrap();
        assert_eq!(read, bytes);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_reader_that_went_away_ends_the_writing() {
        let (pieces, reader) = mpsc::channel(1);
        let runtime = Handle::current();
        drop(reader);
        let (written, gone) = tokio::task::spawn_blocking(move || {
            let mut pipe = Pipe::new(pieces, runtime);
            let gone = pipe.reader_gone();
            (pipe.write_all(&[0; 2 * PIECE_BYTES]), gone)
        })
        .await
        .unwrap();
        assert!(written.is_err() && gone.get());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_reader_that_takes_nothing_is_given_up() {
        let (pieces, _reader) = mpsc::channel(1);
        let runtime = Handle::current();
        let (written, gone) = tokio::task::spawn_blocking(move || {
            let mut pipe = Pipe { patience: Duration::from_millis(50), ..Pipe::new(pieces, runtime) };
            let gone = pipe.reader_gone();
            (pipe.write_all(&[0; 3 * PIECE_BYTES]), gone)
        })
        .await
        .unwrap();
        assert!(written.is_err() && gone.get());
    }
}
