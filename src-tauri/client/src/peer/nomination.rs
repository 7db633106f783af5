//! Saves a round trip of ICE: a check may also nominate its path, as RFC 5245 let it (8.1.1.2, "aggressive").
//!
//! The stack checks a path first and nominates it with a request of its own. Here its check of a path that the other side has
//! checked carries the nomination, and once that is granted, the socket itself answers the stack's own nomination:
//!
//! ```text
//!  our stack         our socket                       the other side
//!   ◀────────────────────┼───────────────────────── check ─│
//!   granted ─────────────┼────────────────────────────────▶│  the path works
//!   check ──────────────▶│── check, USE-CANDIDATE ────────▶│  selects the path
//!   ◀────────────────────┼─────────────────────── granted ─│
//!   nomination ─────────▶│
//!   ◀─────────── granted │
//! ```
//!
//! Relays are left to the stack, which is patient with them: the other side keeps the first path that is nominated.
//! Pure: datagrams go in, and what to do with them comes out.

use super::wire::Outgoing;
use rtc::crypto::RTCCryptoProvider;
use rtc::stun::attributes::{ATTR_FINGERPRINT, ATTR_ICE_CONTROLLING, ATTR_MESSAGE_INTEGRITY, ATTR_USE_CANDIDATE};
use rtc::stun::fingerprint::FINGERPRINT;
use rtc::stun::integrity::MessageIntegrity;
use rtc::stun::message::{BINDING_REQUEST, BINDING_SUCCESS, Message, Setter, TransactionId};
use rtc::stun::xoraddr::XorMappedAddress;
use std::collections::{BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Those of the last second, when 20 ms lie between two checks of a handful of paths.
const MAX_CHECKS: usize = 256;
const MAX_PATHS: usize = 64;
const SUCCESS_TYPE: [u8; 2] = [0x01, 0x01];
const TRANSACTION_AT: usize = 8;

/// From an address of ours to one of theirs.
type Path = (IpAddr, SocketAddr);

/// The nominations of one connection that has not found its first path yet.
#[derive(Debug, Default)]
pub(crate) struct EagerNomination {
    signer: Option<Signer>,
    /// Where the other side is behind a relay of its.
    relays: BTreeSet<SocketAddr>,
    /// Those that the other side has checked with success.
    checked: BTreeSet<Path>,
    checks: VecDeque<(TransactionId, Path)>,
    granted: BTreeSet<Path>,
}

struct Signer {
    crypto: Arc<dyn RTCCryptoProvider>,
    password: String,
}

impl EagerNomination {
    /// Begins, with the password of the other side. Until then, and on the side that does not nominate, nothing is changed.
    pub(crate) fn begin(&mut self, crypto: Arc<dyn RTCCryptoProvider>, password: String) {
        self.signer = Some(Signer { crypto, password });
    }

    /// Takes in where the other side is behind a relay.
    pub(crate) fn add_relay(&mut self, address: SocketAddr) {
        self.relays.insert(address);
    }

    /// Takes in a STUN datagram that our stack sends.
    pub(crate) fn on_sent(&mut self, (from, to): Path, wire: &[u8]) -> Outgoing {
        let path = (from, to);
        let Some(signer) = self.signer.as_ref().filter(|_| !self.relays.contains(&to)) else { return Outgoing::Send };
        if wire.starts_with(&SUCCESS_TYPE) && self.checked.len() < MAX_PATHS {
            self.checked.insert(path);
        }
        let request = read(wire).filter(|it| it.typ == BINDING_REQUEST && it.contains(ATTR_ICE_CONTROLLING));
        let Some(request) = request.filter(|_| self.checked.contains(&path)) else { return Outgoing::Send };
        if !request.contains(ATTR_USE_CANDIDATE) {
            let Some(nominating) = signer.nominating(&request) else { return Outgoing::Send };
            self.checks.push_back((request.transaction_id, path));
            if self.checks.len() > MAX_CHECKS {
                self.checks.pop_front();
            }
            return Outgoing::SendInstead(nominating);
        }
        if !self.granted.contains(&path) {
            return Outgoing::Send;
        }
        let Some(answer) = signer.grant(&request, from) else { return Outgoing::Send };
        *self = Self::default();
        Outgoing::Answer(Some(to), answer)
    }

    /// Takes in a STUN datagram from the network. That it is the other side's answer is seen by its transaction, and checked by
    /// the stack: a path whose check it does not believe to have succeeded is never nominated.
    pub(crate) fn on_received(&mut self, (to, from): Path, wire: &[u8]) {
        if self.signer.is_none() || !wire.starts_with(&SUCCESS_TYPE) {
            return;
        }
        let Some(id) = wire.get(TRANSACTION_AT..).and_then(|rest| rest.first_chunk()) else { return };
        if self.checks.contains(&(TransactionId(*id), (to, from))) {
            self.granted.insert((to, from));
        }
    }
}

impl Signer {
    /// The same check, which also nominates.
    fn nominating(&self, check: &Message) -> Option<Vec<u8>> {
        let signature = [ATTR_MESSAGE_INTEGRITY, ATTR_FINGERPRINT];
        let attributes = check.attributes.0.iter().filter(|attribute| !signature.contains(&attribute.typ));
        let mut setters: Vec<Box<dyn Setter + '_>> = vec![Box::new(BINDING_REQUEST), Box::new(check.transaction_id)];
        setters.extend(attributes.map(|attribute| Box::new(attribute.clone()) as Box<dyn Setter>));
        setters.push(Box::new(rtc::stun::attributes::RawAttribute { typ: ATTR_USE_CANDIDATE, ..Default::default() }));
        self.signed(setters)
    }

    fn grant(&self, nomination: &Message, seen_from: IpAddr) -> Option<Vec<u8>> {
        let address = XorMappedAddress { ip: seen_from, port: 0 };
        self.signed(vec![Box::new(BINDING_SUCCESS), Box::new(nomination.transaction_id), Box::new(address)])
    }

    fn signed<'a>(&'a self, mut setters: Vec<Box<dyn Setter + 'a>>) -> Option<Vec<u8>> {
        let crypto = self.crypto.crypto();
        setters.push(Box::new(MessageIntegrity::new_short_term_integrity_with_provider(self.password.clone(), crypto)));
        setters.push(Box::new(FINGERPRINT));
        let mut message = Message::new();
        message.build(&setters).ok()?;
        Some(message.raw)
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer")
    }
}

