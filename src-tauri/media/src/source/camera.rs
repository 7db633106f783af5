//! A camera by nokhwa, on a thread that can be abandoned: its `frame()` has no time-out and blocks for ever when the
//! driver stops delivering. A second thread watches the first.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use nokhwa::{
    Camera, NokhwaError,
    utils::{ApiBackend, CameraFormat, CameraIndex, FrameFormat, RequestedFormat, RequestedFormatType},
};

use super::{STALL_AFTER, VideoEvent, emitter::Emitter, pixels::PixelReader};
use crate::{
    device::{self, DeviceError, DeviceInfo, DeviceKind},
    frame::VideoFrame,
};

/// What the caller would like; the camera gives what is nearest.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    pub(super) id: Option<String>,
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) fps: u32,
}

/// How long a camera may take to open.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);

/// Damaged pictures in a row after which a camera is given up.
const MAX_DAMAGED: u32 = 90;

/// Formats that can be read, in the order of what they cost.
const FORMATS: [FrameFormat; 5] =
    [FrameFormat::NV12, FrameFormat::YUYV, FrameFormat::MJPEG, FrameFormat::RAWRGB, FrameFormat::RAWBGR];

/// The cameras that can be opened, the first one as default.
pub(crate) fn list() -> Vec<DeviceInfo> {
    let found = nokhwa::query(ApiBackend::Auto).unwrap_or_default();
    let mut cameras: Vec<_> = found.into_iter().filter(|info| platform::can_capture(info.index())).collect();
    cameras.sort_by_key(|info| info.index().as_string());
    let first = cameras.first().map(|info| info.index().clone());
    let listed = cameras.iter().map(|info| DeviceInfo {
        id: info.index().as_string(),
        name: info.human_name(),
        kind: DeviceKind::Camera,
        is_default: Some(info.index()) == first.as_ref(),
    });
    device::tidy(listed.collect())
}

/// Starts the capture thread and its watchdog.
pub(super) fn spawn(wish: Wish, emitter: Emitter<VideoEvent>) {
    let pulse = Arc::new(Pulse::new());
    let beating = pulse.clone();
    super::spawn("camera", &emitter, move |emitter| capture(&wish, emitter, &beating));
    super::spawn("camera-watch", &emitter, move |emitter| watch(emitter, &pulse));
}

fn capture(wish: &Wish, emitter: &Emitter<VideoEvent>, pulse: &Pulse) -> Result<(), DeviceError> {
    let mut camera = open(wish)?;
    let format = camera.camera_format();
    let mut reader = PixelReader::new(format.format(), format.width() as usize, format.height() as usize)?;
    let (width, height) = reader.size();
    pulse.beat();
    let mut go_on =
        emitter.emit(VideoEvent::Started { name: camera.info().human_name(), width, height, fps: format.frame_rate() });
    let mut damaged = 0;
    while go_on {
        let buffer = camera.frame().map_err(|error| device_error(&error, DeviceError::Gone))?;
        let captured_at = buffer.capture_timestamp().and_then(captured_at).unwrap_or_else(Instant::now);
        match reader.read(buffer.buffer()) {
            Ok(picture) => {
                damaged = 0;
                pulse.beat();
                go_on = emitter.emit(VideoEvent::Frame(VideoFrame { picture: Arc::new(picture), captured_at }));
            }
            Err(error) => {
                damaged += 1;
                tracing::debug!(%error, damaged, "a picture of the camera is damaged");
                if damaged > MAX_DAMAGED {
                    return Err(DeviceError::Unsupported(error.to_string()));
                }
                go_on = !emitter.is_closed();
            }
        }
    }
    Ok(())
}

fn watch(emitter: &Emitter<VideoEvent>, pulse: &Pulse) -> Result<(), DeviceError> {
    const CHECK_EVERY: Duration = Duration::from_millis(100);
    let mut told_at_beat = None;
    while !emitter.is_closed() {
        thread::sleep(CHECK_EVERY);
        let (beat, silent_for) = pulse.read();
        if beat == 0 {
            if silent_for > OPEN_TIMEOUT {
                return Err(DeviceError::Backend("it does not answer".to_owned()));
            }
        } else if silent_for > STALL_AFTER && told_at_beat != Some(beat) {
            told_at_beat = Some(beat);
            emitter.emit(VideoEvent::Stalled);
        }
    }
    Ok(())
}

