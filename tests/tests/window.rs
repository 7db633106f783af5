//! The app as its person has it: a real window on a real relay, typed into and clicked, its pictures read back.

use std::time::Duration;

use anyhow::Result;
use e2e::person::{PASSWORD, Person, email};
use e2e::picture::plain_png;
use e2e::relay::RelayProcess;
use e2e::window::{Desk, Echo, Key, Window, id, row};
use parley_shared::view::{BodyView, Command, MessageView};
use serde_json::json;

/// Opens the app on a relay, with the files of this desk.
async fn open(desk: &Desk, relay: &RelayProcess) -> Result<Window> {
    Window::open(desk, &["--relay", &relay.url, "--data-dir", &desk.path().join("parley").display().to_string()]).await
}

async fn sign_up(window: &Window, name: &str) -> Result<()> {
    window.write(&id("auth-name"), name).await?;
    window.write(&id("auth-email"), &email(name)).await?;
    window.write(&id("auth-password"), PASSWORD).await?;
    window.click(&id("auth-submit")).await?;
    window.see(&id("shell")).await?;
    Ok(())
}

async fn send(window: &Window, text: &str) -> Result<()> {
    window.write(&id("composer"), text).await?;
    window.click(&id("send")).await?;
    window.read(&id("message-text"), text).await
}

