//! The packets that wait for their turn, by an unbroken count.

use std::collections::BTreeMap;

/// Most packets that wait: 640 ms of short ones.
pub(super) const MAX_FRAMES: usize = 64;

/// A step in the sequence beyond this is a new stream, not loss.
const MAX_STEP: i64 = 500;

/// One Opus packet.
#[derive(Debug)]
pub(super) struct Frame {
    /// Of its first sample, counted on past 2^32.
    pub timestamp: i64,
    pub samples: usize,
    pub packet: Vec<u8>,
    /// Came inside a later packet, not by itself.
    pub is_copy: bool,
}

/// Where a packet belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    At {
        index: i64,
        timestamp: i64,
    },
    /// As `At`, in a stream that does not continue the one before.
    Anew {
        index: i64,
        timestamp: i64,
    },
    Nowhere,
}

#[derive(Debug, Default)]
pub(super) struct Frames {
    waiting: BTreeMap<i64, Frame>,
    /// Index and time stamp of the furthest packet so far.
    newest: Option<(i64, i64)>,
    /// The first packet of a stream that does not continue the current one; believed when its successor comes.
    restart: Option<u16>,
}

impl Frames {
    /// Extends a packet's sequence number and time stamp.
    pub(super) fn place(&mut self, seq: u16, timestamp: u32) -> Place {
        let Some((newest, newest_timestamp)) = self.newest else {
            return self.begin(seq, timestamp);
        };
        let step = i64::from(seq.wrapping_sub(newest as u16) as i16);
        let time = i64::from(timestamp.wrapping_sub(newest_timestamp as u32) as i32);
        if step.abs() <= MAX_STEP && (time == 0 || time.signum() == step.signum()) {
            self.restart = None;
            let (index, timestamp) = (newest + step, newest_timestamp + time);
            if step > 0 {
                self.newest = Some((index, timestamp));
            }
            return Place::At { index, timestamp };
        }
        if self.restart.replace(seq) != Some(seq.wrapping_sub(1)) {
            return Place::Nowhere;
        }
        self.waiting.clear();
        self.begin(seq, timestamp)
    }

    fn begin(&mut self, seq: u16, timestamp: u32) -> Place {
        let (index, timestamp) = (i64::from(seq), i64::from(timestamp));
        (self.newest, self.restart) = (Some((index, timestamp)), None);
        Place::Anew { index, timestamp }
    }

    pub(super) fn newest(&self) -> Option<i64> {
        self.newest.map(|(index, _)| index)
    }

    /// Keeps a frame; one that is there already is kept instead. Returns whether it is new.
    pub(super) fn insert(&mut self, index: i64, frame: Frame) -> bool {
        let is_new = !self.waiting.contains_key(&index);
        if is_new {
            self.waiting.insert(index, frame);
        }
        is_new
    }

    /// Notes that a packet has come by itself after its copy. Returns whether there was a copy.
    pub(super) fn confirm(&mut self, index: i64) -> bool {
        match self.waiting.get_mut(&index) {
            Some(frame) => std::mem::take(&mut frame.is_copy),
            None => false,
        }
    }

    pub(super) fn first(&self) -> Option<(i64, &Frame)> {
        self.waiting.first_key_value().map(|(index, frame)| (*index, frame))
    }

    pub(super) fn pop_first(&mut self) -> Option<(i64, Frame)> {
        self.waiting.pop_first()
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_go_on_past_their_wrap() {
        let mut frames = Frames::default();
        assert_eq!(frames.place(65_535, u32::MAX - 479), Place::Anew { index: 65_535, timestamp: 4_294_966_816 });
        assert_eq!(frames.place(1, 480), Place::At { index: 65_537, timestamp: 4_294_967_776 });
        assert_eq!(frames.place(0, 0), Place::At { index: 65_536, timestamp: 4_294_967_296 });
        assert_eq!(frames.newest(), Some(65_537));
    }

    #[test]
    fn a_stream_that_does_not_continue_is_believed_with_its_second_packet() {
        let mut frames = Frames::default();
        frames.place(10, 4800);
        for (seq, timestamp) in [(30_000, 9600), (11, 1_000), (30_000, 9600)] {
            assert_eq!(frames.place(seq, timestamp), Place::Nowhere, "{seq}");
        }
        assert_eq!(frames.place(30_001, 10_080), Place::Anew { index: 30_001, timestamp: 10_080 });
        assert_eq!(frames.place(30_002, 10_560), Place::At { index: 30_002, timestamp: 10_560 });
    }
}
