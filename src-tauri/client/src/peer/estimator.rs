//! Hands the receiver's reports from the stack to the controller.

use super::budget::{Congestion, wire_bytes};
use super::congestion::PacketResult;
use rtc::interceptor::{BandwidthEstimator, EstimatorStats, PacketReport};
use std::time::Instant;

/// The `Gcc` of rtc-interceptor 0.21.1 lacks its detector's gain and so never sees a queue; this takes its place.
#[derive(Debug)]
pub(crate) struct Estimator {
    congestion: Congestion,
}

impl Estimator {
    pub(crate) fn new(congestion: Congestion) -> Self {
        Self { congestion }
    }
}

impl BandwidthEstimator for Estimator {
    fn on_reports(&mut self, now: Instant, reports: &[PacketReport]) {
        // A stream without transport-wide numbers is never reported on; that is no loss.
        let results: Vec<PacketResult> = reports.iter().filter(|report| report.is_twcc).map(result).collect();
        self.congestion.controller().on_reports(&results, now);
    }

    /// The stack only shows this number; our pacer asks the controller.
    fn target_bitrate(&self) -> f64 {
        self.congestion.controller().target_bps()
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.congestion.controller().handle_timeout(now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.congestion.controller().poll_timeout()
    }

    fn stats(&self) -> EstimatorStats {
        let mut stats = EstimatorStats::default();
        stats.delay_based_bitrate = Some(self.target_bitrate());
        stats
    }
}

fn result(report: &PacketReport) -> PacketResult {
    PacketResult {
        sent_at: report.departure,
        bytes: wire_bytes(report.size),
        arrived_at: report.arrival.filter(|_| report.arrived),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::BandwidthLimits;
    use rtc::rtcp::transport_feedbacks::cc_feedback_report::Ecn;
    use std::time::Duration;

    fn report(n: u32, is_twcc: bool, arrived: bool, start: Instant) -> PacketReport {
        let at = Duration::from_millis(u64::from(n) * 5);
        PacketReport {
            ssrc: 1,
            id: n.into(),
            rtp_sequence_number: 0,
            is_twcc,
            twcc_sequence_number: 0,
            size: 1200,
            arrived,
            departure: start + at,
            arrival: arrived.then_some(at),
            ecn: Ecn::NotEct,
        }
    }

    fn target_after(reports: impl Fn(u32, Instant) -> PacketReport) -> f64 {
        let mut estimator = Estimator::new(Congestion::new(BandwidthLimits::default()));
        let start = Instant::now();
        for batch in 0..100 {
            let reports: Vec<_> = (0..10).map(|n| reports(batch * 10 + n, start)).collect();
            estimator.on_reports(start + Duration::from_millis(u64::from(batch) * 50 + 90), &reports);
        }
        estimator.target_bitrate()
    }

    #[test]
    fn unnumbered_streams_do_not_count_as_lost() {
        let start_bps = f64::from(BandwidthLimits::default().start_bps);
        let mixed = target_after(|n, start| report(n, n % 2 == 0, n % 2 == 0, start));
        assert!(mixed > start_bps, "{mixed}");
        let lost = target_after(|n, start| report(n, true, n % 2 == 0, start));
        assert!(lost < start_bps, "{lost}");
    }
}
