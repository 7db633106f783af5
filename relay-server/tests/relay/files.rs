//! Files over HTTP: uploading, going on after a break, who may read what, and how it is served.
#![expect(clippy::unwrap_used, reason = "a test whose footing breaks has failed")]

pub mod content;
mod hostile;

use std::path::{Path, PathBuf};

use parley_shared::ids::{ClientMessageId, FileId, RoomId, UnixMs};
use parley_shared::limits::*;
use parley_shared::wire::*;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::harness::*;

pub async fn begin(someone: &Someone, name: &str, size_bytes: u64, purpose: UploadPurpose) -> Upload {
    someone.ask(Method::POST, "/uploads", CreateUpload { name: name.into(), size_bytes, purpose }).await
}

pub async fn put(someone: &Someone, id: FileId, offset: u64, bytes: Vec<u8>) -> reqwest::Response {
    let url = format!("http://{}/api/v1/uploads/{id}?offset={offset}", someone.address);
    let request = someone.http.patch(url).bearer_auth(someone.session.access_token.reveal());
    within(request.header("Content-Type", "application/octet-stream").body(bytes).send()).await.unwrap()
}

pub async fn put_ok(someone: &Someone, id: FileId, offset: u64, bytes: &[u8]) -> Upload {
    let response = put(someone, id, offset, bytes.to_vec()).await;
    assert_eq!(response.status(), StatusCode::OK, "{}", response.text().await.unwrap());
    response.json().await.unwrap()
}

/// Piece by piece to the end.
pub async fn upload(someone: &Someone, name: &str, bytes: &[u8], purpose: UploadPurpose) -> Attachment {
    let mut upload = begin(someone, name, bytes.len() as u64, purpose).await;
    for piece in bytes.chunks(UPLOAD_CHUNK_BYTES) {
        assert!(upload.file.is_none());
        upload = put_ok(someone, upload.id, upload.received_bytes, piece).await;
    }
    upload.file.expect("all bytes are there")
}

pub async fn attach(someone: &Someone, name: &str, bytes: &[u8]) -> Attachment {
    upload(someone, name, bytes, UploadPurpose::Attachment).await
}

pub fn send_files(room_id: RoomId, text: &str, files: &[FileId]) -> Request {
    Request::SendMessage {
        room_id,
        client_id: ClientMessageId::from_parts(UnixMs(1), random()),
        text: text.into(),
        reply_to: None,
        thread_id: None,
        attachments: files.to_vec(),
    }
}

/// Uploads a file and puts it into a message.
pub async fn post_file(someone: &Someone, socket: &mut Socket, room_id: RoomId, bytes: &[u8]) -> (Message, Attachment) {
    let file = attach(someone, "notes.bin", bytes).await;
    match socket.request(send_files(room_id, "", &[file.id])).await {
        Ok(Reply::Message { message }) => (*message, file),
        other => panic!("a message is stored, not {other:?}"),
    }
}

pub async fn download(someone: &Someone, path: &str) -> (reqwest::header::HeaderMap, Vec<u8>) {
    let response = someone.send(Method::GET, path, None).await;
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    (response.headers().clone(), response.bytes().await.unwrap().to_vec())
}

fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// Every file below a directory.
fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            found.push(path);
        }
    }
    found
}

