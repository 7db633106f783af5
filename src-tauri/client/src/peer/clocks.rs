//! What reports tell of a stream: its time stamps against its sender's wall clock, both ways (RFC 3550, 6.4.1), and how much
//! of it the other side has lost.
//!
//! The stack's reports take the moment at which a packet is sent for the moment of its capture, which is off by the time
//! that encoding and pacing take, more for pictures than for sound. Ours say when the media was captured.

use super::feedback::Belt;
use rtc::interceptor::{Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::rtcp::receiver_report::ReceiverReport;
use rtc::rtcp::reception_report::ReceptionReport;
use rtc::rtcp::sender_report::SenderReport;
use rtc::sansio::Protocol;
use rtc::shared::error::Error;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Where [`ReportTap`] sits: near the wire, so that it sees every report.
pub(crate) const REPORT_TAP_SLOT: usize = 600;

/// A connection has two streams each way; whoever reports on many more is not listened to.
const MAX_STREAMS: usize = 8;

/// The clocks of the streams of one connection. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Clocks {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    /// What we send, by SSRC.
    ours: BTreeMap<u32, Captured>,
    /// What the other side reported last, by SSRC.
    theirs: BTreeMap<u32, Reported>,
    /// What it has lost of ours lately, 0 to 1, by SSRC.
    lost: BTreeMap<u32, f64>,
}

#[derive(Debug, Clone, Copy)]
struct Captured {
    timestamp: u32,
    at: Instant,
    clock_hz: u32,
}

#[derive(Debug, Clone, Copy)]
struct Reported {
    timestamp: u32,
    /// Microseconds of the sender's clock.
    wall_us: i64,
}

impl Clocks {
    /// Notes that what we send with `timestamp` on `ssrc` was captured at `at`.
    pub(crate) fn on_captured(&self, ssrc: u32, timestamp: u32, at: Instant, clock_hz: u32) {
        self.lock().ours.insert(ssrc, Captured { timestamp, at, clock_hz });
    }

    /// When the other side captured what it sent with `timestamp` on `ssrc`, in microseconds of its own clock. `None`
    /// before its first report.
    pub(crate) fn captured_us(&self, ssrc: u32, timestamp: u32, clock_hz: u32) -> Option<i64> {
        let reported = *self.lock().theirs.get(&ssrc)?;
        let since = i64::from(timestamp.wrapping_sub(reported.timestamp) as i32);
        Some(reported.wall_us + since * 1_000_000 / i64::from(clock_hz.max(1)))
    }

    /// What share of our stream `ssrc` the other side has lost lately, 0 to 1; 0 before its first report.
    pub(crate) fn reported_loss(&self, ssrc: u32) -> f64 {
        self.lock().lost.get(&ssrc).copied().unwrap_or(0.0)
    }

    /// Reports on our streams come alone and inside of sender reports.
    fn on_reception(&self, reports: &[ReceptionReport]) {
        let mut inner = self.lock();
        for report in reports {
            if inner.ours.contains_key(&report.ssrc) {
                inner.lost.insert(report.ssrc, f64::from(report.fraction_lost) / 256.0);
            }
        }
    }

    fn on_report(&self, report: &SenderReport) {
        self.on_reception(&report.reports);
        let mut inner = self.lock();
        if inner.theirs.len() < MAX_STREAMS || inner.theirs.contains_key(&report.ssrc) {
            let reported = Reported { timestamp: report.rtp_time, wall_us: ntp_to_us(report.ntp_time) };
            inner.theirs.insert(report.ssrc, reported);
        }
    }

