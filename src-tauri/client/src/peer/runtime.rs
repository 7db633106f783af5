//! The `webrtc` runtime of one connection: Tokio, with our own UDP sockets.
//!
//! One instance serves exactly one connection, because a flight repeater follows one DTLS association.

use super::gate::Gate;
use super::hello::HelloExchange;
use super::network::TestNetwork;
use super::nomination::EagerNomination;
use super::pulse::Pulse;
use super::socket::{Answers, PeerSocket};
use super::turn_stream::{SocketStreams, StreamRelays};
use super::wire::Wire;
use rtc::mdns::MDNS_PORT;
use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use webrtc::runtime::{
    AsyncInterval, AsyncTcpListener, AsyncTcpStream, AsyncUdpSocket, JoinHandle, Runtime, TokioRuntime,
};

pub(crate) struct PeerRuntime {
    tokio: TokioRuntime,
    wire: Arc<Wire>,
    gate: Arc<Gate>,
    pulse: Arc<Pulse>,
    relays: Arc<StreamRelays>,
    second_round: Arc<SecondRound>,
}

/// Makes the stack's driver go round twice for each reason to go round.
///
/// In each round the driver first sends what its TURN clients have, and only then hands them what leaves through a relay;
/// that waits for the next round, which comes when something else happens: up to 200 ms later during a handshake.
#[derive(Debug, Default)]
pub(crate) struct SecondRound {
    is_wanted: AtomicBool,
    /// The round that begins is the second.
    is_second: AtomicBool,
}

impl SecondRound {
    /// Whether the connection may send through a relay. To be taken back before the connection is closed: closing waits
    /// by the same clock.
    pub(crate) fn set_wanted(&self, is_wanted: bool) {
        self.is_wanted.store(is_wanted, Ordering::Relaxed);
    }

    fn is_due(&self) -> bool {
        self.is_wanted.load(Ordering::Relaxed) && !self.is_second.swap(false, Ordering::Relaxed)
    }
}

impl PeerRuntime {
    /// `relays` are those that the connection reaches over streams.
    pub(crate) fn new(network: Option<TestNetwork>, relays: Arc<StreamRelays>, hello: HelloExchange) -> Self {
        Self {
            tokio: TokioRuntime,
            wire: Arc::new(Wire::new(network, hello)),
            gate: Arc::default(),
            pulse: Arc::default(),
            relays,
            second_round: Arc::default(),
        }
    }

    pub(crate) fn second_round(&self) -> &SecondRound {
        &self.second_round
    }

    /// Decides what the connection hears.
    pub(crate) fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Makes the connection choose its first path sooner.
    pub(crate) fn nominate(&self, change: impl FnOnce(&mut EagerNomination)) {
        self.wire.nominate(change);
    }

    /// Takes in that the stack knows the other side's description.
    pub(crate) fn set_described(&self) {
        self.wire.set_described();
    }

    /// Says when and where the connection heard from the network.
    pub(crate) fn pulse(&self) -> &Pulse {
        &self.pulse
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
        let local = socket.local_addr()?;
        if local.port() == MDNS_PORT {
            return self.tokio.wrap_udp_socket(socket);
        }
        let duplicate = Arc::new(socket.try_clone()?);
        let inner = self.tokio.wrap_udp_socket(socket)?;
        self.wire.start_sender();
        let pulse = self.pulse.add(local.ip(), Instant::now());
        let streams = (!self.relays.is_empty()).then(|| SocketStreams::new(Arc::clone(&self.relays), local.ip()));
        let (wire, gate) = (Arc::clone(&self.wire), Arc::clone(&self.gate));
        let answers = Arc::<Answers>::default();
        self.wire.add_answers(&answers);
        Ok(Arc::new(PeerSocket { inner, duplicate, wire, gate, ip: local.ip(), pulse, streams, answers }))
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
        match self.relays.resolve(host) {
            Some(addresses) => Box::pin(std::future::ready(Ok(addresses))),
            None => self.tokio.resolve_host(host),
        }
    }

    fn now(&self) -> Instant {
        self.tokio.now()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + 'static>> {
        if !self.second_round.is_due() {
            return self.tokio.sleep(duration.min(self.wire.longest_sleep()));
        }
        let second_round = Arc::clone(&self.second_round);
        Box::pin(async move {
            tokio::task::yield_now().await;
            second_round.is_second.store(true, Ordering::Relaxed);
        })
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

#[cfg(test)]
mod tests {
    use super::super::hello::Cookie;
    use super::*;

    fn runtime() -> PeerRuntime {
        PeerRuntime::new(None, Arc::default(), HelloExchange::new(Cookie::random(), None))
    }

    #[tokio::test]
    async fn every_second_sleep_of_a_relayed_connection_ends_at_once() {
        let runtime = runtime();
        let ends_at_once = async || {
            let long = runtime.sleep(Duration::from_secs(60));
            tokio::time::timeout(Duration::from_millis(50), long).await.is_ok()
        };
        assert!(!ends_at_once().await);
        runtime.second_round().set_wanted(true);
        assert!(ends_at_once().await);
        assert!(!ends_at_once().await);
        assert!(ends_at_once().await);
        runtime.second_round().set_wanted(false);
        assert!(!ends_at_once().await);
    }

    #[tokio::test]
    async fn a_dropped_runtime_leaves_no_task() {
        let runtime = runtime();
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
