//! Uploads and files.

use std::fmt::Write as _;
use std::ops::Range;

use axum::Json;
use axum::body::Body as HttpBody;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use parley_shared::ids::FileId;
use parley_shared::limits::{UPLOAD_CHUNK_BYTES, UPLOADS_PER_USER};
use parley_shared::wire::{AttachmentKind, CreateUpload, ErrorCode, Upload, WireError};
use rand::RngCore;
use relay_core::text;
use schemars::JsonSchema;
use serde::Deserialize;

use super::extract::{Answer, Asked, At, Body, Caller, Refusal, nothing_there};
use crate::app::App;
use crate::clock::unix_now;
use crate::files::check_size;
use crate::store::{KeptContent, NewUpload};

pub async fn create(
    State(app): State<App>,
    caller: Caller,
    Body(body): Body<CreateUpload>,
) -> Answer<(StatusCode, Json<Upload>)> {
    let name = text::file_name("name", &body.name)?;
    check_size(body.size_bytes, body.purpose, app.config.file_bytes)?;
    let at = unix_now();
    let mut random = [0; 10];
    rand::rng().fill_bytes(&mut random);
    let id = FileId::from_parts(at, random);
    let new = NewUpload {
        id,
        owner: caller.user.id,
        purpose: body.purpose,
        name,
        size_bytes: body.size_bytes,
        storage_bytes: app.config.storage_per_user_bytes,
        uploads: UPLOADS_PER_USER,
        at,
    };
    app.store.create_upload(new).await?;
    let upload = Upload { id, size_bytes: body.size_bytes, received_bytes: 0, file: None };
    Ok((StatusCode::CREATED, Json(upload)))
}

pub async fn upload(State(app): State<App>, caller: Caller, At(id): At<FileId>) -> Answer<Json<Upload>> {
    Ok(Json(app.files.clone().upload(caller.user.id, id).await?))
}

#[derive(Debug, Deserialize, JsonSchema)]
pub struct Place {
    offset: u64,
}

/// The body is not JSON: the limit of JSON bodies does not hold here, [`UPLOAD_CHUNK_BYTES`] does.
pub async fn append(
    State(app): State<App>,
    caller: Caller,
    At(id): At<FileId>,
    Asked(place): Asked<Place>,
    request: Request,
) -> Answer<Json<Upload>> {
    check_head(request.headers())?;
    let pieces = request.into_body().into_data_stream();
    Ok(Json(app.files.clone().append(caller.user.id, id, place.offset, pieces).await?))
}

fn check_head(headers: &HeaderMap) -> Answer<()> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/octet-stream") {
        let sentence = "A piece of a file is `application/octet-stream`.";
        return Err(WireError::new(ErrorCode::UnsupportedMediaType, sentence).into());
    }
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > UPLOAD_CHUNK_BYTES as u64) {
        let sentence = format!("A piece of a file has at most {UPLOAD_CHUNK_BYTES} bytes.");
        return Err(WireError::new(ErrorCode::TooLarge, sentence).into());
    }
    Ok(())
}

