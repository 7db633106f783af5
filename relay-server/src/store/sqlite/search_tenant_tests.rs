//! What others write in other tenants, however much, changes no page of a search.

use parley_shared::ids::{ClientMessageId, MessageId};
use parley_shared::search::SearchQuery;
use parley_shared::wire::{RoomKind, Visibility};
use relay_core::work::NewMessage;

use super::super::{accounts, chat, migrate, rooms};
use super::*;
use crate::store::{NewRoom, NewUser, TenantId};

/// More than the index is asked for by name.
const ROOMS: u8 = 25;
/// On 14 November 2023.
const NOON_MS: i64 = 1_699_963_200_000;

/// One person of a tenant, in many rooms.
struct Member {
    id: UserId,
    rooms: Vec<RoomId>,
}

impl Member {
    fn new(c: &Connection, tenant: TenantId) -> Self {
        c.execute("INSERT OR IGNORE INTO tenants (id, name) VALUES (?1, 'tenant ' || ?1)", [tenant.0]).unwrap();
        let number = u8::try_from(tenant.0).unwrap();
        let id = UserId::from_bytes([number; 16]);
        let new = NewUser {
            tenant,
            code: None,
            id,
            display_name: "Ada".into(),
            email: "a@example.org".into(),
            password_hash: String::new(),
            role: None,
            bot: false,
            at: UnixMs(1),
        };
        accounts::create_user(c, &new).unwrap();
        let rooms: Vec<RoomId> = (0..ROOMS).map(|n| RoomId::from_bytes([number * 50 + n; 16])).collect();
        for room_id in &rooms {
            let new = NewRoom {
                id: *room_id,
                kind: RoomKind::Group,
                name: "Room".into(),
                topic: String::new(),
                visibility: Visibility::Private,
                max_members: 10,
                owner: id,
                others: Vec::new(),
                at: UnixMs(1),
            };
            rooms::create(c, &new).unwrap();
        }
        Self { id, rooms }
    }

    fn say(&self, c: &Connection, number: usize, text: &str) {
        let mut id = *self.id.as_bytes();
        id[8..].copy_from_slice(&(number as u64).to_be_bytes());
        let new = NewMessage {
            id: MessageId::from_bytes(id),
            room_id: self.rooms[number % self.rooms.len()],
            sender_id: self.id,
            client_id: ClientMessageId::from_bytes(id),
            text: text.into(),
            reply_to: None,
            thread_id: None,
            attachments: Vec::new(),
            at: UnixMs(NOON_MS),
        };
        chat::send(c, &new).unwrap();
    }

    fn find(&self, c: &Connection, query: &str) -> SearchPage {
        let query = SearchQuery::parse(query, 0);
        search(c, self.id, &Search { query, room_id: None, before: None, limit: 50 }).unwrap()
    }
}

#[test]
fn what_another_tenant_writes_makes_no_more_pages() {
    let second = TenantId(2);
    for (mine, theirs) in [(TenantId::DEFAULT, second), (second, TenantId::DEFAULT), (second, TenantId(3))] {
        let c = Connection::open_in_memory().unwrap();
        c.set_prepared_statement_cache_capacity(64);
        migrate::migrate(&c).unwrap();
        let (me, others) = (Member::new(&c, mine), Member::new(&c, theirs));
        c.execute_batch("BEGIN").unwrap();
        me.say(&c, 0, "the orchard, see https://example.org");
        for number in 0..=LOOKED_AT {
            others.say(&c, number, "harbour orchard, see https://example.org");
        }
        c.execute_batch("COMMIT").unwrap();
        for (query, count) in [
            ("harbour", 0),
            ("orchard", 1),
            ("\"the orchard\"", 1),
            ("from:me orchard", 1),
            ("has:link", 1),
            ("after:2023-11-13", 1),
            ("before:2023-11-15", 1),
            ("orchard on:2023-11-14", 1),
        ] {
            let page = me.find(&c, query);
            assert_eq!((page.messages.len(), page.next), (count, None), "{query} in {mine:?} beside {theirs:?}");
        }
        let page = others.find(&c, "harbour");
        assert_eq!((page.messages.len(), page.next.is_some()), (50, true), "they find their own");
    }
}

#[test]
fn a_store_of_one_tenant_pays_nothing_for_others() {
    let c = Connection::open_in_memory().unwrap();
    migrate::migrate(&c).unwrap();
    let me = Member::new(&c, TenantId::DEFAULT);
    me.say(&c, 0, "orchard");
    let asked = |text: &str| {
        let ask = Search { query: SearchQuery::parse(text, 0), room_id: None, before: None, limit: 50 };
        let names = search_scope::resolve(&c, me.id, &ask).unwrap().unwrap();
        search_query::fts(&ask.query, &names).unwrap().expression
    };
    assert_eq!(asked("orchard").unwrap(), "text : (\"orchard\" *)");
    assert_eq!(asked("after:1970-01-01"), None);
    c.execute("INSERT INTO tenants (id, name) VALUES (2, 'second')", []).unwrap();
    assert!(asked("orchard").unwrap().contains("NOT room"));
    assert!(asked("after:1970-01-01").unwrap().contains("NOT room"));
    let mut tokens = c.prepare("SELECT rowid FROM message_words WHERE message_words MATCH ?").unwrap();
    for token in
        [super::super::words::OTHER_TENANTS_TOKEN.to_owned(), super::super::words::tenant_token(TenantId::DEFAULT)]
    {
        assert!(
            !tokens.exists([format!("room : \"{token}\"")]).unwrap(),
            "{token:?} is in no message of the default tenant"
        );
    }
}
