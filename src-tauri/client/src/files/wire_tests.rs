//! Uploads and downloads against a relay that is played by hand.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::http::Method;
use axum::response::Response;
use parley_shared::ids::FileId;
use parley_shared::limits::{FILE_BYTES, UPLOAD_CHUNK_BYTES};
use parley_shared::view::DraftFile;
use parley_shared::wire::*;
use tokio::sync::mpsc;

use super::download::{Downloads, FetchError};
use super::name::FileRef;
use super::sealed::FileKey;
use super::store::{FileStore, Variant};
use super::upload::UploadWork;
use crate::api::Api;
use crate::api::played::{self, json, relay};
use crate::core::{CallFailure, Input, UploadEvent, UploadFailure, UploadId};

const ID: FileId = FileId::from_bytes([6; 16]);

fn store(dir: &tempfile::TempDir) -> Arc<FileStore> {
    Arc::new(FileStore::open(dir.path(), FileKey::derive(&[1; 32]), u64::MAX).unwrap())
}

fn refusal(code: ErrorCode) -> Response {
    played::refusal(WireError::new(code, "No."))
}

fn upload(received_bytes: u64, size_bytes: u64) -> Upload {
    let kind = AttachmentKind::File { media_type: "text/plain".to_owned() };
    let file = Attachment { id: ID, name: "a".to_owned(), size_bytes, kind };
    Upload { id: ID, size_bytes, received_bytes, file: (received_bytes == size_bytes).then_some(file) }
}

/// Carries a file of this size and gives what was told of it.
async fn carry(dir: &tempfile::TempDir, bytes: &[u8], known: Option<FileId>, api: Api) -> Vec<UploadEvent> {
    let store = store(dir);
    let file: DraftFile = store.add_draft("a", bytes).unwrap();
    let (answers, mut told) = mpsc::channel(100);
    let purpose = UploadPurpose::Attachment;
    UploadWork { upload: UploadId(1), file, purpose, known, store, answers }.run(Some(api)).await;
    let mut events = Vec::new();
    while let Ok(input) = told.try_recv() {
        let Input::Upload(UploadId(1), event) = input else { panic!("not of the upload") };
        events.push(event);
    }
    events
}

/// Keeps what it is sent, as a relay does.
#[derive(Clone, Default)]
struct Shelf(Arc<Mutex<Vec<u8>>>);

impl Shelf {
    fn answer(&self, method: &Method, path: &str, body: &[u8], size: u64) -> Response {
        let mut kept = self.0.lock().unwrap();
        if *method == Method::PATCH {
            if !path.ends_with(&format!("offset={}", kept.len())) {
                return refusal(ErrorCode::Conflict);
            }
            kept.extend_from_slice(body);
        }
        json(&upload(kept.len() as u64, size))
    }
}

#[tokio::test]
async fn a_file_is_sent_in_pieces_and_its_progress_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let bytes: Vec<u8> = (0..2 * UPLOAD_CHUNK_BYTES + 5).map(|at| (at % 251) as u8).collect();
    let (shelf, size) = (Shelf::default(), bytes.len() as u64);
    let on_shelf = shelf.clone();
    let api = relay(move |method, path, body| shelf.answer(&method, &path, &body, size)).await;
    let events = carry(&dir, &bytes, None, api).await;
    assert!(*on_shelf.0.lock().unwrap() == bytes);
    assert!(matches!(events[0], UploadEvent::Created(ID)));
    assert!(matches!(&events[events.len() - 1], UploadEvent::Done(file) if file.id == ID));
    let sent: Vec<u64> = events
        .iter()
        .filter_map(|event| match event {
            UploadEvent::Sent { bytes } => Some(*bytes),
            UploadEvent::Created(_) | UploadEvent::Done(_) | UploadEvent::Failed(_) => None,
        })
        .collect();
    assert!(!sent.is_empty() && sent.is_sorted() && sent.iter().all(|sent| *sent <= size), "{sent:?}");
}

