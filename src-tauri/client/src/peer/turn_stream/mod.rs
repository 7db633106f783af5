//! TURN over TCP and TLS, for a stack that speaks TURN over UDP only.
//!
//! ```text
//! turns:relay.example.org:443 ─rewritten─▶ turn:stream-1.invalid:443?transport=udp ─resolved─▶ 192.0.2.1:443
//! stack ── datagram to 192.0.2.1 ──▶ PeerSocket ── frame ──▶ TLS stream ──▶ relay
//! stack ◀─ datagram from 192.0.2.1 ─ PeerSocket ◀─ frame ─── TLS stream ◀── relay
//! ```
//! The addresses are of the networks for documentation (RFC 5737, RFC 3849), which lead nowhere, and only our own sockets
//! know them. Each socket has a stream of its own to each relay, opened by the first datagram and bound to the socket's
//! address. A stream that breaks stays broken, because the relay gave the allocation up with it: the silence that follows
//! restarts ICE, which makes new sockets.

mod connection;
mod framing;
mod url;

#[cfg(any(test, feature = "hostile"))]
pub(crate) use framing::Deframer;
pub(crate) use url::{Security, StreamRelay, is_turn};

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::sync::mpsc;

/// A relay has a few names at most; each costs an allocation for every address of the machine.
const MAX_RELAYS: usize = 8;
/// About a third of a second of video: more than that is no use any more when the stream lags.
const QUEUE: usize = 256;

/// The relays of one connection that are spoken to over streams.
#[derive(Debug, Default)]
pub(crate) struct StreamRelays {
    relays: Vec<StreamRelay>,
    /// Certificates (DER) that are trusted besides the system's.
    extra_roots: Vec<Vec<u8>>,
}

impl StreamRelays {
    pub(crate) fn new(extra_roots: Vec<Vec<u8>>) -> Self {
        Self { relays: Vec::new(), extra_roots }
    }

    /// The URL for the stack: one over UDP in place of one over a stream, and every other as it is. `None` when there are too
    /// many.
    pub(crate) fn rewrite(&mut self, url: &str) -> Option<String> {
        let Some(relay) = StreamRelay::parse(url) else { return Some(url.to_owned()) };
        if self.relays.len() >= MAX_RELAYS {
            return None;
        }
        let port = relay.port;
        self.relays.push(relay);
        Some(format!("turn:stream-{}.invalid:{port}?transport=udp", self.relays.len()))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.relays.is_empty()
    }

    /// What the relay's URL of [`rewrite`](Self::rewrite) stands for.
    pub(crate) fn of_url(&self, url: &str) -> Option<&StreamRelay> {
        self.numbered(url.strip_prefix("turn:")?)
    }

    /// The addresses that stand for `host:port`, when it is one of ours.
    pub(crate) fn resolve(&self, host: &str) -> Option<Vec<SocketAddr>> {
        let relay = self.numbered(host)?;
        let number = self.relays.iter().position(|other| std::ptr::eq(other, relay))? as u8 + 1;
        Some(vec![
            SocketAddr::new(Ipv4Addr::new(192, 0, 2, number).into(), relay.port),
            SocketAddr::new(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, number.into()).into(), relay.port),
        ])
    }

    /// The relay behind an address of [`resolve`](Self::resolve).
    fn at(&self, address: SocketAddr) -> Option<&StreamRelay> {
        let number = match address.ip() {
            IpAddr::V4(ip) => match ip.octets() {
                [192, 0, 2, number] => usize::from(number),
                _ => return None,
            },
            IpAddr::V6(ip) => match ip.segments() {
                [0x2001, 0xdb8, 0, 0, 0, 0, 0, number] => usize::from(number),
                _ => return None,
            },
        };
        self.relays.get(number.checked_sub(1)?).filter(|relay| relay.port == address.port())
    }

    fn numbered(&self, host: &str) -> Option<&StreamRelay> {
        let number: usize = host.strip_prefix("stream-")?.split_once(".invalid:")?.0.parse().ok()?;
        self.relays.get(number.checked_sub(1)?)
    }
}

/// The streams of one socket.
#[derive(Debug)]
pub(crate) struct SocketStreams {
    relays: Arc<StreamRelays>,
    from: IpAddr,
    streams: Mutex<BTreeMap<SocketAddr, FrameSender>>,
    received: Mutex<mpsc::Receiver<(SocketAddr, Vec<u8>)>>,
    to_received: mpsc::Sender<(SocketAddr, Vec<u8>)>,
}

