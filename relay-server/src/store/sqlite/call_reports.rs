//! Reports of calls: who took part, and what their apps measured.

use parley_shared::ids::{CallId, RoomId, UnixMs, UserId};
use parley_shared::wire::{
    CallReport, ErrorCode, Figure, PersonReport, QualityCause, RouteClass, StoredReport, WireError,
};
use relay_core::work::{CallSeat, Done};
use rusqlite::{Connection, Error, OptionalExtension, Row, params};

use super::rows::{self, USER, USER_COLUMNS, unknown};
use crate::store::StoreError;

type Result<T> = std::result::Result<T, StoreError>;

/// Remembers that a person took part; a second time changes nothing.
pub(super) fn seat(c: &Connection, seat: &CallSeat) -> Result<Done> {
    c.prepare_cached(
        "INSERT OR IGNORE INTO call_participants (call_id, user_id, room_id, joined_at_ms)
         SELECT ?1, ?2, ?3, ?4 FROM rooms WHERE id = ?3 AND deleted = 0",
    )?
    .execute(params![seat.call_id.as_bytes(), seat.user_id.as_bytes(), seat.room_id.as_bytes(), seat.at.0])?;
    Ok(Done::Nothing)
}

pub(super) fn put(c: &Connection, asker: UserId, call_id: CallId, report: &CallReport, at: UnixMs) -> Result<()> {
    let room_id = seat_room(c, call_id, asker)?;
    for person in &report.people {
        if person.user_id == asker || !took_part(c, call_id, room_id, person.user_id)? {
            let error = WireError::field("people", "Reports are about others who were in the call.");
            return Err(StoreError::Refused(error));
        }
    }
    c.prepare_cached("DELETE FROM call_reports WHERE call_id = ? AND user_id = ?")?
        .execute(params![call_id.as_bytes(), asker.as_bytes()])?;
    c.prepare_cached(
        "INSERT INTO call_reports (call_id, user_id, reported_at_ms, duration_s, setup_ms) VALUES (?, ?, ?, ?, ?)",
    )?
    .execute(params![
        call_id.as_bytes(),
        asker.as_bytes(),
        at.0,
        report.duration_s,
        report.setup_ms.map_or(-1, i64::from)
    ])?;
    report.people.iter().try_for_each(|person| put_person(c, asker, call_id, person))
}

fn put_person(c: &Connection, asker: UserId, call_id: CallId, person: &PersonReport) -> Result<()> {
    c.prepare_cached(
        "INSERT INTO call_report_people (call_id, user_id, other_id, seconds, route,
           rtt_ms_mean, rtt_ms_max, jitter_ms_mean, jitter_ms_max, loss_in_pct_mean, loss_in_pct_max,
           loss_out_pct_mean, loss_out_pct_max, kbps_in_mean, kbps_in_max, kbps_out_mean, kbps_out_max,
           fps_in_mean, fps_in_max, concealed_pct, freezes, freeze_ms, cause)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![
        call_id.as_bytes(),
        asker.as_bytes(),
        person.user_id.as_bytes(),
        person.seconds,
        route_text(person.route),
        person.rtt_ms.mean,
        person.rtt_ms.max,
        person.jitter_ms.mean,
        person.jitter_ms.max,
        person.loss_in_pct.mean,
        person.loss_in_pct.max,
        person.loss_out_pct.mean,
        person.loss_out_pct.max,
        person.kbps_in.mean,
        person.kbps_in.max,
        person.kbps_out.mean,
        person.kbps_out.max,
        person.fps_in.mean,
        person.fps_in.max,
        person.concealed_pct,
        person.freezes,
        person.freeze_ms,
        person.cause.map_or("", cause_text),
    ])?;
    Ok(())
}

pub(super) fn list(c: &Connection, asker: UserId, call_id: CallId) -> Result<Vec<StoredReport>> {
    let room_id = seat_room(c, call_id, asker)?;
    let sql = format!(
        "SELECT {USER}, r.reported_at_ms, r.duration_s, r.setup_ms
         FROM call_reports r JOIN users u ON u.id = r.user_id
           JOIN call_participants p ON p.call_id = r.call_id AND p.user_id = r.user_id
         WHERE r.call_id = ? AND p.room_id = ? ORDER BY r.user_id"
    );
    let mut reports: Vec<StoredReport> = c
        .prepare_cached(&sql)?
        .query_map(params![call_id.as_bytes(), room_id.as_bytes()], |r| {
            let setup_ms: i64 = r.get(USER_COLUMNS + 2)?;
            Ok(StoredReport {
                user: rows::user(r, 0)?,
                reported_at_ms: UnixMs(r.get(USER_COLUMNS)?),
                report: CallReport {
                    duration_s: r.get(USER_COLUMNS + 1)?,
                    setup_ms: u32::try_from(setup_ms).ok(),
                    people: Vec::new(),
                },
            })
        })?
        .collect::<std::result::Result<_, _>>()?;
    for stored in &mut reports {
        stored.report.people = people(c, call_id, stored.user.id)?;
    }
    Ok(reports)
}

