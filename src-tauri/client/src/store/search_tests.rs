//! Every kind of search finds what reading all messages finds. The same on a large history gives figures:
//! `PARLEY_MESSAGES=1000000 cargo test -p parley-client --lib --release -- --nocapture finds_what_reading`.

use std::time::{Duration, Instant};

use parley_shared::ids::*;
use parley_shared::wire::{Message, MessageBody};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::History;
use crate::core::{HistoryKey, PageAt, SearchSpec};

const ROOMS: u8 = 100;
const PEOPLE: u8 = 50;
const WORDS: usize = 50_000;

fn word(rank: usize) -> String {
    const SYLLABLES: [&str; 20] = [
        "ba", "ko", "ri", "sen", "tu", "la", "mo", "ne", "pi", "dar", "gu", "fe", "shi", "wol", "ja", "ka", "ter",
        "ven", "xo", "zi",
    ];
    let mut rest = rank + 7;
    let mut out = String::new();
    while rest > 0 {
        out.push_str(SYLLABLES[rest % SYLLABLES.len()]);
        rest /= SYLLABLES.len();
    }
    out
}

/// Ranks as words of people fall: the n-th comes with a frequency of 1/n.
fn zipf(rng: &mut StdRng) -> usize {
    let most = f64::from(u32::try_from(WORDS).unwrap());
    let at = most.powf(rng.random::<f64>());
    (at as usize).clamp(1, WORDS) - 1
}

/// Makes one search after another.
type Case = Box<dyn Fn(&mut StdRng) -> SearchSpec>;

fn message(n: u64, rng: &mut StdRng) -> Message {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&n.to_be_bytes());
    let words: Vec<String> = (0..rng.random_range(3..20)).map(|_| word(zipf(rng))).collect();
    Message {
        id: MessageId::from_bytes(id),
        room_id: RoomId::from_bytes([rng.random_range(0..ROOMS); 16]),
        seq: Seq(n),
        change: Change(n),
        sender_id: UserId::from_bytes([rng.random_range(0..PEOPLE); 16]),
        client_id: ClientMessageId::from_bytes(id),
        sent_at_ms: UnixMs(1_600_000_000_000 + i64::try_from(n).unwrap() * 60_000),
        edited_at_ms: None,
        reply_to: None,
        thread_id: None,
        thread: None,
        reactions: Vec::new(),
        pinned_at_ms: None,
        body: MessageBody::text(words.join(" ")),
    }
}

/// Up to this many messages each search is compared with reading them all.
const COMPARED: u64 = 20_000;

/// The search without an index.
fn by_reading(all: &[Message], spec: &SearchSpec) -> Vec<MessageId> {
    let fits = |message: &&Message| {
        let MessageBody::Text { text, .. } = &message.body else { return false };
        let words: Vec<&str> = text.split(' ').collect();
        let begins = |wanted: &String| words.iter().any(|word| word.starts_with(wanted.as_str()));
        let stands = |phrase: &String| {
            let phrase: Vec<&str> = phrase.split(' ').collect();
            words.windows(phrase.len()).any(|window| window == phrase)
        };
        spec.words.iter().all(begins)
            && spec.phrases.iter().all(stands)
            && spec.rooms.as_ref().is_none_or(|rooms| rooms.contains(&message.room_id))
            && spec.from.as_ref().is_none_or(|people| people.contains(&message.sender_id))
            && spec.until.is_none_or(|until| message.sent_at_ms < until)
    };
    all.iter().rev().filter(fits).take(spec.limit as usize).map(|message| message.id).collect()
}

