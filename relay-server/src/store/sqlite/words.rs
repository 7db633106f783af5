//! The index of words: what a message is found by.

use std::fmt::Write as _;

use parley_shared::ids::{RoomId, UserId};
use parley_shared::search::Has;
use parley_shared::wire::{AttachmentKind, Message, MessageBody};
use rusqlite::{Connection, params};

use super::mentions;
use crate::store::{StoreError, TenantId};

type Result<T> = std::result::Result<T, StoreError>;

/// Puts a message's words in. What is no text has none.
pub(super) fn index(c: &Connection, place: i64, message: &Message) -> Result<()> {
    let MessageBody::Text { text, .. } = &message.body else { return Ok(()) };
    let has: Vec<&str> = has(&message.body).into_iter().map(has_token).collect();
    c.prepare_cached("INSERT INTO message_words (rowid, room, sender, has, text) VALUES (?, ?, ?, ?, ?)")?.execute(
        params![
            place,
            place_tokens(c, message.room_id)?,
            sender_token(message.sender_id),
            has.join(" "),
            mentions::named(c, text)?,
        ],
    )?;
    Ok(())
}

/// The room, and of rooms that are not the default tenant's whose they are: most relays have one tenant, and their index nothing for it.
fn place_tokens(c: &Connection, room_id: RoomId) -> Result<String> {
    let tenant = c
        .prepare_cached("SELECT tenant_id FROM rooms WHERE id = ?")?
        .query_row([room_id.as_bytes()], |r| r.get(0).map(TenantId))?;
    let room = room_token(room_id);
    if tenant == TenantId::DEFAULT {
        return Ok(room);
    }
    Ok(format!("{room} {OTHER_TENANTS_TOKEN} {}", tenant_token(tenant)))
}

pub(super) fn unindex(c: &Connection, place: i64) -> Result<()> {
    c.prepare_cached("DELETE FROM message_words WHERE rowid = ?")?.execute([place])?;
    Ok(())
}

pub(super) fn room_token(room_id: RoomId) -> String {
    token(ROOM_KIND, room_id.as_bytes())
}

/// Begins the tokens of all rooms.
pub(super) const ROOM_KIND: char = '\u{e000}';
/// Of every message that is not the default tenant's.
pub(super) const OTHER_TENANTS_TOKEN: &str = "\u{e003}other";

/// Of every message of a tenant that is not the default one.
pub(super) fn tenant_token(tenant: TenantId) -> String {
    format!("\u{e004}{}", tenant.0)
}

pub(super) fn sender_token(user_id: UserId) -> String {
    token('\u{e001}', user_id.as_bytes())
}

pub(super) fn has_token(has: Has) -> &'static str {
    match has {
        Has::Image => "\u{e002}image",
        Has::File => "\u{e002}file",
        Has::Link => "\u{e002}link",
    }
}

fn token(kind: char, id: &[u8; 16]) -> String {
    id.iter().fold(String::from(kind), |mut token, byte| {
        let _ = write!(token, "{byte:02x}");
        token
    })
}

fn has(body: &MessageBody) -> Vec<Has> {
    match body {
        MessageBody::Text { text, attachments } => {
            let image = attachments.iter().any(|file| matches!(file.kind, AttachmentKind::Image { .. }));
            let file = attachments.iter().any(|file| matches!(file.kind, AttachmentKind::File { .. }));
            let lower = text.to_ascii_lowercase();
            let link = lower.contains("http://") || lower.contains("https://");
            [(image, Has::Image), (file, Has::File), (link, Has::Link)]
                .into_iter()
                .filter_map(|(has, what)| has.then_some(what))
                .collect()
        }
        MessageBody::Deleted | MessageBody::Call { .. } => Vec::new(),
    }
}
