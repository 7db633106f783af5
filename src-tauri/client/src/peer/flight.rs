//! Repeats DTLS handshake flights until the peer has answered them.
//!
//! rtc-dtls 0.21.1 cancels its one retransmission timer whenever any handshake record arrives and does not arm it
//! again while the awaited flight is incomplete. One half-lost flight then means a call that never connects.
//! Two measures outside the stack cure it:
//!
//! 1. The datagrams of our newest flight are remembered and sent again, byte for byte, 50, 100, 200, 400, 800 ms and
//!    then every second after they left. A record that arrives twice is dropped silently by every DTLS stack.
//! 2. Datagrams that only repeat a peer flight which we have *answered* are hidden from the stack, where they would
//!    cancel the timer. They mean that the peer lacks our flight, so it is repeated at once.
//!
//! ```text
//!            stack sends a handshake datagram
//!   Idle ────────────────────────────────────▶ Repeating ──▶ Idle
//!                                              │      ▲       when the peer has proved that it has our last
//!                                              └──────┘       flight, or after 30 s
//!                                       timer, or a hidden repeat
//! ```
//!
//! The state machine is pure: datagrams and instants go in, repeats come out.

use super::dtls::{self, ContentType, DatagramKind, Record};
use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

const REPEAT_AFTER: [Duration; 5] = [
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(400),
    Duration::from_millis(800),
];
const THEN_EVERY: Duration = Duration::from_secs(1);
const GIVE_UP_AFTER: Duration = Duration::from_secs(30);
/// Sent again without anything received in between: the stack's own retransmission, which replaces the copy.
const STACK_RETRANSMISSION_GAP: Duration = Duration::from_millis(300);
/// Repeats that the peer's own repeats ask for are at least this far apart.
const HINTED_REPEAT_GAP: Duration = Duration::from_millis(40);
const MAX_FLIGHT_DATAGRAMS: usize = 24;
const MAX_REMEMBERED: usize = 128;
/// Orders a ChangeCipherSpec behind every handshake message of its flight.
const CHANGE_CIPHER_SPEC_RANK: u32 = 1 << 20;

/// What the socket does with a received datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Deliver,
    Hide,
}

/// The repeater of one DTLS association. `R` is the route a datagram took: its socket and destination.
#[derive(Debug)]
pub(crate) struct FlightRepeater<R> {
    flight: Vec<(R, Vec<u8>)>,
    flight_since: Option<Instant>,
    last_sent: Option<Instant>,
    last_repeat: Option<Instant>,
    next_repeat: Option<Instant>,
    repeats_of_flight: usize,
    received_since_send: bool,
    role: Option<DtlsRole>,
    newest_rank_sent: Option<u32>,
    progress: PeerProgress,
    seen: HashRing,
    unanswered: HashRing,
    answered: HashRing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DtlsRole {
    Client,
    Server,
}

/// How much of the peer's last flight has arrived.
#[derive(Debug, Default)]
struct PeerProgress {
    change_cipher_spec: bool,
    encrypted_handshake: bool,
}

impl PeerProgress {
    fn has_last_flight(&self) -> bool {
        self.change_cipher_spec && self.encrypted_handshake
    }
}

impl<R: Clone> FlightRepeater<R> {
    pub(crate) fn new() -> Self {
        Self {
            flight: Vec::new(),
            flight_since: None,
            last_sent: None,
            last_repeat: None,
            next_repeat: None,
            repeats_of_flight: 0,
            received_since_send: false,
            role: None,
            newest_rank_sent: None,
            progress: PeerProgress::default(),
            seen: HashRing::default(),
            unanswered: HashRing::default(),
            answered: HashRing::default(),
        }
    }

    /// Takes in a datagram that the stack has sent by `route`. Returns whether the timer changed.
    pub(crate) fn on_sent(&mut self, route: &R, wire: &[u8], now: Instant) -> bool {
        let records = dtls::records(dtls::payload(wire));
        if !is_handshake_flight(&records) {
            return false;
        }
        self.learn_role(&records);
        self.begin_flight_if_new(now);
        self.mark_answered(&records);
        self.flight.push((route.clone(), wire.to_vec()));
        self.received_since_send = false;
        self.last_sent = Some(now);
        self.flight_since.get_or_insert(now);
        self.next_repeat = Some(now + REPEAT_AFTER[0]);
        true
    }

    /// Takes in a datagram from the network and says whether the stack may see it.
    pub(crate) fn on_received(&mut self, wire: &[u8], now: Instant) -> Verdict {
        let payload = dtls::payload(wire);
        match DatagramKind::of(payload) {
            DatagramKind::Media => self.on_proof_of_keys(),
            DatagramKind::Dtls => return self.on_dtls_received(payload, now),
            DatagramKind::Other => {}
        }
        Verdict::Deliver
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called next.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.next_repeat
    }

    /// Returns the datagrams to send again by `now`.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Vec<(R, Vec<u8>)> {
        if self.next_repeat.is_none_or(|at| now < at) {
            return Vec::new();
        }
        if self.flight_since.is_some_and(|since| now - since > GIVE_UP_AFTER) {
            self.stop();
            return Vec::new();
        }
        self.last_repeat = Some(now);
        self.repeats_of_flight += 1;
        let pause = REPEAT_AFTER.get(self.repeats_of_flight).copied().unwrap_or(THEN_EVERY);
        self.next_repeat = Some(now + pause);
        self.flight.clone()
    }

