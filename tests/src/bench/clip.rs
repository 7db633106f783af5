//! The clip: the engine's own test picture and clicks as files, so that a browser plays what the engine plays live.

use std::f32::consts::TAU;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Result;
use parley_media::I420;
use parley_media::mark::ClickTrack;
use parley_media::source::pattern::TestPattern;

pub const WIDTH: usize = 1280;
pub const HEIGHT: usize = 720;
pub const FPS: u32 = 30;

/// Whole seconds, so that the clicks stay one second apart when the clip starts over.
const SECONDS: u32 = 5;

/// Files of picture and sound, each marked.
#[derive(Debug)]
pub struct Clip {
    /// 1280x720, 30 pictures a second, y4m; the marks count the pictures from 0.
    pub picture: PathBuf,
    /// 48 kHz mono; a click every second.
    pub sound: PathBuf,
}

impl Clip {
    /// Writes both files into a folder: about 200 MB.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn write(folder: &Path) -> Result<Self> {
        let clip = Self { picture: folder.join("clip.y4m"), sound: folder.join("clip.wav") };
        write_picture(&clip.picture, (WIDTH, HEIGHT), |_| {})?;
        let (mut track, start) = (ClickTrack::new(), Instant::now());
        write_sound(&clip.sound, |chunk, n| track.fill(chunk, start + parley_media::CHUNK_DURATION * n))?;
        Ok(clip)
    }
}

/// Writes the test picture of this size as a y4m file.
///
/// # Errors
/// It cannot be written.
pub fn write_test_picture(path: &Path, size: (usize, usize)) -> Result<()> {
    write_picture(path, size, |_| {})
}

/// Writes the test picture with noise over most of it, which no encoder can make small: it takes whatever a path carries.
///
/// # Errors
/// It cannot be written.
pub fn write_noisy_picture(path: &Path) -> Result<()> {
    let mut noise = Noise(1);
    write_picture(path, (WIDTH, HEIGHT), |picture| {
        let (width, height) = (picture.width(), picture.height());
        for top in (height / 4..height - 4).step_by(4) {
            for left in (0..width).step_by(4) {
                let add = noise.next() * 60.0;
                for row in top..top + 4 {
                    let line = &mut picture.y_mut()[row * width + left..row * width + left + 4];
                    line.iter_mut().for_each(|luma| *luma = (f32::from(*luma) + add).clamp(16.0, 235.0) as u8);
                }
            }
        }
    })
}

/// Writes a voice that never pauses for long: harmonics of a wandering pitch under syllables, so that every packet counts.
///
/// # Errors
/// It cannot be written.
pub fn write_voice(path: &Path) -> Result<()> {
    let mut phase = 0.0_f32;
    write_sound(path, |chunk, n| {
        for (offset, sample) in chunk.iter_mut().enumerate() {
            let seconds = (n as usize * parley_media::CHUNK_SAMPLES + offset) as f32 / parley_media::SAMPLE_RATE as f32;
            // Whole turns in five seconds, so that there is no jump where it begins anew.
            let slow = |cycles: f32| (seconds / SECONDS as f32 * cycles * TAU).sin();
            phase = (phase + (140.0 + 25.0 * slow(3.0) + 10.0 * slow(11.0)) / parley_media::SAMPLE_RATE as f32).fract();
            let loudness = 0.12 + 0.08 * slow(19.0);
            *sample = (1..=12).map(|k| loudness / k as f32 * (phase * k as f32 * TAU).sin()).sum();
        }
    })
}

/// Uniform noise, -0.5 to 0.5. (Numerical Recipes' generator: the clip is the same everywhere)
struct Noise(u32);

impl Noise {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) as f32 / (1 << 24) as f32 - 0.5
    }
}

fn write_picture(path: &Path, (width, height): (usize, usize), mut change: impl FnMut(&mut I420)) -> Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    writeln!(file, "YUV4MPEG2 W{width} H{height} F{FPS}:1 Ip A1:1 C420jpeg")?;
    let mut pattern = TestPattern::new(width, height);
    for n in 0..FPS * SECONDS {
        let mut picture = pattern.draw(Duration::from_secs(1) * n / FPS, 0);
        change(&mut picture);
        file.write_all(b"FRAME\n")?;
        file.write_all(picture.bytes())?;
    }
    Ok(file.flush()?)
}

fn write_sound(path: &Path, mut fill: impl FnMut(&mut [f32; parley_media::CHUNK_SAMPLES], u32)) -> Result<()> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: parley_media::SAMPLE_RATE,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = hound::WavWriter::create(path, spec)?;
    for n in 0..SECONDS * 100 {
        let mut chunk = [0.0; parley_media::CHUNK_SAMPLES];
        fill(&mut chunk, n);
        for sample in chunk {
            file.write_sample((sample * f32::from(i16::MAX)) as i16)?;
        }
    }
    Ok(file.finalize()?)
}
