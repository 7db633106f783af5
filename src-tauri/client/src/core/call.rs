//! The state of the one call this device may be in.

use std::collections::BTreeMap;
use std::time::Duration;

use parley_shared::ids::{CallId, ParticipantId, RoomId, UnixMs, UserId};
use parley_shared::limits::CANDIDATES_PER_CONNECTION;
use parley_shared::view::{CallPhaseView, DeviceKindView, DeviceProblemCode, ParticipantConnection, ParticipantView};
use parley_shared::wire::{CallEndReason, MediaState, Participant, Signal};

use super::call_report::Tally;
use super::input::{Now, PeerPhase};
use super::quality::Judge;

/// How long the end of a call stays on the screen.
pub(super) const ENDED_SHOWN: Duration = Duration::from_secs(3);
/// Signals of somebody whose connection does not exist yet: a description, its candidates, and the end of them.
const EARLY_SIGNALS: usize = CANDIDATES_PER_CONNECTION + 2;
/// People whose early signals are kept.
const EARLY_PEOPLE: usize = 16;

#[derive(Debug)]
pub(super) struct CallState {
    pub call_id: CallId,
    pub room_id: RoomId,
    pub caller_id: UserId,
    pub phase: Phase,
    /// My place, once the relay gave it.
    pub me: Option<ParticipantId>,
    pub muted: bool,
    /// My microphone hears a voice while it is muted.
    pub speaking_while_muted: bool,
    pub camera_on: bool,
    /// My camera gives pictures.
    pub camera_runs: bool,
    /// In the order of joining.
    pub peers: Vec<Peer>,
    early: BTreeMap<ParticipantId, Vec<Signal>>,
    pub problems: BTreeMap<DeviceKindView, DeviceProblemCode>,
    pub tally: Tally,
    /// After a relay's restart the others may come back as late as this.
    pub rejoin_until: Option<Duration>,
}

/// What is on when I enter a call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub camera: bool,
    pub muted: bool,
}

/// ```text
/// Outgoing --accepted--> Connecting --> Active <--> Reconnecting
/// Incoming --accept----> Connecting        `--> Ended --3 s--> (gone)
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Outgoing,
    /// Rings; over at the latest at this time, should its end get lost.
    Incoming {
        until: Duration,
    },
    Connecting,
    Active {
        since: UnixMs,
    },
    Reconnecting {
        since: UnixMs,
    },
    Ended {
        reason: CallEndReason,
        until: Duration,
    },
}

#[derive(Debug)]
pub(super) struct Peer {
    pub participant: Participant,
    pub stream: u32,
    pub volume_pct: u16,
    pub phase: PeerPhase,
    pub has_video: bool,
    pub judge: Judge,
    /// It was connected at some time.
    was_connected: bool,
}

impl Peer {
    pub fn new(participant: Participant, stream: u32, volume_pct: u16) -> Self {
        Self {
            participant,
            stream,
            volume_pct,
            phase: PeerPhase::Connecting,
            has_video: false,
            judge: Judge::default(),
            was_connected: false,
        }
    }

    pub fn on_phase(&mut self, phase: PeerPhase) {
        self.phase = phase;
        self.was_connected |= phase == PeerPhase::Connected;
    }

    fn view(&self) -> ParticipantView {
        ParticipantView {
            id: self.participant.id,
            user_id: self.participant.user.id,
            display_name: self.participant.user.display_name.clone(),
            stream: self.has_video.then_some(self.stream),
            microphone_on: self.participant.media.microphone,
            camera_on: self.participant.media.camera,
            volume_pct: self.volume_pct,
            connection: match self.phase {
                PeerPhase::Connected => ParticipantConnection::Connected,
                PeerPhase::Connecting if !self.was_connected => ParticipantConnection::Connecting,
                PeerPhase::Connecting | PeerPhase::Reconnecting | PeerPhase::Failed => {
                    ParticipantConnection::Reconnecting
                }
            },
        }
    }
}

impl CallState {
    /// A call as I enter it.
    pub fn enter(&mut self, entry: Entry) {
        (self.camera_on, self.muted) = (entry.camera, entry.muted);
    }

