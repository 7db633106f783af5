//! What is gone for everyone is removed bit by bit, so that nobody waits for it.

use parley_shared::ids::UnixMs;
use parley_shared::limits::UPLOAD_LIFE;
use rusqlite::{Connection, params};

use super::files;
use crate::store::StoreError;

type Result<T> = std::result::Result<T, StoreError>;

/// Rows of one kind that go in one step.
const AT_ONCE: usize = 200;

/// Removes some messages of deleted rooms with their files, rooms that are empty at last, uploads that were given up, and expired refresh
/// tokens. True: there is more.
pub(super) fn step(c: &Connection, at: UnixMs) -> Result<bool> {
    let messages = deleted_rooms(c)?;
    let uploads = stale_uploads(c, at)?;
    let tokens = c.execute(
        "DELETE FROM refresh_tokens WHERE hash IN (SELECT hash FROM refresh_tokens WHERE expires_at_ms <= ?1 LIMIT ?2)",
        params![at.0, AT_ONCE],
    )?;
    Ok([messages, uploads, tokens].contains(&AT_ONCE))
}

fn deleted_rooms(c: &Connection) -> Result<usize> {
    let places = "SELECT place FROM messages WHERE room_id IN (SELECT id FROM rooms WHERE deleted = 1) LIMIT ?1";
    files::remove_where(c, &format!("place > 0 AND place IN ({places})"), [AT_ONCE])?;
    c.execute(&format!("DELETE FROM message_words WHERE rowid IN ({places})"), [AT_ONCE])?;
    let messages = c.execute(&format!("DELETE FROM messages WHERE place IN ({places})"), [AT_ONCE])?;
    if messages < AT_ONCE {
        c.execute("DELETE FROM rooms WHERE deleted = 1 AND id NOT IN (SELECT room_id FROM messages)", [])?;
    }
    Ok(messages)
}

fn stale_uploads(c: &Connection, at: UnixMs) -> Result<usize> {
    let life_ms = i64::try_from(UPLOAD_LIFE.as_millis()).unwrap_or(i64::MAX);
    let stale =
        "id IN (SELECT id FROM files WHERE state <> 'used' AND touched_at_ms <= ?1 ORDER BY touched_at_ms LIMIT ?2)";
    files::remove_where(c, stale, (at.0.saturating_sub(life_ms), AT_ONCE))
}
