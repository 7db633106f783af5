//! Tokens and the signaling session, each by itself, against a real relay.

use std::time::Duration;

use crate::support::{PATIENCE, Relay, Wire};
use parley_client::api::{Api, Http, TokenError, Tokens, enter};
use parley_client::core::{ApiCall, ApiReply, CallFailure, LinkEvent, OpId};
use parley_client::signaling::Signaling;
use parley_shared::wire::*;
use tokio::sync::mpsc;

async fn sign_up(relay: &Relay, name: &str) -> Session {
    let body = SignUp {
        display_name: name.to_owned(),
        email: format!("{name}@example.org"),
        password: Secret::new("a long password"),
        device_name: "Test".to_owned(),
        registration_code: None,
    };
    match enter(ApiCall::SignUp { relay_url: relay.url(), body }).await {
        Ok(ApiReply::Session(session)) => *session,
        other => panic!("{other:?}"),
    }
}

fn tokens(relay: &Relay, session: Session) -> (Http, Tokens, mpsc::Receiver<Session>) {
    let http = Http::new(&relay.url()).unwrap();
    let (renewed, sessions) = mpsc::channel(8);
    (http.clone(), Tokens::spawn(http, session, renewed), sessions)
}

async fn next(events: &mut mpsc::Receiver<LinkEvent>) -> LinkEvent {
    tokio::time::timeout(PATIENCE, events.recv()).await.expect("the link says something").expect("the link goes on")
}

