//! What the person hears: the sound of all others, mixed at the pace of the loudspeaker.

use crate::engine::StreamId;
use crate::engine::marks::MarkWindow;
use crate::peer::MediaPacket;
use parley_media::level::Level;
use parley_media::mark::click::ClickDetector;
use parley_media::mark::wall_us;
use parley_media::{AudioJitterBuffer, CHUNK_SAMPLES, Fader, JitterStats, LevelMeter, Mixer, SAMPLE_RATE, SpareCopy};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Hears the mix that goes to the loudspeaker, with the time at which it will be heard.
pub(crate) type MixTap = Box<dyn FnMut(&[f32; CHUNK_SAMPLES], Instant) + Send>;

#[derive(Default)]
pub(crate) struct Playout {
    streams: Mutex<BTreeMap<StreamId, Arc<RemoteSound>>>,
    /// What the person has chosen, also for a stream that is gone and may come back.
    volumes: Mutex<BTreeMap<StreamId, f32>>,
    tap: Mutex<Option<MixTap>>,
}

impl Playout {
    /// Adds the sound of another participant; a former one of the same stream is replaced.
    pub(crate) fn add(&self, stream: StreamId, measure_marks: bool) -> Arc<RemoteSound> {
        let volume = lock(&self.volumes).get(&stream).copied().unwrap_or(1.0);
        let sound = Arc::new(RemoteSound::new(measure_marks, volume));
        lock(&self.streams).insert(stream, Arc::clone(&sound));
        sound
    }

    pub(crate) fn remove(&self, stream: StreamId) {
        lock(&self.streams).remove(&stream);
    }

    /// Makes a stream `gain` times as loud, 0 to 2, without a click; one that is not there yet begins with it.
    pub(crate) fn set_volume(&self, stream: StreamId, gain: f32) {
        lock(&self.volumes).insert(stream, gain);
        if let Some(sound) = lock(&self.streams).get(&stream) {
            sound.set_volume(gain);
        }
    }

    /// How loud every stream arrives, whatever its volume.
    pub(crate) fn levels(&self) -> Vec<(StreamId, Level)> {
        lock(&self.streams).iter().map(|(stream, sound)| (*stream, sound.level())).collect()
    }

    pub(crate) fn set_tap(&self, tap: MixTap) {
        *lock(&self.tap) = Some(tap);
    }

    /// Fills the next 10 ms. Called by the playout thread, which is not the audio callback.
    pub(crate) fn pull(&self, out: &mut [f32; CHUNK_SAMPLES], heard_at: Instant) {
        let streams: Vec<_> = lock(&self.streams).values().cloned().collect();
        let mut mixer = Mixer::new();
        for stream in streams {
            stream.mix_into(&mut mixer, heard_at);
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
    fader: Fader,
    meter: LevelMeter,
    /// An RTP time and when it was captured, in microseconds of the sender's clock.
    captured: Option<(u32, i64)>,
    /// What was played last: how long it took from capture to ear, and when.
    latency: Option<(f64, Instant)>,
}

/// A latency that is older than this says nothing about the present.
const LATENCY_AGE: Duration = Duration::from_secs(1);

impl RemoteSound {
    fn new(measure_marks: bool, volume: f32) -> Self {
        let state = SoundState {
            jitter: AudioJitterBuffer::new(),
            clicks: measure_marks.then(ClickDetector::new),
            latencies: MarkWindow::default(),
            fader: Fader::new(volume),
            meter: LevelMeter::new(),
            captured: None,
            latency: None,
        };
        Self { state: Mutex::new(state) }
    }

    fn set_volume(&self, gain: f32) {
        lock(&self.state).fader.set(gain);
    }

    fn level(&self) -> Level {
        lock(&self.state).meter.level()
    }

    pub(crate) fn push(&self, packet: &MediaPacket) {
        let mut state = lock(&self.state);
        push(&mut state.jitter, packet);
        state.captured = packet.captured_us.map(|captured_us| (packet.timestamp, captured_us));
    }

    /// Begins anew: the next packets come from another RTP stream.
    pub(crate) fn restart(&self) {
        let mut state = lock(&self.state);
        state.jitter = AudioJitterBuffer::new();
        (state.captured, state.latency) = (None, None);
    }

    /// Plays so much later than the network asks for.
    pub(crate) fn set_extra_delay(&self, delay: Duration) {
        lock(&self.state).jitter.set_extra_delay(delay);
    }

    /// From capture to ear in milliseconds, off by the difference of the two clocks. `None` while nothing is played.
    pub(crate) fn latency_ms(&self, now: Instant) -> Option<f64> {
        let (latency_ms, heard_at) = lock(&self.state).latency?;
        (now.saturating_duration_since(heard_at) < LATENCY_AGE).then_some(latency_ms)
    }

    pub(crate) fn stats(&self) -> JitterStats {
        lock(&self.state).jitter.stats()
    }

    pub(crate) fn latencies(&self) -> MarkWindow {
        lock(&self.state).latencies.clone()
    }

    fn mix_into(&self, mixer: &mut Mixer, heard_at: Instant) {
        let mut samples = [0.0; CHUNK_SAMPLES];
        let state = &mut *lock(&self.state);
        state.jitter.pull(&mut samples, Instant::now());
        state.measure(heard_at);
        state.meter.push(&samples);
        let click = state.clicks.as_mut().and_then(|clicks| clicks.push(&samples, heard_at));
        if let Some(click) = click {
            state.latencies.push(click.latency);
        }
        mixer.add(&samples, &mut state.fader);
    }
}

/// Hands a packet over with the copies in it.
pub(crate) fn push(jitter: &mut AudioJitterBuffer, packet: &MediaPacket) {
    let copies: Vec<_> = (1..)
        .zip(&packet.copies)
        .map(|(distance, copy)| SpareCopy { distance, timestamp: copy.timestamp, packet: &copy.payload })
        .collect();
    jitter.push(packet.sequence_number, packet.timestamp, &packet.payload, &copies, packet.arrived_at);
}

impl SoundState {
    /// After a chunk was taken that will be heard at `heard_at`.
    fn measure(&mut self, heard_at: Instant) {
        let (Some((timestamp, captured_us)), Some(next)) = (self.captured, self.jitter.position()) else { return };
        let first = next.wrapping_sub(CHUNK_SAMPLES as u32);
        let samples = i64::from(first.wrapping_sub(timestamp) as i32);
        let captured_us = captured_us + samples * 1_000_000 / i64::from(SAMPLE_RATE);
        self.latency = Some(((wall_us(heard_at) - captured_us) as f64 / 1e3, heard_at));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_is_kept_for_a_stream_that_comes_later_and_comes_back() {
        let (playout, stream) = (Playout::default(), StreamId::FIRST_REMOTE);
        playout.set_volume(stream, 0.0);
        for _ in 0..2 {
            let sound = playout.add(stream, false);
            let mut mixer = Mixer::new();
            mixer.add(&[0.5; CHUNK_SAMPLES], &mut lock(&sound.state).fader);
            let mut out = [1.0; CHUNK_SAMPLES];
            mixer.take(&mut out);
            assert_eq!(out, [0.0; CHUNK_SAMPLES]);
            assert_eq!(playout.levels(), [(stream, Level::default())]);
            playout.remove(stream);
        }
    }
}
