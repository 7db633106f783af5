//! Two people who call each other over a real relay, with test pictures and clicks.

use std::time::Duration;

use crate::support::{self, PATIENCE, Person, Relay};
use parley_client::engine::StreamId;
use parley_shared::ids::RoomId;
use parley_shared::view::*;
use parley_shared::wire::{CallEndReason, CallOutcome, DeclineReason, RouteClass};

struct Pair {
    _dir: tempfile::TempDir,
    relay: Relay,
    jo: Person,
    mina: Person,
    room_id: RoomId,
}

impl Pair {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let relay = Relay::start(dir.path()).await;
        let jo = Person::arrive(dir.path(), "jo").await.sign_up(&relay.url(), "Jo").await;
        let mina = Person::arrive(dir.path(), "mina").await.sign_up(&relay.url(), "Mina").await;
        let room_id = jo.open_direct("Mina").await;
        Self { _dir: dir, relay, jo, mina, room_id }
    }

    async fn ring(&self) {
        self.jo.command(Command::StartCall { room_id: self.room_id, camera: true, muted: false }).await;
        until_phase(&self.mina, "the ringing", |phase| matches!(phase, CallPhaseView::Incoming)).await;
    }

    async fn connect(&self) {
        self.ring().await;
        self.mina.command(Command::AcceptCall { camera: true, muted: false }).await;
        for person in [&self.jo, &self.mina] {
            until_phase(person, "the connection", |phase| matches!(phase, CallPhaseView::Active { .. })).await;
        }
    }

    async fn end(self) {
        self.jo.client.shutdown().await;
        self.mina.client.shutdown().await;
    }
}

async fn until_phase(person: &Person, what: &str, wanted: impl Fn(&CallPhaseView) -> bool) {
    person.until(what, |state| wanted(&state.call.as_ref()?.phase).then_some(())).await;
}

