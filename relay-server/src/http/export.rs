//! What is a person's own, to take along.

use axum::body::Body as HttpBody;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::extract::{Answer, Caller};
use crate::app::App;
use crate::export;

/// The length is not known before the end; an archive that breaks off ends the connection without the last chunk.
pub async fn export(State(app): State<App>, caller: Caller) -> Answer<Response> {
    let turn = app.exports.begin(caller.user.id)?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/zip")),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"parley-export.zip\"")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    let archive = export::stream(app, caller.device_id, turn);
    Ok((headers, HttpBody::from_stream(archive)).into_response())
}
