//! Two engines in one process that call each other; their signals travel through a task instead of a relay.

#![allow(dead_code, reason = "every test file uses another part of this")]

use parley_client::engine::{
    FrameHub, LocalMedia, LocalMediaEvent, LocalOptions, MediaConfig, PeerSession, PeerSessionConfig, PeerSessionEvent,
    PeerSessionHandle, PeerState, Role, StreamId,
};
use parley_client::peer::{IceServer, Loopback, TestNetwork};
use parley_media::{AudioSourceConfig, SpeakerConfig, VideoSourceConfig};
use parley_shared::wire::Signal;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;

pub const REMOTE: StreamId = StreamId::FIRST_REMOTE;

/// What a call is made from. Sizes are small by default, so that many calls fit on two cores.
#[derive(Clone)]
pub struct CallSetup {
    pub picture: (usize, usize, u32),
    pub setup_timeout: Duration,
    /// What the offerer's and the answerer's datagrams suffer.
    pub networks: [Option<TestNetwork>; 2],
    pub measure_marks: bool,
    pub ice_servers: Vec<IceServer>,
    pub relay_only: bool,
    /// Certificates that the relays may be signed with.
    pub extra_roots: Vec<Vec<u8>>,
}

impl Default for CallSetup {
    fn default() -> Self {
        Self {
            picture: (320, 180, 15),
            setup_timeout: Duration::from_secs(10),
            networks: [None, None],
            measure_marks: true,
            ice_servers: Vec::new(),
            relay_only: false,
            extra_roots: Vec::new(),
        }
    }
}

/// One end of a call.
pub struct Side {
    pub handle: PeerSessionHandle,
    pub local: LocalMedia,
    pub frames: FrameHub,
    pub device_events: mpsc::Receiver<LocalMediaEvent>,
    log: Arc<Log>,
}

#[derive(Default)]
struct Log {
    events: Mutex<Vec<(Instant, PeerSessionEvent)>>,
    grown: Notify,
}

pub struct Call {
    pub started_at: Instant,
    pub offerer: Side,
    pub answerer: Side,
    /// Each carrier holds a handle of the session that it carries to.
    carriers: [JoinHandle<()>; 2],
    hold_signals: watch::Sender<bool>,
}

impl Drop for Call {
    fn drop(&mut self) {
        self.carriers.iter().for_each(JoinHandle::abort);
    }
}

/// Makes media from test pictures and clicks; nothing touches a real device.
pub fn test_media(setup: &CallSetup, frames: &FrameHub) -> (LocalMedia, mpsc::Receiver<LocalMediaEvent>) {
    let (width, height, fps) = setup.picture;
    let config = MediaConfig {
        camera: VideoSourceConfig::Pattern { width, height, fps },
        microphone: AudioSourceConfig::Clicks,
        speaker: SpeakerConfig::Null,
        measure_marks: setup.measure_marks,
        ..MediaConfig::default()
    };
    let options = LocalOptions { audio: true, video: true, frames: frames.clone(), self_view: StreamId::SELF };
    LocalMedia::open(config, options)
}

impl Call {
    pub fn start(setup: &CallSetup) -> Self {
        let hubs = [FrameHub::new(), FrameHub::new()];
        let media = [test_media(setup, &hubs[0]), test_media(setup, &hubs[1])];
        Self::start_with(setup, hubs, media)
    }

    /// Starts the sessions with media that is there already.
    pub fn start_with(
        setup: &CallSetup,
        hubs: [FrameHub; 2],
        media: [(LocalMedia, mpsc::Receiver<LocalMediaEvent>); 2],
    ) -> Self {
        let started_at = Instant::now();
        let [offerer_hub, answerer_hub] = hubs;
        let [offerer_media, answerer_media] = media;
        let (offerer, to_answerer) =
            Side::start(setup, Role::Offerer, offerer_hub, offerer_media, setup.networks[0].clone());
        let (answerer, to_offerer) =
            Side::start(setup, Role::Answerer, answerer_hub, answerer_media, setup.networks[1].clone());
        let (hold_signals, held) = watch::channel(false);
        let carriers = [
            tokio::spawn(carry(to_answerer, Arc::clone(&offerer.log), answerer.handle.clone(), held.clone())),
            tokio::spawn(carry(to_offerer, Arc::clone(&answerer.log), offerer.handle.clone(), held)),
        ];
        Self { started_at, offerer, answerer, carriers, hold_signals }
    }

    /// Signals that are sent while they are held arrive in order when they are not held any more.
    pub fn hold_signals(&self, hold: bool) {
        self.hold_signals.send_replace(hold);
    }

    pub fn sides(&self) -> [&Side; 2] {
        [&self.offerer, &self.answerer]
    }

