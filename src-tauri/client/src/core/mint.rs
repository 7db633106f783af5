//! Makes ids that sort by time.

use parley_shared::ids::{CallId, ClientMessageId, UnixMs};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// A source of new ids. The same seed and times give the same ids.
#[derive(Debug)]
pub struct Mint {
    rng: StdRng,
}

impl Mint {
    pub fn new(seed: u64) -> Self {
        Self { rng: StdRng::seed_from_u64(seed) }
    }

    pub fn client_message(&mut self, now: UnixMs) -> ClientMessageId {
        ClientMessageId::from_parts(now, self.rng.random())
    }

    pub fn call(&mut self, now: UnixMs) -> CallId {
        CallId::from_parts(now, self.rng.random())
    }
}
