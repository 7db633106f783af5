//! A relay that is killed while everybody writes: what it has acknowledged must be there, once and in order.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use parley_relay::clock::unix_now;
use parley_shared::ids::{ClientMessageId, RoomId, Seq};
use parley_shared::wire::{HistoryPage, Message, Reply, ServerMsg};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::watch;

use super::crowd::{Guest, random};
use super::load::{Client, Dialect};
use super::server::Server;

const ROOMS: usize = 4;
const WRITERS: usize = 3;
/// Messages of one writer that wait for their acknowledgement.
const UNDER_WAY: usize = 8;

/// What became of all rounds together.
#[derive(Clone, Copy, Debug, Default)]
pub struct Kills {
    pub acknowledged: u64,
    /// Acknowledged and not there after the restart, or in another place.
    pub lost: u64,
    /// There more than once, also after everything unacknowledged was sent again.
    pub doubled: u64,
    /// Two of one writer the wrong way round, or a hole in the places of a room.
    pub disordered: u64,
    /// The longest time from a start to the first acknowledged hello.
    pub restart_ms: f64,
}

/// What one writer did in one round.
#[derive(Debug, Default)]
struct Written {
    sent: Vec<ClientMessageId>,
    acknowledged: BTreeMap<ClientMessageId, Seq>,
}

/// Writes at full rate, kills the relay at a moment that `seed` gives, starts it again and compares; `rounds` times.
///
/// # Errors
/// The relay does not come back, or refuses what it should take.
pub async fn kills(rounds: u32, seed: u64) -> Result<Kills> {
    let mut server = Server::relay(ROOMS, WRITERS).await?;
    let mut rng = StdRng::seed_from_u64(seed);
    let (mut total, mut base) = (Kills::default(), BTreeMap::<RoomId, Seq>::new());
    for _ in 0..rounds {
        let until_kill = Duration::from_micros(rng.random_range(20_000..400_000));
        round(&mut server, until_kill, &mut base, &mut total).await?;
    }
    Ok(total)
}

async fn round(
    server: &mut Server,
    until_kill: Duration,
    base: &mut BTreeMap<RoomId, Seq>,
    total: &mut Kills,
) -> Result<()> {
    let (killed, is_killed) = watch::channel(false);
    let writers = server.guests.iter().map(|guest| {
        let (address, guest, is_killed) = (server.address.clone(), guest.clone(), is_killed.clone());
        tokio::spawn(async move { write(&address, &guest, is_killed).await })
    });
    let writers: Vec<_> = writers.collect();
    tokio::time::sleep(until_kill).await;
    server.kill();
    // Before the word is out a writer may take a broken socket for a failure of the relay.
    let _ = killed.send(true);
    let mut written = Vec::new();
    for writer in writers {
        written.push(writer.await??);
    }
    let begin = Instant::now();
    server.start_again()?;
    Client::connect(&server.address, Dialect::Parley, server.guests.first()).await?;
    total.restart_ms = total.restart_ms.max(begin.elapsed().as_secs_f64() * 1e3);

    compare(server, base, &written, total).await?;
    let again = server.guests.iter().zip(&written).map(|(guest, written)| repeat(&server.address, guest, written));
    try_join_all(again).await?;
    for (guest, written) in server.guests.iter().zip(&written) {
        let room = history(server, guest, base.get(&guest.room_id).copied().unwrap_or_default()).await?;
        for client_id in &written.sent {
            let times = room.iter().filter(|message| message.client_id == *client_id).count() as u64;
            total.lost += u64::from(times == 0);
            total.doubled += times.saturating_sub(1);
        }
    }
    for guest in server.guests.iter().step_by(WRITERS) {
        let from = base.get(&guest.room_id).copied().unwrap_or_default();
        if let Some(last) = history(server, guest, from).await?.last() {
            base.insert(guest.room_id, last.seq);
        }
    }
    Ok(())
}

