//! One connection of the link, from its hello to its end.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use parley_shared::ids::EventSeq;
use parley_shared::limits::{HEARTBEAT, HEARTBEAT_TIMEOUT, HELLO_TIMEOUT, SOCKET_FRAME_BYTES};
use parley_shared::wire::{ClientMsg, ErrorCode, PROTOCOL_VERSION, Secret, ServerMsg, Welcome, WireError};
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::{Command, Link, Place};
use crate::core::{CallFailure, LinkEvent};
use crate::network_watch;

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Acknowledgements wait this long for more events.
const ACK_AFTER: Duration = Duration::from_millis(100);
/// After a change of the network a relay that does not answer a ping within this time is not there on this connection.
const PROOF_TIMEOUT: Duration = Duration::from_millis(1_500);
/// A frame that the network does not take for this long is on a dead connection.
const SEND_TIMEOUT: Duration = Duration::from_secs(15);

/// Why a connection is over.
#[derive(Debug)]
pub(super) enum Ended {
    /// The link is to stop.
    Stopped,
    Lost {
        was_online: bool,
    },
    /// The machine's network is another one, and the connection belonged to the one of before.
    NetworkChanged,
    TokenRefused(Secret),
    SignedOut {
        revoked: bool,
    },
    Unsupported,
}

/// A connection that is welcome.
struct Online {
    stream: Stream,
    sent_at: Instant,
    heard_at: Instant,
    /// Events were handed over and are not acknowledged.
    ack_at: Option<Instant>,
    /// The network changed: the relay must say something until then.
    prove_until: Option<Instant>,
}

impl Link {
    /// Connects, says hello and stays until the connection ends.
    pub(super) async fn session(&mut self, token: Secret) -> Ended {
        let network_changed = Arc::clone(&self.network_changed);
        let entered = tokio::select! {
            entered = self.enter(token) => entered,
            () = network_changed.notified() => Err(Ended::NetworkChanged),
        };
        let (stream, welcome) = match entered {
            Ok(entered) => entered,
            Err(ended) => return ended,
        };
        if !self.on_welcome(welcome).await {
            return Ended::Stopped;
        }
        let now = Instant::now();
        let mut online = Online { stream, sent_at: now, heard_at: now, ack_at: None, prove_until: None };
        if self.idle && online.send(&ClientMsg::Idle { idle: true }).await.is_err() {
            return Ended::Lost { was_online: true };
        }
        let ended = self.stay(&mut online).await;
        match ended {
            // Nobody hears a goodbye.
            Ended::NetworkChanged => {}
            Ended::Stopped
            | Ended::Lost { .. }
            | Ended::TokenRefused(_)
            | Ended::SignedOut { .. }
            | Ended::Unsupported => online.close().await,
        }
        ended
    }

    async fn enter(&self, token: Secret) -> Result<(Stream, Welcome), Ended> {
        let mut stream = self.connect().await.ok_or(Ended::Lost { was_online: false })?;
        let welcome = self.hello(&mut stream, token).await?;
        Ok((stream, welcome))
    }

    async fn connect(&self) -> Option<Stream> {
        let config = WebSocketConfig::default()
            .max_message_size(Some(4 * SOCKET_FRAME_BYTES))
            .max_frame_size(Some(4 * SOCKET_FRAME_BYTES))
            .read_buffer_size(16 * 1024);
        let connecting = tokio_tungstenite::connect_async_with_config(&self.url, Some(config), true);
        match tokio::time::timeout(CONNECT_TIMEOUT, connecting).await {
            Ok(Ok((stream, _))) => Some(stream),
            Ok(Err(error)) => {
                tracing::debug!(%error, "no socket to the relay");
                None
            }
            Err(_) => None,
        }
    }

    async fn hello(&self, stream: &mut Stream, token: Secret) -> Result<Welcome, Ended> {
        let hello = ClientMsg::Hello {
            version: PROTOCOL_VERSION,
            access_token: token.clone(),
            resume: self.session.map(Place::resume),
        };
        let lost = || Ended::Lost { was_online: false };
        send(stream, &hello).await.map_err(|_| lost())?;
        let answer = tokio::time::timeout(HELLO_TIMEOUT, next_msg(stream)).await.ok().flatten();
        match answer {
            Some(Incoming::Msg(ServerMsg::Welcome(welcome))) => Ok(*welcome),
            Some(Incoming::Msg(ServerMsg::Error { error, .. })) => Err(match error.code {
                ErrorCode::Unauthenticated | ErrorCode::Forbidden => Ended::TokenRefused(token),
                ErrorCode::UnsupportedVersion => Ended::Unsupported,
                _ => lost(),
            }),
            _ => Err(lost()),
        }
    }

