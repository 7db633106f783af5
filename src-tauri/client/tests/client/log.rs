//! Above DEBUG the log holds no address, no token and no message text.

use std::io::Write;
use std::sync::{Arc, Mutex};

use crate::support::{Person, Relay};
use parley_shared::view::{Command, ConnectionView};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_above_debug_names_an_address_a_token_or_a_text() {
    let log = Log::default();
    let writer = log.clone();
    let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(move || writer.clone());
    let filter = tracing_subscriber::filter::LevelFilter::INFO;
    tracing_subscriber::registry().with(filter).with(layer).try_init().expect("the only listener of this program");

    let dir = tempfile::tempdir().unwrap();
    let mut relay = Relay::start(dir.path()).await;
    let jo = Person::arrive(dir.path(), "jo").await.sign_up(&relay.url(), "Zebediah").await;
    let mina = Person::arrive(dir.path(), "mina").await.sign_up(&relay.url(), "Wilhelmina").await;
    let room_id = jo.open_direct("Wilhelmina").await;
    jo.say(room_id, "a giraffe").await;
    jo.until_texts(&["a giraffe"]).await;
    relay.stop().await;
    jo.until("the loss", |state| matches!(state.connection, ConnectionView::Offline { .. }).then_some(())).await;
    relay.start_again().await;
    jo.command(Command::Reconnect).await;
    jo.until_online().await;
    mina.client.shutdown().await;
    jo.client.shutdown().await;

    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("connected to the relay"), "the listener hears nothing: {text}");
    for word in ["giraffe", "example.org", "eyJ", "a long password", "127.0.0.1"] {
        let line = text.lines().find(|line| line.contains(word));
        assert!(line.is_none(), "the log says {word:?}: {}", line.unwrap_or_default());
    }
}
