//! The relay's REST interface: typed calls, with the token renewed when it has run out.

mod export;
mod files;
mod http;
#[cfg(test)]
pub(crate) mod played;
mod tokens;
#[cfg(test)]
mod wire_tests;

use std::time::Duration;

use parley_shared::wire::{HistoryQuery, Person, Room, Secret, Session, StoredReport};
use reqwest::{Method, RequestBuilder};
use serde::de::DeserializeOwned;

pub use http::Http;
pub use tokens::{TokenError, Tokens};

use crate::core::{ApiCall, ApiReply, CallFailure};

/// A relay that somebody typed may not be there.
const LOOK_TIMEOUT: Duration = Duration::from_secs(10);
/// What a relay tells everybody takes some hundred bytes.
const LOOK_BYTES: usize = 64 * 1024;
/// Items of one page of people, rooms and changes.
const PAGE: u32 = parley_shared::limits::PAGE_ITEMS;

/// Calls a relay as one account. Clones share connections and tokens.
#[derive(Clone, Debug)]
pub struct Api {
    http: Http,
    tokens: Tokens,
}

/// Signing up and signing in, and what a relay tells everybody: the calls that need no account. They carry no token.
///
/// # Errors
/// See [`CallFailure`].
pub async fn enter(call: ApiCall) -> Result<ApiReply, CallFailure> {
    let session = match call {
        ApiCall::SignUp { relay_url, body } => {
            http::post::<Session>(&http_of(&relay_url)?, "auth/sign-up", None, &body).await?
        }
        ApiCall::SignIn { relay_url, body } => {
            http::post::<Session>(&http_of(&relay_url)?, "auth/sign-in", None, &body).await?
        }
        ApiCall::JoinAsGuest { relay_url, code, body } => {
            http::post::<Session>(&http_of(&relay_url)?, &format!("invites/{code}/guest"), None, &body).await?
        }
        ApiCall::Relay { relay_url } => return Ok(ApiReply::Relay(look(&relay_url, "relay").await?)),
        ApiCall::InviteInfo { relay_url, code } => {
            return Ok(ApiReply::InviteInfo(look(&relay_url, &format!("invites/{code}")).await?));
        }
        _ => return Err(CallFailure::Offline),
    };
    Ok(ApiReply::Session(Box::new(session)))
}

/// Asks a relay that may be a stranger's, without a token.
async fn look<T: DeserializeOwned>(relay_url: &str, path: &str) -> Result<T, CallFailure> {
    let request = http_of(relay_url)?.request(Method::GET, path).timeout(LOOK_TIMEOUT);
    http::read_at_most(http::send(request, None).await?, LOOK_BYTES).await
}

fn http_of(relay_url: &str) -> Result<Http, CallFailure> {
    Http::new(relay_url).map_err(|_| CallFailure::Offline)
}

impl Api {
    pub fn new(http: Http, tokens: Tokens) -> Self {
        Self { http, tokens }
    }

