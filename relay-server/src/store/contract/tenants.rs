//! Tenants that know nothing of each other, and who may come into them.

use std::sync::Arc;

use parley_shared::ids::{FileId, InviteId, RoomId, UnixMs, UserId};
use parley_shared::limits::INVITES_PER_ROOM;
use parley_shared::wire::{
    AttachmentKind, ChangeProfile, ChangeRoom, ErrorCode, InviteInfo, Role, UploadPurpose, User, Visibility,
};

use super::{AT, direct, group, new_user, person, refused};
use crate::blobs::BlobHash;
use crate::store::{
    DEFAULT_TENANT, GivenCode, Kept, KeptContent, Mark, NewInvite, NewUpload, NewUser, Store, TenantId,
};

pub(super) async fn run(open: impl Fn(&str) -> Arc<dyn Store>) {
    names(&open("tenants")).await;
    accounts(&open("tenant_accounts")).await;
    people_and_rooms(&open("tenant_people")).await;
    pictures(&open("tenant_pictures")).await;
    registration(&open("registration")).await;
    codes(&open("codes")).await;
}

async fn names(store: &Arc<dyn Store>) {
    let ensure = |names: &[&str]| store.ensure_tenants(names.iter().map(|name| (*name).to_owned()).collect());
    let made = ensure(&["acme", "birch"]).await.expect("made");
    assert!(made[0] != made[1] && !made.contains(&TenantId::DEFAULT));
    assert_eq!(ensure(&["birch", DEFAULT_TENANT, "acme"]).await.expect("found"), [made[1], TenantId::DEFAULT, made[0]]);
}

pub(super) async fn other_tenant(store: &Arc<dyn Store>) -> TenantId {
    store.ensure_tenants(vec!["other".into()]).await.expect("made")[0]
}

async fn stranger(store: &Arc<dyn Store>, n: u8, name: &str) -> User {
    let tenant = other_tenant(store).await;
    store.create_user(NewUser { tenant, ..new_user(n, name) }).await.expect("an account is made")
}

async fn accounts(store: &Arc<dyn Store>) {
    let tenant = other_tenant(store).await;
    let ada = person(store, 1, "Ada").await;
    let same = NewUser { id: UserId::from_bytes([2; 16]), tenant, ..new_user(1, "Ada") };
    let other = store.create_user(same).await.expect("the address is free in another tenant");
    assert_eq!((ada.role, other.role), (Role::Admin, Role::Admin), "the first of each tenant");
    let who = |tenant| async move {
        store.credentials(tenant, "p1@example.org".into()).await.expect("readable").map(|known| known.user.id)
    };
    assert_eq!((who(TenantId::DEFAULT).await, who(tenant).await), (Some(ada.id), Some(other.id)));
    assert_eq!(store.tenant_of(other.id).await.expect("readable"), tenant);
    store.delete_account(other.id, AT).await.expect("people of other tenants need no admin of this one");
    assert_eq!(refused(store.tenant_of(other.id).await), ErrorCode::NotFound);
    assert!(store.credentials(tenant, String::new()).await.expect("readable").is_none(), "an address is not empty");
}

