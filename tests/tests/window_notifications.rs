//! Notifications of the system, from one person's message to the other's desktop and back: a real window, a real bus, and a
//! notification service that speaks the real protocol.

use std::time::Duration;

use anyhow::{Context, Result};
use e2e::person::{PASSWORD, Person, email};
use e2e::relay::RelayProcess;
use e2e::window::{Desk, Window, id};
use parley_shared::ids::RoomId;
use parley_shared::view::Command;
use serde_json::json;
use testbed::{KDE, NotificationService, ShownNotification};

/// How long a person would wait for a notification; the machine may be busy.
const SOON: Duration = Duration::from_secs(30);

fn service(desk: &Desk) -> Result<NotificationService> {
    let address = desk.env().iter().find(|(name, _)| *name == "DBUS_SESSION_BUS_ADDRESS");
    let address = address.and_then(|(_, value)| value.to_str()).context("the desk has a bus")?;
    Ok(NotificationService::start(address, KDE)?)
}

async fn signed_up(desk: &Desk, relay: &RelayProcess, name: &str) -> Result<Window> {
    let data_dir = desk.path().join("parley").display().to_string();
    let window = Window::open(desk, &["--relay", &relay.url, "--data-dir", &data_dir]).await?;
    window.write(&id("auth-name"), name).await?;
    window.write(&id("auth-email"), &email(name)).await?;
    window.write(&id("auth-password"), PASSWORD).await?;
    window.click(&id("auth-submit")).await?;
    window.see(&id("shell")).await?;
    Ok(window)
}

/// Waits for a notification with this text.
fn shown(service: &NotificationService, text: &str) -> Result<ShownNotification> {
    let with_text = |shown: &[ShownNotification]| shown.iter().find(|one| one.body.contains(text)).cloned();
    Ok(tokio::task::block_in_place(|| service.wait_for(text, SOON, with_text))?)
}

fn nothing_shown(service: &NotificationService) -> Result<()> {
    let empty = |shown: &[ShownNotification]| shown.is_empty().then_some(());
    Ok(tokio::task::block_in_place(|| service.wait_for("an empty screen", SOON, empty))?)
}

#[tokio::test(flavor = "multi_thread")]
async fn message_is_told_answered_opened_and_taken_back() -> Result<()> {
    let desk = Desk::start().await?;
    let relay = RelayProcess::start()?;
    let service = service(&desk)?;
    let bob = Person::sign_up(&relay.url, "Bob").await?;
    let window = signed_up(&desk, &relay, "Alice").await?;
    let available = window.outcome("window.__TAURI_INTERNALS__.invoke('notifications_available')", Vec::new()).await?;
    assert_eq!(available, Ok(json!(true)));

    let room_id = bob.open_direct("Alice").await?;
    bob.say(room_id, "**Lunch** at <twelve>?").await?;
    let told = shown(&service, "Lunch at &lt;twelve&gt;?")?;
    assert_eq!(told.title, "Bob");
    let keys: Vec<&str> = told.actions.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["default", "inline-reply", "open"]);

    service.reply(told.id, "At the harbour");
    bob.see_message("At the harbour").await?;
    nothing_shown(&service)?;

    bob.say(room_id, "Which harbour?").await?;
    service.press(shown(&service, "Which harbour?")?.id, "open");
    window.read(&id("room-title"), "Bob").await?;
    window.read(&id("message-text"), "Which harbour?").await?;
    window.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_elsewhere_goes_and_what_is_not_wanted_is_not_shown() -> Result<()> {
    let desk = Desk::start().await?;
    let relay = RelayProcess::start()?;
    let service = service(&desk)?;
    let bob = Person::sign_up(&relay.url, "Bob").await?;
    let window = signed_up(&desk, &relay, "Alice").await?;
    let telephone = Person::sign_in(&relay.url, "Alice").await?;

    let room_id = bob.open_direct("Alice").await?;
    bob.say(room_id, "Are you there?").await?;
    shown(&service, "Are you there?")?;
    read_on(&telephone, room_id, "Are you there?").await?;
    nothing_shown(&service)?;

    let level = |level: &str| json!({ "type": "set_notify", "room_id": room_id, "level": level });
    let disturb = |how: &str| json!({ "type": "set_do_not_disturb", "do_not_disturb": { "type": how } });
    for (quiet, loud, what) in [(level("none"), level("all"), "level"), (disturb("on"), disturb("off"), "disturb")] {
        let before = service.notified();
        window.command(quiet).await?;
        bob.say(room_id, &format!("hush, {what}")).await?;
        read_on(&telephone, room_id, &format!("hush, {what}")).await?;
        window.command(loud).await?;
        bob.say(room_id, &format!("hello, {what}")).await?;
        shown(&service, &format!("hello, {what}"))?;
        assert_eq!(service.notified(), before + 1, "only what was wanted is shown");
        read_on(&telephone, room_id, &format!("hello, {what}")).await?;
        nothing_shown(&service)?;
    }
    window.close().await
}

/// Reads up to the message with this text.
async fn read_on(device: &Person, room_id: RoomId, text: &str) -> Result<()> {
    device.open_room(room_id).await?;
    let seq = device.see_message(text).await?.seq.context("it is stored")?;
    device.command(Command::MarkRead { room_id, seq }).await
}
