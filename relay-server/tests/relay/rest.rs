//! REST: accounts, devices, people, rooms.

use parley_shared::wire::*;
use reqwest::{Client, Method, StatusCode};
use serde_json::json;
use tokio::io::AsyncWriteExt as _;

use crate::harness::*;

#[tokio::test]
async fn sign_up_sign_in_validate_and_sign_out() {
    let relay = TestRelay::start().await;
    let ada = relay.sign_up("Ada").await;
    assert_eq!(ada.session.user.role, Role::Admin, "the first account is admin");
    let bob = relay.sign_up("Bob").await;
    assert_eq!(bob.session.user.role, Role::Member);
    let second = ada.sign_in().await;
    let validated: Validated = second.get("/auth/validate").await;
    assert_eq!((validated.user.id, validated.device_id), (ada.id(), second.session.device_id));
    second.tell(Method::POST, "/auth/sign-out").await;
    assert_eq!(second.refused(Method::GET, "/auth/validate", None).await.0, 401);
    let _: Validated = ada.get("/auth/validate").await;
}

#[tokio::test]
async fn wrong_password_and_no_account_get_the_same_answer() {
    let relay = TestRelay::start_with(|config| config.sign_in_tries.burst = 3).await;
    let ada = relay.sign_up("Ada").await;
    let mut answers = Vec::new();
    for email in [ada.email.as_str(), "nobody@example.org"] {
        for _ in 0..4 {
            let body = json!({ "email": email, "password": "wrong password", "device_name": "x" });
            let url = format!("http://{}/api/v1/auth/sign-in", relay.address);
            answers.push(refusal(ada.http.post(url).json(&body).send().await.unwrap()).await);
        }
    }
    let (known, unknown) = answers.split_at(4);
    for (a, b) in known.iter().zip(unknown) {
        assert_eq!((a.0, a.1.code, &a.1.message), (b.0, b.1.code, &b.1.message));
    }
    assert_eq!(known[2].0, 401);
    assert_eq!((known[3].0, known[3].1.retry_after_s.is_some()), (429, true), "tries are limited");
}

#[tokio::test]
async fn refresh_rotates_survives_a_lost_answer_and_reuse_cuts_the_device() {
    let relay = TestRelay::start().await;
    let ada = relay.sign_up("Ada").await;
    let refresh = |token: Secret, attempt: Option<&'static str>| {
        let mut request = ada
            .http
            .post(format!("http://{}/api/v1/auth/refresh", relay.address))
            .json(&Refresh { refresh_token: token });
        if let Some(attempt) = attempt {
            request = request.header("Idempotency-Key", attempt);
        }
        async move { request.send().await.unwrap() }
    };
    let first = ada.session.refresh_token.clone();
    refresh(first.clone(), Some("attempt-1")).await.error_for_status().unwrap();
    let again = refresh(first.clone(), Some("attempt-1")).await.error_for_status().unwrap();
    let session: Session = again.json().await.unwrap();
    assert_eq!(session.device_id, ada.session.device_id);
    let mut socket = ada.connect().await;
    assert_eq!(refusal(refresh(first, None).await).await.0, 401);
    socket.event(|event| (*event == Event::SignedOut).then_some(())).await;
    socket.closed().await;
    assert_eq!(refusal(refresh(session.refresh_token, None).await).await.0, 401, "the family is revoked");
    assert_eq!(ada.refused(Method::GET, "/auth/validate", None).await.0, 401);
}

#[tokio::test]
async fn revoked_devices_are_cut_off_at_once() {
    let relay = TestRelay::start().await;
    let ada = relay.sign_up("Ada").await;
    let (phone, tablet) = (ada.sign_in().await, ada.sign_in().await);
    let (mut own, mut one, mut two) = (ada.connect().await, phone.connect().await, tablet.connect().await);
    let devices: Vec<Device> = ada.get("/devices").await;
    assert_eq!(devices.len(), 3);
    assert_eq!(devices.iter().filter(|device| device.current).count(), 1);
    ada.tell(Method::DELETE, &format!("/devices/{}", phone.session.device_id)).await;
    // A silent socket would be dropped too, but much later and without this word.
    let signed_out = |event: &Event| (*event == Event::SignedOut).then_some(());
    one.event(signed_out).await;
    one.closed().await;
    ada.tell(Method::DELETE, "/devices").await;
    two.event(signed_out).await;
    two.closed().await;
    assert!(own.is_alive().await);
    let foreign = format!("/devices/{}", phone.session.device_id);
    assert_eq!(ada.refused(Method::DELETE, &foreign, None).await.0, 404);
}

#[tokio::test]
async fn whoever_revokes_a_device_and_hangs_up_has_revoked_it() {
    let relay = TestRelay::start().await;
    let ada = relay.sign_up("Ada").await;
    for _ in 0..10 {
        let phone = ada.sign_in().await;
        let mut socket = phone.connect().await;
        let mut hasty = tokio::net::TcpStream::connect(relay.address).await.unwrap();
        let request = format!(
            "DELETE /api/v1/devices/{} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\r\n",
            phone.session.device_id,
            relay.address,
            ada.session.access_token.reveal()
        );
        hasty.write_all(request.as_bytes()).await.unwrap();
        drop(hasty);
        socket.event(|event| (*event == Event::SignedOut).then_some(())).await;
        socket.closed().await;
    }
}

