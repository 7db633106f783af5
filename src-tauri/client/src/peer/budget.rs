//! What a connection may send, shared by those who find it out, those who send, and those who show it.

use super::congestion::{BandwidthLimits, Controller};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// IPv4 and UDP headers and the authentication tag of SRTP, on each packet.
const WIRE_OVERHEAD_BYTES: usize = 20 + 8 + 16;
/// The share of a picture's bits on the wire that is not headers, at about 1100 bytes a packet.
const PICTURE_PAYLOAD_SHARE: f64 = 0.93;
/// Left for sound before any was sent.
const SOUND_RESERVE_BPS: f64 = 50_000.0;
const MEASURE_EVERY: Duration = Duration::from_millis(500);

/// What one connection may send at present, readable from any thread.
#[derive(Debug, Clone, Default)]
pub struct SendBudget(Arc<Readings>);

#[derive(Debug, Default)]
struct Readings {
    target_bps: AtomicU32,
    pictures_bps: AtomicU32,
    pacer_queue_us: AtomicU32,
    response_us: AtomicU32,
}

impl SendBudget {
    /// Everything together, on the wire, in bits per second.
    pub fn target_bps(&self) -> u32 {
        self.0.target_bps.load(Ordering::Relaxed)
    }

    /// What an encoder may make for pictures: the target less sound, repairs and headers.
    pub fn pictures_bps(&self) -> u32 {
        self.0.pictures_bps.load(Ordering::Relaxed)
    }

    /// How long what waits in the pacer takes to leave.
    pub fn pacer_queue(&self) -> Duration {
        Duration::from_micros(self.0.pacer_queue_us.load(Ordering::Relaxed).into())
    }

    /// Round trip and the wait for a report; zero before the first.
    pub fn response_time(&self) -> Duration {
        Duration::from_micros(self.0.response_us.load(Ordering::Relaxed).into())
    }

    /// A budget that nobody measures.
    #[cfg(test)]
    pub(crate) fn fixed(pictures_bps: u32) -> Self {
        let budget = Self::default();
        budget.set_pictures_bps(pictures_bps);
        budget
    }

    #[cfg(test)]
    pub(crate) fn set_pictures_bps(&self, bps: u32) {
        self.0.pictures_bps.store(bps, Ordering::Relaxed);
    }

    #[cfg(test)]
    pub(crate) fn set_pacer_queue(&self, queue: Duration) {
        store_us(&self.0.pacer_queue_us, queue);
    }
}

fn store_us(reading: &AtomicU32, time: Duration) {
    reading.store(u32::try_from(time.as_micros()).unwrap_or(u32::MAX), Ordering::Relaxed);
}

/// Bytes on the wire of an RTP packet of `rtp_bytes`.
pub(crate) fn wire_bytes(rtp_bytes: usize) -> usize {
    rtp_bytes + WIRE_OVERHEAD_BYTES
}

/// The controller of a connection, for the two interceptors that feed it and obey it. Both run on the connection's
/// driver, so the lock is never contended.
#[derive(Debug, Clone)]
pub(crate) struct Congestion {
    controller: Arc<Mutex<Controller>>,
    budget: SendBudget,
}

impl Congestion {
    pub(crate) fn new(limits: BandwidthLimits) -> Self {
        let congestion =
            Self { controller: Arc::new(Mutex::new(Controller::new(limits))), budget: SendBudget::default() };
        congestion.publish(SOUND_RESERVE_BPS, Duration::ZERO);
        congestion
    }

    pub(crate) fn budget(&self) -> SendBudget {
        self.budget.clone()
    }

    pub(crate) fn controller(&self) -> MutexGuard<'_, Controller> {
        self.controller.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the readings those of now; `reserved_bps` is what sound and repairs use.
    pub(crate) fn publish(&self, reserved_bps: f64, pacer_queue: Duration) {
        let (target_bps, response_time) = {
            let controller = self.controller();
            (controller.target_bps(), controller.response_time())
        };
        let pictures_bps = (target_bps - reserved_bps).max(0.0) * PICTURE_PAYLOAD_SHARE;
        self.budget.0.target_bps.store(target_bps as u32, Ordering::Relaxed);
        self.budget.0.pictures_bps.store(pictures_bps as u32, Ordering::Relaxed);
        store_us(&self.budget.0.pacer_queue_us, pacer_queue);
        store_us(&self.budget.0.response_us, response_time);
    }
}

