//! How files are served, and what becomes of pictures.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use parley_shared::limits::*;
use parley_shared::wire::*;
use reqwest::{Method, StatusCode};
use serde_json::json;

use super::{attach, begin, download, noise, put, upload};
use crate::harness::*;

pub fn jpeg(width: u32, height: u32) -> Vec<u8> {
    let colour = |x: u32, y: u32| Rgb([(x * 7 % 256) as u8, if y < height / 2 { 220 } else { 20 }, 90]);
    let picture: DynamicImage = RgbImage::from_fn(width, height, colour).into();
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
    bytes.into_inner()
}

/// With an EXIF segment: an orientation and the place where it was taken.
pub fn with_exif(jpeg: &[u8], orientation: u8, place: &[u8]) -> Vec<u8> {
    let mut body = b"Exif\0\0II*\0\x08\0\0\0\x02\0".to_vec();
    body.extend([0x0e, 0x01, 2, 0, place.len() as u8, 0, 0, 0, 38, 0, 0, 0]);
    body.extend([0x12, 0x01, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0, 0, 0, 0, 0]);
    body.extend(place);
    let length = (body.len() as u16 + 2).to_be_bytes();
    [&jpeg[..2], &[0xff, 0xe1], &length, &body, &jpeg[2..]].concat()
}

pub fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

#[tokio::test]
async fn a_picture_is_upright_told_nothing_and_has_a_small_one() {
    let relay = TestRelay::start().await;
    let ada = relay.sign_up("Ada").await;
    let place = b"48.2082N 16.3738E";
    let told = with_exif(&jpeg(1_200, 600), 6, place);
    assert!(contains(&told, place));
    let file = attach(&ada, "holiday.jpg", &told).await;
    let AttachmentKind::Image { width_px, height_px, placeholder } = &file.kind else { panic!("a picture") };
    assert_eq!((*width_px, *height_px), (600, 1_200), "upright");
    assert!(!placeholder.is_empty());
    let (headers, bytes) = download(&ada, &format!("/files/{}", file.id)).await;
    assert_eq!((headers["content-type"].to_str().unwrap(), bytes.len() as u64), ("image/jpeg", file.size_bytes));
    assert!(!contains(&bytes, place) && !contains(&bytes, b"Exif"));
    let (headers, small) = download(&ada, &format!("/files/{}/thumbnail", file.id)).await;
    assert_eq!(headers["content-type"], "image/jpeg");
    let small = image::load_from_memory(&small).unwrap();
    assert_eq!((small.width(), small.height()), (400, THUMBNAIL_PX));
    let storage = ada.get::<Profile>("/me").await;
    assert!(storage.storage_bytes > file.size_bytes, "the small one counts too");
    assert_eq!(storage.storage_limit_bytes, STORAGE_PER_USER_BYTES);
}

#[tokio::test]
async fn files_are_served_harmlessly() {
    let relay = TestRelay::start().await;
    let ada = relay.sign_up("Ada").await;
    let file = attach(&ada, "Übung \"1\".html", b"<html><script>alert(1)</script>").await;
    let (headers, _) = download(&ada, &format!("/files/{}", file.id)).await;
    for (name, value) in [
        ("content-type", "application/octet-stream"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; sandbox"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cache-control", "private, max-age=31536000, immutable"),
        ("accept-ranges", "bytes"),
        ("content-disposition", "attachment; filename=\"_bung _1_.html\"; filename*=UTF-8''%C3%9Cbung%20%221%22.html"),
    ] {
        assert_eq!(headers[name], value, "{name}");
    }
    assert_eq!(ada.refused(Method::GET, &format!("/files/{}/thumbnail", file.id), None).await.0, 404);
    let request = |name: &'static str, value: String| {
        let url = format!("http://{}/api/v1/files/{}", relay.address, file.id);
        ada.http.get(url).bearer_auth(ada.session.access_token.reveal()).header(name, value).send()
    };
    let tag = headers["etag"].to_str().unwrap().to_owned();
    let known = within(request("If-None-Match", tag)).await.unwrap();
    assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
    assert!(known.bytes().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_range_gives_that_part() {
    let relay = TestRelay::start().await;
    let ada = relay.sign_up("Ada").await;
    let bytes = noise(200_000);
    let file = attach(&ada, "x", &bytes).await;
    let get = |range: &'static str| {
        let url = format!("http://{}/api/v1/files/{}", relay.address, file.id);
        within(ada.http.get(url).bearer_auth(ada.session.access_token.reveal()).header("Range", range).send())
    };
    let part = get("bytes=65000-70000").await.unwrap();
    assert_eq!(
        (part.status(), &part.headers()["content-range"]),
        (StatusCode::PARTIAL_CONTENT, &"bytes 65000-70000/200000".parse().unwrap())
    );
    assert_eq!(part.bytes().await.unwrap(), bytes[65_000..=70_000]);
    let end = get("bytes=199990-").await.unwrap();
    assert_eq!(end.bytes().await.unwrap(), bytes[199_990..]);
    let beyond = get("bytes=200000-").await.unwrap();
    assert_eq!(
        (beyond.status().as_u16(), &beyond.headers()["content-range"]),
        (416, &"bytes */200000".parse().unwrap())
    );
    assert_eq!(refusal(beyond).await.1.code, ErrorCode::InvalidArgument);
    let several = get("bytes=0-1,5-6").await.unwrap();
    assert_eq!((several.status(), several.bytes().await.unwrap().len()), (StatusCode::OK, 200_000));
}

