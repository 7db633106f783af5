//! Invites into rooms.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use parley_shared::ids::{InviteId, RoomId, UnixMs};
use parley_shared::wire::{CreateInvite, Invite, Room, WireError};

use super::account::random;
use super::extract::{Answer, At, Body, Caller};
use super::rooms::{complete, touched};
use crate::app::App;
use crate::auth::random_code;
use crate::clock::unix_now;
use crate::store::NewInvite;

pub async fn create(
    State(app): State<App>,
    caller: Caller,
    At(room_id): At<RoomId>,
    Body(body): Body<CreateInvite>,
) -> Answer<(StatusCode, Json<Invite>)> {
    let new = new_invite(&body)?;
    Ok((StatusCode::CREATED, Json(app.store.create_invite(caller.user.id, room_id, new).await?)))
}

pub(super) fn new_invite(body: &CreateInvite) -> Answer<NewInvite> {
    if body.max_uses == Some(0) {
        return Err(WireError::field("max_uses", "An invite has at least one use.").into());
    }
    let at = unix_now();
    Ok(NewInvite {
        id: InviteId::from_parts(at, random()),
        code: random_code(),
        at,
        expires_at: body.expires_in_s.map(|seconds| UnixMs(at.0 + i64::from(seconds) * 1_000)),
        max_uses: body.max_uses,
    })
}

pub async fn list(State(app): State<App>, caller: Caller, At(room_id): At<RoomId>) -> Answer<Json<Vec<Invite>>> {
    Ok(Json(app.store.invites(caller.user.id, room_id).await?))
}

pub async fn revoke(
    State(app): State<App>,
    caller: Caller,
    At((room_id, invite_id)): At<(RoomId, InviteId)>,
) -> Answer<StatusCode> {
    app.store.revoke_invite(caller.user.id, room_id, invite_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn accept(State(app): State<App>, caller: Caller, At(code): At<String>) -> Answer<Json<Room>> {
    let room = app.store.accept_invite(caller.user.id, code, unix_now()).await?;
    touched(&app, room.id).await;
    Ok(complete(&app, room))
}
