//! Accounts, devices, refresh tokens.

use parley_shared::ids::{DeviceId, UnixMs, UserId};
use parley_shared::wire::{Device, ErrorCode, Role, User};
use rusqlite::{Connection, OptionalExtension, params};

use super::profiles::write_words;
use super::registration;
use super::rows::{self, role_text};
use crate::store::{
    Credentials, DEVICES_PER_USER, NewDevice, NewRefresh, NewUser, REFRESH_REPEAT_MS, Rotate, Rotated, StoreError,
    TenantId,
};

type Result<T> = std::result::Result<T, StoreError>;

/// How an e-mail address is compared.
pub(super) fn email_key(email: &str) -> String {
    email.trim().to_lowercase()
}

pub(super) fn create_user(c: &Connection, new: &NewUser) -> Result<User> {
    if let Some(given) = &new.code {
        registration::spend(c, new.tenant, given, new.at)?;
    }
    let taken: bool = c
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM users WHERE tenant_id = ? AND email_key = ? AND email_key <> '')",
        )?
        .query_row(params![new.tenant.0, email_key(&new.email)], |r| r.get(0))?;
    if taken {
        return Err(StoreError::refused(ErrorCode::Conflict, "This e-mail address cannot be used for a new account."));
    }
    let role = match new.role {
        Some(role) => role,
        None if new.bot || has_people(c, new.tenant)? => Role::Member,
        None => Role::Admin,
    };
    insert_user(c, new, role)
}

pub(super) fn insert_user(c: &Connection, new: &NewUser, role: Role) -> Result<User> {
    c.prepare_cached(
        "INSERT INTO users
           (id, tenant_id, display_name, name_key, email, email_key, password_hash, role, bot, created_at_ms)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![
        new.id.as_bytes(),
        new.tenant.0,
        new.display_name,
        new.display_name.to_lowercase(),
        new.email.trim(),
        email_key(&new.email),
        new.password_hash,
        role_text(role),
        new.bot,
        new.at.0,
    ])?;
    write_words(c, new.id, &new.display_name)?;
    Ok(User {
        id: new.id,
        display_name: new.display_name.clone(),
        role,
        bot: new.bot,
        avatar: None,
        status_text: String::new(),
    })
}

fn has_people(c: &Connection, tenant: TenantId) -> Result<bool> {
    let sql =
        "SELECT EXISTS (SELECT 1 FROM users WHERE tenant_id = ? AND bot = 0 AND role <> 'guest' AND deleted_at_ms = 0)";
    Ok(c.prepare_cached(sql)?.query_row([tenant.0], |r| r.get(0))?)
}

pub(super) fn credentials(c: &Connection, tenant: TenantId, email: &str) -> Result<Option<Credentials>> {
    let sql = format!(
        "SELECT {}, u.password_hash FROM users u WHERE u.tenant_id = ? AND u.email_key = ? AND u.email_key <> ''",
        rows::USER
    );
    Ok(c.prepare_cached(&sql)?
        .query_row(params![tenant.0, email_key(email)], |r| {
            Ok(Credentials { user: rows::user(r, 0)?, password_hash: r.get(rows::USER_COLUMNS)? })
        })
        .optional()?)
}

pub(super) fn set_password(c: &Connection, user_id: UserId, password_hash: &str) -> Result<()> {
    c.execute("UPDATE users SET password_hash = ? WHERE id = ?", params![password_hash, user_id.as_bytes()])?;
    Ok(())
}

pub(super) fn create_device(c: &Connection, new: &NewDevice) -> Result<Vec<DeviceId>> {
    c.prepare_cached(
        "INSERT INTO devices (id, user_id, name, created_at_ms, last_used_at_ms) VALUES (?1, ?2, ?3, ?4, ?4)",
    )?
    .execute(params![new.id.as_bytes(), new.user_id.as_bytes(), new.name, new.at.0])?;
    insert_refresh(c, new.id, &new.refresh)?;
    let beyond: Vec<DeviceId> = c
        .prepare_cached(
            "SELECT id FROM devices WHERE user_id = ? ORDER BY last_used_at_ms DESC, id DESC LIMIT -1 OFFSET ?",
        )?
        .query_map(params![new.user_id.as_bytes(), DEVICES_PER_USER], device_id)?
        .collect::<std::result::Result<_, _>>()?;
    for device in &beyond {
        delete_device(c, *device)?;
    }
    Ok(beyond)
}

pub(super) fn rotate_refresh(c: &Connection, rotate: &Rotate) -> Result<Rotated> {
    let Some(shown) = refresh_token(c, &rotate.shown)? else { return Ok(Rotated::Unknown) };
    if shown.expires_at <= rotate.at {
        return Ok(Rotated::Unknown);
    }
    if shown.spent_at != UnixMs(0) && !is_repeated_attempt(c, &shown, rotate)? {
        delete_device(c, shown.device_id)?;
        return Ok(Rotated::Reused { device_id: shown.device_id });
    }
    c.execute("DELETE FROM refresh_tokens WHERE hash = ?", params![shown.successor])?;
    c.prepare_cached("UPDATE refresh_tokens SET spent_at_ms = ?, attempt = ?, successor = ? WHERE hash = ?")?.execute(
        params![
            rotate.at.0.max(1),
            rotate.attempt.as_ref().map_or(&[][..], |a| &a[..]),
            rotate.next.hash,
            rotate.shown
        ],
    )?;
    insert_refresh(c, shown.device_id, &rotate.next)?;
    touch_device(c, shown.device_id, rotate.at)?;
    let user =
        device_user(c, shown.device_id)?.ok_or_else(|| StoreError::Failed("a refresh token of no device".into()))?;
    Ok(Rotated::Spent { user, device_id: shown.device_id })
}

