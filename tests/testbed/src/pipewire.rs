//! A private PipeWire with WirePlumber: a virtual microphone and a virtual speaker.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use crate::{Environment, PrivateDbus, TempFolder, TestbedError, process, process::Process, variable};

/// What is played into the sink `mic_feed` comes out of the default source `mic` ("Test Microphone"); what is played to
/// the default sink `speaker` ("Test Speaker") can be recorded from its monitor. 48 kHz, blocks of about 10 ms.
#[derive(Debug)]
pub struct PrivatePipeWire {
    env: Environment,
    _session_manager: Process,
    server: Process,
    _bus: PrivateDbus,
    folder: TempFolder,
}

const CONFIG: &str = r#"
context.properties = {
  default.clock.rate = 48000  default.clock.quantum = 512  default.clock.min-quantum = 128  default.clock.max-quantum = 1024
}
context.objects = [
  { factory = adapter  args = {
      factory.name = support.null-audio-sink  node.name = speaker  node.description = "Test Speaker"
      media.class = Audio/Sink  audio.position = [ FL FR ]  object.linger = true  priority.session = 2000 } }
]
context.modules = [
  # A null sink with class Audio/Source gives no data, and Audio/Source/Virtual is not listed to programs: a loopback is both.
  { name = libpipewire-module-loopback  args = {
      node.description = "Test Microphone"  audio.position = [ FL FR ]
      capture.props = { node.name = mic_feed  node.description = "Microphone Feed"  media.class = Audio/Sink  priority.session = 10 }
      playback.props = { node.name = mic  node.description = "Test Microphone"  media.class = Audio/Source  priority.session = 2000 } } }
]
"#;

const PATIENCE: Duration = Duration::from_secs(20);

impl PrivatePipeWire {
    /// Starts the servers and waits until both devices are the defaults.
    ///
    /// # Errors
    /// [`TestbedError`] when `pipewire`, `wireplumber` or `pw-metadata` is missing or does not start.
    pub fn start() -> Result<Self, TestbedError> {
        for program in ["pipewire", "wireplumber", "pw-metadata", "pw-cat"] {
            process::require(program)?;
        }
        let bus = PrivateDbus::start()?;
        let folder = TempFolder::new("pw")?;
        let config = folder.make("config/pipewire/pipewire.conf.d")?;
        std::fs::write(config.join("50-test.conf"), CONFIG)?;
        let mut env = bus.env();
        env.push(variable("XDG_RUNTIME_DIR", folder.path()));
        env.push(variable("XDG_CONFIG_HOME", folder.join("config")));
        env.push(variable("XDG_STATE_HOME", folder.make("state")?));
        let mut server = Process::start(&mut private(Command::new("pipewire"), &env), "pipewire", folder.path())?;
        let socket = folder.join("pipewire-0");
        server.wait_until(PATIENCE, || socket.exists().then_some(()))?;
        let mut session_manager =
            Process::start(&mut private(Command::new("wireplumber"), &env), "wireplumber", folder.path())?;
        session_manager.wait_until(PATIENCE, || defaults_are_set(&env).then_some(()))?;
        Ok(Self { env, _session_manager: session_manager, server, _bus: bus, folder })
    }

    /// What a program needs to find this server and no other.
    pub fn env(&self) -> Environment {
        self.env.clone()
    }

    /// Plays a WAV file into the microphone, once. Ends early when dropped.
    ///
    /// # Errors
    /// [`TestbedError`] when `pw-cat` cannot be started.
    pub fn play_into_microphone(&self, wav: &Path) -> Result<Process, TestbedError> {
        let mut command = private(Command::new("pw-cat"), &self.env);
        command.args(["--playback", "--latency=10ms", "--target", "mic_feed"]).arg(wav);
        Process::start(&mut command, "pw-cat-play", self.folder.path())
    }

    /// Records the speaker into a WAV file (48 kHz, mono, 16 bit) until dropped or interrupted.
    ///
    /// # Errors
    /// [`TestbedError`] when `pw-cat` cannot be started.
    pub fn record_speaker(&self, wav: &Path) -> Result<Process, TestbedError> {
        let mut command = private(Command::new("pw-cat"), &self.env);
        command.args([
            "--record",
            "--latency=10ms",
            "--target",
            "speaker",
            "--rate=48000",
            "--channels=1",
            "--format=s16",
        ]);
        command.args(["-P", "{ stream.capture.sink=true }"]).arg(wav);
        Process::start(&mut command, "pw-cat-record", self.folder.path())
    }

    /// Ends the server, as if it had crashed.
    pub fn crash(&mut self) {
        self.server.kill();
    }

    /// Takes the microphone away, as if it had been unplugged. It does not come back.
    ///
    /// # Errors
    /// [`TestbedError::NotReady`] when the server does not obey.
    pub fn unplug_microphone(&self) -> Result<(), TestbedError> {
        let mut command = private(Command::new("pw-cli"), &self.env);
        command.args(["destroy", "mic"]);
        process::output(&mut command).map(drop).ok_or_else(|| TestbedError::NotReady {
            what: "unplugging the microphone".to_owned(),
            said: self.server.said(),
        })
    }
}

/// A command that sees this server only.
fn private(mut command: Command, env: &Environment) -> Command {
    for other in ["DISPLAY", "PULSE_SERVER", "PIPEWIRE_REMOTE", "PIPEWIRE_RUNTIME_DIR"] {
        command.env_remove(other);
    }
    command.envs(env.iter().cloned()).stdin(Stdio::null());
    command
}

/// Chooses our devices and says whether the session manager agrees.
fn defaults_are_set(env: &Environment) -> bool {
    let metadata = |arguments: &[&str]| process::output(private(Command::new("pw-metadata"), env).args(arguments));
    let Some(listed) = metadata(&[]) else { return false };
    let is_default = |key: &str, name: &str| {
        let value = format!("{{\"name\":\"{name}\"}}");
        listed.lines().any(|line| line.contains(&format!("'{key}'")) && line.replace(' ', "").contains(&value))
    };
    if is_default("default.audio.source", "mic") && is_default("default.audio.sink", "speaker") {
        return true;
    }
    if listed.contains("default.audio.source") {
        metadata(&["0", "default.configured.audio.source", "{ \"name\": \"mic\" }"]);
        metadata(&["0", "default.configured.audio.sink", "{ \"name\": \"speaker\" }"]);
    }
    false
}
