//! Someone with the app: a client without a window, and the state that its window would show.

use std::fmt::Debug;
use std::time::Duration;

use anyhow::{Result, anyhow};
use parley_client::{Client, ClientConfig, ClientHandle};
use parley_shared::ids::RoomId;
use parley_shared::view::{
    BodyView, CallView, Command, ConnectionView, MessageView, PersonItem, SessionView, Snapshot, TimelineView,
    ViewEvent,
};
use tempfile::TempDir;
use tokio::sync::{broadcast, watch};

/// How long anything may take that needs no person: generous, because the machine may be busy.
pub const SOON: Duration = Duration::from_secs(20);

/// A password that every relay takes.
pub const PASSWORD: &str = "correct horse battery";

/// A person with a client of their own. Test picture, clicks for sound, silent speaker, tokens in memory.
#[derive(Debug)]
pub struct Person {
    pub name: String,
    pub client: ClientHandle,
    view: watch::Receiver<Snapshot>,
    data: Option<TempDir>,
}

impl Person {
    /// Starts a client and signs up on the relay.
    ///
    /// # Errors
    /// What the client says.
    pub async fn sign_up(relay_url: &str, name: &str) -> Result<Self> {
        Self::sign_up_with(relay_url, name, |_| {}).await
    }

    /// As [`Self::sign_up`], with a changed configuration.
    ///
    /// # Errors
    /// What the client says.
    pub async fn sign_up_with(relay_url: &str, name: &str, change: impl FnOnce(&mut ClientConfig)) -> Result<Self> {
        let data = tempfile::tempdir()?;
        let mut config = ClientConfig::headless(data.path());
        change(&mut config);
        let person = Self::open(config, name, Some(data)).await?;
        person.make_account(relay_url, None).await?;
        Ok(person)
    }

    /// Starts a client and signs up on a relay that takes people by invite: with a code, or a link that ends in one.
    ///
    /// # Errors
    /// What the client says.
    pub async fn sign_up_by(relay_url: &str, name: &str, code: &str) -> Result<Self> {
        let data = tempfile::tempdir()?;
        let person = Self::open(ClientConfig::headless(data.path()), name, Some(data)).await?;
        person.make_account(relay_url, Some(code.to_owned())).await?;
        Ok(person)
    }

    async fn make_account(&self, relay_url: &str, registration_code: Option<String>) -> Result<()> {
        self.command(Command::SignUp {
            relay_url: relay_url.to_owned(),
            display_name: self.name.clone(),
            email: email(&self.name),
            password: PASSWORD.to_owned(),
            registration_code,
        })
        .await?;
        self.online().await
    }

    /// Starts a client on a configuration without signing in, and waits for its first screen.
    ///
    /// # Errors
    /// Its data directory cannot be written.
    pub async fn open(config: ClientConfig, name: &str, data: Option<TempDir>) -> Result<Self> {
        let client = Client::spawn(config)?;
        let events = client.events();
        let first = client.snapshot().await.map_err(|error| anyhow!("{name}: {}", error.message))?;
        let (sender, view) = watch::channel(first);
        tokio::spawn(follow(client.clone(), events, sender));
        let person = Self { name: name.to_owned(), client, view, data };
        person.see("the first screen", |view| (view.session != SessionView::Starting).then_some(())).await?;
        Ok(person)
    }

    /// The folder of the client, if this person owns one.
    pub fn data_dir(&self) -> Option<&std::path::Path> {
        self.data.as_ref().map(TempDir::path)
    }

    /// Carries out a command.
    ///
    /// # Errors
    /// Why it was refused.
    pub async fn command(&self, command: Command) -> Result<()> {
        self.client
            .command(command)
            .await
            .map_err(|error| anyhow!("{}: {:?}: {}", self.name, error.code, error.message))
    }

    /// Starts another client of the same person: a second device.
    ///
    /// # Errors
    /// What the client says.
    pub async fn another_device(&self, relay_url: &str) -> Result<Self> {
        Self::sign_in(relay_url, &self.name).await
    }

    /// Starts a client for somebody who has an account.
    ///
    /// # Errors
    /// What the client says.
    pub async fn sign_in(relay_url: &str, name: &str) -> Result<Self> {
        let data = tempfile::tempdir()?;
        let person = Self::open(ClientConfig::headless(data.path()), name, Some(data)).await?;
        let (relay_url, password) = (relay_url.to_owned(), PASSWORD.to_owned());
        person.command(Command::SignIn { relay_url, email: email(name), password }).await?;
        person.online().await?;
        Ok(person)
    }

    /// Says something in a room.
    ///
    /// # Errors
    /// Why it was refused.
    pub async fn say(&self, room_id: RoomId, text: &str) -> Result<()> {
        self.command(say(room_id, text)).await
    }

    /// What the window would show.
    pub fn view(&self) -> Snapshot {
        self.view.borrow().clone()
    }

    /// Waits until `look` finds what it wants in the view.
    ///
    /// # Errors
    /// It did not within [`SOON`]; the message names `what` and holds the view.
    pub async fn see<T>(&self, what: &str, look: impl FnMut(&Snapshot) -> Option<T>) -> Result<T> {
        self.see_within(SOON, what, look).await
    }

    /// As [`Self::see`], with a time of its own.
    ///
    /// # Errors
    /// As [`Self::see`].
    pub async fn see_within<T>(
        &self,
        within: Duration,
        what: &str,
        mut look: impl FnMut(&Snapshot) -> Option<T>,
    ) -> Result<T> {
        let mut view = self.view.clone();
        let seen = async {
            loop {
                if let Some(found) = look(&view.borrow_and_update()) {
                    return Ok(found);
                }
                view.changed().await.map_err(|_| anyhow!("{}'s client ended while waiting for {what}", self.name))?;
            }
        };
        match tokio::time::timeout(within, seen).await {
            Ok(result) => result,
            Err(_) => {
                Err(anyhow!("{} did not see {what} within {within:?}; the view is {}", self.name, show(&self.view())))
            }
        }
    }

