//! A private PipeWire with WirePlumber: a virtual microphone and a virtual speaker.

use std::{
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{Environment, PrivateDbus, TempFolder, TestbedError, process, process::Process, variable};

/// What is played into the sink `mic_feed` comes out of the default source `mic` ("Test Microphone"); what is played to
/// the default sink `speaker` ("Test Speaker") can be recorded from its monitor. 48 kHz, blocks of about 10 ms.
#[derive(Debug)]
pub struct PrivatePipeWire {
    env: Environment,
    session_manager: Process,
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
        for program in ["pipewire", "wireplumber", "pw-metadata", "pw-cat", "pw-loopback"] {
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
        let (server, session_manager) = start_servers(&env, &folder)?;
        Ok(Self { env, session_manager, server, _bus: bus, folder })
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
        self.play_into("mic", wav)
    }

    /// As [`PrivatePipeWire::play_into_microphone`], for one that was plugged in.
    ///
    /// # Errors
    /// As [`PrivatePipeWire::play_into_microphone`].
    pub fn play_into(&self, microphone: &str, wav: &Path) -> Result<Process, TestbedError> {
        let mut command = private(Command::new("pw-cat"), &self.env);
        command.args(["--playback", "--latency=10ms", "--target", &format!("{microphone}_feed")]);
        command.args(["-P", "{ node.dont-reconnect=true }"]).arg(wav);
        Process::start(&mut command, &format!("pw-cat-play-{microphone}"), self.folder.path())
    }

    /// Records the speaker into a WAV file (48 kHz, mono, 16 bit) until dropped or interrupted.
    ///
    /// # Errors
    /// [`TestbedError`] when `pw-cat` cannot be started.
    pub fn record_speaker(&self, wav: &Path) -> Result<Process, TestbedError> {
        self.record("speaker", wav)
    }

    /// As [`PrivatePipeWire::record_speaker`], for one that was plugged in.
    ///
    /// # Errors
    /// As [`PrivatePipeWire::record_speaker`].
    pub fn record(&self, speaker: &str, wav: &Path) -> Result<Process, TestbedError> {
        let mut command = private(Command::new("pw-cat"), &self.env);
        command.args(["--record", "--latency=10ms", "--target", speaker]);
        command.args(["--rate=48000", "--channels=1", "--format=s16"]);
        command.args(["-P", "{ stream.capture.sink=true node.dont-reconnect=true }"]).arg(wav);
        Process::start(&mut command, &format!("pw-cat-record-{speaker}"), self.folder.path())
    }

    /// Ends the server, as if it had crashed.
    pub fn crash(&mut self) {
        self.server.kill();
    }

    /// Starts it again after a crash, with the same devices.
    ///
    /// # Errors
    /// As [`PrivatePipeWire::start`].
    pub fn restart(&mut self) -> Result<(), TestbedError> {
        self.session_manager.kill();
        self.server.kill();
        (self.server, self.session_manager) = start_servers(&self.env, &self.folder)?;
        Ok(())
    }

    /// Plugs in one more microphone, which hears silence. Dropping the handle unplugs it.
    ///
    /// # Errors
    /// [`TestbedError`] when `pw-loopback` does not start or the microphone does not appear.
    pub fn plug_microphone(&self, name: &str, description: &str) -> Result<Process, TestbedError> {
        let feed = format!("{{ media.class = Audio/Sink  node.name = {name}_feed  node.description = \"Feed\" }}");
        let source = device(name, description, "Audio/Source");
        self.plug(name, &feed, &source)
    }

    /// Plugs in one more speaker. Dropping the handle unplugs it.
    ///
    /// # Errors
    /// As [`PrivatePipeWire::plug_microphone`].
    pub fn plug_speaker(&self, name: &str, description: &str) -> Result<Process, TestbedError> {
        let nowhere = format!("{{ node.name = {name}_end  node.autoconnect = false }}");
        self.plug(name, &device(name, description, "Audio/Sink"), &nowhere)
    }

    fn plug(&self, name: &str, capture: &str, playback: &str) -> Result<Process, TestbedError> {
        let mut command = private(Command::new("pw-loopback"), &self.env);
        command.arg(format!("--capture-props={capture}")).arg(format!("--playback-props={playback}"));
        let mut plugged = Process::start(&mut command, &format!("pw-loopback-{name}"), self.folder.path())?;
        let wanted = format!("node.name = \"{name}\"");
        plugged.wait_until(PATIENCE, || {
            let nodes = process::output(private(Command::new("pw-cli"), &self.env).args(["list-objects", "Node"]));
            nodes.filter(|nodes| nodes.contains(&wanted)).map(drop)
        })?;
        Ok(plugged)
    }

    /// Makes another microphone the default, as a person does in the system's settings. Ends when it is.
    ///
    /// # Errors
    /// [`TestbedError::NotReady`] when the server does not obey.
    pub fn set_default_microphone(&self, name: &str) -> Result<(), TestbedError> {
        let deadline = Instant::now() + PATIENCE;
        choose_default(&self.env, SOURCE, name);
        while !is_default(&self.env, SOURCE, name) {
            if Instant::now() > deadline {
                let what = format!("choosing the microphone {name}");
                return Err(TestbedError::NotReady { what, said: self.session_manager.said() });
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
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

/// Ends when the defaults are there.
fn start_servers(env: &Environment, folder: &TempFolder) -> Result<(Process, Process), TestbedError> {
    let socket = folder.join("pipewire-0");
    // A server that crashed leaves its own behind.
    let _ = std::fs::remove_file(&socket);
    let mut server = Process::start(&mut private(Command::new("pipewire"), env), "pipewire", folder.path())?;
    server.wait_until(PATIENCE, || socket.exists().then_some(()))?;
    let mut session_manager =
        Process::start(&mut private(Command::new("wireplumber"), env), "wireplumber", folder.path())?;
    session_manager.wait_until(PATIENCE, || defaults_are_set(env).then_some(()))?;
    Ok((server, session_manager))
}

/// Properties of a node that programs take for a device.
fn device(name: &str, description: &str, class: &str) -> String {
    format!(
        "{{ media.class = {class}  node.name = {name}  node.description = \"{description}\"  priority.session = 100 }}"
    )
}

/// A command that sees this server only.
fn private(mut command: Command, env: &Environment) -> Command {
    for other in ["DISPLAY", "PULSE_SERVER", "PIPEWIRE_REMOTE", "PIPEWIRE_RUNTIME_DIR"] {
        command.env_remove(other);
    }
    command.envs(env.iter().cloned()).stdin(Stdio::null());
    command
}

const SOURCE: &str = "audio.source";
const SINK: &str = "audio.sink";

/// Chooses our devices and says whether the session manager agrees.
fn defaults_are_set(env: &Environment) -> bool {
    if is_default(env, SOURCE, "mic") && is_default(env, SINK, "speaker") {
        return true;
    }
    choose_default(env, SOURCE, "mic");
    choose_default(env, SINK, "speaker");
    false
}

/// The session manager takes in only what is marked as JSON, and leaves everything else in the list without obeying.
fn choose_default(env: &Environment, kind: &str, name: &str) {
    let (key, value) = (format!("default.configured.{kind}"), format!("{{ \"name\": \"{name}\" }}"));
    let mut command = private(Command::new("pw-metadata"), env);
    // Whoever chooses looks whether it was done.
    let _ = process::output(command.args(["0", &key, &value, "Spa:String:JSON"]));
}

fn is_default(env: &Environment, kind: &str, name: &str) -> bool {
    let (key, value) = (format!("'default.{kind}'"), format!("{{\"name\":\"{name}\"}}"));
    let listed = process::output(&mut private(Command::new("pw-metadata"), env)).unwrap_or_default();
    listed.lines().any(|line| line.contains(&key) && line.replace(' ', "").contains(&value))
}
