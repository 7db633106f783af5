//! `parley-bot devices`: tests camera and microphone as the settings page does, and says in one line each what happens to
//! them, until its standard input ends.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use parley_shared::view::{Command, DeviceItem, DeviceKindView, DeviceProblem, DevicesView, Notice, ViewEvent};
use tokio::io::AsyncReadExt;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

use crate::{Client, ClientConfig, SecretsChoice};

/// Levels come many times a second.
const LEVEL_EVERY: Duration = Duration::from_millis(500);

#[derive(Debug, Args)]
pub struct DevicesArgs {
    #[arg(long)]
    data_dir: PathBuf,
    /// Chooses a device by its id, as in `microphone=pipewire:mic`.
    #[arg(long, value_parser = choice)]
    choose: Vec<(DeviceKindView, String)>,
}

pub(super) async fn run(args: DevicesArgs) -> Result<()> {
    let client =
        Client::spawn(ClientConfig { secrets: SecretsChoice::Memory, ..ClientConfig::new(args.data_dir.clone()) })?;
    let mut events = client.events();
    for (kind, id) in args.choose {
        client.command(Command::ChooseDevice { kind, id: Some(id) }).await.map_err(super::refused)?;
    }
    client.command(Command::StartPreview { camera: true }).await.map_err(super::refused)?;
    let (mut said, mut level_at) = (String::new(), Instant::now());
    let mut input = Box::pin(end_of_input());
    loop {
        let event = tokio::select! {
            event = events.recv() => event,
            () = &mut input => break,
        };
        match event {
            Ok(ViewEvent::Notice(notice)) => say(&sentence(&notice)),
            Ok(ViewEvent::Devices(view)) => {
                let state = state(&view);
                if said != state {
                    say(&state);
                    said = state;
                }
            }
            Ok(ViewEvent::Levels(levels)) if level_at <= Instant::now() => {
                level_at = Instant::now() + LEVEL_EVERY;
                say(&format!("level {:.3}", levels.microphone));
            }
            Ok(_) | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => break,
        }
    }
    client.shutdown().await;
    Ok(())
}

async fn end_of_input() {
    // Whatever stands in it is of no interest.
    let _ = tokio::io::stdin().read_to_end(&mut Vec::new()).await;
}

#[expect(clippy::print_stdout, reason = "what the program is for")]
pub(super) fn say(line: &str) {
    println!("{line}");
}

pub(super) fn sentence(notice: &Notice) -> String {
    let part = |part: &Option<String>| part.clone().unwrap_or_else(|| "-".to_owned());
    format!("notice {} | {} | {}", notice.code, part(&notice.subject), part(&notice.instead))
}

/// `devices picture=on problems=[microphone gone (Headset)] cameras=[..] microphones=[..]`, the default with a star.
fn state(view: &DevicesView) -> String {
    let names = |items: &[DeviceItem]| {
        let name = |item: &DeviceItem| format!("{}{}", item.name, if item.is_default { "*" } else { "" });
        items.iter().map(name).collect::<Vec<_>>().join(", ")
    };
    format!(
        "devices picture={} problems=[{}] cameras=[{}] microphones=[{}]",
        if view.preview_stream.is_some() { "on" } else { "off" },
        problems(&view.problems),
        names(&view.cameras),
        names(&view.microphones),
    )
}

/// `camera busy (test camera), microphone notfound (-)`
pub(super) fn problems(problems: &[DeviceProblem]) -> String {
    let problem = |problem: &DeviceProblem| {
        let name = problem.name.as_deref().unwrap_or("-");
        format!("{:?} {:?} ({name})", problem.device, problem.code).to_lowercase()
    };
    problems.iter().map(problem).collect::<Vec<_>>().join(", ")
}

fn choice(text: &str) -> Result<(DeviceKindView, String), String> {
    let (kind, id) = text.split_once('=').ok_or("use KIND=ID")?;
    let kind = match kind {
        "camera" => DeviceKindView::Camera,
        "microphone" => DeviceKindView::Microphone,
        "speaker" => DeviceKindView::Speaker,
        _ => return Err("the kinds are camera, microphone and speaker".to_owned()),
    };
    Ok((kind, id.to_owned()))
}
