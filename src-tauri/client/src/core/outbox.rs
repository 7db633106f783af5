//! What was written and is not stored yet: sent in order, once, and again after a lost connection or a restart.

use std::collections::BTreeMap;
use std::time::Duration;

use parley_shared::ids::{ClientMessageId, MessageId, RoomId, UnixMs};
use serde::{Deserialize, Serialize};

use super::uploads::{PendingFile, PendingUpload};

/// A message on its way, as it is kept on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    pub client_id: ClientMessageId,
    pub room_id: RoomId,
    pub text: String,
    #[serde(default)]
    pub reply_to: Option<MessageId>,
    #[serde(default)]
    pub thread_id: Option<MessageId>,
    /// The files that go with it.
    #[serde(default)]
    pub attachments: Vec<PendingFile>,
    pub written_at_ms: UnixMs,
    /// Why the relay refused it; it waits for the person then.
    pub failed: Option<String>,
}

/// Every room has its own queue, in the order of writing; at most one message of a room is under way.
///
/// ```text
/// push --> Waiting --its files are there, poll--> UnderWay --stored--> (gone)
///             ^                                       |  `---refused--> Failed --retry--> Waiting
///             `--lost, later, its files are gone------'                    `---discard--> (gone)
/// ```
#[derive(Debug, Default)]
pub struct Outbox {
    rooms: BTreeMap<RoomId, Vec<Entry>>,
}

#[derive(Debug)]
struct Entry {
    pending: Pending,
    phase: Phase,
    /// Its files were sent a second time, because the relay had lost them.
    sent_twice: bool,
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
        queue.push(Entry { pending, phase, sent_twice: false });
    }

    /// The messages to send at this time; they count as under way from here on.
    pub fn poll(&mut self, clock: Duration) -> Vec<Pending> {
        let mut out = Vec::new();
        for queue in self.rooms.values_mut() {
            if queue.iter().any(|entry| entry.phase == Phase::UnderWay) {
                continue;
            }
            let Some(first) = queue.iter_mut().find(|entry| entry.phase != Phase::Failed) else { continue };
            let is_due = matches!(first.phase, Phase::Waiting { not_before } if not_before <= clock);
            if is_due && first.pending.attachments.iter().all(PendingFile::is_done) {
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
            .filter_map(|queue| queue.iter().find(|entry| entry.phase != Phase::Failed))
            .filter(|entry| entry.pending.attachments.iter().all(PendingFile::is_done))
            .filter_map(|entry| match entry.phase {
                Phase::Waiting { not_before } => Some(not_before),
                Phase::UnderWay | Phase::Failed => None,
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
        entry.sent_twice = false;
        Some(entry.pending.clone())
    }

    /// The first file that is not at the relay, in the order of writing, and its message; failed messages wait for the person.
    pub fn next_upload(&self, under_way: impl Fn(&str) -> bool) -> Option<(&Pending, &PendingFile)> {
        let waiting = self.rooms.values().flatten().filter(|entry| entry.phase != Phase::Failed);
        waiting
            .flat_map(|entry| entry.pending.attachments.iter().map(move |file| (&entry.pending, file)))
            .filter(|(_, file)| !file.is_done() && !under_way(&file.file.key))
            // The ids of messages grow with time.
            .min_by_key(|(pending, _)| pending.client_id)
    }

    pub fn file(&self, room_id: RoomId, client_id: ClientMessageId, key: &str) -> Option<&PendingFile> {
        let pending = self.of(room_id).find(|pending| pending.client_id == client_id)?;
        pending.attachments.iter().find(|file| file.file.key == key)
    }

    pub fn change_file(
        &mut self,
        room_id: RoomId,
        client_id: ClientMessageId,
        key: &str,
        change: impl FnOnce(&mut PendingFile),
    ) -> Option<&Pending> {
        let entry = self.entry(room_id, client_id)?;
        change(entry.pending.attachments.iter_mut().find(|file| file.file.key == key)?);
        Some(&entry.pending)
    }

    /// Sends the files of a message that is under way once more; only once, or the relay would be asked for ever.
    pub fn upload_again(&mut self, room_id: RoomId, client_id: ClientMessageId) -> Option<Pending> {
        let entry = self.entry(room_id, client_id)?;
        if entry.sent_twice || entry.pending.attachments.is_empty() {
            return None;
        }
        entry.sent_twice = true;
        entry.phase = Phase::Waiting { not_before: Duration::ZERO };
        for file in &mut entry.pending.attachments {
            (file.upload, file.sent_bytes) = (PendingUpload::New, 0);
        }
        Some(entry.pending.clone())
    }

    /// Whether a message can still be taken back: it failed, or its files are not all at the relay.
    pub fn can_discard(&self, room_id: RoomId, client_id: ClientMessageId) -> bool {
        let entries = self.rooms.get(&room_id).into_iter().flatten();
        let mut of_message = entries.filter(|entry| entry.pending.client_id == client_id);
        of_message.any(|entry| match entry.phase {
            Phase::Failed => true,
            Phase::Waiting { .. } => !entry.pending.attachments.iter().all(PendingFile::is_done),
            Phase::UnderWay => false,
        })
    }

    /// The files of all messages.
    pub fn files(&self) -> impl Iterator<Item = &PendingFile> {
        self.rooms.values().flatten().flat_map(|entry| &entry.pending.attachments)
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
