//! A bad road between UDP ports of this machine, for peers whose sockets are not ours: the network model of the engine's
//! own tests, played by a relay.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use anyhow::Result;
use parley_client::peer::{InFlight, NetworkProfile, TestNetwork};
use tokio::net::UdpSocket;
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// Two lanes, one in each direction, that any number of addresses lie along. All that travels in one direction shares that
/// lane's bandwidth and its chances. Clones are the same road; when the last one is dropped, it is closed.
#[derive(Clone, Debug)]
pub struct Road {
    there: Arc<Lane>,
    back: Arc<Lane>,
    tasks: Arc<Mutex<JoinSet<()>>>,
}

impl Road {
    /// A road that is the same in both directions. Needs a Tokio runtime around it.
    pub fn new(seed: u64, profile: NetworkProfile) -> Self {
        Self::over([seed, seed + 1].map(|seed| TestNetwork::new(seed, profile)))
    }

    fn over(networks: [TestNetwork; 2]) -> Self {
        let [there, back] = networks.map(|network| Arc::new(Lane::new(network)));
        let mut tasks = JoinSet::new();
        for lane in [&there, &back] {
            tasks.spawn(Arc::clone(lane).deliver());
        }
        Self { there, back, tasks: Arc::new(Mutex::new(tasks)) }
    }

    /// The same road for those who come from its other end.
    pub fn reversed(&self) -> Self {
        Self { there: Arc::clone(&self.back), back: Arc::clone(&self.there), tasks: Arc::clone(&self.tasks) }
    }

    /// What happens to datagrams on the way there.
    pub fn network(&self) -> &TestNetwork {
        &self.there.network
    }

    /// Another road over the same network: its traffic competes with this one's for every bit, and is counted by itself.
    pub fn beside(&self) -> Self {
        Self::over([&self.there, &self.back].map(|lane| lane.network.clone()))
    }

    /// What was sent on the way there so far, in bytes with the headers of UDP and IP: first all, then what was not lost.
    pub fn sent_bytes(&self) -> [u64; 2] {
        [&self.there.offered, &self.there.passed].map(|count| count.load(Ordering::Relaxed))
    }

    /// Changes both directions for datagrams sent from here on.
    pub fn set_profile(&self, profile: NetworkProfile) {
        [&self.there, &self.back].into_iter().for_each(|lane| lane.network.set_profile(profile));
    }

    /// Makes `target`, an address of this machine, reachable over the road; gives the port of the loopback to send to.
    /// The target sees each sender at an address of its own, and its answers travel back over the road.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn lead_to(&self, target: SocketAddr) -> Result<u16> {
        let front = Arc::new(UdpSocket::bind(("127.0.0.1", 0)).await?);
        let port = front.local_addr()?.port();
        let gate = Gate { front, target, there: Arc::clone(&self.there), back: Arc::clone(&self.back) };
        lock(&self.tasks).spawn(gate.run());
        Ok(port)
    }
}

/// The entrance to one target: one way in, and one socket toward the target for each sender.
struct Gate {
    front: Arc<UdpSocket>,
    target: SocketAddr,
    there: Arc<Lane>,
    back: Arc<Lane>,
}

impl Gate {
    async fn run(self) {
        let mut senders: HashMap<SocketAddr, Arc<UdpSocket>> = HashMap::new();
        let mut answers = JoinSet::new();
        let mut buffer = vec![0; 2048];
        // An error of a UDP socket on the loopback is a port unreachable of before: the peer is not there yet, or any more.
        loop {
            let Ok((len, from)) = self.front.recv_from(&mut buffer).await else { continue };
            let socket = match senders.get(&from) {
                Some(socket) => Arc::clone(socket),
                None => {
                    let Ok(socket) = UdpSocket::bind((self.target.ip(), 0)).await.map(Arc::new) else { return };
                    let front = Arc::clone(&self.front);
                    answers.spawn(carry_back(Arc::clone(&socket), front, from, Arc::clone(&self.back)));
                    senders.insert(from, Arc::clone(&socket));
                    socket
                }
            };
            self.there.send(Datagram { socket, to: self.target, bytes: buffer[..len].to_vec() });
        }
    }
}

async fn carry_back(socket: Arc<UdpSocket>, front: Arc<UdpSocket>, to: SocketAddr, back: Arc<Lane>) {
    let mut buffer = vec![0; 2048];
    loop {
        let Ok((len, _)) = socket.recv_from(&mut buffer).await else { continue };
        back.send(Datagram { socket: Arc::clone(&front), to, bytes: buffer[..len].to_vec() });
    }
}

