//! One call of Echo: everybody in it gets the first one's pictures and all sound back.

use std::collections::BTreeMap;

use parley_shared::ids::{CallId, DeviceId, ParticipantId, RoomId};
use parley_shared::wire::{Call, IceServer, Signal};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::engine::{
    Echo, EchoConfig, FrameHub, PeerSession, PeerSessionConfig, PeerSessionEvent, PeerSessionHandle, Role, StreamId,
};

/// Signals of somebody whose connection does not exist yet.
const EARLY_SIGNALS: usize = 66;
const EARLY_PEOPLE: usize = 8;

/// What a call has to say to somebody in it.
pub(super) type Outgoing = (CallId, ParticipantId, Signal);

pub(super) struct EchoCall {
    id: CallId,
    room_id: RoomId,
    me: Option<ParticipantId>,
    echo: Echo,
    frames: FrameHub,
    ice_servers: Vec<IceServer>,
    peers: BTreeMap<ParticipantId, (PeerSessionHandle, JoinHandle<()>)>,
    early: BTreeMap<ParticipantId, Vec<Signal>>,
    next_stream: u32,
    signals: mpsc::Sender<Outgoing>,
}

impl EchoCall {
    pub(super) fn new(
        id: CallId,
        room_id: RoomId,
        ice_servers: Vec<IceServer>,
        signals: mpsc::Sender<Outgoing>,
    ) -> Self {
        let frames = FrameHub::new();
        let echo = Echo::start(&EchoConfig::default(), &frames, StreamId::FIRST_REMOTE);
        Self {
            id,
            room_id,
            me: None,
            echo,
            frames,
            ice_servers,
            peers: BTreeMap::new(),
            early: BTreeMap::new(),
            next_stream: StreamId::FIRST_REMOTE.0,
            signals,
        }
    }

    pub(super) fn room_id(&self) -> RoomId {
        self.room_id
    }

    /// My place, once the relay gave it.
    pub(super) fn me(&self) -> Option<ParticipantId> {
        self.me
    }

    /// Connects to whoever is in the call, and leaves those who are not any more.
    pub(super) fn follow(&mut self, call: &Call, device: DeviceId) {
        let Some(my_place) = call.participants.iter().position(|participant| participant.device_id == device) else {
            return;
        };
        self.me = Some(call.participants[my_place].id);
        self.peers.retain(|id, _| call.participants.iter().any(|participant| participant.id == *id));
        for (place, participant) in call.participants.iter().enumerate() {
            if place != my_place && !self.peers.contains_key(&participant.id) {
                self.connect(participant.id, if place < my_place { Role::Offerer } else { Role::Answerer });
            }
        }
    }

    fn connect(&mut self, participant: ParticipantId, role: Role) {
        let stream = StreamId(self.next_stream);
        self.next_stream += 1;
        let mut config = PeerSessionConfig::new(self.echo.local(), self.frames.clone(), stream, role);
        config.ice_servers = self.ice_servers.clone();
        let (handle, mut events) = PeerSession::spawn(config);
        for signal in self.early.remove(&participant).unwrap_or_default() {
            if handle.on_signal(signal).is_err() {
                tracing::warn!(%participant, "a signal is lost");
            }
        }
        let (call, signals) = (self.id, self.signals.clone());
        let forward = tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                match event {
                    PeerSessionEvent::Signal(signal) => {
                        if signals.send((call, participant, signal)).await.is_err() {
                            return;
                        }
                    }
                    PeerSessionEvent::State(state) => tracing::info!(%participant, ?state, "connection"),
                    PeerSessionEvent::FirstVideo | PeerSessionEvent::FirstAudio => {}
                }
            }
        });
        self.peers.insert(participant, (handle, forward));
    }

    pub(super) fn on_signal(&mut self, from: ParticipantId, signal: Signal) {
        if let Some((handle, _)) = self.peers.get(&from) {
            if handle.on_signal(signal).is_err() {
                tracing::warn!(participant = %from, "a signal is lost");
            }
            return;
        }
        if self.early.len() < EARLY_PEOPLE || self.early.contains_key(&from) {
            let signals = self.early.entry(from).or_default();
            if signals.len() < EARLY_SIGNALS {
                signals.push(signal);
            }
        }
    }
}