fn people(c: &Connection, call_id: CallId, reporter: UserId) -> Result<Vec<PersonReport>> {
    let people = c
        .prepare_cached(
            "SELECT other_id, seconds, route, rtt_ms_mean, rtt_ms_max, jitter_ms_mean, jitter_ms_max,
               loss_in_pct_mean, loss_in_pct_max, loss_out_pct_mean, loss_out_pct_max, kbps_in_mean, kbps_in_max,
               kbps_out_mean, kbps_out_max, fps_in_mean, fps_in_max, concealed_pct, freezes, freeze_ms, cause
             FROM call_report_people WHERE call_id = ? AND user_id = ? ORDER BY other_id",
        )?
        .query_map(params![call_id.as_bytes(), reporter.as_bytes()], person)?
        .collect::<std::result::Result<_, _>>()?;
    Ok(people)
}

fn person(row: &Row<'_>) -> std::result::Result<PersonReport, Error> {
    let figure = |first: usize| Ok::<_, Error>(Figure { mean: row.get(first)?, max: row.get(first + 1)? });
    Ok(PersonReport {
        user_id: UserId::from_bytes(row.get(0)?),
        seconds: row.get(1)?,
        route: route(row, 2)?,
        rtt_ms: figure(3)?,
        jitter_ms: figure(5)?,
        loss_in_pct: figure(7)?,
        loss_out_pct: figure(9)?,
        kbps_in: figure(11)?,
        kbps_out: figure(13)?,
        fps_in: figure(15)?,
        concealed_pct: row.get(17)?,
        freezes: row.get(18)?,
        freeze_ms: row.get(19)?,
        cause: cause(row, 20)?,
    })
}

/// The room of a call that the person took part in. Others learn nothing, not even that there was a call. Ids of calls are made by apps: the
/// same one in another room is another call.
fn seat_room(c: &Connection, call_id: CallId, user_id: UserId) -> Result<RoomId> {
    c.prepare_cached(
        "SELECT p.room_id FROM call_participants p JOIN rooms r ON r.id = p.room_id AND r.deleted = 0
         WHERE p.call_id = ? AND p.user_id = ?",
    )?
    .query_row(params![call_id.as_bytes(), user_id.as_bytes()], |r| r.get(0).map(RoomId::from_bytes))
    .optional()?
    .ok_or_else(|| StoreError::refused(ErrorCode::NotFound, "There is no such call."))
}

fn took_part(c: &Connection, call_id: CallId, room_id: RoomId, user_id: UserId) -> Result<bool> {
    Ok(c.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM call_participants WHERE call_id = ? AND user_id = ? AND room_id = ?)",
    )?
    .query_row(params![call_id.as_bytes(), user_id.as_bytes(), room_id.as_bytes()], |r| r.get(0))?)
}

fn route(row: &Row<'_>, column: usize) -> std::result::Result<RouteClass, Error> {
    match row.get::<_, String>(column)?.as_str() {
        "unknown" => Ok(RouteClass::Unknown),
        "direct" => Ok(RouteClass::Direct),
        "relayed" => Ok(RouteClass::Relayed),
        _ => Err(unknown(column, "route")),
    }
}

fn route_text(route: RouteClass) -> &'static str {
    match route {
        RouteClass::Unknown => "unknown",
        RouteClass::Direct => "direct",
        RouteClass::Relayed => "relayed",
    }
}

fn cause(row: &Row<'_>, column: usize) -> std::result::Result<Option<QualityCause>, Error> {
    match row.get::<_, String>(column)?.as_str() {
        "" => Ok(None),
        "reconnecting" => Ok(Some(QualityCause::Reconnecting)),
        "your_microphone" => Ok(Some(QualityCause::YourMicrophone)),
        "their_microphone" => Ok(Some(QualityCause::TheirMicrophone)),
        "video_paused" => Ok(Some(QualityCause::VideoPaused)),
        "your_upload" => Ok(Some(QualityCause::YourUpload)),
        "their_upload" => Ok(Some(QualityCause::TheirUpload)),
        "loss" => Ok(Some(QualityCause::Loss)),
        "delay" => Ok(Some(QualityCause::Delay)),
        _ => Err(unknown(column, "cause")),
    }
}

fn cause_text(cause: QualityCause) -> &'static str {
    match cause {
        QualityCause::Reconnecting => "reconnecting",
        QualityCause::YourMicrophone => "your_microphone",
        QualityCause::TheirMicrophone => "their_microphone",
        QualityCause::VideoPaused => "video_paused",
        QualityCause::YourUpload => "your_upload",
        QualityCause::TheirUpload => "their_upload",
        QualityCause::Loss => "loss",
        QualityCause::Delay => "delay",
    }
}
