//! Changes sample rates to and from 48 kHz in blocks of 10 ms.

use rubato::{
    Adjustable, Async, FixedAsync, Resampler, SincInterpolationParameters, SincInterpolationType, WindowFunction,
    audioadapter_buffers::direct::InterleavedSlice,
};

use crate::audio::{CHUNK_SAMPLES, SAMPLE_RATE};

/// Taps of the filter: long enough for speech and music, short enough to cost next to nothing.
const SINC_LENGTH: usize = 64;

/// Rates that a device or file may have.
pub const RATES: std::ops::RangeInclusive<u32> = 4_000..=768_000;

#[derive(Debug, thiserror::Error)]
#[error("the sample rate {0} Hz cannot be converted")]
pub struct UnsupportedRate(pub u32);

/// Turns mono of any rate into chunks of 480 samples at 48 kHz. Does not allocate after it was made.
pub struct ToChunks {
    converter: Option<Converter>,
}

impl ToChunks {
    /// # Errors
    /// [`UnsupportedRate`] outside of [`RATES`].
    pub fn new(input_rate: u32) -> Result<Self, UnsupportedRate> {
        Ok(Self { converter: Converter::new(input_rate, SAMPLE_RATE, FixedAsync::Output)? })
    }

    /// From 48 kHz of one clock to 48 kHz of another, see [`ToChunks::set_speed`].
    pub fn adjustable() -> Self {
        Self {
            converter: Some(Converter::build(SAMPLE_RATE, SAMPLE_RATE, FixedAsync::Output).expect("equal rates fit")),
        }
    }

    /// Takes `speed` times as many samples as the rates alone would ask for, between 0.95 and 1.05; other speeds, and any
    /// for a converter of equal rates that is not [`ToChunks::adjustable`], change nothing. Its delay grows and shrinks by
    /// less than a sample.
    pub fn set_speed(&mut self, speed: f64) {
        if let Some(converter) = self.converter.as_mut().filter(|_| (0.95..=1.05).contains(&speed)) {
            // Within the bounds that the converter was made for.
            let _ = converter.inner.set_resample_ratio_relative(1.0 / speed, false);
        }
    }

    /// How many samples the next [`ToChunks::convert`] takes.
    pub fn needed(&self) -> usize {
        self.converter.as_ref().map_or(CHUNK_SAMPLES, |converter| converter.inner.input_frames_next())
    }

    /// Most samples that [`ToChunks::needed`] ever asks for.
    pub fn max_needed(&self) -> usize {
        self.converter.as_ref().map_or(CHUNK_SAMPLES, |converter| converter.inner.input_frames_max())
    }

    /// Makes one chunk of exactly [`ToChunks::needed`] samples; with another number the chunk is silence.
    pub fn convert(&mut self, input: &[f32], out: &mut [f32; CHUNK_SAMPLES]) {
        if input.len() != self.needed() {
            out.fill(0.0);
            return;
        }
        match &mut self.converter {
            None => out.copy_from_slice(input),
            Some(converter) => {
                if converter.run(input, out) != CHUNK_SAMPLES {
                    out.fill(0.0);
                }
            }
        }
    }
}

/// Turns chunks of 480 samples at 48 kHz into mono of any rate. Does not allocate after it was made.
pub struct FromChunks {
    converter: Option<Converter>,
    output: Vec<f32>,
}

impl FromChunks {
    /// # Errors
    /// [`UnsupportedRate`] outside of [`RATES`].
    pub fn new(output_rate: u32) -> Result<Self, UnsupportedRate> {
        let converter = Converter::new(SAMPLE_RATE, output_rate, FixedAsync::Input)?;
        let longest = converter.as_ref().map_or(CHUNK_SAMPLES, |converter| converter.inner.output_frames_max());
        Ok(Self { converter, output: vec![0.0; longest] })
    }

    /// Converts one chunk into about 10 ms at the output rate; the number of samples may differ from call to call.
    pub fn convert(&mut self, chunk: &[f32; CHUNK_SAMPLES]) -> &[f32] {
        let length = match &mut self.converter {
            None => {
                self.output.copy_from_slice(chunk);
                CHUNK_SAMPLES
            }
            Some(converter) => converter.run(chunk, &mut self.output),
        };
        &self.output[..length]
    }
}

/// A windowed sinc: 32 samples of delay, and its ratio can follow a drifting clock.
struct Converter {
    inner: Async<f32>,
}

impl Converter {
    fn new(from: u32, to: u32, fixed: FixedAsync) -> Result<Option<Self>, UnsupportedRate> {
        let other = if from == SAMPLE_RATE { to } else { from };
        if !RATES.contains(&other) {
            return Err(UnsupportedRate(other));
        }
        if from == to {
            return Ok(None);
        }
        Self::build(from, to, fixed).map(Some)
    }

    fn build(from: u32, to: u32, fixed: FixedAsync) -> Result<Self, UnsupportedRate> {
        let parameters = SincInterpolationParameters::new(SINC_LENGTH, WindowFunction::BlackmanHarris2)
            .interpolation(SincInterpolationType::Linear)
            .oversampling_factor(256);
        let ratio = f64::from(to) / f64::from(from);
        let inner =
            Async::new_sinc(ratio, 1.1, &parameters, CHUNK_SAMPLES, 1, fixed).map_err(|_| UnsupportedRate(from))?;
        Ok(Self { inner })
    }

