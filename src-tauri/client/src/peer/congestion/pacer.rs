//! Decides which packet leaves when: sound at once, then repairs, then pictures at the paced rate, then copies; and probes.
//!
//! Pure: packets are opaque, the clock is passed in. All bytes count against the rate, sound as well, so that sound
//! never waits and pictures wait for it.

use super::probe::Probe;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Packets leave in portions of about this time: fewer wake-ups, and still one group for the delay detector.
const PORTION: Duration = Duration::from_millis(5);
/// The portions of a probe are as fine as timers are.
const PROBE_PORTION: Duration = Duration::from_millis(1);
/// A picture that has waited longer comes too late.
const MAX_WAIT: Duration = Duration::from_millis(500);
/// What follows a dropped queue begins with a key frame and may take longer, or nothing would ever get through.
const MAX_WAIT_AFTER_DROP: Duration = Duration::from_secs(2);
/// A copy that has waited longer comes later than a repair.
const MAX_COPY_WAIT: Duration = Duration::from_millis(100);
const MAX_QUEUED_COPIES: usize = 100;
/// The first pictures leave at once, as the first data of a TCP connection does: ten packets. (RFC 6928)
const FIRST_BURST_BITS: f64 = 10.0 * 1_250.0 * 8.0;
/// Repairs and pictures beyond this are refused: about three seconds at 4 Mbit/s.
const MAX_QUEUED_PACKETS: usize = 1_500;

/// From the most urgent to the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Priority {
    Sound,
    Repair,
    Picture,
    /// Of a picture's packet, in case it is lost.
    Copy,
}

/// What may leave.
#[derive(Debug, PartialEq)]
pub(crate) enum Release<P> {
    Packet(Priority, P),
    /// A probe lacks packets: send padding of up to so many bytes, and tell with [`Pacer::on_padding`].
    Padding(usize),
}

#[derive(Debug)]
struct Waiting<P> {
    packet: P,
    bytes: usize,
    since: Instant,
}

#[derive(Debug)]
pub(crate) struct Pacer<P> {
    sound: VecDeque<Waiting<P>>,
    repairs: VecDeque<Waiting<P>>,
    pictures: VecDeque<Waiting<P>>,
    copies: VecDeque<Waiting<P>>,
    rate_bps: f64,
    /// Bits that have left ahead of the rate, as of `refilled_at`.
    debt_bits: f64,
    /// What is left of the first burst, which is no debt and no part of a probe.
    free_bits: f64,
    refilled_at: Option<Instant>,
    probe: Option<RunningProbe>,
    /// Pictures are refused until one begins that needs no other.
    awaits_key_frame: bool,
    max_wait: Duration,
}

#[derive(Debug)]
struct RunningProbe {
    probe: Probe,
    sent_bytes: usize,
    first_and_last: Option<(Instant, Instant)>,
}

/// The burst of a probe that has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProbeSent {
    pub first: Instant,
    pub last: Instant,
}

impl<P> Pacer<P> {
    pub(crate) fn new(rate_bps: f64) -> Self {
        Self {
            sound: VecDeque::new(),
            repairs: VecDeque::new(),
            pictures: VecDeque::new(),
            copies: VecDeque::new(),
            rate_bps,
            debt_bits: 0.0,
            free_bits: FIRST_BURST_BITS,
            refilled_at: None,
            probe: None,
            awaits_key_frame: false,
            max_wait: MAX_WAIT,
        }
    }

    pub(crate) fn set_rate(&mut self, rate_bps: f64, now: Instant) {
        self.refill(now);
        self.rate_bps = rate_bps.max(1_000.0);
    }

    pub(crate) fn push_sound(&mut self, packet: P, bytes: usize, now: Instant) {
        self.sound.push_back(Waiting { packet, bytes, since: now });
    }

    pub(crate) fn push_repair(&mut self, packet: P, bytes: usize, now: Instant) {
        if self.repairs.len() < MAX_QUEUED_PACKETS {
            self.repairs.push_back(Waiting { packet, bytes, since: now });
        }
    }

    /// Takes in a copy, which leaves when nothing else waits: some time after the original, and so not lost with it.
    pub(crate) fn push_copy(&mut self, packet: P, bytes: usize, now: Instant) {
        if self.copies.len() < MAX_QUEUED_COPIES {
            self.copies.push_back(Waiting { packet, bytes, since: now });
        }
    }

    /// Takes in a packet of a picture. One that depends on dropped pictures is dropped as well.
    pub(crate) fn push_picture(&mut self, packet: P, bytes: usize, begins_key_frame: bool, now: Instant) {
        self.awaits_key_frame &= !begins_key_frame;
        if !self.awaits_key_frame && self.pictures.len() < MAX_QUEUED_PACKETS {
            self.pictures.push_back(Waiting { packet, bytes, since: now });
        }
    }

