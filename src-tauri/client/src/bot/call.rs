//! One end of a measured call, as its own process.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use parley_media::{AudioSourceConfig, SpeakerConfig, VideoFrame, VoiceConfig};
use parley_shared::ids::UserId;
use parley_shared::view::{CallPhaseView, Command, ConnectionView, SessionView, Snapshot};
use rand::Rng;
use tokio::time::{Instant, timeout};

use super::process::{cpu_s, rss_mb};
use super::refused;
use super::report::{AudioReport, Report, VideoReport};
use super::sources::Sources;
use super::watching::{self, Flow};
use crate::engine::{FrameWatch, PeerStats, StreamId};
use crate::{Client, ClientConfig, ClientHandle, MediaOverrides, SecretsChoice};

/// Signing up, with a password to hash on a busy machine.
const SIGN_UP: Duration = Duration::from_secs(30);
/// How long the caller looks for the other.
const FIND: Duration = Duration::from_secs(10);
/// How long the callee waits for a call, and the caller for an answer.
const RING: Duration = Duration::from_secs(60);
/// From the accept to media both ways.
const MEDIA: Duration = Duration::from_secs(30);
/// How much longer than the caller the callee stays.
const CALLEE_STAYS: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(20);

#[derive(Debug, Args)]
pub struct CallArgs {
    #[arg(long)]
    relay: String,
    /// The display name to sign up with.
    #[arg(long)]
    name: String,
    #[arg(long)]
    email: String,
    #[arg(long)]
    data_dir: PathBuf,
    /// Calls the person of exactly this name.
    #[arg(long, required_unless_present = "answer", conflicts_with = "answer")]
    dial: Option<String>,
    /// Answers the first call.
    #[arg(long)]
    answer: bool,
    /// How long the call lasts once media flows both ways.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    #[arg(long, default_value = "pattern")]
    camera: String,
    #[arg(long, default_value = "clicks", value_parser = super::microphone)]
    microphone: AudioSourceConfig,
    #[arg(long, default_value = "null", value_parser = super::speaker)]
    speaker: SpeakerConfig,
    /// Where the last picture of the other goes, as PNG.
    #[arg(long)]
    picture: Option<PathBuf>,
    /// Does not insist on media: says every second what flows, and meanwhile what a person is told of their devices.
    #[arg(long)]
    watch: bool,
}

