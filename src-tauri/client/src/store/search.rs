//! Full-text search, newest first, page by page.
//!
//! Room, sender and kinds of content stand as words in columns of their own, and a row's id is its time: everything that a
//! search asks for is one expression over one index, read from its end.

use parley_shared::ids::{RoomId, UserId};
use parley_shared::search::Has;
use parley_shared::wire::{Attachment, AttachmentKind};
use rusqlite::params;

use super::StoreError;
use super::history::History;
use super::messages::row_at;
use crate::core::{Found, SearchSpec};

impl History {
    /// One page of what was asked for, newest first.
    pub fn search(&self, spec: &SearchSpec) -> Result<Found, StoreError> {
        let Some(expression) = expression(spec) else { return Ok(Found::default()) };
        let since = spec.since.map_or(0, row_at);
        let until = spec.until.map_or(i64::MAX, row_at).min(spec.before.unwrap_or(i64::MAX));
        let mut rows = self.search_rows(&expression, since, until, spec.limit.saturating_add(1))?;
        let more = rows.len() > spec.limit as usize;
        rows.truncate(spec.limit as usize);
        let next = rows.last().copied().filter(|_| more);
        let mut messages = Vec::with_capacity(rows.len());
        for row in rows {
            messages.extend(self.messages("SELECT message FROM messages WHERE row_id = ?1", [row])?);
        }
        Ok(Found { messages, next })
    }

    fn search_rows(&self, expression: &str, since: i64, until: i64, limit: u32) -> Result<Vec<i64>, StoreError> {
        let sql = if expression.is_empty() {
            "SELECT row_id FROM messages WHERE ?1 = '' AND row_id >= ?2 AND row_id < ?3 ORDER BY row_id DESC LIMIT ?4"
        } else {
            "SELECT rowid FROM message_search WHERE message_search MATCH ?1 AND rowid >= ?2 AND rowid < ?3 \
             ORDER BY rowid DESC LIMIT ?4"
        };
        let mut statement = self.db.prepare_cached(sql)?;
        let rows = statement.query_map(params![expression, since, until, limit], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// The expression of the index; empty when only time is asked for. None when nothing can match.
fn expression(spec: &SearchSpec) -> Option<String> {
    let words = spec.words.iter().filter(|word| is_word(word)).map(|word| format!("text : {} *", quoted(word)));
    let phrases = spec.phrases.iter().filter(|phrase| is_word(phrase));
    let mut all: Vec<String> = words.chain(phrases.map(|phrase| format!("text : {}", quoted(phrase)))).collect();
    if all.is_empty() && !(spec.words.is_empty() && spec.phrases.is_empty()) {
        return None;
    }
    all.extend(spec.has.iter().map(|has| format!("has : {}", has_token(*has))));
    let any = |column: &str, tokens: Vec<String>| {
        (!tokens.is_empty()).then(|| format!("{column} : ({})", tokens.join(" OR ")))
    };
    if let Some(people) = &spec.from {
        all.push(any("sender", people.iter().map(|id| sender_token(*id)).collect())?);
    }
    if let Some(rooms) = &spec.rooms {
        all.push(any("room", rooms.iter().map(|id| room_token(*id)).collect())?);
    }
    Some(all.join(" AND "))
}

/// Whether there is anything in it that the index keeps.
fn is_word(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}

/// As a string of the index's language, in which nothing has a meaning.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace(['"', '\0'], " "))
}

pub(super) fn room_token(room_id: RoomId) -> String {
    format!("r{}", hex(room_id.as_bytes()))
}

pub(super) fn sender_token(user_id: UserId) -> String {
    format!("u{}", hex(user_id.as_bytes()))
}

fn has_token(has: Has) -> &'static str {
    match has {
        Has::Image => "image",
        Has::File => "file",
        Has::Link => "link",
    }
}

/// What a message has besides words.
pub(super) fn has_tokens(text: &str, attachments: &[Attachment]) -> String {
    let is_image = |file: &Attachment| matches!(file.kind, AttachmentKind::Image { .. });
    let lower = text.to_ascii_lowercase();
    [
        (Has::Image, attachments.iter().any(is_image)),
        (Has::File, attachments.iter().any(|file| !is_image(file))),
        (Has::Link, lower.contains("http://") || lower.contains("https://")),
    ]
    .into_iter()
    .filter(|(_, there)| *there)
    .map(|(has, _)| has_token(has))
    .collect::<Vec<_>>()
    .join(" ")
}

fn hex(bytes: &[u8; 16]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_text_has_a_meaning_in_the_language_of_the_index(words in prop::collection::vec(".{1,20}", 1..4)) {
            let db = rusqlite::Connection::open_in_memory().unwrap();
            db.execute_batch("CREATE VIRTUAL TABLE t USING fts5 (text, room, sender, has)").unwrap();
            let spec = SearchSpec { words: words.clone(), phrases: words, ..SearchSpec::default() };
            if let Some(expression) = expression(&spec) {
                let found: i64 =
                    db.query_row("SELECT count(*) FROM t WHERE t MATCH ?1", [expression], |row| row.get(0)).unwrap();
                prop_assert_eq!(found, 0);
            }
        }
    }
}
