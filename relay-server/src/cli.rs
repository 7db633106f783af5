//! The command line.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use parley_shared::ids::UserId;
use parley_shared::wire::{Role, Secret};
use rand::RngCore;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use crate::app;
use crate::auth::{hash_now, random_token, verify_now};
use crate::clock::unix_now;
use crate::config::{Config, LogFormat, Settings};
use crate::secrets::write_private;
use crate::store::sqlite::SqliteStore;
use crate::store::{DEFAULT_TENANT, NewUser, Store, TenantId, TenantStore};

/// The Parley relay: accounts, rooms, signaling and message history in one process and one data directory.
#[derive(Debug, Parser)]
#[command(name = "parley-relay", version)]
pub struct Cli {
    /// A file of settings (TOML).
    #[arg(long, env = "PARLEY_CONFIG", global = true)]
    config: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the relay (also without any command).
    Serve {
        /// Makes the account of the Echo partner and writes its sign-in to this file.
        #[arg(long, value_name = "FILE")]
        echo_credentials: Option<PathBuf>,
    },
    /// Shows the settings that hold, without secrets.
    CheckConfig,
    /// Works on accounts with administrator rights.
    Admin {
        #[command(subcommand)]
        command: AdminCommand,
    },
    /// Makes the account of a program and writes its sign-in to a file.
    BotAccount {
        #[arg(long)]
        name: String,
        /// Where the program will find the relay.
        #[arg(long)]
        relay_url: String,
        /// The file to write; `echo.json` in the data directory unless given.
        #[arg(long)]
        credentials: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
enum AdminCommand {
    /// Makes an administrator and prints their password once.
    Create {
        #[arg(long)]
        email: String,
        #[arg(long)]
        name: String,
        /// The tenant of the settings that they look after.
        #[arg(long, default_value = DEFAULT_TENANT)]
        tenant: String,
    },
}

/// Does what the command line says.
///
/// # Errors
/// Fails with a sentence for whoever runs the relay.
pub async fn run(cli: Cli) -> anyhow::Result<()> {
    let config = Config::load(cli.config.as_deref(), cli.settings)?;
    match cli.command {
        None => serve(config, None).await,
        Some(Command::Serve { echo_credentials }) => serve(config, echo_credentials).await,
        Some(Command::CheckConfig) => {
            print(&config.redacted());
            Ok(())
        }
        Some(Command::Admin { command: AdminCommand::Create { email, name, tenant } }) => {
            let password = random_token();
            create_admin(&config, &tenant, &name, &email, &password).await?;
            print(&format!("Made the administrator {name}. Password (shown once): {}", password.reveal()));
            Ok(())
        }
        Some(Command::BotAccount { name, relay_url, credentials }) => {
            let path = credentials.unwrap_or_else(|| config.data_dir.join("echo.json"));
            ensure_bot(&config, &name, &relay_url, &path).await
        }
    }
}

async fn serve(config: Config, echo_credentials: Option<PathBuf>) -> anyhow::Result<()> {
    start_log(&config)?;
    tracing::info!("settings:\n{}", config.redacted());
    let listener =
        TcpListener::bind(config.listen).await.with_context(|| format!("cannot listen on {}", config.listen))?;
    let url = format!("http://{}", listener.local_addr().context("the listener has no address")?);
    if let Some(path) = echo_credentials {
        ensure_bot(&config, "Echo", &url, &path).await?;
    }
    print(&format!("parley-relay listening on {url}"));
    app::serve(config, listener, asked_to_stop()).await
}

fn start_log(config: &Config) -> anyhow::Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_new(&config.log).context("the setting `log` is wrong")?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    match config.log_format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().init(),
    }
    Ok(())
}

/// Resolves on SIGTERM or ctrl-c.
async fn asked_to_stop() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut terminate) = signal(SignalKind::terminate()) else { return std::future::pending().await };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    }
    #[cfg(not(unix))]
    {
        let _ = tokio::signal::ctrl_c().await;
    }
}

/// How a program signs in.
#[derive(Debug, Serialize, Deserialize)]
struct BotCredentials {
    relay_url: String,
    email: String,
    password: Secret,
}

/// Makes the program's account, or gives it a new password; a file that is still right only gets the relay's address.
async fn ensure_bot(config: &Config, name: &str, relay_url: &str, path: &Path) -> anyhow::Result<()> {
    let email = format!("{}@bots.parley.invalid", name.to_lowercase().replace(' ', "-"));
    let store = open_store(config).await?;
    let known = store.credentials(TenantId::DEFAULT, email.clone()).await?;
    let kept = std::fs::read_to_string(path).ok().and_then(|text| serde_json::from_str::<BotCredentials>(&text).ok());
    let password = match (known, kept) {
        (Some(known), Some(kept)) if kept.email == email && verify_now(&kept.password, &known.password_hash) => {
            kept.password
        }
        (Some(known), _) => {
            let password = random_token();
            store.set_password(known.user.id, hash_now(&password)).await?;
            password
        }
        (None, _) => {
            let password = random_token();
            store.create_user(new_user(TenantId::DEFAULT, name, &email, &password, Role::Member, true)).await?;
            password
        }
    };
    let credentials = BotCredentials { relay_url: relay_url.to_owned(), email, password };
    write_private(path, &serde_json::to_vec_pretty(&credentials)?)
}

async fn create_admin(config: &Config, tenant: &str, name: &str, email: &str, password: &Secret) -> anyhow::Result<()> {
    let known = tenant == DEFAULT_TENANT || config.tenants.iter().any(|known| known.name == tenant);
    anyhow::ensure!(known, "there is no tenant {tenant} in the settings");
    let store = open_store(config).await?;
    let tenant = store.ensure_tenants(vec![tenant.to_owned()]).await?.first().copied().unwrap_or(TenantId::DEFAULT);
    store.create_user(new_user(tenant, name, email, password, Role::Admin, false)).await?;
    Ok(())
}

fn new_user(tenant: TenantId, name: &str, email: &str, password: &Secret, role: Role, bot: bool) -> NewUser {
    let mut random = [0; 10];
    rand::rng().fill_bytes(&mut random);
    let at = unix_now();
    NewUser {
        id: UserId::from_parts(at, random),
        tenant,
        display_name: name.to_owned(),
        email: email.to_owned(),
        password_hash: hash_now(password),
        role: Some(role),
        bot,
        code: None,
        at,
    }
}

async fn open_store(config: &Config) -> anyhow::Result<SqliteStore> {
    let data_dir = config.data_dir.clone();
    let opened = tokio::task::spawn_blocking(move || app::open_data(&data_dir)).await;
    let (store, _) = opened.context("opening the data directory")??;
    Ok(store)
}

#[expect(clippy::print_stdout, reason = "the answer of a command line")]
fn print(line: &str) {
    println!("{line}");
}
