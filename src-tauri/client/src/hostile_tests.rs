//! A fixed corpus of malformed packets, and generators of more. What is malformed is dropped and counted, costs bounded
//! memory, and leaves a receiver that shows the next good picture.

use super::*;
use parley_media::I420;
use parley_media::codec::h264::{Encoder, EncoderConfig};
use proptest::prelude::*;

fn header(first: u8, payload_type: u8, sequence: u16, ssrc: u32) -> Vec<u8> {
    let mut bytes = vec![first, payload_type];
    bytes.extend(sequence.to_be_bytes());
    bytes.extend(u32::from(sequence).wrapping_mul(3_000).to_be_bytes());
    bytes.extend(ssrc.to_be_bytes());
    bytes
}

fn rtp(payload_type: u8, sequence: u16, ssrc: u32, payload: &[u8]) -> Vec<u8> {
    [header(0x80, payload_type, sequence, ssrc), payload.to_vec()].concat()
}

/// The last packet of a picture.
fn video(sequence: u16, payload: &[u8]) -> Vec<u8> {
    rtp(VIDEO_PAYLOAD_TYPE | 0x80, sequence, VIDEO_SSRC, payload)
}

fn audio(sequence: u16, payload: &[u8]) -> Vec<u8> {
    rtp(AUDIO_PAYLOAD_TYPE, sequence, AUDIO_SSRC, payload)
}

/// RTCP with a length field of its own.
fn rtcp(count: u8, packet_type: u8, words: u16, body: &[u8]) -> Vec<u8> {
    [&[0x80 | count, packet_type][..], &words.to_be_bytes(), body].concat()
}

/// Feedback of a well-formed length about the video stream.
fn feedback(packet_type: u8, format: u8, information: &[u8]) -> Vec<u8> {
    let body = [&1_u32.to_be_bytes(), &VIDEO_SSRC.to_be_bytes(), information].concat();
    rtcp(format, packet_type, (body.len() / 4) as u16, &body)
}

const TRANSPORT_FEEDBACK: u8 = 205;
const PAYLOAD_FEEDBACK: u8 = 206;

fn malformed_rtp() -> Vec<(&'static str, Vec<u8>)> {
    let csrcs = |present: usize| [header(0x8f, 102, 1, VIDEO_SSRC), vec![7; present * 4]].concat();
    let extension = |profile: u16, words: u16, body: &[u8]| {
        let head = header(0x90, 102, 2, VIDEO_SSRC);
        [&head[..], &profile.to_be_bytes(), &words.to_be_bytes(), body].concat()
    };
    vec![
        ("nothing", vec![]),
        ("half a header", vec![0x80, 102, 0, 1]),
        ("the first version", [header(0x40, 102, 1, VIDEO_SSRC), vec![1]].concat()),
        ("padding longer than the payload", [header(0xa0, 102, 1, VIDEO_SSRC), vec![1, 2, 255]].concat()),
        ("padding of nothing", [header(0xa0, 102, 1, VIDEO_SSRC), vec![1, 2, 0]].concat()),
        ("padding without a payload", header(0xa0, 102, 1, VIDEO_SSRC)),
        ("fifteen sources that are missing", csrcs(0)),
        ("fifteen sources", csrcs(15)),
        ("an extension past the end", extension(0xbede, 65_535, &[0x10])),
        ("an extension element past the end", extension(0xbede, 1, &[0x1f, 1, 2, 3])),
        ("a reserved extension element", extension(0xbede, 1, &[0xf0, 1, 2, 3])),
        ("a two-byte extension element past the end", extension(0x1000, 1, &[1, 255, 2, 3])),
        ("an extension of an unknown kind", extension(0x1234, 1, &[1, 2, 3, 4])),
        ("an extension cut after its profile", header(0x90, 102, 2, VIDEO_SSRC)),
        ("an unknown payload type", rtp(13, 1, VIDEO_SSRC, &[1, 2, 3])),
        ("an unknown source", rtp(102, 1, 77, &[1, 2, 3])),
        ("the largest datagram", video(3, &vec![0x65; 65_507 - 12])),
        ("a retransmission of nothing", rtp(103, 1, RTX_SSRC, &[])),
        ("a retransmission without its number", rtp(103, 2, RTX_SSRC, &[9])),
        ("a retransmission of an old packet", rtp(103, 3, RTX_SSRC, &[0, 9, 0x65, 1])),
    ]
}

