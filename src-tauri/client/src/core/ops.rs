//! What waits for the relay's answer, and what is done with it.

use parley_shared::ids::{CallId, Change, ClientMessageId, MessageId, RoomId, Seq, UserId};
use parley_shared::view::{CommandError, PublicRoomItem};
use parley_shared::wire::{NotifyLevel, PublicRoom, Reply};

use super::Core;
use super::Slice;
use super::accounts::named_error;
use super::failure::not_now;
use super::input::*;
use super::profile::{device_views, profile_view};
use super::search::Marks;

/// A question to the relay that is under way.
#[derive(Debug)]
pub(super) enum Op {
    /// The answer changes nothing here, and nobody waits for it.
    Quiet,
    /// Somebody waits to hear that it is done.
    Done {
        reply: ReplyId,
    },
    SignIn {
        reply: ReplyId,
        relay_url: String,
    },
    SignUp {
        reply: ReplyId,
        relay_url: String,
    },
    JoinAsGuest {
        reply: ReplyId,
        relay_url: String,
    },
    ChangePassword {
        reply: ReplyId,
    },
    DeleteAccount {
        reply: ReplyId,
    },
    RelayInfo {
        reply: ReplyId,
    },
    FetchRooms,
    /// Names and presence of people who are not searched for.
    LearnPeople,
    FetchLatest {
        room_id: RoomId,
        upto: Change,
    },
    FetchChanges {
        room_id: RoomId,
    },
    FetchOlder {
        reply: Option<ReplyId>,
        room_id: RoomId,
        before: Option<Seq>,
    },
    FetchNewer {
        reply: Option<ReplyId>,
        room_id: RoomId,
        after: Seq,
    },
    /// A page of old history for the disk.
    Fill {
        room_id: RoomId,
    },
    /// A message that another one answers.
    FetchReply {
        room_id: RoomId,
        message_id: MessageId,
    },
    FetchThread {
        thread_id: MessageId,
    },
    /// Steps of a jump; whoever asked for it waits there.
    FindMoment {
        jump: u32,
    },
    FindMessage {
        jump: u32,
    },
    FetchAround {
        jump: u32,
    },
    SetReaction {
        reply: ReplyId,
        room_id: RoomId,
        message_id: MessageId,
        emoji: String,
    },
    Search {
        reply: ReplyId,
        marks: Marks,
    },
    Versions {
        reply: ReplyId,
        room_id: RoomId,
    },
    Pins {
        reply: ReplyId,
        room_id: RoomId,
    },
    SearchPeople {
        reply: Option<ReplyId>,
        query: String,
    },
    SetFavourite {
        reply: ReplyId,
        user_id: UserId,
        favourite: bool,
    },
    SetBlocked {
        reply: ReplyId,
        user_id: UserId,
        blocked: bool,
    },
    /// A room comes back; it is shown when `open`.
    Room {
        reply: ReplyId,
        open: bool,
    },
    /// A room's level is shown; it was `before`.
    SetNotify {
        reply: ReplyId,
        room_id: RoomId,
        level: NotifyLevel,
        before: NotifyLevel,
    },
    /// The room is gone for me when this is done.
    LeaveRoom {
        reply: ReplyId,
        room_id: RoomId,
    },
    PublicRooms {
        reply: ReplyId,
    },
    /// The room comes back, and is shown.
    JoinByInvite {
        reply: ReplyId,
    },
    Invite {
        reply: ReplyId,
    },
    Invites {
        reply: ReplyId,
    },
    InviteInfo {
        reply: ReplyId,
        relay_url: String,
        code: String,
    },
    CallDetails {
        reply: ReplyId,
        call_id: CallId,
    },
    Profile {
        reply: ReplyId,
    },
    ChangeProfile {
        reply: ReplyId,
    },
    SignedInDevices {
        reply: ReplyId,
    },
    Send {
        room_id: RoomId,
        client_id: ClientMessageId,
    },
    /// A message comes back, edited or deleted.
    ChangeMessage {
        reply: ReplyId,
    },
    /// My place in a call comes back. `reply` is who pressed the button; a rejoin has nobody.
    JoinCall {
        reply: Option<ReplyId>,
        call_id: CallId,
    },
}

