//! What is shown of people and not kept: presence and typing.

use std::time::Instant;

use parley_shared::ids::{RoomId, SessionId, UserId};
use parley_shared::limits::TYPING_TIMEOUT;
use parley_shared::wire::{Hint, Presence, ServerMsg};

use crate::presence::Signs;
use crate::relay::{Relay, Timer};
use crate::work::{Waiting, Work};
use crate::{Now, Output, SocketId};

/// Somebody types: until when, and who sees it.
#[derive(Debug)]
pub(crate) struct Typing {
    pub until: Instant,
    others: Vec<UserId>,
}

impl Relay {
    pub(crate) fn start_typing(&mut self, room_id: RoomId, user_id: UserId, others: Vec<UserId>, now: Now) {
        let until = now.at + TYPING_TIMEOUT;
        self.timers.insert((until, Timer::Typing(room_id, user_id)));
        self.hint(&others, &Hint::Typing { room_id, user_id, typing: true });
        self.typing.insert((room_id, user_id), Typing { until, others });
    }

    pub(crate) fn stop_typing(&mut self, room_id: RoomId, user_id: UserId) {
        if let Some(typing) = self.typing.remove(&(room_id, user_id)) {
            self.hint(&typing.others, &Hint::Typing { room_id, user_id, typing: false });
        }
    }

    pub(crate) fn is_reachable(&self, user_id: UserId) -> bool {
        self.presence.of(user_id) != Presence::Offline
    }

    pub(crate) fn has_socket(&self, user_id: UserId) -> bool {
        self.sessions_of(user_id).any(|session| session.socket.is_some())
    }

    pub(crate) fn refresh_presence(&mut self, user_id: UserId, now: Now) {
        let attached = || self.sessions_of(user_id).filter(|session| session.socket.is_some());
        let is_bot = self.sessions_of(user_id).any(|session| session.user.bot);
        let signs = Signs {
            connected: attached().next().is_some() || self.fading.contains_key(&user_id),
            all_idle: attached().next().is_some() && attached().all(|session| session.idle),
            in_call: !is_bot && self.calls.has_user(user_id),
        };
        let before = self.presence.of(user_id);
        let Some(change) = self.presence.update(user_id, signs, now.unix) else { return };
        self.outputs.push_back(Output::Presence(change));
        // Also on coming: after a crash that is what is known.
        if change.last_seen.is_some() || before == Presence::Offline {
            self.ask(Work::LastSeen { user_id, at: now.unix }, Waiting::Nobody);
        }
        self.ask(Work::Audience { user_id }, Waiting::Audience { user_id });
    }

    pub(crate) fn tell_presence(&mut self, user_id: UserId, people: &[UserId], now: Now) {
        let presence = self.presence.of(user_id);
        let last_seen_at_ms = (presence == Presence::Offline).then_some(now.unix);
        self.hint(people, &Hint::Presence { user_id, presence, last_seen_at_ms });
    }

    pub(crate) fn show_presences(&mut self, session_id: SessionId, people: &[UserId]) {
        let Some(socket) = self.sessions.get(&session_id).and_then(|session| session.socket) else { return };
        for user_id in people {
            let presence = self.presence.of(*user_id);
            if presence != Presence::Offline {
                let hint = Hint::Presence { user_id: *user_id, presence, last_seen_at_ms: None };
                self.send(socket, ServerMsg::Hint { hint });
            }
        }
    }

    fn hint(&mut self, users: &[UserId], hint: &Hint) {
        let sockets: Vec<SocketId> =
            users.iter().flat_map(|user_id| self.sessions_of(*user_id)).filter_map(|session| session.socket).collect();
        for socket in sockets {
            self.send(socket, ServerMsg::Hint { hint: hint.clone() });
        }
    }
}
