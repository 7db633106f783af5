//! Puts RTP packets back in order and decides when a missing one is given up.

use crate::peer::MediaPacket;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A repair takes a round trip and may be lost as well. A packet missing for longer than three of them and some time for
/// the requests is given up, within these bounds: a key frame is quicker than waiting on.
const REPAIR_ROUNDS: u32 = 3;
const REPAIR_OVERHEAD: Duration = Duration::from_millis(100);
const GIVE_UP_AFTER: std::ops::RangeInclusive<Duration> = Duration::from_millis(150)..=Duration::from_millis(400);
/// About a second of 2.5 Mbit/s video, and far more than a reordering network makes.
const MAX_HELD: usize = 512;
/// A jump of the sequence number by more than this is another stream.
const MAX_JUMP: i64 = 3000;

/// What comes out, in order.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ordered {
    Packet(MediaPacket),
    /// One or more packets before the next one are lost for good.
    Gap,
}

#[derive(Debug)]
pub(crate) struct Reorder {
    /// By extended sequence number.
    held: BTreeMap<i64, MediaPacket>,
    next: Option<i64>,
    /// Since when the next packet has been missing while later ones are there.
    missing_since: Option<Instant>,
    /// Another stream has begun, which does not continue what came out before.
    is_interrupted: bool,
    give_up_after: Duration,
    lost: u64,
}

impl Default for Reorder {
    fn default() -> Self {
        Self {
            held: BTreeMap::new(),
            next: None,
            missing_since: None,
            is_interrupted: false,
            give_up_after: *GIVE_UP_AFTER.end(),
            lost: 0,
        }
    }
}

impl Reorder {
    /// Tells the round-trip time, on which depends how long a missing packet is awaited.
    pub(crate) fn set_rtt(&mut self, rtt: Duration) {
        let wanted = rtt.saturating_mul(REPAIR_ROUNDS) + REPAIR_OVERHEAD;
        self.give_up_after = wanted.clamp(*GIVE_UP_AFTER.start(), *GIVE_UP_AFTER.end());
    }

    /// Takes in a packet. Late and repeated ones are dropped.
    pub(crate) fn push(&mut self, packet: MediaPacket, now: Instant) {
        let Some(next) = self.next else {
            let first = i64::from(packet.sequence_number);
            self.next = Some(first);
            self.held.insert(first, packet);
            return;
        };
        let distance = i64::from(packet.sequence_number.wrapping_sub(next as u16) as i16);
        if distance.abs() > MAX_JUMP {
            self.begin_again(packet);
        } else if distance >= 0 && self.held.len() < MAX_HELD {
            self.held.insert(next + distance, packet);
        }
        self.note_missing(now);
    }

