//! Guests: people with a name and no account, in the rooms that they were invited into.

use parley_shared::ids::{RoomId, UnixMs, UserId};
use parley_shared::limits::GUEST_DAYS;
use parley_shared::wire::{ErrorCode, Role, User};
use rusqlite::{Connection, OptionalExtension, params};

use super::accounts::{self, insert_user};
use super::{invites, membership, profiles};
use crate::store::{DeletedAccount, NewGuest, NewUser, StoreError};

type Result<T> = std::result::Result<T, StoreError>;

pub(super) fn join(c: &Connection, new: &NewGuest) -> Result<(User, RoomId)> {
    let invite = invites::usable(c, new.tenant, &new.code, new.at)?;
    if !takes_guests(c, invite.room_id)? {
        return Err(invites::unknown());
    }
    let user = insert_user(
        c,
        &NewUser {
            id: new.device.user_id,
            tenant: new.tenant,
            display_name: new.display_name.clone(),
            email: String::new(),
            password_hash: String::new(),
            role: Some(Role::Guest),
            bot: false,
            code: None,
            at: new.at,
        },
        Role::Guest,
    )?;
    invites::count_use(c, invite.id)?;
    membership::enter(c, user.id, invite.room_id, new.at)?;
    accounts::create_device(c, &new.device)?;
    Ok((user, invite.room_id))
}

pub(super) fn takes_guests(c: &Connection, room_id: RoomId) -> Result<bool> {
    Ok(c.prepare_cached("SELECT guests FROM rooms WHERE id = ? AND deleted = 0")?
        .query_row([room_id.as_bytes()], |r| r.get(0))
        .optional()?
        .unwrap_or(false))
}

pub(super) fn is_guest(c: &Connection, user_id: UserId) -> Result<bool> {
    Ok(c.prepare_cached("SELECT EXISTS (SELECT 1 FROM users WHERE id = ? AND role = 'guest')")?
        .query_row([user_id.as_bytes()], |r| r.get(0))?)
}

/// # Errors
/// `conflict` when the person is a guest and the room takes none.
pub(super) fn check_room(c: &Connection, room_id: RoomId, user_id: UserId) -> Result<()> {
    if is_guest(c, user_id)? && !takes_guests(c, room_id)? {
        return Err(StoreError::refused(ErrorCode::Conflict, "This room takes no guests."));
    }
    Ok(())
}

pub(super) fn of_room(c: &Connection, room_id: RoomId) -> Result<Vec<UserId>> {
    Ok(c.prepare_cached(
        "SELECT m.user_id FROM members m JOIN users u ON u.id = m.user_id WHERE m.room_id = ? AND u.role = 'guest'",
    )?
    .query_map([room_id.as_bytes()], |r| r.get(0).map(UserId::from_bytes))?
    .collect::<std::result::Result<_, _>>()?)
}

pub(super) fn forget_one(c: &Connection, at: UnixMs) -> Result<Option<DeletedAccount>> {
    let unseen_since = at.0.saturating_sub(i64::from(GUEST_DAYS) * 24 * 60 * 60 * 1_000);
    let stale: Option<UserId> = c
        .prepare_cached(
            "SELECT u.id FROM users u WHERE u.role = 'guest' AND (
               NOT EXISTS (SELECT 1 FROM members m JOIN rooms r ON r.id = m.room_id WHERE m.user_id = u.id AND r.kind = 'group')
               OR NOT EXISTS (SELECT 1 FROM devices d WHERE d.user_id = u.id AND d.last_used_at_ms > ?1))
             LIMIT 1",
        )?
        .query_row(params![unseen_since], |r| r.get(0).map(UserId::from_bytes))
        .optional()?;
    stale.map(|guest| profiles::delete_account(c, guest, at)).transpose()
}
