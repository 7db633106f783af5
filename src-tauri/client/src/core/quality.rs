//! How well a call with somebody goes, and what is to blame when it does not.
//!
//! [`judge`] looks at one second; [`Judge`] shows what holds, so that a badge does not flicker.

use parley_shared::view::{ParticipantStats, Quality, QualityCause};

use super::input::PeerPhase;

/// A worse verdict is shown when this many seconds in a row were worse: one lost burst is no bad call.
const WORSE_AFTER: u32 = 2;
/// A better one after this many: a path that recovers swings for a while.
const BETTER_AFTER: u32 = 5;
/// Nothing came for this many seconds. Opus sends a packet each 400 ms even when nobody talks (RFC 6716, 2.1.9).
const NOTHING_AFTER: u32 = 4;

/// ITU-T G.114: talking is at ease below 150 ms one way, and tiring beyond 400 ms.
const RTT_FAIR_MS: f32 = 300.0;
const RTT_POOR_MS: f32 = 800.0;
/// Repair and concealment hide a few percent; from a tenth on words are lost.
const LOSS_FAIR_PCT: f32 = 3.0;
const LOSS_POOR_PCT: f32 = 10.0;
/// Below this a picture of 640 x 360 is coarse; below the second it is only just there.
const UPLOAD_FAIR_KBPS: f32 = 350.0;
const UPLOAD_POOR_KBPS: f32 = 150.0;
/// What waits longer than this to be sent arrives too late for a conversation.
const QUEUE_FAIR_MS: f32 = 200.0;
const QUEUE_POOR_MS: f32 = 600.0;
/// Motion falls apart below these; a camera in the dark still gives ten pictures a second.
const FPS_FAIR: f32 = 9.0;
const FPS_POOR: f32 = 4.0;

/// One second of a call with somebody.
#[derive(Clone, Copy, Debug)]
pub(super) struct Second<'a> {
    pub stats: &'a ParticipantStats,
    pub phase: PeerPhase,
    /// My camera gives pictures, or would if the path carried them.
    pub my_camera: bool,
    /// My microphone is on and something is wrong with it.
    pub my_microphone_fails: bool,
    pub their_microphone: bool,
    /// Their camera is on and a picture of theirs came at some time.
    pub their_picture: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub quality: Quality,
    pub cause: Option<QualityCause>,
}

const UNKNOWN: Verdict = Verdict { quality: Quality::Unknown, cause: None };
const GOOD: Verdict = Verdict { quality: Quality::Good, cause: None };

