use parley_shared::ids::UserId;
use proptest::prelude::*;
use rusqlite::Connection;

use super::*;

fn names() -> Names {
    Names { rooms: BTreeSet::from([RoomId::from_bytes([2; 16])]), senders: BTreeSet::new(), tenants: Tenants::One }
}

fn expression(text: &str) -> Option<String> {
    fts(&SearchQuery::parse(text, 0), &names()).and_then(|wanted| wanted.expression)
}

/// More rooms than are asked for by name, in a store of several tenants.
fn many_rooms(tenants: Tenants) -> Names {
    let rooms = (0..=ROOMS_BY_NAME).map(|n| RoomId::from_bytes((n as u128).to_be_bytes())).collect();
    Names { rooms, senders: BTreeSet::new(), tenants }
}

/// An index as the relay has it, with one message in the named room and one in a room of another tenant.
fn index() -> Connection {
    let c = Connection::open_in_memory().unwrap();
    crate::store::sqlite::migrate::migrate(&c).unwrap();
    let foreign = format!(" {OTHER_TENANTS_TOKEN} {}", tenant_token(TenantId(2)));
    for (place, room, tenant) in [(1, 2, ""), (2, 3, foreign.as_str())] {
        c.execute(
            "INSERT INTO message_words (rowid, room, sender, has, text) VALUES (?, ?, ?, '', ?)",
            rusqlite::params![
                place,
                room_token(RoomId::from_bytes([room; 16])) + tenant,
                sender_token(UserId::from_bytes([1; 16])),
                "the quick brown fox OR NOT NEAR text room 12"
            ],
        )
        .unwrap();
    }
    c
}

fn find(c: &Connection, expression: &str) -> rusqlite::Result<Vec<i64>> {
    c.prepare_cached("SELECT rowid FROM message_words WHERE message_words MATCH ? ORDER BY rowid DESC")?
        .query_map([expression], |r| r.get(0))?
        .collect()
}

#[test]
fn words_are_beginnings_and_phrases_are_exact() {
    let c = index();
    for (text, found) in [
        ("qui bro", true),
        ("\"quick brown\"", true),
        ("\"quick bro\"", false),
        ("\"brown quick\"", false),
        ("ick", false),
        ("quick !!!", true),
        ("or not near", true),
        ("text:quick", false),
        ("fox*", true),
        ("^the", true),
    ] {
        let places = find(&c, &expression(text).unwrap()).unwrap();
        assert_eq!(!places.is_empty(), found, "{text}");
    }
    assert_eq!(expression("!!! \"...\""), None, "nothing that the index knows: nothing is found");
}

#[test]
fn many_rooms_are_left_to_whoever_reads_the_hits() {
    let wanted = fts(&SearchQuery::parse("after:2020-01-01", 0), &many_rooms(Tenants::One));
    assert_eq!(wanted, Some(Wanted { expression: None, names_rooms: false }));
    assert!(fts(&SearchQuery::parse("fox", 0), &names()).unwrap().names_rooms);
}

fn hostile() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "\"",
        "\"\"",
        "'",
        "*",
        "^",
        "(",
        ")",
        "{",
        "}",
        ":",
        "+",
        "-",
        ",",
        "\\",
        "\0",
        " ",
        "OR",
        "AND",
        "NOT",
        "NEAR(",
        "NEAR/2",
        "room",
        "text",
        "{room text}",
        "sender:",
        "-text:",
        "fox",
        "quick",
        "12",
        "\u{e000}",
        "\u{e000}03030303030303030303030303030303",
        "\u{301}",
        "\u{1f44d}",
        "가",
        "\u{202e}",
        "\u{10ffff}",
        "--",
        ";",
    ]);
    prop_oneof![prop::collection::vec(pieces, 0..30).prop_map(|pieces| pieces.concat()), ".{0,100}"]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_query_breaks_out_of_its_quotes(text in hostile(), raw in proptest::bool::ANY) {
        let c = index();
        let query = if raw {
            SearchQuery { words: vec![text.clone()], phrases: vec![text.clone()], ..SearchQuery::default() }
        } else {
            SearchQuery::parse(&text, 0)
        };
        for (names, foreign) in [
            (names(), 2),
            (many_rooms(Tenants::NotOthers), 2),
            (many_rooms(Tenants::Only(TenantId(2))), 1),
        ] {
            let Some(expression) = fts(&query, &names).and_then(|wanted| wanted.expression) else { continue };
            let places = find(&c, &expression);
            prop_assert!(places.is_ok(), "{expression:?}: {places:?}");
            prop_assert!(!places.unwrap().contains(&foreign), "{expression:?} finds what is not asked for");
        }
    }
}
