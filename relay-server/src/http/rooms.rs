//! Rooms and members.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use parley_shared::ids::{RoomId, UserId};
use parley_shared::limits::{PAGE_ITEMS, ROOM_MEMBERS, ROOM_NAME_CHARS, ROOM_TOPIC_CHARS, ROOMS_PER_USER};
use parley_shared::wire::{
    AddMembers, ChangeMember, ChangeRoom, CreateRoom, Member, PublicRoom, Room, RoomKind, SetNotify, Visibility,
    WireError,
};
use rand::RngCore;
use relay_core::{Input, text};

use super::extract::{Answer, Asked, At, Body, Caller, Page};
use crate::app::App;
use crate::clock::unix_now;
use crate::departures::tell_left;
use crate::store::NewRoom;

pub async fn list(State(app): State<App>, caller: Caller, Asked(page): Asked<Page<RoomId>>) -> Answer<Json<Vec<Room>>> {
    let limit = page.limit.unwrap_or(ROOMS_PER_USER).clamp(1, ROOMS_PER_USER);
    let mut rooms = app.store.rooms(caller.user.id, page.after, limit).await?;
    for room in &mut rooms {
        app.board.complete_room(room);
    }
    Ok(Json(rooms))
}

pub async fn room(State(app): State<App>, caller: Caller, At(room_id): At<RoomId>) -> Answer<Json<Room>> {
    let room = app.store.room(caller.user.id, room_id).await?;
    Ok(complete(&app, room))
}

pub async fn create(
    State(app): State<App>,
    caller: Caller,
    Body(body): Body<CreateRoom>,
) -> Answer<(StatusCode, Json<Room>)> {
    let new = new_room(&caller, body)?;
    let (room, fresh) = app.store.create_room(new).await?;
    if fresh {
        touched(&app, room.id).await;
    }
    let status = if fresh { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, complete(&app, room)))
}

fn new_room(caller: &Caller, body: CreateRoom) -> Answer<NewRoom> {
    let others = others(&body.members, caller.user.id)?;
    let at = unix_now();
    let mut random = [0; 10];
    rand::rng().fill_bytes(&mut random);
    let id = RoomId::from_parts(at, random);
    match body.kind {
        RoomKind::Direct if others.len() != 1 => {
            Err(WireError::field("members", "A direct room has one other person.").into())
        }
        RoomKind::Direct => Ok(NewRoom {
            id,
            kind: RoomKind::Direct,
            name: String::new(),
            topic: String::new(),
            visibility: Visibility::Private,
            max_members: 2,
            owner: caller.user.id,
            others,
            at,
        }),
        RoomKind::Group => Ok(NewRoom {
            id,
            kind: RoomKind::Group,
            name: text::line("name", &body.name, 1..=ROOM_NAME_CHARS)?,
            topic: text::line("topic", &body.topic, 0..=ROOM_TOPIC_CHARS)?,
            visibility: body.visibility,
            max_members: max_members(body.max_members.unwrap_or(ROOM_MEMBERS))?,
            owner: caller.user.id,
            others,
            at,
        }),
    }
}

/// The named people once each, without the one who asks.
fn others(members: &[UserId], asker: UserId) -> Answer<Vec<UserId>> {
    if members.len() > PAGE_ITEMS as usize {
        return Err(WireError::field("members", format!("At most {PAGE_ITEMS} people at once.")).into());
    }
    let mut others: Vec<UserId> = members.iter().copied().filter(|id| *id != asker).collect();
    others.sort_unstable();
    others.dedup();
    Ok(others)
}

fn max_members(max: u32) -> Answer<u32> {
    if (2..=ROOM_MEMBERS).contains(&max) {
        return Ok(max);
    }
    Err(WireError::field("max_members", format!("A room has 2 to {ROOM_MEMBERS} members.")).into())
}