impl Op {
    /// Who waits for it.
    pub(super) fn reply(&self) -> Option<ReplyId> {
        match self {
            Self::Quiet
            | Self::LearnPeople
            | Self::FetchRooms
            | Self::FetchLatest { .. }
            | Self::FetchChanges { .. }
            | Self::Fill { .. }
            | Self::FetchReply { .. }
            | Self::FetchThread { .. }
            | Self::FindMoment { .. }
            | Self::FindMessage { .. }
            | Self::FetchAround { .. }
            | Self::Send { .. } => None,
            Self::Done { reply }
            | Self::SignIn { reply, .. }
            | Self::SetFavourite { reply, .. }
            | Self::SetBlocked { reply, .. }
            | Self::Room { reply, .. }
            | Self::SetNotify { reply, .. }
            | Self::LeaveRoom { reply, .. }
            | Self::PublicRooms { reply }
            | Self::Invite { reply }
            | Self::Invites { reply }
            | Self::InviteInfo { reply, .. }
            | Self::RelayInfo { reply }
            | Self::JoinByInvite { reply }
            | Self::JoinAsGuest { reply, .. }
            | Self::SignUp { reply, .. }
            | Self::ChangePassword { reply }
            | Self::DeleteAccount { reply }
            | Self::CallDetails { reply, .. }
            | Self::SetReaction { reply, .. }
            | Self::Search { reply, .. }
            | Self::Versions { reply, .. }
            | Self::Pins { reply, .. }
            | Self::Profile { reply }
            | Self::ChangeProfile { reply }
            | Self::SignedInDevices { reply }
            | Self::ChangeMessage { reply } => Some(*reply),
            Self::FetchOlder { reply, .. }
            | Self::FetchNewer { reply, .. }
            | Self::SearchPeople { reply, .. }
            | Self::JoinCall { reply, .. } => *reply,
        }
    }
}

