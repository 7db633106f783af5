//! `cargo xtask test`: every check and test of the repository, in the order in which they are cheapest to fail.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Args;

use crate::deps::{self, Purpose};
use crate::failures::{Failure, Failures};
use crate::{cargo, paths, process, python, ui};

/// The WebDriver server of the app's window.
const TAURI_DRIVER: &str = "2.1.0";

#[derive(Args)]
pub struct TestArgs {
    /// Only Rust tests whose names contain this
    filter: Option<String>,
    /// Installs missing system packages without asking
    #[arg(long)]
    yes: bool,
}

pub fn test(args: TestArgs) -> Result<()> {
    prepare(args.yes)?;
    cargo::ensure_component("rustfmt", &["fmt", "--version"])?;
    cargo::ensure_component("clippy", &["clippy", "--version"])?;
    let mut steps = Steps::default();
    if args.filter.is_none() {
        steps.run("front-end: types", || process::run(&mut ui::npm(&["run", "--silent", "check"])));
        steps.run("front-end: tests", || process::run(&mut ui::npm(&["run", "--silent", "test"])));
        steps.run("format", || process::run(&mut cargo::command(&["fmt", "--all", "--check"])));
    }
    steps.run("build", build_programs);
    let mut failures = Failures::default();
    steps.run("tests", || process::run_read(&mut rust_tests(args.filter.as_deref()), |line| failures.read(line)));
    if args.filter.is_none() {
        steps.run("lints", || {
            process::run(&mut workspace(&["clippy", "--locked", "--all-targets"], &["--", "-D", "warnings"]))
        });
    }
    steps.finish(&failures.found())
}

/// Installs what the tests and the window's screenshots need, and builds the pages that the app embeds.
pub fn prepare(yes: bool) -> Result<()> {
    deps::ensure(Purpose::Tests, yes)?;
    if cfg!(target_os = "linux") {
        install_tauri_driver()?;
        python::install("schemathesis", &paths::workspace().join("relay-server/tests/schemathesis.txt"))?;
    }
    ui::build()
}

fn install_tauri_driver() -> Result<()> {
    let installed = paths::tools().join("bin").join(cargo::program("tauri-driver"));
    let stamp = paths::tools().join(format!("tauri-driver-{TAURI_DRIVER}"));
    if installed.is_file() && stamp.is_file() {
        return Ok(());
    }
    let mut install = cargo::command(&["install", "--locked", "tauri-driver", "--version", TAURI_DRIVER, "--root"]);
    // Its build shares nothing with the workspace's, and would only make that folder larger.
    process::run(install.arg(paths::tools()).env("CARGO_TARGET_DIR", paths::cache().join("tauri-driver")))?;
    std::fs::write(stamp, "")?;
    Ok(())
}

/// Builds the programs that the tests start, so that no test waits for a compiler.
fn build_programs() -> Result<()> {
    process::run(&mut workspace(&["build", "--locked", "--bins"], &[]))
}

fn rust_tests(filter: Option<&str>) -> Command {
    let mut test = workspace(&["test", "--locked", "--no-fail-fast"], &[]);
    if !cfg!(target_os = "linux") {
        println!("Tests with devices, windows and browsers need Linux; here the unit tests run.");
        test.args(["--lib", "--bins"]);
    }
    test.args(filter).env("PARLEY_PROGRAMS_BUILT", "1").env("PARLEY_TOOLS", paths::tools());
    test
}

/// A cargo command for all crates that build on this system: the tests across crates drive Linux's sound servers and windows.
fn workspace(args: &[&str], rest: &[&str]) -> Command {
    let mut command = cargo::command(args);
    command.arg("--workspace");
    if !cfg!(target_os = "linux") {
        command.args(["--exclude", "e2e", "--exclude", "testbed"]);
    }
    command.args(rest);
    command
}

/// What was run, how long it took and how it ended.
#[derive(Default)]
struct Steps {
    done: Vec<(&'static str, Duration, bool)>,
}

impl Steps {
    /// Runs a step; a failure is kept for the end, so that one run tells everything.
    fn run(&mut self, name: &'static str, step: impl FnOnce() -> Result<()>) {
        println!("\n== {name}");
        let begin = Instant::now();
        let result = step();
        if let Err(error) = &result {
            println!("{error:#}");
        }
        self.done.push((name, begin.elapsed(), result.is_ok()));
    }

    fn finish(self, failures: &[Failure]) -> Result<()> {
        for Failure { test, reason } in failures {
            println!("\n== failed: {test}\n{}", reason.join("\n"));
        }
        println!("\n== summary");
        for (name, time, passed) in &self.done {
            println!("{:<7}{name:<20}{:>6} s", if *passed { "ok" } else { "FAILED" }, time.as_secs());
        }
        let failed = self.done.iter().filter(|(_, _, passed)| !passed).count();
        if failed > 0 {
            bail!("{failed} of {} steps failed", self.done.len());
        }
        Ok(())
    }
}
