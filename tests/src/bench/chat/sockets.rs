//! What sockets cost a server, and how fast it tells many what one said.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use tokio::task::JoinSet;

use super::load::{Client, Heard, Schedule};
use super::server::Server;
use crate::usage;

/// Connections that are opened at the same time.
const OPENING: usize = 50;
/// Until a server's memory has settled.
const SETTLE: Duration = Duration::from_secs(5);

/// What idle sockets cost.
#[derive(Clone, Copy, Debug)]
pub struct Idle {
    /// Resident memory of the server a socket.
    pub kb: f64,
    /// Processor time to take one, its authentication and welcome included.
    pub accept_us: f64,
}

/// Opens `count` sockets and leaves them alone.
///
/// # Errors
/// The server refuses one.
pub async fn idle(server: &Server, count: usize) -> Result<Idle> {
    let id = server.id()?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (memory, cpu) = (rss_kb(id)?, usage::tree_cpu_s(id));
    let clients = connect(server, count).await?;
    let cpu = usage::tree_cpu_s(id) - cpu;
    tokio::time::sleep(SETTLE).await;
    let memory = rss_kb(id)? - memory;
    ensure!(clients.len() == count, "some sockets were not opened");
    Ok(Idle { kb: memory / count as f64, accept_us: cpu * 1e6 / count as f64 })
}

/// How a room is told.
#[derive(Clone, Copy, Debug)]
pub struct Fanout {
    /// Processor time of the server for one message to one member, at full rate.
    pub delivery_us: f64,
    /// Messages a second to the whole room, at most.
    pub full_rate: f64,
    /// At half of that rate, from when a message was due until a member had it.
    pub p99_ms: f64,
    pub p50_ms: f64,
}

/// Members who speak; each has two messages under way.
const SPEAKERS: u64 = 10;
const UNDER_WAY: u64 = 2;
const SILENCE: Duration = Duration::from_secs(2);
const MEASURED: Duration = Duration::from_secs(6);
/// After the last message was due.
const LATE: Duration = Duration::from_secs(10);

/// Fills one room with `members`; some of them speak.
///
/// # Errors
/// The server refuses or loses something.
pub async fn fanout(server: &Server, members: usize) -> Result<Fanout> {
    let clients = connect(server, members).await?;
    let name = server.dialect.name();
    let at_full_rate = full_speed(server, clients).await.with_context(|| format!("{name} at full rate"))?;
    let (delivery_us, full_rate, clients) = at_full_rate;
    let at_half = half_speed(clients, full_rate / 2.0).await.with_context(|| format!("{name} at half of its rate"))?;
    let (p50_ms, p99_ms) = at_half;
    Ok(Fanout { delivery_us, full_rate, p50_ms, p99_ms })
}

