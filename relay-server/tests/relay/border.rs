//! Two tenants on one relay: whatever one of them asks of the other's is answered like what never was.
#![expect(clippy::unwrap_used, reason = "a test whose footing breaks has failed")]

mod requests;
mod tries;
mod world;

use std::collections::BTreeSet;

use parley_shared::wire::*;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::harness::*;
use tries::{Expected, Try};
use world::{Ids, World};

/// What is compared of an answer: everything but when it was given.
#[derive(Debug, PartialEq, Eq)]
struct Answered {
    status: StatusCode,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

async fn answered(response: reqwest::Response) -> Answered {
    let headers = response
        .headers()
        .iter()
        .filter(|(name, _)| !["date", "content-length"].contains(&name.as_str()))
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    Answered { status: response.status(), headers, body: response.bytes().await.unwrap().to_vec() }
}

#[tokio::test]
async fn every_address_answers_for_what_is_another_tenants_as_for_what_never_was() {
    let mut world = World::build().await;
    world.keep_talking();
    let before = world.seen_by_its_people().await;
    let own = world.own_room().await;
    let (foreign, never) = (world.foreign_ids(own), Ids::never(own));
    let secrets = world.names_and_ids();
    let mut eve = world.eve_again().await;
    let (mut asked, mut done) = (0, BTreeSet::new());
    for (method, path) in parley_relay::http::addresses() {
        for number in 0..tries::variants(&method, &path) {
            let tries: Vec<(Try, Try)> = foreign
                .iter()
                .zip(&never)
                .map(|(foreign, never)| {
                    (tries::of(&method, &path, number, foreign), tries::of(&method, &path, number, never))
                })
                .collect();
            for (of_foreign, of_never) in tries {
                let what = format!("{method} {} {}", of_foreign.path, of_foreign.body);
                if !done.insert(what.clone()) {
                    continue;
                }
                if asked % 20 == 0 {
                    // A device may ask only so often.
                    eve = world.eve_again().await;
                }
                asked += 1;
                let never = answered(world.ask(&eve, &method, &of_never).await).await;
                let foreign = answered(world.ask(&eve, &method, &of_foreign).await).await;
                match of_foreign.expected {
                    Expected::NotFound => assert_eq!(foreign.status, StatusCode::NOT_FOUND, "{what}"),
                    Expected::Alike(status) => assert_eq!(foreign.status.as_u16(), status, "{what}"),
                    Expected::Own => assert!(foreign.status.is_success(), "{what}: {}", foreign.status),
                }
                match of_foreign.expected {
                    Expected::NotFound | Expected::Alike(_) => assert_eq!(foreign, never, "{what}"),
                    Expected::Own => assert_eq!(foreign.status, never.status, "{what}"),
                }
                let text = String::from_utf8_lossy(&foreign.body);
                for secret in secrets.iter().filter(|secret| !of_foreign.mentions(secret)) {
                    assert!(!text.contains(secret.as_str()), "{what} tells of {secret}: {text}");
                }
            }
        }
    }
    assert!(asked > 200, "{asked}");
    assert_eq!(world.seen_by_its_people().await, before, "and nothing was changed");
}

#[tokio::test]
async fn every_request_of_a_socket_answers_for_what_is_another_tenants_as_for_what_never_was() {
    let mut world = World::build().await;
    world.keep_talking();
    let before = world.seen_by_its_people().await;
    let room = world.own_room().await;
    let (mut kinds, mut done) = (BTreeSet::new(), BTreeSet::new());
    let mut eve = world.eve.connect().await;
    for (foreign, never) in world.foreign_ids(room).iter().zip(&Ids::never(room)) {
        for (foreign, never) in requests::all(foreign).into_iter().zip(requests::all(never)) {
            kinds.insert(requests::kind(&foreign));
            let what = format!("{foreign:?}");
            if !done.insert(what.clone()) {
                continue;
            }
            let own = requests::is_own(&foreign, room);
            let never = eve.request(never).await;
            let foreign = eve.request(foreign).await;
            match (&foreign, own) {
                (Err(error), _) => {
                    let known = [ErrorCode::NotFound, ErrorCode::InvalidArgument].contains(&error.code);
                    assert!(known && (own || error.code == ErrorCode::NotFound), "{what}: {error:?}");
                    assert_eq!(foreign, never, "{what}");
                }
                (Ok(Reply::Done), _) => assert_eq!(foreign, never, "{what}"),
                (Ok(Reply::Call { call, .. }), true) => {
                    assert!(never.is_ok(), "{what}");
                    eve.done(Request::LeaveCall { call_id: call.id }).await;
                }
                (Ok(_), true) => assert!(never.is_ok(), "{what}"),
                (Ok(reply), false) => panic!("{what}: {reply:?}"),
            }
        }
    }
    assert_eq!(kinds.len(), requests::KINDS, "every kind was tried");
    assert_eq!(world.seen_by_its_people().await, before, "and nothing was changed");
}

#[tokio::test]
async fn nothing_that_happens_in_one_tenant_is_heard_in_another() {
    let mut world = World::build().await;
    let mut eve = world.eve.connect().await;
    let (mut ada, mut bob) = world.sockets();
    let change = json!({ "display_name": "Ada Changed", "status_text": "elsewhere" });
    world.ada.ask::<Profile>(Method::PATCH, "/me", change).await;
    world.ada.ask::<Room>(Method::PATCH, &format!("/rooms/{}", world.public), json!({ "topic": "changed" })).await;
    ada.send_text(world.public, "hello <@everyone>").await;
    ada.done(Request::SetTyping { room_id: world.public, typing: true }).await;
    ada.done(Request::LeaveCall { call_id: world.call() }).await;
    let (call, _) = ada.call(start_call(world.direct)).await;
    bob.call(Request::AcceptCall { call_id: call.id, media: MEDIA }).await;
    drop(ada);
    bob.hint(|hint| match hint {
        Hint::Presence { user_id, presence: Presence::Offline, .. } if *user_id == world.ada.id() => Some(()),
        _ => None,
    })
    .await;
    assert!(eve.is_alive().await);
    assert_eq!(eve.last_event.0, 0, "no event");
    let heard = eve.kept();
    assert!(heard.is_empty(), "no hint: {heard:?}");
}

#[tokio::test]
async fn the_address_decides_whose_account_it_is_and_the_token_where_one_is_shown() {
    let world = World::build().await;
    let sign_in = |host: &'static str, email: &str| {
        let body = json!({ "email": email, "password": PASSWORD, "device_name": "x" });
        let url = format!("http://{}/api/v1/auth/sign-in", world.relay.address);
        async move { within(reqwest::Client::new().post(url).header("Host", host).json(&body).send()).await.unwrap() }
    };
    let who = |session: Session| session.user.id;
    for host in ["a.test", "A.TEST:7878", "a.test."] {
        let response = sign_in(host, "same@example.org").await;
        assert_eq!(who(response.json().await.unwrap()), world.ada.id(), "{host}");
    }
    assert_eq!(who(sign_in("b.test", "same@example.org").await.json().await.unwrap()), world.eve.id());
    let here = sign_in("a.test", "bob@example.org").await;
    assert_eq!(here.status(), StatusCode::OK);
    for host in ["b.test", "c.test", "127.0.0.1"] {
        let known_elsewhere = answered(sign_in(host, "bob@example.org").await).await;
        assert_eq!(known_elsewhere.status, StatusCode::UNAUTHORIZED, "{host}");
        assert_eq!(known_elsewhere, answered(sign_in(host, "nobody@example.org").await).await);
    }
    for (host, status) in [("a.test", 200), ("b.test", 404), ("c.test", 404)] {
        let url = format!("http://{}/api/v1/invites/{}", world.relay.address, world.code);
        let response = within(reqwest::Client::new().get(url).header("Host", host).send()).await.unwrap();
        assert_eq!(response.status().as_u16(), status, "without a token: {host}");
    }
    let code = world.code.clone();
    assert!(world.ada.send(Method::GET, &format!("/invites/{code}"), None).await.status().is_success());
    assert_eq!(world.eve.refused(Method::GET, &format!("/invites/{code}"), None).await.0, 404);
}

#[tokio::test]
async fn a_place_in_search_results_tells_nothing_and_is_good_for_its_owner_only() {
    let world = World::build().await;
    let mut ada = world.ada.connect().await;
    for n in 0..3 {
        ada.send_text(world.public, &format!("needle {n}")).await;
    }
    let page = |who: Someone, before: Option<String>| async move {
        let before = before.map(|before| format!("&before={before}")).unwrap_or_default();
        who.send(Method::GET, &format!("/search?query=needle&limit=1{before}"), None).await
    };
    let first: SearchPage = page(world.ada_again().await, None).await.json().await.unwrap();
    let next = first.next.expect("there is more");
    let again: SearchPage = page(world.ada_again().await, None).await.json().await.unwrap();
    assert_ne!(Some(&next), again.next.as_ref(), "the same place never looks the same");
    let second: SearchPage = page(world.ada_again().await, Some(next.clone())).await.json().await.unwrap();
    assert_ne!(first.messages[0].id, second.messages[0].id);
    for (who, before) in [(world.eve_again().await, next), (world.ada_again().await, "2a".into())] {
        assert_eq!(page(who, Some(before)).await.status(), StatusCode::BAD_REQUEST);
    }
}
