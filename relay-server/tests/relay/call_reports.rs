//! What apps measured in a call is kept for those who were in it.

use parley_shared::ids::{CallId, UserId};
use parley_shared::wire::*;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::*;

fn figure(mean: f64) -> Value {
    json!({ "mean": mean, "max": mean * 2.0 })
}

fn report_on(user_id: UserId) -> Value {
    json!({
        "duration_s": 61, "setup_ms": 240,
        "people": [{
            "user_id": user_id, "seconds": 60, "route": "direct", "rtt_ms": figure(40.0), "jitter_ms": figure(5.0),
            "loss_in_pct": figure(1.0), "loss_out_pct": figure(0.5), "kbps_in": figure(1_800.0), "kbps_out": figure(900.0),
            "fps_in": figure(29.0), "concealed_pct": 0.25, "freezes": 1, "freeze_ms": 400, "cause": "their_upload",
        }],
    })
}

/// Ada and Bob had a call; Eve is a member of the same relay.
async fn after_a_call(relay: &TestRelay) -> (Someone, Someone, Someone, CallId) {
    let (ada, bob, eve) = (relay.sign_up("Ada").await, relay.sign_up("Bob").await, relay.sign_up("Eve").await);
    let room_id = ada.direct(&bob).await.id;
    let (mut a, mut b) = (ada.connect().await, bob.connect().await);
    let (call, _) = a.call(start_call(room_id)).await;
    b.call_in(CallPhase::Ringing, 1).await;
    b.call(Request::AcceptCall { call_id: call.id, media: MEDIA }).await;
    b.done(Request::LeaveCall { call_id: call.id }).await;
    a.call_ended().await;
    (ada, bob, eve, call.id)
}

#[tokio::test]
async fn participants_report_and_read_and_others_learn_nothing() {
    let relay = TestRelay::start().await;
    let (ada, bob, eve, call_id) = after_a_call(&relay).await;
    let (put, get) = (format!("/calls/{call_id}/report"), format!("/calls/{call_id}/reports"));
    let response = ada.send(Method::PUT, &put, Some(report_on(bob.id()))).await;
    assert_eq!(response.status(), 204);
    let reports: Vec<StoredReport> = bob.get(&get).await;
    assert_eq!((reports.len(), reports[0].user.id), (1, ada.id()));
    let figures = &reports[0].report.people[0];
    assert_eq!((figures.user_id, figures.rtt_ms.max, figures.cause), (bob.id(), 80.0, Some(QualityCause::TheirUpload)));

    let nobodys = CallId::from_bytes([7; 16]);
    for path in [put.clone(), format!("/calls/{nobodys}/report"), "/calls/not-an-id/report".into()] {
        let (status, error) = eve.refused(Method::PUT, &path, Some(report_on(bob.id()))).await;
        assert_eq!((status, error.code), (404, ErrorCode::NotFound), "{path}");
    }
    assert_eq!(eve.refused(Method::GET, &get, None).await.0, 404);
    assert_eq!(ada.refused(Method::PUT, &put, Some(report_on(eve.id()))).await.0, 400, "Eve was not in it");
}

#[tokio::test]
async fn figures_that_no_call_has_are_refused_by_name() {
    let relay = TestRelay::start().await;
    let (ada, bob, _, call_id) = after_a_call(&relay).await;
    let put = format!("/calls/{call_id}/report");
    let person = |field: &str, value: Value| {
        let mut report = report_on(bob.id());
        report["people"][0][field] = value;
        report
    };
    let mut crowd = report_on(bob.id());
    crowd["people"] = (0..101).map(|n| report_on(UserId::from_bytes([n; 16]))["people"][0].clone()).collect();
    let mut twice = report_on(bob.id());
    twice["people"] = json!([report_on(bob.id())["people"][0], report_on(bob.id())["people"][0]]);
    let mut week = report_on(bob.id());
    week["duration_s"] = json!(8 * 86_400);
    for (field, report) in [
        ("people", crowd),
        ("people", twice),
        ("duration_s", week),
        ("rtt_ms", person("rtt_ms", figure(-1.0))),
        ("rtt_ms", person("rtt_ms", json!({ "mean": 1.0, "max": 1e30 }))),
        ("loss_in_pct", person("loss_in_pct", figure(60.0))),
        ("fps_in", person("fps_in", figure(1e39))),
        ("kbps_in", person("kbps_in", figure(1e7))),
        ("concealed_pct", person("concealed_pct", json!(101))),
        ("freeze_ms", person("freeze_ms", json!(4_000_000_000_u32))),
    ] {
        let (status, error) = ada.refused(Method::PUT, &put, Some(report)).await;
        assert_eq!((status, error.field.as_deref()), (400, Some(field)));
    }
    for broken in [json!({}), json!([]), person("cause", json!("gremlins")), person("seconds", json!(-1))] {
        assert_eq!(ada.refused(Method::PUT, &put, Some(broken)).await.0, 400);
    }
    let reports: Vec<StoredReport> = ada.get(&format!("/calls/{call_id}/reports")).await;
    assert!(reports.is_empty(), "nothing of it was kept");
}
