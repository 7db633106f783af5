//! The relay logs no address, token, e-mail or text above DEBUG.

use std::net::{IpAddr, Ipv4Addr};

use parley_shared::wire::*;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message as Frame;

use crate::harness::*;

#[tokio::test]
async fn nothing_above_debug_names_an_address_a_token_or_a_text() {
    let dir = tempfile::tempdir().unwrap();
    let relay = RelayProcess::start(dir.path(), "127.0.0.1:0").await;
    let client_address = IpAddr::V4(Ipv4Addr::new(127, 9, 8, 7));
    let http = reqwest::Client::builder().local_address(client_address).build().unwrap();
    let url = |path: &str| format!("http://{}/api/v1{path}", relay.address);
    let body = json!({ "display_name": "Hushed Name", "email": "hushed@mail.example", "password": "hushed-password",
                       "device_name": "hushed device" });
    let session: Session =
        within(http.post(url("/auth/sign-up")).json(&body).send()).await.unwrap().json().await.unwrap();
    let wrong = json!({ "email": "hushed@mail.example", "password": "hushed-wrong", "device_name": "x" });
    within(http.post(url("/auth/sign-in")).json(&wrong).send()).await.unwrap();
    for _ in 0..3 {
        let spent = Refresh { refresh_token: session.refresh_token.clone() };
        within(http.post(url("/auth/refresh")).json(&spent).send()).await.unwrap();
    }
    let person = Someone {
        http: http.clone(),
        address: relay.address,
        email: "hushed@mail.example".into(),
        session: within(
            http.post(url("/auth/sign-in"))
                .json(&json!({ "email": "hushed@mail.example", "password": "hushed-password", "device_name": "x" }))
                .send(),
        )
        .await
        .unwrap()
        .json()
        .await
        .unwrap(),
    };
    let room_id = person.group("hushed room", &[]).await.id;
    let mut socket = person.connect().await;
    socket.send_text(room_id, "hushed text").await;
    socket.say_text("{\"type\":\"hushed nonsense\"}".into()).await;
    socket.error().await;
    socket.say_frame(Frame::Binary(b"hushed bytes".to_vec().into())).await;
    socket.error().await;
    socket.call(start_call(room_id)).await;
    assert!(socket.is_alive().await);

    let token = person.session.access_token.reveal().to_owned();
    let log = relay.log().await;
    assert!(log.contains("an account was made"), "the log is listened to: {log}");
    assert!(log.contains("a spent refresh token was shown again"), "{log}");
    let signature = token.rsplit_once('.').unwrap().1;
    for secret in ["hushed", "127.9.8.7", signature, session.refresh_token.reveal()] {
        assert!(!log.to_lowercase().contains(&secret.to_lowercase()), "{secret} is in the log:\n{log}");
    }
}
