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
    _keep_alive: Vec<Process>,
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
        let script = folder.write("test.pa", &script(&socket.to_string_lossy()))?;
        let alsa = folder.write("alsa.conf", ALSA_CONFIG)?;
        let mut env = vec![("PULSE_SERVER".to_owned(), format!("unix:{}", socket.display()))];
        env.push(variable("XDG_RUNTIME_DIR", folder.path()));
        env.push(variable("PULSE_COOKIE", folder.join("cookie")));
        env.push(variable("ALSA_CONFIG_PATH", alsa));
        let mut command = private("pulseaudio", &env);
        command.args([
            "-n",
            "--daemonize=no",
            "--exit-idle-time=-1",
            "--realtime=no",
            "--high-priority=no",
            "--use-pid-file=no",
        ]);
        command.arg("-F").arg(script).env("HOME", folder.make("home")?).env_remove("PULSE_SERVER");
        let mut server = Process::start(&mut command, "pulseaudio", folder.path())?;
        server.wait_until(PATIENCE, || {
            process::output(private("pactl", &env).args(["list", "short"]))
                .filter(|listed| listed.contains("mic_feed"))
                .map(drop)
        })?;
        let keep_alive = keep_alive(&env, &folder)?;
        Ok(Self { env, _keep_alive: keep_alive, server, folder })
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
