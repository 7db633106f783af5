use super::*;
use crate::{
    audio::CHUNK_DURATION,
    codec::opus::{Encoder, FRAME_SAMPLES, OpusConfig},
};
use proptest::prelude::*;
use std::time::Duration;

/// A network on a virtual clock: packets of a 440 Hz tone, each sent every 20 ms and arriving when the test says.
struct Bench {
    buffer: AudioJitterBuffer,
    start: Instant,
    /// (arrival in ms, sequence, time stamp, packet)
    sent: Vec<(u64, u16, u32, Vec<u8>)>,
    heard: Vec<f32>,
}

impl Bench {
    /// `arrival` gives, for packet n sent at 20 n ms, how long each copy of it takes; none means lost.
    fn new(packets: u32, first_seq: u16, first_timestamp: u32, arrival: impl Fn(u32) -> Vec<u64>) -> Self {
        let mut encoder = Encoder::new(OpusConfig { expected_loss_pct: 20, ..OpusConfig::default() }).unwrap();
        let mut sent = Vec::new();
        for n in 0..packets {
            let tone: [f32; FRAME_SAMPLES] = std::array::from_fn(|i| {
                0.5 * (((n as usize * FRAME_SAMPLES + i) % 48_000) as f32 * 440.0 / 48_000.0 * std::f32::consts::TAU)
                    .sin()
            });
            let packet = encoder.encode(&tone).unwrap();
            for takes in arrival(n) {
                let timestamp = first_timestamp.wrapping_add(n * FRAME_SAMPLES as u32);
                sent.push((u64::from(n) * 20 + takes, first_seq.wrapping_add(n as u16), timestamp, packet.clone()));
            }
        }
        sent.sort_by_key(|(at, ..)| *at);
        Self { buffer: AudioJitterBuffer::new(), start: Instant::now(), sent, heard: Vec::new() }
    }

    /// Plays until 200 ms after the last packet was sent. Returns the delay after every second.
    fn play(&mut self, until_ms: u64) -> Vec<f32> {
        let mut delays = Vec::new();
        let mut sent = std::mem::take(&mut self.sent).into_iter().peekable();
        for ms in (0..until_ms).step_by(10) {
            while let Some((at, seq, timestamp, packet)) = sent.next_if(|(at, ..)| *at <= ms) {
                self.buffer.push(seq, timestamp, &packet, self.start + Duration::from_millis(at));
            }
            let mut out = [0.0; CHUNK_SAMPLES];
            self.buffer.pull(&mut out, self.start + Duration::from_millis(ms));
            self.heard.extend(out);
            if ms % 1000 == 990 {
                delays.push(self.buffer.stats().delay_ms);
            }
        }
        delays
    }

    /// Share of the 10 ms blocks between two times in which the tone is as loud as it was sent.
    fn share_of_tone(&self, from_ms: usize, to_ms: usize) -> f64 {
        let blocks: Vec<_> = self.heard[from_ms * MS..to_ms * MS].chunks(CHUNK_SAMPLES).collect();
        let loud = blocks.iter().filter(|block| {
            let rms = (block.iter().map(|sample| sample * sample).sum::<f32>() / block.len() as f32).sqrt();
            (0.25..0.45).contains(&rms)
        });
        loud.count() as f64 / blocks.len() as f64
    }
}

/// A repeatable pseudo-random number below `limit`.
fn random(n: u32, limit: u64) -> u64 {
    let mixed = (u64::from(n) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 33) % limit.max(1)
}

#[test]
fn even_packets_are_played_whole_with_little_delay() {
    let mut bench = Bench::new(300, 0, 0, |_| vec![30]);
    let delays = bench.play(6040);
    let stats = bench.buffer.stats();
    assert_eq!((stats.received, stats.lost, stats.late, stats.recovered), (300, 0, 0, 0));
    assert!(stats.concealed_samples < 150 * MS as u64, "{stats:?}");
    assert!(bench.share_of_tone(500, 5900) > 0.99);
    assert!(delays[1..].iter().all(|&delay| delay < 65.0), "{delays:?}");
}

#[test]
fn single_losses_are_rebuilt_from_the_next_packet() {
    let mut bench = Bench::new(300, 0, 0, |n| if n % 10 == 7 { vec![] } else { vec![30] });
    bench.play(6040);
    let stats = bench.buffer.stats();
    assert_eq!((stats.received, stats.lost), (270, 30));
    assert!(stats.recovered >= 28, "{stats:?}");
    assert!(bench.share_of_tone(500, 5900) > 0.97, "{}", bench.share_of_tone(500, 5900));
}

#[test]
fn jitter_and_wrong_order_are_evened_out() {
    // Up to 60 ms of jitter puts packets three places out of order.
    let mut bench = Bench::new(500, 0, 0, |n| vec![20 + random(n, 60)]);
    let delays = bench.play(10_080);
    let stats = bench.buffer.stats();
    assert_eq!(stats.received, 500);
    assert!(stats.late < 20, "{stats:?}");
    assert!(bench.share_of_tone(3000, 9800) > 0.95, "{} {stats:?}", bench.share_of_tone(3000, 9800));
    assert!(delays[3..].iter().all(|&delay| delay < 140.0), "{delays:?}");
}

