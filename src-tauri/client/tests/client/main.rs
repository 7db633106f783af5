//! The client against a real relay in the same process.

mod call;
mod chat;
mod link;
mod log;
mod support;
