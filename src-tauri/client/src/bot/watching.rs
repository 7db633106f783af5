//! What a watched call says of itself, in one line each.

use std::time::Duration;

use parley_shared::view::ViewEvent;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::time::Instant;

use super::devices::{problems, say, sentence};
use crate::engine::PeerStats;

const SAY_EVERY: Duration = Duration::from_secs(1);

/// Says what a person is told of their devices, until the client ends.
pub(super) async fn tell(mut events: Receiver<ViewEvent>) {
    let mut said = String::new();
    loop {
        match events.recv().await {
            Ok(ViewEvent::Notice(notice)) => say(&sentence(&notice)),
            Ok(ViewEvent::Call(Some(call))) => {
                let state = format!("problems=[{}]", problems(&call.problems));
                if said != state {
                    say(&state);
                    said = state;
                }
            }
            Ok(_) | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

/// What came from the other, second by second.
pub(super) struct Flow {
    said_at: Instant,
    pictures: u64,
    sounds: u64,
}

impl Flow {
    pub(super) fn new() -> Self {
        Self { said_at: Instant::now(), pictures: 0, sounds: 0 }
    }

    /// Says `flow pictures=30 sounds=50` once a second.
    pub(super) fn look(&mut self, stats: &PeerStats) {
        if self.said_at.elapsed() < SAY_EVERY {
            return;
        }
        let (pictures, sounds) = (stats.video.decoded, stats.audio.received);
        let (seen, heard) = (pictures.saturating_sub(self.pictures), sounds.saturating_sub(self.sounds));
        say(&format!("flow pictures={seen} sounds={heard}"));
        *self = Self { said_at: Instant::now(), pictures, sounds };
    }
}
