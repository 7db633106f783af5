//! Keeps one device open as wished: opens it, opens it again when it fails or hangs, closes it.
//!
//! ```text
//!            wish: some config                Started
//!   Closed ───────────────────▶ Opening ───────────────────▶ Running
//!      ▲                         ▲    │ Failed                │ Failed, or stalled for 4 s
//!      │ wish: none              │    ▼                       ▼
//!      └──── (from anywhere)     └─── Waiting (0.5 .. 8 s) ◀──┘
//!                                     (or until devices come and go)
//! ```

use super::backoff::Backoff;
use parley_media::DeviceError;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};

/// A device that stays silent this long after it was reported stalled is abandoned and opened anew.
const ABANDON_AFTER_STALL: Duration = Duration::from_secs(4);
const REPORT_QUEUE: usize = 64;

/// What a running device tells about itself, apart from its media.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DeviceReport<S> {
    Started(S),
    Stalled,
    /// Media came again after a stall.
    Resumed,
    Failed(DeviceError),
}

/// Tells a supervisor about the one instance it was made for. Reports of abandoned instances are ignored.
#[derive(Debug)]
pub(crate) struct Reporter<S> {
    instance: u64,
    reports: mpsc::Sender<(u64, DeviceReport<S>)>,
    stalled: bool,
}

impl<S> Reporter<S> {
    /// Callable from any thread; never blocks. A flood beyond the queue is lost, the next report follows.
    pub(crate) fn report(&mut self, report: DeviceReport<S>) {
        self.stalled = report_is_stall(&report);
        let _ = self.reports.try_send((self.instance, report));
    }

    /// To be called for every piece of media: tells when it came again.
    pub(crate) fn on_media(&mut self) {
        if self.stalled {
            self.report(DeviceReport::Resumed);
        }
    }
}

fn report_is_stall<S>(report: &DeviceReport<S>) -> bool {
    match report {
        DeviceReport::Stalled => true,
        DeviceReport::Started(_) | DeviceReport::Resumed | DeviceReport::Failed(_) => false,
    }
}

/// How devices of one kind are opened. Dropping the handle closes the device and must not block.
pub(crate) trait DeviceOpener: Send + 'static {
    type Config: Clone + Send + Sync + 'static;
    type Started: Send + 'static;
    type Handle: Send + 'static;

    fn open(&mut self, config: Self::Config, reporter: Reporter<Self::Started>) -> Self::Handle;

    /// Hears what happens to the device.
    fn on_report(&mut self, report: DeviceReport<Self::Started>);
}

/// Starts supervising on the current Tokio runtime. It ends, and closes the device, when the wish's sender is gone.
/// `changes` marks that devices came or went: one that waits to be opened again is tried at once.
pub(crate) fn supervise<D: DeviceOpener>(
    wish: watch::Receiver<Option<D::Config>>,
    changes: watch::Receiver<()>,
    opener: D,
) {
    tokio::spawn(run(wish, changes, opener));
}

