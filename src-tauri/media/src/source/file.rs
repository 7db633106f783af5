//! Pictures from YUV4MPEG2 files and sound from WAV files, paced like devices and looped.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read, Seek, SeekFrom},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    AudioEvent, VideoEvent,
    emitter::Emitter,
    synthetic::{self, Pace},
};
use crate::{
    audio::{CHUNK_DURATION, CHUNK_SAMPLES, SAMPLE_RATE},
    device::DeviceError,
    frame::{I420, VideoFrame},
    resample::ToChunks,
};

/// Longest WAV file that is played.
const MAX_WAV_SECONDS: usize = 600;

/// Longest line in a YUV4MPEG2 file.
const MAX_LINE_BYTES: u64 = 1_024;

pub(super) fn run_y4m(path: &Path, fps: u32, emitter: &Emitter<VideoEvent>) -> Result<(), DeviceError> {
    let mut reader = Y4mReader::open(path)?;
    let fps = if fps == 0 { reader.fps } else { fps.min(120) };
    let started = VideoEvent::Started { name: file_name(path), width: reader.width, height: reader.height, fps };
    let mut go_on = emitter.emit(started);
    let mut pace = Pace::new(Duration::from_secs(1) / fps);
    while go_on {
        let picture = Arc::new(reader.next_picture()?);
        pace.wait();
        go_on = emitter.emit(VideoEvent::Frame(VideoFrame { picture, captured_at: Instant::now() }));
    }
    Ok(())
}

pub(super) fn run_wav(path: &Path, emitter: &Emitter<AudioEvent>) -> Result<(), DeviceError> {
    let samples = read_wav(path)?;
    let mut at = 0;
    synthetic::run(&file_name(path), CHUNK_DURATION, emitter, move |chunk, _| {
        for sample in chunk {
            *sample = samples[at];
            at = (at + 1) % samples.len();
        }
    })
}

/// Reads the pictures of a YUV4MPEG2 file, 8 bit 4:2:0, over and over.
struct Y4mReader {
    file: BufReader<File>,
    first_picture: u64,
    width: usize,
    height: usize,
    fps: u32,
}

impl Y4mReader {
    fn open(path: &Path) -> Result<Self, DeviceError> {
        let mut file = BufReader::new(File::open(path).map_err(|error| cannot_open(&error))?);
        let header = read_line(&mut file)?.ok_or_else(|| unsupported("it is empty"))?;
        let mut fields = header.split(' ');
        if fields.next() != Some("YUV4MPEG2") {
            return Err(unsupported("it is not a YUV4MPEG2 file"));
        }
        let (mut width, mut height, mut fps) = (0, 0, 30);
        for field in fields.filter(|field| field.is_char_boundary(1)) {
            match field.split_at(1.min(field.len())) {
                ("W", value) => width = value.parse().unwrap_or(0),
                ("H", value) => height = value.parse().unwrap_or(0),
                ("F", value) => fps = parse_rate(value).unwrap_or(30),
                ("C", "420" | "420jpeg" | "420mpeg2" | "420paldv") => {}
                ("C", other) => return Err(unsupported(&format!("its pixel format {other} is not 8 bit 4:2:0"))),
                _ => {}
            }
        }
        I420::from_planes(width, height, &[], 0, &[], 0, &[], 0)
            .err()
            .filter(|error| matches!(error, crate::frame::FrameError::Size { .. }))
            .map_or(Ok(()), |error| Err(unsupported(&error.to_string())))?;
        let first_picture = file.stream_position().map_err(|error| cannot_open(&error))?;
        Ok(Self { file, first_picture, width, height, fps })
    }

    /// The next picture, or the first one again after the last.
    fn next_picture(&mut self) -> Result<I420, DeviceError> {
        if let Some(picture) = self.read_picture()? {
            return Ok(picture);
        }
        self.file.seek(SeekFrom::Start(self.first_picture)).map_err(|error| cannot_open(&error))?;
        self.read_picture()?.ok_or_else(|| unsupported("it holds no whole picture"))
    }