    /// Waits for a connection to the relay.
    ///
    /// # Errors
    /// There was none in time.
    pub async fn online(&self) -> Result<()> {
        self.see("the relay", |view| {
            let signed_in = matches!(view.session, SessionView::SignedIn { .. });
            (signed_in && view.connection == ConnectionView::Online).then_some(())
        })
        .await
    }

    /// Finds a person by name, as typing it into the search would.
    ///
    /// # Errors
    /// Nobody of that name appeared.
    pub async fn find(&self, name: &str) -> Result<PersonItem> {
        self.command(Command::SearchPeople { query: name.to_owned() }).await?;
        self.see(&format!("{name} in the search"), |view| {
            view.people.people.iter().find(|person| person.display_name == name).cloned()
        })
        .await
    }

    /// Opens the direct room with somebody.
    ///
    /// # Errors
    /// Nobody of that name, or no room appeared.
    pub async fn open_direct(&self, name: &str) -> Result<RoomId> {
        let person = self.find(name).await?;
        self.command(Command::OpenDirect { user_id: person.id }).await?;
        self.see(&format!("the room with {name}"), |view| {
            let room = &view.timeline.as_ref()?.room;
            (room.peer.as_ref()?.id == person.id).then_some(room.id)
        })
        .await
    }

    /// Opens a room once this device knows of it: another one may have heard of it first.
    ///
    /// # Errors
    /// It did not come, or was refused.
    pub async fn open_room(&self, room_id: RoomId) -> Result<()> {
        self.see("the room in the list", |view| view.rooms.rooms.iter().find(|room| room.id == room_id).map(drop))
            .await?;
        self.command(Command::OpenRoom { room_id }).await
    }

    /// Waits until the open room's timeline satisfies `look`.
    ///
    /// # Errors
    /// As [`Self::see`].
    pub async fn see_timeline<T>(&self, what: &str, mut look: impl FnMut(&TimelineView) -> Option<T>) -> Result<T> {
        self.see(what, |view| look(view.timeline.as_ref()?)).await
    }

    /// Waits for a message with this text in the open room.
    ///
    /// # Errors
    /// As [`Self::see`].
    pub async fn see_message(&self, text: &str) -> Result<MessageView> {
        self.see_timeline(&format!("the message {text:?}"), |timeline| {
            timeline.messages.iter().find(|message| is_text(message, text)).cloned()
        })
        .await
    }

    /// Waits until the call on the screen satisfies `look`.
    ///
    /// # Errors
    /// As [`Self::see`].
    pub async fn see_call<T>(&self, what: &str, mut look: impl FnMut(&CallView) -> Option<T>) -> Result<T> {
        self.see(what, |view| look(view.call.as_ref()?)).await
    }

    /// Waits until there is no call any more, or only the notice of its end.
    ///
    /// # Errors
    /// As [`Self::see`].
    pub async fn see_no_call(&self) -> Result<()> {
        use parley_shared::view::CallPhaseView;
        self.see("the end of the call", |view| match &view.call {
            None => Some(()),
            Some(call) => matches!(call.phase, CallPhaseView::Ended { .. }).then_some(()),
        })
        .await
    }
}

/// A message that answers nothing and has no files.
pub fn say(room_id: RoomId, text: &str) -> Command {
    Command::SendMessage { room_id, text: text.to_owned(), reply_to: None, thread_id: None, attachments: Vec::new() }
}

/// The e-mail address of a person in these tests.
pub fn email(name: &str) -> String {
    format!("{}@example.org", name.to_lowercase().replace(' ', "."))
}

/// True when the message says exactly this.
pub fn is_text(message: &MessageView, wanted: &str) -> bool {
    matches!(&message.body, BodyView::Text { text, .. } if text == wanted)
}

/// Keeps a snapshot as a window would: by its events.
async fn follow(client: ClientHandle, mut events: broadcast::Receiver<ViewEvent>, view: watch::Sender<Snapshot>) {
    loop {
        match events.recv().await {
            Ok(event) => drop(view.send_if_modified(|view| apply(view, event))),
            Err(broadcast::error::RecvError::Lagged(_)) => match client.snapshot().await {
                Ok(whole) => drop(view.send_replace(whole)),
                Err(_) => return,
            },
            Err(broadcast::error::RecvError::Closed) => return,
        }
    }
}

/// Takes over one slice; false for what passes and is kept nowhere.
fn apply(view: &mut Snapshot, event: ViewEvent) -> bool {
    match event {
        ViewEvent::Session(session) => view.session = session,
        ViewEvent::Connection(connection) => view.connection = connection,
        ViewEvent::Rooms(rooms) => view.rooms = rooms,
        ViewEvent::People(people) => view.people = people,
        ViewEvent::Timeline(timeline) => view.timeline = timeline,
        ViewEvent::Thread(thread) => view.thread = thread,
        ViewEvent::Call(call) => view.call = call,
        ViewEvent::Devices(devices) => view.devices = devices,
        ViewEvent::Settings(settings) => view.settings = settings,
        ViewEvent::Export(export) => view.export = export,
        ViewEvent::Notification(_)
        | ViewEvent::NotificationsGone { .. }
        | ViewEvent::Levels(_)
        | ViewEvent::CallStats(_)
        | ViewEvent::Notice(_) => return false,
    }
    true
}

fn show(view: &impl Debug) -> String {
    format!("{view:#?}")
}
