//! Sockets: who is there is asked once, at the door; what comes is checked for size before it is read.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::response::Response;
use futures_util::SinkExt as _;
use parley_shared::ids::RequestId;
use parley_shared::limits::{HEARTBEAT_TIMEOUT, HELLO_TIMEOUT, SOCKET_FRAME_BYTES};
use parley_shared::wire::{ClientMsg, ErrorCode, PROTOCOL_VERSION, Resume, ServerMsg, User, WireError};
use relay_core::rate::{Bucket, Quota};
use relay_core::{Input, SocketId};
use serde::Deserialize;
use tokio::sync::mpsc;

use crate::app::App;
use crate::driver::{CloseReason, Frame, SOCKET_QUEUE, ToSocket};
use crate::http::extract::Answer;

/// A frame that is not out after this time never will be.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// Writes to one socket. Beyond it frames gather for up to 12 ms and go out together, which takes a tenth off what a delivery costs in a
/// busy room of 500.
const WRITES: Quota = Quota { burst: 20, window: Duration::from_millis(250) };
/// Frames that go out in one write, at most.
const FRAMES_AT_ONCE: usize = 64;
/// Held by every idle socket; a frame that is longer is read in pieces.
const READ_BUFFER_BYTES: usize = 1024;
/// What gathers before it is written without being asked to; memory is taken only while there is something.
const WRITE_BUFFER_BYTES: usize = 8 * 1024;
/// How long an answer to an oversized frame has to arrive.
const LINGER: Duration = Duration::from_millis(500);
/// Messages of any kind that one socket may send; beyond it is read more slowly.
const FRAMES: Quota = Quota { burst: 600, window: Duration::from_secs(10) };
/// Messages that were none, after which a socket is given up.
const NONSENSE: u32 = 100;

static NEXT_SOCKET: AtomicU64 = AtomicU64::new(1);

/// `GET /api/v1/socket`.
///
/// # Errors
/// `invalid_argument` for what asks for no WebSocket.
pub async fn upgrade(
    State(app): State<App>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Answer<Response> {
    let upgrade = upgrade.map_err(|_| WireError::new(ErrorCode::InvalidArgument, "This address takes WebSockets."))?;
    let upgraded = upgrade
        .max_frame_size(SOCKET_FRAME_BYTES)
        .max_message_size(SOCKET_FRAME_BYTES)
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_write_buffer_size(2 * 1024 * 1024)
        .on_upgrade(move |socket| Connection::new(app, socket).run());
    Ok(upgraded)
}

struct Connection {
    app: App,
    socket: WebSocket,
    id: SocketId,
    frames: Bucket,
    writes: Bucket,
    nonsense: u32,
    heard_at: Instant,
}

/// How a connection ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// The client closed it in order.
    Goodbye,
    /// It broke, or was cut.
    Lost,
}

/// What became of the frames that waited.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sent {
    All,
    /// The connection is to be closed behind them.
    Closing(CloseReason),
    Lost,
}

impl Connection {
    fn new(app: App, socket: WebSocket) -> Self {
        let now = Instant::now();
        let id = SocketId(NEXT_SOCKET.fetch_add(1, Ordering::Relaxed));
        Self {
            app,
            socket,
            id,
            frames: Bucket::full(FRAMES, now),
            writes: Bucket::full(WRITES, now),
            nonsense: 0,
            heard_at: now,
        }
    }

    async fn run(mut self) {
        let revocations = self.app.devices.revocations();
        match tokio::time::timeout(HELLO_TIMEOUT, self.hello()).await {
            Ok(Ok(Some((user, device_id, resume)))) => {
                let (queue, frames) = mpsc::channel(SOCKET_QUEUE);
                self.app.hub.attach(self.id, queue, user, device_id, resume).await;
                if self.app.devices.revocations() != revocations {
                    self.app.cut_if_revoked(device_id).await;
                }
                let end = self.talk(frames).await;
                let closed = Input::SocketClosed { socket: self.id, said_goodbye: end == End::Goodbye };
                self.app.hub.input(closed).await;
            }
            Ok(Ok(None)) => {}
            Ok(Err(error)) => self.refuse(error).await,
            Err(_) => {
                self.refuse(WireError::new(ErrorCode::Unauthenticated, "No hello came in time.")).await;
            }
        }
    }

