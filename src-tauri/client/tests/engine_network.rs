//! Calls over bad networks, each with its seed.

mod engine_support;

use engine_support::{Call, CallSetup, eventually, percentile};
use parley_client::engine::{PeerSessionEvent, PeerState};
use parley_client::peer::{NetworkProfile, TestNetwork};
use std::time::Duration;

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blackout_of_five_seconds_heals_by_itself() {
    let setup = CallSetup { networks: networks(11, NetworkProfile::default()), ..CallSetup::default() };
    let call = Call::start(&setup);
    call.until_media(LIMIT).await.unwrap();
    set_profile(&setup, NetworkProfile::blackout());
    let reconnecting = PeerSessionEvent::State(PeerState::Reconnecting);
    call.offerer.wait_for(&reconnecting, Duration::from_secs(5)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    set_profile(&setup, NetworkProfile::default());
    let healed_at = std::time::Instant::now();
    for side in call.sides() {
        let connected = PeerSessionEvent::State(PeerState::Connected);
        let before = side.handle.stats().await.video.decoded;
        if side.states().contains(&PeerState::Reconnecting) {
            side.wait_for_nth(&connected, 2, LIMIT).await.unwrap();
        }
        eventually("pictures flow again", LIMIT, async || side.handle.stats().await.video.decoded > before + 5).await;
        assert_eq!(side.handle.stats().await.generation, 1, "the connection itself survived");
    }
    println!("healed {:?} after the blackout", healed_at.elapsed());
    call.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_died_is_built_anew() {
    let setup = CallSetup { networks: networks(21, NetworkProfile::default()), ..CallSetup::default() };
    let call = Call::start(&setup);
    call.until_media(LIMIT).await.unwrap();
    set_profile(&setup, NetworkProfile::blackout());
    eventually("the connection is given up", LIMIT, async || call.offerer.handle.stats().await.generation >= 2).await;
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
