//! Invites: into my rooms and to my relay, and what somebody else's invite is for.

use parley_shared::ids::RoomId;
use parley_shared::limits::ROOM_NAME_CHARS;
use parley_shared::view::{InviteInfoView, InviteView, RelayView};
use parley_shared::wire::{CreateInvite, Invite, InviteInfo};

use super::Core;
use super::failure::invalid;
use super::input::*;
use super::links::{InviteLink, relay_url, same_relay};
use super::ops::Op;

impl Core {
    pub(super) fn join_by_invite(&mut self, reply: ReplyId, link: &str) {
        match self.own_code(link) {
            Ok(code) => self.ask_relay(reply, Op::JoinByInvite { reply }, ApiCall::AcceptInvite(code)),
            Err(error) => self.refuse(reply, error),
        }
    }

    /// The code of an invite of the relay that is signed in to.
    fn own_code(&self, link: &str) -> Result<String, parley_shared::view::CommandError> {
        let link = InviteLink::parse(link, "code")?;
        match (link.relay_url, self.session.relay_url()) {
            (Some(of_link), Some(mine)) if !same_relay(&of_link, mine) => {
                Err(invalid("code", "This invite is of another relay than the one that you are signed in to."))
            }
            (Some(_) | None, _) => Ok(link.code),
        }
    }

    pub(super) fn create_invite(
        &mut self,
        reply: ReplyId,
        room_id: Option<RoomId>,
        expires_in_s: Option<u32>,
        max_uses: Option<u32>,
    ) {
        for (field, bound) in [("expires_in_s", expires_in_s), ("max_uses", max_uses)] {
            if bound == Some(0) {
                return self.refuse(reply, invalid(field, "An invite that nobody can use is none."));
            }
        }
        let body = CreateInvite { expires_in_s, max_uses };
        self.ask_relay(reply, Op::Invite { reply }, ApiCall::CreateInvite(room_id, body));
    }

    pub(super) fn on_invite(&mut self, reply: ReplyId, invite: Invite) {
        let view = self.invite_view(invite);
        self.emit(Effect::Reply(reply, Ok(Answer::Invite(Box::new(view)))));
    }

    pub(super) fn on_invites(&mut self, reply: ReplyId, invites: Vec<Invite>) {
        let mut views: Vec<InviteView> = invites.into_iter().map(|invite| self.invite_view(invite)).collect();
        views.sort_by_key(|view| (std::cmp::Reverse(view.created_at_ms), view.id));
        self.emit(Effect::Reply(reply, Ok(Answer::Invites(views))));
    }

    fn invite_view(&self, invite: Invite) -> InviteView {
        let Invite { id, code, created_at_ms, expires_at_ms, max_uses, uses } = invite;
        let link = InviteLink::of(self.session.relay_url().unwrap_or_default(), &code);
        InviteView { id, link, created_at_ms, expires_at_ms, max_uses, uses }
    }

    /// Signed in or not: it is asked without a token.
    pub(super) fn ask_invite_info(&mut self, reply: ReplyId, link: &str) {
        let link = match InviteLink::parse(link, "code") {
            Ok(link) => link,
            Err(error) => return self.refuse(reply, error),
        };
        let Some(relay_url) = link.relay_url.or_else(|| self.session.relay_url().map(str::to_owned)) else {
            return self.refuse(reply, whole_link());
        };
        let op = Op::InviteInfo { reply, relay_url: relay_url.clone(), code: link.code.clone() };
        self.api(op, ApiCall::InviteInfo { relay_url, code: link.code });
    }

    pub(super) fn on_invite_info(&mut self, reply: ReplyId, relay_url: String, code: String, info: InviteInfo) {
        let view = match info {
            InviteInfo::Room { name, member_count, guests } => {
                // A stranger's relay says what it likes.
                let name = name.chars().filter(|c| !c.is_control()).take(ROOM_NAME_CHARS).collect();
                InviteInfoView::Room { relay_url, name, member_count, guests }
            }
            InviteInfo::Registration => InviteInfoView::Registration { relay_url, code },
        };
        self.emit(Effect::Reply(reply, Ok(Answer::InviteInfo(view))));
    }

    /// Signed in or not: it is asked without a token.
    pub(super) fn ask_relay_info(&mut self, reply: ReplyId, typed: &str) {
        match relay_url(typed, "relay_url") {
            Ok(relay_url) => self.api(Op::RelayInfo { reply }, ApiCall::Relay { relay_url }),
            Err(error) => self.refuse(reply, error),
        }
    }

    pub(super) fn on_relay_info(&mut self, reply: ReplyId, info: &parley_shared::wire::RelayInfo) {
        let view = RelayView { registration: info.registration };
        self.emit(Effect::Reply(reply, Ok(Answer::Relay(view))));
    }
}

pub(super) fn whole_link() -> parley_shared::view::CommandError {
    invalid("code", "The whole link is needed: it names the relay.")
}
