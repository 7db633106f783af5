//! What a relay is set to: defaults, then `parley.toml`, then `PARLEY_*`, then flags; the later wins.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use parley_shared::limits;
use parley_shared::wire::{IceServer, Registration, Secret};
use relay_core::rate::Quota;
use serde::{Deserialize, Serialize};

use crate::store::DEFAULT_TENANT;
use crate::tenants::host_name;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    Text,
    Json,
}

/// Every setting as it holds.
#[derive(Clone, Debug)]
pub struct Config {
    /// ```text
    /// relay.sqlite (-wal, -shm)   accounts, rooms, messages: back it up with `sqlite3 relay.sqlite ".backup ..."`, or stop the relay first
    /// secrets.json                the key of access tokens
    /// blobs/ab/cdef...            what people uploaded, by SHA-256; back it up after the database
    /// uploads/                    uploads on their way: may be lost
    /// ```
    /// All of it is readable by the relay's user only.
    pub data_dir: PathBuf,
    pub listen: SocketAddr,
    /// Where Prometheus reads `/metrics`; none: nowhere.
    pub metrics_listen: Option<SocketAddr>,
    pub registration: Registration,
    pub registration_codes: Vec<Secret>,
    /// Besides the default one, whose everything is that comes by another address.
    pub tenants: Vec<Tenant>,
    /// Origins of web pages that may talk to the relay, besides the app's own; `http://127.0.0.1:*` allows every port.
    pub allowed_origins: Vec<String>,
    pub ice_servers: Vec<IceServer>,
    pub log_format: LogFormat,
    /// A filter as `tracing` reads it.
    pub log: String,
    pub messages: Quota,
    pub requests: Quota,
    /// Failed sign-ins of one account.
    pub sign_in_tries: Quota,
    /// Sign-ups, sign-ins and refreshes from one address.
    pub auth_per_address: Quota,
    /// Everything that one person keeps on the relay, in bytes.
    pub storage_per_user_bytes: u64,
    /// One file, in bytes.
    pub file_bytes: u64,
    /// How often what deleted rooms, messages and expired tokens left is looked for.
    pub sweep_every: Duration,
}

/// The settings as a file, the environment or flags give them.
#[derive(Clone, Debug, Default, Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where everything is kept: database, secrets and the files that people upload.
    #[arg(long, env = "PARLEY_DATA_DIR", global = true)]
    pub data_dir: Option<PathBuf>,
    /// Address and port of HTTP and sockets; port 0 takes a free one.
    #[arg(long, env = "PARLEY_LISTEN", global = true)]
    pub listen: Option<SocketAddr>,
    /// Address and port of /metrics; off unless given.
    #[arg(long, env = "PARLEY_METRICS_LISTEN", global = true)]
    pub metrics_listen: Option<SocketAddr>,
    /// Who may make an account.
    #[arg(long, env = "PARLEY_REGISTRATION", global = true, value_parser = registration)]
    pub registration: Option<Registration>,
    /// A code that lets one sign up when registration is by invite; may be repeated.
    #[arg(
        long = "registration-code",
        env = "PARLEY_REGISTRATION_CODES",
        value_delimiter = ',',
        global = true,
        hide_env_values = true
    )]
    pub registration_codes: Option<Vec<String>>,
    /// Origin of a web page that may talk to the relay; may be repeated.
    #[arg(long = "allowed-origin", env = "PARLEY_ALLOWED_ORIGINS", value_delimiter = ',', global = true)]
    pub allowed_origins: Option<Vec<String>>,
    /// Organisations that know nothing of each other.
    #[arg(skip)]
    pub tenants: Option<Vec<Tenant>>,
    #[arg(skip)]
    pub ice_servers: Option<Vec<IceServer>>,
    #[arg(long, env = "PARLEY_LOG_FORMAT", global = true)]
    pub log_format: Option<LogFormat>,
    /// What is logged, such as `info` or `parley_relay=debug`.
    #[arg(long, env = "PARLEY_LOG", global = true)]
    pub log: Option<String>,
    /// Rates, for relays behind shared addresses and for load tests.
    #[arg(skip)]
    pub rates: Option<Rates>,
    /// How much people may upload.
    #[arg(skip)]
    pub files: Option<FileLimits>,
}

