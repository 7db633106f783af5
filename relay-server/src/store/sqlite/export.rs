//! A person's own rooms, messages, reactions and files.

use parley_shared::ids::{ClientMessageId, FileId, MessageId, RoomId, UnixMs, UserId};
use parley_shared::wire::MessageVersion;
use rusqlite::{Connection, params};

use super::{SqliteStore, files, messages, rows};
use crate::store::{
    Answer, EXPORT_PAGE, ExportStore, OwnMessage, OwnMessages, OwnReaction, OwnRoom, StoreError, StoredFile,
};

type Result<T> = std::result::Result<T, StoreError>;

impl ExportStore for SqliteStore {
    fn own_rooms(&self, asker: UserId, after: Option<RoomId>) -> Answer<Vec<OwnRoom>> {
        self.pool.read(move |c| own_rooms(c, asker, after))
    }

    fn own_messages(&self, asker: UserId, after: Option<ClientMessageId>) -> Answer<OwnMessages> {
        self.pool.read(move |c| own_messages(c, asker, after))
    }

    fn own_reactions(&self, asker: UserId, after_place: i64, after_emoji: String) -> Answer<Vec<OwnReaction>> {
        self.pool.read(move |c| own_reactions(c, asker, after_place, &after_emoji))
    }

    fn own_files(&self, asker: UserId, after: Option<FileId>) -> Answer<Vec<StoredFile>> {
        self.pool.read(move |c| files::own(c, asker, after, EXPORT_PAGE))
    }
}

fn own_rooms(c: &Connection, asker: UserId, after: Option<RoomId>) -> Result<Vec<OwnRoom>> {
    let mut statement = c.prepare_cached(
        "SELECT r.id, r.kind, r.name, r.topic, r.visibility, r.archived, r.created_at_ms, k.joined_at_ms, k.role
         FROM members k JOIN rooms r ON r.id = k.room_id
         WHERE k.user_id = ? AND k.room_id > ? AND r.deleted = 0 ORDER BY k.room_id LIMIT ?",
    )?;
    // No blob is before the empty one.
    let after = after.as_ref().map_or(&[][..], |id| id.as_bytes());
    let rooms = statement.query_map(params![asker.as_bytes(), after, EXPORT_PAGE], |r| {
        Ok(OwnRoom {
            id: RoomId::from_bytes(r.get(0)?),
            kind: rows::kind(r, 1)?,
            name: r.get(2)?,
            topic: r.get(3)?,
            visibility: rows::visibility(r, 4)?,
            archived: r.get(5)?,
            created_at_ms: UnixMs(r.get(6)?),
            joined_at_ms: UnixMs(r.get(7)?),
            my_role: rows::member_role(r, 8)?,
        })
    })?;
    Ok(rooms.collect::<std::result::Result<_, _>>()?)
}

/// By the index that keeps the ids unique: one for this alone would cost every message.
fn own_messages(c: &Connection, asker: UserId, after: Option<ClientMessageId>) -> Result<OwnMessages> {
    let after = after.as_ref().map_or(&[][..], |id| id.as_bytes());
    let ids = c
        .prepare_cached(LOOKED_AT)?
        .query_map(params![asker.as_bytes(), after, EXPORT_PAGE], |r| r.get(0))?
        .collect::<std::result::Result<Vec<[u8; 16]>, _>>()?;
    let Some(last) = ids.last() else { return Ok(OwnMessages::default()) };
    let mut earlier =
        c.prepare_cached("SELECT text, at_ms FROM message_versions WHERE place = ? ORDER BY number DESC")?;
    let mut own = Vec::new();
    for stored in messages::read_plain(c, THERE, params![asker.as_bytes(), after, last])? {
        let versions = match stored.message.edited_at_ms {
            Some(_) => earlier
                .query_map([stored.place], |r| Ok(MessageVersion { text: r.get(0)?, at_ms: UnixMs(r.get(1)?) }))?
                .collect::<std::result::Result<_, _>>()?,
            None => Vec::new(),
        };
        own.push(OwnMessage { message: stored.message, earlier: versions });
    }
    let is_full = ids.len() == EXPORT_PAGE as usize;
    Ok(OwnMessages { messages: own, next: is_full.then(|| ClientMessageId::from_bytes(*last)) })
}

/// The ids of a page.
const LOOKED_AT: &str =
    "SELECT client_id FROM messages WHERE sender_id = ? AND client_id > ? ORDER BY client_id LIMIT ?";
/// Which messages between two ids are there.
const THERE: &str = "m.sender_id = ? AND m.client_id > ? AND m.client_id <= ? AND m.kind <> 'deleted'
    AND NOT EXISTS (SELECT 1 FROM rooms r WHERE r.id = m.room_id AND r.deleted = 1) ORDER BY m.client_id";

fn own_reactions(c: &Connection, asker: UserId, after_place: i64, after_emoji: &str) -> Result<Vec<OwnReaction>> {
    let mut statement = c.prepare_cached(
        "SELECT m.room_id, m.id, x.emoji, x.place FROM reactions x JOIN messages m ON m.place = x.place
         WHERE x.user_id = ? AND (x.place, x.emoji) > (?, ?) ORDER BY x.place, x.emoji LIMIT ?",
    )?;
    let values = params![asker.as_bytes(), after_place, after_emoji, EXPORT_PAGE];
    let reactions = statement.query_map(values, |r| {
        Ok(OwnReaction {
            room_id: RoomId::from_bytes(r.get(0)?),
            message_id: MessageId::from_bytes(r.get(1)?),
            emoji: r.get(2)?,
            place: r.get(3)?,
        })
    })?;
    Ok(reactions.collect::<std::result::Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::migrate;

    #[test]
    fn messages_are_paged_by_the_index_of_their_ids() {
        let c = Connection::open_in_memory().unwrap();
        migrate::migrate(&c).unwrap();
        for sql in [LOOKED_AT.to_owned(), format!("SELECT m.text FROM messages m WHERE {THERE}")] {
            let mut statement = c.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let steps = statement.query_map([1, 2, 3], |r| r.get::<_, String>(3)).unwrap();
            let plan = steps.collect::<std::result::Result<Vec<_>, _>>().unwrap().join("\n");
            assert!(plan.contains("sqlite_autoindex_messages_"), "{plan}");
            assert!(plan.contains("(sender_id=? AND client_id>?"), "{plan}");
            assert!(!plan.contains("SCAN") && !plan.contains("TEMP B-TREE"), "{plan}");
        }
    }
}
