//! Other programs: ones that are waited for, and services that end with this process.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How long a service may take to end by itself before it is killed.
const GRACE: Duration = Duration::from_secs(5);

/// A program that runs beside this one. Dropping it ends it; on Linux the kernel ends it too if this process is killed.
/// Elsewhere an interrupt at the terminal reaches it because it is of the same group.
pub struct Service {
    name: String,
    child: Child,
    lines: Receiver<String>,
}

impl Service {
    /// Starts the program with its standard output read line by line, and its errors shown or written to `log`.
    pub fn start(name: &str, command: &mut Command, log: Option<&Path>) -> Result<Self> {
        let errors = match log {
            Some(path) => {
                Stdio::from(std::fs::File::create(path).with_context(|| format!("create {}", path.display()))?)
            }
            None => Stdio::inherit(),
        };
        end_with_parent(command);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .with_context(|| format!("start {name} ({})", show(command)))?;
        let output = child.stdout.take().expect("standard output is piped");
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                // Nobody may read any more, but the program must not block on a full pipe.
                let _ = sender.send(line);
            }
        });
        Ok(Self { name: name.to_owned(), child, lines })
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line of the program's output that starts with `prefix` and returns what follows it.
    pub fn wait_for_line(&mut self, prefix: &str, within: Duration) -> Result<String> {
        let deadline = Instant::now() + within;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    if let Some(rest) = line.strip_prefix(prefix) {
                        return Ok(rest.trim().to_owned());
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    bail!("{} was not ready within {} s", self.name, within.as_secs());
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let status = self.child.wait()?;
                    bail!("{} ended before it was ready: {status}", self.name);
                }
            }
        }
    }

    /// Waits until the program ends by itself; gives its exit status and the lines it printed since the last wait.
    pub fn wait(&mut self, within: Duration) -> Result<(ExitStatus, Vec<String>)> {
        let Some(status) = wait_until(&mut self.child, within)? else {
            bail!("{} did not end within {} s", self.name, within.as_secs());
        };
        // The reader thread ends with the pipe, so this collects everything.
        Ok((status, self.lines.iter().collect()))
    }

    /// The exit status, if the program has ended.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        ask_to_end(&mut self.child);
        if !matches!(wait_until(&mut self.child, GRACE), Ok(Some(_))) {
            // Nothing is left to do about a child that cannot even be killed.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Runs a program to its end, showing its command line and its output. Fails when it fails.
pub fn run(command: &mut Command) -> Result<()> {
    println!("$ {}", show(command));
    end_with_parent(command);
    let status = command.status().with_context(|| format!("start {}", show(command)))?;
    ended_well(command, status)
}

/// Like [`run`], and gives each line that the program prints to `read` as it is shown.
pub fn run_read(command: &mut Command, mut read: impl FnMut(&str)) -> Result<()> {
    println!("$ {}", show(command));
    end_with_parent(command);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("start {}", show(command)))?;
    let output = child.stdout.take().expect("standard output is piped");
    let errors = child.stderr.take().expect("standard error is piped");
    let (lines, printed) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn({
            let lines = lines.clone();
            move || show_lines(output, std::io::stdout(), &lines)
        });
        scope.spawn(move || show_lines(errors, std::io::stderr(), &lines));
        printed.iter().for_each(|line: String| read(&line));
    });
    ended_well(command, child.wait()?)
}

/// Bytes, not text, are shown: a test may print anything.
fn show_lines(from: impl Read, mut to: impl Write, lines: &Sender<String>) {
    let (mut from, mut line) = (BufReader::new(from), Vec::new());
    while matches!(from.read_until(b'\n', &mut line), Ok(1..)) {
        // Nobody may look any more, but the program must not block on a full pipe.
        let _ = to.write_all(&line);
        let _ = lines.send(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned());
        line.clear();
    }
}

fn ended_well(command: &Command, status: ExitStatus) -> Result<()> {
    if !status.success() {
        bail!("{} failed: {status}", show(command));
    }
    Ok(())
}

/// Runs a program quietly; its standard output if it succeeded, nothing if it is missing or failed.
pub fn ask(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

fn wait_until(child: &mut Child, within: Duration) -> Result<Option<ExitStatus>> {
    let deadline = Instant::now() + within;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(20));
    }
}

#[cfg(unix)]
fn ask_to_end(child: &mut Child) {
    let Ok(id) = libc::pid_t::try_from(child.id()) else { return };
    // SAFETY: kill takes two integers; the child has not been waited for, so the id is still its own.
    unsafe { libc::kill(id, libc::SIGTERM) };
}

#[cfg(not(unix))]
fn ask_to_end(child: &mut Child) {
    // Windows has no gentle way that reaches a program without a window.
    let _ = child.kill();
}

/// Lets the kernel end the program when this process dies, however it dies.
#[cfg(target_os = "linux")]
fn end_with_parent(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    // SAFETY: the closure runs between fork and exec and makes one system call that is async-signal-safe.
    unsafe {
        command.pre_exec(|| {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM);
            Ok(())
        });
    }
}

#[cfg(not(target_os = "linux"))]
fn end_with_parent(_command: &mut Command) {}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn line_is_found_after_others() {
        let mut service = Service::start("echo", &mut shell("echo hello; echo ready at 7"), None).unwrap();
        assert_eq!(service.wait_for_line("ready at", Duration::from_secs(5)).unwrap(), "7");
    }

    #[test]
    fn service_that_ends_early_is_told() {
        let mut service = Service::start("brief", &mut shell("exit 3"), None).unwrap();
        let error = service.wait_for_line("ready", Duration::from_secs(5)).unwrap_err();
        assert!(error.to_string().contains("ended before it was ready"), "{error}");
    }

    #[test]
    fn dropping_ends_the_program() {
        let mut service = Service::start("sleeper", &mut shell("echo up; exec sleep 1000"), None).unwrap();
        service.wait_for_line("up", Duration::from_secs(5)).unwrap();
        let id = libc::pid_t::try_from(service.id()).unwrap();
        drop(service);
        // SAFETY: signal 0 only asks whether the process exists.
        assert_eq!(unsafe { libc::kill(id, 0) }, -1);
    }
}
