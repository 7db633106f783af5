//! The one loop around the core: sockets, store and timer in; frames and questions to the store out.
//!
//! ```text
//! sockets, REST --commands--> [driver: relay_core::Relay] --frames--> each socket's own queue
//!                                  |        ^
//!                                  v        | answers, in the order of asking
//!                                 store ----'
//! ```
//!
//! Nothing here waits for one socket: a socket whose queue is full is cut, and its client resumes.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::ws::Utf8Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;
use parley_shared::ids::{DeviceId, EventSeq};
use parley_shared::wire::{ClientMsg, Event, Resume, User};
use rand::RngCore;
use relay_core::work::{Answered, Ticket};
use relay_core::{Input, Outgoing, Output, Relay, Settings, SocketId};
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};

use crate::board::Board;
use crate::clock;
use crate::metrics::Metrics;
use crate::store::Store;

/// Frames that wait for one socket: a whole resume fits.
pub const SOCKET_QUEUE: usize = 2 * parley_shared::limits::RESUME_EVENTS;
const COMMANDS: usize = 4_096;

/// To one socket's task. The queue's end without `Close` cuts the connection.
#[derive(Debug)]
pub enum ToSocket {
    Frame(Frame),
    Close(CloseReason),
}

/// Made into text by the socket's own task: the one loop only passes on what many are told.
#[derive(Debug)]
pub enum Frame {
    Msg(Utf8Bytes),
    /// An event's JSON, shared by all who are told, and its number for this one.
    Event {
        seq: EventSeq,
        event: Arc<str>,
    },
}

impl Frame {
    pub fn text(self) -> Utf8Bytes {
        match self {
            Self::Msg(text) => text,
            Self::Event { seq, event } => format!(r#"{{"type":"event","seq":{seq},"event":{event}}}"#).into(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// An error or a sign-out was said before.
    Told,
    ShuttingDown,
}

/// The way to the driver, for sockets and REST handlers.
#[derive(Clone, Debug)]
pub struct Hub {
    commands: mpsc::Sender<Command>,
}

#[derive(Debug)]
enum Command {
    Attach { socket: SocketId, queue: mpsc::Sender<ToSocket>, user: User, device_id: DeviceId, resume: Option<Resume> },
    Input(Input),
    Probe(oneshot::Sender<()>),
    Shutdown,
}

impl Hub {
    /// Puts a socket that said hello into the core.
    pub async fn attach(
        &self,
        socket: SocketId,
        queue: mpsc::Sender<ToSocket>,
        user: User,
        device_id: DeviceId,
        resume: Option<Resume>,
    ) {
        let _ = self.commands.send(Command::Attach { socket, queue, user, device_id, resume }).await;
    }

    pub async fn received(&self, socket: SocketId, msg: ClientMsg) {
        self.input(Input::Received { socket, msg }).await;
    }

    /// Waits while the driver is behind: whoever asks faster than it works is slowed down.
    pub async fn input(&self, input: Input) {
        let _ = self.commands.send(Command::Input(input)).await;
    }

    /// True when the loop turns.
    pub async fn is_alive(&self) -> bool {
        let (answer, answered) = oneshot::channel();
        let turn = async {
            self.commands.send(Command::Probe(answer)).await.ok()?;
            answered.await.ok()
        };
        matches!(tokio::time::timeout(Duration::from_secs(2), turn).await, Ok(Some(())))
    }

    pub(crate) async fn shut_down(&self) {
        let _ = self.commands.send(Command::Shutdown).await;
    }
}

pub struct Driver {
    relay: Relay,
    store: Arc<dyn Store>,
    board: Board,
    metrics: Arc<Metrics>,
    commands: mpsc::Receiver<Command>,
    sockets: HashMap<SocketId, mpsc::Sender<ToSocket>>,
    under_way: FuturesOrdered<UnderWay>,
    last_event: Option<(Arc<Event>, Arc<str>)>,
}

type UnderWay = std::pin::Pin<Box<dyn Future<Output = (Ticket, Answered)> + Send>>;

impl std::fmt::Debug for Driver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Driver").field("relay", &self.relay).field("sockets", &self.sockets.len()).finish()
    }
}

impl Driver {
    pub fn new(settings: Settings, store: Arc<dyn Store>, board: Board, metrics: Arc<Metrics>) -> (Self, Hub) {
        let (sender, commands) = mpsc::channel(COMMANDS);
        let random = Box::new(|| {
            let mut bytes = [0; 10];
            rand::rng().fill_bytes(&mut bytes);
            bytes
        });
        let driver = Self {
            relay: Relay::new(settings, random),
            store,
            board,
            metrics,
            commands,
            sockets: HashMap::new(),
            under_way: FuturesOrdered::new(),
            last_event: None,
        };
        (driver, Hub { commands: sender })
    }