    /// Waits for the hello. None: the socket is gone.
    async fn hello(&mut self) -> Result<Option<(User, parley_shared::ids::DeviceId, Option<Resume>)>, WireError> {
        let text = loop {
            match self.socket.recv().await {
                Some(Ok(Message::Text(text))) => break text,
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Binary(_))) => return Err(not_text()),
                Some(Ok(Message::Close(_))) | None => return Ok(None),
                Some(Err(error)) => return too_large(&error).map_or(Ok(None), Err),
            }
        };
        let Ok(ClientMsg::Hello { version, access_token, resume }) = serde_json::from_str(&text) else {
            return Err(WireError::new(ErrorCode::Unauthenticated, "The first message is a hello."));
        };
        if version != PROTOCOL_VERSION {
            let sentence = format!("This relay speaks version {PROTOCOL_VERSION} of the protocol.");
            return Err(WireError::new(ErrorCode::UnsupportedVersion, sentence));
        }
        let (user, device_id) = self.app.authenticate(access_token.reveal()).await?;
        self.app.touch_device(device_id);
        Ok(Some((user, device_id, resume)))
    }

    async fn talk(&mut self, mut frames: mpsc::Receiver<ToSocket>) -> End {
        // One timer, set anew when it fires, and not one for each frame.
        let mut silence = std::pin::pin!(tokio::time::sleep_until((self.heard_at + HEARTBEAT_TIMEOUT).into()));
        loop {
            tokio::select! {
                frame = frames.recv() => match frame {
                    Some(ToSocket::Frame(frame)) => match self.send_all(frame, &mut frames).await {
                        Sent::All => {}
                        Sent::Closing(reason) => {
                            self.close(reason).await;
                            return End::Goodbye;
                        }
                        Sent::Lost => return End::Lost,
                    },
                    Some(ToSocket::Close(reason)) => {
                        self.close(reason).await;
                        return End::Goodbye;
                    }
                    None => return End::Lost,
                },
                message = self.socket.recv() => {
                    if let Some(end) = self.on_message(message).await {
                        return end;
                    }
                }
                () = &mut silence => {
                    let until = self.heard_at + HEARTBEAT_TIMEOUT;
                    if until <= Instant::now() {
                        return End::Lost;
                    }
                    silence.as_mut().reset(until.into());
                }
            }
        }
    }

    async fn on_message(&mut self, message: Option<Result<Message, axum::Error>>) -> Option<End> {
        self.heard_at = Instant::now();
        if let Err(wait) = self.frames.take(FRAMES, self.heard_at) {
            tokio::time::sleep(wait).await;
        }
        match message {
            Some(Ok(Message::Text(text))) => self.on_text(&text).await,
            Some(Ok(Message::Binary(_))) => self.on_nonsense(None, not_text()).await,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => None,
            Some(Ok(Message::Close(_))) => Some(End::Goodbye),
            Some(Err(error)) => {
                if let Some(error) = too_large(&error) {
                    self.refuse(error).await;
                    // The rest of the frame is never read: closing at once would reset the connection under the answer.
                    tokio::time::sleep(LINGER).await;
                }
                Some(End::Lost)
            }
            None => Some(End::Lost),
        }
    }

    async fn on_text(&mut self, text: &str) -> Option<End> {
        match serde_json::from_str::<ClientMsg>(text) {
            Ok(msg) => {
                self.app.metrics.count_message();
                self.app.hub.received(self.id, msg).await;
                None
            }
            Err(_) => {
                let id = serde_json::from_str::<Broken>(text).ok().and_then(|broken| broken.id);
                let sentence = "This is no message that the relay knows.";
                self.on_nonsense(id, WireError::new(ErrorCode::InvalidArgument, sentence)).await
            }
        }
    }

    /// What came was no message: the client is told and may go on, unless it does so again and again.
    async fn on_nonsense(&mut self, id: Option<RequestId>, error: WireError) -> Option<End> {
        self.nonsense += 1;
        let fatal = self.nonsense > NONSENSE;
        let sent = self.send(json(&ServerMsg::Error { id, error, fatal })).await;
        if fatal {
            self.close(CloseReason::Told).await;
        }
        (fatal || !sent).then_some(End::Lost)
    }

    async fn refuse(&mut self, error: WireError) {
        self.send(json(&ServerMsg::Error { id: None, error, fatal: true })).await;
        self.close(CloseReason::Told).await;
    }

    async fn send(&mut self, text: Utf8Bytes) -> bool {
        matches!(tokio::time::timeout(SEND_TIMEOUT, self.socket.send(Message::Text(text))).await, Ok(Ok(())))
    }

    /// Sends a frame and those that wait behind it: many small writes to the system cost more than all the rest of a frame.
    async fn send_all(&mut self, first: Frame, frames: &mut mpsc::Receiver<ToSocket>) -> Sent {
        while let Err(wait) = self.writes.take(WRITES, Instant::now()) {
            tokio::time::sleep(wait).await;
        }
        let sending = async {
            self.socket.feed(Message::Text(first.text())).await?;
            let mut closing = None;
            for _ in 1..FRAMES_AT_ONCE {
                match frames.try_recv() {
                    Ok(ToSocket::Frame(frame)) => self.socket.feed(Message::Text(frame.text())).await?,
                    Ok(ToSocket::Close(reason)) => {
                        closing = Some(reason);
                        break;
                    }
                    Err(_) => break,
                }
            }
            self.socket.flush().await?;
            Ok::<_, axum::Error>(closing)
        };
        match tokio::time::timeout(SEND_TIMEOUT, sending).await {
            Ok(Ok(None)) => Sent::All,
            Ok(Ok(Some(reason))) => Sent::Closing(reason),
            Ok(Err(_)) | Err(_) => Sent::Lost,
        }
    }

    /// Closes in order, and gives the client a moment to read what was sent before.
    async fn close(&mut self, reason: CloseReason) {
        let (code, reason) = match reason {
            CloseReason::Told => (close_code::POLICY, "see the last message"),
            CloseReason::ShuttingDown => (close_code::AWAY, "the relay shuts down"),
        };
        let frame = Message::Close(Some(CloseFrame { code, reason: reason.into() }));
        let goodbye = async {
            if self.socket.send(frame).await.is_ok() {
                while let Some(Ok(_)) = self.socket.recv().await {}
            }
        };
        let _ = tokio::time::timeout(Duration::from_secs(1), goodbye).await;
    }
}

/// The id of a request that cannot be read as a whole, so that its sender does not wait for ever.
#[derive(Deserialize)]
struct Broken {
    id: Option<RequestId>,
}

fn not_text() -> WireError {
    WireError::new(ErrorCode::InvalidArgument, "Messages are text frames.")
}

/// The one fault of a frame that is worth an answer. The library names it only in its text.
fn too_large(error: &axum::Error) -> Option<WireError> {
    let is_capacity = error.to_string().contains("too long") || error.to_string().contains("too large");
    is_capacity.then(|| {
        let sentence = format!("A message on the socket has at most {SOCKET_FRAME_BYTES} bytes.");
        WireError::new(ErrorCode::TooLarge, sentence)
    })
}

fn json(msg: &ServerMsg) -> Utf8Bytes {
    serde_json::to_string(msg).expect("a wire type has string keys and no failing serialisers").into()
}
