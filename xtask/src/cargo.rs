//! Calling cargo for the workspace.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::{paths, process};

/// A cargo command at the top of the checkout that builds outside of it.
pub fn command(args: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(paths::workspace()).env("CARGO_TARGET_DIR", paths::target());
    // `cargo run` describes this crate in the environment; a nested cargo must not take that for its own.
    for (name, _) in std::env::vars_os() {
        if is_of_this_crate(&name) {
            command.env_remove(name);
        }
    }
    command
}

/// Builds programs of the workspace and gives the folder they are in.
pub fn build(packages: &[&str], release: bool) -> Result<PathBuf> {
    let mut build = command(&["build", "--locked", "--bins"]);
    build.args(packages.iter().flat_map(|package| ["--package", package]));
    if release {
        build.arg("--release");
    }
    process::run(&mut build)?;
    Ok(paths::target().join(if release { "release" } else { "debug" }))
}

/// Installs parts of Rust's toolchain that a minimal installation leaves out, such as `clippy`.
pub fn ensure_component(name: &str, probe: &[&str]) -> Result<()> {
    let there = command(probe).output().is_ok_and(|output| output.status.success());
    if there { Ok(()) } else { process::run(Command::new("rustup").args(["component", "add", name])) }
}

/// The name of a program's file on this system.
pub fn program(name: &str) -> String {
    format!("{name}{}", std::env::consts::EXE_SUFFIX)
}

fn is_of_this_crate(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"))
}
