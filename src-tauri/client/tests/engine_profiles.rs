//! A call under each network that has a name: it comes about, sound and picture flow, and no freeze lasts.

#![allow(clippy::print_stdout, reason = "what was seen stands beside a failure")]

mod engine_support;

use engine_support::{Call, CallSetup, REMOTE, Side, eventually};
use parley_client::peer::{NetworkProfile, TestNetwork};
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(40);
/// Pictures a second.
const FPS: u32 = 15;

fn setup(seed: u64, profile: NetworkProfile) -> CallSetup {
    let networks = [seed, seed + 1].map(|seed| Some(TestNetwork::new(seed, profile)));
    CallSetup { picture: (320, 180, FPS), networks, ..CallSetup::default() }
}

fn set_profile(setup: &CallSetup, profile: NetworkProfile) {
    setup.networks.iter().flatten().for_each(|network| network.set_profile(profile));
}

/// What one side saw and heard for a while.
#[derive(Debug)]
struct Flow {
    /// Of the pictures that were sent.
    shown: f64,
    longest_gap: Duration,
    packets: u64,
}

impl Flow {
    async fn watch(side: &Side, time: Duration) -> Self {
        let (mut frames, before) = (side.frames.subscribe(REMOTE), side.handle.stats().await);
        let (until, mut last, mut longest_gap) = (Instant::now() + time, Instant::now(), Duration::ZERO);
        while let Ok(Some(_)) = tokio::time::timeout_at(until.into(), frames.changed()).await {
            longest_gap = longest_gap.max(last.elapsed());
            last = Instant::now();
        }
        let after = side.handle.stats().await;
        let shown = (after.video.decoded - before.video.decoded) as f64 / time.as_secs_f64() / f64::from(FPS);
        let packets = after.audio.received - before.audio.received;
        Self { shown, longest_gap: longest_gap.max(last.elapsed()), packets }
    }
}

/// No freeze lasts longer, on a busy machine.
const LONGEST_GAP: Duration = Duration::from_secs(5);

/// What both sides see and hear for a while.
async fn watch(what: &str, call: &Call, time: Duration) -> [Flow; 2] {
    let [a, b] = call.sides();
    let (a, b) = tokio::join!(Flow::watch(a, time), Flow::watch(b, time));
    println!("{what}: {a:.2?} and {b:.2?}");
    [a, b]
}

/// Both sides see at least this share of the pictures, without a long freeze, and hear sound.
async fn flows(what: &str, call: &Call, time: Duration, least_shown: f64) {
    for flow in watch(what, call, time).await {
        assert!(flow.shown >= least_shown && flow.longest_gap <= LONGEST_GAP, "{what}: {flow:.2?}");
        // Fifty a second are sent.
        assert!(flow.packets >= time.as_secs() * 15, "{what}: {flow:.2?}");
    }
}

async fn a_call_flows(what: &str, seed: u64, profile: NetworkProfile, least_shown: f64) {
    let call = Call::start(&setup(seed, profile));
    call.until_media(LIMIT).await.unwrap_or_else(|error| panic!("{what}, seed {seed}: {error}"));
    // The estimate of the bandwidth settles.
    tokio::time::sleep(Duration::from_secs(3)).await;
    flows(&format!("{what}, seed {seed}"), &call, Duration::from_secs(6), least_shown).await;
    call.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_flows_on_a_moderate_network() {
    a_call_flows("moderate", 101, NetworkProfile::moderate(), 0.3).await;
}

/// Half a second there and back, and a tenth lost in rows: the picture comes at times, the sound goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_between_continents_is_heard() {
    let call = Call::start(&setup(103, NetworkProfile::international()));
    call.until_media(LIMIT).await.unwrap();
    for flow in watch("international, seed 103", &call, Duration::from_secs(6)).await {
        assert!(flow.packets >= 90, "{flow:.2?}");
    }
    call.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_flows_while_packets_are_lost_in_rows() {
    a_call_flows("bursty", 105, NetworkProfile::bursty(), 0.1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_flows_on_a_thin_line() {
    a_call_flows("limited", 107, NetworkProfile::limited_bandwidth(250_000), 0.1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_survives_a_spell_of_loss_and_is_as_good_as_before() {
    let [good, bad, good_again] = NetworkProfile::spiky_loss();
    let setup = setup(109, good);
    let call = Call::start(&setup);
    call.until_media(LIMIT).await.unwrap();
    set_profile(&setup, bad);
    watch("spell of loss", &call, Duration::from_secs(6)).await;
    set_profile(&setup, good_again);
    eventually("the call is as good as before", Duration::from_secs(15), async || {
        watch("after the spell", &call, Duration::from_secs(2)).await.iter().all(|flow| flow.shown >= 0.8)
    })
    .await;
    call.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sound_goes_on_while_more_and_more_is_lost_and_the_picture_up_to_a_third() {
    let rtt = Duration::from_millis(50);
    let setup = setup(111, NetworkProfile::default().with_rtt(rtt));
    let call = Call::start(&setup);
    call.until_media(LIMIT).await.unwrap();
    // Share lost, and of the pictures how many must be seen at least.
    for (lost, least_shown) in [(0.1, 0.3), (0.2, 0.1), (0.3, 0.03), (0.4, 0.0), (0.5, 0.0)] {
        set_profile(&setup, NetworkProfile::lossy(lost).with_rtt(rtt));
        flows(&format!("{lost} lost"), &call, Duration::from_secs(4), least_shown).await;
    }
    call.close().await;
}
