//! The actor that owns the core: it turns what happens into inputs, performs effects, and reads the clock.

mod effects;
mod preferences;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use parley_shared::ids::UnixMs;
use parley_shared::view::{CommandError, CommandErrorCode, ViewEvent};
use parley_shared::wire::Session;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::api::Api;
use crate::call_media::{CallMedia, CallMediaConfig};
use crate::client::{Ask, ClientHandle};
use crate::config::ClientConfig;
use crate::core::{Account, Answer, Core, ExportId, Input, LinkEvent, MediaEvent, Now, ReplyId};
use crate::engine::FrameHub;
use crate::files::Files;
use crate::network_watch::{self, Look, NetworkWatch};
use crate::peer::TestNetwork;
use crate::secrets::Secrets;
use crate::signaling::Signaling;
use crate::store::{Store, make_private_dir};

/// A burst of changes becomes one event for each slice after this time: one frame at 60 Hz.
const COALESCE: Duration = Duration::from_millis(16);
/// Ends of the client wait this long for tasks that are under way.
const END_TIMEOUT: Duration = Duration::from_secs(5);

/// Starts the actor on the current runtime.
///
/// # Errors
/// The data directory cannot be made.
pub(crate) fn spawn(config: ClientConfig) -> anyhow::Result<ClientHandle> {
    use anyhow::Context;
    make_private_dir(&config.data_dir).context("making the data directory")?;
    let (asks, inbox) = mpsc::channel(64);
    let (events, _) = broadcast::channel(1_024);
    let (ended_tx, ended) = watch::channel(false);
    let frames = FrameHub::new();
    let handle = ClientHandle { asks, events: events.clone(), frames: frames.clone(), ended };
    let driver = Driver::new(config, events, frames).context("starting the keeper of secrets")?;
    tokio::spawn(async move {
        driver.run(inbox).await;
        ended_tx.send_replace(true);
    });
    Ok(handle)
}

struct Driver {
    core: Core,
    started: Instant,
    data_dir: PathBuf,
    relay_url: Option<String>,
    events: broadcast::Sender<ViewEvent>,
    inputs: mpsc::Receiver<Input>,
    to_inputs: mpsc::Sender<Input>,
    link_events: mpsc::Receiver<LinkEvent>,
    to_link_events: mpsc::Sender<LinkEvent>,
    media_events: mpsc::Receiver<MediaEvent>,
    /// Sessions whose tokens were renewed.
    renewed: mpsc::Receiver<Session>,
    to_renewed: mpsc::Sender<Session>,
    secrets: Secrets,
    media: CallMedia,
    network_watch: NetworkWatch,
    network: Option<TestNetwork>,
    /// Of the account that is signed in.
    account: Option<Account>,
    store: Option<Store>,
    files: Option<Files>,
    api: Option<Api>,
    link: Option<Signaling>,
    tasks: JoinSet<()>,
    /// Dropping it cancels the export that is under way.
    export: Option<(ExportId, oneshot::Sender<()>)>,
    waiting: BTreeMap<ReplyId, Waiting>,
    next_reply: u64,
    /// When changed slices are shown.
    show_at: Option<Instant>,
}

/// Who waits for the core's answer.
#[derive(Debug)]
enum Waiting {
    Command(oneshot::Sender<Result<(), CommandError>>),
    Query(oneshot::Sender<Result<Answer, CommandError>>),
}

impl Driver {
    fn new(config: ClientConfig, events: broadcast::Sender<ViewEvent>, frames: FrameHub) -> std::io::Result<Self> {
        let (to_inputs, inputs) = mpsc::channel(1_024);
        let (to_link_events, link_events) = mpsc::channel(256);
        let (to_media_events, media_events) = mpsc::channel(256);
        let (to_renewed, renewed) = mpsc::channel(4);
        let secrets = Secrets::spawn(config.secrets, &config.data_dir, to_inputs.clone())?;
        let media = CallMediaConfig { overrides: config.media, network: config.network.clone(), frames };
        Ok(Self {
            core: Core::new(config.device_name, rand::random()),
            started: Instant::now(),
            data_dir: config.data_dir,
            relay_url: config.relay_url,
            events,
            inputs,
            to_inputs,
            link_events,
            to_link_events,
            media: CallMedia::spawn(media, to_media_events),
            network_watch: NetworkWatch::default(),
            network: config.network,
            media_events,
            renewed,
            to_renewed,
            secrets,
            account: None,
            store: None,
            files: None,
            api: None,
            link: None,
            tasks: JoinSet::new(),
            export: None,
            waiting: BTreeMap::new(),
            next_reply: 0,
            show_at: None,
        })
    }

