//! One remote participant's media: negotiation, sending, receiving, statistics.

mod actor;
mod depacketize;
mod freezes;
mod link;
mod lip_sync;
mod negotiation;
mod picture_plan;
mod picture_receiver;
mod protection;
mod rates;
mod reorder;
mod stats;
mod tracks;

#[cfg(any(test, feature = "hostile"))]
pub(crate) use self::{
    depacketize::{Assembled, Assembler},
    reorder::Reorder,
};
pub use stats::{AudioStats, MarkStats, PeerStats, VideoStats};

use super::frame_hub::{FrameHub, StreamId};
use super::local::LocalMedia;
use crate::peer::{BandwidthLimits, IceServer, Loopback, TestNetwork};
use actor::{Actor, Command};
use parley_shared::wire::Signal;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// A connection has up to 64 candidates; whoever sends more at once loses them.
const COMMAND_QUEUE: usize = 256;
const EVENT_QUEUE: usize = 256;

/// Who makes the first offer: the one who joins a call, to each of those already in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Offerer,
    Answerer,
}

/// What a session is made from.
#[derive(Debug, Clone)]
pub struct PeerSessionConfig {
    pub local: LocalMedia,
    pub frames: FrameHub,
    /// Where the participant's pictures are published.
    pub stream: StreamId,
    pub role: Role,
    pub ice_servers: Vec<IceServer>,
    pub relay_only: bool,
    pub loopback: Loopback,
    pub bandwidth: BandwidthLimits,
    /// A connection that is not up after this time is built anew.
    pub setup_timeout: Duration,
    /// Certificates (DER) that TURN relays over TLS may be signed with, besides the system's.
    pub extra_roots: Vec<Vec<u8>>,
    /// For tests: what our datagrams suffer.
    pub network: Option<TestNetwork>,
}

impl PeerSessionConfig {
    /// The usual settings: direct connections preferred, 10 s for the set-up, no test network.
    pub fn new(local: LocalMedia, frames: FrameHub, stream: StreamId, role: Role) -> Self {
        Self {
            local,
            frames,
            stream,
            role,
            ice_servers: Vec::new(),
            relay_only: false,
            loopback: Loopback::default(),
            bandwidth: BandwidthLimits::default(),
            setup_timeout: Duration::from_secs(10),
            extra_roots: Vec::new(),
            network: None,
        }
    }
}

/// ```text
/// Connecting ──▶ Connected ◀──▶ Reconnecting
///      └── 30 s without a connection ──┴──▶ Failed ──▶ Connected (it goes on trying)
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerState {
    Connecting,
    Connected,
    Reconnecting,
    /// Not connected for 30 s. The session still tries.
    Failed,
}

#[derive(Debug, Clone, PartialEq)]
pub enum PeerSessionEvent {
    /// To be sent to the other participant, in order.
    Signal(Signal),
    State(PeerState),
    /// The first picture is in the hub.
    FirstVideo,
    /// The first sound has come.
    FirstAudio,
}

/// Starts sessions.
#[derive(Debug)]
pub struct PeerSession;

impl PeerSession {
    /// Starts a session on the current Tokio runtime. An offerer's offer comes as the first events.
    ///
    /// The events must be read; the receiver ends after [`PeerSessionHandle::close`], or when all handles are dropped.
    pub fn spawn(config: PeerSessionConfig) -> (PeerSessionHandle, mpsc::Receiver<PeerSessionEvent>) {
        let (commands, received) = mpsc::channel(COMMAND_QUEUE);
        let (events, event_receiver) = mpsc::channel(EVENT_QUEUE);
        tokio::spawn(Actor::new(config, events).run(received));
        (PeerSessionHandle { commands }, event_receiver)
    }
}

/// Talks to a running session. When the last clone is dropped the session closes.
#[derive(Debug, Clone)]
pub struct PeerSessionHandle {
    commands: mpsc::Sender<Command>,
}

impl PeerSessionHandle {
    /// Takes in a signal of the other participant. Does not block. Malformed and old signals do no harm.
    ///
    /// # Errors
    /// When the session has ended, or is so far behind that the signal is lost.
    pub fn on_signal(&self, signal: Signal) -> Result<(), SessionClosed> {
        self.commands.try_send(Command::Signal(signal)).map_err(|_| SessionClosed)
    }

    /// The machine's addresses have changed, or it was asleep: a connection that stood on an address which is gone is
    /// restarted at once. One that goes on as before is left alone.
    pub fn network_changed(&self) {
        // A session that is so far behind notices by the silence.
        let _ = self.commands.try_send(Command::NetworkChanged);
    }

    /// What the session has measured; all zero after it has ended.
    pub async fn stats(&self) -> PeerStats {
        let (reply, answer) = oneshot::channel();
        if self.commands.send(Command::Stats(reply)).await.is_err() {
            return PeerStats::default();
        }
        answer.await.unwrap_or_default()
    }

    /// Ends the session and waits until its sockets are closed.
    pub async fn close(&self) {
        let (reply, answer) = oneshot::channel();
        if self.commands.send(Command::Close(reply)).await.is_ok() {
            let _ = answer.await;
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the session with this participant has ended")]
pub struct SessionClosed;
