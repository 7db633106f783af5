//! Notices that the machine has other addresses than before, or that it was asleep.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::{Duration, Instant, SystemTime};

use rtc::shared::ifaces::ifaces;

/// How often to look. Asking for the addresses takes about a tenth of a millisecond.
pub const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A look that is later than this was held up by sleep. A busy machine is late as well; looking again then does no harm.
const SLEPT: Duration = Duration::from_secs(4);

/// All addresses of this machine.
pub fn addresses() -> BTreeSet<IpAddr> {
    let interfaces = ifaces().unwrap_or_default();
    interfaces.into_iter().filter_map(|interface| Some(interface.addr?.ip())).collect()
}

/// Remembers what was seen last. Pure: what there is to see is passed in.
#[derive(Debug, Default)]
pub struct NetworkWatch {
    last: Option<Look>,
}

/// What one look at the machine shows.
#[derive(Clone, Debug)]
pub struct Look {
    pub addresses: BTreeSet<IpAddr>,
    /// Stands still during sleep on some systems.
    pub clock: Instant,
    /// Goes on during sleep.
    pub wall: SystemTime,
}

impl NetworkWatch {
    /// Whether connections of before may be dead.
    pub fn has_changed(&mut self, look: Look) -> bool {
        let changed = self.last.as_ref().is_some_and(|last| look.addresses != last.addresses || look.slept_since(last));
        self.last = Some(look);
        changed
    }
}

impl Look {
    /// Either clock shows a gap. The wall clock may be set back, which is no sleep.
    fn slept_since(&self, last: &Self) -> bool {
        let by_clock = self.clock.saturating_duration_since(last.clock);
        let by_wall = self.wall.duration_since(last.wall).unwrap_or_default();
        by_clock.max(by_wall) >= SLEPT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(addresses: &[&str], clock: Instant, wall_s: u64) -> Look {
        let addresses = addresses.iter().map(|ip| ip.parse().unwrap()).collect();
        Look { addresses, clock, wall: SystemTime::UNIX_EPOCH + Duration::from_secs(wall_s) }
    }

    #[test]
    fn an_address_that_comes_or_goes_is_a_change_and_the_first_look_is_none() {
        let (mut watch, start) = (NetworkWatch::default(), Instant::now());
        assert!(!watch.has_changed(look(&["10.0.0.1"], start, 100)));
        assert!(!watch.has_changed(look(&["10.0.0.1"], start + LOOK_EVERY, 101)));
        assert!(watch.has_changed(look(&["10.0.0.1", "10.9.0.1"], start + 2 * LOOK_EVERY, 102)));
        assert!(watch.has_changed(look(&["10.9.0.1"], start + 3 * LOOK_EVERY, 103)));
        assert!(!watch.has_changed(look(&["10.9.0.1"], start + 4 * LOOK_EVERY, 104)));
    }

    #[test]
    fn sleep_shows_on_either_clock() {
        let (mut watch, start) = (NetworkWatch::default(), Instant::now());
        watch.has_changed(look(&[], start, 1_000));
        // Linux: only the wall clock went on.
        assert!(watch.has_changed(look(&[], start + LOOK_EVERY, 1_600)));
        // Windows: both did.
        assert!(watch.has_changed(look(&[], start + Duration::from_secs(301), 1_900)));
        // Set back by an hour.
        assert!(!watch.has_changed(look(&[], start + Duration::from_secs(302), 0)));
    }

    #[test]
    fn this_machine_has_its_loopback() {
        assert!(addresses().contains(&IpAddr::from([127, 0, 0, 1])));
    }
}
