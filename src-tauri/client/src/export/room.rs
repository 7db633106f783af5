//! A room's history from its source into a document, page by page: of what was read only names and some lines are kept.

use std::collections::{BTreeMap, VecDeque};

use jiff::tz::TimeZone;
use parley_shared::ids::{MessageId, Seq};
use parley_shared::mentions::{Mention, readable};
use parley_shared::view::ExportFormat;
use parley_shared::wire::{Member, Message, MessageBody};

use super::Progress;
use super::file::Out;
use super::html::HtmlPage;
use super::json::JsonFile;
use super::names::Names;
use super::source::Source;
use super::words::Words;
use crate::api::Api;
use crate::core::{CallFailure, ExportFailure, ExportRoom};
use crate::store::Pages;

/// Messages whose first line is remembered for the replies that quote them.
const REMEMBERED: usize = 5_000;
/// People who are looked up one by one: former members, and whoever a text mentions.
const LOOKED_UP: usize = 5_000;
/// Members that are written; a room has fewer.
const MEMBERS: usize = 100_000;
/// Characters of a quote: one line.
const QUOTE_CHARS: usize = 160;

/// What stands at the head of a document.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub room: ExportRoom,
    pub members: Vec<Member>,
    /// All that the relay has; else what this device has.
    pub complete: bool,
}

/// A message that another one answers, or begins its thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Quote {
    pub id: MessageId,
    pub sender: Option<String>,
    /// None for one that is gone.
    pub text: Option<String>,
}

/// What a message stands in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Beside {
    pub reply: Option<Quote>,
    /// The first message of the thread.
    pub thread: Option<Quote>,
}

#[derive(Debug)]
pub(super) enum Document {
    Json(JsonFile),
    Html(Box<HtmlPage>),
}

impl Document {
    pub fn new(format: ExportFormat, language: &str, zone: TimeZone) -> Self {
        match format {
            ExportFormat::Json => Self::Json(JsonFile::default()),
            ExportFormat::Html => Self::Html(Box::new(HtmlPage::new(Words::of(language), zone))),
        }
    }

    pub fn head(&mut self, head: &Head) -> String {
        match self {
            Self::Json(file) => file.head(head),
            Self::Html(page) => page.head(head),
        }
    }

    pub fn message(&mut self, message: &Message, beside: &Beside, names: &Names) -> String {
        match self {
            Self::Json(file) => file.message(message, names),
            Self::Html(page) => page.message(message, beside, names),
        }
    }

    pub fn foot(&self) -> String {
        match self {
            Self::Json(file) => file.foot(),
            Self::Html(page) => page.foot(),
        }
    }

    fn wants_quotes(&self) -> bool {
        match self {
            Self::Json(_) => false,
            Self::Html(_) => true,
        }
    }
}

/// # Errors
/// Why the document is not whole.
pub(super) async fn write(
    room: ExportRoom,
    api: Option<Api>,
    history: Option<Pages>,
    out: &mut Out,
    progress: &mut Progress,
) -> Result<(), ExportFailure> {
    let source = match (api.filter(|_| room.online), history) {
        (Some(api), _) => Source::Relay(api),
        (None, Some(history)) => Source::Device(history),
        (None, None) => return Err(ExportFailure::Relay(CallFailure::Offline)),
    };
    let zone = TimeZone::system();
    let document = Document::new(room.format, &room.language, zone);
    Writer { names: Names::new(room.names.clone()), source, document, quotes: Quotes::default(), looked_up: 0 }
        .write(room, out, progress)
        .await
}

struct Writer {
    source: Source,
    document: Document,
    names: Names,
    quotes: Quotes,
    looked_up: usize,
}

