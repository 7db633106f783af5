//! Files on their way to the relay: those of messages that wait to be sent, in the order of writing, and pictures of people and rooms.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use parley_shared::ids::{ClientMessageId, FileId, RoomId};
use parley_shared::limits::ATTACHMENTS_PER_MESSAGE;
use parley_shared::view::{AttachmentView, CommandErrorCode, DraftFile, UploadView};
use parley_shared::wire::{Attachment, AttachmentKind, ChangeProfile, ChangeRoom, ErrorCode, UploadPurpose, WireError};
use serde::{Deserialize, Serialize};

use super::failure::{error, failure_to_error, invalid, word};
use super::input::*;
use super::ops::Op;
use super::{Core, LinkState, Slice};

/// Uploads at once: one fills most lines, a second hides the relay's work on the first.
const AT_ONCE: usize = 2;
/// Wait after a failure that names no time.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// A file of a message that waits to be sent, as it is kept on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingFile {
    pub file: DraftFile,
    #[serde(default)]
    pub upload: PendingUpload,
    #[serde(skip)]
    pub sent_bytes: u64,
}

/// ```text
/// New --created--> Begun --all is there--> Done
///  ^----------the relay lost it-------------'
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum PendingUpload {
    #[default]
    New,
    Begun {
        id: FileId,
    },
    Done {
        id: FileId,
    },
}

impl PendingUpload {
    /// What the relay calls it.
    pub fn id(self) -> Option<FileId> {
        match self {
            Self::New => None,
            Self::Begun { id } | Self::Done { id } => Some(id),
        }
    }
}

impl PendingFile {
    pub fn new(file: DraftFile) -> Self {
        Self { file, upload: PendingUpload::New, sent_bytes: 0 }
    }

    pub fn is_done(&self) -> bool {
        matches!(self.upload, PendingUpload::Done { .. })
    }

    /// `moving`: it is on its way, or waits for its turn.
    pub fn view(&self, moving: bool) -> AttachmentView {
        let DraftFile { key, name, size_bytes, kind } = self.file.clone();
        let sent_bytes = if self.is_done() { size_bytes } else { self.sent_bytes.min(size_bytes) };
        AttachmentView { key, name, size_bytes, kind, upload: moving.then_some(UploadView { sent_bytes }) }
    }
}

/// Uploads that are under way, and pictures that wait for their turn.
#[derive(Debug, Default)]
pub(super) struct Uploads {
    running: BTreeMap<UploadId, Running>,
    pictures: VecDeque<PictureUpload>,
    next: u64,
    /// After a failure.
    retry_at: Option<Duration>,
}

#[derive(Debug)]
struct Running {
    /// The draft's.
    key: String,
    of: UploadOf,
}

#[derive(Debug)]
enum UploadOf {
    Message { room_id: RoomId, client_id: ClientMessageId },
    Picture(PictureUpload),
}

/// A picture of me or of a room.
#[derive(Debug)]
struct PictureUpload {
    reply: ReplyId,
    room_id: Option<RoomId>,
    file: DraftFile,
}

impl Uploads {
    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        self.retry_at
    }

    fn is_running(&self, key: &str) -> bool {
        self.running.values().any(|running| running.key == key)
    }
}

impl Core {
    /// A file that was handed over is on the disk, or was refused.
    pub(super) fn on_file_attached(
        &mut self,
        reply: ReplyId,
        attached: Result<DraftFile, parley_shared::view::CommandError>,
    ) {
        if let Ok(file) = &attached
            && self.session.me().is_none()
        {
            self.emit(Effect::Files(FilesJob::Discard(vec![file.key.clone()])));
            return self.refuse(reply, super::failure::not_now("Nobody is signed in."));
        }
        if let Ok(file) = &attached {
            self.drafts.insert(file.key.clone(), file.clone());
        }
        self.emit(Effect::Reply(reply, attached.map(|file| Answer::Draft(Box::new(file)))));
    }

