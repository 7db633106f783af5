//! What apps measured in calls.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use parley_shared::ids::CallId;
use parley_shared::wire::{CallReport, StoredReport};

use super::extract::{Answer, At, Body, Caller};
use crate::app::App;
use crate::clock::unix_now;

pub async fn report(
    State(app): State<App>,
    caller: Caller,
    At(call_id): At<CallId>,
    Body(report): Body<CallReport>,
) -> Answer<StatusCode> {
    report.check()?;
    app.store.put_call_report(caller.user.id, call_id, report, unix_now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn reports(
    State(app): State<App>,
    caller: Caller,
    At(call_id): At<CallId>,
) -> Answer<Json<Vec<StoredReport>>> {
    Ok(Json(app.store.call_reports(caller.user.id, call_id).await?))
}