    /// The RTP time that a capture at `now` would have.
    fn timestamp_at(&self, ssrc: u32, now: Instant) -> Option<u32> {
        let captured = *self.lock().ours.get(&ssrc)?;
        let passed = now.saturating_duration_since(captured.at);
        // An RTP time counts modulo 2^32 by definition.
        let ticks = (passed.as_nanos() * u128::from(captured.clock_hz) / 1_000_000_000) as u32;
        Some(captured.timestamp.wrapping_add(ticks))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// NTP time: seconds in the high half, their fraction in the low one.
fn ntp_to_us(ntp: u64) -> i64 {
    let (seconds, fraction) = (ntp >> 32, ntp & 0xffff_ffff);
    (seconds * 1_000_000 + ((fraction * 1_000_000) >> 32)) as i64
}

/// Corrects our sender reports and reads those of the other side.
pub(crate) struct ReportTap {
    belt: Belt,
    clocks: Clocks,
}

impl ReportTap {
    pub(crate) fn new(clocks: Clocks) -> Self {
        Self { belt: Belt::default(), clocks }
    }

    fn correct(&self, packet: &mut Box<dyn rtc::rtcp::Packet>, now: Instant) {
        let Some(report) = packet.as_any().downcast_ref::<SenderReport>() else { return };
        if let Some(rtp_time) = self.clocks.timestamp_at(report.ssrc, now) {
            *packet = Box::new(SenderReport { rtp_time, ..report.clone() });
        }
    }
}

impl Interceptor for ReportTap {
    fn bind_local_stream(&mut self, _: &StreamInfo) {}
    fn unbind_local_stream(&mut self, _: &StreamInfo) {}
    fn bind_remote_stream(&mut self, _: &StreamInfo) {}
    fn unbind_remote_stream(&mut self, _: &StreamInfo) {}
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for ReportTap {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        if let Packet::Rtcp(rtcp) = &packet.message.packet {
            for report in rtcp {
                if let Some(report) = report.as_any().downcast_ref::<SenderReport>() {
                    self.clocks.on_report(report);
                } else if let Some(report) = report.as_any().downcast_ref::<ReceiverReport>() {
                    self.clocks.on_reception(&report.reports);
                }
            }
        }
        self.belt.read.push_back(packet);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.belt.read.pop_front()
    }

    fn handle_write(&mut self, mut packet: TaggedPacket) -> Result<(), Error> {
        if let Packet::Rtcp(rtcp) = &mut packet.message.packet {
            rtcp.iter_mut().for_each(|rtcp| self.correct(rtcp, packet.now));
        }
        self.belt.write.push_back(packet);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.belt.write.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtc::interceptor::AttributedPacket;
    use std::time::Duration;

    fn tagged(report: impl rtc::rtcp::Packet + 'static, now: Instant) -> TaggedPacket {
        let packet = Packet::Rtcp(vec![Box::new(report)]);
        TaggedPacket { now, transport: Default::default(), message: AttributedPacket::new(packet) }
    }

    fn report(ssrc: u32, ntp_time: u64, rtp_time: u32) -> SenderReport {
        SenderReport { ssrc, ntp_time, rtp_time, ..Default::default() }
    }

    #[test]
    fn our_reports_tell_the_time_of_capture_and_others_pass() {
        let (clocks, start) = (Clocks::default(), Instant::now());
        let mut tap = ReportTap::new(clocks.clone());
        // Captured 40 ms before it was sent; the report is made 200 ms after that.
        clocks.on_captured(1, 1_000, start, 90_000);
        let now = start + Duration::from_millis(240);
        let mut through = |ssrc| {
            tap.handle_write(tagged(report(ssrc, 77, 19_000), now)).unwrap();
            let Packet::Rtcp(packets) = tap.poll_write().unwrap().message.packet else { panic!("not RTCP") };
            packets[0].as_any().downcast_ref::<SenderReport>().unwrap().clone()
        };
        assert_eq!(through(1), report(1, 77, 1_000 + 21_600));
        assert_eq!(through(2), report(2, 77, 19_000));
    }

    #[test]
    fn times_of_the_other_side_follow_its_last_report() {
        let (clocks, now) = (Clocks::default(), Instant::now());
        let mut tap = ReportTap::new(clocks.clone());
        assert_eq!(clocks.captured_us(5, 0, 48_000), None);
        tap.handle_read(tagged(report(5, 10 << 32 | 1 << 31, u32::MAX - 479), now)).unwrap();
        assert!(tap.poll_read().is_some());
        assert_eq!(clocks.captured_us(5, u32::MAX - 479, 48_000), Some(10_500_000));
        assert_eq!(clocks.captured_us(5, 480, 48_000), Some(10_520_000));
        assert_eq!(clocks.captured_us(5, u32::MAX - 959, 48_000), Some(10_490_000));
    }

    #[test]
    fn loss_of_our_streams_is_heard_in_both_kinds_of_reports() {
        let (clocks, now) = (Clocks::default(), Instant::now());
        let mut tap = ReportTap::new(clocks.clone());
        clocks.on_captured(1, 0, now, 48_000);
        let reports = |fraction_lost| vec![ReceptionReport { ssrc: 1, fraction_lost, ..Default::default() }];
        tap.handle_read(tagged(SenderReport { reports: reports(64), ..Default::default() }, now)).unwrap();
        assert_eq!(clocks.reported_loss(1), 0.25);
        tap.handle_read(tagged(ReceiverReport { reports: reports(128), ..Default::default() }, now)).unwrap();
        assert_eq!((clocks.reported_loss(1), clocks.reported_loss(2)), (0.5, 0.0));
    }

    #[test]
    fn reports_on_many_streams_cost_no_memory() {
        let (clocks, now) = (Clocks::default(), Instant::now());
        let mut tap = ReportTap::new(clocks.clone());
        for ssrc in 0..10_000 {
            tap.handle_read(tagged(report(ssrc, u64::MAX, 0), now)).unwrap();
            tap.poll_read();
        }
        assert_eq!(clocks.lock().theirs.len(), MAX_STREAMS);
    }
}
