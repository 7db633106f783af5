//! A seeded bad network: loss, bursts of it, delay, jitter, a bottleneck, swapped and doubled datagrams.
//!
//! One model for two users: a connection's own sockets play it on what the connection *sends* (give both ends one for
//! trouble in both directions), and a relay of the benches plays it between programs whose sockets are not ours.
//! A connection without a [`TestNetwork`] sends straight to its socket.

mod in_flight;
mod profiles;

pub use in_flight::InFlight;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

const UDP_AND_IP_HEADER_LEN: usize = 28;
/// How long a swapped packet is held so that later ones overtake it.
const SWAP_HOLD: Duration = Duration::from_millis(8);

/// How a direction behaves. The default is a perfect network.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct NetworkProfile {
    /// Share of datagrams that vanish one by one, 0 to 1.
    pub loss: f64,
    /// Datagrams that vanish in a row, beside the single ones.
    pub bursts: Option<Bursts>,
    /// One-way delay.
    pub delay: Duration,
    /// How far the delay varies, as [`JitterShape`] says. Never reorders.
    pub jitter: Duration,
    pub jitter_shape: JitterShape,
    /// Share of datagrams that later ones overtake, 0 to 1.
    pub swap: f64,
    /// Share of datagrams that come twice, 0 to 1.
    pub duplicate: f64,
    pub bottleneck: Option<Bottleneck>,
}

/// How the delay of datagrams is spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum JitterShape {
    /// Between the delay and the delay plus the jitter, all alike.
    #[default]
    Uniform,
    /// Most a little below the delay and a few far above it: a Pareto distribution of shape 3 around the delay, with
    /// the jitter as its standard deviation.
    Pareto,
}

/// Loss that comes in rows: Gilbert's model of two states, in the worse of which everything is lost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bursts {
    /// Chance for each datagram that a burst begins with it, 0 to 1.
    pub begin: f64,
    /// Chance for each datagram that the burst has ended before it, 0 to 1.
    pub end: f64,
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

    /// Gives the machine these addresses (of 127.0.0.0/8) in place of its own. Sockets of an address that is taken away
    /// neither send nor receive, like those of an interface that went down.
    pub fn set_addresses(&self, addresses: &[IpAddr]) {
        self.lock().addresses = Some(addresses.to_vec());
    }

    /// The machine's addresses, when this network says which it has.
    pub(crate) fn addresses(&self) -> Option<Vec<IpAddr>> {
        self.lock().addresses.clone()
    }

    /// Whether a socket of this address reaches anything.
    pub(crate) fn is_up(&self, address: IpAddr) -> bool {
        self.lock().addresses.as_ref().is_none_or(|addresses| addresses.contains(&address))
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

    /// When a datagram of `len` bytes that is sent at `now` arrives: never, once, or twice.
    pub fn admit(&self, len: usize, now: Instant) -> impl Iterator<Item = Instant> + use<> {
        self.lock().admit(len, now).into_iter().flatten()
    }

    /// The one-way delay at present, without jitter and queue.
    pub fn delay(&self) -> Duration {
        self.lock().profile.delay
    }

    /// How long a datagram that is sent at `now` would wait for its turn at the bottleneck.
    pub fn queued(&self, now: Instant) -> Duration {
        self.lock().busy_until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now))
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
    in_burst: bool,
    busy_until: Option<Instant>,
    last_arrival: Option<Instant>,
    addresses: Option<Vec<IpAddr>>,
}

/// What chance says about one datagram. All of it is asked for every datagram, so that one profile's decisions do not
/// shift another's.
struct Dice {
    loss: f64,
    burst: f64,
    jitter: f64,
    swap: f64,
    duplicate: f64,
}

impl Dice {
    fn throw(rng: &mut StdRng) -> Self {
        Self {
            loss: rng.random(),
            burst: rng.random(),
            jitter: rng.random(),
            swap: rng.random(),
            duplicate: rng.random(),
        }
    }
}

impl Link {
    fn new(seed: u64, profile: NetworkProfile) -> Self {
        Self {
            profile,
            rng: StdRng::seed_from_u64(seed),
            stats: NetworkStats::default(),
            in_burst: false,
            busy_until: None,
            last_arrival: None,
            addresses: None,
        }
    }