/// The client lost the answer and makes the same attempt again; nobody has used what it should have got.
fn is_repeated_attempt(c: &Connection, shown: &RefreshToken, rotate: &Rotate) -> Result<bool> {
    let same = rotate.attempt.as_ref().is_some_and(|attempt| attempt[..] == shown.attempt[..]);
    if !same || rotate.at.0 - shown.spent_at.0 > REFRESH_REPEAT_MS {
        return Ok(false);
    }
    let Ok(successor) = <[u8; 32]>::try_from(&shown.successor[..]) else { return Ok(false) };
    Ok(refresh_token(c, &successor)?.is_some_and(|next| next.spent_at == UnixMs(0)))
}

struct RefreshToken {
    device_id: DeviceId,
    expires_at: UnixMs,
    spent_at: UnixMs,
    attempt: Vec<u8>,
    successor: Vec<u8>,
}

fn refresh_token(c: &Connection, hash: &[u8; 32]) -> Result<Option<RefreshToken>> {
    Ok(c.prepare_cached(
        "SELECT device_id, expires_at_ms, spent_at_ms, attempt, successor FROM refresh_tokens WHERE hash = ?",
    )?
    .query_row([hash], |r| {
        Ok(RefreshToken {
            device_id: device_id(r)?,
            expires_at: UnixMs(r.get(1)?),
            spent_at: UnixMs(r.get(2)?),
            attempt: r.get(3)?,
            successor: r.get(4)?,
        })
    })
    .optional()?)
}

fn insert_refresh(c: &Connection, device_id: DeviceId, new: &NewRefresh) -> Result<()> {
    c.prepare_cached("INSERT INTO refresh_tokens (hash, device_id, expires_at_ms) VALUES (?, ?, ?)")?
        .execute(params![new.hash, device_id.as_bytes(), new.expires_at.0])?;
    Ok(())
}

pub(super) fn device_user(c: &Connection, device_id: DeviceId) -> Result<Option<User>> {
    let sql = format!("SELECT {} FROM devices d JOIN users u ON u.id = d.user_id WHERE d.id = ?", rows::USER);
    Ok(c.prepare_cached(&sql)?.query_row([device_id.as_bytes()], |r| rows::user(r, 0)).optional()?)
}

pub(super) fn touch_device(c: &Connection, device_id: DeviceId, at: UnixMs) -> Result<()> {
    c.prepare_cached("UPDATE devices SET last_used_at_ms = max(last_used_at_ms, ?) WHERE id = ?")?
        .execute(params![at.0, device_id.as_bytes()])?;
    Ok(())
}

pub(super) fn devices(c: &Connection, user_id: UserId) -> Result<Vec<Device>> {
    Ok(c.prepare_cached(
        "SELECT id, name, created_at_ms, last_used_at_ms FROM devices WHERE user_id = ?
         ORDER BY last_used_at_ms DESC, id DESC",
    )?
    .query_map([user_id.as_bytes()], |r| {
        Ok(Device {
            id: device_id(r)?,
            name: r.get(1)?,
            created_at_ms: UnixMs(r.get(2)?),
            last_used_at_ms: UnixMs(r.get(3)?),
            current: false,
        })
    })?
    .collect::<std::result::Result<_, _>>()?)
}

pub(super) fn revoke_device(c: &Connection, user_id: UserId, device_id: DeviceId) -> Result<bool> {
    let own: bool = c
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM devices WHERE id = ? AND user_id = ?)")?
        .query_row(params![device_id.as_bytes(), user_id.as_bytes()], |r| r.get(0))?;
    if own {
        delete_device(c, device_id)?;
    }
    Ok(own)
}

pub(super) fn revoke_other_devices(c: &Connection, user_id: UserId, keep: DeviceId) -> Result<Vec<DeviceId>> {
    let others: Vec<DeviceId> = c
        .prepare_cached("SELECT id FROM devices WHERE user_id = ? AND id <> ?")?
        .query_map(params![user_id.as_bytes(), keep.as_bytes()], device_id)?
        .collect::<std::result::Result<_, _>>()?;
    for device in &others {
        delete_device(c, *device)?;
    }
    Ok(others)
}

fn delete_device(c: &Connection, device_id: DeviceId) -> Result<()> {
    c.prepare_cached("DELETE FROM devices WHERE id = ?")?.execute([device_id.as_bytes()])?;
    Ok(())
}

fn device_id(row: &rusqlite::Row<'_>) -> std::result::Result<DeviceId, rusqlite::Error> {
    row.get(0).map(DeviceId::from_bytes)
}
