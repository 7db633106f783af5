//! Places in the relay's own numbering, as they are given away: sealed, so that they tell nothing and nobody makes up another.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use parley_shared::ids::UserId;
use rand::RngCore;
use sha2::{Digest, Sha256};

const NONCE_BYTES: usize = 24;
/// What is sealed has one length, which tells nothing either.
const TEXT_BYTES: usize = 16;
const TAG_BYTES: usize = 16;

/// Seals with a key of the relay, for one person.
#[derive(Clone)]
pub struct Seal(XChaCha20Poly1305);

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal")
    }
}

impl Seal {
    /// With a key of its own, made of the one that signs tokens (which is uniformly random, so a hash with a label is enough).
    pub fn new(token_key: &[u8; 32]) -> Self {
        let key = Sha256::new().chain_update(b"parley relay: seal of places, 1").chain_update(token_key).finalize();
        Self(XChaCha20Poly1305::new(&key))
    }

    /// None for a text of more than [`TEXT_BYTES`], or with a NUL.
    pub fn close(&self, text: &str, owner: UserId) -> Option<String> {
        let mut padded = [0; TEXT_BYTES];
        padded.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        let mut sealed = vec![0; NONCE_BYTES];
        rand::rng().fill_bytes(&mut sealed);
        let payload = Payload { msg: &padded, aad: owner.as_bytes() };
        let text = self.0.encrypt(XNonce::from_slice(&sealed), payload).ok()?;
        sealed.extend(text);
        Some(URL_SAFE_NO_PAD.encode(sealed))
    }

    /// None for what was not sealed here for this person.
    pub fn open(&self, sealed: &str, owner: UserId) -> Option<String> {
        const BYTES: usize = NONCE_BYTES + TEXT_BYTES + TAG_BYTES;
        if sealed.len() != BYTES.div_ceil(3) * 4 - (3 - BYTES % 3) % 3 {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, text) = bytes.split_at_checked(NONCE_BYTES)?;
        let padded = self.0.decrypt(XNonce::from_slice(nonce), Payload { msg: text, aad: owner.as_bytes() }).ok()?;
        let text = String::from_utf8(padded).ok()?;
        Some(text.trim_end_matches('\0').to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_for_its_owner_only_and_tells_nothing() {
        let seal = Seal::new(&[7; 32]);
        let (ada, eve) = (UserId::from_bytes([1; 16]), UserId::from_bytes([2; 16]));
        let (short, long) = (seal.close("1", ada).unwrap(), seal.close("7fffffffffffffff", ada).unwrap());
        assert_eq!(short.len(), long.len(), "a small number looks like a big one");
        assert_ne!(short, seal.close("1", ada).unwrap(), "the same place twice");
        assert_eq!(seal.open(&short, ada).as_deref(), Some("1"));
        assert_eq!(seal.open(&long, ada).as_deref(), Some("7fffffffffffffff"));
        assert_eq!(seal.open(&short, eve), None, "another person's");
        assert_eq!(Seal::new(&[8; 32]).open(&short, ada), None, "another relay's");
        for place in 0..short.len() {
            let mut forged = short.clone().into_bytes();
            forged[place] = if forged[place] == b'A' { b'B' } else { b'A' };
            assert_eq!(seal.open(&String::from_utf8(forged).unwrap(), ada), None, "{place}");
        }
        for nonsense in ["", "1", "🙂", &"A".repeat(75), &"A".repeat(10_000)] {
            assert_eq!(seal.open(nonsense, ada), None);
        }
        assert_eq!(seal.close("12345678901234567", ada), None);
    }
}
