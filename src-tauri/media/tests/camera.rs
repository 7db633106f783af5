//! The camera path on a real V4L2 interface, in a child process that sees a software camera at /dev/video0.

mod probe;

use std::time::Duration;

use probe::{Probe, number};
use testbed::{FakeCamera, FakeCameraOptions};

const PATIENCE: Duration = Duration::from_secs(20);

fn camera(options: &FakeCameraOptions) -> FakeCamera {
    FakeCamera::build(options).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn camera_is_listed_with_its_name() {
    let camera = camera(&FakeCameraOptions { name: "Desk Camera".to_owned(), ..FakeCameraOptions::default() });
    let mut probe = Probe::start(&["list"], camera.env());
    assert_eq!(probe.wait_for("Camera|", PATIENCE), "Desk Camera|Desk Camera|default");
}

#[test]
fn no_camera_is_not_found() {
    let mut probe = Probe::start(&["camera"], Vec::new());
    assert_eq!(probe.wait_for("failed ", PATIENCE), "NotFound");
}

#[test]
fn frames_come_at_their_rate_with_the_right_picture() {
    let camera = camera(&FakeCameraOptions::default());
    let mut probe = Probe::start(&["camera"], camera.env());
    assert_eq!(probe.wait_for("started ", PATIENCE), "1280x720@30 Test Camera");
    let frames: Vec<String> = (0..90).map(|_| probe.wait_for("frame ", PATIENCE)).collect();
    let span_ms = number(&frames[89], "at") - number(&frames[29], "at");
    let fps = 60_000.0 / span_ms;
    assert!((27.0..33.0).contains(&fps), "{fps} frames a second");
    for frame in &frames {
        assert!(frame.contains("left (80, 100, 180) right (180, 150, 90)"), "{frame}");
    }
    let mut whites: Vec<i64> = frames.iter().map(|frame| number(frame, "white") as i64).collect();
    assert!(whites.iter().all(|&white| white >= 0), "the white square is missing: {whites:?}");
    whites.dedup();
    assert!(whites.len() > 80, "the white square stands still: {whites:?}");
    let mut ages: Vec<f64> = frames.iter().map(|frame| number(frame, "age")).collect();
    ages.sort_by(f64::total_cmp);
    assert!(ages[45] < 50.0, "frames are {} ms old", ages[45]);
    assert!(probe.finish() < 500);
}

#[test]
fn nearest_size_is_taken_when_the_wished_one_is_not_offered() {
    let camera = camera(&FakeCameraOptions { sizes: vec![(320, 240), (640, 480)], ..FakeCameraOptions::default() });
    let mut probe = Probe::start(&["camera"], camera.env());
    assert_eq!(probe.wait_for("started ", PATIENCE), "640x480@30 Test Camera");
    probe.wait_for("frame 5 ", PATIENCE);
}

#[test]
fn a_camera_that_stands_at_a_broken_rate_is_opened_all_the_same() {
    let camera = camera(&FakeCameraOptions { interval: Some((2, 15)), ..FakeCameraOptions::default() });
    let mut probe = Probe::start(&["camera"], camera.env());
    assert_eq!(probe.wait_for("started ", PATIENCE), "1280x720@30 Test Camera");
    probe.wait_for("frame 5 ", PATIENCE);
}

#[test]
fn rates_that_are_no_whole_number_are_met() {
    let camera = camera(&FakeCameraOptions { fps: (25, 2), ..FakeCameraOptions::default() });
    let mut probe = Probe::start(&["camera"], camera.env());
    assert_eq!(probe.wait_for("started ", PATIENCE), "1280x720@13 Test Camera");
    let frames: Vec<String> = (0..40).map(|_| probe.wait_for("frame ", PATIENCE)).collect();
    let fps = 30_000.0 / (number(&frames[39], "at") - number(&frames[9], "at"));
    assert!((11.0..14.0).contains(&fps), "{fps} frames a second");
}

#[test]
fn unplugged_camera_is_gone() {
    let camera = camera(&FakeCameraOptions::default());
    let mut probe = Probe::start(&["camera"], camera.env());
    probe.wait_for("frame 5 ", PATIENCE);
    camera.unplug().unwrap();
    assert_eq!(probe.wait_for("failed ", PATIENCE), "Gone");
    drop(probe);
    let mut probe = Probe::start(&["camera"], camera.env());
    assert_eq!(probe.wait_for("failed ", PATIENCE), "NotFound");
    camera.resume().unwrap();
    let mut probe = Probe::start(&["camera"], camera.env());
    probe.wait_for("frame 5 ", PATIENCE);
}

#[test]
fn stalled_camera_is_told_once_and_heals() {
    let camera = camera(&FakeCameraOptions::default());
    let mut probe = Probe::start(&["camera"], camera.env());
    probe.wait_for("frame 5 ", PATIENCE);
    camera.stall().unwrap();
    probe.wait_for("stalled", PATIENCE);
    camera.resume().unwrap();
    let next = probe.wait("a frame", PATIENCE, |line| Some(line.to_owned()));
    assert!(next.starts_with("frame "), "{next}");
}

#[test]
fn stalled_camera_can_be_left_at_once() {
    let camera = camera(&FakeCameraOptions::default());
    let mut probe = Probe::start(&["camera"], camera.env());
    probe.wait_for("frame 5 ", PATIENCE);
    camera.stall().unwrap();
    probe.wait_for("stalled", PATIENCE);
    assert!(probe.finish() < 200);
}

#[test]
fn camera_in_use_elsewhere_is_busy() {
    let camera = camera(&FakeCameraOptions::default());
    let mut first = Probe::start(&["camera"], camera.env());
    first.wait_for("frame 5 ", PATIENCE);
    let mut second = Probe::start(&["camera"], camera.env());
    assert_eq!(second.wait_for("failed ", PATIENCE), "Busy");
    first.wait_for("frame ", PATIENCE);
}
