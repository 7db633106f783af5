//! Runs `media-probe` inside a test bed and reads what it says.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use testbed::Environment;

/// A running probe. Killed when dropped.
pub struct Probe {
    child: Child,
    lines: Receiver<String>,
    /// Everything it said so far, for the message of a failing test.
    said: Vec<String>,
}

impl Probe {
    pub fn start(arguments: &[&str], env: Environment) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_media-probe"));
        for inherited in ["DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "PULSE_SERVER", "PIPEWIRE_REMOTE", "XDG_RUNTIME_DIR"] {
            command.env_remove(inherited);
        }
        let mut child = command
            .args(arguments)
            .envs(env)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("media-probe starts");
        let (sender, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().expect("its output is piped"));
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, lines, said: Vec::new() }
    }

    /// The next line for which `wanted` gives something, within `patience`.
    pub fn wait<T>(&mut self, what: &str, patience: Duration, mut wanted: impl FnMut(&str) -> Option<T>) -> T {
        let deadline = Instant::now() + patience;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                let tail = &self.said[self.said.len().saturating_sub(15)..];
                panic!("{what} did not happen within {patience:?}; the probe said last: {tail:#?}");
            };
            let found = wanted(&line);
            self.said.push(line);
            if let Some(found) = found {
                return found;
            }
        }
    }

    /// The next line that begins with `start`, without it.
    pub fn wait_for(&mut self, start: &str, patience: Duration) -> String {
        self.wait(start, patience, |line| line.strip_prefix(start).map(str::to_owned))
    }

    /// Closes its input and returns how many milliseconds it took to let go of the device.
    pub fn finish(mut self) -> u64 {
        drop(self.child.stdin.take());
        self.wait("the end", Duration::from_secs(20), |line| line.strip_prefix("dropped ")?.parse().ok())
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The number behind a word: `number("age 5", "age")` is 5.
pub fn number(line: &str, word: &str) -> f64 {
    let mut words = line.split(' ').skip_while(|&other| other != word).skip(1);
    words.next().and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {word} in {line:?}"))
}
