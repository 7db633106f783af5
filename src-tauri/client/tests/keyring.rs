//! Tokens in a real keyring: gnome-keyring on a private bus. The program runs itself again for each start of a client,
//! since a process finds its keyring through its environment.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test without the test harness")]

#[expect(dead_code, reason = "the tests of the client use the rest")]
#[path = "client/support.rs"]
mod support;

use std::path::Path;
use std::process::Command as Process;

use parley_client::SecretsChoice;
use parley_shared::view::{Command, SecretKeeping, SessionView, Snapshot};
use support::{Person, Relay};

/// Step, relay's address and data directory of a child.
const STEP: &str = "PARLEY_TEST_STEP";

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    match std::env::var(STEP) {
        Ok(step) => runtime.block_on(child(&step)),
        Err(_) => runtime.block_on(parent()),
    }
}

async fn parent() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start(dir.path()).await;
    let nowhere = format!("unix:path={}", dir.path().join("no-bus").display());
    run("none", &relay, dir.path(), &vec![("DBUS_SESSION_BUS_ADDRESS".to_owned(), nowhere)]);
    let bus = testbed::PrivateDbus::start().unwrap();
    let keyring = bus.start_keyring().unwrap();
    for step in ["sign-up", "signed-in", "sign-out", "signed-out"] {
        run(step, &relay, dir.path(), &keyring.env());
    }
    println!("keyring: ok");
}

fn run(step: &str, relay: &Relay, dir: &Path, environment: &testbed::Environment) {
    let status = Process::new(std::env::current_exe().unwrap())
        .env(STEP, format!("{step} {} {}", relay.url(), dir.display()))
        .envs(environment.iter().cloned())
        .status()
        .unwrap();
    assert!(status.success(), "the step {step} failed");
}

async fn child(step: &str) {
    let mut words = step.splitn(3, ' ');
    let (step, relay_url, dir) = (words.next().unwrap(), words.next().unwrap(), Path::new(words.next().unwrap()));
    let jo = Person::arrive_with(dir, "jo", SecretsChoice::Keyring).await;
    match step {
        "none" => {
            let state = jo.state().await;
            assert_eq!(keeping(&state), Some(SecretKeeping::Undecided), "{state:?}");
        }
        "sign-up" => {
            assert_eq!(keeping(&jo.state().await), Some(SecretKeeping::Keyring));
            let jo = jo.sign_up(relay_url, "Jo").await;
            jo.client.shutdown().await;
            nothing_on_disk(dir);
            return;
        }
        "signed-in" => {
            jo.until("the session", |state| matches!(state.session, SessionView::SignedIn { .. }).then_some(())).await;
            jo.until_online().await;
        }
        "sign-out" => {
            jo.until("the session", |state| matches!(state.session, SessionView::SignedIn { .. }).then_some(())).await;
            jo.command(Command::SignOut).await;
        }
        "signed-out" => assert_eq!(keeping(&jo.state().await), Some(SecretKeeping::Keyring)),
        other => panic!("no such step: {other}"),
    }
    jo.client.shutdown().await;
}

/// Where a session would be kept, if nobody is signed in.
fn keeping(state: &Snapshot) -> Option<SecretKeeping> {
    match state.session {
        SessionView::SignedOut { keeping, .. } => Some(keeping),
        SessionView::Starting | SessionView::Locked { .. } | SessionView::SignedIn { .. } => None,
    }
}

/// No file of the client holds a token.
fn nothing_on_disk(dir: &Path) {
    let mut folders = vec![dir.join("jo")];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            files += 1;
            let bytes = std::fs::read(&path).unwrap();
            // Every access token is a JWT, whose header begins like this; tokens travel in fields of this name.
            for word in [&b"eyJ"[..], b"refresh_token", b"access_token"] {
                assert!(!bytes.windows(word.len()).any(|part| part == word), "{} holds a token", path.display());
            }
        }
    }
    assert!(files >= 2, "the client wrote its preferences and its history");
}
