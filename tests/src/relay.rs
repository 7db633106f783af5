//! Relays: one inside this process for most tests, one as a process for those that kill it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use parley_relay::config::Config;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::programs::{self, Process};

/// A relay in this process on a free port, with a database of its own. Dropping it stops it.
#[derive(Debug)]
pub struct Relay {
    pub url: String,
    shutdown: Option<oneshot::Sender<()>>,
    served: JoinHandle<Result<()>>,
    _data: TempDir,
}

impl Relay {
    /// # Errors
    /// There is no free port or no place for the database.
    pub async fn start() -> Result<Self> {
        Self::start_with(|_| {}).await
    }

    /// Starts one whose configuration was changed first.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Result<Self> {
        let data = tempfile::tempdir()?;
        let mut config = Config::for_tests(data.path().to_owned());
        change(&mut config);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let (shutdown, stop) = oneshot::channel::<()>();
        let served = tokio::spawn(parley_relay::app::serve(config, listener, async {
            // A dropped sender asks for the end as well.
            let _ = stop.await;
        }));
        Ok(Self { url, shutdown: Some(shutdown), served, _data: data })
    }

    /// Shuts it down as an operator would, and waits until it has ended.
    ///
    /// # Errors
    /// It failed while it served.
    pub async fn stop(mut self) -> Result<()> {
        self.shutdown.take();
        (&mut self.served).await.context("the relay panicked")?
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.served.abort();
    }
}

/// The real program on a free port. It keeps its port and its data over [`Self::kill`] and [`Self::start_again`].
#[derive(Debug)]
pub struct RelayProcess {
    pub url: String,
    address: SocketAddr,
    data: TempDir,
    args: Vec<String>,
    process: Option<Process>,
}

/// The first start makes secrets and a database; the machine may be busy.
const READY: Duration = Duration::from_secs(30);

impl RelayProcess {
    /// # Errors
    /// It does not build, or was not ready in time.
    pub fn start() -> Result<Self> {
        Self::start_with(&[])
    }

    /// Starts it with further arguments of `parley-relay serve`.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_with(args: &[&str]) -> Result<Self> {
        let data = tempfile::tempdir()?;
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        let (process, address) = launch(data.path(), "127.0.0.1:0", &args)?;
        Ok(Self { url: format!("http://{address}"), address, data, args, process: Some(process) })
    }

    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// Its process id while it runs.
    pub fn id(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// Ends it without a chance to say goodbye or to write anything (SIGKILL).
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Starts it on the port and the data that it had.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_again(&mut self) -> Result<()> {
        let (process, _) = launch(self.data.path(), &self.address.to_string(), &self.args)?;
        self.process = Some(process);
        Ok(())
    }
}

fn launch(data: &Path, listen: &str, args: &[String]) -> Result<(Process, SocketAddr)> {
    let program: PathBuf = programs::own("parley-relay", "parley-relay")?;
    let mut command = Command::new(program);
    command.args(["serve", "--listen", listen, "--data-dir"]).arg(data).args(args);
    let mut process = Process::start(&mut command, &data.join("relay.log"))?;
    let address = process.wait_for("parley-relay listening on http://", READY)?;
    Ok((process, address.parse().with_context(|| format!("the relay's address {address:?}"))?))
}
