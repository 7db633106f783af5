//! Sound that needs no device: silence and clicks, paced like a microphone.

use std::time::{Duration, Instant};

use super::{AudioEvent, emitter::Emitter};
use crate::{
    audio::{AudioChunk, CHUNK_DURATION, CHUNK_SAMPLES},
    device::DeviceError,
    mark::click::ClickTrack,
};

pub(super) fn run_silence(emitter: &Emitter<AudioEvent>) -> Result<(), DeviceError> {
    run("Silence", CHUNK_DURATION, emitter, |_, _| {})
}

/// `drift_ppm`: by how many millionths the clock of this microphone is fast.
pub(super) fn run_clicks(drift_ppm: i32, emitter: &Emitter<AudioEvent>) -> Result<(), DeviceError> {
    let mut track = ClickTrack::new();
    let rate = 1.0 + f64::from(drift_ppm.clamp(-MAX_DRIFT_PPM, MAX_DRIFT_PPM)) / 1e6;
    run("Clicks", CHUNK_DURATION.div_f64(rate), emitter, move |samples, captured_at| track.fill(samples, captured_at))
}

/// Far more than any sound card is off.
const MAX_DRIFT_PPM: i32 = 100_000;

/// Delivers a chunk every `period` (10 ms by the clock of this source), once its last sample would have been heard.
/// `fill` gets silence.
pub(super) fn run(
    name: &str,
    period: Duration,
    emitter: &Emitter<AudioEvent>,
    mut fill: impl FnMut(&mut [f32; CHUNK_SAMPLES], Instant),
) -> Result<(), DeviceError> {
    let mut go_on = emitter.emit(AudioEvent::Started { name: name.to_owned() });
    let mut pace = Pace::new(period);
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
    period: Duration,
    next: Instant,
}

impl Pace {
    pub(super) fn new(period: Duration) -> Self {
        Self { period, next: Instant::now() }
    }

    /// Sleeps to the end of the current period and returns when that period began.
    pub(super) fn wait(&mut self) -> Instant {
        const CATCH_UP_LIMIT: Duration = Duration::from_millis(500);
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
