//! A relay with its echo partner.

use std::process::Command;

use anyhow::{Context, Result};
use tempfile::TempDir;

use super::SOON;
use crate::programs::{self, Process};
use crate::relay::RelayProcess;

/// `parley-bot echo`, signed in and ready to be called. Dropping it ends it.
#[derive(Debug)]
pub struct Echo {
    _process: Process,
    _files: TempDir,
}

impl Echo {
    /// Starts a relay that makes the account, and then the bot.
    ///
    /// # Errors
    /// One of them does not build, or was not ready in time.
    pub fn with_relay() -> Result<(RelayProcess, Self)> {
        let files = tempfile::tempdir()?;
        let credentials = files.path().join("echo.json");
        let relay = RelayProcess::start_with(&["--echo-credentials", &credentials.display().to_string()])?;
        let mut command = Command::new(programs::own("parley-client", "parley-bot")?);
        command.args(["echo", "--credentials"]).arg(&credentials);
        let mut process = Process::start(&mut command, &files.path().join("echo.log"))?;
        process.wait_for("parley-bot ready", SOON).context("start Echo")?;
        Ok((relay, Self { _process: process, _files: files }))
    }
}