/// The heartbeat of the capture thread. Beat 0 is the time before the camera is open.
struct Pulse {
    began: Instant,
    beats: AtomicU64,
    last_ms: AtomicU64,
}

impl Pulse {
    fn new() -> Self {
        Self { began: Instant::now(), beats: AtomicU64::new(0), last_ms: AtomicU64::new(0) }
    }

    fn beat(&self) {
        self.last_ms.store(self.began.elapsed().as_millis() as u64, Ordering::Release);
        self.beats.fetch_add(1, Ordering::AcqRel);
    }

    /// The number of the last beat and how long ago it was.
    fn read(&self) -> (u64, Duration) {
        let beat = self.beats.load(Ordering::Acquire);
        let last = Duration::from_millis(self.last_ms.load(Ordering::Acquire));
        (beat, self.began.elapsed().saturating_sub(last))
    }
}

fn open(wish: &Wish) -> Result<Camera, DeviceError> {
    platform::ask_permission()?;
    let id = match &wish.id {
        Some(id) => id.clone(),
        None => list().into_iter().next().ok_or(DeviceError::NotFound)?.id,
    };
    let index = id.parse().map_or_else(|_| CameraIndex::String(id.clone()), CameraIndex::Index);
    platform::make_rate_whole(&index);
    let any = RequestedFormat::with_formats(RequestedFormatType::None, &FORMATS);
    let mut camera = Camera::new(index, any).map_err(|error| device_error(&error, DeviceError::NotFound))?;
    let offered = camera.compatible_camera_formats().map_err(|error| device_error(&error, DeviceError::Gone))?;
    let best = nearest(&offered, wish)
        .ok_or_else(|| DeviceError::Unsupported("it offers no picture format that Parley knows".to_owned()))?;
    if camera.camera_format() != best {
        let exact = RequestedFormat::with_formats(RequestedFormatType::Exact(best), &FORMATS);
        camera.set_camera_requset(exact).map_err(|error| device_error(&error, DeviceError::Gone))?;
    }
    camera.open_stream().map_err(|error| device_error(&error, DeviceError::Gone))?;
    Ok(camera)
}

/// The offered format that is nearest: first in size, then in rate (slower is worse than faster), then the cheapest.
fn nearest(offered: &[CameraFormat], wish: &Wish) -> Option<CameraFormat> {
    let cost = |format: &CameraFormat| {
        let pixels = FORMATS.iter().position(|&known| known == format.format())?;
        let size = (format.width() as usize).abs_diff(wish.width) + (format.height() as usize).abs_diff(wish.height);
        let (rate, wanted) = (format.frame_rate(), wish.fps);
        let rate = if rate < wanted { (wanted - rate) * 10 } else { rate - wanted };
        Some((size, rate, pixels))
    };
    offered
        .iter()
        .filter_map(|format| Some((cost(format)?, *format)))
        .min_by_key(|(cost, _)| *cost)
        .map(|(_, format)| format)
}

/// Turns nokhwa's wall-clock stamp into an instant; a stamp that is not from the last second is not believed.
fn captured_at(since_epoch: Duration) -> Option<Instant> {
    let age = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).ok()?.checked_sub(since_epoch)?;
    if age > Duration::from_secs(1) { None } else { Instant::now().checked_sub(age) }
}

/// What a person can act on, from nokhwa's text. `missing` is what a vanished device means at this point.
fn device_error(error: &NokhwaError, missing: DeviceError) -> DeviceError {
    let text = error.to_string();
    let code = text
        .rsplit_once("(os error ")
        .and_then(|(_, rest)| rest.split_once(')'))
        .and_then(|(code, _)| code.parse::<i32>().ok());
    match (cfg!(unix), code) {
        (true, Some(ENOENT | ENXIO | ENODEV)) => missing,
        (true, Some(EBUSY)) => DeviceError::Busy,
        (true, Some(EPERM | EACCES)) => DeviceError::Denied,
        _ => DeviceError::Backend(text),
    }
}

