//! The callback of a source, shared by its threads, with a switch that ends it.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

/// Delivers events one at a time until it is closed. Clones share the callback and the switch.
pub(crate) struct Emitter<E> {
    shared: Arc<Shared<E>>,
}

struct Shared<E> {
    closed: AtomicBool,
    /// Gone after the last event.
    callback: Mutex<Option<Callback<E>>>,
}

type Callback<E> = Box<dyn FnMut(E) + Send>;

impl<E> Emitter<E> {
    pub(crate) fn new(callback: impl FnMut(E) + Send + 'static) -> Self {
        Self {
            shared: Arc::new(Shared { closed: AtomicBool::new(false), callback: Mutex::new(Some(Box::new(callback))) }),
        }
    }

    /// Delivers `event` unless closed. Returns whether the source should go on.
    pub(crate) fn emit(&self, event: E) -> bool {
        let mut callback = self.shared.callback.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(callback) = callback.as_mut().filter(|_| !self.is_closed()) {
            callback(event);
        }
        !self.is_closed()
    }

    /// Delivers the last event and closes.
    pub(crate) fn finish(&self, event: E) {
        let mut callback = self.shared.callback.lock().unwrap_or_else(PoisonError::into_inner);
        let closed = self.shared.closed.swap(true, Ordering::AcqRel);
        if let Some(mut callback) = callback.take().filter(|_| !closed) {
            callback(event);
        }
    }

    /// Nothing is delivered from here on, but for an event that is on its way at this moment. Never waits, so that the
    /// callback itself may call it.
    pub(crate) fn close(&self) {
        self.shared.closed.store(true, Ordering::Release);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.shared.closed.load(Ordering::Acquire)
    }
}

impl<E> Clone for Emitter<E> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}
