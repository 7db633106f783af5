//! People, favourites, blocks.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use parley_shared::ids::UserId;
use parley_shared::wire::Person;

use super::extract::{Answer, Asked, At, Caller, Page};
use crate::app::App;
use crate::store::Mark;

pub async fn search(
    State(app): State<App>,
    caller: Caller,
    Asked(page): Asked<Page<UserId>>,
) -> Answer<Json<Vec<Person>>> {
    let people = app.store.search_people(caller.user.id, page.query()?, page.after, page.limit()).await?;
    Ok(complete(&app, people))
}

pub async fn person(State(app): State<App>, caller: Caller, At(user_id): At<UserId>) -> Answer<Json<Person>> {
    let mut person = app.store.person(caller.user.id, user_id).await?;
    app.board.complete_person(&mut person);
    Ok(Json(person))
}

pub async fn favourites(State(app): State<App>, caller: Caller) -> Answer<Json<Vec<Person>>> {
    Ok(complete(&app, app.store.marked_people(caller.user.id, Mark::Favourite).await?))
}

pub async fn blocked(State(app): State<App>, caller: Caller) -> Answer<Json<Vec<Person>>> {
    Ok(complete(&app, app.store.marked_people(caller.user.id, Mark::Blocked).await?))
}

pub async fn add_favourite(State(app): State<App>, caller: Caller, At(user_id): At<UserId>) -> Answer<StatusCode> {
    set(&app, &caller, user_id, Mark::Favourite, true).await
}

pub async fn remove_favourite(State(app): State<App>, caller: Caller, At(user_id): At<UserId>) -> Answer<StatusCode> {
    set(&app, &caller, user_id, Mark::Favourite, false).await
}

pub async fn block(State(app): State<App>, caller: Caller, At(user_id): At<UserId>) -> Answer<StatusCode> {
    set(&app, &caller, user_id, Mark::Blocked, true).await
}

pub async fn unblock(State(app): State<App>, caller: Caller, At(user_id): At<UserId>) -> Answer<StatusCode> {
    set(&app, &caller, user_id, Mark::Blocked, false).await
}

async fn set(app: &App, caller: &Caller, user_id: UserId, mark: Mark, on: bool) -> Answer<StatusCode> {
    app.store.set_mark(caller.user.id, user_id, mark, on).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn complete(app: &App, mut people: Vec<Person>) -> Json<Vec<Person>> {
    for person in &mut people {
        app.board.complete_person(person);
    }
    Json(people)
}
