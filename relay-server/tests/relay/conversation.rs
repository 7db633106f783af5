//! Replies, threads, reactions, pins, edits with a history, mentions and search, as clients meet them.

use parley_shared::ids::{MessageId, RoomId, Seq};
use parley_shared::wire::*;
use reqwest::Method;

use crate::harness::*;

fn changed(event: &Event) -> Option<Message> {
    match event {
        Event::MessageChanged { message } => Some((**message).clone()),
        _ => None,
    }
}

async fn message(socket: &mut Socket, request: Request) -> Message {
    match socket.request(request).await {
        Ok(Reply::Message { message }) => *message,
        other => panic!("a message is answered, not {other:?}"),
    }
}

fn answer(room_id: RoomId, text: &str, to: Option<MessageId>, thread: Option<MessageId>) -> Request {
    match send(room_id, text) {
        Request::SendMessage { room_id, client_id, text, attachments, .. } => {
            Request::SendMessage { room_id, client_id, text, reply_to: to, thread_id: thread, attachments }
        }
        other => other,
    }
}

#[tokio::test]
async fn a_reply_in_a_thread_is_told_before_the_thread_that_grew() {
    let relay = TestRelay::start().await;
    let (ada, bob) = (relay.sign_up("Ada").await, relay.sign_up("Bob").await);
    let room_id = ada.direct(&bob).await.id;
    let (mut a, mut b) = (ada.connect().await, bob.connect().await);
    let root = a.send_text(room_id, "Where shall we meet?").await;
    b.stored().await;
    let reply = message(&mut b, answer(room_id, "At the harbour", Some(root.id), Some(root.id))).await;
    assert_eq!((reply.reply_to, reply.thread_id), (Some(root.id), Some(root.id)));
    a.stored().await;
    let mut told = Vec::new();
    while told.len() < 2 {
        if let Some(ServerMsg::Event { event, .. }) = a.next().await {
            match event {
                Event::MessageStored { message } => told.push(("stored", message.change.0)),
                Event::MessageChanged { message } => {
                    assert_eq!((message.id, message.thread.map(|thread| thread.replies)), (root.id, Some(1)));
                    told.push(("changed", message.change.0));
                }
                _ => {}
            }
        }
    }
    assert_eq!(told, [("stored", 2), ("changed", 3)], "in the order of change");
    let feed: ChangesPage = ada.get(&format!("/rooms/{room_id}/changes?after=1")).await;
    assert_eq!(feed.messages.iter().map(|message| message.change.0).collect::<Vec<_>>(), [2, 3]);
    let page: ThreadPage = ada.get(&format!("/rooms/{room_id}/threads/{}", root.id)).await;
    assert_eq!((page.root.id, page.messages, page.has_more), (root.id, vec![reply.clone()], false));
    let one: Message = ada.get(&format!("/rooms/{room_id}/messages/{}", reply.id)).await;
    assert_eq!(one, reply);
    let nested = b.request(answer(room_id, "x", None, Some(reply.id))).await.expect_err("threads have no threads");
    assert_eq!((nested.code, nested.field.as_deref()), (ErrorCode::InvalidArgument, Some("thread_id")));
}

