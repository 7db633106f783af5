//! The tenant of a request that shows no token.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;

use crate::app::App;
use crate::store::TenantId;

/// The tenant whose address was asked: of the URI's host where it names one, of the `Host` header else.
#[derive(Clone, Copy, Debug)]
pub struct Door(pub TenantId);

impl FromRequestParts<App> for Door {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let header = || parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        Ok(Self(app.tenants.of_host(parts.uri.host().or_else(header))))
    }
}
