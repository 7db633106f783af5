//! Every type that crosses a boundary in Parley.
//!
//! [`wire`] is what the app and the relay say to each other, [`view`] is what the app's shell and its webview say to each other,
//! [`limits`] is what both sides hold; [`search`] and [`mentions`] read what people type the same way on both. The prose of the wire is `PROTOCOL.md` beside this crate.
//!
//! This crate must never do IO, read a clock, or draw randomness: whoever makes an id passes both in.

pub mod ids;
pub mod limits;
pub mod mentions;
pub mod search;
pub mod view;
pub mod wire;
