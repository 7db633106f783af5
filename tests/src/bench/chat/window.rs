//! The window: how long it takes to show the history again, and how long script holds a frame while one scrolls.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::server::NO_LIMITS;
use crate::person::{PASSWORD, Person, email};
use crate::programs::{self, Process};
use crate::relay::RelayProcess;
use crate::window::{Desk, Window, id, row};

/// Messages that lie in the history.
const MESSAGES: usize = 200;
const SOON: Duration = Duration::from_secs(30);
/// WebKit writes what a page keeps, here which room is open, half a second after it changed.
const KEPT_WITHIN: Duration = Duration::from_secs(1);

/// A person who was signed in and has a history, without a relay.
#[derive(Debug)]
pub struct Desktop {
    desk: Desk,
    url: String,
}

impl Desktop {
    /// # Errors
    /// A program is missing, or something did not happen.
    pub async fn start() -> Result<Self> {
        let desk = Desk::start().await?;
        let config = desk.path().join("parley.toml");
        std::fs::write(&config, NO_LIMITS)?;
        let relay = RelayProcess::start_with(&["--config", &config.display().to_string()])?;
        let bob = Person::sign_up(&relay.url, "Bob").await?;
        let window = open(&desk, &relay.url).await?;
        window.write(&id("auth-name"), "Alice").await?;
        window.write(&id("auth-email"), &email("Alice")).await?;
        window.write(&id("auth-password"), PASSWORD).await?;
        window.click(&id("auth-submit")).await?;
        window.see(&id("shell")).await?;
        let room_id = bob.open_direct("Alice").await?;
        for number in 0..MESSAGES {
            bob.say(room_id, &format!("Message {number}")).await?;
        }
        window.click(&row("room-item", "Bob")).await?;
        window.see(&id("message-text")).await?;
        tokio::time::sleep(KEPT_WITHIN).await;
        window.close().await?;
        Ok(Self { desk, url: relay.url.clone() })
    }

    /// Milliseconds from the start of the app's process to messages on the screen, in the room that was open before. The app says so
    /// in its log: a driver of the window would be measured with it.
    ///
    /// # Errors
    /// It did not come to that.
    pub fn cold_start_ms(&self) -> Result<f64> {
        let mut app = Command::new(programs::own("parley-desktop", "parley")?);
        app.args(args(&self.desk, &self.url)).env_clear().envs(self.desk.env());
        let begin = Instant::now();
        let mut app = Process::start(&mut app, &self.desk.path().join("app.log"))?;
        app.wait_for("messages are on the screen", SOON)?;
        let taken = begin.elapsed();
        ensure!(app.end(SOON)?, "the app did not end well:\n{}", app.log());
        Ok(taken.as_secs_f64() * 1e3)
    }
}

async fn open(desk: &Desk, url: &str) -> Result<Window> {
    let args = args(desk, url);
    Window::open(desk, &args.iter().map(String::as_str).collect::<Vec<_>>()).await
}

fn args(desk: &Desk, url: &str) -> [String; 4] {
    let data = desk.path().join("parley").display().to_string();
    ["--relay".to_owned(), url.to_owned(), "--data-dir".to_owned(), data]
}

/// The longest that script holds a frame while one scrolls through 100,000 messages, in milliseconds.
///
/// # Errors
/// Node or Chromium is missing, or the page did not come up.
pub fn scroll_script_max_ms() -> Result<f64> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ui/scripts/scroll.mjs");
    let output = Command::new(programs::installed(&["node"])?)
        .arg(script)
        .args(["--budget", "1000000"])
        .output()
        .context("start node")?;
    ensure!(output.status.success(), "the page did not scroll: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    let figures: Value = serde_json::from_str(text.lines().last().unwrap_or_default()).context("read the figures")?;
    figures["scroll_script_max_ms"].as_f64().context("a figure")
}
