//! Histories and accounts as files, where the person says.

use parley_client::ClientHandle;
use parley_client::export::suggested_name;
use parley_shared::ids::RoomId;
use parley_shared::view::{CommandError, CommandErrorCode, ExportFormat};
use tauri::{State, WebviewWindow};

use crate::files::ask_where;

/// Asks the person where a room's history goes, and writes it there. `language` is the one that the webview speaks. False when they
/// think better of it, before or while it is written.
#[tauri::command]
pub async fn export_room(
    room_id: RoomId,
    format: ExportFormat,
    language: Option<String>,
    window: WebviewWindow,
    client: State<'_, ClientHandle>,
) -> Result<bool, CommandError> {
    let state = client.snapshot().await?;
    let Some(room) = state.rooms.rooms.iter().find(|room| room.id == room_id) else {
        return Err(error(CommandErrorCode::NotFound, "You are not in this room."));
    };
    refuse_second(&state)?;
    let language = language.unwrap_or(state.settings.language);
    let Some(path) = ask_where(&window, &suggested_name(&room.title, ending(format))).await else { return Ok(false) };
    client.export_room(room_id, format, &language, path).await
}

/// Asks the person where everything of theirs goes (a zip), and writes it there. False when they think better of it.
#[tauri::command]
pub async fn export_data(window: WebviewWindow, client: State<'_, ClientHandle>) -> Result<bool, CommandError> {
    refuse_second(&client.snapshot().await?)?;
    let Some(path) = ask_where(&window, &suggested_name("Parley", "zip")).await else { return Ok(false) };
    client.export_data(path).await
}

/// Nobody chooses a place for what is refused then.
fn refuse_second(state: &parley_shared::view::Snapshot) -> Result<(), CommandError> {
    match &state.export {
        Some(_) => Err(error(CommandErrorCode::Conflict, "Something else is being exported.")),
        None => Ok(()),
    }
}

fn ending(format: ExportFormat) -> &'static str {
    match format {
        ExportFormat::Json => "json",
        ExportFormat::Html => "html",
    }
}

fn error(code: CommandErrorCode, message: &str) -> CommandError {
    CommandError { code, message: message.to_owned(), field: None, retry_after_s: None }
}
