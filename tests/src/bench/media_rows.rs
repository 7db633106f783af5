//! The rows of `bench_media`: names, units, goals, and how the samples of all runs become one figure.

use std::collections::BTreeMap;

use super::end::Kind;
use super::media_groups::{Figures, Group};
use super::rows::{Better, Row, median};
use super::seen::percentile;

/// A row before it has figures.
#[derive(Clone, Copy, Debug)]
pub struct RowPlan {
    pub name: &'static str,
    pub group: Group,
    unit: &'static str,
    better: Better,
    goal: Option<f64>,
    summary: Summary,
    why: Option<&'static str>,
}

/// How many samples become one figure.
#[derive(Clone, Copy, Debug)]
enum Summary {
    Median,
    P95,
}

impl RowPlan {
    const fn at_most(name: &'static str, group: Group, unit: &'static str, goal: f64) -> Self {
        Self { name, group, unit, better: Better::Lower, goal: Some(goal), summary: Summary::Median, why: None }
    }

    const fn at_least(name: &'static str, group: Group, unit: &'static str, goal: f64) -> Self {
        Self { better: Better::Higher, ..Self::at_most(name, group, unit, goal) }
    }

    const fn because(self, why: &'static str) -> Self {
        Self { why: Some(why), ..self }
    }
}

pub const ROWS: &[RowPlan] = &[
    RowPlan::at_most("audio_latency_p50_ms", Group::Latency, "ms", 35.0)
        .because("from the sound at the microphone to the same sound at the loudspeaker, 10 ms of chunk included"),
    RowPlan::at_most("audio_latency_p95_ms", Group::Latency, "ms", 68.0),
    RowPlan::at_most("video_latency_p50_ms", Group::Latency, "ms", 45.0),
    RowPlan::at_most("video_latency_p95_ms", Group::Latency, "ms", 78.0),
    RowPlan::at_most("video_latency_rtt50_p50_ms", Group::Rtt50, "ms", 75.0),
    RowPlan::at_most("video_latency_rtt50_p95_ms", Group::Rtt50, "ms", 108.0),
    RowPlan::at_most("setup_rtt50_audio_ms", Group::Setup, "ms", 250.0)
        .because("from the accept until both hear the other; signals take the way of the datagrams"),
    RowPlan::at_most("setup_rtt50_video_ms", Group::Setup, "ms", 350.0),
    RowPlan { summary: Summary::P95, ..RowPlan::at_most("setup_loss20_p95_ms", Group::SetupLoss, "ms", 1_500.0) }
        .because("until both see and hear the other"),
    RowPlan::at_most("concealed_loss5_pct", Group::Loss, "%", 1.0),
    RowPlan::at_most("concealed_loss10_pct", Group::Loss, "%", 2.0),
    RowPlan::at_most("concealed_loss20_pct", Group::Loss, "%", 4.0),
    RowPlan::at_least("fps_loss5", Group::Loss, "fps", 28.0),
    RowPlan::at_least("fps_loss10", Group::Loss, "fps", 25.0),
    RowPlan::at_least("fps_loss20", Group::Loss, "fps", 18.0),
    RowPlan::at_most("freeze_ms_loss5", Group::Loss, "ms", 500.0),
    RowPlan::at_most("step_down_s", Group::Step, "s", 1.0)
        .because("until what is sent fits the link for half a second; 6 means never"),
    RowPlan::at_most("step_queue_p95_ms", Group::Step, "ms", 150.0),
    RowPlan::at_most("step_up_s", Group::Step, "s", 3.0)
        .because("until nine tenths of what was sent before the step are sent again; 6 means never"),
    RowPlan::at_least("fair_share_pct", Group::Share, "%", 40.0),
    RowPlan::at_most("cpu_cores_both_ends", Group::Cpu, "cores", 0.35).because(
        "one-way 720p30 with its source, sound both ways; ours is H.264, libwebrtc's VP8 with JavaScript around it",
    ),
    RowPlan::at_least("echo_return_loss_db", Group::Echo, "dB", 35.0).because(
        "a synthetic room, the worst of clocks 0 to 300 millionths apart; wrtc's raw sources go around its own chain",
    ),
    RowPlan::at_most("near_speech_loss_db", Group::Echo, "dB", 3.0),
    RowPlan::at_most("av_skew_ms", Group::Skew, "ms", 45.0)
        .because("p95 of the difference, microphones 300 millionths fast and slow"),
    RowPlan::at_most("av_skew_concealed_pct", Group::Skew, "%", 0.1),
];

/// What all runs gave, and why a run gave nothing.
#[derive(Debug, Default)]
pub struct Samples {
    values: BTreeMap<(&'static str, bool), Vec<f64>>,
    failures: BTreeMap<&'static str, String>,
}

impl Samples {
    pub fn add(&mut self, kind: Kind, figures: Figures) {
        for (name, value) in figures {
            self.values.entry((name, kind == Kind::Parley)).or_default().push(value);
        }
    }

    pub fn add_failure(&mut self, kind: Kind, group: Group, error: &anyhow::Error) {
        self.failures.insert(group.name(), format!("{kind:?}: {error:#}"));
    }

    /// The rows of these plans; those without a figure say why.
    pub fn rows(&self, plans: &[RowPlan], peer_name: &str) -> Vec<Row> {
        plans.iter().map(|plan| self.row(plan).beside(peer_name)).collect()
    }

    fn row(&self, plan: &RowPlan) -> Row {
        let of = |ours| self.values.get(&(plan.name, ours)).map_or(&[][..], Vec::as_slice);
        let summed = |ours| match plan.summary {
            Summary::Median => median(of(ours)),
            Summary::P95 => percentile(of(ours), 0.95),
        };
        let row =
            Row::new(plan.name, plan.unit, plan.better, plan.goal, summed(true).as_slice(), summed(false).as_slice());
        match (self.failures.get(plan.group.name()), plan.why) {
            (Some(failure), _) => row.because(&format!("a run failed: {failure}")),
            (None, Some(why)) if row.parley.is_some() => row.because(why),
            (None, Some(_) | None) => row,
        }
    }
}