async fn until(what: &str, mut true_now: impl FnMut() -> bool) {
    let waiting = async {
        while !true_now() {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("{what}"));
}

#[tokio::test]
async fn a_file_goes_from_one_to_the_other() {
    let relay = TestRelay::start().await;
    let (ada, bob) = (relay.sign_up("Ada").await, relay.sign_up("Bob").await);
    let room_id = ada.direct(&bob).await.id;
    let (mut a, mut b) = (ada.connect().await, bob.connect().await);
    let bytes = noise(2 * UPLOAD_CHUNK_BYTES + 12_345);
    let begun = begin(&ada, "notes.bin", bytes.len() as u64, UploadPurpose::Attachment).await;
    assert_eq!((begun.received_bytes, &begun.file), (0, &None));
    let half = put_ok(&ada, begun.id, 0, &bytes[..UPLOAD_CHUNK_BYTES]).await;
    assert_eq!((half.received_bytes, &half.file), (UPLOAD_CHUNK_BYTES as u64, &None));
    assert_eq!(a.refused(send_files(room_id, "", &[begun.id])).await, ErrorCode::InvalidArgument, "it is half there");
    put_ok(&ada, begun.id, half.received_bytes, &bytes[UPLOAD_CHUNK_BYTES..2 * UPLOAD_CHUNK_BYTES]).await;
    let whole = put_ok(&ada, begun.id, 2 * UPLOAD_CHUNK_BYTES as u64, &bytes[2 * UPLOAD_CHUNK_BYTES..]).await;
    let file = whole.file.clone().expect("it is whole");
    assert_eq!((file.name.as_str(), file.size_bytes), ("notes.bin", bytes.len() as u64));
    assert_eq!(file.kind, AttachmentKind::File { media_type: "application/octet-stream".into() });
    assert_eq!(ada.get::<Upload>(&format!("/uploads/{}", begun.id)).await, whole);
    let path = format!("/files/{}", file.id);
    assert_eq!(bob.refused(Method::GET, &path, None).await.0, 404, "it is in no message");

    let Ok(Reply::Message { message }) = a.request(send_files(room_id, "", &[file.id])).await else { panic!("stored") };
    assert_eq!(message.body, MessageBody::Text { text: String::new(), attachments: vec![file.clone()] });
    assert_eq!(b.stored().await, *message);
    assert_eq!(download(&bob, &path).await.1, bytes);
    assert_eq!(a.refused(send_files(room_id, "again", &[file.id])).await, ErrorCode::InvalidArgument);
    assert_eq!(a.refused(send_files(room_id, "", &[])).await, ErrorCode::InvalidArgument, "neither text nor file");
    assert_eq!(ada.refused(Method::DELETE, &format!("/uploads/{}", file.id), None).await.0, 409, "it is in a message");
}

#[tokio::test]
async fn an_upload_goes_on_after_a_broken_piece_and_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let start = || TestRelay::start_with(|config| config.data_dir = dir.path().to_owned());
    let mut relay = start().await;
    let ada = relay.sign_up("Ada").await;
    let bytes = noise(500_000);
    let id = begin(&ada, "notes.bin", bytes.len() as u64, UploadPurpose::Attachment).await.id;

    // A piece that breaks off in the middle: its length is promised and not kept.
    let mut stream = tokio::net::TcpStream::connect(relay.address).await.unwrap();
    let head = format!(
        "PATCH /api/v1/uploads/{id}?offset=0 HTTP/1.1\r\nHost: relay\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/octet-stream\r\nContent-Length: 400000\r\n\r\n",
        ada.session.access_token.reveal()
    );
    use tokio::io::AsyncWriteExt;
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&bytes[..100_000]).await.unwrap();
    let part = dir.path().join("uploads").join(id.to_string());
    until("what came is on disk", || std::fs::metadata(&part).is_ok_and(|part| part.len() == 100_000)).await;
    assert_eq!(put(&ada, id, 100_000, vec![0; 10]).await.status(), StatusCode::CONFLICT, "another piece is coming in");
    drop(stream);
    let path = format!("/uploads/{id}");
    let mut upload: Upload = ada.get(&path).await;
    assert_eq!(upload.received_bytes, 100_000, "what had come counts");
    upload = loop {
        let response = put(&ada, id, 100_000, bytes[100_000..300_000].to_vec()).await;
        if response.status() == StatusCode::OK {
            break response.json().await.unwrap();
        }
        assert_eq!(response.status(), StatusCode::CONFLICT, "until the relay knows of the break");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    assert_eq!(upload.received_bytes, 300_000);

    relay.stop().await;
    let relay = start().await;
    let ada = Someone { address: relay.address, ..ada };
    assert_eq!(ada.get::<Upload>(&path).await, upload, "a restart loses nothing");
    assert_eq!(put(&ada, id, 100_000, vec![0; 10]).await.status(), StatusCode::CONFLICT, "a wrong offset");
    let whole = put_ok(&ada, id, 300_000, &bytes[300_000..]).await;
    assert_eq!(download(&ada, &format!("/files/{}", whole.file.unwrap().id)).await.1, bytes);
    assert!(!part.exists(), "a whole upload leaves no part");
}