fn read(wire: &[u8]) -> Option<Message> {
    let mut message = Message::new();
    message.unmarshal_binary(wire).ok()?;
    Some(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtc::stun::attributes::RawAttribute;

    const OURS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn theirs() -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 2], 5_000))
    }

    fn signer() -> Signer {
        Signer { crypto: rtc::crypto::default_provider().unwrap(), password: "their password of ICE".to_owned() }
    }

    fn begun() -> EagerNomination {
        let mut nomination = EagerNomination::default();
        let Signer { crypto, password } = signer();
        nomination.begin(crypto, password);
        let theirs_granted = signer().grant(&check(), OURS).unwrap();
        assert_eq!(nomination.on_sent((OURS, theirs()), &theirs_granted), Outgoing::Send);
        nomination
    }

    fn check() -> Message {
        let controlling = RawAttribute { typ: ATTR_ICE_CONTROLLING, value: vec![7; 8], ..Default::default() };
        let setters: Vec<Box<dyn Setter>> =
            vec![Box::new(BINDING_REQUEST), Box::new(TransactionId::new()), Box::new(controlling)];
        read(&signer().signed(setters).unwrap()).unwrap()
    }

    /// What the stack sends once it has chosen.
    fn stacks_nomination() -> Vec<u8> {
        signer().nominating(&check()).unwrap()
    }

    fn assert_signed(wire: &[u8]) {
        let mut message = read(wire).unwrap();
        let signer = signer();
        MessageIntegrity::check(&mut message, signer.password.as_bytes(), signer.crypto.crypto()).unwrap();
        FINGERPRINT.check(&message).unwrap();
    }

    /// Sends a check and returns how it left.
    fn send_check(nomination: &mut EagerNomination) -> Message {
        let Outgoing::SendInstead(wire) = nomination.on_sent((OURS, theirs()), &check().raw) else { panic!("unchanged") };
        assert_signed(&wire);
        read(&wire).unwrap()
    }

    #[test]
    fn a_check_nominates_and_the_stack_s_own_nomination_is_granted_at_once() {
        let mut nomination = begun();
        let sent = send_check(&mut nomination);
        assert!(sent.contains(ATTR_USE_CANDIDATE) && sent.contains(ATTR_ICE_CONTROLLING));
        let grant = signer().grant(&sent, OURS).unwrap();
        nomination.on_received((OURS, theirs()), &grant);
        let asked = stacks_nomination();
        let Outgoing::Answer(Some(from), answer) = nomination.on_sent((OURS, theirs()), &asked) else { panic!("it went out") };
        assert_eq!(from, theirs());
        assert_signed(&answer);
        let answer = read(&answer).unwrap();
        assert_eq!((answer.typ, answer.transaction_id), (BINDING_SUCCESS, read(&asked).unwrap().transaction_id));
        // From now on there is a path, and its checks only keep it open.
        assert_eq!(nomination.on_sent((OURS, theirs()), &check().raw), Outgoing::Send);
    }

    #[test]
    fn only_an_answer_to_our_check_from_where_it_went_grants() {
        let mut nomination = begun();
        let sent = send_check(&mut nomination);
        let grant = signer().grant(&sent, OURS).unwrap();
        let elsewhere = SocketAddr::from(([192, 0, 2, 3], 5_000));
        nomination.on_received((OURS, elsewhere), &grant);
        nomination.on_received((OURS, theirs()), &signer().grant(&check(), OURS).unwrap());
        nomination.on_received((OURS, theirs()), &grant[..15]);
        assert_eq!(nomination.on_sent((OURS, theirs()), &stacks_nomination()), Outgoing::Send);
    }

    #[test]
    fn relays_and_unchecked_paths_are_left_alone() {
        let elsewhere = SocketAddr::from(([192, 0, 2, 9], 5_000));
        assert_eq!(begun().on_sent((OURS, elsewhere), &check().raw), Outgoing::Send);
        let mut relayed = begun();
        relayed.add_relay(theirs());
        assert_eq!(relayed.on_sent((OURS, theirs()), &check().raw), Outgoing::Send);
    }

    #[test]
    fn the_side_that_does_not_nominate_is_left_alone() {
        let mut answerer = EagerNomination::default();
        answerer.on_sent((OURS, theirs()), &signer().grant(&check(), OURS).unwrap());
        assert_eq!(answerer.on_sent((OURS, theirs()), &check().raw), Outgoing::Send);
    }

    #[test]
    fn what_is_no_check_passes() {
        let mut nomination = begun();
        for wire in [&[0, 1, 0, 0][..], &[], &signer().grant(&check(), OURS).unwrap()] {
            assert_eq!(nomination.on_sent((OURS, theirs()), wire), Outgoing::Send);
        }
    }

    #[test]
    fn checks_that_nobody_answers_are_forgotten() {
        let mut nomination = begun();
        (0..2 * MAX_CHECKS).for_each(|_| drop(send_check(&mut nomination)));
        assert_eq!(nomination.checks.len(), MAX_CHECKS);
    }
}
