//! A room's history as one page that needs nothing else: no script runs in it, nothing is fetched by it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use parley_shared::ids::{MessageId, UnixMs};
use parley_shared::mentions::Mention;
use parley_shared::wire::{Attachment, Message, MessageBody, Reaction};

use super::escape::{escape, escaped};
use super::json::iso;
use super::markdown;
use super::names::Names;
use super::room::{Beside, Head, Quote};
use super::words::Words;

const SHEET: &str = include_str!("page.css");
/// Members that are named; a page with thousands of names at its head is none that one reads.
const NAMED: usize = 500;

#[derive(Debug)]
pub(super) struct HtmlPage {
    words: Words,
    zone: TimeZone,
    /// The day of the last message.
    day: Option<Date>,
}

impl HtmlPage {
    pub fn new(words: Words, zone: TimeZone) -> Self {
        Self { words, zone, day: None }
    }

    pub fn head(&self, head: &Head) -> String {
        let words = self.words;
        let (style, title) = (style(), escaped(&head.room.title));
        let mut out = format!(
            "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"referrer\" content=\"no-referrer\">\n\
             <title>{title}</title>\n<style>{style}</style>\n</head>\n<body>\n<h1 dir=\"auto\">{title}</h1>\n",
            words.tag(),
            policy(&style),
        );
        if !head.room.room.topic.is_empty() {
            out.push_str(&format!("<p class=\"about\" dir=\"auto\">{}</p>\n", escaped(&head.room.room.topic)));
        }
        let at = self.local(head.room.now).map(|at| at.strftime("%Y-%m-%d %H:%M").to_string()).unwrap_or_default();
        out.push_str(&format!("<p class=\"about\">{}</p>\n", escaped(&words.exported(&at))));
        if !head.members.is_empty() {
            let names: Vec<String> = head
                .members
                .iter()
                .take(NAMED)
                .map(|member| format!("<bdi>{}</bdi>", escaped(&member.user.display_name)))
                .collect();
            let more = if head.members.len() > NAMED { ", …" } else { "" };
            let summary = escaped(&words.members(head.members.len()));
            let names = names.join(", ");
            out.push_str(&format!("<details class=\"members\"><summary>{summary}</summary>{names}{more}</details>\n"));
        }
        if !head.complete {
            out.push_str(&format!("<p class=\"incomplete\">{}</p>\n", escaped(words.incomplete())));
        }
        out.push_str("<main>\n");
        out
    }

    pub fn message(&mut self, message: &Message, beside: &Beside, names: &Names) -> String {
        let mut out = String::new();
        let at = self.local(message.sent_at_ms);
        self.day_before(at.as_ref(), &mut out);
        let class = if message.thread_id.is_some() { " class=\"thread\"" } else { "" };
        out.push_str(&format!("<article id=\"{}\"{class}>\n", anchor(message.id)));
        self.line(message, at.as_ref(), names, &mut out);
        if let Some(thread) = &beside.thread {
            self.quote(thread, Some(self.words.in_thread()), &mut out);
        }
        if let Some(reply) = &beside.reply {
            self.quote(reply, None, &mut out);
        }
        match &message.body {
            MessageBody::Text { text, attachments } => {
                if !text.is_empty() {
                    out.push_str("<div class=\"text\" dir=\"auto\">");
                    markdown::render(text, |mention| self.mention(mention, names), &mut out);
                    out.push_str("</div>\n");
                }
                self.files(attachments, &mut out);
            }
            MessageBody::Deleted => {
                out.push_str(&format!("<p class=\"deleted\">{}</p>\n", escaped(self.words.deleted())));
            }
            MessageBody::Call { outcome, duration_s, .. } => {
                let call = self.words.call(*outcome, *duration_s);
                out.push_str(&format!("<p class=\"call\">{}</p>\n", escaped(&call)));
            }
        }
        self.reactions(&message.reactions, names, &mut out);
        if let Some(thread) = &message.thread {
            out.push_str(&format!("<p class=\"replies\">{}</p>\n", escaped(&self.words.replies(thread.replies))));
        }
        out.push_str("</article>\n");
        out
    }

