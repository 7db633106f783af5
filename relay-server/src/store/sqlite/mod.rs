//! The store in one SQLite file: WAL, every answered write on disk (`synchronous=FULL`), group commit.

mod accounts;
mod blobs;
mod call_reports;
mod calls;
mod chat;
mod export;
mod files;
mod guests;
mod history;
mod invites;
mod membership;
mod mentions;
mod messages;
mod migrate;
mod people;
mod pins;
mod pool;
mod probe;
mod profiles;
mod reactions;
mod receipts;
mod registration;
mod rooms;
mod rows;
mod search;
mod search_query;
mod search_scope;
mod sweep;
mod tenants;
mod views;
mod words;

use std::future::Future;
use std::path::Path;
use std::pin::Pin;

use parley_shared::ids::{CallId, DeviceId, InviteId, MessageId, RoomId, Seq, UnixMs, UserId};
use parley_shared::wire::{
    CallReport, ChangeRoom, ChangesPage, Device, HistoryPage, HistoryQuery, Invite, Member, MemberRole, Message,
    MessageVersion, NotifyLevel, Person, PublicRoom, Room, SearchPage, StoredReport, ThreadPage, User,
};
use relay_core::work::{Answered, Done, NewMessage, OpenCall, Roster, Work};

use super::{
    Answer, Credentials, Left, Mark, NewDevice, NewInvite, NewRoom, NewUser, Rotate, Rotated, Search, Store,
    StoreError, TenantId,
};
use pool::Pool;
use probe::Probe;

#[derive(Debug)]
pub struct SqliteStore {
    pool: Pool,
    probe: Probe,
}

impl SqliteStore {
    /// Opens or makes the file and brings it to the newest shape. Blocks.
    ///
    /// # Errors
    /// Fails when the file cannot be opened, is no database, or was written by a newer relay.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { pool: Pool::open(path)?, probe: Probe::default() })
    }

    /// Takes in many messages in one transaction: all of them or none. What was sent before stays as it is.
    pub fn import(&self, messages: Vec<NewMessage>) -> Answer<()> {
        self.pool.write(move |c| messages.iter().try_for_each(|new| chat::send(c, new).map(drop)))
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::OperationInterrupted) => Self::TooLong,
            Some(_) | None => Self::Failed(error.to_string()),
        }
    }
}

impl Store for SqliteStore {
    fn create_user(&self, new: NewUser) -> Answer<User> {
        self.pool.write(move |c| accounts::create_user(c, &new))
    }

    fn credentials(&self, tenant: TenantId, email: String) -> Answer<Option<Credentials>> {
        self.pool.read(move |c| accounts::credentials(c, tenant, &email))
    }

    fn set_password(&self, user_id: UserId, password_hash: String) -> Answer<()> {
        self.pool.write(move |c| accounts::set_password(c, user_id, &password_hash))
    }

    fn create_device(&self, new: NewDevice) -> Answer<Vec<DeviceId>> {
        self.pool.write(move |c| accounts::create_device(c, &new))
    }

    fn rotate_refresh(&self, rotate: Rotate) -> Answer<Rotated> {
        self.pool.write(move |c| accounts::rotate_refresh(c, &rotate))
    }

    fn device_user(&self, device_id: DeviceId) -> Answer<Option<User>> {
        self.pool.read(move |c| accounts::device_user(c, device_id))
    }

    fn touch_devices(&self, devices: Vec<DeviceId>, at: UnixMs) -> Answer<()> {
        self.pool.write(move |c| devices.iter().try_for_each(|id| accounts::touch_device(c, *id, at)))
    }

    fn devices(&self, user_id: UserId) -> Answer<Vec<Device>> {
        self.pool.read(move |c| accounts::devices(c, user_id))
    }

    fn revoke_device(&self, user_id: UserId, device_id: DeviceId) -> Answer<bool> {
        self.pool.write(move |c| accounts::revoke_device(c, user_id, device_id))
    }

    fn revoke_other_devices(&self, user_id: UserId, keep: DeviceId) -> Answer<Vec<DeviceId>> {
        self.pool.write(move |c| accounts::revoke_other_devices(c, user_id, keep))
    }

    fn search_people(&self, asker: UserId, query: String, after: Option<UserId>, limit: u32) -> Answer<Vec<Person>> {
        self.pool.read(move |c| people::search(c, asker, &query, after, limit))
    }

