//! A virtual path: a drop-tail queue before a link, then delay, jitter and loss.

use std::time::Duration;

#[derive(Debug, Clone, Copy)]
pub(super) struct PathProfile {
    pub capacity_bps: f64,
    /// A packet that would wait longer before the link is dropped.
    pub queue: Duration,
    /// One way, the same in both directions.
    pub delay: Duration,
    /// Up to this much is added, without reordering.
    pub jitter: Duration,
    /// Share that vanishes, 0 to 1, in both directions.
    pub loss: f64,
    /// The receiver reads nothing for up to 180 ms out of 250, as on a busy machine.
    pub is_receiver_busy: bool,
}

impl PathProfile {
    pub(super) fn of(capacity_bps: f64) -> Self {
        Self {
            capacity_bps,
            queue: Duration::from_millis(300),
            delay: Duration::from_millis(25),
            jitter: Duration::ZERO,
            loss: 0.0,
            is_receiver_busy: false,
        }
    }
}

pub(super) struct Path {
    pub profile: PathProfile,
    random: u64,
    free_at: Duration,
    last_arrival: Duration,
}

impl Path {
    pub(super) fn new(seed: u64, profile: PathProfile) -> Self {
        Self { profile, random: seed.wrapping_mul(2) + 1, free_at: Duration::ZERO, last_arrival: Duration::ZERO }
    }

    /// From 0 to 1 (xorshift64*).
    pub(super) fn random(&mut self) -> f64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        (self.random.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// What a new packet waits before the link.
    pub(super) fn wait(&self, now: Duration) -> Duration {
        self.free_at.saturating_sub(now)
    }

    /// When a packet arrives, or `None` when it is lost.
    pub(super) fn carry(&mut self, bytes: usize, now: Duration) -> Option<Duration> {
        let (lost, jittered) = (self.random(), self.random());
        if lost < self.profile.loss || self.wait(now) > self.profile.queue {
            return None;
        }
        let sending = Duration::from_secs_f64(bytes as f64 * 8.0 / self.profile.capacity_bps);
        self.free_at = self.free_at.max(now) + sending;
        let arrival = self.free_at + self.profile.delay + self.profile.jitter.mul_f64(jittered);
        self.last_arrival = self.last_arrival.max(arrival);
        Some(self.read_at(self.last_arrival))
    }

    /// Whether a report gets through.
    pub(super) fn returns(&mut self) -> bool {
        self.random() >= self.profile.loss
    }

    fn read_at(&self, arrival: Duration) -> Duration {
        const PERIOD_US: u64 = 250_000;
        let (period, phase) = (arrival.as_micros() as u64 / PERIOD_US, arrival.as_micros() as u64 % PERIOD_US);
        let stall = period * 7919 % 13 * 15_000;
        if self.profile.is_receiver_busy && phase < stall {
            arrival + Duration::from_micros(stall - phase)
        } else {
            arrival
        }
    }
}
