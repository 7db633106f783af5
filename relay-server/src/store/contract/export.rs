//! What is a person's own, page by page.

use std::sync::Arc;

use parley_shared::ids::{ClientMessageId, MessageId, UserId};
use parley_shared::wire::MemberRole;
use relay_core::work::{NewMessage, Work};

use super::{AT, group, person, say, text};
use crate::store::{EXPORT_PAGE, OwnMessage, Store};

pub(super) async fn run(store: &Arc<dyn Store>) {
    let (ada, bob) = (person(store, 1, "Ada").await.id, person(store, 2, "Bob").await.id);
    let (first, _) = store.create_room(group(1, ada, vec![bob])).await.expect("made");
    let (second, _) = store.create_room(group(2, bob, vec![ada])).await.expect("made");
    let (deleted, _) = store.create_room(group(3, ada, Vec::new())).await.expect("made");
    let (own, _) = say(store, first.id, ada, 1).await.expect("stored");
    let (other, _) = say(store, first.id, bob, 2).await.expect("stored");
    let (gone, _) = say(store, second.id, ada, 3).await.expect("stored");
    say(store, deleted.id, ada, 4).await.expect("stored");

    let rooms = store.own_rooms(ada, None).await.expect("readable");
    let roles: Vec<_> = rooms.iter().map(|room| (room.id, room.my_role)).collect();
    let expected = [(first.id, MemberRole::Owner), (second.id, MemberRole::Member), (deleted.id, MemberRole::Owner)];
    assert_eq!(roles, expected, "by id");
    assert_eq!(store.own_rooms(ada, Some(second.id)).await.expect("readable").len(), 1, "after the one that is named");

    let edit = Work::EditMessage { room_id: first.id, user_id: ada, message_id: own.id, text: "better".into(), at: AT };
    store.perform(edit).await.expect("edited");
    let delete = Work::DeleteMessage { room_id: second.id, user_id: ada, message_id: gone.id, at: AT };
    store.perform(delete).await.expect("deleted");
    store.delete_room(ada, deleted.id).await.expect("deleted");
    store.remove_member(ada, first.id, ada).await.expect("left");
    let messages = written(store, ada).await;
    let [message] = messages.as_slice() else { panic!("one is hers and there, in a room that she left: {messages:?}") };
    assert_eq!((message.message.room_id, message.message.id), (first.id, own.id));
    assert_eq!(message.earlier.len(), 1);

    let react = |emoji: &str| Work::SetReaction {
        room_id: first.id,
        user_id: bob,
        message_id: other.id,
        emoji: emoji.into(),
        on: true,
    };
    for emoji in ["👍", "🎉"] {
        store.perform(react(emoji)).await.expect("set");
    }
    let reactions = store.own_reactions(bob, 0, String::new()).await.expect("readable");
    assert_eq!(reactions.len(), 2);
    let rest = store.own_reactions(bob, reactions[0].place, reactions[0].emoji.clone()).await.expect("readable");
    assert_eq!(rest, reactions[1..], "two under one message are on two pages, too");
    assert!(store.own_reactions(ada, 0, String::new()).await.expect("readable").is_empty());
    pages(store).await;
}

async fn pages(store: &Arc<dyn Store>) {
    let eve = person(store, 3, "Eve").await.id;
    let (one, _) = store.create_room(group(5, eve, Vec::new())).await.expect("made");
    let (two, _) = store.create_room(group(6, eve, Vec::new())).await.expect("made");
    let mut all: Vec<MessageId> = Vec::new();
    for n in 0..2 * EXPORT_PAGE + 1 {
        let room = if n % 2 == 0 { one.id } else { two.id };
        let mut id = [9; 16];
        id[12..].copy_from_slice(&n.to_be_bytes());
        let (id, client_id) = (MessageId::from_bytes(id), ClientMessageId::from_bytes(id));
        let new = NewMessage { id, client_id, ..text(room, eve, 0) };
        store.perform(Work::SendMessage(new)).await.expect("stored");
        all.push(id);
    }
    let ids = |own: &[OwnMessage]| own.iter().map(|own| own.message.id).collect::<Vec<_>>();
    let page = store.own_messages(eve, None).await.expect("readable");
    assert_eq!(ids(&page.messages), all[..EXPORT_PAGE as usize], "of all rooms together");
    assert!(page.next.is_some());
    assert_eq!(ids(&written(store, eve).await), all, "nothing is lost between pages");

    for (n, message_id) in all.iter().take(EXPORT_PAGE as usize).enumerate() {
        let room_id = if n % 2 == 0 { one.id } else { two.id };
        let delete = Work::DeleteMessage { room_id, user_id: eve, message_id: *message_id, at: AT };
        store.perform(delete).await.expect("deleted");
    }
    let page = store.own_messages(eve, None).await.expect("readable");
    assert!(page.messages.is_empty() && page.next.is_some(), "a page of which all is deleted is not the end");
    assert_eq!(ids(&written(store, eve).await), all[EXPORT_PAGE as usize..]);
}

async fn written(store: &Arc<dyn Store>, asker: UserId) -> Vec<OwnMessage> {
    let (mut own, mut after) = (Vec::new(), None);
    loop {
        let page = store.own_messages(asker, after).await.expect("readable");
        own.extend(page.messages);
        after = page.next;
        if after.is_none() {
            return own;
        }
    }
}
