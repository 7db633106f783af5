//! What a measured call prints.

use serde::Serialize;

use crate::engine::{LatencyMs, PeerStats};

/// One end of a call. Times are Unix milliseconds.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// When this side learned of the accept.
    pub accepted_at_ms: Option<i64>,
    pub first_video_at_ms: Option<i64>,
    pub first_audio_at_ms: Option<i64>,
    pub video: VideoReport,
    pub audio: AudioReport,
    pub rtt_ms: Option<f64>,
    pub route: String,
    pub codec: String,
    pub rss_mb: Option<f64>,
    /// Processor time of this process from the first media to the hang-up.
    pub cpu_s: Option<f64>,
    /// The span of `cpu_s`.
    pub seconds: f64,
    pub picture: Option<std::path::PathBuf>,
}

#[derive(Debug, Serialize)]
pub(super) struct VideoReport {
    captured: u64,
    sent: u64,
    received: u64,
    decoded: u64,
    width: usize,
    height: usize,
    fps: f64,
    /// Received.
    kbps: f64,
    latency_ms: Option<LatencyMs>,
}

#[derive(Debug, Serialize)]
pub(super) struct AudioReport {
    sent: u64,
    received: u64,
    lost: u64,
    concealed_ratio: f64,
    latency_ms: Option<LatencyMs>,
}

impl VideoReport {
    pub fn of(stats: &PeerStats) -> Self {
        let video = &stats.video;
        Self {
            captured: video.captured,
            sent: video.sent,
            received: video.received,
            decoded: video.decoded,
            width: video.width,
            height: video.height,
            fps: video.fps,
            kbps: video.kbps_in,
            latency_ms: stats.marks.as_ref().and_then(|marks| marks.video),
        }
    }
}

impl AudioReport {
    pub fn of(stats: &PeerStats) -> Self {
        let audio = &stats.audio;
        Self {
            sent: audio.sent,
            received: audio.received,
            lost: audio.lost,
            concealed_ratio: audio.concealed_ratio,
            latency_ms: stats.marks.as_ref().and_then(|marks| marks.audio),
        }
    }
}
