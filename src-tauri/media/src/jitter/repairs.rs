//! How long to wait for what is lost: some packets carry copies of the ones before them, which help only when the lost
//! packet's turn has not come yet.

use std::collections::VecDeque;

/// Furthest copy that is waited for, in packets.
const MAX_DISTANCE: usize = 4;

/// Share of packets that may go lost before more delay is taken for it.
const ACCEPTED: f32 = 0.004;

/// A packet counts for half after 350 others: 7 s of 20 ms.
const FORGET: f32 = 0.998;

/// Missing packets that may still come by themselves: half a second of short ones.
const MAX_OPEN: usize = 50;

/// Counts by what distance lost packets were, or would have been, repaired.
#[derive(Clone, Debug, Default)]
pub(super) struct Repairs {
    /// Weight of packets by distance: 0 came by themselves.
    repaired: [f32; MAX_DISTANCE + 1],
    /// The last missing packets and the distance that each was counted with.
    open: VecDeque<(i64, usize)>,
}

impl Repairs {
    /// Packet `index` came, further than all others, with copies of the `copies` packets before it; so many directly
    /// before it are `missing`.
    pub(super) fn on_packet(&mut self, index: i64, missing: usize, copies: usize) {
        self.repaired.iter_mut().for_each(|weight| *weight *= FORGET);
        self.repaired[0] += 1.0;
        for distance in 1..=missing.min(copies).min(MAX_DISTANCE) {
            self.repaired[distance] += 1.0;
            self.open.push_front((index - distance as i64, distance));
        }
        self.open.truncate(MAX_OPEN);
    }

    /// A missing packet came by itself after all: it is in the wrong order, not lost.
    pub(super) fn on_reordered(&mut self, index: i64) {
        if let Some(at) = self.open.iter().position(|(open, _)| *open == index)
            && let Some((_, distance)) = self.open.remove(at)
        {
            self.repaired[distance] = (self.repaired[distance] - 1.0).max(0.0);
        }
    }

    /// How many packets after a lost one its copy should still be in time.
    pub(super) fn wanted_distance(&self) -> usize {
        let total: f32 = self.repaired.iter().sum();
        let mut beyond = 0.0;
        let enough = (1..=MAX_DISTANCE).rev().find(|distance| {
            beyond += self.repaired[*distance];
            beyond > total * ACCEPTED
        });
        enough.unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After 2000 packets of which every `nth` is missing, or every `nth` pair.
    fn wanted(nth: usize, in_a_row: usize, copies: usize) -> usize {
        let mut repairs = Repairs::default();
        for n in 0..2000 {
            repairs.on_packet(n as i64 * 5, if n % nth == 0 { in_a_row } else { 0 }, copies);
        }
        repairs.wanted_distance()
    }

    #[test]
    fn waits_as_far_as_copies_help() {
        assert_eq!(wanted(20, 1, 2), 1);
        assert_eq!(wanted(20, 2, 2), 2);
        assert_eq!(wanted(20, 2, 1), 1);
    }

    #[test]
    fn waits_for_nothing_without_loss_or_without_copies() {
        assert_eq!(wanted(1000, 1, 2), 0);
        assert_eq!(wanted(10, 1, 0), 0);
    }

    #[test]
    fn what_comes_in_the_wrong_order_is_not_lost() {
        let mut repairs = Repairs::default();
        for n in 0..500 {
            repairs.on_packet(n * 3, 1, 1);
            repairs.on_packet(n * 3 + 1, 0, 1);
            repairs.on_reordered(n * 3 - 1);
        }
        assert_eq!(repairs.wanted_distance(), 0);
    }

    #[test]
    fn forgets_a_bad_time() {
        let mut repairs = Repairs::default();
        (0..100).for_each(|n| repairs.on_packet(n * 2, n as usize % 2, 1));
        assert_eq!(repairs.wanted_distance(), 1);
        (200..2200).for_each(|n| repairs.on_packet(n, 0, 1));
        assert_eq!(repairs.wanted_distance(), 0);
    }
}
