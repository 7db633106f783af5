//! One sender and its receiver on a virtual path.

use super::path::Path;
use super::*;

const PICTURE_EVERY: Duration = Duration::from_micros(33_333);
const SOUND_EVERY: Duration = Duration::from_millis(20);
const REPORT_EVERY: Duration = Duration::from_millis(30);
const PACKET_BYTES: usize = 1_170;
const SOUND_BYTES: usize = 140;
const SOUND_BPS: f64 = 56_000.0;
/// What the encoder makes at most.
const PICTURES_MAX_BPS: f64 = 2_600_000.0;

struct Sent {
    at: Duration,
    bytes: usize,
    arrives: Option<Duration>,
}

pub(super) struct Flow {
    pub controller: Controller,
    pub pacer: Pacer<()>,
    /// An encoder that makes at most this.
    pub pictures_max_bps: f64,
    begins: Duration,
    random: Path,
    next_picture: Duration,
    next_sound: Duration,
    next_report: Duration,
    next_key_frame: Duration,
    on_the_way: VecDeque<Sent>,
    reports: VecDeque<(Duration, Vec<PacketResult>)>,
    arrived: VecDeque<(Duration, usize)>,
}

impl Flow {
    pub(super) fn new(seed: u64, begins: Duration) -> Self {
        let controller = Controller::new(BandwidthLimits::default());
        Self {
            pacer: Pacer::new(controller.pacing_bps()),
            controller,
            pictures_max_bps: PICTURES_MAX_BPS,
            begins,
            random: Path::new(seed + 77, path::PathProfile::of(1.0)),
            next_picture: begins,
            next_sound: begins,
            next_report: begins,
            next_key_frame: begins,
            on_the_way: VecDeque::new(),
            reports: VecDeque::new(),
            arrived: VecDeque::new(),
        }
    }

    pub(super) fn step(&mut self, start: Instant, now: Duration, path: &mut Path) {
        if now < self.begins {
            return;
        }
        self.produce(start, now);
        self.controller.handle_timeout(start + now);
        if let Some(probe) = self.controller.take_probe(start + now) {
            self.pacer.start_probe(probe);
        }
        self.pacer.set_rate(self.controller.pacing_bps(), start + now);
        while let Some(release) = self.pacer.pop(start + now, self.controller.is_window_open()) {
            let bytes = match release {
                Release::Packet(Priority::Sound, ()) => SOUND_BYTES,
                Release::Packet(Priority::Picture | Priority::Repair | Priority::Copy, ()) => PACKET_BYTES,
                Release::Padding(_) => {
                    self.pacer.on_padding(PACKET_BYTES, start + now);
                    PACKET_BYTES
                }
            };
            self.controller.on_sent(bytes, start + now);
            self.on_the_way.push_back(Sent { at: now, bytes, arrives: path.carry(bytes, now) });
        }
        if let Some(sent) = self.pacer.finish_probe() {
            self.controller.on_probe_sent(Some(sent));
        }
        self.report(start, now, path);
    }

    /// What arrived within the last second.
    pub(super) fn arrived_bps(&self, now: Duration) -> f64 {
        let since = now.saturating_sub(Duration::from_secs(1));
        let bytes: usize = self.arrived.iter().filter(|(at, _)| *at > since).map(|(_, bytes)| bytes).sum();
        bytes as f64 * 8.0
    }

    fn produce(&mut self, start: Instant, now: Duration) {
        if now >= self.next_sound {
            self.next_sound += SOUND_EVERY;
            self.pacer.push_sound((), SOUND_BYTES, start + now);
        }
        if now >= self.next_picture {
            self.next_picture += PICTURE_EVERY;
            self.pacer.drop_stale(start + now);
            // The encoder skips pictures while the pacer lags.
            if self.pacer.drain_time() < Duration::from_millis(60) {
                self.encode(start, now);
            }
        }
    }

    fn encode(&mut self, start: Instant, now: Duration) {
        let rate = (self.controller.target_bps() - SOUND_BPS).clamp(0.0, self.pictures_max_bps);
        let is_key_frame = now >= self.next_key_frame;
        if is_key_frame {
            self.next_key_frame = now + Duration::from_secs(20);
        }
        let size = if is_key_frame { 4.0 } else { 0.7 + 0.6 * self.random.random() };
        let bytes = rate * PICTURE_EVERY.as_secs_f64() / 8.0 * size;
        for _ in 0..(bytes / PACKET_BYTES as f64).round() as usize {
            self.controller.on_picture(start + now);
            self.pacer.push_picture((), PACKET_BYTES, true, start + now);
        }
    }

    fn report(&mut self, start: Instant, now: Duration, path: &mut Path) {
        if now >= self.next_report {
            self.next_report += REPORT_EVERY;
            let newest = self.on_the_way.iter().rposition(|sent| sent.arrives.is_some_and(|at| at <= now));
            if let Some(newest) = newest {
                let results: Vec<PacketResult> = self
                    .on_the_way
                    .drain(..=newest)
                    .map(|sent| {
                        self.arrived.extend(sent.arrives.map(|at| (at, sent.bytes)));
                        PacketResult { sent_at: start + sent.at, bytes: sent.bytes, arrived_at: sent.arrives }
                    })
                    .collect();
                if path.returns() {
                    self.reports.push_back((now + path.profile.delay, results));
                }
            }
        }
        while let Some((_, results)) = self.reports.pop_front_if(|(at, _)| *at <= now) {
            self.controller.on_reports(&results, start + now);
        }
    }
}
