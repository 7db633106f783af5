//! Who is mentioned where, so that a room can say how often one was.

use parley_shared::ids::{RoomId, Seq, UserId};
use parley_shared::mentions::{Mention, mentions, readable};
use rusqlite::{Connection, OptionalExtension, params};

use crate::store::{StoreError, UNREAD_COUNTED};

type Result<T> = std::result::Result<T, StoreError>;

/// Where a message stands.
pub(super) struct Standing {
    pub place: i64,
    pub room_id: RoomId,
    pub seq: Seq,
    pub sender_id: UserId,
}

/// Notes the members that a text mentions. Of whom is no member nothing is noted.
pub(super) fn note(c: &Connection, at: &Standing, text: &str) -> Result<()> {
    let mut insert = c.prepare_cached(
        "INSERT OR IGNORE INTO mentions (room_id, user_id, seq, place, sender_id)
         SELECT ?1, ?2, ?3, ?4, ?5
         WHERE ?2 = x'' OR EXISTS (SELECT 1 FROM members WHERE room_id = ?1 AND user_id = ?2)",
    )?;
    for (_, mention) in mentions(text) {
        let user_id = match &mention {
            Mention::Person(id) => &id.as_bytes()[..],
            Mention::Everyone => &[],
        };
        insert.execute(params![at.room_id.as_bytes(), user_id, at.seq.0, at.place, at.sender_id.as_bytes()])?;
    }
    Ok(())
}

pub(super) fn forget(c: &Connection, place: i64) -> Result<()> {
    c.prepare_cached("DELETE FROM mentions WHERE place = ?")?.execute([place])?;
    Ok(())
}

/// How many messages of others after `read` mention the person.
pub(super) fn unread(c: &Connection, room_id: RoomId, user_id: UserId, read: Seq) -> Result<u32> {
    let sql = format!(
        "SELECT count(*) FROM (
           SELECT seq FROM mentions WHERE room_id = ?1 AND user_id = ?2 AND seq > ?3 AND sender_id <> ?2
           UNION SELECT seq FROM mentions WHERE room_id = ?1 AND user_id = x'' AND seq > ?3 AND sender_id <> ?2
           LIMIT {UNREAD_COUNTED})"
    );
    Ok(c.prepare_cached(&sql)?.query_row(params![room_id.as_bytes(), user_id.as_bytes(), read.0], |r| r.get(0))?)
}

/// The text with names in the place of mentions, as people search it.
pub(super) fn named(c: &Connection, text: &str) -> Result<String> {
    let mut names = c.prepare_cached("SELECT display_name FROM users WHERE id = ?")?;
    let mut failed = None;
    let text = readable(text, |mention| match mention {
        Mention::Person(id) => match names.query_row([id.as_bytes()], |r| r.get::<_, String>(0)).optional() {
            Ok(name) => name.unwrap_or_default(),
            Err(error) => {
                failed = Some(error);
                String::new()
            }
        },
        Mention::Everyone => "everyone".into(),
    });
    failed.map_or(Ok(text), |error| Err(error.into()))
}
