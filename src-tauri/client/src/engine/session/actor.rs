//! The task that owns a session: signals in, connection built, restarted and rebuilt, events out.

mod steps;

use super::link::{Link, LinkEvent};
use super::lip_sync::LipSync;
use super::negotiation::{Negotiation, Step};
use super::picture_receiver::{PictureEvent, PictureReceiver};
use super::rates::{Counters, RateMeter};
use super::stats::{AudioStats, MarkStats, PeerStats, VideoStats};
use super::tracks::LocalTracks;
use super::{PeerSessionConfig, PeerSessionEvent, PeerState};
use crate::engine::local::RemoteSound;
use crate::peer::{IceCandidate, PeerEvent, SendBudget, TransportState, TransportStats};
use parley_shared::wire::{DescriptionKind, Signal};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

/// Candidates, states and requests of the connection that wait; a connection makes about 70 at most.
const LINK_QUEUE: usize = 256;
/// How often to see whether the other side is still heard.
const LISTEN_INTERVAL: Duration = Duration::from_millis(100);
/// How often picture and sound are brought together.
const SYNC_INTERVAL: Duration = Duration::from_millis(200);
const MEASURE_INTERVAL: Duration = Duration::from_secs(1);
/// A gap after which the other side has lost its picture.
const GAP: Duration = Duration::from_millis(800);
const FAILED_AFTER: Duration = Duration::from_secs(30);
const VIDEO_CODEC: &str = "H.264";
const AUDIO_CODEC: &str = "Opus";

pub(super) enum Command {
    Signal(Signal),
    NetworkChanged,
    Stats(oneshot::Sender<PeerStats>),
    Close(oneshot::Sender<()>),
}

pub(super) struct Actor {
    config: PeerSessionConfig,
    events: mpsc::Sender<PeerSessionEvent>,
    negotiation: Negotiation,
    tracks: LocalTracks,
    link: Option<Link>,
    link_events: (mpsc::Sender<LinkEvent>, mpsc::Receiver<LinkEvent>),
    /// Old connections that are being closed.
    closing: JoinSet<()>,
    pictures: PictureReceiver,
    sound: Arc<RemoteSound>,
    state: PeerState,
    /// Since when there has been no connection.
    down_since: Option<Instant>,
    /// The transport has a path, as far as it knows.
    has_path: bool,
    /// Nothing came for longer than [`GAP`].
    in_gap: bool,
    rates: RateMeter,
    transport: TransportStats,
    lip_sync: LipSync,
}

