//! What the person hears: the sound of all others, mixed at the pace of the loudspeaker.

use crate::engine::StreamId;
use crate::engine::marks::MarkWindow;
use crate::peer::MediaPacket;
use parley_media::mark::click::ClickDetector;
use parley_media::{AudioJitterBuffer, CHUNK_SAMPLES, JitterStats, Mixer};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Hears the mix that goes to the loudspeaker, with the time at which it will be heard.
pub(crate) type MixTap = Box<dyn FnMut(&[f32; CHUNK_SAMPLES], Instant) + Send>;

#[derive(Default)]
pub(crate) struct Playout {
    streams: Mutex<BTreeMap<StreamId, Arc<RemoteSound>>>,
    tap: Mutex<Option<MixTap>>,
}

impl Playout {
    /// Adds the sound of another participant; a former one of the same stream is replaced.
    pub(crate) fn add(&self, stream: StreamId, measure_marks: bool) -> Arc<RemoteSound> {
        let sound = Arc::new(RemoteSound::new(measure_marks));
        lock(&self.streams).insert(stream, Arc::clone(&sound));
        sound
    }

    pub(crate) fn remove(&self, stream: StreamId) {
        lock(&self.streams).remove(&stream);
    }

    pub(crate) fn set_tap(&self, tap: MixTap) {
        *lock(&self.tap) = Some(tap);
    }

    /// Fills the next 10 ms. Called by the playout thread, which is not the audio callback.
    pub(crate) fn pull(&self, out: &mut [f32; CHUNK_SAMPLES], heard_at: Instant) {
        let streams: Vec<_> = lock(&self.streams).values().cloned().collect();
        let mut mixer = Mixer::new();
        for stream in streams {
            let mut samples = [0.0; CHUNK_SAMPLES];
            stream.pull(&mut samples, heard_at);
            mixer.add(&samples, 1.0);
        }
        mixer.take(out);
        if let Some(tap) = lock(&self.tap).as_mut() {
            tap(out, heard_at);
        }
    }
}

impl std::fmt::Debug for Playout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Playout").field("streams", &lock(&self.streams).len()).finish_non_exhaustive()
    }
}

/// The sound of one other participant between network and loudspeaker.
pub(crate) struct RemoteSound {
    state: Mutex<SoundState>,
}

struct SoundState {
    jitter: AudioJitterBuffer,
    /// Listens for latency marks, when they are measured.
    clicks: Option<ClickDetector>,
    latencies: MarkWindow,
}

impl RemoteSound {
    fn new(measure_marks: bool) -> Self {
        let clicks = measure_marks.then(ClickDetector::new);
        let state = SoundState { jitter: AudioJitterBuffer::new(), clicks, latencies: MarkWindow::default() };
        Self { state: Mutex::new(state) }
    }

    pub(crate) fn push(&self, packet: &MediaPacket) {
        lock(&self.state).jitter.push(packet.sequence_number, packet.timestamp, &packet.payload, packet.arrived_at);
    }

    /// Begins anew: the next packets come from another RTP stream.
    pub(crate) fn restart(&self) {
        lock(&self.state).jitter = AudioJitterBuffer::new();
    }

    pub(crate) fn stats(&self) -> JitterStats {
        lock(&self.state).jitter.stats()
    }

    pub(crate) fn latencies(&self) -> MarkWindow {
        lock(&self.state).latencies.clone()
    }

    fn pull(&self, out: &mut [f32; CHUNK_SAMPLES], heard_at: Instant) {
        let mut state = lock(&self.state);
        state.jitter.pull(out, Instant::now());
        let click = state.clicks.as_mut().and_then(|clicks| clicks.push(out, heard_at));
        if let Some(click) = click {
            state.latencies.push(click.latency);
        }
    }
}

impl std::fmt::Debug for RemoteSound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RemoteSound")
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
