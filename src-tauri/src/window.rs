//! The one window. It shows our own page and nothing else.

use std::path::Path;

use anyhow::{Context, bail};
use tauri::{
    App, AppHandle, Config, Manager, Url, WebviewWindowBuilder, WindowEvent, utils::config::Csp,
    webview::NewWindowResponse,
};
use tokio::sync::watch;
use tracing::debug;

use crate::links;

/// The label in `tauri.conf.json` and `capabilities/main.json`.
pub const LABEL: &str = "main";

/// Refuses to start where no window can be: GTK would end the program without a plain word.
///
/// # Errors
/// On Linux without X11 and without Wayland.
pub fn ensure_display() -> anyhow::Result<()> {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if cfg!(target_os = "linux") && !set("DISPLAY") && !set("WAYLAND_DISPLAY") {
        bail!("there is no display here; `cargo xtask run --headless` makes a call without one");
    }
    Ok(())
}

/// Lets the page connect to `origin` beside its own shell. The port of the pictures is known only now, and a policy with a
/// wildcard for it would open HTTP to every server on this machine: in a policy `ws:` stands for `http:` too (scheme-part match of CSP3).
///
/// # Errors
/// When `tauri.conf.json` has no content security policy.
pub fn allow_connection(config: &mut Config, origin: &str) -> anyhow::Result<()> {
    let Some(Csp::DirectiveMap(policy)) = &mut config.app.security.csp else {
        bail!("tauri.conf.json has no content security policy");
    };
    policy.entry("connect-src".to_owned()).or_default().push(origin);
    Ok(())
}

/// Opens the window; the webview keeps its own files below `data_dir`. The result tells whether the window has the focus.
///
/// # Errors
/// When there is no display, or no webview on this machine.
pub fn open(app: &App, data_dir: &Path) -> anyhow::Result<watch::Receiver<bool>> {
    let config = app
        .config()
        .app
        .windows
        .iter()
        .find(|window| window.label == LABEL)
        .context("tauri.conf.json describes the window")?;
    let window = WebviewWindowBuilder::from_config(app, config)?
        .data_directory(data_dir.join("webview"))
        .on_navigation(is_own_page)
        .on_new_window(|url, _| {
            links::open(&url);
            NewWindowResponse::Deny
        })
        // The page counts what is unread in its title.
        .on_document_title_changed(|window, title| {
            if let Err(error) = window.set_title(&title) {
                debug!(%error, "cannot set the title");
            }
        })
        .build()?;
    let (focus, focused) = watch::channel(window.is_focused().unwrap_or(false));
    window.on_window_event(move |event| {
        if let WindowEvent::Focused(has) = event {
            focus.send_replace(*has);
        }
    });
    Ok(focused)
}

/// Shows the window above others. A compositor of Wayland may only mark it as wanting attention: a program does not take the focus
/// there.
///
/// # Errors
/// The system refuses.
pub fn bring_up(app: &AppHandle) -> tauri::Result<()> {
    let Some(window) = app.get_webview_window(LABEL) else { return Ok(()) };
    window.show().and_then(|()| window.unminimize()).and_then(|()| window.set_focus())
}

fn is_own_page(url: &Url) -> bool {
    match url.scheme() {
        "tauri" => url.host_str() == Some("localhost"),
        "http" => url.host_str() == Some("tauri.localhost"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_page_is_shown() {
        let shown = |url: &str| is_own_page(&url.parse().unwrap());
        assert!(
            shown("tauri://localhost/") && shown("tauri://localhost/index.html#a") && shown("http://tauri.localhost/")
        );
        for foreign in [
            "https://example.org/",
            "http://localhost/",
            "http://tauri.localhost.example.org/",
            "tauri://example.org/",
            "file:///etc/passwd",
            "data:text/html,x",
            "about:blank",
        ] {
            assert!(!shown(foreign), "{foreign}");
        }
    }
}
