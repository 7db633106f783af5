use super::*;
use crate::source::pattern::TestPattern;
use proptest::prelude::*;
use std::time::Duration;

const SMALL: EncoderConfig = EncoderConfig { width: 320, height: 180, fps: 30, bitrate_bps: 600_000 };

fn pictures(width: usize, height: usize, count: u32) -> impl Iterator<Item = I420> {
    let mut pattern = TestPattern::new(width, height);
    (0..count).map(move |n| pattern.draw(Duration::from_millis(u64::from(n) * 1000 / 30), n * 33))
}

/// Peak signal-to-noise ratio of the luma in dB.
fn psnr(a: &I420, b: &I420) -> f64 {
    let error: u64 = a.y().iter().zip(b.y()).map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum();
    20.0 * (255.0 / (error as f64 / a.y().len() as f64).sqrt().max(1e-9)).log10()
}

#[test]
fn pictures_come_back_much_as_they_were() {
    let mut encoder =
        Encoder::new(EncoderConfig { width: 1280, height: 720, fps: 30, bitrate_bps: 2_500_000 }).unwrap();
    let mut decoder = Decoder::new().unwrap();
    let (mut worst, mut bytes) = (f64::INFINITY, 0);
    for (n, picture) in pictures(1280, 720, 60).enumerate() {
        let encoded = encoder.encode(&picture).unwrap().expect("2.5 Mbit/s is enough for every picture");
        assert_eq!(encoded.is_key_frame, n == 0);
        assert!(encoded.annex_b.starts_with(&[0, 0, 0, 1]));
        bytes += encoded.annex_b.len();
        let decoded = decoder.decode(&encoded.annex_b).unwrap().expect("one picture in, one picture out");
        worst = worst.min(psnr(&picture, &decoded));
    }
    assert!(worst > 33.0, "{worst} dB");
    assert!(bytes * 8 / 2 < 3_200_000, "{} bit/s", bytes * 8 / 2);
}

#[test]
fn key_frame_comes_on_request_and_starts_a_late_decoder() {
    let mut encoder = Encoder::new(SMALL).unwrap();
    let mut frames = pictures(320, 180, 40);
    for picture in frames.by_ref().take(10) {
        encoder.encode(&picture).unwrap();
    }
    encoder.request_key_frame();
    let key_frame = frames.by_ref().find_map(|picture| encoder.encode(&picture).unwrap()).unwrap();
    assert!(key_frame.is_key_frame);
    let mut late = Decoder::new().unwrap();
    assert!(late.decode(&key_frame.annex_b).unwrap().is_some());
    let following = frames.find_map(|picture| encoder.encode(&picture).unwrap()).unwrap();
    assert!(!following.is_key_frame);
    assert!(late.decode(&following.annex_b).unwrap().is_some());
}

#[test]
fn bit_rate_follows_a_change_at_once_and_without_a_key_frame() {
    let mut encoder = Encoder::new(EncoderConfig { width: 640, height: 360, fps: 30, bitrate_bps: 1_500_000 }).unwrap();
    encoder.set_bitrate(2_000_000).unwrap();
    let mut noise = Noise(7);
    let mut kbps = |encoder: &mut Encoder, frames: u32| {
        let encoded: Vec<_> =
            pictures(640, 360, frames).filter_map(|picture| encoder.encode(&noise.add(picture)).unwrap()).collect();
        let bytes: usize = encoded.iter().map(|frame| frame.annex_b.len()).sum();
        (bytes * 8 * 30 / frames as usize / 1000, encoded.iter().filter(|frame| frame.is_key_frame).count())
    };
    let (before, first_key) = kbps(&mut encoder, 60);
    encoder.set_bitrate(300_000).unwrap();
    kbps(&mut encoder, 15);
    let (low, keys) = kbps(&mut encoder, 60);
    encoder.set_bitrate(1_500_000).unwrap();
    kbps(&mut encoder, 15);
    let (high, more_keys) = kbps(&mut encoder, 60);
    assert_eq!((first_key, keys, more_keys), (1, 0, 0));
    assert!(before > 1_000 && (150..450).contains(&low) && (900..2_000).contains(&high), "{before} {low} {high}");
}

#[test]
fn bit_rate_rises_above_the_one_it_was_opened_with() {
    let mut encoder = Encoder::new(EncoderConfig { width: 1280, height: 720, fps: 30, bitrate_bps: 300_000 }).unwrap();
    let mut noise = Noise(7);
    for (picture, bps) in pictures(1280, 720, 6).zip([300_000, 900_000, 2_500_000, 200_000, 1_000_000, 2_600_000]) {
        encoder.set_bitrate(bps).unwrap();
        encoder.encode(&noise.add(picture)).unwrap();
    }
}

#[test]
fn moving_things_leave_no_trail_behind() {
    let mut encoder =
        Encoder::new(EncoderConfig { width: 1280, height: 720, fps: 30, bitrate_bps: 2_500_000 }).unwrap();
    let mut decoder = Decoder::new().unwrap();
    let (mut original, mut shown) = (None, None);
    for picture in pictures(1280, 720, 90) {
        if let Some(encoded) = encoder.encode(&picture).unwrap() {
            shown = decoder.decode(&encoded.annex_b).unwrap();
            original = Some(picture);
        }
    }
    let (original, shown) = (original.unwrap(), shown.unwrap());
    let specks = original.u().iter().zip(shown.u()).chain(original.v().iter().zip(shown.v()));
    let specks = specks.filter(|(a, b)| a.abs_diff(**b) > 24).count();
    assert!(specks < 20, "{specks} chroma samples are far from the original");
}