const EPERM: i32 = 1;
const ENOENT: i32 = 2;
const ENXIO: i32 = 6;
const EACCES: i32 = 13;
const EBUSY: i32 = 16;
const ENODEV: i32 = 19;

#[cfg(target_os = "linux")]
mod platform {
    use super::{CameraIndex, DeviceError};
    use v4l::video::Capture;

    /// Metadata nodes and encoders are listed as `/dev/video*` too; only a camera offers picture formats to capture.
    pub(super) fn can_capture(index: &CameraIndex) -> bool {
        let formats = index
            .as_index()
            .ok()
            .and_then(|index| v4l::Device::new(index as usize).ok())
            .map(|device| device.enum_formats());
        formats.is_some_and(|formats| formats.is_ok_and(|formats| !formats.is_empty()))
    }

    /// nokhwa refuses a camera whose current rate is not a whole number (15/2), before it looks at the wanted one.
    pub(super) fn make_rate_whole(index: &CameraIndex) {
        let Some(device) = index.as_index().ok().and_then(|index| v4l::Device::new(index as usize).ok()) else {
            return;
        };
        let Ok(current) = device.params() else { return };
        if current.interval.numerator != 1 {
            let result = device.set_params(&v4l::video::capture::Parameters::with_fps(30));
            tracing::debug!(?result, "the camera stood at a rate that is not whole");
        }
    }

    pub(super) fn ask_permission() -> Result<(), DeviceError> {
        Ok(())
    }
}

#[cfg(not(target_os = "linux"))]
mod platform {
    use super::{CameraIndex, DeviceError};

    pub(super) fn can_capture(_index: &CameraIndex) -> bool {
        true
    }

    pub(super) fn make_rate_whole(_index: &CameraIndex) {}

    /// macOS asks the person once; the answer arrives in a callback.
    #[cfg(target_os = "macos")]
    pub(super) fn ask_permission() -> Result<(), DeviceError> {
        const TIME_TO_ANSWER: std::time::Duration = std::time::Duration::from_secs(60);
        if nokhwa::nokhwa_check() {
            return Ok(());
        }
        let (answer, answered) = std::sync::mpsc::channel();
        nokhwa::nokhwa_initialize(move |granted| drop(answer.send(granted)));
        if answered.recv_timeout(TIME_TO_ANSWER) == Ok(true) { Ok(()) } else { Err(DeviceError::Denied) }
    }

    #[cfg(not(target_os = "macos"))]
    pub(super) fn ask_permission() -> Result<(), DeviceError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(width: u32, height: u32, format: FrameFormat, fps: u32) -> CameraFormat {
        CameraFormat::new_from(width, height, format, fps)
    }

    #[test]
    fn nearest_format_is_the_right_size_then_fast_enough_then_cheap() {
        let offered = [
            format(640, 480, FrameFormat::YUYV, 30),
            format(1280, 720, FrameFormat::YUYV, 10),
            format(1280, 720, FrameFormat::MJPEG, 30),
            format(1280, 720, FrameFormat::MJPEG, 60),
            format(1280, 720, FrameFormat::GRAY, 30),
            format(1920, 1080, FrameFormat::MJPEG, 30),
            format(640, 480, FrameFormat::MJPEG, 30),
        ];
        let wish = |width, height| Wish { id: None, width, height, fps: 30 };
        assert_eq!(nearest(&offered, &wish(1280, 720)), Some(offered[2]));
        assert_eq!(nearest(&offered, &wish(640, 360)), Some(offered[0]));
        assert_eq!(nearest(&offered, &wish(4000, 3000)), Some(offered[5]));
        assert_eq!(nearest(&offered[4..5], &wish(1280, 720)), None);
    }

    #[test]
    fn system_errors_are_told_apart() {
        let error = |text: &str| device_error(&NokhwaError::ReadFrameError(text.to_owned()), DeviceError::Gone);
        assert_eq!(error("No such device (os error 19)"), DeviceError::Gone);
        assert_eq!(error("Device or resource busy (os error 16)"), DeviceError::Busy);
        assert_eq!(error("Permission denied (os error 13)"), DeviceError::Denied);
        assert!(matches!(error("no idea"), DeviceError::Backend(_)));
    }
}
