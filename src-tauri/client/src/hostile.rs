//! What stands behind the other side's bytes, in one piece, for tests and fuzz targets that throw nonsense at it. No part
//! of the app.
//!
//! ```text
//! RTP, RTCP (decrypted) ─▶ parser ─▶ interceptor chain ─▶ order ─▶ H.264 | Opus
//! datagrams ─▶ gate ─▶ flight repeater
//! descriptions, candidates ─▶ our checks ─▶ parser
//! ```
//!
//! The fuzz targets are in [`targets`]; inputs that once broke something are thrown again by the tests.

pub mod targets;

use std::time::{Duration, Instant};

use bytes::Bytes;
use rtc::interceptor::{
    AttributedPacket, Interceptor, Packet, RTCPFeedback, RTPHeaderExtension, StreamInfo, TaggedPacket,
};
use rtc::shared::marshal::Unmarshal;

use crate::engine::hostile::{Pictures, Sound};
use crate::peer::{BandwidthLimits, MediaPacket, hostile as peer};

pub use crate::peer::hostile::{candidate, description};

/// SSRCs and payload types of the streams that a [`Receiver`] knows.
pub const VIDEO_SSRC: u32 = 0x1111_1111;
pub const AUDIO_SSRC: u32 = 0x2222_2222;
pub const RTX_SSRC: u32 = 0x3333_3333;
pub const VIDEO_PAYLOAD_TYPE: u8 = 102;
pub const AUDIO_PAYLOAD_TYPE: u8 = 111;
pub const RED_PAYLOAD_TYPE: u8 = 63;
const TRANSPORT_CC_ID: u16 = 1;

/// The receiving half of a connection on a clock that only [`Receiver::pass`] moves.
pub struct Receiver {
    chain: Box<dyn Interceptor>,
    pictures: Pictures,
    sound: Sound,
    now: Instant,
    /// Datagrams that no parser took.
    pub refused: u64,
    /// Packets that came out of the chain.
    pub delivered: u64,
    /// Packets that the chain wanted to send in answer.
    pub answered: u64,
}

impl Default for Receiver {
    fn default() -> Self {
        let mut chain: Box<dyn Interceptor> = Box::new(peer::chain(BandwidthLimits::default()));
        for stream in [video(), audio()] {
            chain.bind_remote_stream(&stream);
            chain.bind_local_stream(&stream);
        }
        Self {
            chain,
            pictures: Pictures::default(),
            sound: Sound::default(),
            now: Instant::now(),
            refused: 0,
            delivered: 0,
            answered: 0,
        }
    }
}

impl Receiver {
    /// One decrypted RTP datagram.
    pub fn rtp(&mut self, datagram: &[u8]) {
        match rtc::rtp::Packet::unmarshal(&mut Bytes::copy_from_slice(datagram)) {
            Ok(packet) => self.take(Packet::Rtp(packet)),
            Err(_) => self.refused += 1,
        }
    }

    /// One decrypted RTCP datagram, which may hold several packets.
    pub fn rtcp(&mut self, datagram: &[u8]) {
        match rtc::rtcp::packet::unmarshal(&mut Bytes::copy_from_slice(datagram)) {
            Ok(packets) => self.take(Packet::Rtcp(packets)),
            Err(_) => self.refused += 1,
        }
    }

    /// Lets time go by: what waits is given up, what is due is sent, sound is played.
    pub fn pass(&mut self, time: Duration) {
        self.now += time;
        // A chain that is in trouble says so by an error; the connection goes on.
        let _ = self.chain.handle_timeout(self.now);
        self.drain();
        self.pictures.advance(self.now);
        self.sound.play(time, self.now);
    }

    /// Pictures that were decoded so far.
    pub fn pictures(&self) -> u64 {
        self.pictures.decoded()
    }

    fn take(&mut self, packet: Packet) {
        let message = AttributedPacket::new(packet);
        let _ = self.chain.handle_read(TaggedPacket { now: self.now, transport: Default::default(), message });
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(packet) = self.chain.poll_read() {
            self.delivered += 1;
            if let Packet::Rtp(packet) = packet.message.packet {
                self.deliver(packet);
            }
        }
        while self.chain.poll_write().is_some() {
            self.answered += 1;
        }
    }

    fn deliver(&mut self, packet: rtc::rtp::Packet) {
        let (payload, copies) = match packet.header.payload_type {
            RED_PAYLOAD_TYPE => match peer::copies(AUDIO_PAYLOAD_TYPE, packet.header.timestamp, &packet.payload) {
                Some(unwrapped) => unwrapped,
                None => return,
            },
            _ => (packet.payload, Vec::new()),
        };
        let media = MediaPacket {
            sequence_number: packet.header.sequence_number,
            timestamp: packet.header.timestamp,
            marker: packet.header.marker,
            payload,
            arrived_at: self.now,
            captured_us: None,
            copies,
        };
        match packet.header.ssrc {
            VIDEO_SSRC => self.pictures.push(media, self.now),
            AUDIO_SSRC => self.sound.push(&media),
            _ => {}
        }
    }
}

impl std::fmt::Debug for Receiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { refused, delivered, answered, .. } = self;
        write!(f, "Receiver {{ refused: {refused}, delivered: {delivered}, answered: {answered} }}")
    }
}

fn video() -> StreamInfo {
    let feedback = |typ: &str, parameter: &str| RTCPFeedback { typ: typ.to_owned(), parameter: parameter.to_owned() };
    StreamInfo {
        ssrc: VIDEO_SSRC,
        ssrc_rtx: Some(RTX_SSRC),
        payload_type: VIDEO_PAYLOAD_TYPE,
        payload_type_rtx: Some(VIDEO_PAYLOAD_TYPE + 1),
        mime_type: "video/H264".to_owned(),
        clock_rate: 90_000,
        rtp_header_extensions: extensions(),
        rtcp_feedback: vec![feedback("nack", ""), feedback("nack", "pli"), feedback("transport-cc", "")],
        ..StreamInfo::default()
    }
}

fn audio() -> StreamInfo {
    StreamInfo {
        ssrc: AUDIO_SSRC,
        payload_type: AUDIO_PAYLOAD_TYPE,
        mime_type: "audio/opus".to_owned(),
        clock_rate: 48_000,
        channels: 2,
        rtp_header_extensions: extensions(),
        rtcp_feedback: vec![RTCPFeedback { typ: "transport-cc".to_owned(), parameter: String::new() }],
        ..StreamInfo::default()
    }
}

fn extensions() -> Vec<RTPHeaderExtension> {
    vec![RTPHeaderExtension { uri: rtc::sdp::extmap::TRANSPORT_CC_URI.to_owned(), id: TRANSPORT_CC_ID }]
}

#[cfg(test)]
#[path = "hostile_tests.rs"]
mod tests;
