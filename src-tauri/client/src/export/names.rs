//! What people are called in an export.

use std::collections::{BTreeMap, BTreeSet};

use parley_shared::ids::UserId;
use parley_shared::mentions::{Mention, mentions};
use parley_shared::wire::{Message, MessageBody};

/// Names by id; whoever is not here, or has an empty one, is unknown.
#[derive(Clone, Debug, Default)]
pub(super) struct Names(BTreeMap<UserId, String>);

impl Names {
    pub fn new(names: BTreeMap<UserId, String>) -> Self {
        Self(names)
    }

    pub fn learn(&mut self, id: UserId, name: String) {
        self.0.insert(id, name);
    }

    pub fn of(&self, id: UserId) -> Option<&str> {
        self.0.get(&id).map(String::as_str).filter(|name| !name.is_empty())
    }

    /// Whom a message names and who is not here.
    pub fn unknown(&self, message: &Message) -> BTreeSet<UserId> {
        let mut people = BTreeSet::from([message.sender_id]);
        people.extend(message.reactions.iter().flat_map(|reaction| &reaction.user_ids));
        people.extend(mentioned(message));
        people.retain(|id| !self.0.contains_key(id));
        people
    }
}

/// The people whom a message mentions, each once.
pub(super) fn mentioned(message: &Message) -> BTreeSet<UserId> {
    let text = match &message.body {
        MessageBody::Text { text, .. } => text.as_str(),
        MessageBody::Deleted | MessageBody::Call { .. } => "",
    };
    let person = |(_, mention)| match mention {
        Mention::Person(id) => Some(id),
        Mention::Everyone => None,
    };
    mentions(text).into_iter().filter_map(person).collect()
}
