//! A participant who sends nonsense: signals and media.

mod engine_support;

use bytes::Bytes;
use engine_support::{Call, CallSetup, REMOTE, eventually, test_media};
use parley_client::engine::{FrameHub, PeerSession, PeerSessionConfig, PeerSessionEvent, Role};
use parley_client::peer::{
    AudioUnit, IceCandidate, Loopback, Peer, PeerConfig, PeerError, PeerEvent, PeerSink, TransportState, VideoUnit,
    WebrtcPeer,
};
use parley_shared::wire::{DescriptionKind, Signal};
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

const LIMIT: Duration = Duration::from_secs(30);

fn description(kind: DescriptionKind, sdp: impl Into<String>, generation: u32) -> Signal {
    Signal::Description { kind, sdp: sdp.into(), generation, tracks: Vec::new() }
}

fn candidate(text: impl Into<String>, generation: u32) -> Signal {
    Signal::Candidate { candidate: text.into(), sdp_mid: Some("0".into()), sdp_m_line_index: Some(0), generation }
}

fn silent_sink() -> PeerSink {
    PeerSink { on_event: Arc::new(|_| {}), on_packet: Arc::new(|_, _| {}) }
}

fn config() -> PeerConfig {
    PeerConfig { loopback: Loopback::Only, ..PeerConfig::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nonsense_beside_a_set_up_does_not_disturb_it() {
    let call = Call::start(&CallSetup::default());
    for side in call.sides() {
        for signal in [
            description(DescriptionKind::Answer, "v=0", 0),
            description(DescriptionKind::Answer, "x".repeat(1 << 20), 9),
            description(DescriptionKind::Offer, "", 0),
            candidate("candidate:1 1 udp 1 999.999.1.1 50000 typ host", 1),
            candidate("\u{0}\u{fffd}", 1),
            candidate("x".repeat(100_000), 1),
            Signal::CandidatesDone { generation: u32::MAX },
        ] {
            side.handle.on_signal(signal).unwrap();
        }
        for n in 0..100 {
            let _ = side.handle.on_signal(candidate(format!("candidate:{n} 1 udp 1 192.0.2.1 5{n:03} typ host"), 1));
        }
    }
    call.until_media(LIMIT).await.unwrap();
    call.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_offer_is_followed_by_a_working_call() {
    let call = Call::start(&CallSetup::default());
    let sdp = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 102\r\n";
    call.answerer.handle.on_signal(description(DescriptionKind::Offer, sdp, 3)).unwrap();
    eventually("both agree on a later generation", LIMIT, async || {
        let [a, b] = call.sides().map(|side| side.handle.clone());
        let (a, b) = (a.stats().await, b.stats().await);
        a.generation == b.generation && a.generation > 3 && a.video.decoded > 5 && b.video.decoded > 5
    })
    .await;
    call.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mutilated_descriptions_are_errors_and_never_panics() {
    let source = WebrtcPeer::open(config(), silent_sink()).await.unwrap();
    let offer = source.offer().await.unwrap();
    let mut rng = StdRng::seed_from_u64(5);
    let (mut refused, rounds) = (0, 60);
    for _ in 0..rounds {
        let mut bytes = offer.clone().into_bytes();
        for _ in 0..rng.random_range(1..40) {
            let at = rng.random_range(0..bytes.len());
            match rng.random_range(0..3) {
                0 => bytes[at] = rng.random_range(32..127),
                1 => drop(bytes.remove(at)),
                _ => bytes.truncate(at.max(20)),
            }
        }
        let peer = WebrtcPeer::open(config(), silent_sink()).await.unwrap();
        refused += usize::from(peer.answer(&String::from_utf8_lossy(&bytes)).await.is_err());
        peer.close().await;
    }
    assert!(refused > 0, "seed 5: none of {rounds} mutilated offers was refused");
    source.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn candidates_are_bounded() {
    let peer = WebrtcPeer::open(config(), silent_sink()).await.unwrap();
    let mut last = Ok(());
    for n in 0..65 {
        let candidate = format!("candidate:{n} 1 udp 1 192.0.2.1 {} typ host", 5000 + n);
        last = peer.add_candidate(IceCandidate { candidate, sdp_mid: None, sdp_m_line_index: Some(0) }).await;
    }
    assert_eq!(last, Err(PeerError::TooManyCandidates));
    peer.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nonsense_media_is_survived() {
    let hub = FrameHub::new();
    let (local, _devices) = test_media(&CallSetup::default(), &hub);
    let session_config = PeerSessionConfig {
        loopback: Loopback::Only,
        ..PeerSessionConfig::new(local, hub.clone(), REMOTE, Role::Answerer)
    };
    let (session, mut events) = PeerSession::spawn(session_config);
    let (to_test, mut from_peer) = mpsc::unbounded_channel();
    let on_event = move |event| drop(to_test.send(event));
    let sink = PeerSink { on_event: Arc::new(on_event), on_packet: Arc::new(|_, _| {}) };
    let peer = Arc::new(WebrtcPeer::open(config(), sink).await.unwrap());
    let offer = peer.offer().await.unwrap();
    session.on_signal(description(DescriptionKind::Offer, offer, 1)).unwrap();
    let answering = Arc::clone(&peer);
    let reader = tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            match event {
                PeerSessionEvent::Signal(Signal::Description { sdp, .. }) => {
                    answering.accept_answer(&sdp).await.unwrap();
                }
                PeerSessionEvent::Signal(Signal::Candidate { candidate, sdp_mid, sdp_m_line_index, .. }) => {
                    let _ = answering.add_candidate(IceCandidate { candidate, sdp_mid, sdp_m_line_index }).await;
                }
                PeerSessionEvent::Signal(Signal::CandidatesDone { .. })
                | PeerSessionEvent::State(_)
                | PeerSessionEvent::FirstVideo
                | PeerSessionEvent::FirstAudio => {}
            }
        }
    });
    let wait = async {
        loop {
            match from_peer.recv().await.unwrap() {
                PeerEvent::Transport(TransportState::Connected) => break,
                PeerEvent::Candidate(IceCandidate { candidate, sdp_mid, sdp_m_line_index }) => {
                    let signal = Signal::Candidate { candidate, sdp_mid, sdp_m_line_index, generation: 1 };
                    session.on_signal(signal).unwrap();
                }
                PeerEvent::Transport(_)
                | PeerEvent::CandidatesDone
                | PeerEvent::KeyFrameRequested
                | PeerEvent::Stopped => {}
            }
        }
    };
    tokio::time::timeout(LIMIT, wait).await.unwrap();
    send_nonsense(&*peer).await;
    eventually("the session is alive and has read it", LIMIT, async || {
        let stats = session.stats().await;
        stats.audio.received > 100 && stats.video.packets_received > 100
    })
    .await;
    assert_eq!(session.stats().await.video.decoded, 0);
    session.close().await;
    peer.close().await;
    reader.await.unwrap();
}

/// Random bytes behind start codes of every NAL type, and random bytes as Opus.
async fn send_nonsense(peer: &dyn Peer) {
    let mut rng = StdRng::seed_from_u64(17);
    for n in 0..200u64 {
        let mut annex_b = Vec::new();
        for _ in 0..rng.random_range(1..4) {
            annex_b.extend([0, 0, 0, 1, rng.random::<u8>() & 0x7f]);
            annex_b.extend((0..rng.random_range(0..3000)).map(|_| rng.random::<u8>()));
        }
        let unit = VideoUnit { annex_b: Bytes::from(annex_b), is_key_frame: n == 0, captured_at: Instant::now() };
        peer.send_video(&unit).await.expect("the connection takes what is well framed");
        let packet: Vec<u8> = (0..rng.random_range(1..400)).map(|_| rng.random::<u8>()).collect();
        let unit = AudioUnit {
            packet: Bytes::from(packet),
            sample_position: n * 960,
            captured_at: Instant::now(),
            begins_talk_spurt: false,
        };
        peer.send_audio(&unit).await.expect("the connection takes what is well framed");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
