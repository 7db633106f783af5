//! A call with real devices: what goes into one machine's microphone and camera comes out of the other's speaker and screen,
//! also while devices are pulled and put back.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use e2e::bot::{Bot, BotOptions};
use e2e::relay::Relay;
use e2e::sound;
use testbed::{FakeCamera, FakeCameraOptions, PrivatePipeWire};

/// The camera's pattern, in RGB: its left half is Y 80 U 100 V 180, its right half Y 180 U 150 V 90.
const LEFT: [f64; 3] = [157.0, 43.0, 18.0];
const RIGHT: [f64; 3] = [130.0, 213.0, 235.0];

/// Seconds, more than any of these tests takes: such a call ends with its bots.
const LONG: u32 = 300;

/// How long sound may take to come, on a machine that builds at the same time.
const PATIENCE: Duration = Duration::from_secs(40);

/// Waits until the last second of a recording that is under way holds this tone.
fn wait_to_hear(recording: &Path, hz: f64) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !hears(recording, hz) {
        ensure!(Instant::now() < deadline, "{} did not hold {hz} Hz within {PATIENCE:?}", recording.display());
        std::thread::sleep(Duration::from_millis(200));
    }
    Ok(())
}

fn hears(recording: &Path, hz: f64) -> bool {
    // The recorder makes the file a moment after its start.
    let last_second = sound::read_last_second(recording).unwrap_or_default();
    sound::stretches_with_tone(&last_second, hz, 0.1) == 2
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tone_and_picture_of_real_devices_reach_the_other_side() -> Result<()> {
    let _turn = e2e::turn().await;
    const SECONDS: u32 = 10;
    let relay = Relay::start().await?;
    let sounds = PrivatePipeWire::start()?;
    let camera = FakeCamera::build(&FakeCameraOptions::default())?;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_goes_on_while_microphone_and_camera_are_pulled_and_put_back() -> Result<()> {
    let _turn = e2e::turn().await;
    const HEADSET_HZ: f64 = 1_000.0;
    const INSIDE_HZ: f64 = 600.0;
    let relay = Relay::start().await?;
    let sounds = PrivatePipeWire::start()?;
    let camera = FakeCamera::build(&FakeCameraOptions::default())?;
    let dir = tempfile::tempdir()?;
    let [inside, outside, recording] = ["inside.wav", "outside.wav", "heard.wav"].map(|name| dir.path().join(name));
    sound::write_tone(&inside, INSIDE_HZ, 0.4, LONG)?;
    sound::write_tone(&outside, HEADSET_HZ, 0.4, LONG)?;
    let headset = sounds.plug_microphone("headset", "Headset")?;
    let into_headset = sounds.play_into("headset", &outside)?;
    let _into_inside = sounds.play_into_microphone(&inside)?;
    let _recorder = sounds.record_speaker(&recording)?;
    let listener = BotOptions {
        microphone: "silence".to_owned(),
        speaker: "device".to_owned(),
        env: sounds.env(),
        watch: true,
        ..BotOptions::new("Bea", LONG)
    };
    let speaker = BotOptions {
        camera: "device".to_owned(),
        microphone: "device:pipewire:headset".to_owned(),
        env: [sounds.env(), camera.env()].concat(),
        watch: true,
        ..BotOptions::new("Ada", LONG).dialling("Bea")
    };
    let mut bea = Bot::start(&relay.url, listener)?;
    let mut ada = Bot::start(&relay.url, speaker)?;
    wait_to_hear(&recording, HEADSET_HZ)?;
    bea.wait_for_flow("pictures", 5..)?;

    drop((into_headset, headset));
    ada.wait_for("notice microphone_replaced | Headset | ")?;
    wait_to_hear(&recording, INSIDE_HZ)?;
    let _headset = sounds.plug_microphone("headset", "Headset")?;
    let _into_headset = sounds.play_into("headset", &outside)?;
    ada.wait_for("notice microphone_using | Headset | -")?;
    wait_to_hear(&recording, HEADSET_HZ)?;

    camera.unplug()?;
    ada.wait_for("notice camera_gone | Test Camera | -")?;
    bea.wait_for_flow("pictures", 0..=0)?;
    camera.resume()?;
    ada.wait_for("notice camera_using | Test Camera | -")?;
    bea.wait_for_flow("pictures", 5..)?;
    wait_to_hear(&recording, HEADSET_HZ)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_moves_to_another_loudspeaker_while_the_chosen_one_is_away() -> Result<()> {
    let _turn = e2e::turn().await;
    const TONE_HZ: f64 = 1_000.0;
    let relay = Relay::start().await?;
    let sounds = PrivatePipeWire::start()?;
    let dir = tempfile::tempdir()?;
    let [tone, standard, before, after] =
        ["tone.wav", "standard.wav", "before.wav", "after.wav"].map(|name| dir.path().join(name));
    sound::write_tone(&tone, TONE_HZ, 0.4, LONG)?;
    let speaker = sounds.plug_speaker("box", "Box")?;
    let recorder = sounds.record("box", &before)?;
    let _recorder_of_standard = sounds.record_speaker(&standard)?;
    let options = |name: &str| BotOptions { camera: "none".to_owned(), watch: true, ..BotOptions::new(name, LONG) };
    let listener = BotOptions { speaker: "device:pipewire:box".to_owned(), env: sounds.env(), ..options("Bea") };
    let talker = BotOptions { microphone: format!("file:{}", tone.display()), ..options("Ada").dialling("Bea") };
    let mut bea = Bot::start(&relay.url, listener)?;
    let _ada = Bot::start(&relay.url, talker)?;
    wait_to_hear(&before, TONE_HZ)?;
    ensure!(!hears(&standard, TONE_HZ), "both loudspeakers play");

    drop((recorder, speaker));
    bea.wait_for("notice speaker_replaced | Box | ")?;
    wait_to_hear(&standard, TONE_HZ)?;
    let _speaker = sounds.plug_speaker("box", "Box")?;
    let _recorder = sounds.record("box", &after)?;
    bea.wait_for("notice speaker_using | Box | -")?;
    wait_to_hear(&after, TONE_HZ)?;
    bea.wait_for_flow("sounds", 10..)
}

/// The sound server does not run and nothing is plugged in; later both come.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_joined_without_any_device_and_takes_what_is_plugged_in() -> Result<()> {
    let _turn = e2e::turn().await;
    const TONE_HZ: f64 = 1_000.0;
    let relay = Relay::start().await?;
    let mut sounds = PrivatePipeWire::start()?;
    let camera = FakeCamera::build(&FakeCameraOptions::default())?;
    let dir = tempfile::tempdir()?;
    let (tone, recording) = (dir.path().join("tone.wav"), dir.path().join("heard.wav"));
    sound::write_tone(&tone, TONE_HZ, 0.4, LONG)?;
    sounds.crash();
    camera.unplug()?;
    let other =
        BotOptions { microphone: format!("file:{}", tone.display()), watch: true, ..BotOptions::new("Bea", LONG) };
    let joiner = BotOptions {
        camera: "device".to_owned(),
        microphone: "device".to_owned(),
        speaker: "device".to_owned(),
        env: [sounds.env(), camera.env()].concat(),
        watch: true,
        ..BotOptions::new("Ada", LONG).dialling("Bea")
    };
    let mut bea = Bot::start(&relay.url, other)?;
    let mut ada = Bot::start(&relay.url, joiner)?;
    ada.wait_for("problems=[camera notfound (-), microphone notfound (-), speaker notfound (-)]")?;
    ada.wait_for_flow("pictures", 5..)?;
    ada.wait_for_flow("sounds", 10..)?;
    bea.wait_for_flow("pictures", 0..=0)?;

    sounds.restart()?;
    let _recorder = sounds.record_speaker(&recording)?;
    let _playing = sounds.play_into_microphone(&tone)?;
    camera.resume()?;
    ada.wait_for("problems=[]")?;
    wait_to_hear(&recording, TONE_HZ)?;
    bea.wait_for_flow("pictures", 5..)?;
    bea.wait_for_flow("sounds", 10..)
}
