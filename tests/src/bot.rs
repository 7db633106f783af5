//! `parley-bot call`: one side of a call as a process of its own, with whatever devices its environment shows it.

use std::fmt::Debug;
use std::ops::RangeBounds;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::programs::{self, Process};

/// What one side of a call is made of. [`BotOptions::new`] gives test picture, clicks and a silent speaker.
#[derive(Clone, Debug)]
pub struct BotOptions {
    pub name: String,
    /// Whom to call, by name; none: waits to be called.
    pub dial: Option<String>,
    /// How long the call lasts once media flows both ways.
    pub seconds: u32,
    pub camera: String,
    pub microphone: String,
    pub speaker: String,
    /// Environment that shows it devices.
    pub env: Vec<(String, String)>,
    /// Does not insist on media, and says what happens: see [`Bot::wait_for`].
    pub watch: bool,
}

impl BotOptions {
    pub fn new(name: &str, seconds: u32) -> Self {
        Self {
            name: name.to_owned(),
            dial: None,
            seconds,
            camera: "pattern".to_owned(),
            microphone: "clicks".to_owned(),
            speaker: "null".to_owned(),
            env: Vec::new(),
            watch: false,
        }
    }

    /// The same, as the one who calls.
    pub fn dialling(self, name: &str) -> Self {
        Self { dial: Some(name.to_owned()), ..self }
    }
}

/// A running side of a call.
#[derive(Debug)]
pub struct Bot {
    options: BotOptions,
    process: Process,
    /// Lines that were waited for.
    read: usize,
    data: TempDir,
}

/// Signing up and finding each other, on a busy machine.
const SET_UP: Duration = Duration::from_secs(60);
/// Anything that a bot says by itself, on a busy machine.
const SAID: Duration = Duration::from_secs(40);

impl Bot {
    /// Starts it and waits until it is signed in.
    ///
    /// # Errors
    /// It does not build, or cannot sign up; the message holds its log.
    pub fn start(relay_url: &str, options: BotOptions) -> Result<Self> {
        let data = tempfile::tempdir()?;
        let mut command = Command::new(programs::own("parley-client", "parley-bot")?);
        let email = crate::person::email(&options.name);
        command.args(["call", "--relay", relay_url, "--name", &options.name, "--email", &email]);
        match &options.dial {
            Some(name) => command.args(["--dial", name]),
            None => command.arg("--answer"),
        };
        command.args(["--camera", &options.camera, "--microphone", &options.microphone, "--speaker", &options.speaker]);
        command.args(["--seconds", &options.seconds.to_string(), "--picture"]).arg(picture(data.path()));
        command.arg("--data-dir").arg(data.path().join("data")).envs(options.env.iter().cloned());
        if options.watch {
            command.arg("--watch");
        }
        let mut process = Process::start(&mut command, &data.path().join("log"))?;
        process.wait_for("parley-bot ready", SET_UP)?;
        Ok(Self { options, process, read: 0, data })
    }

    /// Waits for a line with this text; it is not looked for in lines that came before one that was waited for already.
    ///
    /// # Errors
    /// It did not come, or the call ended; the message holds the log.
    pub fn wait_for(&mut self, text: &str) -> Result<()> {
        self.wait(text, |line| line.contains(text))
    }

    /// Waits until a second goes by in which it was sent so much: a `flow` of pictures or of sounds.
    ///
    /// # Errors
    /// As [`Self::wait_for`].
    pub fn wait_for_flow(&mut self, of: &str, amount: impl RangeBounds<u64> + Debug) -> Result<()> {
        let key = format!("{of}=");
        let flow =
            |line: &str| line.strip_prefix("flow ")?.split(' ').find_map(|word| word.strip_prefix(&key)?.parse().ok());
        self.wait(&format!("{amount:?} {of}"), |line| flow(line).is_some_and(|flow| amount.contains(&flow)))
    }

    fn wait(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> Result<()> {
        let deadline = Instant::now() + SAID;
        loop {
            let log = self.process.log();
            // A line counts once it is whole.
            let lines: Vec<&str> = log.split_inclusive('\n').filter(|line| line.ends_with('\n')).collect();
            if let Some(found) = lines[self.read..].iter().position(|line| wanted(line.trim_end())) {
                self.read += found + 1;
                return Ok(());
            }
            let name = &self.options.name;
            ensure!(!self.process.has_ended()?, "{name}'s call ended before {what}:\n{log}");
            ensure!(Instant::now() < deadline, "{name} did not say {what} within {SAID:?}:\n{log}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Waits for the end of the call; gives what it measured and what it saw.
    ///
    /// # Errors
    /// The call failed; the message holds the log.
    pub fn finish(mut self) -> Result<BotReport> {
        let limit = SET_UP + Duration::from_secs(u64::from(self.options.seconds) + 20);
        let succeeded = self.process.wait(limit)?;
        let log = self.process.log();
        if !succeeded {
            return Err(anyhow!("{}'s call failed:\n{log}", self.options.name));
        }
        let report = log.lines().rev().find_map(|line| serde_json::from_str(line).ok());
        let figures = report.with_context(|| format!("{} gave no report:\n{log}", self.options.name))?;
        Ok(BotReport { figures, data: self.data })
    }
}

fn picture(data: &Path) -> PathBuf {
    data.join("picture.png")
}

/// What one side measured, as `parley-bot call` prints it, and the last picture that it saw.
#[derive(Debug)]
pub struct BotReport {
    pub figures: Value,
    data: TempDir,
}

impl BotReport {
    /// The last picture of the other side, as RGB rows.
    ///
    /// # Errors
    /// There is none.
    pub fn picture(&self) -> Result<Picture> {
        let path = picture(self.data.path());
        let file = std::fs::File::open(&path).with_context(|| format!("open {}", path.display()))?;
        let mut reader = png::Decoder::new(std::io::BufReader::new(file)).read_info()?;
        let mut pixels = vec![0; reader.output_buffer_size().context("the picture is too large")?];
        let info = reader.next_frame(&mut pixels)?;
        let samples = info.color_type.samples();
        let rgb =
            pixels.chunks_exact(samples).map(|pixel| [pixel[0], pixel[1 % samples], pixel[2 % samples]]).collect();
        Ok(Picture { width: info.width as usize, height: info.height as usize, rgb })
    }
}

/// A picture as rows of RGB.
#[derive(Debug)]
pub struct Picture {
    pub width: usize,
    pub height: usize,
    rgb: Vec<[u8; 3]>,
}

impl Picture {
    /// Mean colour of a rectangle, given as shares (0 to 1) of width and height.
    pub fn mean(&self, across: std::ops::Range<f64>, down: std::ops::Range<f64>) -> [f64; 3] {
        let at = |share: f64, size: usize| (share * size as f64) as usize;
        let (mut sum, mut count) = ([0.0; 3], 0.0_f64);
        for row in at(down.start, self.height)..at(down.end, self.height) {
            for pixel in &self.rgb
                [row * self.width + at(across.start, self.width)..row * self.width + at(across.end, self.width)]
            {
                sum.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += f64::from(*value));
                count += 1.0;
            }
        }
        sum.map(|sum| sum / count.max(1.0))
    }
}
