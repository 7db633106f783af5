//! Search: by every kind of term, in pages, and never outside of one's rooms.

use std::sync::Arc;

use parley_shared::ids::{RoomId, UserId};
use parley_shared::search::SearchQuery;
use parley_shared::wire::{ErrorCode, SearchPage};
use relay_core::work::{NewMessage, Work};

use super::super::{NewRoom, Search, Store, StoreError};
use super::{AT, direct, group, person, refused, text};

pub(super) async fn run(store: &Arc<dyn Store>) {
    let ada = person(store, 1, "Ada Lovelace").await;
    let bob = person(store, 2, "Bob van Dam").await;
    let eve = person(store, 3, "Eve").await;
    person(store, 4, "Adalbert Stranger").await;
    let named = |n: u8, name: &str| NewRoom { name: name.into(), ..group(n, ada.id, vec![bob.id]) };
    let (garden, _) = store.create_room(named(1, "Garden club")).await.expect("made");
    let (office, _) = store.create_room(named(2, "Office")).await.expect("made");
    let (two, _) = store.create_room(direct(3, ada.id, bob.id)).await.expect("made");
    let (secret, _) = store.create_room(group(4, eve.id, Vec::new())).await.expect("made");
    let write = |n: u8, room_id: RoomId, sender: UserId, words: &str| {
        let new = NewMessage { text: words.into(), ..text(room_id, sender, n) };
        async move { store.perform(Work::SendMessage(new)).await.expect("stored") }
    };
    write(1, garden.id, ada.id, "Grüße an die Rosen").await;
    write(2, garden.id, bob.id, "roses are red, see https://example.org/roses").await;
    write(3, office.id, ada.id, "the budget for roses").await;
    write(4, two.id, bob.id, "red budget").await;
    write(5, secret.id, eve.id, "secret roses").await;
    write(6, office.id, bob.id, &format!("ask <@{}>", ada.id)).await;

    let find = |query: &str| {
        let query = query.to_owned();
        async move { numbers(&store.search(bob.id, wanted(&query)).await.expect("readable")) }
    };
    for (query, found) in [
        ("rose", vec![3, 2, 1]),
        ("ROS", vec![3, 2, 1]),
        ("gruße", vec![1]),
        ("\"are red\"", vec![2]),
        ("\"red are\"", vec![]),
        ("roses", vec![3, 2]),
        ("roses budget", vec![3]),
        ("from:ada roses", vec![3]),
        ("from:love", vec![3, 1]),
        ("from:me budget", vec![4]),
        ("from:\"bob dam\" red", vec![4, 2]),
        ("from:nobody roses", vec![]),
        ("from:adalbert", vec![]),
        ("from:eve", vec![]),
        ("in:gard roses", vec![2]),
        ("in:ada", vec![4]),
        ("in:\"club garden\"", vec![2, 1]),
        ("in:gard in:office roses", vec![3, 2]),
        ("in:nowhere roses", vec![]),
        ("has:link", vec![2]),
        ("has:image roses", vec![]),
        ("lovelace", vec![6]),
        ("before:2023-11-14 roses", vec![]),
        ("on:2023-11-14 roses", vec![3, 2]),
        ("after:2023-11-13", vec![6, 4, 3, 2, 1]),
        ("after:2023-11-14", vec![]),
        ("!!!", vec![]),
        ("", vec![]),
    ] {
        assert_eq!(find(query).await, found, "{query}");
    }
    let inside = |room_id: RoomId| Search { room_id: Some(room_id), ..wanted("roses") };
    assert_eq!(numbers(&store.search(bob.id, inside(garden.id)).await.expect("readable")), [2]);
    assert_eq!(refused(store.search(bob.id, inside(secret.id)).await), ErrorCode::NotFound, "a foreign room");
    assert_eq!(numbers(&store.search(eve.id, wanted("roses")).await.expect("readable")), [5]);

    let delete =
        |room_id, n| Work::DeleteMessage { room_id, user_id: ada.id, message_id: text(room_id, ada.id, n).id, at: AT };
    store.perform(delete(office.id, 3)).await.expect("deleted");
    assert_eq!(find("roses").await, [2], "what is deleted is not found");
    let edit = Work::EditMessage {
        room_id: garden.id,
        user_id: ada.id,
        message_id: text(garden.id, ada.id, 1).id,
        text: "tulips".into(),
        at: AT,
    };
    store.perform(edit).await.expect("edited");
    assert_eq!((find("rosen").await, find("tulip").await), (vec![], vec![1]), "what was edited is found as it is");
    store.remove_member(ada.id, garden.id, bob.id).await.expect("removed");
    assert_eq!(find("tulip").await, Vec::<u8>::new(), "who left a room does not search it");
    pages(store, ada.id, office.id).await;
}

async fn pages(store: &Arc<dyn Store>, asker: UserId, room_id: RoomId) {
    for n in 100..150 {
        let new = NewMessage { text: format!("page {n}"), ..text(room_id, asker, n) };
        store.perform(Work::SendMessage(new)).await.expect("stored");
    }
    let (mut before, mut found, mut rounds) = (None, Vec::new(), 0);
    loop {
        let page = store.search(asker, Search { before, limit: 20, ..wanted("page") }).await.expect("readable");
        found.extend(numbers(&page));
        rounds += 1;
        match page.next {
            Some(next) => before = Some(next),
            None => break,
        }
    }
    assert_eq!((found, rounds), ((100..150).rev().collect(), 3), "newest first, each once, and an end");
    let whole = store.search(asker, Search { limit: 50, ..wanted("page") }).await.expect("readable");
    assert_eq!((whole.messages.len(), whole.next), (50, None));
    for wrong in ["", "x", "-1", "ffffffffffffffff", "1 or 1", &"1".repeat(17), "+1"] {
        let search = Search { before: Some(wrong.into()), ..wanted("page") };
        let Err(StoreError::Refused(error)) = store.search(asker, search).await else { panic!("{wrong} is no place") };
        assert_eq!((error.code, error.field.as_deref()), (ErrorCode::InvalidArgument, Some("before")));
    }
    let end = Search { before: Some("0".into()), ..wanted("page") };
    assert!(store.search(asker, end).await.expect("readable").messages.is_empty());
}

fn wanted(query: &str) -> Search {
    Search { query: SearchQuery::parse(query, 0), room_id: None, before: None, limit: 50 }
}

/// Which messages were found, by the numbers that they were made with.
fn numbers(page: &SearchPage) -> Vec<u8> {
    page.messages.iter().map(|message| message.id.as_bytes()[0]).collect()
}
