//! The servers that are measured: ours, those of npm and Prosody, each a process of its own.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use tempfile::TempDir;

use super::crowd::{Guest, renew, settle};
use super::load::{Client, Dialect};
use super::xmpp;
use crate::programs::{self, Process};
use crate::relay::RelayProcess;

/// Rates that no bench reaches: what is measured is what the relay can do, not what it lets one person do.
pub(super) const NO_LIMITS: &str = "[rates]\nmessage_burst = 100000000\nrequest_burst = 100000000\n";
const START: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub struct Server {
    pub dialect: Dialect,
    /// For sockets.
    pub address: String,
    pub guests: Vec<Guest>,
    /// In each room.
    members: usize,
    process: Running,
}

#[derive(Debug)]
enum Running {
    Relay { relay: RelayProcess, _config: TempDir },
    Peer { process: Process, _folder: TempDir },
}

impl Server {
    /// A relay with `rooms` of `members` people each, on SQLite as everybody starts it.
    ///
    /// # Errors
    /// It does not start.
    pub async fn relay(rooms: usize, members: usize) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let config = folder.path().join("parley.toml");
        std::fs::write(&config, NO_LIMITS)?;
        let mut relay = RelayProcess::start_with(&["--config", path(&config)?])?;
        relay.kill();
        let guests = settle(relay.data(), rooms, members).await?;
        relay.start_again()?;
        let address = relay.url.replacen("http", "ws", 1) + "/api/v1/socket";
        let process = Running::Relay { relay, _config: folder };
        Ok(Self { dialect: Dialect::Parley, address, guests, members, process })
    }

    /// Another server, which has rooms of `members` people each, or only one room where it knows no others.
    ///
    /// # Errors
    /// It is not installed, or does not start.
    pub fn peer(dialect: Dialect, members: usize) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let (mut command, address) = match dialect {
            Dialect::Ws => (npm("ws")?, "/"),
            Dialect::SocketIo => (npm("socket.io")?, "/socket.io/?EIO=4&transport=websocket"),
            Dialect::Prosody => (prosody(folder.path())?, "/xmpp-websocket"),
            Dialect::Parley => bail!("Parley is no peer of itself"),
        };
        let mut process = Process::start(&mut command, &folder.path().join("peer.log"))?;
        let listens = process.wait_for("listening on http://", START)?;
        let address = format!("ws://{listens}{address}");
        Ok(Self { dialect, address, guests: Vec::new(), members, process: Running::Peer { process, _folder: folder } })
    }

    /// Connects the client of this number and puts it into its room; those of a room follow one another.
    ///
    /// # Errors
    /// The server refuses it.
    pub async fn enter(&self, number: usize) -> Result<Client> {
        let mut client = Client::connect(&self.address, self.dialect, self.guests.get(number)).await?;
        if self.dialect == Dialect::Prosody {
            client.join(xmpp::room(number / self.members), &format!("guest{number}")).await?;
        }
        Ok(client)
    }

    /// The relay's address for REST.
    ///
    /// # Errors
    /// It is no relay of ours.
    pub fn url(&self) -> Result<&str> {
        match &self.process {
            Running::Relay { relay, .. } => Ok(&relay.url),
            Running::Peer { .. } => bail!("only a relay has REST"),
        }
    }

    /// Ends a relay without a chance to write anything (SIGKILL).
    pub fn kill(&mut self) {
        if let Running::Relay { relay, .. } = &mut self.process {
            relay.kill();
        }
    }

    /// Starts a killed relay on its port and its data.
    ///
    /// # Errors
    /// It does not come up.
    pub fn start_again(&mut self) -> Result<()> {
        match &mut self.process {
            Running::Relay { relay, .. } => {
                renew(relay.data(), &mut self.guests)?;
                relay.start_again()
            }
            Running::Peer { .. } => bail!("only a relay is started again"),
        }
    }

    /// # Errors
    /// It has ended.
    pub fn id(&self) -> Result<u32> {
        match &self.process {
            Running::Relay { relay, .. } => relay.id().context("the relay has ended"),
            Running::Peer { process, .. } => Ok(process.id()),
        }
    }
}

fn npm(package: &str) -> Result<Command> {
    let mut command = Command::new(programs::installed(&["node"])?);
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/peers/chat.js")).arg(package);
    Ok(command)
}

/// It keeps everything in `data`.
fn prosody(data: &Path) -> Result<Command> {
    const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/prosody");
    let program = programs::installed(&["prosody"])
        .map_err(|_| anyhow!("prosody is missing: `cargo xtask bench chat` installs it"))?;
    let mut command = Command::new(program);
    command.arg("-F").arg("--config").arg(Path::new(FOLDER).join("prosody.cfg.lua"));
    command.env("PARLEY_DATA", data).env("PARLEY_PLUGINS", FOLDER);
    Ok(command)
}

fn path(path: &Path) -> Result<&str> {
    path.to_str().context("a path that is no text")
}
