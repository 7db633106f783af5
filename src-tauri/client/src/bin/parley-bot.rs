//! Parley without a window: an echo partner, and one end of a measured call.

use std::io::IsTerminal;

use clap::Parser;
use parley_client::bot::{Cli, run};
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,webrtc=off,rtc=off,pulseaudio=off"));
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr).init();
    run(cli).await
}
