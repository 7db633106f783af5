//! One piece at a time for each upload.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use parley_shared::ids::FileId;

#[derive(Clone, Debug, Default)]
pub(super) struct Turns(Arc<Mutex<BTreeSet<FileId>>>);

/// The right to append to one upload; given back when dropped.
#[derive(Debug)]
pub(super) struct Turn {
    turns: Turns,
    id: FileId,
}

impl Turns {
    /// None while somebody else has it.
    pub fn take(&self, id: FileId) -> Option<Turn> {
        let fresh = self.0.lock().expect("no holder of the turns panics").insert(id);
        fresh.then(|| Turn { turns: self.clone(), id })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.turns.0.lock().expect("no holder of the turns panics").remove(&self.id);
    }
}
