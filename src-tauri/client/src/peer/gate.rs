//! Which datagrams the stack may see. It takes more in than it should before it has checked who sent it: a STUN request turns
//! its ICE role around, pieces of a DTLS handshake pile up and are put together by recursion, and every SSRC costs memory.
//!
//! ```text
//! from anyone:                               STUN binding requests to our user fragment
//! from where the stack has sent something:   everything else, with bounds
//! ```
//!
//! The stack sends only to servers, to candidates that the other side has named, and to where a request came from whose
//! integrity it has checked. So a stranger, who knows nothing but our address, reaches it by nothing.

use super::dtls::{self, DatagramKind};
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Candidates of both sides and servers. When there are more, those in use come back with the next datagram to them.
const MAX_ADDRESSES: usize = 256;
/// Two streams, their repairs and reports are a handful.
const MAX_SSRCS: usize = 64;
/// The worst handshake that still succeeds repeats some 50 datagrams of a few pieces; the stack's recursion over this many
/// fits on a small stack.
const MAX_DTLS_PIECES: usize = 1024;
const RTCP_TYPES: std::ops::RangeInclusive<u8> = 192..=223;

/// The gate of one connection.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// `None` until there is a description of ours.
    user_fragment: Option<String>,
    /// Without the scope of IPv6 addresses, which differs between sending and receiving.
    addresses: BTreeSet<(IpAddr, u16)>,
    ssrcs: BTreeSet<u32>,
    dtls_pieces: usize,
}

impl Gate {
    /// Takes the user fragment that requests to us carry.
    pub(crate) fn set_user_fragment(&self, user_fragment: &str) {
        self.state().user_fragment = Some(user_fragment.to_owned());
    }

    /// Takes in that the stack has sent something to an address.
    pub(crate) fn on_sent(&self, to: SocketAddr) {
        let (mut state, to) = (self.state(), (to.ip(), to.port()));
        if state.addresses.contains(&to) {
            return;
        }
        if state.addresses.len() >= MAX_ADDRESSES {
            state.addresses.clear();
        }
        state.addresses.insert(to);
    }

    /// Whether the stack may see a datagram from the network.
    pub(crate) fn admits(&self, from: SocketAddr, wire: &[u8]) -> bool {
        let mut state = self.state();
        if let Some(user) = dtls::binding_request_user(wire) {
            return state.is_for_us(user);
        }
        if !state.addresses.contains(&(from.ip(), from.port())) {
            return false;
        }
        let payload = dtls::payload(wire);
        match DatagramKind::of(payload) {
            DatagramKind::Dtls => state.admits_dtls(payload),
            DatagramKind::Media => state.admits_media(payload),
            DatagramKind::Other => true,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// A request names the user fragment of who it is for and then that of its sender. (RFC 8445, 7.2.2)
    fn is_for_us(&self, user: &[u8]) -> bool {
        let fragment = self.user_fragment.as_deref().map(str::as_bytes);
        user.split(|byte| *byte == b':').next() == fragment
    }

    fn admits_dtls(&mut self, datagram: &[u8]) -> bool {
        let Some(pieces) = dtls::pieces(datagram) else { return false };
        self.dtls_pieces = self.dtls_pieces.saturating_add(pieces);
        self.dtls_pieces <= MAX_DTLS_PIECES
    }

    fn admits_media(&mut self, datagram: &[u8]) -> bool {
        let is_rtcp = datagram.get(1).is_some_and(|kind| RTCP_TYPES.contains(kind));
        let at = if is_rtcp { 4 } else { 8 };
        let Some(ssrc) = datagram.get(at..).and_then(|rest| rest.first_chunk()) else { return false };
        let ssrc = u32::from_be_bytes(*ssrc);
        self.ssrcs.contains(&ssrc) || (self.ssrcs.len() < MAX_SSRCS && self.ssrcs.insert(ssrc))
    }
}

#[cfg(test)]
mod tests {
    use super::super::dtls::testing::{binding_request, handshake, record};
    use super::*;

    fn address(last: u8) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, last], 5000))
    }

    fn gate() -> Gate {
        let gate = Gate::default();
        gate.set_user_fragment("ours");
        gate.on_sent(address(1));
        gate
    }

    fn rtp(ssrc: u32) -> Vec<u8> {
        [&[0x80, 111, 0, 1, 0, 0, 0, 0][..], &ssrc.to_be_bytes(), &[7; 20]].concat()
    }

    #[test]
    fn a_stranger_gets_in_by_a_request_for_us_only() {
        let gate = gate();
        assert!(gate.admits(address(2), &binding_request("ours:theirs")));
        for user in ["other:theirs", "ours2:theirs", "our:theirs", "theirs:ours", ""] {
            assert!(!gate.admits(address(2), &binding_request(user)), "{user}");
        }
        let response = [&[0x01, 0x01][..], &binding_request("ours:theirs")[2..]].concat();
        for datagram in [&[][..], &[0; 30], &rtp(1), &handshake(1, 0, 0), &[0x40, 0, 0, 1, 9], &response] {
            assert!(!gate.admits(address(2), datagram), "{datagram:?}");
        }
        assert!(gate.admits(address(1), &rtp(1)) && gate.admits(address(1), &response));
    }

    #[test]
    fn requests_of_a_known_address_are_for_us_too() {
        assert!(!gate().admits(address(1), &binding_request("other:theirs")));
        assert!(!Gate::default().admits(address(1), &binding_request("")));
    }

    #[test]
    fn sources_are_bounded() {
        let gate = gate();
        let admitted = (0..1000).filter(|ssrc| gate.admits(address(1), &rtp(*ssrc))).count();
        assert_eq!(admitted, MAX_SSRCS);
        assert!(gate.admits(address(1), &rtp(3)));
        let report = [&[0x80, 200, 0, 6][..], &3_u32.to_be_bytes(), &[0; 20]].concat();
        assert!(gate.admits(address(1), &report));
    }

    #[test]
    fn pieces_of_handshakes_are_bounded() {
        let gate = gate();
        let admitted = (0..5000).filter(|n| gate.admits(address(1), &handshake(1, *n, 0))).count();
        assert_eq!(admitted, MAX_DTLS_PIECES);
        assert!(gate.admits(address(1), &rtp(1)));
    }

    #[test]
    fn what_nobody_who_means_well_sends_is_refused() {
        let alert = record(21, 0, 0, &[2, 80]);
        assert!(!gate().admits(address(1), &alert));
        let in_channel = [&[0x40, 1, 0, alert.len() as u8][..], &alert].concat();
        assert!(!gate().admits(address(1), &in_channel));
    }

    #[test]
    fn addresses_are_bounded_and_those_in_use_come_back() {
        let gate = gate();
        for port in 1..2000 {
            gate.on_sent(SocketAddr::from(([192, 0, 2, 9], port)));
        }
        assert!(gate.state().addresses.len() <= MAX_ADDRESSES);
        gate.on_sent(address(1));
        assert!(gate.admits(address(1), &rtp(1)));
    }
}