/// An organisation with people and rooms of its own. Nobody who needs one only ever sees the word.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tenant {
    /// What the store knows it by: renamed, it is another one. 1 to 32 of `a` to `z`, `0` to `9` and `-`.
    pub name: String,
    /// The hosts of the addresses that its people type in, without a port.
    pub hosts: Vec<String>,
    /// The relay's, unless given.
    pub registration: Option<Registration>,
    /// The relay's, unless given.
    pub registration_codes: Option<Vec<Secret>>,
}

const TENANT_NAME_BYTES: usize = 32;

fn check_tenants(tenants: &[Tenant]) -> anyhow::Result<()> {
    let (mut names, mut hosts) = (BTreeSet::new(), BTreeSet::new());
    for Tenant { name, hosts: own, .. } in tenants {
        let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let sentence = "has 1 to 32 of the characters a to z, 0 to 9 and -";
        anyhow::ensure!(
            plain && (1..=TENANT_NAME_BYTES).contains(&name.len()),
            "tenants: the name {name:?} {sentence}"
        );
        anyhow::ensure!(name != DEFAULT_TENANT, "tenants: {name} is the one without hosts; give another name");
        anyhow::ensure!(names.insert(name), "tenants: two have the name {name}");
        anyhow::ensure!(!own.is_empty(), "tenants: {name} has no hosts");
        for host in own {
            let is_host = !host.is_empty() && host_name(host) == host.trim_end_matches('.').to_ascii_lowercase();
            let plain = host.bytes().all(|b| b.is_ascii_graphic() && !b"/@?#".contains(&b));
            anyhow::ensure!(is_host && plain, "tenants: {host:?} of {name} is no host without a port");
            anyhow::ensure!(hosts.insert(host_name(host)), "tenants: two have the host {host}");
        }
    }
    Ok(())
}

/// Each is what `shared::limits` gives, unless set here.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileLimits {
    /// Everything of one person, in bytes.
    pub storage_per_user_bytes: Option<u64>,
    /// One file, in bytes: not more than apps send.
    pub file_bytes: Option<u64>,
}

/// Bursts; each refills in the time that `shared::limits` gives.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rates {
    pub message_burst: Option<u32>,
    pub request_burst: Option<u32>,
    pub sign_in_tries: Option<u32>,
    pub auth_per_address: Option<u32>,
}

