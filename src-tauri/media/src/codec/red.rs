//! Redundant audio: a packet that carries copies of the ones before it. (RFC 2198)
//!
//! ```text
//! |1| type | time stamp offset (14) | length (10) |  once for each copy, oldest first
//! |0| type |                                         the packet's own frame
//! copies, own frame
//! ```

use super::opus::MAX_PACKET_BYTES;

/// Most copies that are written or read: 180 ms of 20 ms frames.
pub const MAX_COPIES: usize = 9;

/// A copy lies at most this many samples back.
const MAX_OFFSET: u32 = (1 << 14) - 1;

/// A copy is at most this long.
const MAX_COPY_BYTES: usize = (1 << 10) - 1;

const COPY_HEADER_BYTES: usize = 4;

/// A frame inside of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block<'a> {
    pub timestamp: u32,
    pub payload: &'a [u8],
}

/// What a packet carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redundant<'a> {
    /// The packet's own frame.
    pub own: Block<'a>,
    /// Newest first: the first is of the packet before.
    pub copies: Vec<Block<'a>>,
}

/// Writes the frame `own` and those of `copies` (newest first) that fit: up to the first one that is too old, too long, or
/// makes the packet longer than `max_bytes`.
pub fn write<'a>(
    payload_type: u8,
    own: Block<'_>,
    copies: impl Iterator<Item = Block<'a>>,
    max_bytes: usize,
) -> Vec<u8> {
    let mut room = max_bytes.saturating_sub(1 + own.payload.len());
    let mut chosen: Vec<Block<'a>> = copies
        .take(MAX_COPIES)
        .take_while(|copy| {
            let needed = COPY_HEADER_BYTES + copy.payload.len();
            let fits = needed <= room
                && copy.payload.len() <= MAX_COPY_BYTES
                && own.timestamp.wrapping_sub(copy.timestamp) <= MAX_OFFSET;
            room = if fits { room - needed } else { 0 };
            fits
        })
        .collect();
    chosen.reverse();
    let mut packet = Vec::with_capacity(max_bytes - room);
    for copy in &chosen {
        let (offset, len) = (own.timestamp.wrapping_sub(copy.timestamp), copy.payload.len() as u32);
        packet.extend((0x8000_0000 | u32::from(payload_type) << 24 | offset << 10 | len).to_be_bytes());
    }
    packet.push(payload_type & 0x7f);
    chosen.iter().for_each(|copy| packet.extend_from_slice(copy.payload));
    packet.extend_from_slice(own.payload);
    packet
}

/// Reads a packet whose RTP time is `timestamp`. Copies of another type than `payload_type` are left out, and with them the
/// older ones, whose place is unknown then. `None` for a malformed packet, or one whose own frame is of another type.
pub fn read(payload_type: u8, timestamp: u32, packet: &[u8]) -> Option<Redundant<'_>> {
    if packet.len() > MAX_PACKET_BYTES {
        return None;
    }
    let (mut headers, mut rest) = (Vec::new(), packet);
    while rest.first()? & 0x80 != 0 {
        let (header, after) = rest.split_first_chunk::<COPY_HEADER_BYTES>()?;
        headers.push(u32::from_be_bytes(*header));
        rest = after;
        if headers.len() > MAX_COPIES {
            return None;
        }
    }
    let (own_type, mut rest) = rest.split_first()?;
    let mut copies = Vec::with_capacity(headers.len());
    for header in headers {
        let (payload, after) = rest.split_at_checked((header & 0x3ff) as usize)?;
        rest = after;
        if (header >> 24 & 0x7f) as u8 == payload_type {
            copies.push(Block { timestamp: timestamp.wrapping_sub(header >> 10 & MAX_OFFSET), payload });
        } else {
            copies.clear();
        }
    }
    copies.reverse();
    (*own_type == payload_type).then_some(Redundant { own: Block { timestamp, payload: rest }, copies })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn block(timestamp: u32, payload: &[u8]) -> Block<'_> {
        Block { timestamp, payload }
    }

    #[test]
    fn a_packet_is_laid_out_as_the_rfc_draws_it() {
        let copies = [block(9_040, b"bb"), block(8_080, b"a")];
        let packet = write(111, block(10_000, b"ccc"), copies.into_iter(), 100);
        let mut expected = vec![0x80 | 111, 0x1e, 0x00, 0x01, 0x80 | 111, 0x0f, 0x00, 0x02, 111];
        expected.extend(b"abbccc");
        assert_eq!(packet, expected);
    }

    #[test]
    fn copies_that_do_not_fit_are_left_out_with_all_older_ones() {
        let own = block(100_000, b"own");
        let fits = |copies: &[Block<'_>], max_bytes| {
            let packet = write(111, own, copies.iter().copied(), max_bytes);
            assert!(packet.len() <= max_bytes);
            read(111, own.timestamp, &packet).unwrap().copies.len()
        };
        let (near, far, long) = (block(99_520, b"near"), block(80_000, b"far"), [0; 1024]);
        assert_eq!(fits(&[near, near], 100), 2);
        assert_eq!(fits(&[near, far, near], 100), 1);
        assert_eq!(fits(&[block(99_520, &long), near], 2000), 0);
        assert_eq!(fits(&[near, near], 4 + 8 + 4), 1);
        assert_eq!(fits(&[near; 20], 1000), MAX_COPIES);
    }

    #[test]
    fn malformed_packets_are_refused() {
        let whole = write(111, block(5_000, b"own"), [block(4_040, b"copy")].into_iter(), 100);
        for len in 0..9 {
            assert_eq!(read(111, 5_000, &whole[..len]), None, "{len}");
        }
        assert_eq!(read(96, 5_000, &whole), None);
        assert_eq!(read(111, 0, &[0xff; 1400]), None);
        assert_eq!(read(111, 0, &[111; 1600]), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..1600)) {
            if let Some(packet) = read(111, 7, &bytes) {
                let total = packet.own.payload.len() + packet.copies.iter().map(|copy| copy.payload.len()).sum::<usize>();
                prop_assert!(total < bytes.len() && packet.copies.len() <= MAX_COPIES);
            }
        }

        #[test]
        fn what_is_written_is_read(
            own in proptest::collection::vec(any::<u8>(), 0..300),
            payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..3),
            timestamp: u32,
        ) {
            let copies = (1u32..).zip(&payloads).map(|(n, payload)| block(timestamp.wrapping_sub(n * 960), payload));
            let packet = write(111, block(timestamp, &own), copies.clone(), 1400);
            let copies = copies.collect();
            prop_assert_eq!(read(111, timestamp, &packet), Some(Redundant { own: block(timestamp, &own), copies }));
        }
    }
}