#[tokio::test]
async fn registration_may_be_closed_or_by_invite() {
    let body = |code: Option<&str>| {
        json!({ "display_name": "Ada", "email": "a@example.org", "password": PASSWORD, "device_name": "x",
                "registration_code": code })
    };
    let closed = TestRelay::start_with(|config| config.registration = parley_shared::wire::Registration::Closed).await;
    let http = Client::new();
    let url = format!("http://{}/api/v1/auth/sign-up", closed.address);
    assert_eq!(refusal(http.post(url).json(&body(None)).send().await.unwrap()).await.0, 403);
    let invite = TestRelay::start_with(|config| {
        config.registration = parley_shared::wire::Registration::Invite;
        config.registration_codes = vec![Secret::new("sesame")];
    })
    .await;
    let url = format!("http://{}/api/v1/auth/sign-up", invite.address);
    for code in [None, Some(""), Some("sesam")] {
        assert_eq!(refusal(http.post(&url).json(&body(code)).send().await.unwrap()).await.0, 403);
    }
    let accepted = http.post(&url).json(&body(Some("sesame"))).send().await.unwrap();
    assert_eq!(accepted.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn people_are_found_marked_and_blocked() {
    let relay = TestRelay::start().await;
    let (ada, bob) = (relay.sign_up("Ada Lovelace").await, relay.sign_up("Bob").await);
    let found: Vec<Person> = bob.get("/users?query=love").await;
    assert_eq!(found.iter().map(|p| (p.user.id, p.presence)).collect::<Vec<_>>(), [(ada.id(), Presence::Offline)]);
    let _socket = ada.connect().await;
    let seen: Person = bob.get(&format!("/users/{}", ada.id())).await;
    assert_eq!((seen.presence, seen.last_seen_at_ms), (Presence::Online, None));
    bob.tell(Method::PUT, &format!("/contacts/favourites/{}", ada.id())).await;
    let favourites: Vec<Person> = bob.get("/contacts/favourites").await;
    assert_eq!(favourites.len(), 1);
    ada.tell(Method::PUT, &format!("/contacts/blocked/{}", bob.id())).await;
    assert_eq!(bob.refused(Method::GET, &format!("/users/{}", ada.id()), None).await.0, 404);
    let body = json!({ "kind": "direct", "members": [ada.id()] });
    assert_eq!(bob.refused(Method::POST, "/rooms", Some(body)).await.0, 404);
}

#[tokio::test]
async fn rooms_change_and_members_hear_of_it() {
    let relay = TestRelay::start().await;
    let (ada, bob, eve) = (relay.sign_up("Ada").await, relay.sign_up("Bob").await, relay.sign_up("Eve").await);
    let mut socket = bob.connect().await;
    let room = ada.group("Garden", &[&bob]).await;
    let named = |wanted: &'static str| {
        move |event: &Event| match event {
            Event::RoomChanged { room } if room.name == wanted => Some((**room).clone()),
            _ => None,
        }
    };
    assert_eq!(socket.event(named("Garden")).await.id, room.id);
    let path = format!("/rooms/{}", room.id);
    let _: Room = ada.ask(Method::PATCH, &path, json!({ "name": "Orchard", "visibility": "public" })).await;
    assert_eq!(socket.event(named("Orchard")).await.visibility, Visibility::Public);
    let public: Vec<PublicRoom> = eve.get("/rooms/public?query=orch").await;
    assert_eq!(public.len(), 1);
    let joined: Room = eve.ask(Method::POST, &format!("{path}/join"), json!({})).await;
    assert_eq!(joined.member_count, 3);
    let members: Vec<Member> = bob.get(&format!("{path}/members")).await;
    assert_eq!(members.len(), 3);
    ada.tell(Method::DELETE, &format!("{path}/members/{}", bob.id())).await;
    let removed = |event: &Event| match event {
        Event::RoomRemoved { room_id } => Some(*room_id),
        _ => None,
    };
    assert_eq!(socket.event(removed).await, room.id);
    assert_eq!(bob.refused(Method::GET, &path, None).await.0, 404);
    let invite: Invite = ada.ask(Method::POST, &format!("{path}/invites"), json!({ "max_uses": 1 })).await;
    let entered: Room = bob.ask(Method::POST, &format!("/invites/{}/accept", invite.code), json!({})).await;
    assert_eq!(entered.id, room.id);
    ada.tell(Method::DELETE, &path).await;
    assert_eq!(socket.event(removed).await, room.id);
    let rooms: Vec<Room> = ada.get("/rooms").await;
    assert!(rooms.is_empty());
}

#[tokio::test]
async fn only_listed_origins_may_use_the_relay_from_a_page() {
    let relay = TestRelay::start().await;
    let http = Client::new();
    let url = format!("http://{}/health", relay.address);
    let from = |origin: &'static str| http.get(&url).header("Origin", origin).send();
    assert_eq!(from("https://evil.example").await.unwrap().status(), StatusCode::FORBIDDEN);
    assert_eq!(from("null").await.unwrap().status(), StatusCode::FORBIDDEN);
    for good in ["http://127.0.0.1:1234", "tauri://localhost"] {
        let response = from(good).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["access-control-allow-origin"], good);
    }
    let preflight = http
        .request(Method::OPTIONS, format!("http://{}/api/v1/auth/sign-in", relay.address))
        .header("Origin", "http://127.0.0.1:1234")
        .header("Access-Control-Request-Method", "POST")
        .header("Access-Control-Request-Headers", "content-type,authorization")
        .send()
        .await
        .unwrap();
    assert!(preflight.status().is_success());
}

#[tokio::test]
async fn health_and_metrics_answer() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let relay = TestRelay::start_with(|config| config.metrics_listen = Some(free)).await;
    let ada = relay.sign_up("Ada").await;
    let _socket = ada.connect().await;
    for (path, status) in [("/health", 200), ("/health/db", 204), ("/health/socket", 204), ("/metrics", 404)] {
        let response = ada.http.get(format!("http://{}{path}", relay.address)).send().await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{path}");
    }
    let metrics = ada.http.get(format!("http://{free}/metrics")).send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains("parley_sockets 1\n"), "{metrics}");
}
