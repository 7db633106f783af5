//! What all sockets of one connection share: the shortened nomination and hello, the flight repeater, and datagrams that
//! the test network holds back.
//!
//! Repeats and delayed datagrams leave by a duplicate of the socket descriptor with a plain non-blocking send: Tokio keeps
//! one waker per direction, and polling the connection's own socket from a second task would steal it.

use super::dtls::{self, DatagramKind};
use super::flight::{FlightRepeater, Verdict};
use super::hello::HelloExchange;
use super::network::{InFlight, TestNetwork};
use super::nomination::EagerNomination;
use super::socket::Answers;
use super::turn_stream::FrameSender;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

const SETTLING_SLEEP: Duration = Duration::from_millis(2);
/// Whoever describes himself or sends requests, and then nothing, does not keep us awake.
const LONGEST_SETTLING: Duration = Duration::from_secs(5);

/// The way a datagram leaves. The socket is weak: a closed connection sends nothing more.
#[derive(Debug, Clone)]
pub(super) enum Route {
    Udp { socket: Weak<UdpSocket>, to: SocketAddr },
    Stream(FrameSender),
}

impl Route {
    /// A datagram that would block is lost, like any datagram may be.
    pub(super) fn send(&self, wire: &[u8]) {
        match self {
            Self::Udp { socket, to } => {
                if let Some(socket) = socket.upgrade() {
                    let _ = socket.send_to(wire, to);
                }
            }
            Self::Stream(stream) => stream.send(wire),
        }
    }
}

/// What the socket does with a datagram that the stack sends.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outgoing {
    Send,
    SendInstead(Vec<u8>),
    /// It goes out, and the stack gets this as its answer.
    SendAndAnswer(Vec<u8>),
    /// The stack gets this in place of an answer, as if it had come from there; `None`: from where the datagram should go.
    Answer(Option<SocketAddr>, Vec<u8>),
}

pub(super) struct Wire {
    state: Mutex<State>,
    pub(super) network: Option<TestNetwork>,
    wake: Arc<Notify>,
    sender_started: AtomicBool,
    /// Whether the repeater holds a flight, so that media need not take the lock to ask.
    is_repeating: AtomicBool,
    settling: Settling,
    has_held_hello: AtomicBool,
    answers: Mutex<Vec<Weak<Answers>>>,
}

/// From the description until media comes. The stack acts on some of what comes only when its next timer is due, and
/// has far timers in a handshake.
#[derive(Debug, Default)]
struct Settling {
    described: OnceLock<Instant>,
    /// The first datagram.
    heard: OnceLock<Instant>,
    is_over: AtomicBool,
}

struct State {
    nomination: EagerNomination,
    hello: HelloExchange,
    repeater: FlightRepeater<Route>,
    delayed: InFlight<Delayed>,
}

struct Delayed {
    route: Route,
    wire: Vec<u8>,
}

impl Wire {
    pub(super) fn new(network: Option<TestNetwork>, hello: HelloExchange) -> Self {
        Self {
            state: Mutex::new(State {
                nomination: EagerNomination::default(),
                hello,
                repeater: FlightRepeater::new(),
                delayed: InFlight::new(),
            }),
            network,
            wake: Arc::new(Notify::new()),
            sender_started: AtomicBool::new(false),
            is_repeating: AtomicBool::new(false),
            settling: Settling::default(),
            has_held_hello: AtomicBool::new(false),
            answers: Mutex::default(),
        }
    }

