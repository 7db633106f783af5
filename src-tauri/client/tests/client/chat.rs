//! Two people who chat over a real relay, while connections and relays come and go.

use crate::support::{self, Person, Relay, Wire};
use parley_client::SecretsChoice;
use parley_shared::ids::Seq;
use parley_shared::view::*;

async fn two_people(dir: &std::path::Path, relay: &Relay) -> (Person, Person) {
    let jo = Person::arrive(dir, "jo").await.sign_up(&relay.url(), "Jo").await;
    let mina = Person::arrive(dir, "mina").await.sign_up(&relay.url(), "Mina").await;
    (jo, mina)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_delivered_read_edited_and_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start(dir.path()).await;
    let (jo, mina) = two_people(dir.path(), &relay).await;
    let room_id = jo.open_direct("Mina").await;
    jo.say(room_id, "hello").await;
    let unread =
        |state: &Snapshot| state.rooms.rooms.first().filter(|room| room.unread == 1).map(|room| room.title.clone());
    assert_eq!(mina.until("an unread message", unread).await, "Jo");
    let delivered = |wanted: MessageState| {
        move |state: &Snapshot| {
            let message = state.timeline.as_ref()?.messages.first()?.clone();
            (message.state == wanted).then_some(message)
        }
    };
    jo.until("the delivery", delivered(MessageState::Delivered)).await;

    mina.command(Command::OpenRoom { room_id }).await;
    mina.until_texts(&["hello"]).await;
    assert_eq!(mina.state().await.timeline.unwrap().unread_from, Some(Seq(1)));
    mina.command(Command::MarkRead { room_id, seq: Seq(1) }).await;
    let message = jo.until("the reading", delivered(MessageState::Read)).await;
    assert_eq!(mina.state().await.rooms.rooms[0].unread, 0);

    let message_id = message.id.unwrap();
    jo.command(Command::EditMessage { room_id, message_id, text: "hello, Mina".to_owned() }).await;
    mina.until_texts(&["hello, Mina"]).await;
    jo.command(Command::DeleteMessage { room_id, message_id }).await;
    mina.until_texts(&["(deleted)"]).await;

    mina.command(Command::SetTyping { room_id, typing: true }).await;
    jo.until("the typing", |state| (state.timeline.as_ref()?.typing == ["Mina"]).then_some(())).await;
    mina.client.shutdown().await;
    jo.client.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_restarts_costs_no_message_and_signs_nobody_out() {
    let dir = tempfile::tempdir().unwrap();
    let mut relay = Relay::start(dir.path()).await;
    let (jo, mina) = two_people(dir.path(), &relay).await;
    let room_id = jo.open_direct("Mina").await;
    jo.say(room_id, "one").await;
    mina.until("the room", |state| state.rooms.rooms.first().map(|_| ())).await;
    mina.command(Command::OpenRoom { room_id }).await;
    mina.until_texts(&["one"]).await;

    relay.stop().await;
    let away = |state: &Snapshot| matches!(state.connection, ConnectionView::Offline { .. }).then_some(());
    jo.until("the loss of the relay", away).await;
    for text in ["two", "three", "four"] {
        jo.say(room_id, text).await;
    }
    mina.say(room_id, "are you there?").await;
    relay.start_again().await;
    jo.command(Command::Reconnect).await;
    jo.until_texts_in_any_order(&["one", "two", "three", "four", "are you there?"]).await;
    mina.command(Command::Reconnect).await;
    let order = jo.texts().await;
    let texts: Vec<&str> = order.iter().map(String::as_str).collect();
    mina.until_texts(&texts).await;
    let mine: Vec<&&str> = texts.iter().filter(|text| **text != "are you there?").collect();
    assert_eq!(mine, [&"one", &"two", &"three", &"four"]);
    for person in [&jo, &mina] {
        assert!(matches!(person.state().await.session, SessionView::SignedIn { .. }));
        person.client.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_wire_loses_and_doubles_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start(dir.path()).await;
    let wire = Wire::to(relay.address()).await;
    let jo = Person::arrive(dir.path(), "jo").await.sign_up(&wire.url(), "Jo").await;
    let mina = Person::arrive(dir.path(), "mina").await.sign_up(&relay.url(), "Mina").await;
    let room_id = jo.open_direct("Mina").await;
    mina.until("the room", |state| state.rooms.rooms.first().map(|_| ())).await;
    mina.command(Command::OpenRoom { room_id }).await;
    let mut all = Vec::new();
    for round in 0..4 {
        let (from_jo, from_mina) = (format!("jo {round}"), format!("mina {round}"));
        // Jo's message and the cut race: it may be under way, stored, or answered.
        jo.say(room_id, &from_jo).await;
        wire.cut();
        mina.say(room_id, &from_mina).await;
        wire.mend();
        jo.command(Command::Reconnect).await;
        all.extend([from_jo, from_mina]);
        let texts: Vec<&str> = all.iter().map(String::as_str).collect();
        jo.until_texts_in_any_order(&texts).await;
    }
    let order = jo.texts().await;
    let texts: Vec<&str> = order.iter().map(String::as_str).collect();
    mina.until_texts(&texts).await;
    jo.client.shutdown().await;
    mina.client.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_relay_the_history_is_there_and_what_is_written_is_sent_once_later() {
    let dir = tempfile::tempdir().unwrap();
    let mut relay = Relay::start(dir.path()).await;
    let jo = Person::arrive_with(dir.path(), "jo", SecretsChoice::File).await;
    let mut jo = jo.sign_up(&relay.url(), "Jo").await;
    let mina = Person::arrive(dir.path(), "mina").await.sign_up(&relay.url(), "Mina").await;
    jo.command(Command::KeepSecrets { passphrase: Some("correct horse".to_owned()) }).await;
    let room_id = jo.open_direct("Mina").await;
    jo.say(room_id, "one").await;
    jo.until_texts(&["one"]).await;
    jo.command(Command::SetDraft { room_id, text: "half a thought".to_owned() }).await;

    relay.stop().await;
    jo.restart().await;
    assert_eq!(jo.state().await.session, SessionView::Locked { wrong: false });
    assert!(jo.client.command(Command::Unlock { passphrase: "wrong".to_owned() }).await.is_err());
    jo.command(Command::Unlock { passphrase: "correct horse".to_owned() }).await;
    let state = jo.state().await;
    assert!(matches!(state.session, SessionView::SignedIn { .. }));
    assert_eq!(state.rooms.rooms[0].title, "Mina");
    jo.command(Command::OpenRoom { room_id }).await;
    jo.until_texts(&["one"]).await;
    assert_eq!(jo.state().await.timeline.unwrap().draft, "half a thought");
    jo.say(room_id, "two").await;
    jo.say(room_id, "three").await;

    // Once more: the outbox is on disk, too.
    jo.restart().await;
    jo.command(Command::Unlock { passphrase: "correct horse".to_owned() }).await;
    relay.start_again().await;
    jo.command(Command::OpenRoom { room_id }).await;
    jo.until_texts(&["one", "two", "three"]).await;
    mina.command(Command::OpenRoom { room_id }).await;
    mina.until_texts(&["one", "two", "three"]).await;
    jo.client.shutdown().await;
    mina.client.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_are_made_found_joined_by_code_and_left() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start(dir.path()).await;
    let (jo, mina) = two_people(dir.path(), &relay).await;
    let create = |name: &str, visibility| Command::CreateGroup {
        name: name.to_owned(),
        topic: "What grows".to_owned(),
        visibility,
        members: Vec::new(),
    };
    jo.command(create("Garden", parley_shared::wire::Visibility::Public)).await;
    let found = mina.client.public_rooms("gard").await.unwrap();
    assert_eq!(found.iter().map(|room| room.name.as_str()).collect::<Vec<_>>(), ["Garden"]);
    mina.command(Command::JoinRoom { room_id: found[0].id }).await;
    let both = |state: &Snapshot| (state.timeline.as_ref()?.room.member_count == 2).then_some(());
    jo.until("Mina in the room", both).await;

    jo.command(create("Secret garden", parley_shared::wire::Visibility::Private)).await;
    let room_id = jo.until("the room", |state| {
        let room = &state.timeline.as_ref()?.room;
        (room.title == "Secret garden").then_some(room.id)
    });
    let room_id = room_id.await;
    let invite = jo.client.create_invite(room_id).await.unwrap();
    mina.command(Command::JoinByInvite { code: invite.link }).await;
    jo.until("Mina in the room", both).await;
    mina.command(Command::LeaveRoom { room_id }).await;
    assert!(mina.state().await.rooms.rooms.iter().all(|room| room.id != room_id));
    jo.until("Mina gone", |state| (state.timeline.as_ref()?.room.member_count == 1).then_some(())).await;
    jo.client.shutdown().await;
    mina.client.shutdown().await;
}

impl Person {
    async fn texts(&self) -> Vec<String> {
        let messages = self.state().await.timeline.unwrap().messages;
        messages.iter().map(|message| support::text(message).to_owned()).collect()
    }

    /// As [`Self::until_texts`], where only the relay knows who came first.
    async fn until_texts_in_any_order(&self, texts: &[&str]) {
        let mut wanted: Vec<&str> = texts.to_vec();
        wanted.sort_unstable();
        self.until(&format!("{texts:?}"), |state| {
            let messages = &state.timeline.as_ref()?.messages;
            let mut shown: Vec<&str> = messages.iter().map(support::text).collect();
            shown.sort_unstable();
            (shown == wanted && messages.iter().all(|message| message.seq.is_some())).then_some(())
        })
        .await;
    }
}
