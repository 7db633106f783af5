//! The relay as its clients meet it: the real server on a free port, over HTTP and sockets.

mod bad_input;
mod border;
mod call_reports;
mod calls;
mod chat;
mod conversation;
mod crash;
mod export;
mod files;
mod guests;
mod harness;
mod logs;
mod openapi;
mod pages;
mod profile;
mod rest;
mod sessions;
mod store;
