//! Whether the relay works: for load balancers and people with curl.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use parley_shared::wire::{ErrorCode, PROTOCOL_VERSION, WireError};
use schemars::JsonSchema;
use serde::Serialize;

use super::extract::Answer;
use crate::app::App;

#[derive(Debug, Serialize, JsonSchema)]
pub struct Health {
    status: &'static str,
    version: &'static str,
    protocol: u32,
}

/// The process answers.
pub async fn health() -> Json<Health> {
    Json(Health { status: "ok", version: env!("CARGO_PKG_VERSION"), protocol: PROTOCOL_VERSION })
}

/// The database reads and writes.
pub async fn db(State(app): State<App>) -> Answer<StatusCode> {
    app.store.ping().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The loop around the sockets turns.
pub async fn socket(State(app): State<App>) -> Answer<StatusCode> {
    if app.hub.is_alive().await {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(WireError::new(ErrorCode::Unavailable, "The loop around the sockets does not turn.").into())
}
