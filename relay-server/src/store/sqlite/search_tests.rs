//! Searches in a filled relay: they find what fits, newest first. In a big one they tell how long pages and searches take:
//! `PARLEY_MESSAGES=500000 cargo test -p parley-relay --lib -- --nocapture searches_of_a_filled_relay`.

use std::time::Instant;

use parley_shared::ids::{ClientMessageId, MessageId, Seq};
use parley_shared::search::SearchQuery;
use parley_shared::wire::{HistoryQuery, MessageBody, RoomKind, Visibility};
use relay_core::work::NewMessage;

use super::super::{accounts, chat, history, migrate, rooms};
use super::*;
use crate::store::{NewRoom, NewUser};

const ROOMS: u32 = 1_000;
const PEOPLE: u32 = 200;
const WORDS: f64 = 50_000.0;

/// A seeded generator (SplitMix64, S. Vigna).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A rank from 0, of `count`, as often as Zipf says.
    fn zipf(&mut self, count: f64) -> u64 {
        let unit = (self.next() >> 11) as f64 / (1u64 << 53) as f64;
        (count.powf(unit) - 1.0) as u64
    }
}

/// The word of a rank: common ones are short.
fn word(rank: u64) -> String {
    const SYLLABLES: [&str; 24] = [
        "the", "an", "re", "to", "in", "so", "con", "per", "ma", "li", "do", "ven", "sta", "mi", "co", "ba", "du",
        "fi", "gor", "hel", "ju", "kra", "no", "pu",
    ];
    let mut rest = rank;
    let mut word = String::new();
    loop {
        word += SYLLABLES[(rest % 24) as usize];
        rest /= 24;
        if rest == 0 {
            return word;
        }
        rest -= 1;
    }
}

fn id(kind: u8, n: u32) -> [u8; 16] {
    let mut id = [kind; 16];
    id[12..].copy_from_slice(&n.to_be_bytes());
    id
}

fn user(n: u32) -> UserId {
    UserId::from_bytes(id(1, n))
}

fn room(n: u32) -> RoomId {
    RoomId::from_bytes(id(2, n))
}

/// Person 0 is in every room, the others in a fiftieth of them.
fn fill(c: &Connection, messages: u32) {
    for n in 0..PEOPLE {
        let new = NewUser {
            tenant: crate::store::TenantId::DEFAULT,
            code: None,
            id: user(n),
            display_name: format!("Person {}", word(u64::from(n))),
            email: format!("{n}@example.org"),
            password_hash: String::new(),
            role: None,
            bot: false,
            at: UnixMs(1),
        };
        accounts::create_user(c, &new).unwrap();
    }
    for n in 0..ROOMS {
        let others = (1..PEOPLE).filter(|person| (person + n).is_multiple_of(50)).map(user).collect();
        let new = NewRoom {
            id: room(n),
            kind: RoomKind::Group,
            name: format!("Room {}", word(u64::from(n))),
            topic: String::new(),
            visibility: Visibility::Private,
            max_members: 1_000,
            owner: user(0),
            others,
            at: UnixMs(1),
        };
        rooms::create(c, &new).unwrap();
    }
    let mut random = Random(7);
    for n in 0..messages {
        let in_room = random.zipf(f64::from(ROOMS)) as u32;
        let sender = (1..PEOPLE).filter(|person| (person + in_room).is_multiple_of(50)).nth(random.next() as usize % 3);
        let text: Vec<String> = (0..10).map(|_| word(random.zipf(WORDS))).collect();
        let new = NewMessage {
            id: MessageId::from_bytes(id(3, n)),
            room_id: room(in_room),
            sender_id: user(sender.unwrap_or(0)),
            client_id: ClientMessageId::from_bytes(id(4, n)),
            text: text.join(" "),
            reply_to: None,
            thread_id: None,
            attachments: Vec::new(),
            at: UnixMs(i64::from(n) * 60_000),
        };
        chat::send(c, &new).unwrap();
        if n % 10_000 == 9_999 {
            c.execute_batch("COMMIT; BEGIN").unwrap();
        }
    }
}

/// The mean of some runs, in milliseconds: of this thread's own time on the processor where the system tells it, so that a busy machine
/// does not matter.
fn measured<T>(mut body: impl FnMut() -> T) -> f64 {
    const RUNS: u32 = 25;
    let own = || {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        text.split(' ').next()?.parse::<f64>().ok().map(|ns| ns / 1e6)
    };
    let (clock, before) = (Instant::now(), own());
    for _ in 0..RUNS {
        std::hint::black_box(body());
    }
    let all = own().zip(before).map_or(clock.elapsed().as_secs_f64() * 1_000.0, |(after, before)| after - before);
    all / f64::from(RUNS)
}