/// One direction.
#[derive(Debug)]
struct Lane {
    network: TestNetwork,
    in_flight: Mutex<InFlight<Datagram>>,
    wake: Notify,
    /// Bytes that were given to the network, and those that it does not lose.
    offered: AtomicU64,
    passed: AtomicU64,
}

const UDP_AND_IP_HEADER_BYTES: usize = 28;

#[derive(Clone, Debug)]
struct Datagram {
    socket: Arc<UdpSocket>,
    to: SocketAddr,
    bytes: Vec<u8>,
}

impl Datagram {
    /// What cannot be sent is lost, as on any road.
    fn arrive(&self) {
        let _ = self.socket.try_send_to(&self.bytes, self.to);
    }
}

impl Lane {
    fn new(network: TestNetwork) -> Self {
        Self {
            network,
            in_flight: Mutex::default(),
            wake: Notify::new(),
            offered: AtomicU64::new(0),
            passed: AtomicU64::new(0),
        }
    }

    fn send(&self, datagram: Datagram) {
        let now = Instant::now();
        let bytes = (datagram.bytes.len() + UDP_AND_IP_HEADER_BYTES) as u64;
        self.offered.fetch_add(bytes, Ordering::Relaxed);
        for arrives_at in self.network.admit(datagram.bytes.len(), now) {
            self.passed.fetch_add(bytes, Ordering::Relaxed);
            let mut in_flight = lock(&self.in_flight);
            // Nothing is ahead of it, so no timer need be asked.
            if arrives_at <= now && in_flight.next_arrival().is_none() {
                datagram.arrive();
                continue;
            }
            in_flight.push(arrives_at, datagram.clone());
            drop(in_flight);
            self.wake.notify_one();
        }
    }

    async fn deliver(self: Arc<Self>) {
        loop {
            match self.deliver_arrived() {
                Some(next) => tokio::select! {
                    () = self.wake.notified() => {}
                    () = tokio::time::sleep_until(next.into()) => {}
                },
                None => self.wake.notified().await,
            }
        }
    }

    /// Returns when the next one arrives.
    fn deliver_arrived(&self) -> Option<Instant> {
        let mut in_flight = lock(&self.in_flight);
        while let Some(datagram) = in_flight.pop(Instant::now()) {
            datagram.arrive();
        }
        in_flight.next_arrival()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    async fn receive(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
        let mut buffer = [0; 64];
        let (len, from) = socket.recv_from(&mut buffer).await.unwrap();
        (buffer[..len].to_vec(), from)
    }

    #[tokio::test]
    async fn datagrams_go_there_and_back_with_the_delay_of_the_road() {
        let profile = NetworkProfile::default().with_rtt(Duration::from_millis(60));
        let road = Road::new(1, profile);
        let [target, sender] =
            [UdpSocket::bind(("127.0.0.1", 0)).await.unwrap(), UdpSocket::bind(("127.0.0.1", 0)).await.unwrap()];
        let port = road.lead_to(target.local_addr().unwrap()).await.unwrap();
        let begin = Instant::now();
        sender.send_to(b"there", ("127.0.0.1", port)).await.unwrap();
        let (there, from) = receive(&target).await;
        assert!(begin.elapsed() >= Duration::from_millis(30));
        target.send_to(b"back", from).await.unwrap();
        let (back, from) = receive(&sender).await;
        assert!(begin.elapsed() >= Duration::from_millis(60));
        assert_eq!((there.as_slice(), back.as_slice(), from.port()), (b"there".as_slice(), b"back".as_slice(), port));
    }

    #[tokio::test]
    async fn the_order_is_kept_and_both_targets_share_the_lane() {
        let road = Road::new(1, NetworkProfile::default().with_rtt(Duration::from_millis(4)));
        let target = UdpSocket::bind(("127.0.0.1", 0)).await.unwrap();
        let port = road.lead_to(target.local_addr().unwrap()).await.unwrap();
        let sender = UdpSocket::bind(("127.0.0.1", 0)).await.unwrap();
        for n in 0..100u8 {
            sender.send_to(&[n], ("127.0.0.1", port)).await.unwrap();
        }
        for n in 0..100u8 {
            assert_eq!(receive(&target).await.0, [n]);
        }
        assert_eq!(road.network().stats().sent, 100);
        assert_eq!((road.sent_bytes(), road.beside().sent_bytes()), ([2_900; 2], [0; 2]));
        assert_eq!(road.reversed().network().stats().sent, 0);
    }
}
