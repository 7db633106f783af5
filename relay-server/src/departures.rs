//! Who hears of it when somebody leaves a room, or for good.

use parley_shared::ids::{RoomId, UserId};
use relay_core::Input;

use crate::app::Parts;
use crate::clock::unix_now;
use crate::store::{DeletedAccount, Left};

/// Somebody left a room, or was removed.
pub async fn tell_left(app: &Parts, room_id: RoomId, user_id: UserId, left: Left) {
    let (users, gone) = match left {
        Left::Member => (vec![user_id], false),
        Left::RoomGone { mut guests } => {
            guests.push(user_id);
            (guests, true)
        }
    };
    app.hub.input(Input::RoomLeft { room_id, users, gone }).await;
}

/// An account is gone.
pub async fn tell_deleted(app: &Parts, deleted: DeletedAccount) {
    let DeletedAccount { change, devices, left, closed } = deleted;
    let user_id = change.user.id;
    app.cut(devices).await;
    app.hub.input(Input::UserChanged { user: change.user, audience: change.audience }).await;
    for (room_id, left) in left {
        tell_left(app, room_id, user_id, left).await;
    }
    for room_id in closed {
        app.hub.input(Input::RoomTouched { room_id }).await;
    }
}

/// Forgets the guests who are gone from everywhere. When the store fails, who is left waits for the next time.
pub async fn forget_guests(app: &Parts) {
    loop {
        match app.store.forget_guest(unix_now()).await {
            Ok(Some(deleted)) => {
                tracing::debug!(user = %deleted.change.user.id, "a guest was forgotten");
                tell_deleted(app, deleted).await;
            }
            Ok(None) => return,
            Err(error) => return tracing::warn!(%error, "forgetting guests failed"),
        }
    }
}
