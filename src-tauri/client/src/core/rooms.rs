//! The rooms I am a member of.

use std::collections::BTreeMap;
use std::time::Duration;

use parley_shared::ids::{Change, RoomId, Seq, UnixMs, UserId};
use parley_shared::limits::{RECEIPT_MEMBERS, TYPING_TIMEOUT};
use parley_shared::view::{Preview, RoomItem, RoomsView};
use parley_shared::wire::{
    AttachmentKind, CallOutcome, Member, MemberRole, Message, MessageBody, NotifyLevel, Room, RoomKind,
};
use serde::{Deserialize, Serialize};

use super::eye::mentions_me;
use super::people::People;

/// A room as it is kept on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomRecord {
    pub room: Room,
    /// Every change up to this one is on disk.
    #[serde(default)]
    pub cursor: Change,
    /// Every message from this place on, up to the cursor, is on disk; absent before the first fetch.
    #[serde(default)]
    pub history_from: Option<Seq>,
    /// About when the first of them was sent.
    #[serde(default)]
    pub oldest_at_ms: Option<UnixMs>,
    #[serde(default)]
    pub draft: String,
}

#[derive(Debug, Default)]
pub struct Rooms {
    pub map: BTreeMap<RoomId, RoomState>,
    /// The list is known, from disk or from the relay.
    pub known: bool,
}

#[derive(Debug)]
pub struct RoomState {
    pub record: RoomRecord,
    /// Who types, until when.
    typing: BTreeMap<UserId, Duration>,
    /// I read on while the relay did not hear of it.
    pub read_ahead: bool,
}

impl Rooms {
    pub fn load(records: Vec<RoomRecord>) -> Self {
        let known = !records.is_empty();
        let map = records.into_iter().map(|record| (record.room.id, RoomState::new(record))).collect();
        Self { map, known }
    }

    /// Takes a room as the relay tells it; what only this device knows stays.
    pub fn upsert(&mut self, room: Room, me: UserId) -> &mut RoomState {
        let state = self.map.entry(room.id).or_insert_with(|| {
            RoomState::new(RoomRecord {
                room: room.clone(),
                cursor: Change(0),
                history_from: None,
                oldest_at_ms: None,
                draft: String::new(),
            })
        });
        state.replace(room, me);
        state
    }

    /// When the first typing runs out.
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.map.values().flat_map(|room| room.typing.values()).min().copied()
    }

    /// Ends typing that was not renewed; tells the rooms it ended in.
    pub fn expire_typing(&mut self, clock: Duration) -> Vec<RoomId> {
        let mut changed = Vec::new();
        for (id, room) in &mut self.map {
            let before = room.typing.len();
            room.typing.retain(|_, until| *until > clock);
            if room.typing.len() < before {
                changed.push(*id);
            }
        }
        changed
    }

    pub fn view(&self, me: UserId, people: &People) -> RoomsView {
        let mut rooms: Vec<RoomItem> = self.map.values().map(|room| room.item(me, people)).collect();
        rooms.sort_by_key(|item| (item.unread == 0, std::cmp::Reverse(item.last_at_ms), item.id));
        RoomsView { loading: !self.known, badge: rooms.iter().map(badge).fold(0, u32::saturating_add), rooms }
    }
}

/// What of a room counts on the app's icon.
fn badge(room: &RoomItem) -> u32 {
    match room.notify {
        _ if room.archived => 0,
        NotifyLevel::All => room.unread,
        NotifyLevel::Mentions => room.mentions,
        NotifyLevel::None => 0,
    }
}

impl RoomState {
    fn new(record: RoomRecord) -> Self {
        Self { record, typing: BTreeMap::new(), read_ahead: false }
    }

    pub fn room(&self) -> &Room {
        &self.record.room
    }

    /// The relay's word on the room, except where this device is ahead: its own reading, and messages that arrived meanwhile.
    fn replace(&mut self, room: Room, me: UserId) {
        let mine = self.read_seq(me);
        let old = std::mem::replace(&mut self.record.room, room);
        let new = &mut self.record.room;
        if old.last_seq > new.last_seq {
            new.last_seq = old.last_seq;
            new.unread = old.unread;
            new.mentions = old.mentions;
        }
        if old.last_change > new.last_change {
            new.last_change = old.last_change;
            new.last_message = old.last_message;
        }
        if let Some(member) = new.members.iter_mut().find(|member| member.user.id == me)
            && mine > member.read_seq
        {
            member.read_seq = mine;
            new.unread = old.unread;
            new.mentions = old.mentions;
            self.read_ahead = true;
        }
    }

    pub fn read_seq(&self, me: UserId) -> Seq {
        self.member(me).map_or(Seq(0), |member| member.read_seq)
    }

    pub fn member(&self, user: UserId) -> Option<&Member> {
        self.room().members.iter().find(|member| member.user.id == user)
    }

