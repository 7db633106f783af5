//! Sends back whatever another participant sends: the far end of a self test.

use super::frame_hub::{FrameHub, StreamId};
use super::local::{LocalMedia, LocalOptions, MediaConfig};
use parley_media::{AudioChunk, AudioSourceConfig, CHUNK_DURATION, CHUNK_SAMPLES, SpeakerConfig};
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// Longer delays of sound are cut to this.
const MAX_SOUND_DELAY: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, PartialEq)]
pub struct EchoConfig {
    /// Sound comes back so much later, so that a person hears it apart from the own voice. At most 5 s.
    pub sound_delay: Duration,
    pub video_bitrate_bps: u32,
    pub audio_bitrate_bps: u32,
}

impl Default for EchoConfig {
    fn default() -> Self {
        let MediaConfig { video_bitrate_bps, audio_bitrate_bps, .. } = MediaConfig::default();
        Self { sound_delay: Duration::from_millis(500), video_bitrate_bps, audio_bitrate_bps }
    }
}

/// Local media without devices: the pictures of one remote stream and the sound of all remote streams go back out.
///
/// Give [`Echo::local`] and the hub to a [`PeerSession`](super::PeerSession) like a person's own media. Dropping it
/// stops the pictures; the sound ends with the last clone of the local media.
#[derive(Debug)]
pub struct Echo {
    local: LocalMedia,
    pictures: JoinHandle<()>,
}

impl Echo {
    /// Watches `stream` of `frames`. Opens no device; needs a Tokio runtime around it.
    pub fn start(config: &EchoConfig, frames: &FrameHub, stream: StreamId) -> Self {
        let media = MediaConfig {
            microphone: AudioSourceConfig::Silence,
            // The pace of a loudspeaker pulls the sound out of the jitter buffer.
            speaker: SpeakerConfig::Null,
            video_bitrate_bps: config.video_bitrate_bps,
            audio_bitrate_bps: config.audio_bitrate_bps,
            ..MediaConfig::default()
        };
        // Nothing reads a self view here: there is no camera.
        let options = LocalOptions { audio: false, video: false, frames: FrameHub::new(), self_view: StreamId::SELF };
        let (local, _events) = LocalMedia::open(media, options);
        return_sound(&local, config.sound_delay.min(MAX_SOUND_DELAY));
        let pictures = tokio::spawn(return_pictures(local.clone(), frames.clone(), stream));
        Self { local, pictures }
    }

    pub fn local(&self) -> LocalMedia {
        self.local.clone()
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.pictures.abort();
    }
}

async fn return_pictures(local: LocalMedia, frames: FrameHub, stream: StreamId) {
    let mut watch = frames.subscribe(stream);
    while let Some(frame) = watch.changed().await {
        local.inject_picture(frame);
    }
}

fn return_sound(local: &LocalMedia, delay: Duration) {
    let mut waiting = DelayLine::new(delay);
    let sender = local.sound_injector();
    local.set_mix_tap(move |samples, _heard_at| {
        let chunk = AudioChunk { samples: waiting.push(*samples), captured_at: Instant::now() };
        sender.push(chunk);
    });
}

/// Gives every chunk back after a fixed number of others; silence before.
struct DelayLine {
    chunks: VecDeque<[f32; CHUNK_SAMPLES]>,
}

impl DelayLine {
    fn new(delay: Duration) -> Self {
        let len = (delay.as_millis() / CHUNK_DURATION.as_millis()) as usize;
        Self { chunks: std::iter::repeat_n([0.0; CHUNK_SAMPLES], len).collect() }
    }

    fn push(&mut self, chunk: [f32; CHUNK_SAMPLES]) -> [f32; CHUNK_SAMPLES] {
        self.chunks.push_back(chunk);
        self.chunks.pop_front().unwrap_or(chunk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_line_gives_chunks_back_in_order_after_the_delay() {
        let mut line = DelayLine::new(Duration::from_millis(30));
        let firsts: Vec<f32> = (1..=6).map(|n| line.push([n as f32; CHUNK_SAMPLES])[0]).collect();
        assert_eq!(firsts, [0.0, 0.0, 0.0, 1.0, 2.0, 3.0]);
        let mut none = DelayLine::new(Duration::ZERO);
        assert_eq!(none.push([7.0; CHUNK_SAMPLES])[0], 7.0);
    }
}
