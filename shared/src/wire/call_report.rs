//! What the app of a participant measured in a call: bodies of `/api/v1/calls/{id}/report`.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{QualityCause, User, WireError};
use crate::ids::{UnixMs, UserId};
use crate::limits::{CALL_REPORT_DURATION_S, CALL_REPORT_FPS, CALL_REPORT_KBPS, CALL_REPORT_MS, CALL_REPORT_PEOPLE};

/// A participant's own account of a call. Sent when it ends for them; sent again, it replaces what was sent before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CallReport {
    /// From the first connection to the end.
    pub duration_s: u32,
    /// From accepting, or from being accepted, to the first connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setup_ms: Option<u32>,
    /// Each other participant once, at most [`crate::limits::CALL_REPORT_PEOPLE`].
    pub people: Vec<PersonReport>,
}

/// The connection with one other participant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PersonReport {
    pub user_id: UserId,
    /// How long it was measured.
    pub seconds: u32,
    pub route: RouteClass,
    pub rtt_ms: Figure,
    /// Of the sound that came.
    pub jitter_ms: Figure,
    pub loss_in_pct: Figure,
    pub loss_out_pct: Figure,
    /// Sound and picture.
    pub kbps_in: Figure,
    pub kbps_out: Figure,
    /// Pictures that were shown; without the time in which there was no picture to show.
    pub fps_in: Figure,
    /// Share of the sound that was invented to fill gaps.
    pub concealed_pct: f32,
    /// How often the picture stood still, and for how long altogether.
    pub freezes: u32,
    pub freeze_ms: u32,
    /// What made it worst, for the longest time; absent when it was good throughout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub cause: Option<QualityCause>,
}

/// The mean and the highest of the values of each second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Figure {
    pub mean: f32,
    pub max: f32,
}

/// How media travelled, without an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RouteClass {
    #[default]
    Unknown,
    Direct,
    /// Through the relay's TURN server.
    Relayed,
}

/// A report as the relay keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StoredReport {
    /// Whose app measured it.
    pub user: User,
    pub reported_at_ms: UnixMs,
    pub report: CallReport,
}

impl CallReport {
    /// # Errors
    /// `invalid_argument`, with the field, for what no call can be like.
    pub fn check(&self) -> Result<(), WireError> {
        if self.people.len() > CALL_REPORT_PEOPLE {
            return Err(WireError::field("people", "No call has so many people."));
        }
        within("duration_s", f64::from(self.duration_s), f64::from(CALL_REPORT_DURATION_S))?;
        within("setup_ms", f64::from(self.setup_ms.unwrap_or(0)), f64::from(CALL_REPORT_MS))?;
        for (place, person) in self.people.iter().enumerate() {
            if self.people[..place].iter().any(|earlier| earlier.user_id == person.user_id) {
                return Err(WireError::field("people", "A person is reported once."));
            }
            person.check()?;
        }
        Ok(())
    }
}

impl PersonReport {
    fn check(&self) -> Result<(), WireError> {
        let duration_ms = f64::from(CALL_REPORT_DURATION_S) * 1_000.0;
        within("seconds", f64::from(self.seconds), f64::from(CALL_REPORT_DURATION_S))?;
        self.rtt_ms.check("rtt_ms", CALL_REPORT_MS as f32)?;
        self.jitter_ms.check("jitter_ms", CALL_REPORT_MS as f32)?;
        self.loss_in_pct.check("loss_in_pct", 100.0)?;
        self.loss_out_pct.check("loss_out_pct", 100.0)?;
        self.kbps_in.check("kbps_in", CALL_REPORT_KBPS)?;
        self.kbps_out.check("kbps_out", CALL_REPORT_KBPS)?;
        self.fps_in.check("fps_in", CALL_REPORT_FPS)?;
        within("concealed_pct", f64::from(self.concealed_pct), 100.0)?;
        within("freezes", f64::from(self.freezes), f64::from(CALL_REPORT_DURATION_S))?;
        within("freeze_ms", f64::from(self.freeze_ms), duration_ms)
    }
}

impl Figure {
    fn check(&self, field: &str, max: f32) -> Result<(), WireError> {
        within(field, f64::from(self.mean), f64::from(max))?;
        within(field, f64::from(self.max), f64::from(max))
    }
}

fn within(field: &str, value: f64, max: f64) -> Result<(), WireError> {
    match (0.0..=max).contains(&value) {
        true => Ok(()),
        false => Err(WireError::field(field, "No call has such a figure.")),
    }
}
