//! Linux: the service `org.freedesktop.Notifications` on the session bus, as the Desktop Notifications Specification 1.2 has it.
//!
//! A field for the reply is KDE's extension `inline-reply`; GNOME has none, and its button opens the window where one writes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use futures_util::StreamExt;
use parley_shared::ids::RoomId;
use tokio::sync::mpsc;
use tracing::debug;
use zbus::proxy::SignalStream;
use zbus::zvariant::Value;
use zbus::{Connection, Message, Proxy};

use super::{Act, Notification, Order, Press, Target, words};

const SERVICE: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";
/// The bus may have to start the service first.
const PATIENCE: Duration = Duration::from_secs(5);
/// What our desktop file and our icon are called once installed.
const DESKTOP_ENTRY: &str = "Parley";
const ICON: &str = "parley";

/// Keys of our buttons. A click on the notification itself has the key `default`, a field for the reply `inline-reply`.
const DEFAULT: &str = "default";
const OPEN: &str = "open";
const REPLY: &str = "reply";
const INLINE_REPLY: &str = "inline-reply";

/// Which bus the service is looked for on.
#[derive(Debug)]
pub(super) enum Bus {
    Session,
    #[cfg(test)]
    At(String),
}

/// Carries orders out until the end.
pub(super) async fn run(bus: Bus, mut orders: mpsc::Receiver<Order>, presses: mpsc::Sender<Press>) {
    let mut board = Board::open_or_tell(&bus).await;
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                Some(Order::Show(notification)) => {
                    if board.is_none() {
                        board = Board::open(&bus).await.ok();
                    }
                    if let Some(board) = &mut board {
                        board.show(&notification).await;
                    }
                }
                Some(Order::Close(room_id)) => {
                    if let Some(board) = &mut board {
                        board.close(room_id).await;
                    }
                }
                Some(Order::Available(answer)) => {
                    if board.is_none() {
                        board = Board::open(&bus).await.ok();
                    }
                    // Whoever asked may have gone.
                    let _ = answer.send(board.is_some());
                }
                Some(Order::End(done)) => {
                    if let Some(board) = &mut board {
                        board.close_all().await;
                    }
                    let _ = done.send(());
                    return;
                }
                None => return,
            },
            signal = signal(&mut board) => match (signal, &mut board) {
                (Some(signal), Some(board)) => {
                    if let Some(press) = board.on_signal(&signal)
                        && presses.try_send(press).is_err()
                    {
                        debug!("nobody follows notifications");
                    }
                }
                (Some(_), None) => {}
                (None, _) => board = None,
            },
        }
    }
}

/// The next signal of the service; none when the bus is gone.
async fn signal(board: &mut Option<Board>) -> Option<Message> {
    match board {
        Some(board) => board.signals.next().await,
        None => std::future::pending().await,
    }
}

/// The service, and what it shows of ours.
struct Board {
    proxy: Proxy<'static>,
    signals: SignalStream<'static>,
    capabilities: BTreeSet<String>,
    shown: BTreeMap<RoomId, Shown>,
}

struct Shown {
    id: u32,
    target: Target,
}

impl Board {
    async fn open_or_tell(bus: &Bus) -> Option<Self> {
        match Self::open(bus).await {
            Ok(board) => Some(board),
            Err(error) => {
                debug!(%error, "the system shows no notifications");
                None
            }
        }
    }

    async fn open(bus: &Bus) -> zbus::Result<Self> {
        in_time(async {
            let connection = match bus {
                Bus::Session => Connection::session().await?,
                #[cfg(test)]
                Bus::At(address) => zbus::connection::Builder::address(address.as_str())?.build().await?,
            };
            let proxy = Proxy::new(&connection, SERVICE, PATH, SERVICE).await?;
            let capabilities: Vec<String> = proxy.call("GetCapabilities", &()).await?;
            let signals = proxy.receive_all_signals().await?;
            Ok(Self { proxy, signals, capabilities: capabilities.into_iter().collect(), shown: BTreeMap::new() })
        })
        .await
    }

