//! What is told of a call's quality while it goes on, and reported at its end.

use std::time::Duration;

use super::calls::{CALL, MINAS_PLACE, MY_PLACE, call, calling, changed, ended, in_call, joined, peer_is};
use super::*;

fn seconds(desk: &mut Desk, count: u32, rtt_ms: f32, loss_pct: f32) {
    let media = MediaStats { fps: 30.0, video_kbps: 1_800.0, audio_kbps: 30.0, ..MediaStats::default() };
    for _ in 0..count {
        desk.feed(Input::Media(MediaEvent::Stats(vec![ParticipantStats {
            id: MINAS_PLACE,
            display_name: String::new(),
            sent: media.clone(),
            received: MediaStats { loss_pct, ..media.clone() },
            rtt_ms: Some(rtt_ms),
            estimate_kbps: 2_500.0,
            pacer_queue_ms: 0.0,
            video_paused: false,
            av_skew_ms: None,
            route: "relayed udp".to_owned(),
            quality: Quality::Unknown,
            cause: None,
        }])));
    }
}

fn reported(desk: &Desk) -> Vec<(CallId, CallReport)> {
    let report = |effect: &Effect| match effect {
        Effect::Api(_, ApiCall::ReportCall(id, report)) => Some((*id, (**report).clone())),
        _ => None,
    };
    desk.effects.iter().filter_map(report).collect()
}

#[test]
fn a_call_is_reported_when_i_hang_up() {
    let (mut desk, call_id) = in_call();
    seconds(&mut desk, 8, 40.0, 0.0);
    seconds(&mut desk, 2, 90.0, 20.0);
    desk.wait(Duration::from_secs(61));
    desk.command(Command::HangUp);
    let reports = reported(&desk);
    let [(id, report)] = reports.as_slice() else { panic!("one report, not {reports:?}") };
    assert_eq!((*id, report.duration_s, report.people.len()), (call_id, 61, 1));
    let mina = &report.people[0];
    assert_eq!((mina.user_id, mina.seconds, mina.route), (MINA, 10, RouteClass::Relayed));
    assert_eq!(mina.rtt_ms, Figure { mean: 50.0, max: 90.0 });
    assert_eq!((mina.loss_in_pct.max, mina.cause), (20.0, Some(QualityCause::Loss)));
    assert_eq!(report.check(), Ok(()), "the relay takes it");
}

#[test]
fn the_other_sides_end_is_reported_too_and_only_once() {
    let (mut desk, id) = in_call();
    desk.feed(ended(id, CallEndReason::HungUp));
    desk.wait(Duration::from_secs(4));
    assert_eq!(reported(&desk).len(), 1);
}

#[test]
fn a_call_that_never_connected_is_not_reported() {
    let (mut desk, id, op) = calling();
    desk.feed(joined(op, call(id, ME, CallPhase::Ringing, &[MY_PLACE])));
    desk.feed(ended(id, CallEndReason::NoAnswer));
    assert!(reported(&desk).is_empty());
}

#[test]
fn the_set_up_counts_from_the_other_sides_yes() {
    let (mut desk, id, op) = calling();
    let places = [MY_PLACE, MINAS_PLACE];
    desk.feed(joined(op, call(id, ME, CallPhase::Ringing, &places[..1])));
    desk.wait(Duration::from_secs(9));
    desk.feed(changed(call(id, ME, CallPhase::Active, &places)));
    desk.now.clock += Duration::from_millis(340);
    desk.feed(peer_is(PeerPhase::Connected));
    desk.command(Command::HangUp);
    assert_eq!(reported(&desk)[0].1.setup_ms, Some(340));
}

#[test]
fn what_is_shown_of_quality_comes_with_names_and_causes() {
    let (mut desk, _) = in_call();
    seconds(&mut desk, 3, 40.0, 30.0);
    let shown = desk.effects.iter().rev().find_map(|effect| match effect {
        Effect::Show(event) => match event.as_ref() {
            ViewEvent::CallStats(stats) => Some(stats.participants[0].clone()),
            _ => None,
        },
        _ => None,
    });
    let mina = shown.expect("statistics are shown");
    assert_eq!((mina.display_name.as_str(), mina.quality), ("Mina", Quality::Poor));
    assert_eq!(mina.cause, Some(QualityCause::Loss));
}

#[test]
fn details_of_a_call_show_mine_first_with_everybodys_name() {
    let mut desk = Desk::online();
    let report = |other| CallReport { duration_s: 9, setup_ms: None, people: vec![person_report(other)] };
    let stored = |id, other| StoredReport { user: user(id), reported_at_ms: UnixMs(1), report: report(other) };
    desk.feed(Input::Query(ReplyId(77), Query::CallDetails { call_id: CALL }));
    let op = desk.api_op(|call| matches!(call, ApiCall::CallReports(_)));
    let reports = vec![stored(MINA, ME), stored(ME, MINA)];
    desk.feed(Input::ApiDone(op, Ok(ApiReply::CallReports(reports))));
    let details = desk.effects.iter().find_map(|effect| match effect {
        Effect::Reply(ReplyId(77), Ok(Answer::CallDetails(details))) => Some(details.clone()),
        _ => None,
    });
    let details = details.expect("the details come");
    let who: Vec<_> = details.reports.iter().map(|report| (report.mine, report.measured_by.as_str())).collect();
    assert_eq!(who, [(true, "Jo"), (false, "Mina")]);
    assert_eq!(details.reports[0].people[0].display_name, "Mina");
}

fn person_report(user_id: UserId) -> PersonReport {
    PersonReport {
        user_id,
        seconds: 9,
        route: RouteClass::Direct,
        rtt_ms: Figure::default(),
        jitter_ms: Figure::default(),
        loss_in_pct: Figure::default(),
        loss_out_pct: Figure::default(),
        kbps_in: Figure::default(),
        kbps_out: Figure::default(),
        fps_in: Figure::default(),
        concealed_pct: 0.0,
        freezes: 0,
        freeze_ms: 0,
        cause: None,
    }
}
