//! The Parley server: accounts, rooms, signaling and message history in one process and one data directory.
//!
//! `relay-core` decides what happens on sockets; this crate is its IO: [`http`] answers REST, [`ws`] carries sockets, [`driver`] is the
//! one loop around the core, [`store`] is what outlives the process. It must never log an address, a token or the text of a message
//! above DEBUG.

pub mod app;
pub mod auth;
pub mod blobs;
pub mod board;
pub mod cli;
pub mod clock;
pub mod config;
pub mod departures;
mod devices;
pub mod driver;
pub mod export;
pub mod files;
pub mod http;
pub mod images;
pub mod metrics;
pub mod seal;
pub mod secrets;
pub mod store;
pub mod tenants;
pub mod ws;
