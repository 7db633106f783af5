use super::*;
use crate::{CHUNK_DURATION, voice::measure::signal::Noise};
use std::time::Duration;

/// A loudspeaker and a microphone with clocks of their own, on a virtual clock; what one plays the other hears at once.
struct Desk {
    reference: Reference,
    tap: RenderTap,
    start: Instant,
    now_s: f64,
    /// Samples of the loudspeaker per sample of the microphone.
    speed: f64,
    jitter_s: f32,
    jitter: Noise,
    /// Time from asking for sound to hearing it.
    playout_s: f64,
    /// When sound is asked for next, and when the next chunk of the microphone begins.
    pull_s: f64,
    capture_s: f64,
    /// Where the loudspeaker is: places that it has been given, and when the next one is heard.
    given: i64,
    heard_s: f64,
}

impl Desk {
    fn new(drift_ppm: f64, jitter_s: f32) -> Self {
        let (tap, line) = render_line();
        let mut reference = Reference::default();
        reference.listen_to(line);
        let start = Instant::now();
        let jitter = Noise::new(11);
        let speed = 1.0 + drift_ppm * 1e-6;
        Self {
            reference,
            tap,
            start,
            now_s: 0.0,
            speed,
            jitter_s,
            jitter,
            playout_s: 0.025,
            pull_s: 0.0,
            capture_s: 0.0,
            given: 0,
            heard_s: 0.025,
        }
    }

    fn at(&self, seconds: f64) -> Instant {
        self.start + Duration::from_secs_f64(seconds)
    }

    fn late_s(&mut self) -> f64 {
        f64::from(self.jitter.between(0.0, self.jitter_s))
    }

    fn play(&mut self) {
        let told_at = self.heard_s + self.late_s();
        let told_at = self.at(told_at);
        self.tap.on_played(&[0.1; CHUNK_SAMPLES], told_at);
        self.given += CHUNK_SAMPLES as i64;
        self.pull_s += 0.01 / self.speed;
        self.heard_s += 0.01 / self.speed;
    }

    /// Lets time pass and tells for every chunk of the microphone how many milliseconds lie between what it hears at its
    /// end and what the reference read last.
    fn run(&mut self, seconds: f64) -> Vec<f64> {
        let end_s = self.now_s + seconds;
        let mut delays = Vec::new();
        while self.capture_s + 0.022 < end_s {
            let delivered_s = self.capture_s + 0.022 + self.late_s();
            while self.pull_s < delivered_s {
                self.play();
            }
            let told_at = self.capture_s + self.late_s();
            let mut chunk = [0.0; CHUNK_SAMPLES];
            let captured_at = self.at(told_at);
            self.reference.next(captured_at, &mut chunk);
            self.capture_s += 0.01;
            let heard = self.given as f64 - (self.heard_s - self.capture_s) * 48_000.0 * self.speed;
            delays.extend(self.reference.reading.map(|reading| (reading.place as f64 - heard) / 48.0));
        }
        self.now_s = end_s;
        delays
    }

    fn pause_microphone(&mut self, seconds: f64) {
        let end_s = self.now_s + seconds;
        while self.pull_s < end_s {
            self.play();
        }
        self.capture_s += seconds;
        self.now_s = end_s;
    }

    /// Nothing is played for a while, on top of what has been given already.
    fn pause_loudspeaker(&mut self, seconds: f64) {
        self.pull_s += seconds;
        self.heard_s += seconds;
        self.given += (seconds * 48_000.0 * self.speed) as i64;
    }
}

fn spread(delays: &[f64]) -> f64 {
    delays.iter().copied().fold(f64::MIN, f64::max) - delays.iter().copied().fold(f64::MAX, f64::min)
}

fn mean(delays: &[f64]) -> f64 {
    delays.iter().sum::<f64>() / delays.len() as f64
}

#[test]
fn the_delay_stays_while_clocks_run_apart() {
    for drift_ppm in [-300.0, -100.0, 0.0, 100.0, 300.0] {
        let mut desk = Desk::new(drift_ppm, 0.008);
        let delays = desk.run(180.0);
        let (early, settled) = (&delays[100..3_000], &delays[3_000..]);
        assert!(spread(early) < 4.0, "{drift_ppm} ppm: {}", spread(early));
        assert!(spread(settled) < 1.0, "{drift_ppm} ppm: {}", spread(settled));
        // Without correction it would be 18 ms a minute at 300 ppm.
        let wandered = mean(&delays[17_000..]) - mean(&delays[3_000..4_000]);
        assert!(wandered.abs() < 0.5, "{drift_ppm} ppm: {wandered}");
    }
}

