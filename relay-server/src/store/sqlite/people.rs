//! People: search, favourites, blocks, who sees whom.

use parley_shared::ids::{UnixMs, UserId};
use parley_shared::wire::{ErrorCode, Person, Role};
use relay_core::text;
use relay_core::work::Done;
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params};

use super::rows::{self, USER, USER_COLUMNS};
use super::tenants::standing;
use crate::store::{Mark, Standing, StoreError, TenantId};

type Result<T> = std::result::Result<T, StoreError>;

/// Favourites, and blocks, of one person.
const MARKS: u32 = 1_000;
/// People whose presence one person is shown at once.
const WATCHED: u32 = 1_000;

/// Reads a [`Person`] as parameter 1 of the tenant of parameter 2 sees it; rows of people who blocked them are left out.
fn person_sql(rest: &str) -> String {
    format!(
        "SELECT {USER}, u.last_seen_at_ms, u.bio,
           EXISTS (SELECT 1 FROM favourites f WHERE f.user_id = ?1 AND f.other_id = u.id),
           EXISTS (SELECT 1 FROM blocks b WHERE b.user_id = ?1 AND b.other_id = u.id)
         FROM users u
         WHERE u.tenant_id = ?2 AND {NOT_BLOCKED} AND {rest}"
    )
}

/// The person `u` did not block parameter 1.
const NOT_BLOCKED: &str = "NOT EXISTS (SELECT 1 FROM blocks b WHERE b.user_id = u.id AND b.other_id = ?1)";
/// The person `u` is in a room of parameter 1.
const SHARES_ROOM: &str = "EXISTS (SELECT 1 FROM members a JOIN members k ON k.room_id = a.room_id
                                   WHERE a.user_id = ?1 AND k.user_id = u.id)";
/// The person `u` wrote in a room of parameter 1.
const WROTE_THERE: &str = "EXISTS (SELECT 1 FROM messages m JOIN members k ON k.room_id = m.room_id AND k.user_id = ?1
                                   WHERE m.sender_id = u.id)";

fn person_row(row: &Row<'_>) -> std::result::Result<Person, rusqlite::Error> {
    Ok(Person {
        user: rows::user(row, 0)?,
        presence: rows::UNKNOWN_PRESENCE,
        last_seen_at_ms: rows::time(row, USER_COLUMNS)?,
        bio: row.get(USER_COLUMNS + 1)?,
        favourite: row.get(USER_COLUMNS + 2)?,
        blocked: row.get(USER_COLUMNS + 3)?,
    })
}

/// Everyone of the asker's tenant but the asker whose name has, for every word of the query, a word that begins with it. By name, then id.
/// Guests find those who share a room with them.
pub(super) fn search(
    c: &Connection,
    asker: UserId,
    query: &str,
    after: Option<UserId>,
    limit: u32,
) -> Result<Vec<Person>> {
    let me = standing(c, asker)?;
    let words = text::words(query);
    if words.is_empty() && !query.trim().is_empty() {
        return Ok(Vec::new());
    }
    let (sql, values) = search_sql(c, asker, me, &words, after, limit)?;
    let mut statement = c.prepare_cached(&sql)?;
    let people = statement.query_map(rusqlite::params_from_iter(values), person_row)?;
    Ok(people.collect::<std::result::Result<_, _>>()?)
}

type Values = Vec<Box<dyn ToSql>>;

