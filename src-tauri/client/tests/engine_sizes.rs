//! Pictures follow the path in size. Every one that is shown is whole, and is the one that was sent.

#![allow(clippy::print_stdout, reason = "what was seen stands beside a failure")]

mod engine_support;

use engine_support::{Call, CallSetup, REMOTE, eventually, test_media};
use parley_client::engine::{FrameHub, StreamId};
use parley_client::peer::{Bottleneck, NetworkProfile, TestNetwork};
use parley_media::I420;
use parley_media::mark::video_mark;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

const LIMIT: Duration = Duration::from_secs(20);
const FULL: (usize, usize) = (1280, 720);
const FPS: u32 = 15;
const SEED: u64 = 161;
/// A line that becomes thin, step by step; on much less pictures would pause.
const THINNER_KBPS: [u64; 4] = [1000, 700, 500, 320];
const STEP: Duration = Duration::from_millis(700);
/// Mean difference of luma in the worst block of a picture. Encoding alone makes it half of this, a ball where it was a picture
/// earlier twice.
const WORST_DIFFERENCE: f64 = 20.0;
const BLOCKS: usize = 16;
/// The mark is in the blocks above, and has its own check.
const FIRST_ROW: usize = 2;
/// No picture stands for longer, on a busy machine.
const LONGEST: Duration = Duration::from_secs(2);

fn link(kbps: u64) -> NetworkProfile {
    let bottleneck = Bottleneck { bits_per_second: kbps * 1000, queue: Duration::from_millis(300) };
    NetworkProfile { delay: Duration::from_millis(25), bottleneck: Some(bottleneck), ..NetworkProfile::default() }
}

/// The pictures of a camera by the number in their mark.
type Sent = Arc<Mutex<BTreeMap<u32, Arc<I420>>>>;

/// A picture as it was shown.
#[derive(Debug, Clone)]
struct Shown {
    at: Instant,
    size: (usize, usize),
    number: u32,
    /// From the one that was sent.
    difference: Option<f64>,
}

fn note_sent(frames: &FrameHub) -> (Sent, JoinHandle<()>) {
    let (sent, mut frames) = (Sent::default(), frames.subscribe(StreamId::SELF));
    let notes = Arc::clone(&sent);
    let task = tokio::spawn(async move {
        while let Some(frame) = frames.changed().await {
            let Some((number, _)) = video_mark::read(&frame.picture) else { continue };
            let mut notes = notes.lock().expect("no test panicked with the notes");
            notes.insert(number, frame.picture);
            while notes.len() > 10 * FPS as usize {
                notes.pop_first();
            }
        }
    });
    (sent, task)
}

fn note_shown(frames: &FrameHub, sent: Sent) -> (Arc<Mutex<Vec<Shown>>>, JoinHandle<()>) {
    let (shown, mut frames) = (Arc::<Mutex<Vec<Shown>>>::default(), frames.subscribe(REMOTE));
    let notes = Arc::clone(&shown);
    let task = tokio::spawn(async move {
        while let Some(frame) = frames.changed().await {
            let (picture, at) = (frame.picture, Instant::now());
            let size = (picture.width(), picture.height());
            let (number, _) = video_mark::read(&picture).expect("every picture has its mark whole");
            let source = sent.lock().expect("no test panicked with the notes").get(&number).cloned();
            let difference = source.map(|source| worst_difference(&picture, &source.scaled(size.0, size.1)));
            notes.lock().expect("no test panicked with the notes").push(Shown { at, size, number, difference });
        }
    });
    (shown, task)
}

fn worst_difference(one: &I420, other: &I420) -> f64 {
    let (width, height) = (one.width(), one.height());
    let block = |column: usize, row: usize| {
        let (left, right) = (column * width / BLOCKS, (column + 1) * width / BLOCKS);
        let (top, bottom) = (row * height / BLOCKS, (row + 1) * height / BLOCKS);
        let lines = (top..bottom).map(|y| y * width + left..y * width + right);
        let difference: u64 = lines
            .flat_map(|line| one.y()[line.clone()].iter().zip(&other.y()[line]))
            .map(|(a, b)| u64::from(a.abs_diff(*b)))
            .sum();
        difference as f64 / ((right - left) * (bottom - top)) as f64
    };
    (FIRST_ROW..BLOCKS)
        .flat_map(|row| (0..BLOCKS).map(move |column| (column, row)))
        .map(|(x, y)| block(x, y))
        .fold(0.0, f64::max)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pictures_shrink_with_the_path_and_grow_again_without_a_torn_or_stuck_one() {
    let networks = [link(1500), NetworkProfile::default()].map(|profile| Some(TestNetwork::new(SEED, profile)));
    let setup = CallSetup { picture: (FULL.0, FULL.1, FPS), networks, measure_marks: false, ..CallSetup::default() };
    let hubs = [FrameHub::new(), FrameHub::new()];
    let small = CallSetup { picture: (160, 90, 5), ..setup.clone() };
    let media = [test_media(&setup, &hubs[0]), test_media(&small, &hubs[1])];
    let (sent, sent_notes) = note_sent(&hubs[0]);
    let call = Call::start_with(&setup, hubs, media);
    let path = setup.networks[0].as_ref().unwrap();
    call.until_media(LIMIT).await.unwrap();
    let size = async || {
        let video = call.answerer.handle.stats().await.video;
        (video.width, video.height)
    };
    eventually("the picture is of full size", LIMIT, async || size().await == FULL).await;
    let (shown, shown_notes) = note_shown(&call.answerer.frames, sent);
    let begun = Instant::now();
    for kbps in THINNER_KBPS {
        path.set_profile(link(kbps));
        tokio::time::sleep(STEP).await;
    }
    eventually("the picture is smaller", LIMIT, async || size().await.0 < FULL.0).await;
    println!("seed {SEED}: smaller after {:.1?}", begun.elapsed());
    tokio::time::sleep(Duration::from_secs(3)).await;
    let widened = Instant::now();
    path.set_profile(link(1500));
    eventually("the picture is of full size again", LIMIT, async || size().await == FULL).await;
    println!("seed {SEED}: of full size again after {:.1?}", widened.elapsed());
    tokio::time::sleep(Duration::from_secs(1)).await;
    let ended = Instant::now();
    [sent_notes, shown_notes].iter().for_each(JoinHandle::abort);

    let shown = shown.lock().unwrap().clone();
    let mut sizes: Vec<_> = shown.iter().map(|shown| shown.size).collect();
    sizes.dedup();
    let differences: Vec<f64> = shown.iter().filter_map(|shown| shown.difference).collect();
    let worst = differences.iter().copied().fold(0.0, f64::max);
    let ends = shown.iter().map(|shown| shown.at).skip(1).chain([ended]);
    let longest = shown.iter().zip(ends).map(|(shown, end)| end - shown.at).max().unwrap();
    println!("seed {SEED}: {} pictures of {sizes:?}, worst difference {worst:.1}, longest {longest:.1?}", shown.len());
    assert!(sizes.first() == Some(&FULL) && sizes.last() == Some(&FULL), "{sizes:?}");
    assert!(sizes.iter().all(|(width, height)| width.abs_diff(height * 16 / 9) <= 4), "{sizes:?}");
    assert!(shown.windows(2).all(|pair| pair[0].number < pair[1].number), "a picture was shown twice or too late");
    assert!(differences.len() * 2 > shown.len(), "{} of {} were compared", differences.len(), shown.len());
    assert!(worst < WORST_DIFFERENCE, "a picture is torn: {worst}");
    assert!(longest < LONGEST, "a picture stood for {longest:?}");
    call.close().await;
}
