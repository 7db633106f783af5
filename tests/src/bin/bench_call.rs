//! Measures one call between two people, ours beside Chromium's; see `cargo xtask bench call`.

#![allow(clippy::print_stdout, reason = "its last line is the report")]

use std::time::Duration;

use anyhow::Result;
use clap::Parser;
use e2e::bench::rows::{Better, Row};
use e2e::bench::{chromium_pair, clip::Clip, parley_pair, parley_pair::Figures};
use e2e::relay::RelayProcess;
use e2e::usage;
use serde_json::json;

#[derive(Parser)]
struct Args {
    #[arg(long, default_value_t = 3)]
    runs: u32,
    /// Length of each call.
    #[arg(long, default_value_t = 12)]
    seconds: u32,
}

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let folder = tempfile::tempdir()?;
    let clip = Clip::write(folder.path())?;
    let (mut ours, mut theirs, mut relay_mb) = (Vec::new(), Vec::new(), Vec::new());
    for run in 0..args.runs {
        let relay = RelayProcess::start_with(&["--allowed-origin", "http://127.0.0.1:*"])?;
        tokio::time::sleep(Duration::from_secs(1)).await;
        relay_mb.extend(relay.id().and_then(usage::rss_mb));
        ours.push(parley_pair::call(&relay.url, run, args.seconds).await?);
        eprintln!("run {run}, Parley: {:?}", ours.last());
        theirs.push(chromium_pair::call(&relay.url, run, args.seconds, &clip).await?);
        eprintln!("run {run}, Chromium: {:?}", theirs.last());
    }
    let rows = rows(&ours, &theirs, &relay_mb);
    println!("{}", json!({ "seed": null, "rows": rows }));
    Ok(())
}

fn rows(ours: &[Figures], theirs: &[Figures], relay_mb: &[f64]) -> Vec<Row> {
    let chromium = chromium_pair::name();
    let row = |name, unit, goal, pick: fn(&Figures) -> Option<f64>| {
        let all = |runs: &[Figures]| runs.iter().filter_map(pick).collect::<Vec<_>>();
        Row::new(name, unit, Better::Lower, goal, &all(ours), &all(theirs)).beside(&chromium)
    };
    vec![
        row("setup_ms", "ms", Some(300.0), |run| run.setup_ms),
        row("video_latency_p50_ms", "ms", Some(60.0), |run| run.video_latency_p50_ms),
        row("audio_latency_p50_ms", "ms", Some(60.0), |run| run.audio_latency_p50_ms),
        row("cpu_cores_both_ends", "cores", Some(0.5), |run| run.cpu_cores),
        row("client_rss_mb", "MB", None, |run| run.client_rss_mb)
            .because("ours is the resident memory of one client without a window; Chromium's the proportional one of a browser with one page"),
        Row::new("relay_idle_rss_mb", "MB", Better::Lower, Some(20.0), relay_mb, &[])
            .because("there is no relay of Chromium's to compare with"),
    ]
}
