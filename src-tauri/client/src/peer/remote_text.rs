//! Bounds on the text that the other side sends, checked before the stack parses it.

use super::{IceCandidate, PeerError};
use parley_shared::limits::{CANDIDATE_BYTES, SDP_BYTES};
use std::net::SocketAddr;

/// A call has two media sections; a browser may add a data channel and a few spare ones.
const MAX_MEDIA_SECTIONS: usize = 16;
const MAX_MID_BYTES: usize = 64;

/// Checks an SDP for size and rough shape.
pub(crate) fn check_description(sdp: &str) -> Result<(), PeerError> {
    if sdp.len() > SDP_BYTES {
        return Err(PeerError::DescriptionTooLong);
    }
    if !sdp.starts_with("v=0") {
        return Err(PeerError::BadDescription("it does not begin with v=0".to_owned()));
    }
    let sections = sdp.lines().filter(|line| line.starts_with("m=")).count();
    if !(1..=MAX_MEDIA_SECTIONS).contains(&sections) {
        return Err(PeerError::BadDescription(format!("it has {sections} media sections")));
    }
    Ok(())
}

/// What to do with a candidate of the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CandidateUse {
    Add,
    /// Over TCP: it would let the other side make us connect wherever it likes, and our own side has no TCP.
    Skip,
}

/// Checks a candidate line (RFC 8839, 5.1) for size and rough shape.
pub(crate) fn check_candidate(candidate: &IceCandidate) -> Result<CandidateUse, PeerError> {
    let text = candidate.candidate.as_str();
    let mid_len = candidate.sdp_mid.as_ref().map_or(0, String::len);
    if text.len() > CANDIDATE_BYTES || mid_len > MAX_MID_BYTES || text.contains(['\r', '\n']) {
        return Err(PeerError::BadCandidate);
    }
    let fields: Vec<&str> = text.strip_prefix("candidate:").unwrap_or(text).split_ascii_whitespace().collect();
    let [_foundation, _component, transport, _priority, _address, port, "typ", ..] = fields[..] else {
        return Err(PeerError::BadCandidate);
    };
    port.parse::<u16>().map_err(|_| PeerError::BadCandidate)?;
    if transport.eq_ignore_ascii_case("udp") { Ok(CandidateUse::Add) } else { Ok(CandidateUse::Skip) }
}

/// Where a candidate is that is a relay's.
pub(crate) fn relay_address(candidate: &IceCandidate) -> Option<SocketAddr> {
    let mut fields = candidate.candidate.split_ascii_whitespace().skip(4);
    let address = SocketAddr::new(fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    (fields.nth(1)? == "relay").then_some(address)
}

/// The password of the other side's ICE agent (RFC 8839, 5.4). One for all sections.
pub(crate) fn ice_password(sdp: &str) -> Option<&str> {
    sdp.lines().find_map(|line| line.strip_prefix("a=ice-pwd:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(text: &str) -> IceCandidate {
        IceCandidate { candidate: text.to_owned(), sdp_mid: Some("0".to_owned()), sdp_m_line_index: Some(0) }
    }

    #[test]
    fn long_or_shapeless_descriptions_are_refused() {
        assert_eq!(check_description(&"v=0".repeat(SDP_BYTES)), Err(PeerError::DescriptionTooLong));
        assert!(check_description("").is_err());
        assert!(check_description("hello").is_err());
        assert!(check_description("v=0\r\ns=-\r\n").is_err());
        assert!(check_description(&format!("v=0\r\n{}", "m=audio 9 X 0\r\n".repeat(17))).is_err());
        assert!(check_description("v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n").is_ok());
    }

    #[test]
    fn a_browsers_candidates_are_taken() {
        let host = "candidate:1 1 udp 2122260223 10.0.0.1 50000 typ host generation 0 ufrag x network-id 1";
        let mdns = "candidate:1 1 UDP 2122260223 9b36eaac-bb2e-49bb-bb78-21c41c499900.local 50000 typ host";
        let tcp = "candidate:2 1 tcp 1518280447 10.0.0.1 9 typ host tcptype active";
        assert_eq!(check_candidate(&candidate(host)), Ok(CandidateUse::Add));
        assert_eq!(check_candidate(&candidate(mdns)), Ok(CandidateUse::Add));
        assert_eq!(check_candidate(&candidate(tcp)), Ok(CandidateUse::Skip));
    }

    #[test]
    fn only_a_relayed_candidate_has_a_relay_address() {
        let address = |text: &str| relay_address(&candidate(text));
        let relay = SocketAddr::from(([10, 0, 0, 1], 50_000));
        assert_eq!(address("candidate:1 1 udp 1 10.0.0.1 50000 typ relay raddr 0.0.0.0 rport 0"), Some(relay));
        assert_eq!(address("candidate:1 1 udp 2122260223 10.0.0.1 50000 typ host generation 0"), None);
        assert_eq!(address("candidate:1 1 udp 1 9b36eaac.local 50000 typ host"), None);
    }

    #[test]
    fn the_password_is_read() {
        assert_eq!(ice_password("v=0\r\nm=audio 9 X 111\r\na=ice-pwd:secret\r\na=mid:0\r\n"), Some("secret"));
        assert_eq!(ice_password("v=0\r\n"), None);
    }

    #[test]
    fn hostile_candidates_are_errors() {
        let long = format!("candidate:1 1 udp 1 10.0.0.1 50000 typ host {}", "x".repeat(CANDIDATE_BYTES));
        for text in ["", "candidate:", "candidate:1 1 udp 1 10.0.0.1 99999 typ host", "1 1 udp\r\na=x", &long] {
            assert!(check_candidate(&candidate(text)).is_err(), "{text}");
        }
    }
}
