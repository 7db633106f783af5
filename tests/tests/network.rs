//! Calls over bad networks, through the relay: every one connects, and picture and sound come.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use e2e::browser::{Browser, FakeDevices};
use e2e::calls;
use e2e::pages::Pages;
use e2e::person::Person;
use e2e::relay::Relay;
use parley_client::ClientConfig;
use parley_client::peer::{Bottleneck, NetworkProfile, TestNetwork};
use parley_shared::view::Command;
use serde_json::Value;

/// Of the whole set-up under loss; the connection itself is begun anew after 10 s.
const LIMIT: Duration = Duration::from_secs(45);

/// The engine's own tests make 24 calls without a relay; these go the whole way, so fewer do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_through_the_relay_connects_at_a_fifth_lost() -> Result<()> {
    let _turn = e2e::turn().await;
    const SEED: u64 = 4_000;
    const CALLS: u64 = 6;
    println!("seed {SEED}");
    let relay = Relay::start().await?;
    let profile = NetworkProfile { loss: 0.2, delay: Duration::from_millis(20), ..NetworkProfile::default() };
    let bad = |seed| move |config: &mut ClientConfig| config.network = Some(TestNetwork::new(seed, profile));
    let alice = Person::sign_up_with(&relay.url, "Alice", bad(SEED)).await?;
    let bob = Person::sign_up_with(&relay.url, "Bob", bad(SEED + 1)).await?;
    for call in 0..CALLS {
        let begin = Instant::now();
        calls::start(&alice, &bob).await?;
        calls::accept(&bob).await?;
        for person in [&alice, &bob] {
            calls::decodes_within(person, 1, LIMIT).await.with_context(|| format!("call {call}"))?;
        }
        println!("call {call}: first picture on both sides after {:?}", begin.elapsed());
        calls::hang_up(&alice, &bob).await?;
    }
    Ok(())
}

/// The machine notices by itself, both its own connections and the relay hear of it, and nobody dials again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_follows_its_machine_to_another_address() -> Result<()> {
    let _turn = e2e::turn().await;
    let machines = [4_100, 4_101].map(|seed| TestNetwork::new(seed, NetworkProfile::default()));
    let move_to = |machine: usize, last: u8| machines[machine].set_addresses(&[IpAddr::from([127, 0, 0, last])]);
    move_to(0, 2);
    move_to(1, 9);
    let relay = Relay::start().await?;
    let [hers, his] = machines.clone().map(|network| move |config: &mut ClientConfig| config.network = Some(network));
    let alice = Person::sign_up_with(&relay.url, "Alice", hers).await?;
    let bob = Person::sign_up_with(&relay.url, "Bob", his).await?;
    calls::call(&alice, &bob).await?;
    for last in [3, 4] {
        move_to(0, last);
        let moved = Instant::now();
        for person in [&alice, &bob] {
            let before = calls::decoded(person).await;
            calls::decodes_within(person, before + 10, LIMIT).await?;
        }
        println!("pictures on both sides {:?} after the move", moved.elapsed());
        let stats = calls::stats_until(&bob, "statistics", |_| true).await?;
        anyhow::ensure!(stats.generation == 1, "the connection was built anew");
    }
    calls::hang_up(&alice, &bob).await
}

/// Chromium's hello is longer than a packet and comes again after 50 ms, so a slow link alone confuses a careless handshake.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_with_chromium_connects_over_500_kbit() -> Result<()> {
    let _turn = e2e::turn().await;
    const CALLS: u32 = 8;
    let bottleneck = Bottleneck { bits_per_second: 500_000, queue: Duration::from_millis(300) };
    let link =
        NetworkProfile { delay: Duration::from_millis(20), bottleneck: Some(bottleneck), ..NetworkProfile::default() };
    let pages = Pages::start_with(link).await?;
    let relay = Relay::start().await?;
    let browser = Browser::start(&pages, &FakeDevices::default()).await?;
    browser.sign_up(&relay.url, "Chromium").await?;
    browser.eval::<Value>("peer.options.link = true", vec![]).await?;
    let alice = Person::sign_up(&relay.url, "Alice").await?;
    let room_id = alice.open_direct("Chromium").await?;
    for call in 0..CALLS {
        let begin = Instant::now();
        let engine_offers = call % 2 == 0;
        if engine_offers {
            browser.eval::<Value>("peer.dial('Alice')", vec![]).await?;
            calls::accept(&alice).await?;
        } else {
            alice.command(Command::StartCall { room_id, camera: true, muted: false }).await?;
            browser.eval::<Value>("peer.answer()", vec![]).await?;
        }
        browser.connected(LIMIT).await.with_context(|| format!("call {call}"))?;
        browser
            .stats_until("seen the engine", LIMIT, |stats| stats["video"]["decoded"].as_u64() >= Some(1))
            .await
            .with_context(|| format!("call {call}"))?;
        calls::decodes_within(&alice, 1, LIMIT).await.with_context(|| format!("call {call}"))?;
        println!("call {call}, engine offers {engine_offers}: pictures on both sides after {:?}", begin.elapsed());
        browser.eval::<Value>("peer.hangUp()", vec![]).await?;
        alice.see_no_call().await?;
    }
    Ok(())
}
