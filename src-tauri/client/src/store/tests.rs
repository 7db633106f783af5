use super::*;
use crate::core::{Pending, RoomRecord};
use parley_shared::ids::*;
use parley_shared::wire::*;

const ROOM: RoomId = RoomId::from_bytes([9; 16]);
const OTHER_ROOM: RoomId = RoomId::from_bytes([8; 16]);
const ME: UserId = UserId::from_bytes([1; 16]);
const MINA: UserId = UserId::from_bytes([2; 16]);

fn message(room_id: RoomId, seq: u64, text: &str) -> Message {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&seq.to_be_bytes());
    id[15] = room_id.as_bytes()[0];
    Message {
        id: MessageId::from_bytes(id),
        room_id,
        seq: Seq(seq),
        change: Change(seq),
        sender_id: MINA,
        client_id: ClientMessageId::from_bytes(id),
        sent_at_ms: UnixMs(1_000 * i64::try_from(seq).unwrap()),
        edited_at_ms: None,
        body: MessageBody::Text { text: text.to_owned() },
    }
}

fn record(id: RoomId) -> RoomRecord {
    let room = Room {
        id,
        kind: RoomKind::Group,
        name: "Garden".to_owned(),
        topic: String::new(),
        visibility: Visibility::Private,
        max_members: 10,
        archived: false,
        created_at_ms: UnixMs(1),
        members: Vec::new(),
        member_count: 0,
        last_seq: Seq(3),
        last_change: Change(3),
        last_message: Some(message(id, 3, "three")),
        unread: 1,
        call: None,
    };
    RoomRecord { room, cursor: Change(3), history_from: Some(Seq(1)), draft: "half".to_owned() }
}

fn pending(n: u8) -> Pending {
    Pending {
        client_id: ClientMessageId::from_bytes([n; 16]),
        room_id: ROOM,
        text: format!("text {n}"),
        written_at_ms: UnixMs(i64::from(n)),
        failed: None,
    }
}

fn history() -> (tempfile::TempDir, History) {
    let dir = tempfile::tempdir().unwrap();
    let history = History::open(&dir.path().join("history.db")).unwrap();
    (dir, history)
}

fn texts(messages: &[Message]) -> Vec<&str> {
    messages
        .iter()
        .map(|message| match &message.body {
            MessageBody::Text { text } => text.as_str(),
            MessageBody::Deleted => "(deleted)",
            MessageBody::Call { .. } => "(call)",
        })
        .collect()
}

#[test]
fn everything_survives_closing_and_opening() {
    let (dir, history) = history();
    history.save_room(&record(ROOM)).unwrap();
    history.save_outbox(&pending(2)).unwrap();
    history.save_outbox(&pending(1)).unwrap();
    history.save_outbox(&Pending { failed: Some("forbidden".to_owned()), ..pending(2) }).unwrap();
    let edited = Message { edited_at_ms: Some(UnixMs(5)), ..message(ROOM, 1, "one") };
    history.save_message(&edited).unwrap();
    drop(history);
    let history = History::open(&dir.path().join("history.db")).unwrap();
    let cached = history.load().unwrap();
    assert_eq!(cached.rooms, [record(ROOM)]);
    let order: Vec<(&str, bool)> = cached.outbox.iter().map(|p| (p.text.as_str(), p.failed.is_some())).collect();
    assert_eq!(order, [("text 2", true), ("text 1", false)]);
    assert_eq!(history.page(ROOM, None, Seq(1)).unwrap(), [edited]);
}

#[test]
fn the_newest_version_of_a_message_stays_whatever_the_order() {
    let versions = [
        message(ROOM, 1, "first"),
        Message { change: Change(5), ..message(ROOM, 1, "second") },
        Message { change: Change(9), body: MessageBody::Deleted, ..message(ROOM, 1, "") },
    ];
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1], [0, 2, 1], [1, 0, 2]] {
        let (_dir, history) = history();
        for index in order {
            history.save_message(&versions[index]).unwrap();
        }
        assert_eq!(texts(&history.page(ROOM, None, Seq(1)).unwrap()), ["(deleted)"], "{order:?}");
        assert!(history.search("first", None, 10).unwrap().is_empty(), "{order:?}");
    }
}

