use super::*;
use crate::core::{ExportEvent, ExportFailure, ExportId, ExportWhat, ExportWish};

fn wish() -> ExportWish {
    ExportWish::Room { room_id: ROOM, format: ExportFormat::Json, language: "de".to_owned() }
}

fn ask(desk: &mut Desk, reply: u64, wish: ExportWish) -> ReplyId {
    let reply = ReplyId(reply);
    desk.feed(Input::ExportAsked(reply, wish, "/there/a.json".into()));
    reply
}

fn job(desk: &Desk) -> (ExportId, &ExportWhat) {
    let job = desk.effects.iter().rev().find_map(|effect| match effect {
        Effect::Export(job) => Some((job.id, &job.what)),
        _ => None,
    });
    job.expect("something is exported")
}

fn whole(desk: &Desk, id: ReplyId) -> Option<bool> {
    desk.effects.iter().find_map(|effect| match effect {
        Effect::Reply(reply, Ok(Answer::Exported(whole))) if *reply == id => Some(*whole),
        _ => None,
    })
}

#[test]
fn an_export_shows_how_far_it_is_and_answers_when_it_is_whole() {
    let mut desk = Desk::online();
    let answer = ask(&mut desk, 500, wish());
    let (id, what) = job(&desk);
    assert!(
        matches!(what, ExportWhat::Room(room) if room.online && room.title == "Mina" && room.names[&MINA] == "Mina")
    );
    let view = |done| ExportView { room: Some("Mina".to_owned()), done, total: Some(0) };
    assert_eq!(desk.core.snapshot().export, Some(view(0)));
    desk.core.take_changes();
    desk.feed(Input::Export(id, ExportEvent::Progress { done: 7, total: Some(0) }));
    assert_eq!(desk.core.take_changes(), [ViewEvent::Export(Some(view(7)))]);
    assert_eq!(whole(&desk, answer), None);
    desk.feed(Input::Export(id, ExportEvent::Ended(Ok(()))));
    assert_eq!(whole(&desk, answer), Some(true));
    assert_eq!(desk.core.snapshot().export, None);
}

#[test]
fn one_thing_is_exported_at_a_time() {
    let mut desk = Desk::online();
    ask(&mut desk, 500, wish());
    let second = ask(&mut desk, 501, ExportWish::Mine);
    assert_eq!(desk.answer(second), Some(Err(CommandErrorCode::Conflict)));
    let (id, _) = job(&desk);
    desk.feed(Input::Export(id, ExportEvent::Ended(Err(ExportFailure::Disk))));
    assert_eq!(desk.answer(ReplyId(500)), Some(Err(CommandErrorCode::Storage)));
    ask(&mut desk, 502, ExportWish::Mine);
    assert!(matches!(job(&desk), (later, ExportWhat::Mine) if later != id));
}

#[test]
fn a_cancelled_export_is_over_when_nothing_of_it_is_left() {
    let mut desk = Desk::online();
    let none = desk.command(Command::CancelExport);
    assert_eq!(desk.answer(none), Some(Err(CommandErrorCode::NotNow)));
    let answer = ask(&mut desk, 500, wish());
    let (id, _) = job(&desk);
    let cancel = desk.command(Command::CancelExport);
    assert_eq!(desk.answer(cancel), Some(Ok(())));
    assert!(desk.effects.iter().any(|effect| matches!(effect, Effect::StopExport(there) if *there == id)));
    assert!(desk.core.snapshot().export.is_some());
    desk.feed(Input::Export(id, ExportEvent::Ended(Err(ExportFailure::Cancelled))));
    assert_eq!(whole(&desk, answer), Some(false));
    assert_eq!(desk.core.snapshot().export, None);
}

#[test]
fn without_the_relay_a_room_comes_from_the_device_and_my_data_from_nowhere() {
    let mut desk = Desk::online();
    desk.feed(Input::Link(LinkEvent::Offline { retry_in: Duration::from_secs(9) }));
    let mine = ask(&mut desk, 500, ExportWish::Mine);
    assert_eq!(desk.answer(mine), Some(Err(CommandErrorCode::Offline)));
    ask(&mut desk, 501, wish());
    assert!(matches!(job(&desk).1, ExportWhat::Room(room) if !room.online));
}

#[test]
fn a_room_that_is_not_mine_and_a_client_that_nobody_is_signed_in_to_export_nothing() {
    let mut desk = Desk::online();
    let room_id = RoomId::from_bytes([8; 16]);
    let other = ask(&mut desk, 500, ExportWish::Room { room_id, format: ExportFormat::Html, language: String::new() });
    assert_eq!(desk.answer(other), Some(Err(CommandErrorCode::NotFound)));
    let answer = ask(&mut desk, 501, wish());
    let (id, _) = job(&desk);
    desk.command(Command::SignOut);
    assert_eq!(desk.answer(answer), Some(Err(CommandErrorCode::NotNow)));
    assert!(desk.effects.iter().any(|effect| matches!(effect, Effect::StopExport(there) if *there == id)));
    desk.feed(Input::Export(id, ExportEvent::Ended(Ok(()))));
    assert_eq!(whole(&desk, answer), None, "nobody waits for it any more");
    let out = ask(&mut desk, 502, wish());
    assert_eq!(desk.answer(out), Some(Err(CommandErrorCode::NotNow)));
}
