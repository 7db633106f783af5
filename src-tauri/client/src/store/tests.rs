use super::*;
use crate::core::{PageAt, Pending, RoomRecord, SearchSpec, Unread};
use parley_shared::ids::*;
use parley_shared::search::SearchQuery;
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
        reply_to: None,
        thread_id: None,
        thread: None,
        reactions: Vec::new(),
        pinned_at_ms: None,
        body: MessageBody::text(text),
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
        mentions: 0,
        guests: false,
        notify: NotifyLevel::All,
        avatar: None,
        call: None,
    };
    RoomRecord { room, cursor: Change(3), history_from: Some(Seq(1)), oldest_at_ms: None, draft: "half".to_owned() }
}

fn pending(n: u8) -> Pending {
    Pending {
        client_id: ClientMessageId::from_bytes([n; 16]),
        room_id: ROOM,
        text: format!("text {n}"),
        reply_to: None,
        thread_id: None,
        attachments: Vec::new(),
        written_at_ms: UnixMs(i64::from(n)),
        failed: None,
    }
}

const KEY: [u8; 32] = [7; 32];

fn key() -> StoreKey {
    StoreKey { key: HistoryKey::from_bytes(KEY), passing: false }
}

fn open(path: &Path) -> Result<History, StoreError> {
    History::open(path, &key().key, ME)
}

fn save(history: &History, message: &Message) {
    let names = [(MINA, "Mina Kurz".to_owned()), (ME, "Jo".to_owned())].into();
    history.save_message(message, &names).unwrap();
}

/// Everything that a search finds, as the device reads it.
fn search(history: &History, text: &str, room_id: Option<RoomId>) -> Vec<Message> {
    let query = SearchQuery::parse(text, 0);
    let spec = SearchSpec {
        words: query.words,
        phrases: query.phrases,
        rooms: room_id.map(|id| vec![id]),
        has: query.has,
        since: query.since,
        until: query.until,
        limit: 10,
        ..SearchSpec::default()
    };
    history.search(&spec).unwrap().messages
}

fn history() -> (tempfile::TempDir, History) {
    let dir = tempfile::tempdir().unwrap();
    let history = open(&dir.path().join("history.db")).unwrap();
    (dir, history)
}

fn texts(messages: &[Message]) -> Vec<&str> {
    messages
        .iter()
        .map(|message| match &message.body {
            MessageBody::Text { text, .. } => text.as_str(),
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
    save(&history, &edited);
    drop(history);
    let history = open(&dir.path().join("history.db")).unwrap();
    let cached = history.load().unwrap();
    assert_eq!(cached.rooms, [record(ROOM)]);
    let order: Vec<(&str, bool)> = cached.outbox.iter().map(|p| (p.text.as_str(), p.failed.is_some())).collect();
    assert_eq!(order, [("text 2", true), ("text 1", false)]);
    assert_eq!(history.page(ROOM, PageAt::Newest, Seq(1)).unwrap().messages, [edited]);
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
            save(&history, &versions[index]);
        }
        assert_eq!(texts(&history.page(ROOM, PageAt::Newest, Seq(1)).unwrap().messages), ["(deleted)"], "{order:?}");
        assert!(search(&history, "first", None).is_empty(), "{order:?}");
    }
}

#[test]
fn pages_go_back_without_gaps_and_stop_where_the_history_begins() {
    let (_dir, history) = history();
    for seq in 1..=120 {
        save(&history, &message(ROOM, seq, "x"));
    }
    let seqs = |before, from| -> Vec<u64> {
        history.page(ROOM, before, Seq(from)).unwrap().messages.iter().map(|message| message.seq.0).collect()
    };
    assert_eq!(seqs(PageAt::Newest, 1), (71..=120).collect::<Vec<_>>());
    assert_eq!(seqs(PageAt::Before(Seq(71)), 1), (21..=70).collect::<Vec<_>>());
    assert_eq!(seqs(PageAt::Before(Seq(71)), 60), (60..=70).collect::<Vec<_>>());
    assert!(seqs(PageAt::Before(Seq(1)), 1).is_empty());
}

