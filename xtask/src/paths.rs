//! Where things are: the checkout, and what is kept outside of it.

use std::env;
use std::path::PathBuf;

/// The top of the checkout. Cargo tells it: checkouts share their build products, so we may have been built in another one.
pub fn workspace() -> PathBuf {
    let manifest = folder("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    manifest.parent().expect("xtask lies in the workspace").to_owned()
}

/// `parley` in the user's cache folder: build products, tools, npm's cache.
pub fn cache() -> PathBuf {
    let base = if let Some(dir) = folder("XDG_CACHE_HOME") {
        dir
    } else if cfg!(windows) {
        folder("LOCALAPPDATA").unwrap_or_else(env::temp_dir)
    } else if cfg!(target_os = "macos") {
        home().join("Library/Caches")
    } else {
        home().join(".cache")
    };
    base.join("parley")
}

/// Tools that this repository installs for itself.
pub fn tools() -> PathBuf {
    cache().join("tools")
}

/// Where the children of this command build: `CARGO_TARGET_DIR`, or a folder of the cache.
pub fn target() -> PathBuf {
    folder("CARGO_TARGET_DIR").unwrap_or_else(|| cache().join("target"))
}

/// Where npm keeps what it downloaded.
pub fn npm_cache() -> PathBuf {
    folder("npm_config_cache").unwrap_or_else(|| cache().join("npm"))
}

/// The data of `cargo xtask run`: the relay's database and the app's own files.
pub fn data() -> PathBuf {
    let base = if let Some(dir) = folder("XDG_DATA_HOME") {
        dir
    } else if cfg!(windows) {
        folder("APPDATA").unwrap_or_else(env::temp_dir)
    } else if cfg!(target_os = "macos") {
        home().join("Library/Application Support")
    } else {
        home().join(".local/share")
    };
    base.join("parley-dev")
}

/// A new folder under the system's temporary one, which stays after the command ends.
pub fn scratch(name: &str) -> std::io::Result<PathBuf> {
    let dir = env::temp_dir().join(format!("parley-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&dir)?;
    Ok(dir)
}

fn folder(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}

fn home() -> PathBuf {
    folder("HOME").unwrap_or_else(env::temp_dir)
}