#[test]
fn every_search_finds_what_reading_all_messages_finds() {
    let count: u64 = std::env::var("PARLEY_MESSAGES").ok().and_then(|text| text.parse().ok()).unwrap_or(3_000);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("history.db");
    let (key, me) = (HistoryKey::from_bytes([1; 32]), UserId::from_bytes([1; 16]));
    let mut rng = StdRng::seed_from_u64(1);
    let history = History::open(&path, &key, me).unwrap();
    let mut all = Vec::new();
    let start = Instant::now();
    for first in (0..count).step_by(2_000) {
        history.begin().unwrap();
        for n in first..(first + 2_000).min(count) {
            let message = message(n + 1, &mut rng);
            history.save_message(&message, &Default::default()).unwrap();
            if count <= COMPARED {
                all.push(message);
            }
        }
        history.commit().unwrap();
    }
    let took = start.elapsed();
    let size = std::fs::metadata(&path).unwrap().len();
    eprintln!("{count} messages: written {:.0}/s, {} MB", count as f64 / took.as_secs_f64(), size / 1_000_000);
    drop(history);

    let start = Instant::now();
    let history = History::open(&path, &key, me).unwrap();
    history.load().unwrap();
    eprintln!("cold open {:?}", start.elapsed());
    let start = Instant::now();
    history.page(RoomId::from_bytes([3; 16]), PageAt::Newest, Seq(1)).unwrap();
    eprintln!("first page {:?}", start.elapsed());
    drop(history);
    let history = History::open_reader(&path, &key, me).unwrap();

    let room = || Some(vec![RoomId::from_bytes([3; 16])]);
    let spec = |word: &str| SearchSpec { words: vec![word.to_owned()], limit: 30, ..SearchSpec::default() };
    let cases: Vec<(&str, Case)> = vec![
        ("common word", Box::new(move |rng| spec(&word(rng.random_range(0..10))))),
        ("any word", Box::new(move |rng| spec(&word(zipf(rng))))),
        ("rare word", Box::new(move |rng| spec(&word(rng.random_range(20_000..WORDS))))),
        ("1 letter", Box::new(move |rng| spec(&word(rng.random_range(0..100))[..1]))),
        ("2 letters", Box::new(move |rng| spec(&word(rng.random_range(0..500))[..2]))),
        ("3 letters", Box::new(move |rng| spec(&word(rng.random_range(0..500)).chars().take(3).collect::<String>()))),
        (
            "5 letters",
            Box::new(move |rng| spec(&word(rng.random_range(500..WORDS)).chars().take(5).collect::<String>())),
        ),
        ("any word in a room", Box::new(move |rng| SearchSpec { rooms: room(), ..spec(&word(zipf(rng))) })),
        (
            "2 letters in a room",
            Box::new(move |rng| SearchSpec { rooms: room(), ..spec(&word(rng.random_range(0..500))[..2]) }),
        ),
        ("two words", Box::new(move |rng| SearchSpec { words: vec![word(zipf(rng)), word(zipf(rng))], ..spec("x") })),
        (
            "two common words",
            Box::new(move |rng| SearchSpec {
                words: vec![word(rng.random_range(0..30)), word(rng.random_range(0..30))],
                ..spec("x")
            }),
        ),
        (
            "phrase of common words",
            Box::new(move |rng| SearchSpec {
                words: Vec::new(),
                phrases: vec![format!("{} {}", word(rng.random_range(0..20)), word(rng.random_range(0..20)))],
                ..spec("x")
            }),
        ),
        (
            "from a person",
            Box::new(move |rng| SearchSpec {
                from: Some(vec![UserId::from_bytes([rng.random_range(0..PEOPLE); 16])]),
                ..spec(&word(zipf(rng)))
            }),
        ),
        (
            "in the middle of time",
            Box::new(move |rng| SearchSpec {
                until: Some(UnixMs(1_600_000_000_000 + i64::try_from(count).unwrap() * 30_000)),
                ..spec(&word(zipf(rng)))
            }),
        ),
    ];
    let mut compared = 0;
    for (name, case) in cases {
        let mut times: Vec<Duration> = (0..200)
            .map(|_| {
                let spec = case(&mut rng);
                let start = Instant::now();
                let found = history.search(&spec).unwrap();
                let took = start.elapsed();
                if !all.is_empty() {
                    let ids: Vec<MessageId> = found.messages.iter().map(|message| message.id).collect();
                    assert_eq!(ids, by_reading(&all, &spec), "{name}: {spec:?}");
                    compared += ids.len();
                }
                took
            })
            .collect();
        times.sort();
        eprintln!("{name:24} p50 {:9.2?}  p99 {:9.2?}  max {:9.2?}", times[100], times[197], times[199]);
    }
    assert!(all.is_empty() || compared > 1_000, "the searches found {compared} messages in all");
}
