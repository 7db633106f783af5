//! Saves a round trip of the DTLS handshake between two that know each other from signaling.
//!
//! A DTLS server first answers a hello with a cookie, which the client has to bring back, to see that the client's address
//! is not forged (RFC 6347, 4.2.1). ICE has seen that already, but the stack cannot leave it out. So the offerer, who is the
//! server, tells its cookie in the offer, and each side plays the other's part of that exchange to its own stack:
//!
//! ```text
//!  client's stack      client's socket            server's socket      server's stack
//!   hello ───────────────▶│                          │
//!   ◀── verify, cookie ───│                          │
//!   hello, cookie ────────┼────────── network ──────▶│── hello ───────────▶
//!                         │                          │◀── verify, cookie ──
//!                         │                          │── hello, cookie ───▶
//!   ◀─────────────────────┼──────────────────────────┼────── server's flight
//! ```
//!
//! A side that has not been told a cookie, as a browser, shakes hands as ever. Pure: datagrams go in, and what to do with
//! them comes out.

use super::dtls::{self, Record};
use super::wire::Outgoing;
use rand::RngCore;
use rtc::crypto::{CryptoError, RTCCrypto, RTCCryptoProvider, RTCRandom};
use std::net::SocketAddr;
use std::sync::Arc;

/// As long as the stack's own.
const COOKIE_LEN: usize = 20;
const RECORD_HEADER_LEN: usize = 13;
const MESSAGE_HEADER_LEN: usize = 12;
const CLIENT_HELLO: u8 = 1;
const HELLO_VERIFY_REQUEST: u8 = 3;
/// In a client's hello, after version and random.
const SESSION_ID_AT: usize = 34;
/// Of an extension that means nothing. (RFC 7685)
const PADDING: [u8; 4] = [0, 21, 0, (COOKIE_LEN - 4) as u8];
const ATTRIBUTE: &str = "a=x-parley-dtls-cookie:";

/// What a DTLS client has to bring to its server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cookie([u8; COOKIE_LEN]);

impl Cookie {
    pub(crate) fn random() -> Self {
        let mut cookie = [0; COOKIE_LEN];
        rand::rng().fill_bytes(&mut cookie);
        Self(cookie)
    }

    /// Puts it into a description.
    pub(crate) fn add_to(&self, sdp: &str) -> String {
        let hex: String = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
        let media = sdp.find("m=audio").into_iter().chain(sdp.find("m=video")).min().unwrap_or(sdp.len());
        format!("{}{ATTRIBUTE}{hex}\r\n{}", &sdp[..media], &sdp[media..])
    }

    /// The one that a description tells.
    pub(crate) fn of(sdp: &str) -> Option<Self> {
        let hex = sdp.lines().find_map(|line| line.strip_prefix(ATTRIBUTE))?.trim_end();
        if hex.len() != 2 * COOKIE_LEN || !hex.is_ascii() {
            return None;
        }
        let mut cookie = [0; COOKIE_LEN];
        for (byte, digits) in cookie.iter_mut().zip(hex.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        }
        Some(Self(cookie))
    }
}

/// The exchange of one DTLS association.
#[derive(Debug)]
pub(crate) struct HelloExchange {
    ours: Cookie,
    theirs: Option<Cookie>,
    /// Our stack has asked for the cookie.
    has_asked: bool,
    /// The hello with the cookie, until our stack has asked for it.
    kept: Option<(SocketAddr, Vec<u8>)>,
}

impl HelloExchange {
    /// `theirs` is the cookie of a server that has told it.
    pub(crate) fn new(ours: Cookie, theirs: Option<Cookie>) -> Self {
        Self { ours, theirs, has_asked: false, kept: None }
    }

    /// Takes in a datagram that our stack sends.
    pub(crate) fn on_sent(&mut self, wire: &[u8]) -> Outgoing {
        let records = dtls::records(dtls::payload(wire));
        let [record] = records[..] else { return Outgoing::Send };
        match record.handshake_head().map(|head| head.message_type) {
            Some(CLIENT_HELLO) => match self.theirs {
                // What comes through a relay would have to be wrapped: that way goes the long exchange.
                Some(cookie) if dtls::payload(wire).len() == wire.len() && cookie_of(&record) == Some(&[]) => {
                    Outgoing::Answer(None, verify_request(&cookie))
                }
                Some(_) | None => Outgoing::Send,
            },
            Some(HELLO_VERIFY_REQUEST) => {
                self.has_asked = true;
                self.kept.take().map_or(Outgoing::Send, |(from, hello)| Outgoing::Answer(Some(from), hello))
            }
            Some(_) | None => Outgoing::Send,
        }
    }

    /// Takes in a datagram from the network; a hello with our cookie becomes one without, of the same length.
    pub(crate) fn on_received(&mut self, wire: &mut [u8], from: SocketAddr) {
        if self.has_asked {
            return;
        }
        let payload = dtls::payload(wire);
        let records = dtls::records(payload);
        let [record] = records[..] else { return };
        if cookie_of(&record) != Some(&self.ours.0) {
            return;
        }
        let Some(first) = without_cookie(&payload[..RECORD_HEADER_LEN], record.body) else { return };
        let begin = payload.as_ptr() as usize - wire.as_ptr() as usize;
        self.kept = Some((from, wire.to_vec()));
        wire[begin..begin + first.len()].copy_from_slice(&first);
    }
}

