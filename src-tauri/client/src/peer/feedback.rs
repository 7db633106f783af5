//! The two links that the interceptor chain of `rtc` 0.21.1 lacks.

use rtc::interceptor::{Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::rtcp::payload_feedbacks::full_intra_request::FullIntraRequest;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::sansio::Protocol;
use rtc::shared::error::Error;
use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

/// Where [`UndoRtx`] sits: after FEC, before the NACK generator.
pub(crate) const UNDO_RTX_SLOT: usize = 6_500;
/// Where [`KeyFrameTap`] sits: closest to the wire.
pub(crate) const KEY_FRAME_TAP_SLOT: usize = 500;

/// Turns a retransmission (RFC 4588) back into the packet it repairs, before the NACK generator.
///
/// The stack undoes RTX behind the chain, so its NACK generator never sees a repair and keeps asking for it.
#[derive(Default)]
pub(crate) struct UndoRtx {
    belt: Belt,
    /// RTX SSRC to the SSRC and payload type that it repairs.
    primaries: BTreeMap<u32, (u32, u8)>,
}

impl UndoRtx {
    /// Returns false for a padding-only probe, which repairs nothing.
    fn restore(&self, packet: &mut rtc::rtp::Packet) -> bool {
        let Some(&(ssrc, payload_type)) = self.primaries.get(&packet.header.ssrc) else {
            return true;
        };
        let Some(&[high, low]) = packet.payload.get(..2) else {
            return false;
        };
        if packet.payload.len() == 2 {
            return false;
        }
        packet.header.sequence_number = u16::from_be_bytes([high, low]);
        packet.header.ssrc = ssrc;
        packet.header.payload_type = payload_type;
        packet.payload = packet.payload.slice(2..);
        true
    }
}

impl Interceptor for UndoRtx {
    fn bind_local_stream(&mut self, _: &StreamInfo) {}
    fn unbind_local_stream(&mut self, _: &StreamInfo) {}

    fn bind_remote_stream(&mut self, stream: &StreamInfo) {
        if let Some(rtx) = stream.ssrc_rtx {
            self.primaries.insert(rtx, (stream.ssrc, stream.payload_type));
        }
    }

    fn unbind_remote_stream(&mut self, stream: &StreamInfo) {
        if let Some(rtx) = stream.ssrc_rtx {
            self.primaries.remove(&rtx);
        }
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for UndoRtx {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, mut packet: TaggedPacket) -> Result<(), Error> {
        if let Packet::Rtp(rtp) = &mut packet.message.packet
            && !self.restore(rtp)
        {
            return Ok(());
        }
        self.belt.read.push_back(packet);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.belt.read.pop_front()
    }

    fn handle_write(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        self.belt.write.push_back(packet);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.belt.write.pop_front()
    }
}

/// Calls back for every key-frame request (PLI, RFC 4585; FIR, RFC 5104) that the peer sends.
///
/// The stack drops inbound RTCP at the end of its chain, and routes what is left by its first packet only.
pub(crate) struct KeyFrameTap<F> {
    belt: Belt,
    on_request: F,
}

impl<F: Fn()> KeyFrameTap<F> {
    pub(crate) fn new(on_request: F) -> Self {
        Self { belt: Belt::default(), on_request }
    }
}

impl<F: Fn() + Send + Sync> Interceptor for KeyFrameTap<F> {
    fn bind_local_stream(&mut self, _: &StreamInfo) {}
    fn unbind_local_stream(&mut self, _: &StreamInfo) {}
    fn bind_remote_stream(&mut self, _: &StreamInfo) {}
    fn unbind_remote_stream(&mut self, _: &StreamInfo) {}
}

impl<F: Fn()> Protocol<TaggedPacket, TaggedPacket, ()> for KeyFrameTap<F> {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        if let Packet::Rtcp(rtcp) = &packet.message.packet
            && rtcp
                .iter()
                .any(|rtcp| rtcp.as_any().is::<PictureLossIndication>() || rtcp.as_any().is::<FullIntraRequest>())
        {
            (self.on_request)();
        }
        self.belt.read.push_back(packet);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.belt.read.pop_front()
    }

    fn handle_write(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        self.belt.write.push_back(packet);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.belt.write.pop_front()
    }
}

/// What passes through an interceptor, both ways. The chain empties it after every packet.
#[derive(Default)]
struct Belt {
    read: VecDeque<TaggedPacket>,
    write: VecDeque<TaggedPacket>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use rtc::interceptor::AttributedPacket;
    use std::sync::atomic::{AtomicU32, Ordering};

    fn tagged(packet: Packet) -> TaggedPacket {
        TaggedPacket { now: Instant::now(), transport: Default::default(), message: AttributedPacket::new(packet) }
    }

    fn rtp(ssrc: u32, payload: &'static [u8]) -> rtc::rtp::Packet {
        let header = rtc::rtp::Header { ssrc, sequence_number: 900, payload_type: 103, ..Default::default() };
        rtc::rtp::Packet { header, payload: Bytes::from_static(payload) }
    }

    fn undo_rtx() -> UndoRtx {
        let mut undo = UndoRtx::default();
        let stream = StreamInfo { ssrc: 1, ssrc_rtx: Some(2), payload_type: 102, ..Default::default() };
        undo.bind_remote_stream(&stream);
        undo
    }

    #[test]
    fn a_retransmission_becomes_the_packet_it_repairs() {
        let mut undo = undo_rtx();
        undo.handle_read(tagged(Packet::Rtp(rtp(2, &[0x12, 0x34, 0x65, 7])))).unwrap();
        let Packet::Rtp(packet) = undo.poll_read().unwrap().message.packet else { panic!("not RTP") };
        assert_eq!((packet.header.ssrc, packet.header.payload_type), (1, 102));
        assert_eq!(packet.header.sequence_number, 0x1234);
        assert_eq!(&packet.payload[..], [0x65, 7]);
    }

    #[test]
    fn padding_probes_are_swallowed_and_other_streams_pass() {
        let mut undo = undo_rtx();
        undo.handle_read(tagged(Packet::Rtp(rtp(2, &[0x12])))).unwrap();
        undo.handle_read(tagged(Packet::Rtp(rtp(2, &[0x12, 0x34])))).unwrap();
        assert!(undo.poll_read().is_none());
        undo.handle_read(tagged(Packet::Rtp(rtp(7, &[0x12])))).unwrap();
        assert!(undo.poll_read().is_some());
    }

    #[test]
    fn a_key_frame_request_is_heard_in_any_place_of_a_compound() {
        let heard = AtomicU32::new(0);
        let mut tap = KeyFrameTap::new(|| {
            heard.fetch_add(1, Ordering::Relaxed);
        });
        let report = Box::new(rtc::rtcp::receiver_report::ReceiverReport::default());
        tap.handle_read(tagged(Packet::Rtcp(vec![report.clone(), Box::new(PictureLossIndication::default())])))
            .unwrap();
        tap.handle_read(tagged(Packet::Rtcp(vec![Box::new(FullIntraRequest::default())]))).unwrap();
        tap.handle_read(tagged(Packet::Rtcp(vec![report]))).unwrap();
        assert_eq!(heard.load(Ordering::Relaxed), 2);
    }
}
