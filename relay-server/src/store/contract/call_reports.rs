//! Reports of calls: written and read by those who were in them, and by nobody else.

use std::sync::Arc;

use parley_shared::ids::{CallId, RoomId, UserId};
use parley_shared::wire::{CallReport, ErrorCode, Figure, PersonReport, QualityCause, RouteClass};
use relay_core::work::{CallSeat, Work};

use super::super::Store;
use super::{AT, direct, group, person, refused};

const CALL: CallId = CallId::from_bytes([5; 16]);

pub(super) async fn run(store: &Arc<dyn Store>) {
    let (ada, bob) = (person(store, 1, "Ada").await, person(store, 2, "Bob").await);
    let eve = person(store, 3, "Eve").await;
    let (room, _) = store.create_room(direct(1, ada.id, bob.id)).await.expect("made");
    let put = |asker: UserId, report: CallReport| store.put_call_report(asker, CALL, report, AT);
    let of_bob = report(vec![about(bob.id)]);
    assert_eq!(refused(put(ada.id, of_bob.clone()).await), ErrorCode::NotFound, "nobody has joined it");
    for user_id in [ada.id, bob.id, bob.id] {
        seat(store, room.id, user_id).await;
    }

    put(ada.id, of_bob.clone()).await.expect("kept");
    assert_eq!(refused(put(eve.id, of_bob.clone()).await), ErrorCode::NotFound, "Eve was not in it");
    assert_eq!(refused(store.call_reports(eve.id, CALL).await), ErrorCode::NotFound);
    let of_eve = report(vec![about(eve.id)]);
    assert_eq!(refused(put(ada.id, of_eve).await), ErrorCode::InvalidArgument, "nor is she reported on");
    assert_eq!(refused(put(ada.id, report(vec![about(ada.id)])).await), ErrorCode::InvalidArgument, "nor oneself");
    let known = store.call_reports(bob.id, CALL).await.expect("readable");
    assert_eq!((known.len(), known[0].user.id, &known[0].report), (1, ada.id, &of_bob), "whole and unchanged");

    let again = CallReport { duration_s: 9, setup_ms: None, people: Vec::new() };
    put(ada.id, again.clone()).await.expect("kept");
    put(bob.id, report(vec![about(ada.id)])).await.expect("kept");
    let known = store.call_reports(ada.id, CALL).await.expect("readable");
    assert_eq!(known.len(), 2, "a second report of the same person replaces the first");
    assert_eq!(known[0].report, again);

    let (gone, _) = store.create_room(group(2, ada.id, vec![eve.id])).await.expect("made");
    let other = CallId::from_bytes([6; 16]);
    let joined = CallSeat { call_id: other, room_id: gone.id, user_id: ada.id, at: AT };
    store.perform(Work::SeatInCall(joined)).await.expect("remembered");
    store.put_call_report(ada.id, other, again, AT).await.expect("kept");
    store.delete_room(ada.id, gone.id).await.expect("deleted");
    assert_eq!(refused(store.call_reports(ada.id, other).await), ErrorCode::NotFound, "it goes with its room");
    while store.sweep(AT).await.expect("sweeping works with reports") {}
}

async fn seat(store: &Arc<dyn Store>, room_id: RoomId, user_id: UserId) {
    store.perform(Work::SeatInCall(CallSeat { call_id: CALL, room_id, user_id, at: AT })).await.expect("remembered");
}

fn report(people: Vec<PersonReport>) -> CallReport {
    CallReport { duration_s: 61, setup_ms: Some(240), people }
}

fn about(user_id: UserId) -> PersonReport {
    let figure = |mean: f32| Figure { mean, max: mean * 2.0 };
    PersonReport {
        user_id,
        seconds: 60,
        route: RouteClass::Relayed,
        rtt_ms: figure(41.5),
        jitter_ms: figure(7.25),
        loss_in_pct: figure(1.5),
        loss_out_pct: figure(0.5),
        kbps_in: figure(1_800.0),
        kbps_out: figure(1_200.0),
        fps_in: figure(28.5),
        concealed_pct: 0.25,
        freezes: 2,
        freeze_ms: 700,
        cause: Some(QualityCause::TheirUpload),
    }
}