fn search_sql(
    c: &Connection,
    asker: UserId,
    me: Standing,
    words: &[String],
    after: Option<UserId>,
    limit: u32,
) -> Result<(String, Values)> {
    let mut rest = String::from("u.id <> ?1 AND u.deleted_at_ms = 0");
    let mut values: Values = vec![Box::new(asker.as_bytes().to_vec()), Box::new(me.tenant.0)];
    if me.role == Role::Guest {
        rest += &format!(" AND {SHARES_ROOM}");
    }
    let rare = rarest(c, me.tenant, words)?;
    for (number, word) in words.iter().enumerate() {
        let (from, to) = (values.len() + 1, values.len() + 2);
        rest += &if rare == Some(number) {
            format!(
                " AND u.id IN (SELECT user_id FROM user_words WHERE tenant_id = ?2 AND word >= ?{from} AND word < ?{to})"
            )
        } else {
            format!(
                " AND EXISTS (SELECT 1 FROM user_words w WHERE w.user_id = u.id AND w.word >= ?{from} AND w.word < ?{to})"
            )
        };
        values.push(Box::new(word.clone()));
        values.push(Box::new(beyond(word)));
    }
    if let Some(after) = after {
        let place = values.len() + 1;
        rest += &format!(
            " AND (u.name_key, u.id) > (SELECT name_key, id FROM users WHERE id = ?{place} AND tenant_id = ?2)"
        );
        values.push(Box::new(after.as_bytes().to_vec()));
    }
    rest += &format!(" ORDER BY u.name_key, u.id LIMIT {limit}");
    if rare.is_some() {
        // Those who have the word are sorted before the rest of what is shown of them is looked up.
        let first = format!("SELECT u.id FROM users u WHERE u.tenant_id = ?2 AND {NOT_BLOCKED} AND {rest}");
        rest = format!("u.id IN ({first}) ORDER BY u.name_key, u.id");
    }
    Ok((person_sql(&rest), values))
}

/// People beyond whom a word is common: then it costs less to walk along all names until a page is full than to sort those who have it.
const COMMON: usize = 1_000;
/// The same of the rarest of several words, which may never stand together.
const COMMON_TOGETHER: usize = 20_000;

/// The word that the fewest people have, unless all are common.
fn rarest(c: &Connection, tenant: TenantId, words: &[String]) -> Result<Option<usize>> {
    let common = if words.len() > 1 { COMMON_TOGETHER } else { COMMON };
    let mut count = c.prepare_cached(
        "SELECT count(*) FROM (SELECT 1 FROM user_words WHERE tenant_id = ? AND word >= ? AND word < ? LIMIT ?)",
    )?;
    let mut rarest = (common, None);
    for (number, word) in words.iter().enumerate() {
        let people: usize = count.query_row(params![tenant.0, word, beyond(word), rarest.0], |r| r.get(0))?;
        if people < rarest.0 {
            rarest = (people, Some(number));
        }
    }
    Ok(rarest.1)
}

/// After everything that begins with the word.
fn beyond(word: &str) -> String {
    format!("{word}\u{10ffff}")
}

/// Guests see those who share a room with them, and those who wrote there: messages need a name.
pub(super) fn person(c: &Connection, asker: UserId, user_id: UserId) -> Result<Person> {
    let me = standing(c, asker)?;
    let sql = match me.role {
        Role::Guest => person_sql(&format!("u.id = ?3 AND (u.id = ?1 OR {SHARES_ROOM} OR {WROTE_THERE})")),
        Role::Admin | Role::Member => person_sql("u.id = ?3"),
    };
    c.prepare_cached(&sql)?
        .query_row(params![asker.as_bytes(), me.tenant.0, user_id.as_bytes()], person_row)
        .optional()?
        .ok_or_else(nobody)
}

pub(super) fn marked(c: &Connection, asker: UserId, mark: Mark) -> Result<Vec<Person>> {
    let (table, me) = (table(mark), standing(c, asker)?);
    let rest =
        format!("u.id IN (SELECT other_id FROM {table} WHERE user_id = ?1) ORDER BY u.name_key, u.id LIMIT {MARKS}");
    let mut statement = c.prepare_cached(&person_sql(&rest))?;
    let people = statement.query_map(params![asker.as_bytes(), me.tenant.0], person_row)?;
    Ok(people.collect::<std::result::Result<_, _>>()?)
}

