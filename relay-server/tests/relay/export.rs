//! What somebody takes along: all that is theirs, and nothing of others.
#![expect(clippy::unwrap_used, reason = "a test whose footing breaks has failed")]

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use parley_shared::limits::*;
use parley_shared::wire::*;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::files::content::jpeg;
use crate::files::{attach, download, send_files, upload};
use crate::harness::*;

/// The files of an archive by their names.
struct Unpacked(BTreeMap<String, Vec<u8>>);

impl Unpacked {
    async fn of(someone: &Someone) -> Self {
        let (headers, bytes) = download(someone, "/me/export").await;
        assert_eq!(headers["content-type"], "application/zip");
        assert_eq!(headers["content-disposition"], "attachment; filename=\"parley-export.zip\"");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["cache-control"], "no-store");
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        let mut files = BTreeMap::new();
        for index in 0..archive.len() {
            let mut file = archive.by_index(index).unwrap();
            let name = file.name().unwrap().into_owned();
            assert!(file.enclosed_name().is_some(), "{name} stays in the archive");
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).unwrap();
            assert!(files.insert(name, bytes).is_none(), "names are unique");
        }
        Self(files)
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&self.0[name]).unwrap()
    }

    /// The messages by their text: an archive has them in the order of ids that the sender made.
    fn messages(&self) -> Vec<Value> {
        let mut messages: Vec<Value> = serde_json::from_slice(&self.0["messages.json"]).unwrap();
        messages.sort_by_key(|own| own["body"]["text"].as_str().unwrap().to_owned());
        messages
    }

    fn names(&self, folder: &str) -> Vec<&str> {
        self.0.keys().filter_map(|name| name.strip_prefix(folder)).collect()
    }

    /// Everything that is text, to look for what must not be there.
    fn text(&self) -> String {
        let texts = self.0.iter().filter(|(name, _)| name.ends_with(".json"));
        texts.map(|(_, bytes)| String::from_utf8(bytes.clone()).unwrap()).collect()
    }
}

async fn edit(socket: &mut Socket, message: &Message, text: &str) {
    let edit = Request::EditMessage { room_id: message.room_id, message_id: message.id, text: text.into() };
    assert!(socket.request(edit).await.is_ok());
}

async fn react(socket: &mut Socket, message: &Message, emoji: &str) {
    let (room_id, message_id) = (message.room_id, message.id);
    assert!(socket.request(Request::SetReaction { room_id, message_id, emoji: emoji.into(), on: true }).await.is_ok());
}

#[tokio::test]
async fn an_export_holds_what_is_mine_and_nothing_of_others() {
    let relay = TestRelay::start().await;
    let (ada, bob) = (relay.sign_up("Ada").await, relay.sign_up("Bob").await);
    let (garden, left) = (ada.group("Garden", &[&bob]).await, bob.group("Left", &[&ada]).await);
    let direct = ada.direct(&bob).await;
    ada.tell(Method::PUT, &format!("/contacts/favourites/{}", bob.id())).await;
    let picture = upload(&ada, "me.jpg", &jpeg(300, 300), UploadPurpose::Avatar).await;
    let _: Profile = ada.ask(Method::PATCH, "/me", json!({ "bio": "I count", "avatar": picture.id })).await;
    let _: Profile = bob.ask(Method::PATCH, "/me", json!({ "bio": "secret of bob" })).await;

    let (mut hers, mut his) = (ada.connect().await, bob.connect().await);
    let first = hers.send_text(garden.id, "first words").await;
    edit(&mut hers, &first, "better words").await;
    edit(&mut hers, &first, "best words").await;
    let gone = hers.send_text(garden.id, "never said").await;
    hers.request(Request::DeleteMessage { room_id: garden.id, message_id: gone.id }).await.unwrap();
    hers.send_text(left.id, "before I left").await;
    let his_words = his.send_text(garden.id, "words of bob").await;
    react(&mut hers, &his_words, "👍").await;
    react(&mut his, &first, "🎉").await;
    his.send_text(direct.id, "whisper of bob").await;
    let bytes = b"numbers".to_vec();
    let file = attach(&ada, "..\\..\\CON.txt", &bytes).await;
    hers.request(send_files(direct.id, "look", &[file.id])).await.unwrap();
    let long = attach(&ada, &format!("{}.txt", "x".repeat(FILE_NAME_BYTES - 4)), b"long").await;
    let his_file = attach(&bob, "his.txt", b"file of bob").await;
    his.request(send_files(direct.id, "", &[his_file.id])).await.unwrap();
    ada.tell(Method::DELETE, &format!("/rooms/{}/members/{}", left.id, ada.id())).await;

    let export = Unpacked::of(&ada).await;
    let profile: Profile = ada.get("/me").await;
    assert_eq!(export.json("profile.json"), serde_json::to_value(&profile).unwrap());
    assert_eq!(export.json("devices.json"), serde_json::to_value(ada.get::<Vec<Device>>("/devices").await).unwrap());
    let contacts = json!({ "favourites": [{ "id": bob.id(), "display_name": "Bob" }], "blocked": [] });
    assert_eq!(export.json("contacts.json"), contacts);
    let rooms = export.json("rooms.json");
    let roles: Vec<_> = rooms.as_array().unwrap().iter().map(|room| (&room["name"], &room["my_role"])).collect();
    assert_eq!(roles, [(&json!("Garden"), &json!("owner")), (&json!(""), &json!("member"))]);

    let written = export.messages();
    let texts: Vec<_> = written.iter().map(|own| (own["room_id"].clone(), own["body"]["text"].clone())).collect();
    let said = |room: &Room, text: &str| (json!(room.id), json!(text));
    assert_eq!(texts, [said(&left, "before I left"), said(&garden, "best words"), said(&direct, "look")]);
    let earlier: Vec<_> = written[1]["earlier"].as_array().unwrap().iter().map(|version| &version["text"]).collect();
    assert_eq!(earlier, ["better words", "first words"]);
    let reaction = json!({ "room_id": garden.id, "message_id": his_words.id, "emoji": "👍" });
    assert_eq!(export.json("reactions.json"), json!([reaction]));

    assert_eq!(export.0[&format!("files/{}-CON.txt", file.id)], bytes);
    let names = export.names("files/");
    let shortened = names.iter().find(|name| name.starts_with(&long.id.to_string())).unwrap();
    assert!(shortened.len() <= 255 && shortened.ends_with("x.txt"));
    let (_, avatar) = download(&ada, &format!("/files/{}", picture.id)).await;
    assert_eq!(export.0[&format!("files/{}-me.jpg", picture.id)], avatar);
    assert_eq!(names.len(), 3);
    assert!(export.0["README.txt"].starts_with(b"What is yours"));
    for foreign in ["of bob", "never said", "🎉", "his.txt"] {
        assert!(!export.text().contains(foreign), "{foreign} is not hers");
    }
}

