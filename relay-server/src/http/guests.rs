//! What whoever has a code may ask without an account: what it is for, and to join as a guest.

use std::net::SocketAddr;

use axum::Json;
use axum::extract::{ConnectInfo, FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use parley_shared::ids::UserId;
use parley_shared::limits::{DEVICE_NAME_CHARS, DISPLAY_NAME_CHARS};
use parley_shared::wire::{InviteInfo, JoinAsGuest, Session};
use relay_core::text;

use super::account::{new_device, random, session};
use super::extract::{Answer, At, Body, Caller, Refusal};
use super::host::Door;
use super::rooms::touched;
use crate::app::App;
use crate::clock::unix_now;
use crate::store::{NewGuest, TenantId};

/// The tenant that a request is about: of whoever signed in, of the address else.
#[derive(Debug)]
pub struct Asking(TenantId);

impl FromRequestParts<App> for Asking {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Answer<Self> {
        if parts.headers.contains_key(header::AUTHORIZATION) {
            let caller = Caller::from_request_parts(parts, app).await?;
            return Ok(Self(app.store.tenant_of(caller.user.id).await?));
        }
        let ConnectInfo(peer) = ConnectInfo::<SocketAddr>::from_request_parts(parts, app)
            .await
            .map_err(|_| super::extract::nothing_there())?;
        app.gates.enter(peer.ip())?;
        let Ok(Door(tenant)) = Door::from_request_parts(parts, app).await;
        Ok(Self(tenant))
    }
}

pub async fn info(State(app): State<App>, Asking(tenant): Asking, At(code): At<String>) -> Answer<Json<InviteInfo>> {
    Ok(Json(app.store.invite_info(tenant, code, unix_now()).await?))
}

pub async fn join(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Door(tenant): Door,
    At(code): At<String>,
    Body(body): Body<JoinAsGuest>,
) -> Answer<(StatusCode, Json<Session>)> {
    app.gates.enter(peer.ip())?;
    let display_name = text::line("display_name", &body.display_name, DISPLAY_NAME_CHARS)?;
    let device_name = text::line("device_name", &body.device_name, 1..=DEVICE_NAME_CHARS)?;
    let at = unix_now();
    let (device, refresh_token) = new_device(UserId::from_parts(at, random()), device_name, at);
    let device_id = device.id;
    let (user, room_id) = app.store.join_as_guest(NewGuest { tenant, code, display_name, device, at }).await?;
    tracing::info!(user = %user.id, "a guest came");
    touched(&app, room_id).await;
    Ok((StatusCode::CREATED, Json(session(&app, user, device_id, refresh_token, at)?)))
}