/// Waits for pictures of the other that are new from here on.
async fn until_pictures(person: &Person, count: usize) {
    let stream = person.until("a picture", |state| state.call.as_ref()?.participants.first()?.stream).await;
    let mut watch = person.client.frames().subscribe(StreamId(stream));
    let pictures = async {
        for _ in 0..count {
            watch.changed().await.expect("the stream goes on");
        }
    };
    tokio::time::timeout(PATIENCE, pictures).await.expect("pictures keep coming");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_carries_picture_and_sound_both_ways_and_leaves_an_entry() {
    let pair = Pair::new().await;
    pair.ring().await;
    assert!(pair.mina.client.frames().streams().is_empty(), "no camera is open before the accept");
    let incoming = pair.mina.state().await.call.unwrap();
    assert_eq!((incoming.title.as_str(), incoming.self_stream), ("Jo", None));
    pair.mina.command(Command::AcceptCall { camera: true, muted: false }).await;
    for person in [&pair.jo, &pair.mina] {
        until_phase(person, "the connection", |phase| matches!(phase, CallPhaseView::Active { .. })).await;
        until_pictures(person, 10).await;
        person.until("the own picture", |state| state.call.as_ref()?.self_stream).await;
    }
    let heard = support::within("sound", async || {
        let stats = pair.jo.client.call_stats().await;
        stats.first().filter(|stats| stats.audio.received > 10).cloned()
    });
    let stats = heard.await;
    assert!(stats.video.decoded > 0 && !stats.route.is_empty(), "{stats:?}");

    pair.mina.command(Command::SetCamera { on: false }).await;
    pair.jo
        .until("the camera off", |state| (!state.call.as_ref()?.participants.first()?.camera_on).then_some(()))
        .await;
    pair.mina.command(Command::HangUp).await;
    assert!(pair.mina.state().await.call.is_none());
    until_phase(&pair.jo, "the end", |phase| *phase == CallPhaseView::Ended { reason: CallEndReason::HungUp }).await;
    pair.jo.until("the call to leave the screen", |state| state.call.is_none().then_some(())).await;
    let outcome = pair.jo.until("the entry", |state| match state.timeline.as_ref()?.messages.last()?.body {
        BodyView::Call { outcome, .. } => Some(outcome),
        BodyView::Text { .. } | BodyView::Deleted => None,
    });
    assert_eq!(outcome.await, CallOutcome::Completed);
    pair.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_both_measured_is_found_in_the_details_of_the_call() {
    let pair = Pair::new().await;
    pair.connect().await;
    until_pictures(&pair.jo, 10).await;
    let call_id = pair.jo.state().await.call.unwrap().call_id;
    let measured = support::within("two seconds of figures", async || {
        let stats = pair.jo.client.call_stats().await;
        stats.first().filter(|stats| stats.video.decoded > 60).cloned()
    });
    measured.await;
    pair.mina.command(Command::HangUp).await;
    until_phase(&pair.jo, "the end", |phase| matches!(phase, CallPhaseView::Ended { .. })).await;
    let details = support::within("both reports", async || {
        let details = pair.jo.client.call_details(call_id).await.ok()?;
        (details.reports.len() == 2).then_some(details)
    });
    let details = details.await;
    let who: Vec<_> = details.reports.iter().map(|report| (report.mine, report.measured_by.as_str())).collect();
    assert_eq!(who, [(true, "Jo"), (false, "Mina")]);
    let mina = &details.reports[0].people[0];
    assert_eq!((mina.display_name.as_str(), mina.figures.route), ("Mina", RouteClass::Direct));
    assert!(mina.figures.kbps_in.max > 0.0 && mina.figures.fps_in.max > 0.0, "{mina:?}");
    pair.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declined_call_ends_on_both_sides() {
    let pair = Pair::new().await;
    pair.ring().await;
    pair.mina.command(Command::DeclineCall { reason: DeclineReason::Declined }).await;
    until_phase(&pair.jo, "the end", |phase| *phase == CallPhaseView::Ended { reason: CallEndReason::Declined }).await;
    assert!(pair.mina.state().await.call.is_none());
    pair.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_restarts_does_not_end_the_call() {
    let mut pair = Pair::new().await;
    pair.connect().await;
    until_pictures(&pair.jo, 3).await;
    let since = pair.jo.state().await.call.unwrap().phase;
    pair.relay.stop().await;
    let away = |state: &Snapshot| matches!(state.connection, ConnectionView::Offline { .. }).then_some(());
    pair.jo.until("the loss of the relay", away).await;
    until_pictures(&pair.jo, 10).await;
    pair.relay.start_again().await;
    for person in [&pair.jo, &pair.mina] {
        person.command(Command::Reconnect).await;
        person.until_online().await;
    }
    until_pictures(&pair.jo, 10).await;
    until_pictures(&pair.mina, 10).await;
    assert_eq!(pair.jo.state().await.call.unwrap().phase, since);
    // The relay knows the call again: hanging up reaches the other.
    support::within("both to be in the call again", async || {
        pair.jo.client.command(Command::SetMuted { muted: true }).await.ok()?;
        tokio::time::sleep(Duration::from_millis(100)).await;
        let view = pair.mina.state().await.call?;
        (!view.participants.first()?.microphone_on).then_some(())
    })
    .await;
    pair.jo.command(Command::HangUp).await;
    until_phase(&pair.mina, "the end", |phase| matches!(phase, CallPhaseView::Ended { .. })).await;
    pair.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_shows_my_picture_and_level_and_sends_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let jo = Person::arrive(dir.path(), "jo").await;
    let mut events = jo.client.events();
    jo.command(Command::StartPreview { camera: true }).await;
    let stream = jo.until("the picture", |state| state.devices.preview_stream).await;
    let mut watch = jo.client.frames().subscribe(StreamId(stream));
    tokio::time::timeout(PATIENCE, watch.changed()).await.unwrap().expect("a picture");
    let level = async {
        loop {
            if let ViewEvent::Levels(levels) = events.recv().await.unwrap()
                && levels.microphone > 0.0
            {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, level).await.expect("the clicks move the meter");
    jo.command(Command::StopPreview).await;
    assert_eq!(jo.state().await.devices.preview_stream, None);
    jo.client.shutdown().await;
}
