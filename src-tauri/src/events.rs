//! The client's events on their way to the webview.

use std::time::{Duration, Instant};

use parley_client::ClientHandle;
use parley_shared::view::{Snapshot, ViewEvent};
use tauri::{AppHandle, Emitter, Manager, UserAttentionType};
use tokio::sync::broadcast::error::RecvError;
use tracing::{debug, warn};

use crate::{
    bell::{Bell, Ring},
    window,
};

/// The Tauri event that carries a [`ViewEvent`].
const VIEW: &str = "view";
/// Between two level meters drawn: 15 a second look fluent, and each costs the webview a turn of its script.
const LEVELS_EVERY: Duration = Duration::from_millis(66);

/// Forwards until the client ends.
pub async fn forward(app: AppHandle, client: ClientHandle) {
    let mut events = client.events();
    let mut levels = Throttle::default();
    let mut bell = Bell::default();
    loop {
        match events.recv().await {
            Ok(event) => {
                if let ViewEvent::Call(call) = &event {
                    bell.on_call(call.as_ref()).into_iter().for_each(|ring| draw_attention(&app, ring));
                }
                if !matches!(event, ViewEvent::Levels(_)) || levels.allows(Instant::now()) {
                    emit(&app, &event);
                }
            }
            Err(RecvError::Lagged(missed)) => {
                debug!(missed, "events came faster than they could be shown");
                // An error means that the client is ending: the next turn sees the same.
                if let Ok(snapshot) = client.snapshot().await {
                    slices(snapshot).iter().for_each(|event| emit(&app, event));
                }
            }
            Err(RecvError::Closed) => return,
        }
    }
}

/// The whole state as the events that would have led to it.
fn slices(snapshot: Snapshot) -> [ViewEvent; 9] {
    let Snapshot { session, connection, rooms, people, timeline, thread, call, devices, settings } = snapshot;
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
    ]
}

fn emit(app: &AppHandle, event: &ViewEvent) {
    if let Err(error) = app.emit(VIEW, event) {
        warn!(%error, "cannot reach the webview");
    }
}

/// Brings the window up for an incoming call. A window that is gone or a system that refuses is no reason to stop.
fn draw_attention(app: &AppHandle, ring: Ring) {
    let Some(window) = app.get_webview_window(window::LABEL) else { return };
    let result = match ring {
        Ring::Start => window
            .show()
            .and_then(|()| window.unminimize())
            .and_then(|()| window.set_focus())
            .and_then(|()| window.request_user_attention(Some(UserAttentionType::Critical))),
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
