//! A relay, people, and their sockets.
#![expect(clippy::unwrap_used, reason = "a test whose footing breaks has failed")]

use std::collections::VecDeque;
use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use parley_relay::config::Config;
use parley_shared::ids::{CallId, ClientMessageId, EventSeq, RequestId, RoomId, UnixMs, UserId};
use parley_shared::wire::*;
use rand::RngCore;
use reqwest::{Client, Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Whatever is awaited comes within this time, or the test fails. Generous: build machines are busy.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub const PASSWORD: &str = "a good password";

/// A relay in this process, on a free port.
pub struct TestRelay {
    pub address: SocketAddr,
    _dir: tempfile::TempDir,
    stop: Option<oneshot::Sender<()>>,
    server: Option<tokio::task::JoinHandle<anyhow::Result<()>>>,
}

impl TestRelay {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::for_tests(dir.path().to_owned());
        change(&mut config);
        let listener = TcpListener::bind(config.listen).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let stopped = async {
            let _ = stopped.await;
        };
        let server = tokio::spawn(parley_relay::app::serve(config, listener, stopped));
        Self { address, _dir: dir, stop: Some(stop), server: Some(server) }
    }

    pub async fn stop(&mut self) {
        drop(self.stop.take());
        if let Some(server) = self.server.take() {
            within(server).await.unwrap().unwrap();
        }
    }

    pub async fn sign_up(&self, name: &str) -> Someone {
        sign_up(self.address, name).await
    }
}

pub async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it came in time")
}

pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::rng().fill_bytes(&mut bytes);
    bytes
}

/// A signed-in person.
pub struct Someone {
    pub http: Client,
    pub address: SocketAddr,
    pub email: String,
    pub session: Session,
}

pub async fn sign_up(address: SocketAddr, name: &str) -> Someone {
    let email = format!("{}@example.org", name.to_lowercase().replace(' ', "."));
    let body = SignUp {
        display_name: name.into(),
        email: email.clone(),
        password: Secret::new(PASSWORD),
        device_name: "test".into(),
        registration_code: None,
    };
    let http = Client::new();
    let session = post(&http, address, "/auth/sign-up", &body).await;
    Someone { http, address, email, session }
}

async fn post<T: DeserializeOwned>(http: &Client, address: SocketAddr, path: &str, body: &impl Serialize) -> T {
    let response = within(http.post(format!("http://{address}/api/v1{path}")).json(body).send()).await.unwrap();
    assert!(response.status().is_success(), "{path}: {}", response.text().await.unwrap());
    response.json().await.unwrap()
}

impl Someone {
    pub fn id(&self) -> UserId {
        self.session.user.id
    }

    /// Another device of the same person.
    pub async fn sign_in(&self) -> Someone {
        let body = SignIn { email: self.email.clone(), password: Secret::new(PASSWORD), device_name: "second".into() };
        let session = post(&self.http, self.address, "/auth/sign-in", &body).await;
        Someone { http: self.http.clone(), address: self.address, email: self.email.clone(), session }
    }

    pub async fn send(&self, method: Method, path: &str, body: Option<serde_json::Value>) -> reqwest::Response {
        let url = format!("http://{}/api/v1{path}", self.address);
        let mut request = self.http.request(method, url).bearer_auth(self.session.access_token.reveal());
        if let Some(body) = body {
            request = request.json(&body);
        }
        within(request.send()).await.unwrap()
    }

    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> T {
        let response = self.send(Method::GET, path, None).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}: {}", response.text().await.unwrap());
        response.json().await.unwrap()
    }

    /// Sends and takes what comes back; fails the test unless it succeeds.
    pub async fn ask<T: DeserializeOwned>(&self, method: Method, path: &str, body: impl Serialize) -> T {
        let response = self.send(method, path, Some(serde_json::to_value(body).unwrap())).await;
        assert!(response.status().is_success(), "{path}: {}", response.text().await.unwrap());
        response.json().await.unwrap()
    }

    /// Sends something without an answer.
    pub async fn tell(&self, method: Method, path: &str) {
        let response = self.send(method, path, None).await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT, "{path}: {}", response.text().await.unwrap());
    }

    /// Sends and takes the refusal.
    pub async fn refused(&self, method: Method, path: &str, body: Option<serde_json::Value>) -> (u16, WireError) {
        refusal(self.send(method, path, body).await).await
    }

    pub async fn direct(&self, other: &Someone) -> Room {
        let body = serde_json::json!({ "kind": "direct", "members": [other.id()] });
        self.ask(Method::POST, "/rooms", body).await
    }

    pub async fn group(&self, name: &str, others: &[&Someone]) -> Room {
        let members: Vec<UserId> = others.iter().map(|other| other.id()).collect();
        let body = serde_json::json!({ "kind": "group", "name": name, "members": members });
        self.ask(Method::POST, "/rooms", body).await
    }

    pub async fn connect(&self) -> Socket {
        let (socket, welcome) = self.connect_resuming(None).await;
        assert!(!welcome.resumed);
        socket
    }

    pub async fn connect_resuming(&self, resume: Option<Resume>) -> (Socket, Welcome) {
        let mut socket = Socket::open(self.address).await;
        socket.say(&self.hello(resume)).await;
        let welcome = socket.welcome().await;
        socket.session = Some(welcome.session_id);
        if let Some(resume) = resume.filter(|_| welcome.resumed) {
            socket.last_event = resume.last_seq;
            // The session remembers the requests of the socket before.
            socket.next_request = 1_000;
        }
        (socket, welcome)
    }

    pub fn hello(&self, resume: Option<Resume>) -> ClientMsg {
        ClientMsg::Hello { version: PROTOCOL_VERSION, access_token: self.session.access_token.clone(), resume }
    }
}

