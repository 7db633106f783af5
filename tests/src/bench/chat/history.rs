//! How long a long history takes to answer: pages and searches of a relay, searches of a device.

use std::time::Instant;

use anyhow::{Result, ensure};
use parley_client::core::{HistoryKey, SearchSpec};
use parley_client::store::History;
use parley_relay::store::sqlite::SqliteStore;
use parley_relay::store::{Search, Store};
use parley_shared::ids::{Change, ClientMessageId, MessageId, RoomId, Seq, UnixMs, UserId};
use parley_shared::search::SearchQuery;
use parley_shared::wire::{HistoryQuery, Message, MessageBody};
use relay_core::work::NewMessage;

use super::crowd::{Guest, settle};
use super::sockets::percentile;
use super::words::Writer;

const ROOMS: usize = 100;
const MEMBERS: usize = 5;
/// Pages and searches that are timed, after as many that warm the caches.
const ASKED: usize = 1_000;
/// Messages that are written in one transaction.
const BATCH: u64 = 2_000;

/// Of a relay's store, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Relay {
    pub page_p99_ms: f64,
    pub search_p50_ms: f64,
    pub search_p99_ms: f64,
}

/// Fills a relay's database through its store and asks for pages and for words, inside of one room each.
///
/// # Errors
/// The database refuses.
pub async fn relay(messages: u64, seed: u64) -> Result<Relay> {
    let folder = tempfile::tempdir()?;
    let guests = settle(folder.path(), ROOMS, MEMBERS).await?;
    let store = SqliteStore::open(&folder.path().join("relay.sqlite"))?;
    let mut writer = Writer::new(seed);
    let mut sizes = [0_u64; ROOMS];
    for first in (0..messages).step_by(usize::try_from(BATCH)?) {
        let batch = (first..(first + BATCH).min(messages))
            .map(|number| {
                let room = writer.rank(ROOMS as f64);
                sizes[room] += 1;
                new_message(number, &guests[room * MEMBERS + usize::from(number % 2 == 0)], writer.text())
            })
            .collect();
        store.import(batch).await?;
    }
    let (mut pages, mut searches) = (Vec::new(), Vec::new());
    for turn in 0..2 * ASKED {
        let room = writer.rank(ROOMS as f64);
        let guest = &guests[room * MEMBERS];
        let query = HistoryQuery { before: Some(Seq(1 + writer.below(sizes[room].max(1)))), ..HistoryQuery::default() };
        let begin = Instant::now();
        store.history(guest.user_id, guest.room_id, query).await?;
        let page_ms = ms(begin);
        let query = SearchQuery::parse(&writer.typed(), 0);
        let search = Search { query, room_id: Some(guest.room_id), before: None, limit: 50 };
        let begin = Instant::now();
        store.search(guest.user_id, search).await?;
        let search_ms = ms(begin);
        if turn >= ASKED {
            pages.push(page_ms);
            searches.push(search_ms);
        }
    }
    Ok(Relay {
        page_p99_ms: percentile(&mut pages, 0.99)?,
        search_p50_ms: percentile(&mut searches, 0.50)?,
        search_p99_ms: percentile(&mut searches, 0.99)?,
    })
}

fn new_message(number: u64, guest: &Guest, text: String) -> NewMessage {
    NewMessage {
        id: MessageId::from_bytes(id(number)),
        room_id: guest.room_id,
        sender_id: guest.user_id,
        client_id: ClientMessageId::from_bytes(id(number)),
        text,
        reply_to: None,
        thread_id: None,
        attachments: Vec::new(),
        at: at(number),
    }
}

/// Of a device, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Device {
    pub search_p50_ms: f64,
    pub search_p99_ms: f64,
    /// Opens the history and reads what the first screen shows.
    pub open_ms: f64,
}

/// Fills an encrypted history as the app keeps it and looks for words as they are typed, a third of them in one room.
///
/// # Errors
/// The database refuses.
pub fn device(messages: u64, seed: u64) -> Result<Device> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("history.db");
    let (key, me) = (HistoryKey::from_bytes([1; 32]), UserId::from_bytes([1; 16]));
    let mut writer = Writer::new(seed);
    let history = History::open(&path, &key, me)?;
    for first in (0..messages).step_by(usize::try_from(BATCH)?) {
        history.begin()?;
        for number in first..(first + BATCH).min(messages) {
            history.save_message(&kept_message(number + 1, &mut writer), &Default::default())?;
        }
        history.commit()?;
    }
    drop(history);
    let begin = Instant::now();
    let history = History::open(&path, &key, me)?;
    history.load()?;
    let open_ms = ms(begin);
    let mut times = Vec::with_capacity(ASKED);
    let mut found = 0;
    for turn in 0..2 * ASKED {
        let rooms = (turn % 3 == 0).then(|| vec![RoomId::from_bytes([writer.rank(ROOMS as f64) as u8; 16])]);
        let spec = SearchSpec { words: vec![writer.typed()], rooms, limit: 30, ..SearchSpec::default() };
        let begin = Instant::now();
        found += history.search(&spec)?.messages.len();
        if turn >= ASKED {
            times.push(ms(begin));
        }
    }
    ensure!(found > ASKED, "{found} messages were found in {} searches", 2 * ASKED);
    Ok(Device { search_p50_ms: percentile(&mut times, 0.50)?, search_p99_ms: percentile(&mut times, 0.99)?, open_ms })
}

fn kept_message(number: u64, writer: &mut Writer) -> Message {
    Message {
        id: MessageId::from_bytes(id(number)),
        room_id: RoomId::from_bytes([writer.rank(ROOMS as f64) as u8; 16]),
        seq: Seq(number),
        change: Change(number),
        sender_id: UserId::from_bytes([(number % 50) as u8; 16]),
        client_id: ClientMessageId::from_bytes(id(number)),
        sent_at_ms: at(number),
        edited_at_ms: None,
        reply_to: None,
        thread_id: None,
        thread: None,
        reactions: Vec::new(),
        pinned_at_ms: None,
        body: MessageBody::text(writer.text()),
    }
}

fn id(number: u64) -> [u8; 16] {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.to_be_bytes());
    id
}

/// A message a minute.
fn at(number: u64) -> UnixMs {
    UnixMs(1_600_000_000_000 + i64::try_from(number).unwrap_or_default() * 60_000)
}

fn ms(begin: Instant) -> f64 {
    begin.elapsed().as_secs_f64() * 1e3
}
