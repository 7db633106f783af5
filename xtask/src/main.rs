//! `cargo xtask run | test | bench | shots`: everything that a person does with this repository, on a machine with Rust and Node.
//!
//! Each command first installs what it needs and is not there, asking before it uses sudo. It never writes into the checkout
//! but for `ui/node_modules`, `ui/dist` and the folder that `shots` was given.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool talks by printing")]

mod bench;
mod cargo;
mod deps;
mod failures;
mod headless;
mod npm;
mod packages;
mod paths;
mod process;
mod python;
mod relay;
mod run;
mod shots;
mod test;
mod ui;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Runs, tests, measures and draws Parley")]
struct Cli {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Starts a relay on this machine and the app; without a display, a real call between two headless clients
    Run(run::RunArgs),
    /// Runs every check and test, or the tests whose names contain the filter
    Test(test::TestArgs),
    /// Measures a release build, beside other programs where there are any
    Bench(bench::BenchArgs),
    /// Draws every screen into a folder with an index page
    Shots(shots::ShotsArgs),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Task::Run(args) => run::run(args),
        Task::Test(args) => test::test(args),
        Task::Bench(args) => bench::bench(args),
        Task::Shots(args) => shots::shots(args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Not as `main`'s own result: with RUST_BACKTRACE set, what went wrong would drown in addresses.
            eprintln!("Error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