#[tokio::test]
async fn who_is_in_no_room_exports_a_whole_archive() {
    let relay = TestRelay::start().await;
    let export = Unpacked::of(&relay.sign_up("Ada").await).await;
    assert_eq!(export.json("rooms.json"), json!([]));
    assert_eq!(export.json("reactions.json"), json!([]));
    assert_eq!(export.json("messages.json"), json!([]));
    assert!(export.names("files/").is_empty());
}

#[tokio::test]
async fn a_guest_exports_what_a_guest_has() {
    let relay = TestRelay::start().await;
    let ada = relay.sign_up("Ada").await;
    let room = ada.group("Garden", &[]).await;
    let _: Room = ada.ask(Method::PATCH, &format!("/rooms/{}", room.id), json!({ "guests": true })).await;
    let invite: Invite = ada.ask(Method::POST, &format!("/rooms/{}/invites", room.id), json!({})).await;
    let body = json!({ "display_name": "Gus", "device_name": "browser" });
    let session: Session = ada.ask(Method::POST, &format!("/invites/{}/guest", invite.code), body).await;
    let gus = Someone { http: ada.http.clone(), address: relay.address, email: String::new(), session };
    gus.connect().await.send_text(room.id, "hello from a guest").await;
    let export = Unpacked::of(&gus).await;
    assert_eq!(export.json("profile.json")["user"]["role"], "guest");
    assert_eq!(export.json("messages.json")[0]["body"]["text"], "hello from a guest");
}

#[tokio::test]
async fn pages_and_pieces_make_one_archive() {
    let relay = TestRelay::start_with(|config| config.messages.burst = 10_000).await;
    let ada = relay.sign_up("Ada").await;
    let room = ada.group("Notes", &[]).await;
    let mut socket = ada.connect().await;
    for number in 100..450 {
        socket.send_text(room.id, &format!("note {number}")).await;
    }
    let large: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
    let file = attach(&ada, "large.bin", &large).await;
    let export = Unpacked::of(&ada).await;
    let notes = export.messages();
    let notes: Vec<_> = notes.iter().map(|note| note["body"]["text"].as_str().unwrap()).collect();
    assert_eq!(notes, (100..450).map(|number| format!("note {number}")).collect::<Vec<_>>(), "each once");
    assert!(export.0[&format!("files/{}-large.bin", file.id)] == large);
}

/// Asks for the archive over a connection that holds little, and reads no more than the status.
async fn begin_export(someone: &Someone) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    let mut stream = socket.connect(someone.address).await.unwrap();
    let token = someone.session.access_token.reveal();
    let request = format!("GET /api/v1/me/export HTTP/1.1\r\nHost: relay\r\nAuthorization: Bearer {token}\r\n\r\n");
    within(stream.write_all(request.as_bytes())).await.unwrap();
    let mut status = [0; 12];
    within(stream.read_exact(&mut status)).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 200");
    stream
}

#[tokio::test]
async fn an_export_that_nobody_reads_frees_its_turn() {
    let relay = TestRelay::start().await;
    let ada = relay.sign_up("Ada").await;
    attach(&ada, "large.bin", &vec![7; 20_000_000]).await;
    let reading = begin_export(&ada).await;
    let (status, error) = ada.refused(Method::GET, "/me/export", None).await;
    assert_eq!((status, error.code), (429, ErrorCode::RateLimited));
    assert!(error.retry_after_s.is_some());
    drop(reading);
    let again = async {
        while ada.send(Method::GET, "/me/export", None).await.status() != StatusCode::OK {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    within(again).await;
}