pub(super) fn set_mark(c: &Connection, asker: UserId, other: UserId, mark: Mark, on: bool) -> Result<()> {
    let table = table(mark);
    if !on {
        let sql = format!("DELETE FROM {table} WHERE user_id = ? AND other_id = ?");
        c.prepare_cached(&sql)?.execute(params![asker.as_bytes(), other.as_bytes()])?;
        return Ok(());
    }
    if asker == other {
        return Err(StoreError::refused(ErrorCode::InvalidArgument, "That is yourself."));
    }
    person(c, asker, other)?;
    let count: u32 = c
        .prepare_cached(&format!("SELECT count(*) FROM {table} WHERE user_id = ?"))?
        .query_row([asker.as_bytes()], |r| r.get(0))?;
    if count >= MARKS {
        return Err(StoreError::refused(ErrorCode::Conflict, "The list is full."));
    }
    let sql = format!("INSERT OR IGNORE INTO {table} (user_id, other_id) VALUES (?, ?)");
    c.prepare_cached(&sql)?.execute(params![asker.as_bytes(), other.as_bytes()])?;
    Ok(())
}

fn table(mark: Mark) -> &'static str {
    match mark {
        Mark::Favourite => "favourites",
        Mark::Blocked => "blocks",
    }
}

/// Who sees the person's presence: everyone who shares a room with them or has them as a favourite, but nobody they blocked.
pub(super) fn audience(c: &Connection, user_id: UserId) -> Result<Done> {
    let people = ids(
        c,
        "SELECT other FROM (
           SELECT b.user_id AS other FROM members a JOIN members b ON b.room_id = a.room_id WHERE a.user_id = ?1
           UNION SELECT user_id FROM favourites WHERE other_id = ?1)
         WHERE other <> ?1 AND other NOT IN (SELECT other_id FROM blocks WHERE user_id = ?1)",
        user_id,
    )?;
    Ok(Done::People(people))
}

/// Whose presence the person sees: the other side of [`audience`], at most [`WATCHED`].
pub(super) fn watched(c: &Connection, user_id: UserId) -> Result<Done> {
    let sql = format!(
        "SELECT other FROM (
           SELECT other_id AS other FROM favourites WHERE user_id = ?1
           UNION SELECT b.user_id FROM members a JOIN members b ON b.room_id = a.room_id WHERE a.user_id = ?1)
         WHERE other <> ?1 AND NOT EXISTS (SELECT 1 FROM blocks k WHERE k.user_id = other AND k.other_id = ?1)
         LIMIT {WATCHED}"
    );
    Ok(Done::People(ids(c, &sql, user_id)?))
}

pub(super) fn set_last_seen(c: &Connection, user_id: UserId, at: UnixMs) -> Result<Done> {
    c.prepare_cached("UPDATE users SET last_seen_at_ms = ? WHERE id = ?")?
        .execute(params![at.0, user_id.as_bytes()])?;
    Ok(Done::Nothing)
}

/// True when one of the two blocked the other.
pub(super) fn either_blocked(c: &Connection, a: UserId, b: UserId) -> Result<bool> {
    Ok(has_blocked(c, a, b)? || has_blocked(c, b, a)?)
}

pub(super) fn has_blocked(c: &Connection, user_id: UserId, other: UserId) -> Result<bool> {
    Ok(c.prepare_cached("SELECT EXISTS (SELECT 1 FROM blocks WHERE user_id = ? AND other_id = ?)")?
        .query_row(params![user_id.as_bytes(), other.as_bytes()], |r| r.get(0))?)
}

pub(super) fn nobody() -> StoreError {
    StoreError::refused(ErrorCode::NotFound, "There is no such person.")
}

fn ids(c: &Connection, sql: &str, user_id: UserId) -> Result<Vec<UserId>> {
    let mut statement = c.prepare_cached(sql)?;
    let ids = statement.query_map([user_id.as_bytes()], |r| r.get(0).map(UserId::from_bytes))?;
    Ok(ids.collect::<std::result::Result<_, _>>()?)
}

#[cfg(test)]
#[path = "people_tests.rs"]
mod tests;
