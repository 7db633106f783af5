//! A camera on a thread that can be abandoned: a driver may block where it likes. A second thread watches the first.

#[cfg(target_os = "linux")]
#[path = "v4l2.rs"]
mod system;
#[cfg(not(target_os = "linux"))]
#[path = "nokhwa.rs"]
mod system;

use std::{
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

pub(crate) use system::{CameraNodes, list, nodes};

use super::{STALL_AFTER, VideoEvent, emitter::Emitter, pixels::PixelFormat, pixels::PixelReader};
use crate::{device::DeviceError, frame::VideoFrame};

/// What the caller would like; the camera gives what is nearest.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    pub(super) id: Option<String>,
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) fps: u32,
}

/// What a camera can deliver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mode {
    format: PixelFormat,
    /// In pixels, as the camera counts; may be odd.
    width: usize,
    height: usize,
    /// Pictures in a thousand seconds: 7.5 a second are common.
    millihertz: u32,
}

impl Mode {
    /// In pictures a second, at least one.
    fn fps(&self) -> u32 {
        ((self.millihertz + 500) / 1_000).max(1)
    }
}

/// A picture as the driver gave it.
struct Shot<'a> {
    data: Cow<'a, [u8]>,
    captured_at: Instant,
}

/// How long a camera may take to open.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);

/// Damaged pictures in a row after which a camera is given up.
const MAX_DAMAGED: u32 = 90;

/// Starts the capture thread and its watchdog.
pub(super) fn spawn(wish: Wish, emitter: Emitter<VideoEvent>) {
    let pulse = Arc::new(Pulse::new());
    let beating = pulse.clone();
    super::spawn("camera", &emitter, move |emitter| capture(&wish, emitter, &beating));
    super::spawn("camera-watch", &emitter, move |emitter| watch(emitter, &pulse));
}

fn capture(wish: &Wish, emitter: &Emitter<VideoEvent>, pulse: &Pulse) -> Result<(), DeviceError> {
    let mut camera = system::Camera::open(wish)?;
    let mode = camera.mode();
    let mut reader = PixelReader::new(mode.format, mode.width, mode.height, camera.stride())?;
    let (width, height) = reader.size();
    pulse.beat();
    let mut go_on =
        emitter.emit(VideoEvent::Started { name: camera.name().to_owned(), width, height, fps: mode.fps() });
    let mut damaged = 0;
    while go_on {
        let Some(shot) = camera.next()? else {
            go_on = !emitter.is_closed();
            continue;
        };
        match reader.read(&shot.data) {
            Ok(picture) => {
                damaged = 0;
                pulse.beat();
                let frame = VideoFrame { picture: Arc::new(picture), captured_at: shot.captured_at };
                go_on = emitter.emit(VideoEvent::Frame(frame));
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

/// The offered mode that is nearest: first in size, then in rate (slower is worse than faster), then the cheapest to read.
fn nearest(offered: &[Mode], wish: &Wish) -> Option<Mode> {
    let cost = |mode: &Mode| {
        let size = mode.width.abs_diff(wish.width) + mode.height.abs_diff(wish.height);
        let (rate, wanted) = (mode.millihertz, wish.fps.saturating_mul(1_000));
        let rate = if rate < wanted { (wanted - rate).saturating_mul(10) } else { rate - wanted };
        (size, rate, mode.format)
    };
    offered.iter().copied().min_by_key(cost)
}

/// What a person can act on, from the system's error number. `missing` is what a vanished device means at this point.
fn os_error(code: Option<i32>, text: String, missing: DeviceError) -> DeviceError {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(width: usize, height: usize, format: PixelFormat, millihertz: u32) -> Mode {
        Mode { format, width, height, millihertz }
    }

    #[test]
    fn nearest_mode_is_the_right_size_then_fast_enough_then_cheap() {
        let offered = [
            mode(640, 480, PixelFormat::Yuyv, 30_000),
            mode(1280, 720, PixelFormat::Yuyv, 10_000),
            mode(1280, 720, PixelFormat::Jpeg, 30_000),
            mode(1280, 720, PixelFormat::Jpeg, 60_000),
            mode(1280, 720, PixelFormat::Yuyv, 29_970),
            mode(1920, 1080, PixelFormat::Jpeg, 30_000),
            mode(640, 480, PixelFormat::Jpeg, 30_000),
        ];
        let wish = |width, height| Wish { id: None, width, height, fps: 30 };
        assert_eq!(nearest(&offered, &wish(1280, 720)), Some(offered[2]));
        assert_eq!(nearest(&offered[..2], &wish(1280, 720)), Some(offered[1]));
        assert_eq!(nearest(&offered, &wish(640, 360)), Some(offered[0]));
        assert_eq!(nearest(&offered, &wish(4000, 3000)), Some(offered[5]));
        assert_eq!(nearest(&[], &wish(1280, 720)), None);
    }

    #[test]
    fn rates_are_told_in_whole_pictures() {
        let fps = |millihertz| mode(2, 2, PixelFormat::Yuyv, millihertz).fps();
        assert_eq!([29_970, 7_500, 12_500, 200].map(fps), [30, 8, 13, 1]);
    }

    #[test]
    fn system_errors_are_told_apart() {
        let error = |code| os_error(Some(code), "no idea".to_owned(), DeviceError::Gone);
        assert_eq!([19, 16, 13].map(error), [DeviceError::Gone, DeviceError::Busy, DeviceError::Denied]);
        assert!(matches!(error(5), DeviceError::Backend(_)));
    }
}
