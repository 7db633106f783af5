use super::*;
use rtc::rtcp::transport_feedbacks::cc_feedback_report::Ecn;

/// A virtual link: the sender follows the estimate, the queue follows the sender.
struct Link {
    estimator: Estimator,
    start: Instant,
    now: Duration,
    queue_empty_at: Duration,
    sent: u64,
    /// The receiver is stopped for up to 180 ms out of 250, as on a busy machine.
    stalls: bool,
}

const PACKET_BYTES: usize = 1200;
const FEEDBACK_EVERY: Duration = Duration::from_millis(100);
const MAX_QUEUE: Duration = Duration::from_millis(300);

impl Link {
    fn new(limits: BandwidthLimits) -> Self {
        Self {
            estimator: Estimator::new(limits),
            start: Instant::now(),
            now: Duration::ZERO,
            queue_empty_at: Duration::ZERO,
            sent: 0,
            stalls: false,
        }
    }

    fn run(&mut self, time: Duration, capacity_bps: f64, lose_every: Option<u64>) {
        let end = self.now + time;
        while self.now < end {
            let feedback_at = self.now + FEEDBACK_EVERY;
            let rate = f64::from(self.estimator.reading().target_bps());
            let mut reports = Vec::new();
            while self.now < feedback_at {
                reports.push(self.send(capacity_bps, lose_every));
                self.now += Duration::from_secs_f64(PACKET_BYTES as f64 * 8.0 / rate);
            }
            self.estimator.on_reports(self.start + self.now, &reports);
        }
    }

    fn send(&mut self, capacity_bps: f64, lose_every: Option<u64>) -> PacketReport {
        self.sent += 1;
        let begins = self.queue_empty_at.max(self.now);
        let dropped = begins - self.now > MAX_QUEUE || lose_every.is_some_and(|n| self.sent.is_multiple_of(n));
        if !dropped {
            self.queue_empty_at = begins + Duration::from_secs_f64(PACKET_BYTES as f64 * 8.0 / capacity_bps);
        }
        PacketReport {
            ssrc: 1,
            id: self.sent,
            rtp_sequence_number: 0,
            is_twcc: true,
            twcc_sequence_number: 0,
            size: PACKET_BYTES,
            arrived: !dropped,
            departure: self.start + self.now,
            arrival: (!dropped).then(|| self.read_at(self.queue_empty_at + Duration::from_millis(20))),
            ecn: Ecn::NotEct,
        }
    }

    fn read_at(&self, arrival: Duration) -> Duration {
        const PERIOD_US: u64 = 250_000;
        let (period, phase) = (arrival.as_micros() as u64 / PERIOD_US, arrival.as_micros() as u64 % PERIOD_US);
        let stall = period * 7919 % 13 * 15_000;
        if self.stalls && phase < stall { arrival + Duration::from_micros(stall - phase) } else { arrival }
    }

    fn estimate(&self) -> u32 {
        self.estimator.reading().target_bps()
    }
}

#[test]
fn a_free_path_lets_the_estimate_grow_to_its_limit() {
    let mut link = Link::new(BandwidthLimits { start_bps: 500_000, min_bps: 100_000, max_bps: 2_000_000 });
    link.run(Duration::from_secs(20), 50e6, None);
    assert_eq!(link.estimate(), 2_000_000);
}

#[test]
fn a_bottleneck_is_found_before_its_queue_overflows() {
    let mut link = Link::new(BandwidthLimits { start_bps: 400_000, ..Default::default() });
    link.run(Duration::from_secs(30), 1e6, None);
    let queue = link.queue_empty_at.saturating_sub(link.now);
    assert!((500_000..1_150_000).contains(&link.estimate()), "estimate {}", link.estimate());
    assert!(queue < MAX_QUEUE, "queue {queue:?}");
}

#[test]
fn a_drop_of_capacity_is_followed_within_two_seconds() {
    let mut link = Link::new(BandwidthLimits { start_bps: 1_000_000, ..Default::default() });
    link.run(Duration::from_secs(5), 5e6, None);
    link.run(Duration::from_secs(2), 500e3, None);
    assert!(link.estimate() < 550_000, "estimate {}", link.estimate());
}

#[test]
fn a_busy_receiver_is_not_a_narrow_path() {
    let mut link = Link::new(BandwidthLimits::default());
    link.stalls = true;
    link.run(Duration::from_secs(20), 50e6, None);
    assert!(link.estimate() > 1_400_000, "estimate {}", link.estimate());
}

#[test]
fn light_loss_is_ignored_and_heavy_loss_is_not() {
    let mut light = Link::new(BandwidthLimits::default());
    light.run(Duration::from_secs(5), 50e6, Some(50));
    assert!(light.estimate() > 1_500_000);
    let mut heavy = Link::new(BandwidthLimits::default());
    heavy.run(Duration::from_secs(30), 50e6, Some(4));
    assert!((200_000..600_000).contains(&heavy.estimate()), "estimate {}", heavy.estimate());
}

#[test]
fn no_news_changes_nothing() {
    let mut estimator = Estimator::new(BandwidthLimits::default());
    estimator.on_reports(Instant::now(), &[]);
    assert_eq!(estimator.reading().target_bps(), 1_500_000);
    assert!(estimator.target_bitrate() > 1_500_000.0);
}
