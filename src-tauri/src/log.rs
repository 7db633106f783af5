//! The log: to stderr, and to `parley.log` beside the data, the one of the start before kept as `parley.previous.log`.

use std::{
    fs::{self, File},
    io,
    path::Path,
    sync::Mutex,
};

use anyhow::Context;
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

/// The WebRTC crates name addresses in their warnings; PulseAudio's calls every end of a connection an error.
const DEFAULT_FILTER: &str = "info,webrtc=off,rtc=off,pulseaudio=off";

/// Starts the log.
///
/// # Errors
/// When the file cannot be made or the filter cannot be read.
pub fn start(data_dir: &Path, filter: Option<&str>) -> anyhow::Result<()> {
    let filter = match filter {
        Some(filter) => EnvFilter::try_new(filter).context("read the log filter")?,
        None => EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER)),
    };
    let path = data_dir.join("parley.log");
    // There is none at the first start.
    let _ = fs::rename(&path, data_dir.join("parley.previous.log"));
    let file = File::create(&path).with_context(|| format!("create {}", path.display()))?;
    tracing_subscriber::registry()
        .with(filter)
        .with(fmt::layer().with_writer(io::stderr))
        .with(fmt::layer().with_ansi(false).with_writer(Mutex::new(file)))
        .try_init()
        .context("start the log")
}
