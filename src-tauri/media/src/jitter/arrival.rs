//! How unevenly packets arrive, and how much sound should wait because of it.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Least and most delay that is aimed at.
const MIN_TARGET_MS: f32 = 20.0;
const MAX_TARGET_MS: f32 = 400.0;
const START_TARGET_MS: f32 = 40.0;

/// Packets that are looked back at: five seconds of 20 ms.
const HISTORY: usize = 250;

/// Share of packets that should come in time.
const IN_TIME: f32 = 0.97;

/// On top of the measured jitter: the packet in play and the pace of the player.
const MARGIN_MS: f32 = 15.0;

/// How fast the target falls when the network is calm. It rises at once.
const FALL_MS_PER_SECOND: f32 = 10.0;

/// Fewer packets than this say nothing about the network.
const MIN_HISTORY: usize = 10;

/// Times of arrival against the sender's clock.
#[derive(Debug)]
pub(super) struct Arrival {
    /// First packet: its time stamp and when it came.
    origin: Option<(u32, Instant)>,
    /// How late each of the last packets was, against the first one, in milliseconds.
    lateness_ms: VecDeque<f32>,
    scratch: Vec<f32>,
    target_ms: f32,
    last_time: Option<Instant>,
}

impl Arrival {
    pub(super) fn new() -> Self {
        Self {
            origin: None,
            lateness_ms: VecDeque::with_capacity(HISTORY),
            scratch: Vec::with_capacity(HISTORY),
            target_ms: START_TARGET_MS,
            last_time: None,
        }
    }

    /// Takes in the time stamp (48 kHz) of a packet that came at `now`.
    pub(super) fn on_packet(&mut self, rtp_timestamp: u32, now: Instant) {
        let (first_timestamp, first_time) = *self.origin.get_or_insert((rtp_timestamp, now));
        let sent_ms = f64::from(rtp_timestamp.wrapping_sub(first_timestamp) as i32) / 48.0;
        let came_ms = now.saturating_duration_since(first_time).as_secs_f64() * 1e3;
        let lateness = (came_ms - sent_ms) as f32;
        // The stamps jumped, or the difference is about to wrap: begin anew.
        if self.lateness_ms.back().is_some_and(|last| (last - lateness).abs() > 10_000.0)
            || sent_ms.abs() > 20_000_000.0
        {
            self.origin = Some((rtp_timestamp, now));
            self.lateness_ms.clear();
            self.lateness_ms.push_back(0.0);
            return;
        }
        if self.lateness_ms.len() == HISTORY {
            self.lateness_ms.pop_front();
        }
        self.lateness_ms.push_back(lateness);
        self.target_ms = self.target_ms.max(self.wanted_ms());
    }

    /// Lets the target fall towards what the network needs.
    pub(super) fn on_time(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(*self.last_time.get_or_insert(now)).min(Duration::from_secs(1));
        self.last_time = Some(now);
        if self.lateness_ms.len() >= MIN_HISTORY {
            self.target_ms = (self.target_ms - FALL_MS_PER_SECOND * passed.as_secs_f32()).max(self.wanted_ms());
        }
    }

    /// How much sound should wait, 20..=400.
    pub(super) fn target_ms(&self) -> f32 {
        self.target_ms
    }

    /// The spread between the earliest packets and the latest that should still be in time.
    fn wanted_ms(&mut self) -> f32 {
        if self.lateness_ms.len() < MIN_HISTORY {
            return self.target_ms;
        }
        self.scratch.clear();
        self.scratch.extend(&self.lateness_ms);
        let rank = ((self.scratch.len() - 1) as f32 * IN_TIME) as usize;
        let earliest = self.scratch.iter().copied().fold(f32::INFINITY, f32::min);
        let (_, latest, _) = self.scratch.select_nth_unstable_by(rank, f32::total_cmp);
        (*latest - earliest + MARGIN_MS).clamp(MIN_TARGET_MS, MAX_TARGET_MS)
    }
}