/// Share of a fallen rate that is believed each time. A pause in the speech is soon over; repairs come in bursts, and
/// pictures that waited for the memory of one to fade would be missing for seconds.
const SOUND_FALL: f64 = 0.1;
const REPAIRS_FALL: f64 = 0.5;

/// The rate of sound and repairs, which leave whatever the budget is.
#[derive(Debug)]
pub(crate) struct ReservedRate {
    sound: Meter,
    repairs: Meter,
}

impl Default for ReservedRate {
    fn default() -> Self {
        Self { sound: Meter::falling_by(SOUND_FALL), repairs: Meter::falling_by(REPAIRS_FALL) }
    }
}

/// Rises at once and falls by `fall` of the difference.
#[derive(Debug)]
struct Meter {
    fall: f64,
    bytes: usize,
    since: Option<Instant>,
    bps: Option<f64>,
}

impl ReservedRate {
    pub(crate) fn on_sound(&mut self, wire_bytes: usize, now: Instant) {
        self.sound.count(wire_bytes, now);
    }

    pub(crate) fn on_repair(&mut self, wire_bytes: usize, now: Instant) {
        self.repairs.count(wire_bytes, now);
    }

    /// In bits per second on the wire.
    pub(crate) fn bps(&mut self, now: Instant) -> f64 {
        self.sound.count(0, now);
        self.repairs.count(0, now);
        self.sound.bps.unwrap_or(SOUND_RESERVE_BPS) + self.repairs.bps.unwrap_or(0.0)
    }
}

impl Meter {
    fn falling_by(fall: f64) -> Self {
        Self { fall, bytes: 0, since: None, bps: None }
    }

    fn count(&mut self, bytes: usize, now: Instant) {
        let since = *self.since.get_or_insert(now);
        self.bytes += bytes;
        let elapsed = now.saturating_duration_since(since);
        if elapsed >= MEASURE_EVERY {
            let newest = self.bytes as f64 * 8.0 / elapsed.as_secs_f64();
            self.bps = Some(self.bps.map_or(newest, |bps| newest.max(bps + (newest - bps) * self.fall)));
            (self.bytes, self.since) = (0, Some(now));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_get_what_sound_and_repairs_leave() {
        let congestion = Congestion::new(BandwidthLimits { start_bps: 1_000_000, ..Default::default() });
        congestion.publish(200_000.0, Duration::from_millis(30));
        let budget = congestion.budget();
        assert_eq!((budget.target_bps(), budget.pictures_bps()), (1_000_000, 744_000));
        assert_eq!(budget.pacer_queue(), Duration::from_millis(30));
        congestion.publish(2e6, Duration::ZERO);
        assert_eq!(budget.pictures_bps(), 0);
    }

    #[test]
    fn a_burst_of_repairs_is_soon_forgotten() {
        let (mut reserved, start) = (ReservedRate::default(), Instant::now());
        reserved.on_repair(0, start);
        reserved.on_repair(12_500, start + MEASURE_EVERY);
        assert!(reserved.bps(start + MEASURE_EVERY) > 200_000.0);
        let later = (2..8).map(|n| reserved.bps(start + MEASURE_EVERY * n)).last().unwrap();
        assert!(later < SOUND_RESERVE_BPS + 5_000.0, "{later}");
    }

    #[test]
    fn the_reserve_follows_what_is_really_sent() {
        let (mut reserved, start) = (ReservedRate::default(), Instant::now());
        assert_eq!(reserved.bps(start), SOUND_RESERVE_BPS);
        for n in 0..100 {
            reserved.on_sound(150, start + n * Duration::from_millis(20));
        }
        let bps = reserved.bps(start + Duration::from_secs(2));
        assert!((55_000.0..66_000.0).contains(&bps), "{bps}");
    }
}
