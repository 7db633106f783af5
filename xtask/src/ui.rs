//! The front-end: Node, its packages, and the built pages that the app embeds.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context, Result, bail};

use crate::{paths, process};

/// The oldest Node that Vite runs on.
const NODE: (u32, u32) = (20, 19);

/// Checks Node, fetches the packages if the lock file is newer, and builds the pages if a source is newer.
pub fn build() -> Result<()> {
    install()?;
    let dist = folder().join("dist/index.html");
    if modified(&dist).is_some_and(|built| built > newest_source()) {
        return Ok(());
    }
    process::run(npm(&["run", "build"]).arg("--silent"))
}

/// Checks Node and fetches the packages if the lock file is newer than they are.
pub fn install() -> Result<()> {
    check_node()?;
    let lock = modified(&folder().join("package-lock.json")).context("ui/package-lock.json is missing")?;
    if modified(&folder().join("node_modules/.package-lock.json")).is_some_and(|installed| installed >= lock) {
        return Ok(());
    }
    process::run(&mut npm(&["ci", "--no-audit", "--no-fund"]))
}

/// An npm command in the front-end's folder.
pub fn npm(args: &[&str]) -> Command {
    let mut command = Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" });
    command.args(args).current_dir(folder()).env("npm_config_cache", paths::npm_cache());
    command
}

fn check_node() -> Result<()> {
    let (major, minor) = NODE;
    let Some(version) = process::ask("node", &["--version"]) else {
        bail!("Node is missing. Install Node {major}.{minor} or newer from https://nodejs.org and start again.");
    };
    if parse_version(&version).is_none_or(|found| found < NODE) {
        bail!(
            "Node {version} is too old. Install Node {major}.{minor} or newer from https://nodejs.org and start again."
        );
    }
    Ok(())
}

fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.trim().trim_start_matches('v').split('.').map(str::parse);
    Some((parts.next()?.ok()?, parts.next()?.ok()?))
}

fn folder() -> PathBuf {
    paths::workspace().join("ui")
}

fn newest_source() -> SystemTime {
    let mut newest = SystemTime::UNIX_EPOCH;
    visit(&folder(), &mut newest);
    newest
}

fn visit(dir: &Path, newest: &mut SystemTime) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if name == "node_modules" || name == "dist" {
            continue;
        }
        let path = entry.path();
        if path.is_dir() {
            visit(&path, newest);
        } else if let Some(time) = modified(&path) {
            *newest = (*newest).max(time);
        }
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|data| data.modified()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(parse_version("v20.9.1"), Some((20, 9)));
        assert!(parse_version("v20.9.1") < Some(NODE));
        assert!(parse_version("v100.0.0") > Some(NODE));
        assert_eq!(parse_version("nonsense"), None);
    }
}