#[test]
fn another_size_starts_anew_and_keeps_the_bit_rate() {
    let mut encoder = Encoder::new(SMALL).unwrap();
    let mut decoder = Decoder::new().unwrap();
    encoder.encode(&pictures(320, 180, 1).next().unwrap()).unwrap();
    encoder.set_bitrate(450_000).unwrap();
    let encoded = encoder.encode(&pictures(640, 360, 1).next().unwrap()).unwrap().unwrap();
    assert!(encoded.is_key_frame);
    assert_eq!(encoder.config(), EncoderConfig { width: 640, height: 360, fps: 30, bitrate_bps: 450_000 });
    let decoded = decoder.decode(&encoded.annex_b).unwrap().unwrap();
    assert_eq!((decoded.width(), decoded.height()), (640, 360));
}

#[test]
fn impossible_settings_are_errors() {
    for fps in [0, 121] {
        assert!(matches!(Encoder::new(EncoderConfig { fps, ..SMALL }), Err(CodecError::Setup(_))));
    }
    let mut encoder = Encoder::new(SMALL).unwrap();
    assert!(encoder.encode(&I420::new(8192, 2)).is_err());
    assert!(encoder.encode(&pictures(320, 180, 1).next().unwrap()).unwrap().is_some());
}

#[test]
fn a_lost_picture_is_an_error_or_a_guess_and_a_key_frame_heals() {
    let mut encoder = Encoder::new(SMALL).unwrap();
    let mut decoder = Decoder::new().unwrap();
    for (n, picture) in pictures(320, 180, 30).enumerate() {
        if n == 20 {
            encoder.request_key_frame();
        }
        let Some(encoded) = encoder.encode(&picture).unwrap() else { continue };
        if n == 5 {
            continue;
        }
        let decoded = decoder.decode(&encoded.annex_b);
        if n >= 20 {
            assert!(psnr(&picture, &decoded.unwrap().unwrap()) > 25.0, "picture {n}");
        }
    }
}

#[test]
fn encoding_uses_assembler_code() {
    let mut encoder =
        Encoder::new(EncoderConfig { width: 1280, height: 720, fps: 30, bitrate_bps: 2_500_000 }).unwrap();
    let frames: Vec<_> = pictures(1280, 720, 40).collect();
    let mut times: Vec<Duration> = frames
        .iter()
        .map(|picture| {
            let began = time_on_the_processor();
            encoder.encode(picture).unwrap();
            time_on_the_processor() - began
        })
        .collect();
    times.sort();
    // 3-6 ms with assembler, about three times as much without.
    assert!(times[10] < Duration::from_millis(25), "{:?}", times[10]);
}

/// How long this thread has run: other programs on a busy machine do not count.
fn time_on_the_processor() -> Duration {
    let nanoseconds = std::fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|text| text.split_whitespace().next()?.parse().ok());
    let began = std::time::SystemTime::UNIX_EPOCH;
    nanoseconds.map_or_else(|| began.elapsed().unwrap(), Duration::from_nanos)
}

#[test]
fn huge_pictures_are_refused_before_they_are_decoded() {
    let mut decoder = Decoder::new().unwrap();
    let sps = sps::tests::write_baseline_sps(1024, 1024);
    assert!(matches!(decoder.decode(&sps), Err(CodecError::TooLarge { width: 16_384, height: 16_384 })));
    assert!(matches!(decoder.decode(&vec![0; MAX_ENCODED_BYTES + 1]), Err(CodecError::Decode(_))));
}

#[test]
fn the_size_is_read_out_of_a_real_stream() {
    let mut encoder = Encoder::new(EncoderConfig { width: 1280, height: 720, fps: 30, bitrate_bps: 500_000 }).unwrap();
    let encoded = encoder.encode(&pictures(1280, 720, 1).next().unwrap()).unwrap().unwrap();
    assert_eq!(sps::picture_sizes(&encoded.annex_b).collect::<Vec<_>>(), [(1280, 720)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn hostile_bytes_are_survived(
        flips in proptest::collection::vec((any::<u16>(), any::<u8>()), 1..40),
        cut in 1usize..4000,
        garbage in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        let mut encoder = Encoder::new(SMALL).unwrap();
        let mut decoder = Decoder::new().unwrap();
        for picture in pictures(320, 180, 6) {
            let Some(mut encoded) = encoder.encode(&picture).unwrap() else { continue };
            for (at, value) in &flips {
                let at = usize::from(*at) % encoded.annex_b.len();
                encoded.annex_b[at] ^= value;
            }
            encoded.annex_b.truncate(cut);
            let _ = decoder.decode(&encoded.annex_b);
            let _ = decoder.decode(&garbage);
        }
        encoder.request_key_frame();
        let picture = pictures(320, 180, 1).next().unwrap();
        let clean = encoder.encode(&picture).unwrap().unwrap();
        let healed = Decoder::new().unwrap().decode(&clean.annex_b).unwrap().unwrap();
        prop_assert!(psnr(&picture, &healed) > 25.0);
    }
}

/// Hard content: the test picture alone needs less than the higher rates.
struct Noise(u32);

impl Noise {
    fn add(&mut self, mut picture: I420) -> I420 {
        for value in picture.y_mut() {
            self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *value = value.saturating_add((self.0 >> 27) as u8);
        }
        picture
    }
}
