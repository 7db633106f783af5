//! A real call between two clients without windows, over a real relay: three processes, and what they measured.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::process::Service;
use crate::relay::{Relay, usage};
use crate::{cargo, paths};

/// How long the two may take to find each other and connect.
const SET_UP: Duration = Duration::from_secs(60);

/// Calls, prints a table (and the JSON object on the last line), and fails if the call did.
pub fn call(programs: &Path, seconds: u32, as_json: bool) -> Result<()> {
    let dir = paths::scratch("call")?;
    let relay = Relay::start(programs, &dir.join("relay"), 0, false)?;
    let picture = dir.join("b-saw.png");
    let mut callee = Bot::start(programs, &dir, &relay.url, "Bea", &["--answer"], seconds, Some(&picture))?;
    callee.service.wait_for_line("parley-bot ready", SET_UP)?;
    let caller = Bot::start(programs, &dir, &relay.url, "Ada", &["--dial", "Bea"], seconds, None)?;

    let a = caller.report(seconds)?;
    let b = callee.report(seconds)?;
    let relay_usage = usage(relay.service.id());
    let report = json!({
        "setup_ms": setup_ms(&a, &b),
        "a": side(&a),
        "b": side(&b),
        "relay": relay_usage,
        "picture": picture,
    });
    print_table(&report);
    println!("{:<26}{}", "what b saw", picture.display());
    if as_json {
        println!("{report}");
    }
    Ok(())
}

/// One client without a window.
struct Bot {
    name: String,
    service: Service,
    log: PathBuf,
}

impl Bot {
    fn start(
        programs: &Path,
        dir: &Path,
        relay_url: &str,
        name: &str,
        role: &[&str],
        seconds: u32,
        picture: Option<&Path>,
    ) -> Result<Self> {
        let log = dir.join(format!("{name}.log"));
        let email = format!("{}@example.org", name.to_lowercase());
        let mut command = Command::new(programs.join(cargo::program("parley-bot")));
        command.args(["call", "--relay", relay_url, "--name", name, "--email", &email]).args(role);
        command.arg("--data-dir").arg(dir.join(name)).args(["--seconds", &seconds.to_string()]);
        if let Some(picture) = picture {
            command.arg("--picture").arg(picture);
        }
        let service = Service::start(name, &mut command, Some(&log))?;
        Ok(Self { name: name.to_owned(), service, log })
    }

    /// Waits for the end of the call and reads what the client measured.
    fn report(mut self, seconds: u32) -> Result<Value> {
        let limit = SET_UP + Duration::from_secs(u64::from(seconds) + 20);
        let (status, lines) = self.service.wait(limit)?;
        if !status.success() {
            bail!("{}'s call failed ({status}); see {}", self.name, self.log.display());
        }
        let last = lines.last().with_context(|| format!("{} printed nothing", self.name))?;
        serde_json::from_str(last).with_context(|| format!("{} printed no report", self.name))
    }
}

/// From the accept to the first decoded picture, on the slower side.
fn setup_ms(a: &Value, b: &Value) -> Option<i64> {
    let accepted = b["accepted_at_ms"].as_i64()?;
    let first = a["first_video_at_ms"].as_i64()?.max(b["first_video_at_ms"].as_i64()?);
    Some(first - accepted)
}

/// The part of a client's report that is shown: the rest says how the client came to it.
fn side(report: &Value) -> Value {
    let fields = ["video", "audio", "rtt_ms", "route", "codec", "rss_mb", "cpu_s"];
    fields.iter().map(|field| ((*field).to_owned(), report[*field].clone())).collect::<serde_json::Map<_, _>>().into()
}

/// Label and JSON pointer of each row.
const ROWS: &[(&str, &str)] = &[
    ("video captured", "/video/captured"),
    ("video sent", "/video/sent"),
    ("video received", "/video/received"),
    ("video decoded", "/video/decoded"),
    ("width", "/video/width"),
    ("height", "/video/height"),
    ("frames per second", "/video/fps"),
    ("video kbit/s", "/video/kbps"),
    ("video latency p50, ms", "/video/latency_ms/p50"),
    ("video latency p95, ms", "/video/latency_ms/p95"),
    ("audio packets sent", "/audio/sent"),
    ("audio packets received", "/audio/received"),
    ("audio concealed, share", "/audio/concealed_ratio"),
    ("audio latency p50, ms", "/audio/latency_ms/p50"),
    ("audio latency p95, ms", "/audio/latency_ms/p95"),
    ("memory, MB", "/rss_mb"),
    ("processor, s", "/cpu_s"),
];

fn print_table(report: &Value) {
    println!("{:<26}{:>12}{:>12}{:>12}", "", "a (caller)", "b (callee)", "relay");
    println!("{:<26}{:>12}", "accept to picture, ms", cell(Some(&report["setup_ms"])));
    for (label, pointer) in ROWS {
        let of = |side: &str| cell(report[side].pointer(pointer));
        let relay = if report["relay"].pointer(pointer).is_some() { of("relay") } else { String::new() };
        println!("{label:<26}{:>12}{:>12}{relay:>12}", of("a"), of("b"));
    }
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::Number(number)) if number.is_f64() => format!("{:.2}", number.as_f64().unwrap_or_default()),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_up_counts_to_the_slower_side() {
        let a = json!({"first_video_at_ms": 1_250});
        let b = json!({"accepted_at_ms": 1_000, "first_video_at_ms": 1_100});
        assert_eq!(setup_ms(&a, &b), Some(250));
        assert_eq!(setup_ms(&json!({"first_video_at_ms": null}), &b), None);
    }

    #[test]
    fn absent_figures_are_dashes() {
        assert_eq!(cell(None), "-");
        assert_eq!(cell(Some(&json!(1.239))), "1.24");
        assert_eq!(cell(Some(&json!(7))), "7");
    }
}
