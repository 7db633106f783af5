use super::*;
use crate::peer::BandwidthLimits;
use bytes::Bytes;
use rtc::interceptor::RTPHeaderExtension;
use rtc::rtcp::transport_feedbacks::transport_layer_nack::NackPair;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

const MS: Duration = Duration::from_millis(1);
const PICTURES: u32 = 1;
const REPAIRS: u32 = 2;
const SOUND: u32 = 3;

struct Rig {
    sender: PacedSender<Box<dyn Fn() + Send + Sync>>,
    start: Instant,
    stale: Arc<AtomicU32>,
}

impl Rig {
    fn new(start_bps: u32) -> Self {
        let extension = RTPHeaderExtension { uri: TRANSPORT_CC_URI.to_owned(), id: 1 };
        Self::with_extensions(start_bps, vec![extension])
    }

    fn with_extensions(start_bps: u32, rtp_header_extensions: Vec<RTPHeaderExtension>) -> Self {
        let congestion = Congestion::new(BandwidthLimits { start_bps, max_bps: start_bps, ..Default::default() });
        let stale = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&stale);
        let on_stale = move || {
            counter.fetch_add(1, Ordering::Relaxed);
        };
        let mut sender = PacedSender::new(congestion, Box::new(on_stale) as Box<dyn Fn() + Send + Sync>);
        sender.bind_local_stream(&StreamInfo {
            ssrc: PICTURES,
            ssrc_rtx: Some(REPAIRS),
            payload_type_rtx: Some(103),
            mime_type: "video/H264".into(),
            rtp_header_extensions,
            ..Default::default()
        });
        sender.bind_local_stream(&StreamInfo { ssrc: SOUND, mime_type: "audio/opus".into(), ..Default::default() });
        Self { sender, start: Instant::now(), stale }
    }

    fn send(&mut self, ssrc: u32, sequence_number: u16, ms: u32) {
        let header = rtc::rtp::Header { ssrc, sequence_number, ..Default::default() };
        let payload = if sequence_number == 0 { vec![0x65; 1000] } else { vec![0x41; 1000] };
        self.write(Packet::Rtp(rtc::rtp::Packet { header, payload: Bytes::from(payload) }), ms);
    }

    fn write(&mut self, packet: Packet, ms: u32) {
        let message = AttributedPacket::new(packet);
        self.sender.handle_write(TaggedPacket { now: self.at(ms), transport: Default::default(), message }).unwrap();
    }

    fn hear(&mut self, report: impl rtc::rtcp::Packet + 'static, ms: u32) {
        let message = AttributedPacket::new(Packet::Rtcp(vec![Box::new(report)]));
        self.sender.handle_read(TaggedPacket { now: self.at(ms), transport: Default::default(), message }).unwrap();
        assert!(self.sender.poll_read().is_some());
    }

    fn at(&self, ms: u32) -> Instant {
        self.start + MS * ms
    }

    /// SSRC and number of everything that leaves by itself until `ms`.
    fn run_until(&mut self, ms: u32) -> Vec<(u32, u16)> {
        let mut left = Vec::new();
        loop {
            while let Some(packet) = self.sender.poll_write() {
                if let Packet::Rtp(rtp) = packet.message.packet {
                    left.push((rtp.header.ssrc, rtp.header.sequence_number));
                }
            }
            let Some(next) = self.sender.poll_timeout().filter(|at| *at < self.at(ms)) else {
                return left;
            };
            self.sender.handle_timeout(next + Duration::from_micros(100)).unwrap();
        }
    }
}

#[test]
fn sound_leaves_at_once_while_pictures_wait() {
    let mut rig = Rig::new(300_000);
    (0..30).for_each(|number| rig.send(PICTURES, number, 0));
    let at_once = rig.run_until(1);
    assert!(at_once.len() < 20, "{at_once:?}");
    rig.send(SOUND, 7, 1);
    assert_eq!(rig.run_until(1).first(), Some(&(SOUND, 7)));
}

#[test]
fn reports_are_not_paced() {
    let mut rig = Rig::new(300_000);
    (0..30).for_each(|number| rig.send(PICTURES, number, 0));
    rig.write(Packet::Rtcp(vec![Box::new(TransportLayerNack::default())]), 0);
    assert!(matches!(rig.sender.poll_write().unwrap().message.packet, Packet::Rtcp(_)));
}

#[test]
fn what_has_left_is_repeated_on_request_and_what_has_not_is_not() {
    let mut rig = Rig::new(2_000_000);
    (0..4).for_each(|number| rig.send(PICTURES, number, 0));
    rig.run_until(200);
    let request = |packet_id, lost_packets| TransportLayerNack {
        media_ssrc: PICTURES,
        nacks: vec![NackPair { packet_id, lost_packets }],
        ..Default::default()
    };
    rig.hear(request(1, 0b1000_0000_0000_0001), 200);
    assert_eq!(rig.run_until(300).iter().filter(|(ssrc, _)| *ssrc == REPAIRS).count(), 2, "1 and 2, but not 17");
    rig.hear(request(1, 0), 205);
    assert!(rig.run_until(300).is_empty(), "the repair is on its way");
}

#[test]
fn requests_beyond_all_measure_are_ignored() {
    let mut rig = Rig::new(2_000_000);
    (0..4).for_each(|number| rig.send(PICTURES, number, 0));
    rig.run_until(200);
    let everything: Vec<NackPair> =
        (0..=u16::MAX).step_by(17).map(|packet_id| NackPair { packet_id, lost_packets: 0xffff }).collect();
    for n in 0..1000 {
        let request = TransportLayerNack { media_ssrc: PICTURES, nacks: everything.clone(), ..Default::default() };
        rig.hear(request, 200 + n);
    }
    assert!(rig.run_until(1300).len() < 100);
}

#[test]
fn pictures_that_wait_too_long_are_dropped_and_a_key_frame_is_wanted() {
    let mut rig = Rig::new(40_000);
    (0..100).for_each(|number| rig.send(PICTURES, number, 0));
    rig.run_until(400);
    assert_eq!(rig.stale.load(Ordering::Relaxed), 0);
    rig.send(SOUND, 1, 700);
    assert_eq!(rig.stale.load(Ordering::Relaxed), 1);
    assert_eq!(rig.run_until(2000), [(SOUND, 1)]);
}

#[test]
fn key_frames_are_known_by_their_first_packet() {
    assert!(begins_key_frame(&[0x67, 1, 2]), "parameter set");
    assert!(begins_key_frame(&[0x78, 0, 5, 0x67]), "aggregate with a parameter set");
    assert!(begins_key_frame(&[0x7c, 0x85]), "first fragment of an IDR slice");
    assert!(!begins_key_frame(&[0x7c, 0x05]), "later fragment of an IDR slice");
    assert!(!begins_key_frame(&[0x41, 1, 2]));
    assert!(!begins_key_frame(&[]));
}

#[test]
fn without_reports_nothing_waits_for_them() {
    let sent = |mut rig: Rig| {
        let mut left = 0;
        for n in 0..200 {
            rig.send(PICTURES, n, u32::from(n) * 20);
            left += rig.run_until(u32::from(n) * 20 + 20).iter().filter(|(ssrc, _)| *ssrc == PICTURES).count();
        }
        left
    };
    assert_eq!(sent(Rig::with_extensions(800_000, Vec::new())), 200);
    assert!(sent(Rig::new(800_000)) < 100, "reports are due, and the path may be dead");
}
