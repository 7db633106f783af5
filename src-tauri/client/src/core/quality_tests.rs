use super::*;
use parley_shared::ids::ParticipantId;
use parley_shared::view::MediaStats;

/// A good second: 720p both ways over a short path.
fn stats() -> ParticipantStats {
    let media = MediaStats { fps: 30.0, video_kbps: 1_800.0, audio_kbps: 32.0, ..MediaStats::default() };
    ParticipantStats {
        id: ParticipantId::from_bytes([1; 16]),
        display_name: String::new(),
        sent: media.clone(),
        received: media,
        rtt_ms: Some(40.0),
        estimate_kbps: 2_500.0,
        pacer_queue_ms: 0.0,
        video_paused: false,
        av_skew_ms: None,
        route: "direct udp".to_owned(),
        quality: Quality::Unknown,
        cause: None,
    }
}

fn second(stats: &ParticipantStats) -> Second<'_> {
    Second {
        stats,
        phase: PeerPhase::Connected,
        my_camera: true,
        my_microphone_fails: false,
        their_microphone: true,
        their_picture: true,
    }
}

fn verdict_of(change: impl Fn(&mut ParticipantStats)) -> (Quality, Option<QualityCause>) {
    let mut stats = stats();
    change(&mut stats);
    let verdict = judge(second(&stats), 0, 0);
    (verdict.quality, verdict.cause)
}

#[test]
fn each_trouble_has_its_cause() {
    use Quality::{Fair, Good, Poor};
    use QualityCause::{Delay, Loss, TheirUpload, VideoPaused, YourUpload};
    assert_eq!(verdict_of(|_| ()), (Good, None));
    assert_eq!(verdict_of(|s| s.rtt_ms = Some(500.0)), (Fair, Some(Delay)));
    assert_eq!(verdict_of(|s| s.rtt_ms = Some(900.0)), (Poor, Some(Delay)));
    assert_eq!(verdict_of(|s| s.received.loss_pct = 5.0), (Fair, Some(Loss)));
    assert_eq!(verdict_of(|s| s.sent.loss_pct = 20.0), (Poor, Some(Loss)));
    assert_eq!(verdict_of(|s| s.estimate_kbps = 300.0), (Fair, Some(YourUpload)));
    assert_eq!(verdict_of(|s| s.pacer_queue_ms = 900.0), (Poor, Some(YourUpload)));
    let thin = |s: &mut ParticipantStats| (s.received.fps, s.received.video_kbps) = (6.0, 120.0);
    assert_eq!(verdict_of(thin), (Fair, Some(TheirUpload)));
    assert_eq!(verdict_of(|s| (s.video_paused, s.estimate_kbps) = (true, 80.0)), (Poor, Some(VideoPaused)));
    assert_eq!(verdict_of(|s| s.rtt_ms = None), (Quality::Unknown, None));
}

#[test]
fn the_worst_trouble_is_named() {
    let mixed = verdict_of(|s| (s.rtt_ms, s.received.loss_pct) = (Some(400.0), 15.0));
    assert_eq!(mixed, (Quality::Poor, Some(QualityCause::Loss)));
    let mixed = verdict_of(|s| (s.rtt_ms, s.received.loss_pct) = (Some(900.0), 4.0));
    assert_eq!(mixed, (Quality::Poor, Some(QualityCause::Delay)));
}

#[test]
fn a_closed_camera_is_no_slow_upload() {
    let mut stats = stats();
    (stats.estimate_kbps, stats.sent.video_kbps, stats.received.fps, stats.received.video_kbps) = (90.0, 0.0, 0.0, 0.0);
    let sound_alone = Second { my_camera: false, their_picture: false, ..second(&stats) };
    assert_eq!(judge(sound_alone, 0, 9), GOOD);
}

fn watched(judge: &mut Judge, stats: &ParticipantStats, seconds: u32) -> Verdict {
    (0..seconds).fold(UNKNOWN, |_, _| judge.watch(second(stats)))
}

#[test]
fn one_bad_second_is_not_shown_and_recovery_is_believed_late() {
    let (good, mut bad) = (stats(), stats());
    bad.received.loss_pct = 30.0;
    let mut judge = Judge::default();
    assert_eq!(watched(&mut judge, &good, 1), GOOD, "the first verdict is shown at once");
    assert_eq!(watched(&mut judge, &bad, 1), GOOD);
    assert_eq!(watched(&mut judge, &good, 1), GOOD);
    assert_eq!(watched(&mut judge, &bad, 2).quality, Quality::Poor);
    assert_eq!(watched(&mut judge, &good, 4).quality, Quality::Poor);
    assert_eq!(watched(&mut judge, &bad, 1).quality, Quality::Poor);
    assert_eq!(watched(&mut judge, &good, 5), GOOD);
}

#[test]
fn an_interruption_and_its_end_are_shown_at_once() {
    let stats = stats();
    let mut judge = Judge::default();
    judge.watch(second(&stats));
    let lost = Second { phase: PeerPhase::Reconnecting, ..second(&stats) };
    assert_eq!(judge.watch(lost), bad(Quality::Poor, QualityCause::Reconnecting));
    assert_eq!(judge.watch(second(&stats)), GOOD);
}

#[test]
fn a_microphone_that_delivers_nothing_is_named_after_a_while() {
    let mut stats = stats();
    stats.received.audio_kbps = 0.0;
    let mut judge = Judge::default();
    assert_eq!(watched(&mut judge, &stats, 4), GOOD);
    let named = bad(Quality::Poor, QualityCause::TheirMicrophone);
    assert_eq!(watched(&mut judge, &stats, 1), named);
    let muted = Second { their_microphone: false, ..second(&stats) };
    let after = (0..5).fold(UNKNOWN, |_, _| judge.watch(muted));
    assert_eq!(after, GOOD, "who is muted is silent by choice");
}

#[test]
fn a_picture_that_stopped_is_told_as_paused() {
    let mut stats = stats();
    (stats.received.fps, stats.received.video_kbps) = (0.0, 0.0);
    assert_eq!(watched(&mut Judge::default(), &stats, 6).cause, Some(QualityCause::VideoPaused));
}
