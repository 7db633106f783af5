//! What hangs on messages: replies, threads, reactions, pins, earlier texts, mentions.

use std::sync::Arc;

use parley_shared::ids::{MessageId, RoomId, Seq, UnixMs, UserId};
use parley_shared::limits::{PINS_PER_ROOM, REACTION_PEOPLE, REACTIONS_PER_MESSAGE, VERSIONS_PER_MESSAGE};
use parley_shared::wire::{ChangeRoom, ErrorCode, HistoryQuery, MemberRole, Message, MessageBody, User, WireError};
use relay_core::work::{Done, NewMessage, Work};

use super::super::{NewRoom, Store};
use super::{AT, direct, group, person, refused, say, text};

pub(super) async fn run(open: &impl Fn(&str) -> Arc<dyn Store>) {
    replies_and_threads(&open("threads")).await;
    reactions(&open("reactions")).await;
    pins(&open("pins")).await;
    versions(&open("versions")).await;
    mentions(&open("mentions")).await;
}

async fn replies_and_threads(store: &Arc<dyn Store>) {
    let (ada, bob, eve) = trio(store).await;
    let (room, _) = store.create_room(group(1, ada.id, vec![bob.id])).await.expect("made");
    let (other, _) = store.create_room(group(2, ada.id, Vec::new())).await.expect("made");
    let (root, _) = say(store, room.id, ada.id, 1).await.expect("stored");
    let (foreign, _) = say(store, other.id, ada.id, 2).await.expect("stored");
    let in_thread = |n: u8, thread_id: MessageId| NewMessage { thread_id: Some(thread_id), ..text(room.id, bob.id, n) };

    let answer = NewMessage { reply_to: Some(root.id), ..text(room.id, bob.id, 3) };
    let (message, changed) = stored(store.perform(Work::SendMessage(answer)).await);
    assert_eq!((message.reply_to, message.thread_id, changed), (Some(root.id), None, None));
    let astray = NewMessage { reply_to: Some(foreign.id), ..text(room.id, bob.id, 4) };
    let error = store.perform(Work::SendMessage(astray)).await.expect_err("another room's message is not answered");
    assert_eq!((error.code, error.field.as_deref()), (ErrorCode::InvalidArgument, Some("reply_to")));

    let (first, changed) = stored(store.perform(Work::SendMessage(in_thread(5, root.id))).await);
    let changed = changed.expect("the first message of a thread changes");
    assert_eq!((first.thread_id, first.seq, first.change.0), (Some(root.id), Seq(3), 3));
    assert_eq!((changed.id, changed.change.0), (root.id, 4), "after the reply");
    let summary = changed.thread.expect("it begins a thread");
    assert_eq!((summary.replies, summary.last_at_ms), (1, first.sent_at_ms));
    let again = store.perform(Work::SendMessage(in_thread(5, root.id))).await;
    assert!(matches!(again, Ok(Done::Stored { fresh: false, root: None, .. })), "a reply counts once");
    for (n, wrong) in [(6, first.id), (7, foreign.id), (8, MessageId::from_bytes([99; 16]))] {
        let error = store.perform(Work::SendMessage(in_thread(n, wrong))).await.expect_err("no thread begins there");
        assert_eq!((error.code, error.field.as_deref()), (ErrorCode::InvalidArgument, Some("thread_id")));
    }
    stored(store.perform(Work::SendMessage(in_thread(9, root.id))).await);

    let page = store.thread(bob.id, room.id, root.id, Seq(0), 1).await.expect("readable");
    assert_eq!((page.root.thread.map(|thread| thread.replies), page.messages.len()), (Some(2), 1));
    assert!(page.has_more && page.messages[0] == first, "ascending");
    let page = store.thread(bob.id, room.id, root.id, first.seq, 1).await.expect("readable");
    assert!(page.messages.len() == 1 && !page.has_more);
    assert_eq!(refused(store.thread(eve.id, room.id, root.id, Seq(0), 9).await), ErrorCode::NotFound);
    assert_eq!(refused(store.message(eve.id, room.id, root.id).await), ErrorCode::NotFound);
    assert_eq!(refused(store.message(ada.id, other.id, root.id).await), ErrorCode::NotFound, "not of that room");
    assert_eq!(store.message(bob.id, room.id, first.id).await.expect("readable"), first);

    let delete = Work::DeleteMessage { room_id: room.id, user_id: ada.id, message_id: root.id, at: AT };
    let gone = changed_by(store.perform(delete).await);
    assert_eq!((gone.body, gone.thread.map(|thread| thread.replies)), (MessageBody::Deleted, Some(2)));
    let late = store.perform(Work::SendMessage(in_thread(10, root.id))).await;
    assert_eq!(late.map_err(|error| error.code), Err(ErrorCode::InvalidArgument), "a deleted message begins no thread");
}