#[tokio::test]
async fn a_person_and_a_room_have_pictures() {
    let relay = TestRelay::start().await;
    let (ada, bob, eve) = (relay.sign_up("Ada").await, relay.sign_up("Bob").await, relay.sign_up("Eve").await);
    let room_id = ada.group("Garden", &[&bob]).await.id;
    let (mut own, mut other) = (ada.sign_in().await.connect().await, bob.connect().await);
    let first = upload(&ada, "me.jpg", &with_exif(&jpeg(900, 300), 1, b"at home"), UploadPurpose::Avatar).await;
    assert!(matches!(first.kind, AttachmentKind::Image { width_px: AVATAR_PX, height_px: AVATAR_PX, .. }));
    let path = format!("/files/{}", first.id);
    assert_eq!(eve.refused(Method::GET, &path, None).await.0, 404, "it is nobody's picture yet");
    let profile: Profile = ada.ask(Method::PATCH, "/me", json!({ "avatar": first.id })).await;
    assert_eq!(profile.user.avatar, Some(first.id));
    for socket in [&mut own, &mut other] {
        let changed = |event: &Event| match event {
            Event::UserChanged { user } => Some(user.clone()),
            _ => None,
        };
        assert_eq!(socket.event(changed).await, profile.user, "own devices and those in the room are told");
    }
    let (_, bytes) = download(&eve, &path).await;
    assert!(!contains(&bytes, b"at home"));
    assert_eq!(download(&eve, &format!("{path}/thumbnail")).await.1, bytes);
    let second = upload(&ada, "me.jpg", &jpeg(300, 300), UploadPurpose::Avatar).await;
    let _: Profile = ada.ask(Method::PATCH, "/me", json!({ "avatar": second.id })).await;
    assert_eq!(ada.refused(Method::GET, &path, None).await.0, 404, "the one before is gone");
    ada.tell(Method::PUT, &format!("/contacts/blocked/{}", eve.id())).await;
    assert_eq!(eve.refused(Method::GET, &format!("/files/{}", second.id), None).await.0, 404, "blocked");

    let picture = upload(&ada, "garden.png", &jpeg(500, 400), UploadPurpose::Avatar).await;
    let room: Room = ada.ask(Method::PATCH, &format!("/rooms/{room_id}"), json!({ "avatar": picture.id })).await;
    assert_eq!(room.avatar, Some(picture.id));
    let changed = |event: &Event| match event {
        Event::RoomChanged { room } if room.avatar.is_some() => Some(room.avatar),
        _ => None,
    };
    assert_eq!(other.event(changed).await, Some(picture.id));
    download(&bob, &format!("/files/{}", picture.id)).await;
    assert_eq!(eve.refused(Method::GET, &format!("/files/{}", picture.id), None).await.0, 404);
    let both = json!({ "avatar": picture.id, "remove_avatar": true });
    assert_eq!(ada.refused(Method::PATCH, &format!("/rooms/{room_id}"), Some(both)).await.0, 400);
}

#[tokio::test]
async fn an_avatar_that_is_no_picture_is_refused() {
    let relay = TestRelay::start().await;
    let ada = relay.sign_up("Ada").await;
    for bytes in [b"<svg onload='alert(1)'/>".to_vec(), jpeg(64, 64)[..300].to_vec()] {
        let id = begin(&ada, "me.jpg", bytes.len() as u64, UploadPurpose::Avatar).await.id;
        let (status, error) = refusal(put(&ada, id, 0, bytes).await).await;
        assert_eq!((status, error.code), (415, ErrorCode::UnsupportedMediaType));
        assert_eq!(ada.refused(Method::GET, &format!("/uploads/{id}"), None).await.0, 404, "nothing is left of it");
    }
    let file = attach(&ada, "me.jpg", &jpeg(64, 64)).await;
    let (status, error) = ada.refused(Method::PATCH, "/me", Some(json!({ "avatar": file.id }))).await;
    assert_eq!((status, error.field.as_deref()), (400, Some("avatar")), "an attachment is no avatar");
}
