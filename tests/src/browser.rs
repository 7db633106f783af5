//! Chromium without a window, and in it a page that knows nothing but the public protocol: a peer nobody here wrote.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use fantoccini::Client;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::pages::Pages;
use crate::programs::{self, Process};
use crate::webdriver;

/// What the browser's camera and microphone play. `None` is Chromium's own test picture and beeps.
#[derive(Clone, Debug, Default)]
pub struct FakeDevices {
    /// A y4m file, looped.
    pub camera: Option<PathBuf>,
    /// A wav file, looped.
    pub microphone: Option<PathBuf>,
}

/// A browser with one page. Dropping it ends it.
#[derive(Debug)]
pub struct Browser {
    page: Client,
    driver: Process,
    _profile: TempDir,
}

/// Chromium takes seconds to start on a busy machine.
const START: Duration = Duration::from_secs(60);

/// Scripts wait inside the page, with messages of their own; this bound is the last one.
const SCRIPT_MS: u64 = 90_000;

impl Browser {
    /// Starts Chromium and opens the peer's page.
    ///
    /// # Errors
    /// Chromium or chromedriver is missing or does not start.
    pub async fn start(pages: &Pages, devices: &FakeDevices) -> Result<Self> {
        let profile = tempfile::tempdir()?;
        let mut command = Command::new(programs::installed(&["chromedriver"])?);
        let mut driver = Process::start(command.arg("--port=0"), &profile.path().join("driver.log"))?;
        let port = driver.wait_for("was started successfully on port ", START)?;
        let port = port.trim_end_matches('.').parse().context("chromedriver's port")?;
        let page = webdriver::connect(port, capabilities(&chromium()?, profile.path(), devices))
            .await
            .with_context(|| format!("start Chromium: {}", driver.log()))?;
        page.goto(&format!("{}/peer.html", pages.url)).await?;
        Ok(Self { page, driver, _profile: profile })
    }

    /// Evaluates an expression in the page, awaits it, and gives its value. Arguments are `args[0]`, `args[1]` ...
    ///
    /// # Errors
    /// It threw, or its value has another shape.
    pub async fn eval<T: DeserializeOwned>(&self, expression: &str, args: Vec<Value>) -> Result<T> {
        let script = format!(
            "const done = arguments[arguments.length - 1]; const args = arguments;
             (async () => {expression})().then(
               (value) => done({{ value: value ?? null }}), (error) => done({{ error: String(error.stack ?? error) }}));"
        );
        let answer = self.page.execute_async(&script, args).await.with_context(|| expression.to_owned())?;
        if let Some(error) = answer["error"].as_str() {
            return Err(anyhow!("{expression}: {error}"));
        }
        serde_json::from_value(answer["value"].clone()).with_context(|| format!("{expression}: {answer}"))
    }

    /// The process whose children are all of the browser's.
    pub fn id(&self) -> u32 {
        self.driver.id()
    }

    /// Opens the fake devices and signs up on the relay.
    ///
    /// # Errors
    /// What the page says.
    pub async fn sign_up(&self, relay_url: &str, name: &str) -> Result<()> {
        let video = json!({ "width": 640, "height": 360, "frameRate": 30 });
        self.sign_up_with(relay_url, name, video).await
    }

    /// As [`Self::sign_up`], with constraints for the camera as in `getUserMedia`.
    ///
    /// # Errors
    /// What the page says.
    pub async fn sign_up_with(&self, relay_url: &str, name: &str, video: Value) -> Result<()> {
        self.eval::<Value>("peer.openMedia(args[0])", vec![video]).await?;
        let args = [relay_url, name, &crate::person::email(name), crate::person::PASSWORD].map(Value::from).to_vec();
        self.eval::<Value>("peer.signUp(args[0], args[1], args[2], args[3])", args).await?;
        Ok(())
    }

    /// Waits until the connection of the call is up.
    ///
    /// # Errors
    /// It was not in time; the message tells what happened to it.
    pub async fn connected(&self, within: Duration) -> Result<()> {
        let milliseconds = u64::try_from(within.as_millis())?;
        self.eval::<Value>("peer.connected(args[0])", vec![milliseconds.into()]).await?;
        Ok(())
    }

    /// The connection's statistics: see `Connection.stats` in `pages/connection.js`.
    ///
    /// # Errors
    /// There is no call.
    pub async fn stats(&self) -> Result<Value> {
        self.eval("peer.connection.stats()", vec![]).await
    }

    /// Waits until the statistics satisfy `enough`; gives them.
    ///
    /// # Errors
    /// They did not in time; the message holds the last ones.
    pub async fn stats_until(&self, what: &str, within: Duration, enough: impl Fn(&Value) -> bool) -> Result<Value> {
        let deadline = tokio::time::Instant::now() + within;
        loop {
            let stats = self.stats().await?;
            if enough(&stats) {
                return Ok(stats);
            }
            if tokio::time::Instant::now() >= deadline {
                let log: Value = self.eval("peer.log", vec![]).await?;
                return Err(anyhow!("Chromium has not {what} within {within:?}: {stats}; {log}"));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

fn chromium() -> Result<PathBuf> {
    programs::installed(&["chromium", "chromium-browser", "google-chrome"])
}

fn capabilities(chromium: &Path, profile: &Path, devices: &FakeDevices) -> serde_json::Map<String, Value> {
    let mut args = vec![
        "--headless=new".to_owned(),
        "--no-sandbox".to_owned(),
        "--disable-gpu".to_owned(),
        "--disable-dev-shm-usage".to_owned(),
        "--no-first-run".to_owned(),
        "--no-default-browser-check".to_owned(),
        "--disable-background-networking".to_owned(),
        "--disable-component-update".to_owned(),
        "--disable-sync".to_owned(),
        "--disable-quic".to_owned(),
        "--disable-background-timer-throttling".to_owned(),
        "--autoplay-policy=no-user-gesture-required".to_owned(),
        "--use-fake-device-for-media-stream".to_owned(),
        "--use-fake-ui-for-media-stream".to_owned(),
        "--allow-loopback-in-peer-connection".to_owned(),
        format!("--user-data-dir={}", profile.join("profile").display()),
    ];
    args.extend(devices.camera.iter().map(|path| format!("--use-file-for-fake-video-capture={}", path.display())));
    args.extend(devices.microphone.iter().map(|path| format!("--use-file-for-fake-audio-capture={}", path.display())));
    let options = json!({ "binary": chromium, "args": args });
    let timeouts = json!({ "script": SCRIPT_MS });
    [("goog:chromeOptions".to_owned(), options), ("timeouts".to_owned(), timeouts)].into_iter().collect()
}
