//! REST: short handlers over the store, one envelope for every error.

mod account;
mod calls;
mod chat;
mod door;
mod extract;
mod files;
mod health;
mod invites;
mod people;
mod profile;
mod rooms;
mod serve;

use axum::Router;
use axum::routing::{delete, get, patch, post, put};
use parley_shared::limits::REST_BODY_BYTES;

use crate::app::App;
use crate::ws;

pub use serve::{serve, serve_metrics};

/// Every address of the relay.
pub fn router(app: App) -> Router {
    let api = Router::new()
        .route("/auth/sign-up", post(account::sign_up))
        .route("/auth/sign-in", post(account::sign_in))
        .route("/auth/refresh", post(account::refresh))
        .route("/auth/sign-out", post(account::sign_out))
        .route("/auth/validate", get(account::validate))
        .route("/devices", get(account::devices).delete(account::revoke_others))
        .route("/devices/{device_id}", delete(account::revoke))
        .route("/users", get(people::search))
        .route("/users/{user_id}", get(people::person))
        .route("/contacts/favourites", get(people::favourites))
        .route("/contacts/favourites/{user_id}", put(people::add_favourite).delete(people::remove_favourite))
        .route("/contacts/blocked", get(people::blocked))
        .route("/contacts/blocked/{user_id}", put(people::block).delete(people::unblock))
        .route("/rooms", get(rooms::list).post(rooms::create))
        .route("/rooms/public", get(rooms::public))
        .route("/rooms/{room_id}", get(rooms::room).patch(rooms::change).delete(rooms::delete))
        .route("/rooms/{room_id}/join", post(rooms::join))
        .route("/rooms/{room_id}/members", get(rooms::members).post(rooms::add_members))
        .route("/rooms/{room_id}/members/{user_id}", patch(rooms::change_member).delete(rooms::remove_member))
        .route("/rooms/{room_id}/invites", get(invites::list).post(invites::create))
        .route("/rooms/{room_id}/invites/{invite_id}", delete(invites::revoke))
        .route("/invites/{code}/accept", post(invites::accept))
        .route("/rooms/{room_id}/messages", get(chat::history))
        .route("/rooms/{room_id}/messages/{message_id}", get(chat::message))
        .route("/rooms/{room_id}/messages/{message_id}/versions", get(chat::versions))
        .route("/rooms/{room_id}/pins", get(chat::pins))
        .route("/rooms/{room_id}/threads/{message_id}", get(chat::thread))
        .route("/rooms/{room_id}/changes", get(chat::changes))
        .route("/search", get(chat::search))
        .route("/calls/{call_id}/report", put(calls::report))
        .route("/calls/{call_id}/reports", get(calls::reports))
        .route("/me", get(profile::profile).patch(profile::change))
        .route("/me/password", post(profile::change_password))
        .route("/me/delete", post(profile::delete))
        .route("/uploads", post(files::create))
        .route("/uploads/{file_id}", get(files::upload).patch(files::append).delete(files::give_up))
        .route("/files/{file_id}", get(files::content))
        .route("/files/{file_id}/thumbnail", get(files::thumbnail))
        .route("/socket", get(ws::upgrade));
    let router = Router::new()
        .route("/health", get(health::health))
        .route("/health/db", get(health::db))
        .route("/health/socket", get(health::socket))
        .nest("/api/v1", api)
        .fallback(extract::no_such_address)
        .method_not_allowed_fallback(extract::no_such_method)
        .layer(axum::extract::DefaultBodyLimit::max(REST_BODY_BYTES));
    door::guard(router, &app).with_state(app)
}
