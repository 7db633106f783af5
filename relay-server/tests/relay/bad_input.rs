//! Bad input at every door: the right code, the connection in a defined state, nothing lost.

use parley_shared::ids::{RequestId, RoomId, Seq};
use parley_shared::limits::*;
use parley_shared::wire::*;
use reqwest::{Client, Method};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message as Frame;

use crate::harness::*;

#[tokio::test]
async fn rest_refuses_in_one_envelope() {
    let relay = TestRelay::start().await;
    let ada = relay.sign_up("Ada").await;
    let http = Client::new();
    let sign_up = format!("http://{}/api/v1/auth/sign-up", relay.address);
    let raw = |body: String, kind: &'static str| http.post(&sign_up).header("Content-Type", kind).body(body).send();
    let json = "application/json";
    for (name, body, kind, status, code) in [
        ("malformed", "{\"display_name\":".to_owned(), json, 400, ErrorCode::InvalidArgument),
        ("no JSON", "hello".into(), "text/plain", 415, ErrorCode::UnsupportedMediaType),
        ("too large", format!("\"{}\"", "x".repeat(REST_BODY_BYTES)), json, 413, ErrorCode::TooLarge),
        ("wrong type", "[1, 2]".into(), json, 400, ErrorCode::InvalidArgument),
        ("deep", "[".repeat(50_000), json, 400, ErrorCode::InvalidArgument),
    ] {
        let (got, error) = refusal(within(raw(body, kind)).await.unwrap()).await;
        assert_eq!((got, error.code), (status, code), "{name}");
    }
    let (status, error) = refusal(within(raw("{\"email\":\"x\"}".into(), json)).await.unwrap()).await;
    assert_eq!((status, error.field.as_deref()), (400, Some("display_name")), "a missing field is named");
    for (method, path, status) in [
        (Method::GET, "/nothing", 404),
        (Method::PUT, "/rooms", 405),
        (Method::GET, "/rooms/not-an-id", 404),
        (Method::GET, "/rooms?limit=many", 400),
        (Method::GET, "/rooms/01890000-0000-7000-8000-000000000000", 404),
        (Method::DELETE, "/devices/01890000-0000-7000-8000-000000000000", 404),
        (Method::POST, "/invites/%00/accept", 404),
    ] {
        let body = (method == Method::POST).then(|| json!({}));
        assert_eq!(ada.refused(method, path, body).await.0, status, "{path}");
    }
    for path in [
        "/search",
        "/search?query=a&limit=many",
        "/search?query=a&before=%27",
        "/search?query=a&utc_offset_min=x",
        "/search?query=a&room_id=x",
    ] {
        assert_eq!(ada.refused(Method::GET, path, None).await.0, 400, "{path}");
    }
    let page: SearchPage = ada.get("/search?query=%22%20OR%20%28room:*%00&utc_offset_min=-2147483648").await;
    assert!(page.messages.is_empty());
    let long = "a".repeat(QUERY_CHARS + 1);
    assert_eq!(ada.refused(Method::GET, &format!("/search?query={long}"), None).await.0, 400);
    assert_eq!(ada.refused(Method::GET, &format!("/users?query={long}"), None).await.0, 400);
}

#[tokio::test]
async fn fields_are_checked_and_named() {
    let relay = TestRelay::start().await;
    let http = Client::new();
    let good = json!({ "display_name": "Ada", "email": "a@example.org", "password": PASSWORD, "device_name": "x" });
    let marks = format!("a{}", "\u{301}".repeat(10_000));
    for (field, value) in [
        ("display_name", "A".to_owned()),
        ("display_name", "A".repeat(65)),
        ("display_name", "A\0B".into()),
        ("display_name", marks),
        ("email", "no at sign".into()),
        ("email", format!("{}@example.org", "a".repeat(300))),
        ("email", "a b@example.org".into()),
        ("password", "short".into()),
        ("password", "x".repeat(129)),
        ("device_name", String::new()),
        ("device_name", "x".repeat(65)),
    ] {
        let mut body = good.clone();
        body[field] = value.into();
        let url = format!("http://{}/api/v1/auth/sign-up", relay.address);
        let (status, error) = refusal(http.post(url).json(&body).send().await.unwrap()).await;
        assert_eq!((status, error.field.as_deref()), (400, Some(field)));
    }
}

#[tokio::test]
async fn a_list_is_no_body_although_every_field_may_be_absent() {
    let relay = TestRelay::start().await;
    let ada = relay.sign_up("Ada").await;
    for body in [serde_json::json!([]), serde_json::json!([null, null]), serde_json::json!("text")] {
        let (status, error) = ada.refused(Method::PATCH, "/me", Some(body)).await;
        assert_eq!((status, error.code), (400, ErrorCode::InvalidArgument));
    }
}