    pub fn role(&self, user: UserId) -> MemberRole {
        self.member(user).map_or(MemberRole::Member, |member| member.role)
    }

    /// The other person of a direct room.
    pub fn peer(&self, me: UserId) -> Option<UserId> {
        match self.room().kind {
            RoomKind::Direct => self.room().members.iter().map(|member| member.user.id).find(|id| *id != me),
            RoomKind::Group => None,
        }
    }

    pub fn title(&self, me: UserId, people: &People) -> String {
        match self.peer(me) {
            Some(peer) => people.name(peer),
            None => self.room().name.clone(),
        }
    }

    /// How far every other member has received and read; nothing in rooms so large that receipts are not told.
    pub fn others_have(&self, me: UserId) -> (Seq, Seq) {
        if self.room().member_count as usize > RECEIPT_MEMBERS {
            return (Seq(0), Seq(0));
        }
        let others = || self.room().members.iter().filter(|member| member.user.id != me);
        let delivered = others().map(|member| member.delivered_seq.max(member.read_seq)).min();
        let read = others().map(|member| member.read_seq).min();
        (delivered.unwrap_or_default(), read.unwrap_or_default())
    }

    /// Takes receipts in; they only grow. True when something changed.
    pub fn on_receipt(&mut self, user: UserId, delivered: Seq, read: Seq) -> bool {
        let Some(member) = self.record.room.members.iter_mut().find(|member| member.user.id == user) else {
            return false;
        };
        let before = (member.delivered_seq, member.read_seq);
        member.delivered_seq = member.delivered_seq.max(delivered);
        member.read_seq = member.read_seq.max(read);
        before != (member.delivered_seq, member.read_seq)
    }

    /// Counts a message that is new to this device into the room's summary. True when it is one that was unread already: its
    /// mentions may be others.
    pub fn on_message(&mut self, message: &Message, me: UserId) -> bool {
        let read = self.read_seq(me);
        let unread = message.sender_id != me && message.seq > read;
        let room = &mut self.record.room;
        let changed_unread = unread && message.seq <= room.last_seq;
        if message.seq > room.last_seq {
            room.last_seq = message.seq;
            if unread {
                room.unread += 1;
                room.mentions += u32::from(mentions_me(message, me));
            }
        }
        let newest = room
            .last_message
            .as_ref()
            .is_none_or(|last| message.seq > last.seq || (message.seq == last.seq && message.change > last.change));
        if newest {
            room.last_message = Some(message.clone());
        }
        room.last_change = room.last_change.max(message.change);
        self.typing.remove(&message.sender_id);
        changed_unread
    }

    pub fn on_typing(&mut self, user: UserId, typing: bool, clock: Duration) {
        if typing {
            self.typing.insert(user, clock + TYPING_TIMEOUT);
        } else {
            self.typing.remove(&user);
        }
    }

    pub fn typing_names(&self, me: UserId, people: &People) -> Vec<String> {
        self.typing.keys().filter(|id| **id != me).map(|id| people.name(*id)).collect()
    }

    fn item(&self, me: UserId, people: &People) -> RoomItem {
        let room = self.room();
        let peer = self.peer(me).map(|peer| people.item(peer));
        RoomItem {
            id: room.id,
            kind: room.kind,
            title: self.title(me, people),
            avatar: room.avatar.or(peer.as_ref().and_then(|peer| peer.avatar)),
            peer,
            unread: room.unread,
            mentions: room.mentions,
            preview: preview(room.last_message.as_ref(), me, people),
            last_at_ms: room.last_message.as_ref().map(|message| message.sent_at_ms),
            typing: self.typing_names(me, people),
            in_call: room.call.is_some(),
            archived: room.archived,
            notify: room.notify,
        }
    }
}

/// Characters of a message that a list shows; a row is one line.
const PREVIEW_CHARS: usize = 160;

fn preview(message: Option<&Message>, me: UserId, people: &People) -> Preview {
    let Some(message) = message else { return Preview::Empty };
    match &message.body {
        MessageBody::Text { text, attachments } => {
            let images = attachments.iter().filter(|file| matches!(file.kind, AttachmentKind::Image { .. })).count();
            Preview::Text {
                sender: people.name(message.sender_id),
                mine: message.sender_id == me,
                text: people.one_line(text, PREVIEW_CHARS),
                images: u32::try_from(images).unwrap_or(u32::MAX),
                files: u32::try_from(attachments.len() - images).unwrap_or(u32::MAX),
            }
        }
        MessageBody::Deleted => Preview::Deleted,
        MessageBody::Call { outcome, .. } => {
            let missed = match outcome {
                CallOutcome::Missed | CallOutcome::Busy | CallOutcome::Unreachable => message.sender_id != me,
                CallOutcome::Completed | CallOutcome::Declined => false,
            };
            Preview::Call { missed }
        }
    }
}
