//! A connection's UDP socket: what passes goes through the gate, is shown to what shortens handshakes and to the flight
//! repeater and, in tests, goes through a bad network. Datagrams for relays over TCP and TLS leave by streams beside it.

use super::flight::Verdict;
use super::gate::Gate;
use super::network::TestNetwork;
use super::pulse::SocketPulse;
use super::turn_stream::SocketStreams;
use super::wire::{Outgoing, Route, Wire};
use std::collections::VecDeque;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;
use webrtc::runtime::{AsyncUdpSocket, RecvMeta, Transmit};

pub(super) struct PeerSocket {
    pub(super) inner: Arc<dyn AsyncUdpSocket>,
    pub(super) duplicate: Arc<UdpSocket>,
    pub(super) wire: Arc<Wire>,
    pub(super) gate: Arc<Gate>,
    /// The address that it is bound to.
    pub(super) ip: IpAddr,
    pub(super) pulse: Arc<SocketPulse>,
    /// When there are relays over streams.
    pub(super) streams: Option<SocketStreams>,
    pub(super) answers: Arc<Answers>,
}

/// Those of a few paths; a stranger does not know our user fragment.
const MAX_HELD: usize = 16;

/// Datagrams for the stack that do not come from the network now: our own answers, and what came early.
#[derive(Debug, Default)]
pub(super) struct Answers(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    datagrams: VecDeque<(SocketAddr, Vec<u8>)>,
    held: VecDeque<(SocketAddr, Vec<u8>)>,
    reader: Option<Waker>,
}

impl Answers {
    fn push(&self, from: SocketAddr, datagram: Vec<u8>) {
        let mut waiting = self.lock();
        waiting.datagrams.push_back((from, datagram));
        if let Some(reader) = waiting.reader.take() {
            reader.wake();
        }
    }

    /// Keeps a datagram until it is released.
    fn hold(&self, from: SocketAddr, datagram: &[u8]) {
        let held = &mut self.lock().held;
        if held.len() < MAX_HELD {
            held.push_back((from, datagram.to_vec()));
        }
    }

    pub(super) fn release(&self) {
        let Waiting { datagrams, held, reader } = &mut *self.lock();
        datagrams.append(held);
        if let Some(reader) = reader.take() {
            reader.wake();
        }
    }

