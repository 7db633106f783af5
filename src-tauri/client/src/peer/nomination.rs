//! Saves a round trip of ICE: a check may also nominate its path, as RFC 5245 let it (8.1.1.2, "aggressive").
//!
//! The stack checks a path first, nominates it with a request of its own, and waits for the answer. Here its check of a path
//! that the other side has checked carries the nomination; after that, the socket itself answers the stack's own nomination
//! of any path that has worked, and goes on nominating until the other side has answered one:
//!
//! ```text
//!  our stack         our socket                       the other side
//!   ◀────────────────────┼───────────────────────── check ─│
//!   granted ─────────────┼────────────────────────────────▶│  the path works
//!   check ──────────────▶│── check, USE-CANDIDATE ────────▶│  selects the path
//!   ◀────────────────────┼─────────────────────── granted ─│
//!   nomination ─────────▶│────────────────────────────────▶│
//!   ◀─────────── granted │
//! ```
//!
//! The two may choose different paths: each works both ways. Relays are left to the stack, which is patient with them.
//! Pure: datagrams go in, and what to do with them comes out.

use super::flight::Verdict;
use super::wire::Outgoing;
use rtc::crypto::RTCCryptoProvider;
use rtc::stun::attributes::{
    ATTR_FINGERPRINT, ATTR_ICE_CONTROLLING, ATTR_MESSAGE_INTEGRITY, ATTR_USE_CANDIDATE, RawAttribute,
};
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

/// The nominations of one connection, until its first path is chosen.
#[derive(Debug, Default)]
pub(crate) struct EagerNomination {
    signer: Option<Signer>,
    /// Where the other side is behind a relay of its.
    relays: BTreeSet<SocketAddr>,
    /// Those that the other side has checked with success.
    checked: BTreeSet<Path>,
    /// Those that we have checked with success.
    worked: BTreeSet<Path>,
    asked: VecDeque<Asked>,
    has_nominated: bool,
    /// The stack has its path.
    has_chosen: bool,
}

struct Signer {
    crypto: Arc<dyn RTCCryptoProvider>,
    password: String,
}

/// A request of ours.
#[derive(Debug)]
struct Asked {
    id: TransactionId,
    path: Path,
    nominates: bool,
    /// The stack itself has chosen the path.
    is_choice: bool,
    /// The stack has an answer.
    is_answered: bool,
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

    /// Whether the stack will have a path soon, and until then drops what comes on one.
    pub(crate) fn is_choosing(&self) -> bool {
        self.signer.is_some() && !self.has_chosen
    }

    /// Takes in a STUN datagram that our stack sends.
    pub(crate) fn on_sent(&mut self, path: Path, wire: &[u8]) -> Outgoing {
        let Some(signer) = self.signer.as_ref().filter(|_| !self.relays.contains(&path.1)) else {
            return Outgoing::Send;
        };
        if wire.starts_with(&SUCCESS_TYPE) && self.checked.len() < MAX_PATHS {
            self.checked.insert(path);
        }
        let request = read(wire).filter(|it| it.typ == BINDING_REQUEST && it.contains(ATTR_ICE_CONTROLLING));
        let Some(request) = request else { return Outgoing::Send };
        let is_choice = request.contains(ATTR_USE_CANDIDATE);
        let (outgoing, nominates) = if is_choice {
            let is_sure = self.has_nominated && self.worked.contains(&path);
            let answer = if is_sure { signer.grant(&request, path.0) } else { None };
            (answer.map_or(Outgoing::Send, Outgoing::SendAndAnswer), true)
        } else if self.checked.contains(&path) || self.has_chosen {
            let nominating = signer.nominating(&request);
            let nominates = nominating.is_some();
            (nominating.map_or(Outgoing::Send, Outgoing::SendInstead), nominates)
        } else {
            (Outgoing::Send, false)
        };
        self.has_nominated |= nominates;
        let is_answered = matches!(outgoing, Outgoing::SendAndAnswer(_));
        self.has_chosen |= is_answered;
        self.asked.push_back(Asked { id: request.transaction_id, path, nominates, is_choice, is_answered });
        if self.asked.len() > MAX_CHECKS {
            self.asked.pop_front();
        }
        outgoing
    }

    /// Takes in a STUN datagram from the network, and says whether the stack may see it. That it answers a request is seen by
    /// its transaction, and who sent it is checked by the stack: it never nominates a path whose check it believes to have
    /// failed.
    pub(crate) fn on_received(&mut self, (to, from): Path, wire: &[u8]) -> Verdict {
        if self.signer.is_none() || !wire.starts_with(&SUCCESS_TYPE) {
            return Verdict::Deliver;
        }
        let id = wire.get(TRANSACTION_AT..).and_then(|rest| rest.first_chunk());
        let is_ours = |asked: &&Asked| Some(&asked.id.0) == id && asked.path == (to, from);
        let Some(&Asked { path, nominates, is_choice, is_answered, .. }) = self.asked.iter().find(is_ours) else {
            return Verdict::Deliver;
        };
        if self.worked.len() < MAX_PATHS {
            self.worked.insert(path);
        }
        if is_choice || (nominates && self.has_chosen) {
            *self = Self::default();
        }
        if is_answered { Verdict::Hide } else { Verdict::Deliver }
    }
}

