//! One voice out of the channels of a microphone.
//!
//! The mean of all channels would be simple, and wrong: a channel that carries nothing halves the voice, and one that is
//! wired the other way round cancels it. Microphone arrays add channels that are no microphones at all.

/// Channels that are mixed: the first two. Further ones of arrays are often what the loudspeaker plays, not voices.
const MIXED: usize = 2;

/// A channel this much quieter than the louder one (-20 dB in energy) has no part in the voice.
const SILENT_BESIDE: f32 = 0.01;

/// Energy of a sample below which a channel carries nothing: about -80 dBFS.
const NOTHING: f32 = 1e-8;

/// Channels whose correlation is below this are wired the other way round.
const OPPOSITE: f32 = -0.3;

/// Energies are followed over about half a second, in blocks of about 10 ms.
const FOLLOW: f32 = 0.02;

/// Turns interleaved samples of any number of channels into mono. Does not allocate.
#[derive(Debug)]
pub(super) struct Downmix {
    channels: usize,
    /// Energy per sample of every channel, slowly followed, and the product of the first two.
    energies: Vec<f32>,
    product: f32,
    /// How much of which channel is heard at the end of the last block.
    gains: [f32; MIXED],
    heard: [usize; MIXED],
}

impl Downmix {
    pub(super) fn new(channels: usize) -> Self {
        let channels = channels.max(1);
        let second = 1.min(channels - 1);
        let gains = if channels == 1 { [1.0, 0.0] } else { [0.5, 0.5] };
        Self { channels, energies: vec![0.0; channels], product: 0.0, gains, heard: [0, second] }
    }

    /// Mixes one block, `interleaved.len() / channels` samples. Gains change over the whole of it, so nothing clicks.
    pub(super) fn mix(&mut self, interleaved: &[f32], mono: &mut [f32]) {
        if self.channels == 1 {
            return mono.copy_from_slice(&interleaved[..mono.len()]);
        }
        self.follow(interleaved);
        let to = self.wanted();
        let from = self.gains;
        let count = mono.len() as f32;
        let [first, second] = self.heard;
        for (n, (frame, mono)) in interleaved.chunks_exact(self.channels).zip(mono).enumerate() {
            let share = (n + 1) as f32 / count;
            let gain = |channel: usize| from[channel] + (to[channel] - from[channel]) * share;
            *mono = frame[first] * gain(0) + frame[second] * gain(1);
        }
        self.gains = to;
    }

    fn follow(&mut self, interleaved: &[f32]) {
        let frames = (interleaved.len() / self.channels).max(1) as f32;
        let mean =
            |value: &dyn Fn(&[f32]) -> f32| interleaved.chunks_exact(self.channels).map(value).sum::<f32>() / frames;
        for (channel, energy) in self.energies.iter_mut().enumerate() {
            *energy += (mean(&|frame| frame[channel] * frame[channel]) - *energy) * FOLLOW;
        }
        self.product += (mean(&|frame| frame[0] * frame[1]) - self.product) * FOLLOW;
    }

    /// How much of the two channels should be heard.
    fn wanted(&mut self) -> [f32; MIXED] {
        let (first, second) = (self.energies[0], self.energies[1]);
        if first.max(second) < NOTHING {
            return self.gains_without_the_first_two();
        }
        self.hear([0, 1]);
        if second < first * SILENT_BESIDE {
            [1.0, 0.0]
        } else if first < second * SILENT_BESIDE {
            [0.0, 1.0]
        } else if self.product < OPPOSITE * (first * second).sqrt() {
            [0.5, -0.5]
        } else {
            [0.5, 0.5]
        }
    }

    /// The loudest of the further channels, if it carries anything: somebody plugged the microphone in there.
    fn gains_without_the_first_two(&mut self) -> [f32; MIXED] {
        let further = self.energies.iter().enumerate().skip(MIXED);
        let loudest = further.max_by(|a, b| a.1.total_cmp(b.1)).filter(|(_, energy)| **energy > NOTHING);
        match loudest {
            Some((channel, _)) => {
                self.hear([channel, 1]);
                [1.0, 0.0]
            }
            None => self.gains,
        }
    }

