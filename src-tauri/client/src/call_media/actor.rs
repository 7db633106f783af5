//! The loop that owns devices and connections.

use std::collections::BTreeMap;
use std::time::Duration;

use parley_media::{CHUNK_SAMPLES, DeviceInfo, SAMPLE_RATE, Speaker, SpeakerConfig};
use parley_shared::ids::ParticipantId;
use parley_shared::view::{LevelsView, ParticipantLevel, VoiceView};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::convert::{StatsHistory, device_event, media_config, switch};
use super::device_feed::DeviceFeed;
use super::{Ask, CallMediaConfig};
use crate::core::{DeviceChoice, MediaCommand, MediaEvent, PeerPhase};
use crate::engine::{
    LocalMedia, LocalMediaEvent, LocalOptions, MediaConfig, PeerSession, PeerSessionConfig, PeerSessionEvent,
    PeerSessionHandle, PeerState, PeerStats, Role, StreamId,
};

/// About 15 times a second: a meter that looks alive.
const LEVEL_EVERY: Duration = Duration::from_millis(66);
const STATS_EVERY: Duration = Duration::from_secs(1);
/// Connections that do not close in this time are left to their sockets' timeouts.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);
const TEST_SOUND: Duration = Duration::from_millis(600);

pub(super) struct Actor {
    config: CallMediaConfig,
    events: mpsc::Sender<MediaEvent>,
    /// My devices in a call.
    local: Option<Open>,
    preview: Option<Open>,
    devices: DeviceFeed,
    /// What is done with my voice; it outlives open devices.
    voice: VoiceView,
    peers: BTreeMap<ParticipantId, Connection>,
    from_peers: mpsc::Sender<(ParticipantId, PeerSessionEvent)>,
    peer_events: mpsc::Receiver<(ParticipantId, PeerSessionEvent)>,
    closing: JoinSet<()>,
}

struct Open {
    media: LocalMedia,
    config: MediaConfig,
    events: mpsc::Receiver<LocalMediaEvent>,
}

struct Connection {
    handle: PeerSessionHandle,
    stream: StreamId,
    forward: JoinHandle<()>,
    history: StatsHistory,
}

impl Open {
    fn use_config(&mut self, config: MediaConfig) {
        switch(&self.media, &self.config, &config);
        self.config = config;
    }
}

impl Actor {
    pub(super) fn new(config: CallMediaConfig, events: mpsc::Sender<MediaEvent>) -> Self {
        let (from_peers, peer_events) = mpsc::channel(256);
        Self {
            devices: DeviceFeed::new(&config.overrides),
            config,
            events,
            local: None,
            preview: None,
            voice: VoiceView::default(),
            peers: BTreeMap::new(),
            from_peers,
            peer_events,
            closing: JoinSet::new(),
        }
    }

    /// Ends when nobody can ask any more; everything is closed then.
    pub(super) async fn run(mut self, mut inbox: mpsc::Receiver<Ask>) {
        let mut levels = ticks(LEVEL_EVERY);
        let mut stats = ticks(STATS_EVERY);
        loop {
            let open = self.local.is_some() || self.preview.is_some();
            tokio::select! {
                ask = inbox.recv() => match ask {
                    Some(Ask::Command(command)) => {
                        self.on_command(command);
                        self.devices.follow(self.local.is_some() || self.preview.is_some());
                    }
                    Some(Ask::NetworkChanged) => {
                        self.peers.values().for_each(|peer| peer.handle.network_changed());
                    }
                    Some(Ask::Stats(answer)) => drop(answer.send(self.all_stats().await)),
                    None => break,
                },
                Some((participant, event)) = self.peer_events.recv() => self.on_peer_event(participant, event).await,
                Some(event) = next_event(&mut self.local) => self.on_device_event(event).await,
                Some(event) = next_event(&mut self.preview) => self.on_device_event(event).await,
                list = self.devices.next() => self.on_device_list(list).await,
                _ = levels.tick(), if open => self.tell_levels().await,
                _ = stats.tick(), if !self.peers.is_empty() => self.tell_stats().await,
                Some(_) = self.closing.join_next() => {}
            }
        }
        self.close_all().await;
    }

