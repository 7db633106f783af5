//! Addresses that people type or paste: of relays, and of invites (`<relay>/invite/<code>`).

use parley_shared::view::CommandError;
use reqwest::Url;

use super::failure::invalid;

/// Longer than any address of a relay that works.
const ADDRESS_BYTES: usize = 300;
const CODE_BYTES: usize = 64;
const INVITE: &str = "invite";

/// An invite as somebody hands it on: a link, or its code alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct InviteLink {
    /// In the form of [`relay_url`]; none for a bare code.
    pub relay_url: Option<String>,
    pub code: String,
}

impl InviteLink {
    /// # Errors
    /// `InvalidArgument` with this field.
    pub fn parse(text: &str, field: &str) -> Result<Self, CommandError> {
        let text = text.trim().trim_end_matches('/');
        let no_code = || invalid(field, "This is no invite code.");
        if text.len() > ADDRESS_BYTES + INVITE.len() + CODE_BYTES + 2 {
            return Err(no_code());
        }
        let (before, code) = match text.rsplit_once('/') {
            Some((before, code)) => (Some(before), code),
            None => (None, text),
        };
        let good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if code.is_empty() || code.len() > CODE_BYTES || !code.chars().all(good) {
            return Err(no_code());
        }
        let relay_url = match before {
            Some(before) => {
                let relay = before.strip_suffix(INVITE).and_then(|relay| relay.strip_suffix('/'));
                let relay = relay.ok_or_else(|| invalid(field, "This is no link of an invite."))?;
                Some(relay_url(relay, field)?)
            }
            None => None,
        };
        Ok(Self { relay_url, code: code.to_owned() })
    }

    pub fn of(relay_url: &str, code: &str) -> String {
        format!("{}/{INVITE}/{code}", relay_url.trim_end_matches('/'))
    }
}

/// A relay's address as it is kept: `http` or `https` (when none is said), host, port unless it is the scheme's, and the path below
/// which the relay is, without a slash at its end.
///
/// # Errors
/// `InvalidArgument` with this field.
pub(super) fn relay_url(text: &str, field: &str) -> Result<String, CommandError> {
    let text = text.trim();
    let (scheme, rest) = text.split_once("://").unwrap_or(("https", text));
    if rest.trim_end_matches('/').is_empty() {
        return Err(invalid(field, "The relay's address is missing."));
    }
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return Err(invalid(field, "A relay's address begins with https:// or http://."));
    }
    let no_address = || invalid(field, "This is no address of a relay.");
    // Before an `@` could stand what looks like another relay's name.
    if text.len() > ADDRESS_BYTES || rest.contains(|c: char| c.is_whitespace() || c.is_control() || "@?#\\".contains(c))
    {
        return Err(no_address());
    }
    let url = Url::parse(&format!("{scheme}://{rest}")).map_err(|_| no_address())?;
    if url.host_str().is_none_or(str::is_empty) {
        return Err(no_address());
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// Whether two addresses in the form of [`relay_url`], or of an earlier version's sign-in, lead to the same relay.
pub(super) fn same_relay(a: &str, b: &str) -> bool {
    let plain = |url: &str| relay_url(url, "").unwrap_or_else(|_| url.to_owned());
    plain(a) == plain(b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_are_kept_in_one_form() {
        for (typed, kept) in [
            ("127.0.0.1:3001/", "https://127.0.0.1:3001"),
            (" http://Relay.Example/ ", "http://relay.example"),
            ("HTTPS://relay.example:443", "https://relay.example"),
            ("http://[::1]:3001", "http://[::1]:3001"),
            ("https://example.org/parley//", "https://example.org/parley"),
        ] {
            assert_eq!(relay_url(typed, "relay_url").as_deref(), Ok(kept), "{typed}");
        }
    }

    #[test]
    fn what_is_no_address_of_a_relay_is_refused_with_its_field() {
        let long = format!("https://{}", "a".repeat(400));
        for typed in [
            "",
            "https://",
            "ftp://relay",
            "javascript://alert",
            "file:///etc/passwd",
            "https://good.example@evil.example",
            "https://relay?x=1",
            "https://relay#x",
            "https://re lay",
            "https://relay\r\nHost: x",
            r"https://good.example\@evil.example",
            "https://:80",
            &long,
        ] {
            let error = relay_url(typed, "relay_url").unwrap_err();
            assert_eq!(error.field.as_deref(), Some("relay_url"), "{typed}");
        }
    }

    #[test]
    fn a_link_names_its_relay_and_a_bare_code_none() {
        let link = |relay: Option<&str>| InviteLink { relay_url: relay.map(str::to_owned), code: "aB-_9".to_owned() };
        assert_eq!(InviteLink::parse(" aB-_9 ", "code"), Ok(link(None)));
        let full = InviteLink::parse("https://Relay.example/invite/aB-_9/", "code");
        assert_eq!(full, Ok(link(Some("https://relay.example"))));
        let below = InviteLink::parse("http://example.org:8080/parley/invite/aB-_9", "code");
        assert_eq!(below, Ok(link(Some("http://example.org:8080/parley"))));
        assert_eq!(InviteLink::of("https://relay.example", "aB-_9"), "https://relay.example/invite/aB-_9");
    }

    #[test]
    fn what_is_no_invite_is_refused() {
        let long = "a".repeat(65);
        for text in [
            "",
            "/",
            "a b",
            "../../me",
            "https://relay.example/",
            "https://relay/invite/",
            "invite/x",
            "ftp://a/invite/x",
            "a?b",
            &long,
        ] {
            assert!(InviteLink::parse(text, "code").is_err(), "{text}");
        }
    }

    #[test]
    fn the_same_relay_is_known_in_every_spelling() {
        assert!(same_relay("https://relay.example", "HTTPS://Relay.example:443/"));
        assert!(!same_relay("https://relay.example", "http://relay.example"));
        assert!(!same_relay("https://relay.example", "https://relay.example.evil"));
    }

    proptest! {
        #[test]
        fn whatever_is_pasted_leads_only_to_http_and_to_a_harmless_path(text in ".{0,80}") {
            if let Ok(link) = InviteLink::parse(&text, "code") {
                prop_assert!(link.code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
                if let Some(relay) = link.relay_url {
                    prop_assert!(relay.starts_with("http://") || relay.starts_with("https://"));
                }
            }
        }

        #[test]
        fn a_link_leads_back_to_what_it_was_made_of(host in "[a-z]{1,10}\\.[a-z]{2,5}", code in "[A-Za-z0-9_-]{1,64}") {
            let relay = format!("https://{host}");
            let parsed = InviteLink::parse(&InviteLink::of(&relay, &code), "code");
            prop_assert_eq!(parsed, Ok(InviteLink { relay_url: Some(relay), code }));
        }
    }
}