    /// Takes in where a socket holds what came early.
    pub(super) fn add_answers(&self, answers: &Arc<Answers>) {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(answers));
    }

    /// Takes in that the stack knows the other side's description.
    pub(super) fn set_described(&self) {
        if self.settling.described.set(Instant::now()).is_err() {
            return;
        }
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.iter().filter_map(Weak::upgrade).for_each(|answers| answers.release());
    }

    /// Whether the stack would drop a datagram now that it needs in a moment: checks before the description that they belong
    /// to, and the other side's first hello before it has a path. A hello that is repeated is never early.
    pub(super) fn is_early(&self, wire: &[u8]) -> bool {
        if dtls::binding_request_user(wire).is_some() {
            return self.settling.described.get().is_none();
        }
        matches!(wire.first(), Some(20..=25))
            && !self.has_held_hello.load(Ordering::Relaxed)
            && self.state().nomination.is_choosing()
            && !self.has_held_hello.swap(true, Ordering::Relaxed)
    }

    /// Starts the task that sends repeats and delayed datagrams, once. Needs a Tokio runtime.
    pub(super) fn start_sender(self: &Arc<Self>) {
        if !self.sender_started.swap(true, Ordering::Relaxed) {
            tokio::spawn(send_due(Arc::downgrade(self), Arc::clone(&self.wake)));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the nomination something of the other side.
    pub(super) fn nominate(&self, change: impl FnOnce(&mut EagerNomination)) {
        change(&mut self.state().nomination);
    }

    /// Takes in a datagram that the stack wants to send from an address of ours, and says what becomes of it.
    pub(super) fn before_sending(&self, from: IpAddr, to: SocketAddr, wire: &[u8]) -> Outgoing {
        if is_stun(wire) {
            let outgoing = self.state().nomination.on_sent((from, to), wire);
            if outgoing != Outgoing::Send {
                return outgoing;
            }
        }
        if is_outside_of_handshake(wire) { Outgoing::Send } else { self.state().hello.on_sent(wire) }
    }

    /// Takes in a datagram that the stack has sent.
    pub(super) fn on_sent(&self, route: &Route, wire: &[u8]) {
        if is_outside_of_handshake(wire) {
            return;
        }
        let mut state = self.state();
        if state.repeater.on_sent(route, wire, Instant::now()) {
            self.note_timer(&state);
        }
    }

    /// How long the stack may sleep at most.
    pub(super) fn longest_sleep(&self) -> Duration {
        let settling = &self.settling;
        if settling.is_over.load(Ordering::Relaxed) {
            return Duration::MAX;
        }
        let began = settling.described.get().into_iter().chain(settling.heard.get()).max();
        let is_settling = began.is_some_and(|began| began.elapsed() < LONGEST_SETTLING);
        if is_settling { SETTLING_SLEEP } else { Duration::MAX }
    }

    fn settle(&self, wire: &[u8]) {
        if self.settling.is_over.load(Ordering::Relaxed) {
            return;
        }
        self.settling.heard.get_or_init(Instant::now);
        if DatagramKind::of(dtls::payload(wire)) == DatagramKind::Media {
            self.settling.is_over.store(true, Ordering::Relaxed);
        }
    }

    /// Takes in a datagram from the network, which it may change, and says whether the stack may see it.
    pub(super) fn on_received(&self, wire: &mut [u8], from: SocketAddr, to: IpAddr) -> Verdict {
        self.settle(wire);
        if is_stun(wire) {
            let verdict = self.state().nomination.on_received((to, from), wire);
            if verdict == Verdict::Hide {
                return verdict;
            }
        }
        let proves_keys = DatagramKind::of(wire) == DatagramKind::Media && self.is_repeating.load(Ordering::Relaxed);
        if !proves_keys && is_outside_of_handshake(wire) {
            return Verdict::Deliver;
        }
        let mut state = self.state();
        let before = state.repeater.poll_timeout();
        let verdict = state.repeater.on_received(wire, Instant::now());
        if state.repeater.poll_timeout() != before {
            self.note_timer(&state);
        }
        if verdict == Verdict::Deliver {
            state.hello.on_received(wire, from);
        }
        verdict
    }

    fn note_timer(&self, state: &State) {
        self.is_repeating.store(state.repeater.poll_timeout().is_some(), Ordering::Relaxed);
        self.wake.notify_one();
    }

    /// Hands a datagram to the test network.
    pub(super) fn delay(&self, network: &TestNetwork, route: &Route, wire: &[u8]) {
        for due in network.admit(wire.len(), Instant::now()) {
            self.state().delayed.push(due, Delayed { route: route.clone(), wire: wire.to_vec() });
            self.wake.notify_one();
        }
    }

    /// Sends what is due and returns when to come back.
    fn send_due(&self) -> Option<Instant> {
        let now = Instant::now();
        let repeats = self.state().repeater.handle_timeout(now);
        for (route, wire) in repeats {
            match (&self.network, &route) {
                (Some(network), Route::Udp { .. }) => self.delay(network, &route, &wire),
                (Some(_), Route::Stream(_)) | (None, _) => route.send(&wire),
            }
        }
        let mut state = self.state();
        while let Some(Delayed { route, wire }) = state.delayed.pop(now) {
            route.send(&wire);
        }
        let next_delayed = state.delayed.next_arrival();
        state.repeater.poll_timeout().into_iter().chain(next_delayed).min()
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.wake.notify_one();
    }
}

/// Ends when the connection is gone.
async fn send_due(wire: Weak<Wire>, wake: Arc<Notify>) {
    loop {
        let next = match wire.upgrade() {
            Some(wire) => wire.send_due(),
            None => return,
        };
        match next {
            Some(at) => tokio::select! {
                () = wake.notified() => {}
                () = tokio::time::sleep_until(at.into()) => {}
            },
            None => wake.notified().await,
        }
    }
}

fn is_stun(wire: &[u8]) -> bool {
    matches!(wire.first(), Some(0..=3))
}

/// One compare of the first byte keeps the media path free of locks and copies.
fn is_outside_of_handshake(wire: &[u8]) -> bool {
    match wire.first() {
        Some(20..=25) => false,
        // TURN ChannelData, and STUN indications.
        Some(0x40..=0x4f | 0x00) => DatagramKind::of(dtls::payload(wire)) == DatagramKind::Other,
        Some(_) | None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::super::dtls::testing::{binding_request, handshake};
    use super::super::hello::Cookie;
    use super::*;

    #[test]
    fn a_stack_that_settles_sleeps_little() {
        let wire = Wire::new(None, HelloExchange::new(Cookie::random(), None));
        let from = SocketAddr::from(([192, 0, 2, 1], 5000));
        assert_eq!(wire.longest_sleep(), Duration::MAX);
        wire.on_received(&mut [0, 1, 0, 0], from, from.ip());
        assert_eq!(wire.longest_sleep(), SETTLING_SLEEP);
        wire.on_received(&mut [128, 111, 0, 0], from, from.ip());
        assert_eq!(wire.longest_sleep(), Duration::MAX);
        let wire = Wire::new(None, HelloExchange::new(Cookie::random(), None));
        wire.set_described();
        assert_eq!(wire.longest_sleep(), SETTLING_SLEEP);
    }

    #[test]
    fn checks_are_early_until_there_is_a_description() {
        let wire = Wire::new(None, HelloExchange::new(Cookie::random(), None));
        assert!(wire.is_early(&binding_request("ours:theirs")));
        wire.set_described();
        assert!(!wire.is_early(&binding_request("ours:theirs")));
    }

    #[test]
    fn one_hello_is_early_while_a_path_is_chosen() {
        let wire = Wire::new(None, HelloExchange::new(Cookie::random(), None));
        let hello = handshake(1, 0, 0);
        assert!(!wire.is_early(&hello));
        wire.nominate(|it| it.begin(rtc::crypto::default_provider().unwrap(), "secret".to_owned()));
        assert!(wire.is_early(&hello));
        assert!(!wire.is_early(&hello));
    }

    #[test]
    fn media_and_plain_stun_stay_outside_of_the_handshake() {
        assert!(is_outside_of_handshake(&[128, 111]));
        assert!(is_outside_of_handshake(&[0, 1, 0, 0]));
        assert!(is_outside_of_handshake(&[]));
        assert!(!is_outside_of_handshake(&[22, 0xfe, 0xfd]));
    }
}
