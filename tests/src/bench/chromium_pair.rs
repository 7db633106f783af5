//! The same call between two Chromiums, each a browser of its own, over the same relay.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde::Deserialize;
use serde_json::{Value, json};

use super::clip::{Clip, FPS, HEIGHT, WIDTH};
use super::parley_pair::Figures;
use super::rows::median;
use crate::browser::{Browser, FakeDevices};
use crate::pages::Pages;
use crate::usage;

const MEDIA: Duration = Duration::from_secs(40);

/// Until the rate of the pictures has settled.
const WARM_UP: Duration = Duration::from_secs(4);

/// Calls for some seconds, first without and then with reading what arrives.
///
/// # Errors
/// The call failed.
pub async fn call(relay_url: &str, run: u32, seconds: u32, clip: &Clip) -> Result<Figures> {
    let pages = Pages::start().await?;
    let devices = FakeDevices { camera: Some(clip.picture.clone()), microphone: Some(clip.sound.clone()) };
    let (cleo, dora) = (format!("Cleo {run}"), format!("Dora {run}"));
    let (caller, callee) = (Browser::start(&pages, &devices).await?, Browser::start(&pages, &devices).await?);
    let video = json!({ "width": WIDTH, "height": HEIGHT, "frameRate": FPS });
    caller.sign_up_with(relay_url, &cleo, video.clone()).await?;
    callee.sign_up_with(relay_url, &dora, video).await?;
    let answered = callee.eval::<Value>("peer.answer()", vec![]);
    let dialled = caller.eval::<Value>("peer.dial(args[0])", vec![dora.into()]);
    tokio::try_join!(answered, dialled)?;
    for side in [&caller, &callee] {
        let seen =
            side.stats_until("seen the other", MEDIA, |stats| stats["video"]["decoded"].as_u64() > Some(10)).await?;
        ensure!(seen["video"]["received_codec"] == "video/H264", "another codec: {seen}");
    }
    let setup_ms = setup_ms(&caller, &callee).await?;

    for side in [&caller, &callee] {
        side.eval::<Value>("meter.stopDrawing()", vec![]).await?;
    }
    tokio::time::sleep(WARM_UP).await;
    let cpu_cores = cpu_cores(&caller, &callee, Duration::from_secs(seconds.into())).await?;
    let memory = f64::midpoint(usage::tree_pss_mb(caller.id()), usage::tree_pss_mb(callee.id()));

    for side in [&caller, &callee] {
        side.eval::<Value>("meter.start()", vec![]).await?;
    }
    tokio::time::sleep(Duration::from_secs(seconds.into())).await;
    let there: Seen = callee.eval("meter.stop()", vec![]).await?;
    let here: Seen = caller.eval("meter.stop()", vec![]).await?;
    let mean = |a: Option<f64>, b: Option<f64>| Some(f64::midpoint(a?, b?));
    Ok(Figures {
        setup_ms: Some(setup_ms),
        video_latency_p50_ms: mean(video_latency_ms(&here, &there), video_latency_ms(&there, &here)),
        audio_latency_p50_ms: mean(audio_latency_ms(&here, &there), audio_latency_ms(&there, &here)),
        cpu_cores: Some(cpu_cores),
        client_rss_mb: Some(memory),
    })
}

/// The version of the browser, for the report.
pub fn name() -> String {
    let version = crate::programs::installed(&["chromium", "chromium-browser", "google-chrome"])
        .ok()
        .and_then(|program| std::process::Command::new(program).arg("--version").output().ok())
        .map(|output| String::from_utf8_lossy(&output.stdout).split_whitespace().take(2).collect::<Vec<_>>().join(" "));
    version.unwrap_or_else(|| "Chromium".to_owned())
}

async fn setup_ms(caller: &Browser, callee: &Browser) -> Result<f64> {
    let first = "peer.until('first picture', () => peer.connection.firstFrameAt)";
    let (a, b): (f64, f64) = (caller.eval(first, vec![]).await?, callee.eval(first, vec![]).await?);
    let accepted: f64 = callee.eval("peer.acceptedAt", vec![]).await?;
    Ok(a.max(b) - accepted)
}

async fn cpu_cores(caller: &Browser, callee: &Browser, span: Duration) -> Result<f64> {
    let decoded =
        async |side: &Browser| Ok::<_, anyhow::Error>(side.stats().await?["video"]["decoded"].as_u64().unwrap_or(0));
    let used = || usage::tree_cpu_s(caller.id()) + usage::tree_cpu_s(callee.id());
    let (pictures, cpu, begin) = (decoded(caller).await?, used(), Instant::now());
    tokio::time::sleep(span).await;
    let (cpu, span) = (used() - cpu, begin.elapsed().as_secs_f64());
    let rate = (decoded(caller).await? - pictures) as f64 / span;
    ensure!(rate > f64::from(FPS) / 2.0, "Chromium decoded only {rate:.1} pictures a second");
    Ok(cpu / span)
}

#[derive(Debug, Deserialize)]
struct Seen {
    local: Side,
    remote: Side,
}

/// Times in ms of the wall clock.
#[derive(Debug, Deserialize)]
struct Side {
    pictures: Vec<(u32, f64)>,
    clicks: Vec<f64>,
}

/// Median time from a picture at the sender's camera to the same one at the receiver.
fn video_latency_ms(sender: &Seen, receiver: &Seen) -> Option<f64> {
    let mut sent: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
    for (sequence, at) in &sender.local.pictures {
        sent.entry(*sequence).or_default().push(*at);
    }
    let since_sent = |(sequence, at): &(u32, f64)| latest_before(sent.get(sequence)?, *at);
    median(&receiver.remote.pictures.iter().filter_map(since_sent).collect::<Vec<_>>())
}

/// Median time from a click at the sender's microphone to the same one at the receiver: they are a second apart.
fn audio_latency_ms(sender: &Seen, receiver: &Seen) -> Option<f64> {
    median(&receiver.remote.clicks.iter().filter_map(|at| latest_before(&sender.local.clicks, *at)).collect::<Vec<_>>())
}

/// How long before `at` the latest of these times was, if less than a second.
fn latest_before(times: &[f64], at: f64) -> Option<f64> {
    times.iter().map(|time| at - time).filter(|age| (0.0..1_000.0).contains(age)).reduce(f64::min)
}
