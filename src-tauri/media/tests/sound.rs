//! The microphone and speaker paths on real sound servers: cpal in a child process that sees a private server only.

mod probe;

use std::{path::Path, time::Duration};

use probe::{Probe, number};
use testbed::{Environment, PrivatePipeWire, PrivatePulse, TempFolder};

const PATIENCE: Duration = Duration::from_secs(20);

fn pipewire() -> PrivatePipeWire {
    PrivatePipeWire::start().unwrap_or_else(|error| panic!("{error}"))
}

fn pulse() -> PrivatePulse {
    PrivatePulse::start().unwrap_or_else(|error| panic!("{error}"))
}

/// Thirty seconds of 1 kHz at half of full scale.
fn write_tone(path: &Path) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 48_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec).expect("the folder is ours");
    for n in 0..48_000 * 30 {
        let turns = f64::from(n % 48) / 48.0;
        writer.write_sample(((turns * std::f64::consts::TAU).sin() * 16_384.0) as i16).expect("the folder is ours");
    }
    writer.finalize().expect("the folder is ours");
}

/// How well a tone must be heard.
#[derive(Clone, Copy)]
enum Tone {
    /// As loud as it was played: no gap in a quarter of a second.
    Whole,
    /// Gaps are allowed: PulseAudio at 10 ms cannot keep up on a busy machine.
    Recognised,
}

/// Waits until the probe hears the tone, and nothing beside it.
fn assert_hears(tone: Tone, probe: &mut Probe) {
    let heard = probe.wait("the tone", PATIENCE, |line| {
        let amplitude = line.starts_with("heard ").then(|| number(line, "heard"))?;
        let enough = match tone {
            Tone::Whole => (amplitude - 0.5).abs() < 0.02,
            Tone::Recognised => amplitude > 0.05 && amplitude > 20.0 * number(line, "other"),
        };
        enough.then(|| line.to_owned())
    });
    assert!(number(&heard, "other") < 0.02, "{heard}");
    assert!(number(&heard, "age") < 300.0, "{heard}");
}

/// The probe plays its tone, another probe listens at the speaker's monitor.
fn assert_tone_comes_out(tone: Tone, env: &Environment, monitor: &str) {
    let mut player = Probe::start(&["speaker"], env.clone());
    player.wait_for("started ", PATIENCE);
    let mut listener = Probe::start(&["microphone", monitor], env.clone());
    assert_hears(tone, &mut listener);
    let played = player.wait_for("played ", PATIENCE);
    assert!(number(&played, "ahead") < 300.0, "{played}");
}

#[test]
fn pipewire_devices_have_human_names() {
    let server = pipewire();
    let mut probe = Probe::start(&["list"], server.env());
    let mut listed = Vec::new();
    probe.wait("the end", PATIENCE, |line| {
        listed.push(line.to_owned());
        line.starts_with("dropped").then_some(())
    });
    let named =
        |kind: &str, name: &str| listed.iter().filter(|line| line.starts_with(kind) && line.contains(name)).count();
    assert_eq!((named("Microphone", "Test Microphone"), named("Speaker", "Test Speaker")), (1, 1), "{listed:#?}");
    assert_eq!((named("Microphone", "|default"), named("Speaker", "|default")), (1, 1), "{listed:#?}");
    assert_eq!(named("Microphone", "Test Speaker"), 0, "a monitor is no microphone: {listed:#?}");
}

#[test]
fn pipewire_microphone_hears_a_tone_and_silence() {
    let (server, folder) = (pipewire(), TempFolder::new("tone").unwrap());
    let wav = folder.join("tone.wav");
    write_tone(&wav);
    let mut probe = Probe::start(&["microphone"], server.env());
    probe.wait_for("started ", PATIENCE);
    let quiet = probe.wait_for("heard ", PATIENCE);
    assert!(quiet.starts_with("0.00"), "{quiet}");
    let _playing = server.play_into_microphone(&wav).unwrap();
    assert_hears(Tone::Whole, &mut probe);
    assert!(probe.finish() < 200);
}

#[test]
fn pipewire_speaker_plays_a_tone() {
    assert_tone_comes_out(Tone::Whole, &pipewire().env(), "pipewire:speaker");
}

#[test]
fn dead_pipewire_is_told() {
    let mut server = pipewire();
    let mut microphone = Probe::start(&["microphone"], server.env());
    let mut speaker = Probe::start(&["speaker"], server.env());
    microphone.wait_for("heard ", PATIENCE);
    speaker.wait_for("played ", PATIENCE);
    server.crash();
    assert_eq!(microphone.wait_for("failed ", PATIENCE), "Gone");
    assert_eq!(speaker.wait_for("failed ", PATIENCE), "Gone");
}

#[test]
fn unknown_devices_are_not_found() {
    let server = pipewire();
    for what in ["microphone", "speaker"] {
        for id in ["pipewire:no-such-device", "nonsense"] {
            assert_eq!(Probe::start(&[what, id], server.env()).wait_for("failed ", PATIENCE), "NotFound");
        }
    }
}

#[test]
fn pulse_microphone_hears_a_tone_and_its_speaker_plays_one() {
    let (mut server, folder) = (pulse(), TempFolder::new("tone").unwrap());
    let wav = folder.join("tone.wav");
    write_tone(&wav);
    let mut probe = Probe::start(&["microphone"], server.env());
    probe.wait_for("started ", PATIENCE);
    let playing = server.play_into_microphone(&wav).unwrap();
    assert_hears(Tone::Recognised, &mut probe);
    drop(playing);
    assert_tone_comes_out(Tone::Recognised, &server.env(), "pulseaudio:speaker.monitor");
    server.crash();
    assert_eq!(probe.wait_for("failed ", PATIENCE), "Gone");
}
