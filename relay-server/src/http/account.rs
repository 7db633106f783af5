//! Sign-up, sign-in, tokens, devices.

use std::net::SocketAddr;

use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode};
use parley_shared::ids::{DeviceId, UnixMs, UserId};
use parley_shared::limits::{
    ACCESS_TOKEN_LIFE, DEVICE_NAME_CHARS, DISPLAY_NAME_CHARS, EMAIL_BYTES, PASSWORD_CHARS, REFRESH_TOKEN_LIFE,
};
use parley_shared::wire::{
    Device, ErrorCode, Refresh, Registration, Role, Secret, Session, SignIn, SignUp, User, Validated, WireError,
};
use rand::RngCore;
use relay_core::text;

use super::door::IDEMPOTENCY_KEY;
use super::extract::{Answer, At, Body, Caller, nothing_there};
use super::host::Door;
use crate::app::App;
use crate::auth::{random_token, sha256};
use crate::clock::unix_now;
use crate::departures;
use crate::store::{GivenCode, NewDevice, NewRefresh, NewUser, Rotate, Rotated, TenantId};

pub async fn sign_up(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Door(tenant): Door,
    Body(body): Body<SignUp>,
) -> Answer<(StatusCode, Json<Session>)> {
    app.gates.enter(peer.ip())?;
    let SignUp { display_name, email, password, device_name, registration_code } = body;
    let code = check_registration(&app, tenant, registration_code).await?;
    let display_name = text::line("display_name", &display_name, DISPLAY_NAME_CHARS)?;
    let email = check_email(&email)?;
    check_password(&password)?;
    let device_name = text::line("device_name", &device_name, 1..=DEVICE_NAME_CHARS)?;
    let password_hash = app.passwords.hash(password).await?;
    let at = unix_now();
    let id = UserId::from_parts(at, random());
    let new = NewUser { id, tenant, display_name, email, password_hash, role: None, bot: false, code, at };
    let user = app.store.create_user(new).await?;
    tracing::info!(user = %user.id, role = ?user.role, "an account was made");
    Ok((StatusCode::CREATED, Json(open_session(&app, user, device_name).await?)))
}

/// Codes are longer than this only to keep the relay busy.
const CODE_BYTES: usize = 256;

/// Looks before the password is hashed, which is what costs. The code to be counted with the account, if it is of an invite.
async fn check_registration(app: &App, tenant: TenantId, code: Option<Secret>) -> Answer<Option<GivenCode>> {
    let closed = |sentence: &str| Err(WireError::new(ErrorCode::Forbidden, sentence).into());
    let door = app.tenants.door(tenant);
    let code = code.filter(|code| code.reveal().len() <= CODE_BYTES);
    let known = code.as_ref().is_some_and(|code| door.has_code(code));
    let given = |required| code.as_ref().map(|code| GivenCode { code: code.reveal().to_owned(), required });
    match door.registration {
        Registration::Closed => closed("This relay takes no new accounts."),
        Registration::Open | Registration::Invite if known => Ok(None),
        Registration::Open => Ok(given(false)),
        Registration::Invite => {
            if let Some(given) = given(true)
                && app.store.takes_registration_code(tenant, given.code.clone(), unix_now()).await?
            {
                return Ok(Some(given));
            }
            closed("This relay takes new accounts by invite: it needs a valid registration_code.")
        }
    }
}

pub async fn sign_in(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Door(tenant): Door,
    Body(body): Body<SignIn>,
) -> Answer<Json<Session>> {
    app.gates.enter(peer.ip())?;
    let device_name = text::line("device_name", &body.device_name, 1..=DEVICE_NAME_CHARS)?;
    if body.email.len() > EMAIL_BYTES || body.password.reveal().len() > 4 * PASSWORD_CHARS.end() {
        return Err(wrong_credentials().into());
    }
    let email_key = sha256(&format!("{}\n{}", tenant.0, body.email.trim().to_lowercase()));
    app.gates.try_account(email_key)?;
    let stored = app.store.credentials(tenant, body.email).await?;
    let (user, hash) = stored.map(|stored| (stored.user, stored.password_hash)).unzip();
    let matches = app.passwords.verify(body.password, hash).await?;
    app.metrics.count_sign_in(matches);
    match user {
        Some(user) if matches => {
            app.gates.forgive(&email_key);
            Ok(Json(open_session(&app, user, device_name).await?))
        }
        Some(_) | None => Err(wrong_credentials().into()),
    }
}

/// One answer, whether the account exists or not.
fn wrong_credentials() -> WireError {
    WireError::new(ErrorCode::Unauthenticated, "E-mail address or password is wrong.")
}

async fn open_session(app: &App, user: User, name: String) -> Answer<Session> {
    let at = unix_now();
    let (new, refresh_token) = new_device(user.id, name, at);
    let id = new.id;
    let revoked = app.store.create_device(new).await?;
    if !revoked.is_empty() {
        app.cut(revoked).await;
    }
    session(app, user, id, refresh_token, at)
}

