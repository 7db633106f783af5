//! The audio system of this machine through cpal: which server, which device, which format.
//!
//! On Linux the servers are tried in the order PipeWire, PulseAudio, ALSA: a dying ALSA stream spins and never recovers.

#[cfg(all(target_os = "linux", feature = "pipewire"))]
mod pipewire_defaults;

use std::sync::atomic::{AtomicBool, Ordering};

use cpal::{
    BufferSize, Device, DeviceDirection, Host, HostId, SampleFormat, StreamConfig, SupportedStreamConfigRange,
    traits::{DeviceTrait, HostTrait},
};

use crate::{
    audio::{CHUNK_SAMPLES, SAMPLE_RATE},
    device::{self, DeviceError, DeviceInfo, DeviceKind},
    resample,
};

/// Microphones and speakers. Empty when there is no audio system.
pub(crate) fn list() -> Vec<DeviceInfo> {
    preferred_host().as_ref().map(list_host).unwrap_or_default()
}

/// Asks again and again, and ALSA only when its cards changed: that would open every device, and it complains aloud.
#[derive(Debug, Default)]
pub(crate) struct SoundLister {
    cards: Option<String>,
    of_cards: Vec<DeviceInfo>,
}

impl SoundLister {
    pub(crate) fn list(&mut self) -> Vec<DeviceInfo> {
        let Some(host) = preferred_host() else { return Vec::new() };
        if !host_is(host.id(), "alsa") {
            self.cards = None;
            return list_host(&host);
        }
        let cards = Some(std::fs::read_to_string("/proc/asound/cards").unwrap_or_default());
        if self.cards != cards {
            self.cards = cards;
            self.of_cards = list_host(&host);
        }
        self.of_cards.clone()
    }
}

fn list_host(host: &Host) -> Vec<DeviceInfo> {
    let devices = host.devices().map(Iterator::collect::<Vec<_>>).unwrap_or_default();
    let defaults = Defaults::of(host);
    let of_kind = |kind| list_kind(&devices, kind, &defaults);
    [DeviceKind::Microphone, DeviceKind::Speaker].into_iter().flat_map(of_kind).collect()
}

fn list_kind(devices: &[Device], kind: DeviceKind, defaults: &Defaults) -> Vec<DeviceInfo> {
    let real = devices.iter().filter(|device| is_of_kind(device, kind) && !is_stand_in(device));
    let listed = real.filter_map(|device| {
        let (id, name) = (device.id().ok()?, human_name(device, kind));
        Some(DeviceInfo { id: id.to_string(), name, kind, is_default: defaults.is(device, kind) })
    });
    device::tidy(listed.collect())
}

/// What the system takes when nobody chooses.
struct Defaults {
    microphone: Option<String>,
    speaker: Option<String>,
}

impl Defaults {
    fn of(host: &Host) -> Self {
        #[cfg(all(target_os = "linux", feature = "pipewire"))]
        if host_is(host.id(), "pipewire") {
            let pipewire_defaults::Names { source, sink } = pipewire_defaults::ask();
            return Self { microphone: source, speaker: sink };
        }
        let id = |kind| default_device(host, kind)?.id().ok().map(|id| id.id().to_owned());
        Self { microphone: id(DeviceKind::Microphone), speaker: id(DeviceKind::Speaker) }
    }

    fn is(&self, device: &Device, kind: DeviceKind) -> bool {
        let default = match kind {
            DeviceKind::Microphone => self.microphone.as_deref(),
            DeviceKind::Speaker => self.speaker.as_deref(),
            DeviceKind::Camera => None,
        };
        device.id().is_ok_and(|id| Some(id.id()) == default)
    }
}

/// A device that was found, with the format in which it is opened.
pub(crate) struct Opened {
    /// Keeps the connection to the server.
    pub(crate) _host: Host,
    pub(crate) device: Device,
    pub(crate) name: String,
    pub(crate) config: StreamConfig,
    pub(crate) format: SampleFormat,
}

