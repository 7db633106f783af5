//! The actor behind a [`ClientHandle`].

use tokio::sync::{broadcast, mpsc, watch};

use crate::client::{Ask, ClientHandle};
use crate::config::ClientConfig;
use parley_shared::view::*;

pub(crate) fn spawn(config: ClientConfig) -> anyhow::Result<ClientHandle> {
    let (asks, mut inbox) = mpsc::channel(64);
    let (events, _) = broadcast::channel(1024);
    let (ended_tx, ended) = watch::channel(false);
    tokio::spawn(async move {
        while let Some(ask) = inbox.recv().await {
            let refused = CommandError { code: CommandErrorCode::NotNow, message: "Nobody is signed in.".into(), field: None, retry_after_s: None };
            match ask {
                Ask::Command(_, answer) => drop(answer.send(Err(refused))),
                Ask::Snapshot(answer) => drop(answer.send(signed_out(&config))),
                Ask::PublicRooms(_, answer) => drop(answer.send(Err(refused))),
                Ask::CreateInvite(_, answer) => drop(answer.send(Err(refused))),
                Ask::Shutdown => break,
            }
        }
        ended_tx.send_replace(true);
    });
    Ok(ClientHandle { asks, events, ended })
}

fn signed_out(config: &ClientConfig) -> Snapshot {
    Snapshot {
        session: SessionView::SignedOut {
            relay_url: config.relay_url.clone().unwrap_or_default(),
            keeping: SecretKeeping::Undecided,
            reason: None,
        },
        connection: ConnectionView::Idle,
        rooms: RoomsView::default(),
        people: PeopleView::default(),
        timeline: None,
        call: None,
        devices: DevicesView::default(),
        settings: SettingsView {
            theme: Theme::default(),
            accent: Accent::default(),
            density: Density::default(),
            language: "system".to_owned(),
            keeping: SecretKeeping::Undecided,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        },
    }
}
