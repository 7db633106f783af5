//! Chromium as the other side of a call: it knows the public protocol and nothing of this code.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::browser::{Browser, FakeDevices};
use e2e::calls::{self, decoded};
use e2e::pages::Pages;
use e2e::person::Person;
use e2e::relay::Relay;
use parley_client::peer::{NetworkProfile, TestNetwork};
use parley_shared::view::{CallPhaseView, Command};
use serde_json::Value;

/// Connection and first pictures on a busy machine.
const MEDIA: Duration = Duration::from_secs(30);

/// Pictures that both sides must have shown.
const PICTURES: u64 = 60;

struct Scene {
    relay: Relay,
    browser: Browser,
    alice: Person,
    _pages: Pages,
}

async fn scene() -> Result<Scene> {
    scene_on(None).await
}

/// The engine's datagrams go through `network`.
async fn scene_on(network: Option<TestNetwork>) -> Result<Scene> {
    let pages = Pages::start().await?;
    let relay = Relay::start().await?;
    let browser = Browser::start(&pages, &FakeDevices::default()).await?;
    browser.sign_up(&relay.url, "Chromium").await?;
    let alice = Person::sign_up_with(&relay.url, "Alice", |config| config.network = network).await?;
    Ok(Scene { relay, browser, alice, _pages: pages })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chromium_calls_and_the_engine_offers() -> Result<()> {
    let _turn = e2e::turn().await;
    let scene = scene().await?;
    scene.browser.eval::<Value>("peer.dial('Alice')", vec![]).await?;
    calls::accept(&scene.alice).await?;
    media_flows_both_ways(&scene).await?;

    scene.browser.eval::<Value>("peer.hangUp()", vec![]).await?;
    scene.alice.see_no_call().await?;
    scene.relay.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_engine_calls_and_chromium_offers() -> Result<()> {
    let _turn = e2e::turn().await;
    let scene = scene().await?;
    let room_id = scene.alice.open_direct("Chromium").await?;
    scene.alice.command(Command::StartCall { room_id, camera: true, muted: false }).await?;
    scene.browser.eval::<Value>("peer.answer()", vec![]).await?;
    media_flows_both_ways(&scene).await?;

    scene.alice.command(Command::HangUp).await?;
    scene.browser.eval::<Value>("peer.until('end of the call', () => peer.call === null)", vec![]).await?;
    scene.relay.stop().await
}

/// The restart keeps the connection: a new one would have another generation.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chromium_follows_the_engine_to_another_address() -> Result<()> {
    let _turn = e2e::turn().await;
    let machine = TestNetwork::new(5_000, NetworkProfile::default());
    let move_to = |last: u8| machine.set_addresses(&[IpAddr::from([127, 0, 0, last])]);
    move_to(2);
    let scene = scene_on(Some(machine.clone())).await?;
    scene.browser.eval::<Value>("peer.dial('Alice')", vec![]).await?;
    calls::accept(&scene.alice).await?;
    media_flows_both_ways(&scene).await?;

    move_to(3);
    let seen = scene.browser.stats_until("statistics", MEDIA, |_| true).await?["video"]["decoded"].as_u64();
    let there = scene
        .browser
        .stats_until("seen the engine again", MEDIA, |stats| {
            stats["video"]["decoded"].as_u64() > seen.map(|pictures| pictures + 30)
        })
        .await?;
    ensure!(there["generation"] == 1, "{there}");
    calls::decodes_within(&scene.alice, decoded(&scene.alice).await + 20, MEDIA).await?;
    scene.relay.stop().await
}

/// Both decode the other's H.264 and hear the other's Opus, and what they see is what was sent.
async fn media_flows_both_ways(scene: &Scene) -> Result<()> {
    let (browser, alice) = (&scene.browser, &scene.alice);
    browser.connected(MEDIA).await?;
    alice.see_call("the call running", |call| matches!(call.phase, CallPhaseView::Active { .. }).then_some(())).await?;

    let there = browser
        .stats_until("seen and heard the engine", MEDIA, |stats| {
            stats["video"]["decoded"].as_u64() >= Some(PICTURES)
                && stats["audio"]["received"].as_u64() >= Some(100)
                && stats["audio"]["energy"].as_f64() > Some(0.0)
        })
        .await?;
    ensure!(
        there["video"]["received_codec"] == "video/H264" && there["video"]["sent_codec"] == "video/H264",
        "{there}"
    );
    ensure!(
        there["audio"]["received_codec"] == "audio/opus" && there["audio"]["sent_codec"] == "audio/opus",
        "{there}"
    );

    // The test picture carries a mark that only the engine's own picture has.
    let marked = "peer.until('marked picture', () => { const p = meter.picture(); return p?.mark ? p : null; })";
    let picture: Value = browser.eval(marked, vec![]).await?;
    ensure!(picture["deviation"].as_f64() > Some(10.0), "the picture is flat: {picture}");

    calls::decodes_until(alice, decoded(alice).await.max(PICTURES)).await?;
    let stats = calls::stats_until(alice, "heard Chromium", |stats| stats.audio.received > 100).await?;
    ensure!(stats.video.width >= 160 && stats.audio.concealed_ratio < 0.5, "{stats:?}");
    let picture = calls::remote_picture(alice).await.context("no picture of Chromium")?;
    ensure!(calls::deviation(&picture) > 10.0, "Chromium's picture is flat");
    Ok(())
}
