//! Files: whose they are, who sees them, what they count, which blobs are referred to.

use std::sync::Arc;

use parley_shared::ids::{FileId, UnixMs, UserId};
use parley_shared::limits::UPLOAD_LIFE;
use parley_shared::wire::{
    AttachmentKind, ChangeProfile, ChangeRoom, ErrorCode, HistoryQuery, Message, MessageBody, UploadPurpose, Visibility,
};
use relay_core::work::{Done, NewMessage, Work};

use super::{AT, direct, group, person, refused, text};
use crate::blobs::BlobHash;
use crate::store::{Kept, KeptContent, Mark, NewUpload, Store};

pub(super) async fn run(open: impl Fn(&str) -> Arc<dyn Store>) {
    uploads(&open("uploads")).await;
    attachments(&open("attachments")).await;
    avatars(&open("avatars")).await;
    blobs(&open("blobs")).await;
    sweeping(&open("sweeping_files")).await;
}

async fn uploads(store: &Arc<dyn Store>) {
    let (ada, bob) = (person(store, 1, "Ada").await.id, person(store, 2, "Bob").await.id);
    let id = begin(store, ada, 1).await;
    let upload = store.upload(ada, id).await.expect("readable");
    assert_eq!((upload.size_bytes, upload.file.is_none(), upload.used), (100, true, false));
    assert_eq!(refused(store.upload(bob, id).await), ErrorCode::NotFound, "another's upload");
    assert_eq!(refused(store.file(ada, id).await), ErrorCode::NotFound, "it is not complete");
    assert_eq!(refused(store.complete_upload(bob, id, kept(1), AT).await), ErrorCode::NotFound);
    let complete = store.complete_upload(ada, id, kept(1), AT).await.expect("completed");
    assert_eq!(complete.file.map(|file| file.kept), Some(kept(1)));
    assert_eq!(refused(store.complete_upload(ada, id, kept(2), AT).await), ErrorCode::NotFound, "only once");
    assert_eq!(store.file(ada, id).await.expect("its owner's").kept, kept(1));
    assert_eq!(refused(store.file(bob, id).await), ErrorCode::NotFound, "not anybody's");
    assert_eq!(
        store.profile(ada).await.expect("readable").storage_bytes,
        90,
        "what is kept counts, with its thumbnail"
    );

    let large = NewUpload { size_bytes: 911, ..new_upload(ada, 2) };
    assert_eq!(
        refused(store.create_upload(large.clone()).await),
        ErrorCode::StorageFull,
        "all files of a person count"
    );
    store.create_upload(NewUpload { size_bytes: 910, ..large.clone() }).await.expect("it fits");
    store.remove_upload(ada, large.id).await.expect("given up");
    assert_eq!(refused(store.remove_upload(ada, large.id).await), ErrorCode::NotFound);
    for n in 3..=4 {
        begin(store, ada, n).await;
    }
    assert_eq!(refused(store.create_upload(new_upload(ada, 5)).await), ErrorCode::RateLimited);
    begin(store, bob, 6).await;
    let ids: Vec<FileId> = [1, 3, 6, 99].map(file_id).to_vec();
    assert_eq!(store.dead_uploads(ids).await.expect("readable"), [file_id(1), file_id(99)], "complete, and unknown");
}

async fn attachments(store: &Arc<dyn Store>) {
    let (ada, bob, eve) =
        (person(store, 1, "Ada").await.id, person(store, 2, "Bob").await.id, person(store, 3, "Eve").await.id);
    let room = store.create_room(group(1, ada, vec![bob])).await.expect("made").0.id;
    let with = |n: u8, sender_id, files: &[u8]| NewMessage {
        text: String::new(),
        attachments: files.iter().map(|n| file_id(*n)).collect(),
        ..text(room, sender_id, n)
    };
    let begun = begin(store, ada, 1).await;
    assert_eq!(send(store, with(1, ada, &[1])).await.err(), Some(ErrorCode::InvalidArgument), "it is not complete");
    store.complete_upload(ada, begun, kept(1), AT).await.expect("completed");
    complete(store, ada, 2, UploadPurpose::Attachment).await;
    complete(store, ada, 3, UploadPurpose::Avatar).await;
    assert_eq!(send(store, with(1, bob, &[1])).await.err(), Some(ErrorCode::InvalidArgument), "another's file");
    assert_eq!(send(store, with(1, ada, &[1, 3])).await.err(), Some(ErrorCode::InvalidArgument), "an avatar");
    assert_eq!(send(store, with(1, ada, &[1, 99])).await.err(), Some(ErrorCode::InvalidArgument), "no file");
    assert!(!store.upload(ada, begun).await.expect("readable").used, "nothing was left of the tries");

    let message = send(store, with(1, ada, &[2, 1])).await.expect("stored");
    assert_eq!((message.seq.0, files(&message)), (1, vec![file_id(2), file_id(1)]), "in the order of the sender");
    assert_eq!(send(store, with(1, ada, &[2, 1])).await.as_ref(), Ok(&message), "the same client_id, the same message");
    assert_eq!(send(store, with(2, ada, &[1])).await.err(), Some(ErrorCode::InvalidArgument), "it is in a message");
    let page = store.history(bob, room, HistoryQuery::default()).await.expect("readable");
    assert_eq!(page.messages, std::slice::from_ref(&message));
    assert_eq!(store.room(bob, room).await.expect("readable").last_message, Some(message.clone()));
    let MessageBody::Text { attachments, .. } = &message.body else { panic!("a text") };
    assert_eq!(attachments[1], store.file(bob, begun).await.expect("a member's").attachment());
    assert_eq!(refused(store.file(eve, begun).await), ErrorCode::NotFound, "a stranger's");
    assert_eq!(refused(store.remove_upload(ada, begun).await), ErrorCode::Conflict, "it is in a message");
    store.remove_member(ada, room, bob).await.expect("removed");
    assert_eq!(refused(store.file(bob, begun).await), ErrorCode::NotFound, "no longer a member");

    let delete = Work::DeleteMessage { room_id: room, user_id: ada, message_id: message.id, at: AT };
    store.perform(delete).await.expect("deleted");
    assert_eq!(refused(store.file(ada, begun).await), ErrorCode::NotFound, "gone with its message");
    assert_eq!(store.profile(ada).await.expect("readable").storage_bytes, 90, "only the avatar is left");
}

