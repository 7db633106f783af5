//! The thread that encodes the person's sound, once for all peers.

use super::broadcast::AudioBroadcast;
use crate::peer::AudioUnit;
use parley_media::codec::CodecError;
use parley_media::codec::opus::{Encoder, FRAME_SAMPLES, OpusConfig};
use parley_media::{AudioChunk, CHUNK_SAMPLES, SAMPLE_RATE};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Instant;

/// 160 ms of sound; an encoder that is further behind loses chunks.
const QUEUE_CHUNKS: usize = 16;
/// An RTP clock that is off by more than this jumps to the time of capture.
const MAX_CLOCK_DRIFT_SAMPLES: u64 = SAMPLE_RATE as u64 / 10;
/// A muted microphone sends this much silence, so that the other side fades out, and then nothing.
const MUTED_PACKETS: u32 = 10;

/// Takes chunks of 10 ms from any thread and sends packets of 20 ms. When the last clone is dropped the thread ends.
#[derive(Debug, Clone)]
pub(crate) struct SoundSender {
    chunks: SyncSender<Input>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Input {
    chunk: AudioChunk,
    is_muted: bool,
}

#[derive(Debug)]
struct Shared {
    broadcast: Arc<AudioBroadcast>,
    expected_loss_pct: AtomicU8,
}

impl SoundSender {
    pub(crate) fn spawn(broadcast: Arc<AudioBroadcast>, bitrate_bps: u32) -> Self {
        let (chunks, receiver) = sync_channel(QUEUE_CHUNKS);
        let config = OpusConfig { bitrate_bps, ..OpusConfig::default() };
        let shared = Arc::new(Shared { broadcast, expected_loss_pct: AtomicU8::new(config.expected_loss_pct) });
        let on_thread = Arc::clone(&shared);
        let spawned = std::thread::Builder::new()
            .name("parley-sound".to_owned())
            .spawn(move || Worker::new(on_thread, config).run(&receiver));
        if let Err(error) = spawned {
            tracing::error!(%error, "no thread for encoding sound");
        }
        Self { chunks, shared }
    }

    /// Does not block; a chunk that finds no room is lost.
    pub(crate) fn push(&self, chunk: AudioChunk) {
        let _ = self.chunks.try_send(Input { chunk, is_muted: false });
    }

    /// Lets the time of `chunk` pass without its sound.
    pub(crate) fn push_muted(&self, chunk: AudioChunk) {
        let _ = self.chunks.try_send(Input { chunk: AudioChunk::silence(chunk.captured_at), is_muted: true });
    }

    /// What share of packets the peers lose, in percent: steers the error correction.
    pub(crate) fn set_expected_loss(&self, pct: u8) {
        self.shared.expected_loss_pct.store(pct.clamp(5, 30), Ordering::Relaxed);
    }
}

struct Worker {
    shared: Arc<Shared>,
    config: OpusConfig,
    encoder: Option<Encoder>,
    clock: SampleClock,
    frame: [f32; FRAME_SAMPLES],
    filled: usize,
    position: u64,
    /// Packets in a row that were muted.
    muted_packets: u32,
    was_silent: bool,
}

impl Worker {
    fn new(shared: Arc<Shared>, config: OpusConfig) -> Self {
        Self {
            shared,
            config,
            encoder: None,
            clock: SampleClock::default(),
            frame: [0.0; FRAME_SAMPLES],
            filled: 0,
            position: 0,
            muted_packets: 0,
            was_silent: true,
        }
    }

    fn run(mut self, inputs: &Receiver<Input>) {
        while let Ok(input) = inputs.recv() {
            if let Err(error) = self.take_in(&input) {
                tracing::warn!(%error, "sound was not encoded");
                self.encoder = None;
            }
        }
    }

    fn take_in(&mut self, Input { chunk, is_muted }: &Input) -> Result<(), CodecError> {
        let position = self.clock.position_of(chunk.captured_at);
        if position != self.position + self.filled as u64 {
            self.filled = 0;
        }
        if self.filled == 0 {
            self.position = position;
        }
        self.frame[self.filled..self.filled + CHUNK_SAMPLES].copy_from_slice(&chunk.samples);
        self.filled += CHUNK_SAMPLES;
        if self.filled < FRAME_SAMPLES {
            return Ok(());
        }
        self.filled = 0;
        self.muted_packets = if *is_muted { self.muted_packets.saturating_add(1) } else { 0 };
        let is_silent = self.muted_packets > MUTED_PACKETS || !self.shared.broadcast.has_listeners();
        if !is_silent {
            self.encode()?;
        }
        self.was_silent = is_silent;
        Ok(())
    }