    fn on_command(&mut self, command: MediaCommand) {
        match command {
            MediaCommand::OpenLocal { devices, voice, camera, muted } => {
                self.voice = voice;
                let config = self.media_config(&devices);
                let open = self.open(config, camera, StreamId::SELF);
                open.media.set_muted(muted);
                self.local = Some(open);
            }
            MediaCommand::CloseLocal => {
                self.local = None;
                self.config.frames.clear(StreamId::SELF);
            }
            MediaCommand::SetMuted(muted) => {
                if let Some(open) = &self.local {
                    open.media.set_muted(muted);
                }
            }
            MediaCommand::SetCamera(on) => {
                if let Some(open) = &self.local {
                    open.media.set_camera_on(on);
                }
            }
            MediaCommand::UseDevices(devices) => self.use_devices(&devices),
            MediaCommand::SetVoice(voice) => self.set_voice(voice),
            MediaCommand::SetVolume { participant, volume_pct } => {
                if let Some(peer) = self.peers.get(&participant) {
                    self.set_volume(peer.stream, volume_pct);
                }
            }
            MediaCommand::OpenPeer { participant, stream, offers, ice_servers, relay_only, volume_pct } => {
                self.set_volume(StreamId(stream), volume_pct);
                self.open_peer(participant, StreamId(stream), offers, ice_servers, relay_only);
            }
            MediaCommand::Signal { participant, signal } => {
                if let Some(peer) = self.peers.get(&participant)
                    && let Err(error) = peer.handle.on_signal(signal)
                {
                    tracing::warn!(%participant, %error, "a signal is lost");
                }
            }
            MediaCommand::ClosePeer(participant) => self.close_peer(participant),
            MediaCommand::StartPreview { devices, voice, camera } => {
                self.voice = voice;
                self.start_preview(&devices, camera);
            }
            MediaCommand::StopPreview => {
                self.preview = None;
                self.config.frames.clear(StreamId::PREVIEW);
            }
            MediaCommand::WatchDevices(on) => self.devices.set_on_screen(on),
            MediaCommand::PlayTestSound(devices) => {
                let speaker = self.media_config(&devices).speaker;
                self.closing.spawn(play_test_sound(speaker));
            }
        }
    }

    fn set_volume(&self, stream: StreamId, volume_pct: u16) {
        if let Some(open) = &self.local {
            open.media.set_volume(stream, f32::from(volume_pct) / 100.0);
        }
    }

    fn open(&self, config: MediaConfig, camera: bool, self_view: StreamId) -> Open {
        let options = LocalOptions { audio: true, video: camera, frames: self.config.frames.clone(), self_view };
        let (media, events) = LocalMedia::open(config.clone(), options);
        self.devices.repeat();
        Open { media, config, events }
    }

    fn media_config(&self, devices: &DeviceChoice) -> MediaConfig {
        media_config(&self.config.overrides, devices, self.voice)
    }

    fn start_preview(&mut self, devices: &DeviceChoice, camera: bool) {
        let config = MediaConfig { speaker: SpeakerConfig::Null, ..self.media_config(devices) };
        match &mut self.preview {
            Some(open) => open.media.set_camera_on(camera),
            None => self.preview = Some(self.open(config, camera, StreamId::PREVIEW)),
        }
    }

    fn set_voice(&mut self, voice: VoiceView) {
        self.voice = voice;
        let config = self.media_config(&DeviceChoice::default()).voice;
        for open in [&mut self.local, &mut self.preview].into_iter().flatten() {
            open.use_config(MediaConfig { voice: config, ..open.config.clone() });
        }
    }

    fn use_devices(&mut self, devices: &DeviceChoice) {
        let config = self.media_config(devices);
        if let Some(open) = &mut self.local {
            open.use_config(config.clone());
        }
        if let Some(open) = &mut self.preview {
            open.use_config(MediaConfig { speaker: SpeakerConfig::Null, ..config });
        }
    }

