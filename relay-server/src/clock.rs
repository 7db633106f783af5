//! The one place where the relay reads a clock.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use parley_shared::ids::UnixMs;
use relay_core::Now;

pub fn now() -> Now {
    Now { at: Instant::now(), unix: unix_now() }
}

/// Milliseconds since 1970; 0 on a machine whose clock is before that.
pub fn unix_now() -> UnixMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMs(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
