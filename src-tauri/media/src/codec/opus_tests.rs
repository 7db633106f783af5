use super::*;
use proptest::prelude::*;

/// Something like a voice: a buzz of 150 Hz with overtones, swelling four times a second.
fn voice(frame: usize) -> [f32; FRAME_SAMPLES] {
    std::array::from_fn(|n| {
        let seconds = (frame * FRAME_SAMPLES + n) as f32 / 48_000.0;
        let swell = 0.6 + 0.4 * (seconds * 4.0 * std::f32::consts::TAU).sin();
        let overtone = |k: f32| (seconds * 150.0 * k * std::f32::consts::TAU).sin() / k;
        0.25 * swell * (overtone(1.0) + overtone(2.0) + overtone(3.0) + overtone(5.0))
    })
}

fn packets(config: OpusConfig, count: usize) -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new(config).unwrap();
    (0..count).map(|frame| encoder.encode(&voice(frame)).unwrap()).collect()
}

/// Signal-to-noise ratio in dB of `got` against `wanted`.
fn snr(wanted: &[f32], got: &[f32]) -> f32 {
    let power = |samples: &mut dyn Iterator<Item = f32>| samples.map(|sample| sample * sample).sum::<f32>();
    let noise = power(&mut wanted.iter().zip(got).map(|(a, b)| a - b));
    10.0 * (power(&mut wanted.iter().copied()) / noise.max(1e-9)).log10()
}

#[test]
fn voice_comes_back_at_its_rate() {
    let packets = packets(OpusConfig::default(), 100);
    let bytes: usize = packets.iter().map(Vec::len).sum();
    assert!((20_000..44_000).contains(&(bytes * 8 / 2)), "{} bit/s", bytes * 8 / 2);
    let mut decoder = Decoder::new().unwrap();
    let heard: Vec<f32> = packets.iter().flat_map(|packet| decoder.decode(packet).unwrap()).collect();
    assert_eq!(heard.len(), 100 * FRAME_SAMPLES);
    let said: Vec<f32> = (0..100).flat_map(voice).collect();
    // The codec looks 312 samples ahead.
    let best = (200..450)
        .map(|delay| snr(&said[48_000..90_000], &heard[48_000 + delay..90_000 + delay]))
        .fold(f32::MIN, f32::max);
    assert!(best > 4.0, "{best} dB");
}

#[test]
fn error_correction_beats_concealment() {
    let packets = packets(OpusConfig { expected_loss_pct: 20, ..OpusConfig::default() }, 60);
    let decode = |repair: &dyn Fn(&mut Decoder, usize) -> Vec<f32>| {
        let mut decoder = Decoder::new().unwrap();
        let frames =
            (0..60).map(|n| if n % 10 == 5 { repair(&mut decoder, n) } else { decoder.decode(&packets[n]).unwrap() });
        frames.flatten().collect::<Vec<f32>>()
    };
    let whole = decode(&|decoder, n| decoder.decode(&packets[n]).unwrap());
    let corrected = decode(&|decoder, n| decoder.decode_fec(&packets[n + 1]).unwrap());
    let concealed = decode(&|decoder, _| decoder.conceal(FRAME_SAMPLES));
    assert_eq!((corrected.len(), concealed.len()), (whole.len(), whole.len()));
    assert!(
        snr(&whole, &corrected) > snr(&whole, &concealed) + 2.0,
        "{} {}",
        snr(&whole, &corrected),
        snr(&whole, &concealed)
    );
}

#[test]
fn spare_copies_are_told_from_packets_without() {
    let with = |expected_loss_pct| packets(OpusConfig { expected_loss_pct, ..OpusConfig::default() }, 60);
    let copies = with(20)[10..].iter().filter(|packet| has_spare_copy(packet)).count();
    assert!(copies > 20, "{copies} of 50: not every frame is loud enough");
    assert!(with(0).iter().all(|packet| !has_spare_copy(packet)));
}

#[test]
fn packets_may_be_short_and_change_their_length() {
    let (mut encoder, mut decoder) = (Encoder::new(OpusConfig::default()).unwrap(), Decoder::new().unwrap());
    for frame in 0..20 {
        let len = if frame % 3 == 0 { FRAME_SAMPLES } else { SHORT_FRAME_SAMPLES };
        let packet = encoder.encode(&voice(frame)[..len]).unwrap();
        assert_eq!(decoder.decode(&packet).unwrap().len(), len);
    }
    assert!(encoder.encode(&[0.0; 100]).is_err());
}

#[test]
fn a_pause_is_a_packet_that_every_decoder_takes() {
    let (packets, mut decoder) = (packets(OpusConfig::default(), 5), Decoder::new().unwrap());
    let pause = pause_after(&packets[4]).unwrap();
    assert!(is_pause(&pause) && !is_pause(&packets[4]));
    assert_eq!(decoder.decode(&pause).unwrap().len(), FRAME_SAMPLES);
    assert_eq!(pause_after(&[]), None);
}

#[test]
fn silence_costs_next_to_nothing_under_dtx() {
    let mut encoder = Encoder::new(OpusConfig { dtx: true, ..OpusConfig::default() }).unwrap();
    let sizes: Vec<usize> = (0..100).map(|_| encoder.encode(&[0.0; FRAME_SAMPLES]).unwrap().len()).collect();
    assert!(sizes[50..].iter().filter(|&&size| size <= 2).count() > 40, "{sizes:?}");
}

#[test]
fn concealment_goes_on_fades_and_is_bounded() {
    let mut decoder = Decoder::new().unwrap();
    for packet in packets(OpusConfig::default(), 20) {
        decoder.decode(&packet).unwrap();
    }
    let energy = |samples: &[f32]| samples.iter().map(|sample| sample * sample).sum::<f32>();
    let first = energy(&decoder.conceal(480));
    let late = (0..50).map(|_| energy(&decoder.conceal(480))).last().unwrap();
    assert!(first > 0.1 && late < first / 10.0, "{first} {late}");
    assert_eq!(decoder.conceal(0).len(), GRAIN_SAMPLES);
    assert_eq!(decoder.conceal(500).len(), 480);
    assert_eq!(decoder.conceal(usize::MAX).len(), MAX_FRAME_SAMPLES);
}

#[test]
fn settings_are_checked() {
    let mut encoder = Encoder::new(OpusConfig::default()).unwrap();
    encoder.set_expected_loss(255).unwrap();
    encoder.set_bitrate(64_000).unwrap();
    assert!(encoder.set_bitrate(0).is_err());
    assert!(Encoder::new(OpusConfig { bitrate_bps: 0, ..OpusConfig::default() }).is_err());
}

proptest! {
    #[test]
    fn hostile_packets_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let mut decoder = Decoder::new().unwrap();
        if let Ok(samples) = decoder.decode(&bytes) {
            prop_assert!(samples.len() <= MAX_FRAME_SAMPLES);
        }
        if let Ok(samples) = decoder.decode_fec(&bytes) {
            prop_assert!(samples.len() <= MAX_FRAME_SAMPLES);
        }
        has_spare_copy(&bytes);
        prop_assert!(decoder.decode(&[]).is_err());
        let clean = packets(OpusConfig::default(), 1);
        prop_assert_eq!(decoder.decode(&clean[0]).unwrap().len(), FRAME_SAMPLES);
    }
}
