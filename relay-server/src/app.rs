//! The parts of a running relay, and how they are put together.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context as _;
use parley_shared::ids::DeviceId;
use parley_shared::wire::{ErrorCode, User, WireError};
use relay_core::rate::{Limiter, Quota, retry_after_s};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::auth::{Passwords, Tokens};
use crate::board::Board;
use crate::config::Config;
use crate::devices::Devices;
use crate::driver::{Driver, Hub};
use crate::export::Exports;
use crate::files::Files;
use crate::metrics::Metrics;
use crate::seal::Seal;
use crate::secrets::Secrets;
use crate::store::Store;
use crate::store::sqlite::SqliteStore;
use crate::tenants::Tenants;
use crate::{clock, departures, http};

/// Connections that are still open this long after the shutdown began are dropped.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// Everything that handlers share. Cheap to clone.
pub type App = Arc<Parts>;

#[derive(Debug)]
pub struct Parts {
    pub config: Config,
    pub store: Arc<dyn Store>,
    pub files: Arc<Files>,
    pub hub: Hub,
    pub board: Board,
    pub passwords: Passwords,
    pub tokens: Tokens,
    pub gates: Gates,
    pub exports: Exports,
    pub metrics: Arc<Metrics>,
    pub tenants: Tenants,
    pub seal: Seal,
    pub devices: Devices,
}

impl std::fmt::Debug for dyn Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store")
    }
}

/// REST requests of one device: a client that fetches everything anew stays below it.
const REST: Quota = Quota { burst: 1_000, window: Duration::from_secs(10) };

/// Searches of one device, as somebody types: a search of many common words reads much, and the readers are few.
const SEARCHES: Quota = Quota { burst: 50, window: Duration::from_secs(10) };

/// Who may ask how often.
#[derive(Debug)]
pub struct Gates {
    accounts: Mutex<Limiter<[u8; 32]>>,
    addresses: Mutex<Limiter<std::net::IpAddr>>,
    devices: Mutex<Limiter<DeviceId>>,
    searches: Mutex<Limiter<DeviceId>>,
}

impl Gates {
    fn new(config: &Config) -> Self {
        Self {
            accounts: Mutex::new(Limiter::new(config.sign_in_tries)),
            addresses: Mutex::new(Limiter::new(config.auth_per_address)),
            devices: Mutex::new(Limiter::new(REST)),
            searches: Mutex::new(Limiter::new(SEARCHES)),
        }
    }

    /// # Errors
    /// `rate_limited` when the device asked too often.
    pub fn ask(&self, device_id: DeviceId) -> Result<(), WireError> {
        take(&self.devices, device_id)
    }

    /// # Errors
    /// `rate_limited` when the device searched too often.
    pub fn search(&self, device_id: DeviceId) -> Result<(), WireError> {
        take(&self.searches, device_id)
    }

    /// # Errors
    /// `rate_limited` when the address asked too often.
    pub fn enter(&self, address: std::net::IpAddr) -> Result<(), WireError> {
        take(&self.addresses, address)
    }

    /// Counts a try of the account, whether it exists or not; [`Gates::forgive`] takes it back after a success.
    ///
    /// # Errors
    /// `rate_limited` after too many failures.
    pub fn try_account(&self, email_key: [u8; 32]) -> Result<(), WireError> {
        take(&self.accounts, email_key)
    }

    pub fn forgive(&self, email_key: &[u8; 32]) {
        self.accounts.lock().expect("no holder of a gate panics").give_back(email_key);
    }
}

fn take<K: Ord>(limiter: &Mutex<Limiter<K>>, key: K) -> Result<(), WireError> {
    let taken = limiter.lock().expect("no holder of a gate panics").take(key, clock::now().at);
    taken.map_err(|wait| WireError {
        retry_after_s: Some(retry_after_s(wait)),
        ..WireError::new(ErrorCode::RateLimited, "Too many tries. Please wait.")
    })
}

impl Parts {
    /// Whose token it is, if the device is still signed in.
    ///
    /// # Errors
    /// `unauthenticated` for every fault of the token alike; `unavailable` when the store cannot be asked.
    pub async fn authenticate(&self, token: &str) -> Result<(User, DeviceId), WireError> {
        let refused = || WireError::new(ErrorCode::Unauthenticated, "Sign in again, or refresh the token.");
        let (user_id, device_id) = self.tokens.check(token).ok_or_else(refused)?;
        let user = self.store.device_user(device_id).await.map_err(crate::store::StoreError::into_wire)?;
        match user {
            Some(user) if user.id == user_id => Ok((user, device_id)),
            Some(_) | None => Err(refused()),
        }
    }
}

