//! What is told outside of the window, and when not.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::ids::{FileId, MessageId, RoomId, Seq, UnixMs};

/// One notification of the system. A later one of the same room takes the place of the earlier one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct NotificationView {
    pub room_id: RoomId,
    pub room_title: String,
    /// In a group the sender stands beside the room's title.
    pub group: bool,
    pub sender: String,
    /// The key of the sender's picture.
    pub avatar: Option<FileId>,
    pub about: NotificationAbout,
    /// Messages of the room that I was notified of and have not read, this one among them.
    pub count: u32,
    /// With a sound.
    pub sound: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum NotificationAbout {
    Message {
        message_id: MessageId,
        seq: Seq,
        /// A reply of the notification goes to this thread.
        thread_id: Option<MessageId>,
        /// With names in the place of mentions and without marks of Markdown; none where the person wants no text shown.
        text: Option<String>,
        images: u32,
        files: u32,
        mention: bool,
    },
    MissedCall,
}

/// What the person wants to be told on this device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(default)]
pub struct NotificationSettings {
    pub enabled: bool,
    /// What a message says, on a screen that others may see.
    pub show_text: bool,
    pub sound: bool,
    pub do_not_disturb: DoNotDisturb,
}

impl Default for NotificationSettings {
    fn default() -> Self {
        Self { enabled: true, show_text: true, sound: true, do_not_disturb: DoNotDisturb::Off }
    }
}

/// While it is on, nothing but the badge tells of messages, and calls show without ringing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum DoNotDisturb {
    #[default]
    Off,
    /// Until it is taken back.
    On,
    Until {
        at_ms: UnixMs,
    },
}