impl Actor {
    pub(super) fn new(config: PeerSessionConfig, events: mpsc::Sender<PeerSessionEvent>) -> Self {
        let link_events = mpsc::channel(LINK_QUEUE);
        let told = link_events.0.clone();
        let on_event = move |event| {
            let _ = told.try_send(LinkEvent::Picture(event));
        };
        let pictures =
            PictureReceiver::spawn(config.frames.clone(), config.stream, config.local.measures_marks(), on_event);
        let sound = config.local.add_remote_sound(config.stream);
        Self {
            negotiation: Negotiation::new(config.role, config.setup_timeout),
            config,
            events,
            tracks: LocalTracks::new(),
            link: None,
            link_events,
            closing: JoinSet::new(),
            pictures,
            sound,
            state: PeerState::Connecting,
            down_since: Some(Instant::now()),
            has_path: false,
            in_gap: false,
            rates: RateMeter::default(),
            transport: TransportStats::default(),
            lip_sync: LipSync::default(),
        }
    }

    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        let mut listen = tokio::time::interval(LISTEN_INTERVAL);
        listen.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut sync = tokio::time::interval(SYNC_INTERVAL);
        sync.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut measure = tokio::time::interval(MEASURE_INTERVAL);
        measure.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        self.tell(PeerSessionEvent::State(PeerState::Connecting));
        let first = self.negotiation.begin(Instant::now());
        self.take_step(first, None).await;
        let reply = loop {
            tokio::select! {
                command = commands.recv() => match command {
                    Some(Command::Signal(signal)) => self.on_signal(signal).await,
                    Some(Command::NetworkChanged) => self.on_network_changed().await,
                    Some(Command::Stats(reply)) => {
                        self.measure().await;
                        let _ = reply.send(self.stats());
                    }
                    Some(Command::Close(reply)) => break Some(reply),
                    None => break None,
                },
                Some(event) = self.link_events.1.recv() => self.on_link_event(event).await,
                () = sleep_until(self.negotiation.poll_timeout()) => {
                    let step = self.negotiation.handle_timeout(Instant::now());
                    self.take_step(step, None).await;
                }
                _ = listen.tick() => self.listen().await,
                _ = sync.tick() => self.synchronize(),
                _ = measure.tick() => self.tick().await,
                Some(_) = self.closing.join_next() => {}
            }
        };
        self.shut_down().await;
        if let Some(reply) = reply {
            let _ = reply.send(());
        }
    }

    async fn on_signal(&mut self, signal: Signal) {
        let now = Instant::now();
        match signal {
            Signal::Description { kind: DescriptionKind::Offer, sdp, generation, tracks: _ } => {
                let step = self.negotiation.on_offer(generation, now);
                self.take_step(step, Some(sdp)).await;
            }
            Signal::Description { kind: DescriptionKind::Answer, sdp, generation, tracks: _ } => {
                let step = self.negotiation.on_answer(generation, now);
                self.take_step(step, Some(sdp)).await;
            }
            Signal::Candidate { candidate, sdp_mid, sdp_m_line_index, generation } => {
                if self.negotiation.on_candidate(generation) == Step::AddCandidate {
                    self.add_candidate(IceCandidate { candidate, sdp_mid, sdp_m_line_index }).await;
                }
            }
            // The transport goes on looking for pairs; nothing follows from the end of the list.
            Signal::CandidatesDone { generation: _ } => {}
        }
    }

    async fn on_link_event(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Picture(PictureEvent::FirstPicture) => self.tell(PeerSessionEvent::FirstVideo),
            LinkEvent::Picture(PictureEvent::KeyFrameNeeded) => {
                if let Some(link) = &self.link {
                    link.peer().request_key_frame().await;
                }
            }
            LinkEvent::FirstSound => self.tell(PeerSessionEvent::FirstAudio),
            LinkEvent::Peer { generation, event } => {
                if self.link.as_ref().is_some_and(|link| link.generation() == generation) {
                    self.on_peer_event(generation, event).await;
                }
            }
        }
    }

    async fn on_peer_event(&mut self, generation: u32, event: PeerEvent) {
        match event {
            PeerEvent::Candidate(IceCandidate { candidate, sdp_mid, sdp_m_line_index }) => {
                self.tell_signal(Signal::Candidate { candidate, sdp_mid, sdp_m_line_index, generation });
            }
            PeerEvent::CandidatesDone => self.tell_signal(Signal::CandidatesDone { generation }),
            PeerEvent::KeyFrameRequested => self.config.local.request_key_frame(),
            PeerEvent::Transport(state) => self.on_transport(state).await,
            PeerEvent::Stopped => self.on_broken().await,
        }
    }

    async fn on_transport(&mut self, state: TransportState) {
        self.has_path = state == TransportState::Connected;
        match state {
            TransportState::Connecting => {}
            TransportState::Connected => self.on_connected(),
            TransportState::Disconnected => self.on_down(),
            TransportState::Failed => self.on_broken().await,
        }
    }

    fn on_connected(&mut self) {
        self.negotiation.on_connected();
        if let Some(link) = &mut self.link {
            link.start_sending(&self.config.local);
        }
        self.on_up();
    }

    fn on_up(&mut self) {
        self.down_since = None;
        self.enter(PeerState::Connected);
    }

    /// Looks how long nothing has come.
    async fn listen(&mut self) {
        let Some(link) = &self.link else { return };
        let now = Instant::now();
        let silence = link.peer().silence(now);
        if silence >= GAP {
            self.in_gap = true;
        } else if std::mem::take(&mut self.in_gap) {
            self.on_heard_again().await;
        }
        let step = self.negotiation.on_silence(silence, now);
        if step != Step::Ignore {
            self.on_down();
        }
        self.take_step(step, None).await;
    }

    /// What both sides sent meanwhile is lost: both begin with a fresh picture.
    async fn on_heard_again(&mut self) {
        if self.has_path {
            self.on_up();
        }
        self.config.local.request_key_frame();
        if let Some(link) = &self.link {
            link.peer().request_key_frame().await;
        }
    }

    async fn on_network_changed(&mut self) {
        if self.link.as_ref().is_some_and(|link| link.peer().has_lost_its_address()) {
            let step = self.negotiation.on_address_lost(Instant::now());
            self.take_step(step, None).await;
        }
    }

    async fn on_broken(&mut self) {
        let step = self.negotiation.on_broken(Instant::now());
        self.take_step(step, None).await;
    }

    fn on_down(&mut self) {
        self.down_since.get_or_insert_with(Instant::now);
        match self.state {
            PeerState::Connected => self.enter(PeerState::Reconnecting),
            PeerState::Connecting | PeerState::Reconnecting | PeerState::Failed => {}
        }
    }

    fn enter(&mut self, state: PeerState) {
        if self.state != state {
            self.state = state;
            self.tell(PeerSessionEvent::State(state));
        }
    }

    fn synchronize(&mut self) {
        let now = Instant::now();
        let (sound, picture) = (self.sound.latency_ms(now), self.pictures.stats().latency_ms(now));
        if let (Some(sound), Some(picture)) = (sound, picture) {
            let extra = self.lip_sync.on_latencies(sound, picture);
            self.sound.set_extra_delay(extra.sound);
            self.pictures.set_extra_delay(extra.picture);
        }
    }

    async fn tick(&mut self) {
        self.measure().await;
        if let Some(link) = &mut self.link {
            link.protect_sound(self.transport.remote_audio_loss);
        }
        if self.down_since.is_some_and(|since| since.elapsed() >= FAILED_AFTER) {
            self.enter(PeerState::Failed);
        }
    }

    async fn measure(&mut self) {
        if let Some(link) = &self.link {
            self.transport = link.peer().stats().await;
        }
        if let Some(rtt) = self.transport.rtt {
            self.pictures.set_rtt(rtt);
        }
        let counters = Counters {
            video_bytes_sent: self.transport.video_bytes_sent,
            video_bytes_received: self.transport.video_bytes_received,
            audio_bytes_sent: self.transport.audio_bytes_sent,
            audio_bytes_received: self.transport.audio_bytes_received,
            pictures_encoded: self.config.local.picture_counts().encoded,
            pictures_decoded: self.pictures.stats().decoded.load(Ordering::Relaxed),
        };
        self.rates.sample(counters, Instant::now());
    }

    fn stats(&self) -> PeerStats {
        let (rates, transport) = (self.rates.rates(), &self.transport);
        let (pictures, sound) = (self.pictures.stats(), self.sound.stats());
        let ours = self.config.local.picture_counts();
        let budget = self.link.as_ref().map_or_else(SendBudget::default, |link| link.peer().budget());
        let freezes = pictures.freezes();
        let marks = MarkStats::new(&pictures.latencies(), &self.sound.latencies());
        PeerStats {
            video: VideoStats {
                captured: ours.captured,
                sent: ours.encoded,
                received: pictures.whole.load(Ordering::Relaxed),
                packets_received: transport.video_packets_received,
                decoded: pictures.decoded.load(Ordering::Relaxed),
                key_frames: pictures.key_frames.load(Ordering::Relaxed),
                lost: pictures.lost_packets.load(Ordering::Relaxed),
                width: pictures.width.load(Ordering::Relaxed),
                height: pictures.height.load(Ordering::Relaxed),
                fps: rates.pictures_per_second,
                sent_width: ours.width,
                sent_height: ours.height,
                sent_fps: rates.pictures_out_per_second,
                is_paused: ours.is_paused,
                freezes: freezes.count,
                freeze_ms: freezes.total.as_secs_f64() * 1e3,
                longest_freeze_ms: freezes.longest.as_secs_f64() * 1e3,
                playout_ms: f64::from(pictures.playout_ms.load(Ordering::Relaxed)),
                kbps_in: rates.video_kbps_in,
                kbps_out: rates.video_kbps_out,
            },
            audio: AudioStats {
                sent: transport.audio_packets_sent,
                received: transport.audio_packets_received,
                lost: sound.lost,
                played_samples: sound.total_samples,
                concealed_samples: sound.concealed_samples,
                concealed_ratio: sound.concealed_samples as f64 / sound.total_samples.max(1) as f64,
                buffer_ms: f64::from(sound.delay_ms),
                target_ms: f64::from(sound.target_ms),
                jitter_ms: f64::from(sound.jitter_ms),
                recovered: sound.recovered,
                kbps_in: rates.audio_kbps_in,
                kbps_out: rates.audio_kbps_out,
            },
            rtt_ms: transport.rtt.map(|rtt| rtt.as_secs_f64() * 1e3),
            loss_pct: transport.remote_loss * 100.0,
            route: transport.route.clone(),
            video_codec: VIDEO_CODEC.to_owned(),
            audio_codec: AUDIO_CODEC.to_owned(),
            target_kbps: budget.target_bps() / 1000,
            pacer_queue_ms: budget.pacer_queue().as_secs_f64() * 1e3,
            generation: self.negotiation.generation(),
            av_skew_ms: self.lip_sync.skew_ms(),
            marks: self.config.local.measures_marks().then_some(marks),
        }
    }

    fn tell_description(&self, kind: DescriptionKind, sdp: String, generation: u32) {
        let tracks = self.tracks.describe(&sdp);
        self.tell_signal(Signal::Description { kind, sdp, generation, tracks });
    }

    fn tell_signal(&self, signal: Signal) {
        self.tell(PeerSessionEvent::Signal(signal));
    }

    fn tell(&self, event: PeerSessionEvent) {
        if self.events.try_send(event).is_err() {
            tracing::debug!("an event of a session was not read");
        }
    }

    async fn shut_down(&mut self) {
        self.drop_link();
        while self.closing.join_next().await.is_some() {}
        self.config.local.remove_remote_sound(self.config.stream);
        self.pictures.end_stream();
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