    async fn show(&mut self, notification: &Notification) {
        let replaces = self.shown.get(&notification.target.room_id).map_or(0, |shown| shown.id);
        let actions = self.actions(notification);
        let actions: Vec<&str> = actions.iter().flat_map(|(key, label)| [*key, label.as_str()]).collect();
        let title = words::title(&notification.title);
        let body = words::body(&notification.body);
        let body = if self.can("body-markup") { words::escaped(&body) } else { body };
        let call = (DESKTOP_ENTRY, replaces, ICON, title, body, actions, hints(notification), -1_i32);
        match in_time(self.proxy.call::<_, _, u32>("Notify", &call)).await {
            Ok(id) => {
                let target = notification.target.clone();
                self.shown.insert(target.room_id, Shown { id, target });
            }
            Err(error) => debug!(%error, "a notification was not shown"),
        }
    }

    fn actions(&self, notification: &Notification) -> Vec<(&'static str, String)> {
        if !self.can("actions") {
            return Vec::new();
        }
        let open = words::label(&notification.open_label);
        let reply = notification.reply_label.as_ref().map(|label| {
            let key = if self.can(INLINE_REPLY) { INLINE_REPLY } else { REPLY };
            (key, words::label(label))
        });
        [(DEFAULT, open.clone())].into_iter().chain(reply).chain([(OPEN, open)]).collect()
    }

    fn can(&self, capability: &str) -> bool {
        self.capabilities.contains(capability)
    }

    async fn close(&mut self, room_id: RoomId) {
        let Some(shown) = self.shown.remove(&room_id) else { return };
        if let Err(error) = in_time(self.proxy.call::<_, _, ()>("CloseNotification", &shown.id)).await {
            debug!(%error, "a notification was gone already");
        }
    }

    async fn close_all(&mut self) {
        for room_id in self.shown.keys().copied().collect::<Vec<_>>() {
            self.close(room_id).await;
        }
    }

    /// What a signal says of a notification of ours; those of other programs come here too.
    fn on_signal(&mut self, signal: &Message) -> Option<Press> {
        let header = signal.header();
        let body = signal.body();
        match header.member()?.as_str() {
            "ActionInvoked" => {
                let (id, key): (u32, String) = body.deserialize().ok()?;
                let act = match key.as_str() {
                    DEFAULT | OPEN => Act::Open,
                    REPLY => Act::Write,
                    _ => return None,
                };
                Some(Press { target: self.target(id)?, act })
            }
            "NotificationReplied" => {
                let (id, text): (u32, String) = body.deserialize().ok()?;
                Some(Press { target: self.target(id)?, act: Act::Reply(text) })
            }
            "NotificationClosed" => {
                let (id, _reason): (u32, u32) = body.deserialize().ok()?;
                self.shown.retain(|_, shown| shown.id != id);
                None
            }
            _ => None,
        }
    }

    fn target(&self, id: u32) -> Option<Target> {
        self.shown.values().find(|shown| shown.id == id).map(|shown| shown.target.clone())
    }
}

fn hints(notification: &Notification) -> HashMap<&'static str, Value<'static>> {
    let mut hints = HashMap::from([
        ("desktop-entry", Value::from(DESKTOP_ENTRY)),
        ("category", Value::from("im.received")),
        ("urgency", Value::from(1_u8)),
        ("x-kde-reply-placeholder-text", Value::from(words::label(&notification.reply_placeholder))),
    ]);
    if notification.sound {
        hints.insert("sound-name", Value::from("message-new-instant"));
    } else {
        hints.insert("suppress-sound", Value::from(true));
    }
    hints
}

async fn in_time<T>(work: impl Future<Output = zbus::Result<T>>) -> zbus::Result<T> {
    let late = |_| zbus::Error::Failure("the service does not answer".to_owned());
    tokio::time::timeout(PATIENCE, work).await.map_err(late)?
}