    pub(super) fn discard_file(&mut self, reply: ReplyId, key: String) {
        if self.drafts.remove(&key).is_none() {
            return self.refuse(reply, no_file());
        }
        self.emit(Effect::Files(FilesJob::Discard(vec![key])));
        self.done(reply);
    }

    /// The files of a message that is to be sent; they are its own from here on.
    ///
    /// # Errors
    /// There are too many, one comes twice, or one is not here.
    pub(super) fn take_drafts(
        &mut self,
        keys: &[String],
    ) -> Result<Vec<PendingFile>, parley_shared::view::CommandError> {
        if keys.len() > ATTACHMENTS_PER_MESSAGE {
            return Err(invalid("attachments", "A message has at most 10 files."));
        }
        let twice = keys.iter().enumerate().any(|(at, key)| keys[..at].contains(key));
        if twice || keys.iter().any(|key| !self.drafts.contains_key(key)) {
            return Err(no_file());
        }
        Ok(keys.iter().filter_map(|key| self.drafts.remove(key)).map(PendingFile::new).collect())
    }

    pub(super) fn set_avatar(&mut self, reply: ReplyId, room_id: Option<RoomId>, key: Option<String>) {
        if !self.needs_relay(reply) {
            return;
        }
        let Some(key) = key else { return self.change_picture(reply, room_id, None) };
        match self.drafts.get(&key).map(|file| &file.kind) {
            Some(AttachmentKind::Image { .. }) => {}
            Some(AttachmentKind::File { .. }) => {
                return self.refuse(reply, invalid("file", "This file is no picture."));
            }
            None => return self.refuse(reply, no_file()),
        }
        if let Some(file) = self.drafts.remove(&key) {
            self.uploads.pictures.push_back(PictureUpload { reply, room_id, file });
        }
    }

    /// `picture` none: there is none from now on.
    fn change_picture(&mut self, reply: ReplyId, room_id: Option<RoomId>, picture: Option<FileId>) {
        let remove_avatar = picture.is_none();
        match room_id {
            None => {
                let body = ChangeProfile { avatar: picture, remove_avatar, ..ChangeProfile::default() };
                self.api(Op::ChangeProfile { reply }, ApiCall::ChangeProfile(body));
            }
            Some(room_id) => {
                let body = ChangeRoom { avatar: picture, remove_avatar, ..ChangeRoom::default() };
                self.api(Op::Room { reply, open: false }, ApiCall::ChangeRoom(room_id, body));
            }
        }
    }

    /// Begins what waits and is due.
    pub(super) fn start_uploads(&mut self, now: Now) {
        if matches!(self.link, LinkState::Offline { .. }) {
            self.refuse_pictures();
        }
        if !self.is_online() || self.uploads.retry_at.is_some_and(|at| at > now.clock) {
            return;
        }
        self.uploads.retry_at = None;
        while self.uploads.running.len() < AT_ONCE {
            let (file, known, of) = if let Some(picture) = self.uploads.pictures.pop_front() {
                (picture.file.clone(), None, UploadOf::Picture(picture))
            } else {
                let uploads = &self.uploads;
                let Some((pending, file)) = self.outbox.next_upload(|key| uploads.is_running(key)) else { return };
                let of = UploadOf::Message { room_id: pending.room_id, client_id: pending.client_id };
                (file.file.clone(), file.upload.id(), of)
            };
            let purpose = match of {
                UploadOf::Message { .. } => UploadPurpose::Attachment,
                UploadOf::Picture(_) => UploadPurpose::Avatar,
            };
            self.uploads.next += 1;
            let upload = UploadId(self.uploads.next);
            self.uploads.running.insert(upload, Running { key: file.key.clone(), of });
            self.emit(Effect::Files(FilesJob::Upload { upload, file, purpose, known }));
        }
    }