#[tokio::test]
async fn reactions_and_pins_are_told_to_everyone() {
    let relay = TestRelay::start().await;
    let (ada, bob) = (relay.sign_up("Ada").await, relay.sign_up("Bob").await);
    let room_id = ada.group("Club", &[&bob]).await.id;
    let (mut a, mut b) = (ada.connect().await, bob.connect().await);
    let message_id = a.send_text(room_id, "Cake at four").await.id;
    let react = |emoji: &str, on| Request::SetReaction { room_id, message_id, emoji: emoji.into(), on };
    message(&mut b, react("❤", true)).await;
    let told = a.event(changed).await;
    assert_eq!((told.reactions[0].emoji.as_str(), &told.reactions[0].user_ids), ("❤\u{fe0f}", &vec![bob.id()]));
    let same = message(&mut b, react("❤\u{fe0f}", true)).await;
    assert_eq!(same.change, told.change, "written the other way it is the same reaction");
    for wrong in ["", "x", "👍👍", "👍 ", "<3", ":heart:", "\u{fe0f}", "\u{200d}", &"👍🏽".repeat(1_000)] {
        let error = b.request(react(wrong, true)).await.expect_err("no emoji");
        assert_eq!((error.code, error.field.as_deref()), (ErrorCode::InvalidArgument, Some("emoji")), "{wrong:?}");
    }
    assert!(message(&mut b, react("❤", false)).await.reactions.is_empty());

    let pin = |pinned| Request::SetPinned { room_id, message_id, pinned };
    assert_eq!(b.refused(pin(true)).await, ErrorCode::Forbidden);
    let pinned = message(&mut a, pin(true)).await;
    assert!(pinned.pinned_at_ms.is_some());
    assert_eq!(b.event(|event| changed(event).filter(|message| message.pinned_at_ms.is_some())).await, pinned);
    let pins: Vec<Message> = bob.get(&format!("/rooms/{room_id}/pins")).await;
    assert_eq!(pins, [pinned]);
    message(&mut a, pin(false)).await;
    let pins: Vec<Message> = bob.get(&format!("/rooms/{room_id}/pins")).await;
    assert!(pins.is_empty());
}

#[tokio::test]
async fn an_edited_message_keeps_its_history_until_it_is_deleted() {
    let relay = TestRelay::start().await;
    let ada = relay.sign_up("Ada").await;
    let room_id = ada.group("Notes", &[]).await.id;
    let mut socket = ada.connect().await;
    let message_id = socket.send_text(room_id, "one").await.id;
    message(&mut socket, Request::EditMessage { room_id, message_id, text: "two".into() }).await;
    let path = format!("/rooms/{room_id}/messages/{message_id}/versions");
    let versions: Vec<MessageVersion> = ada.get(&path).await;
    assert_eq!(versions.iter().map(|version| version.text.as_str()).collect::<Vec<_>>(), ["two", "one"]);
    let empty = Request::EditMessage { room_id, message_id, text: " ".into() };
    assert_eq!(socket.refused(empty).await, ErrorCode::InvalidArgument);
    message(&mut socket, Request::DeleteMessage { room_id, message_id }).await;
    let versions: Vec<MessageVersion> = ada.get(&path).await;
    assert!(versions.is_empty());
    let react = Request::SetReaction { room_id, message_id, emoji: "👍".into(), on: true };
    assert_eq!(socket.refused(react).await, ErrorCode::Conflict);
}

#[tokio::test]
async fn mentions_are_counted_until_they_are_read() {
    let relay = TestRelay::start().await;
    let (ada, bob) = (relay.sign_up("Ada").await, relay.sign_up("Bob").await);
    let room_id = ada.group("Club", &[&bob]).await.id;
    let (mut a, mut b) = (ada.connect().await, bob.connect().await);
    a.send_text(room_id, "hello").await;
    a.send_text(room_id, &format!("<@{}> look", bob.id())).await;
    a.send_text(room_id, "<@everyone> look").await;
    let room: Room = bob.get(&format!("/rooms/{room_id}")).await;
    assert_eq!((room.unread, room.mentions), (3, 2));
    b.done(Request::MarkRead { room_id, seq: Seq(2) }).await;
    let room: Room = bob.get(&format!("/rooms/{room_id}")).await;
    assert_eq!((room.unread, room.mentions), (1, 1));
    let rooms: Vec<Room> = ada.get("/rooms").await;
    assert_eq!(rooms[0].mentions, 0, "one's own do not count");
    let many: String = (0..=parley_shared::limits::MENTIONS_PER_MESSAGE)
        .map(|n| format!("<@00000000-0000-7000-8000-{n:012}>"))
        .collect();
    assert_eq!(a.refused(send(room_id, &many)).await, ErrorCode::InvalidArgument);
}

