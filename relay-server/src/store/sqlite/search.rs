//! Search over the messages of one's rooms, newest first.
//!
//! Words, room, sender and kind of content are all tokens of one index, so a search reads hits only. What is no token (the time, and the
//! rooms of somebody who is in very many) is looked at hit by hit, at most [`LOOKED_AT`] of them a page: hits of one's own tenant only.

use std::collections::BTreeSet;
use std::time::Duration;

use parley_shared::ids::{RoomId, UnixMs, UserId};
use parley_shared::wire::{Message, SearchPage, WireError};
use rusqlite::{Connection, OptionalExtension, params};

use super::views::my_role;
use super::{messages, search_query, search_scope};
use crate::store::{Search, StoreError};

type Result<T> = std::result::Result<T, StoreError>;

/// Hits that one page looks at: about 10 ms on a machine of two cores.
const LOOKED_AT: usize = 5_000;
/// What the index reads before it finds anything is not bounded by that: common words that never stand together, in hundreds of thousands
/// of messages. Such a search is broken off.
pub(super) const LIMIT: Duration = Duration::from_millis(250);
/// How far the relay's clock may have been set back without a search by date missing messages, in milliseconds.
const CLOCK_SLACK_MS: i64 = 60 * 60 * 1_000;

pub(super) fn search(c: &Connection, asker: UserId, search: &Search) -> Result<SearchPage> {
    let nothing = SearchPage { messages: Vec::new(), next: None };
    let before = search.before.as_deref().map(parse_next).transpose()?;
    if let Some(room_id) = search.room_id {
        my_role(c, room_id, asker)?;
    }
    if search.query.is_empty() {
        return Ok(nothing);
    }
    let Some(names) = search_scope::resolve(c, asker, search)? else { return Ok(nothing) };
    let Some(wanted) = search_query::fts(&search.query, &names) else { return Ok(nothing) };
    let span = Span::find(c, search.query.since, search.query.until, before)?;
    let hits = Hits { rooms: (!wanted.names_rooms).then_some(&names.rooms), span };
    match wanted.expression {
        Some(expression) => hits.page(
            c,
            "SELECT rowid FROM message_words WHERE message_words MATCH ?3 AND rowid >= ?1 AND rowid < ?2
             ORDER BY rowid DESC",
            Some(&expression),
            search.limit,
        ),
        None => hits.page(
            c,
            "SELECT place FROM messages WHERE ?3 IS NULL AND place >= ?1 AND place < ?2 AND kind = 'text'
             ORDER BY place DESC",
            None,
            search.limit,
        ),
    }
}

/// Which places and times are searched.
struct Span {
    /// The first place, and the first that is not.
    places: (i64, i64),
    since: Option<UnixMs>,
    until: Option<UnixMs>,
}

impl Span {
    fn find(c: &Connection, since: Option<UnixMs>, until: Option<UnixMs>, before: Option<i64>) -> Result<Self> {
        let slack = |at: UnixMs, ms: i64| at.0.saturating_add(ms);
        let first = since.map(|at| first_place(c, slack(at, -CLOCK_SLACK_MS))).transpose()?;
        let end = until.map(|at| first_place(c, slack(at, CLOCK_SLACK_MS))).transpose()?;
        let end = end.into_iter().chain(before).min().unwrap_or(i64::MAX);
        Ok(Self { places: (first.unwrap_or(0), end), since, until })
    }

    fn has(&self, sent_at: UnixMs) -> bool {
        self.since.is_none_or(|since| sent_at >= since) && self.until.is_none_or(|until| sent_at < until)
    }
}

/// The place of the first message of a time or after it, by halving: places follow the clock but for its corrections.
fn first_place(c: &Connection, at_ms: i64) -> Result<i64> {
    let mut next =
        c.prepare_cached("SELECT place, sent_at_ms FROM messages WHERE place >= ? ORDER BY place LIMIT 1")?;
    let mut low = 0;
    let mut high: i64 = c.query_row("SELECT coalesce(max(place), 0) + 1 FROM messages", [], |r| r.get(0))?;
    while low < high {
        let middle = low + (high - low) / 2;
        let found: Option<(i64, i64)> = next.query_row([middle], |r| Ok((r.get(0)?, r.get(1)?))).optional()?;
        match found {
            Some((place, sent_at)) if sent_at < at_ms => low = place + 1,
            Some(_) | None => high = middle,
        }
    }
    Ok(low)
}

struct Hits<'a> {
    /// None when the index was asked for the rooms already.
    rooms: Option<&'a BTreeSet<RoomId>>,
    span: Span,
}

impl Hits<'_> {
    /// `sql` gives places, newest first, of those from parameter 1 to before parameter 2.
    fn page(&self, c: &Connection, sql: &str, expression: Option<&str>, limit: u32) -> Result<SearchPage> {
        let (first, end) = self.span.places;
        let mut statement = c.prepare_cached(sql)?;
        let mut hits = statement.query(params![first, end, expression])?;
        let mut found: Vec<Message> = Vec::new();
        let mut next = None;
        let mut looked_at = 0;
        let mut last = end;
        while let Some(row) = hits.next()? {
            if found.len() >= limit as usize || looked_at >= LOOKED_AT {
                next = Some(last);
                break;
            }
            last = row.get(0)?;
            looked_at += 1;
            if self.is_wanted(c, last)? {
                found.push(messages::at(c, last)?);
            }
        }
        Ok(SearchPage { messages: found, next: next.map(|place| format!("{place:x}")) })
    }

    fn is_wanted(&self, c: &Connection, place: i64) -> Result<bool> {
        if self.rooms.is_none() && self.span.since.is_none() && self.span.until.is_none() {
            return Ok(true);
        }
        let at: Option<(RoomId, UnixMs)> = c
            .prepare_cached("SELECT room_id, sent_at_ms FROM messages WHERE place = ? AND kind = 'text'")?
            .query_row([place], |r| Ok((RoomId::from_bytes(r.get(0)?), UnixMs(r.get(1)?))))
            .optional()?;
        Ok(at.is_some_and(|(room_id, sent_at)| {
            self.span.has(sent_at) && self.rooms.is_none_or(|rooms| rooms.contains(&room_id))
        }))
    }
}

/// Reads the `next` of a page.
fn parse_next(text: &str) -> Result<i64> {
    let digits = (1..=16).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    digits
        .then(|| i64::from_str_radix(text, 16).ok())
        .flatten()
        .ok_or_else(|| StoreError::Refused(WireError::field("before", "That is no `next` of a page.")))
}

#[cfg(test)]
#[path = "search_tenant_tests.rs"]
mod tenant_tests;

#[cfg(test)]
#[path = "search_tests.rs"]
mod tests;
