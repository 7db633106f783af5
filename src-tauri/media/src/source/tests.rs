use super::*;
use crate::{
    audio::{CHUNK_DURATION, CHUNK_SAMPLES},
    frame::I420,
    mark::{self, ClickDetector, video_mark},
};
use std::{
    io::Write,
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    time::Instant,
};

const PATIENCE: Duration = Duration::from_secs(10);

fn watch(config: VideoSourceConfig) -> (VideoCapture, Receiver<VideoEvent>) {
    let (sender, receiver) = channel();
    (VideoCapture::open(config, move |event| drop(sender.send(event))), receiver)
}

fn listen(config: AudioSourceConfig) -> (AudioCapture, Receiver<AudioEvent>) {
    let (sender, receiver) = channel();
    (AudioCapture::open(config, move |event| drop(sender.send(event))), receiver)
}

fn next_frame(events: &Receiver<VideoEvent>) -> VideoFrame {
    loop {
        match events.recv_timeout(PATIENCE).unwrap() {
            VideoEvent::Frame(frame) => return frame,
            VideoEvent::Started { .. } => {}
            VideoEvent::Stalled | VideoEvent::Failed(_) => panic!("the source failed"),
        }
    }
}

fn next_chunk(events: &Receiver<AudioEvent>) -> AudioChunk {
    loop {
        match events.recv_timeout(PATIENCE).unwrap() {
            AudioEvent::Chunk(chunk) => return chunk,
            AudioEvent::Started { .. } => {}
            AudioEvent::Stalled | AudioEvent::Failed(_) => panic!("the source failed"),
        }
    }
}

/// Waits until the source's threads have let go of the callback.
fn assert_ends<E>(events: &Receiver<E>) {
    loop {
        match events.recv_timeout(PATIENCE) {
            Ok(_) => {}
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => panic!("the source goes on"),
        }
    }
}

fn write_y4m(path: &std::path::Path, header: &str, lumas: &[u8]) {
    let mut file = std::fs::File::create(path).unwrap();
    file.write_all(header.as_bytes()).unwrap();
    for &luma in lumas {
        let mut picture = I420::new(64, 36);
        picture.y_mut().fill(luma);
        file.write_all(b"FRAME\n").unwrap();
        file.write_all(picture.bytes()).unwrap();
    }
}

#[test]
fn pattern_runs_at_its_rate_until_dropped() {
    let (capture, events) = watch(VideoSourceConfig::Pattern { width: 321, height: 181, fps: 50 });
    assert!(matches!(
        events.recv_timeout(PATIENCE).unwrap(),
        VideoEvent::Started { width: 320, height: 180, fps: 50, .. }
    ));
    let began = Instant::now();
    let frames: Vec<_> = (0..25).map(|_| next_frame(&events)).collect();
    let took = began.elapsed();
    assert!((Duration::from_millis(440)..Duration::from_millis(1500)).contains(&took), "{took:?}");
    for (n, frame) in frames.iter().enumerate() {
        let (sequence, clock) = video_mark::read(&frame.picture).unwrap();
        assert_eq!(sequence, n as u32);
        assert_eq!(mark::elapsed_ms(clock, frame.captured_at), 0);
    }
    drop(capture);
    assert_ends(&events);
}

#[test]
fn y4m_is_played_in_a_loop_at_the_rate_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.y4m");
    write_y4m(&path, "YUV4MPEG2 W64 H36 F30000:1001 Ip A1:1 C420jpeg\n", &[30, 60, 90]);
    let (_capture, events) = watch(VideoSourceConfig::File { path, fps: 0 });
    let started = events.recv_timeout(PATIENCE).unwrap();
    assert!(matches!(started, VideoEvent::Started { name, width: 64, height: 36, fps: 30 } if name == "clip.y4m"));
    let lumas: Vec<u8> = (0..7).map(|_| next_frame(&events).picture.y()[0]).collect();
    assert_eq!(lumas, [30, 60, 90, 30, 60, 90, 30]);
}

