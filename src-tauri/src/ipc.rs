//! What the webview may ask of the shell: one door for commands, one for queries. `permissions/parley.toml` names them.

use std::time::Instant;

use parley_client::ClientHandle;
use parley_shared::view::{Command, CommandError, CommandErrorCode, Query};
use serde::Serialize;
use serde_json::Value;
use tauri::State;
use tracing::info;

use crate::frames::FramesServer;

/// Carries out a command of the webview; what it changed comes as events.
#[tauri::command]
pub async fn command(command: Command, client: State<'_, ClientHandle>) -> Result<(), CommandError> {
    client.command(command).await
}

/// Answers a query of the webview with the JSON that [`Query`] documents.
#[tauri::command]
pub async fn query(
    query: Query,
    client: State<'_, ClientHandle>,
    frames: State<'_, FramesServer>,
) -> Result<Value, CommandError> {
    match query {
        Query::Frames => json(frames.endpoint()),
        query => json(client.query(query).await?),
    }
}

/// When the app was started.
#[derive(Debug)]
pub struct Started(pub Instant);

/// The webview says so once, when messages of before are on the screen: the log tells how long one waited for them.
#[tauri::command]
pub fn messages_shown(started: State<'_, Started>) {
    info!(after_ms = started.0.elapsed().as_millis(), "messages are on the screen");
}

fn json(answer: impl Serialize) -> Result<Value, CommandError> {
    serde_json::to_value(answer).map_err(|error| CommandError {
        code: CommandErrorCode::InvalidArgument,
        message: format!("The answer cannot be written: {error}."),
        field: None,
        retry_after_s: None,
    })
}
