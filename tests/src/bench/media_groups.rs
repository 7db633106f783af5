//! What `bench_media` measures, in groups that share calls: one kind of ends after the other under the same networks.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use parley_client::peer::NetworkProfile;

mod network;
mod setup;
mod skew;

use super::clip;
use super::end::{Kind, Picture, Setup, Sound};
use super::media_call::{Firsts, MediaCall, Stretch};
use super::seen::percentile;
use crate::link::Road;

/// Names of rows with what one run says about them; a row that gets several has several samples.
pub type Figures = Vec<(&'static str, f64)>;

/// Rows that are measured together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Latency,
    Rtt50,
    Setup,
    SetupLoss,
    Loss,
    Step,
    Share,
    Cpu,
    Echo,
    Skew,
}

/// What the ends play.
#[derive(Clone, Debug)]
pub struct Clips {
    picture: PathBuf,
    noisy: PathBuf,
    small: PathBuf,
    voice: PathBuf,
}

/// Of the clip of calls in which the picture is not the load.
const SMALL: (usize, usize) = (320, 180);

impl Clips {
    /// Writes them into a folder: about 400 MB.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn write(folder: &Path) -> Result<Self> {
        let file = |name: &str| folder.join(name);
        let clips = Self {
            picture: file("picture.y4m"),
            noisy: file("noisy.y4m"),
            small: file("small.y4m"),
            voice: file("voice.wav"),
        };
        clip::write_test_picture(&clips.picture, (clip::WIDTH, clip::HEIGHT))?;
        clip::write_test_picture(&clips.small, SMALL)?;
        clip::write_noisy_picture(&clips.noisy)?;
        clip::write_voice(&clips.voice)?;
        Ok(clips)
    }
}

const RTT: Duration = Duration::from_millis(50);
/// Until media flows, on a busy machine.
const MEDIA: Duration = Duration::from_secs(30);
/// Until rates and buffers have settled.
const WARM_UP: Duration = Duration::from_secs(3);
const SPAN: Duration = Duration::from_secs(8);

impl Group {
    pub const ALL: [Self; 10] = [
        Self::Latency,
        Self::Rtt50,
        Self::Setup,
        Self::SetupLoss,
        Self::Loss,
        Self::Step,
        Self::Share,
        Self::Cpu,
        Self::Echo,
        Self::Skew,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Latency => "latency",
            Self::Rtt50 => "rtt50",
            Self::Setup => "setup",
            Self::SetupLoss => "setup_loss",
            Self::Loss => "loss",
            Self::Step => "step",
            Self::Share => "share",
            Self::Cpu => "cpu",
            Self::Echo => "echo",
            Self::Skew => "skew",
        }
    }

    /// Says everything in one run; both kinds of ends are measured at the same time.
    pub fn is_measured_once(self) -> bool {
        match self {
            Self::Echo | Self::Skew => true,
            Self::Latency
            | Self::Rtt50
            | Self::Setup
            | Self::SetupLoss
            | Self::Loss
            | Self::Step
            | Self::Share
            | Self::Cpu => false,
        }
    }

    /// Measures everything of this group once. The same seed gives the same networks; `span` is that of a group that takes minutes.
    ///
    /// # Errors
    /// A call did not come about.
    pub async fn run(self, kind: Kind, seed: u64, clips: &Clips, span: Duration) -> Result<Figures> {
        match self {
            Self::Latency => latency(kind, seed, clips).await,
            Self::Rtt50 => rtt50(kind, seed, clips).await,
            Self::Setup => setup::calls(kind, seed, clips).await,
            Self::SetupLoss => setup::calls_under_loss(kind, seed, clips).await,
            Self::Loss => loss(kind, seed, clips).await,
            Self::Step => network::step(kind, seed, clips).await,
            Self::Share => network::share(kind, seed, clips).await,
            Self::Cpu => cpu(kind, seed, clips).await,
            Self::Echo => echo(kind, seed).await,
            Self::Skew => skew::drifting_clocks(kind, seed, clips, span).await,
        }
    }
}

async fn latency(kind: Kind, seed: u64, clips: &Clips) -> Result<Figures> {
    let stretch = one_way(kind, &Road::new(seed, NetworkProfile::default()), &marked(clips)).await?;
    let (audio, video) = (stretch.click_latencies(1), stretch.picture_latencies(1));
    Ok(spread("audio_latency_p50_ms", "audio_latency_p95_ms", &audio)
        .into_iter()
        .chain(spread("video_latency_p50_ms", "video_latency_p95_ms", &video))
        .collect())
}

