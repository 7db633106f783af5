//! What is being written to a file: a room's history, or everything of mine.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// A room's history as a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ExportFormat {
    Json,
    /// One page that needs nothing else.
    Html,
}

/// One at a time; it is gone when the file is whole, or was given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ExportView {
    /// The room's title; none: my own data.
    pub room: Option<String>,
    /// Messages of a room, bytes of my data.
    #[ts(type = "number")]
    pub done: u64,
    /// None while it is not known.
    #[ts(type = "number | null")]
    pub total: Option<u64>,
}