/// The way into a stream.
#[derive(Debug, Clone)]
pub(crate) struct FrameSender(mpsc::Sender<Vec<u8>>);

impl FrameSender {
    /// A datagram that finds no room is lost, like any datagram may be.
    pub(crate) fn send(&self, datagram: &[u8]) {
        if let Some(frame) = framing::frame(datagram) {
            let _ = self.0.try_send(frame);
        }
    }
}

impl SocketStreams {
    /// The streams of a socket that is bound to `from`.
    pub(crate) fn new(relays: Arc<StreamRelays>, from: IpAddr) -> Self {
        let (to_received, received) = mpsc::channel(QUEUE);
        Self { relays, from, streams: Mutex::default(), received: Mutex::new(received), to_received }
    }

    /// The stream that stands behind an address, opened when it is not. Needs a Tokio runtime.
    pub(crate) fn to(&self, address: SocketAddr) -> Option<FrameSender> {
        let relay = self.relays.at(address)?;
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        Some(streams.entry(address).or_insert_with(|| self.open(relay.clone(), address)).clone())
    }

    /// The next datagram of any stream, cut to `buffer`; its length and sender. Keeps the waker while there is none.
    pub(crate) fn poll_recv(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<(usize, SocketAddr)> {
        let mut received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        match received.poll_recv(cx) {
            Poll::Ready(Some((from, datagram))) => {
                let len = datagram.len().min(buffer.len());
                buffer[..len].copy_from_slice(&datagram[..len]);
                Poll::Ready((len, from))
            }
            // We hold a sender ourselves, so the queue does not end.
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }

    fn open(&self, relay: StreamRelay, address: SocketAddr) -> FrameSender {
        let (to_stream, frames) = mpsc::channel(QUEUE);
        let (relays, from, received) = (Arc::clone(&self.relays), self.from, self.to_received.clone());
        tokio::spawn(async move {
            let on_datagram = |datagram: &[u8]| {
                let _ = received.try_send((address, datagram.to_vec()));
            };
            if let Err(error) = connection::run(&relay, from, &relays.extra_roots, frames, on_datagram).await {
                tracing::debug!(%error, "a stream to a TURN relay ended");
            }
        });
        FrameSender(to_stream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relays(urls: &[&str]) -> (StreamRelays, Vec<Option<String>>) {
        let mut relays = StreamRelays::default();
        let rewritten = urls.iter().map(|url| relays.rewrite(url)).collect();
        (relays, rewritten)
    }

    #[test]
    fn a_relay_is_found_by_its_url_its_name_and_its_address() {
        let (relays, urls) =
            relays(&["turn:a.example?transport=udp", "turn:b.example:80?transport=tcp", "turns:c.example"]);
        let plain = StreamRelay::parse("turn:b.example:80?transport=tcp").unwrap();
        assert_eq!(urls[0].as_deref(), Some("turn:a.example?transport=udp"));
        let url = urls[1].as_deref().unwrap();
        assert_eq!(relays.of_url(url), Some(&plain));
        let resolved = relays.resolve("stream-1.invalid:80").unwrap();
        assert_eq!(resolved.len(), 2);
        assert!(resolved.iter().all(|address| relays.at(*address) == Some(&plain)));
        assert_eq!(relays.resolve("stream-2.invalid:5349").unwrap()[0].port(), 5349);
    }

    #[test]
    fn other_names_and_addresses_are_not_ours() {
        let (relays, _) = relays(&["turns:c.example"]);
        for host in ["stream-0.invalid:1", "stream-2.invalid:1", "stream-x.invalid:1", "c.example:5349", ""] {
            assert_eq!(relays.resolve(host), None, "{host}");
        }
        for address in ["192.0.2.1:1", "192.0.2.0:5349", "192.0.2.2:5349", "10.0.0.1:5349", "[2001:db8::2]:5349"] {
            assert_eq!(relays.at(address.parse().unwrap()), None, "{address}");
        }
    }

    #[test]
    fn the_number_of_relays_is_bounded() {
        let (_, rewritten) = relays(&["turns:c.example"; MAX_RELAYS + 3]);
        assert_eq!(rewritten.iter().filter(|url| url.is_none()).count(), 3);
    }
}
