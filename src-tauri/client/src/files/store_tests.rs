use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use image::ImageFormat;
use parley_shared::ids::FileId;
use parley_shared::limits::FILE_BYTES;
use parley_shared::wire::AttachmentKind;

use super::name::FileRef;
use super::picture::tests::encoded;
use super::sealed::FileKey;
use super::store::{DraftError, FileStore, Variant};

const CACHE: u64 = 400_000;

fn id(n: u8) -> FileId {
    FileId::from_bytes([n; 16])
}

fn open(dir: &Path) -> FileStore {
    FileStore::open(&dir.join("files"), FileKey::derive(&[3; 32]), CACHE).unwrap()
}

fn cache(store: &FileStore, n: u8, bytes: &[u8]) {
    let mut writer = store.cache_writer(id(n), Variant::Full).unwrap();
    writer.write(bytes).unwrap();
    store.cache_finish(id(n), Variant::Full, writer).unwrap();
}

fn all_bytes(dir: &Path) -> Vec<u8> {
    let mut out = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        out.extend(path.to_string_lossy().bytes());
        out.extend(if path.is_dir() { all_bytes(&path) } else { fs::read(&path).unwrap() });
    }
    out
}

#[test]
fn a_draft_is_kept_across_restarts_with_its_thumbnail() {
    let dir = tempfile::tempdir().unwrap();
    let photo = encoded(60, 30, ImageFormat::Jpeg);
    let draft = open(dir.path()).add_draft("../me.jpg", &photo).unwrap();
    assert_eq!((draft.name.as_str(), draft.size_bytes), ("me.jpg", photo.len() as u64));
    assert!(matches!(draft.kind, AttachmentKind::Image { width_px: 60, height_px: 30, .. }));

    let store = open(dir.path());
    let file: FileRef = draft.key.parse().unwrap();
    assert_eq!(store.read(&file, Variant::Full, FILE_BYTES).unwrap(), photo);
    assert!(image::load_from_memory(&store.read(&file, Variant::Thumbnail, FILE_BYTES).unwrap()).is_ok());
    store.remove_draft(&draft.key);
    assert!(!store.has(&file, Variant::Full) && !store.has(&file, Variant::Thumbnail));
}

#[test]
fn the_disk_shows_neither_content_nor_names() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.add_draft("salaries.txt", &b"the secret plan ".repeat(9_000)).unwrap();
    cache(&store, 1, &b"the secret plan ".repeat(9_000));
    let raw = all_bytes(dir.path());
    for plain in [&b"the secret"[..], b"salaries"] {
        assert!(!raw.windows(plain.len()).any(|window| window == plain));
    }
}

#[test]
fn drafts_of_no_message_and_torn_writes_are_swept() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let kept = store.add_draft("a.png", &encoded(5, 5, ImageFormat::Png)).unwrap();
    let lost = store.add_draft("b.txt", b"b").unwrap();
    fs::write(dir.path().join("files/drafts/draft-1.0011.new"), b"torn").unwrap();
    fs::write(dir.path().join("files/cache/x.0011.new"), b"torn").unwrap();
    let store = open(dir.path());
    let fresh = store.add_draft("c.txt", b"c").unwrap();
    store.keep_drafts(&BTreeSet::from([kept.key.clone()]));
    assert!(store.has(&fresh.key.parse().unwrap(), Variant::Full));
    assert!(store.has(&kept.key.parse().unwrap(), Variant::Thumbnail));
    assert!(!store.has(&lost.key.parse().unwrap(), Variant::Full));
    assert_eq!(fs::read_dir(dir.path().join("files/drafts")).unwrap().count(), 3);
    assert_eq!(fs::read_dir(dir.path().join("files/cache")).unwrap().count(), 0);
}

#[test]
fn what_was_not_used_for_longest_makes_room() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for n in 1..=3 {
        cache(&store, n, &[n; 120_000]);
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    store.read(&FileRef::Stored(id(1)), Variant::Full, FILE_BYTES).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(5));
    // A restart does not forget the order.
    let store = open(dir.path());
    cache(&store, 4, &[4; 120_000]);
    let here: Vec<bool> = (1..=4).map(|n| store.has(&FileRef::Stored(id(n)), Variant::Full)).collect();
    assert_eq!(here, [true, false, true, true]);
    assert!(store.cache_bytes() <= CACHE);
    store.wipe_cache();
    assert_eq!((store.cache_bytes(), store.has(&FileRef::Stored(id(1)), Variant::Full)), (0, false));
}

#[test]
fn a_damaged_file_of_the_cache_is_gone_after_it_was_found() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    cache(&store, 1, &[1; 1_000]);
    let path = dir.path().join("files/cache").join(id(1).to_string());
    let mut raw = fs::read(&path).unwrap();
    raw[200] ^= 1;
    fs::write(&path, raw).unwrap();
    assert!(store.read(&FileRef::Stored(id(1)), Variant::Full, FILE_BYTES).is_err());
    assert!(!store.has(&FileRef::Stored(id(1)), Variant::Full));
}

#[test]
fn files_of_a_lost_key_are_removed() {
    let dir = tempfile::tempdir().unwrap();
    let draft = open(dir.path()).add_draft("a.txt", b"a").unwrap();
    let other = FileStore::open(&dir.path().join("files"), FileKey::derive(&[4; 32]), CACHE).unwrap();
    assert!(!other.has(&draft.key.parse().unwrap(), Variant::Full));
    other.add_draft("b.txt", b"b").unwrap();
}

#[test]
fn a_sent_file_is_in_the_cache_under_its_new_name() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let photo = encoded(60, 30, ImageFormat::Jpeg);
    let draft = store.add_draft("me.jpg", &photo).unwrap();
    store.adopt(&draft.key, id(5)).unwrap();
    assert_eq!(store.read(&FileRef::Stored(id(5)), Variant::Full, FILE_BYTES).unwrap(), photo);
    assert!(store.has(&FileRef::Stored(id(5)), Variant::Thumbnail));
}

#[test]
fn a_saved_file_replaces_what_was_there_and_leaves_nothing_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let out = tempfile::tempdir().unwrap();
    let path = out.path().join("notes.txt");
    fs::write(&path, b"old").unwrap();
    let draft = store.add_draft("notes.txt", b"new").unwrap();
    store.save_as(&draft.key.parse().unwrap(), &path).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert!(store.save_as(&FileRef::Stored(id(9)), &path).is_err());
    assert!(store.save_as(&draft.key.parse().unwrap(), &out.path().join("no/such/folder/x")).is_err());
    assert_eq!(fs::read_dir(out.path()).unwrap().count(), 1);
}

#[test]
fn limits_are_held_before_anything_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let big = vec![0; FILE_BYTES as usize + 1];
    assert!(matches!(store.add_draft("big", &big), Err(DraftError::TooManyBytes)));
    for _ in 0..200 {
        store.add_draft("a", b"a").unwrap();
    }
    assert!(matches!(store.add_draft("a", b"a"), Err(DraftError::Full)));
}
