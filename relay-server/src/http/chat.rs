//! History and the feed of changes.

use axum::Json;
use axum::extract::State;
use parley_shared::ids::RoomId;
use parley_shared::limits::{PAGE_ITEMS, PAGE_ITEMS_DEFAULT};
use parley_shared::wire::{ChangesPage, HistoryPage, HistoryQuery, WireError};
use serde::Deserialize;

use super::extract::{Answer, Asked, At, Caller};
use crate::app::App;

pub async fn history(
    State(app): State<App>,
    caller: Caller,
    At(room_id): At<RoomId>,
    Asked(query): Asked<HistoryQuery>,
) -> Answer<Json<HistoryPage>> {
    let places = [query.before.is_some(), query.after.is_some(), query.at_ms.is_some()];
    if places.into_iter().filter(|given| *given).count() > 1 {
        return Err(WireError::field("before", "At most one of before, after and at_ms.").into());
    }
    Ok(Json(app.store.history(caller.user.id, room_id, query).await?))
}

#[derive(Debug, Deserialize)]
pub struct ChangesQuery {
    #[serde(default)]
    after: u64,
    limit: Option<u32>,
}

pub async fn changes(
    State(app): State<App>,
    caller: Caller,
    At(room_id): At<RoomId>,
    Asked(query): Asked<ChangesQuery>,
) -> Answer<Json<ChangesPage>> {
    let limit = query.limit.unwrap_or(PAGE_ITEMS_DEFAULT).clamp(1, PAGE_ITEMS);
    Ok(Json(app.store.changes(caller.user.id, room_id, query.after, limit).await?))
}
