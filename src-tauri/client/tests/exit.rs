//! A process that ends while threads still use the encrypted history must not crash. The program runs itself again: what it
//! looks at is its own end.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test without the test harness")]

use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use parley_client::core::{Account, HistoryKey};
use parley_client::store::{Store, StoreKey};
use parley_shared::ids::UserId;

/// The child's data directory.
const DIR: &str = "PARLEY_TEST_DIR";

static STORE: Mutex<Option<Store>> = Mutex::new(None);

fn main() {
    match std::env::var(DIR) {
        Ok(dir) => child(Path::new(&dir)),
        Err(_) => parent(),
    }
}

fn parent() {
    let dir = tempfile::tempdir().unwrap();
    let status = Command::new(std::env::current_exe().unwrap()).env(DIR, dir.path()).status().unwrap();
    assert!(status.success(), "the process ended with {status}");
    println!("exit: ok");
}

/// Ends with an open history, whose threads close it when SQLCipher has already given its memory back: handlers of `atexit`
/// run backwards, and the one here is older than SQLCipher's.
fn child(dir: &Path) {
    // SAFETY: the handler waits for nobody but the store's threads, and does not unwind.
    assert_eq!(unsafe { libc::atexit(close_late) }, 0);
    let account = Account { relay_url: "http://relay".to_owned(), user_id: UserId::from_bytes([7; 16]) };
    let key = StoreKey { key: HistoryKey::from_bytes([3; 32]), passing: false };
    let (answers, _) = tokio::sync::mpsc::channel(1);
    *STORE.lock().unwrap() = Some(Store::open(dir, &account, &key, answers).unwrap().0);
}

extern "C" fn close_late() {
    let store = STORE.lock().map(|mut store| store.take());
    drop(store);
    // Long enough for the threads to end, if they may.
    std::thread::sleep(Duration::from_millis(300));
}
