//! Emoji that people put under messages.

use parley_shared::ids::{MessageId, RoomId, UserId};
use parley_shared::limits::{REACTION_PEOPLE, REACTIONS_PER_MESSAGE};
use parley_shared::wire::{ErrorCode, Reaction};
use relay_core::work::Done;
use rusqlite::{Connection, OptionalExtension, params};

use super::chat::{changed, check_open, check_text, next_change, unchanged};
use super::messages;
use super::views::my_role;
use crate::store::StoreError;

type Result<T> = std::result::Result<T, StoreError>;

/// Setting twice is setting once, and so is taking back.
pub(super) fn set(
    c: &Connection,
    room_id: RoomId,
    user_id: UserId,
    message_id: MessageId,
    emoji: &str,
    on: bool,
) -> Result<Done> {
    my_role(c, room_id, user_id)?;
    let stored = messages::of_room(c, room_id, message_id)?;
    check_text(&stored.message)?;
    check_open(c, room_id, user_id)?;
    let place = stored.place;
    let is_on: bool = c
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM reactions WHERE user_id = ? AND place = ? AND emoji = ?)")?
        .query_row(params![user_id.as_bytes(), place, emoji], |r| r.get(0))?;
    if is_on == on {
        return unchanged(stored.message);
    }
    if on {
        insert(c, place, user_id, emoji)?;
    } else {
        c.prepare_cached("DELETE FROM reactions WHERE user_id = ? AND place = ? AND emoji = ?")?.execute(params![
            user_id.as_bytes(),
            place,
            emoji
        ])?;
    }
    let change = next_change(c, room_id)?;
    c.prepare_cached(
        "UPDATE messages SET change = ?1, reacted = EXISTS (SELECT 1 FROM reactions WHERE place = ?2) WHERE place = ?2",
    )?
    .execute(params![change, place])?;
    changed(c, room_id, place)
}

fn insert(c: &Connection, place: i64, user_id: UserId, emoji: &str) -> Result<()> {
    let known: Option<u32> = c
        .prepare_cached("SELECT emoji_no FROM reactions WHERE place = ? AND emoji = ? LIMIT 1")?
        .query_row(params![place, emoji], |r| r.get(0))
        .optional()?;
    let (kinds, last): (usize, u32) = c
        .prepare_cached("SELECT count(DISTINCT emoji_no), coalesce(max(emoji_no), 0) FROM reactions WHERE place = ?")?
        .query_row([place], |r| Ok((r.get(0)?, r.get(1)?)))?;
    if known.is_none() && kinds >= REACTIONS_PER_MESSAGE {
        return Err(StoreError::refused(
            ErrorCode::Conflict,
            "This message has as many different reactions as it can.",
        ));
    }
    c.prepare_cached(
        "INSERT INTO reactions (place, emoji_no, user_no, emoji, user_id)
         SELECT ?1, ?2, 1 + coalesce(max(user_no), 0), ?3, ?4 FROM reactions WHERE place = ?1 AND emoji_no = ?2",
    )?
    .execute(params![place, known.unwrap_or(last + 1), emoji, user_id.as_bytes()])?;
    Ok(())
}

/// The reactions of the message at a place, in the order of their first use.
pub(super) fn of(c: &Connection, place: i64) -> Result<Vec<Reaction>> {
    let mut statement =
        c.prepare_cached("SELECT emoji, user_id FROM reactions WHERE place = ? ORDER BY emoji_no, user_no")?;
    let mut rows = statement.query([place])?;
    let mut all: Vec<Reaction> = Vec::new();
    while let Some(row) = rows.next()? {
        let emoji = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
        if all.last().is_none_or(|reaction| reaction.emoji != emoji) {
            all.push(Reaction { emoji: emoji.to_owned(), user_ids: Vec::new(), count: 0 });
        }
        let Some(reaction) = all.last_mut() else { continue };
        reaction.count += 1;
        if reaction.user_ids.len() < REACTION_PEOPLE {
            reaction.user_ids.push(UserId::from_bytes(row.get(1)?));
        }
    }
    Ok(all)
}

/// A message is gone, and its reactions with it.
pub(super) fn remove(c: &Connection, place: i64) -> Result<()> {
    c.prepare_cached("DELETE FROM reactions WHERE place = ?")?.execute([place])?;
    Ok(())
}
