//! How sound is protected on its way to one peer: by copies of earlier packets, by Opus's own spare copies, or, on a kind
//! way, by nothing, with shorter packets instead.

use crate::engine::local::AudioPath;

/// Weight of a new report of loss. Reports come once a second and are of some fifty packets, so single ones say little.
const RISE: f64 = 0.4;
const FALL: f64 = 0.25;

/// Loss above which one and two copies are sent.
const COPIES_ABOVE: [f64; 2] = [0.01, 0.08];

/// Copies end when the loss is below this share of the threshold.
const HYSTERESIS: f64 = 0.5;

/// A copy costs as much as the sound itself. Below these rates, in bits per second, there is no room for the first and the
/// second.
const COPIES_FROM_BPS: [u32; 2] = [200_000, 300_000];

/// Short packets begin and end at these rates.
const SHORT_FROM_BPS: u32 = 400_000;
const SHORT_UNTIL_BPS: u32 = 250_000;

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Plan {
    /// Copies of earlier packets in each.
    pub copies: usize,
    pub path: AudioPath,
}

/// Follows the reports of one peer.
#[derive(Debug)]
pub(super) struct Protection {
    /// Loss, 0 to 1, smoothed: quick up, slow down.
    loss: f64,
    plan: Plan,
}

impl Protection {
    /// Expects some loss: a call that begins on a bad network begins protected.
    pub(super) fn new() -> Self {
        Self { loss: 0.02, plan: Plan { copies: 1, path: AudioPath::UNKNOWN } }
    }

    pub(super) fn plan(&self) -> Plan {
        self.plan
    }

    /// Takes in what share of our sound got lost lately and what the path carries. To be called about once a second.
    pub(super) fn on_report(&mut self, loss: f64, target_bps: u32) -> Plan {
        let weight = if loss > self.loss { RISE } else { FALL };
        self.loss += (loss.clamp(0.0, 1.0) - self.loss) * weight;
        let copies = self.copies(target_bps);
        let short_from_bps = if self.plan.path.short_packets { SHORT_UNTIL_BPS } else { SHORT_FROM_BPS };
        let path = AudioPath {
            expected_loss_pct: (self.loss * 100.0).ceil() as u8,
            short_packets: copies == 0 && target_bps >= short_from_bps,
        };
        self.plan = Plan { copies, path };
        self.plan
    }

    fn copies(&self, target_bps: u32) -> usize {
        let is_wanted = |copy: usize| {
            let has_it = self.plan.copies > copy;
            let threshold = COPIES_ABOVE[copy] * if has_it { HYSTERESIS } else { 1.0 };
            self.loss > threshold && target_bps >= COPIES_FROM_BPS[copy]
        };
        (0..COPIES_ABOVE.len()).take_while(|copy| is_wanted(*copy)).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDE: u32 = 1_500_000;

    fn after(reports: &[f64], target_bps: u32) -> Plan {
        let mut protection = Protection::new();
        let plans = reports.iter().map(|loss| protection.on_report(*loss, target_bps));
        plans.last().unwrap()
    }

    fn repeat(protection: &mut Protection, times: usize, loss: f64) {
        for _ in 0..times {
            protection.on_report(loss, WIDE);
        }
    }

    #[test]
    fn a_call_begins_protected_and_a_kind_path_ends_that_within_six_seconds() {
        assert_eq!(Protection::new().plan().copies, 1);
        let plan = after(&[0.0; 6], WIDE);
        assert!(plan.copies == 0 && plan.path.short_packets, "{plan:?}");
    }

    #[test]
    fn heavy_loss_brings_the_second_copy_within_three_seconds() {
        let plan = after(&[0.2; 3], WIDE);
        assert_eq!((plan.copies, plan.path.short_packets), (2, false));
        assert!((8..=20).contains(&plan.path.expected_loss_pct), "{plan:?}");
        assert_eq!(after(&[0.05; 60], WIDE).copies, 1);
    }

    #[test]
    fn a_single_report_changes_nothing_and_the_end_is_slower_than_the_begin() {
        let mut protection = Protection::new();
        repeat(&mut protection, 30, 0.0);
        assert_eq!(protection.on_report(0.02, WIDE).copies, 0);
        repeat(&mut protection, 5, 0.05);
        assert_eq!(protection.plan().copies, 1);
        repeat(&mut protection, 5, 0.0);
        assert_eq!(protection.plan().copies, 1);
    }

    #[test]
    fn a_narrow_path_has_no_room_for_copies_or_short_packets() {
        assert_eq!(after(&[0.2; 10], 250_000).copies, 1);
        assert_eq!(after(&[0.2; 10], 150_000).copies, 0);
        assert!(!after(&[0.0; 30], 300_000).path.short_packets);
    }
}