impl Config {
    /// The defaults over a data directory.
    pub fn new(data_dir: PathBuf) -> Self {
        Self {
            data_dir,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 7_878)),
            metrics_listen: None,
            registration: Registration::Open,
            registration_codes: Vec::new(),
            tenants: Vec::new(),
            allowed_origins: Vec::new(),
            ice_servers: Vec::new(),
            log_format: LogFormat::Text,
            log: "info".into(),
            messages: Quota { burst: limits::MESSAGE_BURST, window: limits::MESSAGE_WINDOW },
            requests: Quota { burst: limits::REQUEST_BURST, window: limits::REQUEST_WINDOW },
            sign_in_tries: Quota { burst: limits::SIGN_IN_TRIES, window: limits::SIGN_IN_WINDOW },
            auth_per_address: Quota { burst: limits::AUTH_PER_ADDRESS, window: limits::AUTH_PER_ADDRESS_WINDOW },
            storage_per_user_bytes: limits::STORAGE_PER_USER_BYTES,
            file_bytes: limits::FILE_BYTES,
            sweep_every: Duration::from_secs(60),
        }
    }

    /// For tests in one process: a free port, no limit on accounts from the one address they all have, and much sweeping.
    pub fn for_tests(data_dir: PathBuf) -> Self {
        let mut config = Self::new(data_dir);
        config.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        config.auth_per_address.burst = 100_000;
        config.allowed_origins = vec!["http://127.0.0.1:*".into()];
        config.sweep_every = Duration::from_millis(500);
        config
    }

    /// Takes `given`, and below it the file that is named.
    ///
    /// # Errors
    /// Fails with the name of the file or setting that is wrong.
    pub fn load(file: Option<&Path>, given: Settings) -> anyhow::Result<Self> {
        let from_file = match file {
            Some(path) => read(path)?,
            None => Settings::default(),
        };
        let data_dir = match given.data_dir.clone().or(from_file.data_dir.clone()) {
            Some(data_dir) => data_dir,
            None => default_data_dir()?,
        };
        let mut config = Self::new(data_dir);
        config.apply(from_file)?;
        config.apply(given)?;
        Ok(config)
    }

    fn apply(&mut self, settings: Settings) -> anyhow::Result<()> {
        let Settings { data_dir: _, listen, metrics_listen, registration, registration_codes, .. } = &settings;
        self.listen = listen.unwrap_or(self.listen);
        self.metrics_listen = metrics_listen.or(self.metrics_listen);
        self.registration = registration.unwrap_or(self.registration);
        if let Some(codes) = registration_codes {
            self.registration_codes = codes.iter().map(Secret::new).collect();
        }
        if let Some(tenants) = settings.tenants {
            check_tenants(&tenants)?;
            self.tenants = tenants;
        }
        if let Some(origins) = settings.allowed_origins {
            for origin in &origins {
                anyhow::ensure!(
                    is_origin(origin),
                    "allowed_origins: {origin} is no origin such as https://example.org"
                );
            }
            self.allowed_origins = origins;
        }
        self.ice_servers = settings.ice_servers.unwrap_or_else(|| std::mem::take(&mut self.ice_servers));
        self.log_format = settings.log_format.unwrap_or(self.log_format);
        self.log = settings.log.unwrap_or_else(|| std::mem::take(&mut self.log));
        let rates = settings.rates.unwrap_or_default();
        for (quota, burst) in [
            (&mut self.messages, rates.message_burst),
            (&mut self.requests, rates.request_burst),
            (&mut self.sign_in_tries, rates.sign_in_tries),
            (&mut self.auth_per_address, rates.auth_per_address),
        ] {
            quota.burst = burst.unwrap_or(quota.burst);
            anyhow::ensure!(quota.burst > 0, "rates: a burst is at least 1");
        }
        let files = settings.files.unwrap_or_default();
        self.storage_per_user_bytes = files.storage_per_user_bytes.unwrap_or(self.storage_per_user_bytes);
        self.file_bytes = files.file_bytes.unwrap_or(self.file_bytes);
        anyhow::ensure!(self.file_bytes <= limits::FILE_BYTES, "files: apps send at most {} bytes", limits::FILE_BYTES);
        Ok(())
    }

    /// The settings that hold, one a line, without secrets.
    pub fn redacted(&self) -> String {
        let ice: Vec<&str> = self.ice_servers.iter().flat_map(|s| s.urls.iter().map(String::as_str)).collect();
        format!(
            "data_dir = {:?}\nlisten = \"{}\"\nmetrics_listen = {:?}\nregistration = {:?}\nregistration_codes = {} (hidden)\n\
             allowed_origins = {:?}\nice_servers = {:?} (credentials hidden)\nlog_format = {:?}\nlog = {:?}\n\
             rates = {{ message_burst = {}, request_burst = {}, sign_in_tries = {}, auth_per_address = {} }}\n\
             files = {{ storage_per_user_bytes = {}, file_bytes = {} }}{}",
            self.data_dir,
            self.listen,
            self.metrics_listen.map(|address| address.to_string()),
            self.registration,
            self.registration_codes.len(),
            self.allowed_origins,
            ice,
            self.log_format,
            self.log,
            self.messages.burst,
            self.requests.burst,
            self.sign_in_tries.burst,
            self.auth_per_address.burst,
            self.storage_per_user_bytes,
            self.file_bytes,
            self.tenants.iter().map(|tenant| self.redacted_tenant(tenant)).collect::<String>(),
        )
    }

    fn redacted_tenant(&self, tenant: &Tenant) -> String {
        format!(
            "\n[[tenants]]\nname = {:?}\nhosts = {:?}\nregistration = {:?}\nregistration_codes = {} (hidden)",
            tenant.name,
            tenant.hosts,
            tenant.registration.unwrap_or(self.registration),
            tenant.registration_codes.as_ref().unwrap_or(&self.registration_codes).len(),
        )
    }
}

fn read(path: &Path) -> anyhow::Result<Settings> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    toml::from_str(&text).with_context(|| format!("{} has a wrong setting", path.display()))
}

fn default_data_dir() -> anyhow::Result<PathBuf> {
    let dirs = directories::ProjectDirs::from("", "", "parley-relay")
        .context("there is no home directory: give --data-dir")?;
    Ok(dirs.data_dir().to_owned())
}

/// As the command line and the environment give it.
fn registration(text: &str) -> Result<Registration, String> {
    match text {
        "open" => Ok(Registration::Open),
        "invite" => Ok(Registration::Invite),
        "closed" => Ok(Registration::Closed),
        _ => Err("one of open, invite, closed".into()),
    }
}

fn is_origin(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, rest)| !scheme.is_empty() && !rest.is_empty() && !rest.contains('/'))
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
