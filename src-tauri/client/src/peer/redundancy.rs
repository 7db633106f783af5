//! Sound that carries copies of itself: what RFC 2198 calls redundant audio data.

use super::PacketCopy;
use bytes::Bytes;
use parley_media::codec::red::{self, Block};
use std::collections::VecDeque;

/// Most copies in one of our packets: what is left of random loss is its third power.
pub(crate) const MAX_COPIES: usize = 2;

/// The last packets of our sound, for the copies in the next.
#[derive(Debug, Default)]
pub(crate) struct SentSound {
    /// Newest first.
    packets: VecDeque<(u32, Bytes)>,
}

impl SentSound {
    /// Notes a packet and wraps it together with up to `copies` earlier ones, in at most `max_bytes`.
    pub(crate) fn wrap(
        &mut self,
        payload_type: u8,
        timestamp: u32,
        packet: &Bytes,
        copies: usize,
        max_bytes: usize,
    ) -> Bytes {
        let own = Block { timestamp, payload: packet };
        let earlier = self.packets.iter().map(|(timestamp, payload)| Block { timestamp: *timestamp, payload });
        let wrapped = red::write(payload_type, own, earlier.take(copies), max_bytes);
        self.note(timestamp, packet);
        wrapped.into()
    }

    /// Notes a packet that is sent as it is.
    pub(crate) fn note(&mut self, timestamp: u32, packet: &Bytes) {
        self.packets.push_front((timestamp, packet.clone()));
        self.packets.truncate(MAX_COPIES);
    }
}

/// The other side's packet and the copies in it. `None` when it is malformed.
pub(crate) fn unwrap(payload_type: u8, timestamp: u32, payload: &Bytes) -> Option<(Bytes, Vec<PacketCopy>)> {
    let packet = red::read(payload_type, timestamp, payload)?;
    let copies = packet
        .copies
        .iter()
        .map(|copy| PacketCopy { timestamp: copy.timestamp, payload: payload.slice_ref(copy.payload) })
        .collect();
    Some((payload.slice_ref(packet.own.payload), copies))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_comes_with_the_ones_before_it() {
        let mut sent = SentSound::default();
        let packets = [b"one", b"two", b"six", b"ten"].map(|packet| Bytes::from_static(packet));
        sent.note(0, &packets[0]);
        for (n, copies) in [(1u32, 0usize), (2, 1), (3, 2)] {
            let wrapped = sent.wrap(111, n * 960, &packets[n as usize], copies, 1000);
            let (own, read) = unwrap(111, n * 960, &wrapped).unwrap();
            assert_eq!(own, packets[n as usize]);
            let expected: Vec<_> = (1..=copies as u32)
                .map(|back| PacketCopy { timestamp: (n - back) * 960, payload: packets[(n - back) as usize].clone() })
                .collect();
            assert_eq!(read, expected);
        }
        assert_eq!(unwrap(96, 0, &sent.wrap(111, 4 * 960, &packets[0], 2, 1000)), None);
    }
}
