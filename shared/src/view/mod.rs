//! App shell to webview. The webview sends a [`Command`], asks a [`Query`], and draws what [`ViewEvent`]s say; it decides nothing.
//!
//! The shape is "slices": each event replaces one part of the [`Snapshot`] whole, so that a webview that reloads asks for the snapshot once
//! and then needs nothing but events. TypeScript types are rendered from these (`ui/src/generated/view.ts`, checked by a test).

mod call;
mod command;
mod devices;
mod export;
mod invites;
mod notifications;
mod rooms;
mod session;
mod timeline;

pub use call::*;
pub use command::*;
pub use devices::*;
pub use export::*;
pub use invites::*;
pub use notifications::*;
pub use rooms::*;
pub use session::*;
pub use timeline::*;

pub use crate::wire::QualityCause;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Everything the window shows, as it is now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct Snapshot {
    pub session: SessionView,
    pub connection: ConnectionView,
    pub rooms: RoomsView,
    pub people: PeopleView,
    /// The open room.
    pub timeline: Option<TimelineView>,
    /// The thread beside it.
    pub thread: Option<ThreadView>,
    pub call: Option<CallView>,
    pub devices: DevicesView,
    pub settings: SettingsView,
    /// What is being written to a file.
    pub export: Option<ExportView>,
}

/// One slice of the [`Snapshot`] in its new state, or something that passes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
pub enum ViewEvent {
    Session(SessionView),
    Connection(ConnectionView),
    Rooms(RoomsView),
    People(PeopleView),
    Timeline(Option<TimelineView>),
    Thread(Option<ThreadView>),
    Call(Option<CallView>),
    Devices(DevicesView),
    Settings(SettingsView),
    Export(Option<ExportView>),
    /// Something to show outside of the window, in the words of the person's language.
    Notification(NotificationView),
    /// Notifications of a room have nothing to say any more: it was read, here or elsewhere.
    NotificationsGone {
        room_id: crate::ids::RoomId,
    },
    /// Many times a second while a microphone is open.
    Levels(LevelsView),
    /// Once a second in a call.
    CallStats(CallStatsView),
    /// Something to say once, such as an announcement or an error that belongs to no field.
    Notice(Notice),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Notice {
    pub kind: NoticeKind,
    /// Stable word for the i18n library, such as `camera_gone`.
    pub code: String,
    /// What the sentence names: a person, a room, a device.
    pub subject: Option<String>,
    /// What takes its place, where the sentence names that too.
    pub instead: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    Info,
    Warning,
    Error,
}
