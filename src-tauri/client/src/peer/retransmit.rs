//! What has been sent of one stream, to be sent again on request (RFC 4588) or as a probe.

use bytes::{BufMut, Bytes, BytesMut};
use rtc::interceptor::StreamInfo;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A second and a half at 4 Mbit/s; what is older comes too late anyway.
const HISTORY_PACKETS: usize = 768;
/// Of one request; a hostile one may name 65,536.
const MAX_PER_REQUEST: usize = 256;

/// The packets of one stream that have left lately.
#[derive(Debug)]
pub(crate) struct SentHistory {
    repair: RepairStream,
    packets: VecDeque<SentPacket>,
    next_probe: usize,
}

#[derive(Debug)]
struct RepairStream {
    ssrc: u32,
    payload_type: u8,
    next_sequence_number: u16,
}

#[derive(Debug)]
struct SentPacket {
    packet: rtc::rtp::Packet,
    repeated_at: Option<Instant>,
}

impl SentHistory {
    /// `None` when the other side did not agree to a stream of repairs.
    pub(crate) fn for_stream(stream: &StreamInfo, first_sequence_number: u16) -> Option<Self> {
        let repair = RepairStream {
            ssrc: stream.ssrc_rtx?,
            payload_type: stream.payload_type_rtx?,
            next_sequence_number: first_sequence_number,
        };
        Some(Self { repair, packets: VecDeque::with_capacity(HISTORY_PACKETS), next_probe: 0 })
    }

    /// Remembers a packet that leaves.
    pub(crate) fn push(&mut self, packet: rtc::rtp::Packet) {
        if self.packets.len() == HISTORY_PACKETS {
            self.packets.pop_front();
        }
        self.packets.push_back(SentPacket { packet, repeated_at: None });
        self.next_probe = 0;
    }

    /// The repairs for a request. A packet that was repeated within `pause` is on its way still.
    pub(crate) fn repairs(
        &mut self,
        wanted: impl Iterator<Item = u16>,
        pause: Duration,
        now: Instant,
    ) -> Vec<rtc::rtp::Packet> {
        wanted.take(MAX_PER_REQUEST).filter_map(|number| self.repair(number, pause, now)).collect()
    }

    /// A copy of the newest packet, in case it is lost.
    pub(crate) fn copy(&mut self, now: Instant) -> Option<rtc::rtp::Packet> {
        let sent = self.packets.back_mut()?;
        sent.repeated_at = Some(now);
        Some(self.repair.wrap(&sent.packet))
    }

    /// A repetition nobody asked for, from the newest packet backwards: a probe that may even help.
    pub(crate) fn probe(&mut self) -> Option<rtc::rtp::Packet> {
        let index = self.packets.len().checked_sub(1 + self.next_probe % self.packets.len().max(1))?;
        self.next_probe += 1;
        Some(self.repair.wrap(&self.packets[index].packet))
    }

    fn repair(&mut self, number: u16, pause: Duration, now: Instant) -> Option<rtc::rtp::Packet> {
        let newest = self.packets.back()?.packet.header.sequence_number;
        let index = self.packets.len().checked_sub(1 + usize::from(newest.wrapping_sub(number)))?;
        let sent = self.packets.get_mut(index).filter(|sent| sent.packet.header.sequence_number == number)?;
        if sent.repeated_at.is_some_and(|at| now.saturating_duration_since(at) < pause) {
            return None;
        }
        sent.repeated_at = Some(now);
        Some(self.repair.wrap(&sent.packet))
    }
}

impl RepairStream {
    fn wrap(&mut self, original: &rtc::rtp::Packet) -> rtc::rtp::Packet {
        let mut payload = BytesMut::with_capacity(2 + original.payload.len());
        payload.put_u16(original.header.sequence_number);
        payload.put(original.payload.clone());
        let header = rtc::rtp::Header {
            version: 2,
            ssrc: self.ssrc,
            payload_type: self.payload_type,
            sequence_number: self.next_sequence_number,
            timestamp: original.header.timestamp,
            marker: original.header.marker,
            ..Default::default()
        };
        self.next_sequence_number = self.next_sequence_number.wrapping_add(1);
        rtc::rtp::Packet { header, payload: Bytes::from(payload) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn packet(sequence_number: u16) -> rtc::rtp::Packet {
        let header = rtc::rtp::Header { sequence_number, ssrc: 1, payload_type: 102, ..Default::default() };
        rtc::rtp::Packet { header, payload: Bytes::from_static(&[0x41, 1, 2]) }
    }

    fn history(numbers: impl Iterator<Item = u16>) -> SentHistory {
        let stream = StreamInfo { ssrc_rtx: Some(2), payload_type_rtx: Some(103), ..Default::default() };
        let mut history = SentHistory::for_stream(&stream, 500).unwrap();
        numbers.for_each(|number| history.push(packet(number)));
        history
    }

    fn originals(repairs: &[rtc::rtp::Packet]) -> Vec<u16> {
        repairs.iter().map(|repair| u16::from_be_bytes([repair.payload[0], repair.payload[1]])).collect()
    }

    #[test]
    fn a_repair_carries_the_original_under_its_own_number() {
        let repairs = history([65534, 65535, 0, 1].into_iter()).repairs([65535].into_iter(), MS, Instant::now());
        let [repair] = &repairs[..] else { panic!("{} repairs", repairs.len()) };
        assert_eq!((repair.header.ssrc, repair.header.payload_type, repair.header.sequence_number), (2, 103, 500));
        assert_eq!(&repair.payload[..], [255, 255, 0x41, 1, 2]);
    }

    #[test]
    fn a_repeated_request_waits_for_the_first_answer() {
        let (mut history, start) = (history(1..10), Instant::now());
        assert_eq!(originals(&history.repairs([3, 4].into_iter(), 50 * MS, start)), [3, 4]);
        assert!(history.repairs([3, 4].into_iter(), 50 * MS, start + 40 * MS).is_empty());
        assert_eq!(originals(&history.repairs([3].into_iter(), 50 * MS, start + 60 * MS)), [3]);
    }

    #[test]
    fn requests_for_what_never_left_or_is_long_gone_are_ignored() {
        let (mut history, now) = (history((1..3000).map(|n| n as u16)), Instant::now());
        assert!(history.repairs([5, 3000, 40_000].into_iter(), MS, now).is_empty());
        assert_eq!(originals(&history.repairs([2999].into_iter(), MS, now)), [2999]);
        assert!(history.packets.len() <= HISTORY_PACKETS);
    }

    #[test]
    fn a_request_for_everything_is_bounded() {
        let mut history = history((0..3000).map(|n| n as u16));
        assert!(history.repairs(0..=u16::MAX, MS, Instant::now()).len() <= MAX_PER_REQUEST);
    }

    #[test]
    fn a_copy_answers_a_request_beforehand() {
        let (mut history, start) = (history(1..5), Instant::now());
        assert_eq!(originals(&[history.copy(start).unwrap()]), [4]);
        assert!(history.repairs([4].into_iter(), 200 * MS, start + 150 * MS).is_empty());
        assert_eq!(history.repairs([4].into_iter(), 200 * MS, start + 250 * MS).len(), 1);
    }

    #[test]
    fn probes_repeat_the_newest_first() {
        let mut history = history(1..4);
        let probes: Vec<_> = (0..4).filter_map(|_| history.probe()).collect();
        assert_eq!(originals(&probes), [3, 2, 1, 3]);
        assert!(self::history(std::iter::empty()).probe().is_none());
    }
}
