//! The whole Parley app without a window: accounts, rooms, chat and calls against one relay.
//!
//! ```text
//! Command ──> driver ──Input──> core (pure) ──Effect──> driver ──> relay | disk | keyring | devices
//!                                  └──────────ViewEvent──────────> whoever draws
//! ```
//!
//! [`Client::spawn`] starts the actor, [`ClientHandle`] talks to it. The crate must never: open a window, open a device or
//! let media flow before the person agreed to a call, write a token to a file in plain text, or log an address, a token or
//! message text above DEBUG.

pub mod api;
pub mod bot;
mod call_media;
mod client;
pub mod config;
pub mod core;
mod driver;
pub mod engine;
pub mod export;
pub mod files;
#[cfg(any(test, feature = "hostile"))]
pub mod hostile;
mod network_watch;
pub mod peer;
pub mod secrets;
pub mod signaling;
pub mod store;

pub use client::{Client, ClientHandle};
pub use config::{ClientConfig, MediaOverrides, SecretsChoice};