#[test]
fn unread_are_other_peoples_messages_after_the_last_read() {
    let (_dir, history) = history();
    for seq in 1..=5 {
        save(&history, &message(ROOM, seq, "x"));
    }
    save(&history, &Message { sender_id: ME, ..message(ROOM, 6, "mine") });
    assert_eq!(history.count_unread(ROOM, Seq(2)).unwrap(), Unread { messages: 3, mentions: 0 });
}

#[test]
fn search_finds_words_newest_first_and_keeps_to_the_room() {
    let (_dir, history) = history();
    save(&history, &message(ROOM, 1, "The café opens at nine"));
    save(&history, &message(OTHER_ROOM, 2, "Cafe again?"));
    save(&history, &message(ROOM, 3, "No \"coffee\" today"));
    assert_eq!(texts(&search(&history, "cafe", None)), ["Cafe again?", "The café opens at nine"]);
    assert_eq!(texts(&search(&history, "cafe", Some(ROOM))), ["The café opens at nine"]);
    assert_eq!(search(&history, "\"coffee\" OR text:*", None), []);
    assert_eq!(texts(&search(&history, "coffee today", None)), ["No \"coffee\" today"]);
}

#[test]
fn a_removed_room_takes_messages_and_words_along() {
    let (_dir, history) = history();
    history.save_room(&record(ROOM)).unwrap();
    save(&history, &message(ROOM, 1, "gone"));
    save(&history, &message(OTHER_ROOM, 1, "gone too, not"));
    history.remove_room(ROOM).unwrap();
    assert!(history.load().unwrap().rooms.is_empty());
    assert!(history.page(ROOM, PageAt::Newest, Seq(1)).unwrap().messages.is_empty());
    assert_eq!(texts(&search(&history, "gone", None)), ["gone too, not"]);
}

#[test]
fn a_history_of_a_later_version_is_left_alone() {
    let (dir, history) = history();
    drop(history);
    let path = dir.path().join("history.db");
    open(&path).unwrap().db.pragma_update(None, "user_version", 999).unwrap();
    assert!(matches!(open(&path), Err(StoreError::TooNew)));
}

