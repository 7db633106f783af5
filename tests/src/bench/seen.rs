//! What reports of pictures and clicks say, by the same rules for both kinds of ends.

use super::end::Seen;
use super::media_call::Stretch;
use super::rows::median;

/// Intervals that the mean length of a picture is taken from.
const FREEZE_WINDOW: usize = 30;

impl Stretch {
    /// Latencies of the pictures at this end, those that could be read.
    pub fn picture_latencies(&self, end: usize) -> Vec<f64> {
        latencies(&self.reports[end].pictures)
    }

    pub fn click_latencies(&self, end: usize) -> Vec<f64> {
        latencies(&self.reports[end].clicks)
    }

    /// Pictures shown in a second.
    pub fn fps(&self, end: usize) -> f64 {
        self.reports[end].pictures.len() as f64 * 1e3 / (self.ended_ms - self.began_ms)
    }

    /// The longest freeze in ms, zero without any.
    pub fn longest_freeze_ms(&self, end: usize) -> f64 {
        let times: Vec<f64> = self.reports[end].pictures.iter().map(|seen| seen.at_ms).collect();
        longest_freeze_ms(&times, self.ended_ms)
    }

    /// For each click at this end how much later it came than the pictures around it, in ms.
    pub fn av_skews(&self, end: usize) -> Vec<f64> {
        let report = &self.reports[end];
        let skew = |click: &Seen| {
            let near: Vec<Seen> =
                report.pictures.iter().filter(|seen| (seen.at_ms - click.at_ms).abs() < 500.0).copied().collect();
            Some(click.latency_ms? - median(&latencies(&near))?)
        };
        report.clicks.iter().filter_map(skew).collect()
    }
}

fn latencies(seen: &[Seen]) -> Vec<f64> {
    seen.iter().filter_map(|seen| seen.latency_ms).collect()
}

/// The value below which this share of all lies.
pub fn percentile(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get((sorted.len().saturating_sub(1) as f64 * share).round() as usize).copied()
}

/// A gap between two pictures is a freeze from three times the mean interval, and from that mean and 150 ms on.
/// (W3C webrtc-stats, `freezeCount`)
fn longest_freeze_ms(times: &[f64], ended_ms: f64) -> f64 {
    let mut intervals: Vec<f64> = Vec::new();
    let mut longest: f64 = 0.0;
    let ends = times.iter().skip(1).copied().chain([ended_ms]);
    for (from, to) in times.iter().zip(ends) {
        let (gap, recent) = (to - from, &intervals[intervals.len().saturating_sub(FREEZE_WINDOW)..]);
        let mean = recent.iter().sum::<f64>() / recent.len().max(1) as f64;
        if !recent.is_empty() && gap >= (3.0 * mean).max(mean + 150.0) {
            longest = longest.max(gap);
        }
        intervals.push(gap);
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_freeze_is_a_gap_far_above_the_mean() {
        let mut times: Vec<f64> = (0..100).map(|n| f64::from(n) * 33.3).collect();
        let end = times[99] + 33.3;
        assert_eq!(longest_freeze_ms(&times, end), 0.0);
        times.drain(50..53);
        assert_eq!(longest_freeze_ms(&times, end), 0.0);
        times.drain(50..56);
        assert!((longest_freeze_ms(&times, end) - 333.0).abs() < 1.0);
        assert!((longest_freeze_ms(&times, end + 1_000.0) - 1_033.3).abs() < 1.0);
    }

    #[test]
    fn percentiles() {
        let values: Vec<f64> = (0..=100).rev().map(f64::from).collect();
        assert_eq!(
            (percentile(&values, 0.5), percentile(&values, 0.95), percentile(&[], 0.5)),
            (Some(50.0), Some(95.0), None)
        );
    }
}
