//! How long to wait before the next try.

use std::time::Duration;

use rand::Rng;

const FIRST: Duration = Duration::from_millis(500);
const LAST: Duration = Duration::from_secs(30);

/// Doubles from half a second to thirty, each wait drawn from its upper half so that clients of a restarted relay do not
/// come all at once.
#[derive(Debug)]
pub struct Backoff {
    next: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { next: FIRST }
    }
}

impl Backoff {
    pub fn next(&mut self, rng: &mut impl Rng) -> Duration {
        let top = self.next;
        self.next = (top * 2).min(LAST);
        rng.random_range(top / 2..=top)
    }

    /// The relay was there.
    pub fn reset(&mut self) {
        self.next = FIRST;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn waits_double_up_to_half_a_minute_and_start_again() {
        let mut rng = rand::rngs::StdRng::seed_from_u64(7);
        let mut backoff = Backoff::default();
        let waits: Vec<Duration> = (0..12).map(|_| backoff.next(&mut rng)).collect();
        for (index, wait) in waits.iter().enumerate() {
            let top = (FIRST * 2u32.pow(u32::try_from(index).unwrap().min(10))).min(LAST);
            assert!(*wait <= top && *wait >= top / 2, "wait {index} is {wait:?}");
        }
        backoff.reset();
        assert!(backoff.next(&mut rng) <= FIRST);
    }
}
