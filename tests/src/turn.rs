//! Tests that need the processor to themselves take turns.

use tokio::sync::{Mutex, MutexGuard};

static TURN: Mutex<()> = Mutex::const_new(());

/// Waits until no other test of this program has the turn; the test has it until the value is dropped.
///
/// Calls encode and decode in real time: two at once on two cores would measure each other.
pub async fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().await
}
