//! Asks for missing packets (RFC 4585), each when its answer can still help.

use super::feedback::Belt;
use super::missing::MissingPackets;
use rtc::interceptor::{AttributedPacket, Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::rtcp::transport_feedbacks::transport_layer_nack::{TransportLayerNack, nack_pairs_from_sequence_numbers};
use rtc::sansio::Protocol;
use rtc::shared::error::Error;
use std::collections::BTreeMap;
use std::time::Instant;

/// Packets named in one request; more go into the next.
const MAX_PER_REQUEST: usize = 200;

/// The generator of rtc-interceptor 0.21.1 knows no round trip; this takes its place.
pub(crate) struct RepairRequests {
    sender_ssrc: u32,
    streams: BTreeMap<u32, MissingPackets>,
    belt: Belt,
}

impl RepairRequests {
    pub(crate) fn new(sender_ssrc: u32) -> Self {
        Self { sender_ssrc, streams: BTreeMap::new(), belt: Belt::default() }
    }

    fn ask(&mut self, now: Instant) {
        for (&media_ssrc, missing) in &mut self.streams {
            for numbers in missing.due(now).chunks(MAX_PER_REQUEST) {
                let request = TransportLayerNack {
                    sender_ssrc: self.sender_ssrc,
                    media_ssrc,
                    nacks: nack_pairs_from_sequence_numbers(numbers),
                };
                let message = AttributedPacket::new(Packet::Rtcp(vec![Box::new(request)]));
                self.belt.write.push_back(TaggedPacket { now, transport: Default::default(), message });
            }
        }
    }
}

impl Interceptor for RepairRequests {
    fn bind_local_stream(&mut self, _: &StreamInfo) {}
    fn unbind_local_stream(&mut self, _: &StreamInfo) {}

    fn bind_remote_stream(&mut self, stream: &StreamInfo) {
        let is_repairable =
            stream.rtcp_feedback.iter().any(|feedback| feedback.typ == "nack" && feedback.parameter.is_empty());
        // Repairs of a repair stream would repair themselves without end.
        if is_repairable && stream.ssrc_rtx.is_some() {
            self.streams.insert(stream.ssrc, MissingPackets::default());
        }
    }

    fn unbind_remote_stream(&mut self, stream: &StreamInfo) {
        self.streams.remove(&stream.ssrc);
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for RepairRequests {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        if let Packet::Rtp(rtp) = &packet.message.packet
            && let Some(missing) = self.streams.get_mut(&rtp.header.ssrc)
        {
            missing.on_packet(rtp.header.sequence_number, packet.now);
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

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        self.ask(now);
        Ok(())
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        self.streams.values().filter_map(MissingPackets::next_due).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtc::interceptor::RTCPFeedback;
    use std::time::Duration;

    fn arrives(requests: &mut RepairRequests, ssrc: u32, sequence_number: u16, now: Instant) {
        let header = rtc::rtp::Header { ssrc, sequence_number, ..Default::default() };
        let message = AttributedPacket::new(Packet::Rtp(rtc::rtp::Packet { header, payload: Default::default() }));
        requests.handle_read(TaggedPacket { now, transport: Default::default(), message }).unwrap();
    }

    #[test]
    fn only_streams_with_repairs_are_asked_for() {
        let (mut requests, start) = (RepairRequests::new(9), Instant::now());
        let rtcp_feedback = vec![RTCPFeedback { typ: "nack".into(), parameter: String::new() }];
        for (ssrc, ssrc_rtx) in [(1, Some(2)), (2, None)] {
            let stream = StreamInfo { ssrc, ssrc_rtx, rtcp_feedback: rtcp_feedback.clone(), ..Default::default() };
            requests.bind_remote_stream(&stream);
        }
        for ssrc in [1, 2] {
            arrives(&mut requests, ssrc, 65535, start);
            arrives(&mut requests, ssrc, 2, start);
        }
        let due = requests.poll_timeout().unwrap();
        assert!(due <= start + Duration::from_millis(10));
        requests.handle_timeout(due).unwrap();
        let Packet::Rtcp(reports) = requests.poll_write().unwrap().message.packet else { panic!("not RTCP") };
        let request = reports[0].as_any().downcast_ref::<TransportLayerNack>().unwrap();
        assert_eq!(request.media_ssrc, 1);
        let asked: Vec<u16> = request.nacks.iter().cloned().flatten().collect();
        assert_eq!(asked, [0, 1]);
        assert!(requests.poll_write().is_none());
    }
}
