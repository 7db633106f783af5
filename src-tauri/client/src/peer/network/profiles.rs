//! Networks with a name. Those marked RingRTC have the figures that its call simulator publishes for them, so that
//! ours can be set beside what others say about theirs.

use super::{Bottleneck, Bursts, JitterShape, NetworkProfile};
use std::time::Duration;

/// A Pareto distribution of shape 3 that begins at 1 has this mean and this standard deviation.
const PARETO_MEAN: f64 = 1.5;
const PARETO_DEVIATION: f64 = 0.866;
/// Later than this many deviations nothing comes: chance would else hold one datagram back for ever.
const PARETO_END: f64 = 4.0;

impl NetworkProfile {
    /// Nothing gets through.
    pub fn blackout() -> Self {
        Self::lossy(1.0)
    }

    /// This share is lost, 0 to 1, and nothing else is wrong. (RingRTC's deterministic loss: 0 to 0.5 by steps of 0.1)
    pub fn lossy(share: f64) -> Self {
        Self { loss: share, ..Self::default() }
    }

    /// The same with half of this response time as its delay.
    pub fn with_rtt(self, rtt: Duration) -> Self {
        Self { delay: rtt / 2, ..self }
    }

    /// 100 ms that vary by 25, 5 % lost. (RingRTC)
    pub fn moderate() -> Self {
        Self {
            loss: 0.05,
            delay: Duration::from_millis(100),
            jitter: Duration::from_millis(25),
            jitter_shape: JitterShape::Pareto,
            ..Self::default()
        }
    }

    /// Another continent on a thin line: 250 ms that vary by 100, a tenth lost in rows, some swapped and doubled,
    /// 300 kbit/s. (RingRTC; its queue of 30 packets of 1200 bytes is about one second of that line)
    pub fn international() -> Self {
        Self {
            bursts: Some(Bursts { begin: 0.03, end: 0.25 }),
            delay: Duration::from_millis(250),
            jitter: Duration::from_millis(100),
            jitter_shape: JitterShape::Pareto,
            swap: 0.05,
            duplicate: 0.02,
            bottleneck: Some(Bottleneck { bits_per_second: 300_000, queue: Duration::from_secs(1) }),
            ..Self::default()
        }
    }

    /// Good, bad, good again; 10 s each. (RingRTC)
    pub fn spiky_loss() -> [Self; 3] {
        let spread = |delay, jitter| Self {
            delay: Duration::from_millis(delay),
            jitter: Duration::from_millis(jitter),
            ..Self::default()
        };
        let bad = Self { bursts: Some(Bursts { begin: 0.11, end: 0.25 }), ..spread(100, 20) };
        [spread(50, 10), bad, spread(50, 10)]
    }

    /// A tenth lost, four datagrams in a row at the mean. (RingRTC's bursty loss of 10 %, mean burst 4)
    pub fn bursty() -> Self {
        Self { bursts: Some(Bursts { begin: 0.03, end: 0.25 }), ..Self::default() }
    }

    /// A line of so many bits per second with a queue of 100 ms. (RingRTC: 16 packets)
    pub fn limited_bandwidth(bits_per_second: u64) -> Self {
        let bottleneck = Bottleneck { bits_per_second, queue: Duration::from_millis(100) };
        Self { bottleneck: Some(bottleneck), ..Self::default() }
    }

    /// One-way delay of a datagram; `chance` is 0 to 1.
    pub(super) fn delay_of(&self, chance: f64) -> Duration {
        match self.jitter_shape {
            JitterShape::Uniform => self.delay + self.jitter.mul_f64(chance),
            JitterShape::Pareto => {
                let value = (1.0 - chance).max(f64::MIN_POSITIVE).powf(-1.0 / 3.0);
                let deviations = ((value - PARETO_MEAN) / PARETO_DEVIATION).min(PARETO_END);
                let seconds = self.delay.as_secs_f64() + self.jitter.as_secs_f64() * deviations;
                Duration::from_secs_f64(seconds.max(0.0))
            }
        }
    }
}
