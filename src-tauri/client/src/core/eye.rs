//! Messages as they are shown: with names, rights, and what is known beside them.

use std::collections::BTreeMap;

use parley_shared::ids::{MessageId, Seq, UserId};
use parley_shared::mentions::{Mention, mentions, mentions_person};
use parley_shared::view::{
    AttachmentView, BodyView, MentionView, MessageState, MessageView, ReplyState, ReplyView, ThreadSummaryView,
};
use parley_shared::wire::{Attachment, MemberRole, Message, MessageBody, RoomKind};

use super::outbox::Pending;
use super::people::People;
use super::reactions::Reacting;
use super::replies::{Replies, Reply};
use super::rooms::RoomState;
use super::{Core, RoomRecord};

/// Characters of an answered message that are shown: one line.
const REPLY_CHARS: usize = 160;

/// Messages that are at hand by their ids.
pub(super) type Near<'a> = BTreeMap<MessageId, &'a Message>;

/// Whose eyes look at a room's messages.
pub(super) struct Eye<'a> {
    pub me: UserId,
    pub room: &'a RoomState,
    pub people: &'a People,
    replies: &'a Replies,
    reacting: &'a Reacting,
    /// How far all others have received and read.
    have: (Seq, Seq),
    role: MemberRole,
}

impl Core {
    pub(super) fn eye<'a>(&'a self, room: &'a RoomState) -> Eye<'a> {
        let me = self.me();
        Eye {
            me,
            room,
            people: &self.people,
            replies: &self.replies,
            reacting: &self.reacting,
            have: room.others_have(me),
            role: room.role(me),
        }
    }
}

impl Eye<'_> {
    pub fn message(&self, message: &Message, near: &Near<'_>) -> MessageView {
        let mine = message.sender_id == self.me;
        let is_text = matches!(message.body, MessageBody::Text { .. });
        let open = is_text && !self.record().room.archived;
        MessageView {
            client_id: message.client_id,
            id: Some(message.id),
            seq: Some(message.seq),
            sender_id: message.sender_id,
            sender_name: self.people.name(message.sender_id),
            mine,
            sent_at_ms: message.sent_at_ms,
            edited: message.edited_at_ms.is_some() && is_text,
            reply: message.reply_to.filter(|_| is_text).map(|id| self.reply(id, near)),
            thread: message
                .thread
                .map(|thread| ThreadSummaryView { replies: thread.replies, last_at_ms: thread.last_at_ms }),
            reactions: self.reacting.view(message, self.me, self.people),
            pinned: message.pinned_at_ms.is_some(),
            mentions_me: !mine && mentions_me(message, self.me),
            body: self.body(&message.body),
            state: self.state(mine, message.seq),
            can_edit: mine && is_text,
            can_delete: is_text && (mine || self.role >= MemberRole::Moderator),
            can_pin: open && self.may_pin(),
            can_answer: open,
        }
    }

    pub fn pending(&self, pending: &Pending, near: &Near<'_>) -> MessageView {
        MessageView {
            client_id: pending.client_id,
            id: None,
            seq: None,
            sender_id: self.me,
            sender_name: self.people.name(self.me),
            mine: true,
            sent_at_ms: pending.written_at_ms,
            edited: false,
            reply: pending.reply_to.map(|id| self.reply(id, near)),
            thread: None,
            reactions: Vec::new(),
            pinned: false,
            mentions_me: false,
            body: BodyView::Text {
                text: pending.text.clone(),
                mentions: self.mentions(&pending.text),
                attachments: pending.attachments.iter().map(|file| file.view(pending.failed.is_none())).collect(),
            },
            state: match &pending.failed {
                Some(code) => MessageState::Failed { code: code.clone() },
                None => MessageState::Sending,
            },
            can_edit: false,
            can_delete: false,
            can_pin: false,
            can_answer: false,
        }
    }

    /// The people whom a text mentions, each once.
    pub fn mentions(&self, text: &str) -> Vec<MentionView> {
        let mut seen = Vec::new();
        for (_, mention) in mentions(text) {
            match mention {
                Mention::Person(user_id) if !seen.contains(&user_id) => seen.push(user_id),
                Mention::Person(_) | Mention::Everyone => {}
            }
        }
        let view = |user_id| MentionView { user_id, name: self.people.name(user_id), me: user_id == self.me };
        seen.into_iter().map(view).collect()
    }

    fn record(&self) -> &RoomRecord {
        &self.room.record
    }

    fn may_pin(&self) -> bool {
        match self.record().room.kind {
            RoomKind::Direct => true,
            RoomKind::Group => self.role >= MemberRole::Moderator,
        }
    }

    fn state(&self, mine: bool, seq: Seq) -> MessageState {
        match self.have {
            (_, read) if mine && seq <= read => MessageState::Read,
            (delivered, _) if mine && seq <= delivered => MessageState::Delivered,
            _ => MessageState::Stored,
        }
    }

    fn body(&self, body: &MessageBody) -> BodyView {
        match body {
            MessageBody::Text { text, attachments } => BodyView::Text {
                text: text.clone(),
                mentions: self.mentions(text),
                attachments: attachments.iter().map(attachment_view).collect(),
            },
            MessageBody::Deleted => BodyView::Deleted,
            MessageBody::Call { call_id, outcome, duration_s } => {
                BodyView::Call { call_id: *call_id, outcome: *outcome, duration_s: *duration_s }
            }
        }
    }

    fn reply(&self, message_id: MessageId, near: &Near<'_>) -> ReplyView {
        let known = near.get(&message_id).copied().or_else(|| match self.replies.of(message_id) {
            Some(Reply::Known(message)) => Some(message.as_ref()),
            Some(Reply::Asked | Reply::Unknown) | None => None,
        });
        let Some(message) = known else {
            return ReplyView {
                message_id,
                seq: None,
                sender_name: String::new(),
                mine: false,
                text: String::new(),
                state: ReplyState::Unknown,
            };
        };
        let (text, state) = match &message.body {
            MessageBody::Text { text, .. } => (self.people.one_line(text, REPLY_CHARS), ReplyState::Known),
            MessageBody::Deleted => (String::new(), ReplyState::Deleted),
            MessageBody::Call { .. } => (String::new(), ReplyState::Known),
        };
        ReplyView {
            message_id,
            seq: Some(message.seq),
            sender_name: self.people.name(message.sender_id),
            mine: message.sender_id == self.me,
            text,
            state,
        }
    }
}

pub(super) fn mentions_me(message: &Message, me: UserId) -> bool {
    match &message.body {
        MessageBody::Text { text, .. } => mentions_person(text, me),
        MessageBody::Deleted | MessageBody::Call { .. } => false,
    }
}

fn attachment_view(file: &Attachment) -> AttachmentView {
    AttachmentView {
        key: file.id.to_string(),
        name: file.name.clone(),
        size_bytes: file.size_bytes,
        kind: file.kind.clone(),
        upload: None,
    }
}
