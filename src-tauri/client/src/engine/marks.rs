//! Latencies read from the marks of test pictures and test sounds.

use std::collections::VecDeque;
use std::time::Duration;

/// The newest measurements of one kind; older ones are forgotten.
#[derive(Debug, Clone, Default)]
pub(crate) struct MarkWindow {
    millis: VecDeque<f64>,
}

impl MarkWindow {
    const LEN: usize = 600;

    pub(crate) fn push(&mut self, latency: Duration) {
        if self.millis.len() >= Self::LEN {
            self.millis.pop_front();
        }
        self.millis.push_back(latency.as_secs_f64() * 1e3);
    }

    /// The median of the newest `len` measurements, `None` before the first.
    pub(crate) fn recent_median_ms(&self, len: usize) -> Option<f64> {
        let mut sorted: Vec<f64> = self.millis.iter().rev().take(len).copied().collect();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied()
    }

    /// `None` before the first measurement.
    pub(crate) fn summary(&self) -> Option<LatencyMs> {
        let mut sorted: Vec<f64> = self.millis.iter().copied().collect();
        sorted.sort_by(f64::total_cmp);
        let at = |share: f64| sorted.get(((sorted.len().saturating_sub(1)) as f64 * share).round() as usize).copied();
        Some(LatencyMs { p50: at(0.5)?, p95: at(0.95)?, count: sorted.len() })
    }
}

/// Latency in milliseconds over the last measurements.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct LatencyMs {
    pub p50: f64,
    pub p95: f64,
    pub count: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_newest_measurements() {
        let mut window = MarkWindow::default();
        assert_eq!(window.summary(), None);
        for _ in 0..MarkWindow::LEN {
            window.push(Duration::from_secs(9));
        }
        for ms in 0..MarkWindow::LEN as u64 {
            window.push(Duration::from_millis(ms));
        }
        let summary = window.summary().unwrap();
        assert_eq!(window.recent_median_ms(11), Some(594.0));
        assert!((summary.p50 - 300.0).abs() < 2.0 && (summary.p95 - 570.0).abs() < 2.0, "{summary:?}");
    }
}
