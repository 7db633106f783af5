//! The `webrtc` runtime of one connection: Tokio, with the flight repeater and the test network at the sockets.
//!
//! One instance serves exactly one connection, because a repeater follows one DTLS association. Repeats and delayed
//! datagrams leave by a duplicate of the socket descriptor with a plain non-blocking send: Tokio keeps one waker per
//! direction, and polling the connection's own socket from a second task would steal it.

use super::dtls::{self, DatagramKind};
use super::flight::{FlightRepeater, Verdict};
use super::network::{InFlight, TestNetwork};
use std::future::Future;
use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use webrtc::runtime::{
    AsyncInterval, AsyncTcpListener, AsyncTcpStream, AsyncUdpSocket, JoinHandle, RecvMeta, Runtime, TokioRuntime,
    Transmit,
};

pub(crate) struct PeerRuntime {
    tokio: TokioRuntime,
    shared: Arc<Shared>,
}

impl PeerRuntime {
    pub(crate) fn new(network: Option<TestNetwork>) -> Self {
        let shared = Shared {
            state: Mutex::new(State { repeater: FlightRepeater::new(), delayed: InFlight::new() }),
            network,
            wake: Arc::new(Notify::new()),
            sender_started: AtomicBool::new(false),
            is_repeating: AtomicBool::new(false),
        };
        Self { tokio: TokioRuntime, shared: Arc::new(shared) }
    }
}

impl std::fmt::Debug for PeerRuntime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PeerRuntime")
    }
}

impl Runtime for PeerRuntime {
    /// Called on the connection's driver task, inside a Tokio runtime.
    fn wrap_udp_socket(&self, socket: UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        let duplicate = Arc::new(socket.try_clone()?);
        let inner = self.tokio.wrap_udp_socket(socket)?;
        if !self.shared.sender_started.swap(true, Ordering::Relaxed) {
            tokio::spawn(send_due(Arc::downgrade(&self.shared), Arc::clone(&self.shared.wake)));
        }
        Ok(Arc::new(PeerSocket { inner, duplicate, shared: Arc::clone(&self.shared) }))
    }

    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) -> Box<dyn JoinHandle> {
        self.tokio.spawn(future)
    }

    fn spawn_reactor(&self, size: usize, future: Pin<Box<dyn Future<Output = ()> + Send>>) -> Box<dyn JoinHandle> {
        self.tokio.spawn_reactor(size, future)
    }

    fn wrap_tcp_listener(&self, listener: TcpListener) -> io::Result<Arc<dyn AsyncTcpListener>> {
        self.tokio.wrap_tcp_listener(listener)
    }

    fn connect_tcp<'a>(
        &'a self,
        to: SocketAddr,
    ) -> Pin<Box<dyn Future<Output = io::Result<Arc<dyn AsyncTcpStream>>> + Send + 'a>> {
        self.tokio.connect_tcp(to)
    }

    fn resolve_host<'a>(
        &'a self,
        host: &'a str,
    ) -> Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'a>> {
        self.tokio.resolve_host(host)
    }

    fn now(&self) -> Instant {
        self.tokio.now()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + 'static>> {
        self.tokio.sleep(duration)
    }

    fn interval(&self, period: Duration) -> Box<dyn AsyncInterval> {
        self.tokio.interval(period)
    }

    fn block_on(&self, future: Pin<Box<dyn Future<Output = ()> + '_>>) {
        self.tokio.block_on(future);
    }

    fn yield_now(&self) -> Pin<Box<dyn Future<Output = ()> + Send + 'static>> {
        self.tokio.yield_now()
    }

    fn name(&self) -> &'static str {
        "tokio, with repeated DTLS flights"
    }
}

/// The way a datagram leaves. The socket is weak: a closed connection sends nothing more.
#[derive(Debug, Clone)]
struct Route {
    socket: Weak<UdpSocket>,
    to: SocketAddr,
}

impl Route {
    /// A datagram that would block is lost, like any datagram may be.
    fn send(&self, wire: &[u8]) {
        if let Some(socket) = self.socket.upgrade() {
            let _ = socket.send_to(wire, self.to);
        }
    }
}

struct Shared {
    state: Mutex<State>,
    network: Option<TestNetwork>,
    wake: Arc<Notify>,
    sender_started: AtomicBool,
    /// Whether the repeater holds a flight, so that media need not take the lock to ask.
    is_repeating: AtomicBool,
}

struct State {
    repeater: FlightRepeater<Route>,
    delayed: InFlight<Delayed>,
}

struct Delayed {
    route: Route,
    wire: Vec<u8>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn on_sent(&self, route: &Route, wire: &[u8]) {
        if is_outside_of_handshake(wire) {
            return;
        }
        let mut state = self.state();
        if state.repeater.on_sent(route, wire, Instant::now()) {
            self.note_timer(&state);
        }
    }

