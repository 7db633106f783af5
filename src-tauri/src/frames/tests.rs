use std::{sync::Arc, time::Instant};

use futures_util::{SinkExt, StreamExt};
use parley_client::engine::{FrameHub, StreamId};
use parley_media::frame::{I420, VideoFrame};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{
        Error, Message,
        client::IntoClientRequest,
        http::{HeaderValue, StatusCode},
    },
};

use super::{door::MAX_MESSAGE_BYTES, *};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

const SOON: Duration = Duration::from_secs(10);
/// Long enough for a frame that should not come to come.
const A_WHILE: Duration = Duration::from_millis(300);
const WEBVIEW: Option<&str> = Some("tauri://localhost");

#[derive(Debug, PartialEq)]
struct Picture {
    stream: u32,
    sequence: u32,
    size: (u16, u16),
    /// Of the first pixel: the tests count pictures with it.
    luma: u8,
}

async fn server() -> (FramesServer, FrameHub) {
    let hub = FrameHub::new();
    (FramesServer::start(hub.clone()).await.unwrap(), hub)
}

async fn connect(endpoint: &FramesEndpoint, origin: Option<&str>) -> Result<Socket, Error> {
    let mut request = endpoint.url.as_str().into_client_request()?;
    if let Some(origin) = origin {
        request.headers_mut().insert("origin", HeaderValue::from_str(origin).unwrap());
    }
    Ok(timeout(SOON, connect_async(request)).await.unwrap()?.0)
}

async fn open(endpoint: &FramesEndpoint) -> Socket {
    let mut socket = connect(endpoint, WEBVIEW).await.unwrap();
    say(&mut socket, &endpoint.token).await;
    socket
}

async fn say(socket: &mut Socket, text: &str) {
    socket.send(Message::text(text)).await.unwrap();
}

async fn picture(socket: &mut Socket) -> Picture {
    loop {
        match timeout(SOON, socket.next()).await.expect("a picture within 10 s").expect("an open socket").unwrap() {
            Message::Binary(bytes) => return parse(&bytes),
            Message::Ping(_) | Message::Pong(_) => {}
            other => panic!("not a picture: {other:?}"),
        }
    }
}

fn parse(bytes: &[u8]) -> Picture {
    let u32_at = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let u16_at = |at: usize| u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap());
    let size = (u16_at(8), u16_at(10));
    assert_eq!(bytes.len(), 12 + usize::from(size.0) * usize::from(size.1) * 3 / 2);
    Picture { stream: u32_at(0), sequence: u32_at(4), size, luma: bytes[12] }
}

async fn nothing_comes(socket: &mut Socket) {
    let came = timeout(A_WHILE, socket.next()).await;
    assert!(came.is_err(), "nothing should come, but: {came:?}");
}