/// Opens the data directory and serves until `shutdown` resolves, then tells every socket, finishes what is under way and returns.
///
/// # Errors
/// Fails when the data directory or the database cannot be opened.
pub async fn serve(config: Config, listener: TcpListener, shutdown: impl Future<Output = ()>) -> anyhow::Result<()> {
    let (app, driver) = open(config).await?;
    let (stop, stopped) = watch::channel(false);
    let driver = tokio::spawn(driver.run());
    let server = tokio::spawn(http::serve(app.clone(), listener, stopped.clone()));
    let metrics = tokio::spawn(http::serve_metrics(app.clone(), stopped.clone()));
    let sweeper = tokio::spawn(sweep(app.clone(), stopped));
    let mut driver = driver;
    tokio::select! {
        () = shutdown => {}
        ended = &mut driver => {
            ended.context("the driver panicked")??;
            anyhow::bail!("the driver ended by itself");
        }
    }
    tracing::info!("shutting down");
    let _ = stop.send(true);
    app.hub.shut_down().await;
    let joined = async {
        let _ = driver.await;
        let _ = server.await;
    };
    if tokio::time::timeout(SHUTDOWN_TIMEOUT, joined).await.is_err() {
        tracing::warn!("some connections did not end in time");
    }
    metrics.abort();
    sweeper.abort();
    Ok(())
}

async fn open(config: Config) -> anyhow::Result<(App, Driver)> {
    let data_dir = config.data_dir.clone();
    let opened = tokio::task::spawn_blocking(move || {
        let (store, secrets) = open_data(&data_dir)?;
        let store: Arc<dyn Store> = Arc::new(store);
        let files = Files::open(&data_dir, store.clone()).context("cannot open the files that people uploaded")?;
        anyhow::Ok((store, secrets, files))
    });
    let (store, secrets, files) = opened.await.context("opening the data directory")??;
    let (board, metrics) = (Board::default(), Arc::new(Metrics::default()));
    let settings = relay_core::Settings {
        ice_servers: config.ice_servers.clone(),
        messages: config.messages,
        requests: config.requests,
    };
    let (driver, hub) = Driver::new(settings, store.clone(), board.clone(), metrics.clone());
    let (gates, exports) = (Gates::new(&config), Exports::default());
    let (tokens, seal) = (Tokens::new(&secrets.token_key), Seal::new(&secrets.token_key));
    let tenants = Tenants::open(&config, &*store).await.context("cannot make the tenants")?;
    let (passwords, files) = (Passwords::default(), Arc::new(files));
    let parts = Parts {
        config,
        store,
        files,
        hub,
        board,
        passwords,
        tokens,
        gates,
        exports,
        metrics,
        tenants,
        seal,
        devices: Devices::default(),
    };
    Ok((Arc::new(parts), driver))
}

/// The database and the secrets of a data directory, made when they are not there. Blocks.
///
/// # Errors
/// Fails with what could not be opened.
pub fn open_data(data_dir: &std::path::Path) -> anyhow::Result<(SqliteStore, Secrets)> {
    make_private_dir(data_dir).with_context(|| format!("cannot make {}", data_dir.display()))?;
    let secrets = Secrets::load_or_make(data_dir)?;
    let path = data_dir.join("relay.sqlite");
    let store = SqliteStore::open(&path).with_context(|| format!("cannot open {}", path.display()))?;
    Ok((store, secrets))
}

/// What is in it concerns nobody else on the machine.
fn make_private_dir(path: &std::path::Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

async fn sweep(app: App, mut stopped: watch::Receiver<bool>) {
    loop {
        let pause = match app.store.sweep(clock::unix_now()).await {
            Ok(true) => Duration::from_millis(50),
            Ok(false) => {
                departures::forget_guests(&app).await;
                sweep_files(&app.files).await;
                app.config.sweep_every
            }
            Err(error) => {
                tracing::warn!(%error, "sweeping failed");
                app.config.sweep_every
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stopped.changed() => return,
        }
    }
}

async fn sweep_files(files: &Files) {
    if let Err(error) = files.sweep().await {
        tracing::warn!(%error, "sweeping files failed");
    }
}
