//! Everything that is a person's own, as one archive that is made while it is read: nothing of it is ever whole in memory or on disk.
//!
//! ```text
//! store, blobs --pages, pieces--> a blocking thread that packs --at most PIECES--> the connection
//! ```
//! The thread ends with the archive, with its reader, or when that reads too slowly.

mod archive;
mod names;
mod pipe;

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::{Stream, stream};
use parley_shared::ids::{DeviceId, UserId};
use parley_shared::limits::{EXPORT_WINDOW, EXPORTS};
use parley_shared::wire::{ErrorCode, WireError};
use relay_core::rate::{Limiter, Quota, retry_after_s};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::app::App;
use crate::clock;
use archive::{Archive, Source};
use pipe::Pipe;

/// Exports of all people at once: each keeps a thread busy.
const AT_ONCE: usize = 2;
/// Pieces that wait for the reader.
const PIECES: usize = 4;
/// When somebody for whom there was no turn may ask again, in seconds.
const BUSY_S: u32 = 30;

/// Who may export now.
#[derive(Debug)]
pub struct Exports {
    running: Arc<Mutex<BTreeSet<UserId>>>,
    gate: Mutex<Limiter<UserId>>,
}

impl Default for Exports {
    fn default() -> Self {
        let quota = Quota { burst: EXPORTS, window: EXPORT_WINDOW };
        Self { running: Arc::default(), gate: Mutex::new(Limiter::new(quota)) }
    }
}

impl Exports {
    /// Takes a turn, which lasts until it is dropped.
    ///
    /// # Errors
    /// `rate_limited` for whoever exports already or too often, `unavailable` when others take all turns.
    pub fn begin(&self, user_id: UserId) -> Result<Turn, WireError> {
        let mut running = self.running.lock().expect("no holder of the turns panics");
        let wait =
            |code, sentence, seconds| WireError { retry_after_s: Some(seconds), ..WireError::new(code, sentence) };
        if running.contains(&user_id) {
            return Err(wait(ErrorCode::RateLimited, "Your data are being exported already.", BUSY_S));
        }
        if running.len() >= AT_ONCE {
            return Err(wait(ErrorCode::Unavailable, "Others export their data at the moment.", BUSY_S));
        }
        let taken = self.gate.lock().expect("no holder of the gate panics").take(user_id, clock::now().at);
        taken.map_err(|left| {
            wait(ErrorCode::RateLimited, "You have exported your data often. Please wait.", retry_after_s(left))
        })?;
        running.insert(user_id);
        Ok(Turn { running: self.running.clone(), user_id })
    }
}

/// A turn of one person.
#[derive(Debug)]
pub struct Turn {
    running: Arc<Mutex<BTreeSet<UserId>>>,
    user_id: UserId,
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Ok(mut running) = self.running.lock() {
            running.remove(&self.user_id);
        }
    }
}

/// The archive of the person whose turn it is, piece by piece. Its last piece is an error when the archive is not whole.
pub fn stream(app: App, device_id: DeviceId, turn: Turn) -> impl Stream<Item = io::Result<Bytes>> + Send {
    let (pieces, reader) = mpsc::channel(PIECES);
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || {
        // Whole: the closure would take no more than the id out of it, and the turn would end here.
        let held = turn;
        let user_id = held.user_id;
        let pipe = Pipe::new(pieces.clone(), runtime.clone());
        let gone = pipe.reader_gone();
        let made = Archive::new(pipe).write(&Source { app, runtime: runtime.clone(), user_id, device_id });
        match made {
            Ok(()) => tracing::info!(user = %user_id, "a person exported their data"),
            Err(_) if gone.get() => tracing::debug!(user = %user_id, "the reader of an export went away"),
            Err(error) => {
                tracing::warn!(user = %user_id, error = format!("{error:#}"), "an export failed");
                let _ = runtime.block_on(pieces.send(Err(io::Error::other("the export failed"))));
            }
        }
    });
    stream::unfold(reader, |mut reader| async move { reader.recv().await.map(|piece| (piece, reader)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn someone(number: u8) -> UserId {
        UserId::from_bytes([number; 16])
    }

    #[test]
    fn each_has_one_turn_and_all_have_two() {
        let exports = Exports::default();
        let first = exports.begin(someone(1)).unwrap();
        assert_eq!(exports.begin(someone(1)).unwrap_err().code, ErrorCode::RateLimited);
        let _second = exports.begin(someone(2)).unwrap();
        let busy = exports.begin(someone(3)).unwrap_err();
        assert_eq!((busy.code, busy.retry_after_s), (ErrorCode::Unavailable, Some(BUSY_S)));
        drop(first);
        assert!(exports.begin(someone(3)).is_ok(), "the turn that ended is free, and the refusal cost nothing");
    }

    #[test]
    fn a_person_exports_so_often_and_then_waits() {
        let exports = Exports::default();
        for _ in 0..EXPORTS {
            drop(exports.begin(someone(1)).unwrap());
        }
        let refused = exports.begin(someone(1)).unwrap_err();
        assert_eq!(refused.code, ErrorCode::RateLimited);
        assert!(refused.retry_after_s.is_some_and(|seconds| seconds > 60));
        assert!(exports.begin(someone(2)).is_ok(), "others are not concerned");
    }
}
