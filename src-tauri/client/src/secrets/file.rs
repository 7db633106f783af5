//! A file sealed with a passphrase: Argon2id makes the key, XChaCha20-Poly1305 seals.
//!
//! ```text
//! "parley-sealed-1\n" (16) | salt (16) | nonce (24) | sealed bytes and tag
//! ```

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use rand::Rng;
use zeroize::Zeroizing;

const MAGIC: &[u8; 16] = b"parley-sealed-1\n";
const SALT: usize = 16;
const NONCE: usize = 24;
const HEADER: usize = MAGIC.len() + SALT + NONCE;
/// A session is a few kilobytes.
const MAX_BYTES: u64 = 256 * 1024;
/// Argon2id with 64 MiB, 3 passes, 1 lane: the second recommendation of RFC 9106 but for the lanes.
const MEMORY_KIB: u32 = 64 * 1024;
const PASSES: u32 = 3;

/// An open sealed file: it holds the key, not the passphrase.
pub struct EncryptedFile {
    path: PathBuf,
    salt: [u8; SALT],
    key: Zeroizing<[u8; 32]>,
}

#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("the passphrase does not open the file")]
    WrongPassphrase,
    #[error("the file is not one of Parley's")]
    NotSealed,
    #[error("the disk refused: {0}")]
    Io(#[from] std::io::Error),
    #[error("there is not enough memory to make the key")]
    NoKey,
}

impl std::fmt::Debug for EncryptedFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EncryptedFile")
    }
}

impl EncryptedFile {
    /// A new key from a passphrase; the file is made by the first [`Self::write`]. Takes a tenth of a second and 64 MiB.
    ///
    /// # Errors
    /// There is no memory.
    pub fn create(path: &Path, passphrase: &str) -> Result<Self, FileError> {
        let salt = rand::rng().random();
        Ok(Self { path: path.to_owned(), salt, key: key(passphrase, &salt)? })
    }

    /// Opens a file and gives what is in it.
    ///
    /// # Errors
    /// The passphrase is wrong or the file was changed; or it is no sealed file; or the disk refuses.
    pub fn open(path: &Path, passphrase: &str) -> Result<(Self, Zeroizing<Vec<u8>>), FileError> {
        if fs::metadata(path)?.len() > MAX_BYTES {
            return Err(FileError::NotSealed);
        }
        let bytes = fs::read(path)?;
        let rest = bytes.strip_prefix(MAGIC).ok_or(FileError::NotSealed)?;
        let (salt, rest) = rest.split_first_chunk::<SALT>().ok_or(FileError::NotSealed)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE>().ok_or(FileError::NotSealed)?;
        let file = Self { path: path.to_owned(), salt: *salt, key: key(passphrase, salt)? };
        let payload = Payload { msg: sealed, aad: &bytes[..HEADER] };
        let plain =
            file.cipher().decrypt(XNonce::from_slice(nonce), payload).map_err(|_| FileError::WrongPassphrase)?;
        Ok((file, Zeroizing::new(plain)))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Replaces what is in the file, whole or not at all. Only its owner may read it.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn write(&self, plain: &[u8]) -> Result<(), FileError> {
        let nonce: [u8; NONCE] = rand::rng().random();
        let mut bytes = Vec::with_capacity(HEADER + plain.len() + 16);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&self.salt);
        bytes.extend_from_slice(&nonce);
        let payload = Payload { msg: plain, aad: &bytes };
        let sealed = self.cipher().encrypt(XNonce::from_slice(&nonce), payload).map_err(|_| FileError::NoKey)?;
        bytes.extend_from_slice(&sealed);
        let beside = self.path.with_extension("new");
        let mut file = private_file(&beside)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&beside, &self.path)?;
        Ok(())
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(self.key.as_slice().into())
    }
}

fn private_file(path: &Path) -> std::io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn key(passphrase: &str, salt: &[u8; SALT]) -> Result<Zeroizing<[u8; 32]>, FileError> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, Some(32)).map_err(|_| FileError::NoKey)?;
    let mut key = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, key.as_mut_slice())
        .map_err(|_| FileError::NoKey)?;
    Ok(key)
}
