//! The front-end: Node, its packages, and the built pages that the app embeds.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::Result;

use crate::{npm, paths, process};

/// Checks Node, fetches the packages if the lock file is newer, and builds the pages if a source is newer.
pub fn build() -> Result<()> {
    install()?;
    let dist = folder().join("dist/index.html");
    if npm::modified(&dist).is_some_and(|built| built > newest_source()) {
        return Ok(());
    }
    process::run(npm(&["run", "build"]).arg("--silent"))
}

/// Checks Node and fetches the packages if the lock file is newer than they are.
pub fn install() -> Result<()> {
    npm::install(&folder())
}

/// An npm command in the front-end's folder.
pub fn npm(args: &[&str]) -> Command {
    npm::command(&folder(), args)
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
        } else if let Some(time) = npm::modified(&path) {
            *newest = (*newest).max(time);
        }
    }
}
