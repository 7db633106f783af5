//! Cameras of Linux, by V4L2.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::Path,
    time::{Duration, Instant},
};

use v4l::{
    Device, Format, FourCC, Fraction,
    buffer::{Flags, Metadata, Type},
    frameinterval::FrameIntervalEnum,
    framesize::FrameSizeEnum,
    io::traits::CaptureStream,
    prelude::MmapStream,
    video::{Capture, capture::Parameters},
};

use super::{Mode, Shot, Wish, nearest, os_error};
use crate::{
    device::{self, DeviceError, DeviceInfo, DeviceKind},
    source::pixels::PixelFormat,
};

/// Buffers in flight; one of them is being read.
const BUFFERS: u32 = 4;

/// How long a camera may take to its first picture. Less than a hanging one is waited for, so that it is free by then.
const FIRST_PICTURE: Duration = Duration::from_secs(5);

/// How long [`Camera::next`] waits: a camera that nobody wants any more is given back after this time.
const PATIENCE_MS: i32 = 100;

/// `POLLIN` of poll(2).
const POLLIN: i16 = 1;

/// Numbers of the `/dev/video*` nodes.
pub(crate) type CameraNodes = BTreeSet<u32>;

/// The nodes that are there, of which some are no cameras. Asking does not touch them. `None` when that cannot be known.
pub(crate) fn nodes() -> Option<CameraNodes> {
    let number = |entry: fs::DirEntry| entry.file_name().to_str()?.strip_prefix("video")?.parse().ok();
    let entries = fs::read_dir("/dev").ok()?;
    Some(entries.filter_map(Result::ok).filter_map(number).collect())
}

/// The cameras that can be opened, the first one as default.
pub(crate) fn list() -> Vec<DeviceInfo> {
    let cameras = cameras();
    let listed = cameras.iter().enumerate().map(|(place, camera)| DeviceInfo {
        id: camera.id.clone(),
        name: camera.name.clone(),
        kind: DeviceKind::Camera,
        is_default: place == 0,
    });
    device::tidy(listed.collect())
}

struct Found {
    node: u32,
    /// The camera's name and the port that it is plugged into: the same after it was pulled and put back.
    id: String,
    name: String,
}

/// In the order of their nodes.
fn cameras() -> Vec<Found> {
    let mut same: BTreeMap<String, u32> = BTreeMap::new();
    let capturing = nodes().unwrap_or_default().into_iter().filter(|&node| can_capture(node));
    capturing
        .map(|node| {
            let about = format!("/sys/class/video4linux/video{node}");
            let name = fs::read_to_string(format!("{about}/name")).map(|name| name.trim().to_owned());
            let name = name.ok().filter(|name| !name.is_empty()).unwrap_or_else(|| format!("Camera {node}"));
            let port = fs::canonicalize(format!("{about}/device")).ok();
            let port = port.as_deref().and_then(Path::file_name).map(|port| format!(" at {}", port.to_string_lossy()));
            let id = name.clone() + &port.unwrap_or_default();
            let number = same.entry(id.clone()).and_modify(|number| *number += 1).or_insert(1);
            let id = if *number > 1 { format!("{id} #{number}") } else { id };
            Found { node, id, name }
        })
        .collect()
}

/// Metadata nodes and encoders are `/dev/video*` too; only a camera offers picture formats to capture.
fn can_capture(node: u32) -> bool {
    let formats = open_node(node).and_then(|device| device.enum_formats());
    formats.is_ok_and(|formats| formats.iter().any(|format| known(format.fourcc).is_some()))
}

fn open_node(node: u32) -> io::Result<Device> {
    Device::with_path(format!("/dev/video{node}"))
}

