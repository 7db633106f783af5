//! What has been sent and not yet been reported on.

use std::collections::VecDeque;
use std::time::Instant;

/// Four seconds at 10 Mbit/s; beyond this the oldest are forgotten.
const MAX_PACKETS: usize = 4_096;

#[derive(Debug, Default)]
pub(super) struct Outstanding {
    packets: VecDeque<(Instant, usize)>,
    bytes: usize,
}

impl Outstanding {
    pub(super) fn push(&mut self, bytes: usize, now: Instant) {
        self.packets.push_back((now, bytes));
        self.bytes += bytes;
        if self.packets.len() > MAX_PACKETS {
            self.pop();
        }
    }

    /// Everything that left up to `sent_at` has arrived or is lost.
    pub(super) fn on_reported(&mut self, sent_at: Instant) {
        while self.oldest().is_some_and(|oldest| oldest <= sent_at) {
            self.pop();
        }
    }

    pub(super) fn oldest(&self) -> Option<Instant> {
        self.packets.front().map(|(at, _)| *at)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    fn pop(&mut self) {
        if let Some((_, bytes)) = self.packets.pop_front() {
            self.bytes -= bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn what_is_reported_is_no_longer_outstanding() {
        let (mut outstanding, start) = (Outstanding::default(), Instant::now());
        for n in 0..10 {
            outstanding.push(100, start + Duration::from_millis(n));
        }
        outstanding.on_reported(start + Duration::from_millis(6));
        assert_eq!((outstanding.bytes(), outstanding.oldest()), (300, Some(start + Duration::from_millis(7))));
        for n in 0..10_000 {
            outstanding.push(1, start + Duration::from_millis(20 + n));
        }
        assert_eq!(outstanding.bytes(), MAX_PACKETS);
    }
}
