//! The thread that encodes the person's sound, once for all peers.

use super::broadcast::{AudioBroadcast, AudioPath};
use crate::peer::AudioUnit;
use parley_media::codec::CodecError;
use parley_media::codec::opus::{self, Encoder, FRAME_SAMPLES, OpusConfig, SHORT_FRAME_SAMPLES};
use parley_media::{AudioChunk, CHUNK_DURATION, CHUNK_SAMPLES, SAMPLE_RATE};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// 160 ms of sound; an encoder that is further behind loses chunks.
const QUEUE_CHUNKS: usize = 16;
/// A longer time without a chunk is a pause, over which the RTP clock jumps. What a microphone's clock drifts it does not
/// follow: sender reports tell how the two run.
const PAUSE: Duration = Duration::from_millis(100);
/// A muted microphone sends this much silence, so that the other side fades out, and then nothing.
const MUTED_PACKETS: u32 = 10;
/// How often the begin of a pause is told: whoever misses it takes the pause for loss.
const PAUSE_PACKETS: u32 = 2;

/// Takes chunks of 10 ms from any thread and sends packets of 10 or 20 ms. When the last clone is dropped the thread ends.
#[derive(Debug, Clone)]
pub(crate) struct SoundSender {
    chunks: SyncSender<Input>,
}

#[derive(Debug)]
struct Input {
    chunk: AudioChunk,
    is_muted: bool,
}

impl SoundSender {
    /// Starts the thread. With `pauses` silence is not sent; clicks of 10 ms would be taken for silence as well.
    pub(crate) fn spawn(broadcast: Arc<AudioBroadcast>, bitrate_bps: u32, pauses: bool) -> Self {
        let (chunks, receiver) = sync_channel(QUEUE_CHUNKS);
        let config = OpusConfig { bitrate_bps, dtx: pauses, ..OpusConfig::default() };
        let spawned = std::thread::Builder::new()
            .name("parley-sound".to_owned())
            .spawn(move || Worker::new(broadcast, config).run(&receiver));
        if let Err(error) = spawned {
            tracing::error!(%error, "no thread for encoding sound");
        }
        Self { chunks }
    }

    /// Does not block; a chunk that finds no room is lost.
    pub(crate) fn push(&self, chunk: AudioChunk) {
        let _ = self.chunks.try_send(Input { chunk, is_muted: false });
    }

    /// Lets the time of `chunk` pass without its sound.
    pub(crate) fn push_muted(&self, chunk: AudioChunk) {
        let _ = self.chunks.try_send(Input { chunk: AudioChunk::silence(chunk.captured_at), is_muted: true });
    }
}

struct Worker {
    broadcast: Arc<AudioBroadcast>,
    config: OpusConfig,
    encoder: Option<Encoder>,
    clock: SampleClock,
    frame: Frame,
    /// Packets in a row that were muted.
    muted_packets: u32,
    /// Packets in a row that told of a pause.
    pause_packets: u32,
    last_packet: Vec<u8>,
    was_silent: bool,
}

/// What goes into the next packet.
struct Frame {
    samples: [f32; FRAME_SAMPLES],
    filled: usize,
    /// Samples of a whole packet.
    wanted: usize,
    position: u64,
    captured_at: Instant,
}