async fn avatars(store: &Arc<dyn Store>) {
    let (ada, bob, eve) =
        (person(store, 1, "Ada").await.id, person(store, 2, "Bob").await.id, person(store, 3, "Eve").await.id);
    let (first, second) =
        (complete(store, ada, 1, UploadPurpose::Avatar).await, complete(store, ada, 2, UploadPurpose::Avatar).await);
    let attachment = complete(store, ada, 3, UploadPurpose::Attachment).await;
    let set = |avatar| ChangeProfile { avatar: Some(avatar), ..ChangeProfile::default() };
    assert_eq!(refused(store.change_profile(ada, set(attachment)).await), ErrorCode::InvalidArgument, "no avatar");
    assert_eq!(refused(store.change_profile(bob, set(first)).await), ErrorCode::InvalidArgument, "another's");
    let change = store.change_profile(ada, set(first)).await.expect("changed").expect("others see it");
    assert_eq!(change.user.avatar, Some(first));
    assert_eq!(store.person(bob, ada).await.expect("readable").user.avatar, Some(first));
    store.file(eve, first).await.expect("whoever sees the person sees the picture");
    store.set_mark(ada, eve, Mark::Blocked, true).await.expect("blocked");
    assert_eq!(refused(store.file(eve, first).await), ErrorCode::NotFound, "but not through a block");
    assert!(store.change_profile(ada, set(first)).await.expect("the same").is_none());
    store.change_profile(ada, set(second)).await.expect("changed");
    assert_eq!(refused(store.file(ada, first).await), ErrorCode::NotFound, "the one before is gone");
    let remove = ChangeProfile { remove_avatar: true, ..ChangeProfile::default() };
    assert_eq!(store.change_profile(ada, remove).await.expect("changed").map(|c| c.user.avatar), Some(None));
    assert_eq!(refused(store.file(ada, second).await), ErrorCode::NotFound);

    let room = store.create_room(group(1, ada, vec![bob])).await.expect("made").0.id;
    let picture = complete(store, ada, 4, UploadPurpose::Avatar).await;
    let set = ChangeRoom { avatar: Some(picture), ..ChangeRoom::default() };
    assert_eq!(refused(store.change_room(bob, room, set.clone()).await), ErrorCode::Forbidden);
    assert_eq!(store.change_room(ada, room, set).await.expect("changed").0.avatar, Some(picture));
    assert_eq!(store.room(bob, room).await.expect("readable").avatar, Some(picture));
    store.file(bob, picture).await.expect("a member's");
    assert_eq!(refused(store.file(eve, picture).await), ErrorCode::NotFound, "a private room's");
    let publish = ChangeRoom { visibility: Some(Visibility::Public), ..ChangeRoom::default() };
    store.change_room(ada, room, publish).await.expect("published");
    store.file(eve, picture).await.expect("a public room's");
    store.delete_room(ada, room).await.expect("deleted");
    assert_eq!(refused(store.file(ada, picture).await), ErrorCode::NotFound, "gone with its room");
}