    /// Drops pictures that have waited too long. Returns true when a key frame is needed therefore.
    pub(crate) fn drop_stale(&mut self, now: Instant) -> bool {
        let is_stale = self.picture_wait(now) > self.max_wait;
        if is_stale {
            self.pictures.clear();
            self.repairs.clear();
            self.awaits_key_frame = true;
            self.max_wait = MAX_WAIT_AFTER_DROP;
        }
        is_stale
    }

    /// How long the oldest picture has waited.
    pub(crate) fn picture_wait(&self, now: Instant) -> Duration {
        self.pictures.front().map_or(Duration::ZERO, |oldest| now.saturating_duration_since(oldest.since))
    }

    /// How long it takes until all that waits has left, at the present rate.
    pub(crate) fn drain_time(&self) -> Duration {
        let bytes: usize = self.repairs.iter().chain(&self.pictures).map(|waiting| waiting.bytes).sum();
        Duration::from_secs_f64((bytes as f64 * 8.0 / self.rate_bps).min(60.0))
    }

    pub(crate) fn start_probe(&mut self, probe: Probe) {
        self.probe = Some(RunningProbe { probe, sent_bytes: 0, first_and_last: None });
        self.debt_bits = 0.0;
    }

    /// The next packet that may leave at `now`. While `window_open` is false, only sound does.
    pub(crate) fn pop(&mut self, now: Instant, window_open: bool) -> Option<Release<P>> {
        self.refill(now);
        if let Some(sound) = self.sound.pop_front() {
            return Some(self.release(Priority::Sound, sound, now));
        }
        if self.debt_bits > self.portion_bits() || !(window_open || self.probe.is_some()) {
            return None;
        }
        if let Some(repair) = self.repairs.pop_front() {
            return Some(self.release(Priority::Repair, repair, now));
        }
        if let Some(picture) = self.pictures.pop_front() {
            if self.pictures.is_empty() {
                self.max_wait = MAX_WAIT;
            }
            return Some(self.release(Priority::Picture, picture, now));
        }
        if let Some(copy) = self.next_copy(now) {
            return Some(self.release(Priority::Copy, copy, now));
        }
        let missing = self.probe.as_ref().map(|running| running.probe.bytes.saturating_sub(running.sent_bytes))?;
        (missing > 0).then_some(Release::Padding(missing))
    }

    /// Padding of `bytes` has left.
    pub(crate) fn on_padding(&mut self, bytes: usize, now: Instant) {
        self.spend(bytes, now);
    }

    /// The burst of the running probe, once it has left whole.
    pub(crate) fn finish_probe(&mut self) -> Option<ProbeSent> {
        let running = self.probe.take_if(|running| running.sent_bytes >= running.probe.bytes)?;
        // What was sent ahead of the usual rate is not paid back: the probe was meant to be faster.
        self.debt_bits = 0.0;
        running.first_and_last.map(|(first, last)| ProbeSent { first, last })
    }

    /// Ends a probe for which there is nothing to send.
    pub(crate) fn abandon_probe(&mut self) {
        self.probe = None;
    }

    /// When the next packet may leave. A shut window opens with a report, not with time.
    pub(crate) fn wakeup(&self, window_open: bool) -> Option<Instant> {
        let is_waiting = !self.repairs.is_empty() || !self.pictures.is_empty() || !self.copies.is_empty();
        if !(is_waiting && window_open || self.probe.is_some()) {
            return None;
        }
        let wait = Duration::from_secs_f64(self.debt_bits / self.rate());
        self.refilled_at.map(|at| at + wait)
    }

    fn next_copy(&mut self, now: Instant) -> Option<Waiting<P>> {
        while self.copies.front().is_some_and(|copy| now.saturating_duration_since(copy.since) > MAX_COPY_WAIT) {
            self.copies.pop_front();
        }
        self.copies.pop_front()
    }

    fn release(&mut self, priority: Priority, waiting: Waiting<P>, now: Instant) -> Release<P> {
        let bits = waiting.bytes as f64 * 8.0;
        if priority == Priority::Picture && self.free_bits >= bits {
            self.free_bits -= bits;
        } else {
            self.spend(waiting.bytes, now);
        }
        Release::Packet(priority, waiting.packet)
    }

    fn spend(&mut self, bytes: usize, now: Instant) {
        self.debt_bits += bytes as f64 * 8.0;
        if let Some(running) = &mut self.probe {
            running.first_and_last.get_or_insert((now, now)).1 = now;
            running.sent_bytes += bytes;
        }
    }

    fn refill(&mut self, now: Instant) {
        let elapsed = self.refilled_at.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        self.debt_bits = (self.debt_bits - elapsed.as_secs_f64() * self.rate()).max(0.0);
        self.refilled_at = Some(now);
    }

    fn portion_bits(&self) -> f64 {
        let portion = if self.probe.is_some() { PROBE_PORTION } else { PORTION };
        self.rate() * portion.as_secs_f64()
    }

    fn rate(&self) -> f64 {
        self.probe.as_ref().map_or(self.rate_bps, |running| running.probe.bps)
    }
}

#[cfg(test)]
#[path = "pacer_tests.rs"]
mod tests;