    fn person(&self, asker: UserId, user_id: UserId) -> Answer<Person> {
        self.pool.read(move |c| people::person(c, asker, user_id))
    }

    fn marked_people(&self, asker: UserId, mark: Mark) -> Answer<Vec<Person>> {
        self.pool.read(move |c| people::marked(c, asker, mark))
    }

    fn set_mark(&self, asker: UserId, other: UserId, mark: Mark, on: bool) -> Answer<()> {
        self.pool.write(move |c| people::set_mark(c, asker, other, mark, on))
    }

    fn create_room(&self, new: NewRoom) -> Answer<(Room, bool)> {
        self.pool.write(move |c| rooms::create(c, &new))
    }

    fn rooms(&self, asker: UserId, after: Option<RoomId>, limit: u32) -> Answer<Vec<Room>> {
        self.pool.read(move |c| views::rooms(c, asker, after, limit))
    }

    fn room(&self, asker: UserId, room_id: RoomId) -> Answer<Room> {
        self.pool.read(move |c| views::room(c, asker, room_id))
    }

    fn members(&self, asker: UserId, room_id: RoomId, after: Option<UserId>, limit: u32) -> Answer<Vec<Member>> {
        self.pool.read(move |c| views::members_page(c, asker, room_id, after, limit))
    }

    fn change_room(&self, asker: UserId, room_id: RoomId, change: ChangeRoom) -> Answer<(Room, Vec<UserId>)> {
        self.pool.write(move |c| rooms::change(c, asker, room_id, &change))
    }

    fn delete_room(&self, asker: UserId, room_id: RoomId) -> Answer<Vec<UserId>> {
        self.pool.write(move |c| rooms::delete(c, asker, room_id))
    }

    fn add_members(&self, asker: UserId, room_id: RoomId, members: Vec<UserId>, at: UnixMs) -> Answer<Room> {
        self.pool.write(move |c| membership::add_members(c, asker, room_id, &members, at))
    }

    fn remove_member(&self, asker: UserId, room_id: RoomId, user_id: UserId) -> Answer<Left> {
        self.pool.write(move |c| membership::remove_member(c, asker, room_id, user_id))
    }

    fn change_member(&self, asker: UserId, room_id: RoomId, user_id: UserId, role: MemberRole) -> Answer<Room> {
        self.pool.write(move |c| membership::change_member(c, asker, room_id, user_id, role))
    }

    fn public_rooms(&self, asker: UserId, query: String, after: Option<RoomId>, limit: u32) -> Answer<Vec<PublicRoom>> {
        self.pool.read(move |c| rooms::public(c, asker, &query, after, limit))
    }

    fn join_room(&self, asker: UserId, room_id: RoomId, at: UnixMs) -> Answer<Room> {
        self.pool.write(move |c| membership::join(c, asker, room_id, at))
    }

    fn set_notify(&self, asker: UserId, room_id: RoomId, level: NotifyLevel) -> Answer<Room> {
        self.pool.write(move |c| membership::set_notify(c, asker, room_id, level))
    }

    fn create_invite(&self, asker: UserId, room_id: RoomId, new: NewInvite) -> Answer<Invite> {
        self.pool.write(move |c| invites::create(c, asker, room_id, &new))
    }

    fn invites(&self, asker: UserId, room_id: RoomId) -> Answer<Vec<Invite>> {
        self.pool.read(move |c| invites::list(c, asker, room_id))
    }

    fn revoke_invite(&self, asker: UserId, room_id: RoomId, invite_id: InviteId) -> Answer<()> {
        self.pool.write(move |c| invites::revoke(c, asker, room_id, invite_id))
    }

    fn accept_invite(&self, asker: UserId, code: String, at: UnixMs) -> Answer<Room> {
        self.pool.write(move |c| invites::accept(c, asker, &code, at))
    }

    fn history(&self, asker: UserId, room_id: RoomId, query: HistoryQuery) -> Answer<HistoryPage> {
        self.pool.read(move |c| history::history(c, asker, room_id, query))
    }

    fn changes(&self, asker: UserId, room_id: RoomId, after: u64, limit: u32) -> Answer<ChangesPage> {
        self.pool.read(move |c| history::changes(c, asker, room_id, after, limit))
    }

