//! From what the relay says to what a command answers.

use parley_shared::view::{CommandError, CommandErrorCode};
use parley_shared::wire::{ErrorCode, WireError};

use super::input::CallFailure;

pub fn failure_to_error(failure: CallFailure) -> CommandError {
    match failure {
        CallFailure::Refused(error) => refused(error),
        CallFailure::Offline => error(CommandErrorCode::Offline, "The relay does not answer."),
        CallFailure::Lost => error(CommandErrorCode::Offline, "The connection was lost before the relay answered."),
        CallFailure::Garbled => error(CommandErrorCode::UnsupportedVersion, "The relay's answer was not understood."),
    }
}

fn refused(wire: WireError) -> CommandError {
    CommandError { code: wire.code.into(), message: wire.message, field: wire.field, retry_after_s: wire.retry_after_s }
}

pub(super) fn error(code: CommandErrorCode, message: &str) -> CommandError {
    CommandError { code, message: message.to_owned(), field: None, retry_after_s: None }
}

pub(super) fn not_now(message: &str) -> CommandError {
    error(CommandErrorCode::NotNow, message)
}

pub(super) fn invalid(field: &str, message: &str) -> CommandError {
    CommandError { field: Some(field.to_owned()), ..error(CommandErrorCode::InvalidArgument, message) }
}

/// The stable word of a wire error.
pub(super) fn word(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::InvalidArgument => "invalid_argument",
        ErrorCode::Unauthenticated => "unauthenticated",
        ErrorCode::Forbidden => "forbidden",
        ErrorCode::NotFound => "not_found",
        ErrorCode::Conflict => "conflict",
        ErrorCode::TooLarge => "too_large",
        ErrorCode::StorageFull => "storage_full",
        ErrorCode::UnsupportedMediaType => "unsupported_media_type",
        ErrorCode::RateLimited => "rate_limited",
        ErrorCode::Unavailable => "unavailable",
        ErrorCode::UnsupportedVersion => "unsupported_version",
    }
}
