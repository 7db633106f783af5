//! Calls: who is in one, and the signals that carry a WebRTC connection between two participants.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::User;
use crate::ids::{CallId, DeviceId, ParticipantId, RoomId, TrackId, UnixMs};

/// A call as everyone in its room sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Call {
    pub id: CallId,
    pub room_id: RoomId,
    /// Who started it.
    pub caller: User,
    pub phase: CallPhase,
    pub started_at_ms: UnixMs,
    /// In the order of joining. While it rings, only the caller.
    pub participants: Vec<Participant>,
}

/// ```text
/// Ringing --accept--> Active --all but one left--> (ended)
///    `--decline, cancel, 45 s, unreachable-------> (ended)
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CallPhase {
    Ringing,
    Active,
}

/// One device in a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Participant {
    pub id: ParticipantId,
    pub user: User,
    pub device_id: DeviceId,
    pub media: MediaState,
}

/// What a participant says that it sends. Others show it; it changes no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MediaState {
    pub microphone: bool,
    pub camera: bool,
}

/// Why a call ended, or ended for one participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CallEndReason {
    /// Somebody hung up, and too few are left.
    HungUp,
    Declined,
    /// The called person is in another call.
    Busy,
    /// Nobody answered within the ring time.
    NoAnswer,
    /// The caller gave up.
    Cancelled,
    /// Nobody of the called is connected.
    Unreachable,
    /// Answered or declined on another device of the same person.
    AnsweredElsewhere,
    /// The other side vanished for longer than a call waits.
    Lost,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeclineReason {
    Declined,
    Busy,
}

/// What makes a call with somebody bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum QualityCause {
    /// The connection is interrupted and being built anew.
    Reconnecting,
    /// My microphone delivers nothing.
    YourMicrophone,
    /// Theirs is on and delivers nothing.
    TheirMicrophone,
    /// No picture is sent: the connection carries sound alone.
    VideoPaused,
    /// What I send arrives late or thinned out.
    YourUpload,
    /// What they send arrives late or thinned out.
    TheirUpload,
    /// Packets are lost on the way.
    Loss,
    /// The way is long.
    Delay,
}

/// From one participant to another, through the relay, in order. The one who joins offers to those already in the call.
///
/// `generation` starts at 1 and grows when a connection is built anew; signals of an older generation are ignored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Signal {
    Description {
        kind: DescriptionKind,
        sdp: String,
        generation: u32,
        /// What the media sections of the SDP carry.
        #[serde(default)]
        tracks: Vec<TrackInfo>,
    },
    Candidate {
        /// The candidate line as in RFC 8839, without `a=`.
        candidate: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sdp_mid: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sdp_m_line_index: Option<u16>,
        generation: u32,
    },
    CandidatesDone {
        generation: u32,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DescriptionKind {
    Offer,
    Answer,
}

/// Ties a media section to what it carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TrackInfo {
    pub id: TrackId,
    pub mid: String,
    pub source: TrackSource,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum TrackSource {
    Microphone,
    Camera,
    Screen,
    ScreenAudio,
}

/// A STUN or TURN server, as in `RTCIceServer`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct IceServer {
    pub urls: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<super::Secret>,
}
