//! Commands: each is answered exactly once, at once or when the relay has answered.

use parley_shared::ids::{RoomId, UserId};
use parley_shared::view::Command;
use parley_shared::wire::{AddMembers, ChangeMember, ChangeRoom, CreateRoom, Person, Request, RoomKind, Visibility};

use super::accounts::NewAccount;
use super::call::Entry;
use super::failure::invalid;
use super::input::*;
use super::messages::Written;
use super::ops::Op;
use super::{Core, LinkState, Slice};

impl Core {
    pub(super) fn on_command(&mut self, reply: ReplyId, command: Command, now: Now) {
        match command {
            Command::SignUp { relay_url, display_name, email, password, registration_code } => {
                let account = NewAccount { display_name, email, password, registration_code };
                self.sign_up(reply, &relay_url, account);
            }
            Command::JoinAsGuest { link, display_name } => self.join_as_guest(reply, &link, &display_name),
            Command::SignIn { relay_url, email, password } => self.sign_in(reply, &relay_url, email, password),
            Command::SignOut => self.sign_out(reply),
            Command::Unlock { passphrase } => self.unlock(reply, passphrase),
            Command::KeepSecrets { passphrase } => self.keep_secrets(reply, passphrase),
            Command::Reconnect => {
                if matches!(self.link, LinkState::Offline { .. }) {
                    self.emit(Effect::Reconnect);
                }
                self.done(reply);
            }
            Command::SearchPeople { query } => self.search_people(reply, query),
            Command::SetFavourite { user_id, favourite } => {
                self.ask_relay(
                    reply,
                    Op::SetFavourite { reply, user_id, favourite },
                    ApiCall::SetFavourite(user_id, favourite),
                );
            }
            Command::SetBlocked { user_id, blocked } => {
                self.ask_relay(
                    reply,
                    Op::SetBlocked { reply, user_id, blocked },
                    ApiCall::SetBlocked(user_id, blocked),
                );
            }
            Command::OpenDirect { user_id } => self.open_direct(reply, user_id),
            Command::CreateGroup { name, topic, visibility, members } => {
                let body = CreateRoom { kind: RoomKind::Group, name, topic, visibility, members, max_members: None };
                self.ask_relay(reply, Op::Room { reply, open: true }, ApiCall::CreateRoom(body));
            }
            Command::JoinRoom { room_id } => {
                self.ask_relay(reply, Op::Room { reply, open: true }, ApiCall::JoinRoom(room_id));
            }
            Command::JoinByInvite { code } => self.join_by_invite(reply, &code),
            Command::OpenRoom { room_id } => self.open_room(reply, room_id),
            Command::CloseRoom => self.close_room(reply),
            Command::RenameRoom { room_id, name, topic } => {
                self.change_room(
                    reply,
                    room_id,
                    ChangeRoom { name: Some(name), topic: Some(topic), ..ChangeRoom::default() },
                );
            }
            Command::ArchiveRoom { room_id, archived } => {
                self.change_room(reply, room_id, ChangeRoom { archived: Some(archived), ..ChangeRoom::default() });
            }
            Command::AddMembers { room_id, members } => {
                let call = ApiCall::AddMembers(room_id, AddMembers { members });
                self.ask_relay(reply, Op::Room { reply, open: false }, call);
            }
            Command::RemoveMember { room_id, user_id } => {
                // Removing answers with nothing; the room comes changed as an event.
                self.ask_relay(reply, Op::Done { reply }, ApiCall::RemoveMember(room_id, user_id));
            }
            Command::ChangeMember { room_id, user_id, role } => {
                let call = ApiCall::ChangeMember(room_id, user_id, ChangeMember { role });
                self.ask_relay(reply, Op::Room { reply, open: false }, call);
            }
            Command::SetGuests { room_id, guests } => {
                self.change_room(reply, room_id, ChangeRoom { guests: Some(guests), ..ChangeRoom::default() });
            }
            Command::RevokeInvite { room_id, invite_id } => {
                self.ask_relay(reply, Op::Done { reply }, ApiCall::RevokeInvite(room_id, invite_id));
            }
            Command::LeaveRoom { room_id } => {
                let me = self.me();
                self.ask_relay(reply, Op::LeaveRoom { reply, room_id }, ApiCall::RemoveMember(room_id, me));
            }
            Command::DeleteRoom { room_id } => {
                self.ask_relay(reply, Op::LeaveRoom { reply, room_id }, ApiCall::DeleteRoom(room_id));
            }
            Command::SendMessage { room_id, text, reply_to, thread_id, attachments } => {
                let written = Written { room_id, text, reply_to, thread_id, attachments };
                self.send_message(reply, written, now);
            }
            Command::RetryMessage { room_id, client_id } => self.retry_message(reply, room_id, client_id),
            Command::DiscardMessage { room_id, client_id } => self.discard_message(reply, room_id, client_id),
            Command::EditMessage { room_id, message_id, text } => {
                if self.needs_relay(reply) {
                    self.request(Op::ChangeMessage { reply }, Request::EditMessage { room_id, message_id, text });
                }
            }
            Command::DeleteMessage { room_id, message_id } => {
                if self.needs_relay(reply) {
                    self.request(Op::ChangeMessage { reply }, Request::DeleteMessage { room_id, message_id });
                }
            }
            Command::SetReaction { room_id, message_id, emoji, on } => {
                self.set_reaction(reply, room_id, message_id, emoji, on);
            }
            Command::SetPinned { room_id, message_id, pinned } => {
                if self.needs_relay(reply) {
                    self.request(Op::ChangeMessage { reply }, Request::SetPinned { room_id, message_id, pinned });
                }
            }
            Command::LoadNewer { room_id } => self.load_newer(reply, room_id),
            Command::JumpTo { room_id, to } => self.jump_to(reply, room_id, to),
            Command::OpenThread { room_id, message_id } => self.open_thread(reply, room_id, message_id),
            Command::CloseThread => self.close_thread(reply),
            Command::SetRetention { days } => self.set_retention(reply, days, now),
            Command::WipeHistory => self.wipe_history(reply, now),
            Command::LoadOlder { room_id } => self.load_older(reply, room_id),
            Command::MarkRead { room_id, seq } => self.mark_read(reply, room_id, seq),
            Command::SetTyping { room_id, typing } => self.set_typing(reply, room_id, typing, now),
            Command::SetDraft { room_id, text } => self.set_draft(reply, room_id, text),
            Command::StartCall { room_id, camera, muted } => {
                self.start_call(reply, room_id, Entry { camera, muted }, now)
            }
            Command::AcceptCall { camera, muted } => self.accept_call(reply, Entry { camera, muted }, now),
            Command::DeclineCall { reason } => self.decline_call(reply, reason),
            Command::HangUp => self.hang_up(reply, now),
            Command::SetMuted { muted } => self.set_muted(reply, muted),
            Command::SetCamera { on } => self.set_camera(reply, on),
            Command::SetVolume { participant_id, volume_pct } => self.set_volume(reply, participant_id, volume_pct),
            Command::WatchDevices { on } => self.watch_devices(reply, on),
            Command::ChooseDevice { kind, id } => self.choose_device(reply, kind, id),
            Command::StartPreview { camera } => self.start_preview(reply, camera),
            Command::StopPreview => self.stop_preview(reply),
            Command::PlayTestSound => {
                self.emit(Effect::Media(MediaCommand::PlayTestSound(self.usable_devices())));
                self.done(reply);
            }
            Command::SetJoinChoice { join } => {
                self.preferences.join = join;
                self.settings_changed(reply);
            }
            Command::SetVoice { voice } => {
                self.preferences.voice = voice;
                self.emit(Effect::Media(MediaCommand::SetVoice(voice)));
                self.settings_changed(reply);
            }
            Command::SetRelayOnly { relay_only } => {
                self.preferences.relay_only = relay_only;
                self.settings_changed(reply);
            }
            Command::SetAppearance { theme, accent, density } => {
                let preferences = &mut self.preferences;
                (preferences.theme, preferences.accent, preferences.density) = (theme, accent, density);
                self.settings_changed(reply);
            }
            Command::SetNotify { room_id, level } => self.set_notify(reply, room_id, level),
            Command::SetNotifications { enabled, show_text, sound } => {
                self.set_notifications(reply, enabled, show_text, sound);
            }
            Command::SetDoNotDisturb { do_not_disturb } => self.set_do_not_disturb(reply, do_not_disturb),
            Command::SetInFront { in_front } => self.set_in_front(reply, in_front),
            Command::SetLanguage { language } => {
                if language.len() > 35 || language.chars().any(|c| !c.is_ascii_alphanumeric() && c != '-') {
                    return self.refuse(reply, invalid("language", "This is no language tag."));
                }
                self.preferences.language = language;
                self.settings_changed(reply);
            }
            Command::DiscardFile { key } => self.discard_file(reply, key),
            Command::SetAvatar { key } => self.set_avatar(reply, None, key),
            Command::SetRoomAvatar { room_id, key } => self.set_avatar(reply, Some(room_id), key),
            Command::ChangeProfile { display_name, status_text, bio } => {
                self.change_profile(reply, &display_name, &status_text, &bio);
            }
            Command::RevokeDevice { device_id } => {
                self.ask_relay(reply, Op::Done { reply }, ApiCall::RevokeDevice(device_id));
            }
            Command::RevokeOtherDevices => self.ask_relay(reply, Op::Done { reply }, ApiCall::RevokeOtherDevices),
            Command::ChangePassword { old_password, new_password } => {
                self.change_password(reply, old_password, new_password);
            }
            Command::DeleteAccount { password } => self.delete_account(reply, password),
            Command::CancelExport => self.cancel_export(reply),
            Command::SetIdle { idle } => {
                self.emit(Effect::Idle(idle));
                self.done(reply);
            }
        }
    }

