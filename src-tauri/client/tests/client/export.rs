//! Histories and accounts as files, from a real relay and without it.

use std::path::Path;

use crate::support::{Person, Relay, Wire, text};
use parley_shared::ids::RoomId;
use parley_shared::view::*;
use serde_json::Value;

const COUNT: usize = 430;

async fn written_by_two(dir: &Path, jo_url: &str, relay: &Relay) -> (Person, Person, RoomId) {
    let jo = Person::arrive(dir, "jo").await.sign_up(jo_url, "Jo").await;
    let mina = Person::arrive(dir, "mina").await.sign_up(&relay.url(), "Mina").await;
    let room_id = jo.open_direct("Mina").await;
    for at in 0..COUNT {
        jo.say(room_id, &format!("message {at} <script>")).await;
    }
    let all = |state: &Snapshot| {
        let last = state.timeline.as_ref()?.messages.last()?;
        (last.seq?.0 == COUNT as u64).then_some(())
    };
    jo.until("all messages on the relay", all).await;
    mina.until("the room", |state| state.rooms.rooms.first().map(|_| ())).await;
    (jo, mina, room_id)
}

fn texts(path: &Path) -> Vec<String> {
    let json: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    json["messages"].as_array().unwrap().iter().map(|message| message["text"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_history_comes_from_the_relay_and_without_it_what_the_device_has() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start(dir.path()).await;
    let wire = Wire::to(relay.address()).await;
    let (jo, mina, room_id) = written_by_two(dir.path(), &wire.url(), &relay).await;
    let path = dir.path().join("history.json");
    assert!(mina.client.export_room(room_id, ExportFormat::Json, "en", path.clone()).await.unwrap());
    let all: Vec<String> = (0..COUNT).map(|at| format!("message {at} <script>")).collect();
    assert!(texts(&path) == all);

    let page = dir.path().join("history.html");
    assert!(jo.client.export_room(room_id, ExportFormat::Html, "ko", page.clone()).await.unwrap());
    let page = std::fs::read_to_string(page).unwrap();
    assert_eq!((page.matches("<article").count(), page.matches("<script").count()), (COUNT, 0));
    assert!(page.contains("lang=\"ko\"") && page.contains("<bdi class=\"who\">Jo</bdi>"));

    wire.cut();
    let away = |state: &Snapshot| matches!(state.connection, ConnectionView::Offline { .. }).then_some(());
    jo.until("the loss of the relay", away).await;
    assert!(jo.client.export_room(room_id, ExportFormat::Json, "en", path.clone()).await.unwrap());
    let json: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(json["complete"], false);
    let shown: Vec<String> = jo.state().await.timeline.unwrap().messages.iter().map(|m| text(m).to_owned()).collect();
    assert!(texts(&path).ends_with(&shown[shown.len() - 50..]));
    assert_eq!(jo.state().await.export, None);
    let offline = jo.client.export_data(dir.path().join("data.zip")).await.unwrap_err();
    assert_eq!(offline.code, CommandErrorCode::Offline);
    mina.client.shutdown().await;
    jo.client.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn my_data_come_as_a_zip() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start(dir.path()).await;
    let jo = Person::arrive(dir.path(), "jo").await.sign_up(&relay.url(), "Jo").await;
    let path = dir.path().join("data.zip");
    assert!(jo.client.export_data(path.clone()).await.unwrap());
    let bytes = std::fs::read(&path).unwrap();
    assert!(bytes.starts_with(b"PK\x03\x04") && bytes.windows(4).any(|end| end == b"PK\x05\x06"));
    jo.client.shutdown().await;
}
