//! What a session has measured, for the person and for tests.

use crate::engine::marks::{LatencyMs, MarkWindow};
use serde::Serialize;

/// Counts since the session began; rates over the last second.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct PeerStats {
    pub video: VideoStats,
    pub audio: AudioStats,
    pub rtt_ms: Option<f64>,
    /// Share of our video that the other side has lost lately, in percent.
    pub loss_pct: f64,
    /// "direct udp" or "relayed udp"; empty before the connection is up.
    pub route: String,
    pub video_codec: String,
    pub audio_codec: String,
    /// What the path may carry at present, in kbit/s on the wire.
    pub target_kbps: u32,
    /// How long what waits to be sent takes to leave.
    pub pacer_queue_ms: f64,
    /// How often the connection was built.
    pub generation: u32,
    /// How much later pictures are seen than their sound is heard, by the sender's clock; negative when they are earlier.
    pub av_skew_ms: Option<f64>,
    /// Latency from capture to here, when the other side sends marks and they are measured.
    pub marks: Option<MarkStats>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct VideoStats {
    /// Pictures of our camera.
    pub captured: u64,
    /// Pictures that we encoded, for all peers together.
    pub sent: u64,
    /// Pictures of the other side that came whole.
    pub received: u64,
    /// Those of them that were shown.
    pub decoded: u64,
    pub key_frames: u64,
    pub packets_received: u64,
    /// Packets that never came.
    pub lost: u64,
    pub width: usize,
    pub height: usize,
    pub fps: f64,
    /// The size and rate of what we encode at present.
    pub sent_width: usize,
    pub sent_height: usize,
    pub sent_fps: f64,
    /// Our pictures are paused because the path carries sound only; they go on by themselves.
    pub is_paused: bool,
    /// How often the picture stood still, for how long together, and for how long at most. (W3C `freezeCount`)
    pub freezes: u64,
    pub freeze_ms: f64,
    pub longest_freeze_ms: f64,
    /// How much later than the quickest pictures are shown.
    pub playout_ms: f64,
    pub kbps_in: f64,
    pub kbps_out: f64,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct AudioStats {
    /// Packets.
    pub sent: u64,
    pub received: u64,
    pub lost: u64,
    /// Samples that were played since the first packet, and those of them that were invented.
    pub played_samples: u64,
    pub concealed_samples: u64,
    /// Share of the played samples that were invented, 0 to 1.
    pub concealed_ratio: f64,
    /// Lost packets that were made up for by copies in later ones.
    pub recovered: u64,
    /// How much later than by the quickest packets sound plays.
    pub buffer_ms: f64,
    /// How much later it should play.
    pub target_ms: f64,
    /// Mean difference in delay between one packet and the next.
    pub jitter_ms: f64,
    pub kbps_in: f64,
    pub kbps_out: f64,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct MarkStats {
    pub video: Option<LatencyMs>,
    pub audio: Option<LatencyMs>,
    /// How much later pictures were seen than clicks were heard, over about the last five seconds.
    pub skew_ms: Option<f64>,
}

impl MarkStats {
    /// Five seconds of clicks, one each, and of pictures at up to 30 a second.
    const RECENT_CLICKS: usize = 5;
    const RECENT_PICTURES: usize = 150;

    pub(crate) fn new(video: &MarkWindow, audio: &MarkWindow) -> Self {
        let recent = (video.recent_median_ms(Self::RECENT_PICTURES), audio.recent_median_ms(Self::RECENT_CLICKS));
        let skew_ms = if let (Some(video), Some(audio)) = recent { Some(video - audio) } else { None };
        Self { video: video.summary(), audio: audio.summary(), skew_ms }
    }
}