#[test]
fn the_delay_outlives_a_pause_of_the_microphone() {
    let mut desk = Desk::new(200.0, 0.004);
    let before = desk.run(40.0);
    desk.pause_microphone(7.0);
    let after = desk.run(20.0);
    assert!((mean(&after[50..]) - mean(&before[3_000..])).abs() < 4.0, "{} {}", mean(&before[3_000..]), mean(&after));
    assert!(spread(&after[50..]) < 4.0, "{}", spread(&after[50..]));
}

#[test]
fn the_delay_outlives_a_pause_of_the_loudspeaker() {
    let mut desk = Desk::new(-200.0, 0.004);
    let before = desk.run(40.0);
    desk.pause_loudspeaker(3.0);
    desk.run(4.0);
    let after = desk.run(20.0);
    assert!((mean(&after) - mean(&before[3_000..])).abs() < 4.0, "{} {}", mean(&before[3_000..]), mean(&after));
    assert!(spread(&after) < 4.0, "{}", spread(&after));
}

#[test]
fn silence_that_a_starved_loudspeaker_played_moves_nothing() {
    let mut desk = Desk::new(0.0, 0.001);
    let starve = |desk: &mut Desk| {
        desk.tap.on_starved(240);
        desk.pause_loudspeaker(0.005);
        desk.run(0.1);
    };
    // The first time may cost a step: whoever starves came late.
    starve(&mut desk);
    let before = desk.run(20.0);
    (0..20).for_each(|_| starve(&mut desk));
    let after = desk.run(20.0);
    let moved = mean(&after) - mean(&before[1_000..]);
    assert!(moved.abs() < 1.0, "{moved}");
}

#[test]
fn another_loudspeaker_begins_with_the_delay_of_the_one_before() {
    let mut desk = Desk::new(100.0, 0.004);
    let before = desk.run(40.0);
    let (tap, line) = render_line();
    desk.tap = tap;
    // Its places begin anew; nothing has been given to it yet.
    desk.given = 0;
    desk.heard_s = desk.pull_s + desk.playout_s;
    desk.reference.listen_to(line);
    let after = desk.run(20.0);
    assert!((mean(&after[100..]) - mean(&before[3_000..])).abs() < 5.0, "{} {}", mean(&before[3_000..]), mean(&after));
}

#[test]
fn threads_that_come_late_cost_a_little_delay_once() {
    let mut desk = Desk::new(0.0, 0.002);
    desk.run(5.0);
    // From here on every chunk is played 30 ms later than it was.
    desk.pull_s += 0.03;
    let delays = desk.run(30.0);
    let steps = delays[100..].windows(2).filter(|pair| (pair[1] - pair[0]).abs() > 5.0).count();
    assert!(steps <= 6, "{steps}");
    assert!(spread(&delays[1_000..]) < 3.0, "{}", spread(&delays[1_000..]));
}

#[test]
fn without_a_loudspeaker_the_reference_is_silent() {
    let (mut reference, mut chunk) = (Reference::default(), [1.0; CHUNK_SAMPLES]);
    reference.next(Instant::now(), &mut chunk);
    assert_eq!(chunk, [0.0; CHUNK_SAMPLES]);
}

#[test]
fn a_loudspeaker_without_microphone_does_not_wait() {
    let (mut tap, line) = render_line();
    let start = Instant::now();
    (0..10_000u32).for_each(|n| tap.on_played(&[0.5; CHUNK_SAMPLES], start + CHUNK_DURATION * n));
    let mut reference = Reference::default();
    reference.listen_to(line);
    let mut chunk = [0.0; CHUNK_SAMPLES];
    (0..10u32).for_each(|n| reference.next(start + CHUNK_DURATION * n, &mut chunk));
    assert!(chunk.iter().all(|sample| sample.is_finite()));
}

#[test]
fn a_history_keeps_holes_and_forgets_what_is_old() {
    let mut history = History::default();
    history.write(100, &[1.0; 10]);
    history.write(120, &[2.0; 10]);
    let mut out = [9.0; 30];
    assert!(history.read(100, &mut out));
    assert_eq!((out[9], out[10], out[19], out[20]), (1.0, 0.0, 0.0, 2.0));
    assert!(!history.read(101, &mut out));
    assert_eq!(out[29], 0.0);
    history.write(120 + 10 * HISTORY_SAMPLES as i64, &[3.0; 10]);
    assert_eq!(history.samples.len(), 10);
    (1..1_000).for_each(|n| history.write(120 + 10 * (HISTORY_SAMPLES as i64 + n), &[3.0; 10]));
    assert!(history.samples.len() <= HISTORY_SAMPLES);
}
