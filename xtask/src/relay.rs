//! A relay on this machine, as a process.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::cargo::program;
use crate::process::Service;

/// How long a relay may take to be ready; the first start makes its secrets and its database.
const READY: Duration = Duration::from_secs(30);

/// A running relay. Dropping it shuts it down.
pub struct Relay {
    pub url: String,
    pub service: Service,
}

impl Relay {
    /// Starts the relay of `programs` on the loopback and waits until it listens. Port 0 takes any.
    pub fn start(programs: &Path, data: &Path, port: u16, echo: bool) -> Result<Self> {
        std::fs::create_dir_all(data)?;
        let mut command = Command::new(programs.join(program("parley-relay")));
        command.args(["serve", "--listen", &format!("127.0.0.1:{port}"), "--data-dir"]).arg(data);
        if echo {
            command.arg("--echo-credentials").arg(data.join("echo.json"));
        }
        let mut service = Service::start("the relay", &mut command, Some(&data.join("relay.log")))?;
        let url = service.wait_for_line("parley-relay listening on ", READY)?;
        Ok(Self { url, service })
    }
}

/// The port if it is free, else 0 for any.
pub fn free_or_any(port: u16) -> u16 {
    if TcpListener::bind(("127.0.0.1", port)).is_ok() { port } else { 0 }
}

/// Memory and processor time of a process so far, as Linux tells them; nothing elsewhere.
pub fn usage(pid: u32) -> Option<Usage> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let kb: f64 =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.split_whitespace().next()?.parse().ok()?;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(Usage { rss_mb: kb / 1024.0, cpu_s: cpu_seconds(&stat)? })
}

#[derive(Clone, Copy, Debug, serde::Serialize)]
pub struct Usage {
    pub rss_mb: f64,
    pub cpu_s: f64,
}

/// User and system time of a line of `/proc/PID/stat`, whose ticks are hundredths of a second on every Linux.
fn cpu_seconds(stat: &str) -> Option<f64> {
    // The name in parentheses may hold anything, so fields are counted behind it.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_found_behind_an_odd_name() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194304 100 0 0 0 150 50 0 0 20 0 4 0 100 1000 200";
        assert_eq!(cpu_seconds(stat), Some(2.0));
    }
}
