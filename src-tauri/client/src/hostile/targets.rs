//! What fuzz targets do with their bytes. None of it may panic, take long or keep much.

use std::fmt::Debug;
use std::time::Duration;

use parley_shared::wire::{ClientMsg, ServerMsg};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    AUDIO_PAYLOAD_TYPE, AUDIO_SSRC, RED_PAYLOAD_TYPE, Receiver, VIDEO_PAYLOAD_TYPE, VIDEO_SSRC, candidate, description,
};
use crate::peer::hostile::{self as peer, Socket};

/// A name, and what is done with bytes.
pub type Target = (&'static str, fn(&[u8]));

pub const ALL: [Target; 8] = [
    ("pictures", pictures),
    ("sound", sound),
    ("rtp", rtp),
    ("rtcp", rtcp),
    ("datagrams", datagrams),
    ("texts", texts),
    ("relay_messages", relay_messages),
    ("relay_stream", relay_stream),
];

/// Payloads of H.264 behind good headers.
pub fn pictures(bytes: &[u8]) {
    let (mut receiver, mut header) = (Receiver::default(), Header::new(VIDEO_SSRC));
    for piece in Pieces(bytes) {
        let Some((&how, payload)) = piece.split_first() else { continue };
        let is_last = how & 1 == 1;
        header.skip(how >> 1);
        receiver.rtp(&header.packet(VIDEO_PAYLOAD_TYPE | if is_last { 0x80 } else { 0 }, payload));
        if is_last {
            header.timestamp = header.timestamp.wrapping_add(3_000);
            receiver.pass(Duration::from_millis(33));
        }
    }
    receiver.pass(Duration::from_secs(1));
}

/// Payloads of Opus, alone and with copies, behind good headers.
pub fn sound(bytes: &[u8]) {
    let (mut receiver, mut header) = (Receiver::default(), Header::new(AUDIO_SSRC));
    for piece in Pieces(bytes) {
        let Some((&how, payload)) = piece.split_first() else { continue };
        header.skip(how >> 1);
        let payload_type = if how & 1 == 1 { RED_PAYLOAD_TYPE } else { AUDIO_PAYLOAD_TYPE };
        receiver.rtp(&header.packet(payload_type, payload));
        header.timestamp = header.timestamp.wrapping_add(960);
        receiver.pass(Duration::from_millis(u64::from(how >> 4) * 10));
    }
    receiver.pass(Duration::from_secs(1));
}

/// Whole RTP datagrams.
pub fn rtp(bytes: &[u8]) {
    let mut receiver = Receiver::default();
    for piece in Pieces(bytes) {
        receiver.rtp(piece);
        receiver.pass(Duration::from_millis(10));
    }
}

/// RTCP after some RTP, so that there is something to report on.
pub fn rtcp(bytes: &[u8]) {
    let (mut receiver, mut header) = (Receiver::default(), Header::new(VIDEO_SSRC));
    for piece in Pieces(bytes) {
        receiver.rtp(&header.packet(VIDEO_PAYLOAD_TYPE, &[0x41, 1]));
        receiver.rtcp(piece);
        receiver.pass(Duration::from_millis(50));
    }
    receiver.pass(Duration::from_secs(1));
}

/// Datagrams before it is known what they are: STUN, TURN, DTLS, media.
pub fn datagrams(bytes: &[u8]) {
    let mut socket = Socket::default();
    for piece in Pieces(bytes) {
        let Some((&how, datagram)) = piece.split_first() else { continue };
        match how & 3 {
            0 => drop(socket.receive(false, datagram)),
            1 | 2 => drop(socket.receive(true, datagram)),
            _ => socket.send(datagram),
        }
        let repeated = socket.pass(Duration::from_millis(u64::from(how >> 2)));
        assert!(repeated <= 24, "{repeated} datagrams at once");
    }
}

/// Descriptions and candidates.
pub fn texts(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let _ = (description(&text), candidate(&text));
}

/// What a relay says to a client and a client to a relay. What is understood is understood again after it was written.
pub fn relay_messages(bytes: &[u8]) {
    reads_back::<ServerMsg>(bytes);
    reads_back::<ClientMsg>(bytes);
}

/// What a relay over TCP or TLS sends.
pub fn relay_stream(bytes: &[u8]) {
    assert!(peer::relay_stream(Pieces(bytes)) <= bytes.len());
}

fn reads_back<T: DeserializeOwned + Serialize + PartialEq + Debug>(bytes: &[u8]) {
    if let Ok(message) = serde_json::from_slice::<T>(bytes) {
        let written = serde_json::to_vec(&message).expect("a message that was read can be written");
        let again: T = serde_json::from_slice(&written).expect("a message that was written can be read");
        assert_eq!(again, message);
    }
}

/// Bytes cut into pieces, each behind its length in two bytes.
struct Pieces<'a>(&'a [u8]);

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_first_chunk::<2>()?;
        let (piece, rest) = rest.split_at(usize::from(u16::from_le_bytes(*head)).min(rest.len()));
        self.0 = rest;
        Some(piece)
    }
}

struct Header {
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
}

impl Header {
    fn new(ssrc: u32) -> Self {
        Self { ssrc, sequence: 0, timestamp: 0 }
    }

    /// Loses packets, goes back, or begins elsewhere.
    fn skip(&mut self, how: u8) {
        match how & 7 {
            0..=3 => {}
            4 => self.sequence = self.sequence.wrapping_add(1),
            5 => self.sequence = self.sequence.wrapping_sub(2),
            6 => self.sequence = self.sequence.wrapping_add(5_000),
            _ => self.timestamp = self.timestamp.wrapping_add(0x7fff_0000),
        }
    }

    fn packet(&mut self, payload_type: u8, payload: &[u8]) -> Vec<u8> {
        self.sequence = self.sequence.wrapping_add(1);
        let numbers = [&self.sequence.to_be_bytes()[..], &self.timestamp.to_be_bytes(), &self.ssrc.to_be_bytes()];
        [&[0x80, payload_type][..], &numbers.concat(), payload].concat()
    }
}