    /// Other channels fade in from silence.
    fn hear(&mut self, channels: [usize; MIXED]) {
        if self.heard != channels {
            self.heard = channels;
            self.gains = [0.0; MIXED];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::voice::measure::signal::{Noise, speech};

    /// Three seconds through the downmix; what comes out in the last two.
    fn mixed(channels: usize, sample: impl Fn(usize, usize) -> f32) -> Vec<f32> {
        let mut downmix = Downmix::new(channels);
        let mut out = Vec::new();
        for block in 0..300 {
            let interleaved: Vec<f32> =
                (0..480 * channels).map(|i| sample(i % channels, block * 480 + i / channels)).collect();
            let mut mono = [0.0; 480];
            downmix.mix(&interleaved, &mut mono);
            out.extend_from_slice(&mono);
        }
        out.split_off(48_000)
    }

    /// How much of `voice` is in `heard`, 1 for all of it.
    fn share(heard: &[f32], voice: &[f32]) -> f32 {
        let voice = &voice[48_000..144_000];
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        dot(heard, voice) / dot(voice, voice)
    }

    #[test]
    fn the_voice_survives_every_number_of_channels() {
        let voice = speech(1, 3, 0.1);
        for channels in 1..=8 {
            let out = mixed(channels, |_, n| voice[n]);
            assert!((share(&out, &voice) - 1.0).abs() < 0.01, "{channels}: {}", share(&out, &voice));
        }
    }

    #[test]
    fn a_silent_channel_does_not_halve_the_voice() {
        let voice = speech(2, 3, 0.1);
        for channels in 2..=8 {
            for speaking in 0..channels {
                let out = mixed(channels, |channel, n| if channel == speaking { voice[n] } else { 0.0 });
                assert!(share(&out, &voice) > 0.98, "{speaking} of {channels}: {}", share(&out, &voice));
            }
        }
    }

    #[test]
    fn a_channel_of_the_other_phase_does_not_cancel_the_voice() {
        let voice = speech(3, 3, 0.1);
        let out = mixed(2, |channel, n| if channel == 0 { voice[n] } else { -0.8 * voice[n] });
        assert!(share(&out, &voice).abs() > 0.85, "{}", share(&out, &voice));
    }

    #[test]
    fn two_microphones_of_one_room_are_heard_together() {
        let voice = speech(4, 3, 0.1);
        let mut noise = Noise::new(1);
        let hiss: Vec<f32> = (0..2 * 144_000).map(|_| noise.next() * 0.02).collect();
        let out = mixed(2, |channel, n| voice[n] + hiss[n * 2 + channel]);
        assert!((share(&out, &voice) - 1.0).abs() < 0.02, "{}", share(&out, &voice));
    }

    #[test]
    fn what_an_array_plays_back_is_left_out() {
        let (voice, played) = (speech(5, 3, 0.05), speech(6, 3, 0.3));
        let out = mixed(6, |channel, n| if channel < 4 { voice[n] } else { played[n] });
        assert!(share(&out, &played).abs() < 0.02, "{}", share(&out, &played));
        assert!((share(&out, &voice) - 1.0).abs() < 0.1);
    }

    #[test]
    fn a_channel_that_dies_is_left_without_a_click() {
        let mut downmix = Downmix::new(2);
        let mut out = Vec::new();
        for block in 0..600 {
            let sample = |n: usize| 0.4 * (n as f32 * 300.0 * std::f32::consts::TAU / 48_000.0).sin();
            let interleaved: Vec<f32> =
                (0..960).map(|i| if i % 2 == 1 && block >= 100 { 0.0 } else { sample(block * 480 + i / 2) }).collect();
            let mut mono = [0.0; 480];
            downmix.mix(&interleaved, &mut mono);
            out.extend_from_slice(&mono);
        }
        let steepest = out[48_480..].windows(2).fold(0.0f32, |step, pair| step.max((pair[1] - pair[0]).abs()));
        assert!(steepest < 0.4 * 300.0 * std::f32::consts::TAU / 48_000.0 * 1.1, "{steepest}");
        assert!(out[240_000..].iter().fold(0.0f32, |peak, s| peak.max(s.abs())) > 0.39);
    }
}
