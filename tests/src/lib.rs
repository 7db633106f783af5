//! The harness of the tests and benches across Parley's crates: real relays, people with clients, browsers, bad links.
//!
//! ```text
//! relay::Relay (in this process) | relay::RelayProcess (may be killed and started again)
//!    ^                                  ^
//! person::Person (a client) <--media--> person::Person | browser::Peer (Chromium, a page that knows only the protocol)
//! ```
//!
//! Everything is started on free ports with data in temporary folders, and ends with the value that stands for it.
//! Nothing here waits by sleeping for a guess of a time: each wait names what it waits for, and panics with it.

pub mod bench;
pub mod bot;
pub mod browser;
pub mod calls;
pub mod link;
pub mod pages;
pub mod person;
pub mod picture;
pub mod programs;
pub mod relay;
pub mod sound;
pub mod turn;
pub mod usage;
pub mod webdriver;
pub mod window;

pub use turn::turn;
