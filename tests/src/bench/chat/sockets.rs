//! What sockets cost a server, and how fast it tells many what one said.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;

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
const MEASURED: Duration = Duration::from_secs(6);
/// Between two looks at whether everything has been heard.
const GLANCE: Duration = Duration::from_millis(100);
/// After which a message is lost. A server that answers nobody before it has stored what everybody said takes seconds.
const SILENCE: Duration = Duration::from_secs(60);
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

/// What is under way while everybody who speaks says the next thing as soon as they hear themselves.
#[derive(Debug, Default)]
struct Talk {
    said: AtomicU64,
    /// Of those, heard or acknowledged by who said them; the next is said first.
    back: AtomicU64,
    stop: AtomicBool,
}

impl Talk {
    async fn say(&self, client: &mut Client, number: u64) -> Result<()> {
        self.said.fetch_add(1, Ordering::SeqCst);
        client.say(number).await
    }

    /// Says the next thing, unless it is time to stop: then false.
    async fn came_back(&self, client: &mut Client, number: u64) -> Result<bool> {
        let goes_on = !self.stop.load(Ordering::SeqCst);
        if goes_on {
            self.say(client, number).await?;
        }
        self.back.fetch_add(1, Ordering::SeqCst);
        Ok(goes_on)
    }

    /// How many messages were said, once nobody will say another.
    fn total(&self) -> Option<u64> {
        let back = self.back.load(Ordering::SeqCst);
        let said = self.said.load(Ordering::SeqCst);
        (self.stop.load(Ordering::SeqCst) && said == back).then_some(said)
    }
}

async fn full_speed(server: &Server, clients: Vec<Client>) -> Result<(f64, f64, Vec<Client>)> {
    let (members, talk, id) = (clients.len(), Arc::new(Talk::default()), server.id()?);
    let (begin, cpu) = (Instant::now(), usage::tree_cpu_s(id));
    let talks = clients.into_iter().zip(0..).map(|(client, me)| tokio::spawn(converse(client, me, talk.clone())));
    let talks = talks.collect::<Vec<_>>();
    tokio::time::sleep(MEASURED).await;
    talk.stop.store(true, Ordering::SeqCst);
    let (mut end, mut clients) = (begin, Vec::with_capacity(members));
    for talk in try_join_all(talks).await? {
        let (client, last) = talk?;
        end = end.max(last);
        clients.push(client);
    }
    let (cpu, seconds) = (usage::tree_cpu_s(id) - cpu, (end - begin).as_secs_f64());
    let said = talk.said.load(Ordering::SeqCst) as f64;
    Ok((cpu * 1e6 / (said * members as f64), said / seconds, clients))
}

/// Hears everything that is said; gives when the last of it came.
async fn converse(mut client: Client, me: u64, talk: Arc<Talk>) -> Result<(Client, Instant)> {
    for _ in 0..if me < SPEAKERS { UNDER_WAY } else { 0 } {
        talk.say(&mut client, me).await?;
    }
    let (mut heard, mut last) = (0, Instant::now());
    while talk.total() != Some(heard) {
        let Ok(said) = tokio::time::timeout(GLANCE, client.hear()).await else {
            ensure!(last.elapsed() < SILENCE, "member {me} heard {heard} of {:?}", talk.said);
            continue;
        };
        let Heard::Said(number) = said? else { continue };
        (heard, last) = (heard + 1, Instant::now());
        if number == me {
            talk.came_back(&mut client, me).await?;
        }
    }
    Ok((client, last))
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

/// How many messages a second are on disk and acknowledged, each of `writers` writing one after the other.
///
/// # Errors
/// The server refuses or loses something.
pub async fn inserts_per_second(server: &Server, writers: usize) -> Result<f64> {
    let clients = connect(server, writers).await?;
    let (talk, begin) = (Arc::new(Talk::default()), Instant::now());
    let talks = clients.into_iter().zip(0..).map(|(client, me)| tokio::spawn(write(client, me, talk.clone())));
    let talks = talks.collect::<Vec<_>>();
    tokio::time::sleep(MEASURED).await;
    talk.stop.store(true, Ordering::SeqCst);
    let mut end = begin;
    for last in try_join_all(talks).await? {
        end = end.max(last?);
    }
    Ok(talk.said.load(Ordering::SeqCst) as f64 / (end - begin).as_secs_f64())
}

/// Writes until it is told to stop and the last has been kept; gives when that was.
async fn write(mut client: Client, me: u64, talk: Arc<Talk>) -> Result<Instant> {
    talk.say(&mut client, me).await?;
    loop {
        let kept = tokio::time::timeout(SILENCE, client.hear_kept(me)).await;
        kept.with_context(|| format!("a message of writer {me} was lost"))??;
        let last = Instant::now();
        if !talk.came_back(&mut client, me).await? {
            return Ok(last);
        }
    }
}

async fn connect(server: &Server, count: usize) -> Result<Vec<Client>> {
    let numbers: Vec<usize> = (0..count).collect();
    let mut clients = Vec::with_capacity(count);
    for chunk in numbers.chunks(OPENING) {
        clients.extend(try_join_all(chunk.iter().map(|number| server.enter(*number))).await?);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn total_is_known_once_nobody_will_say_more() {
        let talk = Talk { said: AtomicU64::new(2), back: AtomicU64::new(2), stop: AtomicBool::new(false) };
        assert_eq!(talk.total(), None);
        talk.stop.store(true, Ordering::SeqCst);
        assert_eq!(talk.total(), Some(2));
        talk.said.store(3, Ordering::SeqCst);
        assert_eq!(talk.total(), None);
    }
}