impl Signer {
    /// The same check, which also nominates.
    fn nominating(&self, check: &Message) -> Option<Vec<u8>> {
        let signature = [ATTR_MESSAGE_INTEGRITY, ATTR_FINGERPRINT];
        let attributes = check.attributes.0.iter().filter(|attribute| !signature.contains(&attribute.typ));
        let mut setters: Vec<Box<dyn Setter + '_>> = vec![Box::new(BINDING_REQUEST), Box::new(check.transaction_id)];
        setters.extend(attributes.map(|attribute| Box::new(attribute.clone()) as Box<dyn Setter>));
        setters.push(Box::new(RawAttribute { typ: ATTR_USE_CANDIDATE, ..Default::default() }));
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
        let theirs_granted = grant(&check());
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
        let Outgoing::SendInstead(wire) = nomination.on_sent((OURS, theirs()), &check().raw) else {
            panic!("unchanged")
        };
        assert_signed(&wire);
        read(&wire).unwrap()
    }

    fn grant(request: &Message) -> Vec<u8> {
        signer().grant(request, OURS).unwrap()
    }

    #[test]
    fn a_check_nominates_and_the_stack_s_own_nomination_is_granted_at_once() {
        let mut nomination = begun();
        let sent = send_check(&mut nomination);
        assert!(sent.contains(ATTR_USE_CANDIDATE) && sent.contains(ATTR_ICE_CONTROLLING));
        assert_eq!(nomination.on_received((OURS, theirs()), &grant(&sent)), Verdict::Deliver);
        let asked = stacks_nomination();
        let Outgoing::SendAndAnswer(answer) = nomination.on_sent((OURS, theirs()), &asked) else {
            panic!("not answered")
        };
        assert_signed(&answer);
        assert!(!nomination.is_choosing());
        let (answer, asked) = (read(&answer).unwrap(), read(&asked).unwrap());
        assert_eq!((answer.typ, answer.transaction_id), (BINDING_SUCCESS, asked.transaction_id));
        // Until the other side has answered one, every check nominates.
        let next = send_check(&mut nomination);
        assert!(next.contains(ATTR_USE_CANDIDATE));
        assert_eq!(nomination.on_received((OURS, theirs()), &grant(&asked)), Verdict::Hide);
        assert_eq!(nomination.on_sent((OURS, theirs()), &check().raw), Outgoing::Send);
    }

    #[test]
    fn a_nomination_of_the_stack_that_the_other_side_grants_ends_it() {
        let other = SocketAddr::from(([192, 0, 2, 3], 5_000));
        let mut nomination = begun();
        let own = stacks_nomination();
        assert_eq!(nomination.on_sent((OURS, other), &own), Outgoing::Send);
        assert!(nomination.is_choosing());
        assert_eq!(nomination.on_received((OURS, other), &grant(&read(&own).unwrap())), Verdict::Deliver);
        assert!(!nomination.is_choosing());
        assert_eq!(nomination.on_sent((OURS, theirs()), &check().raw), Outgoing::Send);
    }

    #[test]
    fn another_path_that_has_worked_may_be_chosen_once_one_is_nominated() {
        let other = SocketAddr::from(([192, 0, 2, 3], 5_000));
        let mut nomination = begun();
        let plain = check();
        assert_eq!(nomination.on_sent((OURS, other), &plain.raw), Outgoing::Send);
        nomination.on_received((OURS, other), &grant(&plain));
        send_check(&mut nomination);
        assert!(matches!(nomination.on_sent((OURS, other), &stacks_nomination()), Outgoing::SendAndAnswer(_)));
    }

    #[test]
    fn only_an_answer_to_our_check_from_where_it_went_proves_a_path() {
        let mut nomination = begun();
        let sent = send_check(&mut nomination);
        let elsewhere = SocketAddr::from(([192, 0, 2, 3], 5_000));
        for (from, wire) in
            [(elsewhere, &grant(&sent)[..]), (theirs(), &grant(&check())), (theirs(), &grant(&sent)[..15])]
        {
            assert_eq!(nomination.on_received((OURS, from), wire), Verdict::Deliver);
        }
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
        answerer.on_sent((OURS, theirs()), &grant(&check()));
        assert_eq!(answerer.on_sent((OURS, theirs()), &check().raw), Outgoing::Send);
    }

    #[test]
    fn what_is_no_check_passes() {
        let mut nomination = begun();
        for wire in [&[0, 1, 0, 0][..], &[], &grant(&check())] {
            assert_eq!(nomination.on_sent((OURS, theirs()), wire), Outgoing::Send);
        }
    }

    #[test]
    fn checks_that_nobody_answers_are_forgotten() {
        let mut nomination = begun();
        (0..2 * MAX_CHECKS).for_each(|_| drop(send_check(&mut nomination)));
        assert_eq!(nomination.asked.len(), MAX_CHECKS);
    }
}
