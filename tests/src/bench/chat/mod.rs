//! Chat in figures: sockets, fan-out, durable inserts, history and search, beside other servers where there are any.

pub mod crowd;
pub mod history;
pub mod kills;
pub mod load;
pub mod server;
pub mod sockets;
pub mod window;
mod words;
mod xmpp;