async fn reactions(store: &Arc<dyn Store>) {
    let (ada, bob, eve) = trio(store).await;
    let (room, _) = store.create_room(group(1, ada.id, vec![bob.id])).await.expect("made");
    let (message, _) = say(store, room.id, ada.id, 1).await.expect("stored");
    let react = |user: &User, emoji: &str, on: bool| {
        store.perform(Work::SetReaction {
            room_id: room.id,
            user_id: user.id,
            message_id: message.id,
            emoji: emoji.into(),
            on,
        })
    };
    let seen = |message: &Message| -> Vec<(String, Vec<UserId>)> {
        message.reactions.iter().map(|one| (one.emoji.clone(), one.user_ids.clone())).collect()
    };
    changed_by(react(&bob, "👍", true).await);
    changed_by(react(&ada, "🎉", true).await);
    let now = changed_by(react(&ada, "👍", true).await);
    assert_eq!(seen(&now), [("👍".into(), vec![bob.id, ada.id]), ("🎉".into(), vec![ada.id])], "in order of first use");
    assert_eq!((now.change.0, now.edited_at_ms, now.reactions[0].count), (4, None, 2));
    assert!(matches!(react(&ada, "👍", true).await, Ok(Done::Changed { fresh: false, .. })), "twice is once");
    let now = changed_by(react(&bob, "👍", false).await);
    assert_eq!(seen(&now)[0], ("👍".into(), vec![ada.id]), "its place stays while somebody has it");
    assert!(matches!(react(&bob, "👍", false).await, Ok(Done::Changed { fresh: false, .. })));
    let page = store.history(bob.id, room.id, HistoryQuery::default()).await.expect("readable");
    assert_eq!(page.messages, [now], "history has them");
    assert_eq!(code(react(&eve, "👍", true).await), ErrorCode::NotFound);

    for n in 2..REACTIONS_PER_MESSAGE {
        changed_by(react(&ada, &format!("e{n}"), true).await);
    }
    assert_eq!(code(react(&ada, "one more", true).await), ErrorCode::Conflict);
    changed_by(react(&bob, "e2", true).await);

    let archive = |archived| ChangeRoom { archived: Some(archived), ..ChangeRoom::default() };
    store.change_room(ada.id, room.id, archive(true)).await.expect("archived");
    assert_eq!(code(react(&bob, "🎉", true).await), ErrorCode::Conflict, "archived rooms are read");
    store.change_room(ada.id, room.id, archive(false)).await.expect("opened");
    let delete = Work::DeleteMessage { room_id: room.id, user_id: ada.id, message_id: message.id, at: AT };
    assert!(changed_by(store.perform(delete).await).reactions.is_empty());
    assert_eq!(code(react(&bob, "🎉", true).await), ErrorCode::Conflict, "nothing to react to");

    let crowd: Vec<User> = {
        let mut crowd = Vec::new();
        for n in 0..=REACTION_PEOPLE as u8 {
            crowd.push(person(store, n.wrapping_add(50), &format!("Person {n}")).await);
        }
        crowd
    };
    let new = NewRoom { max_members: 1_000, ..group(2, ada.id, crowd.iter().map(|one| one.id).collect()) };
    let (room, _) = store.create_room(new).await.expect("made");
    let (message, _) = say(store, room.id, ada.id, 2).await.expect("stored");
    for one in &crowd {
        let (user_id, emoji) = (one.id, "👍".to_owned());
        let work = Work::SetReaction { room_id: room.id, user_id, message_id: message.id, emoji, on: true };
        store.perform(work).await.expect("set");
    }
    let now = store.message(ada.id, room.id, message.id).await.expect("readable");
    let reaction = &now.reactions[0];
    assert_eq!((reaction.user_ids.len(), reaction.count as usize), (REACTION_PEOPLE, crowd.len()), "names are bounded");
    assert_eq!(reaction.user_ids[0], crowd[0].id, "earliest first");
}

