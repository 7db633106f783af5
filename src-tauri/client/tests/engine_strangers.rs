//! Datagrams of people who have no part in the call, at the sockets of both ends. Panics and memory are counted for the whole
//! process, so the tests take turns.

mod engine_support;

use engine_support::{Call, CallSetup, Side, eventually};
use parley_client::engine::{PeerState, PeerStats};
use parley_shared::wire::Signal;
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

const LIMIT: Duration = Duration::from_secs(15);
const STORM: Duration = Duration::from_secs(5);
/// A few more than a stranger on another continent could, on two cores that also encode four pictures.
const PER_TICK: usize = 4;
const TICK: Duration = Duration::from_millis(2);
const LARGEST_DATAGRAM: usize = 65_507;
const MEGABYTE: usize = 1 << 20;

static ALONE: Mutex<()> = Mutex::const_new(());
static PANICS: AtomicUsize = AtomicUsize::new(0);

/// Counts panics from here on.
fn count_panics() {
    PANICS.store(0, Ordering::Relaxed);
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            PANICS.fetch_add(1, Ordering::Relaxed);
            hook(info);
        }));
    });
}

fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux tells our memory");
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).expect("pages are the second field") * 4096
}

/// Where a side's sockets are, as it told the other.
fn doors(side: &Side) -> Vec<SocketAddr> {
    let candidates = side.signals().into_iter().filter_map(|signal| match signal {
        Signal::Candidate { candidate, .. } => Some(candidate),
        Signal::Description { .. } | Signal::CandidatesDone { .. } => None,
    });
    candidates
        .filter_map(|candidate| {
            let fields: Vec<&str> = candidate.split(' ').collect();
            format!("{}:{}", fields[4], fields[5]).parse().ok()
        })
        .collect()
}

/// Throws nonsense until it is stopped.
struct Stranger {
    is_stopped: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<usize>,
}

impl Stranger {
    fn begin(seed: u64, doors: Vec<SocketAddr>, choose: fn(&mut Nonsense) -> Vec<u8>) -> Self {
        let is_stopped = Arc::<AtomicBool>::default();
        let stop = Arc::clone(&is_stopped);
        let thread = std::thread::spawn(move || {
            let bind = |_| UdpSocket::bind("127.0.0.1:0").expect("loopback has free ports");
            let sockets: Vec<_> = (0..4).map(bind).collect();
            let (mut nonsense, mut sent) = (Nonsense::new(seed), 0);
            while !stop.load(Ordering::Relaxed) {
                for _ in 0..PER_TICK {
                    let datagram = choose(&mut nonsense);
                    let (socket, door) = (&sockets[sent % sockets.len()], doors[sent % doors.len()]);
                    socket.send_to(&datagram, door).expect("loopback takes datagrams");
                    sent += 1;
                }
                std::thread::sleep(TICK);
            }
            sent
        });
        Self { is_stopped, thread }
    }

    /// Returns how many datagrams were sent.
    fn stop(self) -> usize {
        self.is_stopped.store(true, Ordering::Relaxed);
        self.thread.join().expect("a stranger does not panic")
    }
}

struct Nonsense {
    rng: StdRng,
    count: u64,
    /// How many pieces of each message were made.
    crumbs: [u32; 8],
}

impl Nonsense {
    fn new(seed: u64) -> Self {
        Self { rng: StdRng::seed_from_u64(seed), count: 0, crumbs: [0; 8] }
    }

    /// True once in so many datagrams.
    fn is_due(&mut self, every: u64) -> bool {
        self.count += 1;
        self.count.is_multiple_of(every)
    }

    fn datagram(&mut self) -> Vec<u8> {
        self.count += 1;
        match self.rng.random_range(0..100) {
            0..10 => self.bytes(0..1_500),
            10..12 => Vec::new(),
            12..14 => self.bytes(LARGEST_DATAGRAM..LARGEST_DATAGRAM + 1),
            14..28 => self.stun(),
            28..36 => self.turn(),
            36..52 => self.dtls(),
            52..54 => self.handshake_in_crumbs(),
            54..80 => self.media(0x80, 96..128, 12),
            80..94 => self.media(0x80, 200..208, 8),
            _ => {
                let whole = self.dtls();
                whole[..self.rng.random_range(0..whole.len())].to_vec()
            }
        }
    }