fn known(fourcc: FourCC) -> Option<PixelFormat> {
    match &fourcc.repr {
        b"NV12" => Some(PixelFormat::Nv12),
        b"YUYV" => Some(PixelFormat::Yuyv),
        b"MJPG" | b"JPEG" => Some(PixelFormat::Jpeg),
        b"RGB3" => Some(PixelFormat::Rgb),
        b"BGR3" => Some(PixelFormat::Bgr),
        _ => None,
    }
}

/// An open camera that delivers.
pub(super) struct Camera {
    stream: MmapStream<'static>,
    name: String,
    mode: Mode,
    stride: usize,
    has_begun: bool,
}

impl Camera {
    pub(super) fn open(wish: &Wish) -> Result<Self, DeviceError> {
        let mut cameras = cameras().into_iter();
        let found = match &wish.id {
            Some(id) => cameras.find(|camera| camera.id == *id),
            None => cameras.next(),
        };
        let Found { node, name, .. } = found.ok_or(DeviceError::NotFound)?;
        let device = open_node(node).map_err(|error| device_error(&error, DeviceError::NotFound))?;
        Self::set_up(&device, name, wish)
    }

    fn set_up(device: &Device, name: String, wish: &Wish) -> Result<Self, DeviceError> {
        let failed = |error: io::Error| device_error(&error, DeviceError::Gone);
        let no_mode = || DeviceError::Unsupported("it offers no picture format that Parley knows".to_owned());
        let offered = modes(device, wish).map_err(failed)?;
        let modes: Vec<Mode> = offered.iter().map(|(mode, _)| *mode).collect();
        let best = nearest(&modes, wish).ok_or_else(no_mode)?;
        let fourcc = offered.iter().find(|(mode, _)| *mode == best).map(|(_, fourcc)| *fourcc).ok_or_else(no_mode)?;
        let wanted = Format::new(best.width as u32, best.height as u32, fourcc);
        let format = device.set_format(&wanted).map_err(failed)?;
        // Some drivers have one rate and say so by an error.
        let set = device.set_params(&Parameters::new(Fraction::new(1_000, best.millihertz)));
        let rate = set.ok().and_then(|parameters| millihertz(parameters.interval)).unwrap_or(best.millihertz);
        let mode = Mode {
            format: known(format.fourcc).ok_or_else(no_mode)?,
            width: format.width as usize,
            height: format.height as usize,
            millihertz: rate,
        };
        let mut stream = MmapStream::with_buffers(device, Type::VideoCapture, BUFFERS).map_err(failed)?;
        stream.set_timeout(FIRST_PICTURE);
        Ok(Self { stream, name, mode, stride: format.stride as usize, has_begun: false })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn mode(&self) -> Mode {
        self.mode
    }

    /// Bytes from one row to the next, 0 when the driver does not say.
    pub(super) fn stride(&self) -> usize {
        self.stride
    }

    /// The next picture; `None` when there is none for [`PATIENCE_MS`]. The first call begins the capture and waits longer.
    pub(super) fn next(&mut self) -> Result<Option<Shot<'_>>, DeviceError> {
        let failed = |error: io::Error| device_error(&error, DeviceError::Gone);
        // A buffer is given back by asking for the next one, so it is asked for only when there is one.
        if std::mem::replace(&mut self.has_begun, true)
            && self.stream.handle().poll(POLLIN, PATIENCE_MS).map_err(failed)? == 0
        {
            return Ok(None);
        }
        let (data, about) = self.stream.next().map_err(failed)?;
        let length = (about.bytesused as usize).min(data.len());
        Ok(Some(Shot { data: Cow::Borrowed(&data[..length]), captured_at: captured_at(about) }))
    }
}

