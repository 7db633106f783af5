//! Rates from counters that only grow.

use std::time::{Duration, Instant};

/// Samples that come sooner say too little.
const MIN_INTERVAL: Duration = Duration::from_millis(700);

/// What is counted of one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counters {
    pub video_bytes_sent: u64,
    pub video_bytes_received: u64,
    pub audio_bytes_sent: u64,
    pub audio_bytes_received: u64,
    pub pictures_encoded: u64,
    pub pictures_decoded: u64,
}

/// Per second, over the last sample of about a second.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Rates {
    pub video_kbps_out: f64,
    pub video_kbps_in: f64,
    pub audio_kbps_out: f64,
    pub audio_kbps_in: f64,
    pub pictures_out_per_second: f64,
    pub pictures_per_second: f64,
}

#[derive(Debug, Default)]
pub(crate) struct RateMeter {
    last: Option<(Instant, Counters)>,
    rates: Rates,
}

impl RateMeter {
    /// Takes in the counters; to be called about once a second. Counters that fell belong to a new connection.
    pub(crate) fn sample(&mut self, counters: Counters, now: Instant) {
        if let Some((at, last)) = self.last {
            if now - at < MIN_INTERVAL {
                return;
            }
            let seconds = (now - at).as_secs_f64();
            let per_second = |now: u64, before: u64| now.saturating_sub(before) as f64 / seconds;
            let kbps = |now: u64, before: u64| per_second(now, before) * 8.0 / 1000.0;
            self.rates = Rates {
                video_kbps_out: kbps(counters.video_bytes_sent, last.video_bytes_sent),
                video_kbps_in: kbps(counters.video_bytes_received, last.video_bytes_received),
                audio_kbps_out: kbps(counters.audio_bytes_sent, last.audio_bytes_sent),
                audio_kbps_in: kbps(counters.audio_bytes_received, last.audio_bytes_received),
                pictures_out_per_second: per_second(counters.pictures_encoded, last.pictures_encoded),
                pictures_per_second: per_second(counters.pictures_decoded, last.pictures_decoded),
            };
        }
        self.last = Some((now, counters));
    }

    pub(crate) fn rates(&self) -> Rates {
        self.rates
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn rates_are_per_second_and_survive_a_new_connection() {
        let (mut meter, start) = (RateMeter::default(), Instant::now());
        meter.sample(Counters { video_bytes_sent: 1_000, pictures_decoded: 10, ..Default::default() }, start);
        let later = Counters { video_bytes_sent: 251_000, pictures_decoded: 70, ..Default::default() };
        meter.sample(later, start + Duration::from_secs(2));
        assert!((meter.rates().video_kbps_out - 1000.0).abs() < 1e-6);
        assert!((meter.rates().pictures_per_second - 30.0).abs() < 1e-6);
        meter.sample(Counters::default(), start + Duration::from_millis(2100));
        assert!(meter.rates().video_kbps_out > 0.0, "a hasty sample changes nothing");
        meter.sample(Counters::default(), start + Duration::from_secs(3));
        assert_eq!(meter.rates(), Rates::default());
    }
}