/// A device and its refresh token.
pub(super) fn new_device(user_id: UserId, name: String, at: UnixMs) -> (NewDevice, Secret) {
    let (id, refresh_token) = (DeviceId::from_parts(at, random()), random_token());
    (NewDevice { id, user_id, name, at, refresh: new_refresh(&refresh_token, at) }, refresh_token)
}

pub(super) fn session(
    app: &App,
    user: User,
    device_id: DeviceId,
    refresh_token: Secret,
    at: UnixMs,
) -> Answer<Session> {
    let access_token = app.tokens.issue(user.id, device_id, at).map_err(|error| {
        tracing::error!(%error, "a token could not be signed");
        WireError::new(ErrorCode::Unavailable, "The relay cannot sign anybody in at the moment.")
    })?;
    Ok(Session { user, device_id, access_token, access_expires_in_s: ACCESS_TOKEN_LIFE.as_secs(), refresh_token })
}

fn new_refresh(token: &Secret, at: UnixMs) -> NewRefresh {
    let life_ms = i64::try_from(REFRESH_TOKEN_LIFE.as_millis()).unwrap_or(i64::MAX);
    NewRefresh { hash: sha256(token.reveal()), expires_at: UnixMs(at.0.saturating_add(life_ms)) }
}

pub async fn refresh(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Body(body): Body<Refresh>,
) -> Answer<Json<Session>> {
    app.gates.enter(peer.ip())?;
    let at = unix_now();
    let next = random_token();
    let attempt = headers.get(IDEMPOTENCY_KEY).and_then(|key| key.to_str().ok()).map(sha256);
    let rotate = Rotate { shown: sha256(body.refresh_token.reveal()), attempt, next: new_refresh(&next, at), at };
    let refused = || WireError::new(ErrorCode::Unauthenticated, "Sign in again.");
    match app.store.rotate_refresh(rotate).await? {
        Rotated::Spent { user, device_id } => Ok(Json(session(&app, user, device_id, next, at)?)),
        Rotated::Reused { device_id } => {
            tracing::warn!(device = %device_id, "a spent refresh token was shown again; its device is revoked");
            app.cut(vec![device_id]).await;
            Err(refused().into())
        }
        Rotated::Unknown => Err(refused().into()),
    }
}

pub async fn sign_out(State(app): State<App>, caller: Caller) -> Answer<StatusCode> {
    app.store.revoke_device(caller.user.id, caller.device_id).await?;
    app.cut(vec![caller.device_id]).await;
    if caller.user.role == Role::Guest {
        // The sweeper does it as well, a minute later.
        departures::forget_guests(&app).await;
    }
    Ok(StatusCode::NO_CONTENT)
}

pub async fn validate(caller: Caller) -> Json<Validated> {
    Json(Validated { user: caller.user, device_id: caller.device_id })
}

pub async fn devices(State(app): State<App>, caller: Caller) -> Answer<Json<Vec<Device>>> {
    let mut devices = app.store.devices(caller.user.id).await?;
    for device in &mut devices {
        device.current = device.id == caller.device_id;
    }
    Ok(Json(devices))
}

pub async fn revoke(State(app): State<App>, caller: Caller, At(device_id): At<DeviceId>) -> Answer<StatusCode> {
    if !app.store.revoke_device(caller.user.id, device_id).await? {
        return Err(nothing_there());
    }
    app.cut(vec![device_id]).await;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn revoke_others(State(app): State<App>, caller: Caller) -> Answer<StatusCode> {
    let devices = app.store.revoke_other_devices(caller.user.id, caller.device_id).await?;
    app.cut(devices).await;
    Ok(StatusCode::NO_CONTENT)
}

/// Something at something, short enough, without what no address has. Whether it exists only a mail could tell.
pub fn check_email(email: &str) -> Answer<String> {
    let email = email.trim();
    let wrong = || WireError::field("email", "This is not an e-mail address.");
    let (local, domain) = email.rsplit_once('@').ok_or_else(wrong)?;
    let plain = email.chars().all(|c| !c.is_control() && !c.is_whitespace());
    if local.is_empty() || domain.is_empty() || domain.starts_with('.') || !plain || email.len() > EMAIL_BYTES {
        return Err(wrong().into());
    }
    Ok(email.to_owned())
}

pub fn check_password(password: &Secret) -> Answer<()> {
    let count = password.reveal().chars().take(PASSWORD_CHARS.end() + 1).count();
    if PASSWORD_CHARS.contains(&count) {
        return Ok(());
    }
    let sentence = format!("A password has {} to {} characters.", PASSWORD_CHARS.start(), PASSWORD_CHARS.end());
    Err(WireError::field("password", sentence).into())
}

pub(super) fn random() -> [u8; 10] {
    let mut bytes = [0; 10];
    rand::rng().fill_bytes(&mut bytes);
    bytes
}
