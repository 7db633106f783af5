//! Doors to what a connection does with the other side's bytes.

use super::budget::Congestion;
use super::clocks::Clocks;
use super::remote_text::{check_candidate, check_description};
use super::{BandwidthLimits, IceCandidate, codecs};
use rtc::interceptor::Interceptor;
use rtc::peer_connection::sdp::RTCSessionDescription;

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
