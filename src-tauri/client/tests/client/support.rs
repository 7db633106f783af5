//! A real relay in this process, people with clients, and a wire between them that can be cut.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use parley_client::{Client, ClientConfig, ClientHandle, SecretsChoice};
use parley_relay::config::Config;
use parley_shared::ids::RoomId;
use parley_shared::view::*;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

/// Everything here takes milliseconds on an idle machine; tests of a whole workspace share two cores.
pub const PATIENCE: Duration = Duration::from_secs(40);

/// A relay on a free port of the loopback. It can stop and start again where it was.
pub struct Relay {
    data_dir: PathBuf,
    address: SocketAddr,
    running: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl Relay {
    pub async fn start(data_dir: &Path) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut relay = Self { data_dir: data_dir.join("relay"), address, running: None };
        relay.serve(listener);
        relay
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    fn serve(&mut self, listener: TcpListener) {
        std::fs::create_dir_all(&self.data_dir).unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let mut config = Config::for_tests(self.data_dir.clone());
        // Some tests write a history.
        config.messages.burst = 1_000;
        let task = tokio::spawn(async move {
            let shutdown = async { drop(stopped.await) };
            parley_relay::app::serve(config, listener, shutdown).await.unwrap();
        });
        self.running = Some((stop, task));
    }

    pub async fn stop(&mut self) {
        let (stop, task) = self.running.take().expect("the relay runs");
        drop(stop);
        tokio::time::timeout(PATIENCE, task).await.expect("the relay stops").unwrap();
    }

    pub async fn start_again(&mut self) {
        let listener = within("the port to be free", async || TcpListener::bind(self.address).await.ok()).await;
        self.serve(listener);
    }
}

/// A wire to the relay that can be cut: its connections end, and no new ones come through.
pub struct Wire {
    pub address: SocketAddr,
    whole: watch::Sender<bool>,
    swallowed: watch::Sender<u64>,
}

impl Wire {
    pub async fn to(relay: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (whole, watched) = watch::channel(true);
        let (swallowed, swallows) = watch::channel(0);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(carry(near, relay, watched.clone(), swallows.clone()));
            }
        });
        Self { address, whole, swallowed }
    }

    /// The connections that there are stay open and nothing gets through them any more, as when the machine has moved to
    /// another network. New ones work.
    pub fn swallow(&self) {
        self.swallowed.send_modify(|times| *times += 1);
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn cut(&self) {
        self.whole.send_replace(false);
    }

    pub fn mend(&self) {
        self.whole.send_replace(true);
    }
}

async fn carry(
    mut near: TcpStream,
    relay: SocketAddr,
    mut whole: watch::Receiver<bool>,
    mut swallows: watch::Receiver<u64>,
) {
    if !*whole.borrow() {
        return;
    }
    let Ok(mut far) = TcpStream::connect(relay).await else { return };
    swallows.mark_unchanged();
    let carried = async {
        tokio::select! {
            _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
            _ = swallows.changed() => std::future::pending().await,
        }
    };
    tokio::select! {
        () = carried => {}
        _ = whole.wait_for(|whole| !whole) => {}
    }
}

/// Someone at a desk.
pub struct Person {
    pub client: ClientHandle,
    config: ClientConfig,
}

impl Person {
    /// Starts a client that nobody is signed in to yet, with tokens in memory.
    pub async fn arrive(dir: &Path, name: &str) -> Self {
        Self::arrive_with(dir, name, SecretsChoice::Memory).await
    }

    pub async fn arrive_with(dir: &Path, name: &str, secrets: SecretsChoice) -> Self {
        let config = ClientConfig { secrets, ..ClientConfig::headless(dir.join(name)) };
        let client = Client::spawn(config.clone()).unwrap();
        let person = Self { client, config };
        person.until("the start", |state| (state.session != SessionView::Starting).then_some(())).await;
        person
    }

    /// Signs up as `name` and waits until the rooms are known.
    pub async fn sign_up(self, relay_url: &str, name: &str) -> Self {
        self.command(Command::SignUp {
            relay_url: relay_url.to_owned(),
            display_name: name.to_owned(),
            email: format!("{}@example.org", name.to_lowercase()),
            password: "a long password".to_owned(),
            registration_code: None,
        })
        .await;
        self.until_online().await;
        self
    }

    /// Ends the client and starts it again with what is on disk.
    pub async fn restart(&mut self) {
        self.client.shutdown().await;
        self.client = Client::spawn(self.config.clone()).unwrap();
        self.until("the start", |state| (state.session != SessionView::Starting).then_some(())).await;
    }

    pub async fn command(&self, command: Command) {
        let what = format!("{command:?}");
        if let Err(error) = self.client.command(command).await {
            panic!("{what} was refused: {error:?}");
        }
    }

    pub async fn state(&self) -> Snapshot {
        self.client.snapshot().await.unwrap()
    }

    /// Waits until the state has what is looked for.
    pub async fn until<T>(&self, what: &str, look: impl Fn(&Snapshot) -> Option<T>) -> T {
        let looked = tokio::time::timeout(PATIENCE, async {
            loop {
                if let Some(found) = look(&self.state().await) {
                    return found;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        match looked.await {
            Ok(found) => found,
            Err(_) => panic!("waited for {what}; the state is {:#?}", self.state().await),
        }
    }

    pub async fn until_online(&self) {
        self.until("the relay", |state| {
            (state.connection == ConnectionView::Online && !state.rooms.loading).then_some(())
        })
        .await;
    }

    /// Opens the direct room with somebody and gives its id.
    pub async fn open_direct(&self, name: &str) -> RoomId {
        self.command(Command::SearchPeople { query: name.to_owned() }).await;
        let people = self.state().await.people.people;
        let user_id = people.iter().find(|person| person.display_name == name).expect("the person is found").id;
        self.command(Command::OpenDirect { user_id }).await;
        self.until("the room", |state| state.timeline.as_ref().map(|timeline| timeline.room.id)).await
    }

    pub async fn say(&self, room_id: RoomId, text: &str) {
        self.command(Command::SendMessage {
            room_id,
            text: text.to_owned(),
            reply_to: None,
            thread_id: None,
            attachments: Vec::new(),
        })
        .await;
    }

    /// Waits until the open room shows exactly these texts, all of them stored.
    pub async fn until_texts(&self, texts: &[&str]) {
        self.until(&format!("{texts:?}"), |state| {
            let messages = &state.timeline.as_ref()?.messages;
            let shown: Vec<&str> = messages.iter().map(text).collect();
            let settled = messages.iter().all(|message| message.seq.is_some());
            (settled && shown == texts).then_some(())
        })
        .await;
    }
}

pub fn text(message: &MessageView) -> &str {
    match &message.body {
        BodyView::Text { text, .. } => text,
        BodyView::Deleted => "(deleted)",
        BodyView::Call { .. } => "(call)",
    }
}

/// Tries until it works.
pub async fn within<T>(what: &str, mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    let tried = tokio::time::timeout(PATIENCE, async {
        loop {
            if let Some(done) = attempt().await {
                return done;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    tried.await.unwrap_or_else(|_| panic!("waited for {what}"))
}
