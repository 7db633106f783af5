//! What two participants may send each other: bounded in size, in number, and never of an old connection.

use parley_shared::ids::ParticipantId;
use parley_shared::limits::{CANDIDATE_BYTES, CANDIDATES_PER_CONNECTION, SDP_BYTES, TRACKS_PER_PARTICIPANT};
use parley_shared::wire::{DescriptionKind, ErrorCode, Signal, WireError};

/// Descriptions of one side of one generation: renegotiation is rare, a flood is not.
const DESCRIPTIONS_PER_CONNECTION: u32 = 256;
/// A media section's id (RFC 8843), in bytes.
const MID_BYTES: usize = 64;

/// What went between two participants in their newest generation.
#[derive(Debug, Default)]
pub(super) struct Pair {
    generation: u32,
    lower: Sent,
    higher: Sent,
}

#[derive(Debug, Default)]
struct Sent {
    candidates: usize,
    descriptions: u32,
}

/// The pair's name, whoever speaks.
pub(super) fn pair(a: ParticipantId, b: ParticipantId) -> (ParticipantId, ParticipantId) {
    if a < b { (a, b) } else { (b, a) }
}

impl Pair {
    /// Counts the signal. False: it belongs to an older generation and is dropped.
    ///
    /// # Errors
    /// `too_large` for a part over its limit, `rate_limited` for too many of a kind, `invalid_argument` for generation 0.
    pub fn admit(&mut self, from_lower: bool, signal: &Signal) -> Result<bool, WireError> {
        check_sizes(signal)?;
        let generation = generation(signal);
        if generation == 0 {
            return Err(WireError::field("generation", "Generations start at 1."));
        }
        if generation < self.generation {
            return Ok(false);
        }
        if generation > self.generation {
            *self = Self { generation, ..Self::default() };
        }
        // A restart within the generation gathers anew; descriptions are counted, so candidates stay bounded.
        if is_offer(signal) {
            (self.lower.candidates, self.higher.candidates) = (0, 0);
        }
        let sent = if from_lower { &mut self.lower } else { &mut self.higher };
        match signal {
            Signal::Description { .. } if sent.descriptions >= DESCRIPTIONS_PER_CONNECTION => {
                Err(too_many("descriptions"))
            }
            Signal::Candidate { .. } if sent.candidates >= CANDIDATES_PER_CONNECTION => Err(too_many("candidates")),
            Signal::Description { .. } => {
                sent.descriptions += 1;
                Ok(true)
            }
            Signal::Candidate { .. } => {
                sent.candidates += 1;
                Ok(true)
            }
            Signal::CandidatesDone { .. } => Ok(true),
        }
    }
}

fn is_offer(signal: &Signal) -> bool {
    match signal {
        Signal::Description { kind: DescriptionKind::Offer, .. } => true,
        Signal::Description { kind: DescriptionKind::Answer, .. }
        | Signal::Candidate { .. }
        | Signal::CandidatesDone { .. } => false,
    }
}

fn check_sizes(signal: &Signal) -> Result<(), WireError> {
    match signal {
        Signal::Description { sdp, .. } if sdp.len() > SDP_BYTES => Err(too_large("sdp")),
        Signal::Description { tracks, .. }
            if tracks.len() > TRACKS_PER_PARTICIPANT || tracks.iter().any(|track| track.mid.len() > MID_BYTES) =>
        {
            Err(too_large("tracks"))
        }
        Signal::Candidate { candidate, .. } if candidate.len() > CANDIDATE_BYTES => Err(too_large("candidate")),
        Signal::Candidate { sdp_mid: Some(mid), .. } if mid.len() > MID_BYTES => Err(too_large("sdp_mid")),
        Signal::Description { .. } | Signal::Candidate { .. } | Signal::CandidatesDone { .. } => Ok(()),
    }
}

fn generation(signal: &Signal) -> u32 {
    match signal {
        Signal::Description { generation, .. }
        | Signal::Candidate { generation, .. }
        | Signal::CandidatesDone { generation } => *generation,
    }
}

fn too_large(field: &str) -> WireError {
    WireError { code: ErrorCode::TooLarge, ..WireError::field(field, "It is larger than a signal may be.") }
}

fn too_many(what: &str) -> WireError {
    WireError::new(ErrorCode::RateLimited, format!("Too many {what} for one connection."))
}