pub async fn refusal(response: reqwest::Response) -> (u16, WireError) {
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    let body: ErrorBody = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status} has the envelope: {text}"));
    (status, body.error)
}

/// A socket that counts events and keeps what nobody has asked for yet.
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    waiting: VecDeque<ServerMsg>,
    next_request: u64,
    pub last_event: EventSeq,
    pub session: Option<parley_shared::ids::SessionId>,
}

impl Socket {
    /// Connects without a hello.
    pub async fn open(address: SocketAddr) -> Self {
        let (stream, _) = within(connect_async(format!("ws://{address}/api/v1/socket"))).await.unwrap();
        Self { stream, waiting: VecDeque::new(), next_request: 0, last_event: EventSeq(0), session: None }
    }

    pub async fn say(&mut self, msg: &ClientMsg) {
        self.say_text(serde_json::to_string(msg).unwrap()).await;
    }

    pub async fn say_text(&mut self, text: String) {
        self.say_frame(Frame::Text(text.into())).await;
    }

    /// Sends a frame; a socket that the relay has closed takes none, which the next read shows.
    pub async fn say_frame(&mut self, frame: Frame) {
        let _ = within(self.stream.send(frame)).await;
    }

    /// The next message; none when the socket is closed.
    pub async fn next(&mut self) -> Option<ServerMsg> {
        loop {
            match within(self.stream.next()).await {
                Some(Ok(Frame::Text(text))) => {
                    let msg = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
                    if let ServerMsg::Event { seq, .. } = &msg {
                        assert_eq!(seq.0, self.last_event.0 + 1, "events have no gaps and no doubles");
                        self.last_event = *seq;
                    }
                    return Some(msg);
                }
                Some(Ok(Frame::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// Waits for a message that `wanted` takes; keeps the others for later.
    pub async fn find<T>(&mut self, wanted: impl Fn(&ServerMsg) -> Option<T>) -> T {
        if let Some(place) = self.waiting.iter().position(|msg| wanted(msg).is_some()) {
            let msg = self.waiting.remove(place).unwrap();
            return wanted(&msg).unwrap();
        }
        loop {
            let msg = self.next().await.expect("the socket is open");
            if let Some(found) = wanted(&msg) {
                return found;
            }
            self.waiting.push_back(msg);
        }
    }

    pub async fn event<T>(&mut self, wanted: impl Fn(&Event) -> Option<T>) -> T {
        self.find(|msg| match msg {
            ServerMsg::Event { event, .. } => wanted(event),
            _ => None,
        })
        .await
    }

    pub async fn hint<T>(&mut self, wanted: impl Fn(&Hint) -> Option<T>) -> T {
        self.find(|msg| match msg {
            ServerMsg::Hint { hint } => wanted(hint),
            _ => None,
        })
        .await
    }

    pub async fn welcome(&mut self) -> Welcome {
        self.find(|msg| match msg {
            ServerMsg::Welcome(welcome) => Some((**welcome).clone()),
            _ => None,
        })
        .await
    }

    /// The next error without an id, and whether it is fatal.
    pub async fn error(&mut self) -> (ErrorCode, bool) {
        self.find(|msg| match msg {
            ServerMsg::Error { id: None, error, fatal } => Some((error.code, *fatal)),
            _ => None,
        })
        .await
    }

    /// Sends a request without waiting for its reply.
    pub async fn begin(&mut self, request: Request) -> RequestId {
        self.next_request += 1;
        let id = RequestId(self.next_request);
        self.say(&ClientMsg::Request { id, request }).await;
        id
    }

    pub async fn reply(&mut self, wanted: RequestId) -> Result<Reply, WireError> {
        self.find(|msg| match msg {
            ServerMsg::Reply { id, reply } if *id == wanted => Some(Ok(reply.clone())),
            ServerMsg::Error { id: Some(id), error, .. } if *id == wanted => Some(Err(error.clone())),
            _ => None,
        })
        .await
    }

    pub async fn request(&mut self, request: Request) -> Result<Reply, WireError> {
        let id = self.begin(request).await;
        self.reply(id).await
    }

    pub async fn refused(&mut self, request: Request) -> ErrorCode {
        self.request(request).await.expect_err("it is refused").code
    }

    pub async fn done(&mut self, request: Request) {
        assert_eq!(self.request(request).await, Ok(Reply::Done));
    }

    pub async fn send_text(&mut self, room_id: RoomId, text: &str) -> Message {
        match self.request(send(room_id, text)).await {
            Ok(Reply::Message { message }) => *message,
            other => panic!("a message is stored, not {other:?}"),
        }
    }

    pub async fn call(&mut self, request: Request) -> (Call, parley_shared::ids::ParticipantId) {
        match self.request(request).await {
            Ok(Reply::Call { call, participant_id }) => (*call, participant_id),
            other => panic!("a call is answered, not {other:?}"),
        }
    }

    pub async fn stored(&mut self) -> Message {
        self.event(|event| match event {
            Event::MessageStored { message } => Some((**message).clone()),
            _ => None,
        })
        .await
    }

    pub async fn call_ended(&mut self) -> CallEndReason {
        self.event(|event| match event {
            Event::CallEnded { reason, .. } => Some(*reason),
            _ => None,
        })
        .await
    }

    pub async fn call_in(&mut self, wanted: CallPhase, participants: usize) -> Call {
        self.event(|event| match event {
            Event::CallChanged { call } if call.phase == wanted && call.participants.len() == participants => {
                Some((**call).clone())
            }
            _ => None,
        })
        .await
    }

    /// True when the relay still answers on this socket.
    pub async fn is_alive(&mut self) -> bool {
        self.say(&ClientMsg::Ping).await;
        loop {
            match self.next().await {
                Some(ServerMsg::Pong) => return true,
                Some(msg) => self.waiting.push_back(msg),
                None => return false,
            }
        }
    }

    /// What came and nobody has asked for.
    pub fn kept(&self) -> Vec<&ServerMsg> {
        self.waiting.iter().collect()
    }

    /// Waits until the relay closed the socket.
    pub async fn closed(&mut self) {
        while let Some(msg) = self.next().await {
            self.waiting.push_back(msg);
        }
    }

    pub fn resume(&self) -> Resume {
        Resume { session_id: self.session.expect("welcomed"), last_seq: self.last_event }
    }
}

pub fn send(room_id: RoomId, text: &str) -> Request {
    Request::SendMessage {
        room_id,
        client_id: ClientMessageId::from_parts(UnixMs(1), random()),
        text: text.into(),
        reply_to: None,
        thread_id: None,
        attachments: Vec::new(),
    }
}

pub const MEDIA: MediaState = MediaState { microphone: true, camera: false };

pub fn start_call(room_id: RoomId) -> Request {
    Request::StartCall { room_id, call_id: CallId::from_parts(UnixMs(1), random()), media: MEDIA }
}

/// The relay's binary as a process of its own, for what only a process can suffer.
pub struct RelayProcess {
    child: tokio::process::Child,
    pub address: SocketAddr,
    log: tokio::task::JoinHandle<String>,
}

impl RelayProcess {
    pub async fn start(data_dir: &Path, listen: &str) -> Self {
        Self::start_with(data_dir, listen, &[]).await
    }

    pub async fn start_with_config(data_dir: &Path, listen: &str, config: &Path) -> Self {
        Self::start_with(data_dir, listen, &["--config".as_ref(), config.as_os_str()]).await
    }

    async fn start_with(data_dir: &Path, listen: &str, more: &[&std::ffi::OsStr]) -> Self {
        use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
        let mut child = tokio::process::Command::new(env!("CARGO_BIN_EXE_parley-relay"))
            .args(["serve", "--listen", listen, "--data-dir"])
            .arg(data_dir)
            .args(more)
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let log = tokio::spawn(async move {
            let mut text = String::new();
            let _ = stderr.read_to_string(&mut text).await;
            text
        });
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = within(lines.next_line()).await.unwrap().expect("the relay says where it listens");
        let address = line.rsplit_once("http://").expect("an address").1.parse().unwrap();
        Self { child, address, log }
    }

    pub fn pid(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// SIGKILL: no goodbye, nothing flushed.
    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Ends it and gives what it logged.
    pub async fn log(mut self) -> String {
        self.child.kill().await.unwrap();
        within(self.log).await.unwrap()
    }

    /// SIGTERM; true when it ends by itself and well.
    pub async fn terminate(mut self) -> bool {
        let status = std::process::Command::new("kill").args(["-TERM", &self.pid().to_string()]).status().unwrap();
        status.success() && within(self.child.wait()).await.unwrap().success()
    }
}
