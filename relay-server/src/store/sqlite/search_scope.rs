//! Where and whose a search looks: the names of `in:` and `from:` among the asker's own rooms and the people in them.

use std::collections::BTreeSet;

use parley_shared::ids::{RoomId, UserId};
use relay_core::text;
use rusqlite::{Connection, params};

use super::search_query::{Names, Tenants};
use super::tenants::standing;
use crate::store::{Search, StoreError, TenantId};

type Result<T> = std::result::Result<T, StoreError>;

/// People that one name may mean.
const PEOPLE: usize = 50;
/// People of the tenant whose names are looked at for one name.
const NAMES_LOOKED_AT: usize = 2_000;

/// None when a name means nobody or no room, so that nothing can be found.
pub(super) fn resolve(c: &Connection, asker: UserId, search: &Search) -> Result<Option<Names>> {
    let query = &search.query;
    let rooms = if query.rooms.is_empty() { my_rooms(c, asker)? } else { rooms_called(c, asker, &query.rooms)? };
    let rooms: BTreeSet<RoomId> =
        rooms.into_iter().filter(|id| search.room_id.is_none_or(|room_id| room_id == *id)).collect();
    let mut senders = BTreeSet::new();
    for name in &query.from {
        senders.extend(people_called(c, asker, name)?);
    }
    if rooms.is_empty() || (senders.is_empty() && !query.from.is_empty()) {
        return Ok(None);
    }
    Ok(Some(Names { rooms, senders, tenants: tenants(c, asker)? }))
}

fn tenants(c: &Connection, asker: UserId) -> Result<Tenants> {
    let tenant = standing(c, asker)?.tenant;
    if tenant != TenantId::DEFAULT {
        return Ok(Tenants::Only(tenant));
    }
    let others = c
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM tenants WHERE id > ?)")?
        .query_row([TenantId::DEFAULT.0], |r| r.get(0))?;
    Ok(if others { Tenants::NotOthers } else { Tenants::One })
}

fn my_rooms(c: &Connection, asker: UserId) -> Result<Vec<RoomId>> {
    Ok(c.prepare_cached("SELECT room_id FROM members WHERE user_id = ?")?
        .query_map([asker.as_bytes()], |r| r.get(0).map(RoomId::from_bytes))?
        .collect::<std::result::Result<_, _>>()?)
}

/// The asker's rooms of whose title each word of one of the names begins a word. A direct room is called after the other person.
fn rooms_called(c: &Connection, asker: UserId, names: &[String]) -> Result<Vec<RoomId>> {
    let names: Vec<Vec<String>> = names.iter().map(|name| text::words(name)).collect();
    let mut statement = c.prepare_cached(
        "SELECT m.room_id, CASE r.kind WHEN 'group' THEN r.name ELSE coalesce(
             (SELECT u.display_name FROM members o JOIN users u ON u.id = o.user_id
              WHERE o.room_id = m.room_id AND o.user_id <> ?1), '') END
         FROM members m JOIN rooms r ON r.id = m.room_id WHERE m.user_id = ?1",
    )?;
    let rooms = statement
        .query_map([asker.as_bytes()], |r| Ok((RoomId::from_bytes(r.get(0)?), r.get::<_, String>(1)?)))?
        .collect::<std::result::Result<Vec<_>, _>>()?;
    let called = |title: &str| {
        let title = text::words(title);
        names.iter().any(|name| begins(name, &title))
    };
    Ok(rooms.into_iter().filter(|(_, title)| called(title)).map(|(id, _)| id).collect())
}

/// Whether each word begins one of the title's. No words begin nothing.
fn begins(words: &[String], title: &[String]) -> bool {
    !words.is_empty() && words.iter().all(|word| title.iter().any(|other| other.starts_with(word.as_str())))
}

/// People who share a room with the asker and whose name has, for each word, one that begins with it.
fn people_called(c: &Connection, asker: UserId, name: &str) -> Result<Vec<UserId>> {
    if name.eq_ignore_ascii_case("me") {
        return Ok(vec![asker]);
    }
    let words = text::words(name);
    // The longest word leaves the fewest names.
    let Some(first) = words.iter().max_by_key(|word| word.len()) else { return Ok(Vec::new()) };
    let sql = format!(
        "SELECT w.user_id, u.display_name
         FROM (SELECT DISTINCT user_id FROM user_words
               WHERE tenant_id = (SELECT tenant_id FROM users WHERE id = ?1) AND word >= ?2 AND word < ?3 LIMIT {NAMES_LOOKED_AT}) w
         CROSS JOIN users u ON u.id = w.user_id
         WHERE w.user_id = ?1 OR EXISTS (
           SELECT 1 FROM members a JOIN members b ON b.room_id = a.room_id AND b.user_id = ?1 WHERE a.user_id = w.user_id)"
    );
    let mut statement = c.prepare_cached(&sql)?;
    let people = statement.query_map(params![asker.as_bytes(), first, format!("{first}\u{10ffff}")], |r| {
        Ok((UserId::from_bytes(r.get(0)?), r.get::<_, String>(1)?))
    })?;
    let mut called = Vec::new();
    for person in people {
        let (user_id, display_name) = person?;
        if begins(&words, &text::words(&display_name)) {
            called.push(user_id);
        }
        if called.len() == PEOPLE {
            break;
        }
    }
    Ok(called)
}
