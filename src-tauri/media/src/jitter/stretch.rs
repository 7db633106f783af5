//! Makes waiting sound a little longer or shorter without changing its pitch: a period is repeated or left out, with a
//! cross-fade where the signal resembles itself most. (The method is WSOLA: Verhelst and Roelands, 1993.)

use std::collections::VecDeque;

/// Periods of voices: 2.5 ms (400 Hz) to 12.5 ms (80 Hz).
const MIN_PERIOD: usize = 120;
pub(super) const MAX_PERIOD: usize = 600;

/// Least sound that two cuts are faded over.
const MIN_OVERLAP: usize = 120;

/// Samples that a change needs in front of it to find the best place; with fewer it finds less.
pub(super) const WANTED: usize = 2 * MAX_PERIOD;

/// Below this mean energy the sound is silence, which may be cut anywhere: -50 dB of full scale.
const SILENCE: f32 = 1e-5;

/// Voices that resemble themselves less than this are left alone.
const MIN_LIKENESS: f32 = 0.5;

/// Where a cut may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Where {
    /// In silence and between two periods of a voice.
    Anywhere,
    SilenceOnly,
}

/// Leaves out up to `most` samples at the front. Returns how many.
pub(super) fn shorten(samples: &mut VecDeque<f32>, most: usize, place: Where) -> usize {
    let len = samples.len();
    let sound = samples.make_contiguous();
    let most = most.min(MAX_PERIOD).min(len.saturating_sub(MIN_OVERLAP));
    let overlap = |cut: usize| cut.min(len - cut).max(MIN_OVERLAP);
    let cut = if is_silence(sound) {
        most
    } else if place == Where::Anywhere {
        let likeness = |cut: usize| likeness(&sound[..overlap(cut)], &sound[cut..cut + overlap(cut)]);
        best(MIN_PERIOD..=most, likeness).unwrap_or(0)
    } else {
        0
    };
    let overlap = overlap(cut);
    if cut == 0 || cut + overlap > len {
        return 0;
    }
    for n in 0..overlap {
        let fade = n as f32 / overlap as f32;
        sound[n + cut] = sound[n] * (1.0 - fade) + sound[n + cut] * fade;
    }
    samples.drain(..cut);
    cut
}

/// Puts at least `least` samples in at the front, which sound like what was `heard` last. Returns how many, 0 when nothing
/// fits.
pub(super) fn lengthen(samples: &mut VecDeque<f32>, heard: &[f32], least: usize) -> usize {
    let sound = samples.make_contiguous();
    let most = MAX_PERIOD.min(sound.len()).min(heard.len());
    let more = if least > most {
        None
    } else if is_silence(sound) {
        Some(least)
    } else {
        best(least.max(MIN_PERIOD)..=most, |period| likeness(&heard[heard.len() - period..], &sound[..period]))
    };
    let Some(more) = more else { return 0 };
    // Begins like what would have followed, ends like what came before that.
    let again: Vec<f32> = heard[heard.len() - more..]
        .iter()
        .zip(&*sound)
        .enumerate()
        .map(|(n, (before, after))| {
            let fade = n as f32 / more as f32;
            after * (1.0 - fade) + before * fade
        })
        .collect();
    again.into_iter().rev().for_each(|sample| samples.push_front(sample));
    more
}

fn is_silence(sound: &[f32]) -> bool {
    energy(sound) <= SILENCE * sound.len() as f32
}

fn energy(sound: &[f32]) -> f32 {
    sound.iter().map(|sample| sample * sample).sum()
}

/// -1 for opposite, 1 for equal up to loudness.
fn likeness(a: &[f32], b: &[f32]) -> f32 {
    let product: f32 = a.iter().zip(b).map(|(a, b)| a * b).sum();
    product / (energy(a) * energy(b)).sqrt().max(f32::MIN_POSITIVE)
}

/// The length with the greatest likeness, if any is alike enough.
fn best(lengths: std::ops::RangeInclusive<usize>, likeness: impl Fn(usize) -> f32) -> Option<usize> {
    lengths
        .step_by(4)
        .map(|length| (likeness(length), length))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(likeness, _)| *likeness >= MIN_LIKENESS)
        .map(|(_, length)| length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hz: f32, samples: std::ops::Range<usize>) -> Vec<f32> {
        samples.map(|n| 0.5 * (n as f32 * hz / 48_000.0 * std::f32::consts::TAU).sin()).collect()
    }

    /// The largest step between neighbours: a cut in a tone shows as a jump.
    fn largest_step(samples: &[f32]) -> f32 {
        samples.windows(2).map(|pair| (pair[0] - pair[1]).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn tones_change_length_without_a_jump() {
        for hz in [100.0, 220.0, 330.0, 997.0] {
            let (heard, waiting) = (tone(hz, 0..MAX_PERIOD), tone(hz, MAX_PERIOD..MAX_PERIOD + WANTED));
            let original = [heard.clone(), waiting.clone()].concat();
            for change in [shorter, longer] {
                let mut changed = VecDeque::from(waiting.clone());
                let by = change(&mut changed, &heard);
                assert_eq!(changed.len() as isize - waiting.len() as isize, by);
                assert!((MIN_PERIOD..=MAX_PERIOD).contains(&by.unsigned_abs()), "{hz}: {by}");
                let changed = [heard.clone(), changed.into()].concat();
                assert!(largest_step(&changed) < largest_step(&original) * 1.5, "{hz}: {}", largest_step(&changed));
            }
        }
    }

    fn shorter(samples: &mut VecDeque<f32>, _: &[f32]) -> isize {
        -(shorten(samples, MAX_PERIOD, Where::Anywhere) as isize)
    }

    fn longer(samples: &mut VecDeque<f32>, heard: &[f32]) -> isize {
        lengthen(samples, heard, 240) as isize
    }

    #[test]
    fn silence_is_cut_to_the_sample() {
        let mut silence = VecDeque::from(vec![0.0; 1000]);
        assert_eq!(shorten(&mut silence, 333, Where::SilenceOnly), 333);
        assert_eq!(lengthen(&mut silence, &[0.0; MAX_PERIOD], 77), 77);
        assert_eq!(silence.len(), 1000 - 333 + 77);
    }

    #[test]
    fn a_voice_is_left_alone_where_only_silence_may_be_cut() {
        let mut voice = VecDeque::from(tone(220.0, 0..WANTED));
        assert_eq!(shorten(&mut voice, MAX_PERIOD, Where::SilenceOnly), 0);
        assert_eq!(voice.len(), WANTED);
    }

    #[test]
    fn too_little_sound_is_left_alone() {
        for len in [0, 1, MIN_OVERLAP, MIN_OVERLAP + 1] {
            let mut little = VecDeque::from(tone(220.0, 0..len));
            assert!(shorten(&mut little, MAX_PERIOD, Where::Anywhere) <= 1);
            assert_eq!(lengthen(&mut little, &[], 100), 0);
        }
    }
}