#[test]
fn pages_go_back_without_gaps_and_stop_where_the_history_begins() {
    let (_dir, history) = history();
    for seq in 1..=120 {
        history.save_message(&message(ROOM, seq, "x")).unwrap();
    }
    let seqs = |before, from| -> Vec<u64> {
        history.page(ROOM, before, Seq(from)).unwrap().iter().map(|message| message.seq.0).collect()
    };
    assert_eq!(seqs(None, 1), (71..=120).collect::<Vec<_>>());
    assert_eq!(seqs(Some(Seq(71)), 1), (21..=70).collect::<Vec<_>>());
    assert_eq!(seqs(Some(Seq(71)), 60), (60..=70).collect::<Vec<_>>());
    assert!(seqs(Some(Seq(1)), 1).is_empty());
}

#[test]
fn unread_are_other_peoples_messages_after_the_last_read() {
    let (_dir, history) = history();
    for seq in 1..=5 {
        history.save_message(&message(ROOM, seq, "x")).unwrap();
    }
    history.save_message(&Message { sender_id: ME, ..message(ROOM, 6, "mine") }).unwrap();
    assert_eq!(history.count_unread(ROOM, Seq(2), ME).unwrap(), 3);
}

#[test]
fn search_finds_words_newest_first_and_keeps_to_the_room() {
    let (_dir, history) = history();
    history.save_message(&message(ROOM, 1, "The café opens at nine")).unwrap();
    history.save_message(&message(OTHER_ROOM, 2, "Cafe again?")).unwrap();
    history.save_message(&message(ROOM, 3, "No \"coffee\" today")).unwrap();
    assert_eq!(texts(&history.search("cafe", None, 10).unwrap()), ["Cafe again?", "The café opens at nine"]);
    assert_eq!(texts(&history.search("cafe", Some(ROOM), 10).unwrap()), ["The café opens at nine"]);
    assert_eq!(history.search("\"coffee\" OR text:*", None, 10).unwrap(), []);
    assert_eq!(texts(&history.search("coffee today", None, 10).unwrap()), ["No \"coffee\" today"]);
}

#[test]
fn a_removed_room_takes_messages_and_words_along() {
    let (_dir, history) = history();
    history.save_room(&record(ROOM)).unwrap();
    history.save_message(&message(ROOM, 1, "gone")).unwrap();
    history.save_message(&message(OTHER_ROOM, 1, "gone too, not")).unwrap();
    history.remove_room(ROOM).unwrap();
    assert!(history.load().unwrap().rooms.is_empty());
    assert!(history.page(ROOM, None, Seq(1)).unwrap().is_empty());
    assert_eq!(texts(&history.search("gone", None, 10).unwrap()), ["gone too, not"]);
}

#[test]
fn a_history_of_a_later_version_is_left_alone() {
    let (dir, history) = history();
    drop(history);
    let path = dir.path().join("history.db");
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 999).unwrap();
    assert!(matches!(History::open(&path), Err(StoreError::TooNew)));
}

#[tokio::test]
async fn jobs_run_in_order_and_closing_waits_for_them() {
    let dir = tempfile::tempdir().unwrap();
    let account = Account { relay_url: "http://127.0.0.1:3001".to_owned(), user_id: ME };
    let (answers, mut answered) = mpsc::channel(8);
    let (store, cached) = Store::open(dir.path(), &account, answers.clone()).unwrap();
    assert!(cached.rooms.is_empty());
    for seq in 1..=60 {
        store.give(StoreJob::SaveMessages(vec![message(ROOM, seq, "x")])).await;
    }
    store.give(StoreJob::LoadPage { room_id: ROOM, before: None, from: Seq(1) }).await;
    let Some(Input::PageLoaded { messages, .. }) = answered.recv().await else { panic!("no page") };
    assert_eq!(messages.last().unwrap().seq, Seq(60));
    store.give(StoreJob::SaveRoom(Box::new(record(ROOM)))).await;
    tokio::task::spawn_blocking(move || store.close(false)).await.unwrap();
    let (store, cached) = Store::open(dir.path(), &account, answers).unwrap();
    assert_eq!(cached.rooms.len(), 1);
    let place = account_dir(dir.path(), &account);
    tokio::task::spawn_blocking(move || store.close(true)).await.unwrap();
    assert!(!place.exists());
}

#[test]
fn every_account_has_a_place_of_its_own_with_a_tame_name() {
    let dir = Path::new("/d");
    let at = |url: &str| account_dir(dir, &Account { relay_url: url.to_owned(), user_id: ME });
    let place = at("https://Parley.example:8443/../../etc");
    let name = place.file_name().unwrap().to_str().unwrap();
    assert_eq!(place.parent().unwrap(), dir.join("accounts"));
    assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)), "{name}");
    assert_ne!(at("http://a"), at("http://b"));
}