async fn until_welcome(events: &mut mpsc::Receiver<LinkEvent>) -> Welcome {
    loop {
        if let LinkEvent::Welcome(welcome) = next(events).await {
            return *welcome;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_is_renewed_once_however_many_ask() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start(dir.path()).await;
    let session = Session { access_token: Secret::new("stale"), ..sign_up(&relay, "jo").await };
    let (http, tokens, mut renewed) = tokens(&relay, session);
    let api = Api::new(http, tokens);
    let calls: Vec<_> = (0..10)
        .map(|_| {
            let api = api.clone();
            tokio::spawn(async move { api.call(ApiCall::Rooms).await })
        })
        .collect();
    for call in calls {
        assert!(matches!(call.await.unwrap(), Ok(ApiReply::Rooms(_))));
    }
    assert_ne!(renewed.recv().await.unwrap().access_token, Secret::new("stale"));
    assert!(renewed.try_recv().is_err(), "the token was renewed more than once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_runs_out_is_renewed_before_it_is_used() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start(dir.path()).await;
    let session = Session { access_expires_in_s: 30, ..sign_up(&relay, "jo").await };
    let old = session.refresh_token.clone();
    let (_, tokens, mut renewed) = tokens(&relay, session);
    tokens.access().await.unwrap();
    assert_ne!(renewed.recv().await.unwrap().refresh_token, old);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_over_is_told_from_a_relay_that_is_away() {
    let dir = tempfile::tempdir().unwrap();
    let mut relay = Relay::start(dir.path()).await;
    let session = sign_up(&relay, "jo").await;
    let stale = Session { access_token: Secret::new("stale"), ..session.clone() };
    let wrong = Session { refresh_token: Secret::new("wrong"), ..stale.clone() };
    let (_, wrong, _renewed) = tokens(&relay, wrong);
    assert_eq!(wrong.after_refusal(Secret::new("stale")).await, Err(TokenError::Gone));
    let (http, tokens, _renewed) = tokens(&relay, stale);
    relay.stop().await;
    assert_eq!(tokens.after_refusal(Secret::new("stale")).await, Err(TokenError::Offline));
    assert!(matches!(Api::new(http, tokens).call(ApiCall::Rooms).await, Err(CallFailure::Offline)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_connection_resumes_its_session_and_answers_every_request_once() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start(dir.path()).await;
    let wire = Wire::to(relay.address()).await;
    let (jo, mina) = (sign_up(&relay, "jo").await, sign_up(&relay, "mina").await);
    let members = vec![mina.user.id];
    let (http, tokens, _renewed) = tokens(&relay, jo);
    let body = CreateRoom {
        kind: RoomKind::Direct,
        name: String::new(),
        topic: String::new(),
        visibility: Visibility::Private,
        members,
        max_members: None,
    };
    let api = Api::new(http, tokens.clone());
    let Ok(ApiReply::Room(room)) = api.call(ApiCall::CreateRoom(body)).await else { panic!("no room") };

    let (to_events, mut events) = mpsc::channel(256);
    let link = Signaling::spawn(&wire.url(), tokens, to_events);
    let first = until_welcome(&mut events).await;
    assert!(!first.resumed);
    let mut answered = std::collections::BTreeMap::new();
    for n in 0..12_u64 {
        let client_id = parley_shared::ids::ClientMessageId::from_bytes([u8::try_from(n).unwrap() + 1; 16]);
        assert!(link.request(
            OpId(n),
            Request::SendMessage {
                room_id: room.id,
                client_id,
                text: format!("m{n}"),
                reply_to: None,
                thread_id: None,
                attachments: Vec::new(),
            }
        ));
        if n % 4 == 3 {
            wire.cut();
            wire.mend();
        }
        if n % 4 == 1 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    let mut stored = Vec::new();
    while answered.len() < 12 || stored.len() < 12 {
        match next(&mut events).await {
            LinkEvent::RequestDone(op, result) => {
                assert!(answered.insert(op, result.clone()).is_none(), "{op:?} was answered twice");
                assert!(matches!(result, Ok(Reply::Message { .. })), "{result:?}");
            }
            LinkEvent::Event(event) => {
                if let Event::MessageStored { message } = *event {
                    stored.push(message.seq.0);
                }
            }
            LinkEvent::Offline { .. } => link.reconnect(),
            LinkEvent::Welcome(welcome) => {
                assert!(welcome.resumed, "the session was lost");
                assert_eq!(welcome.session_id, first.session_id);
            }
            LinkEvent::Connecting | LinkEvent::Hint(_) => {}
            other @ (LinkEvent::SignedOut { .. } | LinkEvent::UnsupportedVersion) => panic!("{other:?}"),
        }
    }
    assert_eq!(stored, (1..=12).collect::<Vec<_>>());
    tokio::time::timeout(PATIENCE, link.stop()).await.expect("the link stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_device_hears_that_it_is_signed_out() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start(dir.path()).await;
    let (http, tokens, _renewed) = tokens(&relay, sign_up(&relay, "jo").await);
    let (to_events, mut events) = mpsc::channel(256);
    let _link = Signaling::spawn(&relay.url(), tokens.clone(), to_events);
    until_welcome(&mut events).await;
    Api::new(http, tokens).call(ApiCall::SignOut).await.unwrap();
    loop {
        match next(&mut events).await {
            LinkEvent::SignedOut { .. } => return,
            LinkEvent::Event(event) if *event == Event::SignedOut => return,
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_network_finds_a_dead_connection_and_resumes_the_session() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start(dir.path()).await;
    let wire = Wire::to(relay.address()).await;
    let (_, tokens, _renewed) = tokens(&relay, sign_up(&relay, "jo").await);
    let (to_events, mut events) = mpsc::channel(256);
    let link = Signaling::spawn(&wire.url(), tokens, to_events);
    let first = until_welcome(&mut events).await;
    link.network_changed();
    let untouched = tokio::time::timeout(Duration::from_secs(3), until_welcome(&mut events)).await;
    assert!(untouched.is_err(), "a connection that lives was dropped");
    wire.swallow();
    link.network_changed();
    // A heartbeat would find it after 50 s, which is longer than `next` waits.
    let second = until_welcome(&mut events).await;
    assert!(second.resumed && second.session_id == first.session_id);
    tokio::time::timeout(PATIENCE, link.stop()).await.expect("the link stops");
}
