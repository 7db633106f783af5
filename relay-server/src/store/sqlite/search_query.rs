//! A search as FTS5 is asked: every word that people typed goes in quotes.

use std::collections::BTreeSet;

use parley_shared::ids::{RoomId, UserId};
use parley_shared::search::SearchQuery;

use super::words::{OTHER_TENANTS_TOKEN, ROOM_KIND, has_token, room_token, sender_token, tenant_token};
use crate::store::TenantId;

/// Rooms that the index is asked for by name: each step over a hit looks at all of them, which for 20 takes 1 ms a page and for 100 30 ms.
/// For more it costs less to look at the room of each hit.
const ROOMS_BY_NAME: usize = 20;

/// Whom and where the names in a query mean.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Where to search, never empty.
    pub rooms: BTreeSet<RoomId>,
    /// Whose messages; empty for everybody's.
    pub senders: BTreeSet<UserId>,
    pub tenants: Tenants,
}

/// How the index is kept from looking at other tenants' messages, of which the number of pages without hits would tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Tenants {
    /// There are no others.
    #[default]
    One,
    /// The asker's is the default one, whose messages bear no token.
    NotOthers,
    /// The asker's is this one.
    Only(TenantId),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// None when nothing that the index knows is asked for.
    pub expression: Option<String>,
    /// The expression finds in the wanted rooms only.
    pub names_rooms: bool,
}

/// None when nothing can be found.
pub(super) fn fts(query: &SearchQuery, names: &Names) -> Option<Wanted> {
    let words = query.words.iter().filter(|word| is_word(word)).map(|word| format!("{} *", quoted(word)));
    let phrases = query.phrases.iter().filter(|phrase| is_word(phrase)).map(|phrase| quoted(phrase));
    let text: Vec<String> = words.chain(phrases).collect();
    if text.is_empty() && !(query.words.is_empty() && query.phrases.is_empty()) {
        return None;
    }
    let mut parts = Vec::new();
    if !text.is_empty() {
        parts.push(format!("text : ({})", text.join(" AND ")));
    }
    if !names.senders.is_empty() {
        parts.push(any("sender", names.senders.iter().map(|id| sender_token(*id))));
    }
    parts.extend(query.has.iter().map(|has| any("has", std::iter::once(has_token(*has).to_owned()))));
    if names.rooms.len() <= ROOMS_BY_NAME {
        parts.push(any("room", names.rooms.iter().map(|id| room_token(*id))));
        return Some(Wanted { expression: all(&parts), names_rooms: true });
    }
    let expression = match names.tenants {
        Tenants::One => all(&parts),
        Tenants::Only(tenant) => {
            parts.push(any("room", std::iter::once(tenant_token(tenant))));
            all(&parts)
        }
        Tenants::NotOthers => {
            let wanted = all(&parts).unwrap_or_else(|| format!("room : ({} *)", quoted(&ROOM_KIND.to_string())));
            Some(format!("({wanted}) NOT room : ({})", quoted(OTHER_TENANTS_TOKEN)))
        }
    };
    Some(Wanted { expression, names_rooms: false })
}

fn all(parts: &[String]) -> Option<String> {
    (!parts.is_empty()).then(|| parts.join(" AND "))
}

fn any(column: &str, tokens: impl Iterator<Item = String>) -> String {
    let tokens: Vec<String> = tokens.map(|token| quoted(&token)).collect();
    format!("{column} : ({})", tokens.join(" OR "))
}

/// Whether there is anything in it that the index keeps: letters and digits.
fn is_word(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}

/// As a string of FTS5, in which nothing but the quote has a meaning. A NUL would end the expression.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\0', " ").replace('"', "\"\""))
}

#[cfg(test)]
#[path = "search_query_tests.rs"]
mod tests;
