//! A private PulseAudio: a virtual microphone and a virtual speaker, for the hosts that speak its protocol or ALSA.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use crate::{Environment, TempFolder, TestbedError, process, process::Process, variable};

/// The same devices as [`crate::PrivatePipeWire`] has: `mic_feed` feeds the default source `mic`, `speaker` is the default
/// sink. ALSA's default device leads here too.
#[derive(Debug)]
pub struct PrivatePulse {
    env: Environment,
    keep_alive: Vec<Process>,
    server: Process,
    folder: TempFolder,
}

const PATIENCE: Duration = Duration::from_secs(20);

impl PrivatePulse {
    /// Starts the server and waits until both devices are there.
    ///
    /// # Errors
    /// [`TestbedError`] when `pulseaudio`, `pactl`, `pacat` or `parec` is missing or does not start.
    pub fn start() -> Result<Self, TestbedError> {
        for program in ["pulseaudio", "pactl", "pacat", "parec"] {
            process::require(program)?;
        }
        let folder = TempFolder::new("pa")?;
        let socket = folder.join("pulse.sock");
        folder.write(SCRIPT, &script(&socket.to_string_lossy()))?;
        folder.make("home")?;
        let alsa = folder.write("alsa.conf", ALSA_CONFIG)?;
        let mut env = vec![("PULSE_SERVER".to_owned(), format!("unix:{}", socket.display()))];
        env.push(variable("XDG_RUNTIME_DIR", folder.path()));
        env.push(variable("PULSE_COOKIE", folder.join("cookie")));
        env.push(variable("ALSA_CONFIG_PATH", alsa));
        let server = start_server(&env, &folder)?;
        let keep_alive = keep_alive(&env, &folder)?;
        Ok(Self { env, keep_alive, server, folder })
    }

    /// What a program needs to find this server and no other.
    pub fn env(&self) -> Environment {
        self.env.clone()
    }

    /// Plays a WAV file into the microphone, once. Ends early when dropped.
    ///
    /// # Errors
    /// [`TestbedError`] when `pacat` cannot be started.
    pub fn play_into_microphone(&self, wav: &std::path::Path) -> Result<Process, TestbedError> {
        let mut command = private("pacat", &self.env);
        command.args(["--playback", "--latency-msec=10", "--file-format=wav", "-d", "mic_feed"]).arg(wav);
        Process::start(&mut command, "pacat-play", self.folder.path())
    }

    /// Ends the server, as if it had crashed.
    pub fn crash(&mut self) {
        self.server.kill();
    }

    /// Starts it again after a crash, with the same devices.
    ///
    /// # Errors
    /// As [`PrivatePulse::start`].
    pub fn restart(&mut self) -> Result<(), TestbedError> {
        self.keep_alive.clear();
        self.server.kill();
        self.server = start_server(&self.env, &self.folder)?;
        self.keep_alive = keep_alive(&self.env, &self.folder)?;
        Ok(())
    }

    /// Plugs in one more microphone, which hears silence.
    ///
    /// # Errors
    /// [`TestbedError::NotReady`] when the server does not obey.
    pub fn plug_microphone(&self, name: &str, description: &str) -> Result<PluggedIn, TestbedError> {
        let feed = self.load("module-null-sink", &[format!("sink_name={name}_feed")])?;
        let described = format!("source_properties=\"device.description='{description}'\"");
        let source = [format!("source_name={name}"), format!("master={name}_feed.monitor"), described];
        Ok(PluggedIn(vec![self.load("module-remap-source", &source)?, feed]))
    }

    /// Plugs in one more speaker.
    ///
    /// # Errors
    /// [`TestbedError::NotReady`] when the server does not obey.
    pub fn plug_speaker(&self, name: &str, description: &str) -> Result<PluggedIn, TestbedError> {
        let described = format!("sink_properties=\"device.description='{description}'\"");
        Ok(PluggedIn(vec![self.load("module-null-sink", &[format!("sink_name={name}"), described])?]))
    }

