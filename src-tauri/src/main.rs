//! The Parley desktop app: a window around `parley-client`.
//!
//! ```text
//! webview ──command, query──> ipc ──> client ──events──> events ──"view"──> webview
//!    ^                                   └──FrameHub──> frames (loopback WebSocket) ──┐
//!    └────────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! It carries commands in, and events and pictures out. No decision lives here, and the webview never sees a token of the account.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

mod args;
mod badge;
mod bell;
mod events;
mod exports;
mod files;
mod frames;
mod ipc;
mod links;
mod log;
mod notifications;
mod shell;
mod window;

use clap::Parser;

fn main() -> anyhow::Result<()> {
    shell::run(args::Args::parse())
}
