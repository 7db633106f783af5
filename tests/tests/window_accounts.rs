//! Ways in and out, in the real window: by an invite to the relay, by a link as a guest, and for good.

use anyhow::{Context, Result, ensure};
use e2e::person::{PASSWORD, Person, email};
use e2e::relay::RelayProcess;
use e2e::window::{Desk, Window, id, row};
use parley_shared::ids::RoomId;
use parley_shared::view::{Command, InviteView, Query};
use parley_shared::wire::{Secret, SignIn, Visibility};
use serde_json::json;

const NEXT_PASSWORD: &str = "a second battery";

async fn open(desk: &Desk, relay: &RelayProcess) -> Result<Window> {
    Window::open(desk, &["--relay", &relay.url, "--data-dir", &desk.path().join("parley").display().to_string()]).await
}

async fn group(owner: &Person, name: &str) -> Result<RoomId> {
    let (name, topic) = (name.to_owned(), String::new());
    owner.command(Command::CreateGroup { name, topic, visibility: Visibility::Private, members: Vec::new() }).await?;
    owner.see_timeline("the new room", |timeline| Some(timeline.room.id)).await
}

async fn invite(owner: &Person, room_id: RoomId) -> Result<InviteView> {
    let invite = owner.client.create_invite(room_id).await;
    invite.map_err(|error| anyhow::anyhow!("no invite: {}", error.message))
}

#[tokio::test(flavor = "multi_thread")]
async fn guest_comes_in_by_a_link_talks_and_is_gone_after_signing_out() -> Result<()> {
    let desk = Desk::start().await?;
    let relay = RelayProcess::start()?;
    let bob = Person::sign_up(&relay.url, "Bob").await?;
    let room_id = group(&bob, "Harbour").await?;
    let link = invite(&bob, room_id).await?.link;
    let window = open(&desk, &relay).await?;

    window.click(&id("auth-guest")).await?;
    window.write(&id("guest-link"), &link).await?;
    window.see(&id("guest-needs-account")).await?;
    bob.command(Command::SetGuests { room_id, guests: true }).await?;
    window.reload().await?;
    window.click(&id("auth-guest")).await?;
    window.write(&id("guest-link"), &link).await?;
    window.write(&id("guest-name"), "Jonas").await?;
    window.click(&id("guest-submit")).await?;

    window.read(&id("room-title"), "Harbour").await?;
    window.write(&id("composer"), "Hello from a guest").await?;
    window.click(&id("send")).await?;
    let said = bob.see_message("Hello from a guest").await?;
    assert_eq!(said.sender_name, "Jonas");

    window.click(&id("nav-settings")).await?;
    window.click(&id("tab-account")).await?;
    window.see(&id("guest-card")).await?;
    window.click(&id("settings-sign-out")).await?;
    window.click(&id("sign-out-yes")).await?;
    window.see(&id("auth-form")).await?;
    bob.see("a room of one", |view| {
        view.timeline.as_ref().filter(|open| open.room.id == room_id && open.room.member_count == 1).map(|_| ())
    })
    .await?;
    window.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn person_signs_up_by_code_invites_others_changes_the_password_and_leaves_for_good() -> Result<()> {
    let desk = Desk::start().await?;
    let relay = RelayProcess::start_with(&["--registration", "invite", "--registration-code", "harbour-1"])?;
    let window = open(&desk, &relay).await?;

    window.write(&id("auth-name"), "Alice").await?;
    window.write(&id("auth-email"), &email("Alice")).await?;
    window.write(&id("auth-password"), PASSWORD).await?;
    window.write(&id("auth-code"), "wrong").await?;
    window.click(&id("auth-submit")).await?;
    window.see(&format!("{}[aria-invalid=\"true\"]", id("auth-code"))).await?;
    window.replace(&id("auth-code"), "harbour-1").await?;
    window.click(&id("auth-submit")).await?;
    window.see(&id("shell")).await?;

    window.click(&id("nav-settings")).await?;
    window.click(&id("tab-invites")).await?;
    window.click(&id("invite-make")).await?;
    window.see(&id("invite")).await?;
    let invites = json!({ "query": Query::Invites { room_id: None } });
    let invites = window.outcome("window.__TAURI_INTERNALS__.invoke('query', arguments[0])", vec![invites]).await?;
    let invites = invites.map_err(|error| anyhow::anyhow!("no invites: {error}"))?;
    let link = invites[0]["link"].as_str().context("an invite has a link")?.to_owned();
    let bob = Person::sign_up_by(&relay.url, "Bob", &link).await?;

    window.click(&id("tab-account")).await?;
    window.write(&id("password-old"), PASSWORD).await?;
    window.write(&id("password-new"), NEXT_PASSWORD).await?;
    window.click(&id("password-change")).await?;
    let deadline = std::time::Instant::now() + e2e::window::SOON;
    while sign_in(&relay, NEXT_PASSWORD).await? != 200 {
        ensure!(std::time::Instant::now() < deadline, "the new password opens nothing");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    assert_eq!(sign_in(&relay, PASSWORD).await?, 401, "the old password is void");

    // The last admin stays: Alice leaves once the relay has nobody else.
    bob.command(Command::DeleteAccount { password: PASSWORD.to_owned() }).await?;
    window.click(&id("account-delete")).await?;
    window.write(&id("delete-account-password"), NEXT_PASSWORD).await?;
    window.click(&id("delete-account-yes")).await?;
    window.see(&id("auth-form")).await?;
    assert_eq!(sign_in(&relay, NEXT_PASSWORD).await?, 401, "the account is gone");
    window.see_no(&row("room-item", "Bob")).await?;
    window.close().await
}

/// The status with which the relay answers Alice.
async fn sign_in(relay: &RelayProcess, password: &str) -> Result<u16> {
    let body = SignIn { email: email("Alice"), password: Secret::new(password), device_name: "Another".into() };
    let url = format!("{}/api/v1/auth/sign-in", relay.url);
    Ok(reqwest::Client::new().post(url).json(&body).send().await?.status().as_u16())
}
