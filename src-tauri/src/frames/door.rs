//! Who may have pictures: the one page that was handed the newest token over IPC.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::StreamExt;
use rand::TryRngCore;
use subtle::ConstantTimeEq;
use tokio::{net::TcpStream, task::AbortHandle};
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async_with_config,
    tungstenite::{
        Error, Message,
        handshake::server::{ErrorResponse, Request, Response},
        http::{StatusCode, header::ORIGIN},
        protocol::{CloseFrame, WebSocketConfig, frame::coding::CloseCode},
    },
};

/// The page's origin: Linux and macOS, then Windows.
const ORIGINS: [&str; 2] = ["tauri://localhost", "http://tauri.localhost"];
/// Largest message of the webview. A tile message has about 60 bytes.
pub const MAX_MESSAGE_BYTES: usize = 1024;
/// How long a socket may take to say who it is.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub struct Door {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Hexadecimal; taken by the first that shows it.
    token: Option<String>,
    inside: Option<AbortHandle>,
    closed: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("the handshake failed: {0}")]
    Handshake(#[from] Error),
    #[error("it did not say who it is in time")]
    TooSlow,
    #[error("the token is wrong or was used before")]
    WrongToken,
}

impl Door {
    /// Makes a token of 256 random bits and forgets the one before.
    pub fn issue(&self) -> String {
        let mut bytes = [0; 32];
        rand::rngs::OsRng.try_fill_bytes(&mut bytes).expect("the operating system gives random bytes");
        let token: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        self.lock().token = Some(token.clone());
        token
    }

    /// Shakes hands with a socket and waits for its token.
    ///
    /// # Errors
    /// A foreign origin, a first message that is not the token, or silence. The socket is closed by then.
    pub async fn greet(&self, socket: TcpStream) -> Result<WebSocketStream<TcpStream>, Refusal> {
        let talk = async {
            let mut socket = accept_hdr_async_with_config(socket, check_origin, Some(limits())).await?;
            let first = socket.next().await.ok_or(Error::ConnectionClosed)??;
            if first.to_text().is_ok_and(|shown| matches!(first, Message::Text(_)) && self.take_token(shown)) {
                return Ok(socket);
            }
            let frame = CloseFrame { code: CloseCode::Policy, reason: "wrong token".into() };
            let _ = socket.close(Some(frame)).await;
            Err(Refusal::WrongToken)
        };
        tokio::time::timeout(PATIENCE, talk).await.unwrap_or(Err(Refusal::TooSlow))
    }

    /// Puts a new connection in the place of the one before, which ends.
    pub fn replace(&self, connection: AbortHandle) {
        let mut state = self.lock();
        if state.closed {
            connection.abort();
        } else if let Some(before) = state.inside.replace(connection) {
            before.abort();
        }
    }

    /// Ends the connection and admits nobody from here on.
    pub fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.token = None;
        if let Some(inside) = state.inside.take() {
            inside.abort();
        }
    }

    fn take_token(&self, shown: &str) -> bool {
        let mut state = self.lock();
        let right = state.token.as_ref().is_some_and(|token| bool::from(token.as_bytes().ct_eq(shown.as_bytes())));
        if right {
            state.token = None;
        }
        right
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn limits() -> WebSocketConfig {
    WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE_BYTES))
        .max_frame_size(Some(MAX_MESSAGE_BYTES))
        .read_buffer_size(4096)
}

/// Browsers send the page's origin and scripts cannot change it; without one it is not our webview.
#[expect(clippy::result_large_err, reason = "the signature is tungstenite's")]
fn check_origin(request: &Request, response: Response) -> Result<Response, ErrorResponse> {
    let origin = request.headers().get(ORIGIN).and_then(|origin| origin.to_str().ok());
    if origin.is_some_and(|origin| ORIGINS.contains(&origin)) {
        return Ok(response);
    }
    let mut refusal = ErrorResponse::new(None);
    *refusal.status_mut() = StatusCode::FORBIDDEN;
    Err(refusal)
}