#[test]
fn doubled_packets_count_once() {
    let mut bench = Bench::new(100, 0, 0, |_| vec![20, 21, 70]);
    bench.play(2040);
    let stats = bench.buffer.stats();
    assert_eq!((stats.received, stats.lost, stats.late), (100, 0, 0));
    assert!(bench.share_of_tone(500, 1900) > 0.99);
}

#[test]
fn sequence_and_time_stamp_may_wrap() {
    let mut bench = Bench::new(200, u16::MAX - 80, u32::MAX - 60_000, |_| vec![30]);
    bench.play(4040);
    let stats = bench.buffer.stats();
    assert_eq!((stats.received, stats.lost, stats.late), (200, 0, 0));
    assert!(bench.share_of_tone(500, 3900) > 0.99);
}

#[test]
fn delay_shrinks_again_when_the_network_calms_down() {
    let mut bench = Bench::new(2000, 0, 0, |n| vec![if n < 300 { 20 + random(n, 150) } else { 20 }]);
    let delays = bench.play(40_000);
    assert!(delays[5] > 80.0, "{delays:?}");
    assert!(delays[38] < 65.0, "{delays:?}");
    assert!(bench.share_of_tone(12_000, 39_000) > 0.97, "{}", bench.share_of_tone(12_000, 39_000));
}

#[test]
fn an_outage_is_silence_and_what_piled_up_is_skipped() {
    // Packets 100..200 all come at once at the end of the outage.
    let mut bench =
        Bench::new(400, 0, 0, |n| vec![if (100..200).contains(&n) { (200 - u64::from(n)) * 20 + 20 } else { 20 }]);
    let delays = bench.play(8000);
    assert!(bench.buffer.packets.len() <= MAX_PACKETS);
    assert!(bench.share_of_tone(5500, 7900) > 0.95, "{}", bench.share_of_tone(5500, 7900));
    assert!(delays[7] < 500.0, "{delays:?}");
    let quiet = &bench.heard[2_600 * MS..3_900 * MS];
    assert!(quiet.iter().all(|sample| sample.abs() < 0.05), "an outage must fade to silence");
}

#[test]
fn sender_clock_that_runs_fast_or_slow_is_followed() {
    for drift_per_second_ms in [-2i64, 2] {
        // 2000 ppm: far more than a real clock is off.
        let mut bench = Bench::new(1500, 0, 0, |n| vec![(200 + i64::from(n) / 50 * drift_per_second_ms) as u64]);
        let delays = bench.play(29_000);
        assert!(delays[5..].iter().all(|&delay| (5.0..110.0).contains(&delay)), "{drift_per_second_ms}: {delays:?}");
        assert!(bench.share_of_tone(2000, 28_000) > 0.97, "{}", bench.share_of_tone(2000, 28_000));
    }
}

#[test]
fn one_wild_packet_is_ignored_and_a_new_stream_is_followed() {
    let mut bench = Bench::new(50, 0, 0, |_| vec![20]);
    bench.play(1040);
    let (packet, now) = (
        Encoder::new(OpusConfig::default()).unwrap().encode(&[0.0; FRAME_SAMPLES]).unwrap(),
        bench.start + Duration::from_secs(1),
    );
    bench.buffer.push(30_000, 0, &packet, now);
    assert_eq!(bench.buffer.stats().received, 50);
    for n in 40_000..40_010u16 {
        bench.buffer.push(n, u32::from(n) * 960, &packet, now);
    }
    assert_eq!(bench.buffer.stats().received, 59);
}

#[test]
fn silence_until_the_first_packet_is_not_concealment() {
    let (mut buffer, mut out) = (AudioJitterBuffer::new(), [1.0; CHUNK_SAMPLES]);
    buffer.pull(&mut out, Instant::now());
    assert_eq!(out, [0.0; CHUNK_SAMPLES]);
    assert_eq!(buffer.stats(), JitterStats::default());
}

proptest! {
    #[test]
    fn any_packets_are_survived_within_bounds(
        steps in proptest::collection::vec((any::<u16>(), any::<u32>(), proptest::collection::vec(any::<u8>(), 0..80), 0u64..200), 0..200),
    ) {
        let (mut buffer, mut now) = (AudioJitterBuffer::new(), Instant::now());
        for (seq, timestamp, packet, wait_ms) in steps {
            now += Duration::from_millis(wait_ms);
            buffer.push(seq % 700, timestamp, &packet, now);
            let mut out = [9.0; CHUNK_SAMPLES];
            buffer.pull(&mut out, now + CHUNK_DURATION);
            prop_assert!(out.iter().all(|sample| sample.is_finite()));
            prop_assert!(buffer.packets.len() <= MAX_PACKETS);
            prop_assert!(buffer.samples.len() < 48_000);
        }
    }
}
