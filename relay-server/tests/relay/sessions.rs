//! Sessions: presence, resume, shutdown.

use parley_shared::ids::{EventSeq, RequestId, Seq};
use parley_shared::wire::*;

use crate::harness::*;

#[tokio::test]
async fn a_resume_brings_what_was_missed_and_repeats_no_request() {
    let relay = TestRelay::start().await;
    let (ada, bob) = (relay.sign_up("Ada").await, relay.sign_up("Bob").await);
    let room_id = ada.direct(&bob).await.id;
    let (mut a, mut b) = (ada.connect().await, bob.connect().await);
    a.send_text(room_id, "one").await;
    assert_eq!(b.stored().await.seq, Seq(1));
    let request = send(room_id, "from bob");
    let msg = ClientMsg::Request { id: RequestId(77), request };
    b.say(&msg).await;
    assert_eq!(a.stored().await.seq, Seq(1));
    assert_eq!(a.stored().await.seq, Seq(2), "bob's request was done");
    let resume = b.resume();
    drop(b);
    a.send_text(room_id, "three").await;
    let (mut b, welcome) = bob.connect_resuming(Some(resume)).await;
    assert!(welcome.resumed);
    assert_eq!(welcome.session_id, resume.session_id);
    b.say(&msg).await;
    let reply = b.reply(RequestId(77)).await;
    assert!(matches!(reply, Ok(Reply::Message { message }) if message.seq == Seq(2)), "the first answer again");
    assert_eq!((b.stored().await.seq, b.stored().await.seq), (Seq(2), Seq(3)));
    let page: HistoryPage = ada.get(&format!("/rooms/{room_id}/messages")).await;
    assert_eq!(page.messages.len(), 3);
}

#[tokio::test]
async fn a_resume_of_nonsense_starts_anew() {
    let relay = TestRelay::start().await;
    let (ada, bob) = (relay.sign_up("Ada").await, relay.sign_up("Bob").await);
    let a = ada.connect().await;
    let (_, welcome) = bob.connect_resuming(Some(a.resume())).await;
    assert!(!welcome.resumed, "a session of another device");
    let ahead = Resume { last_seq: EventSeq(u64::MAX), ..a.resume() };
    let (_, welcome) = ada.connect_resuming(Some(ahead)).await;
    assert!(!welcome.resumed, "events that never were");
}

#[tokio::test]
async fn presence_is_seen_by_those_who_share_a_room() {
    let relay = TestRelay::start().await;
    let (ada, bob) = (relay.sign_up("Ada").await, relay.sign_up("Bob").await);
    ada.direct(&bob).await;
    let mut a = ada.connect().await;
    let is = |person, wanted| {
        move |hint: &Hint| match hint {
            Hint::Presence { user_id, presence, .. } if *user_id == person && *presence == wanted => Some(()),
            Hint::Presence { .. } | Hint::Typing { .. } => None,
        }
    };
    let mut b = bob.connect().await;
    a.hint(is(bob.id(), Presence::Online)).await;
    // A newcomer is shown who is there.
    b.hint(is(ada.id(), Presence::Online)).await;
    b.say(&ClientMsg::Idle { idle: true }).await;
    a.hint(is(bob.id(), Presence::Away)).await;
    drop(b);
    a.hint(is(bob.id(), Presence::Offline)).await;
    let person: Person = ada.get(&format!("/users/{}", bob.id())).await;
    assert_eq!(person.presence, Presence::Offline);
    let rooms: Vec<Room> = ada.get("/rooms").await;
    assert_eq!(rooms.len(), 1);
}

#[tokio::test]
async fn a_shutdown_closes_sockets_and_keeps_everything() {
    let mut relay = TestRelay::start().await;
    let ada = relay.sign_up("Ada").await;
    let room_id = ada.group("Notes", &[]).await.id;
    let mut socket = ada.connect().await;
    let mut ids = Vec::new();
    for n in 0..10 {
        ids.push(socket.begin(send(room_id, &n.to_string())).await);
    }
    for id in ids {
        socket.reply(id).await.unwrap();
    }
    relay.stop().await;
    socket.closed().await;
}