/// Writes until the relay is gone.
async fn write(address: &str, guest: &Guest, mut killed: watch::Receiver<bool>) -> Result<Written> {
    let mut written = Written::default();
    let lost = talk(address, guest, &mut written).await;
    // A socket breaks a moment before the killing is told.
    let was_killed = tokio::time::timeout(Duration::from_secs(5), killed.wait_for(|killed| *killed)).await;
    ensure!(was_killed.is_ok(), "a socket broke while the relay lived: {lost:?}");
    Ok(written)
}

async fn talk(address: &str, guest: &Guest, written: &mut Written) -> Result<()> {
    let mut client = Client::connect(address, Dialect::Parley, Some(guest)).await?;
    loop {
        while written.sent.len() - written.acknowledged.len() < UNDER_WAY {
            let client_id = ClientMessageId::from_parts(unix_now(), random());
            written.sent.push(client_id);
            client.say_as(client_id, written.sent.len() as u64).await?;
        }
        if let Some(message) = acknowledged(&client.receive().await?)? {
            written.acknowledged.insert(message.client_id, message.seq);
        }
    }
}

fn acknowledged(frame: &str) -> Result<Option<Message>> {
    match serde_json::from_str(frame)? {
        ServerMsg::Reply { reply: Reply::Message { message }, .. } => Ok(Some(*message)),
        ServerMsg::Error { error, .. } => anyhow::bail!("the relay refused: {error:?}"),
        ServerMsg::Reply { .. }
        | ServerMsg::Welcome(_)
        | ServerMsg::Event { .. }
        | ServerMsg::Hint { .. }
        | ServerMsg::Pong => Ok(None),
    }
}

/// What was acknowledged is there, where it was said to be; each writer's messages are in the order of writing.
async fn compare(server: &Server, base: &BTreeMap<RoomId, Seq>, written: &[Written], total: &mut Kills) -> Result<()> {
    for (guest, written) in server.guests.iter().zip(written) {
        let from = base.get(&guest.room_id).copied().unwrap_or_default();
        let room = history(server, guest, from).await?;
        let gapless = room.iter().zip(from.0 + 1..).all(|(message, seq)| message.seq.0 == seq);
        total.disordered += u64::from(!gapless);
        let places: BTreeMap<ClientMessageId, Seq> =
            room.iter().map(|message| (message.client_id, message.seq)).collect();
        let ids: BTreeSet<_> = places.keys().collect();
        total.doubled += (room.len() - ids.len()) as u64;
        total.acknowledged += written.acknowledged.len() as u64;
        let wrong = written.acknowledged.iter().filter(|(id, seq)| places.get(id) != Some(seq)).count();
        total.lost += wrong as u64;
        let mine: Vec<Seq> = written.sent.iter().filter_map(|id| places.get(id).copied()).collect();
        total.disordered += mine.windows(2).filter(|pair| pair[0] >= pair[1]).count() as u64;
    }
    Ok(())
}

/// Sends again whatever was not acknowledged, under the ids that it had.
async fn repeat(address: &str, guest: &Guest, written: &Written) -> Result<()> {
    let mut client = Client::connect(address, Dialect::Parley, Some(guest)).await?;
    let open: Vec<_> = written.sent.iter().filter(|id| !written.acknowledged.contains_key(id)).collect();
    for client_id in open {
        client.say_as(*client_id, 0).await?;
        while acknowledged(&client.receive().await?)?.is_none() {}
    }
    Ok(())
}

/// The messages of a guest's room after a place.
async fn history(server: &Server, guest: &Guest, from: Seq) -> Result<Vec<Message>> {
    let http = reqwest::Client::new();
    let (mut messages, mut after) = (Vec::new(), from);
    loop {
        let url = format!("{}/api/v1/rooms/{}/messages?after={after}&limit=200", server.url()?, guest.room_id);
        let page: HistoryPage =
            http.get(url).bearer_auth(guest.token.reveal()).send().await?.error_for_status()?.json().await?;
        messages.extend(page.messages);
        if !page.has_after {
            return Ok(messages);
        }
        after = messages.last().context("a page that has more after it is not empty")?.seq;
    }
}
