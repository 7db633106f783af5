//! Pauses between attempts to open a device again.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(8);
/// A device that worked this long starts over with short pauses.
const PROVEN_AFTER: Duration = Duration::from_secs(5);

/// 0.5, 1, 2, 4, 8, 8 ... seconds.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The pause after a failure. `worked_for` is how long the device had worked, if it had started at all.
    pub(crate) fn after_failure(&mut self, worked_for: Option<Duration>) -> Duration {
        if worked_for.is_some_and(|time| time >= PROVEN_AFTER) {
            self.failures = 0;
        }
        let pause = FIRST.saturating_mul(1 << self.failures.min(8)).min(LONGEST);
        self.failures += 1;
        pause
    }

    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_eight_seconds() {
        let mut backoff = Backoff::default();
        let pauses: Vec<_> = (0..7).map(|_| backoff.after_failure(None).as_millis()).collect();
        assert_eq!(pauses, [500, 1000, 2000, 4000, 8000, 8000, 8000]);
    }

    #[test]
    fn only_a_device_that_proved_itself_starts_over() {
        let mut backoff = Backoff::default();
        backoff.after_failure(None);
        assert_eq!(backoff.after_failure(Some(Duration::from_secs(1))), Duration::from_secs(1));
        assert_eq!(backoff.after_failure(Some(Duration::from_secs(60))), FIRST);
    }

    #[test]
    fn the_millionth_failure_does_not_overflow() {
        let mut backoff = Backoff { failures: 1_000_000 };
        assert_eq!(backoff.after_failure(None), LONGEST);
    }
}
