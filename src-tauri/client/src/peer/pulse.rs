//! When a connection heard from the network last, and by which of its addresses.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

/// The sockets of one connection. Those that are closed are forgotten.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    sockets: Mutex<Vec<Weak<SocketPulse>>>,
}

/// One socket's part; written at every datagram, without a lock.
#[derive(Debug)]
pub(crate) struct SocketPulse {
    ip: IpAddr,
    opened_at: Instant,
    /// Milliseconds after `opened_at`, plus one; 0 when nothing came.
    heard_ms: AtomicU64,
}

impl Pulse {
    pub(crate) fn add(&self, ip: IpAddr, now: Instant) -> Arc<SocketPulse> {
        let socket = Arc::new(SocketPulse { ip, opened_at: now, heard_ms: AtomicU64::new(0) });
        let mut sockets = self.lock();
        sockets.retain(|socket| socket.strong_count() > 0);
        sockets.push(Arc::downgrade(&socket));
        socket
    }

    /// Since when nothing at all has come; since the opening of the sockets when nothing ever came. `None` without sockets.
    pub(crate) fn silent_since(&self) -> Option<Instant> {
        self.sockets().map(|socket| socket.heard_at().unwrap_or(socket.opened_at)).max()
    }

    /// The address that heard last. `None` while nothing came.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        self.sockets().filter_map(|socket| Some((socket.heard_at()?, socket.ip))).max().map(|(_, ip)| ip)
    }

    fn sockets(&self) -> impl Iterator<Item = Arc<SocketPulse>> {
        self.lock().iter().filter_map(Weak::upgrade).collect::<Vec<_>>().into_iter()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Weak<SocketPulse>>> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SocketPulse {
    /// Something came.
    pub(crate) fn beat(&self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.opened_at).as_millis();
        self.heard_ms.store(u64::try_from(elapsed).map_or(u64::MAX, |ms| ms.saturating_add(1)), Ordering::Relaxed);
    }

    fn heard_at(&self) -> Option<Instant> {
        let after = self.heard_ms.load(Ordering::Relaxed).checked_sub(1)?;
        self.opened_at.checked_add(Duration::from_millis(after))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([127, 0, 0, last])
    }

    #[test]
    fn silence_counts_from_the_newest_datagram_of_any_socket() {
        let (pulse, start) = (Pulse::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        assert_eq!(pulse.silent_since(), None);
        let (one, other) = (pulse.add(ip(2), start), pulse.add(ip(3), at(100)));
        assert_eq!((pulse.silent_since(), pulse.address()), (Some(at(100)), None));
        one.beat(at(250));
        assert_eq!((pulse.silent_since(), pulse.address()), (Some(at(250)), Some(ip(2))));
        other.beat(at(300));
        assert_eq!((pulse.silent_since(), pulse.address()), (Some(at(300)), Some(ip(3))));
    }

    #[test]
    fn closed_sockets_are_forgotten() {
        let (pulse, start) = (Pulse::default(), Instant::now());
        let closed = pulse.add(ip(2), start);
        closed.beat(start + Duration::from_secs(9));
        drop(closed);
        let _open = pulse.add(ip(3), start + Duration::from_secs(1));
        assert_eq!((pulse.silent_since(), pulse.address()), (Some(start + Duration::from_secs(1)), None));
    }
}