impl Core {
    pub(super) fn on_api_done(&mut self, id: OpId, result: Result<ApiReply, CallFailure>, now: Now) {
        // An answer that comes after a sign-out belongs to nobody.
        let Some(op) = self.ops.remove(&id) else { return };
        match (op, result) {
            (op, Err(failure)) => self.on_op_failed(id, op, failure, now),
            (Op::SignIn { reply, relay_url } | Op::SignUp { reply, relay_url }, Ok(ApiReply::Session(session))) => {
                self.on_signed_in(reply, relay_url, session)
            }
            (Op::JoinAsGuest { reply, relay_url }, Ok(ApiReply::Session(session))) => {
                self.on_signed_in(reply, relay_url, session);
                self.session.shows_first_room = self.session.is_opening();
            }
            (Op::ChangePassword { reply }, Ok(ApiReply::Done)) => self.done(reply),
            (Op::DeleteAccount { reply }, Ok(ApiReply::Done)) => self.on_account_deleted(reply),
            (Op::RelayInfo { reply }, Ok(ApiReply::Relay(info))) => self.on_relay_info(reply, &info),
            (Op::InviteInfo { reply, relay_url, code }, Ok(ApiReply::InviteInfo(info))) => {
                self.on_invite_info(reply, relay_url, code, info);
            }
            (Op::Invites { reply }, Ok(ApiReply::Invites(invites))) => self.on_invites(reply, invites),
            (Op::FetchRooms, Ok(ApiReply::Rooms(rooms))) => self.on_rooms(rooms),
            (Op::FetchLatest { room_id, upto }, Ok(ApiReply::History(page))) => {
                self.on_latest(room_id, upto, page, now)
            }
            (Op::FetchChanges { room_id }, Ok(ApiReply::Changes(page))) => {
                self.on_changes(room_id, page.messages, page.has_more, now);
            }
            (Op::FetchOlder { reply, room_id, before }, Ok(ApiReply::History(page))) => {
                self.on_older(reply, room_id, before, Ok(page));
            }
            (Op::FetchNewer { reply, room_id, after }, Ok(ApiReply::History(page))) => {
                self.on_newer(reply, room_id, after, Ok(page));
            }
            (Op::Fill { room_id }, Ok(ApiReply::History(page))) => self.on_filled(room_id, &page, now),
            (Op::FetchReply { room_id, message_id }, Ok(ApiReply::Message(message))) => {
                self.on_reply_known(room_id, message_id, Some(*message));
            }
            (Op::FetchThread { thread_id }, Ok(ApiReply::Thread(page))) => self.on_thread_page(thread_id, *page),
            (Op::FindMoment { jump }, Ok(ApiReply::History(page))) => self.on_moment_found(jump, &page),
            (Op::FindMessage { jump }, Ok(ApiReply::Message(message))) => self.on_message_found(jump, &message),
            (Op::FetchAround { jump }, Ok(ApiReply::History(page))) => self.on_around_fetched(jump, page),
            (Op::Search { reply, marks }, Ok(ApiReply::Search(page))) => self.on_search_page(reply, marks, page),
            (Op::Versions { reply, room_id }, Ok(ApiReply::Versions(versions))) => {
                self.on_versions(reply, room_id, versions);
            }
            (Op::Pins { reply, room_id }, Ok(ApiReply::Messages(messages))) => {
                self.answer_messages(reply, room_id, &messages);
            }
            (Op::LearnPeople, Ok(ApiReply::People(people))) => {
                self.people.learn(people);
                self.changed.extend([Slice::People, Slice::Rooms, Slice::Timeline]);
            }
            (Op::SearchPeople { reply, query }, Ok(ApiReply::People(people))) => self.on_people(reply, &query, people),
            (Op::SetFavourite { reply, user_id, favourite }, Ok(ApiReply::Done)) => {
                self.mark_person(user_id, |person| person.favourite = favourite);
                self.done(reply);
            }
            (Op::SetBlocked { reply, user_id, blocked }, Ok(ApiReply::Done)) => {
                self.mark_person(user_id, |person| person.blocked = blocked);
                self.done(reply);
            }
            (Op::Room { reply, open }, Ok(ApiReply::Room(room))) => {
                let room_id = room.id;
                self.on_room(*room);
                if open {
                    self.show_room(room_id);
                }
                self.done(reply);
            }
            (Op::SetNotify { reply, .. }, Ok(ApiReply::Room(room))) => {
                self.on_room(*room);
                self.done(reply);
            }
            (Op::Done { reply }, Ok(ApiReply::Done)) => self.done(reply),
            (Op::LeaveRoom { reply, room_id }, Ok(ApiReply::Done | ApiReply::Room(_))) => {
                self.forget_room(room_id);
                self.done(reply);
            }
            (Op::PublicRooms { reply }, Ok(ApiReply::PublicRooms(rooms))) => {
                let rooms = rooms.into_iter().map(public_room).collect();
                self.emit(Effect::Reply(reply, Ok(Answer::PublicRooms(rooms))));
            }
            (Op::Invite { reply }, Ok(ApiReply::Invite(invite))) => {
                self.on_invite(reply, invite);
            }
            (Op::JoinByInvite { reply }, Ok(ApiReply::Room(room))) => {
                let room_id = room.id;
                self.on_room(*room);
                self.show_room(room_id);
                self.done(reply);
            }
            (Op::CallDetails { reply, call_id }, Ok(ApiReply::CallReports(reports))) => {
                self.on_call_reports(reply, call_id, reports);
            }
            (Op::Profile { reply }, Ok(ApiReply::Profile(profile))) => {
                self.on_profile(&profile);
                self.emit(Effect::Reply(reply, Ok(Answer::Profile(Box::new(profile_view(*profile))))));
            }
            (Op::ChangeProfile { reply }, Ok(ApiReply::Profile(profile))) => {
                self.on_profile(&profile);
                self.done(reply);
            }
            (Op::SignedInDevices { reply }, Ok(ApiReply::Devices(devices))) => {
                self.emit(Effect::Reply(reply, Ok(Answer::SignedInDevices(device_views(devices)))));
            }
            (Op::Quiet, Ok(_)) => {}
            (op, Ok(_)) => self.on_op_failed(id, op, CallFailure::Garbled, now),
        }
    }

    pub(super) fn on_request_done(&mut self, id: OpId, result: Result<Reply, CallFailure>, now: Now) {
        let Some(op) = self.ops.remove(&id) else { return };
        match (op, result) {
            (op, Err(failure)) => self.on_op_failed(id, op, failure, now),
            (Op::Send { .. }, Ok(Reply::Message { message })) => self.on_message(*message, now),
            (Op::SetReaction { reply, message_id, emoji, .. }, Ok(Reply::Message { message })) => {
                self.reacting.end(message_id, &emoji, id);
                self.on_message(*message, now);
                self.done(reply);
            }
            (Op::ChangeMessage { reply }, Ok(Reply::Message { message })) => {
                self.on_message(*message, now);
                self.done(reply);
            }
            (Op::JoinCall { reply, call_id }, Ok(Reply::Call { call, participant_id })) => {
                self.on_joined_call(call_id, *call, participant_id, now);
                if let Some(reply) = reply {
                    self.done(reply);
                }
            }
            (Op::Quiet, Ok(_)) => {}
            (op, Ok(_)) => self.on_op_failed(id, op, CallFailure::Garbled, now),
        }
    }

