//! TURN URLs (RFC 7065) of relays that are spoken to over a stream.

/// A relay that is reached over TCP, with or without TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StreamRelay {
    /// A name or an address; TLS verifies the certificate against it.
    pub host: String,
    pub port: u16,
    pub security: Security,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Security {
    Plain,
    Tls,
}

impl Security {
    fn default_port(self) -> u16 {
        match self {
            Self::Plain => 3478,
            Self::Tls => 5349,
        }
    }
}

impl StreamRelay {
    /// `None` for what is no TURN URL, or one over UDP, which the stack speaks itself.
    pub(crate) fn parse(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once(':')?;
        let (authority, query) = rest.split_once('?').unwrap_or((rest, ""));
        let transport = query.split('&').find_map(|pair| pair.strip_prefix("transport="));
        let is = |name: &str| transport.is_some_and(|transport| transport.eq_ignore_ascii_case(name));
        let security = match scheme.to_ascii_lowercase().as_str() {
            // TLS over UDP would be DTLS, which nobody offers.
            "turns" if transport.is_none() || is("tcp") => Security::Tls,
            "turn" if is("tcp") => Security::Plain,
            _ => return None,
        };
        let (host, port) = split_port(authority)?;
        let port = match port {
            Some(port) => port.parse().ok()?,
            None => security.default_port(),
        };
        (!host.is_empty()).then(|| Self { host: host.to_owned(), port, security })
    }
}

/// Whether a URL names a TURN relay of any kind.
pub(crate) fn is_turn(url: &str) -> bool {
    url.split_once(':')
        .is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("turn") || scheme.eq_ignore_ascii_case("turns"))
}

/// `[::1]:3478`, `[::1]`, `host:3478` and `host`.
fn split_port(authority: &str) -> Option<(&str, Option<&str>)> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, port) = rest.split_once(']')?;
        return match port {
            "" => Some((host, None)),
            port => Some((host, Some(port.strip_prefix(':')?))),
        };
    }
    match authority.split_once(':') {
        Some((_, port)) if port.contains(':') => None,
        Some((host, port)) => Some((host, Some(port))),
        None => Some((authority, None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn relay(host: &str, port: u16, security: Security) -> Option<StreamRelay> {
        Some(StreamRelay { host: host.to_owned(), port, security })
    }

    #[test]
    fn urls_over_streams_are_understood() {
        use Security::*;
        for (url, wanted) in [
            ("turn:turn.example.org?transport=tcp", relay("turn.example.org", 3478, Plain)),
            ("turn:192.0.2.7:80?transport=TCP", relay("192.0.2.7", 80, Plain)),
            ("turns:turn.example.org", relay("turn.example.org", 5349, Tls)),
            ("turns:turn.example.org:443?transport=tcp", relay("turn.example.org", 443, Tls)),
            ("TURNS:[2001:db8::1]:443", relay("2001:db8::1", 443, Tls)),
            ("turns:[2001:db8::1]", relay("2001:db8::1", 5349, Tls)),
        ] {
            assert_eq!(StreamRelay::parse(url), wanted, "{url}");
        }
    }

    #[test]
    fn everything_else_is_left_to_the_stack() {
        for url in [
            "turn:turn.example.org",
            "turn:turn.example.org?transport=udp",
            "turns:turn.example.org?transport=udp",
            "stun:stun.example.org?transport=tcp",
            "turn::1?transport=tcp",
            "turn:?transport=tcp",
            "turn:host:99999?transport=tcp",
            "turns:[::1",
            "",
        ] {
            assert_eq!(StreamRelay::parse(url), None, "{url}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_only_read(url in "\\PC{0,60}") {
            let _ = StreamRelay::parse(&url);
            let _ = StreamRelay::parse(&format!("turns:{url}"));
        }
    }
}
