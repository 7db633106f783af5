//! One media track that we send: our own sequence numbers and RTP times around the stack's packet path.

use super::clocks::Clocks;
use super::redundancy::{MAX_COPIES, SentSound};
use super::{AudioUnit, MediaKind, PeerError, VideoUnit, codecs};
use bytes::Bytes;
use rtc::media_stream::MediaStreamTrack;
use rtc::rtp::codec::h264::H264Payloader;
use rtc::rtp::packetizer::Payloader;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodingParameters, RTCRtpEncodingParameters, RTCRtpRtxParameters, RtpCodecKind,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;
use tokio::sync::Mutex;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::peer_connection::PeerConnection;
use webrtc::rtp_transceiver::RtpSender;

/// Leaves room for IPv6, UDP, SRTP, RTX, header extensions and TURN within 1280 bytes.
const MAX_PAYLOAD_BYTES: usize = 1100;

pub(crate) struct OutgoingTrack {
    track: Arc<TrackLocalStaticRTP>,
    sender: Arc<dyn RtpSender>,
    kind: MediaKind,
    state: Mutex<RtpState>,
    ssrc: u32,
    clocks: Clocks,
    /// How many earlier packets go along with one of sound.
    copies: AtomicUsize,
    packets: AtomicU64,
    bytes: AtomicU64,
}

/// What goes into the next RTP header.
struct RtpState {
    ssrc: u32,
    payload_type: Option<u8>,
    /// The type of sound with copies, where the other side takes it.
    red_payload_type: Option<u8>,
    sequence_number: u16,
    /// RTP times and sequence numbers begin at random (RFC 3550, 5.1).
    timestamp_offset: u32,
    epoch: Instant,
    payloader: H264Payloader,
    sent_sound: SentSound,
}

/// The payload types of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PayloadTypes {
    pub media: u8,
    pub red: Option<u8>,
}

impl OutgoingTrack {
    /// Adds a track of `kind` to a connection.
    pub(crate) async fn add_to(
        connection: &dyn PeerConnection,
        kind: MediaKind,
        clocks: Clocks,
    ) -> Result<Self, PeerError> {
        let ssrc: u32 = rand::random();
        let (label, codec_kind, codec, rtx) = match kind {
            MediaKind::Video => ("video", RtpCodecKind::Video, codecs::h264(), Some(rand::random())),
            MediaKind::Audio => ("audio", RtpCodecKind::Audio, codecs::opus(), None),
        };
        let encoding = encoding(ssrc, rtx, codec);
        let stream = MediaStreamTrack::new("parley".into(), label.into(), label.into(), codec_kind, vec![encoding]);
        let track = Arc::new(TrackLocalStaticRTP::new(stream));
        let sender = connection.add_track(Arc::clone(&track) as Arc<dyn TrackLocal>).await?;
        let state = RtpState {
            ssrc,
            payload_type: None,
            red_payload_type: None,
            sequence_number: rand::random(),
            timestamp_offset: rand::random(),
            epoch: Instant::now(),
            payloader: H264Payloader::default(),
            sent_sound: SentSound::default(),
        };
        Ok(Self {
            track,
            sender,
            kind,
            state: Mutex::new(state),
            ssrc,
            clocks,
            copies: AtomicUsize::new(0),
            packets: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
        })
    }

    /// Takes the payload types that were negotiated.
    ///
    /// # Errors
    /// [`PeerError::NoCommonCodec`] when the other side does not take our codec.
    pub(crate) async fn negotiated(&self) -> Result<PayloadTypes, PeerError> {
        let parameters = self.sender.get_parameters().await?;
        let wanted = match self.kind {
            MediaKind::Video => codecs::h264(),
            MediaKind::Audio => codecs::opus(),
        };
        let type_of = |mime_type: &str| {
            let mut codecs = parameters.rtp_parameters.codecs.iter();
            let codec = codecs.find(|codec| {
                codec.rtp_codec.mime_type.eq_ignore_ascii_case(mime_type) && is_sendable(&codec.rtp_codec)
            });
            codec.map(|codec| codec.payload_type)
        };
        let media = type_of(&wanted.mime_type).ok_or(PeerError::NoCommonCodec)?;
        let red = type_of(codecs::MIME_TYPE_RED);
        let mut state = self.state.lock().await;
        (state.payload_type, state.red_payload_type) = (Some(media), red);
        Ok(PayloadTypes { media, red })
    }

