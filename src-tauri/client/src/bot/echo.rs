//! Echo, the partner that everyone can call to hear and see themselves come back.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use parley_shared::ids::{CallId, ClientMessageId, DeviceId, RoomId, UserId};
use parley_shared::wire::{
    Call, CallPhase, DeclineReason, Event, IceServer, MediaState, Message, MessageBody, Reply, Request, RoomKind,
    Secret, Session, SignIn, Welcome,
};
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::echo_call::{EchoCall, Outgoing};
use crate::api::{Api, Http, Tokens, enter};
use crate::core::{ApiCall, ApiReply, LinkEvent, OpId};
use crate::signaling::Signaling;

/// Calls at once: each encodes a picture of its own.
const CALLS: usize = 4;
/// Wait before signing in again.
const SIGN_IN_AGAIN: Duration = Duration::from_secs(5);
/// A room where Echo said its sentence gets it again after this time.
const SAY_AGAIN: Duration = Duration::from_secs(600);
const GREETING: &str = "Hello, I am Echo. Call me to hear and see yourself come back.";

#[derive(Debug, Args)]
pub struct EchoArgs {
    /// The file that the relay wrote for Echo.
    #[arg(long)]
    credentials: PathBuf,
    /// Another address of the relay than the file names.
    #[arg(long)]
    relay: Option<String>,
}

/// Echo's sign-in, as the relay writes it.
#[derive(Debug, Deserialize)]
pub struct EchoCredentials {
    pub relay_url: String,
    pub email: String,
    pub password: Secret,
}

/// Runs for ever.
pub(super) async fn run(args: EchoArgs) -> Result<()> {
    let mut credentials = read(&args.credentials)?;
    if let Some(relay_url) = args.relay {
        credentials.relay_url = relay_url;
    }
    loop {
        match sign_in(&credentials).await {
            Ok(session) => serve(&credentials.relay_url, session).await?,
            Err(error) => tracing::warn!(%error, "Echo cannot sign in"),
        }
        tokio::time::sleep(SIGN_IN_AGAIN).await;
    }
}

fn read(path: &Path) -> Result<EchoCredentials> {
    let bytes = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    serde_json::from_slice(&bytes).with_context(|| format!("{} holds no credentials", path.display()))
}

async fn sign_in(credentials: &EchoCredentials) -> Result<Session> {
    let body = SignIn {
        email: credentials.email.clone(),
        password: credentials.password.clone(),
        device_name: "parley-bot".to_owned(),
    };
    let call = ApiCall::SignIn { relay_url: credentials.relay_url.clone(), body };
    match enter(call).await {
        Ok(ApiReply::Session(session)) => Ok(*session),
        Ok(_) => anyhow::bail!("the relay's answer makes no sense"),
        Err(failure) => anyhow::bail!("{}", crate::core::failure_to_error(failure).message),
    }
}

/// Serves until the session is over.
async fn serve(relay_url: &str, session: Session) -> Result<()> {
    let http = Http::new(relay_url).context("HTTP does not work on this machine")?;
    let (renewed, mut sessions) = mpsc::channel(1);
    let (to_link_events, mut link_events) = mpsc::channel(256);
    let (to_signals, mut signals) = mpsc::channel::<Outgoing>(256);
    let me = session.user.id;
    let tokens = Tokens::spawn(http.clone(), session, renewed);
    let api = Api::new(http, tokens.clone());
    let link = Signaling::spawn(relay_url, tokens, to_link_events);
    let mut partner = Partner::new(me, api, link, to_signals);
    loop {
        tokio::select! {
            event = link_events.recv() => match event {
                Some(LinkEvent::SignedOut { .. }) | None => return Ok(()),
                Some(event) => partner.on_link(event).await,
            },
            Some((call_id, to, signal)) = signals.recv() => {
                partner.request(Request::Signal { call_id, to, signal });
            }
            // Tokens live in memory only.
            Some(_) = sessions.recv() => {}
        }
    }
}

struct Partner {
    me: UserId,
    api: Api,
    link: Signaling,
    signals: mpsc::Sender<Outgoing>,
    device: Option<DeviceId>,
    ice_servers: Vec<IceServer>,
    direct_rooms: BTreeSet<RoomId>,
    said: BTreeMap<RoomId, Instant>,
    calls: BTreeMap<CallId, EchoCall>,
    /// Accepted, not answered yet by the relay.
    accepting: BTreeMap<OpId, CallId>,
    next_op: u64,
    ready: bool,
}

impl Partner {
    fn new(me: UserId, api: Api, link: Signaling, signals: mpsc::Sender<Outgoing>) -> Self {
        Self {
            me,
            api,
            link,
            signals,
            device: None,
            ice_servers: Vec::new(),
            direct_rooms: BTreeSet::new(),
            said: BTreeMap::new(),
            calls: BTreeMap::new(),
            accepting: BTreeMap::new(),
            next_op: 0,
            ready: false,
        }
    }

