//! Carries out what the core wants of devices and connections, and reports what they do.

mod actor;
mod convert;
mod device_feed;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::config::MediaOverrides;
use crate::core::{MediaCommand, MediaEvent};
use crate::engine::{FrameHub, PeerStats};
use crate::peer::TestNetwork;

/// Commands that wait: a burst of candidates of several participants.
const COMMANDS: usize = 512;

/// The actor that owns devices and connections.
#[derive(Debug)]
pub struct CallMedia {
    asks: mpsc::Sender<Ask>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
enum Ask {
    Command(MediaCommand),
    NetworkChanged,
    Stats(oneshot::Sender<Vec<PeerStats>>),
}

/// What the actor is made from.
#[derive(Debug)]
pub struct CallMediaConfig {
    pub overrides: MediaOverrides,
    pub network: Option<TestNetwork>,
    pub frames: FrameHub,
}

impl CallMedia {
    /// Starts the actor; it opens nothing until it is told to. `events` should be drained: it waits for a place in it.
    pub fn spawn(config: CallMediaConfig, events: mpsc::Sender<MediaEvent>) -> Self {
        let (asks, inbox) = mpsc::channel(COMMANDS);
        Self { asks, task: tokio::spawn(actor::Actor::new(config, events).run(inbox)) }
    }

    /// Hands a command over without waiting.
    pub fn give(&self, command: MediaCommand) {
        if self.asks.try_send(Ask::Command(command)).is_err() {
            tracing::error!("the media actor does not keep up");
        }
    }

    /// Tells every connection that the machine's network changed.
    pub fn network_changed(&self) {
        if self.asks.try_send(Ask::NetworkChanged).is_err() {
            tracing::error!("the media actor does not keep up");
        }
    }

    /// Asks for the statistics of every connection, in the order of the participants' ids.
    pub fn ask_stats(&self, answer: oneshot::Sender<Vec<PeerStats>>) {
        // Whoever asked sees a closed channel.
        let _ = self.asks.try_send(Ask::Stats(answer));
    }

    /// Closes everything and returns when it is closed.
    pub async fn stop(self) {
        drop(self.asks);
        if self.task.await.is_err() {
            tracing::error!("the media actor panicked");
        }
    }
}
