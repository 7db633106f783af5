//! Measures chat, ours beside other servers; see `cargo xtask bench chat`.

#![allow(clippy::print_stdout, reason = "its last line is the report")]

use anyhow::Result;
use clap::Parser;
use e2e::bench::chat::history;
use e2e::bench::chat::kills;
use e2e::bench::chat::load::Dialect;
use e2e::bench::chat::server::Server;
use e2e::bench::chat::sockets::{self, Fanout, Idle};
use e2e::bench::chat::window::{self, Desktop};
use e2e::bench::rows::{Better, Row};
use serde_json::json;

#[derive(Parser)]
struct Args {
    #[arg(long, default_value_t = 3)]
    runs: u32,
    /// sockets, fanout, insert, history, window, kills
    #[arg(long)]
    only: Vec<String>,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Kills the relay five hundred times and not twenty, and fills it with ten million messages and not one.
    #[arg(long)]
    long: bool,
}

const IDLE_SOCKETS: usize = 5_000;
const MEMBERS: usize = 500;
const WRITERS: usize = 1_000;
/// Those that store nothing, and one that does.
const PEERS: [Dialect; 3] = [Dialect::Ws, Dialect::SocketIo, Dialect::Prosody];
const IDLE_PEERS: [Dialect; 2] = [Dialect::Ws, Dialect::SocketIo];

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let wanted = |group: &str| args.only.is_empty() || args.only.iter().any(|only| only == group);
    let mut rows = Vec::new();
    if wanted("sockets") {
        rows.extend(idle_rows(args.runs).await?);
    }
    if wanted("fanout") {
        rows.extend(fanout_rows(args.runs).await?);
    }
    if wanted("insert") {
        rows.push(insert_row(args.runs).await?);
    }
    if wanted("history") {
        rows.extend(history_rows(args.long, args.seed).await?);
    }
    if wanted("window") {
        rows.extend(window_rows(args.runs).await?);
    }
    if wanted("kills") {
        rows.extend(kill_rows(if args.long { 500 } else { 20 }, args.seed).await?);
    }
    println!("{}", json!({ "seed": args.seed, "rows": rows }));
    Ok(())
}

async fn idle_rows(runs: u32) -> Result<Vec<Row>> {
    let mut all: Vec<Vec<Idle>> = vec![Vec::new(); 1 + IDLE_PEERS.len()];
    for run in 0..runs {
        let relay = Server::relay(IDLE_SOCKETS / 2, 2).await?;
        all[0].push(sockets::idle(&relay, IDLE_SOCKETS).await?);
        drop(relay);
        for (kind, dialect) in IDLE_PEERS.into_iter().enumerate() {
            all[kind + 1].push(sockets::idle(&Server::peer(dialect, IDLE_SOCKETS)?, IDLE_SOCKETS).await?);
        }
        eprintln!("run {run}, idle: {:?}", all.iter().map(|kind| kind.last()).collect::<Vec<_>>());
    }
    let pick = |kind: usize, figure: fn(&Idle) -> f64| all[kind].iter().map(figure).collect::<Vec<_>>();
    Ok(IDLE_PEERS
        .into_iter()
        .enumerate()
        .flat_map(|(kind, dialect)| {
            let row = |name, unit, goal, figure| {
                Row::new(name, unit, Better::Lower, Some(goal), &pick(0, figure), &pick(kind + 1, figure))
                    .beside(dialect.name())
            };
            [
                row("socket_idle_kb", "KB", 10.0, |idle| idle.kb),
                row("socket_accept_us", "us", 150.0, |idle| idle.accept_us),
            ]
        })
        .collect())
}

async fn fanout_rows(runs: u32) -> Result<Vec<Row>> {
    let mut all: Vec<Vec<Fanout>> = vec![Vec::new(); 1 + PEERS.len()];
    for run in 0..runs {
        let relay = Server::relay(1, MEMBERS).await?;
        all[0].push(sockets::fanout(&relay, MEMBERS).await?);
        drop(relay);
        for (kind, dialect) in PEERS.into_iter().enumerate() {
            all[kind + 1].push(sockets::fanout(&Server::peer(dialect, MEMBERS)?, MEMBERS).await?);
        }
        eprintln!("run {run}, fan-out: {:?}", all.iter().map(|kind| kind.last()).collect::<Vec<_>>());
    }
    let pick = |kind: usize, figure: fn(&Fanout) -> f64| all[kind].iter().map(figure).collect::<Vec<_>>();
    Ok(PEERS
        .into_iter()
        .enumerate()
        .flat_map(|(kind, dialect)| {
            let row = |name, unit, better, goal, figure| {
                Row::new(name, unit, better, goal, &pick(0, figure), &pick(kind + 1, figure)).beside(dialect.name())
            };
            [
                row("fanout_us", "us", Better::Lower, Some(5.0), |fanout| fanout.delivery_us),
                row("fanout_p99_ms", "ms", Better::Lower, Some(20.0), |fanout| fanout.p99_ms).because(
                    if dialect == Dialect::Prosody {
                        "each server at half of its own full rate; both write every message to disk first"
                    } else {
                        "each server at half of its own full rate; ours also writes every message to disk first"
                    },
                ),
                row("fanout_per_s", "1/s", Better::Higher, None, |fanout| fanout.full_rate * MEMBERS as f64),
            ]
        })
        .collect())
}

