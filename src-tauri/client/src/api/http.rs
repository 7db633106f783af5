//! HTTP as this relay speaks it: JSON both ways, errors in one envelope, everything bounded.

use std::time::Duration;

use parley_shared::wire::{ErrorBody, ErrorCode, Refresh, Secret, Session, WireError};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::core::CallFailure;

/// Connecting to a relay that is there takes a few round trips.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Signing in hashes a password in a queue: seconds, on a busy relay.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);
/// A list of a thousand rooms with two hundred members each.
const ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// A relay's REST interface. Clones share connections.
#[derive(Clone, Debug)]
pub struct Http {
    client: reqwest::Client,
    /// Ends in `/api/v1/`.
    base: String,
}

impl Http {
    /// # Errors
    /// The system's certificates cannot be read.
    pub fn new(relay_url: &str) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(REQUEST_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy_for_loopback(relay_url)
            .build()?;
        Ok(Self { client, base: format!("{}/api/v1/", relay_url.trim_end_matches('/')) })
    }

    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }
}

trait Proxies {
    fn no_proxy_for_loopback(self, relay_url: &str) -> Self;
}

impl Proxies for reqwest::ClientBuilder {
    /// A relay on this machine is never behind the system's proxy.
    fn no_proxy_for_loopback(self, relay_url: &str) -> Self {
        let local = ["://127.", "://localhost", "://[::1]"].iter().any(|host| relay_url.contains(host));
        if local { self.no_proxy() } else { self }
    }
}

/// Sends a body and reads the answer.
///
/// # Errors
/// As [`read`].
pub async fn post<T: DeserializeOwned>(
    http: &Http,
    path: &str,
    token: Option<&Secret>,
    body: &(impl Serialize + ?Sized),
) -> Result<T, CallFailure> {
    read(send(http.request(Method::POST, path).json(body), token).await?).await
}

/// Spends a refresh token. `attempt` names this try: the relay gives a repeated one the same right.
///
/// # Errors
/// As [`read`].
pub(super) async fn refresh(http: &Http, body: &Refresh, attempt: &str) -> Result<Session, CallFailure> {
    let request = http.request(Method::POST, "auth/refresh").header("idempotency-key", attempt).json(body);
    read(send(request, None).await?).await
}

/// Sends a request. An answer of any status is a success here.
///
/// # Errors
/// `Offline` when there is no answer.
pub(super) async fn send(request: RequestBuilder, token: Option<&Secret>) -> Result<Response, CallFailure> {
    let request = match token {
        Some(token) => request.bearer_auth(token.reveal()),
        None => request,
    };
    request.send().await.map_err(|error| {
        tracing::debug!(timeout = error.is_timeout(), connect = error.is_connect(), "no answer from the relay");
        CallFailure::Offline
    })
}

/// Reads an answer; nothing at all stands for `null`.
///
/// # Errors
/// `Refused` with the relay's words, `Offline` when the answer broke off, `Garbled` when it is no such JSON or too long.
pub(super) async fn read<T: DeserializeOwned>(response: Response) -> Result<T, CallFailure> {
    read_at_most(response, ANSWER_BYTES).await
}

/// As [`read`], of an answer of at most so many bytes.
///
/// # Errors
/// As [`read`].
pub(super) async fn read_at_most<T: DeserializeOwned>(mut response: Response, most: usize) -> Result<T, CallFailure> {
    let status = response.status();
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| CallFailure::Offline)? {
        if bytes.len() + chunk.len() > most {
            return Err(CallFailure::Garbled);
        }
        bytes.extend_from_slice(&chunk);
    }
    if !status.is_success() {
        return Err(refusal(status, &bytes));
    }
    let json: &[u8] = if bytes.is_empty() { b"null" } else { &bytes };
    serde_json::from_slice(json).map_err(|error| {
        tracing::debug!(line = error.line(), column = error.column(), "an answer of the relay makes no sense");
        CallFailure::Garbled
    })
}

fn refusal(status: StatusCode, bytes: &[u8]) -> CallFailure {
    if let Ok(body) = serde_json::from_slice::<ErrorBody>(bytes) {
        return CallFailure::Refused(body.error);
    }
    // Something between here and the relay answered, or an older relay did.
    let code = match status.as_u16() {
        401 => ErrorCode::Unauthenticated,
        403 => ErrorCode::Forbidden,
        404 | 405 => ErrorCode::NotFound,
        409 => ErrorCode::Conflict,
        413 => ErrorCode::TooLarge,
        429 => ErrorCode::RateLimited,
        400..=499 => ErrorCode::InvalidArgument,
        _ => ErrorCode::Unavailable,
    };
    CallFailure::Refused(WireError::new(code, format!("The relay answered {}.", status.as_u16())))
}
