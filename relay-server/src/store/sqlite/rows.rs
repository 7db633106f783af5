//! Rows to types and back.

use parley_shared::ids::{CallId, Change, ClientMessageId, FileId, MessageId, RoomId, Seq, UnixMs, UserId};
use parley_shared::wire::{
    CallOutcome, MemberRole, Message, MessageBody, NotifyLevel, Presence, Role, RoomKind, ThreadSummary, User,
    Visibility,
};
use rusqlite::types::Type;
use rusqlite::{Error, Row};

use super::files;

type Result<T> = std::result::Result<T, Error>;

/// Columns of [`user`], for a table named `u`.
pub(super) const USER: &str = "u.id, u.display_name, u.role, u.bot, u.avatar, u.status_text";
/// How many columns [`USER`] has.
pub(super) const USER_COLUMNS: usize = 6;

pub(super) fn user(row: &Row<'_>, first: usize) -> Result<User> {
    Ok(User {
        id: UserId::from_bytes(row.get(first)?),
        display_name: row.get(first + 1)?,
        role: role(row, first + 2)?,
        bot: row.get(first + 3)?,
        avatar: file_id(row, first + 4)?,
        status_text: row.get(first + 5)?,
    })
}

/// Columns of [`message`], for a table named `m`.
pub(super) const MESSAGE: &str = "m.id, m.room_id, m.seq, m.change, m.sender_id, m.client_id, m.sent_at_ms, m.edited_at_ms, \
     m.kind, m.text, m.call_id, m.outcome, m.duration_s, m.reply_to, m.thread_id, m.replies, m.last_reply_at_ms, m.pinned_at_ms, \
     m.reacted, m.place";
/// How many columns [`MESSAGE`] has.
const MESSAGE_COLUMNS: usize = 20;

/// A row of `messages`.
#[derive(Debug)]
pub(super) struct StoredMessage {
    pub place: i64,
    /// Whether there are reactions, which are rows of their own.
    pub reacted: bool,
    pub message: Message,
}

/// Reads [`MESSAGE`] and, after it, [`super::files::ATTACHMENTS`].
pub(super) fn message(row: &Row<'_>) -> Result<StoredMessage> {
    let replies: u32 = row.get(15)?;
    let message = Message {
        id: MessageId::from_bytes(row.get(0)?),
        room_id: RoomId::from_bytes(row.get(1)?),
        seq: Seq(row.get(2)?),
        change: Change(row.get(3)?),
        sender_id: UserId::from_bytes(row.get(4)?),
        client_id: ClientMessageId::from_bytes(row.get(5)?),
        sent_at_ms: UnixMs(row.get(6)?),
        edited_at_ms: time(row, 7)?,
        reply_to: message_id(row, 13)?,
        thread_id: message_id(row, 14)?,
        thread: (replies > 0).then_some(ThreadSummary { replies, last_at_ms: UnixMs(row.get(16)?) }),
        reactions: Vec::new(),
        pinned_at_ms: time(row, 17)?,
        body: body(row)?,
    };
    Ok(StoredMessage { place: row.get(19)?, reacted: row.get(18)?, message })
}

/// A message of which empty means none.
fn message_id(row: &Row<'_>, column: usize) -> Result<Option<MessageId>> {
    if row.get_ref(column)?.as_blob()?.is_empty() {
        return Ok(None);
    }
    row.get(column).map(MessageId::from_bytes).map(Some)
}

fn body(row: &Row<'_>) -> Result<MessageBody> {
    let kind: String = row.get(8)?;
    match kind.as_str() {
        "text" => Ok(MessageBody::Text { text: row.get(9)?, attachments: files::attachments(row, MESSAGE_COLUMNS)? }),
        "deleted" => Ok(MessageBody::Deleted),
        "call" => Ok(MessageBody::Call {
            call_id: CallId::from_bytes(row.get(10)?),
            outcome: outcome(row, 11)?,
            duration_s: row.get(12)?,
        }),
        _ => Err(unknown(8, "message kind")),
    }
}

