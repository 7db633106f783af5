//! Passwords and tokens.

use std::sync::Arc;
use std::time::Duration;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation, decode, encode};
use parley_shared::ids::{DeviceId, UnixMs, UserId};
use parley_shared::limits::ACCESS_TOKEN_LIFE;
use parley_shared::wire::{ErrorCode, Secret, WireError};
use rand::RngCore;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;

/// Hashes at once: each takes 19 MiB and a core.
const HASHES_AT_ONCE: usize = 2;
/// Whoever waits longer than this for their turn is told to come again.
const TURN_TIMEOUT: Duration = Duration::from_secs(30);
const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;
/// Above this size the allocator gives memory back to the system at once: a hash leaves nothing behind.
const MAPPED_BYTES: usize = 33 * 1024 * 1024;

/// Argon2id (RFC 9106, OWASP's m = 19 MiB, t = 2, p = 1) on a bounded number of threads.
#[derive(Clone, Debug)]
pub struct Passwords {
    turns: Arc<Semaphore>,
    /// What a password is compared with when there is no account: the same work, the same time.
    nobody: Arc<str>,
}

impl Default for Passwords {
    fn default() -> Self {
        let nobody = format!("{}${}", STANDARD_NO_PAD.encode([0; SALT_BYTES]), STANDARD_NO_PAD.encode([0; HASH_BYTES]));
        Self { turns: Arc::new(Semaphore::new(HASHES_AT_ONCE)), nobody: format!("argon2id-19456-2-1${nobody}").into() }
    }
}

impl Passwords {
    /// # Errors
    /// `unavailable` when too many wait.
    pub async fn hash(&self, password: Secret) -> Result<String, WireError> {
        self.on_turn(move || hash_now(&password)).await
    }

    /// Whether the password is the account's; `stored` none: there is no account, which takes as long.
    ///
    /// # Errors
    /// `unavailable` when too many wait.
    pub async fn verify(&self, password: Secret, stored: Option<String>) -> Result<bool, WireError> {
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.nobody.to_string());
        let matches = self.on_turn(move || verify_now(&password, &stored)).await?;
        Ok(matches && known)
    }

    async fn on_turn<T: Send + 'static>(&self, body: impl FnOnce() -> T + Send + 'static) -> Result<T, WireError> {
        let busy = || WireError {
            retry_after_s: Some(2),
            ..WireError::new(ErrorCode::Unavailable, "Too many people sign in at the moment.")
        };
        let turn = tokio::time::timeout(TURN_TIMEOUT, self.turns.clone().acquire_owned()).await;
        let Ok(Ok(turn)) = turn else { return Err(busy()) };
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            body()
        });
        done.await.map_err(|_| busy())
    }
}

/// Hashes on the calling thread. Takes tens of milliseconds.
pub fn hash_now(password: &Secret) -> String {
    let mut salt = [0; SALT_BYTES];
    rand::rng().fill_bytes(&mut salt);
    let hash = argon2id(password.reveal().as_bytes(), &salt);
    format!("argon2id-19456-2-1${}${}", STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash))
}

/// Compares on the calling thread. Takes tens of milliseconds.
pub fn verify_now(password: &Secret, stored: &str) -> bool {
    let mut parts = stored.split('$');
    let (Some("argon2id-19456-2-1"), Some(salt), Some(hash)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let (Ok(salt), Ok(hash)) = (STANDARD_NO_PAD.decode(salt), STANDARD_NO_PAD.decode(hash)) else { return false };
    argon2id(password.reveal().as_bytes(), &salt).ct_eq(&hash).into()
}

fn argon2id(password: &[u8], salt: &[u8]) -> [u8; HASH_BYTES] {
    let params = Params::default();
    let mut blocks = Vec::with_capacity(MAPPED_BYTES / size_of::<Block>());
    blocks.resize(params.block_count(), Block::default());
    let mut hash = [0; HASH_BYTES];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(password, salt, &mut hash, &mut blocks)
        .expect("password, salt and output lengths are within Argon2's limits");
    hash
}

/// Signs and checks access tokens: JWT, HS256, 15 minutes.
pub struct Tokens {
    signing: EncodingKey,
    checking: DecodingKey,
    validation: Validation,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens")
    }
}

const ISSUER: &str = "parley-relay";
const AUDIENCE: &str = "parley";
/// A token of ours has about 300 bytes.
const TOKEN_BYTES: usize = 2_048;

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: UserId,
    did: DeviceId,
    iat: i64,
    exp: i64,
}

impl Tokens {
    pub fn new(key: &[u8; 32]) -> Self {
        let mut validation = Validation::new(jsonwebtoken::Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.leeway = 0;
        Self { signing: EncodingKey::from_secret(key), checking: DecodingKey::from_secret(key), validation }
    }

    /// # Errors
    /// Never with our claims; what the library says is passed on.
    pub fn issue(&self, user_id: UserId, device_id: DeviceId, now: UnixMs) -> anyhow::Result<Secret> {
        let issued = now.0 / 1_000;
        let claims = Claims {
            iss: ISSUER.into(),
            aud: AUDIENCE.into(),
            sub: user_id,
            did: device_id,
            iat: issued,
            exp: issued + i64::try_from(ACCESS_TOKEN_LIFE.as_secs())?,
        };
        Ok(Secret::new(encode(&Header::default(), &claims, &self.signing)?))
    }

    /// Whose token it is; none for any fault.
    pub fn check(&self, token: &str) -> Option<(UserId, DeviceId)> {
        if token.len() > TOKEN_BYTES {
            return None;
        }
        let claims = decode::<Claims>(token, &self.checking, &self.validation).ok()?.claims;
        Some((claims.sub, claims.did))
    }
}

/// 256 random bits in base64url.
pub fn random_token() -> Secret {
    let mut bytes = [0; 32];
    rand::rng().fill_bytes(&mut bytes);
    Secret::new(URL_SAFE_NO_PAD.encode(bytes))
}

/// 128 random bits in base64url: a code that people pass on.
pub fn random_code() -> String {
    let mut bytes = [0; 16];
    rand::rng().fill_bytes(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

pub fn sha256(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

#[cfg(test)]
#[path = "auth_tests.rs"]
mod tests;
