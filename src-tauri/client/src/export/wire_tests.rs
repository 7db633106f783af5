//! Exports from a relay that is played by hand, and from a device.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::response::Response;
use parley_shared::ids::*;
use parley_shared::limits::PAGE_ITEMS;
use parley_shared::view::ExportFormat;
use parley_shared::wire::*;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use super::run;
use crate::api::Api;
use crate::api::played::{self, JO, json, refusal, user};
use crate::core::{
    Account, CallFailure, ExportEvent, ExportFailure, ExportId, ExportJob, ExportRoom, ExportWhat, HistoryKey, Input,
    StoreJob,
};
use crate::store::{Pages, Store, StoreKey};

const ROOM: RoomId = RoomId::from_bytes([9; 16]);
const LEFT: UserId = UserId::from_bytes([7; 16]);

fn message(seq: u64) -> Message {
    let mut id = [0; 16];
    id[8..].copy_from_slice(&seq.to_be_bytes());
    Message {
        id: MessageId::from_bytes(id),
        room_id: ROOM,
        seq: Seq(seq),
        change: Change(seq),
        sender_id: if seq.is_multiple_of(7) { LEFT } else { JO },
        client_id: ClientMessageId::from_bytes(id),
        sent_at_ms: UnixMs(1_700_000_000_000 + i64::try_from(seq).unwrap() * 60_000),
        edited_at_ms: None,
        // The first message is quoted from far away.
        reply_to: (seq > 1).then(|| message_id(1)),
        thread_id: None,
        thread: None,
        reactions: Vec::new(),
        pinned_at_ms: None,
        body: MessageBody::text(format!("message {seq} <b>&amp;</b>")),
    }
}

fn message_id(seq: u64) -> MessageId {
    let mut id = [0; 16];
    id[8..].copy_from_slice(&seq.to_be_bytes());
    MessageId::from_bytes(id)
}

fn export_room(format: ExportFormat, online: bool, count: u64) -> ExportRoom {
    let member = Member { user: user(JO, "Jo"), role: MemberRole::Owner, delivered_seq: Seq(0), read_seq: Seq(0) };
    let room = Room {
        id: ROOM,
        kind: RoomKind::Group,
        name: "Garden".to_owned(),
        topic: String::new(),
        visibility: Visibility::Private,
        max_members: 9,
        archived: false,
        created_at_ms: UnixMs(1),
        members: vec![member],
        member_count: 1,
        last_seq: Seq(count),
        last_change: Change(count),
        last_message: None,
        unread: 0,
        mentions: 0,
        guests: false,
        notify: NotifyLevel::All,
        avatar: None,
        call: None,
    };
    ExportRoom {
        room,
        title: "Garden".to_owned(),
        format,
        language: "en".to_owned(),
        names: BTreeMap::new(),
        online,
        now: UnixMs(1_700_000_000_000),
    }
}

/// A relay whose answers the test makes from a request's path with query.
async fn relay(answer: impl Fn(&str) -> Response + Clone + Send + Sync + 'static) -> Api {
    played::relay(move |_, path, _| answer(&path)).await
}

/// As the real one: pages after a place, members by id, people and messages one by one.
fn library(path: &str, count: u64) -> Response {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    if path.ends_with("/members") {
        let members =
            if query.contains("after=") { Vec::new() } else { export_room(ExportFormat::Json, true, 0).room.members };
        return json(&members);
    }
    if let Some(id) = path.split("/users/").nth(1) {
        assert_eq!(id, LEFT.to_string());
        let bio = String::new();
        let user = user(LEFT, "Mina who left");
        return json(&Person {
            user,
            presence: Presence::Offline,
            last_seen_at_ms: None,
            favourite: false,
            blocked: false,
            bio,
        });
    }
    assert!(path.ends_with("/messages"), "{path}");
    let after: u64 = query.split("after=").nth(1).unwrap().split('&').next().unwrap().parse().unwrap();
    let last = count.min(after + u64::from(PAGE_ITEMS));
    let messages: Vec<Message> = (after + 1..=last).map(message).collect();
    json(&HistoryPage { messages, has_before: after > 0, has_after: last < count })
}

struct Exported {
    dir: tempfile::TempDir,
    path: PathBuf,
    ended: Result<(), ExportFailure>,
    progress: Vec<(u64, Option<u64>)>,
}

impl Exported {
    fn text(&self) -> String {
        std::fs::read_to_string(&self.path).unwrap()
    }

    fn leaves_nothing(&self) -> bool {
        std::fs::read_dir(self.dir.path()).unwrap().count() == 0
    }
}