/// Finds a device by id, or the default one, and chooses its format. Asks the server anew every time: cpal's list is a
/// snapshot.
///
/// # Errors
/// [`DeviceError::NotFound`], [`DeviceError::Unsupported`] when it has no usable format, or what the system says.
pub(crate) fn find(kind: DeviceKind, id: Option<&str>) -> Result<Opened, DeviceError> {
    let (host, device, name) = match id {
        None => {
            let host = preferred_host().ok_or(DeviceError::NotFound)?;
            let device = default_device(&host, kind).ok_or(DeviceError::NotFound)?;
            let name = if is_stand_in(&device) { name_behind(&host, kind)? } else { human_name(&device, kind) };
            (host, device, name)
        }
        Some(id) => {
            let id: cpal::DeviceId = id.parse().map_err(|_| DeviceError::NotFound)?;
            let host = cpal::host_from_id(id.host()).map_err(|error| device_error(&error))?;
            let device = host.device_by_id(&id).ok_or(DeviceError::NotFound)?;
            let name = human_name(&device, kind);
            (host, device, name)
        }
    };
    let ranges: Vec<_> = match kind {
        DeviceKind::Speaker => device.supported_output_configs().map(Iterator::collect),
        DeviceKind::Microphone | DeviceKind::Camera => device.supported_input_configs().map(Iterator::collect),
    }
    .map_err(|error| match device_error(&error) {
        // It has not been open yet, so nobody pulled it.
        DeviceError::Gone => DeviceError::NotFound,
        other => other,
    })?;
    let (config, format) = choose_format(&ranges)
        .ok_or_else(|| DeviceError::Unsupported("it offers no sample format that Parley knows".to_owned()))?;
    Ok(Opened { _host: host, device, name, config, format })
}

/// What a person can act on, from what the system says.
pub(crate) fn device_error(error: &cpal::Error) -> DeviceError {
    use cpal::ErrorKind;
    match error.kind() {
        ErrorKind::DeviceBusy => DeviceError::Busy,
        ErrorKind::DeviceNotAvailable | ErrorKind::StreamInvalidated => DeviceError::Gone,
        ErrorKind::HostUnavailable => DeviceError::NotFound,
        ErrorKind::PermissionDenied => DeviceError::Denied,
        ErrorKind::UnsupportedConfig | ErrorKind::UnsupportedOperation | ErrorKind::InvalidInput => {
            DeviceError::Unsupported(error.to_string())
        }
        _ => DeviceError::Backend(error.to_string()),
    }
}

/// A sound server has answered in the life of this process.
static HAS_SERVER: AtomicBool = AtomicBool::new(false);

/// The first server that answers. cpal lists them in the order that we prefer.
///
/// Where there is a server, ALSA is not taken in its place while it is away: a server that comes back would find its sound
/// cards busy.
fn preferred_host() -> Option<Host> {
    let host = cpal::available_hosts().into_iter().find_map(|id| cpal::host_from_id(id).ok())?;
    let is_server = !host_is(host.id(), "alsa");
    let has_server = HAS_SERVER.fetch_or(is_server, Ordering::Relaxed);
    (is_server || !has_server).then_some(host)
}

fn default_device(host: &Host, kind: DeviceKind) -> Option<Device> {
    match kind {
        DeviceKind::Speaker => host.default_output_device(),
        DeviceKind::Microphone => host.default_input_device(),
        DeviceKind::Camera => None,
    }
}

/// PipeWire's names for "whatever is the default", which exist even when there is no device behind them.
const STAND_INS: [&str; 3] = ["input_default", "output_default", "sink_default"];

fn is_stand_in(device: &Device) -> bool {
    device.id().is_ok_and(|id| host_is(id.host(), "pipewire") && STAND_INS.contains(&id.id()))
}

/// What a person calls the device that a stand-in leads to.
///
/// # Errors
/// [`DeviceError::NotFound`] when it leads to nothing: a stream on it opens, and stays silent.
fn name_behind(host: &Host, kind: DeviceKind) -> Result<String, DeviceError> {
    let devices = host.devices().map(Iterator::collect::<Vec<_>>).unwrap_or_default();
    let listed = list_kind(&devices, kind, &Defaults::of(host));
    // Where no session manager chooses the server takes one of them.
    let chosen = listed.iter().find(|device| device.is_default).or(listed.first());
    chosen.map(|device| device.name.clone()).ok_or(DeviceError::NotFound)
}

