//! Replies, threads, reactions, pins, search and jumps over a real relay, and without it.

use std::path::Path;

use crate::support::{Person, Relay, text, within};
use parley_client::SecretsChoice;
use parley_client::core::Answer;
use parley_shared::ids::{MessageId, RoomId, Seq};
use parley_shared::view::*;

async fn two_people(dir: &Path, relay: &Relay) -> (Person, Person, RoomId) {
    let jo = Person::arrive(dir, "jo").await.sign_up(&relay.url(), "Jo").await;
    let mina = Person::arrive(dir, "mina").await.sign_up(&relay.url(), "Mina").await;
    let room_id = jo.open_direct("Mina").await;
    (jo, mina, room_id)
}

async fn until_message(person: &Person, wanted: &str) -> MessageView {
    let find = |state: &Snapshot| {
        let messages = &state.timeline.as_ref()?.messages;
        messages.iter().find(|message| message.id.is_some() && text(message) == wanted).cloned()
    };
    person.until(wanted, find).await
}

async fn write(person: &Person, room_id: RoomId, text: &str, to: (Option<MessageId>, Option<MessageId>)) {
    let (reply_to, thread_id) = to;
    let text = text.to_owned();
    person.command(Command::SendMessage { room_id, text, reply_to, thread_id, attachments: Vec::new() }).await;
}

async fn search(person: &Person, query: &str, source: SearchSource) -> Vec<String> {
    let query = Query::Search { query: query.to_owned(), source, room_id: None, before: None, utc_offset_min: 0 };
    match person.client.query(query).await.unwrap() {
        Answer::Search(results) => results.hits.iter().map(|hit| text(&hit.message).to_owned()).collect(),
        answer => panic!("no search: {answer:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_answer_react_pin_and_talk_in_threads() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start(dir.path()).await;
    let (jo, mina, room_id) = two_people(dir.path(), &relay).await;
    let SessionView::SignedIn { me, .. } = mina.state().await.session else { panic!("Mina is signed in") };
    jo.say(room_id, &format!("lunch at noon, <@{}>?", me.user_id)).await;
    let mention = |state: &Snapshot| state.rooms.rooms.first().filter(|room| room.mentions == 1).cloned();
    let room = mina.until("the mention", mention).await;
    assert!(matches!(&room.preview, Preview::Text { text, .. } if text == "lunch at noon, @Mina?"));

    mina.command(Command::OpenRoom { room_id }).await;
    let root = mina.until("the message", |state| state.timeline.as_ref()?.messages.first()?.id).await;
    write(&mina, room_id, "yes", (Some(root), None)).await;
    let answer = until_message(&jo, "yes").await;
    assert_eq!(answer.reply.map(|reply| reply.text).as_deref(), Some("lunch at noon, @Mina?"));

    mina.command(Command::OpenThread { room_id, message_id: root }).await;
    write(&mina, room_id, "in the thread", (None, Some(root))).await;
    jo.command(Command::OpenThread { room_id, message_id: root }).await;
    let in_thread = |state: &Snapshot| {
        let thread = state.thread.as_ref()?;
        let whole = thread.messages.iter().any(|message| text(message) == "in the thread") && !thread.loading;
        (whole && thread.root.as_ref()?.thread.as_ref()?.replies == 1).then_some(())
    };
    jo.until("the thread", in_thread).await;
    mina.until("my own in the thread", in_thread).await;
    assert_eq!(jo.state().await.timeline.unwrap().messages.len(), 2);

    let react = |on| Command::SetReaction { room_id, message_id: root, emoji: "👍🏽".to_owned(), on };
    mina.command(react(true)).await;
    let reaction = |state: &Snapshot| state.timeline.as_ref()?.messages.first()?.reactions.first().cloned();
    assert_eq!(jo.until("the reaction", reaction).await.names, ["Mina"]);
    mina.command(react(false)).await;
    jo.until("the reaction to go", |state| reaction(state).is_none().then_some(())).await;

    jo.command(Command::SetPinned { room_id, message_id: root, pinned: true }).await;
    let pins = mina.client.query(Query::Pins { room_id }).await.unwrap();
    assert!(matches!(&pins, Answer::Messages(pins) if pins.len() == 1 && pins[0].pinned), "{pins:?}");
    jo.command(Command::EditMessage { room_id, message_id: root, text: "lunch at one?".to_owned() }).await;
    let versions = mina.client.query(Query::MessageVersions { room_id, message_id: root }).await.unwrap();
    assert!(matches!(&versions, Answer::Versions(versions) if versions.len() == 2), "{versions:?}");
    mina.until("the mention to go", |state| (state.rooms.rooms.first()?.mentions == 0).then_some(())).await;
    mina.client.shutdown().await;
    jo.client.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_history_is_searched_and_gone_through_without_the_relay() {
    let dir = tempfile::tempdir().unwrap();
    let mut relay = Relay::start(dir.path()).await;
    let (jo, mina, room_id) = two_people(dir.path(), &relay).await;
    for n in 1..=130 {
        jo.say(room_id, &format!("message {n} of the harvest")).await;
    }
    until_message(&jo, "message 130 of the harvest").await;

    // Another device of Jo's knows the newest page only, and fills the rest by itself.
    let second = Person::arrive_with(dir.path(), "second", SecretsChoice::File).await;
    second.command(Command::KeepSecrets { passphrase: Some("a passphrase".to_owned()) }).await;
    second
        .command(Command::SignIn {
            relay_url: relay.url(),
            email: "jo@example.org".to_owned(),
            password: "a long password".to_owned(),
        })
        .await;
    second.until_online().await;
    let usage = async || match second.client.query(Query::HistoryUsage).await.unwrap() {
        Answer::Usage(usage) => Some(usage).filter(|usage| usage.messages == 130),
        answer => panic!("no usage: {answer:?}"),
    };
    within("the history to be whole", usage).await;
    for source in [SearchSource::Relay, SearchSource::Device] {
        assert_eq!(
            search(&second, "\"message 7 of\" harv from:me in:mina", source).await,
            ["message 7 of the harvest"]
        );
        assert_eq!(search(&second, "harvest", source).await.len(), 30);
        assert!(search(&second, "from:mina harvest", source).await.is_empty());
        assert!(search(&second, "from:nobody", source).await.is_empty());
    }

    relay.stop().await;
    let offline = |state: &Snapshot| matches!(state.connection, ConnectionView::Offline { .. }).then_some(());
    second.until("the loss of the relay", offline).await;
    assert_eq!(search(&second, "\"message 3 of\"", SearchSource::Device).await, ["message 3 of the harvest"]);
    second.command(Command::JumpTo { room_id, to: JumpTarget::Place { seq: Seq(3) } }).await;
    let view = second.state().await.timeline.unwrap();
    assert_eq!((view.focus.map(|focus| focus.seq), view.has_newer), (Some(Seq(3)), true));
    while second.state().await.timeline.unwrap().has_newer {
        second.command(Command::LoadNewer { room_id }).await;
    }
    assert_eq!(second.state().await.timeline.unwrap().messages.len(), 130);

    second.command(Command::WipeHistory).await;
    assert!(search(&second, "harvest", SearchSource::Device).await.is_empty());
    for person in [jo, mina, second] {
        person.client.shutdown().await;
    }
}
