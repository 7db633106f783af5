//! Messages over sockets: stored once, told to everyone, changed, marked.

use parley_shared::ids::{Seq, UnixMs};
use parley_shared::wire::*;
use reqwest::Method;

use crate::harness::*;

#[tokio::test]
async fn a_message_reaches_every_device_and_is_in_the_history() {
    let relay = TestRelay::start().await;
    let (ada, bob) = (relay.sign_up("Ada").await, relay.sign_up("Bob").await);
    let phone = bob.sign_in().await;
    let room = ada.direct(&bob).await;
    let mut sockets = [ada.connect().await, bob.connect().await, phone.connect().await];
    let sent = sockets[0].send_text(room.id, "  Hello **Bob**  ").await;
    assert_eq!(sent.body, MessageBody::text("Hello **Bob**"));
    for socket in &mut sockets {
        assert_eq!(socket.stored().await, sent);
    }
    let page: HistoryPage = bob.get(&format!("/rooms/{}/messages", room.id)).await;
    assert_eq!(page.messages, [sent]);
    let seen: Room = bob.get(&format!("/rooms/{}", room.id)).await;
    assert_eq!((seen.unread, seen.last_seq), (1, Seq(1)));
}

#[tokio::test]
async fn the_same_client_id_is_one_message_over_any_connection() {
    let relay = TestRelay::start().await;
    let ada = relay.sign_up("Ada").await;
    let phone = ada.sign_in().await;
    let room = ada.group("Notes", &[]).await;
    let (mut one, mut two) = (ada.connect().await, phone.connect().await);
    let request = send(room.id, "only once");
    let mut ids = Vec::new();
    for _ in 0..5 {
        for socket in [&mut one, &mut two] {
            match socket.request(request.clone()).await {
                Ok(Reply::Message { message }) => ids.push((message.id, message.seq)),
                other => panic!("stored, not {other:?}"),
            }
        }
    }
    ids.dedup();
    assert_eq!(ids.len(), 1);
    assert_eq!(one.send_text(room.id, "next").await.seq, Seq(2));
    assert_eq!((two.stored().await.seq, two.stored().await.seq), (Seq(1), Seq(2)), "and it is told once");
}

#[tokio::test]
async fn edits_deletions_receipts_and_typing_are_told() {
    let relay = TestRelay::start().await;
    let (ada, bob) = (relay.sign_up("Ada").await, relay.sign_up("Bob").await);
    let room_id = ada.direct(&bob).await.id;
    let (mut a, mut b) = (ada.connect().await, bob.connect().await);
    let message_id = a.send_text(room_id, "first").await.id;
    let changed = |event: &Event| match event {
        Event::MessageChanged { message } => Some((**message).clone()),
        _ => None,
    };
    let edit = |text: &str| Request::EditMessage { room_id, message_id, text: text.into() };
    assert_eq!(b.refused(edit("mine")).await, ErrorCode::Forbidden);
    a.request(edit("second")).await.unwrap();
    let message = b.event(changed).await;
    assert_eq!((message.body, message.seq), (MessageBody::text("second"), Seq(1)));
    assert!(message.edited_at_ms.is_some_and(|at| at > UnixMs(0)));
    b.done(Request::MarkRead { room_id, seq: Seq(1) }).await;
    let receipt = a
        .event(|event| match event {
            Event::ReceiptChanged { user_id, delivered_seq, read_seq, .. } => {
                Some((*user_id, *delivered_seq, *read_seq))
            }
            _ => None,
        })
        .await;
    assert_eq!(receipt, (bob.id(), Seq(1), Seq(1)));
    b.done(Request::SetTyping { room_id, typing: true }).await;
    let typing = |hint: &Hint| match hint {
        Hint::Typing { user_id, typing, .. } => Some((*user_id, *typing)),
        Hint::Presence { .. } => None,
    };
    assert_eq!(a.hint(typing).await, (bob.id(), true));
    b.send_text(room_id, "typed").await;
    assert_eq!(a.hint(typing).await, (bob.id(), false));
    a.request(Request::DeleteMessage { room_id, message_id }).await.unwrap();
    assert_eq!(b.event(changed).await.body, MessageBody::Deleted);
    let feed: ChangesPage = bob.get(&format!("/rooms/{room_id}/changes?after=0")).await;
    assert_eq!(feed.messages.iter().map(|m| m.seq.0).collect::<Vec<_>>(), [2, 1]);
    assert!(!feed.has_more);
}

#[tokio::test]
async fn a_block_stops_messages_and_calls_and_looks_like_nothing() {
    let relay = TestRelay::start().await;
    let (ada, bob) = (relay.sign_up("Ada").await, relay.sign_up("Bob").await);
    let room_id = ada.direct(&bob).await.id;
    let (mut a, _b) = (ada.connect().await, bob.connect().await);
    bob.tell(Method::PUT, &format!("/contacts/blocked/{}", ada.id())).await;
    assert_eq!(a.refused(send(room_id, "hello?")).await, ErrorCode::NotFound);
    assert_eq!(a.refused(start_call(room_id)).await, ErrorCode::NotFound);
}

#[tokio::test]
async fn messages_are_limited_per_person() {
    let relay = TestRelay::start_with(|config| config.messages.burst = 3).await;
    let ada = relay.sign_up("Ada").await;
    let room_id = ada.group("Notes", &[]).await.id;
    let mut socket = ada.connect().await;
    let mut ids = Vec::new();
    for n in 0..5 {
        ids.push(socket.begin(send(room_id, &n.to_string())).await);
    }
    let mut refused = 0;
    for id in ids {
        if let Err(error) = socket.reply(id).await {
            assert_eq!(error.code, ErrorCode::RateLimited);
            assert!(error.retry_after_s.is_some());
            refused += 1;
        }
    }
    assert!((1..=2).contains(&refused), "{refused} of 5 at a burst of 3");
    assert!(socket.is_alive().await);
}