async fn export(what: ExportWhat, api: Option<Api>, pages: Option<Pages>) -> Exported {
    let (_kept, cancelled) = oneshot::channel();
    export_until(what, api, pages, cancelled).await
}

async fn export_until(
    what: ExportWhat,
    api: Option<Api>,
    pages: Option<Pages>,
    cancelled: oneshot::Receiver<()>,
) -> Exported {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("export");
    let (inputs, mut told) = mpsc::channel(1_000);
    let job = ExportJob { id: ExportId(1), path: path.clone(), what };
    run(job, api, pages, inputs, cancelled).await;
    let mut progress = Vec::new();
    let mut ended = None;
    while let Ok(input) = told.try_recv() {
        match input {
            Input::Export(ExportId(1), ExportEvent::Progress { done, total }) => progress.push((done, total)),
            Input::Export(ExportId(1), ExportEvent::Ended(result)) => ended = Some(result),
            input => panic!("not of the export: {input:?}"),
        }
    }
    Exported { dir, path, ended: ended.expect("every export ends"), progress }
}

fn room(format: ExportFormat, online: bool, count: u64) -> ExportWhat {
    ExportWhat::Room(Box::new(export_room(format, online, count)))
}

#[tokio::test]
async fn every_message_of_many_pages_is_in_the_json_once_and_in_order() {
    let count = 2 * u64::from(PAGE_ITEMS) + 17;
    let looked_up = Arc::new(AtomicUsize::new(0));
    let lookups = looked_up.clone();
    let api = relay(move |path| {
        lookups.fetch_add(usize::from(path.contains("/users/")), Ordering::SeqCst);
        library(path, count)
    })
    .await;
    let exported = export(room(ExportFormat::Json, true, count), Some(api), None).await;
    assert_eq!(exported.ended, Ok(()));
    let json: Value = serde_json::from_str(&exported.text()).unwrap();
    assert_eq!((&json["complete"], &json["room"]["title"]), (&true.into(), &"Garden".into()));
    let messages = json["messages"].as_array().unwrap();
    assert_eq!(messages.len() as u64, count);
    for (exported, seq) in messages.iter().zip(1..) {
        let there = message(seq);
        assert_eq!((&exported["seq"], &exported["id"]), (&seq.into(), &there.id.to_string().into()));
        assert_eq!(exported["text"], format!("message {seq} <b>&amp;</b>"));
        let name = if seq.is_multiple_of(7) { "Mina who left" } else { "Jo" };
        assert_eq!(exported["sender"]["name"], name);
    }
    assert_eq!(looked_up.load(Ordering::SeqCst), 1, "a name is asked for once");
    assert!(exported.progress.iter().all(|(_, total)| *total == Some(count)) && !exported.progress.is_empty());
}

#[tokio::test]
async fn a_page_of_html_has_every_message_and_quotes_what_is_pages_away() {
    let count = 2 * u64::from(PAGE_ITEMS) + 17;
    let api = relay(move |path| library(path, count)).await;
    let exported = export(room(ExportFormat::Html, true, count), Some(api), None).await;
    assert_eq!(exported.ended, Ok(()));
    let page = exported.text();
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    assert_eq!(page.matches("<article").count() as u64, count);
    assert_eq!(page.matches("<bdi>Jo</bdi>: <bdi>message 1 ").count() as u64, count - 1);
    for seq in 1..=count {
        assert!(page.contains(&format!("message {seq} &lt;b&gt;&amp;&lt;/b&gt;")), "{seq}");
    }
}

#[tokio::test]
async fn a_relay_that_asks_for_patience_gets_it_and_one_that_refuses_leaves_nothing() {
    let busy = Arc::new(AtomicUsize::new(0));
    let asked = busy.clone();
    let api = relay(move |path| match asked.fetch_add(1, Ordering::SeqCst) {
        1 => refusal(WireError { retry_after_s: Some(1), ..WireError::new(ErrorCode::RateLimited, "Later.") }),
        _ => library(path, 5),
    })
    .await;
    assert_eq!(export(room(ExportFormat::Json, true, 5), Some(api), None).await.ended, Ok(()));
    let api = relay(|path| {
        if path.contains("after=200") {
            refusal(WireError::new(ErrorCode::NotFound, "No."))
        } else {
            library(path, 500)
        }
    })
    .await;
    let exported = export(room(ExportFormat::Json, true, 500), Some(api), None).await;
    assert!(matches!(&exported.ended, Err(ExportFailure::Relay(CallFailure::Refused(_)))), "{:?}", exported.ended);
    assert!(exported.leaves_nothing());
}