async fn people_and_rooms(store: &Arc<dyn Store>) {
    let (ada, eve) = (person(store, 1, "Ada Same").await, stranger(store, 2, "Eve Same").await);
    for query in ["", "same", "eve", "same eve"] {
        let found = store.search_people(ada.id, query.into(), None, 10).await.expect("readable");
        assert!(found.is_empty(), "{query}");
    }
    let nobody = UserId::from_bytes([99; 16]);
    for id in [eve.id, nobody] {
        assert_eq!(refused(store.person(ada.id, id).await), ErrorCode::NotFound);
        assert_eq!(refused(store.create_room(direct(1, ada.id, id)).await), ErrorCode::NotFound);
        assert_eq!(refused(store.create_room(group(1, ada.id, vec![id])).await), ErrorCode::NotFound);
        for mark in [Mark::Favourite, Mark::Blocked] {
            assert_eq!(refused(store.set_mark(ada.id, id, mark, true).await), ErrorCode::NotFound);
            store.set_mark(ada.id, id, mark, false).await.expect("nothing to take back");
        }
        let page = store.search_people(eve.id, String::new(), Some(ada.id), 10).await.expect("readable");
        assert!(page.is_empty());
    }
    let (room, _) = store.create_room(group(2, ada.id, Vec::new())).await.expect("made");
    let publish = ChangeRoom { visibility: Some(Visibility::Public), ..ChangeRoom::default() };
    store.change_room(ada.id, room.id, publish).await.expect("published");
    assert_eq!(store.public_rooms(ada.id, String::new(), None, 10).await.expect("readable").len(), 1);
    assert!(store.public_rooms(eve.id, String::new(), None, 10).await.expect("readable").is_empty());
    assert!(store.public_rooms(eve.id, "room".into(), None, 10).await.expect("readable").is_empty());
    for id in [room.id, RoomId::from_bytes([99; 16])] {
        assert_eq!(refused(store.join_room(eve.id, id, AT).await), ErrorCode::NotFound);
    }
    assert_eq!(refused(store.add_members(ada.id, room.id, vec![eve.id], AT).await), ErrorCode::NotFound);
    store.create_invite(ada.id, room.id, invite(1, None, None)).await.expect("made");
    assert_eq!(refused(store.accept_invite(eve.id, "code-1".into(), AT).await), ErrorCode::NotFound);
    let tenant = other_tenant(store).await;
    assert_eq!(refused(store.invite_info(tenant, "code-1".into(), AT).await), ErrorCode::NotFound);
    let info = store.invite_info(TenantId::DEFAULT, "code-1".into(), AT).await.expect("known here");
    assert_eq!(info, InviteInfo::Room { name: "Room 2".into(), member_count: 1, guests: false });
}

async fn pictures(store: &Arc<dyn Store>) {
    let (ada, bob, eve) =
        (person(store, 1, "Ada").await, person(store, 2, "Bob").await, stranger(store, 3, "Eve").await);
    let (room, _) = store.create_room(group(1, ada.id, Vec::new())).await.expect("made");
    let (face, sign) = (picture(store, 1, ada.id).await, picture(store, 2, ada.id).await);
    let change = ChangeProfile { avatar: Some(face), ..ChangeProfile::default() };
    store.change_profile(ada.id, change).await.expect("changed");
    let change = ChangeRoom { avatar: Some(sign), visibility: Some(Visibility::Public), ..ChangeRoom::default() };
    store.change_room(ada.id, room.id, change).await.expect("changed");
    for file in [face, sign] {
        store.file(bob.id, file).await.expect("who sees the person or room sees the picture");
        assert_eq!(refused(store.file(eve.id, file).await), ErrorCode::NotFound);
    }
}

async fn picture(store: &Arc<dyn Store>, n: u8, owner: UserId) -> FileId {
    let id = FileId::from_bytes([n; 16]);
    let new = NewUpload {
        id,
        owner,
        purpose: UploadPurpose::Avatar,
        name: "face.png".into(),
        size_bytes: 1,
        storage_bytes: 100,
        uploads: 10,
        at: AT,
    };
    store.create_upload(new).await.expect("announced");
    let content = KeptContent { hash: BlobHash([n; 32]), size_bytes: 1, media_type: "image/png".into() };
    let kind = AttachmentKind::Image { width_px: 1, height_px: 1, placeholder: String::new() };
    store.complete_upload(owner, id, Kept { content, thumbnail: None, kind }, AT).await.expect("complete");
    id
}

pub(super) fn invite(n: u8, expires_at: Option<i64>, max_uses: Option<u32>) -> NewInvite {
    NewInvite {
        id: InviteId::from_bytes([n; 16]),
        code: format!("code-{n}"),
        at: AT,
        expires_at: expires_at.map(|ms| UnixMs(AT.0 + ms)),
        max_uses,
    }
}