pub async fn give_up(State(app): State<App>, caller: Caller, At(id): At<FileId>) -> Answer<StatusCode> {
    app.files.give_up(caller.user.id, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn content(
    State(app): State<App>,
    caller: Caller,
    At(id): At<FileId>,
    headers: HeaderMap,
) -> Answer<Response> {
    let file = app.store.file(caller.user.id, id).await?;
    serve(&app, &file.name, &file.kept.content, &headers).await
}

pub async fn thumbnail(
    State(app): State<App>,
    caller: Caller,
    At(id): At<FileId>,
    headers: HeaderMap,
) -> Answer<Response> {
    let file = app.store.file(caller.user.id, id).await?;
    let thumbnail = match (&file.kept.thumbnail, &file.kept.kind) {
        (Some(thumbnail), _) => thumbnail,
        (None, AttachmentKind::Image { .. }) => &file.kept.content,
        (None, AttachmentKind::File { .. }) => return Err(nothing_there()),
    };
    serve(&app, &file.name, thumbnail, &headers).await
}

/// A year: a file never changes.
const CACHE: HeaderValue = HeaderValue::from_static("private, max-age=31536000, immutable");

async fn serve(app: &App, name: &str, kept: &KeptContent, asked: &HeaderMap) -> Answer<Response> {
    let tag = format!("\"{}\"", kept.hash);
    let mut headers = safe_headers(name, &kept.media_type, &tag);
    if asked.get_all(header::IF_NONE_MATCH).iter().any(|tags| names(tags, &tag)) {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    let size = kept.size_bytes;
    let (status, range) = match range(asked, &tag, size) {
        Asking::Whole => (StatusCode::OK, 0..size),
        Asking::Part(range) => {
            headers.insert(header::CONTENT_RANGE, ascii(format!("bytes {}-{}/{size}", range.start, range.end - 1)));
            (StatusCode::PARTIAL_CONTENT, range)
        }
        Asking::Nothing => {
            let error = WireError::new(ErrorCode::InvalidArgument, "The file has no such range.");
            let mut response = Refusal::with_status(error, StatusCode::RANGE_NOT_SATISFIABLE).into_response();
            response.headers_mut().insert(header::CONTENT_RANGE, ascii(format!("bytes */{size}")));
            return Ok(response);
        }
    };
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(range.end - range.start));
    let content = app.files.content(kept.hash, range).await?;
    Ok((status, headers, HttpBody::from_stream(content)).into_response())
}

/// Whatever a file holds, no page runs it, shows it in its own name or guesses what it is.
fn safe_headers(name: &str, media_type: &str, tag: &str) -> HeaderMap {
    let media_type = HeaderValue::from_str(media_type);
    HeaderMap::from_iter([
        (header::CONTENT_TYPE, media_type.unwrap_or(HeaderValue::from_static("application/octet-stream"))),
        (header::CONTENT_DISPOSITION, disposition(name)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox")),
        (header::HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
        (header::CACHE_CONTROL, CACHE),
        (header::ACCEPT_RANGES, HeaderValue::from_static("bytes")),
        (header::ETAG, ascii(tag.to_owned())),
    ])
}

/// RFC 6266: a plain name for old readers, and the name itself as RFC 8187 writes it.
fn disposition(name: &str) -> HeaderValue {
    let plain: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || "-_. ".contains(c) { c } else { '_' }).collect();
    let exact = name.bytes().fold(String::new(), |mut exact, byte| {
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            exact.push(char::from(byte));
        } else {
            let _ = write!(exact, "%{byte:02X}");
        }
        exact
    });
    ascii(format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{exact}"))
}

fn ascii(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("it is made of visible ASCII only")
}

/// RFC 9110, 13.1.2: `*`, or a list of tags, of which weak ones count too.
fn names(tags: &HeaderValue, tag: &str) -> bool {
    let Ok(tags) = tags.to_str() else { return false };
    tags.split(',').map(str::trim).any(|named| named == "*" || named.strip_prefix("W/").unwrap_or(named) == tag)
}

#[derive(Debug, PartialEq, Eq)]
enum Asking {
    Whole,
    Part(Range<u64>),
    /// A range of which the file has nothing.
    Nothing,
}

/// RFC 9110, 14.2. Several ranges, other units and what is no range at all are ignored, as is the range of another version.
fn range(asked: &HeaderMap, tag: &str, size: u64) -> Asking {
    let other_version = asked.get(header::IF_RANGE).is_some_and(|version| version != tag);
    let spec = asked.get(header::RANGE).and_then(|range| range.to_str().ok()?.strip_prefix("bytes="));
    let Some((first, last)) = spec.filter(|_| !other_version).and_then(|spec| spec.trim().split_once('-')) else {
        return Asking::Whole;
    };
    let range = match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => first..last.saturating_add(1).min(size),
        (Some(first), None) if last.is_empty() => first..size,
        (None, Some(count)) if first.is_empty() => size.saturating_sub(count)..size,
        _ => return Asking::Whole,
    };
    if range.start < range.end { Asking::Part(range) } else { Asking::Nothing }
}

/// Digits only: no sign, no space.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asking(spec: &str) -> Asking {
        let headers = HeaderMap::from_iter([(header::RANGE, HeaderValue::from_str(spec).unwrap())]);
        range(&headers, "\"t\"", 10)
    }

    #[test]
    fn one_range_is_understood_and_odd_ones_give_the_whole() {
        for (spec, expected) in [
            ("bytes=0-3", Asking::Part(0..4)),
            ("bytes=4-", Asking::Part(4..10)),
            ("bytes=-3", Asking::Part(7..10)),
            ("bytes=-99", Asking::Part(0..10)),
            ("bytes=8-99", Asking::Part(8..10)),
            ("bytes=10-", Asking::Nothing),
            ("bytes=-0", Asking::Nothing),
            ("bytes=99999999999999999999-", Asking::Whole),
            ("bytes=0-18446744073709551615", Asking::Part(0..10)),
            ("bytes=3-1", Asking::Whole),
            ("bytes=0-1,3-4", Asking::Whole),
            ("bytes=+1-2", Asking::Whole),
            ("bytes=-", Asking::Whole),
            ("lines=0-1", Asking::Whole),
        ] {
            assert_eq!(asking(spec), expected, "{spec}");
        }
    }

    #[test]
    fn a_range_of_another_version_is_ignored() {
        let mut headers = HeaderMap::from_iter([(header::RANGE, HeaderValue::from_static("bytes=0-3"))]);
        headers.insert(header::IF_RANGE, HeaderValue::from_static("\"other\""));
        assert_eq!(range(&headers, "\"t\"", 10), Asking::Whole);
        headers.insert(header::IF_RANGE, HeaderValue::from_static("\"t\""));
        assert_eq!(range(&headers, "\"t\"", 10), Asking::Part(0..4));
    }

    #[test]
    fn no_name_breaks_out_of_its_header() {
        for name in ["a\"; filename=b.exe", "a\r\nSet-Cookie: x", "Übung 🎉.pdf", "100%.txt", "a'b*c"] {
            let value = disposition(name);
            let text = value.to_str().unwrap();
            let rest = text.strip_prefix("attachment; filename=\"").unwrap();
            let (plain, rest) = rest.split_once("\"; filename*=UTF-8''").unwrap();
            assert!(plain.chars().all(|c| c.is_ascii_alphanumeric() || "-_. ".contains(c)), "{plain}");
            assert!(rest.chars().all(|c| c.is_ascii_graphic() && !"\"'*;,".contains(c)), "{rest}");
        }
        assert!(disposition("ü").to_str().unwrap().ends_with("UTF-8''%C3%BC"));
    }

    #[test]
    fn tags_are_compared_one_by_one() {
        let tags = HeaderValue::from_static("\"a\", W/\"t\"");
        assert!(names(&tags, "\"t\"") && !names(&tags, "\"b\""));
        assert!(names(&HeaderValue::from_static("*"), "\"t\""));
    }
}