#[tokio::test]
async fn jobs_run_in_order_and_closing_waits_for_them() {
    let dir = tempfile::tempdir().unwrap();
    let account = Account { relay_url: "http://127.0.0.1:3001".to_owned(), user_id: ME };
    let (answers, mut answered) = mpsc::channel(8);
    let (store, cached) = Store::open(dir.path(), &account, &key(), answers.clone()).unwrap();
    assert!(cached.rooms.is_empty());
    for seq in 1..=60 {
        store.give(StoreJob::SaveMessages { messages: vec![message(ROOM, seq, "x")], names: Default::default() }).await;
    }
    store.give(StoreJob::LoadPage { room_id: ROOM, at: PageAt::Newest, floor: Seq(1) }).await;
    let Some(Input::PageLoaded { page, .. }) = answered.recv().await else { panic!("no page") };
    assert_eq!(page.messages.last().unwrap().seq, Seq(60));
    store.give(StoreJob::SaveRoom(Box::new(record(ROOM)))).await;
    tokio::task::spawn_blocking(move || store.close(false)).await.unwrap();
    let (store, cached) = Store::open(dir.path(), &account, &key(), answers).unwrap();
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

#[test]
fn searches_mean_what_the_syntax_says() {
    let (_dir, history) = history();
    let with = |seq, body| Message { body, ..message(ROOM, seq, "") };
    let file = |kind| Attachment { id: FileId::from_bytes([3; 16]), name: "a".to_owned(), size_bytes: 1, kind };
    let image = AttachmentKind::Image { width_px: 1, height_px: 1, placeholder: String::new() };
    let plain = AttachmentKind::File { media_type: "application/pdf".to_owned() };
    save(&history, &message(ROOM, 1, "the annual budget, at last"));
    save(&history, &message(ROOM, 2, &format!("ask <@{MINA}> about budgeting")));
    save(&history, &message(ROOM, 3, "see https://example.org/plan"));
    save(&history, &with(4, MessageBody::Text { text: String::new(), attachments: vec![file(image)] }));
    save(&history, &with(5, MessageBody::Text { text: "budget".to_owned(), attachments: vec![file(plain)] }));
    save(&history, &Message { sender_id: ME, ..message(OTHER_ROOM, 6, "annual report budget") });
    let seqs = |text: &str| -> Vec<u64> { search(&history, text, None).iter().map(|message| message.seq.0).collect() };
    for (text, expected) in [
        ("budg", &[6, 5, 2, 1][..]),
        ("BUDGÉTING", &[2]),
        ("\"annual budget\"", &[1]),
        ("\"budget annual\"", &[]),
        ("mina kur", &[2]),
        ("has:link", &[3]),
        ("has:image", &[4]),
        ("has:file budget", &[5]),
        ("has:file has:image", &[]),
        ("example.org/pl", &[3]),
        ("!!!", &[]),
        ("after:1970-01-01", &[]),
        ("before:1970-01-02 annual", &[6, 1]),
        ("text:budget OR", &[]),
    ] {
        assert_eq!(seqs(text), expected, "{text}");
    }
    let by = |from: Vec<UserId>| {
        let spec =
            SearchSpec { words: vec!["budget".to_owned()], from: Some(from), limit: 10, ..SearchSpec::default() };
        history.search(&spec).unwrap().messages.len()
    };
    assert_eq!((by(vec![ME]), by(vec![MINA]), by(vec![ME, MINA]), by(Vec::new())), (1, 3, 4, 0));
}

#[test]
fn pages_of_a_search_follow_each_other_without_gaps_or_repeats() {
    let (_dir, history) = history();
    for seq in 1..=25 {
        // Some share a moment.
        save(&history, &Message { sent_at_ms: UnixMs(i64::try_from(seq / 3).unwrap()), ..message(ROOM, seq, "word") });
    }
    let mut spec = SearchSpec { words: vec!["word".to_owned()], limit: 10, ..SearchSpec::default() };
    let mut seen = Vec::new();
    loop {
        let found = history.search(&spec).unwrap();
        seen.extend(found.messages.iter().map(|message| message.seq.0));
        let Some(next) = found.next else { break };
        spec.before = Some(next);
    }
    assert_eq!(seen, (1..=25).rev().collect::<Vec<_>>());
}

#[test]
fn messages_of_threads_stand_in_their_thread_and_not_in_the_flow() {
    let (_dir, history) = history();
    let root = message(ROOM, 1, "root");
    save(&history, &root);
    for seq in 2..=4 {
        save(&history, &Message { thread_id: Some(root.id), ..message(ROOM, seq, "reply") });
    }
    save(&history, &message(ROOM, 5, "flow"));
    let page = history.page(ROOM, PageAt::Newest, Seq(1)).unwrap();
    assert_eq!((texts(&page.messages), page.from), (vec!["root", "flow"], Seq(1)));
    let (found, replies) = history.thread(root.id).unwrap();
    assert_eq!((found, replies.len()), (Some(root), 3));
    assert_eq!(history.count_unread(ROOM, Seq(1)).unwrap().messages, 4);
}

#[test]
fn pages_go_forward_and_around_and_say_what_they_cover() {
    let (_dir, history) = history();
    for seq in 1..=200 {
        save(&history, &message(ROOM, seq, "x"));
    }
    let span = |at| {
        let page = history.page(ROOM, at, Seq(1)).unwrap();
        (page.from.0, page.to.0, page.messages.len())
    };
    assert_eq!(span(PageAt::After(Seq(100))), (101, 150, 50));
    assert_eq!(span(PageAt::After(Seq(180))), (181, 200, 20));
    assert_eq!(span(PageAt::After(Seq(200))), (201, 200, 0));
    assert_eq!(span(PageAt::Around(Seq(100))), (75, 124, 50));
    assert_eq!(span(PageAt::Around(Seq(3))), (1, 27, 27));
    assert_eq!(history.first_since(ROOM, UnixMs(99_500)).unwrap(), Some(Seq(100)));
    assert_eq!(history.first_since(ROOM, UnixMs(200_001)).unwrap(), None);
}

#[test]
fn mentions_of_me_are_counted_among_the_unread() {
    let (_dir, history) = history();
    save(&history, &message(ROOM, 1, &format!("hi <@{ME}>")));
    save(&history, &message(ROOM, 2, "<@everyone>"));
    save(&history, &message(ROOM, 3, &format!("hi <@{MINA}>")));
    assert_eq!(history.count_unread(ROOM, Seq(0)).unwrap(), Unread { messages: 3, mentions: 2 });
    save(&history, &Message { change: Change(9), body: MessageBody::Deleted, ..message(ROOM, 2, "") });
    assert_eq!(history.count_unread(ROOM, Seq(0)).unwrap(), Unread { messages: 3, mentions: 1 });
}

#[test]
fn message_is_to_me_when_it_answers_me_or_stands_in_a_thread_of_mine() {
    let (_dir, history) = history();
    let mine = Message { sender_id: ME, ..message(ROOM, 1, "mine") };
    let theirs = message(ROOM, 2, "theirs");
    let said = Message { sender_id: ME, thread_id: Some(theirs.id), ..message(ROOM, 3, "mine in their thread") };
    let other = message(ROOM, 4, "another root");
    for kept in [&mine, &theirs, &said, &other] {
        save(&history, kept);
    }
    let to_me = |reply_to: Option<&Message>, thread: Option<&Message>| {
        let ids = (reply_to.map(|message| message.id), thread.map(|message| message.id));
        history.is_to_me(&Message { reply_to: ids.0, thread_id: ids.1, ..message(ROOM, 9, "new") }).unwrap()
    };
    assert!(to_me(Some(&mine), None) && to_me(None, Some(&mine)) && to_me(None, Some(&theirs)));
    assert!(!to_me(None, None) && !to_me(Some(&theirs), None) && !to_me(Some(&other), Some(&other)));
    let elsewhere = Message { reply_to: Some(mine.id), ..message(OTHER_ROOM, 9, "new") };
    assert!(!history.is_to_me(&elsewhere).unwrap());
}

#[test]
fn what_is_too_old_goes_and_leaves_the_outbox() {
    let (_dir, history) = history();
    for seq in 1..=10 {
        save(&history, &message(ROOM, seq, "word"));
    }
    save(&history, &message(OTHER_ROOM, 1, "word"));
    history.save_outbox(&pending(1)).unwrap();
    let at = UnixMs(6_000);
    assert_eq!(history.firsts_since(at).unwrap(), [(ROOM, Seq(6))].into());
    history.prune(at).unwrap();
    assert_eq!(search(&history, "word", None).len(), 5);
    assert_eq!(history.count().unwrap(), (5, Some(at)));
    history.wipe().unwrap();
    history.shrink().unwrap();
    assert!(search(&history, "word", None).is_empty());
    assert_eq!((history.count().unwrap(), history.load().unwrap().outbox.len()), ((0, None), 1));
}

/// Every file of a directory, one after another.
fn bytes_in(dir: &Path) -> Vec<u8> {
    std::fs::read_dir(dir).unwrap().flat_map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).collect()
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|part| part == text.as_bytes())
}