    pub fn new(call_id: CallId, room_id: RoomId, caller_id: UserId, phase: Phase) -> Self {
        Self {
            call_id,
            room_id,
            caller_id,
            phase,
            me: None,
            muted: false,
            speaking_while_muted: false,
            camera_on: false,
            camera_runs: false,
            peers: Vec::new(),
            early: BTreeMap::new(),
            problems: BTreeMap::new(),
            tally: Tally::default(),
            rejoin_until: None,
        }
    }

    /// It rings or goes on: nothing else may begin.
    pub fn is_live(&self) -> bool {
        !matches!(self.phase, Phase::Ended { .. })
    }

    /// The person agreed to it: devices are open.
    pub fn is_joined(&self) -> bool {
        match self.phase {
            Phase::Outgoing | Phase::Connecting | Phase::Active { .. } | Phase::Reconnecting { .. } => true,
            Phase::Incoming { .. } | Phase::Ended { .. } => false,
        }
    }

    pub fn media(&self) -> MediaState {
        MediaState { microphone: !self.muted, camera: self.camera_on }
    }

    pub fn peer_mut(&mut self, id: ParticipantId) -> Option<&mut Peer> {
        self.peers.iter_mut().find(|peer| peer.participant.id == id)
    }

    pub fn peer(&self, id: ParticipantId) -> Option<&Peer> {
        self.peers.iter().find(|peer| peer.participant.id == id)
    }

    /// Keeps a signal until the connection it is for exists. Beyond a description and its candidates they are dropped.
    pub fn keep_early(&mut self, from: ParticipantId, signal: Signal) {
        if self.early.len() >= EARLY_PEOPLE && !self.early.contains_key(&from) {
            return;
        }
        let signals = self.early.entry(from).or_default();
        if signals.len() < EARLY_SIGNALS {
            signals.push(signal);
        }
    }

    pub fn take_early(&mut self, from: ParticipantId) -> Vec<Signal> {
        self.early.remove(&from).unwrap_or_default()
    }

    /// Follows the connections: one that works makes the call active.
    pub fn follow_peers(&mut self, now: Now) {
        let connected = self.peers.iter().any(|peer| peer.phase == PeerPhase::Connected);
        self.phase = match self.phase {
            Phase::Outgoing if !self.peers.is_empty() => Phase::Connecting,
            Phase::Connecting if connected => Phase::Active { since: now.wall },
            Phase::Reconnecting { since } if connected => Phase::Active { since },
            Phase::Active { since } if !connected && !self.peers.is_empty() => Phase::Reconnecting { since },
            phase @ (Phase::Outgoing
            | Phase::Incoming { .. }
            | Phase::Connecting
            | Phase::Active { .. }
            | Phase::Reconnecting { .. }
            | Phase::Ended { .. }) => phase,
        };
        if connected && matches!(self.phase, Phase::Connecting) {
            self.phase = Phase::Active { since: now.wall };
        }
        match self.phase {
            Phase::Connecting => self.tally.on_begun(now.clock),
            Phase::Active { .. } => self.tally.on_connected(now.clock),
            Phase::Outgoing | Phase::Incoming { .. } | Phase::Reconnecting { .. } | Phase::Ended { .. } => {}
        }
    }

    pub fn poll_timeout(&self) -> Option<Duration> {
        let phase = match self.phase {
            Phase::Incoming { until } | Phase::Ended { until, .. } => Some(until),
            Phase::Outgoing | Phase::Connecting | Phase::Active { .. } | Phase::Reconnecting { .. } => None,
        };
        phase.into_iter().chain(self.rejoin_until).min()
    }

    pub fn phase_view(&self) -> CallPhaseView {
        match self.phase {
            Phase::Outgoing => CallPhaseView::Outgoing,
            Phase::Incoming { .. } => CallPhaseView::Incoming,
            Phase::Connecting => CallPhaseView::Connecting,
            Phase::Active { since } => CallPhaseView::Active { since_ms: since },
            Phase::Reconnecting { since } => CallPhaseView::Reconnecting { since_ms: since },
            Phase::Ended { reason, .. } => CallPhaseView::Ended { reason },
        }
    }

    pub fn participants_view(&self) -> Vec<ParticipantView> {
        self.peers.iter().map(Peer::view).collect()
    }
}