    fn open_peer(
        &mut self,
        participant: ParticipantId,
        stream: StreamId,
        offers: bool,
        ice_servers: Vec<parley_shared::wire::IceServer>,
        relay_only: bool,
    ) {
        let Some(open) = &self.local else {
            return tracing::error!(%participant, "a connection without devices is not opened");
        };
        let role = if offers { Role::Offerer } else { Role::Answerer };
        let mut config = PeerSessionConfig::new(open.media.clone(), self.config.frames.clone(), stream, role);
        config.ice_servers = ice_servers;
        config.relay_only = relay_only;
        config.network = self.config.network.clone();
        let (handle, mut events) = PeerSession::spawn(config);
        let to = self.from_peers.clone();
        let forward = tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                if to.send((participant, event)).await.is_err() {
                    return;
                }
            }
        });
        self.peers.insert(participant, Connection { handle, stream, forward, history: StatsHistory::default() });
    }

    fn close_peer(&mut self, participant: ParticipantId) {
        let Some(connection) = self.peers.remove(&participant) else { return };
        self.config.frames.remove(connection.stream);
        connection.forward.abort();
        self.closing.spawn(async move { connection.handle.close().await });
    }

    async fn on_peer_event(&mut self, participant: ParticipantId, event: PeerSessionEvent) {
        let told = match event {
            PeerSessionEvent::Signal(signal) => MediaEvent::Signal { participant, signal },
            PeerSessionEvent::State(state) => MediaEvent::Peer { participant, state: phase(state) },
            PeerSessionEvent::FirstVideo => MediaEvent::FirstVideo { participant },
            PeerSessionEvent::FirstAudio => return,
        };
        if self.peers.contains_key(&participant) {
            self.tell(told).await;
        }
    }

    async fn on_device_event(&mut self, event: LocalMediaEvent) {
        let told = device_event(event);
        if matches!(told, MediaEvent::DeviceFailed { .. }) {
            self.devices.look_now();
        }
        self.tell(told).await;
    }

    async fn on_device_list(&mut self, list: Vec<DeviceInfo>) {
        for open in self.local.iter().chain(&self.preview) {
            open.media.on_devices(&list);
        }
        self.tell(MediaEvent::Devices(list)).await;
    }

    async fn tell_levels(&mut self) {
        let Some(open) = self.local.as_ref().or(self.preview.as_ref()) else { return };
        let microphone = open.media.level().peak;
        let remote = open.media.remote_levels();
        let level_of = |(id, peer): (&ParticipantId, &Connection)| {
            let (_, level) = remote.iter().find(|(stream, _)| *stream == peer.stream)?;
            Some(ParticipantLevel { id: *id, level: level.peak })
        };
        let participants = self.peers.iter().filter_map(level_of).collect();
        let levels = LevelsView { microphone, noise_floor_db: open.media.noise_floor_db(), participants };
        self.tell(MediaEvent::Levels(levels)).await;
    }

    async fn tell_stats(&mut self) {
        let mut views = Vec::with_capacity(self.peers.len());
        for (participant, connection) in &mut self.peers {
            let stats = connection.handle.stats().await;
            views.push(connection.history.view(*participant, &stats));
        }
        self.tell(MediaEvent::Stats(views)).await;
    }

    async fn all_stats(&self) -> Vec<PeerStats> {
        let mut all = Vec::with_capacity(self.peers.len());
        for connection in self.peers.values() {
            all.push(connection.handle.stats().await);
        }
        all
    }

    async fn close_all(&mut self) {
        let participants: Vec<ParticipantId> = self.peers.keys().copied().collect();
        for participant in participants {
            self.close_peer(participant);
        }
        self.local = None;
        self.preview = None;
        let all = async { while self.closing.join_next().await.is_some() {} };
        if tokio::time::timeout(CLOSE_TIMEOUT, all).await.is_err() {
            tracing::warn!("connections did not close in time");
        }
    }

    async fn tell(&self, event: MediaEvent) {
        // The driver is gone only when the client ends; the inbox closes then too.
        let _ = self.events.send(event).await;
    }
}

fn ticks(every: Duration) -> Interval {
    let mut ticks = interval_at(Instant::now() + every, every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// The next event of open devices; waits for ever while none are open or none will speak again.
async fn next_event(open: &mut Option<Open>) -> Option<LocalMediaEvent> {
    match open {
        Some(open) => match open.events.recv().await {
            Some(event) => Some(event),
            None => std::future::pending().await,
        },
        None => std::future::pending().await,
    }
}

fn phase(state: PeerState) -> PeerPhase {
    match state {
        PeerState::Connecting => PeerPhase::Connecting,
        PeerState::Connected => PeerPhase::Connected,
        PeerState::Reconnecting => PeerPhase::Reconnecting,
        PeerState::Failed => PeerPhase::Failed,
    }
}

/// Two soft tones, one after the other.
async fn play_test_sound(config: SpeakerConfig) {
    let mut sample = 0_u32;
    let total = SAMPLE_RATE * 2 / 5;
    let pull = move |out: &mut [f32; CHUNK_SAMPLES], _heard_at| {
        for value in out {
            let time = sample as f32 / SAMPLE_RATE as f32;
            let pitch = if sample < total / 2 { 523.25 } else { 659.25 };
            // Each tone swells and fades, so that nothing clicks.
            let place = (sample % (total / 2)) as f32 / (total / 2) as f32;
            let swell = (std::f32::consts::PI * place).sin();
            *value = if sample < total { (std::f32::consts::TAU * pitch * time).sin() * swell * 0.25 } else { 0.0 };
            sample = sample.saturating_add(1);
        }
    };
    let speaker = Speaker::open(config, pull, |_event| {});
    tokio::time::sleep(TEST_SOUND).await;
    drop(speaker);
}
