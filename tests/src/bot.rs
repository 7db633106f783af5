//! `parley-bot call`: one side of a call as a process of its own, with whatever devices its environment shows it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
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
    data: TempDir,
}

/// Signing up and finding each other, on a busy machine.
const SET_UP: Duration = Duration::from_secs(60);

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
        let mut process = Process::start(&mut command, &data.path().join("log"))?;
        process.wait_for("parley-bot ready", SET_UP)?;
        Ok(Self { options, process, data })
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