#[test]
fn nothing_that_people_wrote_is_on_the_disk_in_plain() {
    let (dir, history) = history();
    history.save_room(&record(ROOM)).unwrap();
    history.save_outbox(&pending(1)).unwrap();
    save(&history, &message(ROOM, 1, "rosebud was his sledge"));
    let read = || bytes_in(dir.path());
    assert!(!contains(&read(), "rosebud") && !contains(&read(), "Garden") && !contains(&read(), "text 1"));
    drop(history);
    assert!(!contains(&read(), "rosebud") && !contains(&read(), "SQLite format 3"));
}

#[test]
fn a_wrong_key_opens_nothing_and_the_file_is_put_aside() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("history.db");
    save(&open(&path).unwrap(), &message(ROOM, 1, "old"));
    let other = StoreKey { key: HistoryKey::from_bytes([8; 32]), passing: false };
    assert!(matches!(History::open(&path, &other.key, ME), Err(StoreError::Unreadable)));
    let (history, lost) = open_or_begin_again(&path, &other, ME).unwrap();
    assert!(lost && search(&history, "old", None).is_empty());
    drop(history);
    let aside = open(&dir.path().join("history.db.lost")).unwrap();
    assert_eq!(texts(&search(&aside, "old", None)), ["old"]);
}

#[test]
fn a_keyring_that_was_away_once_costs_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("history.db");
    save(&open(&path).unwrap(), &message(ROOM, 1, "old"));
    let passing = |n| StoreKey { key: HistoryKey::from_bytes([n; 32]), passing: true };
    assert!(open_or_begin_again(&path, &passing(8), ME).unwrap().1);
    // A key that ended with an earlier process is not spoken of, and what it closed is removed.
    assert!(!open_or_begin_again(&path, &passing(9), ME).unwrap().1);
    let (history, lost) = open_or_begin_again(&path, &key(), ME).unwrap();
    assert!(!lost);
    assert_eq!(texts(&search(&history, "old", None)), ["old"]);
}

