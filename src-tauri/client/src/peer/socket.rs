//! A connection's UDP socket: what passes is shown to the flight repeater and, in tests, goes through a bad network. Datagrams
//! for relays over TCP and TLS leave by streams beside it.

use super::flight::Verdict;
use super::network::TestNetwork;
use super::pulse::SocketPulse;
use super::turn_stream::SocketStreams;
use super::wire::{Route, Wire};
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;
use webrtc::runtime::{AsyncUdpSocket, RecvMeta, Transmit};

pub(super) struct PeerSocket {
    pub(super) inner: Arc<dyn AsyncUdpSocket>,
    pub(super) duplicate: Arc<UdpSocket>,
    pub(super) wire: Arc<Wire>,
    /// The address that it is bound to.
    pub(super) ip: IpAddr,
    pub(super) pulse: Arc<SocketPulse>,
    /// When there are relays over streams.
    pub(super) streams: Option<SocketStreams>,
}

impl std::fmt::Debug for PeerSocket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.inner.fmt(f)
    }
}

impl PeerSocket {
    fn route(&self, to: SocketAddr) -> Route {
        match self.streams.as_ref().and_then(|streams| streams.to(to)) {
            Some(stream) => Route::Stream(stream),
            None => Route::Udp { socket: Arc::downgrade(&self.duplicate), to },
        }
    }

    /// Sends to a relay over a stream. False when that is not where it goes.
    fn send_to_stream(&self, transmit: &Transmit<'_>) -> bool {
        let Some(stream) = self.streams.as_ref().and_then(|streams| streams.to(transmit.destination)) else {
            return false;
        };
        if !self.is_down() {
            segments(transmit).for_each(|datagram| stream.send(datagram));
        }
        true
    }

    fn poll_inner(
        &self,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        if let (Some(streams), [buffer, ..], [meta, ..]) = (&self.streams, &mut *buffers, &mut *meta)
            && let Poll::Ready((len, from)) = streams.poll_recv(cx, buffer)
        {
            *meta = RecvMeta::default();
            (meta.addr, meta.len, meta.stride) = (from, len, len.max(1));
            return Poll::Ready(Ok(1));
        }
        self.inner.poll_recv(cx, buffers, meta)
    }

    fn send_through_network(&self, network: &TestNetwork, transmit: &Transmit<'_>) {
        if !network.is_up(self.ip) {
            return;
        }
        let route = self.route(transmit.destination);
        for datagram in segments(transmit) {
            self.wire.delay(network, &route, datagram);
        }
    }

    fn is_down(&self) -> bool {
        self.wire.network.as_ref().is_some_and(|network| !network.is_up(self.ip))
    }

    fn note_sent(&self, transmit: &Transmit<'_>) {
        if matches!(transmit.contents.first(), Some(20..=25 | 0x40..=0x4f | 0x00)) {
            let route = self.route(transmit.destination);
            for datagram in segments(transmit) {
                self.wire.on_sent(&route, datagram);
            }
        }
    }
}

impl AsyncUdpSocket for PeerSocket {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    fn max_gso_segments(&self) -> usize {
        self.inner.max_gso_segments()
    }

    fn max_gro_segments(&self) -> usize {
        self.inner.max_gro_segments()
    }

    fn poll_send(&self, cx: &mut Context<'_>, transmit: &Transmit<'_>) -> Poll<io::Result<usize>> {
        let sent = match &self.wire.network {
            _ if self.send_to_stream(transmit) => Poll::Ready(Ok(transmit.contents.len())),
            Some(network) => {
                self.send_through_network(network, transmit);
                Poll::Ready(Ok(transmit.contents.len()))
            }
            None => self.inner.poll_send(cx, transmit),
        };
        if matches!(sent, Poll::Ready(Ok(_))) {
            self.note_sent(transmit);
        }
        sent
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let received = self.poll_inner(cx, buffers, meta);
        if let Poll::Ready(Ok(count)) = received {
            let is_down = self.is_down();
            if !is_down {
                self.pulse.beat(Instant::now());
            }
            for (buffer, meta) in buffers.iter_mut().zip(meta.iter_mut()).take(count) {
                let len = meta.len.min(buffer.len());
                meta.len = match is_down {
                    true => 0,
                    false => cut_hidden(&mut buffer[..len], meta.stride, |datagram| self.wire.on_received(datagram)),
                };
            }
        }
        received
    }
}

fn segments<'a>(transmit: &Transmit<'a>) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    let contents: &'a [u8] = transmit.contents;
    contents.chunks(transmit.segment_size.unwrap_or(contents.len()).max(1))
}

/// Cuts hidden datagrams out of a buffer of coalesced ones, in place. Returns the length that is left.
fn cut_hidden(buffer: &mut [u8], stride: usize, mut judge: impl FnMut(&[u8]) -> Verdict) -> usize {
    let (mut read, mut kept) = (0, 0);
    while read < buffer.len() {
        let end = (read + stride.max(1)).min(buffer.len());
        if judge(&buffer[read..end]) == Verdict::Deliver {
            buffer.copy_within(read..end, kept);
            kept += end - read;
        }
        read = end;
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_datagrams_are_cut_out_of_a_coalesced_buffer() {
        let mut buffer = *b"aaabbbcccd";
        let len = cut_hidden(&mut buffer, 3, |datagram| match datagram {
            b"bbb" => Verdict::Hide,
            _ => Verdict::Deliver,
        });
        assert_eq!(&buffer[..len], b"aaacccd");
    }
}
