//! How calls follow and share what a link carries.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use parley_client::peer::{Bottleneck, NetworkProfile};
use tokio::task::JoinHandle;

use super::{Clips, Figures, RTT, start_one_way, unmarked};
use crate::bench::end::Kind;
use crate::bench::media_call::MediaCall;
use crate::bench::seen::percentile;
use crate::link::Road;

const WIDE_KBPS: u64 = 2_500;
const NARROW_KBPS: u64 = 600;
const SHARED_KBPS: u64 = 2_000;

/// Of the link: more than a call should ever fill.
const QUEUE: Duration = Duration::from_millis(300);
/// Until the link is full.
const GROW: Duration = Duration::from_secs(6);
/// Length of a step, and what counts as never when it does not happen within it.
const STEP: Duration = Duration::from_secs(6);
const BEFORE: Duration = Duration::from_secs(3);
/// Over which a rate is measured.
const WINDOW: Duration = Duration::from_millis(250);

fn link(kbps: u64) -> NetworkProfile {
    let bottleneck = Bottleneck { bits_per_second: kbps * 1_000, queue: QUEUE };
    NetworkProfile { bottleneck: Some(bottleneck), ..NetworkProfile::default().with_rtt(RTT) }
}

pub(super) async fn step(kind: Kind, seed: u64, clips: &Clips) -> Result<Figures> {
    let road = Road::new(seed, link(WIDE_KBPS));
    let mut call = start_one_way(kind, &road, &unmarked(&clips.noisy, clips)).await?;
    call.go_on(GROW).await?;
    let watch = Watch::start(&road);
    call.go_on(BEFORE).await?;
    let down = Instant::now();
    road.set_profile(link(NARROW_KBPS));
    call.go_on(STEP).await?;
    let up = Instant::now();
    road.set_profile(link(WIDE_KBPS));
    call.go_on(STEP).await?;
    let trace = watch.stop();
    let before_kbps = trace.kbps(down - BEFORE, down);
    eprintln!("{kind:?} before the step: {before_kbps:.0} kbit/s");
    let queued: Vec<f64> = trace.between(down, up).map(|sample| sample.queued.as_secs_f64() * 1e3).collect();
    let fits =
        |at| trace.kbps(at, at + WINDOW).max(trace.kbps(at + WINDOW, at + 2 * WINDOW)) <= NARROW_KBPS as f64 * 1.1;
    let grown = |at: Instant| trace.kbps(at - 2 * WINDOW, at) >= before_kbps * 0.9;
    let figures = [
        ("step_down_s", Some(first_after(down, fits))),
        ("step_queue_p95_ms", percentile(&queued, 0.95)),
        ("step_up_s", Some(first_after(up, grown))),
    ];
    Ok(figures.into_iter().filter_map(|(row, value)| Some((row, value?))).collect())
}

/// Seconds from `from` to the first moment of which `is_so` holds; the length of the step when there is none.
fn first_after(from: Instant, is_so: impl Fn(Instant) -> bool) -> f64 {
    let looks = (0..).map(|n| Watch::EVERY * n).take_while(|since| *since < STEP - 2 * WINDOW);
    looks.map(|since| from + since).find(|at| is_so(*at)).map_or(STEP, |at| at - from).as_secs_f64()
}

/// Two calls that begin together.
pub(super) async fn share(kind: Kind, seed: u64, clips: &Clips) -> Result<Figures> {
    let roads = Road::new(seed, link(SHARED_KBPS));
    let roads = [roads.beside(), roads];
    let setup = unmarked(&clips.noisy, clips);
    let (mut a, mut b) =
        tokio::try_join!(start_one_way(kind, &roads[0], &setup), start_one_way(kind, &roads[1], &setup))?;
    both_go_on(&mut a, &mut b, GROW).await?;
    let passed = || roads.each_ref().map(|road| road.sent_bytes()[1]);
    let before = passed();
    both_go_on(&mut a, &mut b, STEP).await?;
    let after = passed();
    let [a, b] = [0, 1].map(|call| (after[call] - before[call]) as f64);
    let kbps = (a + b) * 8e-3 / STEP.as_secs_f64();
    eprintln!("{kind:?} shared: {kbps:.0} kbit/s together");
    Ok(vec![("fair_share_pct", a.min(b) * 100.0 / (a + b))])
}

async fn both_go_on(a: &mut MediaCall, b: &mut MediaCall, time: Duration) -> Result<()> {
    tokio::try_join!(a.go_on(time), b.go_on(time)).map(|_| ())
}

/// Looks at a road all the time.
struct Watch {
    samples: Arc<Mutex<Vec<Sample>>>,
    task: JoinHandle<()>,
}

#[derive(Clone, Copy)]
struct Sample {
    at: Instant,
    offered_bytes: u64,
    queued: Duration,
}

impl Watch {
    const EVERY: Duration = Duration::from_millis(20);

    fn start(road: &Road) -> Self {
        let samples: Arc<Mutex<Vec<Sample>>> = Arc::default();
        let (road, into) = (road.clone(), Arc::clone(&samples));
        let task = tokio::spawn(async move {
            let mut every = tokio::time::interval(Self::EVERY);
            loop {
                every.tick().await;
                let at = Instant::now();
                let [offered_bytes, _] = road.sent_bytes();
                let sample = Sample { at, offered_bytes, queued: road.network().queued(at) };
                into.lock().unwrap_or_else(PoisonError::into_inner).push(sample);
            }
        });
        Self { samples, task }
    }

    fn stop(self) -> Trace {
        self.task.abort();
        Trace(std::mem::take(&mut *self.samples.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

struct Trace(Vec<Sample>);

impl Trace {
    fn between(&self, from: Instant, to: Instant) -> impl Iterator<Item = &Sample> {
        self.0.iter().filter(move |sample| (from..to).contains(&sample.at))
    }

    /// What was sent, lost or not, in kbit/s.
    fn kbps(&self, from: Instant, to: Instant) -> f64 {
        let mut samples = self.between(from, to);
        let Some(first) = samples.next() else { return 0.0 };
        let last = samples.last().unwrap_or(first);
        let seconds = (last.at - first.at).as_secs_f64().max(1e-3);
        (last.offered_bytes - first.offered_bytes) as f64 * 8e-3 / seconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_moments_are_read_from_a_trace() {
        let start = Instant::now();
        let at = |n: u64| start + Watch::EVERY * n as u32;
        // 1000 kbit/s for two seconds, then 500.
        let bytes = |n: u64| 2_500 * n.min(100) + 1_250 * n.saturating_sub(100);
        let trace =
            Trace((0..300).map(|n| Sample { at: at(n), offered_bytes: bytes(n), queued: Duration::ZERO }).collect());
        assert!((trace.kbps(start, at(90)) - 1_000.0).abs() < 1.0);
        assert!((trace.kbps(at(150), at(200)) - 500.0).abs() < 1.0);
        let fits = first_after(start, |at| trace.kbps(at, at + WINDOW) <= 550.0);
        assert!((1.9..2.1).contains(&fits), "{fits}");
        assert_eq!(first_after(start, |at| trace.kbps(at, at + WINDOW) > 2_000.0), STEP.as_secs_f64());
    }
}
