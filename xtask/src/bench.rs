//! `cargo xtask bench`: figures of a release build, beside other programs where there are any, as a table and as JSON.
//!
//! Every bench is a program of the crate `e2e` called `bench_NAME`. Its last line of output is an object with `seed` and `rows`;
//! this command adds what all benches share and prints the table.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::{Value, json};

use crate::deps::{self, Purpose};
use crate::{cargo, npm, paths, process, test};

/// Name, and what it measures.
const BENCHES: &[(&str, &str)] = &[
    ("call", "one call between two people, beside Chromium to Chromium"),
    (
        "chat",
        "sockets, fan-out and durable inserts, beside ws, Socket.IO and Prosody; long histories; a relay that is killed while everybody writes",
    ),
    ("media", "sound and picture under bad networks, beside libwebrtc to libwebrtc"),
];

#[derive(Args)]
pub struct BenchArgs {
    /// Which one; without it, all
    name: Option<String>,
    /// Prints one JSON object for each bench, the last one on the last line
    #[arg(long)]
    json: bool,
    /// How often each figure is measured; its median is given
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=50))]
    runs: u32,
    /// A group of rows, may be repeated. Of `media`, which also takes the name of a row: latency, rtt50, setup, setup_loss, loss, step, share,
    /// cpu, echo, skew. Of `chat`: sockets, fanout, insert, history, window, kills
    #[arg(long)]
    only: Vec<String>,
    /// Of `media` the first of its networks, of `chat` the moments of its kills
    #[arg(long)]
    seed: Option<u64>,
    /// Of `media` half an hour for what takes five minutes else, of `chat` 500 kills for 20 and ten million messages besides one
    #[arg(long)]
    long: bool,
    /// Installs missing system packages without asking
    #[arg(long)]
    yes: bool,
}

pub fn bench(args: BenchArgs) -> Result<()> {
    let wanted: Vec<_> = BENCHES
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| args.name.as_deref().is_none_or(|one| one == *name))
        .collect();
    if wanted.is_empty() {
        let known: Vec<_> = BENCHES.iter().map(|(name, what)| format!("  {name}: {what}")).collect();
        bail!("there is no such bench. There are:\n{}", known.join("\n"));
    }
    if wanted.contains(&"chat") {
        test::prepare(args.yes)?;
    }
    deps::ensure(Purpose::Benches, args.yes)?;
    // The libwebrtc that some are measured beside.
    npm::install(&paths::workspace().join("tests"))?;
    let programs = cargo::build(&["parley-relay", "parley-client", "parley-desktop", "e2e"], true)?;
    for name in wanted {
        println!("Measuring `{name}`, {} runs.", args.runs);
        let mut report =
            measure(Command::new(programs.join(cargo::program(&format!("bench_{name}")))).args(options(name, &args)))?;
        report["bench"] = json!(name);
        report["machine"] = json!(machine());
        report["commit"] = json!(process::ask("git", &["rev-parse", "--short", "HEAD"]));
        print_table(&report);
        if args.json {
            println!("{report}");
        }
    }
    Ok(())
}

fn options(name: &str, args: &BenchArgs) -> Vec<String> {
    let mut options = vec!["--runs".to_owned(), args.runs.to_string()];
    if matches!(name, "media" | "chat") {
        options.extend(args.only.iter().flat_map(|only| ["--only".to_owned(), only.clone()]));
        options.extend(args.long.then(|| "--long".to_owned()));
        options.extend(args.seed.iter().flat_map(|seed| ["--seed".to_owned(), seed.to_string()]));
    }
    options
}

fn measure(bench: &mut Command) -> Result<Value> {
    bench
        .env("PARLEY_PROGRAMS_BUILT", "1")
        .env("PARLEY_TOOLS", paths::tools())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    let output = bench.output().with_context(|| format!("start {}", bench.get_program().display()))?;
    if !output.status.success() {
        bail!("the bench failed: {}", output.status);
    }
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(text.lines().last().unwrap_or_default()).context("the bench printed no report")
}

/// Processor, number of cores and system, for whoever compares two reports.
fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map(|rest| rest.trim_start_matches(['\t', ' ', ':']));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{} ({cores} cores, {})", model.unwrap_or(std::env::consts::ARCH), std::env::consts::OS)
}

fn print_table(report: &Value) {
    println!("{:<28}{:>6}{:>10}{:>10}{:>8}{:>9}   peer", "", "unit", "parley", "peer", "ratio", "goal");
    for row in report["rows"].as_array().into_iter().flatten() {
        let text = |field: &str| match &row[field] {
            Value::Null => "-".to_owned(),
            Value::Number(number) => format!("{:.2}", number.as_f64().unwrap_or_default()),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let verdict = match row["ok"].as_bool() {
            Some(true) => "ok",
            Some(false) => "MISSED",
            None => "",
        };
        println!(
            "{:<28}{:>6}{:>10}{:>10}{:>8}{:>9}   {} {verdict}",
            text("name"),
            text("unit"),
            text("parley"),
            text("peer"),
            text("ratio"),
            text("goal"),
            text("peer_name")
        );
        if let Some(why) = row["why"].as_str() {
            println!("    {why}");
        }
    }
    if let Some(seed) = report["seed"].as_u64() {
        println!("seed {seed}");
    }
}
