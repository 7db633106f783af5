//! One end of a call as a process: ours, or one on libwebrtc. Both are led by the same lines of JSON, so that whatever is
//! measured is measured alike.
//!
//! ```text
//! bench ── Order (stdin) ──▶ end
//! bench ◀── Told (stdout) ── end
//! ```

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use parley_shared::wire::Signal;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::clip;

/// What an end is told to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Begins a call and ends the one before.
    Open(Setup),
    Signal(Signal),
    /// Tells what it has seen and heard since the last report.
    Report,
}

/// What an end tells. Times are milliseconds of the wall clock.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    Ready,
    Signal(Signal),
    /// When the first picture was shown.
    FirstPicture(f64),
    /// When the first sound was heard that is none of silence.
    FirstSound(f64),
    Report(Report),
}

/// One end's part in a call.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Setup {
    /// Whether it makes the offer.
    pub offers: bool,
    /// What it sends; none: it only looks.
    pub picture: Option<Picture>,
    pub sound: Sound,
    /// Whether it measures the latency of what it sees and hears.
    pub reads_marks: bool,
}

/// The clip of the test picture, played at its own rate.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Picture {
    /// A y4m file of this size.
    pub clip: PathBuf,
    pub width: usize,
    pub height: usize,
    pub fps: u32,
    /// Marks every picture with the time; ours then draws the test picture live.
    pub with_clock: bool,
}

impl Picture {
    /// A clip of the usual size.
    pub fn of(clip: PathBuf, with_clock: bool) -> Self {
        Self { clip, width: clip::WIDTH, height: clip::HEIGHT, fps: clip::FPS, with_clock }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sound {
    /// A click at every full second, heard by a microphone whose clock is fast by so many millionths.
    Clicks { drift_ppm: i32 },
    /// A WAV file of 48 kHz, mono, 16 bit, in a loop.
    File { path: PathBuf },
}

impl Sound {
    pub const CLICKS: Self = Self::Clicks { drift_ppm: 0 };
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// Pictures in the order in which they were shown, since the last report.
    pub pictures: Vec<Seen>,
    /// Size of the last picture.
    pub width: usize,
    pub height: usize,
    /// Clicks since the last report.
    pub clicks: Vec<Seen>,
    /// Since the call began: samples that were played, and those of them that were invented. (W3C webrtc-stats)
    pub played_samples: u64,
    pub concealed_samples: u64,
}

/// A picture or a click at its arrival.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Seen {
    pub at_ms: f64,
    /// Since its capture, when it carries a mark that can be read.
    pub latency_ms: Option<f64>,
}

/// The two kinds of ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Parley,
    Libwebrtc,
}

impl Kind {
    pub const ALL: [Self; 2] = [Self::Parley, Self::Libwebrtc];

    fn command(self) -> Result<Command> {
        match self {
            Self::Parley => {
                let mut command = Command::new(std::env::current_exe().context("find this program")?);
                command.arg("--end");
                Ok(command)
            }
            Self::Libwebrtc => {
                let mut command = Command::new(crate::programs::installed(&["node"])?);
                command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/peers/libwebrtc.js"));
                Ok(command)
            }
        }
    }
}

/// To start and to say so, on a busy machine.
const START: Duration = Duration::from_secs(20);

/// The process of an end. Dropping it kills it.
#[derive(Debug)]
pub struct EndProcess {
    child: Child,
    orders: ChildStdin,
    told: Lines<BufReader<ChildStdout>>,
}

impl EndProcess {
    /// Starts it and waits until it is ready.
    ///
    /// # Errors
    /// It cannot be started.
    pub async fn start(kind: Kind) -> Result<Self> {
        let mut command = kind.command()?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().with_context(|| format!("start an end of {kind:?}"))?;
        let orders = child.stdin.take().context("the end has an input")?;
        let told = BufReader::new(child.stdout.take().context("the end has an output")?).lines();
        let mut end = Self { child, orders, told };
        let first = tokio::time::timeout(START, end.next()).await;
        match first.with_context(|| format!("an end of {kind:?} did not start in {START:?}"))?? {
            Told::Ready => Ok(end),
            other => bail!("an end of {kind:?} began with {other:?}"),
        }
    }

    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// # Errors
    /// It has ended.
    pub async fn order(&mut self, order: &Order) -> Result<()> {
        let mut line = serde_json::to_string(order)?;
        line.push('\n');
        self.orders.write_all(line.as_bytes()).await.context("an end of the call has ended")
    }

    /// The next thing that it tells. Dropping the future loses nothing.
    ///
    /// # Errors
    /// It has ended, or tells nonsense.
    pub async fn next(&mut self) -> Result<Told> {
        let line = self.told.next_line().await?.context("an end of the call has ended")?;
        serde_json::from_str(&line).with_context(|| format!("an end told {line:?}"))
    }
}
