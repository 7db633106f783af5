//! The person's own devices in a call, shared by all peers.
//!
//! ```text
//! camera ─────▶ FrameHub (self view)
//!        └────▶ H.264 encoder ──▶ every peer
//! microphone ─▶ voice chain ─▶ Opus encoder ──▶ every peer
//!                    ▲ what is played
//! every peer ─▶ jitter buffers ─▶ mixer ─▶ speaker
//! ```

mod adaptation;
mod backoff;
mod broadcast;
mod device;
mod followed;
mod openers;
mod picture_sender;
mod playout;
mod sound_sender;
mod voice;

pub(crate) use broadcast::{AudioPath, AudioSubscription, PathHandle};
pub(crate) use picture_sender::PictureCounts;
pub(crate) use playout::RemoteSound;
#[cfg(any(test, feature = "hostile"))]
pub(crate) use playout::push as push_sound;
pub(crate) use sound_sender::SoundSender;

use super::frame_hub::{FrameHub, StreamId};
use crate::peer::{SendBudget, VideoUnit};
use broadcast::{AudioBroadcast, VideoBroadcast};
use followed::Defaults;
use openers::{CameraOpener, MicrophoneOpener, SpeakerOpener};
use parley_media::level::Level;
use parley_media::{
    AudioChunk, AudioSourceConfig, CHUNK_SAMPLES, DeviceError, DeviceInfo, LevelMeter, SpeakerConfig, VideoFrame,
    VideoSourceConfig, VoiceConfig,
};
use picture_sender::PictureSender;
use playout::Playout;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::{mpsc, watch};
use voice::Voice;

/// Device events that wait for whoever reads them; they are rare, and the newest tell all.
const EVENT_QUEUE: usize = 64;

/// Which devices to use, and how much to send.
#[derive(Debug, Clone)]
pub struct MediaConfig {
    pub camera: VideoSourceConfig,
    pub microphone: AudioSourceConfig,
    pub speaker: SpeakerConfig,
    /// What is done to the voice of a real microphone; test sounds are sent as they are.
    pub voice: VoiceConfig,
    /// Upper bound; the paths to the peers may allow less.
    pub video_bitrate_bps: u32,
    pub audio_bitrate_bps: u32,
    /// Reads latency marks from what others send. For test pictures and clicks only.
    pub measure_marks: bool,
}

impl Default for MediaConfig {
    fn default() -> Self {
        Self {
            camera: VideoSourceConfig::Camera { id: None, width: 1280, height: 720, fps: 30 },
            microphone: AudioSourceConfig::Device { id: None },
            speaker: SpeakerConfig::Device { id: None },
            voice: VoiceConfig::default(),
            video_bitrate_bps: 2_500_000,
            audio_bitrate_bps: 32_000,
            measure_marks: false,
        }
    }
}

/// What is on at the beginning, and where the self view goes.
#[derive(Debug, Clone)]
pub struct LocalOptions {
    /// Microphone open and audible. Otherwise it is opened by [`LocalMedia::set_muted`]`(false)`.
    pub audio: bool,
    /// Camera open. Otherwise it is opened by [`LocalMedia::set_camera_on`]`(true)`.
    pub video: bool,
    pub frames: FrameHub,
    /// [`StreamId::SELF`] in a call, [`StreamId::PREVIEW`] in the settings.
    pub self_view: StreamId,
}

/// Another device, or another source in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceChoice {
    Camera(VideoSourceConfig),
    Microphone(AudioSourceConfig),
    Speaker(SpeakerConfig),
}

/// What happens to the devices. A failed one is opened again by itself, with pauses of 0.5 to 8 s.
#[derive(Debug, Clone)]
pub enum LocalMediaEvent {
    CameraStarted {
        name: String,
        width: usize,
        height: usize,
        fps: u32,
    },
    /// No picture for two seconds; healed by the next event of this device.
    CameraStalled,
    CameraResumed,
    CameraFailed(DeviceError),
    MicrophoneStarted {
        name: String,
    },
    MicrophoneStalled,
    MicrophoneResumed,
    MicrophoneFailed(DeviceError),
    /// Nothing but zeros for five seconds while it should be heard: it is switched off, or nothing is plugged in.
    MicrophoneSilent,
    /// It delivers sound again, or need not.
    MicrophoneHeard,
    /// The person speaks into the muted microphone, or no longer does.
    SpeakingWhileMuted(bool),
    SpeakerStarted {
        name: String,
    },
    SpeakerFailed(DeviceError),
}

/// The person's own devices, opened when a call is accepted or for the settings preview. Clones are handles to the same
/// devices; when the last one is dropped, all are closed.
#[derive(Debug, Clone)]
pub struct LocalMedia {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    shared: Arc<Shared>,
    wishes: Mutex<Wishes>,
    /// Marks that devices came or went.
    changes: watch::Sender<()>,
}

