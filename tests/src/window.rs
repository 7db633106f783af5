//! The app in a real window: a virtual screen, a session with a keyring, and WebDriver that types and clicks.
//!
//! ```text
//! desk::Desk (Xvfb, D-Bus, keyring) <-- Window (tauri-driver --> WebKitWebDriver --> parley)
//! ```
//!
//! A desk outlives its windows: an app that is closed and opened again finds the keyring and the files of before.

mod desk;
mod echo;
mod pixels;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use fantoccini::elements::Element;
use fantoccini::error::CmdError;
use fantoccini::{Client, Locator};
use serde_json::{Value, json};

pub use desk::Desk;
pub use echo::Echo;
pub use fantoccini::key::Key;
pub use pixels::Pixels;

use crate::programs::{self, Process};
use crate::webdriver;

/// How long a person would wait for anything on the screen; the machine may be busy.
pub const SOON: Duration = Duration::from_secs(30);

/// A running app. Dropping it kills the app; [`Window::close`] ends it as its person would.
#[derive(Debug)]
pub struct Window {
    page: Client,
    driver: Process,
}

impl Window {
    /// Starts the app on `desk` with these arguments, and devices that need no hardware.
    ///
    /// # Errors
    /// A program is missing (the message names the command that installs it), or the window did not open.
    pub async fn open(desk: &Desk, args: &[&str]) -> Result<Self> {
        let app = programs::own("parley-desktop", "parley")?;
        let driver_program = programs::installed(&["tauri-driver"])?;
        let native = programs::installed(&["WebKitWebDriver"])?;
        let (port, native_port) = two_free_ports()?;
        let mut command = Command::new(driver_program);
        command
            .args(["--port", &port.to_string(), "--native-port", &native_port.to_string(), "--native-driver"])
            .arg(native);
        command.env_clear().envs(desk.env());
        let driver = Process::start(&mut command, &desk.path().join("driver.log"))?;
        for port in [port, native_port] {
            listens(port).await.with_context(|| format!("wait for tauri-driver: {}", driver.log()))?;
        }

        let devices = ["--camera", "pattern", "--microphone", "clicks", "--speaker", "null"];
        let args: Vec<&str> = devices.iter().chain(args).copied().collect();
        // What tauri-driver makes of `tauri:options` never arrives where a client speaks only the W3C protocol, so it is said directly.
        let options = json!({ "webkitgtk:browserOptions": { "binary": app, "args": args } });
        let page = webdriver::connect(port, options.as_object().cloned().unwrap_or_default())
            .await
            .with_context(|| format!("open the app's window: {}", driver.log()))?;
        Ok(Self { page, driver })
    }

    /// Waits for an element that is shown, by a CSS selector.
    ///
    /// # Errors
    /// There was none within [`SOON`].
    pub async fn see(&self, selector: &str) -> Result<Element> {
        self.until(&format!("{selector} on the screen"), async || {
            let found = self.page.find(Locator::Css(selector)).await?;
            Ok(found.is_displayed().await?.then_some(found))
        })
        .await
    }

    /// Waits until no element of the selector is shown.
    ///
    /// # Errors
    /// One still was after [`SOON`].
    pub async fn see_no(&self, selector: &str) -> Result<()> {
        self.until(&format!("the end of {selector}"), async || {
            Ok(self.page.find_all(Locator::Css(selector)).await?.is_empty().then_some(()))
        })
        .await
    }

    /// Waits for an element of the selector whose text contains `text`.
    ///
    /// # Errors
    /// There was none within [`SOON`].
    pub async fn read(&self, selector: &str, text: &str) -> Result<()> {
        self.until(&format!("{text:?} in {selector}"), async || {
            // WebKit's own way to a text leaves out what its visibility test misjudges, such as headings in buttons.
            let script = "
                const [selector, text] = arguments;
                const shown = [...document.querySelectorAll(selector)].filter((one) => one.checkVisibility());
                return shown.some((one) => one.innerText.includes(text));";
            let read = self.page.execute(script, vec![json!(selector), json!(text)]).await?;
            Ok((read == Value::Bool(true)).then_some(()))
        })
        .await
    }

    /// Clicks an element once it is there and lets itself be clicked.
    ///
    /// # Errors
    /// It could not within [`SOON`].
    pub async fn click(&self, selector: &str) -> Result<()> {
        self.until(&format!("a click on {selector}"), async || {
            let found = self.page.find(Locator::Css(selector)).await?;
            if !found.is_enabled().await? {
                return Ok(None);
            }
            found.click().await.map(Some)
        })
        .await
    }