    /// A picture is for now: nobody waits for the relay with it.
    fn refuse_pictures(&mut self) {
        for PictureUpload { reply, file, .. } in std::mem::take(&mut self.uploads.pictures) {
            self.emit(Effect::Files(FilesJob::Discard(vec![file.key])));
            self.refuse(reply, failure_to_error(CallFailure::Offline));
        }
    }

    pub(super) fn on_upload(&mut self, id: UploadId, event: UploadEvent, now: Now) {
        match event {
            UploadEvent::Created(file_id) => {
                self.on_upload_moved(id, |file| file.upload = PendingUpload::Begun { id: file_id }, true);
            }
            UploadEvent::Sent { bytes } => self.on_upload_moved(id, |file| file.sent_bytes = bytes, false),
            UploadEvent::Done(attachment) => self.on_uploaded(id, &attachment),
            UploadEvent::Failed(failure) => self.on_upload_failed(id, failure, now),
        }
    }

    fn on_upload_moved(&mut self, id: UploadId, change: impl FnOnce(&mut PendingFile), keep: bool) {
        let Some(Running { key, of: UploadOf::Message { room_id, client_id } }) = self.uploads.running.get(&id) else {
            return;
        };
        let (room_id, client_id) = (*room_id, *client_id);
        let Some(pending) = self.outbox.change_file(room_id, client_id, key, change) else { return };
        if keep {
            let pending = pending.clone();
            self.emit(Effect::Store(StoreJob::SaveOutbox(pending)));
        }
        self.touch_messages(room_id);
    }

    fn on_uploaded(&mut self, id: UploadId, attachment: &Attachment) {
        let done = PendingUpload::Done { id: attachment.id };
        self.on_upload_moved(id, |file| file.upload = done, true);
        let Some(Running { key, of }) = self.uploads.running.remove(&id) else { return };
        self.emit(Effect::Files(FilesJob::Adopt { key: key.clone(), id: attachment.id }));
        match of {
            UploadOf::Message { .. } => {}
            UploadOf::Picture(PictureUpload { reply, room_id, .. }) => {
                self.emit(Effect::Files(FilesJob::Discard(vec![key])));
                self.change_picture(reply, room_id, Some(attachment.id));
            }
        }
    }

    fn on_upload_failed(&mut self, id: UploadId, failure: UploadFailure, now: Now) {
        let Some(Running { key, of }) = self.uploads.running.remove(&id) else { return };
        match of {
            UploadOf::Picture(PictureUpload { reply, .. }) => {
                self.emit(Effect::Files(FilesJob::Discard(vec![key])));
                self.refuse(reply, failure.into_error());
            }
            UploadOf::Message { room_id, client_id } => match failure {
                UploadFailure::Relay(CallFailure::Refused(error)) => {
                    self.on_upload_refused(room_id, client_id, &key, &error, now);
                }
                UploadFailure::Relay(CallFailure::Offline | CallFailure::Lost | CallFailure::Garbled) => {
                    self.uploads.retry_at = Some(now.clock + RETRY_AFTER);
                }
                UploadFailure::Unreadable => self.fail_message(room_id, client_id, "storage"),
            },
        }
    }

    fn on_upload_refused(
        &mut self,
        room_id: RoomId,
        client_id: ClientMessageId,
        key: &str,
        error: &WireError,
        now: Now,
    ) {
        let begun = self.outbox.file(room_id, client_id, key).is_some_and(|file| file.upload != PendingUpload::New);
        match error.code {
            ErrorCode::RateLimited | ErrorCode::Unavailable | ErrorCode::Unauthenticated => {
                let wait = error.retry_after_s.map_or(RETRY_AFTER, |s| Duration::from_secs(u64::from(s.clamp(1, 60))));
                self.uploads.retry_at = Some(now.clock + wait);
            }
            // It lay too long: the relay has swept it.
            ErrorCode::NotFound if begun => {
                let changed = self.outbox.change_file(room_id, client_id, key, |file| {
                    (file.upload, file.sent_bytes) = (PendingUpload::New, 0);
                });
                if let Some(pending) = changed.cloned() {
                    self.emit(Effect::Store(StoreJob::SaveOutbox(pending)));
                }
            }
            ErrorCode::InvalidArgument
            | ErrorCode::Forbidden
            | ErrorCode::NotFound
            | ErrorCode::Conflict
            | ErrorCode::TooLarge
            | ErrorCode::StorageFull
            | ErrorCode::UnsupportedMediaType
            | ErrorCode::UnsupportedVersion => self.fail_message(room_id, client_id, word(error.code)),
        }
    }

