//! People: who is known, and the answer to the search.

use std::collections::BTreeMap;

use super::search::begins_words;
use parley_shared::ids::{UnixMs, UserId};
use parley_shared::mentions::{Mention, readable};
use parley_shared::view::{PeopleView, PersonItem};
use parley_shared::wire::{Person, Presence, Role, User};

#[derive(Debug, Default)]
pub struct People {
    known: BTreeMap<UserId, Person>,
    pub query: String,
    /// What the relay found for the query.
    found: Vec<UserId>,
    pub loading: bool,
    pub failed: bool,
}

impl People {
    /// People from disk stand in for the search until the relay answers. Nobody is known to be online.
    pub fn load(people: Vec<Person>) -> Self {
        let found = people.iter().map(|person| person.user.id).collect();
        let known = people.into_iter().map(|person| (person.user.id, person)).collect();
        let mut this = Self { found, known, ..Self::default() };
        this.all_offline();
        this
    }

    /// Without the relay nobody's presence is known.
    pub fn all_offline(&mut self) {
        for person in self.known.values_mut() {
            person.presence = Presence::Offline;
        }
    }

    /// Takes a name and a role in; presence stays.
    pub fn upsert_user(&mut self, user: &User) {
        if let Some(person) = self.known.get_mut(&user.id) {
            person.user = user.clone();
            return;
        }
        let person = Person {
            user: user.clone(),
            presence: Presence::Offline,
            last_seen_at_ms: None,
            favourite: false,
            blocked: false,
            bio: String::new(),
        };
        self.known.insert(user.id, person);
    }

    /// What the relay knows of people, whatever is searched for.
    pub fn learn(&mut self, people: Vec<Person>) {
        self.known.extend(people.into_iter().map(|person| (person.user.id, person)));
    }

    /// The answer to the search.
    pub fn on_found(&mut self, people: Vec<Person>) {
        self.found = people.iter().map(|person| person.user.id).collect();
        self.learn(people);
        self.loading = false;
        self.failed = false;
    }

    /// True when something changed.
    pub fn on_presence(&mut self, user: UserId, presence: Presence, last_seen: Option<UnixMs>) -> bool {
        let Some(person) = self.known.get_mut(&user) else { return false };
        let before = (person.presence, person.last_seen_at_ms);
        person.presence = presence;
        person.last_seen_at_ms = last_seen.or(person.last_seen_at_ms);
        before != (person.presence, person.last_seen_at_ms)
    }

    pub fn person_mut(&mut self, user: UserId) -> Option<&mut Person> {
        self.known.get_mut(&user)
    }

    pub fn is_blocked(&self, user: UserId) -> bool {
        self.known.get(&user).is_some_and(|person| person.blocked)
    }

    pub fn names(&self) -> BTreeMap<UserId, String> {
        self.known.iter().map(|(id, person)| (*id, person.user.display_name.clone())).collect()
    }

    /// Empty for someone who was never heard of.
    pub fn name(&self, user: UserId) -> String {
        self.known.get(&user).map(|person| person.user.display_name.clone()).unwrap_or_default()
    }

    /// Those of whose name every word of a typed one begins a word.
    pub fn named(&self, typed: &str) -> Vec<UserId> {
        let fits = |person: &&Person| begins_words(typed, &person.user.display_name);
        self.known.values().filter(fits).map(|person| person.user.id).collect()
    }

    /// What a mention is read as, without its `@`.
    pub fn mention_name(&self, mention: Mention) -> String {
        match mention {
            Mention::Person(user) => self.name(user),
            Mention::Everyone => "everyone".to_owned(),
        }
    }

    /// A message's text as a list shows it: names in the place of mentions, on one line.
    pub fn one_line(&self, text: &str, chars: usize) -> String {
        let text = readable(text, |mention| self.mention_name(mention));
        text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(chars).collect()
    }

    pub fn item(&self, user: UserId) -> PersonItem {
        match self.known.get(&user) {
            Some(person) => item(person),
            None => item(&Person {
                user: User {
                    id: user,
                    display_name: String::new(),
                    role: Role::Member,
                    bot: false,
                    avatar: None,
                    status_text: String::new(),
                },
                presence: Presence::Offline,
                last_seen_at_ms: None,
                favourite: false,
                blocked: false,
                bio: String::new(),
            }),
        }
    }

    pub fn view(&self, me: UserId) -> PeopleView {
        let mut people: Vec<PersonItem> =
            self.found.iter().filter(|id| **id != me).filter_map(|id| self.known.get(id)).map(item).collect();
        people.sort_by_key(|person| (!person.favourite, person.display_name.to_lowercase(), person.id));
        PeopleView { query: self.query.clone(), loading: self.loading, people, failed: self.failed }
    }
}

fn item(person: &Person) -> PersonItem {
    PersonItem {
        id: person.user.id,
        display_name: person.user.display_name.clone(),
        presence: person.presence,
        last_seen_at_ms: person.last_seen_at_ms,
        favourite: person.favourite,
        blocked: person.blocked,
        bot: person.user.bot,
        avatar: person.user.avatar,
        status_text: person.user.status_text.clone(),
        bio: person.bio.clone(),
    }
}
