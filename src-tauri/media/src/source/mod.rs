//! Where pictures and sound come from: one handle for each, whatever stands behind it.
//!
//! ```text
//! open ──> Started ──> Frame | Chunk ... ──> Stalled ──> (heals with the next Frame | Chunk) ...
//!    └───────────────────────┴──────────────────┴──> Failed (last)
//! ```

pub mod camera;
mod downmix;
mod emitter;
mod file;
pub mod microphone;
pub mod pattern;
mod pixels;
mod synthetic;

use std::{path::PathBuf, thread, time::Duration};

use crate::{audio::AudioChunk, device::DeviceError, frame::VideoFrame};
use emitter::Emitter;

/// How long a source may be silent before [`VideoEvent::Stalled`] or [`AudioEvent::Stalled`].
pub const STALL_AFTER: Duration = Duration::from_secs(2);

/// Where pictures come from. Sizes are in pixels; odd sides are rounded down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VideoSourceConfig {
    /// A camera by [`crate::DeviceInfo::id`], or the default one. The nearest format that it offers is taken.
    Camera { id: Option<String>, width: usize, height: usize, fps: u32 },
    /// A moving test picture with a latency mark, at exactly this size.
    Pattern { width: usize, height: usize, fps: u32 },
    /// A YUV4MPEG2 file (8 bit, 4:2:0), played in a loop. `fps` 0 takes the file's own rate.
    File { path: PathBuf, fps: u32 },
}

/// What a [`VideoCapture`] tells, in the order of the drawing above.
#[derive(Clone, Debug)]
pub enum VideoEvent {
    /// Pictures of this size will follow.
    Started {
        name: String,
        width: usize,
        height: usize,
        fps: u32,
    },
    Frame(VideoFrame),
    /// Nothing came for [`STALL_AFTER`]. Told once; heals with the next frame.
    Stalled,
    /// The last event.
    Failed(DeviceError),
}

/// An open picture source. Dropping it stops it.
pub struct VideoCapture {
    emitter: Emitter<VideoEvent>,
}

impl VideoCapture {
    /// Starts a source on threads of its own and returns at once; failure comes as an event.
    ///
    /// `on_event` is called on those threads and should return quickly: while it runs, pictures are dropped.
    /// Dropping the handle does not wait: at most the one event that is being delivered at that moment still arrives.
    /// A camera driver that blocks keeps its (abandoned) thread and device until it lets go.
    pub fn open(config: VideoSourceConfig, on_event: impl FnMut(VideoEvent) + Send + 'static) -> Self {
        let emitter = Emitter::new(on_event);
        match config {
            VideoSourceConfig::Camera { id, width, height, fps } => {
                camera::spawn(camera::Wish { id, width, height, fps }, emitter.clone())
            }
            VideoSourceConfig::Pattern { width, height, fps } => {
                spawn("pattern", &emitter, move |emitter| pattern::run(width, height, fps, emitter))
            }
            VideoSourceConfig::File { path, fps } => {
                spawn("video-file", &emitter, move |emitter| file::run_y4m(&path, fps, emitter))
            }
        }
        Self { emitter }
    }
}

impl Drop for VideoCapture {
    fn drop(&mut self) {
        self.emitter.close();
    }
}

impl std::fmt::Debug for VideoCapture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("VideoCapture")
    }
}

/// Where sound comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AudioSourceConfig {
    /// A microphone by [`crate::DeviceInfo::id`], or the default one.
    Device {
        id: Option<String>,
    },
    /// A WAV file of any rate, mixed to mono, played in a loop. At most ten minutes of it are used.
    File {
        path: PathBuf,
    },
    /// One click at every full second of the wall clock, see [`crate::mark::click`].
    Clicks,
    /// The same, heard by a microphone whose clock is fast by so many millionths (negative: slow).
    DriftingClicks {
        ppm: i32,
    },
    Silence,
}

/// What an [`AudioCapture`] tells, in the order of the drawing above.
#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "a box would be one allocation every 10 ms; events are handed over at once"
)]
pub enum AudioEvent {
    Started {
        name: String,
    },
    Chunk(AudioChunk),
    /// Nothing came for [`STALL_AFTER`]. Told once; heals with the next chunk.
    Stalled,
    /// The last event.
    Failed(DeviceError),
}

/// An open sound source. Dropping it stops it.
pub struct AudioCapture {
    emitter: Emitter<AudioEvent>,
}

impl AudioCapture {
    /// Starts a source on a thread of its own and returns at once; failure comes as an event.
    /// `on_event` is called on that thread every 10 ms and should return within 10 ms. Dropping does not wait, as with
    /// [`VideoCapture::open`].
    pub fn open(config: AudioSourceConfig, on_event: impl FnMut(AudioEvent) + Send + 'static) -> Self {
        let emitter = Emitter::new(on_event);
        match config {
            AudioSourceConfig::Device { id } => {
                spawn("microphone", &emitter, move |emitter| microphone::run(id.as_deref(), emitter))
            }
            AudioSourceConfig::File { path } => {
                spawn("audio-file", &emitter, move |emitter| file::run_wav(&path, emitter))
            }
            AudioSourceConfig::Clicks => spawn("clicks", &emitter, |emitter| synthetic::run_clicks(0, emitter)),
            AudioSourceConfig::DriftingClicks { ppm } => {
                spawn("clicks", &emitter, move |emitter| synthetic::run_clicks(ppm, emitter))
            }
            AudioSourceConfig::Silence => spawn("silence", &emitter, synthetic::run_silence),
        }
        Self { emitter }
    }
}

impl Drop for AudioCapture {
    fn drop(&mut self) {
        self.emitter.close();
    }
}

impl std::fmt::Debug for AudioCapture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AudioCapture")
    }
}

/// An event type whose last event says why a source ended.
pub(crate) trait SourceEvent: Send + 'static {
    fn failed(error: DeviceError) -> Self;
}

impl SourceEvent for VideoEvent {
    fn failed(error: DeviceError) -> Self {
        Self::Failed(error)
    }
}

impl SourceEvent for AudioEvent {
    fn failed(error: DeviceError) -> Self {
        Self::Failed(error)
    }
}

/// Runs a source on its own thread; its error, or its panic, becomes the last event.
fn spawn<E: SourceEvent>(
    name: &str,
    emitter: &Emitter<E>,
    run: impl FnOnce(&Emitter<E>) -> Result<(), DeviceError> + Send + 'static,
) {
    let on_thread = emitter.clone();
    let spawned = thread::Builder::new().name(format!("parley-{name}")).spawn(move || {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(&on_thread)));
        let error = match result {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error,
            Err(_) => DeviceError::Backend("its driver code panicked".to_owned()),
        };
        on_thread.finish(E::failed(error));
    });
    if let Err(error) = spawned {
        emitter.finish(E::failed(DeviceError::Backend(error.to_string())));
    }
}

#[cfg(test)]
mod tests;