/// The cookie of a client's hello that is whole; empty in the first.
fn cookie_of<'a>(record: &Record<'a>) -> Option<&'a [u8]> {
    let head = record.handshake_head().filter(|head| head.message_type == CLIENT_HELLO)?;
    let (header, hello) = record.body.split_at_checked(MESSAGE_HEADER_LEN)?;
    let is_whole = header[6..9] == [0; 3] && header[1..4] == header[9..12] && number(&header[1..4]) == hello.len();
    let cookie = hello.get(SESSION_ID_AT + 1 + usize::from(*hello.get(SESSION_ID_AT)?)..)?;
    let (len, rest) = cookie.split_first()?;
    let cookie = rest.get(..usize::from(*len))?;
    (is_whole && (head.message_seq == 0) == cookie.is_empty()).then_some(cookie)
}

/// What a client sent before this second hello, made as long as this one.
fn without_cookie(record_header: &[u8], message: &[u8]) -> Option<Vec<u8>> {
    let (header, hello) = message.split_at_checked(MESSAGE_HEADER_LEN)?;
    let cookie_at = SESSION_ID_AT + 1 + usize::from(*hello.get(SESSION_ID_AT)?);
    let after_cookie = hello.get(cookie_at + 1 + COOKIE_LEN..)?;
    let suites_len = 2 + number(after_cookie.get(..2)?);
    let methods_len = 1 + usize::from(*after_cookie.get(suites_len)?);
    let (before, extensions) = after_cookie.split_at_checked(suites_len + methods_len)?;
    let extensions_len = u16::try_from(number(extensions.get(..2)?) + COOKIE_LEN).ok()?;
    let mut first = Vec::with_capacity(record_header.len() + message.len());
    first.extend(&record_header[..5]);
    first.extend([0; 6]);
    first.extend(&record_header[11..]);
    first.extend(&header[..4]);
    first.extend([0, 0]);
    first.extend(&header[6..]);
    first.extend(&hello[..cookie_at]);
    first.push(0);
    first.extend(before);
    first.extend(extensions_len.to_be_bytes());
    first.extend(extensions.get(2..)?);
    first.extend(PADDING);
    first.extend([0; COOKIE_LEN - PADDING.len()]);
    Some(first)
}

fn verify_request(Cookie(cookie): &Cookie) -> Vec<u8> {
    const VERSION: [u8; 2] = [0xfe, 0xfd];
    const BODY_LEN: u8 = (VERSION.len() + 1 + COOKIE_LEN) as u8;
    let mut wire = vec![22];
    wire.extend(VERSION);
    wire.extend([0; 8]);
    wire.extend([0, MESSAGE_HEADER_LEN as u8 + BODY_LEN]);
    wire.extend([HELLO_VERIFY_REQUEST, 0, 0, BODY_LEN, 0, 0, 0, 0, 0, 0, 0, BODY_LEN]);
    wire.extend(VERSION);
    wire.push(COOKIE_LEN as u8);
    wire.extend(cookie);
    wire
}

fn number(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte))
}

/// The stack's cryptography, whose DTLS server takes this cookie in place of a random one: no other random value of the
/// stack has the length of a cookie.
pub(crate) struct CookieProvider {
    stack: Arc<dyn RTCCryptoProvider>,
    cookie: Cookie,
}

impl CookieProvider {
    pub(crate) fn new(stack: Arc<dyn RTCCryptoProvider>, cookie: Cookie) -> Self {
        Self { stack, cookie }
    }
}

impl RTCCryptoProvider for CookieProvider {
    fn name(&self) -> &'static str {
        self.stack.name()
    }

    fn crypto(&self) -> &dyn RTCCrypto {
        self.stack.crypto()
    }

    fn random(&self) -> &dyn RTCRandom {
        self
    }
}