pub(super) async fn run(args: CallArgs) -> Result<()> {
    let camera = super::camera(&args.camera).map_err(|why| anyhow::anyhow!("--camera: {why}"))?;
    let with_camera = camera.is_some();
    let sources = Sources { camera, microphone: args.microphone.clone(), speaker: args.speaker.clone() };
    let client = Client::spawn(ClientConfig {
        data_dir: args.data_dir.clone(),
        relay_url: Some(args.relay.clone()),
        secrets: SecretsChoice::Memory,
        media: MediaOverrides {
            // Tests play tones into its microphone and measure what arrives.
            voice: Some(VoiceConfig::OFF),
            measure_marks: true,
            ..sources.overrides()
        },
        device_name: "parley-bot".to_owned(),
        network: None,
    })?;
    for (kind, id) in sources.choices() {
        client.command(Command::ChooseDevice { kind, id: Some(id) }).await.map_err(refused)?;
    }
    let watch = args.watch;
    let result = End { client: client.clone(), args, with_camera }.call().await;
    client.shutdown().await;
    let report = result?;
    print_report(&report)?;
    let arrived = report.first_audio_at_ms.is_some() && (!with_camera || report.first_video_at_ms.is_some());
    ensure!(watch || arrived, "the call connected, but not all of its media arrived");
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the result of the program")]
fn print_report(report: &Report) -> Result<()> {
    println!("{}", serde_json::to_string(report).context("writing the report")?);
    Ok(())
}

/// This end of the call.
struct End {
    client: ClientHandle,
    args: CallArgs,
    with_camera: bool,
}

impl End {
    async fn call(self) -> Result<Report> {
        self.sign_up().await?;
        super::say_ready();
        let watch = self.client.frames().subscribe(StreamId::FIRST_REMOTE);
        let first_video = tokio::spawn(first_picture(watch.clone()));
        let accepted_at_ms = match &self.args.dial {
            Some(name) => self.dial(name).await?,
            None => self.answer().await?,
        };
        if self.args.watch {
            tokio::spawn(watching::tell(self.client.events()));
        }
        let first_audio_at_ms = if self.args.watch { None } else { self.until_media().await? };
        let (from, cpu_before) = (Instant::now(), cpu_s());
        let stats = self.stay(from).await?;
        let seconds = from.elapsed().as_secs_f64();
        let cpu = cpu_before.zip(cpu_s()).map(|(before, after)| after - before);
        let rss = rss_mb();
        let picture = self.save_picture(&watch)?;
        if self.args.dial.is_some() {
            // The other may have hung up in the same moment.
            let _ = self.client.command(Command::HangUp).await;
        }
        let first_video_at_ms = if first_video.is_finished() { first_video.await.ok().flatten() } else { None };
        Ok(Report {
            accepted_at_ms: Some(accepted_at_ms),
            first_video_at_ms,
            first_audio_at_ms,
            video: VideoReport::of(&stats),
            audio: AudioReport::of(&stats),
            rtt_ms: stats.rtt_ms,
            route: stats.route.clone(),
            codec: format!("{} and {}", stats.video_codec, stats.audio_codec),
            rss_mb: rss,
            cpu_s: cpu,
            seconds,
            picture,
        })
    }

    async fn sign_up(&self) -> Result<()> {
        self.until(SIGN_UP, "Parley to start", |state| {
            matches!(state.session, SessionView::SignedOut { .. }).then_some(())
        })
        .await?;
        let password: [u8; 16] = rand::rng().random();
        let sign_up = Command::SignUp {
            relay_url: self.args.relay.clone(),
            display_name: self.args.name.clone(),
            email: self.args.email.clone(),
            password: password.iter().map(|byte| format!("{byte:02x}")).collect(),
            registration_code: None,
        };
        self.command(sign_up).await.context("signing up")?;
        self.until(SIGN_UP, "the relay", |state| (state.connection == ConnectionView::Online).then_some(())).await
    }

    /// Calls, and gives the time of the accept.
    async fn dial(&self, name: &str) -> Result<i64> {
        let user_id = self.find(name).await?;
        self.command(Command::OpenDirect { user_id }).await.context("opening the room")?;
        let room_id = self.until(FIND, "the room", |state| Some(state.timeline.as_ref()?.room.id)).await?;
        self.command(Command::StartCall { room_id, camera: self.with_camera, muted: false })
            .await
            .context("calling")?;
        self.until(RING, "an answer", |state| match &state.call.as_ref()?.phase {
            CallPhaseView::Outgoing | CallPhaseView::Incoming => None,
            CallPhaseView::Connecting
            | CallPhaseView::Active { .. }
            | CallPhaseView::Reconnecting { .. }
            | CallPhaseView::Ended { .. } => Some(()),
        })
        .await?;
        Ok(unix_ms())
    }

    async fn find(&self, name: &str) -> Result<UserId> {
        let until = Instant::now() + FIND;
        while Instant::now() < until {
            self.command(Command::SearchPeople { query: name.to_owned() }).await.context("searching")?;
            let people = self.client.snapshot().await.map_err(refused)?.people.people;
            if let Some(person) = people.iter().find(|person| person.display_name == name) {
                return Ok(person.id);
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        bail!("there is nobody called {name}")
    }

    /// Accepts the first call, and gives the time of it.
    async fn answer(&self) -> Result<i64> {
        self.until(RING, "a call", |state| matches!(state.call.as_ref()?.phase, CallPhaseView::Incoming).then_some(()))
            .await?;
        let accepted_at_ms = unix_ms();
        self.command(Command::AcceptCall { camera: self.with_camera, muted: false }).await.context("accepting")?;
        Ok(accepted_at_ms)
    }

    /// Waits for media both ways; gives the time of the first sound.
    async fn until_media(&self) -> Result<Option<i64>> {
        let until = Instant::now() + MEDIA;
        let mut first_audio = None;
        while Instant::now() < until {
            if let Some(stats) = self.client.call_stats().await.into_iter().next() {
                if stats.audio.received > 0 {
                    first_audio.get_or_insert_with(unix_ms);
                }
                let both =
                    stats.audio.sent > 0 && (!self.with_camera || stats.video.decoded > 0 && stats.video.sent > 0);
                if first_audio.is_some() && both {
                    return Ok(first_audio);
                }
            }
            self.ensure_goes_on().await?;
            tokio::time::sleep(LOOK_EVERY).await;
        }
        bail!("no media after {} seconds", MEDIA.as_secs())
    }

    /// Stays in the call; the caller for the time asked for, the callee until the end. Gives the last statistics.
    async fn stay(&self, from: Instant) -> Result<PeerStats> {
        let time = Duration::from_secs(self.args.seconds);
        let until = from + if self.args.answer { time + CALLEE_STAYS } else { time };
        let (mut last, mut flow) = (PeerStats::default(), Flow::new());
        loop {
            if let Some(stats) = self.client.call_stats().await.into_iter().next() {
                last = stats;
            }
            if self.args.watch {
                flow.look(&last);
            }
            if Instant::now() >= until {
                return Ok(last);
            }
            if let Err(error) = self.ensure_goes_on().await {
                let done = self.args.answer && from.elapsed() + Duration::from_secs(2) >= time;
                return if done { Ok(last) } else { Err(error) };
            }
            tokio::time::sleep_until(until.min(Instant::now() + Duration::from_millis(200))).await;
        }
    }

    async fn ensure_goes_on(&self) -> Result<()> {
        match self.client.snapshot().await.map_err(refused)?.call.map(|call| call.phase) {
            None => bail!("the call is gone"),
            Some(CallPhaseView::Ended { reason }) => bail!("the call ended: {reason:?}"),
            Some(_) => Ok(()),
        }
    }

    fn save_picture(&self, watch: &FrameWatch) -> Result<Option<PathBuf>> {
        let (Some(path), Some(VideoFrame { picture, .. })) = (&self.args.picture, watch.latest()) else {
            return Ok(None);
        };
        picture.write_png(path).context("writing the picture")?;
        Ok(Some(path.clone()))
    }

    async fn command(&self, command: Command) -> Result<()> {
        self.client.command(command).await.map_err(refused)
    }

    /// Looks at the state until it has what is waited for.
    async fn until<T>(&self, time: Duration, what: &str, look: impl Fn(&Snapshot) -> Option<T>) -> Result<T> {
        let looking = async {
            loop {
                let state = self.client.snapshot().await.map_err(refused)?;
                if let Some(found) = look(&state) {
                    return Ok(found);
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        timeout(time, looking).await.with_context(|| format!("waited {} s for {what}", time.as_secs()))?
    }
}

/// When the first picture was decoded.
async fn first_picture(mut watch: FrameWatch) -> Option<i64> {
    watch.changed().await.map(|_| unix_ms())
}

fn unix_ms() -> i64 {
    let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