    /// Waits until both ends see and hear each other; returns how long it took from the start.
    pub async fn until_media(&self, limit: Duration) -> Result<Duration, String> {
        let mut last = self.started_at;
        for side in self.sides() {
            for event in [PeerSessionEvent::FirstVideo, PeerSessionEvent::FirstAudio] {
                last = last.max(side.wait_for(&event, limit).await?);
            }
        }
        Ok(last - self.started_at)
    }

    pub async fn until_connected(&self, limit: Duration) -> Result<Duration, String> {
        let connected = PeerSessionEvent::State(PeerState::Connected);
        let a = self.offerer.wait_for(&connected, limit).await?;
        let b = self.answerer.wait_for(&connected, limit).await?;
        Ok(a.max(b) - self.started_at)
    }

    pub async fn close(self) {
        self.offerer.handle.close().await;
        self.answerer.handle.close().await;
    }
}

impl Side {
    fn start(
        setup: &CallSetup,
        role: Role,
        frames: FrameHub,
        (local, device_events): (LocalMedia, mpsc::Receiver<LocalMediaEvent>),
        network: Option<TestNetwork>,
    ) -> (Self, mpsc::Receiver<PeerSessionEvent>) {
        let config = PeerSessionConfig {
            loopback: Loopback::Only,
            setup_timeout: setup.setup_timeout,
            ice_servers: setup.ice_servers.clone(),
            relay_only: setup.relay_only,
            extra_roots: setup.extra_roots.clone(),
            network,
            ..PeerSessionConfig::new(local.clone(), frames.clone(), REMOTE, role)
        };
        let (handle, events) = PeerSession::spawn(config);
        (Self { handle, local, frames, device_events, log: Arc::default() }, events)
    }

    /// When `wanted` came first.
    pub async fn wait_for(&self, wanted: &PeerSessionEvent, limit: Duration) -> Result<Instant, String> {
        self.wait_for_nth(wanted, 1, limit).await
    }

    /// When `wanted` came for the `nth` time, counted from 1.
    pub async fn wait_for_nth(
        &self,
        wanted: &PeerSessionEvent,
        nth: usize,
        limit: Duration,
    ) -> Result<Instant, String> {
        let deadline = tokio::time::Instant::now() + limit;
        loop {
            let grown = self.log.grown.notified();
            if let Some(at) = self.nth(wanted, nth) {
                return Ok(at);
            }
            if tokio::time::timeout_at(deadline, grown).await.is_err() {
                return Err(format!("no {wanted:?} ({nth}) within {limit:?}; states: {:?}", self.states()));
            }
        }
    }

    pub fn states(&self) -> Vec<PeerState> {
        let events = self.log.events.lock().expect("no test panicked with the log");
        events
            .iter()
            .filter_map(|(_, event)| match event {
                PeerSessionEvent::State(state) => Some(*state),
                PeerSessionEvent::Signal(_) | PeerSessionEvent::FirstVideo | PeerSessionEvent::FirstAudio => None,
            })
            .collect()
    }

    /// What this side has sent to the other so far.
    pub fn signals(&self) -> Vec<Signal> {
        let events = self.log.events.lock().expect("no test panicked with the log");
        events
            .iter()
            .filter_map(|(_, event)| match event {
                PeerSessionEvent::Signal(signal) => Some(signal.clone()),
                PeerSessionEvent::State(_) | PeerSessionEvent::FirstVideo | PeerSessionEvent::FirstAudio => None,
            })
            .collect()
    }

    fn nth(&self, wanted: &PeerSessionEvent, nth: usize) -> Option<Instant> {
        let events = self.log.events.lock().expect("no test panicked with the log");
        events.iter().filter(|(_, event)| event == wanted).nth(nth - 1).map(|(at, _)| *at)
    }
}

async fn carry(
    mut events: mpsc::Receiver<PeerSessionEvent>,
    log: Arc<Log>,
    other: PeerSessionHandle,
    mut held: watch::Receiver<bool>,
) {
    let mut waiting = VecDeque::new();
    loop {
        let is_held = *held.borrow_and_update();
        while !is_held && let Some(signal) = waiting.pop_front() {
            let _ = other.on_signal(signal);
        }
        let event = tokio::select! {
            event = events.recv() => event,
            Ok(()) = held.changed() => continue,
        };
        let Some(event) = event else { return };
        if let PeerSessionEvent::Signal(signal) = &event {
            waiting.push_back(signal.clone());
        }
        log.events.lock().expect("no test panicked with the log").push((Instant::now(), event));
        log.grown.notify_waiters();
    }
}

/// Waits until `check` holds, asking every 20 ms.
pub async fn eventually<F: AsyncFnMut() -> bool>(what: &str, limit: Duration, mut check: F) {
    let deadline = Instant::now() + limit;
    while !check().await {
        assert!(Instant::now() < deadline, "not within {limit:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The value below which `share` of the sorted values lie.
pub fn percentile(sorted: &[Duration], share: f64) -> Duration {
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}