async fn pins(store: &Arc<dyn Store>) {
    let (ada, bob, eve) = trio(store).await;
    let (room, _) = store.create_room(group(1, ada.id, vec![bob.id])).await.expect("made");
    let pin = |room_id: RoomId, user_id: UserId, message: &Message, pinned: bool, at: i64| {
        let (message_id, at) = (message.id, UnixMs(AT.0 + at));
        store.perform(Work::SetPinned { room_id, user_id, message_id, pinned, at })
    };
    let mut sent = Vec::new();
    for n in 0..=PINS_PER_ROOM as u8 {
        sent.push(say(store, room.id, ada.id, n).await.expect("stored").0);
    }
    assert_eq!(code(pin(room.id, bob.id, &sent[0], true, 0).await), ErrorCode::Forbidden, "moderators pin");
    assert_eq!(code(pin(room.id, eve.id, &sent[0], true, 0).await), ErrorCode::NotFound);
    store.change_member(ada.id, room.id, bob.id, MemberRole::Moderator).await.expect("promoted");
    let pinned = changed_by(pin(room.id, bob.id, &sent[1], true, 1).await);
    assert_eq!(pinned.pinned_at_ms, Some(UnixMs(AT.0 + 1)));
    assert!(pinned.change > sent[PINS_PER_ROOM].change, "everyone hears of it");
    assert!(matches!(pin(room.id, ada.id, &sent[1], true, 9).await, Ok(Done::Changed { fresh: false, .. })));
    changed_by(pin(room.id, ada.id, &sent[0], true, 2).await);
    let ids = |list: Vec<Message>| list.iter().map(|message| message.id).collect::<Vec<_>>();
    let listed = store.pins(bob.id, room.id).await.expect("readable");
    assert_eq!(ids(listed), [sent[0].id, sent[1].id], "the newest pin first");
    assert_eq!(refused(store.pins(eve.id, room.id).await), ErrorCode::NotFound);
    for message in &sent[2..PINS_PER_ROOM] {
        changed_by(pin(room.id, ada.id, message, true, 3).await);
    }
    assert_eq!(code(pin(room.id, ada.id, &sent[PINS_PER_ROOM], true, 4).await), ErrorCode::Conflict, "full");
    assert_eq!(changed_by(pin(room.id, ada.id, &sent[2], false, 5).await).pinned_at_ms, None);
    let delete = Work::DeleteMessage { room_id: room.id, user_id: ada.id, message_id: sent[3].id, at: AT };
    assert_eq!(changed_by(store.perform(delete).await).pinned_at_ms, None);
    assert_eq!(store.pins(bob.id, room.id).await.expect("readable").len(), PINS_PER_ROOM - 2);
    assert_eq!(code(pin(room.id, ada.id, &sent[3], true, 6).await), ErrorCode::Conflict, "nothing to pin");

    let (two, _) = store.create_room(direct(2, ada.id, bob.id)).await.expect("made");
    let (message, _) = say(store, two.id, ada.id, 200).await.expect("stored");
    changed_by(pin(two.id, bob.id, &message, true, 0).await);
    assert_eq!(store.pins(ada.id, two.id).await.expect("readable").len(), 1, "both of a direct room pin");
}

