//! [`Peer`] on the `webrtc` crate.

use super::budget::{Congestion, SendBudget};
use super::incoming::Incoming;
use super::outgoing::OutgoingTrack;
use super::remote_text::{CandidateUse, check_candidate, check_description};
use super::runtime::PeerRuntime;
use super::{
    AudioUnit, IceCandidate, IceServer, MediaKind, Peer, PeerConfig, PeerError, PeerEvent, PeerSink, TransportState,
    TransportStats, VideoUnit, codecs, interfaces, transport_stats,
};
use async_trait::async_trait;
use futures_util::FutureExt;
use parley_shared::limits::CANDIDATES_PER_CONNECTION;
use rtc::ice::mdns::MulticastDnsMode;
use rtc::peer_connection::transport::RTCDtlsRole;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_remote::TrackRemote;
use webrtc::peer_connection::{
    PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCConfigurationBuilder, RTCIceCandidateInit,
    RTCIceGatheringState, RTCIceServer, RTCIceTransportPolicy, RTCPeerConnectionIceEvent, RTCPeerConnectionState,
    RTCSessionDescription, SettingEngine, SettingEngineBuilder, StatsSelector,
};

/// The stack checks candidates on this tick; its default of 200 ms is most of a call's set-up on a fast network.
const ICE_CHECK_INTERVAL: Duration = Duration::from_millis(20);
/// 14 s of checks, longer than a session waits for a connection.
const ICE_MAX_CHECKS: u16 = 700;
const ICE_DISCONNECTED_AFTER: Duration = Duration::from_secs(3);
const ICE_FAILED_AFTER: Duration = Duration::from_secs(12);
const ICE_KEEPALIVE: Duration = Duration::from_secs(1);

/// A connection on the `webrtc` crate. Needs a Tokio runtime around it from [`open`](Self::open) to the drop.
pub struct WebrtcPeer {
    connection: Arc<dyn PeerConnection>,
    video: OutgoingTrack,
    audio: OutgoingTrack,
    incoming: Arc<Incoming>,
    budget: SendBudget,
    remote: Mutex<RemoteSide>,
    closed: AtomicBool,
}

/// What has been taken in of the other side.
#[derive(Default)]
struct RemoteSide {
    is_described: bool,
    candidates: usize,
    /// Candidates that came before the description.
    early: Vec<IceCandidate>,
}

impl WebrtcPeer {
    /// Binds sockets and makes a connection that is ready to offer or to answer.
    ///
    /// # Errors
    /// [`PeerError::Stack`] when no socket can be bound.
    pub async fn open(config: PeerConfig, sink: PeerSink) -> Result<Self, PeerError> {
        let congestion = Congestion::new(config.bandwidth);
        let budget = congestion.budget();
        let incoming = Arc::new(Incoming::new(Arc::clone(&sink.on_packet)));
        let connection = match build(&config, &sink, &incoming, congestion.clone(), MulticastDnsMode::QueryOnly).await {
            Ok(connection) => connection,
            // A machine without multicast still calls; it only cannot resolve a browser's `.local` names.
            Err(error) => {
                tracing::debug!(%error, "no multicast DNS for this connection");
                build(&config, &sink, &incoming, congestion, MulticastDnsMode::Disabled).await?
            }
        };
        let audio = OutgoingTrack::add_to(&*connection, MediaKind::Audio).await?;
        let video = OutgoingTrack::add_to(&*connection, MediaKind::Video).await?;
        tokio::spawn(report_end(video.track(), sink.on_event));
        Ok(Self {
            connection,
            video,
            audio,
            incoming,
            budget,
            remote: Mutex::default(),
            closed: AtomicBool::new(false),
        })
    }

    /// Applies the other side's description and then the candidates that came before it.
    async fn take_in(&self, description: RTCSessionDescription) -> Result<(), PeerError> {
        guarded(self.connection.set_remote_description(description)).await.map_err(as_bad_description)?;
        let mut remote = self.remote.lock().await;
        remote.is_described = true;
        for candidate in std::mem::take(&mut remote.early) {
            self.add_now(candidate).await?;
        }
        Ok(())
    }

    async fn add_now(&self, candidate: IceCandidate) -> Result<(), PeerError> {
        let init = RTCIceCandidateInit {
            candidate: candidate.candidate,
            sdp_mid: candidate.sdp_mid,
            sdp_mline_index: candidate.sdp_m_line_index,
            ..Default::default()
        };
        guarded(self.connection.add_ice_candidate(init)).await.map_err(|error| {
            tracing::debug!(%error, "a candidate was refused");
            PeerError::BadCandidate
        })
    }
}

