//! A bad link between two UDP ports of the loopback, for a peer whose sockets are not ours.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use tokio::net::UdpSocket;
use tokio::time::Instant;

/// How a link behaves, in each direction by itself. The default is a perfect one.
#[derive(Clone, Copy, Debug, Default)]
pub struct LinkProfile {
    /// Bits per second that pass.
    pub rate_bps: Option<u32>,
    /// One-way delay on top of the wait for the rate.
    pub delay: Duration,
}

/// A datagram that would wait longer than this for its turn is dropped.
const QUEUE: Duration = Duration::from_millis(300);

const UDP_AND_IP_HEADER_BYTES: usize = 28;

/// One way in, one socket toward the target for each sender: the target sees each sender at an address of its own.
#[derive(Debug)]
pub struct Link;

impl Link {
    /// Opens a link to `target`, an address of this machine, that lives as long as this runtime; gives the port of the loopback to send to.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn open(target: SocketAddr, profile: LinkProfile) -> Result<u16> {
        let front = Arc::new(UdpSocket::bind(("127.0.0.1", 0)).await?);
        let port = front.local_addr()?.port();
        tokio::spawn(run(front, target, profile));
        Ok(port)
    }
}

async fn run(front: Arc<UdpSocket>, target: SocketAddr, profile: LinkProfile) {
    let up = Arc::new(Direction::new(profile));
    let down = Arc::new(Direction::new(profile));
    let mut backs: HashMap<SocketAddr, Arc<UdpSocket>> = HashMap::new();
    let mut buffer = vec![0; 2048];
    // An error of a UDP socket on the loopback is a port unreachable of before: the peer is not there yet, or any more.
    loop {
        let Ok((len, from)) = front.recv_from(&mut buffer).await else { continue };
        let back = match backs.get(&from) {
            Some(back) => Arc::clone(back),
            None => {
                let Ok(back) = UdpSocket::bind((target.ip(), 0)).await else { return };
                let back = Arc::new(back);
                tokio::spawn(carry_back(Arc::clone(&back), Arc::clone(&front), from, Arc::clone(&down)));
                backs.insert(from, Arc::clone(&back));
                back
            }
        };
        up.send(back, buffer[..len].to_vec(), target);
    }
}

async fn carry_back(back: Arc<UdpSocket>, front: Arc<UdpSocket>, to: SocketAddr, down: Arc<Direction>) {
    let mut buffer = vec![0; 2048];
    loop {
        let Ok((len, _)) = back.recv_from(&mut buffer).await else { continue };
        down.send(Arc::clone(&front), buffer[..len].to_vec(), to);
    }
}

/// One direction: a queue that drains at the link's rate.
struct Direction {
    profile: LinkProfile,
    free_at: Mutex<Option<Instant>>,
}

impl Direction {
    fn new(profile: LinkProfile) -> Self {
        Self { profile, free_at: Mutex::new(None) }
    }

    fn send(&self, socket: Arc<UdpSocket>, datagram: Vec<u8>, to: SocketAddr) {
        let Some(arrives) = self.admit(datagram.len(), Instant::now()) else { return };
        tokio::spawn(async move {
            tokio::time::sleep_until(arrives).await;
            // What cannot be sent is lost, as on any link.
            let _ = socket.send_to(&datagram, to).await;
        });
    }

    /// When a datagram of this length arrives; nothing when the queue is full.
    fn admit(&self, len: usize, now: Instant) -> Option<Instant> {
        let Some(rate_bps) = self.profile.rate_bps else { return Some(now + self.profile.delay) };
        let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
        let begins = free_at.map_or(now, |at| at.max(now));
        if begins - now > QUEUE {
            return None;
        }
        let bits = (len + UDP_AND_IP_HEADER_BYTES) as f64 * 8.0;
        let ends = begins + Duration::from_secs_f64(bits / f64::from(rate_bps));
        *free_at = Some(ends);
        Some(ends + self.profile.delay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_is_kept_and_the_queue_is_bounded() {
        let direction = Direction::new(LinkProfile { rate_bps: Some(80_000), delay: Duration::from_millis(20) });
        let now = Instant::now();
        let arrivals: Vec<_> = (0..20).map(|_| direction.admit(72, now)).collect();
        assert_eq!(arrivals[0], Some(now + Duration::from_millis(30)));
        assert_eq!(arrivals[9], Some(now + Duration::from_millis(120)));
        let full = (0..100).filter_map(|_| direction.admit(72, now)).count();
        assert!(full < 20, "{full} more were taken into a queue of 300 ms");
    }

    #[tokio::test]
    async fn datagrams_go_there_and_back() {
        let target = UdpSocket::bind(("127.0.0.1", 0)).await.unwrap();
        let sender = UdpSocket::bind(("127.0.0.1", 0)).await.unwrap();
        let port = Link::open(target.local_addr().unwrap(), LinkProfile::default()).await.unwrap();
        sender.send_to(b"there", ("127.0.0.1", port)).await.unwrap();
        let mut buffer = [0; 16];
        let (len, from) = target.recv_from(&mut buffer).await.unwrap();
        assert_eq!(&buffer[..len], b"there");
        target.send_to(b"back", from).await.unwrap();
        let (len, from) = sender.recv_from(&mut buffer).await.unwrap();
        assert_eq!((&buffer[..len], from.port()), (b"back".as_slice(), port));
    }
}
