//! Profiles, passwords, the end of an account.
#![expect(clippy::unwrap_used, reason = "a test whose footing breaks has failed")]

use parley_shared::wire::*;
use reqwest::{Client, Method, StatusCode};
use serde_json::json;

use crate::harness::*;

fn user_changed(event: &Event) -> Option<User> {
    match event {
        Event::UserChanged { user } => Some(user.clone()),
        _ => None,
    }
}

/// Told at once; a silent socket would be closed after a while anyway.
fn signed_out(event: &Event) -> Option<()> {
    (*event == Event::SignedOut).then_some(())
}

async fn sign_in_status(relay: &TestRelay, email: &str, password: &str) -> StatusCode {
    let body = json!({ "email": email, "password": password, "device_name": "x" });
    let url = format!("http://{}/api/v1/auth/sign-in", relay.address);
    within(Client::new().post(url).json(&body).send()).await.unwrap().status()
}

#[tokio::test]
async fn a_profile_changes_and_those_who_share_a_room_hear_of_it() {
    let relay = TestRelay::start().await;
    let (ada, bob) = (relay.sign_up("Ada").await, relay.sign_up("Bob").await);
    let room_id = ada.group("Garden", &[&bob]).await.id;
    let (mut own, mut other) = (ada.connect().await, bob.connect().await);
    let change = json!({ "display_name": "Ada Byron", "status_text": " On holiday ", "bio": "one\ntwo" });
    let profile: Profile = ada.ask(Method::PATCH, "/me", change).await;
    assert_eq!((profile.user.display_name.as_str(), profile.user.status_text.as_str()), ("Ada Byron", "On holiday"));
    assert_eq!((profile.bio.as_str(), profile.email.as_str()), ("one\ntwo", "ada@example.org"));
    assert_eq!(own.event(user_changed).await, profile.user);
    assert_eq!(other.event(user_changed).await, profile.user);
    assert_eq!(ada.get::<Profile>("/me").await, profile);
    let seen: Person = bob.get(&format!("/users/{}", ada.id())).await;
    assert_eq!((&seen.user, seen.bio.as_str()), (&profile.user, "one\ntwo"));
    let members: Vec<Member> = bob.get(&format!("/rooms/{room_id}/members")).await;
    assert!(members.iter().any(|member| member.user == profile.user));
    for (field, value) in [
        ("display_name", "A".to_owned()),
        ("status_text", "x".repeat(81)),
        ("status_text", "a\nb".into()),
        ("bio", "x".repeat(501)),
        ("bio", "a\0b".into()),
    ] {
        let (status, error) = ada.refused(Method::PATCH, "/me", Some(json!({ field: value }))).await;
        assert_eq!((status, error.field.as_deref()), (400, Some(field)));
    }
}

#[tokio::test]
async fn a_new_password_signs_the_other_devices_out() {
    let relay = TestRelay::start_with(|config| config.sign_in_tries.burst = 3).await;
    let ada = relay.sign_up("Ada").await;
    let mut phone = ada.sign_in().await.connect().await;
    let change = |old: &str, new: &str| Some(json!({ "old_password": old, "new_password": new }));
    let (status, error) = ada.refused(Method::POST, "/me/password", change(PASSWORD, "short")).await;
    assert_eq!((status, error.field.as_deref()), (400, Some("new_password")));
    let (status, error) = ada.refused(Method::POST, "/me/password", change("wrong password", "a better one")).await;
    assert_eq!((status, error.code, error.field.as_deref()), (403, ErrorCode::Forbidden, Some("old_password")));
    let response = ada.send(Method::POST, "/me/password", change(PASSWORD, "a better one")).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    phone.event(signed_out).await;
    let _: Validated = ada.get("/auth/validate").await;
    assert_eq!(sign_in_status(&relay, &ada.email, PASSWORD).await, StatusCode::UNAUTHORIZED);
    assert_eq!(sign_in_status(&relay, &ada.email, "a better one").await, StatusCode::OK);
    for _ in 0..4 {
        ada.send(Method::POST, "/me/password", change("wrong password", "a better one")).await;
    }
    assert_eq!(ada.refused(Method::POST, "/me/password", change("wrong password", "a better one")).await.0, 429);
}

#[tokio::test]
async fn a_deleted_account_leaves_its_messages_and_nothing_else() {
    let relay = TestRelay::start().await;
    let (root, ada, bob) = (relay.sign_up("Root").await, relay.sign_up("Ada").await, relay.sign_up("Bob").await);
    let (group, pair) = (ada.group("Garden", &[&bob]).await.id, ada.direct(&bob).await.id);
    let (mut own, mut other) = (ada.connect().await, bob.connect().await);
    let message = own.send_text(group, "I was here").await;
    assert_eq!(
        root.refused(Method::POST, "/me/delete", Some(json!({ "password": PASSWORD }))).await.0,
        409,
        "the last admin"
    );
    let wrong = ada.refused(Method::POST, "/me/delete", Some(json!({ "password": "wrong password" }))).await;
    assert_eq!((wrong.0, wrong.1.field.as_deref()), (403, Some("password")));
    let response = ada.send(Method::POST, "/me/delete", Some(json!({ "password": PASSWORD }))).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    own.event(signed_out).await;
    assert_eq!(ada.refused(Method::GET, "/me", None).await.0, 401);
    assert_eq!(sign_in_status(&relay, &ada.email, PASSWORD).await, StatusCode::UNAUTHORIZED);
    let ghost = other.event(user_changed).await;
    assert_eq!((ghost.id, ghost.display_name.as_str(), ghost.avatar), (ada.id(), "Deleted account", None));
    let history: HistoryPage = bob.get(&format!("/rooms/{group}/messages")).await;
    assert_eq!(history.messages, [message]);
    let found: Vec<Person> = bob.get("/users").await;
    assert!(found.iter().all(|person| person.user.id != ada.id()));
    let archived = |event: &Event| match event {
        Event::RoomChanged { room } if room.id == pair && room.archived => Some(()),
        _ => None,
    };
    other.event(archived).await;
    assert_eq!(other.refused(send(pair, "hello?")).await, ErrorCode::Conflict);
    let again = relay.sign_up("Ada").await;
    assert_eq!(again.session.user.role, Role::Member, "the address is free");
}
