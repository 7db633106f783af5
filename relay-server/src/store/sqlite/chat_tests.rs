use parley_shared::ids::ClientMessageId;
use parley_shared::wire::HistoryQuery;

use super::*;
use crate::store::sqlite::history::history;
use crate::store::sqlite::words::room_token;
use crate::store::sqlite::{SqliteStore, migrate, rooms};
use crate::store::{NewRoom, Store};

fn database() -> (Connection, RoomId, UserId) {
    let c = Connection::open_in_memory().unwrap();
    migrate::migrate(&c).unwrap();
    let (room_id, user_id) = settle(&c);
    (c, room_id, user_id)
}

fn settle(c: &Connection) -> (RoomId, UserId) {
    let user_id = UserId::from_bytes([1; 16]);
    let new = crate::store::NewUser {
        tenant: crate::store::TenantId::DEFAULT,
        code: None,
        id: user_id,
        display_name: "Ada".into(),
        email: "a@example.org".into(),
        password_hash: String::new(),
        role: None,
        bot: false,
        at: UnixMs(1),
    };
    crate::store::sqlite::accounts::create_user(c, &new).unwrap();
    let room_id = RoomId::from_bytes([2; 16]);
    let new = NewRoom {
        id: room_id,
        kind: RoomKind::Group,
        name: "Room".into(),
        topic: String::new(),
        visibility: parley_shared::wire::Visibility::Private,
        max_members: 10,
        owner: user_id,
        others: Vec::new(),
        at: UnixMs(1),
    };
    rooms::create(c, &new).unwrap();
    (room_id, user_id)
}

fn message(room_id: RoomId, sender_id: UserId, n: u8, text: &str) -> NewMessage {
    NewMessage {
        id: MessageId::from_bytes([n; 16]),
        room_id,
        sender_id,
        client_id: ClientMessageId::from_bytes([n; 16]),
        text: text.into(),
        reply_to: None,
        thread_id: None,
        attachments: Vec::new(),
        at: UnixMs(i64::from(n)),
    }
}

fn say(c: &Connection, room_id: RoomId, sender_id: UserId, n: u8, text: &str) -> MessageId {
    let new = message(room_id, sender_id, n, text);
    send(c, &new).unwrap();
    new.id
}

/// Ids found by a word in a room, newest first.
fn find(c: &Connection, room_id: RoomId, word: &str) -> Vec<u8> {
    let wanted = format!("room:\"{}\" AND text:{word}", room_token(room_id));
    let mut statement = c
        .prepare(
            "SELECT m.id FROM message_words w JOIN messages m ON m.place = w.rowid
             WHERE message_words MATCH ? ORDER BY w.rowid DESC",
        )
        .unwrap();
    let ids = statement.query_map([wanted], |r| r.get::<_, [u8; 16]>(0)).unwrap();
    ids.map(|id| id.unwrap()[0]).collect()
}

#[test]
fn the_index_follows_messages_newest_first_and_by_room() {
    let (c, room_id, user_id) = database();
    say(&c, room_id, user_id, 1, "Grüße from the harbour");
    say(&c, room_id, user_id, 2, "the harbour again");
    let third = say(&c, room_id, user_id, 3, "harbour thrice");
    assert_eq!(find(&c, room_id, "harbour"), [3, 2, 1]);
    assert_eq!(find(&c, room_id, "grusse"), Vec::<u8>::new(), "ß is no accent");
    assert_eq!(find(&c, room_id, "gruße"), [1]);
    assert!(find(&c, RoomId::from_bytes([7; 16]), "harbour").is_empty());
    edit(&c, room_id, user_id, third, "ships", UnixMs(9)).unwrap();
    assert_eq!(find(&c, room_id, "harbour"), [2, 1]);
    assert_eq!(find(&c, room_id, "ships"), [3]);
    delete(&c, room_id, user_id, third, UnixMs(10)).unwrap();
    assert!(find(&c, room_id, "ships").is_empty());
}

#[tokio::test]
async fn an_import_is_taken_as_a_whole_and_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("relay.sqlite")).unwrap();
    let (room_id, user_id) = store.pool.write(|c| Ok(settle(c))).await.unwrap();
    let ids = async || {
        let page = store.history(user_id, room_id, HistoryQuery::default()).await.unwrap();
        page.messages.iter().map(|message| message.id).collect::<Vec<_>>()
    };
    let of =
        |sender, numbers: &[u8]| -> Vec<_> { numbers.iter().map(|n| message(room_id, sender, *n, "old")).collect() };
    let stranger = UserId::from_bytes([9; 16]);

    let half_wrong = [of(user_id, &[1, 2]), of(stranger, &[3])].concat();
    assert!(matches!(store.import(half_wrong).await, Err(StoreError::Refused(_))));
    assert_eq!(ids().await, []);
    for numbers in [&[1, 2][..], &[1, 2, 4]] {
        store.import(of(user_id, numbers)).await.unwrap();
    }
    assert_eq!(ids().await, [1, 2, 4].map(|n| MessageId::from_bytes([n; 16])));
}

#[test]
fn times_never_run_backwards_within_a_room() {
    let (c, room_id, user_id) = database();
    say(&c, room_id, user_id, 50, "late clock");
    say(&c, room_id, user_id, 20, "clock set back");
    let page = history(&c, user_id, room_id, HistoryQuery::default()).unwrap();
    let times: Vec<i64> = page.messages.iter().map(|message| message.sent_at_ms.0).collect();
    assert_eq!(times, [50, 50]);
}

#[test]
fn a_database_of_a_newer_relay_is_left_alone() {
    let (c, ..) = database();
    c.pragma_update(None, "user_version", 999).unwrap();
    assert!(migrate::migrate(&c).is_err());
}
