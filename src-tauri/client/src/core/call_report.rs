//! What is measured in a call, gathered second by second for the report at its end, and what is shown of reports.

use std::collections::BTreeMap;
use std::time::Duration;

use parley_shared::ids::{CallId, UserId};
use parley_shared::view::{CallDetailsView, CallReportView, ParticipantStats, PersonReportView, Quality, QualityCause};
use parley_shared::wire::{CallReport, Figure, PersonReport, RouteClass, StoredReport};

use super::Core;
use super::input::*;
use super::ops::Op;

/// The account of one call.
///
/// ```text
/// (ringing) --accepted--> begun --first connection--> connected --> reported
/// ```
#[derive(Debug, Default)]
pub(super) struct Tally {
    begun_at: Option<Duration>,
    connected_at: Option<Duration>,
    people: BTreeMap<UserId, PersonTally>,
}

#[derive(Debug, Default)]
struct PersonTally {
    seconds: u32,
    route: RouteClass,
    rtt_ms: Mean,
    jitter_ms: Mean,
    loss_in_pct: Mean,
    loss_out_pct: Mean,
    kbps_in: Mean,
    kbps_out: Mean,
    fps_in: Mean,
    concealed_pct: f32,
    freezes: u32,
    freeze_ms: u32,
    /// Seconds in which a cause was shown as poor, and as fair.
    causes: BTreeMap<QualityCause, (u32, u32)>,
}

/// A mean that grows value by value, and the highest of them.
#[derive(Debug, Default)]
struct Mean {
    sum: f64,
    count: u32,
    max: f32,
}

impl Mean {
    fn take(&mut self, value: f32) {
        self.sum += f64::from(value);
        self.count += 1;
        self.max = self.max.max(value);
    }

    fn figure(&self) -> Figure {
        match self.count {
            0 => Figure::default(),
            count => Figure { mean: (self.sum / f64::from(count)) as f32, max: self.max },
        }
    }
}

impl Tally {
    /// Both sides agreed to the call.
    pub fn on_begun(&mut self, clock: Duration) {
        self.begun_at.get_or_insert(clock);
    }

    pub fn on_connected(&mut self, clock: Duration) {
        self.connected_at.get_or_insert(clock);
    }

    /// Takes in one second with somebody, as it was shown.
    pub fn take(&mut self, user_id: UserId, stats: &ParticipantStats, shows_picture: bool) {
        self.people.entry(user_id).or_default().take(stats, shows_picture);
    }

    /// None when the call never connected: there is nothing to tell.
    pub fn report(&self, clock: Duration) -> Option<CallReport> {
        let connected_at = self.connected_at?;
        let setup = self.begun_at.map(|begun_at| connected_at.saturating_sub(begun_at).as_millis());
        Some(CallReport {
            duration_s: u32::try_from(clock.saturating_sub(connected_at).as_secs()).unwrap_or(u32::MAX),
            setup_ms: setup.map(|setup| u32::try_from(setup).unwrap_or(u32::MAX)),
            people: self.people.iter().map(|(user_id, tally)| tally.report(*user_id)).collect(),
        })
    }
}

impl PersonTally {
    fn take(&mut self, stats: &ParticipantStats, shows_picture: bool) {
        let (sent, received) = (&stats.sent, &stats.received);
        self.seconds += 1;
        if let Some(rtt_ms) = stats.rtt_ms {
            self.rtt_ms.take(rtt_ms);
        }
        self.jitter_ms.take(received.jitter_ms);
        self.loss_in_pct.take(received.loss_pct);
        self.loss_out_pct.take(sent.loss_pct);
        self.kbps_in.take(received.video_kbps + received.audio_kbps);
        self.kbps_out.take(sent.video_kbps + sent.audio_kbps);
        if shows_picture {
            self.fps_in.take(received.fps);
        }
        self.concealed_pct = received.concealed_pct;
        // A connection that was built anew counts anew.
        self.freezes = self.freezes.max(received.freezes);
        self.freeze_ms = self.freeze_ms.max(received.freeze_ms);
        self.route = match stats.route.split(' ').next() {
            Some("direct") => RouteClass::Direct,
            Some("relayed") => RouteClass::Relayed,
            Some(_) | None => self.route,
        };
        if let Some(cause) = stats.cause {
            let (poor, fair) = self.causes.entry(cause).or_default();
            match stats.quality {
                Quality::Poor => *poor += 1,
                Quality::Fair => *fair += 1,
                Quality::Good | Quality::Unknown => {}
            }
        }
    }

    fn report(&self, user_id: UserId) -> PersonReport {
        PersonReport {
            user_id,
            seconds: self.seconds,
            route: self.route,
            rtt_ms: self.rtt_ms.figure(),
            jitter_ms: self.jitter_ms.figure(),
            loss_in_pct: self.loss_in_pct.figure(),
            loss_out_pct: self.loss_out_pct.figure(),
            kbps_in: self.kbps_in.figure(),
            kbps_out: self.kbps_out.figure(),
            fps_in: self.fps_in.figure(),
            concealed_pct: self.concealed_pct,
            freezes: self.freezes,
            freeze_ms: self.freeze_ms,
            cause: self.causes.iter().max_by_key(|(_, seconds)| **seconds).map(|(cause, _)| *cause),
        }
    }
}

impl Core {
    /// Tells the relay what was measured in the call that ends. A relay that is away does not hear of it.
    pub(super) fn report_call(&mut self, now: Now) {
        let Some(call) = &self.call else { return };
        let Some(report) = call.tally.report(now.clock) else { return };
        let call_id = call.call_id;
        self.api(Op::Quiet, ApiCall::ReportCall(call_id, Box::new(report)));
    }

    pub(super) fn on_call_details_asked(&mut self, reply: ReplyId, call_id: CallId) {
        if self.needs_relay(reply) {
            self.api(Op::CallDetails { reply, call_id }, ApiCall::CallReports(call_id));
        }
    }

    pub(super) fn on_call_reports(&mut self, reply: ReplyId, call_id: CallId, mut reports: Vec<StoredReport>) {
        let me = self.me();
        reports.sort_by_key(|stored| (stored.user.id != me, stored.user.id));
        let names: BTreeMap<UserId, String> =
            reports.iter().map(|stored| (stored.user.id, stored.user.display_name.clone())).collect();
        let name = |user_id: UserId| names.get(&user_id).cloned().unwrap_or_else(|| self.people.name(user_id));
        let person = |figures: PersonReport| PersonReportView { display_name: name(figures.user_id), figures };
        let reports = reports
            .into_iter()
            .map(|stored| CallReportView {
                measured_by: stored.user.display_name,
                mine: stored.user.id == me,
                duration_s: stored.report.duration_s,
                setup_ms: stored.report.setup_ms,
                people: stored.report.people.into_iter().map(person).collect(),
            })
            .collect();
        self.emit(Effect::Reply(reply, Ok(Answer::CallDetails(Box::new(CallDetailsView { call_id, reports })))));
    }
}