impl Worker {
    fn new(broadcast: Arc<AudioBroadcast>, config: OpusConfig) -> Self {
        let frame = Frame {
            samples: [0.0; FRAME_SAMPLES],
            filled: 0,
            wanted: FRAME_SAMPLES,
            position: 0,
            captured_at: Instant::now(),
        };
        Self {
            broadcast,
            config,
            encoder: None,
            clock: SampleClock::default(),
            frame,
            muted_packets: 0,
            pause_packets: 0,
            last_packet: Vec::new(),
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
        let path = self.broadcast.path();
        let position = self.clock.position_of(chunk.captured_at);
        let frame = &mut self.frame;
        // While there is nobody to send to, only the last chunk is kept: whoever comes next need not wait for two.
        if path.is_none() || position != frame.position + frame.filled as u64 {
            frame.filled = 0;
        }
        if frame.filled == 0 {
            let is_short = path.is_some_and(|path| path.short_packets);
            frame.wanted = if is_short { SHORT_FRAME_SAMPLES } else { FRAME_SAMPLES };
            (frame.position, frame.captured_at) = (position, chunk.captured_at);
        }
        frame.samples[frame.filled..frame.filled + CHUNK_SAMPLES].copy_from_slice(&chunk.samples);
        frame.filled += CHUNK_SAMPLES;
        let Some(path) = path else {
            self.send(None);
            return Ok(());
        };
        if frame.filled < frame.wanted {
            return Ok(());
        }
        frame.filled = 0;
        self.muted_packets = if *is_muted { self.muted_packets.saturating_add(1) } else { 0 };
        let packet = if self.muted_packets > MUTED_PACKETS {
            opus::pause_after(&self.last_packet)
        } else {
            Some(self.encode(path)?)
        };
        self.send(packet);
        Ok(())
    }

    fn encode(&mut self, path: AudioPath) -> Result<Vec<u8>, CodecError> {
        let mut encoder = match self.encoder.take() {
            Some(encoder) => encoder,
            None => Encoder::new(self.config)?,
        };
        if path.expected_loss_pct != self.config.expected_loss_pct {
            encoder.set_expected_loss(path.expected_loss_pct)?;
            self.config.expected_loss_pct = path.expected_loss_pct;
        }
        let packet = encoder.encode(&self.frame.samples[..self.frame.wanted])?;
        self.encoder = Some(encoder);
        Ok(packet)
    }

    fn send(&mut self, packet: Option<Vec<u8>>) {
        let is_pause = packet.as_ref().is_none_or(|packet| opus::is_pause(packet));
        self.pause_packets = if is_pause { self.pause_packets.saturating_add(1) } else { 0 };
        if let Some(packet) = packet
            && self.pause_packets <= PAUSE_PACKETS
        {
            self.last_packet.clone_from(&packet);
            self.broadcast.send(&AudioUnit {
                packet: packet.into(),
                sample_position: self.frame.position,
                captured_at: self.frame.captured_at,
                begins_talk_spurt: self.was_silent,
            });
        }
        self.was_silent = is_pause;
    }
}

/// Counts samples at 48 kHz, and jumps over pauses, as when a device is opened again.
#[derive(Debug, Default)]
struct SampleClock {
    /// When the next chunk should have been captured.
    expected: Option<Instant>,
    next: u64,
}

impl SampleClock {
    fn position_of(&mut self, captured_at: Instant) -> u64 {
        let missing = captured_at.saturating_duration_since(self.expected.unwrap_or(captured_at));
        if missing > PAUSE {
            self.next += (missing.as_nanos() * u128::from(SAMPLE_RATE) / 1_000_000_000) as u64;
        }
        // Never backwards: an RTP time must not be used twice.
        let position = self.next;
        self.next += CHUNK_SAMPLES as u64;
        self.expected = Some(captured_at + CHUNK_DURATION);
        position
    }
}

#[cfg(test)]
mod tests {
    use super::super::broadcast::AudioSubscription;
    use super::*;

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

    #[test]
    fn a_drifting_microphone_makes_no_gap() {
        let (mut clock, start) = (SampleClock::default(), Instant::now());
        // A third of a second is lost in twenty minutes.
        let last = (0..120_000u32).map(|n| clock.position_of(start + Duration::from_nanos(10_003_000) * n)).last();
        assert_eq!(last, Some(119_999 * 480));
    }

    fn chunk(at: Instant, amplitude: f32) -> AudioChunk {
        let mut samples = [0.0; CHUNK_SAMPLES];
        for (n, sample) in samples.iter_mut().enumerate() {
            *sample = amplitude * (n as f32 * 0.1).sin();
        }
        AudioChunk { samples, captured_at: at }
    }