    fn on_received(&self, wire: &[u8]) -> Verdict {
        let proves_keys = DatagramKind::of(wire) == DatagramKind::Media && self.is_repeating.load(Ordering::Relaxed);
        if !proves_keys && is_outside_of_handshake(wire) {
            return Verdict::Deliver;
        }
        let mut state = self.state();
        let before = state.repeater.poll_timeout();
        let verdict = state.repeater.on_received(wire, Instant::now());
        if state.repeater.poll_timeout() != before {
            self.note_timer(&state);
        }
        verdict
    }

    fn note_timer(&self, state: &State) {
        self.is_repeating.store(state.repeater.poll_timeout().is_some(), Ordering::Relaxed);
        self.wake.notify_one();
    }

    /// Hands a datagram to the test network.
    fn delay(&self, network: &TestNetwork, route: &Route, wire: &[u8]) {
        for due in network.admit(wire.len(), Instant::now()) {
            self.state().delayed.push(due, Delayed { route: route.clone(), wire: wire.to_vec() });
            self.wake.notify_one();
        }
    }

    /// Sends what is due and returns when to come back.
    fn send_due(&self) -> Option<Instant> {
        let now = Instant::now();
        let repeats = self.state().repeater.handle_timeout(now);
        for (route, wire) in repeats {
            match &self.network {
                Some(network) => self.delay(network, &route, &wire),
                None => route.send(&wire),
            }
        }
        let mut state = self.state();
        while let Some(Delayed { route, wire }) = state.delayed.pop(now) {
            route.send(&wire);
        }
        let next_delayed = state.delayed.next_arrival();
        state.repeater.poll_timeout().into_iter().chain(next_delayed).min()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.wake.notify_one();
    }
}

/// Ends when the connection is gone.
async fn send_due(shared: Weak<Shared>, wake: Arc<Notify>) {
    loop {
        let next = match shared.upgrade() {
            Some(shared) => shared.send_due(),
            None => return,
        };
        match next {
            Some(at) => tokio::select! {
                () = wake.notified() => {}
                () = tokio::time::sleep_until(at.into()) => {}
            },
            None => wake.notified().await,
        }
    }
}

/// One compare of the first byte keeps the media path free of locks and copies.
fn is_outside_of_handshake(wire: &[u8]) -> bool {
    match wire.first() {
        Some(20..=25) => false,
        // TURN ChannelData, and STUN indications.
        Some(0x40..=0x4f | 0x00) => DatagramKind::of(dtls::payload(wire)) == DatagramKind::Other,
        Some(_) | None => true,
    }
}

struct PeerSocket {
    inner: Arc<dyn AsyncUdpSocket>,
    duplicate: Arc<UdpSocket>,
    shared: Arc<Shared>,
}

impl std::fmt::Debug for PeerSocket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.inner.fmt(f)
    }
}

impl PeerSocket {
    fn route(&self, to: SocketAddr) -> Route {
        Route { socket: Arc::downgrade(&self.duplicate), to }
    }

    fn send_through_network(&self, network: &TestNetwork, transmit: &Transmit<'_>) {
        let route = self.route(transmit.destination);
        for datagram in segments(transmit) {
            self.shared.delay(network, &route, datagram);
        }
    }

    fn note_sent(&self, transmit: &Transmit<'_>) {
        if matches!(transmit.contents.first(), Some(20..=25 | 0x40..=0x4f | 0x00)) {
            let route = self.route(transmit.destination);
            for datagram in segments(transmit) {
                self.shared.on_sent(&route, datagram);
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
        let sent = match &self.shared.network {
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
        let received = self.inner.poll_recv(cx, buffers, meta);
        if let Poll::Ready(Ok(count)) = received {
            for (buffer, meta) in buffers.iter_mut().zip(meta.iter_mut()).take(count) {
                let len = meta.len.min(buffer.len());
                meta.len = cut_hidden(&mut buffer[..len], meta.stride, |datagram| self.shared.on_received(datagram));
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

    #[test]
    fn media_and_plain_stun_stay_outside_of_the_handshake() {
        assert!(is_outside_of_handshake(&[128, 111]));
        assert!(is_outside_of_handshake(&[0, 1, 0, 0]));
        assert!(is_outside_of_handshake(&[]));
        assert!(!is_outside_of_handshake(&[22, 0xfe, 0xfd]));
    }

    #[tokio::test]
    async fn a_dropped_runtime_leaves_no_task() {
        let runtime = PeerRuntime::new(None);
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let wrapped = runtime.wrap_udp_socket(socket).unwrap();
        let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
        assert_eq!(tasks(), 1);
        drop((runtime, wrapped));
        tokio::time::timeout(Duration::from_secs(5), async {
            while tasks() > 0 {
                tokio::task::yield_now().await;
            }
        })
        .await
        .unwrap();
    }
}
