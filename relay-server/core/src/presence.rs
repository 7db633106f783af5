//! Whether a person can be reached, from what their devices do.
//!
//! ```text
//! Offline --socket--> Online <--> Away (all devices idle)
//!    ^                  | ^
//!    |                  v |
//!    `--no socket----- Busy (in a call)
//! ```

use std::collections::BTreeMap;

use parley_shared::ids::{UnixMs, UserId};
use parley_shared::wire::Presence;

/// What is known about one person at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signs {
    pub connected: bool,
    pub all_idle: bool,
    pub in_call: bool,
}

impl Signs {
    pub fn presence(self) -> Presence {
        match self {
            Self { connected: false, .. } => Presence::Offline,
            Self { in_call: true, .. } => Presence::Busy,
            Self { all_idle: true, .. } => Presence::Away,
            Self { .. } => Presence::Online,
        }
    }
}

/// The presence that others were last told of. Whoever is not in it is offline.
#[derive(Debug, Default)]
pub struct PresenceBook {
    present: BTreeMap<UserId, Presence>,
}

/// A change to be told to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PresenceChange {
    pub user_id: UserId,
    pub presence: Presence,
    /// Set when the person went offline.
    pub last_seen: Option<UnixMs>,
}

impl PresenceBook {
    pub fn of(&self, user_id: UserId) -> Presence {
        self.present.get(&user_id).copied().unwrap_or(Presence::Offline)
    }

    /// Takes in the signs of a person and says what changed for others.
    pub fn update(&mut self, user_id: UserId, signs: Signs, now: UnixMs) -> Option<PresenceChange> {
        let presence = signs.presence();
        if self.of(user_id) == presence {
            return None;
        }
        match presence {
            Presence::Offline => self.present.remove(&user_id),
            Presence::Online | Presence::Away | Presence::Busy => self.present.insert(user_id, presence),
        };
        Some(PresenceChange { user_id, presence, last_seen: (presence == Presence::Offline).then_some(now) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changes_are_told() {
        let user = UserId::from_bytes([1; 16]);
        let mut book = PresenceBook::default();
        let online = Signs { connected: true, all_idle: false, in_call: false };
        assert_eq!(book.update(user, online, UnixMs(1)).map(|c| c.presence), Some(Presence::Online));
        assert_eq!(book.update(user, online, UnixMs(2)), None);
        let busy = Signs { in_call: true, ..online };
        assert_eq!(book.update(user, busy, UnixMs(3)).map(|c| c.presence), Some(Presence::Busy));
        let gone = Signs { connected: false, ..busy };
        let change = book.update(user, gone, UnixMs(4)).expect("going offline is told");
        assert_eq!((change.presence, change.last_seen), (Presence::Offline, Some(UnixMs(4))));
        assert_eq!(book.of(user), Presence::Offline);
    }

    #[test]
    fn a_call_outweighs_idleness() {
        assert_eq!(Signs { connected: true, all_idle: true, in_call: true }.presence(), Presence::Busy);
        assert_eq!(Signs { connected: true, all_idle: true, in_call: false }.presence(), Presence::Away);
    }
}
