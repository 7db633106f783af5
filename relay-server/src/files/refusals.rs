//! What senders are told.

use std::io;

use parley_shared::limits::IMAGE_BYTES;
use parley_shared::wire::{ErrorCode, UploadPurpose, WireError};

use crate::blobs::Broken;

pub(super) fn piece_refused(broken: &Broken) -> WireError {
    match broken {
        Broken::Offset(_) => wrong_offset(),
        Broken::TooMuch => {
            WireError::new(ErrorCode::TooLarge, "That is more than was announced, or more than a piece may have.")
        }
        Broken::Sender => WireError::new(ErrorCode::InvalidArgument, "The piece did not come whole."),
        Broken::Disk(error) => disk_failed(error),
    }
}

pub(super) fn wrong_offset() -> WireError {
    WireError::new(ErrorCode::Conflict, "The upload does not stand there. Ask where it stands.")
}

#[expect(clippy::needless_pass_by_value, reason = "the shape of map_err")]
pub(super) fn disk(error: io::Error) -> WireError {
    disk_failed(&error)
}

fn disk_failed(error: &io::Error) -> WireError {
    tracing::warn!(%error, "files cannot be kept or read");
    let sentence = "The relay cannot keep or read files at the moment.";
    WireError { retry_after_s: Some(10), ..WireError::new(ErrorCode::Unavailable, sentence) }
}

/// Whether an upload may begin at all.
///
/// # Errors
/// `invalid_argument` for nothing, `too_large` for what is over a limit.
pub fn check_size(size_bytes: u64, purpose: UploadPurpose, file_bytes: u64) -> Result<(), WireError> {
    let most = match purpose {
        UploadPurpose::Attachment => file_bytes,
        UploadPurpose::Avatar => IMAGE_BYTES,
    };
    if size_bytes == 0 {
        return Err(WireError::field("size_bytes", "The file is empty."));
    }
    if size_bytes > most {
        let sentence = format!("It has at most {} MB.", most / (1024 * 1024));
        return Err(WireError { field: Some("size_bytes".into()), ..WireError::new(ErrorCode::TooLarge, sentence) });
    }
    Ok(())
}
