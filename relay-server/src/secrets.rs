//! What the relay made up for itself on its first start, and keeps beside its database.

use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rand::RngCore;
use serde::{Deserialize, Serialize};

const FILE: &str = "secrets.json";

/// Keys that survive restarts: without them everybody would be signed out.
#[derive(Clone)]
pub struct Secrets {
    /// Signs access tokens.
    pub token_key: [u8; 32],
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(…)")
    }
}

#[derive(Serialize, Deserialize)]
struct Stored {
    token_key: String,
}

impl Secrets {
    /// Reads the secrets of the data directory, or makes them. The file is readable by its owner only.
    ///
    /// # Errors
    /// Fails when the file is damaged (it is never overwritten) or cannot be written.
    pub fn load_or_make(data_dir: &Path) -> anyhow::Result<Self> {
        let path = data_dir.join(FILE);
        match std::fs::read_to_string(&path) {
            Ok(text) => parse(&text).with_context(|| format!("{} is damaged", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => make(&path),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }
}

fn parse(text: &str) -> anyhow::Result<Secrets> {
    let stored: Stored = serde_json::from_str(text)?;
    let key = STANDARD.decode(stored.token_key)?;
    let token_key = key.try_into().map_err(|_| anyhow::anyhow!("token_key has a wrong length"))?;
    Ok(Secrets { token_key })
}

fn make(path: &Path) -> anyhow::Result<Secrets> {
    let mut token_key = [0; 32];
    rand::rng().fill_bytes(&mut token_key);
    let text = serde_json::to_string_pretty(&Stored { token_key: STANDARD.encode(token_key) })?;
    write_private(path, text.as_bytes())?;
    Ok(Secrets { token_key })
}

/// Writes a file that only its owner can read, whole or not at all.
///
/// # Errors
/// Fails with the name of the file.
pub fn write_private(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let part = path.with_extension("part");
    let write = || -> std::io::Result<()> {
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&part)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&part, path)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}