#[tokio::test]
async fn a_relay_that_repeats_itself_is_not_followed_for_ever() {
    let api = relay(|path| {
        if !path.contains("/messages") {
            return library(path, 0);
        }
        json(&HistoryPage { messages: vec![message(1)], has_before: false, has_after: true })
    })
    .await;
    let exported = export(room(ExportFormat::Html, true, 9), Some(api), None).await;
    assert_eq!(exported.ended, Err(ExportFailure::Relay(CallFailure::Garbled)));
    assert!(exported.leaves_nothing());
}

#[tokio::test]
async fn a_cancelled_export_leaves_nothing() {
    let (cancel, cancelled) = oneshot::channel();
    let cancel = Mutex::new(Some(cancel));
    let api = relay({
        let cancel = Arc::new(cancel);
        move |path| {
            if path.contains("after=200") {
                drop(cancel.lock().unwrap().take());
                std::thread::sleep(std::time::Duration::from_millis(100));
            }
            library(path, 100_000)
        }
    })
    .await;
    let exported = export_until(room(ExportFormat::Json, true, 100_000), Some(api), None, cancelled).await;
    assert_eq!(exported.ended, Err(ExportFailure::Cancelled));
    assert!(exported.leaves_nothing());
}

fn store(dir: &Path) -> Store {
    let account = Account { relay_url: "http://relay".to_owned(), user_id: JO };
    let key = StoreKey { key: HistoryKey::from_bytes([3; 32]), passing: false };
    let (answers, _) = mpsc::channel(10);
    Store::open(dir, &account, &key, answers).unwrap().0
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_relay_the_file_has_what_the_device_has_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let count = u64::from(PAGE_ITEMS) + 30;
    let store = store(dir.path());
    let messages = (11..=count).map(message).collect();
    store.give(StoreJob::SaveMessages { messages, names: BTreeMap::new() }).await;
    let pages = store.pages();
    crate_wait(&pages, count).await;
    let exported = export(room(ExportFormat::Json, false, count), None, Some(pages.clone())).await;
    assert_eq!(exported.ended, Ok(()));
    let json: Value = serde_json::from_str(&exported.text()).unwrap();
    assert_eq!(json["complete"], false);
    assert_eq!(json["messages"].as_array().unwrap().len() as u64, count - 10);
    assert_eq!(json["messages"][3]["sender"]["name"], Value::Null, "nobody told the device who left");
    let page = export(room(ExportFormat::Html, false, count), None, Some(pages.clone())).await.text();
    assert!(page.contains("class=\"incomplete\"") && page.contains("Message is not available"));

    // What holds the pages keeps no store open.
    tokio::task::spawn_blocking(move || store.close(false)).await.unwrap();
    let closed = export(room(ExportFormat::Json, false, count), None, Some(pages)).await;
    assert_eq!(closed.ended, Err(ExportFailure::Disk));
    assert!(closed.leaves_nothing());
}

/// The disk has the last of the messages.
async fn crate_wait(pages: &Pages, count: u64) {
    while pages.message(message_id(count)).await.is_none() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn my_data_is_streamed_and_half_of_it_is_nothing() {
    let api = relay(|path| {
        assert!(path.ends_with("/me/export"), "{path}");
        let pieces = (0..64).map(|at| Ok::<_, std::io::Error>(vec![at; 64 * 1024]));
        Response::new(Body::from_stream(futures_util::stream::iter(pieces)))
    })
    .await;
    let exported = export(ExportWhat::Mine, Some(api), None).await;
    assert_eq!(exported.ended, Ok(()));
    let bytes = std::fs::read(&exported.path).unwrap();
    assert!(bytes.len() == 64 * 64 * 1024 && bytes.is_sorted());
    assert!(!exported.progress.is_empty());

    let broken = relay(|_| {
        let pieces = [Ok("half".to_owned()), Err(std::io::Error::other("gone"))];
        Response::new(Body::from_stream(futures_util::stream::iter(pieces)))
    })
    .await;
    let exported = export(ExportWhat::Mine, Some(broken), None).await;
    assert_eq!(exported.ended, Err(ExportFailure::Relay(CallFailure::Offline)));
    assert!(exported.leaves_nothing());

    let limited = relay(|_| refusal(WireError::new(ErrorCode::RateLimited, "Later."))).await;
    let exported = export(ExportWhat::Mine, Some(limited), None).await;
    assert!(matches!(exported.ended, Err(ExportFailure::Relay(CallFailure::Refused(_)))));
}