    /// Takes a device away again.
    ///
    /// # Errors
    /// [`TestbedError::NotReady`] when the server does not obey.
    pub fn unplug(&self, device: PluggedIn) -> Result<(), TestbedError> {
        device.0.into_iter().try_for_each(|module| self.control(&["unload-module", &module]).map(drop))
    }

    /// Makes another microphone the default, as a person does in the system's settings.
    ///
    /// # Errors
    /// [`TestbedError::NotReady`] when the server does not obey.
    pub fn set_default_microphone(&self, name: &str) -> Result<(), TestbedError> {
        self.control(&["set-default-source", name]).map(drop)
    }

    /// Gives the number of the module.
    fn load(&self, module: &str, arguments: &[String]) -> Result<String, TestbedError> {
        let arguments = arguments.iter().map(String::as_str);
        let words: Vec<&str> = ["load-module", module].into_iter().chain(arguments).collect();
        self.control(&words).map(|number| number.trim().to_owned())
    }

    fn control(&self, words: &[&str]) -> Result<String, TestbedError> {
        process::output(private("pactl", &self.env).args(words))
            .ok_or_else(|| TestbedError::NotReady { what: format!("pactl {words:?}"), said: self.server.said() })
    }
}

/// A device that was plugged in, for [`PrivatePulse::unplug`].
#[derive(Debug)]
pub struct PluggedIn(Vec<String>);

const SCRIPT: &str = "test.pa";

/// Ends when its devices are there.
fn start_server(env: &Environment, folder: &TempFolder) -> Result<Process, TestbedError> {
    let mut command = private("pulseaudio", env);
    command.args([
        "-n",
        "--daemonize=no",
        "--exit-idle-time=-1",
        "--realtime=no",
        "--high-priority=no",
        "--use-pid-file=no",
    ]);
    command.arg("-F").arg(folder.join(SCRIPT)).env("HOME", folder.join("home")).env_remove("PULSE_SERVER");
    let mut server = Process::start(&mut command, "pulseaudio", folder.path())?;
    server.wait_until(PATIENCE, || {
        process::output(private("pactl", env).args(["list", "short"]))
            .filter(|listed| listed.contains("mic_feed"))
            .map(drop)
    })?;
    Ok(server)
}

/// A null sink that nobody drives at a low latency renders in blocks of two seconds: four idle clients drive them all.
fn keep_alive(env: &Environment, folder: &TempFolder) -> Result<Vec<Process>, TestbedError> {
    [("parec", "mic"), ("parec", "speaker.monitor"), ("pacat", "mic_feed"), ("pacat", "speaker")]
        .into_iter()
        .enumerate()
        .map(|(number, (program, device))| {
            let mut command = private(program, env);
            command.args(["-d", device, "--latency-msec=10"]);
            let zeros = std::fs::File::open("/dev/zero")?;
            if program == "pacat" {
                command.stdin(zeros);
            } else {
                command.arg("/dev/null");
            }
            Process::start(&mut command, &format!("keep-alive-{number}"), folder.path())
        })
        .collect()
}

fn private(program: &str, env: &Environment) -> Command {
    let mut command = Command::new(program);
    for other in ["DISPLAY", "DBUS_SESSION_BUS_ADDRESS"] {
        command.env_remove(other);
    }
    command.envs(env.iter().cloned()).stdin(Stdio::null());
    command
}

fn script(socket: &str) -> String {
    format!(
        ".fail
load-module module-native-protocol-unix socket={socket} auth-anonymous=1
load-module module-null-sink sink_name=speaker rate=48000 channels=2 sink_properties=\"device.description='Test Speaker'\"
load-module module-null-sink sink_name=mic_feed rate=48000 channels=1 sink_properties=\"device.description='Microphone Feed'\"
load-module module-remap-source master=mic_feed.monitor source_name=mic source_properties=\"device.description='Test Microphone'\"
set-default-sink speaker
set-default-source mic
"
    )
}

/// `ALSA_CONFIG_PATH` replaces the whole configuration, so the system's own is read first.
const ALSA_CONFIG: &str = "</usr/share/alsa/alsa.conf>
pcm.!default { type pulse fallback \"null\" hint.description \"Default\" }
ctl.!default { type pulse }
";
