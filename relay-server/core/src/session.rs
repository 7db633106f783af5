//! One signaling session of a device: what a resume gives back, and which requests were answered.
//!
//! ```text
//! Attached --socket lost--> Detached --hello{resume}--> Attached
//!    ^                         `--RESUME_WINDOW-------> (gone)
//!    `--hello
//! ```

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use parley_shared::ids::{DeviceId, EventSeq, RequestId, SessionId};
use parley_shared::limits::RESUME_EVENTS;
use parley_shared::wire::{Event, MessageBody, ServerMsg, Signal, User};

use crate::SocketId;
use crate::rate::{Bucket, Quota};

/// Weight of the events kept for one resume, in bytes: what a device that went away can cost.
const RESUME_BYTES: usize = 1024 * 1024;
/// Answers kept for repeated requests.
const ANSWERS_KEPT: usize = 256;
/// Requests of one session under way at once.
const REQUESTS_AT_ONCE: usize = 64;

#[derive(Debug)]
pub struct Session {
    pub id: SessionId,
    pub user: User,
    pub device_id: DeviceId,
    /// The socket that it is attached to.
    pub socket: Option<SocketId>,
    /// When it lost its socket; meaningful while it has none.
    pub detached_at: Instant,
    pub idle: bool,
    requests: Bucket,
    newest: EventSeq,
    kept: VecDeque<Kept>,
    kept_bytes: usize,
    answers: BTreeMap<RequestId, Option<ServerMsg>>,
    /// Ids up to this one were answered and forgotten.
    forgotten: Option<RequestId>,
}

#[derive(Debug)]
struct Kept {
    seq: EventSeq,
    event: Arc<Event>,
    bytes: usize,
}

/// What to do with a request that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begin {
    New,
    /// It came before and is under way: its reply will come.
    UnderWay,
    /// It came before and was answered: the same answer again.
    Answered(ServerMsg),
    /// So old that its answer is gone.
    Forgotten,
    /// Too many are under way.
    Crowded,
}

impl Session {
    pub fn new(id: SessionId, user: User, device_id: DeviceId, quota: Quota, now: Instant) -> Self {
        Self {
            id,
            user,
            device_id,
            socket: None,
            detached_at: now,
            idle: false,
            requests: Bucket::full(quota, now),
            newest: EventSeq(0),
            kept: VecDeque::new(),
            kept_bytes: 0,
            answers: BTreeMap::new(),
            forgotten: None,
        }
    }

    /// Counts one request against the quota.
    pub fn spend(&mut self, quota: Quota, now: Instant) -> Result<(), std::time::Duration> {
        self.requests.take(quota, now)
    }

    /// Gives the event its place and keeps it until it is acknowledged. The oldest are dropped when too much is kept:
    /// a client that far behind cannot resume.
    pub fn push(&mut self, event: Arc<Event>) -> EventSeq {
        self.newest = EventSeq(self.newest.0 + 1);
        let bytes = weight(&event);
        self.kept.push_back(Kept { seq: self.newest, event, bytes });
        self.kept_bytes += bytes;
        while self.kept.len() > RESUME_EVENTS || self.kept_bytes > RESUME_BYTES {
            self.drop_oldest();
        }
        self.newest
    }

    /// Everything up to `seq` arrived.
    pub fn ack(&mut self, seq: EventSeq) {
        while self.kept.front().is_some_and(|kept| kept.seq <= seq) {
            self.drop_oldest();
        }
    }

    /// True when a client that has everything up to `last_seq` can go on from there.
    pub fn can_resume(&self, last_seq: EventSeq) -> bool {
        let first_kept = self.kept.front().map_or(self.newest.0 + 1, |kept| kept.seq.0);
        last_seq <= self.newest && last_seq.0 + 1 >= first_kept
    }

    /// The kept events, oldest first.
    pub fn kept(&self) -> impl Iterator<Item = (EventSeq, Arc<Event>)> + '_ {
        self.kept.iter().map(|kept| (kept.seq, kept.event.clone()))
    }

    pub fn begin(&mut self, id: RequestId) -> Begin {
        if let Some(answer) = self.answers.get(&id) {
            return answer.clone().map_or(Begin::UnderWay, Begin::Answered);
        }
        if self.forgotten.is_some_and(|forgotten| id <= forgotten) {
            return Begin::Forgotten;
        }
        if self.answers.values().filter(|answer| answer.is_none()).count() >= REQUESTS_AT_ONCE {
            return Begin::Crowded;
        }
        self.answers.insert(id, None);
        Begin::New
    }

    /// Keeps the answer for a repeated request.
    pub fn answer(&mut self, id: RequestId, msg: ServerMsg) {
        self.answers.insert(id, Some(msg));
        while self.answers.len() > ANSWERS_KEPT {
            let Some(oldest) = self.answers.iter().find(|(_, answer)| answer.is_some()).map(|(id, _)| *id) else {
                return;
            };
            self.answers.remove(&oldest);
            self.forgotten = self.forgotten.max(Some(oldest));
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(kept) = self.kept.pop_front() {
            self.kept_bytes -= kept.bytes;
        }
    }
}

/// About how many bytes an event holds: its texts, and a flat part for the rest.
fn weight(event: &Event) -> usize {
    const FLAT: usize = 256;
    const PER_MEMBER: usize = 160;
    const PER_ATTACHMENT: usize = 256;
    const PER_REACTION: usize = 64;
    const PER_ID: usize = 16;
    let texts = match event {
        Event::MessageStored { message } | Event::MessageChanged { message } => {
            let text = match &message.body {
                MessageBody::Text { text, attachments } => text.len() + attachments.len() * PER_ATTACHMENT,
                MessageBody::Deleted | MessageBody::Call { .. } => 0,
            };
            text + message.reactions.iter().map(|one| PER_REACTION + one.user_ids.len() * PER_ID).sum::<usize>()
        }
        Event::RoomChanged { room } => room.members.len() * PER_MEMBER + room.topic.len() + room.name.len(),
        Event::CallChanged { call } => call.participants.len() * PER_MEMBER,
        Event::CallSignal { signal, .. } => match signal {
            Signal::Description { sdp, tracks, .. } => sdp.len() + tracks.len() * PER_MEMBER,
            Signal::Candidate { candidate, .. } => candidate.len(),
            Signal::CandidatesDone { .. } => 0,
        },
        Event::ReceiptChanged { .. }
        | Event::RoomRemoved { .. }
        | Event::UserChanged { .. }
        | Event::CallEnded { .. }
        | Event::SignedOut => 0,
    };
    FLAT + texts
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
