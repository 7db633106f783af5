//! What a relay tells everybody, and invites to make an account.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use parley_shared::ids::InviteId;
use parley_shared::wire::{CreateInvite, Invite, RelayInfo};

use super::extract::{Answer, At, Body, Caller};
use super::host::Door;
use super::invites::new_invite;
use crate::app::App;

pub async fn relay(State(app): State<App>, Door(tenant): Door) -> Json<RelayInfo> {
    Json(RelayInfo { registration: app.tenants.door(tenant).registration })
}

pub async fn create(
    State(app): State<App>,
    caller: Caller,
    Body(body): Body<CreateInvite>,
) -> Answer<(StatusCode, Json<Invite>)> {
    let new = new_invite(&body)?;
    Ok((StatusCode::CREATED, Json(app.store.create_registration_invite(caller.user.id, new).await?)))
}

pub async fn list(State(app): State<App>, caller: Caller) -> Answer<Json<Vec<Invite>>> {
    Ok(Json(app.store.registration_invites(caller.user.id).await?))
}

pub async fn revoke(State(app): State<App>, caller: Caller, At(invite_id): At<InviteId>) -> Answer<StatusCode> {
    app.store.revoke_registration_invite(caller.user.id, invite_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