    fn on_op_failed(&mut self, id: OpId, op: Op, failure: CallFailure, now: Now) {
        let waits = op.reply();
        let error = named_error(&op, failure.clone());
        match op {
            Op::FetchLatest { room_id, .. } | Op::FetchChanges { room_id } => self.on_sync_failed(room_id),
            Op::FetchOlder { reply, room_id, before } => return self.on_older(reply, room_id, before, Err(failure)),
            Op::FetchNewer { reply, room_id, after } => return self.on_newer(reply, room_id, after, Err(failure)),
            Op::Fill { room_id } => self.on_fill_failed(room_id, &failure, now),
            Op::FetchReply { room_id, message_id } => match failure {
                CallFailure::Refused(_) | CallFailure::Garbled => self.on_reply_known(room_id, message_id, None),
                CallFailure::Offline | CallFailure::Lost => self.replies.forget(message_id),
            },
            Op::FetchThread { thread_id } => self.on_thread_failed(thread_id),
            Op::FindMoment { jump } | Op::FindMessage { jump } | Op::FetchAround { jump } => {
                self.on_jump_failed(jump, failure.clone());
            }
            Op::SetReaction { room_id, message_id, ref emoji, .. } => {
                self.reacting.end(message_id, emoji, id);
                self.touch_rooms([room_id]);
            }
            // Without the relay the disk has those that it keeps.
            Op::Pins { reply, room_id } if matches!(failure, CallFailure::Offline | CallFailure::Lost) => {
                return self.ask_disk(reply, ReadJob::Pins(room_id));
            }
            Op::SearchPeople { ref query, .. } => self.on_people_failed(query),
            Op::Send { room_id, client_id } => self.on_send_failed(room_id, client_id, failure.clone(), now),
            Op::JoinCall { call_id, .. } => self.on_join_failed(call_id, &failure, now),
            Op::SetNotify { room_id, level, before, .. } => self.on_notify_failed(room_id, level, before),
            Op::FetchRooms => {
                self.rooms.known = true;
                self.touch(Slice::Rooms);
            }
            Op::DeleteAccount { .. } => self.on_account_stays(),
            Op::Quiet
            | Op::LearnPeople
            | Op::Done { .. }
            | Op::SignIn { .. }
            | Op::SetFavourite { .. }
            | Op::SetBlocked { .. }
            | Op::Room { .. }
            | Op::LeaveRoom { .. }
            | Op::PublicRooms { .. }
            | Op::Invite { .. }
            | Op::Invites { .. }
            | Op::InviteInfo { .. }
            | Op::RelayInfo { .. }
            | Op::JoinByInvite { .. }
            | Op::JoinAsGuest { .. }
            | Op::SignUp { .. }
            | Op::ChangePassword { .. }
            | Op::CallDetails { .. }
            | Op::Search { .. }
            | Op::Versions { .. }
            | Op::Pins { .. }
            | Op::Profile { .. }
            | Op::ChangeProfile { .. }
            | Op::SignedInDevices { .. }
            | Op::ChangeMessage { .. } => {}
        }
        if let Some(reply) = waits {
            self.refuse(reply, error);
        }
    }

    pub(super) fn done(&mut self, reply: ReplyId) {
        self.emit(Effect::Reply(reply, Ok(Answer::Done)));
    }

    pub(super) fn refuse(&mut self, reply: ReplyId, error: CommandError) {
        self.emit(Effect::Reply(reply, Err(error)));
    }

    pub(super) fn no_room(&mut self, reply: ReplyId) {
        let code = parley_shared::view::CommandErrorCode::NotFound;
        self.refuse(reply, CommandError { code, ..not_now("You are not in this room.") });
    }
}

fn public_room(room: PublicRoom) -> PublicRoomItem {
    PublicRoomItem { id: room.id, name: room.name, topic: room.topic, member_count: room.member_count }
}
