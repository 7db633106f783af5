//! Between the engine's words and the core's.

use parley_media::{AudioSourceConfig, DeviceError, SpeakerConfig, VideoSourceConfig, VoiceConfig};
use parley_shared::ids::ParticipantId;
use parley_shared::view::{DeviceKindView, DeviceProblemCode, MediaStats, ParticipantStats, Quality, VoiceView};

use crate::config::MediaOverrides;
use crate::core::{DeviceChoice, MediaEvent};
use crate::engine::{self, LocalMedia, LocalMediaEvent, MediaConfig, PeerStats};

/// What a call uses: the chosen devices, unless something stands in for them.
pub(super) fn media_config(overrides: &MediaOverrides, devices: &DeviceChoice, voice: VoiceView) -> MediaConfig {
    let standard = MediaConfig::default();
    let camera = VideoSourceConfig::Camera { id: devices.camera.clone(), width: 1280, height: 720, fps: 30 };
    let microphone = AudioSourceConfig::Device { id: devices.microphone.clone() };
    let speaker = SpeakerConfig::Device { id: devices.speaker.clone() };
    MediaConfig {
        camera: overrides.camera.clone().unwrap_or(camera),
        microphone: overrides.microphone.clone().unwrap_or(microphone),
        speaker: overrides.speaker.clone().unwrap_or(speaker),
        voice: overrides.voice.unwrap_or(voice_config(voice)),
        measure_marks: overrides.measure_marks,
        ..standard
    }
}

fn voice_config(view: VoiceView) -> VoiceConfig {
    VoiceConfig {
        echo_cancellation: view.echo_cancellation,
        noise_suppression: view.noise_suppression,
        automatic_gain: view.automatic_gain,
        high_pass: view.high_pass,
    }
}

/// Goes over from one set of devices to another; one that stays the same is not opened again.
pub(super) fn switch(media: &LocalMedia, from: &MediaConfig, to: &MediaConfig) {
    if from.camera != to.camera {
        media.switch(engine::DeviceChoice::Camera(to.camera.clone()));
    }
    if from.microphone != to.microphone {
        media.switch(engine::DeviceChoice::Microphone(to.microphone.clone()));
    }
    if from.speaker != to.speaker {
        media.switch(engine::DeviceChoice::Speaker(to.speaker.clone()));
    }
    if from.voice != to.voice {
        media.set_voice(to.voice);
    }
}

pub(super) fn device_event(event: LocalMediaEvent) -> MediaEvent {
    use DeviceKindView::{Camera, Microphone, Speaker};
    let started = |kind, name| MediaEvent::DeviceStarted { kind, name };
    let failed = |kind, code| MediaEvent::DeviceFailed { kind, code };
    match event {
        LocalMediaEvent::CameraStarted { name, .. } => started(Camera, name),
        LocalMediaEvent::MicrophoneStarted { name } => started(Microphone, name),
        LocalMediaEvent::SpeakerStarted { name } => started(Speaker, name),
        LocalMediaEvent::CameraResumed => MediaEvent::DeviceHealed(Camera),
        LocalMediaEvent::MicrophoneResumed | LocalMediaEvent::MicrophoneHeard => MediaEvent::DeviceHealed(Microphone),
        LocalMediaEvent::CameraStalled => failed(Camera, DeviceProblemCode::Stalled),
        LocalMediaEvent::MicrophoneStalled => failed(Microphone, DeviceProblemCode::Stalled),
        LocalMediaEvent::MicrophoneSilent => failed(Microphone, DeviceProblemCode::Silent),
        LocalMediaEvent::CameraFailed(error) => failed(Camera, problem(&error)),
        LocalMediaEvent::MicrophoneFailed(error) => failed(Microphone, problem(&error)),
        LocalMediaEvent::SpeakerFailed(error) => failed(Speaker, problem(&error)),
        LocalMediaEvent::SpeakingWhileMuted(speaking) => MediaEvent::SpeakingWhileMuted(speaking),
    }
}

fn problem(error: &DeviceError) -> DeviceProblemCode {
    match error {
        DeviceError::NotFound => DeviceProblemCode::NotFound,
        DeviceError::Busy => DeviceProblemCode::Busy,
        DeviceError::Denied => DeviceProblemCode::Denied,
        DeviceError::Gone => DeviceProblemCode::Gone,
        DeviceError::Unsupported(_) | DeviceError::Backend(_) => DeviceProblemCode::Failed,
    }
}

