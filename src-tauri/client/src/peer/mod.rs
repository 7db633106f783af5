//! One WebRTC connection to one other participant: ICE, DTLS, RTP. It knows no codec and no device.
//!
//! ```text
//! session ── offer / answer / candidates ──▶ Peer ── PeerEvent ──▶ session
//! encoders ── VideoUnit / AudioUnit ───────▶ Peer ── MediaPacket ─▶ receivers
//! ```
//!
//! [`WebrtcPeer`] is the implementation on the `webrtc` crate, with what that crate lacks built around it:
//! a gate before its sockets, shortened handshakes, repeated DTLS flights, RTX before NACK, requests for repairs and key frames, congestion control
//! and a pacer. Nothing that the other side sends may panic us: text is bounded before it is parsed, and a panic of the stack
//! becomes an error. Nothing that a stranger sends reaches the stack.

mod budget;
mod clocks;
mod codecs;
mod congestion;
mod connection;
mod dtls;
mod estimator;
mod feedback;
mod flight;
mod gate;
mod hello;
#[cfg(any(test, feature = "hostile"))]
pub(crate) mod hostile;
mod ice;
mod incoming;
mod interfaces;
mod local_text;
mod missing;
mod network;
mod nomination;
mod outgoing;
mod paced_sender;
mod pulse;
mod redundancy;
mod remote_text;
mod repair_requests;
mod retransmit;
mod runtime;
mod socket;
mod transport_stats;
mod turn_stream;
mod wire;

pub use budget::SendBudget;
pub use congestion::BandwidthLimits;
pub use connection::WebrtcPeer;
pub use hello::Cookie;
pub use interfaces::Loopback;
pub use network::{Bottleneck, Bursts, InFlight, JitterShape, NetworkProfile, NetworkStats, TestNetwork};
pub use parley_shared::wire::IceServer;

use async_trait::async_trait;
use bytes::Bytes;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A connection to one participant, driven by one session.
///
/// Dropping a peer closes it; [`close`](Self::close) also waits for its sockets.
#[async_trait]
pub trait Peer: Send + Sync + std::fmt::Debug {
    /// Makes an SDP offer and starts to gather candidates.
    async fn offer(&self) -> Result<String, PeerError>;

    /// Takes an offer in and makes the answer; starts to gather candidates. An offer of the other
    /// side on a connection that works starts ICE anew and gives up a [`restart_offer`](Self::restart_offer) of ours.
    async fn answer(&self, offer_sdp: &str) -> Result<String, PeerError>;

    /// Makes an offer that starts ICE anew on this connection: same keys, same media, new sockets of the addresses that the
    /// machine has by then. The present path stays in use until the answer is taken in, so an offer that nobody answers
    /// does no harm.
    async fn restart_offer(&self) -> Result<String, PeerError>;

    /// Takes in the answer to our offer.
    async fn accept_answer(&self, answer_sdp: &str) -> Result<(), PeerError>;

    /// Takes in a candidate of the other side. One that comes before the description is kept for it.
    async fn add_candidate(&self, candidate: IceCandidate) -> Result<(), PeerError>;

    /// Sends one encoded picture. Waits while the connection's queue is full; fails before it is negotiated.
    async fn send_video(&self, unit: &VideoUnit) -> Result<(), PeerError>;

    /// Sends one Opus packet.
    async fn send_audio(&self, unit: &AudioUnit) -> Result<(), PeerError>;

    /// Sends sound with copies of so many earlier packets from now on, if the other side understands that. (RFC 2198)
    fn set_audio_copies(&self, copies: usize);

    /// Asks the other side for a key frame (PLI). Does nothing before its video has begun.
    async fn request_key_frame(&self);

    /// What we may send; the handle stays true as long as the connection lives.
    fn budget(&self) -> SendBudget;

    /// How long nothing at all has come from the network.
    fn silence(&self, now: Instant) -> Duration;

    /// Whether the machine has lost the address that the connection heard by last.
    fn has_lost_its_address(&self) -> bool;

    async fn stats(&self) -> TransportStats;

    async fn close(&self);
}

/// What a connection is made from.
#[derive(Debug, Clone, Default)]
pub struct PeerConfig {
    pub ice_servers: Vec<IceServer>,
    /// Candidates of relays only, so that the other side never learns our address.
    pub relay_only: bool,
    /// The one in the offer that this connection is to answer: we then begin the DTLS handshake, and with it.
    pub cookie: Option<Cookie>,
    pub loopback: Loopback,
    pub bandwidth: BandwidthLimits,
    /// Certificates (DER) that TURN relays over TLS may be signed with, besides the system's.
    pub extra_roots: Vec<Vec<u8>>,
    /// For tests: what our datagrams suffer.
    pub network: Option<TestNetwork>,
}

