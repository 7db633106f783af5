//! One media track that we send: our own sequence numbers and RTP times around the stack's packet path.

use super::{AudioUnit, MediaKind, PeerError, VideoUnit, codecs};
use bytes::Bytes;
use rtc::media_stream::MediaStreamTrack;
use rtc::rtp::codec::h264::H264Payloader;
use rtc::rtp::packetizer::Payloader;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodingParameters, RTCRtpEncodingParameters, RTCRtpRtxParameters, RtpCodecKind,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use tokio::sync::Mutex;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::peer_connection::PeerConnection;
use webrtc::rtp_transceiver::RtpSender;

/// Leaves room for IPv6, UDP, SRTP, RTX, header extensions and TURN within 1280 bytes.
const MAX_PAYLOAD_BYTES: usize = 1100;
const VIDEO_CLOCK_HZ: u128 = 90_000;

pub(crate) struct OutgoingTrack {
    track: Arc<TrackLocalStaticRTP>,
    sender: Arc<dyn RtpSender>,
    kind: MediaKind,
    state: Mutex<RtpState>,
    packets: AtomicU64,
    bytes: AtomicU64,
}

/// What goes into the next RTP header.
struct RtpState {
    ssrc: u32,
    payload_type: Option<u8>,
    sequence_number: u16,
    /// RTP times and sequence numbers begin at random (RFC 3550, 5.1).
    timestamp_offset: u32,
    epoch: Instant,
    payloader: H264Payloader,
}

impl OutgoingTrack {
    /// Adds a track of `kind` to a connection.
    pub(crate) async fn add_to(connection: &dyn PeerConnection, kind: MediaKind) -> Result<Self, PeerError> {
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
            sequence_number: rand::random(),
            timestamp_offset: rand::random(),
            epoch: Instant::now(),
            payloader: H264Payloader::default(),
        };
        Ok(Self { track, sender, kind, state: Mutex::new(state), packets: AtomicU64::new(0), bytes: AtomicU64::new(0) })
    }

    /// Takes the payload type that was negotiated.
    ///
    /// # Errors
    /// [`PeerError::NoCommonCodec`] when the other side does not take our codec.
    pub(crate) async fn negotiated(&self) -> Result<(), PeerError> {
        let parameters = self.sender.get_parameters().await?;
        let wanted = match self.kind {
            MediaKind::Video => codecs::h264(),
            MediaKind::Audio => codecs::opus(),
        };
        let codec = parameters.rtp_parameters.codecs.iter().find(|codec| {
            codec.rtp_codec.mime_type.eq_ignore_ascii_case(&wanted.mime_type) && is_sendable(&codec.rtp_codec)
        });
        let payload_type = codec.map(|codec| codec.payload_type).ok_or(PeerError::NoCommonCodec)?;
        self.state.lock().await.payload_type = Some(payload_type);
        Ok(())
    }

    /// Sends one encoded picture. Waits while the connection's queue is full.
    pub(crate) async fn send_video(&self, unit: &VideoUnit) -> Result<(), PeerError> {
        let mut state = self.state.lock().await;
        let payloads = state.payloader.payload(MAX_PAYLOAD_BYTES, &unit.annex_b)?;
        let timestamp = state.video_timestamp(unit.captured_at);
        let last = payloads.len().saturating_sub(1);
        for (index, payload) in payloads.into_iter().enumerate() {
            self.write(&mut state, payload, timestamp, index == last).await?;
        }
        Ok(())
    }

    /// Sends one Opus packet.
    pub(crate) async fn send_audio(&self, unit: &AudioUnit) -> Result<(), PeerError> {
        let mut state = self.state.lock().await;
        // An RTP time counts modulo 2^32 by definition.
        let timestamp = state.timestamp_offset.wrapping_add(unit.sample_position as u32);
        self.write(&mut state, unit.packet.clone(), timestamp, unit.begins_talk_spurt).await
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

    async fn write(&self, state: &mut RtpState, payload: Bytes, timestamp: u32, marker: bool) -> Result<(), PeerError> {
        let payload_type = state.payload_type.ok_or(PeerError::NotConnected)?;
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
            (at.saturating_duration_since(from).as_nanos() * VIDEO_CLOCK_HZ / 1_000_000_000) as u32
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
