//! A conversation between two people, from the first message to one written while the relay was away.

use anyhow::Result;
use e2e::person::{Person, is_text};
use e2e::relay::{Relay, RelayProcess};
use parley_shared::ids::RoomId;
use parley_shared::view::{BodyView, Command, MessageState, Snapshot};

/// Two people in their direct room, both looking at it.
async fn pair(relay_url: &str) -> Result<(Person, Person, RoomId)> {
    let alice = Person::sign_up(relay_url, "Alice").await?;
    let bob = Person::sign_up(relay_url, "Bob").await?;
    let room = alice.open_direct("Bob").await?;
    assert_eq!(bob.open_direct("Alice").await?, room, "the same two people have the same room");
    Ok((alice, bob, room))
}

fn unread(view: &Snapshot, room: RoomId) -> Option<u32> {
    view.rooms.rooms.iter().find(|item| item.id == room).map(|item| item.unread)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn message_is_stored_delivered_and_read() -> Result<()> {
    let relay = Relay::start().await?;
    let (alice, bob, room) = pair(&relay.url).await?;

    alice.say(room, "Lunch at one?").await?;
    let heard = bob.see_message("Lunch at one?").await?;
    assert!(!heard.mine && heard.sender_name == "Alice");
    bob.command(Command::MarkRead { room_id: room, seq: heard.seq.expect("a stored message has a place") }).await?;

    alice
        .see_timeline("that Bob has read it", |timeline| {
            timeline
                .messages
                .iter()
                .any(|message| is_text(message, "Lunch at one?") && message.state == MessageState::Read)
                .then_some(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn typing_is_seen_and_ends() -> Result<()> {
    let relay = Relay::start().await?;
    let (alice, bob, room) = pair(&relay.url).await?;

    alice.command(Command::SetTyping { room_id: room, typing: true }).await?;
    bob.see_timeline("that Alice types", |timeline| (timeline.typing == ["Alice"]).then_some(())).await?;
    alice.command(Command::SetTyping { room_id: room, typing: false }).await?;
    bob.see_timeline("that nobody types", |timeline| timeline.typing.is_empty().then_some(())).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn edit_and_deletion_reach_the_other() -> Result<()> {
    let relay = Relay::start().await?;
    let (alice, bob, room) = pair(&relay.url).await?;
    alice.say(room, "See you at tow").await?;
    let message = bob.see_message("See you at tow").await?;
    let message_id = message.id.expect("a stored message has an id");

    alice.command(Command::EditMessage { room_id: room, message_id, text: "See you at two".to_owned() }).await?;
    let edited = bob.see_message("See you at two").await?;
    assert!(edited.edited && edited.seq == message.seq);

    alice.command(Command::DeleteMessage { room_id: room, message_id }).await?;
    bob.see_timeline("that it is deleted", |timeline| {
        timeline
            .messages
            .iter()
            .any(|other| other.id == Some(message_id) && other.body == BodyView::Deleted)
            .then_some(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unread_messages_are_counted_until_they_are_read() -> Result<()> {
    let relay = Relay::start().await?;
    let (alice, bob, room) = pair(&relay.url).await?;
    bob.command(Command::CloseRoom).await?;
    for text in ["one", "two", "three"] {
        alice.say(room, text).await?;
    }
    bob.see("three unread messages", |view| (unread(view, room) == Some(3)).then_some(())).await?;

    bob.open_room(room).await?;
    let last = bob.see_message("three").await?;
    bob.command(Command::MarkRead { room_id: room, seq: last.seq.expect("a stored message has a place") }).await?;
    bob.see("no unread messages", |view| (unread(view, room) == Some(0)).then_some(())).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_is_there_without_the_relay() -> Result<()> {
    let mut relay = RelayProcess::start()?;
    let (alice, bob, room) = pair(&relay.url).await?;
    alice.say(room, "Remember this").await?;
    bob.see_message("Remember this").await?;
    bob.command(Command::CloseRoom).await?;
    relay.kill();

    bob.see("that the relay is away", |view| {
        (view.connection != parley_shared::view::ConnectionView::Online).then_some(())
    })
    .await?;
    bob.open_room(room).await?;
    bob.see_message("Remember this").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_while_the_relay_is_away_arrives_once_and_in_order() -> Result<()> {
    let mut relay = RelayProcess::start()?;
    let (alice, bob, room) = pair(&relay.url).await?;
    relay.kill();
    alice
        .see("that the relay is away", |view| {
            (view.connection != parley_shared::view::ConnectionView::Online).then_some(())
        })
        .await?;
    let texts = ["first", "second", "third"];
    for text in texts {
        alice.say(room, text).await?;
        let waiting = alice.see_message(text).await?;
        assert_eq!(waiting.state, MessageState::Sending);
    }

    relay.start_again()?;
    bob.see_message("third").await?;
    alice
        .see_timeline("that all is stored", |timeline| {
            let stored = timeline.messages.iter().filter(|message| message.seq.is_some()).count();
            (stored >= texts.len()).then_some(())
        })
        .await?;
    let heard: Vec<String> = bob
        .view()
        .timeline
        .expect("Bob's room is open")
        .messages
        .iter()
        .filter_map(|message| match &message.body {
            BodyView::Text { text, .. } => Some(text.clone()),
            BodyView::Deleted | BodyView::Call { .. } => None,
        })
        .collect();
    assert_eq!(heard, texts);
    Ok(())
}
