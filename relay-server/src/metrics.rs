//! Counters, and how Prometheus reads them.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counted by everyone, read by `/metrics`.
#[derive(Debug, Default)]
pub struct Metrics {
    sockets: AtomicU64,
    sessions: AtomicU64,
    calls: AtomicU64,
    messages: AtomicU64,
    events: AtomicU64,
    cut: AtomicU64,
    requests: AtomicU64,
    failed_requests: AtomicU64,
    sign_ins: AtomicU64,
    refused_sign_ins: AtomicU64,
}

impl Metrics {
    pub(crate) fn set_live(&self, sockets: usize, sessions: usize, calls: usize) {
        self.sockets.store(sockets as u64, Ordering::Relaxed);
        self.sessions.store(sessions as u64, Ordering::Relaxed);
        self.calls.store(calls as u64, Ordering::Relaxed);
    }

    pub(crate) fn count_message(&self) {
        self.messages.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_event(&self) {
        self.events.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_cut(&self) {
        self.cut.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_request(&self, status: u16) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        if status >= 500 {
            self.failed_requests.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn count_sign_in(&self, accepted: bool) {
        let counter = if accepted { &self.sign_ins } else { &self.refused_sign_ins };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// The text format of Prometheus, version 0.0.4.
    pub fn text(&self) -> String {
        let rows = [
            ("parley_sockets", "gauge", "Open sockets.", &self.sockets),
            ("parley_sessions", "gauge", "Sessions, with a socket or waiting for one.", &self.sessions),
            ("parley_calls", "gauge", "Calls that ring or go on.", &self.calls),
            ("parley_socket_messages_total", "counter", "Messages received on sockets.", &self.messages),
            ("parley_socket_events_total", "counter", "Events sent on sockets.", &self.events),
            ("parley_sockets_cut_total", "counter", "Sockets cut because they were too slow.", &self.cut),
            ("parley_http_requests_total", "counter", "REST requests.", &self.requests),
            ("parley_http_failures_total", "counter", "REST requests answered by 5xx.", &self.failed_requests),
            ("parley_sign_ins_total", "counter", "Accepted sign-ins.", &self.sign_ins),
            ("parley_sign_ins_refused_total", "counter", "Refused sign-ins.", &self.refused_sign_ins),
        ];
        let mut text = String::new();
        for (name, kind, help, value) in rows {
            let value = value.load(Ordering::Relaxed);
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}");
        }
        text
    }
}
