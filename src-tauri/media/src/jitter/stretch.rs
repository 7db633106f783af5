//! Makes waiting sound a little longer or shorter without changing its pitch: whole periods are repeated or left out, with
//! a cross-fade where the signal resembles itself most. (The method is WSOLA: Verhelst and Roelands, 1993.)

use std::collections::VecDeque;

/// Samples that must wait for a change: two of the longest periods.
pub(super) const NEEDED: usize = 2 * MAX_PERIOD;

/// Periods of voices: 2.5 ms (400 Hz) to 12.5 ms (80 Hz).
const MIN_PERIOD: usize = 120;
const MAX_PERIOD: usize = 600;

/// Below this mean energy the sound is silence, which may be cut anywhere.
const SILENCE: f32 = 1e-6;

/// Voices that resemble themselves less than this are left alone.
const MIN_LIKENESS: f32 = 0.5;

/// Leaves one period out at the front. Returns the change in samples, 0 or negative.
pub(super) fn shorten(samples: &mut VecDeque<f32>) -> isize {
    let Some(period) = period_at_front(samples) else { return 0 };
    let sound = samples.make_contiguous();
    for n in 0..period {
        let fade = n as f32 / period as f32;
        sound[n + period] = sound[n] * (1.0 - fade) + sound[n + period] * fade;
    }
    samples.drain(..period);
    -(period as isize)
}

/// Repeats one period at the front. Returns the change in samples, 0 or positive.
pub(super) fn lengthen(samples: &mut VecDeque<f32>) -> isize {
    let Some(period) = period_at_front(samples) else { return 0 };
    // First the period as it is, then again, faded from its follower back to itself.
    let again: Vec<f32> = (0..period)
        .map(|n| {
            let fade = n as f32 / period as f32;
            samples[n + period] * (1.0 - fade) + samples[n] * fade
        })
        .collect();
    let first: Vec<f32> = samples.iter().take(period).copied().collect();
    samples.drain(..period);
    again.into_iter().rev().for_each(|sample| samples.push_front(sample));
    first.into_iter().rev().for_each(|sample| samples.push_front(sample));
    period as isize
}

/// The shift under which the front resembles what follows it most. None when nothing fits.
fn period_at_front(samples: &mut VecDeque<f32>) -> Option<usize> {
    let sound = samples.make_contiguous().get(..NEEDED)?;
    let energy = |range: &[f32]| range.iter().map(|sample| sample * sample).sum::<f32>();
    if energy(sound) / (NEEDED as f32) < SILENCE {
        return Some(MAX_PERIOD);
    }
    let likeness = |period: usize| {
        let (front, next) = (&sound[..period], &sound[period..period * 2]);
        let product: f32 = front.iter().zip(next).map(|(a, b)| a * b).sum();
        product / (energy(front) * energy(next)).sqrt().max(f32::MIN_POSITIVE)
    };
    let best = (MIN_PERIOD..=MAX_PERIOD)
        .step_by(4)
        .map(|period| (likeness(period), period))
        .max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 >= MIN_LIKENESS).then_some(best.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hz: f32) -> VecDeque<f32> {
        (0..NEEDED * 2).map(|n| 0.5 * (n as f32 * hz / 48_000.0 * std::f32::consts::TAU).sin()).collect()
    }

    /// The largest step between neighbours: a cut in a tone shows as a jump.
    fn largest_step(samples: &VecDeque<f32>) -> f32 {
        samples.iter().zip(samples.iter().skip(1)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn tones_change_length_without_a_jump() {
        for hz in [100.0, 220.0, 330.0, 997.0] {
            let original = tone(hz);
            for change in [shorten, lengthen] {
                let mut changed = original.clone();
                let by = change(&mut changed);
                assert_eq!(changed.len() as isize - original.len() as isize, by);
                assert!((MIN_PERIOD..=MAX_PERIOD).contains(&by.unsigned_abs()), "{hz}: {by}");
                assert!(largest_step(&changed) < largest_step(&original) * 1.5, "{hz}: {}", largest_step(&changed));
            }
        }
    }

    #[test]
    fn silence_is_cut_and_too_little_sound_is_left_alone() {
        let mut silence = VecDeque::from(vec![0.0; NEEDED]);
        assert_eq!(shorten(&mut silence), -(MAX_PERIOD as isize));
        assert_eq!(shorten(&mut silence), 0);
        assert_eq!(lengthen(&mut silence), 0);
    }
}