    /// The next packet or gap, if it is decided.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<Ordered> {
        let next = self.next?;
        if std::mem::take(&mut self.is_interrupted) {
            return Some(Ordered::Gap);
        }
        if let Some(packet) = self.held.remove(&next) {
            self.next = Some(next + 1);
            self.missing_since = None;
            self.note_missing(now);
            return Some(Ordered::Packet(packet));
        }
        let first_held = *self.held.keys().next()?;
        let is_full = self.held.len() >= MAX_HELD;
        if is_full || self.deadline().is_some_and(|at| now >= at) {
            self.lost += (first_held - next).unsigned_abs();
            self.next = Some(first_held);
            self.missing_since = None;
            return Some(Ordered::Gap);
        }
        None
    }

    /// When [`pop`](Self::pop) will give a missing packet up.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.missing_since.map(|since| since + self.give_up_after)
    }

    /// Packets given up so far.
    pub(crate) fn lost(&self) -> u64 {
        self.lost
    }

    /// Forgets everything but the count: the next packet begins a stream.
    pub(crate) fn restart(&mut self) {
        *self = Self { lost: self.lost, give_up_after: self.give_up_after, ..Self::default() };
    }

    fn begin_again(&mut self, packet: MediaPacket) {
        self.held.clear();
        self.missing_since = None;
        self.is_interrupted = true;
        let first = i64::from(packet.sequence_number);
        self.next = Some(first);
        self.held.insert(first, packet);
    }

    fn note_missing(&mut self, now: Instant) {
        let is_missing = self.next.is_some_and(|next| !self.held.is_empty() && !self.held.contains_key(&next));
        if !is_missing {
            self.missing_since = None;
        } else if self.missing_since.is_none() {
            self.missing_since = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packet(sequence_number: u16) -> MediaPacket {
        let arrived_at = Instant::now();
        let (payload, copies) = (Default::default(), Vec::new());
        MediaPacket { sequence_number, timestamp: 0, marker: false, payload, arrived_at, captured_us: None, copies }
    }

    /// Sequence numbers in order, with -1 for a gap.
    fn drain(reorder: &mut Reorder, now: Instant) -> Vec<i32> {
        std::iter::from_fn(|| reorder.pop(now))
            .map(|item| match item {
                Ordered::Packet(packet) => i32::from(packet.sequence_number),
                Ordered::Gap => -1,
            })
            .collect()
    }

    fn feed(reorder: &mut Reorder, numbers: &[u16], now: Instant) {
        for number in numbers {
            reorder.push(packet(*number), now);
        }
    }

    #[test]
    fn swapped_packets_come_out_in_order() {
        let (mut reorder, now) = (Reorder::default(), Instant::now());
        feed(&mut reorder, &[65534, 0, 65535, 2, 1], now);
        assert_eq!(drain(&mut reorder, now), [65534, 65535, 0, 1, 2]);
    }

    #[test]
    fn a_missing_packet_is_awaited_and_then_given_up() {
        let (mut reorder, now) = (Reorder::default(), Instant::now());
        feed(&mut reorder, &[1, 3, 4], now);
        assert_eq!(drain(&mut reorder, now), [1]);
        let deadline = reorder.deadline().unwrap();
        assert_eq!(drain(&mut reorder, deadline), [-1, 3, 4]);
        assert_eq!((reorder.lost(), reorder.deadline()), (1, None));
        feed(&mut reorder, &[2], deadline);
        assert!(drain(&mut reorder, deadline).is_empty(), "too late");
    }

    #[test]
    fn a_repair_in_time_closes_the_gap() {
        let (mut reorder, now) = (Reorder::default(), Instant::now());
        feed(&mut reorder, &[1, 3], now);
        drain(&mut reorder, now);
        feed(&mut reorder, &[2], now + Duration::from_millis(250));
        assert_eq!(drain(&mut reorder, now + Duration::from_millis(250)), [2, 3]);
    }

    #[test]
    fn the_patience_follows_the_round_trip_time_within_bounds() {
        let (mut reorder, now) = (Reorder::default(), Instant::now());
        feed(&mut reorder, &[1, 3], now);
        drain(&mut reorder, now);
        for (rtt_ms, patience_ms) in [(1, 150), (50, 250), (1000, 400)] {
            reorder.set_rtt(Duration::from_millis(rtt_ms));
            assert_eq!(reorder.deadline(), Some(now + Duration::from_millis(patience_ms)));
        }
    }

    #[test]
    fn a_new_stream_begins_with_a_gap() {
        let (mut reorder, now) = (Reorder::default(), Instant::now());
        feed(&mut reorder, &[1, 30_000, 30_001], now);
        assert_eq!(drain(&mut reorder, now), [-1, 30_000, 30_001]);
    }

    proptest! {
        #[test]
        fn any_arrival_comes_out_bounded_and_in_order(numbers in proptest::collection::vec(any::<u16>(), 0..2000)) {
            let (mut reorder, start) = (Reorder::default(), Instant::now());
            let mut last = None;
            for (index, number) in numbers.iter().enumerate() {
                let now = start + Duration::from_millis(index as u64);
                reorder.push(packet(*number), now);
                prop_assert!(reorder.held.len() <= MAX_HELD + 1);
                while let Some(item) = reorder.pop(now) {
                    match item {
                        Ordered::Packet(packet) => {
                            if let Some(last) = last {
                                prop_assert_eq!(packet.sequence_number, u16::wrapping_add(last, 1));
                            }
                            last = Some(packet.sequence_number);
                        }
                        Ordered::Gap => last = None,
                    }
                }
            }
        }
    }
}
