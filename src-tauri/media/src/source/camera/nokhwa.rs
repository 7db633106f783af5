//! Cameras of macOS and Windows, by nokhwa. Its `frame()` has no time-out and blocks for ever when the driver stops
//! delivering: the thread that waits in it is abandoned then.

use std::{
    borrow::Cow,
    time::{Duration, Instant},
};

use nokhwa::{
    NokhwaError,
    utils::{ApiBackend, CameraFormat, CameraIndex, FrameFormat, RequestedFormat, RequestedFormatType},
};

use super::{Mode, Shot, Wish, nearest, os_error};
use crate::{
    device::{self, DeviceError, DeviceInfo, DeviceKind},
    source::pixels::PixelFormat,
};

const FORMATS: [FrameFormat; 5] =
    [FrameFormat::NV12, FrameFormat::YUYV, FrameFormat::MJPEG, FrameFormat::RAWRGB, FrameFormat::RAWBGR];

pub(crate) type CameraNodes = ();

/// Only the whole list tells.
pub(crate) fn nodes() -> Option<CameraNodes> {
    None
}

/// The cameras that can be opened, the first one as default.
pub(crate) fn list() -> Vec<DeviceInfo> {
    let mut cameras = nokhwa::query(ApiBackend::Auto).unwrap_or_default();
    cameras.sort_by_key(|info| info.index().as_string());
    let listed = cameras.iter().enumerate().map(|(place, info)| DeviceInfo {
        id: info.index().as_string(),
        name: info.human_name(),
        kind: DeviceKind::Camera,
        is_default: place == 0,
    });
    device::tidy(listed.collect())
}

/// An open camera that delivers.
pub(super) struct Camera {
    camera: nokhwa::Camera,
    name: String,
}

impl Camera {
    pub(super) fn open(wish: &Wish) -> Result<Self, DeviceError> {
        ask_permission()?;
        let id = match &wish.id {
            Some(id) => id.clone(),
            None => list().into_iter().next().ok_or(DeviceError::NotFound)?.id,
        };
        let index = id.parse().map_or_else(|_| CameraIndex::String(id.clone()), CameraIndex::Index);
        let failed = |error: NokhwaError| device_error(&error, DeviceError::Gone);
        let any = RequestedFormat::with_formats(RequestedFormatType::None, &FORMATS);
        let mut camera =
            nokhwa::Camera::new(index, any).map_err(|error| device_error(&error, DeviceError::NotFound))?;
        let offered = camera.compatible_camera_formats().map_err(failed)?;
        let known: Vec<(Mode, CameraFormat)> = offered.into_iter().filter_map(|f| Some((mode(&f)?, f))).collect();
        let modes: Vec<Mode> = known.iter().map(|(mode, _)| *mode).collect();
        let best = nearest(&modes, wish).and_then(|best| known.iter().find(|(mode, _)| *mode == best));
        let (_, best) =
            best.ok_or_else(|| DeviceError::Unsupported("it offers no picture format that Parley knows".to_owned()))?;
        if camera.camera_format() != *best {
            let exact = RequestedFormat::with_formats(RequestedFormatType::Exact(*best), &FORMATS);
            camera.set_camera_requset(exact).map_err(failed)?;
        }
        camera.open_stream().map_err(failed)?;
        if mode(&camera.camera_format()).is_none() {
            return Err(DeviceError::Unsupported("it only delivers grey pictures".to_owned()));
        }
        let name = camera.info().human_name();
        Ok(Self { camera, name })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn mode(&self) -> Mode {
        let format = self.camera.camera_format();
        mode(&format).expect("the format was known when the camera was opened")
    }

    /// Rows follow each other without a gap.
    pub(super) fn stride(&self) -> usize {
        0
    }

    /// The next picture; blocks until there is one.
    pub(super) fn next(&mut self) -> Result<Option<Shot<'_>>, DeviceError> {
        let buffer = self.camera.frame().map_err(|error| device_error(&error, DeviceError::Gone))?;
        let captured_at = buffer.capture_timestamp().and_then(captured_at).unwrap_or_else(Instant::now);
        Ok(Some(Shot { data: Cow::Owned(buffer.buffer().to_vec()), captured_at }))
    }
}

fn mode(format: &CameraFormat) -> Option<Mode> {
    let pixels = match format.format() {
        FrameFormat::NV12 => PixelFormat::Nv12,
        FrameFormat::YUYV => PixelFormat::Yuyv,
        FrameFormat::MJPEG => PixelFormat::Jpeg,
        FrameFormat::RAWRGB => PixelFormat::Rgb,
        FrameFormat::RAWBGR => PixelFormat::Bgr,
        FrameFormat::GRAY => return None,
    };
    Some(Mode {
        format: pixels,
        width: format.width() as usize,
        height: format.height() as usize,
        millihertz: format.frame_rate().saturating_mul(1_000),
    })
}

/// Turns nokhwa's wall-clock stamp into an instant; a stamp that is not from the last second is not believed.
fn captured_at(since_epoch: Duration) -> Option<Instant> {
    let age = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).ok()?.checked_sub(since_epoch)?;
    if age > Duration::from_secs(1) { None } else { Instant::now().checked_sub(age) }
}

/// nokhwa hands the system's error on as text only.
fn device_error(error: &NokhwaError, missing: DeviceError) -> DeviceError {
    let text = error.to_string();
    let code = text
        .rsplit_once("(os error ")
        .and_then(|(_, rest)| rest.split_once(')'))
        .and_then(|(code, _)| code.parse::<i32>().ok());
    os_error(code, text, missing)
}

/// macOS asks the person once; the answer arrives in a callback.
#[cfg(target_os = "macos")]
fn ask_permission() -> Result<(), DeviceError> {
    const TIME_TO_ANSWER: Duration = Duration::from_secs(60);
    if nokhwa::nokhwa_check() {
        return Ok(());
    }
    let (answer, answered) = std::sync::mpsc::channel();
    nokhwa::nokhwa_initialize(move |granted| drop(answer.send(granted)));
    if answered.recv_timeout(TIME_TO_ANSWER) == Ok(true) { Ok(()) } else { Err(DeviceError::Denied) }
}

#[cfg(not(target_os = "macos"))]
fn ask_permission() -> Result<(), DeviceError> {
    Ok(())
}