#[test]
fn bad_files_fail_once_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, header: &str, lumas: &[u8]| {
        let path = folder.path().join(name);
        write_y4m(&path, header, lumas);
        path
    };
    let bad = [
        write("empty", "", &[]),
        write("other", "RIFF\n", &[1]),
        write("odd", "YUV4MPEG2 W63 H36\n", &[1]),
        write("deep", "YUV4MPEG2 W64 H36 C420p10\n", &[1]),
        write("no-pictures", "YUV4MPEG2 W64 H36\n", &[]),
        write("cut", "YUV4MPEG2 W640 H360\n", &[1]),
    ];
    for path in bad {
        let (_capture, events) = watch(VideoSourceConfig::File { path: path.clone(), fps: 0 });
        let failure = events.iter().find(|event| matches!(event, VideoEvent::Failed(_)));
        assert!(matches!(failure, Some(VideoEvent::Failed(DeviceError::Unsupported(_)))), "{path:?}: {failure:?}");
        assert_ends(&events);
        let (_capture, events) = listen(AudioSourceConfig::File { path });
        assert!(matches!(events.recv_timeout(PATIENCE).unwrap(), AudioEvent::Failed(DeviceError::Unsupported(_))));
    }
    let (_capture, events) = watch(VideoSourceConfig::File { path: folder.path().join("missing"), fps: 0 });
    assert!(matches!(events.recv_timeout(PATIENCE).unwrap(), VideoEvent::Failed(DeviceError::NotFound)));
}

#[test]
fn wav_is_mixed_to_mono_and_looped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tone.wav");
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: 48_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(&path, spec).unwrap();
    for n in 0..720 {
        writer.write_sample(if n < 480 { 16_384i16 } else { -8_192 }).unwrap();
        writer.write_sample(0i16).unwrap();
    }
    writer.finalize().unwrap();
    let (_capture, events) = listen(AudioSourceConfig::File { path });
    let (first, second) = (next_chunk(&events), next_chunk(&events));
    assert!(first.samples.iter().all(|&sample| sample == 0.25));
    assert!(second.samples[..240].iter().all(|&sample| sample == -0.125));
    assert!(second.samples[240..].iter().all(|&sample| sample == 0.25));
}

#[test]
fn clicks_are_heard_where_the_wall_clock_says() {
    let (capture, events) = listen(AudioSourceConfig::Clicks);
    let mut detector = ClickDetector::new();
    let click = (0..150).find_map(|_| {
        let chunk = next_chunk(&events);
        detector.push(&chunk.samples, chunk.captured_at)
    });
    let latency = click.unwrap().latency;
    assert!(latency < Duration::from_millis(4) || latency > Duration::from_millis(998), "{latency:?}");
    drop(capture);
    assert_ends(&events);
}

#[test]
fn a_fast_microphone_makes_more_samples_and_hears_its_clicks_on_time() {
    let (_capture, events) = listen(AudioSourceConfig::DriftingClicks { ppm: 50_000 });
    let mut detector = ClickDetector::new();
    let chunks: Vec<_> = (0..150).map(|_| next_chunk(&events)).collect();
    let step = (chunks[149].captured_at - chunks[0].captured_at) / 149;
    assert!((Duration::from_micros(9_515)..Duration::from_micros(9_530)).contains(&step), "{step:?}");
    let click = chunks.iter().find_map(|chunk| detector.push(&chunk.samples, chunk.captured_at)).unwrap();
    assert!(click.latency < Duration::from_millis(6) || click.latency > Duration::from_millis(997), "{click:?}");
}

#[test]
fn silence_keeps_the_pace_of_a_microphone() {
    let (_capture, events) = listen(AudioSourceConfig::Silence);
    let chunks: Vec<_> = (0..20).map(|_| next_chunk(&events)).collect();
    assert!(chunks.iter().all(|chunk| chunk.samples == [0.0; CHUNK_SAMPLES]));
    assert!(chunks.windows(2).all(|pair| pair[1].captured_at - pair[0].captured_at >= CHUNK_DURATION));
}

#[test]
fn a_source_may_be_dropped_by_its_own_callback() {
    let slot = std::sync::Arc::new(std::sync::Mutex::new(None::<AudioCapture>));
    let (sender, events) = channel();
    let inside = slot.clone();
    let capture = AudioCapture::open(AudioSourceConfig::Silence, move |event| {
        if matches!(event, AudioEvent::Chunk(_)) {
            drop(inside.lock().unwrap().take());
        }
        drop(sender.send(event));
    });
    *slot.lock().unwrap() = Some(capture);
    assert_ends(&events);
}
