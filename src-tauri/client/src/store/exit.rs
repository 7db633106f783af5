//! The end of the process. SQLCipher gives its memory back in a handler of `atexit`, whether or not a thread still works with
//! it (`sqlcipher_extra_shutdown`); a window that closes in the middle of a write would end as a crash.

use std::sync::{Once, PoisonError, RwLock, RwLockReadGuard};

/// Read by those who use a database, written by the end of the process, which never lets go.
static DATABASES: RwLock<()> = RwLock::new(());

/// Keeps the process from ending, and stops for ever once it does. Not to be taken twice by one thread.
pub fn hold() -> RwLockReadGuard<'static, ()> {
    DATABASES.read().unwrap_or_else(PoisonError::into_inner)
}

/// Lets the end of the process wait for everyone who holds. Called when SQLCipher has begun: handlers run backwards, ours
/// before its own.
pub fn wait_at_exit() {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        // SAFETY: the handler touches nothing but a static that is never dropped, and does not unwind.
        if unsafe { libc::atexit(stop_everyone) } != 0 {
            tracing::warn!("the end of the process will not wait for the local history");
        }
    });
}

extern "C" fn stop_everyone() {
    std::mem::forget(DATABASES.write().unwrap_or_else(PoisonError::into_inner));
}
