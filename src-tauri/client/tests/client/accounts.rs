//! Guests, invites and the end of accounts, with a real relay.

use crate::support::{Person, Relay};
use parley_client::ClientHandle;
use parley_shared::ids::RoomId;
use parley_shared::view::*;
use parley_shared::wire::Visibility;
use serde_json::Value;

async fn ask(client: &ClientHandle, query: Query) -> Value {
    serde_json::to_value(client.query(query).await.unwrap()).unwrap()
}

async fn refused(person: &Person, command: Command) -> CommandError {
    person.client.command(command).await.unwrap_err()
}

async fn group(person: &Person) -> RoomId {
    let (name, topic, members) = ("Garden".to_owned(), String::new(), Vec::new());
    person.command(Command::CreateGroup { name, topic, visibility: Visibility::Private, members }).await;
    person.until("the room", |state| state.timeline.as_ref().map(|timeline| timeline.room.id)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_comes_by_a_link_when_the_room_takes_guests() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start(dir.path()).await;
    let jo = Person::arrive(dir.path(), "jo").await.sign_up(&relay.url(), "Jo").await;
    let room_id = group(&jo).await;
    let link = jo.client.create_invite(room_id).await.unwrap().link;
    assert!(link.starts_with(&format!("{}/invite/", relay.url())), "{link}");

    let guest = Person::arrive(dir.path(), "guest").await;
    let join = || Command::JoinAsGuest { link: link.clone(), display_name: "Gustav".to_owned() };
    let no = refused(&guest, join()).await;
    assert_eq!(no.field.as_deref(), Some("code"), "{no:?}");
    jo.command(Command::SetGuests { room_id, guests: true }).await;
    jo.until("guests", |state| state.timeline.as_ref()?.room.guests.then_some(())).await;
    let told = ask(&guest.client, Query::InviteInfo { link: link.clone() }).await;
    assert_eq!((&told["name"], &told["guests"]), (&"Garden".into(), &true.into()));
    let relay_told = ask(&guest.client, Query::Relay { relay_url: relay.url() }).await;
    assert_eq!(relay_told["registration"], "open");

    guest.command(join()).await;
    guest.until("the room", |state| (state.timeline.as_ref()?.room.id == room_id).then_some(())).await;
    guest.say(room_id, "hello").await;
    jo.until_texts(&["hello"]).await;

    let invites = ask(&jo.client, Query::Invites { room_id: Some(room_id) }).await;
    assert_eq!((&invites[0]["link"], &invites[0]["uses"]), (&link.clone().into(), &1.into()));
    let invite_id = serde_json::from_value(invites[0]["id"].clone()).unwrap();
    jo.command(Command::RevokeInvite { room_id: Some(room_id), invite_id }).await;
    let gone = guest.client.query(Query::InviteInfo { link }).await.unwrap_err();
    assert_eq!((gone.code, gone.field.as_deref()), (CommandErrorCode::NotFound, Some("code")));
    guest.client.shutdown().await;
    jo.client.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_changes_and_an_account_ends_for_good() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start(dir.path()).await;
    let admin = Person::arrive(dir.path(), "admin").await.sign_up(&relay.url(), "Admin").await;
    let jo = Person::arrive(dir.path(), "jo").await.sign_up(&relay.url(), "Jo").await;
    let (old, new) = ("a long password".to_owned(), "another password".to_owned());
    let wrong = Command::ChangePassword { old_password: "wrong".to_owned(), new_password: new.clone() };
    assert_eq!(refused(&jo, wrong).await.field.as_deref(), Some("old_password"));
    jo.command(Command::ChangePassword { old_password: old.clone(), new_password: new.clone() }).await;
    let wrong = refused(&jo, Command::DeleteAccount { password: old }).await;
    assert_eq!((wrong.code, wrong.field.as_deref()), (CommandErrorCode::Forbidden, Some("password")));

    jo.command(Command::DeleteAccount { password: new.clone() }).await;
    let deleted = |state: &Snapshot| match &state.session {
        SessionView::SignedOut { reason, .. } => (reason.as_deref() == Some("deleted")).then_some(()),
        SessionView::Starting | SessionView::Locked { .. } | SessionView::SignedIn { .. } => None,
    };
    jo.until("the end", deleted).await;
    let accounts = dir.path().join("jo").join("accounts");
    let left = std::fs::read_dir(accounts).map_or(0, |entries| entries.count());
    assert_eq!(left, 0, "the history is gone");
    let back = Command::SignIn { relay_url: relay.url(), email: "jo@example.org".to_owned(), password: new };
    assert_eq!(refused(&jo, back).await.code, CommandErrorCode::Unauthenticated);
    admin.client.shutdown().await;
    jo.client.shutdown().await;
}