impl Writer {
    async fn write(mut self, room: ExportRoom, out: &mut Out, progress: &mut Progress) -> Result<(), ExportFailure> {
        let (room_id, total) = (room.room.id, room.room.last_seq.0);
        let members = self.members(&room).await?;
        let complete = match self.source {
            Source::Relay(_) => true,
            Source::Device(_) => false,
        };
        let head = Head { room, members, complete };
        out.write(self.document.head(&head).as_bytes()).await?;
        drop(head);
        let (mut after, mut done) = (Seq(0), 0);
        loop {
            let (messages, over) = self.source.after(room_id, after).await?;
            for message in &messages {
                self.learn(message).await;
                let beside = self.beside(message).await;
                out.write(self.document.message(message, &beside, &self.names).as_bytes()).await?;
                self.quotes.remember(message, &self.names);
                (after, done) = (message.seq, done + 1);
            }
            progress.tell(done, Some(total.max(done)));
            if over {
                break;
            }
        }
        out.write(self.document.foot().as_bytes()).await
    }

    async fn members(&mut self, room: &ExportRoom) -> Result<Vec<Member>, ExportFailure> {
        let mut members = Vec::new();
        loop {
            let after = members.last().map(|member: &Member| member.user.id);
            let page = self.source.members(room.room.id, after).await?;
            let ascends = after.is_none_or(|after| page.iter().all(|member| member.user.id > after));
            if page.is_empty() || !ascends || members.len() > MEMBERS {
                break;
            }
            members.extend(page);
        }
        if members.is_empty() {
            members.clone_from(&room.room.members);
        }
        for member in &members {
            self.names.learn(member.user.id, member.user.display_name.clone());
        }
        Ok(members)
    }

    async fn learn(&mut self, message: &Message) {
        for id in self.names.unknown(message) {
            self.looked_up += 1;
            let name = if self.looked_up <= LOOKED_UP { self.source.name(id).await } else { None };
            // Who is not found is not asked for again.
            self.names.learn(id, name.unwrap_or_default());
        }
    }

    async fn beside(&mut self, message: &Message) -> Beside {
        let answers = match message.body {
            MessageBody::Text { .. } => message.reply_to,
            MessageBody::Deleted | MessageBody::Call { .. } => None,
        };
        if !self.document.wants_quotes() {
            return Beside::default();
        }
        Beside { reply: self.quote(message, answers).await, thread: self.quote(message, message.thread_id).await }
    }

    async fn quote(&mut self, from: &Message, id: Option<MessageId>) -> Option<Quote> {
        let id = id?;
        if let Some(known) = self.quotes.of(id) {
            return Some(known.clone());
        }
        match self.source.message(from.room_id, id).await {
            Some(message) => {
                self.learn(&message).await;
                self.quotes.remember(&message, &self.names);
            }
            None => self.quotes.insert(Quote { id, sender: None, text: None }),
        }
        self.quotes.of(id).cloned()
    }
}

/// The newest messages by their ids, in one line each.
#[derive(Debug, Default)]
struct Quotes {
    known: BTreeMap<MessageId, Quote>,
    order: VecDeque<MessageId>,
}

impl Quotes {
    fn of(&self, id: MessageId) -> Option<&Quote> {
        self.known.get(&id)
    }

    fn remember(&mut self, message: &Message, names: &Names) {
        let text = match &message.body {
            MessageBody::Text { text, attachments } => {
                let first = attachments.first().map(|file| file.name.as_str()).unwrap_or_default();
                Some(one_line(if text.trim().is_empty() { first } else { text }, names))
            }
            MessageBody::Deleted => None,
            MessageBody::Call { .. } => Some(String::new()),
        };
        self.insert(Quote { id: message.id, sender: names.of(message.sender_id).map(str::to_owned), text });
    }

    fn insert(&mut self, quote: Quote) {
        if !self.known.contains_key(&quote.id) {
            self.order.push_back(quote.id);
        }
        self.known.insert(quote.id, quote);
        while self.order.len() > REMEMBERED {
            if let Some(oldest) = self.order.pop_front() {
                self.known.remove(&oldest);
            }
        }
    }
}

fn one_line(text: &str, names: &Names) -> String {
    // Four bytes a character, and marks of Markdown and mentions that become shorter.
    let head: String = text.chars().take(QUOTE_CHARS * 8).collect();
    let line = readable(&head, |mention| match mention {
        Mention::Person(id) => names.of(id).unwrap_or("?").to_owned(),
        Mention::Everyone => "everyone".to_owned(),
    });
    line.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(QUOTE_CHARS).collect()
}
