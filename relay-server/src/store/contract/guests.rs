//! Guests, and what each member wants to be told of a room.

use std::sync::Arc;

use parley_shared::ids::{DeviceId, RoomId, UnixMs, UserId};
use parley_shared::limits::GUEST_DAYS;
use parley_shared::wire::{ChangeRoom, ErrorCode, InviteInfo, MemberRole, NotifyLevel, Role, User, Visibility};
use relay_core::work::{Done, Work};

use super::tenants::{invite, other_tenant};
use super::{AT, direct, group, person, refresh, refused, say};
use crate::store::{DELETED_NAME, Left, Mark, NewDevice, NewGuest, Store, StoreError, TenantId};

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

pub(super) async fn run(open: impl Fn(&str) -> Arc<dyn Store>) {
    joining(&open("guests")).await;
    what_guests_may(&open("guests_may")).await;
    forgetting(&open("guests_forgotten")).await;
    turning_off(&open("guests_off")).await;
    notify(&open("notify")).await;
}

fn guests(on: bool) -> ChangeRoom {
    ChangeRoom { guests: Some(on), ..ChangeRoom::default() }
}

/// A room of Ada's with an invite `code-n`, for as many as `uses`.
async fn open_room(store: &Arc<dyn Store>, owner: UserId, n: u8, uses: Option<u32>) -> RoomId {
    let (room, _) = store.create_room(group(n, owner, Vec::new())).await.expect("made");
    store.change_room(owner, room.id, guests(true)).await.expect("opened");
    store.create_invite(owner, room.id, invite(n, None, uses)).await.expect("made");
    room.id
}

fn newcomer(n: u8, code: &str) -> NewGuest {
    NewGuest {
        tenant: TenantId::DEFAULT,
        code: code.into(),
        display_name: format!("Guest {n}"),
        device: NewDevice {
            id: DeviceId::from_bytes([n; 16]),
            user_id: UserId::from_bytes([n; 16]),
            name: "browser".into(),
            at: AT,
            refresh: refresh(n),
        },
        at: AT,
    }
}

async fn guest(store: &Arc<dyn Store>, n: u8, code: &str) -> User {
    store.join_as_guest(newcomer(n, code)).await.expect("came in").0
}

async fn joining(store: &Arc<dyn Store>) {
    let ada = person(store, 1, "Ada").await;
    let room = open_room(store, ada.id, 1, Some(1)).await;
    let (closed, _) = store.create_room(group(2, ada.id, Vec::new())).await.expect("made");
    store.create_invite(ada.id, closed.id, invite(2, None, None)).await.expect("made");
    let tenant = other_tenant(store).await;
    let foreign = NewGuest { tenant, ..newcomer(50, "code-1") };
    for (new, why) in
        [(newcomer(50, "code-9"), "unknown"), (newcomer(50, "code-2"), "no guests"), (foreign, "elsewhere")]
    {
        assert_eq!(refused(store.join_as_guest(new).await), ErrorCode::NotFound, "{why}");
    }
    let info = store.invite_info(TenantId::DEFAULT, "code-1".into(), AT).await.expect("known");
    assert_eq!(info, InviteInfo::Room { name: "Room 1".into(), member_count: 1, guests: true });

    let (guest, entered) = store.join_as_guest(newcomer(50, "code-1")).await.expect("came in");
    assert_eq!((guest.role, guest.display_name.as_str(), entered), (Role::Guest, "Guest 50", room));
    assert_eq!(store.device_user(DeviceId::from_bytes([50; 16])).await.expect("readable"), Some(guest.clone()));
    let seen = store.room(guest.id, room).await.expect("a member");
    assert!(seen.guests);
    assert_eq!(store.invites(ada.id, room).await.expect("readable")[0].uses, 1);
    assert_eq!(refused(store.join_as_guest(newcomer(51, "code-1")).await), ErrorCode::NotFound, "used up");
    assert_eq!(
        refused(store.person(ada.id, UserId::from_bytes([51; 16])).await),
        ErrorCode::NotFound,
        "and nobody made"
    );

    let full = open_room(store, ada.id, 3, None).await;
    let two = ChangeRoom { max_members: Some(2), ..ChangeRoom::default() };
    store.change_room(ada.id, full, two).await.expect("changed");
    store.join_as_guest(newcomer(52, "code-3")).await.expect("came in");
    assert_eq!(refused(store.join_as_guest(newcomer(53, "code-3")).await), ErrorCode::Conflict, "full");
    assert_eq!(store.invites(ada.id, full).await.expect("readable")[0].uses, 1, "whoever did not come in used nothing");
}

