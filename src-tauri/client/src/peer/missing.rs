//! Which packets of a stream are missing, and when to ask for each.
//!
//! ```text
//! noticed ──after the reorder window──▶ asked ──every 0.6 response times──▶ asked again ──▶ given up, too late to help
//! ```
//!
//! The time an answer takes is measured on packets that were asked for once, so it needs no other source. Pure.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A network that swaps packets delivers them within this time.
const REORDER_WINDOW: Duration = Duration::from_millis(8);
const DEFAULT_RESPONSE: Duration = Duration::from_millis(80);
/// A request may be lost as well as its answer; a second one costs a few bytes, and the other side answers once.
const REPEAT_SHARE: f64 = 0.6;
const REPEAT_BOUNDS: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(300));
const MAX_REQUESTS: u32 = 12;
/// A jump by more is another stream or a long silence; a key frame helps there.
const MAX_GAP: i64 = 400;
const MAX_MISSING: usize = 600;

/// How long a receiver waits for a repair before it gives the packet up, when an answer takes `response`.
pub(crate) fn repair_limit(response: Duration) -> Duration {
    (response * 4 + Duration::from_millis(80)).clamp(Duration::from_millis(250), Duration::from_millis(600))
}

#[derive(Debug)]
struct Request {
    noticed_at: Instant,
    asked: u32,
    first_asked_at: Option<Instant>,
    due_at: Instant,
}

/// Follows one stream.
#[derive(Debug)]
pub(crate) struct MissingPackets {
    /// Extended sequence number.
    highest: Option<i64>,
    missing: BTreeMap<i64, Request>,
    response: Duration,
}

impl Default for MissingPackets {
    fn default() -> Self {
        Self { highest: None, missing: BTreeMap::new(), response: DEFAULT_RESPONSE }
    }
}

impl MissingPackets {
    /// A packet has come, for the first time or as a repair.
    pub(crate) fn on_packet(&mut self, sequence_number: u16, now: Instant) {
        let Some(highest) = self.highest else {
            self.highest = Some(i64::from(sequence_number));
            return;
        };
        let distance = i64::from(sequence_number.wrapping_sub(highest as u16) as i16);
        let number = highest + distance;
        if distance.abs() > MAX_GAP {
            self.missing.clear();
            self.highest = Some(number);
        } else if distance > 0 {
            self.highest = Some(number);
            (highest + 1..number).for_each(|missing| self.notice(missing, now));
        } else if let Some(request) = self.missing.remove(&number) {
            self.measure(&request, now);
        }
    }

    /// The packets to ask for at `now`, in order.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<u16> {
        let limit = repair_limit(self.response);
        self.missing.retain(|_, request| {
            request.asked < MAX_REQUESTS && now.saturating_duration_since(request.noticed_at) < limit
        });
        let pause = self.response.mul_f64(REPEAT_SHARE).clamp(REPEAT_BOUNDS.0, REPEAT_BOUNDS.1);
        let mut due = Vec::new();
        for (number, request) in self.missing.iter_mut().filter(|(_, request)| request.due_at <= now) {
            request.asked += 1;
            request.first_asked_at.get_or_insert(now);
            request.due_at = now + pause;
            due.push(*number as u16);
        }
        due
    }

    /// When [`due`](Self::due) has something next.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.missing.values().map(|request| request.due_at).min()
    }

    fn notice(&mut self, number: i64, now: Instant) {
        let request = Request { noticed_at: now, asked: 0, first_asked_at: None, due_at: now + REORDER_WINDOW };
        self.missing.insert(number, request);
        if self.missing.len() > MAX_MISSING {
            self.missing.pop_first();
        }
    }

    fn measure(&mut self, request: &Request, now: Instant) {
        // An answer to the second of two requests could be an answer to the first.
        if let (1, Some(asked_at)) = (request.asked, request.first_asked_at) {
            let sample = now.saturating_duration_since(asked_at);
            self.response = self.response.mul_f64(0.8) + sample.mul_f64(0.2);
        } else if request.asked > 1 {
            self.response = self.response.mul_f64(1.05).min(Duration::from_secs(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_swapped_packet_is_not_asked_for() {
        let (mut missing, start) = (MissingPackets::default(), Instant::now());
        for (number, ms) in [(65534, 0), (0, 1), (65535, 5)] {
            missing.on_packet(number, start + ms * MS);
        }
        assert!(missing.due(start + 20 * MS).is_empty());
        assert_eq!(missing.next_due(), None);
    }

    #[test]
    fn a_lost_packet_is_asked_for_soon_and_again_until_it_is_too_late() {
        let (mut missing, start) = (MissingPackets::default(), Instant::now());
        missing.on_packet(1, start);
        missing.on_packet(4, start);
        assert!(missing.due(start + 7 * MS).is_empty());
        let mut asked = Vec::new();
        while let Some(at) = missing.next_due() {
            let due = missing.due(at);
            assert!(due.is_empty() || due == [2, 3]);
            asked.extend(due.first().map(|_| (at - start).as_millis()));
        }
        assert_eq!(asked[0], 8);
        assert!((5..=10).contains(&asked.len()), "{asked:?}");
        assert!(*asked.last().unwrap() <= 400, "{asked:?}");
    }

    #[test]
    fn the_pause_follows_the_time_an_answer_takes() {
        let (mut missing, start) = (MissingPackets::default(), Instant::now());
        let mut now = start;
        let mut number = 0;
        missing.on_packet(number, now);
        for _ in 0..40 {
            number += 2;
            missing.on_packet(number, now);
            now += 8 * MS;
            assert_eq!(missing.due(now).len(), 1);
            now += 20 * MS;
            missing.on_packet(number - 1, now);
        }
        assert!((18 * MS..30 * MS).contains(&missing.response), "{:?}", missing.response);
    }

    #[test]
    fn a_jump_is_another_stream() {
        let (mut missing, start) = (MissingPackets::default(), Instant::now());
        missing.on_packet(1, start);
        missing.on_packet(20_000, start);
        assert_eq!(missing.next_due(), None);
        missing.on_packet(20_002, start);
        assert_eq!(missing.due(start + 8 * MS), [20_001]);
    }

    proptest! {
        #[test]
        fn any_arrival_keeps_it_bounded(numbers in proptest::collection::vec(any::<u16>(), 0..3000)) {
            let (mut missing, start) = (MissingPackets::default(), Instant::now());
            for (index, number) in numbers.iter().enumerate() {
                missing.on_packet(*number, start + MS * index as u32);
                prop_assert!(missing.missing.len() <= MAX_MISSING);
                prop_assert!(missing.due(start + MS * index as u32).len() <= MAX_MISSING);
            }
        }
    }
}