    /// False when nobody listens any more.
    async fn on_welcome(&mut self, welcome: Welcome) -> bool {
        let resumed = welcome.resumed && self.session.is_some_and(|place| place.id == welcome.session_id);
        if resumed {
            self.requests.on_resumed();
        } else {
            self.session = Some(Place { id: welcome.session_id, last_seq: EventSeq(0) });
        }
        tracing::info!(resumed, "connected to the relay");
        let welcome = Welcome { resumed, ..welcome };
        if !self.tell(LinkEvent::Welcome(Box::new(welcome))).await {
            return false;
        }
        if !resumed {
            for op in self.requests.on_new_session() {
                if !self.tell(LinkEvent::RequestDone(op, Err(CallFailure::Lost))).await {
                    return false;
                }
            }
        }
        true
    }

    async fn stay(&mut self, online: &mut Online) -> Ended {
        let lost = Ended::Lost { was_online: true };
        loop {
            while let Some((id, request)) = self.requests.poll() {
                if online.send(&ClientMsg::Request { id, request }).await.is_err() {
                    return lost;
                }
            }
            let due = online.due();
            tokio::select! {
                biased;
                incoming = next_msg(&mut online.stream) => {
                    online.heard_at = Instant::now();
                    online.prove_until = None;
                    let Some(incoming) = incoming else { return lost };
                    if let Some(ended) = self.on_incoming(incoming, online).await {
                        return ended;
                    }
                }
                command = self.commands.recv() => match command {
                    None => return Ended::Stopped,
                    Some(Command::Reconnect) => {}
                    Some(Command::Idle(idle)) => {
                        self.idle = idle;
                        if online.send(&ClientMsg::Idle { idle }).await.is_err() {
                            return lost;
                        }
                    }
                    Some(Command::Request(op, request)) => {
                        if !self.take(op, *request).await {
                            return Ended::Stopped;
                        }
                    }
                },
                () = self.network_changed.notified() => {
                    if online.has_lost_its_address() || online.ask_for_proof().await.is_err() {
                        return Ended::NetworkChanged;
                    }
                }
                () = tokio::time::sleep_until(due) => {
                    if online.has_failed_to_prove() {
                        return Ended::NetworkChanged;
                    }
                    if online.on_due(self.session.map(|place| place.last_seq)).await.is_err() {
                        return lost;
                    }
                }
            }
        }
    }

    async fn on_incoming(&mut self, incoming: Incoming, online: &mut Online) -> Option<Ended> {
        let event = match incoming {
            Incoming::Unknown { seq: Some(seq) } => {
                self.count(seq, online);
                return None;
            }
            Incoming::Unknown { seq: None } | Incoming::Alive => return None,
            Incoming::Msg(msg) => match msg {
                ServerMsg::Event { seq, event } => {
                    if !self.count(seq, online) {
                        return None;
                    }
                    LinkEvent::Event(Box::new(event))
                }
                ServerMsg::Hint { hint } => LinkEvent::Hint(hint),
                ServerMsg::Reply { id, reply } => LinkEvent::RequestDone(self.requests.answered(id)?, Ok(reply)),
                ServerMsg::Error { id, error, fatal } => return self.on_error(id, error, fatal).await,
                ServerMsg::Pong | ServerMsg::Welcome(_) => return None,
            },
        };
        if self.tell(event).await { None } else { Some(Ended::Stopped) }
    }

    async fn on_error(
        &mut self,
        id: Option<parley_shared::ids::RequestId>,
        error: WireError,
        fatal: bool,
    ) -> Option<Ended> {
        let code = error.code;
        tracing::debug!(?code, fatal, "the relay refused");
        if let Some(op) = id.and_then(|id| self.requests.answered(id))
            && !self.tell(LinkEvent::RequestDone(op, Err(CallFailure::Refused(error)))).await
        {
            return Some(Ended::Stopped);
        }
        match code {
            ErrorCode::Unauthenticated if fatal => Some(Ended::SignedOut { revoked: true }),
            _ if fatal => Some(Ended::Lost { was_online: true }),
            _ => None,
        }
    }

