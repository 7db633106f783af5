//! Notifications of the system. The core decides what is told, the webview finds the words, and the system shows them.
//!
//! ```text
//! client --Notification--> webview --notify--> Notifier --> board (freedesktop | toast) --> system
//!       `--NotificationsGone--------------------^             `--Press--> answers --> client, window
//! ```
//!
//! A machine without notifications is no error: nothing is shown, and [`notifications_available`] says so.

mod answers;
mod words;

#[cfg(target_os = "linux")]
mod freedesktop;
#[cfg(all(test, target_os = "linux"))]
mod freedesktop_tests;
#[cfg(any(target_os = "macos", target_os = "windows"))]
mod toast;

use std::time::Duration;

use parley_client::ClientHandle;
use parley_shared::ids::{MessageId, RoomId, Seq};
use serde::Deserialize;
use tauri::State;
use tokio::sync::{mpsc, oneshot};
use tracing::debug;

/// Orders that wait for the system; a system that takes none of so many has stopped.
const ORDERS: usize = 64;
/// How long the system may take to remove what is shown when the app ends.
const FAREWELL: Duration = Duration::from_secs(1);

/// What is to be shown, in the words of the person's language.
#[derive(Clone, Debug, Deserialize)]
pub struct Notification {
    #[serde(flatten)]
    target: Target,
    title: String,
    body: String,
    /// None: there is nothing to reply to.
    reply_label: Option<String>,
    /// In an empty field for the reply, where the system has one.
    reply_placeholder: String,
    open_label: String,
    sound: bool,
}

/// What a notification is about.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Target {
    room_id: RoomId,
    /// Where a reply goes.
    thread_id: Option<MessageId>,
    message_id: Option<MessageId>,
    seq: Option<Seq>,
}

#[derive(Debug)]
enum Order {
    /// In place of what is shown of its room.
    Show(Box<Notification>),
    /// The room's notification has nothing to say any more.
    Close(RoomId),
    Available(oneshot::Sender<bool>),
    /// Removes everything that is shown.
    End(oneshot::Sender<()>),
}

/// What the person did with a notification.
#[derive(Debug, PartialEq, Eq)]
struct Press {
    target: Target,
    act: Act,
}

#[derive(Debug, PartialEq, Eq)]
enum Act {
    Open,
    /// Wants to reply, where the system itself takes no text.
    Write,
    Reply(String),
}

/// Gives orders to whoever talks to the system. Clones give them to the same one.
#[derive(Clone, Debug)]
pub struct Notifier {
    orders: mpsc::Sender<Order>,
}

impl Notifier {
    /// Starts on the current tokio runtime and returns at once; what persons do with notifications waits for [`Presses::follow`].
    pub fn start() -> (Self, Presses) {
        let (orders, inbox) = mpsc::channel(ORDERS);
        let (presses, pressed) = mpsc::channel(ORDERS);
        #[cfg(target_os = "linux")]
        tokio::spawn(freedesktop::run(freedesktop::Bus::Session, inbox, presses));
        #[cfg(any(target_os = "macos", target_os = "windows"))]
        tokio::spawn(toast::run(inbox, presses));
        #[cfg(not(any(target_os = "linux", target_os = "macos", target_os = "windows")))]
        drop((inbox, presses));
        (Self { orders }, Presses(pressed))
    }

    /// Removes the room's notification.
    pub fn close(&self, room_id: RoomId) {
        self.give(Order::Close(room_id));
    }

    /// Removes everything that is shown, as far as the system lets it be removed, and stops.
    pub async fn end(&self) {
        let (done, ended) = oneshot::channel();
        self.give(Order::End(done));
        // An error means that nobody shows anything.
        let _ = tokio::time::timeout(FAREWELL, ended).await;
    }

    fn give(&self, order: Order) {
        if self.orders.try_send(order).is_err() {
            debug!("nobody takes orders for notifications");
        }
    }
}

/// What persons do with notifications.
#[derive(Debug)]
pub struct Presses(mpsc::Receiver<Press>);

impl Presses {
    /// Opens rooms and sends replies until the notifier ends.
    pub async fn follow(self, app: tauri::AppHandle, client: ClientHandle) {
        answers::follow(app, client, self.0).await;
    }
}

/// Shows a notification. It is never refused: a system that shows none is no reason to stop anything.
#[tauri::command]
pub fn notify(notification: Notification, notifier: State<'_, Notifier>) {
    notifier.give(Order::Show(Box::new(notification)));
}

/// Whether the system shows notifications at all.
#[tauri::command]
pub async fn notifications_available(notifier: State<'_, Notifier>) -> Result<bool, ()> {
    let (answer, answered) = oneshot::channel();
    notifier.give(Order::Available(answer));
    Ok(answered.await.unwrap_or(false))
}