async fn blobs(store: &Arc<dyn Store>) {
    let ada = person(store, 1, "Ada").await.id;
    store.doubt_blobs(vec![hash(1), hash(50), hash(9)]).await.expect("noted");
    complete(store, ada, 1, UploadPurpose::Attachment).await;
    assert_eq!(store.unused_blobs().await.expect("readable"), [hash(9)], "content and thumbnail are referred to");
    store.forget_blobs(vec![hash(9)]).await.expect("forgotten");
    assert!(store.unused_blobs().await.expect("readable").is_empty());
    let same = begin(store, ada, 2).await;
    store.complete_upload(ada, same, kept(1), AT).await.expect("the same content");
    store.remove_upload(ada, file_id(1)).await.expect("removed");
    assert!(store.unused_blobs().await.expect("readable").is_empty(), "the other upload refers to it");
    store.remove_upload(ada, same).await.expect("removed");
    let mut unused = store.unused_blobs().await.expect("readable");
    unused.sort_unstable();
    assert_eq!(unused, [hash(1), hash(50)]);
    assert_eq!(store.unused_blobs().await.expect("readable").len(), 2, "until they are forgotten");
}

async fn sweeping(store: &Arc<dyn Store>) {
    let (ada, bob) = (person(store, 1, "Ada").await.id, person(store, 2, "Bob").await.id);
    let later = UnixMs(AT.0 + UPLOAD_LIFE.as_millis() as i64);
    let (stale, fresh) = (begin(store, ada, 1).await, begin(store, ada, 2).await);
    store.touch_upload(ada, fresh, UnixMs(AT.0 + 1)).await.expect("noted");
    let room = store.create_room(group(1, ada, Vec::new())).await.expect("made").0.id;
    let kept_room = store.create_room(direct(2, ada, bob)).await.expect("made").0.id;
    let mut shown = Vec::new();
    for (n, room) in [(3, room), (4, kept_room)] {
        shown.push(complete(store, bob, n, UploadPurpose::Attachment).await);
        if room != kept_room {
            store.add_members(ada, room, vec![bob], AT).await.expect("added");
        }
        let attachments = vec![file_id(n)];
        send(store, NewMessage { attachments, ..text(room, bob, n) }).await.expect("stored");
    }
    while store.sweep(later).await.expect("swept") {}
    assert_eq!(refused(store.upload(ada, stale).await), ErrorCode::NotFound, "nobody went on with it");
    store.upload(ada, fresh).await.expect("somebody did");
    store.file(bob, shown[0]).await.expect("what is shown does not age");
    store.delete_room(ada, room).await.expect("deleted");
    assert_eq!(refused(store.file(bob, shown[0]).await), ErrorCode::NotFound, "nobody sees a deleted room");
    while store.sweep(AT).await.expect("swept") {}
    assert_eq!(refused(store.upload(bob, shown[0]).await), ErrorCode::NotFound, "its files go with its messages");
    store.file(ada, shown[1]).await.expect("other rooms stay whole");
}

fn file_id(n: u8) -> FileId {
    FileId::from_bytes([n; 16])
}

fn hash(n: u8) -> BlobHash {
    BlobHash([n; 32])
}

/// A picture of 60 bytes with a thumbnail of 30.
fn kept(n: u8) -> Kept {
    let content = |hash, size_bytes| KeptContent { hash, size_bytes, media_type: "image/jpeg".into() };
    Kept {
        content: content(hash(n), 60),
        thumbnail: Some(content(hash(50), 30)),
        kind: AttachmentKind::Image { width_px: 4, height_px: 3, placeholder: "AbC=".into() },
    }
}

fn new_upload(owner: UserId, n: u8) -> NewUpload {
    NewUpload {
        id: file_id(n),
        owner,
        purpose: UploadPurpose::Attachment,
        name: format!("\"{n}\" \\ 'ü.jpg"),
        size_bytes: 100,
        storage_bytes: 1_000,
        uploads: 3,
        at: AT,
    }
}

async fn begin(store: &Arc<dyn Store>, owner: UserId, n: u8) -> FileId {
    store.create_upload(new_upload(owner, n)).await.expect("begun");
    file_id(n)
}

async fn complete(store: &Arc<dyn Store>, owner: UserId, n: u8, purpose: UploadPurpose) -> FileId {
    let new = NewUpload { purpose, uploads: 50, ..new_upload(owner, n) };
    store.create_upload(new).await.expect("begun");
    store.complete_upload(owner, file_id(n), kept(n), AT).await.expect("completed");
    file_id(n)
}

async fn send(store: &Arc<dyn Store>, new: NewMessage) -> Result<Message, ErrorCode> {
    match store.perform(Work::SendMessage(new)).await {
        Ok(Done::Stored { message, .. }) => Ok(*message),
        Ok(other) => panic!("a send is stored, not {other:?}"),
        Err(error) => Err(error.code),
    }
}

fn files(message: &Message) -> Vec<FileId> {
    match &message.body {
        MessageBody::Text { attachments, .. } => attachments.iter().map(|file| file.id).collect(),
        MessageBody::Deleted | MessageBody::Call { .. } => Vec::new(),
    }
}