#[tokio::test]
async fn search_finds_in_my_rooms_and_history_opens_around_it() {
    let relay = TestRelay::start_with(|config| config.messages.burst = 1_000).await;
    let (ada, bob, eve) = (relay.sign_up("Ada").await, relay.sign_up("Bob").await, relay.sign_up("Eve").await);
    let room_id = ada.group("Harbour", &[&bob]).await.id;
    let secret = eve.group("Secrets", &[]).await.id;
    let (mut a, mut e) = (ada.connect().await, eve.connect().await);
    e.send_text(secret, "the needle of eve").await;
    for n in 1..=60 {
        let text = if n == 30 { "a NEEDLE in the hay".to_owned() } else { format!("hay {n}") };
        a.send_text(room_id, &text).await;
    }
    let search = |query: &str| format!("/search?query={}", query.replace(' ', "%20").replace('"', "%22"));
    let page: SearchPage = bob.get(&search("need from:ada in:harb")).await;
    assert_eq!(page.messages.iter().map(|message| message.seq.0).collect::<Vec<_>>(), [30]);
    assert_eq!(page.next, None);
    let around: HistoryPage = bob.get(&format!("/rooms/{room_id}/messages?around=30&limit=10")).await;
    assert_eq!(around.messages.iter().map(|message| message.seq.0).collect::<Vec<_>>(), (25..35).collect::<Vec<_>>());
    assert!(around.has_before && around.has_after);
    let first: SearchPage = bob.get(&format!("{}&limit=40", search("hay"))).await;
    let next = first.next.clone().expect("there is more");
    let second: SearchPage = bob.get(&format!("{}&limit=40&before={next}", search("hay"))).await;
    let all: Vec<u64> = first.messages.iter().chain(&second.messages).map(|message| message.seq.0).collect();
    assert_eq!((all, second.next), ((1..=60).rev().collect(), None));
    let own: SearchPage = eve.get(&search("needle")).await;
    assert_eq!(own.messages.len(), 1);
    for wrong in ["in:Secrets needle", "in:Harbour from:eve", "in:Nowhere hay", "\"needle a\""] {
        let page: SearchPage = bob.get(&search(wrong)).await;
        assert!(page.messages.is_empty(), "{wrong}");
    }
    let foreign = format!("{}&room_id={secret}", search("needle"));
    assert_eq!(bob.refused(Method::GET, &foreign, None).await.0, 404);
}

#[tokio::test]
async fn a_hundred_sends_of_one_client_id_over_two_connections_are_one_message() {
    let relay = TestRelay::start_with(|config| config.messages.burst = 1_000).await;
    let ada = relay.sign_up("Ada").await;
    let phone = ada.sign_in().await;
    let room_id = ada.group("Notes", &[]).await.id;
    let (mut one, mut two) = (ada.connect().await, phone.connect().await);
    let request = send(room_id, "only once");
    let mut ids = Vec::new();
    for _ in 0..50 {
        ids.push((one.begin(request.clone()).await, two.begin(request.clone()).await));
    }
    let mut messages = Vec::new();
    for (first, second) in ids {
        for reply in [one.reply(first).await, two.reply(second).await] {
            match reply {
                Ok(Reply::Message { message }) => messages.push(message.id),
                other => panic!("stored, not {other:?}"),
            }
        }
    }
    assert_eq!(messages.len(), 100);
    messages.dedup();
    assert_eq!(messages.len(), 1, "one message");
    assert_eq!(one.send_text(room_id, "next").await.seq, Seq(2));
    assert_eq!((two.stored().await.seq, two.stored().await.seq), (Seq(1), Seq(2)), "told once");
}

#[tokio::test]
async fn searches_have_a_rate_of_their_own() {
    let relay = TestRelay::start().await;
    let ada = relay.sign_up("Ada").await;
    let mut refused = None;
    for _ in 0..500 {
        let response = ada.send(Method::GET, "/search?query=a", None).await;
        if !response.status().is_success() {
            refused = Some(refusal(response).await);
            break;
        }
    }
    let (status, error) = refused.expect("somebody who searches without a pause is slowed down");
    assert_eq!((status, error.code), (429, ErrorCode::RateLimited));
    let _: Vec<Room> = ada.get("/rooms").await;
}