    /// Takes note of an event's place. False when it came before.
    fn count(&mut self, seq: EventSeq, online: &mut Online) -> bool {
        online.ack_at.get_or_insert_with(|| Instant::now() + ACK_AFTER);
        let Some(place) = &mut self.session else { return false };
        if seq <= place.last_seq {
            return false;
        }
        place.last_seq = seq;
        true
    }
}

impl Online {
    async fn send(&mut self, msg: &ClientMsg) -> Result<(), Error> {
        self.sent_at = Instant::now();
        send(&mut self.stream, msg).await
    }

    /// When something is to be done by itself.
    fn due(&self) -> Instant {
        let ping = self.sent_at + HEARTBEAT;
        let dead = self.heard_at + HEARTBEAT_TIMEOUT;
        self.ack_at.into_iter().chain(self.prove_until).chain([ping, dead]).min().unwrap_or(ping)
    }

    async fn on_due(&mut self, last_seq: Option<EventSeq>) -> Result<(), Error> {
        let now = Instant::now();
        if self.heard_at + HEARTBEAT_TIMEOUT <= now {
            return Err(Error::ConnectionClosed);
        }
        if let (Some(at), Some(seq)) = (self.ack_at, last_seq)
            && at <= now
        {
            self.ack_at = None;
            self.send(&ClientMsg::Ack { seq }).await?;
        }
        if self.sent_at + HEARTBEAT <= now {
            self.send(&ClientMsg::Ping).await?;
        }
        Ok(())
    }

    /// The interface that the connection goes through is gone or has another address.
    fn has_lost_its_address(&self) -> bool {
        let stream = match self.stream.get_ref() {
            MaybeTlsStream::Plain(stream) => stream,
            MaybeTlsStream::Rustls(stream) => stream.get_ref().0,
            _ => return false,
        };
        stream.local_addr().is_ok_and(|address| !network_watch::addresses().contains(&address.ip().to_canonical()))
    }

    async fn ask_for_proof(&mut self) -> Result<(), Error> {
        self.prove_until = Some(Instant::now() + PROOF_TIMEOUT);
        self.send(&ClientMsg::Ping).await
    }

    fn has_failed_to_prove(&self) -> bool {
        self.prove_until.is_some_and(|until| until <= Instant::now())
    }

    async fn close(mut self) {
        // A connection that is lost cannot be closed politely.
        let _ = tokio::time::timeout(Duration::from_secs(1), self.stream.close(None)).await;
    }
}

/// What came over the socket.
#[derive(Debug)]
enum Incoming {
    Msg(ServerMsg),
    /// Something of a later protocol; an event has its place and counts.
    Unknown {
        seq: Option<EventSeq>,
    },
    /// Nothing but a sign of life.
    Alive,
}

#[derive(Deserialize)]
struct AnyEvent {
    seq: EventSeq,
}

/// The next frame; none when the connection is over. Dropping the future loses nothing.
async fn next_msg(stream: &mut Stream) -> Option<Incoming> {
    match stream.next().await?.ok()? {
        Message::Text(text) => Some(match serde_json::from_str(&text) {
            Ok(msg) => Incoming::Msg(msg),
            Err(_) => {
                tracing::debug!(bytes = text.len(), "a message of the relay makes no sense to this version");
                Incoming::Unknown { seq: serde_json::from_str::<AnyEvent>(&text).ok().map(|event| event.seq) }
            }
        }),
        Message::Close(_) => None,
        Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Some(Incoming::Alive),
    }
}

async fn send(stream: &mut Stream, msg: &ClientMsg) -> Result<(), Error> {
    let text = serde_json::to_string(msg).map_err(|error| Error::Io(std::io::Error::other(error)))?;
    let sending = stream.send(Message::text(text));
    tokio::time::timeout(SEND_TIMEOUT, sending).await.unwrap_or(Err(Error::ConnectionClosed))
}
