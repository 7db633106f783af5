//! Messages on disk: kept in their newest version, read by place, by id, by thread.

use std::collections::BTreeMap;

use parley_shared::ids::{MessageId, RoomId, Seq, UnixMs, UserId};
use parley_shared::limits::PAGE_ITEMS_DEFAULT as PAGE;
use parley_shared::mentions::{Mention, mentions_person, readable};
use parley_shared::wire::{Message, MessageBody};
use rusqlite::{OptionalExtension, Params, params};

use super::history::{History, from_sql, to_json, to_sql};
use super::{StoreError, search};
use crate::core::{Page, PageAt, Unread};

/// Lower bits of a row's id: messages of one millisecond.
const COUNTER_BITS: u32 = 20;
/// Rows that are removed at a time.
const PRUNE_ROWS: usize = 2_000;

/// The first row id of a moment.
pub(super) fn row_at(at: UnixMs) -> i64 {
    at.0.clamp(0, (1 << 43) - 1) << COUNTER_BITS
}

/// The moment of a row id.
pub(super) fn row_time(row_id: i64) -> UnixMs {
    UnixMs(row_id >> COUNTER_BITS)
}

impl History {
    /// Keeps the message unless what is there is as new; its words go into the index, with `names` in the place of mentions.
    pub fn save_message(&self, message: &Message, names: &BTreeMap<UserId, String>) -> Result<(), StoreError> {
        let (room, seq) = (message.room_id.as_bytes(), to_sql(message.seq.0));
        let sql = "SELECT row_id, change FROM messages WHERE room_id = ?1 AND seq = ?2";
        let there: Option<(i64, i64)> = self
            .db
            .prepare_cached(sql)?
            .query_row(params![room, seq], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let row_id = match there {
            Some((_, change)) if change >= to_sql(message.change.0) => return Ok(()),
            Some((row_id, _)) => {
                self.db.prepare_cached("DELETE FROM message_search WHERE rowid = ?1")?.execute([row_id])?;
                self.db.prepare_cached("DELETE FROM messages WHERE row_id = ?1")?.execute([row_id])?;
                row_id
            }
            None => self.free_row(row_at(message.sent_at_ms))?,
        };
        let sql = "INSERT INTO messages \
                   (row_id, room_id, seq, change, id, sender_id, thread_id, pinned_at_ms, mentions_me, message) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
        self.db.prepare_cached(sql)?.execute(params![
            row_id,
            room,
            seq,
            to_sql(message.change.0),
            message.id.as_bytes(),
            message.sender_id.as_bytes(),
            message.thread_id.as_ref().map_or(&[][..], |id| id.as_bytes()),
            message.pinned_at_ms.map_or(0, |at| at.0.max(1)),
            self.mentions_me(message),
            to_json(message)?,
        ])?;
        if let MessageBody::Text { text, attachments } = &message.body {
            let words = readable(text, |mention| match mention {
                Mention::Person(id) => names.get(&id).cloned().unwrap_or_default(),
                Mention::Everyone => "everyone".to_owned(),
            });
            let (room, sender) = (search::room_token(message.room_id), search::sender_token(message.sender_id));
            let sql = "INSERT INTO message_search (rowid, text, room, sender, has) VALUES (?1, ?2, ?3, ?4, ?5)";
            let has = search::has_tokens(text, attachments);
            self.db.prepare_cached(sql)?.execute(params![row_id, words, room, sender, has])?;
        }
        Ok(())
    }

    fn mentions_me(&self, message: &Message) -> bool {
        match &message.body {
            MessageBody::Text { text, .. } => message.sender_id != self.me && mentions_person(text, self.me),
            MessageBody::Deleted | MessageBody::Call { .. } => false,
        }
    }

    /// The first free row of a moment, or of a later one when a million messages share it.
    fn free_row(&self, first: i64) -> Result<i64, StoreError> {
        let sql = "SELECT coalesce(max(row_id) + 1, ?1) FROM messages WHERE row_id >= ?1 AND row_id < ?2";
        let free: i64 =
            self.db.prepare_cached(sql)?.query_row([first, first + (1 << COUNTER_BITS)], |row| row.get(0))?;
        if free < first + (1 << COUNTER_BITS) { Ok(free) } else { self.free_row(free) }
    }

    /// About fifty messages of the room's flow, ascending; none before `floor`.
    pub fn page(&self, room_id: RoomId, at: PageAt, floor: Seq) -> Result<Page, StoreError> {
        match at {
            PageAt::Newest => self.before(room_id, None, floor, PAGE),
            PageAt::Before(seq) => self.before(room_id, Some(seq), floor, PAGE),
            PageAt::After(seq) => self.after(room_id, seq, PAGE),
            PageAt::Around(seq) => {
                let before = self.before(room_id, Some(seq), floor, PAGE / 2)?;
                let after = self.after(room_id, Seq(seq.0.saturating_sub(1)), PAGE / 2)?;
                let messages = before.messages.into_iter().chain(after.messages).collect();
                Ok(Page { messages, from: before.from, to: after.to })
            }
        }
    }

    fn before(&self, room_id: RoomId, before: Option<Seq>, floor: Seq, count: u32) -> Result<Page, StoreError> {
        let end = before.map_or(i64::MAX, |seq| to_sql(seq.0));
        let sql = "SELECT message FROM messages WHERE room_id = ?1 AND seq < ?2 AND seq >= ?3 AND thread_id = x'' \
                   ORDER BY seq DESC LIMIT ?4";
        let mut messages = self.messages(sql, params![room_id.as_bytes(), end, to_sql(floor.0), count])?;
        messages.reverse();
        let whole = messages.len() < count as usize;
        let from = messages.first().filter(|_| !whole).map_or(floor, |first| first.seq);
        Ok(Page { messages, from, to: before.map_or(Seq(u64::MAX), |seq| Seq(seq.0.saturating_sub(1))) })
    }

    fn after(&self, room_id: RoomId, after: Seq, count: u32) -> Result<Page, StoreError> {
        let sql = "SELECT message FROM messages WHERE room_id = ?1 AND seq > ?2 AND thread_id = x'' \
                   ORDER BY seq LIMIT ?3";
        let messages = self.messages(sql, params![room_id.as_bytes(), to_sql(after.0), count])?;
        let to = match messages.last() {
            Some(last) if messages.len() == count as usize => last.seq,
            Some(_) | None => self.newest(room_id)?.max(after),
        };
        Ok(Page { messages, from: after.next(), to })
    }

    fn newest(&self, room_id: RoomId) -> Result<Seq, StoreError> {
        let sql = "SELECT coalesce(max(seq), 0) FROM messages WHERE room_id = ?1";
        Ok(Seq(from_sql(self.db.prepare_cached(sql)?.query_row([room_id.as_bytes()], |row| row.get(0))?)))
    }

    /// Those of these messages that are here.
    pub fn find(&self, ids: &[MessageId]) -> Result<Vec<Message>, StoreError> {
        let mut found = Vec::new();
        for id in ids {
            found.extend(self.messages("SELECT message FROM messages WHERE id = ?1", [id.as_bytes()])?);
        }
        Ok(found)
    }

    /// The message of a place.
    pub fn at(&self, room_id: RoomId, seq: Seq) -> Result<Option<Message>, StoreError> {
        let sql = "SELECT message FROM messages WHERE room_id = ?1 AND seq = ?2";
        Ok(self.messages(sql, params![room_id.as_bytes(), to_sql(seq.0)])?.pop())
    }

    /// The first message of the room's flow at or after a moment.
    pub fn first_since(&self, room_id: RoomId, at: UnixMs) -> Result<Option<Seq>, StoreError> {
        // A room's times never decrease with its places: the first of the room among the rows from that moment on.
        let sql = "SELECT min(seq) FROM messages WHERE room_id = ?1 AND row_id >= ?2 AND thread_id = x''";
        let seq: Option<i64> =
            self.db.prepare_cached(sql)?.query_row(params![room_id.as_bytes(), row_at(at)], |row| row.get(0))?;
        Ok(seq.map(|seq| Seq(from_sql(seq))))
    }

    /// Messages of a room and its threads after a place, ascending.
    pub fn all_after(&self, room_id: RoomId, after: Seq, count: u32) -> Result<Vec<Message>, StoreError> {
        let sql = "SELECT message FROM messages WHERE room_id = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3";
        self.messages(sql, params![room_id.as_bytes(), to_sql(after.0), count])
    }

    /// The first message of a thread and those in it, ascending.
    pub fn thread(&self, thread_id: MessageId) -> Result<(Option<Message>, Vec<Message>), StoreError> {
        let root = self.find(&[thread_id])?.pop();
        let sql = "SELECT message FROM messages WHERE thread_id = ?1 AND thread_id <> x'' ORDER BY seq";
        Ok((root, self.messages(sql, [thread_id.as_bytes()])?))
    }

    /// Pinned messages of a room, pinned last first.
    pub fn pins(&self, room_id: RoomId) -> Result<Vec<Message>, StoreError> {
        let sql = "SELECT message FROM messages WHERE room_id = ?1 AND pinned_at_ms > 0 ORDER BY pinned_at_ms DESC";
        self.messages(sql, [room_id.as_bytes()])
    }

    /// Other people's messages after a place, and those of them that mention me.
    pub fn count_unread(&self, room_id: RoomId, after: Seq) -> Result<Unread, StoreError> {
        let sql = "SELECT count(*), coalesce(sum(mentions_me), 0) FROM messages \
                   WHERE room_id = ?1 AND seq > ?2 AND sender_id <> ?3";
        let bound = params![room_id.as_bytes(), to_sql(after.0), self.me.as_bytes()];
        let read = |row: &rusqlite::Row<'_>| Ok(Unread { messages: row.get(0)?, mentions: row.get(1)? });
        Ok(self.db.prepare_cached(sql)?.query_row(bound, read)?)
    }

    /// Whether a message answers one of mine, or stands in a thread that I began or wrote in; as far as these are on disk.
    pub fn is_to_me(&self, message: &Message) -> Result<bool, StoreError> {
        let id = |id: &Option<MessageId>| id.map_or(Vec::new(), |id| id.as_bytes().to_vec());
        let sql = "SELECT EXISTS (SELECT 1 FROM messages WHERE sender_id = ?1 AND room_id = ?2 AND id IN (?3, ?4)) \
                   OR EXISTS (SELECT 1 FROM messages WHERE sender_id = ?1 AND thread_id = ?4 AND thread_id <> x'')";
        let bound =
            params![self.me.as_bytes(), message.room_id.as_bytes(), id(&message.reply_to), id(&message.thread_id)];
        Ok(self.db.prepare_cached(sql)?.query_row(bound, |row| row.get(0))?)
    }

    /// Removes every message that was sent before a moment.
    pub fn prune(&self, before: UnixMs) -> Result<(), StoreError> {
        let old = format!("SELECT row_id FROM messages WHERE row_id < ?1 LIMIT {PRUNE_ROWS}");
        loop {
            let end = [row_at(before)];
            self.db.execute(&format!("DELETE FROM message_search WHERE rowid IN ({old})"), end)?;
            if self.db.execute(&format!("DELETE FROM messages WHERE row_id IN ({old})"), end)? < PRUNE_ROWS {
                return Ok(());
            }
        }
    }

    /// Where each room's kept history begins when everything before a moment goes; a room that keeps nothing is not named.
    pub fn firsts_since(&self, at: UnixMs) -> Result<BTreeMap<RoomId, Seq>, StoreError> {
        let sql = "SELECT room_id, min(seq) FROM messages WHERE row_id >= ?1 GROUP BY room_id";
        let mut statement = self.db.prepare_cached(sql)?;
        let rows = statement
            .query_map([row_at(at)], |row| Ok((RoomId::from_bytes(row.get(0)?), Seq(from_sql(row.get(1)?)))))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How many messages there are, and when the oldest was sent.
    pub fn count(&self) -> Result<(u64, Option<UnixMs>), StoreError> {
        let sql = "SELECT (SELECT count(*) FROM messages), (SELECT min(row_id) FROM messages)";
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, Option<i64>>(1)?));
        let (count, oldest) = self.db.query_row(sql, [], read)?;
        Ok((from_sql(count), oldest.map(row_time)))
    }

    /// Removes all messages and gives their room on the disk back.
    pub fn wipe(&self) -> Result<(), StoreError> {
        self.db.execute_batch(
            "DELETE FROM messages; INSERT INTO message_search (message_search) VALUES ('delete-all');",
        )?;
        Ok(())
    }

    /// Gives free room back to the disk; not inside a transaction.
    pub(super) fn shrink(&self) -> Result<(), StoreError> {
        Ok(self.db.execute_batch("VACUUM")?)
    }

    /// Entries that this version cannot read are left out: the relay has them.
    pub(super) fn messages(&self, sql: &str, bound: impl Params) -> Result<Vec<Message>, StoreError> {
        let mut statement = self.db.prepare_cached(sql)?;
        let rows = statement.query_map(bound, |row| row.get::<_, String>(0))?;
        let mut out = Vec::new();
        for json in rows {
            out.extend(serde_json::from_str::<Message>(&json?).ok());
        }
        Ok(out)
    }
}