/// The verdict of one second: the worst that is found; of equals what a person can do most about.
///
/// `silent_s` and `still_s`: seconds since sound and picture of the other side came last.
fn judge(second: Second<'_>, silent_s: u32, still_s: u32) -> Verdict {
    use QualityCause::{
        Delay, Loss, Reconnecting, TheirMicrophone, TheirUpload, VideoPaused, YourMicrophone, YourUpload,
    };
    let Second { stats, .. } = second;
    match second.phase {
        PeerPhase::Reconnecting | PeerPhase::Failed => return bad(Quality::Poor, Reconnecting),
        PeerPhase::Connecting => return UNKNOWN,
        PeerPhase::Connected => {}
    }
    let Some(rtt_ms) = stats.rtt_ms else { return UNKNOWN };
    let upload = if second.my_camera {
        at_most(stats.estimate_kbps, UPLOAD_FAIR_KBPS, UPLOAD_POOR_KBPS).max(at_least(
            stats.pacer_queue_ms,
            QUEUE_FAIR_MS,
            QUEUE_POOR_MS,
        ))
    } else {
        Badness::None
    };
    let thin = second.their_picture && stats.received.fps > 0.0 && stats.received.video_kbps < UPLOAD_FAIR_KBPS;
    let still = second.their_picture && still_s >= NOTHING_AFTER;
    let their_upload = if thin { at_most(stats.received.fps, FPS_FAIR, FPS_POOR) } else { Badness::None };
    let found = [
        (when(second.my_microphone_fails), YourMicrophone),
        (when(second.their_microphone && silent_s >= NOTHING_AFTER), TheirMicrophone),
        (when(stats.video_paused || still), VideoPaused),
        (at_least(stats.received.loss_pct.max(stats.sent.loss_pct), LOSS_FAIR_PCT, LOSS_POOR_PCT), Loss),
        (upload, YourUpload),
        (their_upload, TheirUpload),
        (at_least(rtt_ms, RTT_FAIR_MS, RTT_POOR_MS), Delay),
    ];
    // `rev`, because `max_by_key` takes the last of equals.
    match found.into_iter().rev().max_by_key(|(badness, _)| *badness) {
        Some((Badness::Poor, cause)) => bad(Quality::Poor, cause),
        Some((Badness::Fair, cause)) => bad(Quality::Fair, cause),
        Some((Badness::None, _)) | None => GOOD,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Badness {
    None,
    Fair,
    Poor,
}

fn when(poor: bool) -> Badness {
    if poor { Badness::Poor } else { Badness::None }
}

fn at_least(value: f32, fair: f32, poor: f32) -> Badness {
    match value {
        value if value >= poor => Badness::Poor,
        value if value >= fair => Badness::Fair,
        _ => Badness::None,
    }
}

fn at_most(value: f32, fair: f32, poor: f32) -> Badness {
    match value {
        value if value < poor => Badness::Poor,
        value if value < fair => Badness::Fair,
        _ => Badness::None,
    }
}

fn bad(quality: Quality, cause: QualityCause) -> Verdict {
    Verdict { quality, cause: Some(cause) }
}

/// What is shown of one person.
///
/// ```text
/// shown --another verdict, long enough--> shown
///   an interruption and its end are shown at once
/// ```
#[derive(Debug)]
pub(super) struct Judge {
    shown: Verdict,
    waiting: Verdict,
    /// Seconds in which `waiting` was the verdict, or one of the same quality.
    waited: u32,
    silent_s: u32,
    still_s: u32,
}

impl Default for Judge {
    fn default() -> Self {
        Self { shown: UNKNOWN, waiting: UNKNOWN, waited: 0, silent_s: 0, still_s: 0 }
    }
}

impl Judge {
    /// Takes in a second; called once for each.
    pub fn watch(&mut self, second: Second<'_>) -> Verdict {
        let received = &second.stats.received;
        self.silent_s = since(self.silent_s, received.audio_kbps > 0.0 || !second.their_microphone);
        self.still_s = since(self.still_s, received.fps > 0.0 || !second.their_picture);
        let verdict = judge(second, self.silent_s, self.still_s);
        if verdict == self.shown {
            self.waited = 0;
        } else {
            self.wait_for(verdict);
        }
        self.shown
    }

    fn wait_for(&mut self, verdict: Verdict) {
        let same = self.waited > 0 && self.waiting.quality == verdict.quality;
        (self.waiting, self.waited) = (verdict, if same { self.waited + 1 } else { 1 });
        if self.waited >= patience(self.shown, verdict) {
            (self.shown, self.waited) = (verdict, 0);
        }
    }
}

fn patience(shown: Verdict, next: Verdict) -> u32 {
    let interrupted = Some(QualityCause::Reconnecting);
    let at_once = shown.quality == Quality::Unknown || next.cause == interrupted || shown.cause == interrupted;
    match at_once {
        true => 1,
        false if rank(next.quality) >= rank(shown.quality) => WORSE_AFTER,
        false => BETTER_AFTER,
    }
}

fn rank(quality: Quality) -> u8 {
    match quality {
        Quality::Unknown | Quality::Good => 0,
        Quality::Fair => 1,
        Quality::Poor => 2,
    }
}

fn since(seconds: u32, came: bool) -> u32 {
    if came { 0 } else { seconds.saturating_add(1) }
}

#[cfg(test)]
#[path = "quality_tests.rs"]
mod tests;
