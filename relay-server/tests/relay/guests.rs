//! Guests and invites over HTTP, and who is told.
#![expect(clippy::unwrap_used, reason = "a test whose footing breaks has failed")]

use parley_shared::ids::RoomId;
use parley_shared::wire::*;
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::json;

use crate::harness::*;

async fn open_room(owner: &Someone, name: &str) -> (RoomId, Invite) {
    let room = owner.group(name, &[]).await;
    let open: Room = owner.ask(Method::PATCH, &format!("/rooms/{}", room.id), json!({ "guests": true })).await;
    assert!(open.guests && !room.guests);
    let invite = owner.ask(Method::POST, &format!("/rooms/{}/invites", room.id), json!({})).await;
    (room.id, invite)
}

async fn join(relay: &TestRelay, code: &str, name: &str) -> Response {
    let url = format!("http://{}/api/v1/invites/{code}/guest", relay.address);
    let body = JoinAsGuest { display_name: name.into(), device_name: "browser".into() };
    within(Client::new().post(url).json(&body).send()).await.unwrap()
}

async fn guest(relay: &TestRelay, code: &str, name: &str) -> Someone {
    let response = join(relay, code, name).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    let session = response.json().await.unwrap();
    Someone { http: Client::new(), address: relay.address, email: String::new(), session }
}

fn room_changed(event: &Event) -> Option<Room> {
    match event {
        Event::RoomChanged { room } => Some((**room).clone()),
        _ => None,
    }
}

fn room_removed(event: &Event) -> Option<RoomId> {
    match event {
        Event::RoomRemoved { room_id } => Some(*room_id),
        _ => None,
    }
}

fn signed_out(event: &Event) -> Option<()> {
    (*event == Event::SignedOut).then_some(())
}

