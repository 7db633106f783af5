//! Node, and the packages of the folders that have a `package.json`.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context, Result, bail};

use crate::{paths, process};

/// The oldest Node that Vite runs on.
const NODE: (u32, u32) = (20, 19);

/// Checks Node and fetches a folder's packages if its lock file is newer than they are.
pub fn install(folder: &Path) -> Result<()> {
    check_node()?;
    let lock = folder.join("package-lock.json");
    let locked = modified(&lock).with_context(|| format!("{} is missing", lock.display()))?;
    if modified(&folder.join("node_modules/.package-lock.json")).is_some_and(|installed| installed >= locked) {
        return Ok(());
    }
    process::run(&mut command(folder, &["ci", "--no-audit", "--no-fund"]))
}

/// An npm command in a folder.
pub fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" });
    command.args(args).current_dir(folder).env("npm_config_cache", paths::npm_cache());
    command
}

/// When a file was changed last.
pub fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|data| data.modified()).ok()
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
