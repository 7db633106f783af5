//! The relay as its clients meet it: the real server on a free port, over HTTP and sockets.

mod bad_input;
mod call_reports;
mod calls;
mod chat;
mod conversation;
mod crash;
mod files;
mod harness;
mod logs;
mod profile;
mod rest;
mod sessions;
mod store;
