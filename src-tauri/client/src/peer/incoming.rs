//! The media tracks that the other side sends.

use super::clocks::Clocks;
use super::{MediaKind, MediaPacket, PacketCopy, TransportStats, codecs, redundancy};
use bytes::Bytes;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};

/// A call has two tracks; whoever sends many more is not listened to.
const MAX_TRACKS: u64 = 8;

type OnPacket = Arc<dyn Fn(MediaKind, MediaPacket) + Send + Sync>;

pub(crate) struct Incoming {
    on_packet: OnPacket,
    clocks: Clocks,
    /// The payload types of Opus and of Opus with copies, 0 while it is not negotiated.
    opus: AtomicU8,
    red: AtomicU8,
    tracks: AtomicU64,
    /// The newest video track and the SSRC it sends with.
    video: Mutex<Option<(Arc<dyn TrackRemote>, u32)>>,
    counts: Counts,
}

#[derive(Default)]
struct Counts {
    video_packets: AtomicU64,
    video_bytes: AtomicU64,
    audio_packets: AtomicU64,
    audio_bytes: AtomicU64,
}

impl Incoming {
    pub(crate) fn new(on_packet: OnPacket, clocks: Clocks) -> Self {
        Self {
            on_packet,
            clocks,
            opus: AtomicU8::new(0),
            red: AtomicU8::new(0),
            tracks: AtomicU64::new(0),
            video: Mutex::default(),
            counts: Counts::default(),
        }
    }

    /// Takes the payload types under which sound comes.
    pub(crate) fn set_audio_types(&self, opus: u8, red: Option<u8>) {
        self.opus.store(opus, Ordering::Relaxed);
        self.red.store(red.unwrap_or(0), Ordering::Relaxed);
    }

    /// Reads a track until it ends with the connection.
    pub(crate) async fn begin(self: &Arc<Self>, track: Arc<dyn TrackRemote>) {
        if self.tracks.fetch_add(1, Ordering::Relaxed) >= MAX_TRACKS {
            return;
        }
        let kind = match track.kind().await {
            RtpCodecKind::Audio => MediaKind::Audio,
            RtpCodecKind::Video => MediaKind::Video,
            _ => return,
        };
        tokio::spawn(Arc::clone(self).read(track, kind));
    }

    /// Sends a PLI for the newest video track.
    pub(crate) async fn request_key_frame(&self) {
        let Some((track, media_ssrc)) = self.video.lock().unwrap_or_else(PoisonError::into_inner).clone() else {
            return;
        };
        let request = PictureLossIndication { sender_ssrc: 0, media_ssrc };
        if let Err(error) = track.write_rtcp(vec![Box::new(request)]).await {
            tracing::debug!(%error, "a key-frame request was not sent");
        }
    }

    pub(crate) fn count_into(&self, stats: &mut TransportStats) {
        stats.video_packets_received = self.counts.video_packets.load(Ordering::Relaxed);
        stats.video_bytes_received = self.counts.video_bytes.load(Ordering::Relaxed);
        stats.audio_packets_received = self.counts.audio_packets.load(Ordering::Relaxed);
        stats.audio_bytes_received = self.counts.audio_bytes.load(Ordering::Relaxed);
    }

    async fn read(self: Arc<Self>, track: Arc<dyn TrackRemote>, kind: MediaKind) {
        let mut known_ssrc = None;
        while let Some(event) = track.poll().await {
            let TrackRemoteEvent::OnRtpPacket(packet) = event else {
                continue;
            };
            if kind == MediaKind::Video && known_ssrc != Some(packet.header.ssrc) {
                known_ssrc = Some(packet.header.ssrc);
                *self.video.lock().unwrap_or_else(PoisonError::into_inner) =
                    Some((Arc::clone(&track), packet.header.ssrc));
            }
            self.deliver(kind, packet);
        }
    }

    fn deliver(&self, kind: MediaKind, packet: rtc::rtp::Packet) {
        let (packets, bytes) = match kind {
            MediaKind::Video => (&self.counts.video_packets, &self.counts.video_bytes),
            MediaKind::Audio => (&self.counts.audio_packets, &self.counts.audio_bytes),
        };
        packets.fetch_add(1, Ordering::Relaxed);
        bytes.fetch_add(packet.payload.len() as u64, Ordering::Relaxed);
        let arrived_at = Instant::now();
        let Some((payload, copies)) = self.unwrap(kind, &packet) else { return };
        let header = packet.header;
        let clock_hz = match kind {
            MediaKind::Video => codecs::VIDEO_CLOCK_HZ,
            MediaKind::Audio => codecs::AUDIO_CLOCK_HZ,
        };
        let captured_us = self.clocks.captured_us(header.ssrc, header.timestamp, clock_hz);
        (self.on_packet)(
            kind,
            MediaPacket {
                sequence_number: header.sequence_number,
                timestamp: header.timestamp,
                marker: header.marker,
                payload,
                arrived_at,
                captured_us,
                copies,
            },
        );
    }

    /// The frame of a packet and the copies of earlier ones in it. `None` when it is malformed.
    fn unwrap(&self, kind: MediaKind, packet: &rtc::rtp::Packet) -> Option<(Bytes, Vec<PacketCopy>)> {
        let (opus, red) = (self.opus.load(Ordering::Relaxed), self.red.load(Ordering::Relaxed));
        match kind {
            MediaKind::Audio if red != 0 && packet.header.payload_type == red => {
                redundancy::unwrap(opus, packet.header.timestamp, &packet.payload)
            }
            MediaKind::Audio | MediaKind::Video => Some((packet.payload.clone(), Vec::new())),
        }
    }
}