    /// Sends one encoded picture. Waits while the connection's queue is full.
    pub(crate) async fn send_video(&self, unit: &VideoUnit) -> Result<(), PeerError> {
        let mut state = self.state.lock().await;
        let payloads = state.payloader.payload(MAX_PAYLOAD_BYTES, &unit.annex_b)?;
        let timestamp = state.video_timestamp(unit.captured_at);
        self.clocks.on_captured(state.ssrc, timestamp, unit.captured_at, codecs::VIDEO_CLOCK_HZ);
        let last = payloads.len().saturating_sub(1);
        for (index, payload) in payloads.into_iter().enumerate() {
            let payload_type = state.payload_type;
            self.write(&mut state, payload_type, payload, timestamp, index == last).await?;
        }
        Ok(())
    }

    /// Sends one Opus packet, with copies of earlier ones where they are wanted.
    pub(crate) async fn send_audio(&self, unit: &AudioUnit) -> Result<(), PeerError> {
        let mut state = self.state.lock().await;
        // An RTP time counts modulo 2^32 by definition.
        let timestamp = state.timestamp_offset.wrapping_add(unit.sample_position as u32);
        self.clocks.on_captured(state.ssrc, timestamp, unit.captured_at, codecs::AUDIO_CLOCK_HZ);
        let (media, red) = (state.payload_type, state.red_payload_type);
        let copies = self.copies.load(Ordering::Relaxed);
        let (payload_type, payload) = match (media, red) {
            (Some(media), Some(red)) if copies > 0 => {
                let wrapped = state.sent_sound.wrap(media, timestamp, &unit.packet, copies, MAX_PAYLOAD_BYTES);
                (Some(red), wrapped)
            }
            (media, _) => {
                state.sent_sound.note(timestamp, &unit.packet);
                (media, unit.packet.clone())
            }
        };
        self.write(&mut state, payload_type, payload, timestamp, unit.begins_talk_spurt).await
    }

    /// Sends so many earlier packets of sound along with each from now on.
    pub(crate) fn set_copies(&self, copies: usize) {
        self.copies.store(copies.min(MAX_COPIES), Ordering::Relaxed);
    }

    /// What share of this track the other side has lost lately, 0 to 1.
    pub(crate) fn reported_loss(&self) -> f64 {
        self.clocks.reported_loss(self.ssrc)
    }

    /// The stream on which the stack signals the end of its driver.
    pub(crate) fn track(&self) -> Arc<TrackLocalStaticRTP> {
        Arc::clone(&self.track)
    }

    pub(crate) fn packets_sent(&self) -> u64 {
        self.packets.load(Ordering::Relaxed)
    }

    pub(crate) fn bytes_sent(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    async fn write(
        &self,
        state: &mut RtpState,
        payload_type: Option<u8>,
        payload: Bytes,
        timestamp: u32,
        marker: bool,
    ) -> Result<(), PeerError> {
        let payload_type = payload_type.ok_or(PeerError::NotConnected)?;
        let len = payload.len() as u64;
        let header = rtc::rtp::Header {
            version: 2,
            marker,
            payload_type,
            sequence_number: state.sequence_number,
            timestamp,
            ssrc: state.ssrc,
            ..Default::default()
        };
        state.sequence_number = state.sequence_number.wrapping_add(1);
        self.track.write_rtp(rtc::rtp::Packet { header, payload }).await?;
        self.packets.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(len, Ordering::Relaxed);
        Ok(())
    }
}

impl RtpState {
    fn video_timestamp(&self, captured_at: Instant) -> u32 {
        let since_epoch = |at: Instant, from: Instant| {
            (at.saturating_duration_since(from).as_nanos() * u128::from(codecs::VIDEO_CLOCK_HZ) / 1_000_000_000) as u32
        };
        // A picture may have been captured before the track was made.
        self.timestamp_offset
            .wrapping_add(since_epoch(captured_at, self.epoch))
            .wrapping_sub(since_epoch(self.epoch, captured_at))
    }
}

/// Our packetiser fragments, which packetization-mode 0 forbids.
fn is_sendable(codec: &RTCRtpCodec) -> bool {
    !codec.mime_type.eq_ignore_ascii_case(&codecs::h264().mime_type)
        || codec.sdp_fmtp_line.contains("packetization-mode=1")
}

fn encoding(ssrc: u32, rtx: Option<u32>, codec: RTCRtpCodec) -> RTCRtpEncodingParameters {
    RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters {
            ssrc: Some(ssrc),
            rtx: rtx.map(|ssrc| RTCRtpRtxParameters { ssrc }),
            ..Default::default()
        },
        active: true,
        codec,
        ..Default::default()
    }
}
