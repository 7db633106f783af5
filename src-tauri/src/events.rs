//! The client's events on their way to the webview.

use std::time::{Duration, Instant};

use parley_client::ClientHandle;
use parley_shared::view::{Command, DoNotDisturb, Snapshot, ViewEvent};
use tauri::{AppHandle, Emitter, Manager, UserAttentionType, WebviewWindow};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tracing::{debug, warn};

use crate::{
    badge::Badge,
    bell::{Bell, Ring},
    notifications::Notifier,
    window,
};

/// The Tauri event that carries a [`ViewEvent`].
const VIEW: &str = "view";
/// Between two level meters drawn: 15 a second look fluent, and each costs the webview a turn of its script.
const LEVELS_EVERY: Duration = Duration::from_millis(66);

/// Forwards until the client ends.
pub async fn forward(app: AppHandle, client: ClientHandle, notifier: Notifier) {
    let mut events = client.events();
    let mut levels = Throttle::default();
    let mut surroundings =
        Surroundings { app: app.clone(), notifier, bell: Bell::default(), badge: Badge::default(), quiet: false };
    // What was said before anybody listened. An error means that the client is ending: the next turn sees the same.
    if let Ok(snapshot) = client.snapshot().await {
        slices(snapshot).iter().for_each(|event| surroundings.on_event(event));
    }
    loop {
        match events.recv().await {
            Ok(event) => {
                surroundings.on_event(&event);
                if !matches!(event, ViewEvent::Levels(_)) || levels.allows(Instant::now()) {
                    emit(&app, &event);
                }
            }
            Err(RecvError::Lagged(missed)) => {
                debug!(missed, "events came faster than they could be shown");
                if let Ok(snapshot) = client.snapshot().await {
                    for event in slices(snapshot) {
                        surroundings.on_event(&event);
                        emit(&app, &event);
                    }
                }
            }
            Err(RecvError::Closed) => return,
        }
    }
}

/// The whole state as the events that would have led to it.
fn slices(snapshot: Snapshot) -> [ViewEvent; 10] {
    let Snapshot { session, connection, rooms, people, timeline, thread, call, devices, settings, export } = snapshot;
    [
        ViewEvent::Session(session),
        ViewEvent::Connection(connection),
        ViewEvent::Rooms(rooms),
        ViewEvent::People(people),
        ViewEvent::Timeline(timeline),
        ViewEvent::Thread(thread),
        ViewEvent::Call(call),
        ViewEvent::Devices(devices),
        ViewEvent::Settings(settings),
        ViewEvent::Export(export),
    ]
}

fn emit(app: &AppHandle, event: &ViewEvent) {
    if let Err(error) = app.emit(VIEW, event) {
        warn!(%error, "cannot reach the webview");
    }
}

/// Tells the client whether the window is in front, until the window is gone.
pub async fn tell_focus(client: ClientHandle, mut focused: watch::Receiver<bool>) {
    loop {
        let in_front = *focused.borrow_and_update();
        if client.command(Command::SetInFront { in_front }).await.is_err() || focused.changed().await.is_err() {
            return;
        }
    }
}

/// What of the app is seen and heard outside of its page.
struct Surroundings {
    app: AppHandle,
    notifier: Notifier,
    bell: Bell,
    badge: Badge,
    /// The person does not want to be disturbed.
    quiet: bool,
}

impl Surroundings {
    fn on_event(&mut self, event: &ViewEvent) {
        match event {
            ViewEvent::Call(call) => {
                let ring = self.bell.on_call(call.as_ref(), self.quiet);
                ring.into_iter().for_each(|ring| draw_attention(&self.app, ring));
            }
            ViewEvent::Rooms(rooms) => self.badge.show(self.window(), rooms.badge),
            ViewEvent::Settings(settings) => {
                // The client ends it when its time is over.
                self.quiet = settings.notifications.do_not_disturb != DoNotDisturb::Off;
            }
            ViewEvent::NotificationsGone { room_id } => self.notifier.close(*room_id),
            // The page has the words, and calls `notify`.
            ViewEvent::Notification(_)
            | ViewEvent::Session(_)
            | ViewEvent::Connection(_)
            | ViewEvent::People(_)
            | ViewEvent::Timeline(_)
            | ViewEvent::Thread(_)
            | ViewEvent::Devices(_)
            | ViewEvent::Export(_)
            | ViewEvent::Levels(_)
            | ViewEvent::CallStats(_)
            | ViewEvent::Notice(_) => {}
        }
    }

    fn window(&self) -> Option<WebviewWindow> {
        self.app.get_webview_window(window::LABEL)
    }
}

/// Brings the window up for an incoming call. A window that is gone or a system that refuses is no reason to stop.
fn draw_attention(app: &AppHandle, ring: Ring) {
    let Some(window) = app.get_webview_window(window::LABEL) else { return };
    let result = match ring {
        Ring::Start => {
            window::bring_up(app).and_then(|()| window.request_user_attention(Some(UserAttentionType::Critical)))
        }
        Ring::Stop => window.request_user_attention(None),
    };
    if let Err(error) = result {
        debug!(%error, "the window could not draw attention");
    }
}

#[derive(Debug, Default)]
struct Throttle {
    last: Option<Instant>,
}

impl Throttle {
    fn allows(&mut self, now: Instant) -> bool {
        let due = self.last.is_none_or(|last| now.duration_since(last) >= LEVELS_EVERY);
        if due {
            self.last = Some(now);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_come_fifteen_times_a_second() {
        let (start, mut throttle) = (Instant::now(), Throttle::default());
        let shown = (0..100).filter(|tick| throttle.allows(start + Duration::from_millis(tick * 10))).count();
        assert!((14..=16).contains(&shown), "{shown}");
    }
}
