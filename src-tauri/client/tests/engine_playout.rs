//! What is heard and seen of a call on bad networks, each with its seed. Exact figures are the benches' matter.

mod engine_support;

use engine_support::{Call, CallSetup, eventually};
use parley_client::engine::PeerStats;
use parley_client::peer::{NetworkProfile, TestNetwork};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);

fn lossy(seed: u64, loss: f64) -> CallSetup {
    let profile = NetworkProfile { loss, delay: Duration::from_millis(25), ..NetworkProfile::default() };
    let networks = [seed, seed + 1].map(|seed| Some(TestNetwork::new(seed, profile)));
    CallSetup { networks, ..CallSetup::default() }
}

/// What the answerer had before and after some time.
async fn during(call: &Call, time: Duration) -> [PeerStats; 2] {
    let before = call.answerer.handle.stats().await;
    tokio::time::sleep(time).await;
    [before, call.answerer.handle.stats().await]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenth_of_lost_sound_is_hardly_heard() {
    let call = Call::start(&lossy(101, 0.1));
    call.until_media(LIMIT).await.unwrap();
    // The loss must have been reported before there are copies enough.
    let [_, warm] = during(&call, Duration::from_secs(5)).await;
    let [before, after] = during(&call, Duration::from_secs(8)).await;
    let (lost, recovered) = (after.audio.lost - before.audio.lost, after.audio.recovered - before.audio.recovered);
    println!("seed 101: {lost} lost, {recovered} recovered; {:#?}", after.audio);
    assert!(lost > 15, "the network loses a tenth");
    assert!(recovered * 10 >= lost * 7, "{recovered} of {lost} recovered");
    assert!(after.audio.concealed_ratio < 0.1, "{} {}", warm.audio.concealed_ratio, after.audio.concealed_ratio);
    call.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_calm_network_is_played_with_little_delay_and_short_packets() {
    let call = Call::start(&CallSetup::default());
    call.until_media(LIMIT).await.unwrap();
    // Not at once: this machine may be busy, which is no calm network.
    eventually("packets are short and the delay is little", LIMIT, async || {
        let [before, after] = during(&call, Duration::from_secs(1)).await.map(|stats| stats.audio);
        println!("{after:?}");
        after.received - before.received > 70 && after.target_ms < 60.0 && after.jitter_ms < 30.0
    })
    .await;
    call.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_skew_of_picture_and_sound_is_measured_and_small() {
    let call = Call::start(&CallSetup { picture: (320, 180, 30), ..CallSetup::default() });
    call.until_media(LIMIT).await.unwrap();
    let seen = &call.answerer.handle;
    eventually("both sides have reported and clicks were heard", LIMIT, async || {
        let stats = seen.stats().await;
        stats.av_skew_ms.is_some() && stats.marks.is_some_and(|marks| marks.audio.is_some_and(|audio| audio.count > 5))
    })
    .await;
    let stats = seen.stats().await;
    let (by_reports, by_marks) = (stats.av_skew_ms.unwrap(), stats.marks.unwrap().skew_ms.unwrap());
    println!("by reports {by_reports:.1} ms, by marks {by_marks:.1} ms; {:?} {:?}", stats.audio, stats.video);
    assert!(by_reports.abs() < 90.0, "{by_reports}");
    assert!((by_reports - by_marks).abs() < 40.0, "reports tell {by_reports} ms, marks {by_marks} ms");
    call.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_volume_of_zero_silences_one_person_whose_level_goes_on() {
    let call = Call::start(&CallSetup::default());
    call.until_media(LIMIT).await.unwrap();
    let local = &call.answerer.local;
    local.set_volume(engine_support::REMOTE, 0.0);
    eventually("the clicks still move the meter", LIMIT, async || {
        local.remote_levels().iter().any(|(stream, level)| *stream == engine_support::REMOTE && level.peak > 0.2)
    })
    .await;
    call.close().await;
}
