//! Devices that vanish, hang, are taken, and come back: what a person is told, and that all heals by itself.
//!
//! `parley-bot devices` runs as a child that sees a private sound server and a software camera only.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use testbed::{Environment, FakeCamera, FakeCameraOptions, PrivatePipeWire, PrivatePulse};

/// On a machine that builds at the same time.
const PATIENCE: Duration = Duration::from_secs(40);

/// The bot, testing the devices that its environment shows it. Killed when dropped.
struct Bot {
    child: Child,
    lines: Receiver<String>,
    said: Vec<String>,
    _data: tempfile::TempDir,
}

impl Bot {
    fn start(env: &Environment, choices: &[&str]) -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let mut command = Command::new(env!("CARGO_BIN_EXE_parley-bot"));
        for inherited in ["DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "PULSE_SERVER", "PIPEWIRE_REMOTE", "XDG_RUNTIME_DIR"] {
            command.env_remove(inherited);
        }
        command.arg("devices").arg("--data-dir").arg(data.path()).envs(env.iter().cloned());
        command.args(choices.iter().flat_map(|choice| ["--choose", choice]));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the bot starts");
        let out = BufReader::new(child.stdout.take().expect("its output is piped"));
        let (sender, lines) = channel();
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, lines, said: Vec::new(), _data: data }
    }

    /// Waits for a line of which `wanted` is true; those before it are passed over.
    fn wait(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let Ok(line) = self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) else {
                let tail = &self.said[self.said.len().saturating_sub(25)..];
                panic!("{what} did not come within {PATIENCE:?}; the bot said last: {tail:#?}");
            };
            let found = wanted(&line);
            // One level of many in a row says enough.
            let is_level = |line: &String| line.starts_with("level ");
            self.said.pop_if(|last| is_level(last) && is_level(&line));
            self.said.push(line.clone());
            if found {
                return line;
            }
        }
    }

    fn wait_for(&mut self, text: &str) -> String {
        self.wait(text, |line| line.contains(text))
    }

    /// Waits for lines with these texts, in any order: what is said and what is shown come apart.
    fn wait_for_all(&mut self, texts: &[&str]) {
        let mut missing = texts.to_vec();
        while !missing.is_empty() {
            let line = self.wait(&format!("{missing:?}"), |line| missing.iter().any(|text| line.contains(text)));
            missing.retain(|text| !line.contains(text));
        }
    }

    /// The devices are in this state: camera and problems.
    fn wait_for_state(&mut self, picture: &str, problems: &str) -> String {
        self.wait_for(&format!("devices picture={picture} problems=[{problems}]"))
    }

    /// The microphone delivers something as loud as this.
    fn wait_for_level(&mut self, least: f32) {
        self.wait("sound", |line| {
            line.strip_prefix("level ").is_some_and(|level| level.parse::<f32>().is_ok_and(|level| level >= least))
        });
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn pipewire() -> PrivatePipeWire {
    PrivatePipeWire::start().unwrap_or_else(|error| panic!("{error}"))
}

fn pulse() -> PrivatePulse {
    PrivatePulse::start().unwrap_or_else(|error| panic!("{error}"))
}

fn camera(options: &FakeCameraOptions) -> FakeCamera {
    FakeCamera::build(options).unwrap_or_else(|error| panic!("{error}"))
}

/// Two minutes of a loud 480 Hz square wave.
fn write_sound(path: &Path) {
    let (rate, seconds) = (48_000_u32, 120_u32);
    let bytes = rate * seconds * 2;
    let mut wav = Vec::with_capacity(44 + bytes as usize);
    wav.extend(b"RIFF");
    wav.extend((36 + bytes).to_le_bytes());
    wav.extend(b"WAVEfmt ");
    wav.extend(16_u32.to_le_bytes());
    wav.extend([1, 0, 1, 0]);
    wav.extend(rate.to_le_bytes());
    wav.extend((rate * 2).to_le_bytes());
    wav.extend([2, 0, 16, 0]);
    wav.extend(b"data");
    wav.extend(bytes.to_le_bytes());
    wav.extend((0..rate * seconds).flat_map(|n| if n / 50 % 2 == 0 { 12_000_i16 } else { -12_000 }.to_le_bytes()));
    std::fs::write(path, wav).expect("the folder is ours");
}

#[test]
fn a_chosen_microphone_of_pipewire_is_replaced_while_it_is_away() {
    let server = pipewire();
    let headset = server.plug_microphone("headset", "Headset").unwrap();
    let mut bot = Bot::start(&server.env(), &["microphone=pipewire:headset"]);
    bot.wait_for("level ");
    bot.wait_for("Headset");
    drop(headset);
    bot.wait_for("notice microphone_replaced | Headset | ");
    bot.wait_for("level ");
    let _headset = server.plug_microphone("headset", "Headset").unwrap();
    bot.wait_for("notice microphone_using | Headset | -");
    bot.wait_for("level ");
}

/// The server moves the stream to another microphone and tells nobody.
#[test]
fn a_chosen_microphone_of_pulseaudio_is_replaced_while_it_is_away() {
    let server = pulse();
    let headset = server.plug_microphone("headset", "Headset").unwrap();
    let mut bot = Bot::start(&server.env(), &["microphone=pulseaudio:headset"]);
    bot.wait_for("level ");
    bot.wait_for("Headset");
    server.unplug(headset).unwrap();
    bot.wait_for("notice microphone_replaced | Headset | Test Microphone");
    bot.wait_for("level ");
    let _headset = server.plug_microphone("headset", "Headset").unwrap();
    bot.wait_for("notice microphone_using | Headset | -");
}

#[test]
fn another_default_of_pulseaudio_is_followed() {
    let (server, dir) = (pulse(), tempfile::tempdir().unwrap());
    let _desk = server.plug_microphone("desk", "Desk Microphone").unwrap();
    server.set_default_microphone("desk").unwrap();
    let sound = dir.path().join("sound.wav");
    write_sound(&sound);
    let _playing = server.play_into_microphone(&sound).unwrap();
    another_default_is_followed(&server.env(), || server.set_default_microphone("mic").unwrap());
}

#[test]
fn another_default_of_pipewire_is_followed() {
    let (server, dir) = (pipewire(), tempfile::tempdir().unwrap());
    let _desk = server.plug_microphone("desk", "Desk Microphone").unwrap();
    server.set_default_microphone("desk").unwrap();
    let sound = dir.path().join("sound.wav");
    write_sound(&sound);
    let _playing = server.play_into_microphone(&sound).unwrap();
    another_default_is_followed(&server.env(), || server.set_default_microphone("mic").unwrap());
}

/// From the silent desk microphone to the test microphone, into which sound plays.
fn another_default_is_followed(env: &Environment, set_default: impl FnOnce()) {
    let mut bot = Bot::start(env, &[]);
    bot.wait_for("Desk Microphone*");
    // It is open and hears: a level of nothing might come from before that.
    bot.wait_for("microphone silent (desk microphone)");
    bot.wait_for("level 0.000");
    set_default();
    bot.wait_for("notice microphone_using | Test Microphone | -");
    bot.wait_for_level(0.1);
}

#[test]
fn a_restarted_pipewire_is_found_again() {
    let mut server = pipewire();
    let mut bot = Bot::start(&server.env(), &[]);
    bot.wait_for("Test Microphone*");
    server.crash();
    // A microphone that fails is noticed before the server is: one that is back by then need not be told of.
    bot.wait_for_all(&["notice sound_gone | - | -", "microphone "]);
    server.restart().unwrap();
    bot.wait("the return", |line| line.starts_with("devices") && !line.contains("microphone "));
    bot.wait_for("level ");
    let notices: Vec<_> = bot.said.iter().filter(|line| line.starts_with("notice ")).collect();
    assert_eq!(notices, ["notice sound_gone | - | -"], "{:#?}", bot.said);
}

#[test]
fn a_restarted_pulseaudio_is_found_again() {
    let mut server = pulse();
    let mut bot = Bot::start(&server.env(), &["microphone=pulseaudio:mic"]);
    bot.wait_for("level ");
    bot.wait_for("Test Microphone");
    server.crash();
    bot.wait("the loss", |line| line.contains("microphone gone (") || line.contains("microphone notfound ("));
    // Long enough to be looked for elsewhere.
    std::thread::sleep(Duration::from_secs(3));
    server.restart().unwrap();
    bot.wait("the return", |line| line.starts_with("devices") && !line.contains("microphone "));
    bot.wait_for("level ");
    let replaced = bot.said.iter().find(|line| line.contains("replaced"));
    assert_eq!(replaced, None, "ALSA would keep the sound cards from the server that returns");
}

#[test]
fn a_microphone_that_delivers_zeros_is_called_silent_until_it_is_heard() {
    let (server, dir) = (pipewire(), tempfile::tempdir().unwrap());
    let mut bot = Bot::start(&server.env(), &["microphone=pipewire:mic"]);
    bot.wait_for("microphone silent (test microphone)");
    let sound = dir.path().join("sound.wav");
    write_sound(&sound);
    let _playing = server.play_into_microphone(&sound).unwrap();
    bot.wait("the end of silence", |line| line.starts_with("devices") && !line.contains("silent"));
    bot.wait_for_level(0.1);
}

#[test]
fn an_unplugged_camera_is_gone_by_name_and_comes_back_in_another_size() {
    let camera = camera(&FakeCameraOptions::default());
    let mut bot = Bot::start(&camera.env(), &[]);
    bot.wait_for("picture=on");
    camera.unplug().unwrap();
    bot.wait_for_all(&["camera gone (test camera)", "notice camera_gone | Test Camera | -"]);
    camera.offer_only(800, 600).unwrap();
    bot.wait_for("picture=on");
}

#[test]
fn a_camera_that_hangs_is_told_and_heals() {
    let camera = camera(&FakeCameraOptions::default());
    let mut bot = Bot::start(&camera.env(), &[]);
    bot.wait_for("picture=on");
    camera.stall().unwrap();
    bot.wait_for("camera stalled (test camera)");
    camera.resume().unwrap();
    bot.wait("the picture", |line| line.contains("picture=on") && !line.contains("[camera"));
}

/// The supervisor opens a hanging camera again and again; each attempt has to let go of it.
#[test]
fn a_camera_that_hangs_for_long_is_free_again_when_it_heals() {
    let camera = camera(&FakeCameraOptions::default());
    let mut bot = Bot::start(&camera.env(), &[]);
    bot.wait_for("picture=on");
    camera.stall().unwrap();
    bot.wait_for("camera failed (test camera)");
    camera.resume().unwrap();
    bot.wait("the picture", |line| line.contains("picture=on") && !line.contains("[camera"));
}

#[test]
fn a_camera_in_use_elsewhere_is_taken_when_it_is_free() {
    let camera = camera(&FakeCameraOptions::default());
    let other = camera.occupy().unwrap();
    let mut bot = Bot::start(&camera.env(), &[]);
    bot.wait_for("camera busy (test camera)");
    drop(other);
    bot.wait("the picture", |line| line.contains("picture=on") && !line.contains("[camera"));
}

#[test]
fn a_machine_without_devices_says_so_and_takes_what_is_plugged_in() {
    let camera = camera(&FakeCameraOptions::default());
    camera.unplug().unwrap();
    let mut bot = Bot::start(&camera.env(), &[]);
    bot.wait_for_state("off", "camera notfound (-), microphone notfound (-)");
    camera.resume().unwrap();
    bot.wait_for_state("on", "microphone notfound (-)");
}
