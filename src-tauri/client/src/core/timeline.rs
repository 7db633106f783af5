//! The open room: a window of its messages that reaches from some place to the newest.

use std::collections::BTreeMap;

use parley_shared::ids::{RoomId, Seq, UserId};
use parley_shared::view::{BodyView, MemberItem, MessageState, MessageView, RoomDetails, TimelineView};
use parley_shared::wire::{MemberRole, Message, MessageBody, RoomKind};

use super::outbox::{Outbox, Pending};
use super::people::People;
use super::rooms::RoomState;

/// Messages of the open room by their place. However often and in whatever order a message comes, it stands once, in its
/// newest version.
#[derive(Debug)]
pub struct Timeline {
    pub room_id: RoomId,
    messages: BTreeMap<Seq, Message>,
    /// The first place of the window; every message of the room from here on is in it, or on its way.
    from: Option<Seq>,
    pub loading: bool,
    pub loading_older: bool,
    pub older_failed: bool,
    pub unread_from: Option<Seq>,
}

impl Timeline {
    /// `read` is how far I had read when the room was opened, `unread` how much there was after it.
    pub fn open(room_id: RoomId, read: Seq, unread: u32) -> Self {
        Self {
            room_id,
            messages: BTreeMap::new(),
            from: None,
            loading: true,
            loading_older: false,
            older_failed: false,
            unread_from: (unread > 0).then(|| read.next()),
        }
    }

    /// The first place that is shown, or none before anything came.
    pub fn from(&self) -> Option<Seq> {
        self.from
    }

    /// A page that ends where the window begins, or the newest page.
    pub fn on_page(&mut self, messages: Vec<Message>) {
        if let Some(first) = messages.first() {
            self.from = Some(self.from.map_or(first.seq, |from| from.min(first.seq)));
        }
        for message in messages {
            self.insert(message);
        }
        self.from = self.from.or_else(|| self.messages.keys().next().copied());
        let from = self.from.unwrap_or_default();
        self.messages.retain(|seq, _| *seq >= from);
    }

    /// A message that was stored, edited or deleted. What lies before the window comes with its page.
    pub fn apply(&mut self, message: &Message) {
        if self.from.is_none_or(|from| message.seq >= from) {
            self.insert(message.clone());
        }
    }

    fn insert(&mut self, message: Message) {
        match self.messages.get_mut(&message.seq) {
            Some(there) if there.change >= message.change => {}
            Some(there) => *there = message,
            None => drop(self.messages.insert(message.seq, message)),
        }
    }

    pub fn view(
        &self,
        room: &RoomState,
        me: UserId,
        people: &People,
        outbox: &Outbox,
        joinable_call: bool,
    ) -> TimelineView {
        let have = room.others_have(me);
        let role = room.role(me);
        let stored = self.messages.values().map(|message| stored_view(message, me, role, have, people));
        let waiting = outbox
            .of(self.room_id)
            .filter(|pending| {
                !self.messages.values().rev().take(200).any(|message| message.client_id == pending.client_id)
            })
            .map(|pending| pending_view(pending, me, people));
        let first = self.from.unwrap_or(room.room().last_seq.next());
        TimelineView {
            room: details(room, me, people, joinable_call),
            messages: stored.chain(waiting).collect(),
            loading: self.loading,
            has_older: first > Seq(1),
            loading_older: self.loading_older,
            older_failed: self.older_failed,
            unread_from: self.unread_from,
            typing: room.typing_names(me, people),
            draft: room.record.draft.clone(),
        }
    }
}

fn stored_view(message: &Message, me: UserId, role: MemberRole, have: (Seq, Seq), people: &People) -> MessageView {
    let mine = message.sender_id == me;
    let is_text = matches!(message.body, MessageBody::Text { .. });
    let state = match have {
        (_, read) if mine && message.seq <= read => MessageState::Read,
        (delivered, _) if mine && message.seq <= delivered => MessageState::Delivered,
        _ => MessageState::Stored,
    };
    MessageView {
        client_id: message.client_id,
        id: Some(message.id),
        seq: Some(message.seq),
        sender_id: message.sender_id,
        sender_name: people.name(message.sender_id),
        mine,
        sent_at_ms: message.sent_at_ms,
        edited: message.edited_at_ms.is_some() && is_text,
        body: match &message.body {
            MessageBody::Text { text } => BodyView::Text { text: text.clone() },
            MessageBody::Deleted => BodyView::Deleted,
            MessageBody::Call { call_id, outcome, duration_s } => {
                BodyView::Call { call_id: *call_id, outcome: *outcome, duration_s: *duration_s }
            }
        },
        state,
        can_edit: mine && is_text,
        can_delete: is_text && (mine || role >= MemberRole::Moderator),
    }
}

fn pending_view(pending: &Pending, me: UserId, people: &People) -> MessageView {
    MessageView {
        client_id: pending.client_id,
        id: None,
        seq: None,
        sender_id: me,
        sender_name: people.name(me),
        mine: true,
        sent_at_ms: pending.written_at_ms,
        edited: false,
        body: BodyView::Text { text: pending.text.clone() },
        state: match &pending.failed {
            Some(code) => MessageState::Failed { code: code.clone() },
            None => MessageState::Sending,
        },
        can_edit: false,
        can_delete: false,
    }
}

fn details(state: &RoomState, me: UserId, people: &People, joinable_call: bool) -> RoomDetails {
    let room = state.room();
    RoomDetails {
        id: room.id,
        kind: room.kind,
        title: state.title(me, people),
        topic: room.topic.clone(),
        visibility: room.visibility,
        archived: room.archived,
        peer: match room.kind {
            RoomKind::Direct => state.peer(me).map(|peer| people.item(peer)),
            RoomKind::Group => None,
        },
        my_role: state.role(me),
        members: room
            .members
            .iter()
            .map(|member| MemberItem {
                person: people.item(member.user.id),
                role: member.role,
                me: member.user.id == me,
            })
            .collect(),
        member_count: room.member_count,
        joinable_call,
        call_people: match &room.call {
            Some(call) if joinable_call => {
                call.participants.iter().map(|participant| participant.user.display_name.clone()).collect()
            }
            Some(_) | None => Vec::new(),
        },
    }
}
