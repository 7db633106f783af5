//! What is being written to a file: one at a time, whatever it is.
//!
//! ```text
//! (none) --asked--> under way --ended, cancelled, signed out--> (none)
//! ```

use std::collections::BTreeMap;
use std::path::PathBuf;

use parley_shared::ids::{RoomId, UserId};
use parley_shared::view::{CommandErrorCode, ExportFormat, ExportView};
use parley_shared::wire::Room;

use super::failure::{error, failure_to_error, not_now};
use super::input::*;
use super::{Core, Slice};

/// Ties what is told of an export to what was asked; chosen by the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExportId(pub u64);

/// What a person wants to have in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExportWish {
    /// `language` of the words between the messages: `en`, `de` or `ko`, in any form of BCP 47.
    Room { room_id: RoomId, format: ExportFormat, language: String },
    /// Everything of mine that the relay has.
    Mine,
}

#[derive(Debug)]
pub struct ExportJob {
    pub id: ExportId,
    /// Written whole, or not at all.
    pub path: PathBuf,
    pub what: ExportWhat,
}

#[derive(Debug)]
pub enum ExportWhat {
    Room(Box<ExportRoom>),
    Mine,
}

/// A room's history, and what the device knows beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportRoom {
    pub room: Room,
    pub title: String,
    pub format: ExportFormat,
    pub language: String,
    pub names: BTreeMap<UserId, String>,
    /// From the relay; else from this device.
    pub online: bool,
    pub now: parley_shared::ids::UnixMs,
}

#[derive(Debug)]
pub enum ExportEvent {
    Progress { done: u64, total: Option<u64> },
    Ended(Result<(), ExportFailure>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExportFailure {
    Relay(CallFailure),
    /// The place refused the file, or the history cannot be read.
    Disk,
    Cancelled,
}

#[derive(Debug, Default)]
pub(super) struct Exporting {
    last: u64,
    under_way: Option<UnderWay>,
}

#[derive(Debug)]
struct UnderWay {
    id: ExportId,
    reply: ReplyId,
    view: ExportView,
}

impl Exporting {
    pub fn view(&self) -> Option<ExportView> {
        self.under_way.as_ref().map(|export| export.view.clone())
    }
}

impl Core {
    pub(super) fn on_export_asked(&mut self, reply: ReplyId, wish: ExportWish, path: PathBuf) {
        if self.exporting.under_way.is_some() {
            return self.refuse(reply, error(CommandErrorCode::Conflict, "Something else is being exported."));
        }
        if self.session.me().is_none() {
            return self.refuse(reply, not_now("Nobody is signed in."));
        }
        let (what, room, total) = match wish {
            ExportWish::Mine if !self.needs_relay(reply) => return,
            ExportWish::Mine => (ExportWhat::Mine, None, None),
            ExportWish::Room { room_id, format, language } => {
                let Some(room) = self.export_room(room_id, format, language) else { return self.no_room(reply) };
                let (title, total) = (room.title.clone(), room.room.last_seq.0);
                (ExportWhat::Room(Box::new(room)), Some(title), Some(total))
            }
        };
        self.exporting.last += 1;
        let id = ExportId(self.exporting.last);
        let view = ExportView { room, done: 0, total };
        self.exporting.under_way = Some(UnderWay { id, reply, view });
        self.touch(Slice::Export);
        self.emit(Effect::Export(Box::new(ExportJob { id, path, what })));
    }

    fn export_room(&self, room_id: RoomId, format: ExportFormat, language: String) -> Option<ExportRoom> {
        let state = self.rooms.map.get(&room_id)?;
        Some(ExportRoom {
            room: state.room().clone(),
            title: state.title(self.me(), &self.people),
            format,
            language,
            names: self.people.names(),
            online: self.is_online(),
            now: self.wall,
        })
    }

    pub(super) fn cancel_export(&mut self, reply: ReplyId) {
        let Some(export) = &self.exporting.under_way else {
            return self.refuse(reply, not_now("Nothing is being exported."));
        };
        // It ends when nothing of the file is left.
        self.emit(Effect::StopExport(export.id));
        self.done(reply);
    }

    pub(super) fn on_export(&mut self, id: ExportId, event: ExportEvent) {
        let Some(export) = self.exporting.under_way.as_mut().filter(|export| export.id == id) else { return };
        match event {
            ExportEvent::Progress { done, total } => {
                (export.view.done, export.view.total) = (done, total);
                self.touch(Slice::Export);
            }
            ExportEvent::Ended(result) => {
                let reply = export.reply;
                self.exporting.under_way = None;
                self.touch(Slice::Export);
                let answer = match result {
                    Ok(()) => Ok(Answer::Exported(true)),
                    Err(ExportFailure::Cancelled) => Ok(Answer::Exported(false)),
                    Err(ExportFailure::Relay(failure)) => Err(failure_to_error(failure)),
                    Err(ExportFailure::Disk) => {
                        Err(error(CommandErrorCode::Storage, "The file cannot be written there."))
                    }
                };
                self.emit(Effect::Reply(reply, answer));
            }
        }
    }

    /// Whoever waits for a file of an account that is left gets none.
    pub(super) fn drop_export(&mut self) {
        let Some(export) = self.exporting.under_way.take() else { return };
        self.emit(Effect::StopExport(export.id));
        self.refuse(export.reply, not_now("You are signed out."));
        self.touch(Slice::Export);
    }
}
