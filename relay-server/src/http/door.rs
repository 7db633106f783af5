//! What every request passes: origins, counting, and a net under handlers that panic.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use parley_shared::wire::{ErrorCode, WireError};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::extract::Refusal;
use crate::app::App;

/// Pages of the app itself: the webview on Linux and macOS, and on Windows.
const OWN_ORIGINS: [&str; 3] = ["tauri://localhost", "http://tauri.localhost", "https://tauri.localhost"];
/// Names an attempt, so that a request whose answer was lost can be made again.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Puts the door before a router. From outside in: panics, counting, CORS, origins.
pub fn guard(router: Router<App>, app: &App) -> Router<App> {
    router
        .layer(from_fn_with_state(app.clone(), only_known_origins))
        .layer(cors(app))
        .layer(from_fn_with_state(app.clone(), count))
        .layer(from_fn(catch_panics))
}

/// Programs send no origin; web pages must be on the list.
async fn only_known_origins(State(app): State<App>, request: Request, next: Next) -> Response {
    match request.headers().get(header::ORIGIN) {
        Some(origin) if !is_allowed(&app.config.allowed_origins, origin) => {
            Refusal::from(WireError::new(ErrorCode::Forbidden, "Pages of this origin may not use this relay."))
                .into_response()
        }
        Some(_) | None => next.run(request).await,
    }
}

fn cors(app: &App) -> CorsLayer {
    let allowed = app.config.allowed_origins.clone();
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(move |origin, _| is_allowed(&allowed, origin)))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, IDEMPOTENCY_KEY])
        .expose_headers([header::RETRY_AFTER])
        .max_age(Duration::from_secs(600))
}

fn is_allowed(allowed: &[String], origin: &HeaderValue) -> bool {
    let Ok(origin) = origin.to_str() else { return false };
    OWN_ORIGINS.contains(&origin) || allowed.iter().any(|pattern| matches_origin(pattern, origin))
}

fn matches_origin(pattern: &str, origin: &str) -> bool {
    match pattern.strip_suffix(":*") {
        None => pattern.eq_ignore_ascii_case(origin),
        Some(host) => origin.strip_prefix(host).is_some_and(|rest| {
            rest.is_empty() || rest.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok())
        }),
    }
}

async fn count(State(app): State<App>, request: Request, next: Next) -> Response {
    let (method, started) = (request.method().clone(), tokio::time::Instant::now());
    let response = next.run(request).await;
    let status = response.status().as_u16();
    app.metrics.count_request(status);
    tracing::debug!(%method, status, ms = started.elapsed().as_millis() as u64, "answered");
    response
}

/// A handler that panics is a defect; whoever asked gets an answer, everyone else notices nothing.
async fn catch_panics(request: Request, next: Next) -> Response {
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(_) => {
            tracing::error!("a handler panicked");
            Refusal::from(WireError::new(ErrorCode::Unavailable, "Something went wrong on the relay.")).into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_matched_whole_but_for_a_starred_port() {
        let allowed = ["http://127.0.0.1:*".to_owned(), "https://chat.example.org".to_owned()];
        let check = |origin: &str| is_allowed(&allowed, &HeaderValue::from_str(origin).unwrap());
        for good in ["http://127.0.0.1", "http://127.0.0.1:5173", "https://chat.example.org", "tauri://localhost"] {
            assert!(check(good), "{good}");
        }
        for bad in ["null", "http://127.0.0.1.evil.org", "http://127.0.0.1:x", "https://chat.example.org.evil.org", ""]
        {
            assert!(!check(bad), "{bad}");
        }
    }
}