    /// Takes up the calls that went on when the relay stopped, then turns until [`Hub::shut_down`].
    ///
    /// # Errors
    /// Fails when the store cannot be read at the start.
    pub async fn run(mut self) -> anyhow::Result<()> {
        for (open, roster) in self.store.open_calls().await? {
            self.handle(Input::CallRestored { open, roster });
        }
        loop {
            let due = self.relay.poll_timeout().unwrap_or_else(|| Instant::now() + Duration::from_secs(3_600));
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(Command::Shutdown) | None => break,
                    Some(command) => self.on_command(command),
                },
                Some((ticket, answered)) = self.under_way.next() => self.handle(Input::Answered { ticket, answered }),
                () = tokio::time::sleep_until(due.into()) => self.handle(Input::Timeout),
            }
        }
        self.finish().await;
        Ok(())
    }

    fn on_command(&mut self, command: Command) {
        match command {
            Command::Attach { socket, queue, user, device_id, resume } => {
                self.sockets.insert(socket, queue);
                self.handle(Input::SocketOpened { socket, user, device_id, resume });
            }
            Command::Input(input) => {
                if let Input::SocketClosed { socket, .. } = &input {
                    self.sockets.remove(socket);
                }
                self.handle(input);
            }
            Command::Probe(answer) => {
                let _ = answer.send(());
            }
            Command::Shutdown => {}
        }
    }

    fn handle(&mut self, input: Input) {
        self.relay.handle(input, clock::now());
        while let Some(output) = self.relay.poll_output() {
            self.perform(output);
        }
        let (sockets, sessions, calls) = self.relay.counts();
        self.metrics.set_live(sockets, sessions, calls);
    }

    fn perform(&mut self, output: Output) {
        match output {
            Output::Send { socket, msg } => self.send(socket, msg),
            Output::Close { socket } => {
                if let Some(queue) = self.sockets.remove(&socket) {
                    let _ = queue.try_send(ToSocket::Close(CloseReason::Told));
                }
            }
            Output::Work { ticket, work } => {
                let answer = self.store.perform(work);
                self.under_way.push_back(Box::pin(async move { (ticket, answer.await) }));
            }
            Output::Presence(change) => self.board.set_presence(change),
            Output::CallShown { room_id, call } => self.board.set_call(room_id, call),
        }
    }

    fn send(&mut self, socket: SocketId, msg: Outgoing) {
        let Some(queue) = self.sockets.get(&socket) else { return };
        let frame = match msg {
            Outgoing::Msg(msg) => Frame::Msg(json(&*msg).into()),
            Outgoing::Event { seq, event } => {
                self.metrics.count_event();
                let text = match &self.last_event {
                    Some((last, text)) if Arc::ptr_eq(last, &event) => text.clone(),
                    Some(_) | None => Arc::from(json(&*event)),
                };
                self.last_event = Some((event, text.clone()));
                Frame::Event { seq, event: text }
            }
        };
        if queue.try_send(ToSocket::Frame(frame)).is_err() {
            self.metrics.count_cut();
            tracing::debug!(socket = socket.0, "a socket was too slow and is cut");
            self.sockets.remove(&socket);
        }
    }

    /// Lets everybody go, answers what is under way, then tells every socket.
    async fn finish(&mut self) {
        for socket in self.sockets.keys().copied().collect::<Vec<_>>() {
            self.handle(Input::SocketClosed { socket, said_goodbye: true });
        }
        let answers = async {
            while let Some((ticket, answered)) = self.under_way.next().await {
                self.relay.handle(Input::Answered { ticket, answered }, clock::now());
                while let Some(output) = self.relay.poll_output() {
                    self.perform(output);
                }
            }
        };
        let _ = tokio::time::timeout(Duration::from_secs(3), answers).await;
        for (_, queue) in self.sockets.drain() {
            let _ = queue.try_send(ToSocket::Close(CloseReason::ShuttingDown));
        }
    }
}

/// Our own wire types always have a JSON form.
fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("a wire type has string keys and no failing serialisers")
}
