//! What a relay that somebody typed is told, and what it can do to who asks it.

use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::Response;
use parley_shared::wire::*;

use super::played::{json, serve, signed_in};
use super::{Api, LOOK_BYTES};
use crate::core::{ApiCall, ApiReply, CallFailure};

/// A relay that answers everything alike, and what it was asked: path, and whether a token came along.
async fn stranger(
    answer: impl Fn() -> Response + Clone + Send + Sync + 'static,
) -> (String, Arc<Mutex<Vec<(String, bool)>>>) {
    let asked: Arc<Mutex<Vec<(String, bool)>>> = Arc::default();
    let seen = asked.clone();
    let url = serve(move |request: Request| {
        let token = request.headers().contains_key("authorization") || request.headers().contains_key("cookie");
        seen.lock().unwrap().push((request.uri().to_string(), token));
        let answer = answer.clone();
        async move { answer() }
    })
    .await;
    (url, asked)
}

/// At a relay that is away.
fn jo() -> Api {
    signed_in("http://127.0.0.1:9")
}

#[tokio::test]
async fn a_strangers_relay_is_asked_without_a_token() {
    let info = InviteInfo::Room { name: "Garden".to_owned(), member_count: 2, guests: true };
    let told = info.clone();
    let (relay_url, asked) = stranger(move || json(&told)).await;
    let code = "aBc".to_owned();
    let looked = jo().call(ApiCall::InviteInfo { relay_url: relay_url.clone(), code: code.clone() }).await;
    assert!(matches!(looked, Ok(ApiReply::InviteInfo(there)) if there == info));
    // What answers makes no sense here; what was sent is what counts.
    let _ = jo().call(ApiCall::Relay { relay_url: relay_url.clone() }).await;
    let body = JoinAsGuest { display_name: "Jo".to_owned(), device_name: "Test".to_owned() };
    let _ = jo().call(ApiCall::JoinAsGuest { relay_url, code, body }).await;
    let expected =
        ["/api/v1/invites/aBc", "/api/v1/relay", "/api/v1/invites/aBc/guest"].map(|path| (path.to_owned(), false));
    assert_eq!(*asked.lock().unwrap(), expected);
}

#[tokio::test]
async fn a_strangers_relay_says_little_and_sends_nobody_elsewhere() {
    let long = RelayInfo { registration: Registration::Open };
    let padded = move || {
        let mut json = serde_json::to_vec(&long).unwrap();
        json.resize(LOOK_BYTES + 1, b' ');
        Response::new(Body::from(json))
    };
    let (relay_url, _) = stranger(padded).await;
    assert!(matches!(jo().call(ApiCall::Relay { relay_url }).await, Err(CallFailure::Garbled)));

    let (elsewhere, asked) = stranger(|| json(&RelayInfo { registration: Registration::Open })).await;
    let to = format!("{elsewhere}/api/v1/relay");
    let redirect =
        move || Response::builder().status(StatusCode::FOUND).header("location", &to).body(Body::empty()).unwrap();
    let (relay_url, _) = stranger(redirect).await;
    assert!(jo().call(ApiCall::Relay { relay_url }).await.is_err());
    assert!(asked.lock().unwrap().is_empty());
}
