//! What to encode for a path: first fewer bits, then fewer pictures, then smaller ones, then none.
//!
//! ```text
//!      less than a rung needs, for DOWN_AFTER         less than PAUSE_BELOW_BPS
//!   rung ─────────────────────────────────▶ next rung ─────────────────────────▶ sound only
//!        ◀───────────────────────────────             ◀─────────────────────────
//!      GROW_MARGIN more than it needs, for UP_AFTER     more than RESUME_ABOVE_BPS
//! ```
//!
//! Pure: the clock is passed in.

use std::time::{Duration, Instant};

/// A way to encode, and the least bits per second that make it look well at 1280x720.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Rung {
    /// Each side is this many quarters of the source's.
    quarters: usize,
    fps: u32,
    least_bps: f64,
}

const RUNGS: [Rung; 7] = [
    Rung { quarters: 4, fps: 30, least_bps: 500_000.0 },
    Rung { quarters: 4, fps: 20, least_bps: 380_000.0 },
    Rung { quarters: 4, fps: 15, least_bps: 280_000.0 },
    Rung { quarters: 3, fps: 15, least_bps: 200_000.0 },
    Rung { quarters: 2, fps: 15, least_bps: 120_000.0 },
    Rung { quarters: 2, fps: 10, least_bps: 80_000.0 },
    Rung { quarters: 1, fps: 10, least_bps: 0.0 },
];
const REFERENCE_PIXELS: f64 = 1280.0 * 720.0;
const MIN_SIDE: usize = 90;
/// A short dip, as while a queue drains, does not change the picture.
const DOWN_AFTER: Duration = Duration::from_millis(250);
/// Another size costs a key frame.
const SHRINK_AFTER: Duration = Duration::from_millis(800);
const UP_AFTER: Duration = Duration::from_millis(1_200);
const GROW_MARGIN: f64 = 1.3;
/// About 100 kbit/s with sound and headers.
const PAUSE_BELOW_BPS: u32 = 50_000;
const PAUSE_AFTER: Duration = Duration::from_secs(1);
const RESUME_ABOVE_BPS: u32 = 90_000;
/// So much that no doubt is left: the network was away, and it is back.
const RESUME_AT_ONCE_ABOVE_BPS: u32 = 3 * RESUME_ABOVE_BPS;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Source {
    pub width: usize,
    pub height: usize,
    pub fps: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plan {
    /// The path is left to sound.
    Pause,
    /// Sides are even.
    Encode { width: usize, height: usize, fps: u32 },
}

/// Walks the rungs with hysteresis.
#[derive(Debug, Default)]
pub(crate) struct Adaptation {
    rung: usize,
    is_paused: bool,
    rung_wish: LastingWish,
    pause_wish: LastingWish,
    next_picture: Option<Instant>,
}

/// Which way the path has wanted to go, and since when.
#[derive(Debug, Default)]
struct LastingWish(Option<(Direction, Instant)>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Worse,
    Better,
}

impl Adaptation {
    /// What to make of `source` with `bps` for pictures.
    pub(crate) fn plan(&mut self, source: Source, bps: u32, now: Instant) -> Plan {
        if self.is_pause_over_or_due(bps, now) {
            return Plan::Pause;
        }
        self.walk(source, bps, now);
        let rung = RUNGS[self.rung];
        let mut quarters = rung.quarters;
        while quarters < 4 && source.width.min(source.height) * quarters / 4 < MIN_SIDE {
            quarters += 1;
        }
        Plan::Encode {
            width: even(source.width * quarters / 4),
            height: even(source.height * quarters / 4),
            fps: rung.fps.min(source.fps).max(1),
        }
    }

    /// Whether a picture captured at `captured_at` is one of `fps` a second; a source makes `source_fps`.
    pub(crate) fn takes(&mut self, captured_at: Instant, fps: u32, source_fps: u32) -> bool {
        let interval = Duration::from_secs_f64(1.0 / f64::from(fps.max(1)));
        let slack = Duration::from_secs_f64(0.5 / f64::from(source_fps.max(fps).max(1)));
        let due = self.next_picture.unwrap_or(captured_at);
        if captured_at + slack < due {
            return false;
        }
        // A source that paused does not make up for it.
        let is_late = captured_at > due + interval;
        self.next_picture = Some(if is_late { captured_at } else { due } + interval);
        true
    }

    fn is_pause_over_or_due(&mut self, bps: u32, now: Instant) -> bool {
        let (wish, patience) = if self.is_paused {
            let patience = if bps >= RESUME_AT_ONCE_ABOVE_BPS { Duration::ZERO } else { UP_AFTER };
            ((bps >= RESUME_ABOVE_BPS).then_some(Direction::Better), patience)
        } else {
            ((bps < PAUSE_BELOW_BPS).then_some(Direction::Worse), PAUSE_AFTER)
        };
        if self.pause_wish.lasts(wish, patience, now) {
            self.is_paused = !self.is_paused;
            self.rung = RUNGS.len() - 1;
        }
        self.is_paused
    }

    fn walk(&mut self, source: Source, bps: u32, now: Instant) {
        let share = (source.width * source.height) as f64 / REFERENCE_PIXELS;
        let bps = f64::from(bps) / share.max(1e-3);
        let better = self.rung.checked_sub(1).map(|index| RUNGS[index]);
        let wish = if bps < RUNGS[self.rung].least_bps {
            Some(Direction::Worse)
        } else if better.is_some_and(|rung| bps >= rung.least_bps * GROW_MARGIN) {
            Some(Direction::Better)
        } else {
            None
        };
        let wanted = RUNGS.iter().position(|rung| bps >= rung.least_bps).unwrap_or(RUNGS.len() - 1);
        let patience = match wish {
            Some(Direction::Worse) if RUNGS[wanted].quarters != RUNGS[self.rung].quarters => SHRINK_AFTER,
            Some(Direction::Worse) => DOWN_AFTER,
            Some(Direction::Better) | None => UP_AFTER,
        };
        if self.rung_wish.lasts(wish, patience, now) {
            self.rung = match wish {
                Some(Direction::Worse) => wanted,
                // The best rung that leaves a margin.
                Some(Direction::Better) => {
                    RUNGS.iter().position(|rung| bps >= rung.least_bps * GROW_MARGIN).unwrap_or(self.rung)
                }
                None => self.rung,
            };
        }
    }
}

impl LastingWish {
    /// Whether the same wish has been there for `patience`; then it is forgotten.
    fn lasts(&mut self, direction: Option<Direction>, patience: Duration, now: Instant) -> bool {
        let Some(direction) = direction else {
            self.0 = None;
            return false;
        };
        let since = self.0.filter(|(earlier, _)| *earlier == direction).map_or(now, |(_, since)| since);
        let is_due = now.saturating_duration_since(since) >= patience;
        self.0 = (!is_due).then_some((direction, since));
        is_due
    }
}

fn even(side: usize) -> usize {
    side & !1
}

#[cfg(test)]
mod tests {
    use super::*;

    const HD: Source = Source { width: 1280, height: 720, fps: 30 };
    const FRAME: Duration = Duration::from_micros(33_333);

    struct Film {
        adaptation: Adaptation,
        source: Source,
        now: Instant,
    }

    impl Film {
        fn new(source: Source) -> Self {
            Self { adaptation: Adaptation::default(), source, now: Instant::now() }
        }

        /// The plan after so many pictures at `bps`.
        fn after(&mut self, pictures: u32, bps: u32) -> Plan {
            let plans: Vec<Plan> = (0..pictures)
                .map(|_| {
                    self.now += FRAME;
                    self.adaptation.plan(self.source, bps, self.now)
                })
                .collect();
            *plans.last().unwrap()
        }
    }

    fn encode(width: usize, height: usize, fps: u32) -> Plan {
        Plan::Encode { width, height, fps }
    }

    #[test]
    fn fewer_pictures_come_before_smaller_ones() {
        let mut film = Film::new(HD);
        assert_eq!(film.after(1, 2_500_000), encode(1280, 720, 30));
        assert_eq!(film.after(10, 450_000), encode(1280, 720, 20), "within ten pictures");
        assert_eq!(film.after(10, 300_000), encode(1280, 720, 15));
        assert_eq!(film.after(30, 220_000), encode(960, 540, 15));
        assert_eq!(film.after(30, 150_000), encode(640, 360, 15));
        assert_eq!(film.after(30, 90_000), encode(640, 360, 10));
        assert_eq!(film.after(30, 60_000), encode(320, 180, 10));
        assert_eq!(film.after(90, 2_500_000), encode(1280, 720, 30), "and all the way back");
    }

    #[test]
    fn a_dip_while_a_queue_drains_changes_nothing() {
        let mut film = Film::new(HD);
        film.after(30, 600_000);
        assert_eq!(film.after(6, 150_000), encode(1280, 720, 30));
        assert_eq!(film.after(30, 600_000), encode(1280, 720, 30));
    }

    #[test]
    fn a_rate_close_to_a_threshold_does_not_flicker() {
        let mut film = Film::new(HD);
        film.after(30, 270_000);
        let plans: Vec<Plan> = (0..40).map(|n| film.after(10, if n % 2 == 0 { 310_000 } else { 270_000 })).collect();
        assert!(plans.iter().all(|plan| *plan == encode(960, 540, 15)), "{plans:?}");
    }

    #[test]
    fn below_a_hundred_kilobits_the_path_is_left_to_sound() {
        let mut film = Film::new(HD);
        assert_eq!(film.after(60, 40_000), Plan::Pause);
        assert_eq!(film.after(100, 70_000), Plan::Pause, "not before there is clearly room");
        assert_eq!(film.after(60, 100_000), encode(320, 180, 10));
        assert_eq!(film.after(120, 700_000), encode(1280, 720, 30));
    }

    #[test]
    fn pictures_are_back_at_once_after_the_network_was_away() {
        let mut film = Film::new(HD);
        assert_eq!(film.after(60, 40_000), Plan::Pause);
        assert_ne!(film.after(1, 400_000), Plan::Pause);
    }

    #[test]
    fn small_pictures_stay_and_sides_stay_even() {
        let mut film = Film::new(Source { width: 160, height: 120, fps: 15 });
        assert_eq!(film.after(60, 60_000), encode(160, 120, 15));
        let mut odd = Film::new(Source { width: 854, height: 478, fps: 30 });
        let Plan::Encode { width, height, .. } = odd.after(60, 55_000) else { panic!("paused") };
        assert_eq!((width % 2, height % 2), (0, 0));
    }

    #[test]
    fn the_wanted_share_of_the_pictures_is_taken() {
        for (fps, least, most) in [(30, 298, 300), (20, 196, 204), (15, 148, 152), (10, 98, 102)] {
            let (mut adaptation, start) = (Adaptation::default(), Instant::now());
            let taken = (0..300).filter(|n| adaptation.takes(start + FRAME * *n, fps, 30)).count();
            assert!((least..=most).contains(&taken), "{taken} of 300 at {fps}");
        }
    }
}