#[tokio::test]
async fn an_upload_whose_last_bytes_came_before_a_crash_is_finished_by_asking() {
    let dir = tempfile::tempdir().unwrap();
    let relay = TestRelay::start_with(|config| config.data_dir = dir.path().to_owned()).await;
    let ada = relay.sign_up("Ada").await;
    let id = begin(&ada, "notes.txt", 5, UploadPurpose::Attachment).await.id;
    std::fs::write(dir.path().join("uploads").join(id.to_string()), b"hello").unwrap();
    let upload: Upload = ada.get(&format!("/uploads/{id}")).await;
    assert_eq!(upload.received_bytes, 5);
    assert_eq!(download(&ada, &format!("/files/{}", upload.file.unwrap().id)).await.1, b"hello");
}

#[tokio::test]
async fn of_two_pieces_at_once_one_wins() {
    let relay = TestRelay::start().await;
    let ada = relay.sign_up("Ada").await;
    let id = begin(&ada, "notes.bin", 2_000_000, UploadPurpose::Attachment).await.id;
    let pieces = (0..6).map(|n| put(&ada, id, 0, vec![n; 900_000]));
    let answers = futures_util::future::join_all(pieces).await;
    let won = answers.iter().filter(|answer| answer.status() == StatusCode::OK).count();
    assert_eq!(won, 1);
    assert!(answers.iter().all(|answer| [StatusCode::OK, StatusCode::CONFLICT].contains(&answer.status())));
    assert_eq!(ada.get::<Upload>(&format!("/uploads/{id}")).await.received_bytes, 900_000);
}

