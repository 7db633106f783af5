//! Two engines call each other over loopback with test pictures and clicks.

mod engine_support;

use engine_support::{Call, CallSetup, REMOTE, eventually, test_media};
use parley_client::engine::{
    DeviceChoice, Echo, EchoConfig, FrameHub, LocalMediaEvent, PeerSessionEvent, PeerState, StreamId,
};
use parley_media::VideoSourceConfig;
use parley_media::mark::video_mark;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_ends_see_and_hear_each_other() {
    let call = Call::start(&CallSetup { picture: (640, 360, 30), ..CallSetup::default() });
    let media_after = call.until_media(LIMIT).await.unwrap();
    for side in call.sides() {
        eventually("clicks and pictures are measured", LIMIT, async || {
            let marks = side.handle.stats().await.marks.unwrap();
            marks.audio.is_some_and(|audio| audio.count >= 3) && marks.video.is_some_and(|video| video.count > 30)
        })
        .await;
        let stats = side.handle.stats().await;
        println!("media after {media_after:?}: {stats:#?}");
        assert_eq!((stats.video.width, stats.video.height), (640, 360));
        assert!(stats.video.captured > 0 && stats.video.sent > 0 && stats.video.decoded > 30);
        // How much is concealed is a matter of the machine's load here, and of the benches.
        assert!(stats.audio.received > 50 && stats.audio.concealed_ratio < 0.7, "{:?}", stats.audio);
        assert_eq!(stats.route, "direct udp");
        assert_eq!(stats.generation, 1);
        let marks = stats.marks.unwrap();
        assert!(marks.video.unwrap().p50 < 400.0 && marks.audio.unwrap().p50 < 400.0, "{marks:?}");
        let shown = side.frames.subscribe(REMOTE).latest().unwrap();
        assert!(video_mark::read(&shown.picture).is_some(), "the other side's test picture is shown");
    }
    call.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_camera_turned_off_and_on_keeps_the_connection() {
    let call = Call::start(&CallSetup::default());
    call.until_media(LIMIT).await.unwrap();
    let (seen, self_view) = (&call.answerer, StreamId::SELF);
    call.offerer.local.set_camera_on(false);
    eventually("the self view is gone", LIMIT, async || !call.offerer.frames.streams().contains(&self_view)).await;
    let mut last = 0;
    eventually("pictures stop", LIMIT, async || {
        let before = std::mem::replace(&mut last, seen.handle.stats().await.video.decoded);
        tokio::time::sleep(Duration::from_millis(300)).await;
        last == before && seen.handle.stats().await.video.decoded == last
    })
    .await;
    call.offerer.local.set_camera_on(true);
    eventually("pictures come again", LIMIT, async || seen.handle.stats().await.video.decoded > last + 5).await;
    assert_eq!(seen.states(), [PeerState::Connecting, PeerState::Connected]);
    call.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_camera_is_tried_again_and_another_one_takes_over_in_the_call() {
    let mut call = Call::start(&CallSetup::default());
    call.until_media(LIMIT).await.unwrap();
    let missing = VideoSourceConfig::File { path: "/nonexistent.y4m".into(), fps: 0 };
    call.offerer.local.switch(DeviceChoice::Camera(missing));
    for _ in 0..2 {
        let failed = async {
            while !matches!(call.offerer.device_events.recv().await.unwrap(), LocalMediaEvent::CameraFailed(_)) {}
        };
        tokio::time::timeout(LIMIT, failed).await.unwrap();
    }
    call.offerer.local.switch(DeviceChoice::Camera(VideoSourceConfig::Pattern { width: 640, height: 360, fps: 15 }));
    let seen = &call.answerer.handle;
    eventually("the other camera is seen", LIMIT, async || seen.stats().await.video.width == 640).await;
    assert_eq!(call.answerer.states(), [PeerState::Connecting, PeerState::Connected]);
    call.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_echo_brings_our_own_pictures_and_clicks_back() {
    let setup = CallSetup::default();
    let hubs = [FrameHub::new(), FrameHub::new()];
    let media = test_media(&setup, &hubs[0]);
    let delay = EchoConfig { sound_delay: Duration::from_millis(300), ..EchoConfig::default() };
    let echo = Echo::start(&delay, &hubs[1], REMOTE);
    let far = (echo.local(), tokio::sync::mpsc::channel(1).1);
    let call = Call::start_with(&setup, hubs, [media, far]);
    call.until_media(LIMIT).await.unwrap();
    let marks = async || call.offerer.handle.stats().await.marks.unwrap();
    eventually("marks come back", LIMIT, async || {
        marks().await.video.is_some_and(|video| video.count > 20)
            && marks().await.audio.is_some_and(|audio| audio.count > 1)
    })
    .await;
    println!("there and back: {:?}", marks().await);
    assert!(marks().await.audio.unwrap().p50 > 300.0, "the sound comes back with its delay");
    call.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_muted_microphone_sends_hardly_anything_and_comes_back() {
    let call = Call::start(&CallSetup::default());
    call.until_media(LIMIT).await.unwrap();
    let heard = &call.answerer;
    eventually("clicks are heard", LIMIT, async || heard.handle.stats().await.marks.unwrap().audio.is_some()).await;
    call.offerer.local.set_muted(true);
    let clicks = async || heard.handle.stats().await.marks.unwrap().audio.map_or(0, |audio| audio.count);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let before = clicks().await;
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert_eq!(clicks().await, before, "a muted microphone is silent");
    call.offerer.local.set_muted(false);
    eventually("clicks are heard again", LIMIT, async || clicks().await > before).await;
    call.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_frame_request_brings_a_key_frame() {
    let setup = CallSetup::default();
    let call = Call::start(&setup);
    call.until_media(LIMIT).await.unwrap();
    // A second session on the same media begins with a key frame, which the first peer gets as well.
    let before = call.answerer.handle.stats().await.video.key_frames;
    let hub = FrameHub::new();
    let third = test_media(&setup, &hub);
    let again = (call.offerer.local.clone(), tokio::sync::mpsc::channel(1).1);
    let second = Call::start_with(&setup, [FrameHub::new(), hub], [again, third]);
    second.until_media(LIMIT).await.unwrap();
    eventually("a key frame came", LIMIT, async || call.answerer.handle.stats().await.video.key_frames > before).await;
    second.close().await;
    let decoded = call.answerer.handle.stats().await.video.decoded;
    eventually("the first call goes on", LIMIT, async || {
        call.answerer.handle.stats().await.video.decoded > decoded + 5
    })
    .await;
    call.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_session_ends_its_events_and_its_pictures() {
    let call = Call::start(&CallSetup::default());
    call.until_media(LIMIT).await.unwrap();
    let mut watch = call.answerer.frames.subscribe(REMOTE);
    let handle = call.answerer.handle.clone();
    handle.close().await;
    eventually("the stream ends", LIMIT, async || watch.changed().await.is_none()).await;
    assert!(call.answerer.frames.streams().iter().all(|stream| *stream != REMOTE));
    assert!(handle.on_signal(parley_shared::wire::Signal::CandidatesDone { generation: 1 }).is_err());
    let reconnecting = PeerSessionEvent::State(PeerState::Reconnecting);
    call.offerer.wait_for(&reconnecting, LIMIT).await.unwrap();
    call.close().await;
}
