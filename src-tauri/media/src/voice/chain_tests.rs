use super::*;
use crate::{
    CHUNK_DURATION,
    voice::{
        measure::signal::{Noise, speech},
        render_line,
    },
};
use std::time::Instant;

const ONLY_NOISE: VoiceConfig = VoiceConfig { noise_suppression: true, ..VoiceConfig::OFF };
const ONLY_GAIN: VoiceConfig = VoiceConfig { automatic_gain: true, ..VoiceConfig::OFF };
const ONLY_ECHO: VoiceConfig = VoiceConfig { echo_cancellation: true, ..VoiceConfig::OFF };
const ONLY_HIGH_PASS: VoiceConfig = VoiceConfig { high_pass: true, ..VoiceConfig::OFF };

/// Runs a sound through the chain; `each` sees every chunk's number first and what was noticed afterwards.
fn run(chain: &mut VoiceChain, sound: &[f32], muted: bool, mut each: impl FnMut(usize, &mut VoiceChain)) -> Run {
    let start = Instant::now();
    let mut run = Run { out: Vec::new(), told: Vec::new(), floor_db: None };
    for (n, samples) in sound.chunks_exact(CHUNK_SAMPLES).enumerate() {
        each(n, chain);
        let captured_at = start + CHUNK_DURATION * n as u32;
        let mut chunk = AudioChunk { samples: samples.try_into().unwrap(), captured_at };
        let heard = chain.process(&mut chunk, muted);
        run.out.extend_from_slice(&chunk.samples);
        run.told.extend(heard.speaking_while_muted);
        run.floor_db = heard.noise_floor_db;
    }
    run
}

struct Run {
    out: Vec<f32>,
    told: Vec<bool>,
    floor_db: Option<f32>,
}

fn level_db(samples: &[f32]) -> f32 {
    10.0 * (samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len() as f32).log10()
}

fn noise(seconds: usize, rms: f32) -> Vec<f32> {
    let mut noise = Noise::new(5);
    (0..seconds * 48_000).map(|_| noise.next() * rms * 3f32.sqrt()).collect()
}

#[test]
fn a_chain_that_is_off_changes_nothing() {
    let sound = speech(1, 2, 0.1);
    assert_eq!(run(&mut VoiceChain::new(VoiceConfig::OFF), &sound, false, |_, _| {}).out, sound);
}

#[test]
fn every_part_is_turned_on_and_off_without_a_gap_or_a_click() {
    // A tone has no gaps of its own; suppression takes it for noise and leaves a tenth of it.
    let tone: Vec<f32> =
        (0..96_000).map(|n| 0.3 * (n as f32 * 440.0 * std::f32::consts::TAU / 48_000.0).sin()).collect();
    let step = tone.windows(2).fold(0.0f32, |step, pair| step.max((pair[1] - pair[0]).abs()));
    for part in [ONLY_NOISE, ONLY_GAIN, ONLY_ECHO, ONLY_HIGH_PASS, VoiceConfig::ALL] {
        let switch = |n: usize, chain: &mut VoiceChain| {
            chain.set_config(if (n / 20) % 2 == 1 { part } else { VoiceConfig::OFF });
        };
        let out = run(&mut VoiceChain::new(VoiceConfig::OFF), &tone, false, switch).out;
        let quietest = out[4_800..].chunks_exact(240).map(level_db).fold(0.0, f32::min);
        let steepest = out.windows(2).fold(0.0f32, |steepest, pair| steepest.max((pair[1] - pair[0]).abs()));
        assert!(quietest > -36.0, "{part:?}: {quietest} dB");
        assert!(steepest < step * 4.0, "{part:?}: {steepest} beside {step}");
    }
}

