//! `cargo xtask bench`: figures of a release build, beside other programs where there are any, as a table and as JSON.
//!
//! Every bench is a program of the crate `e2e` called `bench_NAME`. Its last line of output is an object with `seed` and `rows`;
//! this command adds what all benches share and prints the table.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::{Value, json};

use crate::deps::{self, Purpose};
use crate::{cargo, process};

/// Name, and what it measures.
const BENCHES: &[(&str, &str)] = &[("call", "one call between two people, beside Chromium to Chromium")];

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
    deps::ensure(Purpose::Tests, args.yes)?;
    let programs = cargo::build(&["parley-relay", "parley-client", "e2e"], true)?;
    for name in wanted {
        println!("Measuring `{name}`, {} runs.", args.runs);
        let mut report = measure(&programs.join(cargo::program(&format!("bench_{name}"))), args.runs)?;
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

fn measure(program: &std::path::Path, runs: u32) -> Result<Value> {
    let output = Command::new(program)
        .args(["--runs", &runs.to_string()])
        .env("PARLEY_PROGRAMS_BUILT", "1")
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("start {}", program.display()))?;
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
    println!("{:<26}{:>6}{:>12}{:>12}{:>10}   peer", "", "unit", "parley", "peer", "goal");
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
            "{:<26}{:>6}{:>12}{:>12}{:>10}   {} {verdict}",
            text("name"),
            text("unit"),
            text("parley"),
            text("peer"),
            text("goal"),
            text("peer_name")
        );
        if let Some(why) = row["why"].as_str() {
            println!("    {why}");
        }
    }
}
