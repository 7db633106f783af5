//! What people say of themselves, and the end of an account.

use parley_shared::ids::{DeviceId, FileId, RoomId, UnixMs, UserId};
use parley_shared::wire::{ChangeProfile, ErrorCode, Profile, Role, RoomKind, User};
use relay_core::text;
use relay_core::work::Done;
use rusqlite::{Connection, OptionalExtension, params};

use super::rows::{self, USER, USER_COLUMNS};
use super::{SqliteStore, files, membership, people};
use crate::store::{Answer, Credentials, DELETED_NAME, DeletedAccount, Left, ProfileStore, StoreError, UserChange};

type Result<T> = std::result::Result<T, StoreError>;

impl ProfileStore for SqliteStore {
    fn profile(&self, asker: UserId) -> Answer<Profile> {
        self.pool.read(move |c| profile(c, asker))
    }

    fn change_profile(&self, asker: UserId, change: ChangeProfile) -> Answer<Option<UserChange>> {
        self.pool.write(move |c| change_profile(c, asker, &change))
    }

    fn own_credentials(&self, asker: UserId) -> Answer<Credentials> {
        self.pool.read(move |c| own_credentials(c, asker))
    }

    fn delete_account(&self, asker: UserId, at: UnixMs) -> Answer<DeletedAccount> {
        self.pool.write(move |c| delete_account(c, asker, at))
    }
}

fn profile(c: &Connection, asker: UserId) -> Result<Profile> {
    let sql = format!(
        "SELECT {USER}, u.email, u.bio, (SELECT coalesce(sum(kept_bytes), 0) FROM files WHERE owner_id = u.id)
         FROM users u WHERE u.id = ? AND u.deleted_at_ms = 0"
    );
    c.prepare_cached(&sql)?
        .query_row([asker.as_bytes()], |r| {
            Ok(Profile {
                user: rows::user(r, 0)?,
                email: r.get(USER_COLUMNS)?,
                bio: r.get(USER_COLUMNS + 1)?,
                storage_bytes: r.get(USER_COLUMNS + 2)?,
                storage_limit_bytes: 0,
            })
        })
        .optional()?
        .ok_or_else(people::nobody)
}

fn own_credentials(c: &Connection, asker: UserId) -> Result<Credentials> {
    let sql = format!("SELECT {USER}, u.password_hash FROM users u WHERE u.id = ? AND u.deleted_at_ms = 0");
    c.prepare_cached(&sql)?
        .query_row([asker.as_bytes()], |r| {
            Ok(Credentials { user: rows::user(r, 0)?, password_hash: r.get(USER_COLUMNS)? })
        })
        .optional()?
        .ok_or_else(people::nobody)
}

fn change_profile(c: &Connection, asker: UserId, change: &ChangeProfile) -> Result<Option<UserChange>> {
    let before = profile(c, asker)?.user;
    let avatar = match change.avatar {
        Some(id) if before.avatar == Some(id) => before.avatar,
        Some(id) => {
            files::use_as_avatar(c, asker, id)?;
            Some(id)
        }
        None if change.remove_avatar => None,
        None => before.avatar,
    };
    c.prepare_cached(
        "UPDATE users SET display_name = coalesce(?2, display_name), name_key = coalesce(?3, name_key),
           status_text = coalesce(?4, status_text), bio = coalesce(?5, bio), avatar = ?6 WHERE id = ?1",
    )?
    .execute(params![
        asker.as_bytes(),
        change.display_name,
        change.display_name.as_ref().map(|name| name.to_lowercase()),
        change.status_text,
        change.bio,
        avatar_bytes(avatar.as_ref()),
    ])?;
    if let Some(old) = before.avatar.filter(|old| Some(*old) != avatar) {
        files::remove(c, old)?;
    }
    if let Some(name) = &change.display_name {
        write_words(c, asker, name)?;
    }
    let user = profile(c, asker)?.user;
    if user == before {
        return Ok(None);
    }
    Ok(Some(UserChange { user, audience: audience(c, asker)? }))
}

/// A file as a column keeps it; empty for none.
pub(super) fn avatar_bytes(avatar: Option<&FileId>) -> &[u8] {
    avatar.map_or(&[], |id| id.as_bytes())
}