fn malformed_payloads() -> Vec<(&'static str, Vec<u8>)> {
    let long_fu = [&[0x7c, 0x85][..], &vec![3; 60_000]].concat();
    vec![
        ("an empty payload", vec![]),
        ("an empty NAL unit", vec![0x65]),
        ("the forbidden NAL type 0", vec![0x60, 1, 2]),
        ("NAL type 31", vec![0x7f, 1, 2]),
        ("interleaved types", vec![0x79, 0, 0, 1]),
        ("a fragment unit of one byte", vec![0x7c]),
        ("a fragment unit without content", vec![0x7c, 0x85]),
        ("a fragment of thirteen bytes without a start", [&[0x7c, 0x05][..], &[1; 11]].concat()),
        ("a fragment that starts and ends", vec![0x7c, 0xc5, 1, 2]),
        ("a long fragment without an end", long_fu),
        ("a fragment of type 28", vec![0x7c, 0x9c, 1]),
        ("an aggregate of nothing", vec![0x78]),
        ("an aggregate with half a length", vec![0x78, 0]),
        ("an aggregate with a cut length", vec![0x78, 0, 9, 0x67, 1]),
        ("an aggregate of empty units", vec![0x78, 0, 0, 0, 0, 0, 0]),
        ("an aggregate in an aggregate", vec![0x78, 0, 3, 0x78, 0, 1]),
        ("a parameter set of one byte", vec![0x67]),
        ("a parameter set of zeros", [&[0x67][..], &[0; 200]].concat()),
        ("a parameter set of ones", [&[0x67][..], &[0xff; 200]].concat()),
        ("a slice without parameter sets", vec![0x65, 0x88, 0x84, 0, 0x10]),
        ("start codes inside a unit", vec![0x65, 0, 0, 1, 0x67, 0x42, 0, 0, 1, 0x68]),
    ]
}

fn malformed_rtcp() -> Vec<(&'static str, Vec<u8>)> {
    let every_packet: Vec<u8> =
        (0..4_000_u16).flat_map(|n| [(n.wrapping_mul(17)).to_be_bytes(), [0xff; 2]].concat()).collect();
    let lying_bitrate = [&b"REMB"[..], &[255, 0xff, 0xff, 0xff], &[0; 4]].concat();
    // Base 0, 65,535 statuses, reference time and count of zero, then runs that cover them all.
    let statuses = [&[0, 0, 0xff, 0xff, 0, 0, 0, 0][..], &[0x3f, 0xff].repeat(8)].concat();
    let without_runs = [0, 0, 0xff, 0xff, 0, 0, 0, 0].to_vec();
    let of_deltas = [&[0, 0, 0, 7, 0, 0, 0, 0, 0xd5, 0x55][..], &[0; 2]].concat();
    vec![
        ("nothing", vec![]),
        ("half a header", vec![0x80, 200]),
        ("a length past the end", rtcp(0, 200, 65_535, &[0; 24])),
        ("a report of length zero", rtcp(0, 201, 0, &[])),
        ("a sender report of length zero", rtcp(31, 200, 0, &[])),
        ("thirty-one reports that are missing", rtcp(31, 201, 1, &[0; 4])),
        ("a goodbye whose reason is past the end", rtcp(1, 203, 2, &[0, 0, 0, 1, 255, b'x', 0, 0])),
        ("a goodbye of sources that are missing", rtcp(31, 203, 1, &[0; 4])),
        ("a description whose item is past the end", rtcp(1, 202, 2, &[0, 0, 0, 1, 1, 255, b'x', 0])),
        ("a description without an end", rtcp(31, 202, 2, &[0, 0, 0, 1, 1, 1, b'x', 1])),
        ("repairs of 65,536 packets", feedback(TRANSPORT_FEEDBACK, 1, &every_packet)),
        ("a repair request without any", feedback(TRANSPORT_FEEDBACK, 1, &[])),
        ("a bit rate of 255 sources", feedback(PAYLOAD_FEEDBACK, 15, &lying_bitrate)),
        ("a bit rate cut short", feedback(PAYLOAD_FEEDBACK, 15, b"REMB")),
        ("65,535 arrivals", feedback(TRANSPORT_FEEDBACK, 15, &statuses)),
        ("65,535 arrivals without runs", feedback(TRANSPORT_FEEDBACK, 15, &without_runs)),
        ("arrivals without deltas", feedback(TRANSPORT_FEEDBACK, 15, &of_deltas)),
        ("arrivals cut short", feedback(TRANSPORT_FEEDBACK, 15, &[0, 0])),
        ("congestion feedback of nothing", feedback(TRANSPORT_FEEDBACK, 11, &[])),
        ("congestion feedback past the end", feedback(TRANSPORT_FEEDBACK, 11, &[0, 0, 0, 1, 0, 0, 0xff, 0xff])),
        ("full picture requests without any", feedback(PAYLOAD_FEEDBACK, 4, &[])),
        ("slices that are cut short", feedback(PAYLOAD_FEEDBACK, 2, &[])),
        ("an extended report past the end", rtcp(0, 207, 3, &[0, 0, 0, 1, 4, 0, 0xff, 0xff, 0, 0, 0, 0])),
        ("an unknown type", rtcp(5, 255, 1, &[0; 4])),
        ("many at once", rtcp(0, 201, 1, &[0; 4]).repeat(500)),
    ]
}