    fn worker(dtx: bool) -> (Worker, AudioSubscription) {
        let broadcast = Arc::new(AudioBroadcast::default());
        let subscription = broadcast.subscribe();
        (Worker::new(broadcast, OpusConfig { dtx, ..OpusConfig::default() }), subscription)
    }

    /// Feeds chunks of 10 ms and collects what is sent.
    fn feed(
        worker: &mut Worker,
        units: &mut AudioSubscription,
        chunks: std::ops::Range<u32>,
        amplitude: f32,
        is_muted: bool,
    ) -> Vec<AudioUnit> {
        let mut at = worker.clock.expected.unwrap_or_else(Instant::now);
        let mut sent = Vec::new();
        for _ in chunks {
            let chunk = chunk(at, amplitude);
            at += CHUNK_DURATION;
            worker.take_in(&Input { chunk, is_muted }).unwrap();
            sent.extend(units.units.try_recv().ok());
        }
        sent
    }

    #[test]
    fn two_chunks_make_a_packet_with_their_position() {
        let (mut worker, mut units) = worker(false);
        let sent = feed(&mut worker, &mut units, 0..8, 0.5, false);
        assert_eq!(sent.iter().map(|unit| unit.sample_position).collect::<Vec<_>>(), [0, 960, 1920, 2880]);
        assert_eq!(sent[1].captured_at - sent[0].captured_at, Duration::from_millis(20));
        assert!(sent[0].begins_talk_spurt && !sent[1].begins_talk_spurt);
    }

    #[test]
    fn a_peer_that_begins_hears_the_chunk_before_as_well() {
        let (mut worker, nobody) = worker(false);
        let broadcast = Arc::clone(&worker.broadcast);
        drop(nobody);
        feed(&mut worker, &mut AudioBroadcast::default().subscribe(), 0..3, 0.5, false);
        let mut units = broadcast.subscribe();
        let sent = feed(&mut worker, &mut units, 3..6, 0.5, false);
        assert_eq!(sent.iter().map(|unit| unit.sample_position).collect::<Vec<_>>(), [960, 1920]);
    }

    #[test]
    fn a_kind_path_gets_a_packet_for_every_chunk() {
        let (mut worker, mut units) = worker(false);
        units.path().set(AudioPath { expected_loss_pct: 0, short_packets: true });
        let sent = feed(&mut worker, &mut units, 0..4, 0.5, false);
        assert_eq!(sent.iter().map(|unit| unit.sample_position).collect::<Vec<_>>(), [0, 480, 960, 1440]);
        assert!(sent.iter().all(|unit| opus::packet_samples(&unit.packet).unwrap() == SHORT_FRAME_SAMPLES));
    }

    #[test]
    fn a_muted_microphone_says_so_and_falls_silent_while_its_clock_goes_on() {
        let (mut worker, mut units) = worker(false);
        let sent = feed(&mut worker, &mut units, 0..190, 0.5, true);
        let muted = (MUTED_PACKETS + PAUSE_PACKETS) as usize;
        assert_eq!(sent.len(), muted);
        assert!(sent[MUTED_PACKETS as usize..].iter().all(|unit| opus::is_pause(&unit.packet)));
        let sent = feed(&mut worker, &mut units, 190..200, 0.5, false);
        assert_eq!((sent.len(), sent[0].sample_position), (5, 190 * 480));
        assert!(sent[0].begins_talk_spurt && !sent[1].begins_talk_spurt);
    }

    #[test]
    fn silence_is_not_sent_but_told_and_renewed() {
        let (mut worker, mut units) = worker(true);
        feed(&mut worker, &mut units, 0..100, 0.5, false);
        let sent = feed(&mut worker, &mut units, 100..500, 0.0, false);
        assert!((10..80).contains(&sent.len()), "{} of 200 packets", sent.len());
        let pauses = sent.iter().filter(|unit| opus::is_pause(&unit.packet)).count();
        assert!((2..40).contains(&pauses), "{pauses}");
        let longest = sent.windows(2).map(|pair| pair[1].sample_position - pair[0].sample_position).max().unwrap();
        assert!(longest <= 48 * 500, "{longest} samples without a word");
    }
}
