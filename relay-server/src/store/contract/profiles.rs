//! Profiles and deleted accounts.

use std::sync::Arc;

use parley_shared::wire::{ChangeProfile, ErrorCode, MemberRole, Role, UploadPurpose};

use super::{AT, direct, group, new_user, person, refused, say, sign_in};
use crate::store::{DELETED_NAME, Left, Mark, NewUpload, NewUser, Store, TenantId};

pub(super) async fn run(open: impl Fn(&str) -> Arc<dyn Store>) {
    profiles(&open("profiles")).await;
    deleted_accounts(&open("deleted_accounts")).await;
    last_admin(&open("last_admin")).await;
}

async fn profiles(store: &Arc<dyn Store>) {
    let (ada, bob) = (person(store, 1, "Ada").await, person(store, 2, "Bob").await);
    let eve = person(store, 3, "Eve").await;
    store.create_room(group(1, ada.id, vec![bob.id])).await.expect("made");
    let profile = store.profile(ada.id).await.expect("readable");
    assert_eq!((profile.user, profile.email.as_str(), profile.bio.as_str()), (ada.clone(), "p1@example.org", ""));
    let change = ChangeProfile {
        display_name: Some("Ada Byron".into()),
        status_text: Some("away".into()),
        bio: Some("one\ntwo".into()),
        ..ChangeProfile::default()
    };
    let change = store.change_profile(ada.id, change).await.expect("changed").expect("others see it");
    assert_eq!((change.user.display_name.as_str(), change.user.status_text.as_str()), ("Ada Byron", "away"));
    assert_eq!(change.audience, [bob.id], "those who share a room are told");
    let seen = store.person(eve.id, ada.id).await.expect("readable");
    assert_eq!((seen.bio.as_str(), seen.user), ("one\ntwo", change.user));
    let found = store.search_people(bob.id, "byr".into(), None, 10).await.expect("readable");
    assert_eq!(found.len(), 1, "found by the new name");
    let bio = ChangeProfile { bio: Some(String::new()), ..ChangeProfile::default() };
    assert!(store.change_profile(ada.id, bio).await.expect("changed").is_none(), "nobody is told of a bio");
    assert_eq!(store.profile(ada.id).await.expect("readable").bio, "");
}

async fn deleted_accounts(store: &Arc<dyn Store>) {
    let (admin, ada) = (person(store, 1, "Root").await, person(store, 2, "Ada Lovelace").await);
    let (bob, eve) = (person(store, 3, "Bob").await, person(store, 4, "Eve").await);
    let device = sign_in(store, ada.id, 1, 1).await;
    let (shared, _) = store.create_room(group(1, ada.id, vec![bob.id, eve.id])).await.expect("made");
    store.change_member(ada.id, shared.id, eve.id, MemberRole::Moderator).await.expect("promoted");
    let (alone, _) = store.create_room(group(2, ada.id, Vec::new())).await.expect("made");
    let (pair, _) = store.create_room(direct(3, ada.id, bob.id)).await.expect("made");
    let (message, _) = say(store, shared.id, ada.id, 1).await.expect("stored");
    say(store, pair.id, ada.id, 2).await.expect("stored");
    store.set_mark(bob.id, ada.id, Mark::Favourite, true).await.expect("marked");
    let upload = NewUpload {
        id: parley_shared::ids::FileId::from_bytes([1; 16]),
        owner: ada.id,
        purpose: UploadPurpose::Attachment,
        name: "x".into(),
        size_bytes: 1,
        storage_bytes: 10,
        uploads: 1,
        at: AT,
    };
    store.create_upload(upload.clone()).await.expect("begun");

    let deleted = store.delete_account(ada.id, AT).await.expect("deleted");
    assert_eq!(deleted.devices, [device]);
    let mut left = deleted.left;
    left.sort_by_key(|(room_id, _)| *room_id);
    assert_eq!(left, [(shared.id, Left::Member), (alone.id, Left::RoomGone { guests: Vec::new() })]);
    assert_eq!(deleted.closed, [pair.id]);
    let mut audience = deleted.change.audience;
    audience.sort_unstable();
    assert_eq!(audience, [bob.id, eve.id]);
    assert_eq!(store.device_user(device).await.expect("readable"), None);
    assert!(store.credentials(TenantId::DEFAULT, "p2@example.org".into()).await.expect("readable").is_none());
    assert_eq!(refused(store.own_credentials(ada.id).await), ErrorCode::NotFound);
    assert_eq!(refused(store.profile(ada.id).await), ErrorCode::NotFound);
    assert_eq!(refused(store.upload(ada.id, upload.id).await), ErrorCode::NotFound);
    assert_eq!(refused(store.delete_account(ada.id, AT).await), ErrorCode::NotFound, "only once");

    let seen = store.room(bob.id, shared.id).await.expect("readable");
    assert_eq!(seen.last_message, Some(message), "what was written stays");
    let owner = seen.members.iter().find(|member| member.role == MemberRole::Owner).expect("a room keeps an owner");
    assert_eq!((owner.user.id, seen.member_count), (eve.id, 2), "who may most inherits");
    let ghost = store.person(bob.id, ada.id).await.expect("messages need a name").user;
    assert_eq!((&ghost, ghost.display_name.as_str(), ghost.role), (&deleted.change.user, DELETED_NAME, Role::Member));
    for query in ["ada", "deleted", ""] {
        let found = store.search_people(bob.id, query.into(), None, 10).await.expect("readable");
        assert!(found.iter().all(|found| found.user.id != ada.id), "{query}");
    }
    assert!(store.marked_people(bob.id, Mark::Favourite).await.expect("readable").is_empty());
    let pair = store.room(bob.id, pair.id).await.expect("a conversation of two stays to be read");
    assert!(pair.archived);
    assert_eq!(say(store, pair.id, bob.id, 9).await.err(), Some(ErrorCode::Conflict), "and no more");
    assert_eq!(refused(store.create_room(direct(8, eve.id, ada.id)).await), ErrorCode::NotFound);
    assert_eq!(refused(store.add_members(eve.id, shared.id, vec![ada.id], AT).await), ErrorCode::NotFound);
    let again = NewUser { email: "p2@example.org".into(), ..new_user(7, "Ada") };
    assert_eq!(store.create_user(again).await.expect("the address is free").role, Role::Member);

    let deleted = store.delete_account(bob.id, AT).await.expect("deleted");
    assert!(deleted.left.contains(&(pair.id, Left::RoomGone { guests: Vec::new() })), "both are gone");
    assert_eq!(admin.role, Role::Admin);
}

async fn last_admin(store: &Arc<dyn Store>) {
    let (admin, bob) = (person(store, 1, "Root").await, person(store, 2, "Bob").await);
    assert_eq!(refused(store.delete_account(admin.id, AT).await), ErrorCode::Conflict, "somebody must look after it");
    store.delete_account(bob.id, AT).await.expect("deleted");
    store.delete_account(admin.id, AT).await.expect("nobody is left to look after");
    assert_eq!(person(store, 3, "Eve").await.role, Role::Admin, "the relay is fresh again");
}
