//! The workspace's own programs and other people's, and processes that end with the value that stands for them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};
use std::{env, fs};

use anyhow::{Context, Result, bail};

/// The path of a program of this workspace, built from the sources as they are.
///
/// `cargo xtask` builds all programs before it starts tests and says so by `PARLEY_PROGRAMS_BUILT`; else the first use of each
/// asks cargo to build it.
///
/// # Errors
/// It does not compile.
pub fn own(package: &str, program: &str) -> Result<PathBuf> {
    static BUILT: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let folder = folder_of_programs()?;
    let mut built = BUILT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if env::var_os("PARLEY_PROGRAMS_BUILT").is_none() && !built.iter().any(|name| name == program) {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(["build", "--quiet", "--package", package, "--bin", program]);
        if folder.ends_with("release") {
            cargo.arg("--release");
        }
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the crate lies in a workspace")?;
        let target = folder.parent().context("programs lie in a target folder")?;
        let status = cargo.current_dir(workspace).env("CARGO_TARGET_DIR", target).status().context("start cargo")?;
        if !status.success() {
            bail!("{program} does not compile");
        }
        built.push(program.to_owned());
    }
    Ok(folder.join(format!("{program}{}", env::consts::EXE_SUFFIX)))
}

/// The first of these programs that is installed, also among the tools that `cargo xtask test` installs for itself.
///
/// # Errors
/// None is; the message holds the command that installs it.
pub fn installed(names: &[&str]) -> Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = env::split_paths(&path).chain(tools()).collect();
    let found =
        names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name))).find(|path| path.is_file());
    found.with_context(|| format!("{} is missing: `cargo xtask test` installs it", names.join(" or ")))
}

fn tools() -> Option<PathBuf> {
    let set = |name| env::var_os(name).filter(|value: &OsString| !value.is_empty()).map(PathBuf::from);
    let cache = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")));
    Some(set("PARLEY_TOOLS").or_else(|| Some(cache?.join("parley/tools")))?.join("bin"))
}

/// `target/debug` or `target/release`: the folder above the one of tests, or the one of this program itself.
fn folder_of_programs() -> Result<PathBuf> {
    let program = env::current_exe().context("find this program")?;
    let folder = program.parent().context("a program lies in a folder")?;
    Ok(if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder }.to_owned())
}

/// A process and all that it started. Dropping it kills them; so does the end of this process.
#[derive(Debug)]
pub struct Process {
    child: Child,
    name: String,
    log: PathBuf,
}

impl Process {
    /// Starts a program in a process group of its own, with both its outputs in `log`.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(command: &mut Command, log: &Path) -> Result<Self> {
        let name = Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned();
        let output = fs::File::create(log).with_context(|| format!("create {}", log.display()))?;
        let errors = output.try_clone()?;
        lead_group(command);
        let child = command.stdin(Stdio::null()).stdout(output).stderr(errors).spawn();
        Ok(Self { child: child.with_context(|| format!("start {name}"))?, name, log: log.to_owned() })
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote so far.
    pub fn log(&self) -> String {
        fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// Waits for a line that contains `text`; gives what follows it on that line.
    ///
    /// # Errors
    /// It ended, or took longer than `within`; the message holds what it wrote.
    pub fn wait_for(&mut self, text: &str, within: Duration) -> Result<String> {
        let deadline = Instant::now() + within;
        loop {
            let log = self.log();
            // A line counts once it is whole.
            let lines = log.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
            if let Some((_, rest)) = lines.filter_map(|line| line.split_once(text)).next() {
                return Ok(rest.trim().to_owned());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended with {status} before it wrote {text:?}:\n{log}", self.name);
            }
            if Instant::now() >= deadline {
                bail!("{} did not write {text:?} within {within:?}:\n{log}", self.name);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// # Errors
    /// The system does not know it.
    pub fn has_ended(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// Waits for its end; true when it succeeded.
    ///
    /// # Errors
    /// It took longer than `within`.
    pub fn wait(&mut self, within: Duration) -> Result<bool> {
        let deadline = Instant::now() + within;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status.success());
            }
            if Instant::now() >= deadline {
                bail!("{} did not end within {within:?}:\n{}", self.name, self.log());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Asks it to end, as a session's end would, and waits; true when it succeeded.
    ///
    /// # Errors
    /// It took longer than `within`.
    pub fn end(&mut self, within: Duration) -> Result<bool> {
        if let Ok(id) = libc::pid_t::try_from(self.child.id()) {
            // SAFETY: kill takes two integers; the child has not been waited for, so the id is still its own.
            unsafe { libc::kill(id, libc::SIGTERM) };
        }
        self.wait(within)
    }

    /// Kills it and all that it started, as a power cut would.
    pub fn kill(&mut self) {
        signal_group(self.child.id(), libc::SIGKILL);
        // It is dead or will be at once; there is nobody to tell about a failed wait.
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn lead_group(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    command.process_group(0);
    // SAFETY: the closure runs between fork and exec and makes one system call that is async-signal-safe.
    unsafe {
        command.pre_exec(|| {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            Ok(())
        });
    }
}

fn signal_group(leader: u32, signal: libc::c_int) {
    let Ok(group) = libc::pid_t::try_from(leader) else { return };
    // SAFETY: killpg takes two integers; the leader has not been waited for, or its group is empty.
    unsafe { libc::killpg(group, signal) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn killing_a_process_ends_what_it_started() {
        let dir = tempfile::tempdir().unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-c", "sleep 1000 & echo child $!; wait"]);
        let mut process = Process::start(&mut shell, &dir.path().join("log")).unwrap();
        let grandchild: u32 = process.wait_for("child", Duration::from_secs(5)).unwrap().parse().unwrap();
        process.kill();
        let gone = || fs::read_to_string(format!("/proc/{grandchild}/stat")).map_or(true, |stat| stat.contains(") Z "));
        let deadline = Instant::now() + Duration::from_secs(5);
        while !gone() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(gone());
    }

    #[test]
    fn what_a_failed_program_wrote_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-c", "echo no coffee; exit 2"]);
        let mut process = Process::start(&mut shell, &dir.path().join("log")).unwrap();
        let error = process.wait_for("ready", Duration::from_secs(5)).unwrap_err().to_string();
        assert!(error.contains("no coffee"), "{error}");
    }
}
