//! A notification service on a session bus, as desktops have one: it keeps what is shown, and does what a person would.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use zbus::zvariant::OwnedValue;
use zbus::{Connection, interface};

use crate::TestbedError;

const SERVICE: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";

/// What a desktop can do: as KDE's, which takes replies in a field of its own.
pub const KDE: &[&str] = &["actions", "body", "body-markup", "inline-reply"];
/// As GNOME's.
pub const GNOME: &[&str] = &["actions", "body", "body-markup", "sound"];

/// A notification on the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownNotification {
    pub id: u32,
    pub app: String,
    pub title: String,
    pub body: String,
    /// Key and label.
    pub actions: Vec<(String, String)>,
    pub silent: bool,
    /// The placeholder of the reply's field.
    pub reply_placeholder: Option<String>,
}

/// The service `org.freedesktop.Notifications`. It leaves the bus when dropped.
#[derive(Debug)]
pub struct NotificationService {
    screen: Arc<Mutex<Screen>>,
    deeds: mpsc::UnboundedSender<Deed>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Screen {
    shown: Vec<ShownNotification>,
    last_id: u32,
    /// How often anything was put on the screen.
    notified: usize,
}

/// What a person does with a notification.
#[derive(Debug)]
enum Deed {
    Press { id: u32, key: String },
    Reply { id: u32, text: String },
    Dismiss { id: u32 },
}

/// Why a notification goes, as the specification numbers it.
#[derive(Clone, Copy, Debug)]
enum Reason {
    Dismissed = 2,
    Closed = 3,
}

impl NotificationService {
    /// Takes the service's name on the bus of this address.
    ///
    /// # Errors
    /// [`TestbedError`] when there is no such bus, or another has the name.
    pub fn start(bus_address: &str, capabilities: &[&str]) -> Result<Self, TestbedError> {
        let screen = Arc::new(Mutex::new(Screen::default()));
        let (deeds, done) = mpsc::unbounded_channel();
        let (ready, is_ready) = std::sync::mpsc::channel();
        let (address, on_screen) = (bus_address.to_owned(), Arc::clone(&screen));
        let desktop =
            Desktop { screen: on_screen, capabilities: capabilities.iter().map(|one| (*one).to_owned()).collect() };
        let thread = std::thread::Builder::new()
            .name("notifications".to_owned())
            .spawn(move || serve(&address, desktop, done, &ready))?;
        let said = match is_ready.recv_timeout(Duration::from_secs(10)) {
            Ok(Ok(())) => return Ok(Self { screen, deeds, thread: Some(thread) }),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        Err(TestbedError::NotReady { what: "the notification service".to_owned(), said })
    }

    /// What is on the screen, the oldest first.
    pub fn shown(&self) -> Vec<ShownNotification> {
        lock(&self.screen).shown.clone()
    }

    /// How often anything was put on the screen, replacements among them.
    pub fn notified(&self) -> usize {
        lock(&self.screen).notified
    }

    /// Waits until `look` finds what it wants on the screen.
    ///
    /// # Errors
    /// [`TestbedError::NotReady`] with what is shown, when it did not in time.
    pub fn wait_for<T>(
        &self,
        what: &str,
        within: Duration,
        look: impl Fn(&[ShownNotification]) -> Option<T>,
    ) -> Result<T, TestbedError> {
        let deadline = Instant::now() + within;
        loop {
            let shown = self.shown();
            if let Some(found) = look(&shown) {
                return Ok(found);
            }
            if Instant::now() >= deadline {
                return Err(TestbedError::NotReady { what: what.to_owned(), said: format!("{shown:?}") });
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Presses a button, or the notification itself by the key `default`; it goes away.
    pub fn press(&self, id: u32, key: &str) {
        self.act(Deed::Press { id, key: key.to_owned() });
    }

    /// Writes into the field for a reply and sends it; the notification goes away.
    pub fn reply(&self, id: u32, text: &str) {
        self.act(Deed::Reply { id, text: text.to_owned() });
    }

    /// Wipes the notification away.
    pub fn dismiss(&self, id: u32) {
        self.act(Deed::Dismiss { id });
    }

    fn act(&self, deed: Deed) {
        // An error means that the bus is gone: whoever waits for what follows says so.
        let _ = self.deeds.send(deed);
    }
}

impl Drop for NotificationService {
    fn drop(&mut self) {
        let (closed, _) = mpsc::unbounded_channel();
        self.deeds = closed;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Runs until nobody can do anything any more. A runtime of its own: tests call this crate from theirs.
fn serve(
    address: &str,
    desktop: Desktop,
    mut deeds: mpsc::UnboundedReceiver<Deed>,
    ready: &std::sync::mpsc::Sender<zbus::Result<()>>,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return drop(ready.send(Err(error.into()))),
    };
    runtime.block_on(async {
        let screen = Arc::clone(&desktop.screen);
        let connection = match connect(address, desktop).await {
            Ok(connection) => connection,
            Err(error) => return drop(ready.send(Err(error))),
        };
        let _ = ready.send(Ok(()));
        while let Some(deed) = deeds.recv().await {
            if let Err(error) = perform(&connection, &screen, deed).await {
                eprintln!("the notification service: {error}");
            }
        }
    });
}

async fn connect(address: &str, desktop: Desktop) -> zbus::Result<Connection> {
    zbus::connection::Builder::address(address)?.serve_at(PATH, desktop)?.name(SERVICE)?.build().await
}

async fn perform(connection: &Connection, screen: &Mutex<Screen>, deed: Deed) -> zbus::Result<()> {
    let id = match deed {
        Deed::Press { id, key } => {
            emit(connection, "ActionInvoked", &(id, key)).await?;
            id
        }
        Deed::Reply { id, text } => {
            emit(connection, "NotificationReplied", &(id, text)).await?;
            id
        }
        Deed::Dismiss { id } => id,
    };
    lock(screen).shown.retain(|shown| shown.id != id);
    emit(connection, "NotificationClosed", &(id, Reason::Dismissed as u32)).await
}

async fn emit<B>(connection: &Connection, signal: &str, body: &B) -> zbus::Result<()>
where
    B: serde::Serialize + zbus::zvariant::DynamicType,
{
    connection.emit_signal(None::<&str>, PATH, SERVICE, signal, body).await
}

struct Desktop {
    screen: Arc<Mutex<Screen>>,
    capabilities: Vec<String>,
}

#[interface(name = "org.freedesktop.Notifications")]
impl Desktop {
    fn get_capabilities(&self) -> Vec<String> {
        self.capabilities.clone()
    }

    fn get_server_information(&self) -> (String, String, String, String) {
        let [name, vendor, version, spec] = ["testbed", "Parley", env!("CARGO_PKG_VERSION"), "1.2"].map(str::to_owned);
        (name, vendor, version, spec)
    }

    #[expect(clippy::too_many_arguments, reason = "the specification's method has so many")]
    fn notify(
        &self,
        app_name: String,
        replaces_id: u32,
        _app_icon: String,
        summary: String,
        body: String,
        actions: Vec<String>,
        hints: HashMap<String, OwnedValue>,
        _expire_timeout: i32,
    ) -> u32 {
        let mut screen = lock(&self.screen);
        screen.notified += 1;
        let is_shown = screen.shown.iter().any(|shown| shown.id == replaces_id);
        if !is_shown {
            screen.last_id += 1;
        }
        let id = if is_shown { replaces_id } else { screen.last_id };
        let text = |key: &str| hints.get(key).and_then(|hint| <&str>::try_from(&**hint).ok()).map(str::to_owned);
        screen.shown.retain(|shown| shown.id != id);
        screen.shown.push(ShownNotification {
            id,
            app: app_name,
            title: summary,
            body,
            actions: actions.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect(),
            silent: hints.get("suppress-sound").is_some_and(|hint| bool::try_from(&**hint).unwrap_or(false)),
            reply_placeholder: text("x-kde-reply-placeholder-text"),
        });
        id
    }

    async fn close_notification(&self, id: u32, #[zbus(connection)] connection: &Connection) -> zbus::fdo::Result<()> {
        let there = {
            let mut screen = lock(&self.screen);
            let before = screen.shown.len();
            screen.shown.retain(|shown| shown.id != id);
            screen.shown.len() < before
        };
        if !there {
            return Err(zbus::fdo::Error::Failed("there is no such notification".to_owned()));
        }
        emit(connection, "NotificationClosed", &(id, Reason::Closed as u32)).await?;
        Ok(())
    }
}

/// A panic elsewhere leaves what is shown as it is.
fn lock(screen: &Mutex<Screen>) -> MutexGuard<'_, Screen> {
    screen.lock().unwrap_or_else(PoisonError::into_inner)
}