pub async fn change(
    State(app): State<App>,
    caller: Caller,
    At(room_id): At<RoomId>,
    Body(mut change): Body<ChangeRoom>,
) -> Answer<Json<Room>> {
    change.name = change.name.map(|name| text::line("name", &name, 1..=ROOM_NAME_CHARS)).transpose()?;
    change.topic = change.topic.map(|topic| text::line("topic", &topic, 0..=ROOM_TOPIC_CHARS)).transpose()?;
    change.max_members = change.max_members.map(max_members).transpose()?;
    if change.avatar.is_some() && change.remove_avatar {
        return Err(WireError::field("avatar", "A picture is set or removed, not both.").into());
    }
    let (room, removed) = app.store.change_room(caller.user.id, room_id, change).await?;
    if removed.is_empty() {
        touched(&app, room_id).await;
    } else {
        app.hub.input(Input::RoomLeft { room_id, users: removed, gone: false }).await;
    }
    Ok(complete(&app, room))
}

pub async fn set_notify(
    State(app): State<App>,
    caller: Caller,
    At(room_id): At<RoomId>,
    Body(body): Body<SetNotify>,
) -> Answer<Json<Room>> {
    let room = app.store.set_notify(caller.user.id, room_id, body.level).await?;
    app.hub.input(Input::RoomViewChanged { room_id, user_id: caller.user.id }).await;
    Ok(complete(&app, room))
}

pub async fn delete(State(app): State<App>, caller: Caller, At(room_id): At<RoomId>) -> Answer<StatusCode> {
    let users = app.store.delete_room(caller.user.id, room_id).await?;
    app.hub.input(Input::RoomLeft { room_id, users, gone: true }).await;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn members(
    State(app): State<App>,
    caller: Caller,
    At(room_id): At<RoomId>,
    Asked(page): Asked<Page<UserId>>,
) -> Answer<Json<Vec<Member>>> {
    Ok(Json(app.store.members(caller.user.id, room_id, page.after, page.limit()).await?))
}

pub async fn add_members(
    State(app): State<App>,
    caller: Caller,
    At(room_id): At<RoomId>,
    Body(body): Body<AddMembers>,
) -> Answer<Json<Room>> {
    let members = others(&body.members, caller.user.id)?;
    let room = app.store.add_members(caller.user.id, room_id, members, unix_now()).await?;
    touched(&app, room_id).await;
    Ok(complete(&app, room))
}

pub async fn remove_member(
    State(app): State<App>,
    caller: Caller,
    At((room_id, user_id)): At<(RoomId, UserId)>,
) -> Answer<StatusCode> {
    let left = app.store.remove_member(caller.user.id, room_id, user_id).await?;
    tell_left(&app, room_id, user_id, left).await;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn change_member(
    State(app): State<App>,
    caller: Caller,
    At((room_id, user_id)): At<(RoomId, UserId)>,
    Body(body): Body<ChangeMember>,
) -> Answer<Json<Room>> {
    let room = app.store.change_member(caller.user.id, room_id, user_id, body.role).await?;
    touched(&app, room_id).await;
    Ok(complete(&app, room))
}

pub async fn public(
    State(app): State<App>,
    caller: Caller,
    Asked(page): Asked<Page<RoomId>>,
) -> Answer<Json<Vec<PublicRoom>>> {
    Ok(Json(app.store.public_rooms(caller.user.id, page.query()?, page.after, page.limit()).await?))
}

pub async fn join(State(app): State<App>, caller: Caller, At(room_id): At<RoomId>) -> Answer<Json<Room>> {
    let room = app.store.join_room(caller.user.id, room_id, unix_now()).await?;
    touched(&app, room_id).await;
    Ok(complete(&app, room))
}

/// Tells the members. In order with everything that is sent to the room from here on.
pub(super) async fn touched(app: &App, room_id: RoomId) {
    app.hub.input(Input::RoomTouched { room_id }).await;
}

pub(super) fn complete(app: &App, mut room: Room) -> Json<Room> {
    app.board.complete_room(&mut room);
    Json(room)
}
