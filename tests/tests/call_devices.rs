//! A call with real devices: what goes into one machine's microphone and camera comes out of the other's speaker and screen.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::bot::{Bot, BotOptions};
use e2e::relay::Relay;
use e2e::sound;
use testbed::{FakeCamera, FakeCameraOptions, PrivatePipeWire};

/// The camera's pattern, in RGB: its left half is Y 80 U 100 V 180, its right half Y 180 U 150 V 90.
const LEFT: [f64; 3] = [157.0, 43.0, 18.0];
const RIGHT: [f64; 3] = [130.0, 213.0, 235.0];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tone_and_picture_of_real_devices_reach_the_other_side() -> Result<()> {
    let _turn = e2e::turn().await;
    const SECONDS: u32 = 8;
    let relay = Relay::start().await?;
    let sounds = PrivatePipeWire::start()?;
    let camera = FakeCamera::build(&FakeCamera::source(), &FakeCameraOptions::default())?;
    let dir = tempfile::tempdir()?;
    let (tone, recording) = (dir.path().join("tone.wav"), dir.path().join("heard.wav"));
    sound::write_tone(&tone, 1_000.0, 0.4, 120)?;

    let listener = BotOptions {
        microphone: "silence".to_owned(),
        speaker: "device".to_owned(),
        env: sounds.env(),
        ..BotOptions::new("Bea", SECONDS)
    };
    let speaker = BotOptions {
        camera: "device".to_owned(),
        microphone: "device".to_owned(),
        env: [sounds.env(), camera.env()].concat(),
        ..BotOptions::new("Ada", SECONDS).dialling("Bea")
    };
    let heard = sounds.record_speaker(&recording)?;
    let playing = sounds.play_into_microphone(&tone)?;
    let bea = Bot::start(&relay.url, listener)?;
    let ada = Bot::start(&relay.url, speaker)?;

    let (ada, bea) = tokio::task::spawn_blocking(|| (ada.finish(), bea.finish())).await?;
    let (ada, bea) = (ada?, bea?);
    drop((heard, playing));

    let samples = sound::read_recording(&recording)?;
    let stretches = sound::stretches_with_tone(&samples, 1_000.0, 0.1);
    ensure!(stretches >= 8, "the tone was heard in {stretches} half seconds of {}", samples.len() / 24_000);

    let picture = bea.picture()?;
    ensure!(picture.width >= 320, "the picture is {} wide", picture.width);
    // The white square moves through the middle; the corners below it are plain.
    for (side, across, wanted) in [("left", 0.02..0.3, LEFT), ("right", 0.7..0.98, RIGHT)] {
        let colour = picture.mean(across, 0.8..0.98);
        let off = colour.iter().zip(wanted).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        ensure!(off < 30.0, "the {side} half is {colour:?}, not {wanted:?}");
    }
    let captured = ada.figures["video"]["captured"].as_u64().unwrap_or_default();
    ensure!(captured > u64::from(SECONDS) * 10, "only {captured} pictures were captured: {}", ada.figures);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_microphone_is_heard_as_silence() -> Result<()> {
    let _turn = e2e::turn().await;
    let relay = Relay::start().await?;
    let sounds = PrivatePipeWire::start()?;
    let dir = tempfile::tempdir()?;
    let recording = dir.path().join("heard.wav");
    let options = |name: &str| BotOptions {
        camera: "none".to_owned(),
        microphone: "device".to_owned(),
        speaker: "device".to_owned(),
        env: sounds.env(),
        ..BotOptions::new(name, 4)
    };
    let heard = sounds.record_speaker(&recording)?;
    let bea = Bot::start(&relay.url, options("Bea"))?;
    let ada = Bot::start(&relay.url, options("Ada").dialling("Bea"))?;
    let (ada, bea) = tokio::task::spawn_blocking(|| (ada.finish(), bea.finish())).await?;
    ada?;
    bea?;
    drop(heard);
    let samples = sound::read_recording(&recording)?;
    ensure!(samples.len() > 48_000 * 2, "{} samples were recorded in {:?}", samples.len(), Duration::from_secs(4));
    let loudest = samples.iter().fold(0.0, |loudest: f64, sample| loudest.max(sample.abs()));
    ensure!(loudest < 0.05, "something as loud as {loudest} was heard");
    Ok(())
}