    fn poll_recv(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<(usize, SocketAddr)> {
        let mut waiting = self.lock();
        match waiting.datagrams.pop_front() {
            Some((from, datagram)) => {
                let len = datagram.len().min(buffer.len());
                buffer[..len].copy_from_slice(&datagram[..len]);
                Poll::Ready((len, from))
            }
            None => {
                match &mut waiting.reader {
                    Some(reader) => reader.clone_from(cx.waker()),
                    reader @ None => *reader = Some(cx.waker().clone()),
                }
                Poll::Pending
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
            *meta = one_datagram(len, from);
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

    fn poll_send_out(&self, cx: &mut Context<'_>, transmit: &Transmit<'_>) -> Poll<io::Result<()>> {
        let sent = match &self.wire.network {
            _ if self.send_to_stream(transmit) => Poll::Ready(Ok(())),
            Some(network) => {
                self.send_through_network(network, transmit);
                Poll::Ready(Ok(()))
            }
            None => self.inner.poll_send(cx, transmit).map_ok(|_| ()),
        };
        if matches!(sent, Poll::Ready(Ok(()))) {
            self.note_sent(transmit);
        }
        sent
    }

    fn is_down(&self) -> bool {
        self.wire.network.as_ref().is_some_and(|network| !network.is_up(self.ip))
    }

    fn judge(&self, from: SocketAddr, datagram: &mut [u8]) -> Verdict {
        if !self.gate.admits(from, datagram) {
            return Verdict::Hide;
        }
        self.pulse.beat(Instant::now());
        let verdict = self.wire.on_received(datagram, from, self.ip);
        if verdict == Verdict::Deliver && self.wire.is_early(datagram) {
            self.answers.hold(from, datagram);
            return Verdict::Hide;
        }
        verdict
    }

    fn note_sent(&self, transmit: &Transmit<'_>) {
        self.gate.on_sent(transmit.destination);
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
        let (to, len) = (transmit.destination, transmit.contents.len());
        let sent = match self.wire.before_sending(self.ip, to, transmit.contents) {
            Outgoing::Send => self.poll_send_out(cx, transmit),
            Outgoing::SendInstead(contents) => {
                self.poll_send_out(cx, &Transmit { contents: &contents, segment_size: None, ..*transmit })
            }
            Outgoing::SendAndAnswer(answer) => {
                let sent = self.poll_send_out(cx, transmit);
                if sent.is_ready() {
                    self.answers.push(to, answer);
                    self.answers.release();
                }
                sent
            }
            Outgoing::Answer(from, datagram) => {
                self.answers.push(from.unwrap_or(to), datagram);
                Poll::Ready(Ok(()))
            }
        };
        sent.map_ok(|()| len)
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        if let ([buffer, ..], [meta, ..]) = (&mut *buffers, &mut *meta)
            && let Poll::Ready((len, from)) = self.answers.poll_recv(cx, buffer)
        {
            *meta = one_datagram(len, from);
            return Poll::Ready(Ok(1));
        }
        let received = self.poll_inner(cx, buffers, meta);
        if let Poll::Ready(Ok(count)) = received {
            let is_down = self.is_down();
            for (buffer, meta) in buffers.iter_mut().zip(meta.iter_mut()).take(count) {
                let (len, from) = (meta.len.min(buffer.len()), meta.addr);
                let judge = |datagram: &mut [u8]| self.judge(from, datagram);
                meta.len = match is_down {
                    true => 0,
                    false => cut_hidden(&mut buffer[..len], meta.stride, judge),
                };
            }
        }
        received
    }
}

fn one_datagram(len: usize, from: SocketAddr) -> RecvMeta {
    let mut meta = RecvMeta::default();
    (meta.addr, meta.len, meta.stride) = (from, len, len.max(1));
    meta
}

fn segments<'a>(transmit: &Transmit<'a>) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    let contents: &'a [u8] = transmit.contents;
    contents.chunks(transmit.segment_size.unwrap_or(contents.len()).max(1))
}

/// Cuts hidden datagrams out of a buffer of coalesced ones, in place. Returns the length that is left.
fn cut_hidden(buffer: &mut [u8], stride: usize, mut judge: impl FnMut(&mut [u8]) -> Verdict) -> usize {
    let (mut read, mut kept) = (0, 0);
    while read < buffer.len() {
        let end = (read + stride.max(1)).min(buffer.len());
        if judge(&mut buffer[read..end]) == Verdict::Deliver {
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
    fn what_was_held_follows_the_answer_and_is_bounded() {
        let (answers, from) = (Answers::default(), SocketAddr::from(([192, 0, 2, 1], 5_000)));
        (0..2 * MAX_HELD).for_each(|_| answers.hold(from, b"held"));
        answers.push(from, b"answer".to_vec());
        answers.release();
        let mut buffer = [0; 8];
        let mut cx = Context::from_waker(Waker::noop());
        let mut read = || match answers.poll_recv(&mut cx, &mut buffer) {
            Poll::Ready((len, _)) => Some(buffer[..len].to_vec()),
            Poll::Pending => None,
        };
        assert_eq!(read().as_deref(), Some(&b"answer"[..]));
        assert_eq!(std::iter::from_fn(read).count(), MAX_HELD);
    }

    #[test]
    fn hidden_datagrams_are_cut_out_of_a_coalesced_buffer() {
        let mut buffer = *b"aaabbbcccd";
        let len = cut_hidden(&mut buffer, 3, |datagram| match &*datagram {
            b"bbb" => Verdict::Hide,
            _ => Verdict::Deliver,
        });
        assert_eq!(&buffer[..len], b"aaacccd");
    }
}