/// A person is found by the words of their name.
pub(super) fn write_words(c: &Connection, user_id: UserId, name: &str) -> Result<()> {
    c.prepare_cached("DELETE FROM user_words WHERE user_id = ?")?.execute([user_id.as_bytes()])?;
    let mut insert = c.prepare_cached(
        "INSERT INTO user_words (tenant_id, word, user_id) SELECT tenant_id, ?, id FROM users WHERE id = ?",
    )?;
    for word in text::words(name) {
        insert.execute(params![word, user_id.as_bytes()])?;
    }
    Ok(())
}

fn audience(c: &Connection, user_id: UserId) -> Result<Vec<UserId>> {
    match people::audience(c, user_id)? {
        Done::People(people) => Ok(people),
        other => Err(StoreError::Failed(format!("an audience is people, not {other:?}"))),
    }
}

pub(super) fn delete_account(c: &Connection, asker: UserId, at: UnixMs) -> Result<DeletedAccount> {
    let before = profile(c, asker)?.user;
    check_last_admin(c, &before)?;
    let audience = audience(c, asker)?;
    let devices = take_devices(c, asker)?;
    let memberships = memberships(c, asker)?;
    if let Some(avatar) = before.avatar {
        files::remove(c, avatar)?;
    }
    files::remove_unused_of(c, asker)?;
    write_words(c, asker, "")?;
    for table in ["favourites", "blocks"] {
        c.execute(&format!("DELETE FROM {table} WHERE user_id = ?1 OR other_id = ?1"), [asker.as_bytes()])?;
    }
    c.execute(
        "UPDATE users SET display_name = ?2, name_key = '', email = '', email_key = '', password_hash = '',
           role = 'member', bot = 0, last_seen_at_ms = 0, avatar = x'', status_text = '', bio = '', deleted_at_ms = ?3
         WHERE id = ?1",
        params![asker.as_bytes(), DELETED_NAME, at.0.max(1)],
    )?;
    let (mut left, mut closed) = (Vec::new(), Vec::new());
    for (room_id, kind) in memberships {
        match kind {
            RoomKind::Group => left.push((room_id, membership::leave(c, room_id, asker)?)),
            RoomKind::Direct if membership::close_direct(c, room_id)? => {
                left.push((room_id, Left::RoomGone { guests: Vec::new() }))
            }
            RoomKind::Direct => closed.push(room_id),
        }
    }
    let user = User {
        display_name: DELETED_NAME.into(),
        role: Role::Member,
        bot: false,
        avatar: None,
        status_text: String::new(),
        ..before
    };
    Ok(DeletedAccount { change: UserChange { user, audience }, devices, left, closed })
}

/// A tenant with people keeps somebody who may look after it.
fn check_last_admin(c: &Connection, user: &User) -> Result<()> {
    if user.role != Role::Admin {
        return Ok(());
    }
    let (others, admins): (u32, u32) = c.query_row(
        "SELECT count(*), count(*) FILTER (WHERE role = 'admin') FROM users
         WHERE id <> ?1 AND tenant_id = (SELECT tenant_id FROM users WHERE id = ?1) AND bot = 0 AND role <> 'guest'
           AND deleted_at_ms = 0",
        [user.id.as_bytes()],
        |r| Ok((r.get(0)?, r.get(1)?)),
    )?;
    if others > 0 && admins == 0 {
        let sentence = "You are the last administrator. Make somebody else one first.";
        return Err(StoreError::refused(ErrorCode::Conflict, sentence));
    }
    Ok(())
}

fn take_devices(c: &Connection, user_id: UserId) -> Result<Vec<DeviceId>> {
    Ok(c.prepare_cached("DELETE FROM devices WHERE user_id = ? RETURNING id")?
        .query_map([user_id.as_bytes()], |r| r.get(0).map(DeviceId::from_bytes))?
        .collect::<std::result::Result<_, _>>()?)
}

fn memberships(c: &Connection, user_id: UserId) -> Result<Vec<(RoomId, RoomKind)>> {
    Ok(c.prepare_cached(
        "SELECT r.id, r.kind FROM members m JOIN rooms r ON r.id = m.room_id WHERE m.user_id = ? AND r.deleted = 0",
    )?
    .query_map([user_id.as_bytes()], |r| Ok((RoomId::from_bytes(r.get(0)?), rows::kind(r, 1)?)))?
    .collect::<std::result::Result<_, _>>()?)
}
