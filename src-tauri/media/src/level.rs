//! How loud it is, for a meter on screen.

use crate::audio::SAMPLE_RATE;

/// Follows the loudness of a 48 kHz mono signal: up at once, down slowly.
#[derive(Clone, Copy, Debug, Default)]
pub struct LevelMeter {
    level: Level,
}

/// Loudness, linear: 1 is full scale.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Level {
    /// Largest sample, 0..=1.
    pub peak: f32,
    /// Root of the mean square, 0..=1.
    pub rms: f32,
}

/// Share that is left after one second of silence: -20 dB, as a peak programme meter falls.
const LEFT_AFTER_A_SECOND: f32 = 0.1;

impl LevelMeter {
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in samples (any number; 10 ms is usual) and tells the level after them.
    pub fn push(&mut self, samples: &[f32]) -> Level {
        if samples.is_empty() {
            return self.level;
        }
        let decay = LEFT_AFTER_A_SECOND.powf(samples.len() as f32 / SAMPLE_RATE as f32);
        let peak = samples.iter().fold(0.0f32, |peak, sample| peak.max(sample.abs()));
        let rms = (samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len() as f32).sqrt();
        let follow =
            |now: f32, before: f32| if now.is_finite() { now.max(before * decay).min(1.0) } else { before * decay };
        self.level = Level { peak: follow(peak, self.level.peak), rms: follow(rms, self.level.rms) };
        self.level
    }

    /// The level after the last samples.
    pub fn level(&self) -> Level {
        self.level
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rises_at_once_and_falls_by_20_db_a_second() {
        let mut meter = LevelMeter::new();
        assert_eq!(meter.push(&[]), Level::default());
        assert_eq!(meter.push(&[0.5, -0.5]), Level { peak: 0.5, rms: 0.5 });
        for _ in 0..100 {
            meter.push(&[0.0; 480]);
        }
        assert!((meter.level().peak - 0.05).abs() < 0.001, "{:?}", meter.level());
    }

    #[test]
    fn stays_within_bounds_for_any_samples() {
        let mut meter = LevelMeter::new();
        let level = meter.push(&[7.0, f32::NAN, f32::INFINITY]);
        assert!(level.peak <= 1.0 && level.rms <= 1.0 && !level.rms.is_nan());
        assert!(meter.push(&[0.1]).peak > 0.0);
    }
}
