//! What is gone for everyone is removed bit by bit, so that nobody waits for it.

use parley_shared::ids::UnixMs;
use parley_shared::limits::UPLOAD_LIFE;
use rusqlite::{Connection, params};

use super::files;
use crate::store::StoreError;

type Result<T> = std::result::Result<T, StoreError>;

/// Rows of one kind that go in one step.
const AT_ONCE: usize = 200;
/// A day.
const USED_UP_KEPT_MS: i64 = 24 * 60 * 60 * 1_000;

/// Removes some messages of deleted rooms with their files, rooms that are empty at last, uploads that were given up, expired refresh
/// tokens, and invites that nobody can use. True: there is more.
pub(super) fn step(c: &Connection, at: UnixMs) -> Result<bool> {
    let messages = deleted_rooms(c)?;
    let uploads = stale_uploads(c, at)?;
    let tokens = c.execute(
        "DELETE FROM refresh_tokens WHERE hash IN (SELECT hash FROM refresh_tokens WHERE expires_at_ms <= ?1 LIMIT ?2)",
        params![at.0, AT_ONCE],
    )?;
    let invites = spent_invites(c, "invites", at)? + spent_invites(c, "registration_invites", at)?;
    Ok([messages, uploads, tokens].contains(&AT_ONCE) || invites >= AT_ONCE)
}

/// Invites that expired, and those that were used up and are so old that nobody asks again because an answer was lost.
fn spent_invites(c: &Connection, table: &str, at: UnixMs) -> Result<usize> {
    let expired = format!(
        "DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE expires_at_ms > 0 AND expires_at_ms <= ?1 LIMIT ?2)"
    );
    let used_up = format!(
        "DELETE FROM {table} WHERE id IN
           (SELECT id FROM {table} WHERE max_uses > 0 AND uses >= max_uses AND created_at_ms <= ?1 LIMIT ?2)"
    );
    let expired = c.prepare_cached(&expired)?.execute(params![at.0, AT_ONCE])?;
    Ok(expired + c.prepare_cached(&used_up)?.execute(params![at.0.saturating_sub(USED_UP_KEPT_MS), AT_ONCE])?)
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