/// Where a connection's packets and events go. Both are called on an async thread and must not block.
#[derive(Clone)]
pub struct PeerSink {
    pub on_event: Arc<dyn Fn(PeerEvent) + Send + Sync>,
    pub on_packet: Arc<dyn Fn(MediaKind, MediaPacket) + Send + Sync>,
}

impl std::fmt::Debug for PeerSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PeerSink")
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeerEvent {
    /// A candidate of ours for the other side.
    Candidate(IceCandidate),
    CandidatesDone,
    Transport(TransportState),
    /// The other side asks for a key frame.
    KeyFrameRequested,
    /// The connection's driver has ended. Comes once, also after `close`.
    Stopped,
}

/// ```text
/// Connecting ──▶ Connected ◀──▶ Disconnected ──▶ Failed
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransportState {
    Connecting,
    Connected,
    /// Nothing has come for a few seconds; it may heal by itself.
    Disconnected,
    Failed,
}

/// An ICE candidate as it travels between the two sides (RFC 8839 text).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IceCandidate {
    pub candidate: String,
    pub sdp_mid: Option<String>,
    pub sdp_m_line_index: Option<u16>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaKind {
    Audio,
    Video,
}

/// One RTP packet of the other side, in order of arrival.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaPacket {
    pub sequence_number: u16,
    /// 90 kHz for video, 48 kHz for audio.
    pub timestamp: u32,
    /// The last packet of a picture.
    pub marker: bool,
    pub payload: Bytes,
    pub arrived_at: Instant,
    /// When it was captured, in microseconds of the sender's wall clock. `None` before the sender's first report.
    pub captured_us: Option<i64>,
    /// Copies of the packets before this one that came with it, newest first. Of sound only.
    pub copies: Vec<PacketCopy>,
}

/// A copy of an earlier packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PacketCopy {
    pub timestamp: u32,
    pub payload: Bytes,
}

/// One encoded picture: an H.264 access unit with start codes.
#[derive(Debug, Clone)]
pub struct VideoUnit {
    pub annex_b: Bytes,
    pub is_key_frame: bool,
    pub captured_at: Instant,
}

/// One Opus packet of 10 or 20 ms.
#[derive(Debug, Clone)]
pub struct AudioUnit {
    pub packet: Bytes,
    /// Its first sample, counted at 48 kHz since the sound began; goes on during silence.
    pub sample_position: u64,
    /// When its first sample was captured.
    pub captured_at: Instant,
    /// Whether nothing was sent directly before it.
    pub begins_talk_spurt: bool,
}

/// What the transport has measured.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TransportStats {
    pub rtt: Option<Duration>,
    /// What the other side has lost of our video lately, 0 to 1.
    pub remote_loss: f64,
    /// What the other side has lost of our sound lately, 0 to 1.
    pub remote_audio_loss: f64,
    pub video_packets_sent: u64,
    pub video_bytes_sent: u64,
    pub audio_packets_sent: u64,
    pub audio_bytes_sent: u64,
    pub video_packets_received: u64,
    pub video_bytes_received: u64,
    pub audio_packets_received: u64,
    pub audio_bytes_received: u64,
    /// In words a person understands: "direct udp", "relayed udp", "relayed tcp", "relayed tls". Empty before it is connected.
    pub route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeerError {
    #[error("the description is longer than {limit} bytes", limit = parley_shared::limits::SDP_BYTES)]
    DescriptionTooLong,
    #[error("the description is not understood: {0}")]
    BadDescription(String),
    #[error("the candidate is not understood")]
    BadCandidate,
    #[error("more than {limit} candidates for one connection", limit = parley_shared::limits::CANDIDATES_PER_CONNECTION)]
    TooManyCandidates,
    #[error("the two sides have no codec in common")]
    NoCommonCodec,
    #[error("the connection is not negotiated yet")]
    NotConnected,
    #[error("the connection failed: {0}")]
    Stack(String),
}

impl From<webrtc::error::Error> for PeerError {
    fn from(error: webrtc::error::Error) -> Self {
        Self::Stack(error.to_string())
    }
}
