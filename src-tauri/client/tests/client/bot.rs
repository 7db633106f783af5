//! `parley-bot` as a process of its own.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command as Process, Stdio};

use clap::Parser;
use parley_client::engine::StreamId;
use parley_shared::view::*;
use tokio::sync::mpsc;

use crate::support::{PATIENCE, Person, Relay};

/// A running bot; ends when dropped.
struct Bot {
    child: Child,
    lines: mpsc::UnboundedReceiver<String>,
}

impl Bot {
    fn start(args: &[&str]) -> Self {
        let mut command = Process::new(env!("CARGO_BIN_EXE_parley-bot"));
        let mut child = command.args(args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (to_lines, lines) = mpsc::unbounded_channel();
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| to_lines.send(line)));
        Self { child, lines }
    }

    async fn line(&mut self) -> String {
        tokio::time::timeout(PATIENCE, self.lines.recv()).await.expect("a line in time").expect("the bot goes on")
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Makes Echo's account in a relay that is about to start.
async fn make_echo(dir: &Path) -> String {
    let credentials = dir.join("echo.json").display().to_string();
    let data_dir = dir.join("relay").display().to_string();
    let args = ["parley-relay", "bot-account", "--name", "Echo", "--relay-url", "http://127.0.0.1:1"];
    let args = args.into_iter().chain(["--data-dir", &data_dir, "--credentials", &credentials]);
    parley_relay::cli::run(parley_relay::cli::Cli::parse_from(args)).await.unwrap();
    credentials
}

#[tokio::test(flavor = "multi_thread")]
async fn echo_answers_a_message_once_and_sends_a_call_back() {
    let dir = tempfile::tempdir().unwrap();
    let credentials = make_echo(dir.path()).await;
    let relay = Relay::start(dir.path()).await;
    let mut echo = Bot::start(&["echo", "--credentials", &credentials, "--relay", &relay.url()]);
    assert_eq!(echo.line().await, "parley-bot ready");
    let jo = Person::arrive(dir.path(), "jo").await.sign_up(&relay.url(), "Jo").await;
    let room_id = jo.open_direct("Echo").await;
    assert!(jo.state().await.timeline.unwrap().room.peer.unwrap().bot);
    jo.say(room_id, "hello").await;
    let greeting = "Hello, I am Echo. Call me to hear and see yourself come back.";
    jo.until_texts(&["hello", greeting]).await;
    jo.say(room_id, "hello again").await;
    let read = |state: &Snapshot| (state.timeline.as_ref()?.messages.last()?.state == MessageState::Read).then_some(());
    jo.until("the reading", read).await;
    jo.until_texts(&["hello", greeting, "hello again"]).await;

    jo.command(Command::StartCall { room_id, camera: true, muted: false }).await;
    let stream = jo.until("my picture to come back", |state| state.call.as_ref()?.participants.first()?.stream).await;
    let mut watch = jo.client.frames().subscribe(StreamId(stream));
    for _ in 0..10 {
        tokio::time::timeout(PATIENCE, watch.changed())
            .await
            .expect("pictures keep coming")
            .expect("the stream goes on");
    }
    jo.command(Command::HangUp).await;
    jo.client.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_bots_call_and_print_what_they_measured() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start(dir.path()).await;
    let start = |name: &str, role: &[&str]| {
        let (data_dir, email) = (dir.path().join(name).display().to_string(), format!("{name}@example.org"));
        let picture = dir.path().join(format!("{name}.png")).display().to_string();
        let url = relay.url();
        let mut args = vec!["call", "--relay", &url, "--name", name, "--email", &email, "--data-dir", &data_dir];
        args.extend(["--seconds", "2", "--picture", &picture]);
        args.extend(role);
        Bot::start(&args)
    };
    let mut bea = start("Bea", &["--answer"]);
    assert_eq!(bea.line().await, "parley-bot ready");
    let mut ada = start("Ada", &["--dial", "Bea"]);
    assert_eq!(ada.line().await, "parley-bot ready");
    for bot in [&mut ada, &mut bea] {
        let report: serde_json::Value = serde_json::from_str(&bot.line().await).unwrap();
        for field in ["/video/decoded", "/audio/received", "/accepted_at_ms", "/first_video_at_ms", "/seconds"] {
            assert!(
                report.pointer(field).and_then(|value| value.as_f64()).is_some_and(|value| value > 0.0),
                "{field}: {report}"
            );
        }
        assert_eq!(report.pointer("/video/width"), Some(&serde_json::json!(1280)));
        assert!(Path::new(report["picture"].as_str().unwrap()).exists());
        let status = bot.child.wait().unwrap();
        assert!(status.success(), "{status}");
    }
}
