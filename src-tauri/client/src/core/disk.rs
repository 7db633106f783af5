//! What the local history is asked, and what it answers.

use std::collections::BTreeMap;

use parley_shared::ids::{ClientMessageId, MessageId, RoomId, Seq, UnixMs, UserId};
use parley_shared::search::Has;
use parley_shared::view::HistoryUsage;
use parley_shared::wire::{Message, Person};

use super::input::ReplyId;
use super::outbox::Pending;
use super::rooms::RoomRecord;

/// To the thread that writes; in this order.
#[derive(Debug)]
pub enum StoreJob {
    SaveRoom(Box<RoomRecord>),
    RemoveRoom(RoomId),
    SavePeople(Vec<Person>),
    /// Keeps what is newer by `change`; `names` of those whom they mention.
    SaveMessages {
        messages: Vec<Message>,
        names: BTreeMap<UserId, String>,
    },
    /// About 50 messages of the room's flow, none before `floor`.
    LoadPage {
        room_id: RoomId,
        at: PageAt,
        floor: Seq,
    },
    FindMessages {
        room_id: RoomId,
        ids: Vec<MessageId>,
    },
    FindPlace {
        room_id: RoomId,
        jump: u32,
        place: Wanted,
    },
    LoadThread {
        thread_id: MessageId,
    },
    CountUnread {
        room_id: RoomId,
        after: Seq,
    },
    /// Whether it answers a message of mine, or stands in a thread that I wrote in: then [`super::Input::ToMe`] comes, else nothing.
    IsToMe(Box<Message>),
    /// Where each room's history begins when all before a moment goes.
    FirstsSince(UnixMs),
    Prune {
        before: UnixMs,
    },
    /// Removes all messages.
    Wipe(ReplyId),
    SaveOutbox(Pending),
    RemoveOutbox(ClientMessageId),
}

/// Which page of a room's own flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageAt {
    Newest,
    Before(Seq),
    After(Seq),
    /// In whose middle a place stands.
    Around(Seq),
}

/// Every message of a room's flow between two places, both included, ascending. It may be none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    pub messages: Vec<Message>,
    pub from: Seq,
    pub to: Seq,
}

/// A place in a room that is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    Place(Seq),
    Message(MessageId),
    /// The first message at or after it.
    Moment(UnixMs),
}

/// Other people's messages that I have not read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unread {
    pub messages: u32,
    pub mentions: u32,
}

/// A search with names resolved. Of `from` and `rooms` any; an empty list matches nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchSpec {
    /// Found by their beginning.
    pub words: Vec<String>,
    pub phrases: Vec<String>,
    pub from: Option<Vec<UserId>>,
    pub rooms: Option<Vec<RoomId>>,
    pub has: Vec<Has>,
    pub since: Option<UnixMs>,
    pub until: Option<UnixMs>,
    /// [`Found::next`] of the page before.
    pub before: Option<i64>,
    pub limit: u32,
}

/// Newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub messages: Vec<Message>,
    pub next: Option<i64>,
}

/// A question that need not wait for what is being written.
#[derive(Debug)]
pub enum ReadJob {
    Search(Box<SearchSpec>),
    Pins(RoomId),
    Usage,
}

#[derive(Debug)]
pub enum StoreAnswer {
    Found { spec: Box<SearchSpec>, found: Found },
    Pins { room_id: RoomId, messages: Vec<Message> },
    Usage(HistoryUsage),
    Wiped,
}

/// Where each room's kept history begins.
pub type Firsts = BTreeMap<RoomId, Seq>;
