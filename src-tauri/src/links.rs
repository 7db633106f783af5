//! Web addresses that a person clicks: the system's own browser shows them.

use std::process::{Command, Stdio};

use tauri::Url;
use tracing::warn;

/// Hands a web address to the system; anything else than http and https is left alone. Does not block.
pub fn open(url: &Url) {
    if !matches!(url.scheme(), "http" | "https") {
        return;
    }
    let started = opener(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    match started {
        // The opener ends by itself; someone has to take note of it.
        Ok(mut child) => drop(std::thread::spawn(move || child.wait())),
        Err(error) => warn!(%error, "cannot open a link in the browser"),
    }
}

/// The address is one argument of a program, never part of a shell's line.
fn opener(url: &Url) -> Command {
    let mut command = Command::new(if cfg!(target_os = "macos") {
        "open"
    } else if cfg!(windows) {
        "rundll32"
    } else {
        "xdg-open"
    });
    if cfg!(windows) {
        command.arg("url.dll,FileProtocolHandler");
    }
    command.arg(url.as_str());
    command
}
