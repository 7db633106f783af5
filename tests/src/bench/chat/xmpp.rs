//! What a client of group chat says in XMPP: over WebSocket (RFC 7395), without an account (RFC 4505), in rooms of XEP-0045.

/// The subprotocol.
pub const PROTOCOL: &str = "xmpp";
/// Opens a stream, and again after the authentication.
pub const OPEN: &str = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='localhost' version='1.0'/>";
pub const AUTHENTICATE: &str = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>";
pub const BIND: &str =
    "<iq xmlns='jabber:client' type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>";
/// Ends what a server answers to each.
pub const FEATURES: &str = "</stream:features>";
pub const SUCCESS: &str = "<success";
pub const BOUND: &str = "</jid>";
/// Is in the presence that tells somebody that they are in a room.
pub const JOINED: &str = "<status code='110'/>";

/// The address of a room.
pub fn room(number: usize) -> String {
    format!("room{number}@rooms.localhost")
}

/// Enters a room under a name, without what was said before.
pub fn join(room: &str, name: &str) -> String {
    format!(
        "<presence xmlns='jabber:client' to='{room}/{name}'><x xmlns='http://jabber.org/protocol/muc'><history \
         maxstanzas='0'/></x></presence>"
    )
}

/// Says a text, which needs no escapes, to everybody in a room.
pub fn message(room: &str, text: &str) -> String {
    format!("<message xmlns='jabber:client' type='groupchat' to='{room}'><body>{text}</body></message>")
}

/// The server refuses something, or ends the stream.
pub fn is_refusal(stanza: &str) -> bool {
    ["type='error'", "<failure", "<stream:error", "<close"].iter().any(|mark| stanza.contains(mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_not_taken_for_a_message() {
        assert!(is_refusal("<message type='error' from='room0@rooms.localhost'><error type='wait'/></message>"));
        assert!(is_refusal("<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>"));
        assert!(!is_refusal(&message(&room(0), "n=1 an error is made")));
    }
}
