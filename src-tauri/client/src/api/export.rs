//! What whole histories and whole accounts are read by.

use std::time::Duration;

use parley_shared::ids::{MessageId, RoomId, Seq, UserId};
use parley_shared::wire::{HistoryPage, HistoryQuery, Member, Message, Person};
use reqwest::{Response, StatusCode};

use super::{Api, PAGE, http};
use crate::core::CallFailure;

/// A gigabyte of files on a line of 400 kbit/s.
const DATA_TIMEOUT: Duration = Duration::from_secs(6 * 60 * 60);

impl Api {
    /// The next page of a room's history, its threads included.
    ///
    /// # Errors
    /// See [`CallFailure`].
    pub async fn history_after(&self, room_id: RoomId, after: Seq) -> Result<HistoryPage, CallFailure> {
        let query = HistoryQuery { after: Some(after), limit: Some(PAGE), ..HistoryQuery::default() };
        self.ask(self.history(room_id, &query)).await
    }

    /// # Errors
    /// See [`CallFailure`].
    pub async fn message(&self, room_id: RoomId, id: MessageId) -> Result<Message, CallFailure> {
        self.ask(self.get(&format!("rooms/{room_id}/messages/{id}"))).await
    }

    /// The members of a room after one of them, by id.
    ///
    /// # Errors
    /// See [`CallFailure`].
    pub async fn members(&self, room_id: RoomId, after: Option<UserId>) -> Result<Vec<Member>, CallFailure> {
        let after: Vec<(&str, String)> = after.map(|after| ("after", after.to_string())).into_iter().collect();
        let request = self.get(&format!("rooms/{room_id}/members")).query(&[("limit", PAGE)]).query(&after);
        self.ask(request).await
    }

    /// # Errors
    /// See [`CallFailure`].
    pub async fn person(&self, id: UserId) -> Result<Person, CallFailure> {
        self.ask(self.get(&format!("users/{id}"))).await
    }

    /// The answer that brings everything of mine, a zip.
    ///
    /// # Errors
    /// See [`CallFailure`].
    pub async fn my_data(&self) -> Result<Response, CallFailure> {
        let response = self.respond(|| self.get("me/export").timeout(DATA_TIMEOUT)).await?;
        if response.status() == StatusCode::OK {
            return Ok(response);
        }
        // What is no success is an error in the relay's words.
        Err(http::read::<serde::de::IgnoredAny>(response).await.err().unwrap_or(CallFailure::Garbled))
    }
}
