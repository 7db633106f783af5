//! History, the feed of changes, threads, pins, search.

use axum::Json;
use axum::extract::State;
use parley_shared::ids::{MessageId, RoomId, Seq};
use parley_shared::limits::{PAGE_ITEMS, PAGE_ITEMS_DEFAULT, QUERY_CHARS};
use parley_shared::search::SearchQuery;
use parley_shared::wire::{
    ChangesPage, HistoryPage, HistoryQuery, Message, MessageVersion, SearchPage, SearchRequest, ThreadPage, WireError,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::extract::{Answer, Asked, At, Caller};
use crate::app::App;
use crate::store::Search;

pub async fn history(
    State(app): State<App>,
    caller: Caller,
    At(room_id): At<RoomId>,
    Asked(query): Asked<HistoryQuery>,
) -> Answer<Json<HistoryPage>> {
    let places = [query.before.is_some(), query.after.is_some(), query.around.is_some(), query.at_ms.is_some()];
    if places.into_iter().filter(|given| *given).count() > 1 {
        return Err(WireError::field("before", "At most one of before, after, around and at_ms.").into());
    }
    Ok(Json(app.store.history(caller.user.id, room_id, query).await?))
}

/// What is after a change, or after a place.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct AfterQuery {
    #[serde(default)]
    after: u64,
    limit: Option<u32>,
}

pub async fn changes(
    State(app): State<App>,
    caller: Caller,
    At(room_id): At<RoomId>,
    Asked(query): Asked<AfterQuery>,
) -> Answer<Json<ChangesPage>> {
    Ok(Json(app.store.changes(caller.user.id, room_id, query.after, page_items(query.limit)).await?))
}

fn page_items(limit: Option<u32>) -> u32 {
    limit.unwrap_or(PAGE_ITEMS_DEFAULT).clamp(1, PAGE_ITEMS)
}

pub async fn message(
    State(app): State<App>,
    caller: Caller,
    At((room_id, message_id)): At<(RoomId, MessageId)>,
) -> Answer<Json<Message>> {
    Ok(Json(app.store.message(caller.user.id, room_id, message_id).await?))
}

pub async fn versions(
    State(app): State<App>,
    caller: Caller,
    At((room_id, message_id)): At<(RoomId, MessageId)>,
) -> Answer<Json<Vec<MessageVersion>>> {
    Ok(Json(app.store.message_versions(caller.user.id, room_id, message_id).await?))
}

pub async fn pins(State(app): State<App>, caller: Caller, At(room_id): At<RoomId>) -> Answer<Json<Vec<Message>>> {
    Ok(Json(app.store.pins(caller.user.id, room_id).await?))
}

pub async fn thread(
    State(app): State<App>,
    caller: Caller,
    At((room_id, message_id)): At<(RoomId, MessageId)>,
    Asked(query): Asked<AfterQuery>,
) -> Answer<Json<ThreadPage>> {
    let (after, limit) = (Seq(query.after), page_items(query.limit));
    Ok(Json(app.store.thread(caller.user.id, room_id, message_id, after, limit).await?))
}

pub async fn search(
    State(app): State<App>,
    caller: Caller,
    Asked(request): Asked<SearchRequest>,
) -> Answer<Json<SearchPage>> {
    if request.query.chars().nth(QUERY_CHARS).is_some() {
        return Err(WireError::field("query", "That is too long to search for.").into());
    }
    app.gates.search(caller.device_id)?;
    let search = Search {
        query: SearchQuery::parse(&request.query, request.utc_offset_min),
        room_id: request.room_id,
        before: request.before.map(|before| opened(&app, &caller, &before)).transpose()?,
        limit: page_items(request.limit),
    };
    let mut page = app.store.search(caller.user.id, search).await?;
    page.next = page.next.and_then(|next| app.seal.close(&next, caller.user.id));
    Ok(Json(page))
}

/// The store counts the messages of everybody: its places go out sealed.
fn opened(app: &App, caller: &Caller, before: &str) -> Result<String, WireError> {
    let wrong = || WireError::field("before", "That is no `next` of a page.");
    app.seal.open(before, caller.user.id).ok_or_else(wrong)
}
