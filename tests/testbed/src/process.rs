//! Child processes that end with their owner.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::TestbedError;

/// A running program. Killed and collected when dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program; what it says goes into `<name>.log` in `folder`. Standard input is as `command` has it.
    ///
    /// # Errors
    /// [`TestbedError::Missing`] when it is not installed, [`TestbedError::Io`] when it cannot be started.
    pub fn start(command: &mut Command, name: &str, folder: &Path) -> Result<Self, TestbedError> {
        require(&command.get_program().to_string_lossy())?;
        let log = folder.join(format!("{name}.log"));
        let out = fs::File::create(&log)?;
        let child = command.stdout(out.try_clone()?).stderr(out).spawn()?;
        Ok(Self { name: name.to_owned(), child, log })
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Asks `ready` every 20 ms until it gives something.
    ///
    /// # Errors
    /// [`TestbedError::NotReady`] when the program ends or `patience` does.
    pub fn wait_until<T>(
        &mut self,
        patience: Duration,
        mut ready: impl FnMut() -> Option<T>,
    ) -> Result<T, TestbedError> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(value) = ready() {
                return Ok(value);
            }
            if Instant::now() > deadline || self.child.try_wait()?.is_some() {
                return Err(TestbedError::NotReady { what: self.name.clone(), said: self.said() });
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// The end of what it said so far, at most 2000 bytes.
    pub fn said(&self) -> String {
        let said = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&said[said.len().saturating_sub(2_000)..]).into_owned()
    }

    /// Ends it at once and waits until it is gone.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Finds a program on the search path.
///
/// # Errors
/// [`TestbedError::Missing`] with the command that installs it.
pub fn require(program: &str) -> Result<PathBuf, TestbedError> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders)
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
        .ok_or_else(|| TestbedError::Missing { program: program.to_owned(), install: install_command(program) })
}

/// Runs a short command to its end and returns what it printed, or `None` when it failed.
pub(crate) fn output(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn install_command(program: &str) -> String {
    let package = match program {
        "pw-cat" | "pw-metadata" | "pw-cli" | "pw-dump" | "pw-loopback" => "pipewire-bin",
        "pacat" | "parec" | "pactl" => "pulseaudio-utils",
        "Xvfb" => "xvfb",
        "dbus-daemon" => "dbus",
        "gnome-keyring-daemon" => "gnome-keyring",
        "turnserver" => "coturn",
        "secret-tool" => "libsecret-tools",
        other => other,
    };
    format!("sudo apt-get install -y --no-install-recommends {package}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_program_is_named_with_its_package() {
        let error = require("no-such-program").unwrap_err().to_string();
        assert!(error.contains("`no-such-program` is missing") && error.contains("apt-get install"), "{error}");
        assert!(install_command("pw-cat").ends_with("pipewire-bin"));
    }

    #[test]
    fn process_is_gone_after_drop_and_a_failed_one_tells_why() {
        let folder = crate::TempFolder::new("testbed").unwrap();
        let sleeper = Process::start(Command::new("sleep").arg("60"), "sleep", folder.path()).unwrap();
        let proc = PathBuf::from(format!("/proc/{}", sleeper.id()));
        assert!(proc.exists());
        drop(sleeper);
        assert!(!proc.exists());
        let mut failing =
            Process::start(Command::new("sh").args(["-c", "echo why >&2; exit 1"]), "sh", folder.path()).unwrap();
        let error = failing.wait_until::<()>(Duration::from_secs(5), || None).unwrap_err();
        assert!(matches!(error, TestbedError::NotReady { said, .. } if said == "why\n"));
    }
}
