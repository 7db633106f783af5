//! Things on their way, each with the time at which it arrives.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::time::Instant;

/// More than this on their way at once are dropped: it is a bounded queue like any other.
const LIMIT: usize = 20_000;

/// Gives back what was put in, in order of arrival; of the same arrival in the order in which it was put in.
#[derive(Debug)]
pub struct InFlight<T> {
    heap: BinaryHeap<Reverse<Entry<T>>>,
    pushed: u64,
}

impl<T> InFlight<T> {
    pub fn new() -> Self {
        Self { heap: BinaryHeap::new(), pushed: 0 }
    }

    pub fn push(&mut self, arrives_at: Instant, item: T) {
        if self.heap.len() < LIMIT {
            self.heap.push(Reverse(Entry { key: (arrives_at, self.pushed), item }));
            self.pushed += 1;
        }
    }

    /// The next one that has arrived by `now`.
    pub fn pop(&mut self, now: Instant) -> Option<T> {
        if self.next_arrival()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry.item)
    }

    pub fn next_arrival(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse(entry)| entry.key.0)
    }
}

impl<T> Default for InFlight<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[derive(Debug)]
struct Entry<T> {
    /// Arrival, and the place among those of the same arrival.
    key: (Instant, u64),
    item: T,
}

impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key)
    }
}
impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}
impl<T> Eq for Entry<T> {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn things_arrive_in_order_and_not_before_their_time() {
        let (mut flight, start) = (InFlight::new(), Instant::now());
        for (ms, name) in [(30, "late"), (10, "first"), (10, "second")] {
            flight.push(start + Duration::from_millis(ms), name);
        }
        assert_eq!(flight.pop(start), None);
        let now = start + Duration::from_millis(10);
        assert_eq!([flight.pop(now), flight.pop(now), flight.pop(now)], [Some("first"), Some("second"), None]);
        assert_eq!(flight.next_arrival(), Some(start + Duration::from_millis(30)));
    }
}