/// Turns counts since the beginning into what the last second was like.
#[derive(Debug, Default)]
pub(super) struct StatsHistory {
    received: u64,
    lost: u64,
}

impl StatsHistory {
    pub(super) fn view(&mut self, id: ParticipantId, stats: &PeerStats) -> ParticipantStats {
        let loss_in = self.loss_in_pct(stats);
        let shared = MediaStats {
            video_codec: stats.video_codec.clone(),
            audio_codec: stats.audio_codec.clone(),
            ..MediaStats::default()
        };
        ParticipantStats {
            id,
            display_name: String::new(),
            sent: MediaStats {
                width: size(stats.video.sent_width),
                height: size(stats.video.sent_height),
                fps: stats.video.sent_fps as f32,
                video_kbps: stats.video.kbps_out as f32,
                audio_kbps: stats.audio.kbps_out as f32,
                loss_pct: stats.loss_pct as f32,
                ..shared.clone()
            },
            received: MediaStats {
                width: size(stats.video.width),
                height: size(stats.video.height),
                fps: stats.video.fps as f32,
                video_kbps: stats.video.kbps_in as f32,
                audio_kbps: stats.audio.kbps_in as f32,
                loss_pct: loss_in,
                jitter_ms: stats.audio.jitter_ms as f32,
                audio_delay_ms: stats.audio.buffer_ms as f32,
                video_delay_ms: stats.video.playout_ms as f32,
                freezes: u32::try_from(stats.video.freezes).unwrap_or(u32::MAX),
                freeze_ms: stats.video.freeze_ms as u32,
                concealed_pct: 100.0 * stats.audio.concealed_ratio as f32,
                ..shared
            },
            rtt_ms: stats.rtt_ms.map(|rtt| rtt as f32),
            estimate_kbps: stats.target_kbps as f32,
            pacer_queue_ms: stats.pacer_queue_ms as f32,
            video_paused: stats.video.is_paused,
            av_skew_ms: stats.av_skew_ms.map(|skew| skew as f32),
            route: stats.route.clone(),
            quality: Quality::Unknown,
            cause: None,
        }
    }

    fn loss_in_pct(&mut self, stats: &PeerStats) -> f32 {
        let (received, lost) =
            (stats.video.packets_received + stats.audio.received, stats.video.lost + stats.audio.lost);
        let new = (received.saturating_sub(self.received), lost.saturating_sub(self.lost));
        (self.received, self.lost) = (received, lost);
        if new.0 + new.1 == 0 { 0.0 } else { 100.0 * new.1 as f32 / (new.0 + new.1) as f32 }
    }
}

fn size(pixels: usize) -> u32 {
    u32::try_from(pixels).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats(received: u64, lost: u64, rtt_ms: f64) -> PeerStats {
        let mut stats = PeerStats { rtt_ms: Some(rtt_ms), route: "direct udp".to_owned(), ..PeerStats::default() };
        stats.video.packets_received = received;
        stats.video.lost = lost;
        stats
    }

    #[test]
    fn loss_is_of_the_last_second_only() {
        let mut history = StatsHistory::default();
        let id = ParticipantId::from_bytes([1; 16]);
        assert_eq!(history.view(id, &stats(50, 50, 20.0)).received.loss_pct, 50.0);
        assert_eq!(history.view(id, &stats(150, 50, 20.0)).received.loss_pct, 0.0);
    }

    #[test]
    fn switches_of_the_voice_reach_the_engine_unless_something_stands_in() {
        let quiet = VoiceView { noise_suppression: false, ..VoiceView::default() };
        let config = media_config(&MediaOverrides::default(), &DeviceChoice::default(), quiet);
        assert_eq!(config.voice, VoiceConfig { noise_suppression: false, ..VoiceConfig::ALL });
        let overrides = MediaOverrides { voice: Some(VoiceConfig::OFF), ..MediaOverrides::default() };
        assert_eq!(media_config(&overrides, &DeviceChoice::default(), quiet).voice, VoiceConfig::OFF);
    }
}
