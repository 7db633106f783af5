//! What the Parley relay decides, without doing any of it.
//!
//! [`Relay`] is one state machine over sessions, presence, calls and rates. A driver carries things in and out:
//!
//! ```text
//! loop {
//!     relay.handle(input, now)              // a socket opened, a message came, the store answered, time passed
//!     while let Some(output) = relay.poll_output() { ... }   // send, close, ask the store
//!     wait for the next input, at most until relay.poll_timeout()
//! }
//! ```
//!
//! This crate must never do IO, read a clock, or draw randomness of its own.

pub mod call;
mod hints;
pub mod presence;
pub mod rate;
mod relay;
mod requests;
pub mod session;
pub mod text;
pub mod work;

use std::sync::Arc;
use std::time::Instant;

use parley_shared::ids::{DeviceId, EventSeq, RoomId, UnixMs, UserId};
use parley_shared::limits;
use parley_shared::wire::{Call, ClientMsg, Event, IceServer, Resume, ServerMsg, User};

use presence::PresenceChange;
use rate::Quota;
use work::{Answered, OpenCall, Roster, Ticket, Work};

pub use relay::Relay;

/// The moment of an input: `at` for intervals, `unix` for stamps that others read.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    pub at: Instant,
    pub unix: UnixMs,
}

/// One connection, numbered by the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId(pub u64);

/// Ten random bytes for an id.
pub type Random = Box<dyn FnMut() -> [u8; 10] + Send>;

/// What a relay is set to.
#[derive(Clone, Debug)]
pub struct Settings {
    pub ice_servers: Vec<IceServer>,
    /// Messages of one user, and what they change about messages.
    pub messages: Quota,
    /// Requests of any other kind on one session.
    pub requests: Quota,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ice_servers: Vec::new(),
            messages: Quota { burst: limits::MESSAGE_BURST, window: limits::MESSAGE_WINDOW },
            requests: Quota { burst: limits::REQUEST_BURST, window: limits::REQUEST_WINDOW },
        }
    }
}

/// Something happened.
#[derive(Debug)]
pub enum Input {
    /// A socket said hello with a good token.
    SocketOpened { socket: SocketId, user: User, device_id: DeviceId, resume: Option<Resume> },
    /// A socket is gone. `said_goodbye`: the client closed it in order, and is not expected back at once.
    SocketClosed { socket: SocketId, said_goodbye: bool },
    /// A message came on an open socket. A second hello is refused here.
    Received { socket: SocketId, msg: ClientMsg },
    /// The store answered.
    Answered { ticket: Ticket, answered: Answered },
    /// A room was made or changed by a REST request.
    RoomTouched { room_id: RoomId },
    /// How one member sees a room changed, and nobody else: their own devices are told.
    RoomViewChanged { room_id: RoomId, user_id: UserId },
    /// These people are no longer members, or the room is gone (`gone`).
    RoomLeft { room_id: RoomId, users: Vec<UserId>, gone: bool },
    /// A person changed name, picture, status or role; `audience` is told.
    UserChanged { user: User, audience: Vec<UserId> },
    /// These devices were signed out or revoked.
    DevicesRevoked { devices: Vec<DeviceId> },
    /// A call that went on when the relay stopped.
    CallRestored { open: OpenCall, roster: Roster },
    /// The moment of [`Relay::poll_timeout`] came.
    Timeout,
}

/// Something to do.
#[derive(Debug)]
pub enum Output {
    Send {
        socket: SocketId,
        msg: Outgoing,
    },
    /// Close the socket once what was sent before is out.
    Close {
        socket: SocketId,
    },
    Work {
        ticket: Ticket,
        work: Work,
    },
    /// A person's presence as REST answers show it.
    Presence(PresenceChange),
    /// The call of a room as REST answers show it.
    CallShown {
        room_id: RoomId,
        call: Option<Call>,
    },
}

/// A message to a socket. Events are shared: the same one goes to many.
#[derive(Clone, Debug)]
pub enum Outgoing {
    Msg(Box<ServerMsg>),
    Event { seq: EventSeq, event: Arc<Event> },
}
