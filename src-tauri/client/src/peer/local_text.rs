//! What the other side is not told in our own descriptions and candidates.

/// The candidate of a relay also names the address that it was asked for from, which is ours (RFC 8839, 5.1: it may be hidden).
pub(crate) fn without_base(candidate: &str) -> String {
    let mut fields: Vec<&str> = candidate.split(' ').collect();
    for index in 1..fields.len() {
        match fields[index - 1] {
            "raddr" => fields[index] = if fields[index].contains(':') { "::" } else { "0.0.0.0" },
            "rport" => fields[index] = "0",
            _ => {}
        }
    }
    fields.join(" ")
}

/// Candidates travel by themselves. A description made later in a connection's life would repeat those of before.
pub(crate) fn without_candidates(sdp: &str) -> String {
    let is_candidate = |line: &str| line.starts_with("a=candidate:") || line.starts_with("a=end-of-candidates");
    sdp.split_inclusive('\n').filter(|line| !is_candidate(line)).collect()
}

/// The name under which the other side's STUN requests find us (RFC 8839, 5.4). One for all sections.
pub(crate) fn user_fragment(sdp: &str) -> Option<&str> {
    sdp.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relayed_candidate_does_not_name_our_address() {
        let told = "candidate:1 1 udp 16777215 192.0.2.9 50001 typ relay raddr 10.1.2.3 rport 40000";
        let hidden = "candidate:1 1 udp 16777215 192.0.2.9 50001 typ relay raddr 0.0.0.0 rport 0";
        assert_eq!(without_base(told), hidden);
        assert_eq!(without_base(hidden), hidden);
    }

    #[test]
    fn the_user_fragment_is_read() {
        assert_eq!(user_fragment("v=0\r\nm=audio 9 X 111\r\na=ice-ufrag:abCD\r\na=mid:0\r\n"), Some("abCD"));
        assert_eq!(user_fragment("v=0\r\n"), None);
    }

    #[test]
    fn descriptions_are_sent_without_candidates() {
        let sdp =
            "v=0\r\nm=audio 9 X 111\r\na=candidate:1 1 udp 1 10.0.0.1 9 typ host\r\na=end-of-candidates\r\na=mid:0\r\n";
        assert_eq!(without_candidates(sdp), "v=0\r\nm=audio 9 X 111\r\na=mid:0\r\n");
    }
}
