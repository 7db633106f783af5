//! How each kind of device is opened, and what its reports mean to the person.

use super::device::{DeviceOpener, DeviceReport, Reporter};
use super::{LocalMediaEvent, Shared, voice};
use parley_media::{
    AudioCapture, AudioEvent, AudioSourceConfig, DeadSilence, Silence, Speaker, SpeakerConfig, SpeakerEvent,
    VideoCapture, VideoEvent, VideoSourceConfig,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::sync::mpsc;

type Events = mpsc::Sender<LocalMediaEvent>;

/// Nobody may read the events; devices work all the same.
fn tell(events: &Events, event: LocalMediaEvent) {
    let _ = events.try_send(event);
}

pub(super) struct CameraOpener {
    shared: Arc<Shared>,
    events: Events,
}

impl CameraOpener {
    pub(super) fn new(shared: Arc<Shared>, events: Events) -> Self {
        Self { shared, events }
    }
}

/// What a camera says when it starts.
pub(super) struct CameraStarted {
    name: String,
    width: usize,
    height: usize,
    fps: u32,
}

impl DeviceOpener for CameraOpener {
    type Config = VideoSourceConfig;
    type Started = CameraStarted;
    type Handle = VideoCapture;

    fn open(&mut self, config: VideoSourceConfig, mut reporter: Reporter<CameraStarted>) -> VideoCapture {
        let shared = Arc::clone(&self.shared);
        VideoCapture::open(config, move |event| match event {
            VideoEvent::Started { name, width, height, fps } => {
                shared.pictures.set_fps(fps);
                reporter.report(DeviceReport::Started(CameraStarted { name, width, height, fps }));
            }
            VideoEvent::Frame(frame) => {
                reporter.on_media();
                shared.on_picture(frame);
            }
            VideoEvent::Stalled => reporter.report(DeviceReport::Stalled),
            VideoEvent::Failed(error) => reporter.report(DeviceReport::Failed(error)),
        })
    }

    fn on_report(&mut self, report: DeviceReport<CameraStarted>) {
        let event = match report {
            DeviceReport::Started(CameraStarted { name, width, height, fps }) => {
                LocalMediaEvent::CameraStarted { name, width, height, fps }
            }
            DeviceReport::Stalled => LocalMediaEvent::CameraStalled,
            DeviceReport::Resumed => LocalMediaEvent::CameraResumed,
            DeviceReport::Failed(error) => {
                self.shared.frames.clear(self.shared.self_view);
                LocalMediaEvent::CameraFailed(error)
            }
        };
        tell(&self.events, event);
    }
}

pub(super) struct MicrophoneOpener {
    shared: Arc<Shared>,
    events: Events,
}

impl MicrophoneOpener {
    pub(super) fn new(shared: Arc<Shared>, events: Events) -> Self {
        Self { shared, events }
    }
}

impl DeviceOpener for MicrophoneOpener {
    type Config = AudioSourceConfig;
    type Started = String;
    type Handle = AudioCapture;

    fn open(&mut self, config: AudioSourceConfig, mut reporter: Reporter<String>) -> AudioCapture {
        let (shared, events) = (Arc::clone(&self.shared), self.events.clone());
        let of_a_room = voice::hears_a_room(&config);
        // What stands in for a microphone may be as silent as it likes.
        let mut silence = matches!(config, AudioSourceConfig::Device { .. }).then(DeadSilence::default);
        AudioCapture::open(config, move |event| match event {
            AudioEvent::Started { name } => reporter.report(DeviceReport::Started(name)),
            AudioEvent::Chunk(chunk) => {
                reporter.on_media();
                match silence.as_mut().and_then(|silence| silence.push(&chunk.samples, shared.is_muted())) {
                    Some(Silence::Began) => tell(&events, LocalMediaEvent::MicrophoneSilent),
                    Some(Silence::Ended) => tell(&events, LocalMediaEvent::MicrophoneHeard),
                    None => {}
                }
                if let Some(speaking) = shared.on_sound(chunk, of_a_room) {
                    tell(&events, LocalMediaEvent::SpeakingWhileMuted(speaking));
                }
            }
            AudioEvent::Stalled => reporter.report(DeviceReport::Stalled),
            AudioEvent::Failed(error) => reporter.report(DeviceReport::Failed(error)),
        })
    }

    fn on_report(&mut self, report: DeviceReport<String>) {
        let event = match report {
            DeviceReport::Started(name) => LocalMediaEvent::MicrophoneStarted { name },
            DeviceReport::Stalled => LocalMediaEvent::MicrophoneStalled,
            DeviceReport::Resumed => LocalMediaEvent::MicrophoneResumed,
            DeviceReport::Failed(error) => {
                if let Some(speaking) = self.shared.voice.on_microphone_lost() {
                    tell(&self.events, LocalMediaEvent::SpeakingWhileMuted(speaking));
                }
                LocalMediaEvent::MicrophoneFailed(error)
            }
        };
        tell(&self.events, event);
    }
}

pub(super) struct SpeakerOpener {
    shared: Arc<Shared>,
    events: Events,
}

impl SpeakerOpener {
    pub(super) fn new(shared: Arc<Shared>, events: Events) -> Self {
        Self { shared, events }
    }
}

impl DeviceOpener for SpeakerOpener {
    type Config = SpeakerConfig;
    type Started = String;
    type Handle = Speaker;

    fn open(&mut self, config: SpeakerConfig, mut reporter: Reporter<String>) -> Speaker {
        let shared = Arc::clone(&self.shared);
        // What no loudspeaker plays leaves no echo.
        let mut tap = match &config {
            SpeakerConfig::Device { .. } => Some(shared.voice.listen_to_speaker()),
            SpeakerConfig::Null => None,
        };
        let starved = Arc::new(AtomicU32::new(0));
        let missed = Arc::clone(&starved);
        Speaker::open(
            config,
            move |out, heard_at| {
                shared.playout.pull(out, heard_at);
                if let Some(tap) = &mut tap {
                    tap.on_starved(missed.swap(0, Ordering::Relaxed));
                    tap.on_played(out, heard_at);
                }
            },
            move |event| match event {
                SpeakerEvent::Started { name } => reporter.report(DeviceReport::Started(name)),
                SpeakerEvent::Starved { samples } => {
                    starved.fetch_add(samples, Ordering::Relaxed);
                }
                SpeakerEvent::Failed(error) => reporter.report(DeviceReport::Failed(error)),
            },
        )
    }

    fn on_report(&mut self, report: DeviceReport<String>) {
        let event = match report {
            DeviceReport::Started(name) => LocalMediaEvent::SpeakerStarted { name },
            DeviceReport::Failed(error) => LocalMediaEvent::SpeakerFailed(error),
            // A speaker that hangs fails by itself.
            DeviceReport::Stalled | DeviceReport::Resumed => return,
        };
        tell(&self.events, event);
    }
}
