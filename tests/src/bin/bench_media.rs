//! Measures calls of ours and of libwebrtc under the same bad networks; see `cargo xtask bench media`.

#![allow(clippy::print_stdout, reason = "its last line is the report")]

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Parser;
use e2e::bench::end::Kind;
use e2e::bench::media_groups::{Clips, Figures, Group};
use e2e::bench::media_rows::{ROWS, RowPlan, Samples};
use e2e::bench::parley_end;
use serde_json::json;

#[derive(Parser)]
struct Args {
    #[arg(long, default_value_t = 3)]
    runs: u32,
    /// A row, or a group of rows: all that are measured with it. May be given several times.
    #[arg(long)]
    only: Vec<String>,
    /// Of all networks.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Half an hour for what takes five minutes else.
    #[arg(long)]
    long: bool,
    /// Is one end of a call, led through standard input.
    #[arg(long, hide = true)]
    end: bool,
}

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    if args.end {
        return parley_end::serve().await;
    }
    let plans = wanted(&args.only)?;
    let folder = tempfile::tempdir()?;
    let clips = Clips::write(folder.path())?;
    let mut bench = Bench { samples: Samples::default(), clips, span: span(args.long) };
    for run in 0..args.runs {
        // A seed for each direction of each run.
        let seed = args.seed + u64::from(run) * 2;
        for group in Group::ALL.into_iter().filter(|group| plans.iter().any(|plan| plan.group == *group)) {
            if !group.is_measured_once() {
                bench.one_after_the_other(group, seed).await;
            } else if run == 0 {
                bench.side_by_side(group, seed).await;
            }
        }
    }
    let samples = bench.samples;
    println!("{}", json!({ "seed": args.seed, "rows": samples.rows(&plans, "libwebrtc (wrtc 0.10.0)") }));
    Ok(())
}

struct Bench {
    samples: Samples,
    clips: Clips,
    span: Duration,
}

impl Bench {
    async fn one_after_the_other(&mut self, group: Group, seed: u64) {
        for kind in Kind::ALL {
            let result = self.measure(group, kind, seed).await;
            self.take_in(group, kind, result);
        }
    }

    /// For groups that take little of the processor.
    async fn side_by_side(&mut self, group: Group, seed: u64) {
        let both = Kind::ALL.map(|kind| self.measure(group, kind, seed));
        let results = futures_util::future::join_all(both).await;
        for (kind, result) in Kind::ALL.into_iter().zip(results) {
            self.take_in(group, kind, result);
        }
    }

    async fn measure(&self, group: Group, kind: Kind, seed: u64) -> Result<Figures> {
        let begin = Instant::now();
        let figures = group.run(kind, seed, &self.clips, self.span).await?;
        eprintln!("seed {seed}, {}, {kind:?}, {:.0?}: {figures:.2?}", group.name(), begin.elapsed());
        Ok(figures)
    }

    fn take_in(&mut self, group: Group, kind: Kind, result: Result<Figures>) {
        match result {
            Ok(figures) => self.samples.add(kind, figures),
            Err(error) => {
                eprintln!("{}, {kind:?}: {error:#}", group.name());
                self.samples.add_failure(kind, group, &error);
            }
        }
    }
}

/// Of groups that take long.
fn span(long: bool) -> Duration {
    Duration::from_secs(if long { 30 * 60 } else { 5 * 60 })
}

fn wanted(only: &[String]) -> Result<Vec<RowPlan>> {
    let is_known = |name: &String| ROWS.iter().any(|plan| plan.name == name || plan.group.name() == name);
    if let Some(name) = only.iter().find(|name| !is_known(name)) {
        bail!("there is no row and no group {name}");
    }
    let asked = |group: Group| {
        only.is_empty()
            || only
                .iter()
                .any(|name| group.name() == name || ROWS.iter().any(|plan| plan.name == name && plan.group == group))
    };
    Ok(ROWS.iter().filter(|plan| asked(plan.group)).copied().collect())
}