/// Under PipeWire the streams of all programs, our own too, are listed beside the devices. A device always has a
/// description, a stream has none, for which cpal says "unknown".
fn is_stream_of_a_program(device: &Device) -> bool {
    device.id().is_ok_and(|id| host_is(id.host(), "pipewire"))
        && device.description().is_ok_and(|description| description.name() == "unknown")
}

/// ALSA lists its converters, sound servers and the null device beside what has a card.
fn is_plugin(device: &Device) -> bool {
    device.id().is_ok_and(|id| host_is(id.host(), "alsa") && id.id() != "default" && !id.id().contains("CARD="))
}

/// Monitors of loudspeakers can be recorded too, but nobody means them by "microphone".
fn is_of_kind(device: &Device, kind: DeviceKind) -> bool {
    let direction = device.description().map_or(DeviceDirection::Unknown, |description| description.direction());
    let is_monitor = device.id().is_ok_and(|id| id.id().ends_with(".monitor"));
    if is_stream_of_a_program(device) || is_plugin(device) {
        return false;
    }
    match kind {
        DeviceKind::Microphone => {
            !is_monitor
                && device.supports_input()
                && !(sinks_also_record(device) && direction == DeviceDirection::Duplex)
        }
        DeviceKind::Speaker => device.supports_output() && !device.id().is_ok_and(|id| id.id() == "sink_default"),
        DeviceKind::Camera => false,
    }
}

fn sinks_also_record(device: &Device) -> bool {
    device.id().is_ok_and(|id| host_is(id.host(), "pipewire"))
}

fn host_is(host: HostId, name: &str) -> bool {
    host.to_string().eq_ignore_ascii_case(name)
}

fn human_name(device: &Device, kind: DeviceKind) -> String {
    let name = device.description().map(|description| description.name().to_owned()).unwrap_or_default();
    match (name.as_str(), kind) {
        ("default_input" | "default_output" | "default_sink" | "", DeviceKind::Microphone) => {
            "System default microphone".to_owned()
        }
        ("default_input" | "default_output" | "default_sink" | "", DeviceKind::Speaker | DeviceKind::Camera) => {
            "System default speaker".to_owned()
        }
        _ => name,
    }
}

/// The best of what a device offers: 48 kHz before other rates, floats before integers, few channels before many.
/// The buffer is always fixed to 10 ms: PulseAudio's own default is two seconds.
fn choose_format(ranges: &[SupportedStreamConfigRange]) -> Option<(StreamConfig, SampleFormat)> {
    let best = ranges.iter().filter_map(|range| Some((cost(range)?, range))).min_by_key(|(cost, _)| *cost)?.1;
    let sample_rate = nearest_rate(best);
    let frames = (u64::from(sample_rate) * CHUNK_SAMPLES as u64 / u64::from(SAMPLE_RATE)) as u32;
    let frames = match best.buffer_size() {
        cpal::SupportedBufferSize::Range { min, max } if *max > 0 => frames.clamp(*min, *max),
        cpal::SupportedBufferSize::Range { .. } | cpal::SupportedBufferSize::Unknown => frames,
    };
    Some((
        StreamConfig { channels: best.channels(), sample_rate, buffer_size: BufferSize::Fixed(frames) },
        best.sample_format(),
    ))
}

fn cost(range: &SupportedStreamConfigRange) -> Option<(u32, u32, u32)> {
    let rate = nearest_rate(range);
    if !resample::RATES.contains(&rate) || range.channels() == 0 {
        return None;
    }
    let format = match range.sample_format() {
        SampleFormat::F32 => 0,
        SampleFormat::I16 => 1,
        SampleFormat::I32 => 2,
        SampleFormat::U8 => 3,
        _ => return None,
    };
    // A lower rate loses sound, a higher one only costs time.
    let rate_cost = if rate < SAMPLE_RATE { 1_000_000 - rate } else { rate - SAMPLE_RATE };
    let channel_cost = u32::from(range.channels()).abs_diff(2);
    Some((rate_cost, format, channel_cost))
}

fn nearest_rate(range: &SupportedStreamConfigRange) -> u32 {
    SAMPLE_RATE.clamp(range.min_sample_rate(), range.max_sample_rate())
}
