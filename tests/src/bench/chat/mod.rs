//! Chat in figures: sockets, fan-out, durable inserts, history and search, beside other servers where there are any.

pub mod crowd;
pub mod kills;
pub mod load;
pub mod server;
pub mod sockets;
