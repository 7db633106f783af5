//! What a person does with a notification: it opens the room, or replies at once.

use parley_client::ClientHandle;
use parley_shared::ids::{MessageId, RoomId, Seq};
use parley_shared::view::Command;
use serde::Serialize;
use tauri::{AppHandle, Emitter};
use tokio::sync::mpsc;
use tracing::{debug, warn};

use super::{Act, Press, Target};
use crate::window;

/// The Tauri event that carries an [`OpenRoom`].
const OPEN_ROOM: &str = "open-room";

/// Where the page goes.
#[derive(Clone, Debug, Serialize)]
struct OpenRoom {
    room_id: RoomId,
    message_id: Option<MessageId>,
    seq: Option<Seq>,
    /// With the focus where one writes.
    reply: bool,
}

pub(super) async fn follow(app: AppHandle, client: ClientHandle, mut presses: mpsc::Receiver<Press>) {
    while let Some(Press { target, act }) = presses.recv().await {
        match act {
            Act::Open => open(&app, &target, false),
            Act::Write => open(&app, &target, true),
            Act::Reply(text) => reply(&app, &client, &target, text).await,
        }
    }
}

fn open(app: &AppHandle, target: &Target, reply: bool) {
    if let Err(error) = window::bring_up(app) {
        debug!(%error, "the window could not be brought up");
    }
    let Target { room_id, message_id, seq, .. } = *target;
    if let Err(error) = app.emit(OPEN_ROOM, OpenRoom { room_id, message_id, seq, reply }) {
        warn!(%error, "cannot reach the webview");
    }
}

/// Whoever answers a message has read it.
async fn reply(app: &AppHandle, client: &ClientHandle, target: &Target, text: String) {
    let Target { room_id, thread_id, seq, .. } = *target;
    if text.trim().is_empty() {
        return;
    }
    let message = Command::SendMessage { room_id, text, reply_to: None, thread_id, attachments: Vec::new() };
    if let Err(error) = client.command(message).await {
        debug!(code = ?error.code, "a reply of a notification was refused");
        return open(app, target, true);
    }
    if let Some(seq) = seq
        && let Err(error) = client.command(Command::MarkRead { room_id, seq }).await
    {
        debug!(code = ?error.code, "a message that was answered could not be marked as read");
    }
}