    fn bytes(&mut self, len: std::ops::Range<usize>) -> Vec<u8> {
        let len = self.rng.random_range(len);
        let mut bytes = vec![0; len];
        self.rng.fill(&mut bytes[..]);
        bytes
    }

    /// Requests and answers, whole and cut, that claim a role in the connection.
    fn stun(&mut self) -> Vec<u8> {
        let kind = [[0x00, 0x01], [0x01, 0x01], [0x00, 0x11], [0x01, 0x11]][self.rng.random_range(0..4)];
        let role = [[0x80, 0x29], [0x80, 0x2a]][self.rng.random_range(0..2)];
        let user = [&[0x00, 0x06, 0, 8][..], b"who:whom"].concat();
        let roles = [&role[..], &[0, 8], &[if self.rng.random() { 0xff } else { 0 }; 8]].concat();
        let body = [user, roles, vec![0x00, 0x25, 0, 0]].concat();
        let head = [&kind[..], &(body.len() as u16).to_be_bytes(), &[0x21, 0x12, 0xa4, 0x42]].concat();
        let mut message = [head, self.bytes(12..13), body].concat();
        if self.rng.random_ratio(1, 3) {
            message.truncate(self.rng.random_range(0..message.len()));
        }
        message
    }

    /// Channel data and indications with lengths that lie, and DTLS inside.
    fn turn(&mut self) -> Vec<u8> {
        let inner = self.dtls();
        let len = if self.rng.random() { inner.len() as u16 } else { self.rng.random() };
        if self.rng.random() {
            return [&[0x40, self.rng.random()][..], &len.to_be_bytes(), &inner].concat();
        }
        let head = [&[0x00, 0x17][..], &(len.wrapping_add(4)).to_be_bytes(), &[0x21, 0x12, 0xa4, 0x42]].concat();
        [head, self.bytes(12..13), vec![0x00, 0x13], len.to_be_bytes().to_vec(), inner].concat()
    }

    fn dtls(&mut self) -> Vec<u8> {
        let (kind, epoch) = (self.rng.random_range(19..28), self.rng.random_range(0..3));
        let body = if kind == 21 { vec![2, 80] } else { self.bytes(0..300) };
        self.record(kind, epoch, &body)
    }

    /// Thousands of one-byte pieces of one message, each behind those of before. The stack puts them together by recursion.
    fn handshake_in_crumbs(&mut self) -> Vec<u8> {
        const PIECES: u32 = (LARGEST_DATAGRAM as u32 - 13) / 12;
        let message_seq = self.rng.random_range(0..self.crumbs.len());
        let first = self.crumbs[message_seq];
        self.crumbs[message_seq] += PIECES;
        let crumbs = (first..first + PIECES).flat_map(|at| {
            let at = at.to_be_bytes();
            [11, 0, 0, 0, 0, message_seq as u8, at[1], at[2], at[3], 0, 0, 1]
        });
        let crumbs: Vec<u8> = crumbs.collect();
        self.record(22, 0, &crumbs)
    }

    fn record(&mut self, kind: u8, epoch: u16, body: &[u8]) -> Vec<u8> {
        let number = (1_000 + self.count).to_be_bytes();
        let len = (body.len() as u16).to_be_bytes();
        [&[kind, 0xfe, 0xfd][..], &epoch.to_be_bytes(), &number[2..], &len, body].concat()
    }

    /// A good head with a source of its own behind it.
    fn media(&mut self, first: u8, kinds: std::ops::Range<u8>, head: usize) -> Vec<u8> {
        let kind = self.rng.random_range(kinds);
        let mut datagram = [&[first, kind][..], &self.bytes(2 + head..200)].concat();
        if kind >= 200 {
            let words = (datagram.len() / 4 - 1) as u16;
            datagram[2..4].copy_from_slice(&words.to_be_bytes());
        }
        if self.rng.random_ratio(1, 4) {
            datagram.truncate(self.rng.random_range(1..30));
        }
        datagram
    }
}

