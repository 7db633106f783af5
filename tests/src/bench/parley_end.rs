//! Our end of a measured call: a session of the engine, led from outside through standard input and output.

#![allow(clippy::print_stdout, reason = "it talks over standard output")]

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use anyhow::Result;
use parley_client::engine::{
    FrameHub, FrameWatch, LocalMedia, LocalOptions, MediaConfig, PeerSession, PeerSessionConfig, PeerSessionEvent,
    PeerSessionHandle, Role, StreamId,
};
use parley_client::peer::Loopback;
use parley_media::mark::{self, ClickDetector, video_mark};
use parley_media::{AudioSourceConfig, SpeakerConfig, VideoSourceConfig};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::end::{Order, Picture, Report, Seen, Setup, Sound, Told};

/// Follows orders until standard input ends.
///
/// # Errors
/// An order is not understood.
pub async fn serve() -> Result<()> {
    let mut orders = BufReader::new(tokio::io::stdin()).lines();
    let mut call: Option<Call> = None;
    say(&Told::Ready);
    while let Some(line) = orders.next_line().await? {
        match (serde_json::from_str(&line)?, &call) {
            (Order::Open(setup), _) => {
                if let Some(before) = call.take() {
                    before.session.close().await;
                }
                call = Some(Call::open(&setup));
            }
            (Order::Signal(signal), Some(call)) => {
                let _ = call.session.on_signal(signal);
            }
            (Order::Report, Some(call)) => say(&Told::Report(call.report().await)),
            (Order::Signal(_) | Order::Report, None) => {}
        }
    }
    Ok(())
}

fn say(told: &Told) {
    if let Ok(line) = serde_json::to_string(told) {
        println!("{line}");
    }
}

const REMOTE: StreamId = StreamId::FIRST_REMOTE;

/// Loudness from which sound is none of silence.
const SILENCE: f32 = 0.003;

struct Call {
    session: PeerSessionHandle,
    measured: Arc<Mutex<Report>>,
    _media: LocalMedia,
    _tasks: JoinSet<()>,
}

impl Call {
    fn open(setup: &Setup) -> Self {
        let frames = FrameHub::new();
        let options = LocalOptions {
            audio: true,
            video: setup.picture.is_some(),
            frames: frames.clone(),
            self_view: StreamId::SELF,
        };
        let (media, _) = LocalMedia::open(media_config(setup), options);
        let measured: Arc<Mutex<Report>> = Arc::default();
        media.set_mix_tap(listen(Arc::clone(&measured), setup.reads_marks));
        let role = if setup.offers { Role::Offerer } else { Role::Answerer };
        let config = PeerSessionConfig {
            loopback: Loopback::Only,
            ..PeerSessionConfig::new(media.clone(), frames.clone(), REMOTE, role)
        };
        let (session, events) = PeerSession::spawn(config);
        let mut tasks = JoinSet::new();
        tasks.spawn(carry_signals(events));
        tasks.spawn(look(frames.subscribe(REMOTE), Arc::clone(&measured), setup.reads_marks));
        Self { session, measured, _media: media, _tasks: tasks }
    }

    async fn report(&self) -> Report {
        let audio = self.session.stats().await.audio;
        let mut measured = lock(&self.measured);
        let next = Report { width: measured.width, height: measured.height, ..Report::default() };
        Report {
            played_samples: audio.played_samples,
            concealed_samples: audio.concealed_samples,
            ..std::mem::replace(&mut *measured, next)
        }
    }
}

fn media_config(setup: &Setup) -> MediaConfig {
    let camera = match &setup.picture {
        Some(Picture { clip, with_clock: false, fps, .. }) => VideoSourceConfig::File { path: clip.clone(), fps: *fps },
        Some(Picture { width, height, fps, .. }) => {
            VideoSourceConfig::Pattern { width: *width, height: *height, fps: *fps }
        }
        None => MediaConfig::default().camera,
    };
    let microphone = match &setup.sound {
        Sound::Clicks { drift_ppm } => AudioSourceConfig::DriftingClicks { ppm: *drift_ppm },
        Sound::File { path } => AudioSourceConfig::File { path: path.clone() },
    };
    MediaConfig { camera, microphone, speaker: SpeakerConfig::Null, ..MediaConfig::default() }
}

async fn carry_signals(mut events: mpsc::Receiver<PeerSessionEvent>) {
    while let Some(event) = events.recv().await {
        match event {
            PeerSessionEvent::Signal(signal) => say(&Told::Signal(signal)),
            PeerSessionEvent::State(_) | PeerSessionEvent::FirstVideo | PeerSessionEvent::FirstAudio => {}
        }
    }
}

/// Hears what goes to the loudspeaker.
fn listen(
    measured: Arc<Mutex<Report>>,
    reads_marks: bool,
) -> impl FnMut(&[f32; parley_media::CHUNK_SAMPLES], Instant) + Send + 'static {
    let mut clicks = reads_marks.then(ClickDetector::new);
    let mut is_first = true;
    move |samples, heard_at| {
        if is_first && samples.iter().any(|sample| sample.abs() > SILENCE) {
            is_first = false;
            say(&Told::FirstSound(wall_ms(heard_at)));
        }
        if let Some(click) = clicks.as_mut().and_then(|clicks| clicks.push(samples, heard_at)) {
            let latency_ms = Some(click.latency.as_secs_f64() * 1e3);
            lock(&measured).clicks.push(Seen { at_ms: wall_ms(click.at), latency_ms });
        }
    }
}

/// Sees what goes to the screen.
async fn look(mut frames: FrameWatch, measured: Arc<Mutex<Report>>, reads_marks: bool) {
    let mut is_first = true;
    while let Some(frame) = frames.changed().await {
        let now = Instant::now();
        if std::mem::replace(&mut is_first, false) {
            say(&Told::FirstPicture(wall_ms(now)));
        }
        let mark = if reads_marks { video_mark::read(&frame.picture) } else { None };
        let latency_ms = mark.map(|(_, clock_ms)| f64::from(mark::elapsed_ms(clock_ms, now)));
        let mut measured = lock(&measured);
        (measured.width, measured.height) = (frame.picture.width(), frame.picture.height());
        measured.pictures.push(Seen { at_ms: wall_ms(now), latency_ms });
    }
}

fn wall_ms(at: Instant) -> f64 {
    mark::wall_us(at) as f64 / 1e3
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
