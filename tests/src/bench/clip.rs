//! The clip: the engine's own test picture and clicks as files, so that a browser plays what the engine plays live.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Result;
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
        write_picture(&clip.picture)?;
        write_sound(&clip.sound)?;
        Ok(clip)
    }
}

fn write_picture(path: &Path) -> Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    writeln!(file, "YUV4MPEG2 W{WIDTH} H{HEIGHT} F{FPS}:1 Ip A1:1 C420jpeg")?;
    let mut pattern = TestPattern::new(WIDTH, HEIGHT);
    for n in 0..FPS * SECONDS {
        let picture = pattern.draw(Duration::from_secs(1) * n / FPS, 0);
        file.write_all(b"FRAME\n")?;
        file.write_all(picture.bytes())?;
    }
    Ok(file.flush()?)
}

fn write_sound(path: &Path) -> Result<()> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: parley_media::SAMPLE_RATE,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = hound::WavWriter::create(path, spec)?;
    let (mut track, start) = (ClickTrack::new(), Instant::now());
    for n in 0..SECONDS * 100 {
        let mut chunk = [0.0; parley_media::CHUNK_SAMPLES];
        track.fill(&mut chunk, start + parley_media::CHUNK_DURATION * n);
        for sample in chunk {
            file.write_sample((sample * f32::from(i16::MAX)) as i16)?;
        }
    }
    Ok(file.finalize()?)
}