    fn learn_role(&mut self, records: &[Record<'_>]) {
        for head in records.iter().filter_map(Record::handshake_head) {
            match head.message_type {
                1 => self.role = Some(DtlsRole::Client),
                2 | 3 => self.role = Some(DtlsRole::Server),
                _ => {}
            }
        }
    }

    fn begin_flight_if_new(&mut self, now: Instant) {
        let is_stack_retransmission = self.last_sent.is_some_and(|at| now - at > STACK_RETRANSMISSION_GAP);
        if !self.received_since_send && !is_stack_retransmission && self.flight.len() < MAX_FLIGHT_DATAGRAMS {
            return;
        }
        if self.received_since_send {
            self.flight_since = None;
        }
        self.flight.clear();
        self.repeats_of_flight = 0;
    }

    /// A flight with a message that was never sent before answers everything received so far. A plain "seen" would
    /// not do: a ClientHello that came before the DTLS endpoint existed would be hidden for ever.
    fn mark_answered(&mut self, records: &[Record<'_>]) {
        let newest = records.iter().filter_map(rank).max();
        if newest > self.newest_rank_sent {
            self.newest_rank_sent = newest;
            for hash in self.unanswered.drain() {
                self.answered.insert(hash);
            }
        }
    }

    fn on_dtls_received(&mut self, payload: &[u8], now: Instant) -> Verdict {
        let records = dtls::records(payload);
        if self.only_repeats_answered(&records) {
            self.repeat_soon(now);
            return Verdict::Hide;
        }
        for record in records.iter().filter(|record| record.is_plain_handshake()) {
            self.unanswered.insert(hash_of(record.body));
        }
        if !self.seen.insert(hash_of(payload)) {
            return Verdict::Deliver;
        }
        self.received_since_send = true;
        for record in &records {
            self.on_peer_record(record);
        }
        if self.role == Some(DtlsRole::Client) && self.progress.has_last_flight() {
            self.stop();
        }
        Verdict::Deliver
    }

    fn on_peer_record(&mut self, record: &Record<'_>) {
        match record.content {
            ContentType::ChangeCipherSpec => self.progress.change_cipher_spec = true,
            ContentType::Handshake if record.epoch > 0 => self.progress.encrypted_handshake = true,
            ContentType::ApplicationData if record.epoch > 0 => self.on_proof_of_keys(),
            ContentType::Handshake | ContentType::ApplicationData | ContentType::Alert | ContentType::Other => {}
        }
    }

    /// The peer encrypts, so it has finished. A client still waits for the server's last flight: a server may send
    /// media while its Finished is lost.
    fn on_proof_of_keys(&mut self) {
        match self.role {
            Some(DtlsRole::Server) => self.stop(),
            Some(DtlsRole::Client) if self.progress.has_last_flight() => self.stop(),
            Some(DtlsRole::Client) | None => {}
        }
    }

    fn only_repeats_answered(&self, records: &[Record<'_>]) -> bool {
        !records.is_empty()
            && !self.flight.is_empty()
            && records.iter().all(|record| record.is_plain_handshake() && self.answered.contains(hash_of(record.body)))
    }

    fn repeat_soon(&mut self, now: Instant) {
        let long_ago = |at: Option<Instant>| at.is_none_or(|at| now - at > HINTED_REPEAT_GAP);
        if long_ago(self.last_repeat) && long_ago(self.last_sent) {
            self.next_repeat = Some(now);
        }
    }

    fn stop(&mut self) {
        self.flight.clear();
        self.next_repeat = None;
    }
}

/// Handshake flights only: no alerts alone, and nothing that carries application data.
fn is_handshake_flight(records: &[Record<'_>]) -> bool {
    let is_part =
        |record: &Record<'_>| matches!(record.content, ContentType::Handshake | ContentType::ChangeCipherSpec);
    records.iter().any(is_part) && records.iter().all(|record| record.content != ContentType::ApplicationData)
}

/// Order of a record within the handshake; `None` for what says nothing about the order.
fn rank(record: &Record<'_>) -> Option<u32> {
    match record.content {
        ContentType::ChangeCipherSpec if record.epoch == 0 => Some(CHANGE_CIPHER_SPEC_RANK),
        ContentType::Handshake => record.handshake_head().map(|head| u32::from(head.message_seq)),
        ContentType::ChangeCipherSpec | ContentType::ApplicationData | ContentType::Alert | ContentType::Other => None,
    }
}

fn hash_of(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

/// The newest [`MAX_REMEMBERED`] hashes.
#[derive(Debug, Default)]
struct HashRing(VecDeque<u64>);

impl HashRing {
    /// Returns false when the hash was there already.
    fn insert(&mut self, hash: u64) -> bool {
        if self.contains(hash) {
            return false;
        }
        if self.0.len() >= MAX_REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(hash);
        true
    }

    fn contains(&self, hash: u64) -> bool {
        self.0.contains(&hash)
    }

    fn drain(&mut self) -> Vec<u64> {
        self.0.drain(..).collect()
    }
}

#[cfg(test)]
#[path = "flight_tests.rs"]
mod tests;
