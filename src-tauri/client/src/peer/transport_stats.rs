//! What the stack's report says about the path.

use super::TransportStats;
use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;
use std::time::Duration;
use webrtc::peer_connection::{RTCIceCandidateType, RTCStatsReport, RTCStatsReportEntry};

pub(crate) fn read(report: &RTCStatsReport) -> TransportStats {
    let mut stats = TransportStats::default();
    let (mut pair, mut locals) = (None, Vec::new());
    for entry in report.iter() {
        match entry {
            RTCStatsReportEntry::RemoteInboundRtp(stream) => {
                if stream.received_rtp_stream_stats.rtp_stream_stats.kind == RtpCodecKind::Video {
                    stats.remote_loss = stream.fraction_lost.clamp(0.0, 1.0);
                }
                stats.rtt = stats.rtt.or(seconds(stream.round_trip_time));
            }
            RTCStatsReportEntry::IceCandidatePair(candidates) if candidates.nominated => pair = Some(candidates),
            RTCStatsReportEntry::LocalCandidate(local) => locals.push(local),
            _ => {}
        }
    }
    if let Some(pair) = pair {
        stats.rtt = seconds(pair.current_round_trip_time).or(stats.rtt);
        let local = locals.into_iter().find(|local| local.stats.id == pair.local_candidate_id);
        stats.route = match local.map(|local| local.candidate_type) {
            Some(RTCIceCandidateType::Relay) => "relayed udp",
            Some(_) | None => "direct udp",
        }
        .to_owned();
    }
    stats
}

/// The stack says 0 for what it has not measured.
fn seconds(value: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(value).ok().filter(|duration| !duration.is_zero())
}