#[async_trait]
impl Peer for WebrtcPeer {
    async fn offer(&self) -> Result<String, PeerError> {
        let offer = guarded(self.connection.create_offer(None)).await?;
        let sdp = offer.sdp.clone();
        guarded(self.connection.set_local_description(offer)).await?;
        Ok(sdp)
    }

    async fn answer(&self, offer_sdp: &str) -> Result<String, PeerError> {
        check_description(offer_sdp)?;
        let offer = RTCSessionDescription::offer(offer_sdp.to_owned()).map_err(bad_description)?;
        self.take_in(offer).await?;
        let answer = guarded(self.connection.create_answer(None)).await.map_err(as_bad_description)?;
        let sdp = answer.sdp.clone();
        guarded(self.connection.set_local_description(answer)).await.map_err(as_bad_description)?;
        self.video.negotiated().await?;
        self.audio.negotiated().await?;
        Ok(sdp)
    }

    async fn accept_answer(&self, answer_sdp: &str) -> Result<(), PeerError> {
        check_description(answer_sdp)?;
        let answer = RTCSessionDescription::answer(answer_sdp.to_owned()).map_err(bad_description)?;
        self.take_in(answer).await?;
        self.video.negotiated().await?;
        self.audio.negotiated().await
    }

    async fn add_candidate(&self, candidate: IceCandidate) -> Result<(), PeerError> {
        let usage = check_candidate(&candidate)?;
        let mut remote = self.remote.lock().await;
        remote.candidates += 1;
        if remote.candidates > CANDIDATES_PER_CONNECTION {
            return Err(PeerError::TooManyCandidates);
        }
        match usage {
            CandidateUse::Skip => Ok(()),
            CandidateUse::Add if remote.is_described => self.add_now(candidate).await,
            CandidateUse::Add => {
                remote.early.push(candidate);
                Ok(())
            }
        }
    }

    async fn send_video(&self, unit: &VideoUnit) -> Result<(), PeerError> {
        self.video.send_video(unit).await
    }

    async fn send_audio(&self, unit: &AudioUnit) -> Result<(), PeerError> {
        self.audio.send_audio(unit).await
    }

    async fn request_key_frame(&self) {
        self.incoming.request_key_frame().await;
    }

    fn budget(&self) -> SendBudget {
        self.budget.clone()
    }

    async fn stats(&self) -> TransportStats {
        let report = self.connection.get_stats(Instant::now(), StatsSelector::None).await;
        let mut stats = transport_stats::read(&report);
        stats.video_packets_sent = self.video.packets_sent();
        stats.video_bytes_sent = self.video.bytes_sent();
        stats.audio_packets_sent = self.audio.packets_sent();
        stats.audio_bytes_sent = self.audio.bytes_sent();
        self.incoming.count_into(&mut stats);
        stats
    }

    async fn close(&self) {
        if self.closed.swap(true, Ordering::Relaxed) {
            return;
        }
        if let Err(error) = self.connection.close().await {
            tracing::debug!(%error, "the connection did not close cleanly");
        }
    }
}

impl Drop for WebrtcPeer {
    fn drop(&mut self) {
        if self.closed.swap(true, Ordering::Relaxed) {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let connection = Arc::clone(&self.connection);
            runtime.spawn(async move { connection.close().await });
        }
    }
}

impl std::fmt::Debug for WebrtcPeer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebrtcPeer").field("target_bps", &self.budget.target_bps()).finish_non_exhaustive()
    }
}

async fn build(
    config: &PeerConfig,
    sink: &PeerSink,
    incoming: &Arc<Incoming>,
    congestion: Congestion,
    mdns: MulticastDnsMode,
) -> Result<Arc<dyn PeerConnection>, PeerError> {
    let on_event = Arc::clone(&sink.on_event);
    let registry = codecs::interceptors(congestion, move || on_event(PeerEvent::KeyFrameRequested));
    let handler = Handler {
        on_event: Arc::clone(&sink.on_event),
        incoming: Arc::clone(incoming),
        candidates: AtomicUsize::new(0),
    };
    let connection = PeerConnectionBuilder::new()
        .with_configuration(configuration(config))
        .with_media_engine(codecs::media_engine()?)
        .with_interceptor_registry(registry)
        .with_setting_engine(settings(mdns))
        .with_runtime(Arc::new(PeerRuntime::new(config.network.clone())))
        .with_handler(Arc::new(handler))
        .with_udp_addrs(interfaces::bind_addresses(config.loopback))
        .build()
        .await?;
    Ok(Arc::new(connection))
}

