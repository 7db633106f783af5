//! Questions: each is answered exactly once, at once or when the disk or the relay has answered.

use parley_shared::ids::{MessageId, RoomId};
use parley_shared::view::{MessageVersionView, Query, ReceiptsView};
use parley_shared::wire::{Message, MessageVersion};

use super::Core;
use super::eye::Near;
use super::failure::not_now;
use super::input::*;
use super::ops::Op;

impl Core {
    pub(super) fn on_query(&mut self, reply: ReplyId, query: Query) {
        match query {
            Query::Snapshot => {
                let snapshot = Box::new(self.snapshot());
                self.emit(Effect::Reply(reply, Ok(Answer::Snapshot(snapshot))));
            }
            Query::PublicRooms { query } => {
                self.ask_relay(reply, Op::PublicRooms { reply }, ApiCall::PublicRooms { query });
            }
            Query::CreateInvite { room_id, expires_in_s, max_uses } => {
                self.create_invite(reply, room_id, expires_in_s, max_uses);
            }
            Query::Invites { room_id } => {
                self.ask_relay(reply, Op::Invites { reply }, ApiCall::Invites(room_id));
            }
            Query::InviteInfo { link } => self.ask_invite_info(reply, &link),
            Query::Relay { relay_url } => self.ask_relay_info(reply, &relay_url),
            Query::CallDetails { call_id } => self.on_call_details_asked(reply, call_id),
            Query::Profile => self.ask_relay(reply, Op::Profile { reply }, ApiCall::Profile),
            Query::SignedInDevices => self.ask_relay(reply, Op::SignedInDevices { reply }, ApiCall::Devices),
            // The address of the pictures is the shell's.
            Query::Frames => self.refuse(reply, not_now("This client has no window.")),
            Query::Search { query, source, room_id, before, utc_offset_min } => {
                self.search(reply, query, source, room_id, before, utc_offset_min);
            }
            Query::MessageVersions { room_id, message_id } => {
                self.ask_relay(reply, Op::Versions { reply, room_id }, ApiCall::Versions(room_id, message_id));
            }
            Query::Receipts { room_id, message_id } => self.receipts(reply, room_id, message_id),
            Query::Pins { room_id } => self.pins(reply, room_id),
            Query::HistoryUsage if self.session.me().is_some() => self.ask_disk(reply, ReadJob::Usage),
            Query::HistoryUsage => self.refuse(reply, not_now("Nobody is signed in.")),
        }
    }

    fn pins(&mut self, reply: ReplyId, room_id: RoomId) {
        if !self.rooms.map.contains_key(&room_id) {
            return self.no_room(reply);
        }
        if self.is_online() {
            self.api(Op::Pins { reply, room_id }, ApiCall::Pins(room_id));
        } else {
            self.ask_disk(reply, ReadJob::Pins(room_id));
        }
    }

    /// Messages of a room as its members see them.
    pub(super) fn answer_messages(&mut self, reply: ReplyId, room_id: RoomId, messages: &[Message]) {
        let Some(room) = self.rooms.map.get(&room_id) else { return self.no_room(reply) };
        let eye = self.eye(room);
        let views = messages.iter().map(|message| eye.message(message, &Near::new())).collect();
        self.emit(Effect::Reply(reply, Ok(Answer::Messages(views))));
    }

    pub(super) fn on_versions(&mut self, reply: ReplyId, room_id: RoomId, versions: Vec<MessageVersion>) {
        let Some(room) = self.rooms.map.get(&room_id) else { return self.no_room(reply) };
        let eye = self.eye(room);
        let view = |version: MessageVersion| MessageVersionView {
            mentions: eye.mentions(&version.text),
            text: version.text,
            at_ms: version.at_ms,
        };
        let versions = versions.into_iter().map(view).collect();
        self.emit(Effect::Reply(reply, Ok(Answer::Versions(versions))));
    }

    /// Of a message that is on the screen: its place says who has it.
    fn receipts(&mut self, reply: ReplyId, room_id: RoomId, message_id: MessageId) {
        let Some(room) = self.rooms.map.get(&room_id) else { return self.no_room(reply) };
        let timeline = self.timeline.as_ref().filter(|timeline| timeline.room_id == room_id);
        let shown = timeline.and_then(|timeline| timeline.message(message_id));
        let shown = shown.or_else(|| self.thread.as_ref().and_then(|thread| thread.message(message_id)));
        let Some(seq) = shown.map(|message| message.seq) else {
            return self.refuse(reply, not_now("This message is not on the screen."));
        };
        let me = self.me();
        let mut view = ReceiptsView { read: Vec::new(), delivered: Vec::new(), waiting: Vec::new() };
        for member in room.room().members.iter().filter(|member| member.user.id != me) {
            let people = match member {
                member if member.read_seq >= seq => &mut view.read,
                member if member.delivered_seq >= seq => &mut view.delivered,
                _ => &mut view.waiting,
            };
            people.push(self.people.item(member.user.id));
        }
        self.emit(Effect::Reply(reply, Ok(Answer::Receipts(view))));
    }
}
