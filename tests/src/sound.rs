//! Sounds for tests: writing a tone, and finding one in what was recorded.

use std::f64::consts::TAU;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::{Context, Result};

const RATE: u32 = 48_000;

/// Writes a tone as a WAV file, 48 kHz, mono, 16 bit.
///
/// # Errors
/// The file cannot be written.
pub fn write_tone(path: &Path, hz: f64, amplitude: f64, seconds: u32) -> Result<()> {
    let spec =
        hound::WavSpec { channels: 1, sample_rate: RATE, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut file = hound::WavWriter::create(path, spec)?;
    for n in 0..RATE * seconds {
        let value = amplitude * (f64::from(n) * hz * TAU / f64::from(RATE)).sin();
        file.write_sample((value * f64::from(i16::MAX)) as i16)?;
    }
    Ok(file.finalize()?)
}

/// Reads a recording of 48 kHz, mono, 16 bit, whose head may not know its length because the recorder was stopped.
///
/// # Errors
/// It is no WAV file.
pub fn read_recording(path: &Path) -> Result<Vec<f64>> {
    let bytes = std::fs::read(path).with_context(|| format!("read {}", path.display()))?;
    let head = bytes.windows(4).position(|window| window == b"data").context("a recording without sound")? + 8;
    Ok(samples(&bytes[head.min(bytes.len())..]).collect())
}

/// The last second of such a recording while it is under way, or what there is of it.
///
/// # Errors
/// It is not there yet.
pub fn read_last_second(path: &Path) -> Result<Vec<f64>> {
    let mut file = File::open(path).with_context(|| format!("open {}", path.display()))?;
    let (length, second) = (file.metadata()?.len() & !1, u64::from(RATE) * 2);
    file.seek(SeekFrom::Start(length.saturating_sub(second)))?;
    let mut bytes = Vec::new();
    file.take(second).read_to_end(&mut bytes)?;
    Ok(samples(&bytes).collect())
}

fn samples(bytes: &[u8]) -> impl Iterator<Item = f64> {
    bytes.chunks_exact(2).map(|pair| f64::from(i16::from_le_bytes([pair[0], pair[1]])) / f64::from(i16::MAX))
}

/// Amplitude of one frequency in a stretch of sound (Goertzel).
pub fn amplitude(samples: &[f64], hz: f64) -> f64 {
    let step = hz * TAU / f64::from(RATE);
    let (re, im) = samples.iter().enumerate().fold((0.0, 0.0), |(re, im), (n, sample)| {
        let phase = n as f64 * step;
        (re + sample * phase.cos(), im + sample * phase.sin())
    });
    2.0 * f64::hypot(re, im) / samples.len().max(1) as f64
}

/// Half-second stretches in which `hz` has at least this amplitude and stands twenty times above its neighbours.
pub fn stretches_with_tone(samples: &[f64], hz: f64, least: f64) -> usize {
    let has_tone = |stretch: &&[f64]| {
        let tone = amplitude(stretch, hz);
        tone >= least && [0.7, 0.85, 1.2, 1.5].iter().all(|factor| amplitude(stretch, hz * factor) * 20.0 < tone)
    };
    samples.chunks_exact(RATE as usize / 2).filter(has_tone).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tone_is_found_and_others_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tone.wav");
        write_tone(&path, 1_000.0, 0.3, 2).unwrap();
        let samples = read_recording(&path).unwrap();
        assert!((amplitude(&samples[..RATE as usize], 1_000.0) - 0.3).abs() < 0.001);
        assert_eq!(stretches_with_tone(&samples, 1_000.0, 0.1), 4);
        assert_eq!(stretches_with_tone(&samples, 990.0, 0.1), 0);
        assert_eq!(stretches_with_tone(&read_last_second(&path).unwrap(), 1_000.0, 0.1), 2);
        assert_eq!(stretches_with_tone(&vec![0.0; 96_000], 1_000.0, 0.1), 0);
    }

    #[test]
    fn noise_is_no_tone() {
        let mut state = 1_u32;
        let noise: Vec<f64> = (0..96_000)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                f64::from(state >> 8) / f64::from(1 << 24) - 0.5
            })
            .collect();
        assert_eq!(stretches_with_tone(&noise, 1_000.0, 0.01), 0);
    }
}