    fn message(&self, asker: UserId, room_id: RoomId, message_id: MessageId) -> Answer<Message> {
        self.pool.read(move |c| history::message(c, asker, room_id, message_id))
    }

    fn message_versions(&self, asker: UserId, room_id: RoomId, message_id: MessageId) -> Answer<Vec<MessageVersion>> {
        self.pool.read(move |c| history::versions(c, asker, room_id, message_id))
    }

    fn pins(&self, asker: UserId, room_id: RoomId) -> Answer<Vec<Message>> {
        self.pool.read(move |c| pins::list(c, asker, room_id))
    }

    fn thread(&self, asker: UserId, room_id: RoomId, root: MessageId, after: Seq, limit: u32) -> Answer<ThreadPage> {
        self.pool.read(move |c| history::thread(c, asker, room_id, root, after, limit))
    }

    fn search(&self, asker: UserId, search: Search) -> Answer<SearchPage> {
        self.pool.read_within(search::LIMIT, move |c| search::search(c, asker, &search))
    }

    fn put_call_report(&self, asker: UserId, call_id: CallId, report: CallReport, at: UnixMs) -> Answer<()> {
        self.pool.write(move |c| call_reports::put(c, asker, call_id, &report, at))
    }

    fn call_reports(&self, asker: UserId, call_id: CallId) -> Answer<Vec<StoredReport>> {
        self.pool.read(move |c| call_reports::list(c, asker, call_id))
    }

    fn perform(&self, work: Work) -> Pin<Box<dyn Future<Output = Answered> + Send>> {
        let answer: Answer<Done> = match work {
            Work::SendMessage(new) => self.pool.write(move |c| chat::send(c, &new)),
            Work::EditMessage { room_id, user_id, message_id, text, at } => {
                self.pool.write(move |c| chat::edit(c, room_id, user_id, message_id, &text, at))
            }
            Work::DeleteMessage { room_id, user_id, message_id, at } => {
                self.pool.write(move |c| chat::delete(c, room_id, user_id, message_id, at))
            }
            Work::SetReaction { room_id, user_id, message_id, emoji, on } => {
                self.pool.write(move |c| reactions::set(c, room_id, user_id, message_id, &emoji, on))
            }
            Work::SetPinned { room_id, user_id, message_id, pinned, at } => {
                self.pool.write(move |c| pins::set(c, room_id, user_id, message_id, pinned, at))
            }
            Work::Mark { room_id, user_id, delivered, read } => {
                self.pool.write(move |c| receipts::mark(c, room_id, user_id, delivered, read))
            }
            Work::Roster { room_id, user_id } => {
                self.pool.read(move |c| calls::roster(c, room_id, user_id).map(Done::Roster))
            }
            Work::SeatInCall(seat) => self.pool.write(move |c| call_reports::seat(c, &seat)),
            Work::OpenCall(open) => self.pool.write(move |c| calls::open(c, &open)),
            Work::CloseCall(entry) => self.pool.write(move |c| calls::close(c, &entry)),
            // On the writer, so that a view is never older than the events told before it.
            Work::RoomViews { room_id, users } => self.pool.write(move |c| views::for_members(c, room_id, &users)),
            Work::Audience { user_id } => self.pool.read(move |c| people::audience(c, user_id)),
            Work::Watched { user_id } => self.pool.read(move |c| people::watched(c, user_id)),
            Work::LastSeen { user_id, at } => self.pool.write(move |c| people::set_last_seen(c, user_id, at)),
        };
        Box::pin(async move {
            answer.await.map_err(|error| {
                if let StoreError::Failed(why) = &error {
                    tracing::warn!(why, "the store failed");
                }
                error.into_wire()
            })
        })
    }

    fn open_calls(&self) -> Answer<Vec<(OpenCall, Roster)>> {
        self.pool.read(calls::open_calls)
    }

    fn sweep(&self, at: UnixMs) -> Answer<bool> {
        self.pool.write(move |c| sweep::step(c, at))
    }

    fn ping(&self) -> Answer<()> {
        let read = self.pool.read(|c| Ok(c.query_row("SELECT 1", [], |_| Ok(()))?));
        let write = self.probe.ask(&self.pool);
        Box::pin(async {
            read.await?;
            write.await
        })
    }
}