/// Everything that the camera offers and we can read. Where it offers a range, the place that is nearest to the wish.
fn modes(device: &Device, wish: &Wish) -> io::Result<Vec<(Mode, FourCC)>> {
    let mut modes = Vec::new();
    for offered in device.enum_formats()? {
        let Some(format) = known(offered.fourcc) else { continue };
        for size in device.enum_framesizes(offered.fourcc)? {
            let (width, height) = match size.size {
                FrameSizeEnum::Discrete(size) => (size.width, size.height),
                FrameSizeEnum::Stepwise(range) => (
                    on_grid(wish.width, range.min_width, range.max_width, range.step_width),
                    on_grid(wish.height, range.min_height, range.max_height, range.step_height),
                ),
            };
            for millihertz in rates(device, offered.fourcc, width, height, wish.fps) {
                let mode = Mode { format, width: width as usize, height: height as usize, millihertz };
                modes.push((mode, offered.fourcc));
            }
        }
    }
    Ok(modes)
}

fn rates(device: &Device, fourcc: FourCC, width: u32, height: u32, wanted_fps: u32) -> Vec<u32> {
    let wanted = wanted_fps.saturating_mul(1_000).max(1);
    let offered = device.enum_frameintervals(fourcc, width, height).unwrap_or_default();
    let rates = offered.into_iter().filter_map(|interval| match interval.interval {
        FrameIntervalEnum::Discrete(interval) => millihertz(interval),
        FrameIntervalEnum::Stepwise(range) => {
            let (fastest, slowest) = (millihertz(range.min)?, millihertz(range.max)?);
            Some(wanted.clamp(slowest.min(fastest), fastest.max(slowest)))
        }
    });
    let rates: Vec<u32> = rates.collect();
    if rates.is_empty() { vec![wanted] } else { rates }
}

fn on_grid(wanted: usize, min: u32, max: u32, step: u32) -> u32 {
    let wanted = u32::try_from(wanted).unwrap_or(u32::MAX).clamp(min, max.max(min));
    wanted - (wanted - min) % step.max(1)
}

/// `None` for an interval that cannot be.
fn millihertz(interval: Fraction) -> Option<u32> {
    let rate = u64::from(interval.denominator) * 1_000 / u64::from(interval.numerator.max(1));
    u32::try_from(rate).ok().filter(|&rate| rate > 0 && interval.numerator > 0)
}

/// The driver's stamp as an instant; one that is not of the last second, or of another clock, is not believed.
fn captured_at(about: &Metadata) -> Instant {
    const BELIEVED: Duration = Duration::from_secs(1);
    let now = Instant::now();
    if about.flags & Flags::TIMESTAMP_MASK != Flags::TIMESTAMP_MONOTONIC {
        return now;
    }
    let clock = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let micros = |seconds: i64, micros: i64| seconds.saturating_mul(1_000_000).saturating_add(micros);
    let age = micros(clock.tv_sec, clock.tv_nsec / 1_000) - micros(about.timestamp.sec, about.timestamp.usec);
    let age = u64::try_from(age).ok().map(Duration::from_micros).filter(|age| *age < BELIEVED);
    age.and_then(|age| now.checked_sub(age)).unwrap_or(now)
}

fn device_error(error: &io::Error, missing: DeviceError) -> DeviceError {
    match error.kind() {
        io::ErrorKind::TimedOut => DeviceError::Backend("it sends no picture".to_owned()),
        _ => os_error(error.raw_os_error(), error.to_string(), missing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_and_whole_intervals_are_rates() {
        let rate = |over, under| millihertz(Fraction::new(over, under));
        assert_eq!([rate(1, 30), rate(2, 15), rate(1_001, 30_000)], [Some(30_000), Some(7_500), Some(29_970)]);
        assert_eq!([rate(0, 30), rate(1, 0), rate(u32::MAX, 1)], [None; 3]);
    }

    #[test]
    fn a_range_of_sizes_is_met_on_its_grid() {
        assert_eq!(on_grid(1_280, 160, 1_920, 16), 1_280);
        assert_eq!(on_grid(1_283, 160, 1_920, 16), 1_280);
        assert_eq!(on_grid(10_000, 160, 1_920, 16), 1_920);
        assert_eq!(on_grid(1, 160, 100, 0), 160);
    }
}
