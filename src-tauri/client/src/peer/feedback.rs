//! The small links that the interceptor chain of `rtc` 0.21.1 lacks.

use rtc::interceptor::{Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::rtcp::payload_feedbacks::full_intra_request::FullIntraRequest;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtcp::transport_feedbacks::transport_layer_cc::{PacketStatusChunk, TransportLayerCc};
use rtc::sansio::Protocol;
use rtc::shared::error::Error;
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

/// Where [`UndoRtx`] sits: after FEC, before the NACK generator.
pub(crate) const UNDO_RTX_SLOT: usize = 6_500;
/// Where arrivals are recorded for reports: before [`UndoRtx`], which swallows what carries no media.
pub(crate) const ARRIVALS_SLOT: usize = 6_400;
/// Where [`FeedbackDoor`] sits: closest to the wire.
pub(crate) const FEEDBACK_DOOR_SLOT: usize = 500;
/// Requests that come sooner after another mean the same picture.
const KEY_FRAME_REQUEST_GAP: Duration = Duration::from_millis(100);
/// A report names about 100 packets; one that claims many more is made to keep us busy.
const MAX_REPORTED_PACKETS: usize = 4_096;

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

/// The door through which reports come in: hears key-frame requests (PLI, RFC 4585; FIR, RFC 5104), and turns away
/// reports that would cost more to read than an honest one.
///
/// The stack drops inbound RTCP at the end of its chain, and routes what is left by its first packet only.
pub(crate) struct FeedbackDoor<F> {
    belt: Belt,
    on_key_frame_request: F,
    last_request: Option<Instant>,
}

impl<F: Fn()> FeedbackDoor<F> {
    pub(crate) fn new(on_key_frame_request: F) -> Self {
        Self { belt: Belt::default(), on_key_frame_request, last_request: None }
    }

    fn hear_key_frame_request(&mut self, now: Instant) {
        let is_repeated = self.last_request.is_some_and(|at| now.saturating_duration_since(at) < KEY_FRAME_REQUEST_GAP);
        if !is_repeated {
            self.last_request = Some(now);
            (self.on_key_frame_request)();
        }
    }
}

fn is_key_frame_request(report: &dyn rtc::rtcp::Packet) -> bool {
    report.as_any().is::<PictureLossIndication>() || report.as_any().is::<FullIntraRequest>()
}

/// Whether a report names no more packets than can be on their way. Run lengths make 64 KiB claims of a few bytes.
fn is_bounded(report: &dyn rtc::rtcp::Packet) -> bool {
    let Some(arrivals) = report.as_any().downcast_ref::<TransportLayerCc>() else {
        return true;
    };
    let named = arrivals.packet_chunks.iter().map(|chunk| match chunk {
        PacketStatusChunk::RunLengthChunk(run) => usize::from(run.run_length),
        PacketStatusChunk::StatusVectorChunk(vector) => vector.symbol_list.len(),
    });
    named.sum::<usize>() <= MAX_REPORTED_PACKETS
}

impl<F: Fn() + Send + Sync> Interceptor for FeedbackDoor<F> {
    fn bind_local_stream(&mut self, _: &StreamInfo) {}
    fn unbind_local_stream(&mut self, _: &StreamInfo) {}
    fn bind_remote_stream(&mut self, _: &StreamInfo) {}
    fn unbind_remote_stream(&mut self, _: &StreamInfo) {}
}

impl<F: Fn()> Protocol<TaggedPacket, TaggedPacket, ()> for FeedbackDoor<F> {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, mut packet: TaggedPacket) -> Result<(), Error> {
        if let Packet::Rtcp(reports) = &mut packet.message.packet {
            reports.retain(|report| is_bounded(&**report));
            if reports.iter().any(|report| is_key_frame_request(&**report)) {
                self.hear_key_frame_request(packet.now);
            }
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

/// Shows an interceptor the stream of repairs as a stream of its own.
///
/// The stack binds only the repaired one on the sending side, so repairs would leave unnumbered and unreported: invisible
/// to congestion control just when there are many.
pub(crate) struct WithRepairs<I>(pub(crate) I);

impl<I> WithRepairs<I> {
    fn repairs(stream: &StreamInfo) -> Option<StreamInfo> {
        stream.ssrc_rtx.map(|ssrc| StreamInfo { ssrc, ssrc_rtx: None, ..stream.clone() })
    }
}

impl<I: Interceptor> Interceptor for WithRepairs<I> {
    fn bind_local_stream(&mut self, stream: &StreamInfo) {
        self.0.bind_local_stream(stream);
        if let Some(repairs) = Self::repairs(stream) {
            self.0.bind_local_stream(&repairs);
        }
    }

    fn unbind_local_stream(&mut self, stream: &StreamInfo) {
        self.0.unbind_local_stream(stream);
        if let Some(repairs) = Self::repairs(stream) {
            self.0.unbind_local_stream(&repairs);
        }
    }

    fn bind_remote_stream(&mut self, stream: &StreamInfo) {
        self.0.bind_remote_stream(stream);
    }

    fn unbind_remote_stream(&mut self, stream: &StreamInfo) {
        self.0.unbind_remote_stream(stream);
    }
}

impl<I: Interceptor> Protocol<TaggedPacket, TaggedPacket, ()> for WithRepairs<I> {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        self.0.handle_read(packet)
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.0.poll_read()
    }

    fn handle_write(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        self.0.handle_write(packet)
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.0.poll_write()
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        self.0.handle_timeout(now)
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        self.0.poll_timeout()
    }

    fn close(&mut self) -> Result<(), Error> {
        self.0.close()
    }
}

/// What passes through an interceptor, both ways. The chain empties it after every packet.
#[derive(Default)]
pub(crate) struct Belt {
    pub(crate) read: VecDeque<TaggedPacket>,
    pub(crate) write: VecDeque<TaggedPacket>,
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
        let mut door = FeedbackDoor::new(|| {
            heard.fetch_add(1, Ordering::Relaxed);
        });
        let report = Box::new(rtc::rtcp::receiver_report::ReceiverReport::default());
        let start = Instant::now();
        let mut hear = |ms: u64, reports| {
            let now = start + Duration::from_millis(ms);
            door.handle_read(TaggedPacket { now, ..tagged(Packet::Rtcp(reports)) }).unwrap();
        };
        hear(0, vec![report.clone(), Box::new(PictureLossIndication::default())]);
        hear(200, vec![Box::new(FullIntraRequest::default())]);
        hear(400, vec![report]);
        assert_eq!(heard.load(Ordering::Relaxed), 2);
        for ms in 1000..2000 {
            hear(ms, vec![Box::new(PictureLossIndication::default())]);
        }
        assert_eq!(heard.load(Ordering::Relaxed), 12, "a thousand requests a second are ten");
    }

    #[test]
    fn a_report_on_more_packets_than_can_be_is_turned_away() {
        use rtc::rtcp::transport_feedbacks::transport_layer_cc::{RunLengthChunk, SymbolTypeTcc};
        let report = |run_length, chunks| TransportLayerCc {
            packet_chunks: vec![
                PacketStatusChunk::RunLengthChunk(RunLengthChunk {
                    run_length,
                    packet_status_symbol: SymbolTypeTcc::PacketNotReceived,
                    ..Default::default()
                });
                chunks
            ],
            ..Default::default()
        };
        let mut door = FeedbackDoor::new(|| {});
        let reports: Vec<Box<dyn rtc::rtcp::Packet>> = vec![Box::new(report(8191, 8)), Box::new(report(200, 1))];
        door.handle_read(tagged(Packet::Rtcp(reports))).unwrap();
        let Packet::Rtcp(passed) = door.poll_read().unwrap().message.packet else { panic!("not RTCP") };
        assert_eq!(passed.len(), 1);
    }
}
