//! App to relay. REST bodies live with their domain; [`ClientMsg`] and [`ServerMsg`] are what travels on the socket.
//!
//! Every enum is tagged by `type`; unknown fields are ignored, so that either side may learn new words first.

mod auth;
mod call;
mod call_report;
mod chat;
mod error;
mod files;
mod people;
mod room;
mod socket;

pub use auth::*;
pub use call::*;
pub use call_report::*;
pub use chat::*;
pub use error::*;
pub use files::*;
pub use people::*;
pub use room::*;
pub use socket::*;

/// Version of the protocol that this build speaks. A relay refuses a hello of another major version with `unsupported_version`.
pub const PROTOCOL_VERSION: u32 = 1;