/// Whether the server ends the connection rather than sending pictures.
async fn is_closed(socket: &mut Socket) -> bool {
    match timeout(SOON, socket.next()).await.expect("the server closes") {
        None | Some(Err(_) | Ok(Message::Close(_))) => true,
        Some(Ok(Message::Text(_) | Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {
            false
        }
    }
}

fn publish(hub: &FrameHub, stream: u32, size: (usize, usize), luma: u8) {
    let mut picture = I420::new(size.0, size.1);
    picture.y_mut().fill(luma);
    hub.publish(StreamId(stream), VideoFrame { picture: Arc::new(picture), captured_at: Instant::now() });
}

#[tokio::test]
async fn tile_gets_pictures_in_its_size() {
    let (server, hub) = server().await;
    let mut socket = open(&server.endpoint()).await;
    say(&mut socket, r#"{"tile":{"stream":2,"width":320,"height":180}}"#).await;
    publish(&hub, 2, (1280, 720), 50);
    assert_eq!(picture(&mut socket).await, Picture { stream: 2, sequence: 0, size: (320, 180), luma: 50 });
    say(&mut socket, r#"{"ack":2}"#).await;
    say(&mut socket, r#"{"tile":{"stream":2,"width":4000,"height":3000}}"#).await;
    assert_eq!(
        picture(&mut socket).await,
        Picture { stream: 2, sequence: 1, size: (1280, 720), luma: 50 },
        "a resized tile is drawn again, never enlarged"
    );
}

#[tokio::test]
async fn slow_reader_sees_the_newest_and_nothing_queues() {
    let (server, hub) = server().await;
    let mut socket = open(&server.endpoint()).await;
    say(&mut socket, r#"{"tile":{"stream":2,"width":64,"height":64}}"#).await;
    publish(&hub, 2, (64, 64), 100);
    assert_eq!(picture(&mut socket).await.luma, 100);
    for luma in 101..=200 {
        publish(&hub, 2, (64, 64), luma);
    }
    nothing_comes(&mut socket).await;
    say(&mut socket, r#"{"ack":2}"#).await;
    assert_eq!(picture(&mut socket).await, Picture { stream: 2, sequence: 1, size: (64, 64), luma: 200 });
    say(&mut socket, r#"{"ack":2}"#).await;
    nothing_comes(&mut socket).await;
}

#[tokio::test]
async fn ack_without_a_picture_buys_no_second_one() {
    let (server, hub) = server().await;
    let mut socket = open(&server.endpoint()).await;
    say(&mut socket, r#"{"tile":{"stream":2,"width":64,"height":64}}"#).await;
    for _ in 0..5 {
        say(&mut socket, r#"{"ack":2}"#).await;
    }
    say(&mut socket, r#"{"ack":99}"#).await;
    publish(&hub, 2, (64, 64), 100);
    assert_eq!(picture(&mut socket).await.luma, 100);
    publish(&hub, 2, (64, 64), 101);
    nothing_comes(&mut socket).await;
}

#[tokio::test]
async fn streams_do_not_wait_for_each_other() {
    let (server, hub) = server().await;
    let mut socket = open(&server.endpoint()).await;
    say(&mut socket, r#"{"tile":{"stream":2,"width":64,"height":64}}"#).await;
    publish(&hub, 2, (64, 64), 100);
    assert_eq!(picture(&mut socket).await.stream, 2);
    say(&mut socket, r#"{"tile":{"stream":0,"width":64,"height":64}}"#).await;
    publish(&hub, 0, (64, 64), 30);
    assert_eq!(picture(&mut socket).await.stream, 0);
}

#[tokio::test]
async fn hidden_tile_gets_nothing() {
    let (server, hub) = server().await;
    let mut socket = open(&server.endpoint()).await;
    say(&mut socket, r#"{"tile":{"stream":2,"width":64,"height":64}}"#).await;
    publish(&hub, 2, (64, 64), 100);
    assert_eq!(picture(&mut socket).await.luma, 100);
    say(&mut socket, r#"{"ack":2}"#).await;
    say(&mut socket, r#"{"tile":{"stream":2,"width":0,"height":0}}"#).await;
    // A tile of another stream answers only after the message before it was read.
    say(&mut socket, r#"{"tile":{"stream":3,"width":64,"height":64}}"#).await;
    publish(&hub, 3, (64, 64), 40);
    assert_eq!(picture(&mut socket).await.stream, 3);
    publish(&hub, 2, (64, 64), 101);
    nothing_comes(&mut socket).await;
}

#[tokio::test]
async fn wrong_token_is_refused() {
    let (server, hub) = server().await;
    let endpoint = server.endpoint();
    publish(&hub, 2, (64, 64), 100);
    for shown in ["", "0", &"0".repeat(64), &endpoint.token[..63], &format!("{}0", endpoint.token)] {
        let mut socket = connect(&endpoint, WEBVIEW).await.unwrap();
        say(&mut socket, shown).await;
        assert!(is_closed(&mut socket).await, "{shown:?} should be refused");
    }
    let mut socket = connect(&endpoint, WEBVIEW).await.unwrap();
    socket.send(Message::binary(endpoint.token.clone().into_bytes())).await.unwrap();
    assert!(is_closed(&mut socket).await, "the token comes as text");
}

#[tokio::test]
async fn token_works_once() {
    let (server, hub) = server().await;
    let endpoint = server.endpoint();
    let mut first = open(&endpoint).await;
    let mut second = open(&endpoint).await;
    assert!(is_closed(&mut second).await);
    say(&mut first, r#"{"tile":{"stream":2,"width":64,"height":64}}"#).await;
    publish(&hub, 2, (64, 64), 100);
    assert_eq!(picture(&mut first).await.luma, 100, "the first one stays");
}

#[tokio::test]
async fn reloaded_page_replaces_the_one_before() {
    let (server, hub) = server().await;
    publish(&hub, 2, (64, 64), 100);
    let mut before = open(&server.endpoint()).await;
    say(&mut before, r#"{"tile":{"stream":2,"width":64,"height":64}}"#).await;
    assert_eq!(picture(&mut before).await.luma, 100);

    let stale = server.endpoint();
    let mut reloaded = open(&server.endpoint()).await;
    say(&mut reloaded, r#"{"tile":{"stream":2,"width":64,"height":64}}"#).await;
    assert_eq!(picture(&mut reloaded).await.luma, 100);
    assert!(is_closed(&mut before).await);
    let mut late = open(&stale).await;
    assert!(is_closed(&mut late).await, "a newer token ends an older one");
}

#[tokio::test]
async fn foreign_origin_is_refused() {
    let (server, _hub) = server().await;
    let endpoint = server.endpoint();
    for origin in [
        None,
        Some("null"),
        Some("http://127.0.0.1"),
        Some("https://tauri.localhost.example"),
        Some("tauri://localhost.example"),
    ] {
        match connect(&endpoint, origin).await {
            Err(Error::Http(response)) => assert_eq!(response.status(), StatusCode::FORBIDDEN),
            other => panic!("{origin:?} should be refused, not {other:?}"),
        }
    }
    assert!(connect(&endpoint, Some("http://tauri.localhost")).await.is_ok());
}

#[tokio::test]
async fn message_that_is_too_large_ends_the_connection() {
    let (server, hub) = server().await;
    publish(&hub, 2, (64, 64), 100);
    let tile = r#"{"tile":{"stream":2,"width":64,"height":64}}"#;
    let padded = |bytes: usize| format!("{tile}{}", " ".repeat(bytes - tile.len()));

    let mut socket = open(&server.endpoint()).await;
    say(&mut socket, &padded(MAX_MESSAGE_BYTES)).await;
    assert_eq!(picture(&mut socket).await.luma, 100);

    let mut socket = open(&server.endpoint()).await;
    // It may be closed before all of it is sent.
    let _ = socket.send(Message::text(padded(MAX_MESSAGE_BYTES + 1))).await;
    assert!(is_closed(&mut socket).await);
}

#[tokio::test]
async fn nonsense_ends_the_connection() {
    let (server, _hub) = server().await;
    for nonsense in
        ["", "{}", "[]", r#"{"tile":{"stream":-1,"width":1,"height":1}}"#, r#"{"tile":{"stream":2}}"#, r#"{"quit":1}"#]
    {
        let mut socket = open(&server.endpoint()).await;
        say(&mut socket, nonsense).await;
        assert!(is_closed(&mut socket).await, "{nonsense:?} should end the connection");
    }
}

#[tokio::test]
async fn tiles_are_bounded() {
    let (server, _hub) = server().await;
    let mut socket = open(&server.endpoint()).await;
    for stream in 0..65 {
        say(&mut socket, &format!(r#"{{"tile":{{"stream":{stream},"width":64,"height":64}}}}"#)).await;
    }
    assert!(is_closed(&mut socket).await);
}

#[tokio::test]
async fn strangers_cannot_fill_the_door() {
    let (server, _hub) = server().await;
    let endpoint = server.endpoint();
    let mut silent = Vec::new();
    for _ in 0..MAX_WAITING {
        silent.push(connect(&endpoint, WEBVIEW).await.unwrap());
    }
    assert!(connect(&endpoint, WEBVIEW).await.is_err());
    drop(silent);
    let opened = async {
        loop {
            if let Ok(socket) = connect(&endpoint, WEBVIEW).await {
                return socket;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(timeout(SOON, opened).await.is_ok(), "places are free again once the strangers left");
}

#[tokio::test]
async fn dropped_server_ends_the_connection() {
    let (server, _hub) = server().await;
    let endpoint = server.endpoint();
    let mut socket = open(&endpoint).await;
    say(&mut socket, r#"{"tile":{"stream":2,"width":64,"height":64}}"#).await;
    drop(server);
    assert!(is_closed(&mut socket).await);
    assert!(connect(&endpoint, WEBVIEW).await.is_err());
}
