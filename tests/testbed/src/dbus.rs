//! A private session bus, and a keyring on it.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
    time::Duration,
};

use crate::{Environment, TempFolder, TestbedError, process::Process, variable};

/// A session bus of its own.
#[derive(Debug)]
pub struct PrivateDbus {
    address: String,
    _daemon: Process,
    folder: TempFolder,
}

impl PrivateDbus {
    /// # Errors
    /// [`TestbedError`] when `dbus-daemon` is missing or does not start.
    pub fn start() -> Result<Self, TestbedError> {
        let folder = TempFolder::new("bus")?;
        let socket = folder.join("bus");
        let address = format!("unix:path={}", socket.display());
        let mut command = Command::new("dbus-daemon");
        command.args(["--session", "--nofork", "--nopidfile", "--address"]).arg(&address).stdin(Stdio::null());
        command.env_remove("DISPLAY").env("XDG_RUNTIME_DIR", folder.path());
        let mut daemon = Process::start(&mut command, "dbus-daemon", folder.path())?;
        daemon.wait_until(Duration::from_secs(10), || socket.exists().then_some(()))?;
        Ok(Self { address, _daemon: daemon, folder })
    }

    /// `DBUS_SESSION_BUS_ADDRESS`.
    pub fn env(&self) -> Environment {
        vec![("DBUS_SESSION_BUS_ADDRESS".to_owned(), self.address.clone())]
    }

    /// The bus's address.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Starts an empty, unlocked gnome-keyring on this bus, with its files in `XDG_DATA_HOME` of [`Keyring::env`].
    ///
    /// # Errors
    /// [`TestbedError`] when `gnome-keyring-daemon` is missing or does not start.
    pub fn start_keyring(&self) -> Result<Keyring, TestbedError> {
        let data = self.folder.make("keyring-data")?;
        let mut env = self.env();
        env.push(variable("XDG_DATA_HOME", &data));
        env.push(variable("XDG_RUNTIME_DIR", self.folder.path()));
        let mut command = Command::new("gnome-keyring-daemon");
        command.args(["--foreground", "--unlock", "--components=secrets"]).envs(env.iter().cloned());
        command.env_remove("DISPLAY").stdin(Stdio::piped());
        let mut daemon = Process::start(&mut command, "gnome-keyring", self.folder.path())?;
        if let Some(mut password) = daemon.child().stdin.take() {
            password.write_all(b"test")?;
        }
        daemon.wait_until(Duration::from_secs(10), || owns_secrets(&env).then_some(()))?;
        Ok(Keyring { _daemon: daemon, env })
    }
}

/// A running secret service. Ends when dropped; drop it before its bus.
#[derive(Debug)]
pub struct Keyring {
    _daemon: Process,
    env: Environment,
}

impl Keyring {
    /// What a program needs to find this keyring; includes [`PrivateDbus::env`].
    pub fn env(&self) -> Environment {
        self.env.clone()
    }
}

/// Asks the bus whether someone offers the secret service.
fn owns_secrets(env: &Environment) -> bool {
    let mut command = Command::new("dbus-send");
    command
        .args(["--session", "--print-reply", "--dest=org.freedesktop.DBus", "/", "org.freedesktop.DBus.NameHasOwner"])
        .arg("string:org.freedesktop.secrets")
        .envs(env.iter().cloned())
        .stdin(Stdio::null());
    let Ok(output) = command.output() else { return false };
    BufReader::new(output.stdout.as_slice()).lines().map_while(Result::ok).any(|line| line.contains("boolean true"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keyring_offers_secrets_and_leaves_with_its_owner() {
        let bus = PrivateDbus::start().unwrap();
        assert!(!owns_secrets(&bus.env()));
        let keyring = bus.start_keyring().unwrap();
        assert!(owns_secrets(&keyring.env()));
        drop(keyring);
        let deadline = std::time::Instant::now() + Duration::from_secs(5);
        while owns_secrets(&bus.env()) {
            assert!(std::time::Instant::now() < deadline);
        }
    }
}