async fn registration(store: &Arc<dyn Store>) {
    let (admin, bob) = (person(store, 1, "Ada").await, person(store, 2, "Bob").await);
    let foreign = stranger(store, 3, "Eve").await;
    assert_eq!(foreign.role, Role::Admin);
    assert_eq!(refused(store.create_registration_invite(bob.id, invite(1, None, None)).await), ErrorCode::Forbidden);
    assert_eq!(refused(store.registration_invites(bob.id).await), ErrorCode::Forbidden);
    let made = store.create_registration_invite(admin.id, invite(1, None, Some(2))).await.expect("made");
    assert_eq!(store.registration_invites(admin.id).await.expect("readable"), std::slice::from_ref(&made));
    assert!(store.registration_invites(foreign.id).await.expect("readable").is_empty(), "those of one's own tenant");
    for id in [made.id, InviteId::from_bytes([99; 16])] {
        assert_eq!(refused(store.revoke_registration_invite(foreign.id, id).await), ErrorCode::NotFound);
        assert_eq!(refused(store.revoke_registration_invite(bob.id, id).await), ErrorCode::Forbidden);
    }
    for n in 2..=INVITES_PER_ROOM {
        let n = u8::try_from(n).expect("fewer than 256");
        store.create_registration_invite(admin.id, invite(n, Some(1_000), None)).await.expect("made");
    }
    let many = store.create_registration_invite(admin.id, invite(200, None, None)).await;
    assert_eq!(refused(many), ErrorCode::Conflict, "as many as can be used");
    store.create_registration_invite(foreign.id, invite(201, None, None)).await.expect("of another tenant");
    let late = NewInvite { at: UnixMs(AT.0 + 1_000), ..invite(202, None, None) };
    store.create_registration_invite(admin.id, late).await.expect("expired ones do not count");
    while store.sweep(UnixMs(AT.0 + 1_000)).await.expect("swept") {}
    let left: Vec<_> = store.registration_invites(admin.id).await.expect("readable").iter().map(|i| i.id).collect();
    assert_eq!(left, [made.id, InviteId::from_bytes([202; 16])], "expired ones go");
    store.revoke_registration_invite(admin.id, made.id).await.expect("revoked");
}

async fn codes(store: &Arc<dyn Store>) {
    let admin = person(store, 1, "Ada").await;
    let tenant = other_tenant(store).await;
    store.create_registration_invite(admin.id, invite(1, Some(1_000), Some(1))).await.expect("made");
    let with = |n: u8, code: &str, required: bool| NewUser {
        code: Some(GivenCode { code: code.into(), required }),
        ..new_user(n, "Newcomer")
    };
    let takes = |tenant, code: &str, ms| store.takes_registration_code(tenant, code.into(), UnixMs(AT.0 + ms));
    assert!(takes(TenantId::DEFAULT, "code-1", 999).await.expect("readable"));
    assert!(!takes(TenantId::DEFAULT, "code-1", 1_000).await.expect("readable"), "expired");
    assert!(!takes(TenantId::DEFAULT, "code-2", 0).await.expect("readable"), "unknown");
    assert!(!takes(tenant, "code-1", 0).await.expect("readable"), "another tenant's");
    let info = store.invite_info(TenantId::DEFAULT, "code-1".into(), AT).await.expect("known");
    assert_eq!(info, InviteInfo::Registration);
    assert_eq!(refused(store.invite_info(tenant, "code-1".into(), AT).await), ErrorCode::NotFound);

    let foreign = NewUser { tenant, ..with(2, "code-1", true) };
    assert_eq!(refused(store.create_user(foreign).await), ErrorCode::Forbidden);
    let taken = NewUser { email: "p1@example.org".into(), ..with(2, "code-1", true) };
    assert_eq!(refused(store.create_user(taken).await), ErrorCode::Conflict);
    assert!(
        takes(TenantId::DEFAULT, "code-1", 0).await.expect("readable"),
        "an account that was not made uses nothing"
    );
    store.create_user(with(3, "code-1", true)).await.expect("made");
    assert_eq!(store.registration_invites(admin.id).await.expect("readable")[0].uses, 1);
    assert_eq!(refused(store.create_user(with(4, "code-1", true)).await), ErrorCode::Forbidden, "used up");
    store.create_user(with(4, "code-1", false)).await.expect("where none is needed a wrong code does no harm");
    assert_eq!(refused(store.invite_info(TenantId::DEFAULT, "code-1".into(), AT).await), ErrorCode::NotFound);
    while store.sweep(AT).await.expect("swept") {}
    assert_eq!(
        store.registration_invites(admin.id).await.expect("readable").len(),
        1,
        "its maker sees that it was used"
    );
    while store.sweep(UnixMs(AT.0 + 24 * 60 * 60 * 1_000)).await.expect("swept") {}
    assert!(store.registration_invites(admin.id).await.expect("readable").is_empty());
}