#[tokio::test]
async fn a_guest_comes_by_a_link_talks_calls_and_is_gone_when_the_room_takes_no_more() {
    let relay = TestRelay::start().await;
    let ada = relay.sign_up("Ada").await;
    let (room_id, invite) = open_room(&ada, "Garden").await;
    let url = format!("http://{}/api/v1/invites/{}", relay.address, invite.code);
    let info: InviteInfo = within(Client::new().get(&url).send()).await.unwrap().json().await.unwrap();
    assert_eq!(info, InviteInfo::Room { name: "Garden".into(), member_count: 1, guests: true });
    let mut a = ada.connect().await;

    let guest = guest(&relay, &invite.code, " Gus ").await;
    assert_eq!((guest.session.user.role, guest.session.user.display_name.as_str()), (Role::Guest, "Gus"));
    let seen = a.event(|event| room_changed(event).filter(|room| room.member_count == 2)).await;
    assert!(seen.members.iter().any(|member| member.user == guest.session.user), "all see that it is a guest");
    let mut g = guest.connect().await;
    let said = g.send_text(room_id, "hello").await;
    assert_eq!(a.stored().await, said);
    let (call, _) = a.call(start_call(room_id)).await;
    g.call(Request::AcceptCall { call_id: call.id, media: MEDIA }).await;
    assert_eq!(guest.get::<Vec<PublicRoom>>("/rooms/public").await, []);
    for (method, path, body) in [
        (Method::POST, "/rooms".into(), Some(json!({ "kind": "group", "name": "x" }))),
        (Method::POST, "/rooms".into(), Some(json!({ "kind": "direct", "members": [ada.id()] }))),
        (Method::POST, format!("/rooms/{room_id}/invites"), Some(json!({}))),
        (Method::POST, format!("/rooms/{room_id}/members"), Some(json!({ "members": [] }))),
        (Method::POST, "/me/delete".into(), Some(json!({ "password": "" }))),
        (Method::POST, "/me/password".into(), Some(json!({ "old_password": "", "new_password": "long enough" }))),
        (Method::GET, "/registration-invites".into(), None),
        (Method::POST, "/registration-invites".into(), Some(json!({}))),
    ] {
        let (status, error) = guest.refused(method.clone(), &path, body).await;
        assert_eq!((status, error.code), (403, ErrorCode::Forbidden), "{method} {path}");
    }
    let promote = Some(json!({ "role": "moderator" }));
    let path = format!("/rooms/{room_id}/members/{}", guest.id());
    assert_eq!(ada.refused(Method::PATCH, &path, promote).await.1.code, ErrorCode::Conflict);

    ada.ask::<Room>(Method::PATCH, &format!("/rooms/{room_id}"), json!({ "guests": false })).await;
    assert_eq!(g.event(room_removed).await, room_id);
    let seen = a.event(|event| room_changed(event).filter(|room| !room.guests)).await;
    assert_eq!(seen.member_count, 1);
    g.event(signed_out).await;
    g.closed().await;
    assert_eq!(guest.send(Method::GET, "/me", None).await.status(), StatusCode::UNAUTHORIZED, "and forgotten");
    let page: HistoryPage = ada.get(&format!("/rooms/{room_id}/messages")).await;
    assert_eq!(page.messages[0].id, said.id, "what they said stays");
    assert_eq!(ada.get::<Person>(&format!("/users/{}", guest.id())).await.user.display_name, "Deleted account");
    assert_eq!(join(&relay, &invite.code, "Gus").await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_guest_who_signs_out_or_leaves_is_forgotten_and_one_who_stays_is_not() {
    let relay = TestRelay::start().await;
    let ada = relay.sign_up("Ada").await;
    let (room_id, invite) = open_room(&ada, "Garden").await;
    let [leaver, out, stays] = [
        guest(&relay, &invite.code, "Leaver").await,
        guest(&relay, &invite.code, "Out").await,
        guest(&relay, &invite.code, "Stays").await,
    ];
    let mut a = ada.connect().await;
    leaver.tell(Method::DELETE, &format!("/rooms/{room_id}/members/{}", leaver.id())).await;
    out.tell(Method::POST, "/auth/sign-out").await;
    for gone in [&leaver, &out] {
        let path = format!("/users/{}", gone.id());
        let forgotten = async {
            while ada.get::<Person>(&path).await.user.display_name != "Deleted account" {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        };
        within(forgotten).await;
    }
    a.event(|event| room_changed(event).filter(|room| room.member_count == 2)).await;
    assert_eq!(stays.get::<Vec<Room>>("/rooms").await.len(), 1);
}

#[tokio::test]
async fn names_of_guests_are_checked_and_addresses_counted() {
    let relay = TestRelay::start_with(|config| config.auth_per_address.burst = 8).await;
    let ada = relay.sign_up("Ada").await;
    let (_, invite) = open_room(&ada, "Garden").await;
    assert_eq!(join(&relay, &invite.code, " ").await.status(), StatusCode::BAD_REQUEST);
    let mut refused = None;
    for _ in 0..20 {
        let response = join(&relay, "no-such-code", "Gus").await;
        if response.status() != StatusCode::NOT_FOUND {
            refused = Some(response);
            break;
        }
    }
    let (status, error) = refusal(refused.expect("guessing ends")).await;
    assert_eq!((status, error.code), (429, ErrorCode::RateLimited));
    let url = format!("http://{}/api/v1/invites/no-such-code", relay.address);
    let response = within(Client::new().get(url).send()).await.unwrap();
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS, "also when only asking");
    let own: InviteInfo = ada.get(&format!("/invites/{}", invite.code)).await;
    assert!(matches!(own, InviteInfo::Room { .. }), "who is signed in is counted by device");
}

#[tokio::test]
async fn what_one_is_notified_of_is_told_to_ones_own_devices_only() {
    let relay = TestRelay::start().await;
    let (ada, bob) = (relay.sign_up("Ada").await, relay.sign_up("Bob").await);
    let room = ada.group("Garden", &[&bob]).await;
    let second = ada.sign_in().await;
    let (mut a, mut a2, mut b) = (ada.connect().await, second.connect().await, bob.connect().await);
    let set = SetNotify { level: NotifyLevel::Mentions };
    let changed: Room = ada.ask(Method::PUT, &format!("/rooms/{}/notify", room.id), set).await;
    assert_eq!(changed.notify, NotifyLevel::Mentions);
    assert_eq!(a.event(room_changed).await.notify, NotifyLevel::Mentions);
    assert_eq!(a2.event(room_changed).await.notify, NotifyLevel::Mentions);
    assert!(b.is_alive().await);
    assert_eq!(b.last_event.0, 0, "it is nobody else's");
    assert_eq!(bob.get::<Vec<Room>>("/rooms").await[0].notify, NotifyLevel::All);
    let wrong = ada.refused(Method::PUT, &format!("/rooms/{}/notify", room.id), Some(json!({ "level": "some" }))).await;
    assert_eq!(wrong.0, 400);
}

async fn sign_up_with(relay: &TestRelay, name: &str, code: Option<&str>) -> Response {
    let body = json!({ "display_name": name, "email": format!("{name}@example.org"), "password": PASSWORD, "device_name": "x",
        "registration_code": code });
    let url = format!("http://{}/api/v1/auth/sign-up", relay.address);
    within(Client::new().post(url).json(&body).send()).await.unwrap()
}

#[tokio::test]
async fn an_admin_invites_to_the_relay_and_each_use_is_counted_once() {
    let relay = TestRelay::start_with(|config| {
        config.registration = Registration::Invite;
        config.registration_codes = vec![Secret::new("sesame")];
    })
    .await;
    let url = format!("http://{}/api/v1/relay", relay.address);
    let info: RelayInfo = within(Client::new().get(url).send()).await.unwrap().json().await.unwrap();
    assert_eq!(info, RelayInfo { registration: Registration::Invite });
    let session: Session = sign_up_with(&relay, "ada", Some("sesame")).await.json().await.unwrap();
    let ada = Someone { http: Client::new(), address: relay.address, email: "ada@example.org".into(), session };
    let invite: Invite = ada.ask(Method::POST, "/registration-invites", json!({ "max_uses": 1 })).await;
    assert_eq!(invite.code.len(), 22, "128 bits");
    assert_eq!(ada.get::<InviteInfo>(&format!("/invites/{}", invite.code)).await, InviteInfo::Registration);
    assert_eq!(sign_up_with(&relay, "ada", Some(&invite.code)).await.status(), StatusCode::CONFLICT);
    let (bob, eve) =
        tokio::join!(sign_up_with(&relay, "bob", Some(&invite.code)), sign_up_with(&relay, "eve", Some(&invite.code)));
    let mut statuses = [bob.status().as_u16(), eve.status().as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 403], "one use, whoever comes first");
    for code in [None, Some("wrong"), Some(invite.code.as_str())] {
        assert_eq!(sign_up_with(&relay, "dan", code).await.status(), StatusCode::FORBIDDEN);
    }
    let listed: Vec<Invite> = ada.get("/registration-invites").await;
    assert_eq!(listed.iter().map(|invite| invite.uses).collect::<Vec<_>>(), [1]);
    let other: Invite = ada.ask(Method::POST, "/registration-invites", json!({ "expires_in_s": 60 })).await;
    ada.tell(Method::DELETE, &format!("/registration-invites/{}", other.id)).await;
    assert_eq!(sign_up_with(&relay, "dan", Some(&other.code)).await.status(), StatusCode::FORBIDDEN, "revoked");

    let closed = TestRelay::start_with(|config| {
        config.registration = Registration::Closed;
        config.registration_codes = vec![Secret::new("sesame")];
    })
    .await;
    assert_eq!(sign_up_with(&closed, "ada", Some("sesame")).await.status(), StatusCode::FORBIDDEN);
}