    pub fn foot(&self) -> String {
        "</main>\n</body>\n</html>\n".to_owned()
    }

    fn local(&self, at: UnixMs) -> Option<Zoned> {
        Some(Timestamp::from_millisecond(at.0).ok()?.to_zoned(self.zone.clone()))
    }

    fn day_before(&mut self, at: Option<&Zoned>, out: &mut String) {
        let Some(at) = at else { return };
        if self.day.replace(at.date()) != Some(at.date()) {
            out.push_str(&format!("<h2>{}</h2>\n", escaped(&self.words.day(at))));
        }
    }

    /// Who, when, and what became of it.
    fn line(&self, message: &Message, at: Option<&Zoned>, names: &Names, out: &mut String) {
        let who = names.of(message.sender_id).unwrap_or(self.words.unknown_person());
        let time = at.map(|at| at.strftime("%H:%M").to_string()).unwrap_or_default();
        let iso = iso(message.sent_at_ms);
        out.push_str(&format!(
            "<header><bdi class=\"who\">{}</bdi> <time datetime=\"{iso}\">{time}</time>",
            escaped(who)
        ));
        let is_text = matches!(message.body, MessageBody::Text { .. });
        for (set, word) in [
            (is_text && message.edited_at_ms.is_some(), self.words.edited()),
            (message.pinned_at_ms.is_some(), self.words.pinned()),
        ] {
            if set {
                out.push_str(&format!(" <span class=\"mark\">{}</span>", escaped(word)));
            }
        }
        out.push_str("</header>\n");
    }

    fn quote(&self, quote: &Quote, begin: Option<&str>, out: &mut String) {
        out.push_str(&format!("<a class=\"quote\" href=\"#{}\">", anchor(quote.id)));
        if let Some(begin) = begin {
            escape(begin, out);
            out.push(' ');
        }
        match &quote.text {
            Some(text) => {
                let who = quote.sender.as_deref().unwrap_or(self.words.unknown_person());
                out.push_str(&format!("<bdi>{}</bdi>: <bdi>{}</bdi>", escaped(who), escaped(text)));
            }
            None => escape(self.words.gone(), out),
        }
        out.push_str("</a>\n");
    }

    fn mention(&self, mention: Mention, names: &Names) -> String {
        match mention {
            Mention::Person(id) => names.of(id).unwrap_or(self.words.unknown_person()).to_owned(),
            Mention::Everyone => self.words.everyone().to_owned(),
        }
    }

    fn files(&self, attachments: &[Attachment], out: &mut String) {
        if attachments.is_empty() {
            return;
        }
        out.push_str("<ul class=\"files\">");
        for file in attachments {
            let (name, size) = (escaped(&file.name), self.words.size(file.size_bytes));
            out.push_str(&format!("<li><bdi>{name}</bdi> <span class=\"size\">{size}</span></li>"));
        }
        out.push_str("</ul>\n");
    }

    fn reactions(&self, reactions: &[Reaction], names: &Names, out: &mut String) {
        if reactions.is_empty() {
            return;
        }
        out.push_str("<ul class=\"reactions\">");
        for reaction in reactions {
            let people: Vec<&str> = reaction.user_ids.iter().filter_map(|id| names.of(*id)).collect();
            let (people, emoji) = (escaped(&people.join(", ")), escaped(&reaction.emoji));
            out.push_str(&format!("<li title=\"{people}\">{emoji} {}</li>", reaction.count));
        }
        out.push_str("</ul>\n");
    }
}

fn anchor(id: MessageId) -> String {
    format!("m-{id}")
}

/// As a browser reads it: a sheet that was checked out with other ends of lines would have another hash.
fn style() -> String {
    SHEET.replace("\r\n", "\n")
}

/// The one style is all that the page may use.
fn policy(style: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, style.as_bytes());
    let hash = STANDARD.encode(digest.as_ref());
    format!("default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'")
}

#[cfg(test)]
#[path = "html_tests.rs"]
mod tests;
