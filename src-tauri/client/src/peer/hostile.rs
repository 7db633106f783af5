//! Doors to what a connection does with the other side's bytes.

use super::budget::Congestion;
use super::clocks::Clocks;
use super::flight::{FlightRepeater, Verdict};
use super::gate::Gate;
use super::remote_text::{check_candidate, check_description};
use super::turn_stream::Deframer;
use super::{BandwidthLimits, IceCandidate, codecs};
use rtc::interceptor::Interceptor;
use rtc::peer_connection::sdp::RTCSessionDescription;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

pub(crate) use super::redundancy::unwrap as copies;

/// What a datagram goes through before the stack sees it.
pub(crate) struct Socket {
    gate: Gate,
    repeater: FlightRepeater<()>,
    now: Instant,
}

impl Default for Socket {
    fn default() -> Self {
        let gate = Gate::default();
        gate.set_user_fragment("ours");
        gate.on_sent(address(true));
        Self { gate, repeater: FlightRepeater::new(), now: Instant::now() }
    }
}

impl Socket {
    pub(crate) fn send(&mut self, datagram: &[u8]) {
        self.repeater.on_sent(&(), datagram, self.now);
    }

    /// Returns whether the stack would see it.
    pub(crate) fn receive(&mut self, is_known: bool, datagram: &[u8]) -> bool {
        self.gate.admits(address(is_known), datagram)
            && self.repeater.on_received(datagram, self.now) == Verdict::Deliver
    }

    /// Returns how many datagrams are sent again.
    pub(crate) fn pass(&mut self, time: Duration) -> usize {
        self.now += time;
        self.repeater.handle_timeout(self.now).len()
    }
}

fn address(is_known: bool) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, u8::from(is_known)], 5000))
}

/// Takes a relay's stream apart that comes in these reads. Returns how many bytes of datagrams there were.
pub(crate) fn relay_stream<'a>(reads: impl Iterator<Item = &'a [u8]>) -> usize {
    let (mut deframer, mut len) = (Deframer::default(), 0);
    for read in reads {
        deframer.push(read);
        loop {
            match deframer.poll() {
                Ok(Some(datagram)) => len += datagram.len(),
                Ok(None) => break,
                Err(_) => return len,
            }
        }
    }
    len
}

/// The interceptors of a connection.
pub(crate) fn chain(limits: BandwidthLimits) -> impl Interceptor {
    codecs::interceptors(Congestion::new(limits), Clocks::default(), || {}).build()
}

/// Checks and parses a description as a connection does. Returns whether it was taken.
pub fn description(text: &str) -> bool {
    check_description(text).is_ok()
        && [RTCSessionDescription::offer(text.to_owned()), RTCSessionDescription::answer(text.to_owned())]
            .into_iter()
            .any(|parsed| parsed.is_ok())
}

/// Checks and parses a candidate as a connection does. Returns whether it was taken.
pub fn candidate(text: &str) -> bool {
    let candidate = IceCandidate { candidate: text.to_owned(), sdp_mid: None, sdp_m_line_index: Some(0) };
    check_candidate(&candidate).is_ok() && rtc::ice::candidate::unmarshal_candidate(text).is_ok()
}