fn malformed_sound() -> Vec<(&'static str, Vec<u8>)> {
    let frames = |toc: u8, count: u8, body: usize| [&[toc, count][..], &vec![5; body]].concat();
    vec![
        ("one byte", vec![0xfc]),
        ("three frames of the longest size", frames(0xff, 3, 3 * 1_275)),
        ("sixty-three frames", frames(0xff, 63, 63)),
        ("sixty-three frames of nothing", frames(0xff, 63, 0)),
        ("no frames", frames(0xff, 0, 10)),
        ("120 ms in six frames", frames(0xff, 6, 60)),
        ("two frames of an odd length", frames(0xfd, 1, 2)),
        ("a second frame past the end", vec![0xfe, 200, 1]),
        ("padding past the end", vec![0xff, 0x41, 255, 255, 255]),
        ("a payload of 64 KB", vec![0xfc; 65_000]),
    ]
}

/// Two real pictures and their packets, to see that a receiver still works.
fn good_pictures() -> Vec<Vec<u8>> {
    let config = EncoderConfig { width: 64, height: 64, fps: 30, bitrate_bps: 100_000 };
    let mut encoder = Encoder::new(config).unwrap();
    let picture = encoder.encode(&I420::new(64, 64)).unwrap().unwrap().annex_b;
    let units = picture.split(|_| false).flat_map(|stream| split_units(stream)).collect::<Vec<_>>();
    units.into_iter().map(<[u8]>::to_vec).collect()
}

fn split_units(stream: &[u8]) -> Vec<&[u8]> {
    let starts: Vec<usize> =
        (0..stream.len().saturating_sub(3)).filter(|&at| stream[at..at + 4] == [0, 0, 0, 1]).collect();
    let ends = starts.iter().skip(1).copied().chain([stream.len()]);
    starts.iter().zip(ends).map(|(&start, end)| &stream[start + 4..end]).collect()
}

/// Shows that a receiver lives: a key frame whose packets come in order is decoded.
fn assert_shows_a_picture(receiver: &mut Receiver, what: &str) {
    let before = receiver.pictures();
    // Whatever is missing or half there is given up by then.
    receiver.pass(Duration::from_secs(1));
    let units = good_pictures();
    // Far away from the numbers of the nonsense: another stream to the reorderer.
    let first = 30_000_u16;
    for round in 0..3_u16 {
        for (place, unit) in units.iter().enumerate() {
            let sequence = first + round * units.len() as u16 + place as u16;
            let is_last = place + 1 == units.len();
            let marker = if is_last { 0x80 } else { 0 };
            let mut packet = rtp(VIDEO_PAYLOAD_TYPE | marker, sequence, VIDEO_SSRC, unit);
            packet[4..8].copy_from_slice(&(u32::from(round) * 3_000 + 1).to_be_bytes());
            receiver.rtp(&packet);
        }
        receiver.pass(Duration::from_millis(33));
    }
    assert!(receiver.pictures() > before, "no picture after {what}");
}

#[test]
fn a_good_picture_is_shown() {
    assert_shows_a_picture(&mut Receiver::default(), "nothing");
}

#[test]
fn malformed_rtp_is_dropped_and_the_next_picture_is_shown() {
    for (what, datagram) in malformed_rtp() {
        let mut receiver = Receiver::default();
        for _ in 0..3 {
            receiver.rtp(&datagram);
            receiver.pass(Duration::from_millis(20));
        }
        assert_shows_a_picture(&mut receiver, what);
    }
}

#[test]
fn malformed_rtp_is_counted() {
    let mut receiver = Receiver::default();
    malformed_rtp().iter().for_each(|(_, datagram)| receiver.rtp(datagram));
    assert!(receiver.refused >= 5, "{receiver:?}");
}

#[test]
fn malformed_pictures_are_dropped_and_the_next_one_is_shown() {
    for (what, payload) in malformed_payloads() {
        let mut receiver = Receiver::default();
        for sequence in 0..20 {
            receiver.rtp(&video(sequence, &payload));
            receiver.rtp(&rtp(VIDEO_PAYLOAD_TYPE, 20 + sequence, VIDEO_SSRC, &payload));
        }
        assert_shows_a_picture(&mut receiver, what);
    }
}

#[test]
fn malformed_feedback_is_dropped_and_is_not_answered_with_a_flood() {
    for (what, datagram) in malformed_rtcp() {
        let mut receiver = Receiver::default();
        for _ in 0..3 {
            receiver.rtcp(&datagram);
            receiver.pass(Duration::from_millis(20));
        }
        assert!(receiver.answered < 200, "{what} is answered with {} packets", receiver.answered);
        assert_shows_a_picture(&mut receiver, what);
    }
}

