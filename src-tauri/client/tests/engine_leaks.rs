//! Closing leaves nothing behind: no task, no socket, no thread. One test, because it counts for the whole process.

mod engine_support;

use engine_support::{Call, CallSetup, eventually};
use parley_client::peer::{NetworkProfile, TestNetwork};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(20);

fn sockets() -> usize {
    let entries = std::fs::read_dir("/proc/self/fd").expect("Linux tells our files");
    entries
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .filter(|target| target.to_string_lossy().starts_with("socket:"))
        .count()
}

fn media_threads() -> usize {
    let entries = std::fs::read_dir("/proc/self/task").expect("Linux tells our threads");
    entries
        .filter_map(|entry| std::fs::read_to_string(entry.ok()?.path().join("comm")).ok())
        .filter(|name| name.starts_with("parley-"))
        .count()
}

fn tasks() -> usize {
    tokio::runtime::Handle::current().metrics().num_alive_tasks()
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_leaves_no_tasks_sockets_or_threads() {
    let before = (tasks(), sockets(), media_threads());
    for round in 0..3u64 {
        let profile = NetworkProfile { loss: 0.3, ..NetworkProfile::default() };
        let lossy = [1, 2].map(|n| Some(TestNetwork::new(round * 2 + n, profile)));
        let connected = Call::start(&CallSetup::default());
        let mid_handshake = Call::start(&CallSetup { networks: lossy, ..CallSetup::default() });
        let dropped = Call::start(&CallSetup::default());
        connected.until_media(LIMIT).await.unwrap();
        assert!(sockets() > before.1 && media_threads() > before.2 && tasks() > before.0);
        connected.close().await;
        mid_handshake.close().await;
        drop(dropped);
    }
    eventually("everything is gone", LIMIT, async || {
        tasks() <= before.0 && sockets() <= before.1 && media_threads() <= before.2
    })
    .await;
}