    async fn run(mut self, mut inbox: mpsc::Receiver<Ask>) {
        let preferences = preferences::load(&self.data_dir, self.relay_url.take());
        self.feed(Input::Started(Box::new(preferences))).await;
        let mut look = tokio::time::interval(network_watch::LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let tick_at = self.core.poll_timeout().map(|clock| self.started + clock);
            tokio::select! {
                ask = inbox.recv() => match ask {
                    Some(Ask::Shutdown) => break,
                    Some(ask) => self.on_ask(ask).await,
                    // Without handles nobody can stop it any more; it goes on until the process ends.
                    None => std::future::pending().await,
                },
                Some(input) = self.inputs.recv() => self.feed(input).await,
                Some(event) = self.link_events.recv() => self.feed(Input::Link(event)).await,
                Some(event) = self.media_events.recv() => self.feed(Input::Media(event)).await,
                Some(session) = self.renewed.recv() => self.on_renewed(session),
                () = at(self.show_at) => self.show(),
                () = at(tick_at) => self.feed(Input::Tick).await,
                _ = look.tick() => self.look_at_the_network(),
                Some(_) = self.tasks.join_next() => {}
            }
        }
        self.end().await;
    }

    async fn on_ask(&mut self, ask: Ask) {
        match ask {
            Ask::Command(command, answer) => {
                let reply = self.wait_for(Waiting::Command(answer));
                self.feed(Input::Command(reply, command)).await;
            }
            Ask::Query(query, answer) => {
                let reply = self.wait_for(Waiting::Query(answer));
                self.feed(Input::Query(reply, query)).await;
            }
            Ask::Attach(name, bytes, answer) => {
                let reply = self.wait_for(Waiting::Query(answer));
                match &mut self.files {
                    Some(files) => files.attach(reply, name, bytes),
                    None => self.answer(reply, Err(nobody())),
                }
            }
            Ask::ShowFile(file, variant, answer) => match &mut self.files {
                Some(files) => files.show(self.api.clone(), file, variant, answer),
                None => drop(answer.send(Err(nobody()))),
            },
            Ask::SaveFile(file, path, answer) => match &mut self.files {
                Some(files) => files.save_as(self.api.clone(), file, path, answer),
                None => drop(answer.send(Err(nobody()))),
            },
            Ask::Export(wish, path, answer) => {
                let reply = self.wait_for(Waiting::Query(answer));
                self.feed(Input::ExportAsked(reply, wish, path)).await;
            }
            // Whoever asked may have given up, here and below.
            Ask::Snapshot(answer) => drop(answer.send(self.core.snapshot())),
            Ask::CallStats(answer) => self.media.ask_stats(answer),
            Ask::Shutdown => {}
        }
    }

    /// Whatever stands on the machine's network hears that it changed.
    fn look_at_the_network(&mut self) {
        let mut addresses = network_watch::addresses();
        addresses.extend(self.network.as_ref().and_then(TestNetwork::addresses).unwrap_or_default());
        let look = Look { addresses, clock: std::time::Instant::now(), wall: std::time::SystemTime::now() };
        if self.network_watch.has_changed(look) {
            tracing::info!("the network of this machine changed");
            self.media.network_changed();
            if let Some(link) = &self.link {
                link.network_changed();
            }
        }
    }

    fn wait_for(&mut self, waiting: Waiting) -> ReplyId {
        self.next_reply += 1;
        let id = ReplyId(self.next_reply);
        self.waiting.insert(id, waiting);
        id
    }

    fn answer(&mut self, id: ReplyId, answer: Result<Answer, CommandError>) {
        let Some(waiting) = self.waiting.remove(&id) else { return };
        match (waiting, answer) {
            (Waiting::Command(to), Ok(_)) => drop(to.send(Ok(()))),
            (Waiting::Command(to), Err(error)) => drop(to.send(Err(error))),
            (Waiting::Query(to), answer) => drop(to.send(answer)),
        }
    }

    /// Gives the core an input and does what it wants.
    async fn feed(&mut self, input: Input) {
        let now = self.now();
        self.core.handle(input, now);
        for effect in self.core.poll_effects() {
            self.perform(effect).await;
        }
        if self.core.has_changes() {
            self.show_at.get_or_insert_with(|| Instant::now() + COALESCE);
        }
    }

    fn now(&self) -> Now {
        let wall = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let wall = UnixMs(i64::try_from(wall.as_millis()).unwrap_or(i64::MAX));
        Now { clock: self.started.elapsed(), wall }
    }

    /// Sends the changed slices to whoever draws.
    fn show(&mut self) {
        self.show_at = None;
        for event in self.core.take_changes() {
            // Nobody may be drawing.
            let _ = self.events.send(event);
        }
    }

    /// Leaves the call, writes what is to be written, and closes everything.
    async fn end(mut self) {
        self.feed(Input::Ending).await;
        self.export = None;
        while let Ok(session) = self.renewed.try_recv() {
            self.on_renewed(session);
        }
        self.media.stop().await;
        if let Some(link) = self.link.take()
            && tokio::time::timeout(END_TIMEOUT, link.stop()).await.is_err()
        {
            tracing::warn!("the link did not close in time");
        }
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(END_TIMEOUT, all).await.is_err() {
            tracing::warn!("requests did not end in time");
        }
        effects::close_disk(self.files.take(), self.store.take(), false).await;
        if tokio::time::timeout(END_TIMEOUT, self.secrets.close()).await.is_err() {
            tracing::warn!("the keyring does not answer");
        }
    }
}

fn nobody() -> CommandError {
    let message = "Nobody is signed in.".to_owned();
    CommandError { code: CommandErrorCode::NotNow, message, field: None, retry_after_s: None }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}
