//! The interceptor through which every packet leaves: in the pacer's order, repeated when the other side asks.
//!
//! It keeps what has left, so that a request for a packet that still waits, or was dropped, brings no repair.

use super::budget::{Congestion, ReservedRate, wire_bytes};
use super::congestion::{Pacer, Priority, Release};
use super::retransmit::SentHistory;
use rtc::interceptor::{Attribute, AttributedPacket, Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::rtcp::transport_feedbacks::transport_layer_nack::TransportLayerNack;
use rtc::sansio::Protocol;
use rtc::sdp::extmap::TRANSPORT_CC_URI;
use rtc::shared::error::Error;
use rtc::shared::marshal::MarshalSize;
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

/// The extension with the transport-wide number, which is added behind this.
const TRANSPORT_NUMBER_BYTES: usize = 8;
/// A repair is not repeated sooner, whatever the round trip.
const MIN_REPAIR_PAUSE: Duration = Duration::from_millis(20);
/// Requests for repairs beyond this a second are ignored.
const MAX_REQUESTS_PER_SECOND: u32 = 300;

/// Paces, repairs and probes. Calls `on_stale` when pictures were dropped, so that a key frame is made.
pub(crate) struct PacedSender<F> {
    congestion: Congestion,
    pacer: Pacer<TaggedPacket>,
    streams: BTreeMap<u32, LocalStream>,
    reserved: ReservedRate,
    on_stale: F,
    /// The newest time anyone has told.
    now: Option<Instant>,
    requests: RequestLimit,
    reports: VecDeque<TaggedPacket>,
    read: VecDeque<TaggedPacket>,
}

#[derive(Debug)]
struct LocalStream {
    kind: StreamKind,
    /// Its packets carry transport-wide numbers, so that the other side reports on them.
    is_reported: bool,
}

#[derive(Debug)]
enum StreamKind {
    Sound,
    Pictures(Option<Box<SentHistory>>),
}

impl LocalStream {
    fn history(&mut self) -> Option<&mut SentHistory> {
        match &mut self.kind {
            StreamKind::Pictures(history) => history.as_deref_mut(),
            StreamKind::Sound => None,
        }
    }
}

impl<F: Fn()> PacedSender<F> {
    pub(crate) fn new(congestion: Congestion, on_stale: F) -> Self {
        let pacer = Pacer::new(congestion.controller().pacing_bps());
        Self {
            congestion,
            pacer,
            streams: BTreeMap::new(),
            reserved: ReservedRate::default(),
            on_stale,
            now: None,
            requests: RequestLimit::default(),
            reports: VecDeque::new(),
            read: VecDeque::new(),
        }
    }

    /// Follows the controller: rate, probes, and what waits too long.
    fn follow(&mut self, now: Instant) {
        self.now = Some(now);
        let (pacing_bps, probe) = {
            let mut controller = self.congestion.controller();
            (controller.pacing_bps(), controller.take_probe(now))
        };
        self.pacer.set_rate(pacing_bps, now);
        if let Some(probe) = probe {
            self.pacer.start_probe(probe);
        }
        if self.pacer.drop_stale(now) {
            (self.on_stale)();
        }
        self.congestion.publish(self.reserved.bps(now), self.pacer.drain_time());
    }

    fn enqueue(&mut self, packet: TaggedPacket) {
        let now = packet.now;
        let Packet::Rtp(rtp) = &packet.message.packet else {
            self.reports.push_back(packet);
            return;
        };
        let bytes = departing_bytes(rtp);
        match self.streams.get(&rtp.header.ssrc).map(|stream| &stream.kind) {
            Some(StreamKind::Sound) => self.pacer.push_sound(packet, bytes, now),
            Some(StreamKind::Pictures(_)) | None => {
                self.congestion.controller().on_picture(now);
                let begins_key_frame = begins_key_frame(&rtp.payload);
                self.pacer.push_picture(packet, bytes, begins_key_frame, now);
            }
        }
        self.follow(now);
    }

    fn next(&mut self) -> Option<TaggedPacket> {
        let now = self.now?;
        let is_window_open = self.congestion.controller().is_window_open();
        let packet = match self.pacer.pop(now, is_window_open)? {
            Release::Packet(priority, packet) => self.depart(priority, packet, now),
            Release::Padding(_) => self.pad(now),
        };
        if let Some(sent) = self.pacer.finish_probe() {
            self.congestion.controller().on_probe_sent(Some(sent));
        }
        packet
    }

    fn depart(&mut self, priority: Priority, mut packet: TaggedPacket, now: Instant) -> Option<TaggedPacket> {
        // What follows records the time of departure, not that of the encoder.
        packet.now = now;
        let Packet::Rtp(rtp) = &packet.message.packet else {
            return Some(packet);
        };
        let bytes = departing_bytes(rtp);
        self.on_sent(bytes, now);
        match priority {
            Priority::Sound => self.reserved.on_sound(bytes, now),
            Priority::Repair | Priority::Copy => self.reserved.on_repair(bytes, now),
            Priority::Picture => {
                let wants_copies = self.congestion.controller().wants_copies();
                if let Some(history) = self.streams.get_mut(&rtp.header.ssrc).and_then(LocalStream::history) {
                    history.push(rtp.clone());
                    if let Some(copy) = wants_copies.then(|| history.copy(now)).flatten() {
                        self.pacer.push_copy(repetition_packet(copy, now), bytes, now);
                    }
                }
            }
        }
        Some(packet)
    }

    fn on_sent(&self, bytes: usize, now: Instant) {
        // Without reports there is nothing to wait for.
        if self.streams.values().any(|stream| stream.is_reported) {
            self.congestion.controller().on_sent(bytes, now);
        }
    }

    /// Fills a probe up with repetitions.
    fn pad(&mut self, now: Instant) -> Option<TaggedPacket> {
        let Some(rtp) = self.streams.values_mut().find_map(|stream| stream.history()?.probe()) else {
            self.pacer.abandon_probe();
            self.congestion.controller().on_probe_sent(None);
            return None;
        };
        let bytes = departing_bytes(&rtp);
        self.pacer.on_padding(bytes, now);
        self.on_sent(bytes, now);
        Some(repetition_packet(rtp, now))
    }

    fn answer(&mut self, request: &TransportLayerNack, now: Instant) {
        let Some(history) = self.streams.get_mut(&request.media_ssrc).and_then(LocalStream::history) else {
            return;
        };
        if !self.requests.admits(now) {
            return;
        }
        let pause = self.congestion.budget().response_time().mul_f64(0.8).max(MIN_REPAIR_PAUSE);
        let wanted = request.nacks.iter().cloned().flatten();
        for rtp in history.repairs(wanted, pause, now) {
            let bytes = departing_bytes(&rtp);
            self.pacer.push_repair(repetition_packet(rtp, now), bytes, now);
        }
    }
}

fn departing_bytes(rtp: &rtc::rtp::Packet) -> usize {
    wire_bytes(rtp.marshal_size() + TRANSPORT_NUMBER_BYTES)
}

fn repetition_packet(rtp: rtc::rtp::Packet, now: Instant) -> TaggedPacket {
    let message = AttributedPacket::new(Packet::Rtp(rtp)).with(Attribute::Retransmission);
    TaggedPacket { now, transport: Default::default(), message }
}

/// Whether an H.264 payload (RFC 6184) begins a picture that needs no other: with its parameter sets, or an IDR slice.
fn begins_key_frame(payload: &[u8]) -> bool {
    const IDR_SLICE: u8 = 5;
    const PARAMETER_SET: u8 = 7;
    const AGGREGATE: u8 = 24;
    const FRAGMENT: u8 = 28;
    match payload {
        [head, ..] if matches!(head & 0x1f, IDR_SLICE | PARAMETER_SET) => true,
        [head, _, _, first, ..] if head & 0x1f == AGGREGATE => matches!(first & 0x1f, IDR_SLICE | PARAMETER_SET),
        [head, fragment, ..] if head & 0x1f == FRAGMENT => fragment & 0x80 != 0 && fragment & 0x1f == IDR_SLICE,
        _ => false,
    }
}

/// At most so many requests a second are worth an answer.
#[derive(Debug, Default)]
struct RequestLimit {
    since: Option<Instant>,
    count: u32,
}

impl RequestLimit {
    fn admits(&mut self, now: Instant) -> bool {
        if self.since.is_none_or(|since| now.saturating_duration_since(since) >= Duration::from_secs(1)) {
            (self.since, self.count) = (Some(now), 0);
        }
        self.count += 1;
        self.count <= MAX_REQUESTS_PER_SECOND
    }
}

impl<F: Fn() + Send + Sync + 'static> Interceptor for PacedSender<F> {
    fn bind_local_stream(&mut self, stream: &StreamInfo) {
        let kind = if stream.mime_type.starts_with("audio/") {
            StreamKind::Sound
        } else {
            StreamKind::Pictures(SentHistory::for_stream(stream, rand::random()).map(Box::new))
        };
        let is_reported = stream.rtp_header_extensions.iter().any(|extension| extension.uri == TRANSPORT_CC_URI);
        self.streams.insert(stream.ssrc, LocalStream { kind, is_reported });
    }

    fn unbind_local_stream(&mut self, stream: &StreamInfo) {
        self.streams.remove(&stream.ssrc);
    }

    fn bind_remote_stream(&mut self, _: &StreamInfo) {}
    fn unbind_remote_stream(&mut self, _: &StreamInfo) {}
}

impl<F: Fn()> Protocol<TaggedPacket, TaggedPacket, ()> for PacedSender<F> {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        if let Packet::Rtcp(reports) = &packet.message.packet {
            for report in reports {
                if let Some(request) = report.as_any().downcast_ref::<TransportLayerNack>() {
                    self.answer(request, packet.now);
                }
            }
            self.follow(packet.now);
        }
        self.read.push_back(packet);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.read.pop_front()
    }

    fn handle_write(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        self.enqueue(packet);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        // Reports are small and only useful while they are fresh.
        self.reports.pop_front().or_else(|| self.next())
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        self.follow(now);
        Ok(())
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        let is_window_open = self.congestion.controller().is_window_open();
        self.pacer.wakeup(is_window_open)
    }
}

#[cfg(test)]
#[path = "paced_sender_tests.rs"]
mod tests;
