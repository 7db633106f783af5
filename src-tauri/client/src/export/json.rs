//! A room's history as JSON. The names of the fields stay as they are: programs of others read them.
//!
//! ```text
//! {"format": 1, "room": {"id", "kind", "title", "topic"}, "exported_at", "complete", "members": [{"id", "name", "role"}],
//!  "messages": [{"id", "seq", "sender": {"id", "name"}, "sent_at", "edited", "edited_at", "deleted", "text", "mentions": [{"id", "name"}],
//!    "reply_to", "thread", "thread_replies", "pinned", "reactions": [{"emoji", "count", "people": [{"id", "name"}]}],
//!    "attachments": [{"id", "name", "size_bytes", "type"}], "call": {"outcome", "duration_s"}}]}
//! ```
//!
//! Oldest first. Times are ISO 8601 in UTC. `text` is Markdown with mentions as `<@id>`, and null in deleted messages and calls. `name` is null
//! for whoever the exporting device never heard of. `complete` is false when the relay was away and the file holds what the device had.
//! `thread` is the id of the message whose thread it stands in, `reply_to` of the one that it answers.

use jiff::Timestamp;
use parley_shared::ids::{UnixMs, UserId};
use parley_shared::wire::{Attachment, AttachmentKind, Message, MessageBody};
use serde::Serialize;

use super::names::{Names, mentioned};
use super::room::Head;

/// Grows when a field changes its meaning.
const FORMAT: u32 = 1;

#[derive(Debug, Default)]
pub(super) struct JsonFile {
    has_messages: bool,
}

impl JsonFile {
    pub fn head(&self, head: &Head) -> String {
        let room = &head.room.room;
        let member = |member: &parley_shared::wire::Member| MemberJson {
            id: member.user.id,
            name: member.user.display_name.clone(),
            role: member.role,
        };
        let json = HeadJson {
            format: FORMAT,
            room: RoomJson { id: room.id, kind: room.kind, title: &head.room.title, topic: &room.topic },
            exported_at: iso(head.room.now),
            complete: head.complete,
            members: head.members.iter().map(member).collect(),
        };
        let mut text = to_text(&json);
        // The list goes on where the object would end.
        text.pop();
        text.push_str(",\"messages\":[");
        text
    }

    pub fn message(&mut self, message: &Message, names: &Names) -> String {
        let begin = if std::mem::replace(&mut self.has_messages, true) { ",\n" } else { "\n" };
        format!("{begin}{}", to_text(&message_json(message, names)))
    }

    pub fn foot(&self) -> String {
        "\n]}\n".to_owned()
    }
}

pub(super) fn iso(at: UnixMs) -> String {
    Timestamp::from_millisecond(at.0).map(|at| format!("{at:.3}")).unwrap_or_default()
}

fn to_text(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain structs with text keys have a JSON")
}

fn message_json<'a>(message: &'a Message, names: &'a Names) -> MessageJson<'a> {
    let person = |id: UserId| PersonJson { id, name: names.of(id) };
    let (text, attachments, call) = match &message.body {
        MessageBody::Text { text, attachments } => (Some(text.as_str()), attachments.as_slice(), None),
        MessageBody::Deleted => (None, &[][..], None),
        MessageBody::Call { outcome, duration_s, .. } => {
            (None, &[][..], Some(CallJson { outcome: *outcome, duration_s: *duration_s }))
        }
    };
    MessageJson {
        id: message.id,
        seq: message.seq,
        sender: person(message.sender_id),
        sent_at: iso(message.sent_at_ms),
        edited: message.edited_at_ms.is_some() && text.is_some(),
        edited_at: message.edited_at_ms.filter(|_| text.is_some()).map(iso),
        deleted: matches!(message.body, MessageBody::Deleted),
        text,
        mentions: mentioned(message).into_iter().map(person).collect(),
        reply_to: message.reply_to,
        thread: message.thread_id,
        thread_replies: message.thread.map_or(0, |thread| thread.replies),
        pinned: message.pinned_at_ms.is_some(),
        reactions: message
            .reactions
            .iter()
            .map(|reaction| ReactionJson {
                emoji: &reaction.emoji,
                count: reaction.count,
                people: reaction.user_ids.iter().copied().map(person).collect(),
            })
            .collect(),
        attachments: attachments.iter().map(attachment).collect(),
        call,
    }
}

fn attachment(file: &Attachment) -> AttachmentJson<'_> {
    let kind = match &file.kind {
        AttachmentKind::Image { .. } => "image",
        AttachmentKind::File { media_type } => media_type,
    };
    AttachmentJson { id: file.id, name: &file.name, size_bytes: file.size_bytes, kind }
}

#[derive(Serialize)]
struct HeadJson<'a> {
    format: u32,
    room: RoomJson<'a>,
    exported_at: String,
    complete: bool,
    members: Vec<MemberJson>,
}

#[derive(Serialize)]
struct RoomJson<'a> {
    id: parley_shared::ids::RoomId,
    kind: parley_shared::wire::RoomKind,
    title: &'a str,
    topic: &'a str,
}

#[derive(Serialize)]
struct MemberJson {
    id: UserId,
    name: String,
    role: parley_shared::wire::MemberRole,
}

#[derive(Serialize)]
struct PersonJson<'a> {
    id: UserId,
    name: Option<&'a str>,
}

#[derive(Serialize)]
struct MessageJson<'a> {
    id: parley_shared::ids::MessageId,
    seq: parley_shared::ids::Seq,
    sender: PersonJson<'a>,
    sent_at: String,
    edited: bool,
    edited_at: Option<String>,
    deleted: bool,
    text: Option<&'a str>,
    mentions: Vec<PersonJson<'a>>,
    reply_to: Option<parley_shared::ids::MessageId>,
    thread: Option<parley_shared::ids::MessageId>,
    thread_replies: u32,
    pinned: bool,
    reactions: Vec<ReactionJson<'a>>,
    attachments: Vec<AttachmentJson<'a>>,
    call: Option<CallJson>,
}

#[derive(Serialize)]
struct ReactionJson<'a> {
    emoji: &'a str,
    count: u32,
    people: Vec<PersonJson<'a>>,
}

#[derive(Serialize)]
struct AttachmentJson<'a> {
    id: parley_shared::ids::FileId,
    name: &'a str,
    size_bytes: u64,
    #[serde(rename = "type")]
    kind: &'a str,
}

#[derive(Serialize)]
struct CallJson {
    outcome: parley_shared::wire::CallOutcome,
    duration_s: u32,
}