/// Whether a query of nothing but words fits: each begins a word of the message.
fn fits(query: &SearchQuery, message: &Message) -> bool {
    let MessageBody::Text { text, .. } = &message.body else { return false };
    query.words.iter().all(|wanted| text.split(' ').any(|word| word.starts_with(wanted.as_str())))
}

#[test]
fn searches_of_a_filled_relay_find_what_fits_newest_first() {
    let messages = std::env::var("PARLEY_MESSAGES").ok().and_then(|n| n.parse().ok()).unwrap_or(2_000);
    let mut found = 0;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("relay.sqlite");
    let c = Connection::open(&path).unwrap();
    c.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF").unwrap();
    c.set_prepared_statement_cache_capacity(64);
    migrate::migrate(&c).unwrap();
    let started = Instant::now();
    c.execute_batch("BEGIN").unwrap();
    fill(&c, messages);
    c.execute_batch("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    let rate = f64::from(messages) / started.elapsed().as_secs_f64();
    println!("{messages} messages, {rate:.0} a second, {} MiB", std::fs::metadata(&path).unwrap().len() >> 20);
    drop(c);
    let mut c = Connection::open(&path).unwrap();
    c.execute_batch("PRAGMA cache_size = -1024").unwrap();
    c.set_prepared_statement_cache_capacity(64);

    let last = history::history(&c, user(0), room(0), HistoryQuery::default()).unwrap().messages.len();
    assert_eq!(last, 50);
    for (name, query) in [
        ("newest page", HistoryQuery::default()),
        ("page around", HistoryQuery { around: Some(Seq(1_000)), ..HistoryQuery::default() }),
        ("page by time", HistoryQuery { at_ms: Some(UnixMs(i64::from(messages) * 30_000)), ..HistoryQuery::default() }),
    ] {
        let mean = measured(|| history::history(&c, user(0), room(0), query).unwrap());
        println!("{name:<44} {mean:8.2} ms");
    }
    let mean = measured(|| super::super::views::rooms(&c, user(7), None, 1_000).unwrap());
    println!("{:<44} {mean:8.2} ms", "20 rooms with counts");

    let month = |n: i64| {
        let day = i64::from(messages) * 60_000 / 86_400_000 * n / 10;
        let months = day / 30;
        format!("{}-{:02}-15", 1970 + months / 12, months % 12 + 1)
    };
    let middle = format!("the before:{}", month(5));
    let queries = [
        ("common word", "the".to_owned()),
        ("rare word", word(49_000)),
        ("1 letter", "t".to_owned()),
        ("2 letters", "th".to_owned()),
        ("5 letters", "conth".to_owned()),
        ("5 letters, rare", "kradu".to_owned()),
        ("two common words", "an re".to_owned()),
        ("common and rare", format!("the {}", word(49_000))),
        ("phrase", "\"the the\"".to_owned()),
        ("phrase that is nowhere", "\"the the the the the the\"".to_owned()),
        ("common words that never meet", "the an re to in so con per ma li do".to_owned()),
        ("common before the middle", middle),
        ("from and common", "from:person the".to_owned()),
        ("date only", format!("on:{}", month(5))),
        ("nothing", "zzzz".to_owned()),
    ];
    for (who, asker, room_id) in [
        ("in 1,000 rooms", 0, None),
        ("in 20 rooms", 7, None),
        ("in 1 room", 0, Some(room(0))),
        ("in a still room", 0, Some(room(900))),
    ] {
        for (name, query) in &queries {
            let query = SearchQuery::parse(query, 0);
            let ask = || Search { query: query.clone(), room_id, before: None, limit: 50 };
            let page = search(&c, user(asker), &ask()).unwrap();
            found += page.messages.len();
            assert!(page.messages.iter().all(|message| fits(&query, message)), "{name}, {who}");
            assert!(page.messages.is_sorted_by(|a, b| a.sent_at_ms > b.sent_at_ms), "{name}, {who}");
            let mean = measured(|| search(&c, user(asker), &ask()).unwrap());
            let more = if page.next.is_some() { "+" } else { "" };
            println!("{:<44} {mean:8.2} ms {:4}{more}", format!("{name}, {who}"), page.messages.len());
        }
    }

    assert!(found > 200, "all searches together found {found} messages");

    c.progress_handler(500, Some(|| true)).unwrap();
    let query = SearchQuery::parse("the an re to in so con per ma li do", 0);
    let broken_off = search(&c, user(0), &Search { query, room_id: None, before: None, limit: 50 });
    assert!(matches!(broken_off, Err(StoreError::TooLong)), "{broken_off:?}");
}
