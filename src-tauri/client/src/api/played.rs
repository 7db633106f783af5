//! A relay that is played by hand, for tests of what talks to one.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use parley_shared::ids::{DeviceId, UserId};
use parley_shared::wire::{ErrorBody, Role, Secret, Session, User, WireError};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::{Api, Http, Tokens};

pub(crate) const JO: UserId = UserId::from_bytes([1; 16]);

pub(crate) fn user(id: UserId, name: &str) -> User {
    let display_name = name.to_owned();
    User { id, display_name, role: Role::Member, bot: false, avatar: None, status_text: String::new() }
}

/// Serves on a free port; gives the address.
pub(crate) async fn serve<F>(answer: impl Fn(Request) -> F + Clone + Send + Sync + 'static) -> String
where
    F: Future<Output = Response> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("it has an address"));
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(answer)).await });
    url
}

/// Jo, signed in at a relay.
pub(crate) fn signed_in(url: &str) -> Api {
    let session = Session {
        user: user(JO, "Jo"),
        device_id: DeviceId::from_bytes([2; 16]),
        access_token: Secret::new("a"),
        access_expires_in_s: 900,
        refresh_token: Secret::new("r"),
    };
    let http = Http::new(url).expect("an address");
    Api::new(http.clone(), Tokens::spawn(http, session, mpsc::channel(1).0))
}

/// A relay whose answers the test makes from a request's method, path with query, and body; Jo is signed in there.
pub(crate) async fn relay(answer: impl Fn(Method, String, Vec<u8>) -> Response + Clone + Send + Sync + 'static) -> Api {
    let url = serve(move |request: Request| {
        let answer = answer.clone();
        async move {
            let (head, body) = request.into_parts();
            let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
            answer(head.method, head.uri.to_string(), body.to_vec())
        }
    })
    .await;
    signed_in(&url)
}

pub(crate) fn json(body: &impl Serialize) -> Response {
    Response::new(Body::from(serde_json::to_vec(body).expect("a wire type has a JSON form")))
}

pub(crate) fn refusal(error: WireError) -> Response {
    let status = StatusCode::from_u16(error.code.http_status()).expect("a status");
    let mut response = json(&ErrorBody { error });
    *response.status_mut() = status;
    response
}