    /// Returns how many samples were written, 0 when the converter refused.
    fn run(&mut self, input: &[f32], output: &mut [f32]) -> usize {
        let (input_len, output_len) = (input.len(), output.len());
        let (Ok(input), Ok(mut output)) =
            (InterleavedSlice::new(input, 1, input_len), InterleavedSlice::new_mut(output, 1, output_len))
        else {
            return 0;
        };
        self.inner.process_into_buffer(&input, &mut output, None).map_or(0, |(_, written)| written)
    }
}

impl std::fmt::Debug for ToChunks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ToChunks")
    }
}

impl std::fmt::Debug for FromChunks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FromChunks")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(rate: u32, hz: f32, samples: usize) -> Vec<f32> {
        (0..samples).map(|n| 0.5 * (n as f32 * hz / rate as f32 * std::f32::consts::TAU).sin()).collect()
    }

    /// Amplitude of one frequency.
    fn amplitude(samples: &[f32], rate: u32, hz: f32) -> f32 {
        let (mut re, mut im) = (0.0f64, 0.0f64);
        for (n, &sample) in samples.iter().enumerate() {
            let phase = f64::from(n as f32) * f64::from(hz) / f64::from(rate) * std::f64::consts::TAU;
            re += f64::from(sample) * phase.cos();
            im += f64::from(sample) * phase.sin();
        }
        (2.0 * (re * re + im * im).sqrt() / samples.len() as f64) as f32
    }

    #[test]
    fn tone_keeps_its_pitch_and_loudness_into_48_khz() {
        for rate in [8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 88_200, 96_000, 192_000] {
            let (mut converter, input) = (ToChunks::new(rate).unwrap(), tone(rate, 1_000.0, rate as usize * 2));
            let (mut at, mut out) = (0, Vec::new());
            while at + converter.needed() <= input.len() {
                let (needed, mut chunk) = (converter.needed(), [0.0; CHUNK_SAMPLES]);
                assert!(needed <= converter.max_needed());
                converter.convert(&input[at..at + needed], &mut chunk);
                at += needed;
                out.extend_from_slice(&chunk);
            }
            let steady = &out[24_000..72_000];
            assert!(
                (amplitude(steady, 48_000, 1_000.0) - 0.5).abs() < 0.01,
                "{rate}: {}",
                amplitude(steady, 48_000, 1_000.0)
            );
            assert!(amplitude(steady, 48_000, 900.0) < 0.01 && amplitude(steady, 48_000, 2_000.0) < 0.01, "{rate}");
        }
    }

    #[test]
    fn tone_keeps_its_pitch_and_loudness_out_of_48_khz() {
        for rate in [8_000, 16_000, 44_100, 48_000, 96_000, 192_000] {
            let (mut converter, input) = (FromChunks::new(rate).unwrap(), tone(48_000, 1_000.0, 96_000));
            let out: Vec<f32> = input
                .chunks_exact(CHUNK_SAMPLES)
                .flat_map(|chunk| converter.convert(chunk.try_into().unwrap()).to_vec())
                .collect();
            assert!(out.len().abs_diff(rate as usize * 2) < rate as usize / 20, "{rate}: {}", out.len());
            let steady = &out[rate as usize / 2..rate as usize * 3 / 2];
            assert!(
                (amplitude(steady, rate, 1_000.0) - 0.5).abs() < 0.02,
                "{rate}: {}",
                amplitude(steady, rate, 1_000.0)
            );
        }
    }

    #[test]
    fn a_clock_that_runs_fast_is_brought_down_without_a_click() {
        for ppm in [-300.0, 0.0, 300.0] {
            let speed = 1.0 + ppm * 1e-6;
            let step = 1_000.0 / speed * std::f64::consts::TAU / 48_000.0;
            let input: Vec<f32> = (0..240_000).map(|n| (f64::from(n) * step).sin() as f32 * 0.5).collect();
            let (mut converter, mut at, mut out) = (ToChunks::adjustable(), 0, Vec::new());
            while at + converter.needed() <= input.len() {
                let mut chunk = [0.0; CHUNK_SAMPLES];
                converter.set_speed(speed);
                let needed = converter.needed();
                converter.convert(&input[at..at + needed], &mut chunk);
                at += needed;
                out.extend_from_slice(&chunk);
            }
            let length_error = out.len() as f64 - at as f64 / speed;
            assert!(length_error.abs() < 3.0, "{ppm}: {length_error}");
            let steady = &out[48_000..out.len() - 480];
            // A sine of this pitch obeys y[n+1] + y[n-1] = 2 cos(w) y[n]; a click does not.
            let twice_cos = 2.0 * (1_000.0f64 * std::f64::consts::TAU / 48_000.0).cos();
            let worst = steady.windows(3).fold(0.0f64, |worst, w| {
                worst.max((f64::from(w[0]) + f64::from(w[2]) - twice_cos * f64::from(w[1])).abs())
            });
            assert!(worst < 1e-4, "{ppm}: {worst}");
        }
    }

    #[test]
    fn impossible_rates_are_errors() {
        assert!(ToChunks::new(0).is_err());
        assert!(FromChunks::new(1).is_err());
        assert!(FromChunks::new(u32::MAX).is_err());
    }
}