    async fn on_link(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Welcome(welcome) => self.on_welcome(*welcome).await,
            LinkEvent::Event(event) => self.on_event(*event),
            LinkEvent::RequestDone(op, result) => {
                let Some(call_id) = self.accepting.remove(&op) else { return };
                match result {
                    Ok(Reply::Call { call, .. }) => self.follow(&call),
                    Ok(Reply::Done | Reply::Message { .. }) | Err(_) => drop(self.calls.remove(&call_id)),
                }
            }
            LinkEvent::UnsupportedVersion => tracing::error!("the relay speaks another version"),
            LinkEvent::Offline { retry_in } => tracing::info!(?retry_in, "the relay is away"),
            LinkEvent::Connecting | LinkEvent::Hint(_) | LinkEvent::SignedOut { .. } => {}
        }
    }

    async fn on_welcome(&mut self, welcome: Welcome) {
        self.device = Some(welcome.device_id);
        self.ice_servers = welcome.ice_servers;
        if !welcome.resumed {
            self.accepting.clear();
            // Whether these were accepted is not known: they ring still, or are over.
            self.calls.retain(|_, call| call.me().is_some());
            self.learn_rooms().await;
            self.rejoin(&welcome.calls, welcome.device_id);
        }
        for call in &welcome.calls {
            self.on_call(call);
        }
        if !std::mem::replace(&mut self.ready, true) {
            super::say_ready();
        }
    }

    /// Enters again what a restarted relay remembers; its media went on.
    fn rejoin(&mut self, calls: &[Call], device: DeviceId) {
        let seated = |call: &Call| call.participants.iter().any(|participant| participant.device_id == device);
        for call in calls.iter().filter(|call| seated(call)) {
            if !self.calls.contains_key(&call.id) {
                // From before a crash.
                self.request(Request::LeaveCall { call_id: call.id });
            }
        }
        let mine: Vec<(CallId, RoomId, parley_shared::ids::ParticipantId)> = self
            .calls
            .iter()
            .filter(|(id, _)| !calls.iter().any(|call| call.id == **id && seated(call)))
            .filter_map(|(id, call)| Some((*id, call.room_id(), call.me()?)))
            .collect();
        for (call_id, room_id, participant_id) in mine {
            let media = MediaState { microphone: true, camera: true };
            let op = self.request(Request::RejoinCall { room_id, call_id, participant_id, media });
            self.accepting.insert(op, call_id);
        }
    }

    async fn learn_rooms(&mut self) {
        match self.api.call(ApiCall::Rooms).await {
            Ok(ApiReply::Rooms(rooms)) => {
                self.direct_rooms =
                    rooms.into_iter().filter(|room| room.kind == RoomKind::Direct).map(|room| room.id).collect();
            }
            Ok(_) | Err(_) => tracing::warn!("Echo does not learn its rooms"),
        }
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::CallChanged { call } => self.on_call(&call),
            Event::CallEnded { call_id, .. } => drop(self.calls.remove(&call_id)),
            Event::CallSignal { call_id, from, signal } => {
                if let Some(call) = self.calls.get_mut(&call_id) {
                    call.on_signal(from, signal);
                }
            }
            Event::MessageStored { message } => self.on_message(&message),
            Event::RoomChanged { room } => {
                if room.kind == RoomKind::Direct {
                    self.direct_rooms.insert(room.id);
                }
            }
            Event::RoomRemoved { room_id } => {
                self.direct_rooms.remove(&room_id);
                self.said.remove(&room_id);
            }
            Event::MessageChanged { .. }
            | Event::ReceiptChanged { .. }
            | Event::UserChanged { .. }
            | Event::SignedOut => {}
        }
    }

    fn on_call(&mut self, call: &Call) {
        if self.calls.contains_key(&call.id) {
            return self.follow(call);
        }
        if call.phase != CallPhase::Ringing || call.caller.id == self.me {
            return;
        }
        if self.calls.len() >= CALLS {
            self.request(Request::DeclineCall { call_id: call.id, reason: DeclineReason::Busy });
            return;
        }
        let echo = EchoCall::new(call.id, call.room_id, self.ice_servers.clone(), self.signals.clone());
        self.calls.insert(call.id, echo);
        let media = MediaState { microphone: true, camera: true };
        let op = self.request(Request::AcceptCall { call_id: call.id, media });
        self.accepting.insert(op, call.id);
    }

    fn follow(&mut self, call: &Call) {
        if let (Some(echo), Some(device)) = (self.calls.get_mut(&call.id), self.device) {
            echo.follow(call, device);
        }
    }

    /// Reads every message; answers a person in a direct room, not again and again.
    fn on_message(&mut self, message: &Message) {
        let room_id = message.room_id;
        if message.sender_id == self.me {
            return;
        }
        self.request(Request::MarkRead { room_id, seq: message.seq });
        let is_text = matches!(message.body, MessageBody::Text { .. });
        let said_lately = self.said.get(&room_id).is_some_and(|at| at.elapsed() < SAY_AGAIN);
        if !is_text || said_lately || !self.direct_rooms.contains(&room_id) {
            return;
        }
        self.said.insert(room_id, Instant::now());
        // The answer's id follows from the message's: however often the message comes, it is answered once.
        let client_id = ClientMessageId::from_bytes(*message.id.as_bytes());
        self.request(Request::SendMessage {
            room_id,
            client_id,
            text: GREETING.to_owned(),
            reply_to: None,
            thread_id: None,
            attachments: Vec::new(),
        });
    }

    fn request(&mut self, request: Request) -> OpId {
        self.next_op += 1;
        let op = OpId(self.next_op);
        if !self.link.request(op, request) {
            tracing::warn!("the relay does not keep up");
        }
        op
    }
}