    fn admit(&mut self, len: usize, now: Instant) -> [Option<Instant>; 2] {
        self.stats.sent += 1;
        let dice = Dice::throw(&mut self.rng);
        if self.is_lost(&dice) {
            self.stats.lost += 1;
            return [None; 2];
        }
        let Some(left_at) = self.leave_bottleneck(len, now) else { return [None; 2] };
        let arrival = left_at + self.profile.delay_of(dice.jitter);
        let arrival = if dice.swap < self.profile.swap { arrival + SWAP_HOLD } else { self.in_order(arrival) };
        [Some(arrival), (dice.duplicate < self.profile.duplicate).then_some(arrival)]
    }

    fn is_lost(&mut self, dice: &Dice) -> bool {
        self.in_burst = self.profile.bursts.is_some_and(|Bursts { begin, end }| match self.in_burst {
            true => dice.burst >= end,
            false => dice.burst < begin,
        });
        self.in_burst || dice.loss < self.profile.loss
    }

    fn in_order(&mut self, arrival: Instant) -> Instant {
        let arrival = self.last_arrival.map_or(arrival, |last| arrival.max(last));
        self.last_arrival = Some(arrival);
        arrival
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
        (0..count)
            .map(|n| network.admit(1000, start + Duration::from_millis(n as u64)).next().map(|at| at - start))
            .collect()
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
    fn bursts_lose_in_rows_as_long_as_asked_for() {
        let profile = NetworkProfile { bursts: Some(Bursts { begin: 0.03, end: 0.25 }), ..Default::default() };
        let lost: Vec<bool> = arrivals(5, profile, 20_000).iter().map(Option::is_none).collect();
        let count = lost.iter().filter(|lost| **lost).count();
        let rows = lost.windows(2).filter(|pair| pair[1] && !pair[0]).count();
        assert!((1_800..2_500).contains(&count), "{count} of 20000 lost");
        assert!((3.5..4.5).contains(&(count as f64 / rows as f64)), "{count} in {rows} rows");
    }

    #[test]
    fn pareto_delays_are_around_the_delay_with_a_long_tail() {
        let [delay, jitter] = [100, 25].map(Duration::from_millis);
        let profile = NetworkProfile { delay, jitter, jitter_shape: JitterShape::Pareto, ..Default::default() };
        let mut times: Vec<f64> = (0..=999).map(|n| profile.delay_of(f64::from(n) / 1e3).as_secs_f64() * 1e3).collect();
        times.sort_by(f64::total_cmp);
        assert!(times[0] > 80.0 && (85.0..100.0).contains(&times[500]), "{} to {}", times[0], times[500]);
        assert!((100.0 - times.iter().sum::<f64>() / 1e3).abs() < 3.0 && times[990] > 150.0, "{}", times[990]);
        assert!(times[999] <= 200.0, "{}", times[999]);
    }

    #[test]
    fn doubled_datagrams_come_twice() {
        let network = TestNetwork::new(3, NetworkProfile { duplicate: 0.5, ..Default::default() });
        let arrivals: usize = (0..1000).map(|_| network.admit(100, Instant::now()).count()).sum();
        assert!((1_400..1_600).contains(&arrivals), "{arrivals}");
    }

    #[test]
    fn a_bottleneck_delays_and_then_drops() {
        let bottleneck = Bottleneck { bits_per_second: 1_000_000, queue: Duration::from_millis(100) };
        let profile = NetworkProfile { bottleneck: Some(bottleneck), ..Default::default() };
        let (network, start) = (TestNetwork::new(1, profile), Instant::now());
        let times: Vec<_> = (0..50).map(|_| network.admit(972, start).next()).collect();
        assert_eq!(times[0], Some(start + Duration::from_millis(8)));
        assert_eq!(times[5], Some(start + Duration::from_millis(48)));
        assert!(times[20].is_none());
        assert!(network.stats().dropped_by_queue > 0);
        assert_eq!(network.queued(start + Duration::from_millis(8)), Duration::from_millis(96));
    }

    #[test]
    fn an_address_that_is_taken_away_is_down() {
        let network = TestNetwork::new(1, NetworkProfile::default());
        let [one, other] = ["127.0.0.2", "127.0.0.3"].map(|ip| ip.parse::<IpAddr>().unwrap());
        assert!(network.is_up(one) && network.addresses().is_none());
        network.set_addresses(&[one]);
        assert!(network.is_up(one) && !network.is_up(other));
        network.set_addresses(&[other]);
        assert!(!network.is_up(one) && network.is_up(other));
    }

    #[test]
    fn a_blackout_swallows_everything_until_it_ends() {
        let network = TestNetwork::new(1, NetworkProfile::blackout());
        assert!((0..100).all(|_| network.admit(100, Instant::now()).next().is_none()));
        network.set_profile(NetworkProfile::default());
        assert!(network.admit(100, Instant::now()).next().is_some());
    }
}
