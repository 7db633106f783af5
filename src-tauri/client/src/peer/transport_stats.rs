//! What the stack's report says about the path.

use super::TransportStats;
use super::turn_stream::{Security, StreamRelays};
use std::time::Duration;
use webrtc::peer_connection::{RTCIceCandidateType, RTCStatsReport, RTCStatsReportEntry};

pub(crate) fn read(report: &RTCStatsReport, relays: &StreamRelays) -> TransportStats {
    let mut stats = TransportStats::default();
    let (mut selected, mut pairs, mut locals) = (None, Vec::new(), Vec::new());
    for entry in report.iter() {
        match entry {
            RTCStatsReportEntry::RemoteInboundRtp(stream) => {
                stats.rtt = stats.rtt.or(seconds(stream.round_trip_time));
            }
            RTCStatsReportEntry::Transport(transport) => selected = Some(&transport.selected_candidate_pair_id),
            RTCStatsReportEntry::IceCandidatePair(pair) => pairs.push(pair),
            RTCStatsReportEntry::LocalCandidate(local) => locals.push(local),
            _ => {}
        }
    }
    // Pairs of before a restart stay in the report.
    if let Some(pair) = pairs.into_iter().find(|pair| Some(&pair.stats.id) == selected) {
        stats.rtt = seconds(pair.current_round_trip_time).or(stats.rtt);
        let local_id = format!("RTCLocalIceCandidate_{}", pair.local_candidate_id);
        let local = locals.into_iter().find(|local| local.stats.id == local_id);
        stats.route = match local.filter(|local| local.candidate_type == RTCIceCandidateType::Relay) {
            Some(relayed) => match relays.of_url(&relayed.url).map(|relay| relay.security) {
                Some(Security::Plain) => "relayed tcp",
                Some(Security::Tls) => "relayed tls",
                None => "relayed udp",
            },
            None => "direct udp",
        }
        .to_owned();
    }
    stats
}

/// The stack says 0 for what it has not measured.
fn seconds(value: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(value).ok().filter(|duration| !duration.is_zero())
}