/// What the devices' threads and the peers reach.
#[derive(Debug)]
pub(crate) struct Shared {
    frames: FrameHub,
    self_view: StreamId,
    /// Held while a picture is shown, so that none follows the turning off.
    camera_on: Mutex<bool>,
    muted: AtomicBool,
    level: Mutex<LevelMeter>,
    voice: Voice,
    video: Arc<VideoBroadcast>,
    audio: Arc<AudioBroadcast>,
    pictures: PictureSender,
    sound: SoundSender,
    playout: Playout,
    measure_marks: bool,
}

/// What should be open. The supervisors follow.
#[derive(Debug)]
struct Wishes {
    config: MediaConfig,
    camera: watch::Sender<Option<VideoSourceConfig>>,
    microphone: watch::Sender<Option<AudioSourceConfig>>,
    speaker: watch::Sender<Option<SpeakerConfig>>,
    defaults: Defaults,
}

impl LocalMedia {
    /// Opens the devices that `options` ask for and the speaker, and returns at once. Needs a Tokio runtime around it.
    /// Whether a device has opened, and whether it failed, comes as an event.
    pub fn open(config: MediaConfig, options: LocalOptions) -> (Self, mpsc::Receiver<LocalMediaEvent>) {
        let (events, receiver) = mpsc::channel(EVENT_QUEUE);
        let shared = Arc::new(Shared::new(&config, &options));
        let (camera, wished_camera) = watch::channel(options.video.then(|| config.camera.clone()));
        let (microphone, wished_microphone) = watch::channel(options.audio.then(|| config.microphone.clone()));
        let (speaker, wished_speaker) = watch::channel(Some(config.speaker.clone()));
        let (changes, changed) = watch::channel(());
        device::supervise(wished_camera, changed.clone(), CameraOpener::new(Arc::clone(&shared), events.clone()));
        let microphone_opener = MicrophoneOpener::new(Arc::clone(&shared), events.clone());
        device::supervise(wished_microphone, changed.clone(), microphone_opener);
        device::supervise(wished_speaker, changed, SpeakerOpener::new(Arc::clone(&shared), events));
        let wishes = Mutex::new(Wishes { config, camera, microphone, speaker, defaults: Defaults::default() });
        (Self { inner: Arc::new(Inner { shared, wishes, changes }) }, receiver)
    }

    /// Silences the microphone, which stays open so that unmuting is instant; the first unmute opens it.
    pub fn set_muted(&self, muted: bool) {
        self.inner.shared.muted.store(muted, Ordering::Relaxed);
        self.wishes(|wishes| {
            if !muted && wishes.microphone.borrow().is_none() {
                wishes.microphone.send_replace(Some(wishes.config.microphone.clone()));
            }
        });
    }

    /// Opens the camera, or closes it so that its light goes out. The connections stay as they are.
    pub fn set_camera_on(&self, on: bool) {
        if self.inner.shared.set_camera_on(on) {
            self.wishes(|wishes| {
                wishes.camera.send_replace(on.then(|| wishes.config.camera.clone()));
            });
        }
    }

    /// Uses another device from now on; one that is closed stays closed until it is turned on.
    pub fn switch(&self, choice: DeviceChoice) {
        self.wishes(|wishes| match choice {
            DeviceChoice::Camera(camera) => {
                wishes.config.camera = camera.clone();
                replace_if_open(&wishes.camera, camera);
            }
            DeviceChoice::Microphone(microphone) => {
                wishes.config.microphone = microphone.clone();
                replace_if_open(&wishes.microphone, microphone);
            }
            DeviceChoice::Speaker(speaker) => {
                wishes.config.speaker = speaker.clone();
                replace_if_open(&wishes.speaker, speaker);
            }
        });
    }

    /// Takes in a list of this machine's devices, from a [`parley_media::DeviceWatch`]: what waits to be opened is tried at
    /// once, and what follows the system's default goes over to another one.
    pub fn on_devices(&self, devices: &[DeviceInfo]) {
        self.wishes(|wishes| {
            let moved = wishes.defaults.update(devices);
            if moved.microphone && wishes.config.microphone == (AudioSourceConfig::Device { id: None }) {
                wishes.microphone.send_modify(|_| {});
            }
            if moved.speaker && wishes.config.speaker == (SpeakerConfig::Device { id: None }) {
                wishes.speaker.send_modify(|_| {});
            }
        });
        self.inner.changes.send_replace(());
    }

    /// How loud the microphone is, also while muted.
    pub fn level(&self) -> Level {
        lock(&self.inner.shared.level).level()
    }

    /// Turns parts of the voice chain on and off, within 10 ms and without a gap in the sound.
    pub fn set_voice(&self, voice: VoiceConfig) {
        self.wishes(|wishes| wishes.config.voice = voice);
        self.inner.shared.voice.set_config(voice);
    }

    /// How loud the room is without speech, in dBFS, before any suppression. `None` until a real microphone has been open
    /// for half a second.
    pub fn noise_floor_db(&self) -> Option<f32> {
        self.inner.shared.voice.noise_floor_db()
    }