async fn run<D: DeviceOpener>(
    mut wish: watch::Receiver<Option<D::Config>>,
    mut changes: watch::Receiver<()>,
    mut opener: D,
) {
    let (sender, mut reports) = mpsc::channel(REPORT_QUEUE);
    let mut cycle = Cycle::default();
    let mut handle = None;
    let mut open_now = true;
    loop {
        if std::mem::take(&mut open_now) {
            // The old device is closed before the new one opens: many devices admit one user only.
            drop(handle.take());
            let instance = cycle.begin();
            let config = wish.borrow_and_update().clone();
            handle = config
                .map(|config| opener.open(config, Reporter { instance, reports: sender.clone(), stalled: false }));
        }
        tokio::select! {
            changed = wish.changed() => {
                if changed.is_err() {
                    return;
                }
                cycle.on_wish();
                open_now = true;
            }
            Some((instance, report)) = reports.recv() => match cycle.on_report(instance, &report, Instant::now()) {
                Verdict::Stale => {}
                Verdict::Keep => opener.on_report(report),
                Verdict::Close => {
                    handle = None;
                    opener.on_report(report);
                }
            },
            Ok(()) = changes.changed() => open_now = cycle.on_change(),
            () = sleep_until(cycle.reopen_at) => open_now = true,
        }
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// From an instance that was abandoned.
    Stale,
    Keep,
    Close,
}

/// When to open again. Pure: the clock is passed in.
#[derive(Debug, Default)]
struct Cycle {
    instance: u64,
    started_at: Option<Instant>,
    reopen_at: Option<Instant>,
    backoff: Backoff,
}

impl Cycle {
    /// Begins a new instance and returns its number.
    fn begin(&mut self) -> u64 {
        self.instance += 1;
        self.started_at = None;
        self.reopen_at = None;
        self.instance
    }

    fn on_wish(&mut self) {
        self.backoff.reset();
    }

    /// Devices came or went. Returns whether to open at once: what failed before may work.
    fn on_change(&mut self) -> bool {
        self.backoff.reset();
        self.reopen_at.is_some()
    }

    fn on_report<S>(&mut self, instance: u64, report: &DeviceReport<S>, now: Instant) -> Verdict {
        if instance != self.instance {
            return Verdict::Stale;
        }
        match report {
            DeviceReport::Started(_) => self.started_at = Some(now),
            DeviceReport::Stalled => self.reopen_at = Some(now + ABANDON_AFTER_STALL),
            DeviceReport::Resumed => self.reopen_at = None,
            DeviceReport::Failed(_) => {
                let worked_for = self.started_at.take().map(|at| now - at);
                self.reopen_at = Some(now + self.backoff.after_failure(worked_for));
                return Verdict::Close;
            }
        }
        Verdict::Keep
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAILED: DeviceReport<()> = DeviceReport::Failed(DeviceError::Busy);
    const STARTED: DeviceReport<()> = DeviceReport::Started(());

    fn pause(cycle: &Cycle, now: Instant) -> Option<u128> {
        cycle.reopen_at.map(|at| (at - now).as_millis())
    }

    #[test]
    fn a_failing_device_is_reopened_with_growing_pauses() {
        let (mut cycle, now) = (Cycle::default(), Instant::now());
        let pauses: Vec<_> = (0..6)
            .map(|_| {
                let instance = cycle.begin();
                assert_eq!(cycle.on_report(instance, &FAILED, now), Verdict::Close);
                pause(&cycle, now).unwrap()
            })
            .collect();
        assert_eq!(pauses, [500, 1000, 2000, 4000, 8000, 8000]);
    }

    #[test]
    fn a_hanging_device_is_abandoned_and_its_late_reports_are_stale() {
        let (mut cycle, now) = (Cycle::default(), Instant::now());
        let hanging = cycle.begin();
        assert_eq!(cycle.on_report(hanging, &STARTED, now), Verdict::Keep);
        cycle.on_report(hanging, &DeviceReport::<()>::Stalled, now);
        assert_eq!(pause(&cycle, now), Some(4000));
        cycle.begin();
        assert_eq!(cycle.on_report(hanging, &FAILED, now), Verdict::Stale);
        assert_eq!(pause(&cycle, now), None);
    }

    #[test]
    fn a_stall_that_heals_keeps_the_device() {
        let (mut cycle, now) = (Cycle::default(), Instant::now());
        let instance = cycle.begin();
        cycle.on_report(instance, &DeviceReport::<()>::Stalled, now);
        cycle.on_report(instance, &DeviceReport::<()>::Resumed, now);
        assert_eq!(pause(&cycle, now), None);
    }

    #[test]
    fn a_new_wish_starts_over_with_short_pauses() {
        let (mut cycle, now) = (Cycle::default(), Instant::now());
        for _ in 0..5 {
            let instance = cycle.begin();
            cycle.on_report(instance, &FAILED, now);
        }
        cycle.on_wish();
        let instance = cycle.begin();
        cycle.on_report(instance, &FAILED, now);
        assert_eq!(pause(&cycle, now), Some(500));
    }

    #[test]
    fn a_change_of_devices_opens_what_waits_and_leaves_alone_what_works() {
        let (mut cycle, now) = (Cycle::default(), Instant::now());
        let instance = cycle.begin();
        cycle.on_report(instance, &STARTED, now);
        assert!(!cycle.on_change());
        for _ in 0..5 {
            let instance = cycle.begin();
            cycle.on_report(instance, &FAILED, now);
        }
        assert!(cycle.on_change());
        let instance = cycle.begin();
        cycle.on_report(instance, &FAILED, now);
        assert_eq!(pause(&cycle, now), Some(500));
    }

    struct Recorder(mpsc::UnboundedSender<String>);
    struct Handle(mpsc::UnboundedSender<String>);

    impl Drop for Handle {
        fn drop(&mut self) {
            let _ = self.0.send("closed".to_owned());
        }
    }

    impl DeviceOpener for Recorder {
        type Config = &'static str;
        type Started = ();
        type Handle = Handle;

        fn open(&mut self, config: &'static str, mut reporter: Reporter<()>) -> Handle {
            let _ = self.0.send(format!("opened {config}"));
            reporter.report(if config == "broken" { FAILED } else { STARTED });
            Handle(self.0.clone())
        }

        fn on_report(&mut self, report: DeviceReport<()>) {
            let _ = self.0.send(format!("{report:?}"));
        }
    }

    async fn next(events: &mut mpsc::UnboundedReceiver<String>) -> String {
        tokio::time::timeout(Duration::from_secs(10), events.recv()).await.unwrap().unwrap()
    }

    #[tokio::test]
    async fn devices_follow_the_wish_and_close_with_it() {
        let (sender, mut events) = mpsc::unbounded_channel();
        let (wish, wished) = watch::channel(None);
        supervise(wished, watch::channel(()).1, Recorder(sender));
        tokio::task::yield_now().await;
        assert!(events.try_recv().is_err(), "nothing is opened before it is wished");
        wish.send_replace(Some("front"));
        assert_eq!(next(&mut events).await, "opened front");
        assert_eq!(next(&mut events).await, "Started(())");
        wish.send_replace(Some("back"));
        assert_eq!(next(&mut events).await, "closed");
        assert_eq!(next(&mut events).await, "opened back");
        drop(wish);
        let mut rest = Vec::new();
        while let Some(event) = tokio::time::timeout(Duration::from_secs(10), events.recv()).await.unwrap() {
            rest.push(event);
        }
        assert_eq!(rest.last().unwrap(), "closed");
    }

    #[tokio::test]
    async fn a_broken_device_is_closed_and_tried_again() {
        let (sender, mut events) = mpsc::unbounded_channel();
        let (wish, wished) = watch::channel(Some("broken"));
        supervise(wished, watch::channel(()).1, Recorder(sender));
        for expected in ["opened broken", "closed", "Failed(Busy)", "opened broken"] {
            assert_eq!(next(&mut events).await, expected);
        }
        drop(wish);
    }
}