fn configuration(config: &PeerConfig) -> webrtc::peer_connection::RTCConfiguration {
    let policy = if config.relay_only { RTCIceTransportPolicy::Relay } else { RTCIceTransportPolicy::All };
    RTCConfigurationBuilder::new()
        .with_ice_servers(config.ice_servers.iter().map(ice_server).collect())
        .with_ice_transport_policy(policy)
        .build()
}

fn ice_server(server: &IceServer) -> RTCIceServer {
    RTCIceServer {
        urls: server.urls.clone(),
        username: server.username.clone().unwrap_or_default(),
        credential: server.credential.as_ref().map(|secret| secret.reveal().to_owned()).unwrap_or_default(),
    }
}

fn settings(mdns: MulticastDnsMode) -> SettingEngine {
    let at_once = Some(Duration::ZERO);
    SettingEngineBuilder::new()
        .with_ice_connection_attempts(Some(ICE_CHECK_INTERVAL), Some(ICE_MAX_CHECKS))
        .with_ice_timeouts(Some(ICE_DISCONNECTED_AFTER), Some(ICE_FAILED_AFTER), Some(ICE_KEEPALIVE))
        .with_srflx_acceptance_min_wait(at_once)
        .with_prflx_acceptance_min_wait(at_once)
        .with_relay_acceptance_min_wait(at_once)
        .with_include_loopback_candidate(true)
        // The DTLS server sends the last flight, and only our side repeats a lost one.
        .with_answering_dtls_role(RTCDtlsRole::Server)
        .with_multicast_dns_mode(mdns)
        .build()
}

/// Tells when the driver is gone: it may end by itself, without any state event.
async fn report_end(track: Arc<dyn TrackLocal>, on_event: Arc<dyn Fn(PeerEvent) + Send + Sync>) {
    while track.poll().await.is_some() {}
    on_event(PeerEvent::Stopped);
}

/// Turns a panic of the stack, which other people's text may cause, into an error.
async fn guarded<T>(call: impl Future<Output = webrtc::error::Result<T>>) -> Result<T, PeerError> {
    match AssertUnwindSafe(call).catch_unwind().await {
        Ok(result) => Ok(result?),
        Err(_) => Err(PeerError::Stack("it panicked".to_owned())),
    }
}

fn bad_description(error: webrtc::error::Error) -> PeerError {
    PeerError::BadDescription(error.to_string())
}

fn as_bad_description(error: PeerError) -> PeerError {
    match error {
        PeerError::Stack(reason) => PeerError::BadDescription(reason),
        PeerError::DescriptionTooLong
        | PeerError::BadDescription(_)
        | PeerError::BadCandidate
        | PeerError::TooManyCandidates
        | PeerError::NoCommonCodec
        | PeerError::NotConnected => error,
    }
}

/// The stack's callbacks. They run on its driver, so none of them waits.
struct Handler {
    on_event: Arc<dyn Fn(PeerEvent) + Send + Sync>,
    incoming: Arc<Incoming>,
    candidates: AtomicUsize,
}

#[async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_candidate(&self, event: RTCPeerConnectionIceEvent) {
        let Ok(init) = event.candidate.to_json() else { return };
        if init.candidate.is_empty() || self.candidates.fetch_add(1, Ordering::Relaxed) >= CANDIDATES_PER_CONNECTION {
            return;
        }
        (self.on_event)(PeerEvent::Candidate(IceCandidate {
            candidate: init.candidate,
            sdp_mid: init.sdp_mid,
            sdp_m_line_index: init.sdp_mline_index,
        }));
    }

    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            (self.on_event)(PeerEvent::CandidatesDone);
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        let state = match state {
            RTCPeerConnectionState::New | RTCPeerConnectionState::Connecting => TransportState::Connecting,
            RTCPeerConnectionState::Connected => TransportState::Connected,
            RTCPeerConnectionState::Disconnected => TransportState::Disconnected,
            RTCPeerConnectionState::Failed => TransportState::Failed,
            _ => return,
        };
        (self.on_event)(PeerEvent::Transport(state));
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        self.incoming.begin(track).await;
    }
}
