//! Controllers, pacers and encoders against a virtual path, on a virtual clock.
//!
//! Half a millisecond a step. A path is a drop-tail queue before a link whose capacity may change, then delay, jitter and
//! loss; several flows may share it. Each flow has an encoder that follows its target at every picture.

use super::*;
use std::collections::VecDeque;

mod flow;
mod path;
mod scenarios;

use flow::Flow;
use path::{Path, PathProfile};

const STEP: Duration = Duration::from_micros(500);

/// What one flow has seen, sampled every 50 ms.
#[derive(Debug, Clone, Copy)]
struct Sample {
    at: Duration,
    estimate_bps: f64,
    /// What arrived within the last second.
    arrived_bps: f64,
}

struct Simulation {
    start: Instant,
    now: Duration,
    path: Path,
    flows: Vec<Flow>,
    samples: Vec<Vec<Sample>>,
    /// How long a packet would have waited before the link, at every step.
    waits: Vec<(Duration, Duration)>,
}

impl Simulation {
    fn new(seed: u64, profile: PathProfile, flows: Vec<Flow>) -> Self {
        let samples = flows.iter().map(|_| Vec::new()).collect();
        Self {
            start: Instant::now(),
            now: Duration::ZERO,
            path: Path::new(seed, profile),
            flows,
            samples,
            waits: Vec::new(),
        }
    }

    fn one(seed: u64, profile: PathProfile) -> Self {
        Self::new(seed, profile, vec![Flow::new(seed, Duration::ZERO)])
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now += STEP;
            for flow in &mut self.flows {
                flow.step(self.start, self.now, &mut self.path);
            }
            self.waits.push((self.now, self.path.wait(self.now)));
            if self.now.as_micros().is_multiple_of(50_000) {
                for (flow, samples) in self.flows.iter().zip(&mut self.samples) {
                    samples.push(Sample {
                        at: self.now,
                        estimate_bps: flow.controller.rate.estimate_bps(),
                        arrived_bps: flow.arrived_bps(self.now),
                    });
                }
            }
        }
    }

    fn set_profile(&mut self, profile: PathProfile) {
        self.path.profile = profile;
    }

    fn estimate(&self) -> f64 {
        self.flows[0].controller.rate.estimate_bps()
    }

    /// The mean of what arrived from a flow between two times.
    fn mean_arrived(&self, flow: usize, from: Duration, to: Duration) -> f64 {
        let samples = self.samples[flow].iter().filter(|sample| sample.at >= from && sample.at < to);
        let arrived: Vec<f64> = samples.map(|sample| sample.arrived_bps).collect();
        arrived.iter().sum::<f64>() / arrived.len() as f64
    }

    /// How long after `from` the estimate was first as wanted.
    fn time_until(&self, from: Duration, wanted: impl Fn(f64) -> bool) -> Option<Duration> {
        self.samples[0]
            .iter()
            .find(|sample| sample.at > from && wanted(sample.estimate_bps))
            .map(|sample| sample.at - from)
    }

    /// The wait before the link that was exceeded a twentieth of the time between two times.
    fn wait_p95(&self, from: Duration, to: Duration) -> Duration {
        let waits = self.waits.iter().filter(|(at, _)| *at >= from && *at < to);
        let mut waits: Vec<Duration> = waits.map(|(_, wait)| *wait).collect();
        waits.sort();
        waits[waits.len() * 95 / 100]
    }
}