    /// `None` at the end of the file, also when its last picture is cut off.
    fn read_picture(&mut self) -> Result<Option<I420>, DeviceError> {
        let Some(line) = read_line(&mut self.file)? else { return Ok(None) };
        if !line.starts_with("FRAME") {
            return Err(unsupported("its pictures are damaged"));
        }
        let mut data = vec![0; self.width * self.height * 3 / 2];
        match self.file.read_exact(&mut data) {
            Ok(()) => I420::from_bytes(self.width, self.height, data)
                .map(Some)
                .map_err(|error| unsupported(&error.to_string())),
            Err(_) => Ok(None),
        }
    }
}

fn read_line(file: &mut BufReader<File>) -> Result<Option<String>, DeviceError> {
    let mut line = Vec::new();
    file.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut line).map_err(|error| cannot_open(&error))?;
    if line.pop() != Some(b'\n') {
        return if line.is_empty() { Ok(None) } else { Err(unsupported("a line in it does not end")) };
    }
    String::from_utf8(line).map(Some).map_err(|_| unsupported("its header is not text"))
}

/// `30000:1001` becomes 30.
fn parse_rate(value: &str) -> Option<u32> {
    let (numerator, denominator) = value.split_once(':')?;
    let rate = numerator.parse::<f64>().ok()? / denominator.parse::<f64>().ok()?;
    rate.is_finite().then_some((rate.round() as u32).clamp(1, 120))
}

/// The whole file as 48 kHz mono, at least one sample.
fn read_wav(path: &Path) -> Result<Vec<f32>, DeviceError> {
    let file = BufReader::new(File::open(path).map_err(|error| cannot_open(&error))?);
    let mut reader = hound::WavReader::new(file).map_err(|error| unsupported(&error.to_string()))?;
    let spec = reader.spec();
    let channels = usize::from(spec.channels).max(1);
    let limit = MAX_WAV_SECONDS * spec.sample_rate as usize * channels;
    let interleaved: Vec<f32> = match spec.sample_format {
        hound::SampleFormat::Float => reader.samples::<f32>().take(limit).map_while(Result::ok).collect(),
        hound::SampleFormat::Int => {
            let full_scale = (1i64 << (spec.bits_per_sample.clamp(1, 32) - 1)) as f32;
            reader.samples::<i32>().take(limit).map_while(Result::ok).map(|sample| sample as f32 / full_scale).collect()
        }
    };
    let mono: Vec<f32> =
        interleaved.chunks_exact(channels).map(|frame| frame.iter().sum::<f32>() / channels as f32).collect();
    let samples = to_48_khz(mono, spec.sample_rate)?;
    if samples.is_empty() { Err(unsupported("it holds no sound")) } else { Ok(samples) }
}

fn to_48_khz(mono: Vec<f32>, rate: u32) -> Result<Vec<f32>, DeviceError> {
    if rate == SAMPLE_RATE {
        return Ok(mono);
    }
    let mut converter = ToChunks::new(rate).map_err(|error| unsupported(&error.to_string()))?;
    let (mut samples, mut rest) =
        (Vec::with_capacity(mono.len() * SAMPLE_RATE as usize / rate as usize + CHUNK_SAMPLES), mono.as_slice());
    while !rest.is_empty() {
        let (needed, mut chunk) = (converter.needed(), [0.0; CHUNK_SAMPLES]);
        let mut block = rest[..needed.min(rest.len())].to_vec();
        rest = &rest[block.len()..];
        block.resize(needed, 0.0);
        converter.convert(&block, &mut chunk);
        samples.extend_from_slice(&chunk);
    }
    Ok(samples)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

fn cannot_open(error: &std::io::Error) -> DeviceError {
    match error.kind() {
        std::io::ErrorKind::NotFound => DeviceError::NotFound,
        std::io::ErrorKind::PermissionDenied => DeviceError::Denied,
        _ => DeviceError::Backend(error.to_string()),
    }
}

fn unsupported(why: &str) -> DeviceError {
    DeviceError::Unsupported(format!("the file cannot be played: {why}"))
}
