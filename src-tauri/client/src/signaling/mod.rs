//! The socket to the relay: one session that survives lost connections.
//!
//! ```text
//! Connecting --welcome--> Online --lost--> Waiting --backoff, Reconnect--> Connecting
//!     `--refused, no answer--------------> Waiting
//! ```
//! A change of the machine's network leads from each of them to Connecting, without a pause; from Online only when the relay
//! does not answer over the old connection.
//!
//! Requests get numbers and are sent again after a resume until they are answered. Events are acknowledged after they were
//! handed over, each once.

mod backoff;
mod requests;
mod socket;

use std::sync::Arc;
use std::time::Duration;

use parley_shared::ids::{EventSeq, SessionId};
use parley_shared::wire::{Request, Resume};
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::api::{TokenError, Tokens};
use crate::core::{CallFailure, LinkEvent, OpId};
use backoff::Backoff;
use requests::Requests;
use socket::Ended;

/// Another protocol version does not change by itself soon.
const UNSUPPORTED_RETRY: Duration = Duration::from_secs(300);
/// Commands that wait for the actor.
const COMMANDS: usize = 1_024;

/// A running link. It ends with [`Self::stop`] or when this is dropped.
#[derive(Debug)]
pub struct Signaling {
    commands: mpsc::Sender<Command>,
    network_changed: Arc<Notify>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
enum Command {
    Request(OpId, Box<Request>),
    Reconnect,
    Idle(bool),
}

impl Signaling {
    /// Connects to the relay and stays connected. `events` should be drained: the link waits for a place in it.
    pub fn spawn(relay_url: &str, tokens: Tokens, events: mpsc::Sender<LinkEvent>) -> Self {
        let (commands, inbox) = mpsc::channel(COMMANDS);
        let network_changed = Arc::<Notify>::default();
        let link = Link {
            url: socket_url(relay_url),
            tokens,
            events,
            commands: inbox,
            network_changed: Arc::clone(&network_changed),
            requests: Requests::default(),
            session: None,
            idle: false,
            rng: StdRng::from_os_rng(),
        };
        Self { commands, network_changed, task: tokio::spawn(link.run()) }
    }

    /// Sends a request now, or when the relay is there. False when too much waits already.
    pub fn request(&self, op: OpId, request: Request) -> bool {
        self.commands.try_send(Command::Request(op, Box::new(request))).is_ok()
    }

    /// Tries now rather than at the next turn of the backoff.
    pub fn reconnect(&self) {
        // A full queue is on its way to the relay: it is there.
        let _ = self.commands.try_send(Command::Reconnect);
    }

    /// The machine has other addresses, or it was asleep: a connection that may be dead is looked at now and not at the next
    /// heartbeat, and a new one is tried without waiting.
    pub fn network_changed(&self) {
        self.network_changed.notify_one();
    }

    pub fn set_idle(&self, idle: bool) {
        let _ = self.commands.try_send(Command::Idle(idle));
    }

    /// Sends what was asked for before, as far as the relay is there, closes the socket and returns when it is closed.
    pub async fn stop(self) {
        drop(self.commands);
        if self.task.await.is_err() {
            tracing::error!("the signaling task panicked");
        }
    }
}

/// `http://host` → `ws://host/api/v1/socket`.
fn socket_url(relay_url: &str) -> String {
    let base = relay_url.trim_end_matches('/');
    let base = match base.strip_prefix("http") {
        Some(rest) => format!("ws{rest}"),
        None => base.to_owned(),
    };
    format!("{base}/api/v1/socket")
}

struct Link {
    url: String,
    tokens: Tokens,
    events: mpsc::Sender<LinkEvent>,
    commands: mpsc::Receiver<Command>,
    network_changed: Arc<Notify>,
    requests: Requests,
    session: Option<Place>,
    idle: bool,
    rng: StdRng,
}

/// Where the session stands.
#[derive(Clone, Copy, Debug)]
struct Place {
    id: SessionId,
    /// The last event that was handed over.
    last_seq: EventSeq,
}

impl Place {
    fn resume(self) -> Resume {
        Resume { session_id: self.id, last_seq: self.last_seq }
    }
}

impl Link {
    async fn run(mut self) {
        let mut backoff = Backoff::default();
        let mut refused = None;
        loop {
            if !self.tell(LinkEvent::Connecting).await {
                return;
            }
            let token = match refused.take() {
                Some(token) => self.tokens.after_refusal(token).await,
                None => self.tokens.access().await,
            };
            let ended = match token {
                Ok(token) => self.session(token).await,
                Err(TokenError::Offline) => Ended::Lost { was_online: false },
                Err(TokenError::Gone) => Ended::SignedOut { revoked: false },
            };
            let wait = match ended {
                Ended::Stopped => return,
                Ended::SignedOut { revoked } => {
                    self.tell(LinkEvent::SignedOut { revoked }).await;
                    return;
                }
                Ended::NetworkChanged => {
                    backoff.reset();
                    continue;
                }
                Ended::TokenRefused(token) => {
                    refused = Some(token);
                    backoff.next(&mut self.rng)
                }
                Ended::Unsupported => {
                    if !self.tell(LinkEvent::UnsupportedVersion).await {
                        return;
                    }
                    UNSUPPORTED_RETRY
                }
                Ended::Lost { was_online } => {
                    if was_online {
                        backoff.reset();
                    }
                    backoff.next(&mut self.rng)
                }
            };
            // A refused token is exchanged at once the first time.
            let at_once = refused.is_some() && wait < Duration::from_secs(1);
            if !at_once && !self.wait(wait).await {
                return;
            }
        }
    }

    /// Waits for the next try, taking commands in. False when the link is to stop.
    async fn wait(&mut self, wait: Duration) -> bool {
        if !self.tell(LinkEvent::Offline { retry_in: wait }).await {
            return false;
        }
        let until = Instant::now() + wait;
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(until) => return true,
                () = self.network_changed.notified() => return true,
                command = self.commands.recv() => match command {
                    None => return false,
                    Some(Command::Reconnect) => return true,
                    Some(Command::Idle(idle)) => self.idle = idle,
                    Some(Command::Request(op, request)) => {
                        if !self.take(op, *request).await {
                            return false;
                        }
                    }
                },
            }
        }
    }

    /// Takes a request in. False when nobody listens any more.
    async fn take(&mut self, op: OpId, request: Request) -> bool {
        self.requests.push(op, request) || self.tell(LinkEvent::RequestDone(op, Err(CallFailure::Offline))).await
    }

    /// False when nobody listens any more.
    async fn tell(&self, event: LinkEvent) -> bool {
        self.events.send(event).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_is_beside_the_rest_interface() {
        assert_eq!(socket_url("http://127.0.0.1:3001"), "ws://127.0.0.1:3001/api/v1/socket");
        assert_eq!(socket_url("https://parley.example/"), "wss://parley.example/api/v1/socket");
    }
}
