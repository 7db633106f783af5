//! A seeded bad network that a connection's own sockets play: loss, delay, jitter, a bottleneck, swapped packets.
//!
//! It acts on what the connection *sends*; give both ends one for trouble in both directions. Used by tests only:
//! a connection without a [`TestNetwork`] sends straight to its socket.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

const UDP_AND_IP_HEADER_LEN: usize = 28;
/// How long a swapped packet is held so that later ones overtake it.
const SWAP_HOLD: Duration = Duration::from_millis(8);

/// How a direction behaves. The default is a perfect network.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct NetworkProfile {
    /// Share of datagrams that vanish, 0 to 1.
    pub loss: f64,
    /// One-way delay.
    pub delay: Duration,
    /// Up to this much is added to the delay, without reordering.
    pub jitter: Duration,
    /// Share of datagrams that later ones overtake, 0 to 1.
    pub swap: f64,
    pub bottleneck: Option<Bottleneck>,
}

impl NetworkProfile {
    /// Nothing gets through.
    pub fn blackout() -> Self {
        Self { loss: 1.0, ..Self::default() }
    }
}

/// A slow link with a drop-tail queue before it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bottleneck {
    pub bits_per_second: u64,
    /// A datagram that would wait longer than this is dropped.
    pub queue: Duration,
}

/// One direction of a test network; clones share it. Its decisions depend on the seed and the order of datagrams only.
#[derive(Debug, Clone)]
pub struct TestNetwork {
    seed: u64,
    link: Arc<Mutex<Link>>,
}

impl TestNetwork {
    pub fn new(seed: u64, profile: NetworkProfile) -> Self {
        Self { seed, link: Arc::new(Mutex::new(Link::new(seed, profile))) }
    }

    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Changes the behaviour for datagrams sent from here on.
    pub fn set_profile(&self, profile: NetworkProfile) {
        self.lock().profile = profile;
    }

    pub fn stats(&self) -> NetworkStats {
        self.lock().stats
    }

    /// When a datagram sent at `now` arrives, or `None` when it is lost.
    pub(crate) fn admit(&self, len: usize, now: Instant) -> Option<Instant> {
        self.lock().admit(len, now)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Link> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NetworkStats {
    pub sent: u64,
    pub lost: u64,
    pub dropped_by_queue: u64,
}

#[derive(Debug)]
struct Link {
    profile: NetworkProfile,
    rng: StdRng,
    stats: NetworkStats,
    busy_until: Option<Instant>,
    last_arrival: Option<Instant>,
}

impl Link {
    fn new(seed: u64, profile: NetworkProfile) -> Self {
        Self {
            profile,
            rng: StdRng::seed_from_u64(seed),
            stats: NetworkStats::default(),
            busy_until: None,
            last_arrival: None,
        }
    }

    fn admit(&mut self, len: usize, now: Instant) -> Option<Instant> {
        self.stats.sent += 1;
        // All dice are thrown for every datagram, so that one profile's decisions do not shift another's.
        let (lost, jittered, swapped): (f64, f64, f64) = (self.rng.random(), self.rng.random(), self.rng.random());
        if lost < self.profile.loss {
            self.stats.lost += 1;
            return None;
        }
        let arrival = self.leave_bottleneck(len, now)? + self.profile.delay + self.profile.jitter.mul_f64(jittered);
        if swapped < self.profile.swap {
            return Some(arrival + SWAP_HOLD);
        }
        let arrival = self.last_arrival.map_or(arrival, |last| arrival.max(last));
        self.last_arrival = Some(arrival);
        Some(arrival)
    }

    fn leave_bottleneck(&mut self, len: usize, now: Instant) -> Option<Instant> {
        let Some(bottleneck) = self.profile.bottleneck else {
            return Some(now);
        };
        let free_at = self.busy_until.map_or(now, |until| until.max(now));
        if free_at - now > bottleneck.queue {
            self.stats.dropped_by_queue += 1;
            return None;
        }
        let bits = (len + UDP_AND_IP_HEADER_LEN) as f64 * 8.0;
        let left_at = free_at + Duration::from_secs_f64(bits / bottleneck.bits_per_second.max(1) as f64);
        self.busy_until = Some(left_at);
        Some(left_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrivals(seed: u64, profile: NetworkProfile, count: usize) -> Vec<Option<Duration>> {
        let (network, start) = (TestNetwork::new(seed, profile), Instant::now());
        (0..count).map(|n| network.admit(1000, start + Duration::from_millis(n as u64)).map(|at| at - start)).collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_network() {
        let profile = NetworkProfile { loss: 0.3, jitter: Duration::from_millis(20), swap: 0.1, ..Default::default() };
        assert_eq!(arrivals(7, profile, 500), arrivals(7, profile, 500));
        assert_ne!(arrivals(7, profile, 500), arrivals(8, profile, 500));
    }

    #[test]
    fn loss_is_close_to_what_was_asked_for() {
        let profile = NetworkProfile { loss: 0.2, ..Default::default() };
        let lost = arrivals(1, profile, 5000).into_iter().filter(Option::is_none).count();
        assert!((900..1100).contains(&lost), "{lost} of 5000 lost");
    }

    #[test]
    fn jitter_alone_never_reorders() {
        let profile = NetworkProfile { jitter: Duration::from_millis(50), ..Default::default() };
        let times: Vec<_> = arrivals(3, profile, 500).into_iter().flatten().collect();
        assert!(times.is_sorted());
    }

    #[test]
    fn swapped_packets_are_overtaken() {
        let profile = NetworkProfile { swap: 0.2, ..Default::default() };
        let times: Vec<_> = arrivals(3, profile, 500).into_iter().flatten().collect();
        assert!(!times.is_sorted());
    }

    #[test]
    fn a_bottleneck_delays_and_then_drops() {
        let bottleneck = Bottleneck { bits_per_second: 1_000_000, queue: Duration::from_millis(100) };
        let profile = NetworkProfile { bottleneck: Some(bottleneck), ..Default::default() };
        let (network, start) = (TestNetwork::new(1, profile), Instant::now());
        let times: Vec<_> = (0..50).map(|_| network.admit(972, start)).collect();
        assert_eq!(times[0], Some(start + Duration::from_millis(8)));
        assert_eq!(times[5], Some(start + Duration::from_millis(48)));
        assert!(times[20].is_none());
        assert!(network.stats().dropped_by_queue > 0);
    }

    #[test]
    fn a_blackout_swallows_everything_until_it_ends() {
        let network = TestNetwork::new(1, NetworkProfile::blackout());
        assert!((0..100).all(|_| network.admit(100, Instant::now()).is_none()));
        network.set_profile(NetworkProfile::default());
        assert!(network.admit(100, Instant::now()).is_some());
    }
}
