//! macOS and Windows, through `notify-rust`.
//!
//! What these systems do not let us do: neither takes a notification back or puts another in its place, so what was read
//! elsewhere stays until the person or the system removes it. Windows has no field for a reply here: its button opens the
//! window where one writes. macOS has the field, and then no other button; a click opens the room.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use notify_rust::NotificationResponse;
use tokio::sync::mpsc;
use tracing::debug;

use super::{Act, Notification, Order, Press, words};

/// The identifier in `tauri.conf.json`, which the installer registers.
const APP: &str = "app.parley.desktop";
/// Notifications that are waited for at once, each by a thread of its own; a click on more of them does nothing.
const WAITED_FOR: usize = 32;

const OPEN: &str = "open";
const REPLY: &str = "reply";

/// Carries orders out until the end.
pub(super) async fn run(mut orders: mpsc::Receiver<Order>, presses: mpsc::Sender<Press>) {
    #[cfg(target_os = "macos")]
    if let Err(error) = notify_rust::set_application(APP) {
        debug!(%error, "the system does not know this app");
    }
    let waiting = Arc::new(AtomicUsize::new(0));
    while let Some(order) = orders.recv().await {
        match order {
            Order::Show(notification) => show(*notification, &waiting, presses.clone()),
            Order::Close(_) => {}
            // Whoever asked may have gone.
            Order::Available(answer) => drop(answer.send(true)),
            Order::End(done) => return drop(done.send(())),
        }
    }
}

/// Showing and waiting block, and the system answers from its own threads.
fn show(notification: Notification, waiting: &Arc<AtomicUsize>, presses: mpsc::Sender<Press>) {
    if waiting.fetch_add(1, Ordering::Relaxed) >= WAITED_FOR {
        waiting.fetch_sub(1, Ordering::Relaxed);
        return debug!("too many notifications are on the screen");
    }
    let counted = Arc::clone(waiting);
    let started = std::thread::Builder::new().name("notification".to_owned()).spawn(move || {
        if let Err(error) = show_and_wait(&notification, &presses) {
            debug!(%error, "a notification was not shown");
        }
        counted.fetch_sub(1, Ordering::Relaxed);
    });
    if let Err(error) = started {
        waiting.fetch_sub(1, Ordering::Relaxed);
        debug!(%error, "a notification was not shown");
    }
}

fn show_and_wait(notification: &Notification, presses: &mpsc::Sender<Press>) -> notify_rust::error::Result<()> {
    let target = notification.target.clone();
    described(notification).show()?.wait_for_response(move |response: &NotificationResponse| {
        let act = match response {
            NotificationResponse::Default => Act::Open,
            NotificationResponse::Action(key) if key == REPLY => Act::Write,
            NotificationResponse::Action(_) => Act::Open,
            NotificationResponse::Reply(text) => Act::Reply(text.clone()),
            NotificationResponse::Closed(_) => return,
        };
        if presses.try_send(Press { target: target.clone(), act }).is_err() {
            debug!("nobody follows notifications");
        }
    })
}

fn described(notification: &Notification) -> notify_rust::Notification {
    let mut described = notify_rust::Notification::new();
    described.summary(&words::title(&notification.title)).body(&words::body(&notification.body));
    if notification.sound {
        described.sound_name("Default");
    }
    #[cfg(target_os = "macos")]
    match &notification.reply_label {
        Some(_) => described.reply(&words::label(&notification.reply_placeholder)),
        None => described.action(OPEN, &words::label(&notification.open_label)),
    };
    #[cfg(target_os = "windows")]
    {
        // An app that no installer registered has no name of its own to show notifications under.
        if !cfg!(debug_assertions) {
            described.app_id(APP);
        }
        if let Some(label) = &notification.reply_label {
            described.action(REPLY, &words::label(label));
        }
        described.action(OPEN, &words::label(&notification.open_label));
    }
    described
}