impl RTCRandom for CookieProvider {
    fn fill(&self, output: &mut [u8]) -> Result<(), CryptoError> {
        match <&mut [u8; COOKIE_LEN]>::try_from(&mut *output) {
            Ok(cookie) => *cookie = self.cookie.0,
            Err(_) => self.stack.random().fill(output)?,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const COOKIE: Cookie = Cookie([7; COOKIE_LEN]);

    fn from() -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], 5_000))
    }

    fn hello(cookie: &[u8]) -> Vec<u8> {
        let mut body = vec![0xfe, 0xfd];
        body.extend(1..=32);
        body.push(0);
        body.push(cookie.len() as u8);
        body.extend(cookie);
        body.extend([0, 4, 0xc0, 0x2b, 0xc0, 0x2f, 1, 0, 0, 4, 0, 23, 0, 0]);
        let seq = u8::from(!cookie.is_empty());
        let mut message = vec![CLIENT_HELLO, 0, 0, body.len() as u8, 0, seq, 0, 0, 0, 0, 0, body.len() as u8];
        message.extend(body);
        dtls::testing::record(22, 0, seq, &message)
    }

    fn relayed(inner: &[u8]) -> Vec<u8> {
        let mut wire = vec![0x40, 0x01];
        wire.extend((inner.len() as u16).to_be_bytes());
        wire.extend(inner);
        wire
    }

    #[test]
    fn a_cookie_travels_in_a_description() {
        let sdp = "v=0\r\na=group:BUNDLE 0\r\nm=audio 9 X 111\r\na=mid:0\r\n";
        let told = COOKIE.add_to(sdp);
        assert_eq!(Cookie::of(&told), Some(COOKIE));
        assert!(told.find(ATTRIBUTE) < told.find("m=audio") && told.ends_with("a=mid:0\r\n"));
        assert_eq!(Cookie::of(sdp), None);
        for bad in ["", "07", &"é".repeat(20), &"zz".repeat(20), &"07".repeat(21)] {
            assert_eq!(Cookie::of(&format!("v=0\r\n{ATTRIBUTE}{bad}\r\n")), None, "{bad}");
        }
    }

    #[test]
    fn a_client_that_knows_the_cookie_is_asked_by_its_own_socket() {
        let mut client = HelloExchange::new(Cookie::random(), Some(COOKIE));
        let Outgoing::Answer(None, request) = client.on_sent(&hello(&[])) else { panic!("it went out") };
        assert!(request.ends_with(&COOKIE.0));
        let records = dtls::records(&request);
        assert_eq!(records[0].handshake_head().unwrap().message_type, HELLO_VERIFY_REQUEST);
        assert_eq!(client.on_sent(&hello(&COOKIE.0)), Outgoing::Send);
    }

    #[test]
    fn a_server_sees_both_hellos_and_its_question_stays_with_it() {
        for wrap in [<[u8]>::to_vec as fn(&[u8]) -> Vec<u8>, relayed] {
            let mut server = HelloExchange::new(COOKIE, None);
            let (second, mut wire) = (wrap(&hello(&COOKIE.0)), wrap(&hello(&COOKIE.0)));
            // The first of them is lost on its way through the stack.
            server.on_received(&mut wire, from());
            let mut wire = second.clone();
            server.on_received(&mut wire, from());
            let records = dtls::records(dtls::payload(&wire));
            assert_eq!(cookie_of(&records[0]), Some(&[][..]));
            assert_eq!(server.on_sent(&verify_request(&COOKIE)), Outgoing::Answer(Some(from()), second.clone()));
            let mut repeat = second.clone();
            server.on_received(&mut repeat, from());
            assert_eq!(repeat, second);
        }
    }

    #[test]
    fn whoever_knows_no_cookie_shakes_hands_as_ever() {
        let mut client = HelloExchange::new(Cookie::random(), None);
        assert_eq!(client.on_sent(&hello(&[])), Outgoing::Send);
        let mut server = HelloExchange::new(COOKIE, None);
        let mut first = hello(&[]);
        server.on_received(&mut first, from());
        assert_eq!(first, hello(&[]));
        assert_eq!(server.on_sent(&verify_request(&COOKIE)), Outgoing::Send);
        let mut second = hello(&COOKIE.0);
        server.on_received(&mut second, from());
        assert_eq!(second, hello(&COOKIE.0));
    }

    #[test]
    fn a_wrong_cookie_is_left_to_the_stack() {
        let mut server = HelloExchange::new(COOKIE, None);
        let mut wire = hello(&[8; COOKIE_LEN]);
        server.on_received(&mut wire, from());
        assert_eq!(wire, hello(&[8; COOKIE_LEN]));
    }

    #[test]
    fn a_first_hello_through_a_relay_goes_out() {
        let mut client = HelloExchange::new(Cookie::random(), Some(COOKIE));
        assert_eq!(client.on_sent(&relayed(&hello(&[]))), Outgoing::Send);
    }

    #[test]
    fn only_the_cookie_is_no_longer_random() {
        let provider = CookieProvider::new(rtc::crypto::default_provider().unwrap(), COOKIE);
        let mut cookie = [0; COOKIE_LEN];
        provider.random().fill(&mut cookie).unwrap();
        assert_eq!(cookie, COOKIE.0);
        let (mut one, mut other) = ([0; 28], [0; 28]);
        provider.random().fill(&mut one).unwrap();
        provider.random().fill(&mut other).unwrap();
        assert_ne!(one, other);
    }

    proptest! {
        #[test]
        fn hostile_hellos_are_only_read(
            cut in 0usize..120,
            place in 13usize..100,
            value in any::<u8>(),
        ) {
            let mut wire = hello(&COOKIE.0);
            let place = place.min(wire.len() - 1);
            wire[place] = value;
            wire.truncate(wire.len().saturating_sub(cut));
            let before = wire.len();
            let mut server = HelloExchange::new(COOKIE, Some(COOKIE));
            server.on_received(&mut wire, from());
            prop_assert_eq!(wire.len(), before);
            server.on_sent(&wire);
        }
    }
}
