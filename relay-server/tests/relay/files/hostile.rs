//! Files that mean harm.

use std::time::Instant;

use parley_shared::limits::*;
use parley_shared::wire::*;
use reqwest::Method;
use serde_json::json;

use super::content::{contains, jpeg};
use super::{attach, begin, download, put};
use crate::harness::*;

fn bytes_kind() -> AttachmentKind {
    AttachmentKind::File { media_type: "application/octet-stream".into() }
}

/// A PNG that says to be 65,500 pixels each way, with a few kilobytes of zeros.
fn bomb() -> Vec<u8> {
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let side = 65_500_u32.to_be_bytes();
    let header = [&side[..], &side, &[8, 6, 0, 0, 0]].concat();
    for (kind, body) in [(b"IHDR", header), (b"IDAT", vec![0; 4_000]), (b"IEND", Vec::new())] {
        png.extend((body.len() as u32).to_be_bytes());
        png.extend(kind);
        png.extend(body);
        png.extend([0; 4]);
    }
    png
}

#[tokio::test]
async fn a_bomb_is_refused_at_once() {
    let relay = TestRelay::start().await;
    let ada = relay.sign_up("Ada").await;
    let bomb = bomb();
    let id = begin(&ada, "bomb.png", bomb.len() as u64, UploadPurpose::Attachment).await.id;
    let started = Instant::now();
    let (status, error) = refusal(put(&ada, id, 0, bomb).await).await;
    assert_eq!((status, error.code), (413, ErrorCode::TooLarge));
    assert!(started.elapsed().as_secs() < 5, "decoding 17 GB takes longer");
    assert_eq!(ada.refused(Method::GET, &format!("/uploads/{id}"), None).await.0, 404, "nothing is left of it");
}

#[tokio::test]
async fn a_picture_over_its_size_is_refused_with_its_first_piece() {
    let relay = TestRelay::start().await;
    let ada = relay.sign_up("Ada").await;
    let id = begin(&ada, "large.jpg", IMAGE_BYTES + 1, UploadPurpose::Attachment).await.id;
    let (status, error) = refusal(put(&ada, id, 0, jpeg(64, 64)).await).await;
    assert_eq!((status, error.code), (413, ErrorCode::TooLarge));
}

#[tokio::test]
async fn what_only_says_to_be_a_picture_is_a_file() {
    let relay = TestRelay::start().await;
    let ada = relay.sign_up("Ada").await;
    let whole = jpeg(64, 64);
    for (name, bytes, kind) in [
        ("photo.jpg", whole[..whole.len() - 40].to_vec(), bytes_kind()),
        ("photo.png", b"PK\x03\x04 a zip".to_vec(), AttachmentKind::File { media_type: "application/zip".into() }),
        (
            "photo.svg",
            b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>".to_vec(),
            bytes_kind(),
        ),
        ("photo.html", b"<html><script>alert(1)</script></html>".to_vec(), bytes_kind()),
    ] {
        let file = attach(&ada, name, &bytes).await;
        assert_eq!((file.name.as_str(), &file.kind), (name, &kind));
        let (headers, got) = download(&ada, &format!("/files/{}", file.id)).await;
        let AttachmentKind::File { media_type } = kind else { panic!("a file") };
        assert_eq!((headers["content-type"].to_str().unwrap(), got), (media_type.as_str(), bytes), "{name}");
    }
}

#[tokio::test]
async fn a_page_behind_a_picture_is_cut_off() {
    let relay = TestRelay::start().await;
    let ada = relay.sign_up("Ada").await;
    let both = [&jpeg(64, 64)[..], b"<html><script>alert(1)</script></html>"].concat();
    let file = attach(&ada, "photo.html", &both).await;
    assert!(matches!(file.kind, AttachmentKind::Image { width_px: 64, height_px: 64, .. }));
    let (headers, bytes) = download(&ada, &format!("/files/{}", file.id)).await;
    assert_eq!(headers["content-type"], "image/jpeg");
    assert!(!contains(&bytes, b"<script>"));
}

#[tokio::test]
async fn names_are_made_harmless() {
    let relay = TestRelay::start().await;
    let ada = relay.sign_up("Ada").await;
    for (name, clean) in [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("a\r\nSet-Cookie: x", "aSet-Cookie: x"),
        ("photo\u{202e}gpj.exe", "photogpj.exe"),
        ("..", "file"),
        ("\"; filename=\"b.exe", "\"; filename=\"b.exe"),
    ] {
        let file = attach(&ada, name, b"x").await;
        assert_eq!(file.name, clean, "{name:?}");
        let (headers, _) = download(&ada, &format!("/files/{}", file.id)).await;
        assert!(!headers.contains_key("set-cookie"));
        let disposition = headers["content-disposition"].to_str().unwrap();
        assert_eq!(disposition.matches("filename=").count(), 1, "{disposition}");
    }
    for name in ["x".repeat(300), String::new(), " ".into()] {
        let body = json!({ "name": name, "size_bytes": 1, "purpose": "attachment" });
        let (status, error) = ada.refused(Method::POST, "/uploads", Some(body)).await;
        assert_eq!((status, error.field.as_deref()), (400, Some("name")));
    }
}