async fn versions(store: &Arc<dyn Store>) {
    let (ada, bob, eve) = trio(store).await;
    let (room, _) = store.create_room(group(1, ada.id, vec![bob.id])).await.expect("made");
    let (message, _) = say(store, room.id, ada.id, 1).await.expect("stored");
    let versions = |asker: &User| store.message_versions(asker.id, room.id, message.id);
    let known = versions(&bob).await.expect("readable");
    assert_eq!(
        known.iter().map(|one| (one.text.as_str(), one.at_ms)).collect::<Vec<_>>(),
        [("message 1", message.sent_at_ms)]
    );
    for n in 1..=VERSIONS_PER_MESSAGE as i64 + 1 {
        let at = UnixMs(message.sent_at_ms.0 + n);
        let (room_id, user_id, message_id) = (room.id, ada.id, message.id);
        let edit = Work::EditMessage { room_id, user_id, message_id, text: format!("edit {n}"), at };
        changed_by(store.perform(edit).await);
        if n == 1 {
            let known = versions(&bob).await.expect("readable");
            let at =
                known.iter().map(|one| (one.text.as_str(), one.at_ms.0 - message.sent_at_ms.0)).collect::<Vec<_>>();
            assert_eq!(at, [("edit 1", 1), ("message 1", 0)], "newest first, each with its own time");
        }
    }
    let known = versions(&bob).await.expect("readable");
    assert_eq!(known.len(), VERSIONS_PER_MESSAGE + 1, "the present text and so many before it");
    assert_eq!(known.last().map(|one| one.text.as_str()), Some("edit 1"), "the oldest went");
    assert_eq!(refused(versions(&eve).await), ErrorCode::NotFound);
    let empty =
        Work::EditMessage { room_id: room.id, user_id: ada.id, message_id: message.id, text: String::new(), at: AT };
    assert_eq!(code(store.perform(empty).await), ErrorCode::InvalidArgument, "no text and no file is no message");
    let delete = Work::DeleteMessage { room_id: room.id, user_id: ada.id, message_id: message.id, at: AT };
    changed_by(store.perform(delete).await);
    assert!(versions(&bob).await.expect("readable").is_empty(), "deleted is deleted");
}

async fn mentions(store: &Arc<dyn Store>) {
    let (ada, bob, eve) = trio(store).await;
    let (room, _) = store.create_room(group(1, ada.id, vec![bob.id])).await.expect("made");
    let write = |n: u8, sender: &User, words: String| {
        store.perform(Work::SendMessage(NewMessage { text: words, ..text(room.id, sender.id, n) }))
    };
    let counts = |user: User| async move {
        let room = store.room(user.id, room.id).await.expect("readable");
        (room.unread, room.mentions)
    };
    let (first, _) = stored(write(1, &ada, format!("<@{0}> and <@{0}>, <@{1}>", bob.id, eve.id)).await);
    stored(write(2, &ada, "nobody".into()).await);
    stored(write(3, &ada, format!("<@everyone> and <@{}>", bob.id)).await);
    stored(write(4, &bob, format!("<@everyone> <@{}>", bob.id)).await);
    assert_eq!(counts(bob.clone()).await, (3, 2), "messages count, not words, and not one's own");
    assert_eq!(counts(ada.clone()).await, (1, 1));
    store.add_members(ada.id, room.id, vec![eve.id], AT).await.expect("added");
    assert_eq!(counts(eve.clone()).await, (0, 0), "who was no member was not mentioned");
    let edit = |words: String| Work::EditMessage {
        room_id: room.id,
        user_id: ada.id,
        message_id: first.id,
        text: words,
        at: AT,
    };
    changed_by(store.perform(edit("never mind".into())).await);
    assert_eq!(counts(bob.clone()).await, (3, 1), "an edit takes a mention back");
    changed_by(store.perform(edit(format!("after all, <@{}>", bob.id))).await);
    assert_eq!(counts(bob.clone()).await, (3, 2));
    let delete = Work::DeleteMessage { room_id: room.id, user_id: ada.id, message_id: first.id, at: AT };
    changed_by(store.perform(delete).await);
    assert_eq!(counts(bob.clone()).await.1, 1, "and so does a deletion");
    let read = Work::Mark { room_id: room.id, user_id: bob.id, delivered: Seq(3), read: Some(Seq(3)) };
    store.perform(read).await.expect("marked");
    assert_eq!(counts(bob).await, (0, 0));
}

async fn trio(store: &Arc<dyn Store>) -> (User, User, User) {
    (person(store, 1, "Ada").await, person(store, 2, "Bob").await, person(store, 3, "Eve").await)
}

fn stored(answer: Result<Done, WireError>) -> (Message, Option<Message>) {
    match answer {
        Ok(Done::Stored { message, root, fresh: true, .. }) => (*message, root.map(|root| *root)),
        other => panic!("a send is stored, not {other:?}"),
    }
}

fn changed_by(answer: Result<Done, WireError>) -> Message {
    match answer {
        Ok(Done::Changed { message, fresh: true, .. }) => *message,
        other => panic!("it changes, not {other:?}"),
    }
}

fn code(answer: Result<Done, WireError>) -> ErrorCode {
    answer.expect_err("it is refused").code
}
