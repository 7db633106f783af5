//! What the core last said of people and rooms, for REST answers to show.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use parley_shared::ids::{RoomId, UserId};
use parley_shared::wire::{Call, Person, Presence, Room};
use relay_core::presence::PresenceChange;

/// Written by the driver only; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Board(Arc<RwLock<State>>);

#[derive(Debug, Default)]
struct State {
    presence: HashMap<UserId, Presence>,
    calls: HashMap<RoomId, Call>,
}

impl Board {
    pub(crate) fn set_presence(&self, change: PresenceChange) {
        let mut state = self.0.write().expect("no writer of the board panics");
        match change.presence {
            Presence::Offline => state.presence.remove(&change.user_id),
            Presence::Online | Presence::Away | Presence::Busy => {
                state.presence.insert(change.user_id, change.presence)
            }
        };
    }

    pub(crate) fn set_call(&self, room_id: RoomId, call: Option<Call>) {
        let mut state = self.0.write().expect("no writer of the board panics");
        match call {
            Some(call) => state.calls.insert(room_id, call),
            None => state.calls.remove(&room_id),
        };
    }

    /// Puts in whether the person can be reached.
    pub fn complete_person(&self, person: &mut Person) {
        let state = self.0.read().expect("no writer of the board panics");
        person.presence = state.presence.get(&person.user.id).copied().unwrap_or(Presence::Offline);
        if person.presence != Presence::Offline {
            person.last_seen_at_ms = None;
        }
    }

    /// Puts in the call that goes on in the room.
    pub fn complete_room(&self, room: &mut Room) {
        let state = self.0.read().expect("no writer of the board panics");
        room.call = state.calls.get(&room.id).cloned();
    }
}