    fn fail_message(&mut self, room_id: RoomId, client_id: ClientMessageId, code: &str) {
        if let Some(pending) = self.outbox.on_refused(room_id, client_id, code) {
            self.emit(Effect::Store(StoreJob::SaveOutbox(pending)));
        }
        self.touch_rooms([room_id]);
    }

    /// The relay refuses a message because of its files: they lay too long and are gone. True when they are sent once more.
    pub(super) fn upload_again(&mut self, room_id: RoomId, client_id: ClientMessageId, error: &WireError) -> bool {
        let of_files = error.field.as_deref() == Some("attachments");
        if !of_files {
            return false;
        }
        let Some(pending) = self.outbox.upload_again(room_id, client_id) else { return false };
        self.emit(Effect::Store(StoreJob::SaveOutbox(pending)));
        self.touch_messages(room_id);
        true
    }

    /// A message of mine is stored or forgotten: what it kept here goes. `give_up` tells the relay too.
    pub(super) fn free_files(&mut self, room_id: RoomId, client_id: ClientMessageId, give_up: bool) {
        let Some(pending) = self.outbox.of(room_id).find(|pending| pending.client_id == client_id) else { return };
        if pending.attachments.is_empty() {
            return;
        }
        let keys: Vec<String> = pending.attachments.iter().map(|file| file.file.key.clone()).collect();
        let ids: Vec<FileId> = pending.attachments.iter().filter_map(|file| file.upload.id()).collect();
        let running: Vec<UploadId> =
            self.uploads.running.iter().filter(|(_, running)| keys.contains(&running.key)).map(|(id, _)| *id).collect();
        for upload in running {
            self.uploads.running.remove(&upload);
            self.emit(Effect::Files(FilesJob::StopUpload(upload)));
        }
        if give_up && !ids.is_empty() {
            self.emit(Effect::Files(FilesJob::GiveUp(ids)));
        }
        self.emit(Effect::Files(FilesJob::Discard(keys)));
    }

    /// At the start: what waits for no message is of no use.
    pub(super) fn sweep_drafts(&mut self) {
        let keep = self.outbox.files().map(|file| file.file.key.clone()).collect();
        self.emit(Effect::Files(FilesJob::Sweep { keep }));
    }

    /// Nobody is signed in any more: whoever waits for a picture hears of it.
    pub(super) fn drop_uploads(&mut self) {
        let uploads = std::mem::take(&mut self.uploads);
        self.drafts.clear();
        let running = uploads.running.into_values().filter_map(|running| match running.of {
            UploadOf::Picture(picture) => Some(picture),
            UploadOf::Message { .. } => None,
        });
        for picture in running.chain(uploads.pictures) {
            self.refuse(picture.reply, super::failure::not_now("You are signed out."));
        }
    }

    fn touch_messages(&mut self, room_id: RoomId) {
        if self.is_open(room_id) {
            self.changed.extend([Slice::Timeline, Slice::Thread]);
        }
    }
}

impl UploadFailure {
    fn into_error(self) -> parley_shared::view::CommandError {
        match self {
            Self::Relay(failure) => failure_to_error(failure),
            Self::Unreadable => error(CommandErrorCode::Storage, "The file cannot be read any more."),
        }
    }
}

fn no_file() -> parley_shared::view::CommandError {
    error(CommandErrorCode::NotFound, "This file is not here any more.")
}