async fn stats(call: &Call) -> [PeerStats; 2] {
    [call.offerer.handle.stats().await, call.answerer.handle.stats().await]
}

fn assert_undisturbed(call: &Call, seed: u64) {
    for side in call.sides() {
        let states = side.states();
        assert_eq!(states.last(), Some(&PeerState::Connected), "seed {seed}: {states:?}");
        assert!(!states.contains(&PeerState::Reconnecting), "seed {seed}: {states:?}");
    }
    assert_eq!(PANICS.load(Ordering::Relaxed), 0, "seed {seed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_goes_on_while_strangers_throw_nonsense_at_it() {
    let _alone = ALONE.lock().await;
    count_panics();
    let seed = 61;
    let call = Call::start(&CallSetup::default());
    call.until_media(LIMIT).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (before, memory_before) = (stats(&call).await, resident_bytes());
    let stranger = Stranger::begin(seed, call.sides().into_iter().flat_map(doors).collect(), Nonsense::datagram);
    tokio::time::sleep(STORM).await;
    let (after, memory_after) = (stats(&call).await, resident_bytes());
    let sent = stranger.stop();
    let grown = memory_after.saturating_sub(memory_before);
    println!("seed {seed}: {sent} datagrams, {} KB more memory", grown / 1024);
    for (before, after) in before.iter().zip(&after) {
        let (pictures, packets) =
            (after.video.decoded - before.video.decoded, after.audio.received - before.audio.received);
        let played = (after.audio.played_samples - before.audio.played_samples) as f64;
        let invented = (after.audio.concealed_samples - before.audio.concealed_samples) as f64 / played;
        println!("seed {seed}: {pictures} of 75 pictures, {packets} packets of sound, {invented:.3} of it invented");
        assert!(pictures >= 50 && packets >= 200 && invented < 0.1, "seed {seed}: {before:#?} {after:#?}");
        assert_eq!(after.generation, 1, "seed {seed}");
    }
    assert!(sent > 2_000, "{sent} datagrams are no storm");
    assert!(grown < 8 * MEGABYTE, "seed {seed}: {grown} bytes more than before");
    assert_undisturbed(&call, seed);
    call.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_goes_on_while_strangers_offer_a_handshake_in_crumbs() {
    let _alone = ALONE.lock().await;
    count_panics();
    let seed = 63;
    let call = Call::start(&CallSetup::default());
    call.until_media(LIMIT).await.unwrap();
    let crumbs =
        |nonsense: &mut Nonsense| if nonsense.is_due(31) { nonsense.handshake_in_crumbs() } else { Vec::new() };
    let stranger = Stranger::begin(seed, call.sides().into_iter().flat_map(doors).collect(), crumbs);
    tokio::time::sleep(STORM).await;
    let before = stats(&call).await;
    println!("seed {seed}: {} datagrams", stranger.stop());
    eventually("pictures flow", LIMIT, async || {
        let after = stats(&call).await;
        before.iter().zip(&after).all(|(before, after)| after.video.decoded > before.video.decoded + 5)
    })
    .await;
    assert_undisturbed(&call, seed);
    call.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_set_up_while_strangers_throw_nonsense_at_it() {
    let _alone = ALONE.lock().await;
    count_panics();
    for seed in 71..76 {
        let call = Call::start(&CallSetup { picture: (160, 90, 5), ..CallSetup::default() });
        call.hold_signals(true);
        eventually("both know their sockets", LIMIT, async || call.sides().iter().any(|side| !doors(side).is_empty()))
            .await;
        let stranger = Stranger::begin(seed, call.sides().into_iter().flat_map(doors).collect(), Nonsense::datagram);
        tokio::time::sleep(Duration::from_millis(100)).await;
        let begun = Instant::now();
        call.hold_signals(false);
        call.until_media(LIMIT).await.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        let took = begun.elapsed();
        println!("seed {seed}: media after {took:?}, {} datagrams", stranger.stop());
        assert!(took < Duration::from_secs(5), "seed {seed}: {took:?}");
        assert_eq!(call.offerer.handle.stats().await.generation, 1, "seed {seed} was built anew");
        assert_undisturbed(&call, seed);
        call.close().await;
    }
}