    /// Makes the sound of `stream` `gain` times as loud: 0 mutes it, 1 leaves it, 2 doubles it; more counts as 2.
    /// May be called before the stream is there, and holds when it goes and comes back.
    pub fn set_volume(&self, stream: StreamId, gain: f32) {
        self.inner.shared.playout.set_volume(stream, gain);
    }

    /// How loud every other participant arrives, before the volume that the person has set.
    pub fn remote_levels(&self) -> Vec<(StreamId, Level)> {
        self.inner.shared.playout.levels()
    }

    /// Sends a picture as if a camera had made it.
    pub(crate) fn inject_picture(&self, frame: VideoFrame) {
        self.inner.shared.pictures.push(frame);
    }

    /// Sends sound as if a microphone had heard it, also while muted. Holds no device open.
    pub(crate) fn sound_injector(&self) -> SoundSender {
        self.inner.shared.sound.clone()
    }

    /// Lets `tap` hear everything that goes to the loudspeaker; a former one hears nothing more.
    /// It is called on the playout thread and should return within a millisecond.
    pub fn set_mix_tap(&self, tap: impl FnMut(&[f32; CHUNK_SAMPLES], Instant) + Send + 'static) {
        self.inner.shared.playout.set_tap(Box::new(tap));
    }

    pub(crate) fn subscribe_video(&self, budget: SendBudget) -> mpsc::Receiver<Arc<VideoUnit>> {
        let units = self.inner.shared.video.subscribe(budget);
        self.inner.shared.pictures.begin();
        units
    }

    pub(crate) fn subscribe_audio(&self) -> AudioSubscription {
        self.inner.shared.audio.subscribe()
    }

    pub(crate) fn request_key_frame(&self) {
        self.inner.shared.video.request_key_frame();
    }

    pub(crate) fn add_remote_sound(&self, stream: StreamId) -> Arc<RemoteSound> {
        self.inner.shared.playout.add(stream, self.measures_marks())
    }

    pub(crate) fn remove_remote_sound(&self, stream: StreamId) {
        self.inner.shared.playout.remove(stream);
    }

    pub(crate) fn measures_marks(&self) -> bool {
        self.inner.shared.measure_marks
    }

    pub(crate) fn picture_counts(&self) -> PictureCounts {
        self.inner.shared.pictures.counts()
    }

    fn wishes(&self, change: impl FnOnce(&mut Wishes)) {
        change(&mut lock(&self.inner.wishes));
    }
}

fn replace_if_open<C>(wish: &watch::Sender<Option<C>>, config: C) {
    wish.send_if_modified(|wish| {
        let is_open = wish.is_some();
        if is_open {
            *wish = Some(config);
        }
        is_open
    });
}

impl Shared {
    fn new(config: &MediaConfig, options: &LocalOptions) -> Self {
        let (video, audio) = (Arc::new(VideoBroadcast::default()), Arc::new(AudioBroadcast::default()));
        Self {
            frames: options.frames.clone(),
            self_view: options.self_view,
            camera_on: Mutex::new(options.video),
            muted: AtomicBool::new(!options.audio),
            level: Mutex::default(),
            voice: Voice::new(config.voice),
            pictures: PictureSender::spawn(Arc::clone(&video), config.video_bitrate_bps),
            sound: SoundSender::spawn(Arc::clone(&audio), config.audio_bitrate_bps, has_pauses(&config.microphone)),
            video,
            audio,
            playout: Playout::default(),
            measure_marks: config.measure_marks,
        }
    }

    /// Returns whether this changed anything.
    fn set_camera_on(&self, on: bool) -> bool {
        let was_on = std::mem::replace(&mut *lock(&self.camera_on), on);
        if !on {
            self.frames.clear(self.self_view);
        }
        was_on != on
    }

    /// Called on the camera's thread. A picture that comes after the camera was turned off is nobody's business.
    fn on_picture(&self, frame: VideoFrame) {
        let camera_on = lock(&self.camera_on);
        if *camera_on {
            self.frames.publish(self.self_view, frame.clone());
            self.pictures.push(frame);
        }
    }

    fn is_muted(&self) -> bool {
        self.muted.load(Ordering::Relaxed)
    }

    /// Called on the microphone's thread. Returns whether the person began or ceased to speak while muted.
    fn on_sound(&self, mut chunk: AudioChunk, of_a_room: bool) -> Option<bool> {
        lock(&self.level).push(&chunk.samples);
        let muted = self.is_muted();
        let speaking_while_muted = if of_a_room { self.voice.clean(&mut chunk, muted) } else { None };
        if muted {
            self.sound.push_muted(chunk);
        } else {
            self.sound.push(chunk);
        }
        speaking_while_muted
    }
}

/// Whether silence of a source need not be sent.
fn has_pauses(microphone: &AudioSourceConfig) -> bool {
    match microphone {
        AudioSourceConfig::Device { .. } | AudioSourceConfig::File { .. } | AudioSourceConfig::Silence => true,
        AudioSourceConfig::Clicks | AudioSourceConfig::DriftingClicks { .. } => false,
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shared.set_camera_on(false);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
