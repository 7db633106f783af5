//! Calls over narrow and changing paths, each with its seed. Figures are printed; bounds are for a busy machine.

mod engine_support;

use engine_support::{Call, CallSetup, Side, eventually};
use parley_client::engine::PeerStats;
use parley_client::peer::{Bottleneck, NetworkProfile, TestNetwork};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

const LIMIT: Duration = Duration::from_secs(60);
/// One call at a time: a busy processor looks like a slow path.
static ALONE: Mutex<()> = Mutex::const_new(());

fn link(kbps: u64) -> NetworkProfile {
    let bottleneck = Bottleneck { bits_per_second: kbps * 1000, queue: Duration::from_millis(300) };
    NetworkProfile { delay: Duration::from_millis(25), bottleneck: Some(bottleneck), ..NetworkProfile::default() }
}

/// The offerer sends over a path that the test changes; the way back is free.
fn setup(seed: u64, profile: NetworkProfile) -> CallSetup {
    let back = NetworkProfile { bottleneck: None, ..profile };
    let networks = [Some(TestNetwork::new(seed, profile)), Some(TestNetwork::new(seed + 1, back))];
    CallSetup { picture: (320, 180, 30), networks, ..CallSetup::default() }
}

fn path(setup: &CallSetup) -> &TestNetwork {
    setup.networks[0].as_ref().expect("every test here has a network")
}

async fn stats(side: &Side) -> PeerStats {
    side.handle.stats().await
}

/// How long it takes until the sender's target is as wanted.
async fn until_target(call: &Call, what: &str, wanted: impl Fn(u32) -> bool) -> Duration {
    let begun = Instant::now();
    eventually(what, LIMIT, async || wanted(stats(&call.offerer).await.target_kbps)).await;
    begun.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_of_the_path_down_and_up_is_followed() {
    let _alone = ALONE.lock().await;
    let setup = CallSetup { picture: (640, 360, 30), ..setup(101, link(1500)) };
    let call = Call::start(&setup);
    call.until_media(LIMIT).await.unwrap();
    until_target(&call, "the path is found", |kbps| kbps > 1000).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    path(&setup).set_profile(link(400));
    let down = until_target(&call, "the step down is followed", |kbps| kbps <= 400).await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    let narrow = stats(&call.offerer).await;
    path(&setup).set_profile(link(1500));
    let up = until_target(&call, "the step up is followed", |kbps| kbps >= 1000).await;
    println!("seed 101: down after {down:?}, up after {up:?}, narrow {narrow:?}");
    assert!(narrow.pacer_queue_ms < 500.0, "{narrow:#?}");
    call.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_path_for_sound_only_carries_sound_and_pictures_come_back() {
    let _alone = ALONE.lock().await;
    let setup = setup(111, link(2000));
    let call = Call::start(&setup);
    call.until_media(LIMIT).await.unwrap();
    path(&setup).set_profile(link(75));
    eventually("pictures pause", LIMIT, async || stats(&call.offerer).await.video.is_paused).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let before = stats(&call.answerer).await.audio.received;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let heard = stats(&call.answerer).await.audio.received - before;
    println!("seed 111: {heard} of 150 packets of sound");
    assert!(heard > 100, "{heard} of 150 packets of sound");
    path(&setup).set_profile(link(2000));
    let decoded = stats(&call.answerer).await.video.decoded;
    eventually("pictures come back", LIMIT, async || {
        let (ours, theirs) = (stats(&call.offerer).await, stats(&call.answerer).await);
        !ours.video.is_paused && theirs.video.decoded > decoded + 20
    })
    .await;
    call.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_packets_are_repaired_while_pictures_flow() {
    let _alone = ALONE.lock().await;
    for (seed, loss, least) in [(121, 0.05, 60), (131, 0.1, 50), (141, 0.2, 30)] {
        let profile = NetworkProfile { loss, delay: Duration::from_millis(25), ..NetworkProfile::default() };
        let call = Call::start(&setup(seed, profile));
        call.until_media(LIMIT).await.unwrap();
        tokio::time::sleep(Duration::from_secs(3)).await;
        let [sent, shown] = [stats(&call.offerer).await.video.sent, stats(&call.answerer).await.video.decoded];
        tokio::time::sleep(Duration::from_secs(8)).await;
        let (ours, theirs) = (stats(&call.offerer).await, stats(&call.answerer).await);
        let (sent, shown) = (ours.video.sent - sent, theirs.video.decoded - shown);
        println!(
            "seed {seed}, {loss} lost: {shown} of {sent} pictures shown, {} packets given up, {} key frames, \
             target {} kbit/s, video {:.0} kbit/s, marks {:?}",
            theirs.video.lost, theirs.video.key_frames, ours.target_kbps, ours.video.kbps_out, theirs.marks
        );
        assert!(shown * 100 >= sent * least, "seed {seed}: {shown} of {sent}");
        call.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_and_lossy_path_is_bridged_by_copies() {
    let _alone = ALONE.lock().await;
    let profile = NetworkProfile { loss: 0.05, delay: Duration::from_millis(125), ..NetworkProfile::default() };
    let call = Call::start(&setup(151, profile));
    call.until_media(LIMIT).await.unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let before = stats(&call.answerer).await.video;
    tokio::time::sleep(Duration::from_secs(8)).await;
    let (ours, theirs) = (stats(&call.offerer).await, stats(&call.answerer).await);
    let (shown, lost) = (theirs.video.decoded - before.decoded, theirs.video.lost - before.lost);
    println!(
        "seed 151: {shown} of 240 pictures shown, {lost} packets given up, {} key frames, target {} kbit/s, marks {:?}",
        theirs.video.key_frames, ours.target_kbps, theirs.marks
    );
    assert!(shown >= 150, "{shown} of 240 pictures");
    call.close().await;
}