    fn encode(&mut self) -> Result<(), CodecError> {
        let expected_loss_pct = self.shared.expected_loss_pct.load(Ordering::Relaxed);
        let mut encoder = match self.encoder.take() {
            Some(encoder) => encoder,
            None => Encoder::new(self.config)?,
        };
        if expected_loss_pct != self.config.expected_loss_pct {
            encoder.set_expected_loss(expected_loss_pct)?;
            self.config.expected_loss_pct = expected_loss_pct;
        }
        let packet = encoder.encode(&self.frame)?;
        self.encoder = Some(encoder);
        self.shared.broadcast.send(&AudioUnit {
            packet: packet.into(),
            sample_position: self.position,
            begins_talk_spurt: self.was_silent,
        });
        Ok(())
    }
}

/// Counts samples at 48 kHz; follows the time of capture when the two drift apart, as after a device was reopened.
#[derive(Debug, Default)]
struct SampleClock {
    epoch: Option<Instant>,
    next: u64,
}

impl SampleClock {
    fn position_of(&mut self, captured_at: Instant) -> u64 {
        let epoch = *self.epoch.get_or_insert(captured_at);
        let elapsed = captured_at.saturating_duration_since(epoch);
        let by_time = (elapsed.as_nanos() * u128::from(SAMPLE_RATE) / 1_000_000_000) as u64;
        // Never backwards: an RTP time must not be used twice.
        if by_time > self.next + MAX_CLOCK_DRIFT_SAMPLES {
            self.next = by_time;
        }
        let position = self.next;
        self.next += CHUNK_SAMPLES as u64;
        position
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_clock_counts_samples_while_capture_times_wobble() {
        let (mut clock, start) = (SampleClock::default(), Instant::now());
        let positions: Vec<_> =
            [0, 13, 18, 33, 40].map(|ms| clock.position_of(start + Duration::from_millis(ms))).into();
        assert_eq!(positions, [0, 480, 960, 1440, 1920]);
    }

    #[test]
    fn the_clock_jumps_over_a_pause_and_never_back() {
        let (mut clock, start) = (SampleClock::default(), Instant::now());
        clock.position_of(start);
        assert_eq!(clock.position_of(start + Duration::from_secs(2)), 96_000);
        assert_eq!(clock.position_of(start + Duration::from_secs(1)), 96_480);
    }

    fn chunk(at: Instant, amplitude: f32) -> AudioChunk {
        let mut samples = [0.0; CHUNK_SAMPLES];
        for (n, sample) in samples.iter_mut().enumerate() {
            *sample = amplitude * (n as f32 * 0.1).sin();
        }
        AudioChunk { samples, captured_at: at }
    }

    #[test]
    fn two_chunks_make_a_packet_with_their_position() {
        let broadcast = Arc::new(AudioBroadcast::default());
        let mut units = broadcast.subscribe();
        let sender = SoundSender::spawn(broadcast, 32_000);
        let start = Instant::now();
        for n in 0..8u32 {
            sender.push(chunk(start + Duration::from_millis(10) * n, 0.5));
        }
        let received: Vec<_> = (0..4).map(|_| units.blocking_recv().unwrap()).collect();
        assert_eq!(received.iter().map(|unit| unit.sample_position).collect::<Vec<_>>(), [0, 960, 1920, 2880]);
        assert!(received[0].begins_talk_spurt && !received[1].begins_talk_spurt);
    }

    #[test]
    fn a_muted_microphone_falls_silent_and_its_clock_goes_on() {
        let broadcast = Arc::new(AudioBroadcast::default());
        let mut units = broadcast.subscribe();
        let shared = Arc::new(Shared { broadcast, expected_loss_pct: AtomicU8::new(5) });
        let mut worker = Worker::new(shared, OpusConfig::default());
        let start = Instant::now();
        let mut sent = Vec::new();
        for n in 0..200u32 {
            let chunk = chunk(start + Duration::from_millis(10) * n, 0.5);
            worker.take_in(&Input { chunk, is_muted: n < 190 }).unwrap();
            sent.extend(units.try_recv().ok());
        }
        let muted = MUTED_PACKETS as usize;
        assert_eq!(sent.len(), muted + 5);
        assert_eq!((sent[muted].sample_position, sent[muted].begins_talk_spurt), (190 * 480, true));
    }
}
