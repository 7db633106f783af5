use super::*;
use bytes::Bytes;
use proptest::prelude::*;
use rtc::rtp::codec::h264::H264Payloader;
use rtc::rtp::packetizer::Payloader;
use std::time::Instant;

fn packet(timestamp: u32, marker: bool, payload: &[u8]) -> MediaPacket {
    let payload = Bytes::copy_from_slice(payload);
    let (arrived_at, copies) = (Instant::now(), Vec::new());
    MediaPacket { sequence_number: 0, timestamp, marker, payload, arrived_at, captured_us: None, copies }
}

/// Without the times, which one test of its own looks at.
fn push(assembler: &mut Assembler, timestamp: u32, marker: bool, payload: &[u8]) -> Option<Assembled> {
    match assembler.push(Ordered::Packet(packet(timestamp, marker, payload)))? {
        Assembled::Picture(picture) => Some(Assembled::Picture(Picture { timestamp: 0, ..picture })),
        Assembled::Broken => Some(Assembled::Broken),
    }
}

fn picture(annex_b: &[u8], is_key_frame: bool) -> Option<Assembled> {
    Some(Assembled::Picture(Picture { annex_b: annex_b.to_vec(), is_key_frame, timestamp: 0, captured_us: None }))
}

#[test]
fn a_key_frame_survives_the_way_through_our_packetiser() {
    let idr: Vec<u8> = std::iter::once(0x65).chain((0..5000u32).map(|n| (n % 251) as u8 | 1)).collect();
    let mut annex_b = vec![0, 0, 0, 1, 0x67, 0x42, 0xe0, 0x1f, 0, 0, 0, 1, 0x68, 0xce, 0x3c, 0x80, 0, 0, 0, 1];
    annex_b.extend(&idr);
    let payloads = H264Payloader::default().payload(1100, &Bytes::from(annex_b.clone())).unwrap();
    let (mut assembler, last) = (Assembler::default(), payloads.len() - 1);
    for (index, payload) in payloads.iter().enumerate() {
        let result = push(&mut assembler, 9, index == last, payload);
        assert_eq!(result, if index == last { picture(&annex_b, true) } else { None });
    }
}

#[test]
fn a_picture_carries_the_time_of_its_packets() {
    let timed = |timestamp, captured_us| MediaPacket { captured_us, ..packet(timestamp, true, &[0x41, 1]) };
    let mut assembler = Assembler::default();
    for (timestamp, captured_us) in [(9_000, None), (12_000, Some(77))] {
        let Some(Assembled::Picture(picture)) = assembler.push(Ordered::Packet(timed(timestamp, captured_us))) else {
            panic!("no picture");
        };
        assert_eq!((picture.timestamp, picture.captured_us), (timestamp, captured_us));
    }
}

#[test]
fn a_gap_breaks_one_picture_only() {
    let mut assembler = Assembler::default();
    assert_eq!(push(&mut assembler, 1, false, &[0x41, 1]), None);
    assert_eq!(assembler.push(Ordered::Gap), None);
    assert_eq!(push(&mut assembler, 1, true, &[0x41, 2]), Some(Assembled::Broken));
    assert_eq!(push(&mut assembler, 2, true, &[0x41, 3]), picture(&[0, 0, 0, 1, 0x41, 3], false));
}

#[test]
fn a_lost_end_is_noticed_at_the_next_picture() {
    let mut assembler = Assembler::default();
    push(&mut assembler, 1, false, &[0x41, 1]);
    assembler.push(Ordered::Gap);
    assert_eq!(push(&mut assembler, 2, false, &[0x41, 2]), Some(Assembled::Broken));
    assert_eq!(push(&mut assembler, 2, true, &[0x41, 3]), Some(Assembled::Broken), "its beginning may be lost as well");
    assert_eq!(push(&mut assembler, 3, true, &[0x41, 4]), picture(&[0, 0, 0, 1, 0x41, 4], false));
}

#[test]
fn a_key_frame_after_a_lost_picture_is_kept() {
    let mut assembler = Assembler::default();
    push(&mut assembler, 1, false, &[0x41, 1]);
    assert_eq!(push(&mut assembler, 2, true, &[0x65, 2]), picture(&[0, 0, 0, 1, 0x65, 2], true));
}

#[test]
fn fragments_without_a_beginning_or_an_end_are_broken() {
    let mut assembler = Assembler::default();
    assert_eq!(push(&mut assembler, 1, true, &[0x7c, 0x05, 1]), Some(Assembled::Broken));
    push(&mut assembler, 2, false, &[0x7c, 0x85, 1]);
    assert_eq!(push(&mut assembler, 2, true, &[0x7c, 0x05, 1]), Some(Assembled::Broken));
}

#[test]
fn malformed_payloads_break_their_picture() {
    for payload in [&[0x78, 0][..], &[0x78, 0, 9, 1], &[0x7c], &[0x1f, 1], &[0x00, 1], &[0x78, 0, 0]] {
        assert_eq!(push(&mut Assembler::default(), 1, true, payload), Some(Assembled::Broken), "{payload:?}");
    }
}

#[test]
fn a_picture_is_bounded() {
    let mut assembler = Assembler::default();
    let payload = [0x41; 1200];
    for _ in 0..5000 {
        push(&mut assembler, 1, false, &payload);
    }
    assert!(assembler.annex_b.len() <= MAX_PICTURE_BYTES + 5);
    assert_eq!(push(&mut assembler, 1, true, &payload), Some(Assembled::Broken));
}

proptest! {
    #[test]
    fn hostile_packets_never_panic(
        packets in proptest::collection::vec((0u32..4, any::<bool>(), proptest::collection::vec(any::<u8>(), 0..40)), 0..60),
        gap_every in 2usize..20,
    ) {
        let mut assembler = Assembler::default();
        for (index, (timestamp, marker, payload)) in packets.iter().enumerate() {
            if index % gap_every == 0 {
                assembler.push(Ordered::Gap);
            }
            if let Some(Assembled::Picture(picture)) = push(&mut assembler, *timestamp, *marker, payload) {
                prop_assert!(picture.annex_b.starts_with(&START_CODE));
            }
        }
    }
}
