//! Up to where members have messages, and have read them.

use std::sync::Arc;

use parley_shared::ids::{RoomId, Seq, UserId};
use relay_core::work::Done;
use rusqlite::{Connection, params};

use super::chat::members;
use super::history::place;
use super::views::my_role;
use crate::store::StoreError;

type Result<T> = std::result::Result<T, StoreError>;

/// Receipts only grow, and never beyond the newest message.
pub(super) fn mark(
    c: &Connection,
    room_id: RoomId,
    user_id: UserId,
    delivered: Seq,
    read: Option<Seq>,
) -> Result<Done> {
    my_role(c, room_id, user_id)?;
    let grown = c
        .prepare_cached(
            "UPDATE members SET
               delivered_seq = max(delivered_seq, min(?3, (SELECT last_seq FROM rooms WHERE id = ?1))),
               read_seq = max(read_seq, min(?4, (SELECT last_seq FROM rooms WHERE id = ?1)))
             WHERE room_id = ?1 AND user_id = ?2
               AND (delivered_seq < min(?3, (SELECT last_seq FROM rooms WHERE id = ?1))
                 OR read_seq < min(?4, (SELECT last_seq FROM rooms WHERE id = ?1)))",
        )?
        .execute(params![room_id.as_bytes(), user_id.as_bytes(), place(delivered), read.map_or(0, place),])?;
    let (delivered, read) = c
        .prepare_cached("SELECT delivered_seq, read_seq FROM members WHERE room_id = ? AND user_id = ?")?
        .query_row(params![room_id.as_bytes(), user_id.as_bytes()], |r| Ok((Seq(r.get(0)?), Seq(r.get(1)?))))?;
    let fresh = grown > 0;
    let members = if fresh { members(c, room_id)? } else { Arc::from([]) };
    Ok(Done::Marked { delivered, read, members, fresh })
}