    pub(super) fn settings_changed(&mut self, reply: ReplyId) {
        self.save_preferences();
        self.touch(Slice::Settings);
        self.done(reply);
    }

    pub(super) fn ask_relay(&mut self, reply: ReplyId, op: Op, call: ApiCall) {
        if self.needs_relay(reply) {
            self.api(op, call);
        }
    }

    fn change_room(&mut self, reply: ReplyId, room_id: RoomId, body: ChangeRoom) {
        self.ask_relay(reply, Op::Room { reply, open: false }, ApiCall::ChangeRoom(room_id, body));
    }

    fn open_direct(&mut self, reply: ReplyId, user_id: UserId) {
        let me = self.me();
        let there = self.rooms.map.iter().find(|(_, room)| room.peer(me) == Some(user_id)).map(|(id, _)| *id);
        if let Some(room_id) = there {
            return self.open_room(reply, room_id);
        }
        let body = CreateRoom {
            kind: RoomKind::Direct,
            name: String::new(),
            topic: String::new(),
            visibility: Visibility::Private,
            members: vec![user_id],
            max_members: None,
        };
        self.ask_relay(reply, Op::Room { reply, open: true }, ApiCall::CreateRoom(body));
    }

    fn search_people(&mut self, reply: ReplyId, query: String) {
        if query.chars().count() > parley_shared::limits::QUERY_CHARS {
            return self.refuse(reply, invalid("query", "The search is too long."));
        }
        self.people.query = query.clone();
        self.people.loading = true;
        self.people.failed = false;
        self.touch(Slice::People);
        if self.needs_relay(reply) {
            self.api(Op::SearchPeople { reply: Some(reply), query: query.clone() }, ApiCall::People { query });
        } else {
            self.on_people_failed(&query);
        }
    }

    pub(super) fn on_people(&mut self, reply: Option<ReplyId>, query: &str, people: Vec<Person>) {
        // A later search is under way: its answer is what counts.
        if query == self.people.query {
            self.emit(Effect::Store(StoreJob::SavePeople(people.clone())));
            self.people.on_found(people);
            self.changed.extend([Slice::People, Slice::Rooms, Slice::Timeline]);
        }
        if let Some(reply) = reply {
            self.done(reply);
        }
    }

    pub(super) fn on_people_failed(&mut self, query: &str) {
        if query == self.people.query {
            self.people.loading = false;
            self.people.failed = true;
            self.touch(Slice::People);
        }
    }

    pub(super) fn mark_person(&mut self, user_id: UserId, mark: impl FnOnce(&mut Person)) {
        let Some(person) = self.people.person_mut(user_id) else { return };
        mark(person);
        let person = person.clone();
        self.emit(Effect::Store(StoreJob::SavePeople(vec![person])));
        self.changed.extend([Slice::People, Slice::Rooms, Slice::Timeline]);
    }
}