async fn kill_rows(rounds: u32, seed: u64) -> Result<Vec<Row>> {
    let kills = kills::kills(rounds, seed).await?;
    eprintln!("{rounds} kills: {kills:?}");
    let row = |name, unit, goal, value| Row::new(name, unit, Better::Lower, goal, &[value], &[]);
    let why = format!("{rounds} times killed while twelve people wrote; {} messages acknowledged", kills.acknowledged);
    Ok(vec![
        row("kills_lost", "", Some(0.0), kills.lost as f64).because(&why),
        row("kills_doubled", "", Some(0.0), kills.doubled as f64),
        row("kills_disordered", "", Some(0.0), kills.disordered as f64),
        row("kills_restart_ms", "ms", None, kills.restart_ms),
    ])
}

async fn history_rows(long: bool, seed: u64) -> Result<Vec<Row>> {
    const MILLION: u64 = 1_000_000;
    let row = |name, goal, value| Row::new(name, "ms", Better::Lower, goal, &[value], &[]);
    let device = tokio::task::spawn_blocking(move || history::device(MILLION, seed)).await??;
    eprintln!("a million messages on a device: {device:?}");
    let mut rows = vec![
        row("local_search_1m_p99_ms", Some(20.0), device.search_p99_ms).because(
            "words as they are typed, from two letters on, in an encrypted history; a third of them in one room",
        ),
        row("local_open_1m_ms", None, device.open_ms),
    ];
    let one = history::relay(MILLION, seed).await?;
    eprintln!("a million messages on a relay: {one:?}");
    rows.push(row("page_1m_p99_ms", Some(2.0), one.page_p99_ms).because("fifty messages before any place of a room"));
    rows.push(row("search_1m_p99_ms", Some(10.0), one.search_p99_ms).because("words as they are typed, in one room"));
    if long {
        let ten = history::relay(10 * MILLION, seed).await?;
        eprintln!("ten million messages on a relay: {ten:?}");
        rows.push(row("page_10m_p99_ms", Some(2.0), ten.page_p99_ms));
        rows.push(row("search_10m_p99_ms", Some(10.0), ten.search_p99_ms));
    }
    Ok(rows)
}

async fn window_rows(runs: u32) -> Result<Vec<Row>> {
    let mut scrolls = Vec::new();
    for run in 0..runs {
        scrolls.push(tokio::task::spawn_blocking(window::scroll_script_max_ms).await??);
        eprintln!("run {run}, scrolling: {:?}", scrolls.last());
    }
    let desktop = Desktop::start().await?;
    let mut starts = Vec::new();
    for run in 0..runs {
        starts.push(desktop.cold_start_ms()?);
        eprintln!("run {run}, start: {:?}", starts.last());
    }
    Ok(vec![
        Row::new("scroll_script_max_ms", "ms", Better::Lower, Some(32.0), &scrolls, &[])
            .because("100,000 messages read, flicked and dragged through, in Chromium"),
        Row::new("cold_start_ms", "ms", Better::Lower, Some(900.0), &starts, &[])
            .because("from the start of the process until messages of the room of before are drawn, no relay"),
    ])
}

async fn insert_row(runs: u32) -> Result<Row> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for run in 0..runs {
        let relay = Server::relay(WRITERS / 2, 2).await?;
        ours.push(sockets::inserts_per_second(&relay, WRITERS).await?);
        drop(relay);
        theirs.push(sockets::inserts_per_second(&Server::peer(Dialect::Prosody, 2)?, WRITERS).await?);
        eprintln!("run {run}, inserts: {:?}, {:?}", ours.last(), theirs.last());
    }
    Ok(Row::new("insert_per_s", "1/s", Better::Higher, Some(5_000.0), &ours, &theirs)
        .beside(Dialect::Prosody.name())
        .because(
            "1,000 clients in rooms of two; each message on disk before its sender hears of it, in SQLite with \
             synchronous=FULL and a write-ahead log on both sides: ours also in the search index and many to a commit, \
             Prosody one to a commit",
        ))
}