#[tokio::test]
async fn tokens_that_are_wrong_open_nothing() {
    let relay = TestRelay::start().await;
    let ada = relay.sign_up("Ada").await;
    let good = ada.session.access_token.reveal();
    let (head, signature) = good.rsplit_once('.').unwrap();
    let tampered = format!("{head}.{}", signature.chars().rev().collect::<String>());
    for token in ["", "x", "a.b.c", &tampered, ada.session.refresh_token.reveal(), &"x".repeat(5_000)] {
        let url = format!("http://{}/api/v1/rooms", relay.address);
        let (status, error) = refusal(ada.http.get(url).bearer_auth(token).send().await.unwrap()).await;
        assert_eq!((status, error.code), (401, ErrorCode::Unauthenticated));
        let mut socket = Socket::open(relay.address).await;
        let access_token = Secret::new(token);
        socket.say(&ClientMsg::Hello { version: PROTOCOL_VERSION, access_token, resume: None }).await;
        assert_eq!(socket.error().await, (ErrorCode::Unauthenticated, true));
        socket.closed().await;
    }
}

#[tokio::test]
async fn a_socket_opens_with_a_hello_of_the_right_version_only() {
    let relay = TestRelay::start().await;
    let ada = relay.sign_up("Ada").await;
    let nonsense = [
        Frame::Text("not json".into()),
        Frame::Text("{\"type\":\"ping\"}".into()),
        Frame::Text("{\"type\":\"hello\"}".into()),
        Frame::Text("{\"type\":\"unknown\"}".into()),
    ];
    for frame in nonsense {
        let mut socket = Socket::open(relay.address).await;
        socket.say_frame(frame).await;
        assert_eq!(socket.error().await, (ErrorCode::Unauthenticated, true));
        socket.closed().await;
    }
    let mut socket = Socket::open(relay.address).await;
    socket.say_frame(Frame::Binary(vec![1, 2, 3].into())).await;
    assert_eq!(socket.error().await, (ErrorCode::InvalidArgument, true));
    let mut socket = Socket::open(relay.address).await;
    let access_token = ada.session.access_token.clone();
    socket.say(&ClientMsg::Hello { version: 999, access_token, resume: None }).await;
    assert_eq!(socket.error().await, (ErrorCode::UnsupportedVersion, true));
    socket.closed().await;
    let mut socket = Socket::open(relay.address).await;
    assert_eq!(socket.error().await, (ErrorCode::Unauthenticated, true), "silence is not a hello");
    socket.closed().await;
}

#[tokio::test]
async fn nonsense_on_an_open_socket_is_answered_and_the_socket_goes_on() {
    let relay = TestRelay::start().await;
    let ada = relay.sign_up("Ada").await;
    let room_id = ada.group("Notes", &[]).await.id;
    let mut socket = ada.connect().await;
    for text in [
        "not json",
        "{}",
        "[]",
        "{\"type\":\"unknown\"}",
        "{\"type\":\"ack\",\"seq\":-1}",
        "{\"type\":\"ack\",\"seq\":1e99}",
        "\"\\ud800\"",
    ] {
        socket.say_text(text.into()).await;
        assert_eq!(socket.error().await, (ErrorCode::InvalidArgument, false), "{text}");
    }
    socket.say_text("[".repeat(100_000)).await;
    assert_eq!(socket.error().await, (ErrorCode::InvalidArgument, false), "deep nesting");
    socket.say_frame(Frame::Binary(vec![0; 10].into())).await;
    assert_eq!(socket.error().await, (ErrorCode::InvalidArgument, false));
    socket.say_text("{\"type\":\"request\",\"id\":900,\"request\":{\"type\":\"fly\"}}".into()).await;
    let unknown = socket.reply(RequestId(900)).await;
    assert_eq!(unknown.map_err(|error| error.code), Err(ErrorCode::InvalidArgument), "its sender does not wait");
    socket.say(&ada.hello(None)).await;
    assert_eq!(socket.error().await, (ErrorCode::Conflict, false), "a second hello");
    assert!(socket.is_alive().await);
    assert_eq!(socket.send_text(room_id, "still here").await.seq, Seq(1));
}

#[tokio::test]
async fn endless_nonsense_ends_the_socket() {
    let relay = TestRelay::start().await;
    let ada = relay.sign_up("Ada").await;
    let mut socket = ada.connect().await;
    for _ in 0..=100 {
        socket.say_text("nonsense".into()).await;
    }
    let mut fatal = false;
    while let Some(msg) = socket.next().await {
        if let ServerMsg::Error { fatal: true, .. } = msg {
            fatal = true;
        }
    }
    assert!(fatal, "the last answer says so");
}

#[tokio::test]
async fn a_frame_over_the_limit_is_refused_and_the_session_can_be_resumed() {
    let relay = TestRelay::start().await;
    let ada = relay.sign_up("Ada").await;
    let room_id = ada.group("Notes", &[]).await.id;
    let mut socket = ada.connect().await;
    socket.send_text(room_id, "before").await;
    socket.stored().await;
    socket.say_text("x".repeat(SOCKET_FRAME_BYTES + 1)).await;
    assert_eq!(socket.error().await, (ErrorCode::TooLarge, true));
    socket.closed().await;
    let (mut socket, welcome) = ada.connect_resuming(Some(socket.resume())).await;
    assert!(welcome.resumed, "nothing is lost by it");
    assert_eq!(socket.send_text(room_id, "after").await.seq, Seq(2));
}

