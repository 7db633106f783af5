//! The call on the screen.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::ids::{CallId, ParticipantId, RoomId, UnixMs, UserId};
use crate::wire::{CallEndReason, PersonReport, QualityCause};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CallView {
    pub call_id: CallId,
    pub room_id: RoomId,
    /// The other person, or the room.
    pub title: String,
    /// For the colour of the avatar.
    pub peer_id: Option<UserId>,
    pub phase: CallPhaseView,
    pub muted: bool,
    /// I talk and nobody hears it.
    pub speaking_while_muted: bool,
    pub camera_on: bool,
    /// Where [`super::Query::Frames`] shows my own picture; absent while the camera is closed.
    pub self_stream: Option<u32>,
    /// Without me, in the order of joining.
    pub participants: Vec<ParticipantView>,
    /// What is wrong with my own devices, as stable words: `camera_busy`, `microphone_gone` ...
    pub problems: Vec<DeviceProblem>,
}

/// ```text
/// Outgoing --accepted--> Connecting --> Active <--> Reconnecting
/// Incoming --accept----> Connecting        `--> Ended
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum CallPhaseView {
    Outgoing,
    Incoming,
    Connecting,
    Active {
        since_ms: UnixMs,
    },
    Reconnecting {
        since_ms: UnixMs,
    },
    /// Shown for a moment, then the call is gone.
    Ended {
        reason: CallEndReason,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ParticipantView {
    pub id: ParticipantId,
    pub user_id: UserId,
    pub display_name: String,
    /// Where [`super::Query::Frames`] shows the picture; absent until one came.
    pub stream: Option<u32>,
    pub microphone_on: bool,
    pub camera_on: bool,
    /// How loud I hear this person: 0 to 200, 100 is as it comes.
    pub volume_pct: u16,
    pub connection: ParticipantConnection,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ParticipantConnection {
    Connecting,
    Connected,
    Reconnecting,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct DeviceProblem {
    pub device: super::DeviceKindView,
    pub code: DeviceProblemCode,
    /// The device's name, when it is known.
    pub name: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum DeviceProblemCode {
    NotFound,
    Busy,
    Denied,
    Gone,
    Stalled,
    /// It runs and delivers nothing but silence.
    Silent,
    Failed,
}

/// Sound levels, 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct LevelsView {
    pub microphone: f32,
    /// What is heard while nobody talks, in dB below full scale; absent until it was measured.
    pub noise_floor_db: Option<f32>,
    pub participants: Vec<ParticipantLevel>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct ParticipantLevel {
    pub id: ParticipantId,
    pub level: f32,
}

/// What was measured in a call that is over, by those who reported.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct CallDetailsView {
    pub call_id: CallId,
    /// Mine first.
    pub reports: Vec<CallReportView>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct CallReportView {
    /// Whose app measured it.
    pub measured_by: String,
    pub mine: bool,
    pub duration_s: u32,
    /// From the agreement of both sides to the first connection.
    pub setup_ms: Option<u32>,
    pub people: Vec<PersonReportView>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct PersonReportView {
    pub display_name: String,
    pub figures: PersonReport,
}

/// The statistics panel, per remote participant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct CallStatsView {
    pub participants: Vec<ParticipantStats>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct ParticipantStats {
    pub id: ParticipantId,
    pub display_name: String,
    pub sent: MediaStats,
    pub received: MediaStats,
    pub rtt_ms: Option<f32>,
    /// What the path to this person is thought to carry.
    pub estimate_kbps: f32,
    /// What waits to be sent.
    pub pacer_queue_ms: f32,
    /// My pictures are held back: the path carries sound alone.
    pub video_paused: bool,
    /// How far the picture is behind the sound; negative when it is ahead.
    pub av_skew_ms: Option<f32>,
    /// How the media travels, such as `direct, UDP`.
    pub route: String,
    pub quality: Quality,
    /// What is to blame when the quality is not good.
    pub cause: Option<QualityCause>,
}

/// What is measured on the other side only is 0 for what is sent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, TS)]
pub struct MediaStats {
    pub width: u32,
    pub height: u32,
    pub fps: f32,
    pub video_kbps: f32,
    pub audio_kbps: f32,
    pub loss_pct: f32,
    /// How irregularly packets of sound come.
    pub jitter_ms: f32,
    /// Of the playout buffers.
    pub audio_delay_ms: f32,
    pub video_delay_ms: f32,
    /// Share of the sound that was invented to fill gaps.
    pub concealed_pct: f32,
    /// Since the beginning of the call: how often the picture stood still, and for how long altogether.
    pub freezes: u32,
    pub freeze_ms: u32,
    pub video_codec: String,
    pub audio_codec: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    Good,
    Fair,
    Poor,
    /// Too early to say.
    Unknown,
}
