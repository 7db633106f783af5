//! Calls over bad networks, each with its seed.

mod engine_support;

use engine_support::{Call, CallSetup, eventually, percentile};
use parley_client::engine::PeerState;
use parley_client::peer::{NetworkProfile, TestNetwork};
use std::net::IpAddr;
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(30);

fn networks(seed: u64, profile: NetworkProfile) -> [Option<TestNetwork>; 2] {
    [seed, seed + 1].map(|seed| Some(TestNetwork::new(seed, profile)))
}

fn set_profile(setup: &CallSetup, profile: NetworkProfile) {
    for network in setup.networks.iter().flatten() {
        network.set_profile(profile);
    }
}

/// Small enough that eight calls at once leave the processor to the handshakes.
fn tiny(seed: u64, profile: NetworkProfile) -> CallSetup {
    CallSetup { picture: (160, 90, 5), networks: networks(seed, profile), ..CallSetup::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_connects_at_a_fifth_lost_both_ways() {
    const CALLS: u64 = 24;
    const AT_ONCE: u64 = 8;
    let profile = NetworkProfile { loss: 0.2, delay: Duration::from_millis(40), ..NetworkProfile::default() };
    let (mut connected, mut media) = (Vec::new(), Vec::new());
    for batch in 0..CALLS / AT_ONCE {
        let calls: Vec<_> = (0..AT_ONCE)
            .map(|n| {
                let seed = 1000 + (batch * AT_ONCE + n) * 2;
                (seed, Call::start(&tiny(seed, profile)))
            })
            .collect();
        for (seed, call) in calls {
            connected.push(call.until_connected(LIMIT).await.unwrap_or_else(|error| panic!("seed {seed}: {error}")));
            media.push(call.until_media(LIMIT).await.unwrap_or_else(|error| panic!("seed {seed}: {error}")));
            assert_eq!(call.offerer.handle.stats().await.generation, 1, "seed {seed} was built anew");
            call.close().await;
        }
    }
    for (what, times) in [("connected", &mut connected), ("media", &mut media)] {
        times.sort();
        let (p50, p95, max) = (percentile(times, 0.5), percentile(times, 0.95), percentile(times, 1.0));
        println!("seeds from 1000, {CALLS} calls, {what}: p50 {p50:?}, p95 {p95:?}, max {max:?}");
    }
    // Without repeated flights this is 12 s.
    assert!(percentile(&connected, 0.95) < Duration::from_secs(4), "{connected:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_set_up_without_any_answer_is_begun_anew() {
    let setup = CallSetup { setup_timeout: Duration::from_secs(2), ..tiny(7, NetworkProfile::blackout()) };
    let call = Call::start(&setup);
    eventually("the connection is built anew", LIMIT, async || call.offerer.handle.stats().await.generation >= 2).await;
    set_profile(&setup, NetworkProfile::default());
    call.until_media(LIMIT).await.unwrap();
    let [a, b] = [&call.offerer, &call.answerer].map(|side| side.handle.clone());
    assert_eq!(a.stats().await.generation, b.stats().await.generation);
    call.close().await;
}

/// The network is away altogether, signals too.
async fn black_out(call: &Call, setup: &CallSetup, duration: Duration) {
    call.hold_signals(true);
    set_profile(setup, NetworkProfile::blackout());
    tokio::time::sleep(duration).await;
    set_profile(setup, NetworkProfile::default());
    call.hold_signals(false);
}

/// Waits until pictures and sound come on both sides, over the connection of before; returns how long it took.
async fn until_media_is_back(call: &Call) -> Duration {
    let since = Instant::now();
    for side in call.sides() {
        let before = side.handle.stats().await;
        eventually("pictures and sound come again", LIMIT, async || {
            let stats = side.handle.stats().await;
            stats.video.decoded > before.video.decoded + 2 && stats.audio.received > before.audio.received + 5
        })
        .await;
    }
    since.elapsed()
}

async fn stays_connected(call: &Call, duration: Duration) {
    let until = Instant::now() + duration;
    while Instant::now() < until {
        let before = [0, 1].map(|side| call.sides()[side]);
        for side in before {
            let decoded = side.handle.stats().await.video.decoded;
            eventually("pictures flow", LIMIT, async || side.handle.stats().await.video.decoded > decoded).await;
        }
    }
    for side in call.sides() {
        assert_eq!(side.states().last(), Some(&PeerState::Connected), "{:?}", side.states());
        assert_eq!(side.handle.stats().await.generation, 1, "the connection was built anew");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_goes_on_after_five_and_after_fifteen_seconds_without_any_network() {
    let setup = CallSetup { networks: networks(11, NetworkProfile::default()), ..CallSetup::default() };
    let call = Call::start(&setup);
    call.until_media(LIMIT).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    for seconds in [5, 15] {
        black_out(&call, &setup, Duration::from_secs(seconds)).await;
        for side in call.sides() {
            assert!(side.states().contains(&PeerState::Reconnecting), "{seconds} s went unnoticed");
        }
        let took = until_media_is_back(&call).await;
        let target = call.offerer.handle.stats().await.target_kbps;
        println!("seed 11: media is back {took:?} after {seconds} s without a network, target {target} kbit/s");
        assert!(took < Duration::from_secs(4), "{took:?}");
        stays_connected(&call, Duration::from_secs(3)).await;
    }
    call.close().await;
}

/// Only the path between the two is dead, as when a router forgets it: signals pass, and a restart goes on looking.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_path_is_restarted_within_the_same_connection() {
    let setup = CallSetup { networks: networks(15, NetworkProfile::default()), ..CallSetup::default() };
    let call = Call::start(&setup);
    call.until_media(LIMIT).await.unwrap();
    set_profile(&setup, NetworkProfile::blackout());
    tokio::time::sleep(Duration::from_secs(8)).await;
    set_profile(&setup, NetworkProfile::default());
    let took = until_media_is_back(&call).await;
    println!("seed 15: media is back after {took:?}");
    assert!(took < Duration::from_secs(4), "{took:?}");
    stays_connected(&call, Duration::from_secs(3)).await;
    call.close().await;
}

/// Gives a side the address 127.0.0.`last` and takes the former one away.
fn move_to(setup: &CallSetup, side: usize, last: u8) {
    let network = setup.networks[side].as_ref().expect("each side has a network of its own");
    network.set_addresses(&[IpAddr::from([127, 0, 0, last])]);
}

/// Each side in turn moves to another address: sockets of the former one are dead.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_follows_a_change_of_address() {
    let setup = CallSetup { networks: networks(17, NetworkProfile::default()), ..CallSetup::default() };
    move_to(&setup, 0, 2);
    move_to(&setup, 1, 3);
    let call = Call::start(&setup);
    call.until_media(LIMIT).await.unwrap();
    for (side, last) in [(0, 4), (1, 5), (0, 6)] {
        move_to(&setup, side, last);
        call.sides()[side].handle.network_changed();
        let took = until_media_is_back(&call).await;
        println!("seed 17: media is back {took:?} after side {side} moved");
        assert!(took < Duration::from_secs(4), "{took:?}");
        stays_connected(&call, Duration::from_secs(3)).await;
    }
    call.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_may_move_at_once() {
    let setup = CallSetup { networks: networks(19, NetworkProfile::default()), ..CallSetup::default() };
    move_to(&setup, 0, 2);
    move_to(&setup, 1, 3);
    let call = Call::start(&setup);
    call.until_media(LIMIT).await.unwrap();
    move_to(&setup, 0, 4);
    move_to(&setup, 1, 5);
    for side in call.sides() {
        side.handle.network_changed();
    }
    let took = until_media_is_back(&call).await;
    println!("seed 19: media is back {took:?} after both moved");
    stays_connected(&call, Duration::from_secs(3)).await;
    call.close().await;
}

/// A network that gains an address changes nothing for calls that stand on another one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_further_address_leaves_a_call_alone() {
    let setup = CallSetup { networks: networks(20, NetworkProfile::default()), ..CallSetup::default() };
    let network = setup.networks[0].as_ref().unwrap();
    let [one, other] = [2, 3].map(|last| IpAddr::from([127, 0, 0, last]));
    network.set_addresses(&[one]);
    let call = Call::start(&setup);
    call.until_media(LIMIT).await.unwrap();
    network.set_addresses(&[one, other]);
    let signals = call.offerer.signals().len();
    call.offerer.handle.network_changed();
    stays_connected(&call, Duration::from_secs(1)).await;
    assert_eq!(call.offerer.signals().len(), signals);
    call.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_died_is_built_anew() {
    let setup = CallSetup { networks: networks(21, NetworkProfile::default()), ..CallSetup::default() };
    let call = Call::start(&setup);
    call.until_media(LIMIT).await.unwrap();
    set_profile(&setup, NetworkProfile::blackout());
    eventually("the connection is given up", 2 * LIMIT, async || call.offerer.handle.stats().await.generation >= 2)
        .await;
    set_profile(&setup, NetworkProfile::default());
    for side in call.sides() {
        let before = side.handle.stats().await.video.decoded;
        eventually("pictures flow again", LIMIT, async || side.handle.stats().await.video.decoded > before + 5).await;
    }
    call.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_pictures_are_mended_by_a_key_frame() {
    let setup = CallSetup { networks: networks(31, NetworkProfile::default()), ..CallSetup::default() };
    let call = Call::start(&setup);
    call.until_media(LIMIT).await.unwrap();
    let before = call.answerer.handle.stats().await.video;
    // So bad that repairs are lost as well, and shorter than the connection notices.
    let dreadful = NetworkProfile { loss: 0.9, ..NetworkProfile::default() };
    setup.networks[0].as_ref().unwrap().set_profile(dreadful);
    tokio::time::sleep(Duration::from_secs(2)).await;
    setup.networks[0].as_ref().unwrap().set_profile(NetworkProfile::default());
    eventually("packets are given up", LIMIT, async || call.answerer.handle.stats().await.video.lost > before.lost)
        .await;
    eventually("a key frame came", LIMIT, async || {
        call.answerer.handle.stats().await.video.key_frames > before.key_frames
    })
    .await;
    let after = call.answerer.handle.stats().await.video;
    eventually("pictures flow again", LIMIT, async || {
        call.answerer.handle.stats().await.video.decoded > after.decoded + 5
    })
    .await;
    call.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn loss_swaps_and_jitter_leave_a_picture() {
    let profile = NetworkProfile {
        loss: 0.05,
        delay: Duration::from_millis(30),
        jitter: Duration::from_millis(20),
        swap: 0.02,
        ..NetworkProfile::default()
    };
    let call = Call::start(&CallSetup { networks: networks(41, profile), ..CallSetup::default() });
    call.until_media(LIMIT).await.unwrap();
    for side in call.sides() {
        let before = side.handle.stats().await.video.decoded;
        tokio::time::sleep(Duration::from_secs(4)).await;
        let stats = side.handle.stats().await;
        // 15 pictures a second were sent.
        assert!(stats.video.decoded - before >= 30, "seed 41: {stats:#?}");
        println!("seed 41: {} of 60 pictures, audio {:?}", stats.video.decoded - before, stats.audio);
    }
    call.close().await;
}
