//! [`Peer`] on the `webrtc` crate.

use super::budget::{Congestion, SendBudget};
use super::clocks::Clocks;
use super::hello::{Cookie, HelloExchange};
use super::ice;
use super::incoming::Incoming;
use super::interfaces::LocalAddresses;
use super::local_text::{user_fragment, without_base, without_candidates};
use super::outgoing::OutgoingTrack;
use super::remote_text::{CandidateUse, check_candidate, check_description, ice_password, relay_address};
use super::runtime::PeerRuntime;
use super::turn_stream::{StreamRelays, is_turn};
use super::{
    AudioUnit, IceCandidate, MediaKind, Peer, PeerConfig, PeerError, PeerEvent, PeerSink, TransportState,
    TransportStats, VideoUnit, codecs, transport_stats,
};
use async_trait::async_trait;
use futures_util::FutureExt;
use parley_shared::limits::CANDIDATES_PER_CONNECTION;
use rtc::ice::mdns::MulticastDnsMode;
use rtc::peer_connection::configuration::RTCOfferOptions;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_remote::TrackRemote;
use webrtc::peer_connection::{
    PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCConfiguration, RTCIceCandidateInit,
    RTCIceGatheringState, RTCPeerConnectionIceEvent, RTCPeerConnectionState, RTCSessionDescription, StatsSelector,
};
use webrtc::runtime::Runtime;

/// A connection on the `webrtc` crate. Needs a Tokio runtime around it from [`open`](Self::open) to the drop.
pub struct WebrtcPeer {
    connection: Arc<dyn PeerConnection>,
    video: OutgoingTrack,
    audio: OutgoingTrack,
    incoming: Arc<Incoming>,
    budget: SendBudget,
    relays: Arc<StreamRelays>,
    /// Whether there are TURN relays at all.
    has_relays: bool,
    runtime: Arc<PeerRuntime>,
    addresses: LocalAddresses,
    cookie: Cookie,
    remote: Mutex<RemoteSide>,
    /// An offer that starts ICE anew, until its answer comes. Applying it earlier would end the present path at once.
    restart: Mutex<Option<RTCSessionDescription>>,
    /// Candidates of ours since the last offer or answer.
    told_candidates: Arc<AtomicUsize>,
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
        let clocks = Clocks::default();
        let incoming = Arc::new(Incoming::new(Arc::clone(&sink.on_packet), clocks.clone()));
        let addresses = LocalAddresses::new(config.loopback, config.network.clone());
        let mut relays = StreamRelays::new(config.extra_roots.clone());
        let configuration = ice::configuration(&config, &mut relays);
        let relays = Arc::new(relays);
        let cookie = Cookie::random();
        let hello = HelloExchange::new(cookie, config.cookie);
        let runtime = Arc::new(PeerRuntime::new(config.network.clone(), Arc::clone(&relays), hello));
        let told_candidates = Arc::<AtomicUsize>::default();
        let parts = Parts {
            config: &config,
            configuration: &configuration,
            sink: &sink,
            incoming: &incoming,
            clocks: &clocks,
            runtime: &runtime,
            addresses: &addresses,
            cookie,
            told_candidates: &told_candidates,
        };
        let connection = match parts.build(congestion.clone(), MulticastDnsMode::QueryOnly).await {
            Ok(connection) => connection,
            // A machine without multicast still calls; it only cannot resolve a browser's `.local` names.
            Err(error) => {
                tracing::debug!(%error, "no multicast DNS for this connection");
                parts.build(congestion, MulticastDnsMode::Disabled).await?
            }
        };
        let audio = OutgoingTrack::add_to(&*connection, MediaKind::Audio, clocks.clone()).await?;
        let video = OutgoingTrack::add_to(&*connection, MediaKind::Video, clocks).await?;
        tokio::spawn(report_end(video.track(), sink.on_event));
        Ok(Self {
            connection,
            video,
            audio,
            incoming,
            budget,
            relays,
            has_relays: configuration.ice_servers().iter().any(|server| server.urls.iter().any(|url| is_turn(url))),
            runtime,
            addresses,
            cookie,
            remote: Mutex::default(),
            restart: Mutex::default(),
            told_candidates,
            closed: AtomicBool::new(false),
        })
    }

    /// Applies our own description, which begins the gathering of candidates.
    async fn describe(&self, description: RTCSessionDescription) -> Result<(), PeerError> {
        self.told_candidates.store(0, Ordering::Relaxed);
        self.runtime.second_round().set_wanted(self.has_relays);
        if let Some(user_fragment) = user_fragment(&description.sdp) {
            self.runtime.gate().set_user_fragment(user_fragment);
        }
        guarded(self.connection.set_local_description(description)).await
    }

    /// Applies the other side's description and then the candidates that came before it.
    async fn take_in(&self, description: RTCSessionDescription) -> Result<(), PeerError> {
        guarded(self.connection.set_remote_description(description)).await.map_err(as_bad_description)?;
        let mut remote = self.remote.lock().await;
        remote.is_described = true;
        // Candidates are counted between descriptions, of which there is a bounded number.
        remote.candidates = remote.early.len();
        for candidate in std::mem::take(&mut remote.early) {
            self.add_now(candidate).await?;
        }
        self.runtime.set_described();
        Ok(())
    }

    async fn negotiated(&self) -> Result<(), PeerError> {
        self.video.negotiated().await?;
        let audio = self.audio.negotiated().await?;
        self.incoming.set_audio_types(audio.media, audio.red);
        Ok(())
    }

    async fn add_now(&self, candidate: IceCandidate) -> Result<(), PeerError> {
        if let Some(address) = relay_address(&candidate) {
            self.runtime.nominate(|nomination| nomination.add_relay(address));
        }
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
        let sdp = self.cookie.add_to(&without_candidates(&offer.sdp));
        self.describe(offer).await?;
        Ok(sdp)
    }

    async fn restart_offer(&self) -> Result<String, PeerError> {
        let options = RTCOfferOptions { ice_restart: true };
        let offer = guarded(self.connection.create_offer(Some(options))).await?;
        let sdp = without_candidates(&offer.sdp);
        *self.restart.lock().await = Some(offer);
        Ok(sdp)
    }

    async fn answer(&self, offer_sdp: &str) -> Result<String, PeerError> {
        check_description(offer_sdp)?;
        let offer = RTCSessionDescription::offer(offer_sdp.to_owned()).map_err(bad_description)?;
        *self.restart.lock().await = None;
        self.take_in(offer).await?;
        let answer = guarded(self.connection.create_answer(None)).await.map_err(as_bad_description)?;
        let sdp = without_candidates(&answer.sdp);
        self.describe(answer).await.map_err(as_bad_description)?;
        self.negotiated().await?;
        Ok(sdp)
    }

    async fn accept_answer(&self, answer_sdp: &str) -> Result<(), PeerError> {
        check_description(answer_sdp)?;
        let answer = RTCSessionDescription::answer(answer_sdp.to_owned()).map_err(bad_description)?;
        if let Some(restart) = self.restart.lock().await.take() {
            self.describe(restart).await?;
        } else if let (Some(password), Ok(crypto)) = (ice_password(answer_sdp), rtc::crypto::default_provider()) {
            self.runtime.nominate(|nomination| nomination.begin(crypto, password.to_owned()));
        }
        self.take_in(answer).await?;
        self.negotiated().await
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

    fn set_audio_copies(&self, copies: usize) {
        self.audio.set_copies(copies);
    }

    async fn request_key_frame(&self) {
        self.incoming.request_key_frame().await;
    }

    fn budget(&self) -> SendBudget {
        self.budget.clone()
    }

    fn silence(&self, now: Instant) -> Duration {
        self.runtime.pulse().silent_since().map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }

    fn has_lost_its_address(&self) -> bool {
        self.runtime.pulse().address().is_some_and(|address| !self.addresses.current().contains(&address))
    }

    async fn stats(&self) -> TransportStats {
        let report = self.connection.get_stats(Instant::now(), StatsSelector::None).await;
        let mut stats = transport_stats::read(&report, &self.relays);
        stats.remote_loss = self.video.reported_loss();
        stats.remote_audio_loss = self.audio.reported_loss();
        stats.video_packets_sent = self.video.packets_sent();
        stats.video_bytes_sent = self.video.bytes_sent();
        stats.audio_packets_sent = self.audio.packets_sent();
        stats.audio_bytes_sent = self.audio.bytes_sent();
        self.incoming.count_into(&mut stats);
        let is_direct = stats.route.starts_with("direct");
        self.runtime.second_round().set_wanted(self.has_relays && !is_direct && !self.closed.load(Ordering::Relaxed));
        stats
    }

    async fn close(&self) {
        if self.closed.swap(true, Ordering::Relaxed) {
            return;
        }
        self.runtime.second_round().set_wanted(false);
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
            self.runtime.second_round().set_wanted(false);
            runtime.spawn(async move { connection.close().await });
        }
    }
}

