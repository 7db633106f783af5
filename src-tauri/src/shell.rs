//! Starts the parts, runs the window, and ends the parts in order.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Context;
use parley_client::{Client, ClientHandle};
use tokio::runtime::Runtime;
use tracing::{info, warn};

use crate::{
    args::Args,
    events, exports, files,
    frames::FramesServer,
    ipc::{self, Started},
    log,
    notifications::{self, Notifier, Presses},
    window,
};

/// How long the client may take to end a call and close its files after the window is gone.
const FAREWELL: Duration = Duration::from_secs(3);

/// Runs the app until its window is closed.
///
/// # Errors
/// When there is no display, or the data folder, the log, the client, the loopback port or the window cannot be had.
pub fn run(args: Args) -> anyhow::Result<()> {
    let started = Started(Instant::now());
    window::ensure_display()?;
    let data_dir = args.data_dir()?;
    std::fs::create_dir_all(&data_dir).with_context(|| format!("create the data folder {}", data_dir.display()))?;
    log::start(&data_dir, args.log.as_deref())?;
    info!(version = env!("CARGO_PKG_VERSION"), "Parley starts");

    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("start the async runtime")?;
    tauri::async_runtime::set(runtime.handle().clone());
    let (client, frames) = runtime.block_on(start(&args, &data_dir))?;
    let (notifier, presses) = runtime.block_on(async { Notifier::start() });
    let shown = show(&client, frames, &notifier, presses, data_dir, started);
    end(&runtime, &client, &notifier);
    shown
}

async fn start(args: &Args, data_dir: &Path) -> anyhow::Result<(ClientHandle, FramesServer)> {
    let client = Client::spawn(args.client_config(data_dir.to_owned())).context("start the client")?;
    let frames = FramesServer::start(client.frames()).await.context("listen on the loopback for the webview")?;
    Ok((client, frames))
}

fn show(
    client: &ClientHandle,
    frames: FramesServer,
    notifier: &Notifier,
    presses: Presses,
    data_dir: PathBuf,
    started: Started,
) -> anyhow::Result<()> {
    let (forwarded, closing) = (client.clone(), notifier.clone());
    let mut context = tauri::generate_context!();
    window::allow_connection(context.config_mut(), &frames.origin())?;
    let shown = client.clone();
    let app = tauri::Builder::default()
        .plugin(tauri_plugin_dialog::init())
        .register_asynchronous_uri_scheme_protocol(files::SCHEME, move |context, request, responder| {
            files::serve(&shown, context.webview_label(), &request, responder);
        })
        .manage(client.clone())
        .manage(frames)
        .manage(notifier.clone())
        .manage(started)
        .invoke_handler(tauri::generate_handler![
            ipc::command,
            ipc::query,
            ipc::messages_shown,
            files::attach,
            files::save_file,
            exports::export_room,
            exports::export_data,
            notifications::notify,
            notifications::notifications_available
        ])
        .setup(move |app| {
            let focused = window::open(app, &data_dir)?;
            tauri::async_runtime::spawn(events::tell_focus(forwarded.clone(), focused));
            tauri::async_runtime::spawn(presses.follow(app.handle().clone(), forwarded.clone()));
            tauri::async_runtime::spawn(events::forward(app.handle().clone(), forwarded, closing));
            tauri::async_runtime::spawn(quit_on_signal(app.handle().clone()));
            Ok(())
        })
        .build(context)
        .context("open the window")?;
    let code = app.run_return(|_, _| {});
    anyhow::ensure!(code == 0, "the window ended with code {code}");
    Ok(())
}

fn end(runtime: &Runtime, client: &ClientHandle, notifier: &Notifier) {
    runtime.block_on(notifier.end());
    if runtime.block_on(async { tokio::time::timeout(FAREWELL, client.shutdown()).await }).is_err() {
        warn!("the client did not end in time");
    }
    info!("Parley ends");
}

/// A terminal's Ctrl-C and a session's end close the app as its window would.
async fn quit_on_signal(app: tauri::AppHandle) {
    #[cfg(unix)]
    let asked = async {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        Ok::<(), std::io::Error>(())
    };
    #[cfg(not(unix))]
    let asked = tokio::signal::ctrl_c();
    match asked.await {
        Ok(()) => app.exit(0),
        Err(error) => warn!(%error, "cannot listen for signals"),
    }
}