#[test]
fn a_broken_file_is_put_aside_too() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("history.db");
    std::fs::write(&path, vec![0x5a; 8_192]).unwrap();
    assert!(open_or_begin_again(&path, &key(), ME).unwrap().1);
}

#[test]
fn a_plain_history_of_the_first_version_is_encrypted_with_all_that_is_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("history.db");
    let plain = rusqlite::Connection::open(&path).unwrap();
    plain.execute_batch(include_str!("migrations/0001_history.sql")).unwrap();
    plain.pragma_update(None, "user_version", 1).unwrap();
    let room = serde_json::to_string(&record(ROOM)).unwrap();
    plain.execute("INSERT INTO rooms (id, record) VALUES (?1, ?2)", rusqlite::params![ROOM.as_bytes(), room]).unwrap();
    // As version 1 wrote it: without replies, threads and files.
    let old = format!(
        r#"{{"client_id":"{}","room_id":"{ROOM}","text":"still to be sent","written_at_ms":5,"failed":null}}"#,
        ClientMessageId::from_bytes([5; 16])
    );
    let outbox = "INSERT INTO outbox (client_id, place, pending) VALUES (?1, 1, ?2)";
    plain.execute(outbox, rusqlite::params![[5_u8; 16], old]).unwrap();
    let sql = "INSERT INTO messages (room_id, seq, change, id, sender_id, client_id, sent_at_ms, edited_at_ms, body) \
               VALUES (?1, 1, 1, ?2, ?3, ?2, 1000, 0, ?4)";
    let body = r#"{"type":"text","text":"rosebud"}"#;
    plain.execute(sql, rusqlite::params![ROOM.as_bytes(), [6_u8; 16], MINA.as_bytes(), body]).unwrap();
    drop(plain);

    let (history, lost) = open_or_begin_again(&path, &key(), ME).unwrap();
    assert!(!lost);
    let cached = history.load().unwrap();
    assert_eq!((cached.rooms[0].draft.as_str(), cached.outbox[0].text.as_str()), ("half", "still to be sent"));
    assert_eq!(texts(&search(&history, "rosebud", None)), ["rosebud"]);
    drop(history);
    assert!(!contains(&bytes_in(dir.path()), "rosebud"));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}