impl std::fmt::Debug for WebrtcPeer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebrtcPeer").field("target_bps", &self.budget.target_bps()).finish_non_exhaustive()
    }
}

/// What a connection is built from, for each try.
struct Parts<'a> {
    config: &'a PeerConfig,
    configuration: &'a RTCConfiguration,
    sink: &'a PeerSink,
    incoming: &'a Arc<Incoming>,
    clocks: &'a Clocks,
    runtime: &'a Arc<PeerRuntime>,
    addresses: &'a LocalAddresses,
    cookie: Cookie,
    told_candidates: &'a Arc<AtomicUsize>,
}

impl Parts<'_> {
    async fn build(
        &self,
        congestion: Congestion,
        mdns: MulticastDnsMode,
    ) -> Result<Arc<dyn PeerConnection>, PeerError> {
        let on_event = Arc::clone(&self.sink.on_event);
        let registry =
            codecs::interceptors(congestion, self.clocks.clone(), move || on_event(PeerEvent::KeyFrameRequested));
        let handler = Handler {
            on_event: Arc::clone(&self.sink.on_event),
            incoming: Arc::clone(self.incoming),
            candidates: Arc::clone(self.told_candidates),
            is_relay_only: self.config.relay_only,
        };
        let connection = PeerConnectionBuilder::new()
            .with_configuration(self.configuration.clone())
            .with_media_engine(codecs::media_engine()?)
            .with_interceptor_registry(registry)
            .with_setting_engine(ice::settings(mdns, self.config, self.cookie)?)
            .with_runtime(Arc::clone(self.runtime) as Arc<dyn Runtime>)
            .with_handler(Arc::new(handler))
            .with_udp_addrs(vec![self.addresses.clone()])
            .build()
            .await?;
        Ok(Arc::new(connection))
    }
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
    candidates: Arc<AtomicUsize>,
    is_relay_only: bool,
}

#[async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_candidate(&self, event: RTCPeerConnectionIceEvent) {
        let Ok(init) = event.candidate.to_json() else { return };
        if init.candidate.is_empty() || self.candidates.fetch_add(1, Ordering::Relaxed) >= CANDIDATES_PER_CONNECTION {
            return;
        }
        let candidate = if self.is_relay_only { without_base(&init.candidate) } else { init.candidate };
        (self.on_event)(PeerEvent::Candidate(IceCandidate {
            candidate,
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