async fn what_guests_may(store: &Arc<dyn Store>) {
    let (ada, bob) = (person(store, 1, "Ada Guesthouse").await, person(store, 2, "Bob Guesthouse").await);
    let room = open_room(store, ada.id, 1, None).await;
    let other = open_room(store, bob.id, 2, None).await;
    let guest = guest(store, 50, "code-1").await;
    say(store, room, guest.id, 1).await.expect("guests write");

    assert_eq!(refused(store.create_room(group(9, guest.id, Vec::new())).await), ErrorCode::Forbidden);
    assert_eq!(refused(store.create_room(direct(9, guest.id, ada.id)).await), ErrorCode::Forbidden);
    assert_eq!(refused(store.add_members(guest.id, room, vec![bob.id], AT).await), ErrorCode::Forbidden);
    assert_eq!(refused(store.create_invite(guest.id, room, invite(9, None, None)).await), ErrorCode::Forbidden);
    assert_eq!(refused(store.change_room(guest.id, room, guests(false)).await), ErrorCode::Forbidden);
    for role in [MemberRole::Moderator, MemberRole::Owner] {
        assert_eq!(refused(store.change_member(ada.id, room, guest.id, role).await), ErrorCode::Conflict);
    }
    assert_eq!(refused(store.registration_invites(guest.id).await), ErrorCode::Forbidden);

    let found = |query: &str| store.search_people(guest.id, query.into(), None, 10);
    for query in ["", "guesthouse"] {
        let names: Vec<_> = found(query).await.expect("readable").into_iter().map(|p| p.user.id).collect();
        assert_eq!(names, [ada.id], "{query}: those of one's rooms");
    }
    assert!(store.person(guest.id, ada.id).await.is_ok());
    assert_eq!(refused(store.person(guest.id, bob.id).await), ErrorCode::NotFound);
    assert_eq!(refused(store.set_mark(guest.id, bob.id, Mark::Favourite, true).await), ErrorCode::NotFound);
    assert_eq!(store.person(bob.id, guest.id).await.expect("others see guests").user.role, Role::Guest);

    let publish = ChangeRoom { visibility: Some(Visibility::Public), ..ChangeRoom::default() };
    store.change_room(bob.id, other, publish).await.expect("published");
    assert!(store.public_rooms(guest.id, String::new(), None, 10).await.expect("readable").is_empty());
    assert_eq!(refused(store.join_room(guest.id, other, AT).await), ErrorCode::Forbidden);
    store.accept_invite(guest.id, "code-2".into(), AT).await.expect("by invite, where guests are taken");
    assert!(store.person(guest.id, bob.id).await.is_ok());
    let (closed, _) = store.create_room(group(3, ada.id, vec![bob.id])).await.expect("made");
    store.create_invite(ada.id, closed.id, invite(3, None, None)).await.expect("made");
    assert_eq!(refused(store.accept_invite(guest.id, "code-3".into(), AT).await), ErrorCode::NotFound);
    assert_eq!(refused(store.add_members(ada.id, closed.id, vec![guest.id], AT).await), ErrorCode::Conflict);
    assert_eq!(refused(store.create_room(group(4, ada.id, vec![guest.id])).await), ErrorCode::Conflict);
    store.create_room(direct(5, bob.id, guest.id)).await.expect("members write to guests");

    say(store, room, bob.id, 2).await.expect_err("not a member");
    store.add_members(ada.id, room, vec![bob.id], AT).await.expect("added");
    say(store, room, bob.id, 3).await.expect("stored");
    store.remove_member(bob.id, room, bob.id).await.expect("left");
    assert!(store.person(guest.id, bob.id).await.is_ok(), "messages need a name");
}

async fn forget(store: &Arc<dyn Store>, ms: i64) -> Vec<UserId> {
    let mut gone = Vec::new();
    while let Some(deleted) = store.forget_guest(UnixMs(AT.0 + ms)).await.expect("writable") {
        assert_eq!(deleted.change.user.display_name, DELETED_NAME);
        gone.push(deleted.change.user.id);
    }
    gone
}

async fn forgetting(store: &Arc<dyn Store>) {
    let ada = person(store, 1, "Ada").await;
    let room = open_room(store, ada.id, 1, None).await;
    let [leaver, removed, signed_out, idle, active] = [50, 51, 52, 53, 54].map(|n| UserId::from_bytes([n; 16]));
    for n in 50..=54 {
        guest(store, n, "code-1").await;
    }
    store.create_room(direct(9, ada.id, leaver)).await.expect("made");
    assert!(forget(store, 0).await.is_empty());
    let (message, _) = say(store, room, leaver, 1).await.expect("stored");
    store.remove_member(leaver, room, leaver).await.expect("left");
    assert_eq!(forget(store, 0).await, [leaver], "whom only a conversation of two is left");
    store.remove_member(ada.id, room, removed).await.expect("removed");
    assert_eq!(forget(store, 0).await, [removed]);
    store.revoke_device(signed_out, DeviceId::from_bytes([52; 16])).await.expect("signed out");
    assert_eq!(forget(store, 0).await, [signed_out]);
    let week = i64::from(GUEST_DAYS) * DAY_MS;
    store.touch_devices(vec![DeviceId::from_bytes([54; 16])], UnixMs(AT.0 + DAY_MS)).await.expect("seen");
    assert!(forget(store, week - 1).await.is_empty());
    assert_eq!(forget(store, week).await, [idle], "not seen for a week");
    assert!(store.room(active, room).await.is_ok());
    let page = store.history(ada.id, room, Default::default()).await.expect("readable");
    assert_eq!(page.messages, [message], "what they wrote stays");
    assert_eq!(store.room(ada.id, room).await.expect("readable").member_count, 2);
    assert!(forget(store, week).await.is_empty(), "people with accounts stay, however long they are away");
}