pub(super) fn role(row: &Row<'_>, column: usize) -> Result<Role> {
    match row.get::<_, String>(column)?.as_str() {
        "admin" => Ok(Role::Admin),
        "member" => Ok(Role::Member),
        "guest" => Ok(Role::Guest),
        _ => Err(unknown(column, "role")),
    }
}

pub(super) fn role_text(role: Role) -> &'static str {
    match role {
        Role::Admin => "admin",
        Role::Member => "member",
        Role::Guest => "guest",
    }
}

pub(super) fn kind(row: &Row<'_>, column: usize) -> Result<RoomKind> {
    match row.get::<_, String>(column)?.as_str() {
        "direct" => Ok(RoomKind::Direct),
        "group" => Ok(RoomKind::Group),
        _ => Err(unknown(column, "room kind")),
    }
}

pub(super) fn kind_text(kind: RoomKind) -> &'static str {
    match kind {
        RoomKind::Direct => "direct",
        RoomKind::Group => "group",
    }
}

pub(super) fn visibility(row: &Row<'_>, column: usize) -> Result<Visibility> {
    match row.get::<_, String>(column)?.as_str() {
        "private" => Ok(Visibility::Private),
        "public" => Ok(Visibility::Public),
        _ => Err(unknown(column, "visibility")),
    }
}

pub(super) fn visibility_text(visibility: Visibility) -> &'static str {
    match visibility {
        Visibility::Private => "private",
        Visibility::Public => "public",
    }
}

pub(super) fn member_role(row: &Row<'_>, column: usize) -> Result<MemberRole> {
    match row.get::<_, i64>(column)? {
        0 => Ok(MemberRole::Member),
        1 => Ok(MemberRole::Moderator),
        2 => Ok(MemberRole::Owner),
        _ => Err(unknown(column, "member role")),
    }
}

pub(super) fn member_role_number(role: MemberRole) -> i64 {
    match role {
        MemberRole::Member => 0,
        MemberRole::Moderator => 1,
        MemberRole::Owner => 2,
    }
}

pub(super) fn notify(row: &Row<'_>, column: usize) -> Result<NotifyLevel> {
    match row.get::<_, i64>(column)? {
        0 => Ok(NotifyLevel::All),
        1 => Ok(NotifyLevel::Mentions),
        2 => Ok(NotifyLevel::None),
        _ => Err(unknown(column, "level of notifications")),
    }
}

pub(super) fn notify_number(level: NotifyLevel) -> i64 {
    match level {
        NotifyLevel::All => 0,
        NotifyLevel::Mentions => 1,
        NotifyLevel::None => 2,
    }
}

fn outcome(row: &Row<'_>, column: usize) -> Result<CallOutcome> {
    match row.get::<_, String>(column)?.as_str() {
        "completed" => Ok(CallOutcome::Completed),
        "missed" => Ok(CallOutcome::Missed),
        "declined" => Ok(CallOutcome::Declined),
        "busy" => Ok(CallOutcome::Busy),
        "unreachable" => Ok(CallOutcome::Unreachable),
        _ => Err(unknown(column, "call outcome")),
    }
}

pub(super) fn outcome_text(outcome: CallOutcome) -> &'static str {
    match outcome {
        CallOutcome::Completed => "completed",
        CallOutcome::Missed => "missed",
        CallOutcome::Declined => "declined",
        CallOutcome::Busy => "busy",
        CallOutcome::Unreachable => "unreachable",
    }
}

/// A time of which 0 means never.
pub(super) fn time(row: &Row<'_>, column: usize) -> Result<Option<UnixMs>> {
    let at: i64 = row.get(column)?;
    Ok((at != 0).then_some(UnixMs(at)))
}

/// A file of which empty means none.
pub(super) fn file_id(row: &Row<'_>, column: usize) -> Result<Option<FileId>> {
    let bytes = row.get_ref(column)?.as_blob()?;
    if bytes.is_empty() {
        return Ok(None);
    }
    row.get(column).map(FileId::from_bytes).map(Some)
}

/// The presence of rows; whoever knows better puts it in.
pub(super) const UNKNOWN_PRESENCE: Presence = Presence::Offline;

pub(super) fn unknown(column: usize, what: &str) -> Error {
    Error::FromSqlConversionFailure(column, Type::Text, format!("unknown {what}").into())
}