#[tokio::test(flavor = "multi_thread")]
async fn person_signs_up_writes_and_calls_echo() -> Result<()> {
    let desk = Desk::start().await?;
    let (relay, _echo) = Echo::with_relay()?;
    let bob = Person::sign_up(&relay.url, "Bob").await?;
    let window = open(&desk, &relay).await?;

    sign_up(&window, "Alice").await?;
    window.write(&id("search"), "Bob").await?;
    window.click(&row("person-item", "Bob")).await?;
    window.read(&id("room-title"), "Bob").await?;
    send(&window, "Lunch at twelve?").await?;

    bob.open_direct("Alice").await?;
    let message = bob.see_message("Lunch at twelve?").await?;
    assert_eq!((message.sender_name.as_str(), message.mine), ("Alice", false));
    let room_id = bob.see_timeline("the room", |timeline| Some(timeline.room.id)).await?;
    bob.say(room_id, "Yes, at the harbour").await?;
    window.read(&id("message-text"), "Yes, at the harbour").await?;

    window.replace(&id("search"), "Echo").await?;
    window.click(&row("person-item", "Echo")).await?;
    window.read(&id("room-title"), "Echo").await?;
    window.click(&id("call-video")).await?;
    let first = window.see_picture(&id("remote-video")).await?;
    window.see_motion(&id("remote-video"), &first).await?;
    let own = window.see_picture(&id("self-video")).await?;
    window.see_motion(&id("self-video"), &own).await?;

    window.click(&id("hang-up")).await?;
    window.see_no(&id("remote-video")).await?;
    window.see(&id("composer")).await?;
    window.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn person_answers_sends_a_picture_and_finds_a_message_again() -> Result<()> {
    let desk = Desk::start().await?;
    let relay = RelayProcess::start()?;
    let bob = Person::sign_up(&relay.url, "Bob").await?;
    let window = open(&desk, &relay).await?;
    sign_up(&window, "Alice").await?;
    let enter = char::from(Key::Enter).to_string();
    let room_id = bob.open_direct("Alice").await?;
    bob.say(room_id, "Which colour for the **door**?").await?;
    window.click(&row("room-item", "Bob")).await?;
    window.read(&id("message-text"), "Which colour for the door?").await?;

    window.run("document.querySelector('[data-testid=message]').focus()", Vec::new()).await?;
    window.keys("r").await?;
    window.focused(&id("composer")).await?;
    window.keys(&format!("Blue{enter}")).await?;
    let answer = bob.see_message("Blue").await?;
    assert!(answer.reply.is_some_and(|reply| reply.mine), "it answers Bob's question");
    window.read(&id("reply-line"), "Which colour for the").await?;

    let picture = desk.path().join("door.png");
    std::fs::write(&picture, plain_png(640, 480)?)?;
    window.choose(&id("attach-input"), &picture).await?;
    window.see(&id("draft")).await?;
    window.click(&id("send")).await?;
    bob.see_timeline("the picture", |timeline| {
        let with_file = |message: &MessageView| match &message.body {
            BodyView::Text { attachments, .. } => attachments.iter().any(|file| file.name == "door.png"),
            BodyView::Deleted | BodyView::Call { .. } => false,
        };
        timeline.messages.iter().any(with_file).then_some(())
    })
    .await?;
    window.see(&format!("{} img", id("image"))).await?;

    window.click(&id("search-toggle")).await?;
    window.write(&id("search-messages"), "colo").await?;
    window.read(&id("search-hit"), "Which colour for the").await?;
    window.click(&id("search-hit")).await?;
    window.see(&id("jumped")).await?;
    window.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn restarted_app_is_signed_in_and_shows_the_room_of_before_without_the_relay() -> Result<()> {
    let desk = Desk::start().await?;
    let mut relay = RelayProcess::start()?;
    let bob = Person::sign_up(&relay.url, "Bob").await?;
    let window = open(&desk, &relay).await?;
    sign_up(&window, "Alice").await?;
    window.write(&id("search"), "Bob").await?;
    window.click(&row("person-item", "Bob")).await?;
    send(&window, "The key is under the mat").await?;
    bob.open_direct("Alice").await?;
    bob.see_message("The key is under the mat").await?;
    // WebKit writes what a page keeps half a second after it changed.
    tokio::time::sleep(Duration::from_secs(1)).await;
    window.close().await?;

    relay.kill();
    let window = open(&desk, &relay).await?;
    window.read(&id("message-text"), "The key is under the mat").await?;
    window.focused(&id("composer")).await?;
    window.see(&id("offline")).await?;
    window.write(&id("composer"), "Did you find it?").await?;
    window.click(&id("send")).await?;
    window.see(&format!("{}[data-state=\"sending\"]", id("message"))).await?;

    relay.start_again()?;
    bob.see_message("Did you find it?").await?;
    window.see_no(&id("offline")).await?;
    window.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn keyboard_alone_signs_up_and_sends() -> Result<()> {
    let desk = Desk::start().await?;
    let relay = RelayProcess::start()?;
    let bob = Person::sign_up(&relay.url, "Bob").await?;
    let window = open(&desk, &relay).await?;
    let enter = char::from(Key::Enter).to_string();

    window.focused(&id("auth-name")).await?;
    window.keys("Alice").await?;
    window.tab_to(&id("auth-email")).await?;
    window.keys(&email("Alice")).await?;
    window.tab_to(&id("auth-password")).await?;
    window.keys(PASSWORD).await?;
    window.keys(&enter).await?;
    window.see(&id("shell")).await?;

    window.see(&row("person-item", "Bob")).await?;
    window.tab_to(&row("person-item", "Bob")).await?;
    window.keys(&enter).await?;
    window.read(&id("room-title"), "Bob").await?;
    window.see(&id("composer")).await?;
    window.tab_to(&id("composer")).await?;
    window.keys("No mouse here").await?;
    window.keys(&enter).await?;
    window.read(&id("message-text"), "No mouse here").await?;
    bob.open_direct("Alice").await?;
    bob.see_message("No mouse here").await?;
    window.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn incoming_call_rings_in_the_window_and_survives_a_reload() -> Result<()> {
    let desk = Desk::start().await?;
    let relay = RelayProcess::start()?;
    let bob = Person::sign_up(&relay.url, "Bob").await?;
    let window = open(&desk, &relay).await?;
    sign_up(&window, "Alice").await?;

    let room_id = bob.open_direct("Alice").await?;
    bob.command(Command::StartCall { room_id, camera: true, muted: false }).await?;
    window.click(&id("accept")).await?;
    let first = window.see_picture(&id("remote-video")).await?;
    window.see_motion(&id("remote-video"), &first).await?;

    window.reload().await?;
    window.click(&row("room-item", "Bob")).await?;
    let again = window.see_picture(&id("remote-video")).await?;
    window.see_motion(&id("remote-video"), &again).await?;
    bob.command(Command::HangUp).await?;
    window.see_no(&id("remote-video")).await?;
    window.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn page_reaches_nothing_but_its_own_shell() -> Result<()> {
    let desk = Desk::start().await?;
    let relay = RelayProcess::start()?;
    let window = open(&desk, &relay).await?;
    window.see(&id("auth-form")).await?;

    let here = window.run("return [location.protocol, origin]", Vec::new()).await?;
    assert_eq!(here, json!(["tauri:", "tauri://localhost"]));
    let refused = async |promise: &str, args| window.outcome(promise, args).await.map(|outcome| outcome.is_err());
    assert!(!refused("window.__TAURI_INTERNALS__.invoke('query', { query: { type: 'snapshot' } })", Vec::new()).await?);
    assert!(refused("fetch(arguments[0])", vec![json!(relay.url)]).await?, "not even the relay");
    assert!(refused("window.__TAURI_INTERNALS__.invoke('plugin:window|destroy')", Vec::new()).await?);
    assert!(refused("window.__TAURI_INTERNALS__.invoke('plugin:event|emit', { event: 'view' })", Vec::new()).await?);
    let eval = "new Promise((yes) => { try { yes(Function('return 1')()) } catch (error) { throw error } })";
    assert!(refused(eval, Vec::new()).await?, "no code from text");

    window.run("location.href = arguments[0]", vec![json!(relay.url)]).await?;
    window.see(&id("auth-form")).await?;
    assert_eq!(window.run("return origin", Vec::new()).await?, json!("tauri://localhost"));
    window.close().await
}
