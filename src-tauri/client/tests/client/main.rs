//! The client against a real relay in the same process.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod accounts;
mod bot;
mod call;
mod chat;
mod export;
mod files;
mod link;
mod log;
mod support;
mod talk;