    /// Types into a field.
    ///
    /// # Errors
    /// There is none, or it takes no text.
    pub async fn write(&self, selector: &str, text: &str) -> Result<()> {
        let field = self.see(selector).await?;
        field.send_keys(text).await.with_context(|| format!("type into {selector}"))
    }

    /// Chooses a file in a file field, which is seldom shown itself.
    ///
    /// # Errors
    /// There is no such field.
    pub async fn choose(&self, selector: &str, path: &Path) -> Result<()> {
        let field = self.page.find(Locator::Css(selector)).await.with_context(|| format!("find {selector}"))?;
        let path = path.to_str().context("a path that is text")?;
        field.send_keys(path).await.with_context(|| format!("choose a file in {selector}"))
    }

    /// Types into a field in place of what is there.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub async fn replace(&self, selector: &str, text: &str) -> Result<()> {
        self.see(selector).await?.clear().await.with_context(|| format!("empty {selector}"))?;
        if text.is_empty() { Ok(()) } else { self.write(selector, text).await }
    }

    /// Types to whatever has the focus, as on a keyboard.
    ///
    /// # Errors
    /// Nothing has the focus.
    pub async fn keys(&self, keys: &str) -> Result<()> {
        self.page.active_element().await?.send_keys(keys).await.context("type to what has the focus")
    }

    /// Presses Tab until an element of the selector has the focus: it can be reached without a mouse.
    ///
    /// # Errors
    /// It is not among the next 60 stops.
    pub async fn tab_to(&self, selector: &str) -> Result<()> {
        for _ in 0..60 {
            if self.has_focus(selector).await? {
                return Ok(());
            }
            self.keys(&char::from(Key::Tab).to_string()).await?;
        }
        bail!("{selector} cannot be reached by Tab")
    }

    /// Waits until an element of the selector has the focus.
    ///
    /// # Errors
    /// It had not within [`SOON`].
    pub async fn focused(&self, selector: &str) -> Result<()> {
        self.until(&format!("the focus on {selector}"), async || {
            let script = "return document.activeElement?.matches(arguments[0]) ?? false";
            let focused = self.page.execute(script, vec![json!(selector)]).await?;
            Ok((focused == Value::Bool(true)).then_some(()))
        })
        .await
    }

    /// Runs a function body in the page.
    ///
    /// # Errors
    /// It threw.
    pub async fn run(&self, script: &str, args: Vec<Value>) -> Result<Value> {
        self.page.execute(script, args).await.with_context(|| script.to_owned())
    }

    /// What a canvas shows at this moment, scaled to 64 x 36.
    ///
    /// # Errors
    /// There is no such canvas.
    pub async fn pixels(&self, selector: &str) -> Result<Pixels> {
        pixels::read(&self.page, selector).await
    }

    /// Waits until a canvas shows a picture: neither black nor of one colour.
    ///
    /// # Errors
    /// It did not within [`SOON`].
    pub async fn see_picture(&self, selector: &str) -> Result<Pixels> {
        self.see(selector).await?;
        let deadline = Instant::now() + SOON;
        loop {
            let seen = self.pixels(selector).await?;
            if seen.is_picture() {
                return Ok(seen);
            }
            if Instant::now() >= deadline {
                bail!("{selector} shows no picture: {seen:?}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until a canvas shows something else than `before`.
    ///
    /// # Errors
    /// It did not within [`SOON`].
    pub async fn see_motion(&self, selector: &str, before: &Pixels) -> Result<Pixels> {
        let deadline = Instant::now() + SOON;
        loop {
            let seen = self.pixels(selector).await?;
            if seen.is_picture() && seen.differs_from(before) {
                return Ok(seen);
            }
            if Instant::now() >= deadline {
                bail!("{selector} stands still");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Sends a command through the app's own door, as a click would.
    ///
    /// # Errors
    /// Why it was refused.
    pub async fn command(&self, command: Value) -> Result<()> {
        let asked = "window.__TAURI_INTERNALS__.invoke('command', { command: arguments[0] })";
        self.outcome(asked, vec![command]).await?.map(drop).map_err(|refusal| anyhow!("refused: {refusal}"))
    }

    /// Awaits a promise in the page; its value, or what it was rejected with as text.
    ///
    /// # Errors
    /// It stayed pending for longer than WebDriver lets scripts run.
    pub async fn outcome(&self, promise: &str, args: Vec<Value>) -> Result<Result<Value, String>> {
        let script = format!(
            "const done = arguments[arguments.length - 1];
            Promise.resolve().then(() => {promise}).then(
              (value) => done({{ value: value ?? null }}),
              (error) => done({{ error: error?.message ?? String(error) }}));"
        );
        let answer = self.page.execute_async(&script, args).await.with_context(|| promise.to_owned())?;
        Ok(match answer["error"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Ok(answer["value"].clone()),
        })
    }

    /// Waits until nothing moves any more but pictures: fonts are loaded, animations have ended, pictures have their size.
    ///
    /// # Errors
    /// It went on for longer than [`SOON`].
    pub async fn settle(&self) -> Result<()> {
        let pictures = "
            return [...document.querySelectorAll('canvas')].every((one) => one.dataset.frames !== '0'
              && one.width === Math.round(one.clientWidth * devicePixelRatio)
              && one.height === Math.round(one.clientHeight * devicePixelRatio))";
        self.until("pictures in their size", async || {
            Ok((self.page.execute(pictures, Vec::new()).await? == Value::Bool(true)).then_some(()))
        })
        .await?;
        let still = "
            Promise.allSettled([document.fonts.ready, ...document.getAnimations()
              .filter((one) => Number.isFinite(one.effect?.getComputedTiming().endTime)).map((one) => one.finished)])
              .then(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))))
              .then(() => null)";
        self.outcome(still.trim(), Vec::new())
            .await?
            .map(drop)
            .map_err(|error| anyhow!("the page does not settle: {error}"))
    }

    /// Sets the size of the page in CSS pixels.
    ///
    /// # Errors
    /// The window did not take it.
    pub async fn resize(&self, width: u32, height: u32) -> Result<()> {
        self.page.set_window_size(width, height).await?;
        self.until(&format!("a width of {width}"), async || {
            let inner = self.page.execute("return innerWidth", Vec::new()).await?;
            Ok((inner == json!(width)).then_some(()))
        })
        .await
    }

    /// Writes what the window shows as a PNG file, as it stands on the screen of `desk`: WebKit's own screenshots wait for ever
    /// after the window was resized.
    ///
    /// # Errors
    /// ImageMagick is missing, or the file cannot be written.
    pub async fn shot(&self, desk: &Desk, path: &Path) -> Result<()> {
        let place = self.run("return [screenX, screenY, innerWidth, innerHeight]", Vec::new()).await?;
        let [x, y, width, height]: [u32; 4] = serde_json::from_value(place).context("ask where the window stands")?;
        desk.shot_of(&format!("{width}x{height}+{x}+{y}"), path)
    }

    /// Loads the page anew, as F5 in a browser.
    ///
    /// # Errors
    /// WebDriver's.
    pub async fn reload(&self) -> Result<()> {
        self.page.refresh().await.context("reload the page")
    }

    /// Ends the app in order.
    ///
    /// # Errors
    /// It did not end.
    pub async fn close(mut self) -> Result<()> {
        let closed = self.page.clone().close().await.context("close the window");
        self.driver.kill();
        closed
    }

    async fn has_focus(&self, selector: &str) -> Result<bool> {
        let script = "return document.activeElement?.matches(arguments[0]) ?? false";
        Ok(self.run(script, vec![json!(selector)]).await? == Value::Bool(true))
    }

    /// Tries until there is an answer; what WebDriver refuses meanwhile is only told at the end.
    async fn until<T>(&self, what: &str, mut attempt: impl AsyncFnMut() -> Result<Option<T>, CmdError>) -> Result<T> {
        let deadline = Instant::now() + SOON;
        let mut refused = None;
        loop {
            match attempt().await {
                Ok(Some(done)) => return Ok(done),
                Ok(None) => {}
                Err(error) => refused = Some(error),
            }
            if Instant::now() >= deadline {
                let page = self.page.execute("return document.body?.innerText", Vec::new()).await.unwrap_or_default();
                let refused = refused.map(|error| format!(" ({error})")).unwrap_or_default();
                bail!("no {what} within {SOON:?}{refused}; the window says: {page}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// A selector for the `data-testid` of an element.
pub fn id(testid: &str) -> String {
    format!("[data-testid=\"{testid}\"]")
}

/// A selector for the row of a room or a person.
pub fn row(testid: &str, title: &str) -> String {
    format!("[data-testid=\"{testid}\"][data-title=\"{title}\"]")
}

fn two_free_ports() -> Result<(u16, u16)> {
    let bind = || std::net::TcpListener::bind(("127.0.0.1", 0));
    let (one, two) = (bind()?, bind()?);
    Ok((one.local_addr()?.port(), two.local_addr()?.port()))
}

async fn listens(port: u16) -> Result<()> {
    let knock = async {
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(SOON, knock).await.map_err(|_| anyhow!("nothing listens on port {port}"))
}
