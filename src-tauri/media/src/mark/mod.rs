//! Marks inside picture and sound that tell latency end to end, however the media travelled.
//!
//! Both ends read the wall clock of one machine (or of two that agree), so the marks work between processes.

pub mod click;
pub mod video_mark;

use std::{
    sync::OnceLock,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

pub use click::{Click, ClickDetector, ClickTrack};

/// Unix time in microseconds of a moment, steady within one process (it does not jump when the clock is set).
pub fn wall_us(at: Instant) -> i64 {
    static ANCHOR: OnceLock<(Instant, Duration)> = OnceLock::new();
    let (instant, wall) =
        ANCHOR.get_or_init(|| (Instant::now(), SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()));
    let wall = wall.as_micros() as i64;
    match at.checked_duration_since(*instant) {
        Some(later) => wall + later.as_micros() as i64,
        None => wall - instant.duration_since(at).as_micros() as i64,
    }
}

/// The low 32 bits of the Unix time in milliseconds: what a video mark carries.
pub fn clock_ms(at: Instant) -> u32 {
    (wall_us(at) / 1_000) as u32
}

/// Milliseconds from the clock inside a mark to `now`, as a signed number: both wrap after 49 days.
pub fn elapsed_ms(mark_clock_ms: u32, now: Instant) -> i32 {
    clock_ms(now).wrapping_sub(mark_clock_ms) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clock_runs_with_the_instants() {
        let now = Instant::now();
        let at = clock_ms(now);
        assert_eq!(elapsed_ms(at, now), 0);
        assert!((elapsed_ms(at, now + Duration::from_millis(250)) - 250).abs() <= 1);
        assert!((elapsed_ms(at.wrapping_add(1_000), now) + 1_000).abs() <= 1);
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as i64;
        assert!((wall_us(Instant::now()) - wall).abs() < 1_000_000);
    }
}
