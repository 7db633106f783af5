//! What was written and is not stored yet: sent in order, once, and again after a lost connection or a restart.

use std::collections::BTreeMap;
use std::time::Duration;

use parley_shared::ids::{ClientMessageId, RoomId, UnixMs};
use serde::{Deserialize, Serialize};

/// A message on its way, as it is kept on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    pub client_id: ClientMessageId,
    pub room_id: RoomId,
    pub text: String,
    pub written_at_ms: UnixMs,
    /// Why the relay refused it; it waits for the person then.
    pub failed: Option<String>,
}

/// Every room has its own queue, in the order of writing; at most one message of a room is under way.
///
/// ```text
/// push --> Waiting --poll--> UnderWay --stored--> (gone)
///             ^                 |  `---refused--> Failed --retry--> Waiting
///             `--lost, later----'                    `---discard--> (gone)
/// ```
#[derive(Debug, Default)]
pub struct Outbox {
    rooms: BTreeMap<RoomId, Vec<Entry>>,
}

#[derive(Debug)]
struct Entry {
    pending: Pending,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// To be sent at this time or later.
    Waiting {
        not_before: Duration,
    },
    UnderWay,
    Failed,
}

impl Outbox {
    pub fn load(entries: Vec<Pending>) -> Self {
        let mut outbox = Self::default();
        for pending in entries {
            outbox.push(pending);
        }
        outbox
    }

    /// Takes a message in. The same client id twice is one message.
    pub fn push(&mut self, pending: Pending) {
        let queue = self.rooms.entry(pending.room_id).or_default();
        if queue.iter().any(|entry| entry.pending.client_id == pending.client_id) {
            return;
        }
        let phase = match pending.failed {
            Some(_) => Phase::Failed,
            None => Phase::Waiting { not_before: Duration::ZERO },
        };
        queue.push(Entry { pending, phase });
    }

    /// The messages to send at this time; they count as under way from here on.
    pub fn poll(&mut self, clock: Duration) -> Vec<Pending> {
        let mut out = Vec::new();
        for queue in self.rooms.values_mut() {
            if queue.iter().any(|entry| entry.phase == Phase::UnderWay) {
                continue;
            }
            let Some(first) = queue.iter_mut().find(|entry| entry.phase != Phase::Failed) else { continue };
            if matches!(first.phase, Phase::Waiting { not_before } if not_before <= clock) {
                first.phase = Phase::UnderWay;
                out.push(first.pending.clone());
            }
        }
        out
    }

    /// When [`Self::poll`] has something next; none when nothing waits for a time alone.
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.rooms
            .values()
            .filter(|queue| !queue.iter().any(|entry| entry.phase == Phase::UnderWay))
            .filter_map(|queue| {
                queue.iter().find_map(|entry| match entry.phase {
                    Phase::Waiting { not_before } => Some(not_before),
                    Phase::UnderWay | Phase::Failed => None,
                })
            })
            .min()
    }

    /// The relay has it. True when it was here.
    pub fn on_stored(&mut self, room_id: RoomId, client_id: ClientMessageId) -> bool {
        self.discard(room_id, client_id)
    }

    /// The relay refused it for good.
    pub fn on_refused(&mut self, room_id: RoomId, client_id: ClientMessageId, code: &str) -> Option<Pending> {
        let entry = self.entry(room_id, client_id)?;
        entry.phase = Phase::Failed;
        entry.pending.failed = Some(code.to_owned());
        Some(entry.pending.clone())
    }

    /// It is to be sent again, not before this time.
    pub fn on_later(&mut self, room_id: RoomId, client_id: ClientMessageId, not_before: Duration) {
        let Some(entry) = self.entry(room_id, client_id) else { return };
        if entry.phase == Phase::UnderWay {
            entry.phase = Phase::Waiting { not_before };
        }
    }

    /// A failed message is to be sent again.
    pub fn retry(&mut self, room_id: RoomId, client_id: ClientMessageId) -> Option<Pending> {
        let entry = self.entry(room_id, client_id)?;
        if entry.phase != Phase::Failed {
            return None;
        }
        entry.phase = Phase::Waiting { not_before: Duration::ZERO };
        entry.pending.failed = None;
        Some(entry.pending.clone())
    }

    /// Forgets a message. True when it was here.
    pub fn discard(&mut self, room_id: RoomId, client_id: ClientMessageId) -> bool {
        let Some(queue) = self.rooms.get_mut(&room_id) else { return false };
        let before = queue.len();
        queue.retain(|entry| entry.pending.client_id != client_id);
        let found = queue.len() < before;
        if queue.is_empty() {
            self.rooms.remove(&room_id);
        }
        found
    }

    /// Forgets a room's messages and tells which they were.
    pub fn discard_room(&mut self, room_id: RoomId) -> Vec<ClientMessageId> {
        let queue = self.rooms.remove(&room_id).unwrap_or_default();
        queue.into_iter().map(|entry| entry.pending.client_id).collect()
    }

    /// A room's messages in the order of writing.
    pub fn of(&self, room_id: RoomId) -> impl Iterator<Item = &Pending> {
        self.rooms.get(&room_id).into_iter().flatten().map(|entry| &entry.pending)
    }

    /// How many of a room wait.
    pub fn len(&self, room_id: RoomId) -> usize {
        self.rooms.get(&room_id).map_or(0, Vec::len)
    }

    fn entry(&mut self, room_id: RoomId, client_id: ClientMessageId) -> Option<&mut Entry> {
        self.rooms.get_mut(&room_id)?.iter_mut().find(|entry| entry.pending.client_id == client_id)
    }
}