#[tokio::test]
async fn an_upload_goes_on_where_the_relay_stands() {
    let dir = tempfile::tempdir().unwrap();
    let bytes: Vec<u8> = (0..UPLOAD_CHUNK_BYTES + 5).map(|at| (at % 251) as u8).collect();
    let (shelf, size) = (Shelf(Arc::new(Mutex::new(bytes[..700_000].to_vec()))), bytes.len() as u64);
    let on_shelf = shelf.clone();
    let lost = Arc::new(AtomicUsize::new(0));
    let api = relay(move |method, path, body| {
        assert_ne!(method, Method::POST, "the relay knows it already");
        let answer = shelf.answer(&method, &path, &body, size);
        // The piece arrives, its answer does not.
        let is_first = method == Method::PATCH && lost.fetch_add(1, Ordering::SeqCst) == 0;
        if is_first { refusal(ErrorCode::Conflict) } else { answer }
    })
    .await;
    let events = carry(&dir, &bytes, Some(ID), api).await;
    assert!(*on_shelf.0.lock().unwrap() == bytes);
    assert!(matches!(&events[events.len() - 1], UploadEvent::Done(_)));
}

#[tokio::test]
async fn a_relay_that_takes_nothing_is_not_fed_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let api = relay(|_, _, _| json(&upload(0, 5))).await;
    let events = carry(&dir, b"hello", None, api).await;
    let failed = |event: &UploadEvent| matches!(event, UploadEvent::Failed(UploadFailure::Relay(CallFailure::Garbled)));
    assert!(events.last().is_some_and(failed), "{events:?}");
}

#[tokio::test]
async fn what_many_ask_for_is_downloaded_once() {
    let dir = tempfile::tempdir().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let api = relay(move |_, path, _| {
        assert!(path.ends_with(&format!("/files/{ID}/thumbnail")), "{path}");
        count.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(100));
        Response::new(Body::from("a picture"))
    })
    .await;
    let (store, downloads) = (store(&dir), Downloads::default());
    let fetch = || downloads.fetch(store.clone(), api.clone(), ID, Variant::Thumbnail);
    let (a, b, c) = tokio::join!(fetch(), fetch(), fetch());
    assert_eq!((a, b, c), (Ok(()), Ok(()), Ok(())));
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    assert_eq!(store.read(&FileRef::Stored(ID), Variant::Thumbnail, FILE_BYTES).unwrap(), b"a picture");
}

#[tokio::test]
async fn a_file_that_is_too_long_broken_off_or_refused_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let api = relay(|_, path, _| {
        if path.contains("thumbnail") {
            return refusal(ErrorCode::NotFound);
        }
        let zeros = vec![0; 1024 * 1024];
        let pieces = (0..=FILE_BYTES / zeros.len() as u64).map(move |_| Ok::<_, std::io::Error>(zeros.clone()));
        Response::new(Body::from_stream(futures_util::stream::iter(pieces)))
    })
    .await;
    let (store, downloads) = (store(&dir), Downloads::default());
    let fetch = |api: Api, variant| downloads.fetch(store.clone(), api, ID, variant);
    assert_eq!(fetch(api.clone(), Variant::Full).await, Err(FetchError::Relay(CallFailure::Garbled)));
    let refused = fetch(api, Variant::Thumbnail).await;
    assert!(
        matches!(refused, Err(FetchError::Relay(CallFailure::Refused(error))) if error.code == ErrorCode::NotFound)
    );

    let broken = relay(|_, _, _| {
        let pieces = [Ok("half".to_owned()), Err(std::io::Error::other("gone"))];
        Response::new(Body::from_stream(futures_util::stream::iter(pieces)))
    })
    .await;
    assert_eq!(fetch(broken, Variant::Full).await, Err(FetchError::Relay(CallFailure::Offline)));
    assert!(!store.has(&FileRef::Stored(ID), Variant::Full));
    assert_eq!(std::fs::read_dir(dir.path().join("cache")).unwrap().count(), 0);
}
