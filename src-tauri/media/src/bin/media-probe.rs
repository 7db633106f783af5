//! Shows and tries the devices of this machine, one line for each thing that happens, until its standard input ends.
//!
//!     media-probe list
//!     media-probe camera [id] | microphone [id] | speaker [id]
//!
//! The camera tells what it sees at the left and right edge and where the brightest column lies, the microphone how much
//! of a 1 kHz tone it hears, the speaker plays one.

use std::{
    io::{Read, Write},
    sync::mpsc::{Sender, channel},
    thread,
    time::Instant,
};

use parley_media::{
    AudioCapture, AudioChunk, AudioEvent, AudioSourceConfig, CHUNK_SAMPLES, I420, SAMPLE_RATE, Speaker, SpeakerConfig,
    SpeakerEvent, VideoCapture, VideoEvent, VideoSourceConfig, list_devices,
};

const TONE_HZ: f32 = 1_000.0;

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (what, id) = (arguments.next().unwrap_or_default(), arguments.next());
    let (lines, said) = channel();
    let open = Opened::new(&what, id, lines.clone());
    thread::spawn(move || {
        // Ends with the one who started us.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        let _ = lines.send(None);
    });
    let mut out = std::io::stdout();
    while let Ok(Some(line)) = said.recv() {
        writeln!(out, "{line}")?;
        out.flush()?;
    }
    let began = Instant::now();
    drop(open);
    writeln!(out, "dropped {}", began.elapsed().as_millis())
}

type Lines = Sender<Option<String>>;

#[expect(dead_code, reason = "held open, never looked at")]
enum Opened {
    Nothing,
    Camera(VideoCapture),
    Microphone(AudioCapture),
    Speaker(Speaker),
}

impl Opened {
    fn new(what: &str, id: Option<String>, lines: Lines) -> Self {
        match what {
            "camera" => Self::Camera(camera(id, lines)),
            "microphone" => Self::Microphone(microphone(id, lines)),
            "speaker" => Self::Speaker(speaker(id, lines)),
            "list" => {
                for device in list_devices() {
                    let mark = if device.is_default { "default" } else { "-" };
                    say(&lines, format!("{:?}|{}|{}|{mark}", device.kind, device.id, device.name));
                }
                let _ = lines.send(None);
                Self::Nothing
            }
            _ => {
                say(&lines, "usage: media-probe list | camera [id] | microphone [id] | speaker [id]".to_owned());
                let _ = lines.send(None);
                Self::Nothing
            }
        }
    }
}

fn say(lines: &Lines, line: String) {
    let _ = lines.send(Some(line));
}

fn camera(id: Option<String>, lines: Lines) -> VideoCapture {
    let mut frames = 0u32;
    let began = Instant::now();
    VideoCapture::open(VideoSourceConfig::Camera { id, width: 1280, height: 720, fps: 30 }, move |event| match event {
        VideoEvent::Started { name, width, height, fps } => {
            say(&lines, format!("started {width}x{height}@{fps} {name}"))
        }
        VideoEvent::Frame(frame) => {
            frames += 1;
            let age_ms = frame.captured_at.elapsed().as_millis();
            let seen = describe(&frame.picture);
            say(&lines, format!("frame {frames} at {} age {age_ms} {seen}", began.elapsed().as_millis()));
        }
        VideoEvent::Stalled => say(&lines, "stalled".to_owned()),
        VideoEvent::Failed(error) => say(&lines, format!("failed {error:?}")),
    })
}

/// Colours at both edges, and the first column of the middle row that is white (or -1).
fn describe(picture: &I420) -> String {
    let (width, height) = (picture.width(), picture.height());
    let colour = |column: usize| {
        let chroma = height / 8 * (width / 2) + column / 2;
        (picture.y()[height / 4 * width + column], picture.u()[chroma], picture.v()[chroma])
    };
    let middle = &picture.y()[height / 2 * width..][..width];
    let white = middle.iter().position(|&luma| luma > 220).map_or(-1, |column| column as i64);
    format!("left {:?} right {:?} white {white}", colour(0), colour(width - 1))
}

fn microphone(id: Option<String>, lines: Lines) -> AudioCapture {
    let mut heard: Vec<f32> = Vec::new();
    AudioCapture::open(AudioSourceConfig::Device { id }, move |event| match event {
        AudioEvent::Started { name } => say(&lines, format!("started {name}")),
        AudioEvent::Chunk(AudioChunk { samples, captured_at }) => {
            heard.extend_from_slice(&samples);
            if heard.len() >= SAMPLE_RATE as usize / 4 {
                let (tone, other) = (amplitude(&heard, TONE_HZ), amplitude(&heard, TONE_HZ * 2.5));
                let age_ms = captured_at.elapsed().as_millis();
                say(&lines, format!("heard {tone:.4} other {other:.4} age {age_ms}"));
                heard.clear();
            }
        }
        AudioEvent::Stalled => say(&lines, "stalled".to_owned()),
        AudioEvent::Failed(error) => say(&lines, format!("failed {error:?}")),
    })
}

fn speaker(id: Option<String>, lines: Lines) -> Speaker {
    let mut played = 0usize;
    let about_sound = lines.clone();
    let pull = move |samples: &mut [f32; CHUNK_SAMPLES], heard_at: Instant| {
        for (offset, sample) in samples.iter_mut().enumerate() {
            let turns = ((played + offset) % SAMPLE_RATE as usize) as f32 * TONE_HZ / SAMPLE_RATE as f32;
            *sample = 0.5 * (turns * std::f32::consts::TAU).sin();
        }
        played += CHUNK_SAMPLES;
        if played.is_multiple_of(SAMPLE_RATE as usize / 2) {
            let ahead_ms = heard_at.saturating_duration_since(Instant::now()).as_millis();
            say(&about_sound, format!("played {played} ahead {ahead_ms}"));
        }
    };
    Speaker::open(SpeakerConfig::Device { id }, pull, move |event| match event {
        SpeakerEvent::Started { name } => say(&lines, format!("started {name}")),
        SpeakerEvent::Starved { samples } => say(&lines, format!("starved {samples}")),
        SpeakerEvent::Failed(error) => say(&lines, format!("failed {error:?}")),
    })
}

/// Amplitude of one frequency (Goertzel, as a plain sum).
fn amplitude(samples: &[f32], hz: f32) -> f32 {
    let (mut re, mut im) = (0.0f64, 0.0f64);
    for (n, &sample) in samples.iter().enumerate() {
        let phase = n as f64 * f64::from(hz) / f64::from(SAMPLE_RATE) * std::f64::consts::TAU;
        re += f64::from(sample) * phase.cos();
        im += f64::from(sample) * phase.sin();
    }
    (2.0 * re.hypot(im) / samples.len() as f64) as f32
}