async fn rtt50(kind: Kind, seed: u64, clips: &Clips) -> Result<Figures> {
    let road = Road::new(seed, NetworkProfile::default().with_rtt(RTT));
    let stretch = one_way(kind, &road, &marked(clips)).await?;
    Ok(spread("video_latency_rtt50_p50_ms", "video_latency_rtt50_p95_ms", &stretch.picture_latencies(1)))
}

async fn loss(kind: Kind, seed: u64, clips: &Clips) -> Result<Figures> {
    const ROWS: [(f64, &str, &str); 3] = [
        (0.05, "concealed_loss5_pct", "fps_loss5"),
        (0.10, "concealed_loss10_pct", "fps_loss10"),
        (0.20, "concealed_loss20_pct", "fps_loss20"),
    ];
    let mut figures = Figures::new();
    for (share, concealed, fps) in ROWS {
        let road = Road::new(seed, NetworkProfile::lossy(share).with_rtt(RTT));
        let stretch = one_way(kind, &road, &unmarked(&clips.picture, clips)).await?;
        figures.extend([(concealed, stretch.concealed_pct[1]), (fps, stretch.fps(1))]);
        if fps == "fps_loss5" {
            figures.push(("freeze_ms_loss5", stretch.longest_freeze_ms(1)));
        }
    }
    Ok(figures)
}

async fn cpu(kind: Kind, seed: u64, clips: &Clips) -> Result<Figures> {
    let road = Road::new(seed, NetworkProfile::default());
    let stretch = one_way(kind, &road, &unmarked(&clips.picture, clips)).await?;
    anyhow::ensure!(stretch.fps(1) > 25.0, "only {:.1} pictures a second were shown", stretch.fps(1));
    Ok(vec![("cpu_cores_both_ends", stretch.cpu_cores)])
}

/// The voice chain by itself: no call. What goes into the other program's calls here goes around its own chain.
async fn echo(kind: Kind, seed: u64) -> Result<Figures> {
    match kind {
        Kind::Libwebrtc => Ok(Figures::new()),
        Kind::Parley => {
            let figures = tokio::task::spawn_blocking(move || super::echo::measure(seed)).await?;
            let rows = [
                ("echo_return_loss_db", figures.echo_return_loss_db),
                ("near_speech_loss_db", figures.near_speech_loss_db),
            ];
            Ok(rows.to_vec())
        }
    }
}

/// Pictures and clicks that tell their latency.
fn marked(clips: &Clips) -> Setup {
    let picture = Some(Picture::of(clips.picture.clone(), true));
    Setup { offers: true, picture, sound: Sound::CLICKS, reads_marks: true }
}

/// This clip and the voice, whose latency nobody measures.
fn unmarked(clip: &Path, clips: &Clips) -> Setup {
    let sound = Sound::File { path: clips.voice.clone() };
    Setup { offers: true, picture: Some(Picture::of(clip.to_owned(), false)), sound, reads_marks: false }
}

/// The other side of a one-way call: it sends sound only.
fn looks_only(setup: &Setup) -> Setup {
    Setup { offers: false, picture: None, ..setup.clone() }
}

/// Measures a call in which the first end sends this and the second looks and talks.
async fn one_way(kind: Kind, road: &Road, sender: &Setup) -> Result<Stretch> {
    let mut call = start_one_way(kind, road, sender).await?;
    call.go_on(WARM_UP).await?;
    call.measure(SPAN).await
}

/// Begins such a call and waits for media.
async fn start_one_way(kind: Kind, road: &Road, sender: &Setup) -> Result<MediaCall> {
    let mut call = MediaCall::start(kind, road).await?;
    call.open([sender.clone(), looks_only(sender)]).await?;
    call.until(MEDIA, |[here, there]| here.sound.is_some() && has_both(there)).await.context("no media")?;
    Ok(call)
}

fn has_both(firsts: &Firsts) -> bool {
    firsts.picture.is_some() && firsts.sound.is_some()
}

fn spread(p50: &'static str, p95: &'static str, values: &[f64]) -> Figures {
    let rows = [(p50, 0.5), (p95, 0.95)];
    rows.into_iter().filter_map(|(row, share)| Some((row, percentile(values, share)?))).collect()
}
