//! Token buckets: how often somebody may do something.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// `burst` at once, refilled evenly over `window`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    pub burst: u32,
    pub window: Duration,
}

/// What is left of a quota for one holder.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    tokens: f64,
    filled_at: Instant,
}

impl Bucket {
    pub fn full(quota: Quota, now: Instant) -> Self {
        Self { tokens: f64::from(quota.burst), filled_at: now }
    }

    /// Takes one, or says how long to wait for the next.
    pub fn take(&mut self, quota: Quota, now: Instant) -> Result<(), Duration> {
        self.refill(quota, now);
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        let per_second = f64::from(quota.burst) / quota.window.as_secs_f64();
        Err(Duration::from_secs_f64((1.0 - self.tokens) / per_second))
    }

    /// Gives one back: what it was taken for did not count.
    pub fn give_back(&mut self, quota: Quota) {
        self.tokens = (self.tokens + 1.0).min(f64::from(quota.burst));
    }

    fn refill(&mut self, quota: Quota, now: Instant) {
        let passed = now.saturating_duration_since(self.filled_at).as_secs_f64();
        let gained = passed / quota.window.as_secs_f64() * f64::from(quota.burst);
        self.tokens = (self.tokens + gained).min(f64::from(quota.burst));
        self.filled_at = now;
    }

    fn is_full(&self, quota: Quota, now: Instant) -> bool {
        let mut copy = *self;
        copy.refill(quota, now);
        copy.tokens >= f64::from(quota.burst)
    }
}

/// A bucket for each key. Keys whose bucket is full again are forgotten, so that strangers cannot grow it without end.
#[derive(Debug)]
pub struct Limiter<K> {
    quota: Quota,
    buckets: BTreeMap<K, Bucket>,
    sweep_at: usize,
}

const FIRST_SWEEP: usize = 1_024;

impl<K: Ord> Limiter<K> {
    pub fn new(quota: Quota) -> Self {
        Self { quota, buckets: BTreeMap::new(), sweep_at: FIRST_SWEEP }
    }

    /// Takes one for `key`, or says how long it has to wait.
    pub fn take(&mut self, key: K, now: Instant) -> Result<(), Duration> {
        if self.buckets.len() >= self.sweep_at {
            self.sweep(now);
        }
        self.buckets.entry(key).or_insert_with(|| Bucket::full(self.quota, now)).take(self.quota, now)
    }

    pub fn give_back(&mut self, key: &K) {
        if let Some(bucket) = self.buckets.get_mut(key) {
            bucket.give_back(self.quota);
        }
    }

    fn sweep(&mut self, now: Instant) {
        let quota = self.quota;
        self.buckets.retain(|_, bucket| !bucket.is_full(quota, now));
        self.sweep_at = (self.buckets.len() * 2).max(FIRST_SWEEP);
    }
}

/// Whole seconds for `retry_after_s`, at least one.
pub fn retry_after_s(wait: Duration) -> u32 {
    u32::try_from(wait.as_secs_f64().ceil() as u64).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUOTA: Quota = Quota { burst: 20, window: Duration::from_secs(10) };

    #[test]
    fn burst_then_wait_then_one_more() {
        let start = Instant::now();
        let mut limiter = Limiter::new(QUOTA);
        for _ in 0..20 {
            assert_eq!(limiter.take("a", start), Ok(()));
        }
        let wait = limiter.take("a", start).expect_err("the burst is used up");
        assert_eq!(wait, Duration::from_millis(500));
        assert_eq!(limiter.take("b", start), Ok(()), "another key has its own bucket");
        assert_eq!(limiter.take("a", start + wait), Ok(()));
    }

    #[test]
    fn a_given_back_token_can_be_taken_again() {
        let start = Instant::now();
        let mut limiter = Limiter::new(Quota { burst: 1, window: Duration::from_secs(1) });
        assert_eq!(limiter.take(1, start), Ok(()));
        limiter.give_back(&1);
        assert_eq!(limiter.take(1, start), Ok(()));
        assert!(limiter.take(1, start).is_err());
    }

    #[test]
    fn full_buckets_are_forgotten() {
        let start = Instant::now();
        let mut limiter = Limiter::new(QUOTA);
        for key in 0..FIRST_SWEEP {
            assert_eq!(limiter.take(key, start), Ok(()));
        }
        assert_eq!(limiter.take(usize::MAX, start + QUOTA.window), Ok(()));
        assert_eq!(limiter.buckets.len(), 1);
    }
}
