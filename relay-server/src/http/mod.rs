//! REST: short handlers over the store, one envelope for every error.

mod account;
mod api;
mod calls;
mod chat;
mod door;
mod export;
pub(crate) mod extract;
mod files;
mod guests;
mod health;
mod host;
mod invites;
mod pages;
mod people;
mod profile;
mod registration;
mod rooms;
mod serve;

use axum::Router;
use parley_shared::limits::REST_BODY_BYTES;

use crate::app::App;

pub use api::addresses;
pub use serve::{serve, serve_metrics};

/// Every address of the relay.
pub fn router(app: App) -> Router {
    let router = api::router()
        .fallback(extract::no_such_address)
        .method_not_allowed_fallback(extract::no_such_method)
        .layer(axum::extract::DefaultBodyLimit::max(REST_BODY_BYTES));
    door::guard(router, &app).with_state(app)
}
