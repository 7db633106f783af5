//! How fast packets leave or arrive.

use std::collections::VecDeque;
use std::time::Duration;

/// Long enough to even out pictures of different size.
const WINDOW: Duration = Duration::from_millis(500);
/// What tells the rate of a link that has just become narrow: its queue makes arrivals even.
const SHORT_WINDOW: Duration = Duration::from_millis(100);
const MIN_SPAN: Duration = Duration::from_millis(40);

/// The rate of packets lately, on a clock of one's choice. Bytes are those on the wire.
#[derive(Debug, Default)]
pub(super) struct PacketRate {
    window: VecDeque<(Duration, usize)>,
}

impl PacketRate {
    pub(super) fn push(&mut self, at: Duration, bytes: usize) {
        self.window.push_back((at, bytes));
        while self.window.front().is_some_and(|(oldest, _)| *oldest + WINDOW < at) {
            self.window.pop_front();
        }
    }

    /// Over the last half second, in bits per second.
    pub(super) fn bps(&self) -> Option<f64> {
        self.over(WINDOW)
    }

    /// Over the last tenth of a second.
    pub(super) fn recent_bps(&self) -> Option<f64> {
        self.over(SHORT_WINDOW)
    }

    fn over(&self, window: Duration) -> Option<f64> {
        let newest = self.window.back()?.0;
        let begin = newest.saturating_sub(window);
        let mut packets = self.window.iter().filter(|(at, _)| *at >= begin);
        // The first packet marks the time from which the others came.
        let (first, _) = packets.next()?;
        let span = newest.saturating_sub(*first);
        let bytes: usize = packets.map(|(_, bytes)| bytes).sum();
        (span >= MIN_SPAN).then(|| bytes as f64 * 8.0 / span.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_window() {
        let mut rate = PacketRate::default();
        assert_eq!(rate.bps(), None);
        for ms in (0..2000).step_by(10) {
            let bytes = if ms < 1800 { 1250 } else { 250 };
            rate.push(Duration::from_millis(ms), bytes);
        }
        let recent = rate.recent_bps().unwrap();
        assert!((recent - 200_000.0).abs() < 60_000.0, "{recent}");
        let whole = rate.bps().unwrap();
        assert!((600_000.0..800_000.0).contains(&whole), "{whole}");
    }
}