#[test]
fn a_flood_of_key_frame_requests_is_swallowed() {
    let mut receiver = Receiver::default();
    let request = feedback(PAYLOAD_FEEDBACK, 1, &[]);
    for _ in 0..10_000 {
        receiver.rtcp(&request);
    }
    assert!(receiver.answered < 200, "{receiver:?}");
    assert_shows_a_picture(&mut receiver, "a flood of requests");
}

#[test]
fn malformed_sound_is_dropped() {
    for (what, payload) in malformed_sound() {
        let mut receiver = Receiver::default();
        for sequence in 0..50 {
            receiver.rtp(&audio(sequence, &payload));
            receiver.pass(Duration::from_millis(20));
        }
        assert_shows_a_picture(&mut receiver, what);
    }
}

/// What fuzzing found, and the inputs that it began with.
#[test]
fn inputs_that_were_found_are_survived() {
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    for (name, target) in targets::ALL {
        let inputs = std::fs::read_dir(corpus.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut count = 0;
        for input in inputs {
            let path = input.unwrap().path();
            println!("{}", path.display());
            target(&std::fs::read(&path).unwrap());
            count += 1;
        }
        assert!(count > 0, "{name} has no inputs");
    }
}

/// Sequence numbers that jump make no receiver hold more than a bounded number of packets.
#[test]
fn wild_sequence_numbers_are_survived() {
    let mut receiver = Receiver::default();
    let mut sequence = 1_u16;
    for n in 0..20_000_u32 {
        sequence = sequence.wrapping_mul(25_173).wrapping_add(13_849);
        receiver.rtp(&rtp(VIDEO_PAYLOAD_TYPE, sequence, VIDEO_SSRC, &[0x41, n as u8]));
        receiver.rtp(&audio(sequence, &[0xfc, n as u8, 7]));
        if n % 64 == 0 {
            receiver.pass(Duration::from_millis(10));
        }
    }
    assert_shows_a_picture(&mut receiver, "wild sequence numbers");
}

#[test]
fn descriptions_and_candidates_of_nonsense_are_refused() {
    let long_line = format!("v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na={}", "x".repeat(60_000));
    let sections = format!("v=0\r\n{}", "m=".repeat(3));
    for text in ["", "v=0", "v=0\r\nm=", "v=0\nm=audio", "v=0\r\nm=audio 99999999999 X 1\r\n", &long_line, &sections] {
        let _ = description(text);
    }
    for text in
        ["", "candidate:", "candidate:1 1 udp 99999999999999999999 1.2.3.4 1 typ host", "a b udp d e 5 typ \u{fffd}"]
    {
        assert!(!candidate(text), "{text}");
    }
    assert!(candidate("candidate:1 1 udp 2122260223 10.0.0.1 50000 typ host"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_datagrams_are_survived(datagrams in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 1..30)) {
        let mut receiver = Receiver::default();
        for datagram in datagrams {
            receiver.rtp(&datagram);
            receiver.rtcp(&datagram);
            receiver.pass(Duration::from_millis(10));
        }
    }

    /// Good headers, so that what is behind them is reached.
    #[test]
    fn any_payloads_are_survived(payloads in proptest::collection::vec((any::<u8>(), proptest::collection::vec(any::<u8>(), 0..200)), 1..30)) {
        let mut receiver = Receiver::default();
        for (sequence, (head, mut payload)) in payloads.into_iter().enumerate() {
            payload.insert(0, head);
            receiver.rtp(&video(sequence as u16, &payload));
            receiver.rtp(&audio(sequence as u16, &payload));
            receiver.pass(Duration::from_millis(20));
        }
    }

    #[test]
    fn any_bytes_are_survived_by_all_targets(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        for (_, target) in targets::ALL {
            target(&bytes);
        }
    }

    #[test]
    fn any_feedback_is_survived(format in 0_u8..32, kind in 200_u8..208, body in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut receiver = Receiver::default();
        receiver.rtcp(&rtcp(format, kind, (body.len() / 4) as u16, &body));
        receiver.pass(Duration::from_secs(1));
    }

    #[test]
    fn mutilated_pictures_are_survived(cuts in proptest::collection::vec((any::<u16>(), any::<u8>()), 1..8)) {
        let mut receiver = Receiver::default();
        let mut units = good_pictures();
        for (at, value) in cuts {
            let place = usize::from(at) % units.len();
            let unit = &mut units[place];
            let at = usize::from(at / 7) % unit.len();
            unit[at] = value;
        }
        for (sequence, unit) in units.iter().enumerate() {
            receiver.rtp(&video(sequence as u16, unit));
        }
        assert_shows_a_picture(&mut receiver, "a mutilated picture");
    }
}