#[tokio::test]
async fn sizes_are_held() {
    let relay = TestRelay::start_with(|config| {
        config.storage_per_user_bytes = 3_000_000;
        config.file_bytes = 2_000_000;
    })
    .await;
    let ada = relay.sign_up("Ada").await;
    let create = |size: u64, purpose: &'static str| {
        let body = json!({ "name": "x", "size_bytes": size, "purpose": purpose });
        let ada = &ada;
        async move { ada.refused(Method::POST, "/uploads", Some(body)).await.1.code }
    };
    assert_eq!(create(0, "attachment").await, ErrorCode::InvalidArgument);
    assert_eq!(create(2_000_001, "attachment").await, ErrorCode::TooLarge);
    assert_eq!(create(IMAGE_BYTES + 1, "avatar").await, ErrorCode::TooLarge);
    let id = begin(&ada, "x", 1_800_000, UploadPurpose::Attachment).await.id;
    assert_eq!(create(1_200_001, "attachment").await, ErrorCode::StorageFull, "what is announced counts");
    let (status, error) = refusal(put(&ada, id, 0, vec![0; UPLOAD_CHUNK_BYTES + 1]).await).await;
    assert_eq!((status, error.code), (413, ErrorCode::TooLarge), "a piece has its size");
    put_ok(&ada, id, 0, &vec![0; 1_000_000]).await;
    assert_eq!(refusal(put(&ada, id, 1_000_000, vec![0; 800_001]).await).await.0, 413, "more than was announced");
    assert_eq!(ada.get::<Upload>(&format!("/uploads/{id}")).await.received_bytes, 1_000_000, "nothing of it was kept");
    assert_eq!(refusal(put(&ada, id, 1_800_001, vec![0; 1]).await).await.0, 409);
    ada.tell(Method::DELETE, &format!("/uploads/{id}")).await;
    assert_eq!(ada.refused(Method::GET, &format!("/uploads/{id}"), None).await.0, 404);
    assert_eq!(ada.get::<Profile>("/me").await.storage_bytes, 0);
    for _ in 0..UPLOADS_PER_USER {
        begin(&ada, "x", 1, UploadPurpose::Attachment).await;
    }
    let (status, error) = ada
        .refused(Method::POST, "/uploads", Some(json!({ "name": "x", "size_bytes": 1, "purpose": "attachment" })))
        .await;
    assert_eq!((status, error.retry_after_s.is_some()), (429, true));
    let url = format!("http://{}/api/v1/uploads/{id}?offset=0", relay.address);
    let json = ada.http.patch(url).bearer_auth(ada.session.access_token.reveal()).json(&json!({})).send();
    assert_eq!(within(json).await.unwrap().status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn a_stranger_finds_nothing_at_any_address() {
    let relay = TestRelay::start().await;
    let (ada, bob, eve) = (relay.sign_up("Ada").await, relay.sign_up("Bob").await, relay.sign_up("Eve").await);
    let room_id = ada.group("Garden", &[&bob]).await.id;
    let mut socket = ada.connect().await;
    let (_, file) = post_file(&ada, &mut socket, room_id, b"for members").await;
    let unused = attach(&ada, "unused", b"for nobody yet").await;
    let under_way = begin(&ada, "x", 10, UploadPurpose::Attachment).await.id;
    let unknown: FileId = "01890000-0000-7000-8000-000000000000".parse().unwrap();
    for id in [file.id, unused.id, under_way, unknown] {
        for (method, path) in [
            (Method::GET, format!("/uploads/{id}")),
            (Method::DELETE, format!("/uploads/{id}")),
            (Method::GET, format!("/files/{id}")),
            (Method::GET, format!("/files/{id}/thumbnail")),
        ] {
            assert_eq!(eve.refused(method, &path, None).await.0, 404, "{path}");
        }
        assert_eq!(put(&eve, id, 0, vec![0; 1]).await.status(), StatusCode::NOT_FOUND);
        let url = format!("http://{}/api/v1/files/{id}", relay.address);
        assert_eq!(within(eve.http.get(url).send()).await.unwrap().status(), StatusCode::UNAUTHORIZED);
    }
    let mut stranger = eve.connect().await;
    let own = eve.group("Own", &[]).await.id;
    assert_eq!(stranger.refused(send_files(own, "", &[unused.id])).await, ErrorCode::InvalidArgument, "another's file");
    assert_eq!(download(&bob, &format!("/files/{}", file.id)).await.1, b"for members");
    ada.tell(Method::DELETE, &format!("/rooms/{room_id}/members/{}", bob.id())).await;
    assert_eq!(bob.refused(Method::GET, &format!("/files/{}", file.id), None).await.0, 404, "no longer a member");
}

#[tokio::test]
async fn the_same_content_is_kept_once_and_gone_with_the_last_message() {
    let dir = tempfile::tempdir().unwrap();
    let relay = TestRelay::start_with(|config| config.data_dir = dir.path().to_owned()).await;
    let (ada, bob) = (relay.sign_up("Ada").await, relay.sign_up("Bob").await);
    let room_id = ada.direct(&bob).await.id;
    let (mut a, mut b) = (ada.connect().await, bob.connect().await);
    let blobs = dir.path().join("blobs");
    let (one, file) = post_file(&ada, &mut a, room_id, b"the same").await;
    let (two, other) = post_file(&bob, &mut b, room_id, b"the same").await;
    assert_eq!(files_below(&blobs).len(), 1);
    a.request(Request::DeleteMessage { room_id, message_id: one.id }).await.unwrap();
    assert_eq!(bob.refused(Method::GET, &format!("/files/{}", file.id), None).await.0, 404);
    // Several sweeps pass.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert_eq!(download(&ada, &format!("/files/{}", other.id)).await.1, b"the same", "the other message has it");
    b.request(Request::DeleteMessage { room_id, message_id: two.id }).await.unwrap();
    until("the blob goes", || files_below(&blobs).is_empty()).await;
    assert_eq!(ada.get::<Profile>("/me").await.storage_bytes, 0);
}

#[tokio::test]
async fn what_a_crash_left_is_swept_away() {
    let dir = tempfile::tempdir().unwrap();
    let start = || TestRelay::start_with(|config| config.data_dir = dir.path().to_owned());
    let mut relay = start().await;
    let ada = relay.sign_up("Ada").await;
    let under_way = begin(&ada, "x", 10, UploadPurpose::Attachment).await.id;
    put_ok(&ada, under_way, 0, b"half").await;
    relay.stop().await;
    let (uploads, blobs) = (dir.path().join("uploads"), dir.path().join("blobs"));
    std::fs::write(uploads.join("01890000-0000-7000-8000-000000000000"), b"of no upload").unwrap();
    std::fs::write(blobs.join("part/3"), b"half a blob").unwrap();
    let relay = start().await;
    until("dead parts go", || files_below(&uploads).len() == 1 && files_below(&blobs).is_empty()).await;
    let ada = Someone { address: relay.address, ..ada };
    assert_eq!(ada.get::<Upload>(&format!("/uploads/{under_way}")).await.received_bytes, 4, "what is alive stays");
}
