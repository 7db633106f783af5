//! Errors: the same words in REST bodies and on the socket.

use std::fmt;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Stable words that a client acts on. The sentence beside them is for people and may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// 400 or 422: a field is wrong; `field` names it.
    InvalidArgument,
    /// 401: no token, a wrong one, or an expired one.
    Unauthenticated,
    /// 403: known, but not allowed.
    Forbidden,
    /// 404: not there, or not for the one who asks.
    NotFound,
    /// 409: it clashes with what is there.
    Conflict,
    /// 413: over a limit of size.
    TooLarge,
    /// 413: the person's files take all the space that they have.
    StorageFull,
    /// 415: not JSON.
    UnsupportedMediaType,
    /// 429: wait `retry_after_s`.
    RateLimited,
    /// 503: try again later; nothing was done.
    Unavailable,
    /// The hello's protocol version is not spoken here.
    UnsupportedVersion,
}

impl ErrorCode {
    /// The HTTP status that carries this code.
    pub const fn http_status(self) -> u16 {
        match self {
            Self::InvalidArgument | Self::UnsupportedVersion => 400,
            Self::Unauthenticated => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::Conflict => 409,
            Self::TooLarge | Self::StorageFull => 413,
            Self::UnsupportedMediaType => 415,
            Self::RateLimited => 429,
            Self::Unavailable => 503,
        }
    }
}

/// Body of every REST error, as `{"error": {...}}`, and part of [`super::ServerMsg::Error`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WireError {
    pub code: ErrorCode,
    /// One plain sentence.
    pub message: String,
    /// The field that is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u32>,
}

impl WireError {
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), field: None, retry_after_s: None }
    }

    /// An `invalid_argument` about one field.
    pub fn field(field: &str, message: impl Into<String>) -> Self {
        Self { field: Some(field.to_owned()), ..Self::new(ErrorCode::InvalidArgument, message) }
    }
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for WireError {}

/// The envelope of a REST error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ErrorBody {
    pub error: WireError,
}
