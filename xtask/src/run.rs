//! `cargo xtask run`: a relay on this machine, Echo beside it, and the app; or a call without any window.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::deps::{self, Purpose};
use crate::process::Service;
use crate::relay::{Relay, free_or_any};
use crate::{cargo, headless, paths, ui};

/// The relay's port when it is free, so that an app that stays signed in finds its relay again.
const PORT: u16 = 7421;

#[derive(Args)]
pub struct RunArgs {
    /// Makes a real call between two clients without windows, also where there is a display
    #[arg(long)]
    headless: bool,
    /// Length of the headless call
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=3600))]
    seconds: u32,
    /// Prints the headless call's figures as one JSON object on the last line
    #[arg(long)]
    json: bool,
    /// Builds with optimisation
    #[arg(long)]
    release: bool,
    /// Where the relay and the app keep their data
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// Installs missing system packages without asking
    #[arg(long)]
    yes: bool,
}

pub fn run(args: RunArgs) -> Result<()> {
    if args.headless || !has_display() {
        if !args.headless {
            println!("There is no display here, so two clients without windows call each other.");
        }
        deps::ensure(Purpose::Engine, args.yes)?;
        let programs = cargo::build(&["parley-relay", "parley-client"], args.release)?;
        return headless::call(&programs, args.seconds, args.json);
    }
    deps::ensure(Purpose::App, args.yes)?;
    ui::build()?;
    let programs = cargo::build(&["parley-relay", "parley-client", "parley-desktop"], args.release)?;
    with_window(&programs, &args.data_dir.unwrap_or_else(paths::data))
}

fn with_window(programs: &Path, data: &Path) -> Result<()> {
    let relay_data = data.join("relay");
    let mut relay = Relay::start(programs, &relay_data, free_or_any(PORT), true)?;
    let mut echo = start_echo(programs, &relay_data)?;
    println!("Relay: {} (data in {})", relay.url, data.display());
    println!("Close the window or press Ctrl-C to stop everything.");

    let mut app = Command::new(programs.join(cargo::program("parley")));
    app.args(["--relay", &relay.url, "--data-dir"]).arg(data.join("app"));
    let mut app = Service::start("the app", &mut app, None)?;
    loop {
        match app.wait(Duration::from_secs(1)) {
            Ok((status, _)) if status.success() => return Ok(()),
            Ok((status, _)) => bail!("the app ended with {status}"),
            Err(_) if relay.service.ended()?.is_some() => {
                bail!("the relay ended; see {}", relay_data.join("relay.log").display())
            }
            // The app goes on without its echo partner, so only tell.
            Err(_) if echo.as_mut().is_some_and(|echo| echo.ended().is_ok_and(|status| status.is_some())) => {
                println!("Echo ended; see {}", relay_data.join("echo.log").display());
                echo = None;
            }
            Err(_) => {}
        }
    }
}

/// Starts Echo, the partner that everyone can call.
fn start_echo(programs: &Path, relay_data: &Path) -> Result<Option<Service>> {
    let credentials = relay_data.join("echo.json");
    let mut command = Command::new(programs.join(cargo::program("parley-bot")));
    command.arg("echo").arg("--credentials").arg(&credentials);
    let mut echo = Service::start("Echo", &mut command, Some(&relay_data.join("echo.log")))?;
    echo.wait_for_line("parley-bot ready", Duration::from_secs(20)).context("Echo could not sign in")?;
    Ok(Some(echo))
}

fn has_display() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !cfg!(target_os = "linux") || set("DISPLAY") || set("WAYLAND_DISPLAY")
}
