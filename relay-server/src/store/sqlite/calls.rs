//! Calls: who may be called, what a restarted relay remembers, and the entry a call leaves.

use parley_shared::ids::{CallId, Change, RoomId, Seq, UnixMs, UserId};
use parley_shared::wire::{Message, MessageBody};
use relay_core::work::{CallEntry, Done, OpenCall, Roster, RosterMember};
use rusqlite::{Connection, OptionalExtension, params};

use super::chat::{members, next_place};
use super::rows::{self, USER, USER_COLUMNS, outcome_text};
use super::views::{my_role, no_room};
use crate::store::{StoreError, entry_client_id};

type Result<T> = std::result::Result<T, StoreError>;

pub(super) fn roster(c: &Connection, room_id: RoomId, user_id: UserId) -> Result<Roster> {
    my_role(c, room_id, user_id)?;
    roster_for(c, room_id, user_id)
}

fn roster_for(c: &Connection, room_id: RoomId, user_id: UserId) -> Result<Roster> {
    let (kind, archived) = c
        .prepare_cached("SELECT kind, archived FROM rooms WHERE id = ? AND deleted = 0")?
        .query_row([room_id.as_bytes()], |r| Ok((rows::kind(r, 0)?, r.get(1)?)))
        .optional()?
        .ok_or_else(no_room)?;
    let members = c
        .prepare_cached(
            "SELECT u.id, u.bot, EXISTS (SELECT 1 FROM blocks b WHERE
               (b.user_id = u.id AND b.other_id = ?2) OR (b.user_id = ?2 AND b.other_id = u.id))
             FROM members m JOIN users u ON u.id = m.user_id WHERE m.room_id = ?1",
        )?
        .query_map(params![room_id.as_bytes(), user_id.as_bytes()], |r| {
            Ok(RosterMember { user_id: UserId::from_bytes(r.get(0)?), bot: r.get(1)?, blocked: r.get(2)? })
        })?
        .collect::<std::result::Result<_, _>>()?;
    Ok(Roster { room_id, kind, archived, members })
}

pub(super) fn open(c: &Connection, open: &OpenCall) -> Result<Done> {
    c.prepare_cached(
        "INSERT INTO open_calls (id, room_id, caller_id, started_at_ms, answered_at_ms) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET answered_at_ms = excluded.answered_at_ms WHERE room_id = excluded.room_id",
    )?
    .execute(params![
        open.id.as_bytes(),
        open.room_id.as_bytes(),
        open.caller.id.as_bytes(),
        open.started_at.0,
        open.answered_at.map_or(0, |at| at.0),
    ])?;
    Ok(Done::Nothing)
}

/// Closing twice writes one entry; a call whose room is gone writes none.
pub(super) fn close(c: &Connection, entry: &CallEntry) -> Result<Done> {
    c.prepare_cached("DELETE FROM open_calls WHERE id = ? AND room_id = ?")?
        .execute(params![entry.call_id.as_bytes(), entry.room_id.as_bytes()])?;
    let client_id = entry_client_id(entry.call_id);
    let skip: bool = c
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM messages WHERE sender_id = ?1 AND client_id = ?2)
               OR NOT EXISTS (SELECT 1 FROM rooms WHERE id = ?3 AND deleted = 0)",
        )?
        .query_row(params![entry.caller_id.as_bytes(), client_id.as_bytes(), entry.room_id.as_bytes()], |r| r.get(0))?;
    if skip {
        return Ok(Done::Nothing);
    }
    let place = next_place(c, entry.room_id, entry.at)?;
    c.prepare_cached(
        "INSERT INTO messages
           (id, room_id, seq, change, sender_id, client_id, sent_at_ms, kind, call_id, outcome, duration_s)
         VALUES (?, ?, ?, ?, ?, ?, ?, 'call', ?, ?, ?)",
    )?
    .execute(params![
        entry.message_id.as_bytes(),
        entry.room_id.as_bytes(),
        place.seq,
        place.change,
        entry.caller_id.as_bytes(),
        client_id.as_bytes(),
        place.sent_at_ms,
        entry.call_id.as_bytes(),
        outcome_text(entry.outcome),
        entry.duration_s,
    ])?;
    Ok(Done::Stored {
        message: Box::new(Message {
            id: entry.message_id,
            room_id: entry.room_id,
            seq: Seq(place.seq),
            change: Change(place.change),
            sender_id: entry.caller_id,
            client_id,
            sent_at_ms: UnixMs(place.sent_at_ms),
            edited_at_ms: None,
            reply_to: None,
            thread_id: None,
            thread: None,
            reactions: Vec::new(),
            pinned_at_ms: None,
            body: MessageBody::Call { call_id: entry.call_id, outcome: entry.outcome, duration_s: entry.duration_s },
        }),
        root: None,
        members: members(c, entry.room_id)?,
        fresh: true,
    })
}

pub(super) fn open_calls(c: &Connection) -> Result<Vec<(OpenCall, Roster)>> {
    let sql = format!(
        "SELECT {USER}, o.id, o.room_id, o.started_at_ms, o.answered_at_ms
         FROM open_calls o JOIN users u ON u.id = o.caller_id JOIN rooms r ON r.id = o.room_id AND r.deleted = 0"
    );
    let calls: Vec<OpenCall> = c
        .prepare(&sql)?
        .query_map([], |r| {
            Ok(OpenCall {
                caller: rows::user(r, 0)?,
                id: CallId::from_bytes(r.get(USER_COLUMNS)?),
                room_id: RoomId::from_bytes(r.get(USER_COLUMNS + 1)?),
                started_at: UnixMs(r.get(USER_COLUMNS + 2)?),
                answered_at: rows::time(r, USER_COLUMNS + 3)?,
            })
        })?
        .collect::<std::result::Result<_, _>>()?;
    calls
        .into_iter()
        .map(|open| {
            let roster = roster_for(c, open.room_id, open.caller.id)?;
            Ok((open, roster))
        })
        .collect()
}