#[tokio::test]
async fn requests_are_checked() {
    let relay = TestRelay::start().await;
    let (ada, bob) = (relay.sign_up("Ada").await, relay.sign_up("Bob").await);
    let (room_id, other_id) = (ada.group("Notes", &[]).await.id, ada.group("Other", &[]).await.id);
    let foreign = bob.group("Bob's", &[]).await.id;
    let (mut a, mut b) = (ada.connect().await, bob.connect().await);
    let message_id = a.send_text(room_id, "mine").await.id;
    for (text, code) in [
        ("", ErrorCode::InvalidArgument),
        (" \n\t ", ErrorCode::InvalidArgument),
        ("nul \0 inside", ErrorCode::InvalidArgument),
        (&*format!("a{}", "\u{301}".repeat(3_000)), ErrorCode::InvalidArgument),
        (&*"x".repeat(MESSAGE_CHARS + 1), ErrorCode::TooLarge),
        (&*format!("a{}", "\u{301}".repeat(10_000)), ErrorCode::TooLarge),
    ] {
        assert_eq!(a.refused(send(room_id, text)).await, code);
    }
    assert_eq!(a.refused(send(foreign, "x")).await, ErrorCode::NotFound, "a foreign room");
    assert_eq!(a.refused(send(RoomId::from_bytes([7; 16]), "x")).await, ErrorCode::NotFound, "no room");
    let edit = |room_id| Request::EditMessage { room_id, message_id, text: "x".into() };
    assert_eq!(b.refused(edit(room_id)).await, ErrorCode::NotFound, "a foreign message");
    assert_eq!(a.refused(edit(other_id)).await, ErrorCode::NotFound, "a message of another room");
    assert_eq!(b.refused(Request::DeleteMessage { room_id: foreign, message_id }).await, ErrorCode::NotFound);
    assert_eq!(b.refused(Request::MarkRead { room_id, seq: Seq(1) }).await, ErrorCode::NotFound);
    assert_eq!(b.refused(Request::SetTyping { room_id, typing: true }).await, ErrorCode::NotFound);
    assert_eq!(b.refused(start_call(room_id)).await, ErrorCode::NotFound);
    let react = |room_id| Request::SetReaction { room_id, message_id, emoji: "👍".into(), on: true };
    let pin = |room_id| Request::SetPinned { room_id, message_id, pinned: true };
    for foreign_request in [react(room_id), pin(room_id), react(foreign), pin(foreign)] {
        assert_eq!(b.refused(foreign_request).await, ErrorCode::NotFound);
    }
    for path in [
        format!("/rooms/{room_id}/messages?around=1"),
        format!("/rooms/{room_id}/messages/{message_id}"),
        format!("/rooms/{room_id}/messages/{message_id}/versions"),
        format!("/rooms/{room_id}/pins"),
        format!("/rooms/{room_id}/threads/{message_id}"),
        format!("/search?query=x&room_id={room_id}"),
    ] {
        let (status, error) = bob.refused(Method::GET, &path, None).await;
        assert_eq!((status, error.code), (404, ErrorCode::NotFound), "{path}");
    }
    assert_eq!(a.send_text(room_id, &"ü".repeat(MESSAGE_CHARS)).await.seq, Seq(2), "the limit itself is allowed");
}

#[tokio::test]
async fn signals_are_bounded() {
    let relay = TestRelay::start().await;
    let (ada, bob) = (relay.sign_up("Ada").await, relay.sign_up("Bob").await);
    let room_id = ada.direct(&bob).await.id;
    let (mut a, mut b) = (ada.connect().await, bob.connect().await);
    let (call, to) = a.call(start_call(room_id)).await;
    b.call_in(CallPhase::Ringing, 1).await;
    b.call(Request::AcceptCall { call_id: call.id, media: MEDIA }).await;
    let description = |bytes: usize| Request::Signal {
        call_id: call.id,
        to,
        signal: Signal::Description {
            kind: DescriptionKind::Offer,
            sdp: "x".repeat(bytes),
            generation: 1,
            tracks: Vec::new(),
        },
    };
    b.done(description(SDP_BYTES)).await;
    assert_eq!(b.refused(description(SDP_BYTES + 1)).await, ErrorCode::TooLarge);
    let candidate = |line: String| Request::Signal {
        call_id: call.id,
        to,
        signal: Signal::Candidate { candidate: line, sdp_mid: None, sdp_m_line_index: None, generation: 1 },
    };
    assert_eq!(b.refused(candidate("x".repeat(CANDIDATE_BYTES + 1))).await, ErrorCode::TooLarge);
    for n in 0..CANDIDATES_PER_CONNECTION {
        b.done(candidate(format!("candidate:{n}"))).await;
    }
    assert_eq!(b.refused(candidate("one more".into())).await, ErrorCode::RateLimited);
    assert!(b.is_alive().await, "the call and the socket go on");
    b.done(Request::LeaveCall { call_id: call.id }).await;
}
