//! What a window stands on: a virtual screen, a session bus, a keyring, and a home folder, all private and temporary.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};

use crate::programs::{self, Process};

const READY: Duration = Duration::from_secs(30);

/// Windows cost more than the machines that run tests have for several at once.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// Dropping it ends everything on it.
#[derive(Debug)]
pub struct Desk {
    env: BTreeMap<OsString, OsString>,
    // Ended in this order: the keyring needs the bus.
    _keyring: Process,
    _bus: Process,
    _screen: Process,
    home: TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Desk {
    /// Starts a desk with a screen of 1600 x 1000 pixels and an unlocked, empty keyring, once no other stands in this process.
    ///
    /// # Errors
    /// A program is missing (the message names the command that installs it) or does not start.
    pub async fn start() -> Result<Self> {
        let turn = ONE_AT_A_TIME.lock().await;
        let home = tempfile::Builder::new().prefix("parley-desk").tempdir()?;
        let mut env = private_env(home.path())?;

        let mut screen = Command::new(programs::installed(&["Xvfb"])?);
        screen.args(["-displayfd", "1", "-screen", "0", "1600x1000x24", "-nolisten", "tcp", "-noreset"]);
        let screen = Process::start(&mut screen, &home.path().join("screen.log"))?;
        env.insert("DISPLAY".into(), format!(":{}", display_number(&screen).await?).into());

        let mut bus = Command::new(programs::installed(&["dbus-daemon"])?);
        bus.args(["--session", "--nofork", "--print-address=1"])
            .arg(format!("--address=unix:path={}/bus", home.path().display()));
        let mut bus = Process::start(bus.env_clear().envs(&env), &home.path().join("bus.log"))?;
        let address = bus.wait_for("unix:", READY).context("start a session bus")?;
        env.insert("DBUS_SESSION_BUS_ADDRESS".into(), format!("unix:{address}").into());

        let keyring = keyring(home.path(), &env).await?;
        Ok(Self { env, _keyring: keyring, _bus: bus, _screen: screen, home, _turn: turn })
    }

    /// The whole environment of programs on this desk.
    pub fn env(&self) -> &BTreeMap<OsString, OsString> {
        &self.env
    }

    /// A folder that goes away with the desk.
    pub fn path(&self) -> &Path {
        self.home.path()
    }

    /// Writes the whole screen as a PNG file.
    ///
    /// # Errors
    /// ImageMagick is missing, or the file cannot be written.
    pub fn shot(&self, path: &Path) -> Result<()> {
        self.shot_of("1600x1000+0+0", path)
    }

    /// Writes an area of the screen, given as `WIDTHxHEIGHT+X+Y`.
    pub(super) fn shot_of(&self, area: &str, path: &Path) -> Result<()> {
        let mut import = Command::new(programs::installed(&["import"])?);
        import.args(["-window", "root", "-crop", area, "+repage"]).arg(path).env_clear().envs(&self.env);
        if !import.status()?.success() {
            bail!("import could not take a picture of the screen");
        }
        Ok(())
    }
}

fn private_env(home: &Path) -> Result<BTreeMap<OsString, OsString>> {
    let mut env = BTreeMap::new();
    for kept in ["PATH", "LANG", "RUST_LOG", "RUST_BACKTRACE"] {
        if let Some(value) = std::env::var_os(kept) {
            env.insert(kept.into(), value);
        }
    }
    for (name, folder) in [
        ("HOME", "home"),
        ("XDG_RUNTIME_DIR", "run"),
        ("XDG_DATA_HOME", "data"),
        ("XDG_CONFIG_HOME", "config"),
        ("XDG_CACHE_HOME", "cache"),
        ("XDG_STATE_HOME", "state"),
    ] {
        let folder = home.join(folder);
        fs::create_dir(&folder)?;
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))?;
        env.insert(name.into(), folder.into());
    }
    let fixed = [
        ("GDK_BACKEND", "x11"),
        ("GSETTINGS_BACKEND", "memory"),
        ("NO_AT_BRIDGE", "1"),
        // There is no GPU behind a virtual screen.
        ("LIBGL_ALWAYS_SOFTWARE", "1"),
        ("WEBKIT_DISABLE_DMABUF_RENDERER", "1"),
    ];
    env.extend(fixed.map(|(name, value)| (name.into(), value.into())));
    Ok(env)
}

/// Xvfb finds a free display by itself and writes its number, alone on a line, beside whatever else it has to say.
async fn display_number(screen: &Process) -> Result<u32> {
    let deadline = Instant::now() + READY;
    loop {
        let log = screen.log();
        if let Some(number) =
            log.split_inclusive('\n').filter(|line| line.ends_with('\n')).find_map(|line| line.trim().parse().ok())
        {
            return Ok(number);
        }
        if Instant::now() >= deadline {
            bail!("Xvfb did not start: {log}");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The daemon makes a keyring under the password that it reads, and keeps it open.
async fn keyring(home: &Path, env: &BTreeMap<OsString, OsString>) -> Result<Process> {
    let program = programs::installed(&["gnome-keyring-daemon"])?;
    let mut shell = Command::new("sh");
    shell.args(["-c", "printf window-test | exec \"$0\" --foreground --unlock --components=secrets"]).arg(program);
    let keyring = Process::start(shell.env_clear().envs(env), &home.join("keyring.log"))?;

    let mut question = Command::new(programs::installed(&["dbus-send"])?);
    question.args(["--session", "--print-reply=literal", "--dest=org.freedesktop.DBus", "/org/freedesktop/DBus"]);
    question.args(["org.freedesktop.DBus.NameHasOwner", "string:org.freedesktop.secrets"]).env_clear().envs(env);
    let deadline = Instant::now() + READY;
    // Asking the keyring itself would make the bus start a second, locked one.
    while !String::from_utf8_lossy(&question.output()?.stdout).contains("true") {
        if Instant::now() >= deadline {
            bail!("the keyring did not start: {}", keyring.log());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(keyring)
}
