//! What people say of themselves, their password, the end of their account.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use parley_shared::limits::{BIO_CHARS, DISPLAY_NAME_CHARS, PASSWORD_CHARS, STATUS_CHARS};
use parley_shared::wire::{ChangePassword, ChangeProfile, DeleteAccount, ErrorCode, Profile, Role, Secret, WireError};
use relay_core::{Input, text};

use super::account::check_password;
use super::extract::{Answer, Body, Caller};
use crate::app::App;
use crate::auth::sha256;
use crate::clock::unix_now;
use crate::departures::tell_deleted;
use crate::store::UserChange;

pub async fn profile(State(app): State<App>, caller: Caller) -> Answer<Json<Profile>> {
    let profile = app.store.profile(caller.user.id).await?;
    Ok(Json(Profile { storage_limit_bytes: app.config.storage_per_user_bytes, ..profile }))
}

pub async fn change(state: State<App>, caller: Caller, Body(mut change): Body<ChangeProfile>) -> Answer<Json<Profile>> {
    change.display_name =
        change.display_name.map(|name| text::line("display_name", &name, DISPLAY_NAME_CHARS)).transpose()?;
    change.status_text =
        change.status_text.map(|status| text::line("status_text", &status, 0..=STATUS_CHARS)).transpose()?;
    change.bio = change.bio.map(|bio| text::lines("bio", &bio, BIO_CHARS)).transpose()?;
    if change.avatar.is_some() && change.remove_avatar {
        return Err(WireError::field("avatar", "A picture is set or removed, not both.").into());
    }
    if let Some(change) = state.store.change_profile(caller.user.id, change).await? {
        tell(&state, change).await;
    }
    profile(state, caller).await
}

async fn tell(app: &App, change: UserChange) {
    let UserChange { user, audience } = change;
    app.hub.input(Input::UserChanged { user, audience }).await;
}

pub async fn change_password(
    State(app): State<App>,
    caller: Caller,
    Body(body): Body<ChangePassword>,
) -> Answer<StatusCode> {
    let new = body.new_password;
    check_password(&new).map_err(|_| {
        let sentence = format!("A password has {} to {} characters.", PASSWORD_CHARS.start(), PASSWORD_CHARS.end());
        WireError::field("new_password", sentence)
    })?;
    prove(&app, &caller, "old_password", body.old_password).await?;
    let hash = app.passwords.hash(new).await?;
    app.store.set_password(caller.user.id, hash).await?;
    let devices = app.store.revoke_other_devices(caller.user.id, caller.device_id).await?;
    app.cut(devices).await;
    tracing::info!(user = %caller.user.id, "a password was changed");
    Ok(StatusCode::NO_CONTENT)
}

pub async fn delete(State(app): State<App>, caller: Caller, Body(body): Body<DeleteAccount>) -> Answer<StatusCode> {
    prove(&app, &caller, "password", body.password).await?;
    let user_id = caller.user.id;
    let deleted = app.store.delete_account(user_id, unix_now()).await?;
    tell_deleted(&app, deleted).await;
    tracing::info!(user = %user_id, "an account was deleted");
    Ok(StatusCode::NO_CONTENT)
}

/// Asks for the password again. Wrong ones count like failed sign-ins.
async fn prove(app: &App, caller: &Caller, field: &str, password: Secret) -> Answer<()> {
    let wrong = || {
        let error = WireError::new(ErrorCode::Forbidden, "The password is wrong.");
        WireError { field: Some(field.to_owned()), ..error }
    };
    if caller.user.role == Role::Guest {
        return Err(WireError::new(ErrorCode::Forbidden, "Guests have no password: they sign out and are gone.").into());
    }
    if password.reveal().len() > 4 * PASSWORD_CHARS.end() {
        return Err(wrong().into());
    }
    let key = sha256(&caller.user.id.to_string());
    app.gates.try_account(key)?;
    let known = app.store.own_credentials(caller.user.id).await?;
    if !app.passwords.verify(password, Some(known.password_hash)).await? {
        return Err(wrong().into());
    }
    app.gates.forgive(&key);
    Ok(())
}
