//! Search: names become ids here, the disk or the relay finds, and what is found is shown like everything else.

use parley_shared::ids::RoomId;
use parley_shared::limits::QUERY_CHARS;
use parley_shared::search::SearchQuery;
use parley_shared::view::{CommandErrorCode, SearchHit, SearchResults, SearchSource};
use parley_shared::wire::{Message, SearchPage, SearchRequest};

use super::Core;
use super::eye::Near;
use super::failure::{error, invalid, not_now};
use super::input::*;
use super::ops::Op;
use super::rooms::RoomState;

/// Hits of one page.
const HITS: u32 = 30;

/// What is marked in the hits.
#[derive(Debug)]
pub(super) struct Marks {
    words: Vec<String>,
    phrases: Vec<String>,
}

impl Core {
    pub(super) fn search(
        &mut self,
        reply: ReplyId,
        text: String,
        source: SearchSource,
        room_id: Option<RoomId>,
        before: Option<String>,
        utc_offset_min: i32,
    ) {
        if text.chars().count() > QUERY_CHARS {
            return self.refuse(reply, invalid("query", "The search is too long."));
        }
        if self.session.me().is_none() {
            return self.refuse(reply, not_now("Nobody is signed in."));
        }
        let query = SearchQuery::parse(&text, utc_offset_min);
        let marks = Marks { words: query.words.clone(), phrases: query.phrases.clone() };
        if query.is_empty() {
            return self.answer_search(reply, Vec::new(), None, marks);
        }
        match source {
            SearchSource::Relay => {
                let request = SearchRequest { query: text, room_id, utc_offset_min, before, limit: Some(HITS) };
                self.ask_relay(reply, Op::Search { reply, marks }, ApiCall::Search(request));
            }
            SearchSource::Device => {
                let Ok(before) = before.map(|before| before.parse()).transpose() else {
                    return self.refuse(reply, invalid("before", "This is no place in a search."));
                };
                let spec = Box::new(SearchSpec { before, limit: HITS, ..self.resolve(query, room_id) });
                self.ask_disk(reply, ReadJob::Search(spec));
            }
        }
    }

    /// Names by the beginnings of their words, as the relay reads them.
    fn resolve(&self, query: SearchQuery, room_id: Option<RoomId>) -> SearchSpec {
        let me = self.me();
        let from = (!query.from.is_empty()).then(|| {
            let named = |name: &String| match name.to_lowercase().as_str() {
                "me" => vec![me],
                _ => self.people.named(name),
            };
            query.from.iter().flat_map(named).collect()
        });
        let titled = |id: &RoomId, room: &RoomState| {
            let title = room.title(me, &self.people);
            let asked = query.rooms.is_empty() || query.rooms.iter().any(|name| begins_words(name, &title));
            asked && room_id.is_none_or(|only| only == *id)
        };
        let rooms = (room_id.is_some() || !query.rooms.is_empty())
            .then(|| self.rooms.map.iter().filter(|(id, room)| titled(id, room)).map(|(id, _)| *id).collect());
        SearchSpec {
            words: query.words,
            phrases: query.phrases,
            from,
            rooms,
            has: query.has,
            since: query.since,
            until: query.until,
            before: None,
            limit: 0,
        }
    }

    pub(super) fn on_store_answered(&mut self, reply: ReplyId, answer: Option<StoreAnswer>) {
        if !self.asked_disk.remove(&reply) {
            return;
        }
        match answer {
            Some(StoreAnswer::Found { spec, found }) => {
                let marks = Marks { words: spec.words, phrases: spec.phrases };
                self.answer_search(reply, found.messages, found.next.map(|next| next.to_string()), marks);
            }
            Some(StoreAnswer::Pins { room_id, messages }) => self.answer_messages(reply, room_id, &messages),
            Some(StoreAnswer::Usage(usage)) => self.emit(Effect::Reply(reply, Ok(Answer::Usage(usage)))),
            Some(StoreAnswer::Wiped) => self.done(reply),
            None => self.refuse(reply, error(CommandErrorCode::Storage, "The local history cannot be read.")),
        }
    }

    pub(super) fn on_search_page(&mut self, reply: ReplyId, marks: Marks, page: SearchPage) {
        self.answer_search(reply, page.messages, page.next, marks);
    }

    fn answer_search(&mut self, reply: ReplyId, messages: Vec<Message>, next: Option<String>, marks: Marks) {
        let hits = messages.iter().filter_map(|message| self.hit(message)).collect();
        let results = SearchResults { hits, next, words: marks.words, phrases: marks.phrases };
        self.emit(Effect::Reply(reply, Ok(Answer::Search(results))));
    }

    /// None for a room that I left meanwhile.
    fn hit(&self, message: &Message) -> Option<SearchHit> {
        let room = self.rooms.map.get(&message.room_id)?;
        Some(SearchHit {
            room_id: message.room_id,
            room_title: room.title(self.me(), &self.people),
            message: self.eye(room).message(message, &Near::new()),
        })
    }

    pub(super) fn ask_disk(&mut self, reply: ReplyId, job: ReadJob) {
        self.asked_disk.insert(reply);
        self.emit(Effect::AskStore(reply, job));
    }
}

/// Whether every word of a name that is typed begins a word of a name that is there. No words begin nothing.
pub(super) fn begins_words(typed: &str, name: &str) -> bool {
    let (typed, name) = (words(typed), words(name));
    !typed.is_empty() && typed.iter().all(|word| name.iter().any(|there| there.starts_with(word.as_str())))
}

fn words(name: &str) -> Vec<String> {
    let lower = name.to_lowercase();
    lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}