/// Everybody who speaks says the next thing as soon as they hear themselves.
async fn full_speed(server: &Server, clients: Vec<Client>) -> Result<(f64, f64, Vec<Client>)> {
    let members = clients.len();
    let (heard, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let mut talks = JoinSet::new();
    for (index, mut client) in clients.into_iter().enumerate() {
        let (heard, stop, me) = (heard.clone(), stop.clone(), index as u64);
        talks.spawn(async move {
            let speaks = me < SPEAKERS;
            let mut open = if speaks { UNDER_WAY } else { 0 };
            for _ in 0..open {
                client.say(me).await?;
            }
            // What a speaker has said is heard by all: whoever hears nothing for two seconds has heard everything.
            loop {
                let Ok(said) = tokio::time::timeout(SILENCE, client.hear()).await else {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    continue;
                };
                let Heard::Said(number) = said? else { continue };
                heard.fetch_add(1, Ordering::Relaxed);
                if speaks && number == me {
                    if stop.load(Ordering::Relaxed) {
                        open -= 1;
                    } else {
                        client.say(me).await?;
                    }
                }
            }
            ensure!(open == 0, "{open} messages of speaker {me} never came back");
            Ok((me, client))
        });
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let id = server.id()?;
    let (begin, cpu, before) = (Instant::now(), usage::tree_cpu_s(id), heard.load(Ordering::Relaxed));
    tokio::time::sleep(MEASURED).await;
    let deliveries = (heard.load(Ordering::Relaxed) - before) as f64;
    let (cpu, seconds) = (usage::tree_cpu_s(id) - cpu, begin.elapsed().as_secs_f64());
    stop.store(true, Ordering::Relaxed);
    let mut clients = Vec::with_capacity(members);
    while let Some(talk) = talks.join_next().await {
        clients.push(talk??);
    }
    clients.sort_by_key(|(index, _)| *index);
    ensure!(deliveries > 0.0, "nothing was heard");
    let clients = clients.into_iter().map(|(_, client)| client).collect();
    Ok((cpu * 1e6 / deliveries, deliveries / seconds / members as f64, clients))
}

/// Messages come at a steady rate, whether or not those before have arrived.
async fn half_speed(clients: Vec<Client>, per_second: f64) -> Result<(f64, f64)> {
    let schedule = Schedule { start: Instant::now() + Duration::from_millis(200), per_second };
    let last = (MEASURED.as_secs_f64() * per_second) as u64;
    let end = schedule.due(last) + LATE;
    let talks = clients.into_iter().enumerate().map(|(index, mut client)| {
        tokio::spawn(async move {
            let me = index as u64;
            let mut next = me;
            let mut delays_ms = Vec::with_capacity(last as usize);
            while (delays_ms.len() as u64) < last {
                let due = if me < SPEAKERS && next < last { schedule.due(next) } else { end };
                tokio::select! {
                    said = client.hear() => {
                        if let Heard::Said(number) = said? {
                            let delay = Instant::now().saturating_duration_since(schedule.due(number));
                            delays_ms.push(delay.as_secs_f64() * 1e3);
                        }
                    }
                    () = tokio::time::sleep_until(due.into()) => {
                        ensure!(next < last && me < SPEAKERS, "a member heard {} of {last}", delays_ms.len());
                        client.say(next).await?;
                        next += SPEAKERS;
                    }
                }
            }
            Ok(delays_ms)
        })
    });
    let mut all = Vec::new();
    for delays in try_join_all(talks).await? {
        all.extend(delays?);
    }
    Ok((percentile(&mut all, 0.50)?, percentile(&mut all, 0.99)?))
}

/// How many messages a second are on disk and acknowledged, everybody writing one after the other.
///
/// # Errors
/// The relay refuses.
pub async fn inserts_per_second(server: &Server) -> Result<f64> {
    let clients = connect(server, server.guests.len()).await?;
    let (stored, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let mut talks = JoinSet::new();
    for mut client in clients {
        let (stored, stop) = (stored.clone(), stop.clone());
        talks.spawn(async move {
            client.say(0).await?;
            while !stop.load(Ordering::Relaxed) {
                if client.hear().await? == Heard::Stored {
                    stored.fetch_add(1, Ordering::Relaxed);
                    client.say(0).await?;
                }
            }
            Ok::<_, anyhow::Error>(())
        });
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (begin, before) = (Instant::now(), stored.load(Ordering::Relaxed));
    tokio::time::sleep(MEASURED).await;
    let rate = (stored.load(Ordering::Relaxed) - before) as f64 / begin.elapsed().as_secs_f64();
    stop.store(true, Ordering::Relaxed);
    while let Ok(Some(talk)) = tokio::time::timeout(Duration::from_secs(2), talks.join_next()).await {
        talk??;
    }
    Ok(rate)
}

async fn connect(server: &Server, count: usize) -> Result<Vec<Client>> {
    let numbers: Vec<usize> = (0..count).collect();
    let mut clients = Vec::with_capacity(count);
    for chunk in numbers.chunks(OPENING) {
        let opening =
            chunk.iter().map(|number| Client::connect(&server.address, server.dialect, server.guests.get(*number)));
        clients.extend(try_join_all(opening).await?);
    }
    Ok(clients)
}

fn rss_kb(id: u32) -> Result<f64> {
    Ok(usage::rss_mb(id).context("the server has ended")? * 1024.0)
}

/// The value below which this share of all lies.
///
/// # Errors
/// There is none.
pub fn percentile(values: &mut [f64], share: f64) -> Result<f64> {
    ensure!(!values.is_empty(), "nothing was measured");
    values.sort_by(f64::total_cmp);
    let index = ((values.len() - 1) as f64 * share).round() as usize;
    Ok(values[index])
}