    /// # Errors
    /// See [`CallFailure`]; an account that is signed out is `Refused` with `unauthenticated`.
    pub async fn call(&self, call: ApiCall) -> Result<ApiReply, CallFailure> {
        match call {
            ApiCall::SignUp { .. }
            | ApiCall::SignIn { .. }
            | ApiCall::JoinAsGuest { .. }
            | ApiCall::Relay { .. }
            | ApiCall::InviteInfo { .. } => enter(call).await,
            ApiCall::SignOut => self.done(self.post("auth/sign-out")).await,
            ApiCall::People { query } => {
                let request = self.get("users").query(&[("query", query.as_str())]).query(&[("limit", PAGE)]);
                Ok(ApiReply::People(self.ask::<Vec<Person>>(request).await?))
            }
            ApiCall::SetFavourite(user_id, on) => self.mark(on, &format!("contacts/favourites/{user_id}")).await,
            ApiCall::SetBlocked(user_id, on) => self.mark(on, &format!("contacts/blocked/{user_id}")).await,
            ApiCall::Rooms => Ok(ApiReply::Rooms(self.ask::<Vec<Room>>(self.get("rooms")).await?)),
            ApiCall::CreateRoom(body) => self.room(self.post("rooms").json(&body)).await,
            ApiCall::ChangeRoom(id, body) => {
                self.room(self.http.request(Method::PATCH, &format!("rooms/{id}")).json(&body)).await
            }
            ApiCall::SetNotify(id, body) => {
                self.room(self.http.request(Method::PUT, &format!("rooms/{id}/notify")).json(&body)).await
            }
            ApiCall::DeleteRoom(id) => self.done(self.http.request(Method::DELETE, &format!("rooms/{id}"))).await,
            ApiCall::JoinRoom(id) => self.room(self.post(&format!("rooms/{id}/join"))).await,
            ApiCall::AcceptInvite(code) => self.room(self.post(&format!("invites/{code}/accept"))).await,
            ApiCall::AddMembers(id, body) => self.room(self.post(&format!("rooms/{id}/members")).json(&body)).await,
            ApiCall::RemoveMember(id, user_id) => {
                self.done(self.http.request(Method::DELETE, &format!("rooms/{id}/members/{user_id}"))).await
            }
            ApiCall::PublicRooms { query } => {
                let request = self.get("rooms/public").query(&[("query", query.as_str())]).query(&[("limit", PAGE)]);
                Ok(ApiReply::PublicRooms(self.ask(request).await?))
            }
            ApiCall::CreateInvite(room_id, body) => {
                Ok(ApiReply::Invite(self.ask(self.post(&invites(room_id)).json(&body)).await?))
            }
            ApiCall::Invites(room_id) => Ok(ApiReply::Invites(self.ask(self.get(&invites(room_id))).await?)),
            ApiCall::RevokeInvite(room_id, id) => {
                self.done(self.http.request(Method::DELETE, &format!("{}/{id}", invites(room_id)))).await
            }
            ApiCall::ChangeMember(id, user_id, body) => {
                let request = self.http.request(Method::PATCH, &format!("rooms/{id}/members/{user_id}"));
                self.room(request.json(&body)).await
            }
            ApiCall::ChangePassword(body) => self.done(self.post("me/password").json(&body)).await,
            ApiCall::DeleteAccount(body) => self.done(self.post("me/delete").json(&body)).await,
            ApiCall::History(id, query) => Ok(ApiReply::History(self.ask(self.history(id, &query)).await?)),
            ApiCall::ReportCall(id, report) => {
                self.done(self.http.request(Method::PUT, &format!("calls/{id}/report")).json(&report)).await
            }
            ApiCall::CallReports(id) => {
                let reports = self.ask::<Vec<StoredReport>>(self.get(&format!("calls/{id}/reports"))).await?;
                Ok(ApiReply::CallReports(reports))
            }
            ApiCall::Profile => Ok(ApiReply::Profile(Box::new(self.ask(self.get("me")).await?))),
            ApiCall::ChangeProfile(body) => {
                let request = self.http.request(Method::PATCH, "me").json(&body);
                Ok(ApiReply::Profile(Box::new(self.ask(request).await?)))
            }
            ApiCall::Devices => Ok(ApiReply::Devices(self.ask(self.get("devices")).await?)),
            ApiCall::RevokeDevice(id) => self.done(self.http.request(Method::DELETE, &format!("devices/{id}"))).await,
            ApiCall::RevokeOtherDevices => self.done(self.http.request(Method::DELETE, "devices")).await,
            ApiCall::Message(room_id, id) => {
                let request = self.get(&format!("rooms/{room_id}/messages/{id}"));
                Ok(ApiReply::Message(Box::new(self.ask(request).await?)))
            }
            ApiCall::Thread { room_id, thread_id, after } => {
                let request = self.get(&format!("rooms/{room_id}/threads/{thread_id}")).query(&[("limit", PAGE)]);
                let request =
                    request.query(&after.map(|after| [("after", after.0)]).into_iter().flatten().collect::<Vec<_>>());
                Ok(ApiReply::Thread(Box::new(self.ask(request).await?)))
            }
            ApiCall::Versions(room_id, id) => {
                let request = self.get(&format!("rooms/{room_id}/messages/{id}/versions"));
                Ok(ApiReply::Versions(self.ask(request).await?))
            }
            ApiCall::Pins(room_id) => {
                Ok(ApiReply::Messages(self.ask(self.get(&format!("rooms/{room_id}/pins"))).await?))
            }
            ApiCall::Search(request) => Ok(ApiReply::Search(self.ask(self.get("search").query(&request)).await?)),
            ApiCall::Changes { room_id, after } => {
                let request = self.get(&format!("rooms/{room_id}/changes"));
                let request = request.query(&[("after", after.0)]).query(&[("limit", PAGE)]);
                Ok(ApiReply::Changes(self.ask(request).await?))
            }
        }
    }

    fn history(&self, id: parley_shared::ids::RoomId, query: &HistoryQuery) -> RequestBuilder {
        self.get(&format!("rooms/{id}/messages")).query(query)
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.http.request(Method::GET, path)
    }

    fn post(&self, path: &str) -> RequestBuilder {
        self.http.request(Method::POST, path)
    }

    async fn mark(&self, on: bool, path: &str) -> Result<ApiReply, CallFailure> {
        let method = if on { Method::PUT } else { Method::DELETE };
        self.done(self.http.request(method, path)).await
    }

    async fn room(&self, request: RequestBuilder) -> Result<ApiReply, CallFailure> {
        Ok(ApiReply::Room(Box::new(self.ask(request).await?)))
    }

    async fn done(&self, request: RequestBuilder) -> Result<ApiReply, CallFailure> {
        self.ask::<serde::de::IgnoredAny>(request).await?;
        Ok(ApiReply::Done)
    }

    /// Sends with a token, and once more with another when the first is refused.
    async fn ask<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, CallFailure> {
        let again = request.try_clone();
        let token = self.tokens.access().await.map_err(no_token)?;
        let response = http::send(request, Some(&token)).await?;
        match again {
            Some(again) if response.status() == reqwest::StatusCode::UNAUTHORIZED => {
                let token: Secret = self.tokens.after_refusal(token).await.map_err(no_token)?;
                http::read(http::send(again, Some(&token)).await?).await
            }
            _ => http::read(response).await,
        }
    }
}

fn invites(room_id: Option<parley_shared::ids::RoomId>) -> String {
    match room_id {
        Some(room_id) => format!("rooms/{room_id}/invites"),
        None => "registration-invites".to_owned(),
    }
}

fn no_token(error: TokenError) -> CallFailure {
    use parley_shared::wire::{ErrorCode, WireError};
    match error {
        TokenError::Offline => CallFailure::Offline,
        TokenError::Gone => CallFailure::Refused(WireError::new(ErrorCode::Unauthenticated, "You are signed out.")),
    }
}
