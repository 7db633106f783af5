//! Sound that needs no device: silence and clicks, paced like a microphone.

use std::time::Instant;

use super::{AudioEvent, emitter::Emitter};
use crate::{
    audio::{AudioChunk, CHUNK_DURATION, CHUNK_SAMPLES},
    device::DeviceError,
    mark::click::ClickTrack,
};

pub(super) fn run_silence(emitter: &Emitter<AudioEvent>) -> Result<(), DeviceError> {
    run("Silence", emitter, |_, _| {})
}

pub(super) fn run_clicks(emitter: &Emitter<AudioEvent>) -> Result<(), DeviceError> {
    let mut track = ClickTrack::new();
    run("Clicks", emitter, move |samples, captured_at| track.fill(samples, captured_at))
}

/// Delivers a chunk every 10 ms, once its last sample would have been heard. `fill` gets silence.
pub(super) fn run(
    name: &str,
    emitter: &Emitter<AudioEvent>,
    mut fill: impl FnMut(&mut [f32; CHUNK_SAMPLES], Instant),
) -> Result<(), DeviceError> {
    let mut go_on = emitter.emit(AudioEvent::Started { name: name.to_owned() });
    let mut pace = Pace::new(CHUNK_DURATION);
    while go_on {
        let captured_at = pace.wait();
        let mut chunk = AudioChunk::silence(captured_at);
        fill(&mut chunk.samples, captured_at);
        go_on = emitter.emit(AudioEvent::Chunk(chunk));
    }
    Ok(())
}

/// A steady beat that does not drift. After a long sleep of the machine it starts anew and does not catch up.
pub(super) struct Pace {
    period: std::time::Duration,
    next: Instant,
}

impl Pace {
    pub(super) fn new(period: std::time::Duration) -> Self {
        Self { period, next: Instant::now() }
    }

    /// Sleeps to the end of the current period and returns when that period began.
    pub(super) fn wait(&mut self) -> Instant {
        const CATCH_UP_LIMIT: std::time::Duration = std::time::Duration::from_millis(500);
        let now = Instant::now();
        if now.duration_since(self.next) > CATCH_UP_LIMIT {
            self.next = now;
        }
        let began = self.next;
        self.next += self.period;
        std::thread::sleep(self.next.saturating_duration_since(Instant::now()));
        began
    }
}
