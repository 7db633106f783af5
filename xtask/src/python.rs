//! A tool written in Python, in an environment of its own beside the checkout. Linux only.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::{paths, process};

/// Installs what a list of pinned packages names into `tools/<name>`, unless the list is the one that is there.
pub fn install(name: &str, list: &Path) -> Result<()> {
    let wanted = std::fs::read_to_string(list).with_context(|| format!("{} is missing", list.display()))?;
    let place = paths::tools().join(name);
    let stamp = place.join("installed.txt");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    process::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&place))?;
    let mut pip = Command::new(place.join("bin/python"));
    process::run(
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r"]).arg(list),
    )?;
    std::fs::write(stamp, wanted)?;
    Ok(())
}