async fn turning_off(store: &Arc<dyn Store>) {
    let (ada, bob) = (person(store, 1, "Ada").await, person(store, 2, "Bob").await);
    let room = open_room(store, ada.id, 1, None).await;
    store.add_members(ada.id, room, vec![bob.id], AT).await.expect("added");
    let guest = guest(store, 50, "code-1").await;
    store.change_member(ada.id, room, bob.id, MemberRole::Moderator).await.expect("promoted");
    assert_eq!(refused(store.change_room(bob.id, room, guests(false)).await), ErrorCode::Forbidden, "owners only");
    let (seen, removed) = store.change_room(ada.id, room, guests(true)).await.expect("as it was");
    assert_eq!((seen.member_count, removed.len()), (3, 0));
    let (seen, removed) = store.change_room(ada.id, room, guests(false)).await.expect("turned off");
    assert_eq!((seen.guests, seen.member_count, removed), (false, 2, vec![guest.id]));
    assert_eq!(refused(store.room(guest.id, room).await), ErrorCode::NotFound);
    assert_eq!(refused(store.join_as_guest(newcomer(51, "code-1")).await), ErrorCode::NotFound);
    let (pair, _) = store.create_room(direct(8, ada.id, bob.id)).await.expect("made");
    assert_eq!(refused(store.change_room(ada.id, pair.id, guests(true)).await), ErrorCode::Forbidden, "groups only");

    let room = open_room(store, ada.id, 2, None).await;
    let guest = store.join_as_guest(newcomer(60, "code-2")).await.expect("came in").0;
    store.add_members(ada.id, room, vec![bob.id], AT).await.expect("added");
    store.remove_member(ada.id, room, ada.id).await.expect("left");
    let heir = store.room(bob.id, room).await.expect("readable");
    let owners: Vec<_> = heir.members.iter().filter(|m| m.role == MemberRole::Owner).map(|m| m.user.id).collect();
    assert_eq!(owners, [bob.id], "not the guest, who is there longer");
    let left = store.remove_member(bob.id, room, bob.id).await.expect("left");
    assert_eq!(left, Left::RoomGone { guests: vec![guest.id] }, "guests cannot keep a room");
    assert_eq!(refused(store.room(guest.id, room).await), ErrorCode::NotFound);
}

async fn notify(store: &Arc<dyn Store>) {
    let (ada, bob, eve) = (person(store, 1, "Ada").await, person(store, 2, "Bob").await, person(store, 3, "Eve").await);
    let (room, _) = store.create_room(group(1, ada.id, vec![bob.id])).await.expect("made");
    assert_eq!(room.notify, NotifyLevel::All);
    for level in [NotifyLevel::Mentions, NotifyLevel::None, NotifyLevel::All, NotifyLevel::Mentions] {
        assert_eq!(store.set_notify(ada.id, room.id, level).await.expect("set").notify, level);
    }
    assert_eq!(store.rooms(ada.id, None, 10).await.expect("readable")[0].notify, NotifyLevel::Mentions);
    assert_eq!(store.room(bob.id, room.id).await.expect("readable").notify, NotifyLevel::All, "each their own");
    assert_eq!(refused(none(store, eve.id, room.id).await), ErrorCode::NotFound);
    let Ok(Done::RoomViews { views, .. }) =
        store.perform(Work::RoomViews { room_id: room.id, users: vec![ada.id, bob.id] }).await
    else {
        panic!("a room has views");
    };
    let levels: Vec<_> = views.iter().map(|(user_id, room)| (*user_id, room.notify)).collect();
    assert_eq!(levels, [(ada.id, NotifyLevel::Mentions), (bob.id, NotifyLevel::All)]);
    let (pair, _) = store.create_room(direct(2, ada.id, bob.id)).await.expect("made");
    assert_eq!(none(store, bob.id, pair.id).await.expect("set").notify, NotifyLevel::None, "also of two");
}

async fn none(store: &Arc<dyn Store>, asker: UserId, room_id: RoomId) -> Result<parley_shared::wire::Room, StoreError> {
    store.set_notify(asker, room_id, NotifyLevel::None).await
}