#[test]
fn noise_goes_and_speech_stays() {
    let sound: Vec<f32> =
        speech(3, 12, 0.1).iter().zip(noise(12, 0.005)).map(|(speech, noise)| speech + noise).collect();
    let mut quiet = noise(4, 0.005);
    quiet.extend(&sound);
    let out = run(&mut VoiceChain::new(ONLY_NOISE), &quiet, false, |_, _| {}).out;
    let noise_lost_db = level_db(&quiet[96_000..180_000]) - level_db(&out[96_000..180_000]);
    let speech_lost_db = level_db(&quiet[240_000..]) - level_db(&out[240_000..]);
    assert!(noise_lost_db > 12.0, "{noise_lost_db}");
    assert!(speech_lost_db < 2.0, "{speech_lost_db}");
}

#[test]
fn quiet_people_become_louder_and_nobody_is_cut() {
    let quiet = speech(4, 12, 0.01);
    let out = run(&mut VoiceChain::new(ONLY_GAIN), &quiet, false, |_, _| {}).out;
    let gained_db = level_db(&out[384_000..]) - level_db(&quiet[384_000..]);
    assert!(gained_db > 8.0, "{gained_db}");
    let loud = speech(4, 6, 0.3);
    let out = run(&mut VoiceChain::new(ONLY_GAIN), &loud, false, |_, _| {}).out;
    assert!(out.iter().all(|sample| sample.abs() <= 1.0));
}

#[test]
fn what_is_no_number_does_no_lasting_harm() {
    let mut chain = VoiceChain::new(VoiceConfig::ALL);
    let poison: Vec<f32> = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30].repeat(1_200);
    run(&mut chain, &poison, false, |_, _| {});
    let out = run(&mut chain, &speech(6, 3, 0.1), false, |_, _| {}).out;
    assert!(out.iter().all(|sample| sample.abs() <= 1.0), "not finite or too loud");
    assert!(level_db(&out[96_000..]) > -40.0);
}

#[test]
fn speech_while_muted_is_told_and_noise_is_not() {
    let told = |sound: &[f32], muted| run(&mut VoiceChain::new(VoiceConfig::ALL), sound, muted, |_, _| {}).told;
    let mut sentence = noise(2, 0.001);
    sentence.extend(speech(7, 5, 0.08));
    sentence.extend(noise(4, 0.001));
    assert_eq!(told(&sentence, true), [true, false]);
    assert_eq!(told(&sentence, false), []);
    assert_eq!(told(&noise(8, 0.03), true), []);
}

#[test]
fn the_others_from_the_loudspeaker_are_not_taken_for_the_muted_person() {
    let (mut tap, line) = render_line();
    let mut chain = VoiceChain::new(VoiceConfig::ALL);
    chain.listen_to(line);
    let far = speech(8, 20, 0.1);
    let start = Instant::now();
    let mut told = Vec::new();
    for (n, pair) in far.windows(CHUNK_SAMPLES * 5).step_by(CHUNK_SAMPLES).enumerate() {
        // The loudspeaker is asked for sound 40 ms before it is heard.
        let captured_at = start + CHUNK_DURATION * n as u32;
        let (heard, asked) = (&pair[..CHUNK_SAMPLES], &pair[CHUNK_SAMPLES * 4..]);
        tap.on_played(asked.try_into().unwrap(), captured_at + CHUNK_DURATION * 4);
        let mut chunk = AudioChunk { samples: std::array::from_fn(|i| heard[i] * 0.4), captured_at };
        // The first two seconds are for learning.
        told.extend(chain.process(&mut chunk, n > 200).speaking_while_muted);
    }
    assert_eq!(told, []);
}

#[test]
fn the_noise_floor_is_what_the_microphone_hears_without_rumble() {
    let rumble = |n: usize| 0.1 * (n as f32 * 12.0 * std::f32::consts::TAU / 48_000.0).sin();
    let sound: Vec<f32> = noise(6, 0.001).iter().enumerate().map(|(n, noise)| noise + rumble(n)).collect();
    let floor_db = run(&mut VoiceChain::new(VoiceConfig::ALL), &sound, false, |_, _| {}).floor_db.unwrap();
    assert!((floor_db + 60.0).abs() < 3.0, "{floor_db}");
}
