//! Who is signed in, and the link to the relay.

use std::time::Duration;

use parley_shared::ids::UserId;
use parley_shared::view::{
    CommandErrorCode, ConnectionView, HistoryProtection, Me, NoticeKind, SecretKeeping, SessionView,
};
use parley_shared::wire::User;

use super::failure::{error, not_now};
use super::input::*;
use super::ops::Op;
use super::outbox::Outbox;
use super::people::People;
use super::preferences::{Account, Keeping, Preferences};
use super::rooms::Rooms;
use super::{Core, LinkState, Slice};

type Wire = parley_shared::wire::Session;

/// ```text
/// Starting --> Locked --> SignedOut <--> Opening --> SignedIn
///     `---------------------^ `------------^  `--> SignedOut
/// ```
#[derive(Debug)]
pub(super) struct Session {
    phase: Phase,
    pub(super) keeping: SecretKeeping,
    /// Why the person is signed out, when it was not by their own hand.
    reason: Option<String>,
    /// Who waits for secrets or for the disk.
    waiting: Option<ReplyId>,
    /// A guest came by an invite: the one room of theirs is shown as soon as it is known.
    pub(super) shows_first_room: bool,
    /// The relay ended the session while the account was being deleted; revoked or expired.
    ended_meanwhile: Option<bool>,
}

#[derive(Debug)]
enum Phase {
    Starting,
    Locked {
        wrong: bool,
    },
    SignedOut,
    /// Tokens are here; the local history is being opened.
    Opening {
        account: Account,
        session: Box<Wire>,
    },
    SignedIn {
        account: Account,
        user: User,
    },
}

impl Default for Session {
    fn default() -> Self {
        Self {
            phase: Phase::Starting,
            keeping: SecretKeeping::Undecided,
            reason: None,
            waiting: None,
            shows_first_room: false,
            ended_meanwhile: None,
        }
    }
}

impl Session {
    pub(super) fn me(&self) -> Option<UserId> {
        match &self.phase {
            Phase::SignedIn { user, .. } => Some(user.id),
            Phase::Starting | Phase::Locked { .. } | Phase::SignedOut | Phase::Opening { .. } => None,
        }
    }

    pub(super) fn is_opening(&self) -> bool {
        matches!(self.phase, Phase::Opening { .. })
    }

    /// The relay that is signed in to.
    pub(super) fn relay_url(&self) -> Option<&str> {
        match &self.phase {
            Phase::SignedIn { account, .. } => Some(&account.relay_url),
            Phase::Starting | Phase::Locked { .. } | Phase::SignedOut | Phase::Opening { .. } => None,
        }
    }
}

impl Core {
    pub(super) fn on_started(&mut self, preferences: Preferences) {
        let job = SecretsJob::Load { account: preferences.account.clone(), keeping: preferences.keeping };
        self.preferences = preferences;
        self.emit(Effect::Secrets(job));
        self.changed.extend([Slice::Session, Slice::Settings, Slice::Devices]);
    }

    pub(super) fn on_secrets(&mut self, answer: SecretsAnswer) {
        match answer {
            SecretsAnswer::Ready { keeping, found } => {
                self.session.keeping = keeping;
                match (found, self.preferences.account.clone()) {
                    (Some(session), Some(account)) => self.open(account, session),
                    (Some(_), None) | (None, _) => self.session.phase = Phase::SignedOut,
                }
            }
            SecretsAnswer::Locked { wrong } => {
                self.session.phase = Phase::Locked { wrong };
                if let Some(reply) = self.session.waiting.take() {
                    let wrong = error(CommandErrorCode::Forbidden, "This passphrase does not open the file.");
                    self.emit(Effect::Reply(reply, Err(wrong)));
                }
            }
            SecretsAnswer::HistoryKey { key, protection } => {
                if let Phase::Opening { account, .. } = &self.session.phase {
                    let account = account.clone();
                    self.history_protection = protection;
                    self.emit(Effect::OpenStore { account, key, protection });
                }
            }
            SecretsAnswer::Kept(Ok(keeping)) => {
                self.session.keeping = keeping;
                if self.history_protection != HistoryProtection::None {
                    self.history_protection = match keeping {
                        SecretKeeping::Keyring => HistoryProtection::Keyring,
                        SecretKeeping::EncryptedFile => HistoryProtection::Passphrase,
                        SecretKeeping::AskEachTime | SecretKeeping::Undecided => HistoryProtection::Session,
                    };
                }
                self.preferences.keeping = match keeping {
                    SecretKeeping::EncryptedFile => Keeping::EncryptedFile,
                    SecretKeeping::AskEachTime => Keeping::AskEachTime,
                    SecretKeeping::Keyring | SecretKeeping::Undecided => Keeping::Undecided,
                };
                self.save_preferences();
                self.answer_waiting(Ok(Answer::Done));
            }
            SecretsAnswer::Kept(Err(why)) => {
                self.answer_waiting(Err(error(CommandErrorCode::Storage, &why)));
            }
            SecretsAnswer::SaveFailed => self.emit(Effect::notice(NoticeKind::Warning, "session_not_kept", None)),
        }
        self.changed.extend([Slice::Session, Slice::Settings]);
    }

    fn answer_waiting(&mut self, answer: Result<Answer, parley_shared::view::CommandError>) {
        if let Some(reply) = self.session.waiting.take() {
            self.emit(Effect::Reply(reply, answer));
        }
    }

    pub(super) fn unlock(&mut self, reply: ReplyId, passphrase: String) {
        let (Phase::Locked { .. }, Some(account)) = (&self.session.phase, self.preferences.account.clone()) else {
            return self.refuse(reply, not_now("Nothing is locked."));
        };
        if let Some(earlier) = self.session.waiting.replace(reply) {
            self.refuse(earlier, not_now("Another passphrase is being tried."));
        }
        self.emit(Effect::Secrets(SecretsJob::Unlock { account, passphrase }));
    }

    pub(super) fn keep_secrets(&mut self, reply: ReplyId, passphrase: Option<String>) {
        if matches!(self.session.phase, Phase::Starting | Phase::Locked { .. }) || self.session.waiting.is_some() {
            return self.refuse(reply, not_now("Parley is still opening."));
        }
        if passphrase.as_ref().is_some_and(|text| text.chars().count() < 8) {
            return self
                .refuse(reply, super::failure::invalid("passphrase", "A passphrase has at least 8 characters."));
        }
        self.session.waiting = Some(reply);
        self.emit(Effect::Secrets(SecretsJob::Keep { passphrase }));
    }

    /// None when somebody may sign in.
    pub(super) fn why_no_sign_in(&self) -> Option<&'static str> {
        match self.session.phase {
            Phase::SignedOut => None,
            Phase::Starting => Some("Parley is still starting."),
            Phase::Locked { .. } => Some("Unlock Parley first."),
            Phase::Opening { .. } | Phase::SignedIn { .. } => Some("Somebody is signed in already."),
        }
    }

    pub(super) fn on_signed_in(&mut self, reply: ReplyId, relay_url: String, session: Box<Wire>) {
        if !matches!(self.session.phase, Phase::SignedOut) {
            return self.refuse(reply, not_now("Somebody is signed in already."));
        }
        let account = Account { relay_url: relay_url.clone(), user_id: session.user.id };
        self.preferences.relay_url = relay_url;
        self.preferences.account = Some(account.clone());
        self.save_preferences();
        self.emit(Effect::Secrets(SecretsJob::Save { account: account.clone(), session: session.clone() }));
        self.session.waiting = Some(reply);
        self.open(account, session);
    }

    fn open(&mut self, account: Account, session: Box<Wire>) {
        self.emit(Effect::Secrets(SecretsJob::HistoryKey { account: account.clone() }));
        self.session.phase = Phase::Opening { account, session };
    }

    pub(super) fn on_store_opened(&mut self, cached: Option<Cached>) {
        let Phase::Opening { account, session } = std::mem::replace(&mut self.session.phase, Phase::SignedOut) else {
            return;
        };
        let Some(cached) = cached else {
            self.session.reason = Some("storage".to_owned());
            self.answer_waiting(Err(error(CommandErrorCode::Storage, "The local history cannot be opened.")));
            return self.touch(Slice::Session);
        };
        if cached.lost {
            self.emit(Effect::notice(NoticeKind::Warning, "history_unreadable", None));
        }
        let user = session.user.clone();
        self.rooms = Rooms::load(cached.rooms);
        self.people = People::load(cached.people);
        let members: Vec<User> = self
            .rooms
            .map
            .values()
            .flat_map(|room| room.room().members.iter().map(|member| member.user.clone()))
            .collect();
        for member in members.iter().chain([&user]) {
            self.people.upsert_user(member);
        }
        self.notifications.open(&self.rooms);
        self.outbox = Outbox::load(cached.outbox);
        self.sweep_drafts();
        self.link = LinkState::Connecting;
        self.session.reason = None;
        self.emit(Effect::StartLink { relay_url: account.relay_url.clone(), session });
        self.session.phase = Phase::SignedIn { account, user };
        self.answer_waiting(Ok(Answer::Done));
        self.changed.extend([Slice::Session, Slice::Connection, Slice::Rooms, Slice::People, Slice::Timeline]);
    }

    pub(super) fn sign_out(&mut self, reply: ReplyId) {
        match &self.session.phase {
            Phase::SignedIn { account, .. } => {
                let account = account.clone();
                self.api(Op::Quiet, ApiCall::SignOut);
                self.emit(Effect::Secrets(SecretsJob::Forget { account, history: true }));
                self.leave_account(None, true);
            }
            Phase::Locked { .. } => {
                if let Some(account) = self.preferences.account.take() {
                    self.emit(Effect::Secrets(SecretsJob::Forget { account, history: true }));
                }
                self.session.phase = Phase::SignedOut;
                self.save_preferences();
                self.touch(Slice::Session);
            }
            Phase::Starting | Phase::Opening { .. } | Phase::SignedOut => {
                return self.refuse(reply, not_now("Nobody is signed in."));
            }
        }
        self.done(reply);
    }

    /// The relay ended the session. The history stays for when the same person comes back.
    fn on_signed_out(&mut self, revoked: bool) {
        // A relay that deletes an account ends its sessions, perhaps before it answers: the answer says which of both it was.
        if self.ops.values().any(|op| matches!(op, Op::DeleteAccount { .. })) {
            self.session.ended_meanwhile = Some(revoked);
            return;
        }
        let Phase::SignedIn { account, .. } = &self.session.phase else { return };
        let account = account.clone();
        self.emit(Effect::Secrets(SecretsJob::Forget { account, history: false }));
        self.leave_account(Some(if revoked { "revoked" } else { "expired" }), false);
    }

    pub(super) fn on_account_deleted(&mut self, reply: ReplyId) {
        if let Phase::SignedIn { account, .. } = &self.session.phase {
            let account = account.clone();
            self.emit(Effect::Secrets(SecretsJob::Forget { account, history: true }));
            self.leave_account(Some("deleted"), true);
        }
        self.done(reply);
    }

    pub(super) fn on_account_stays(&mut self) {
        if let Some(revoked) = self.session.ended_meanwhile.take() {
            self.on_signed_out(revoked);
        }
    }

    fn leave_account(&mut self, reason: Option<&str>, wipe: bool) {
        self.drop_call();
        self.drop_uploads();
        self.drop_export();
        self.emit(Effect::StopLink);
        self.emit(Effect::CloseStore { wipe });
        for (_, op) in std::mem::take(&mut self.ops) {
            if let Some(reply) = op.reply() {
                self.refuse(reply, not_now("You are signed out."));
            }
        }
        for reply in std::mem::take(&mut self.asked_disk) {
            self.refuse(reply, not_now("You are signed out."));
        }
        self.cancel_jump();
        self.preferences.account = None;
        self.preferences.history_wiped_at_ms = None;
        self.save_preferences();
        self.session.phase = Phase::SignedOut;
        self.session.reason = reason.map(str::to_owned);
        self.session.shows_first_room = false;
        self.session.ended_meanwhile = None;
        self.link = LinkState::Idle;
        self.forget_all_notified();
        self.rooms = Rooms::default();
        self.people = People::default();
        self.outbox = Outbox::default();
        self.timeline = None;
        self.thread = None;
        self.replies = super::Replies::default();
        self.reacting = super::Reacting::default();
        self.fill = super::Fill::default();
        self.history_protection = HistoryProtection::None;
        self.to_sync.clear();
        self.syncing.clear();
        self.to_deliver.clear();
        self.deliver_at = None;
        self.changed.extend([Slice::Session, Slice::Connection, Slice::Rooms, Slice::People, Slice::Settings]);
        self.changed.extend([Slice::Timeline, Slice::Thread]);
    }

    pub(super) fn on_link(&mut self, event: LinkEvent, now: Now) {
        match event {
            LinkEvent::Connecting => self.set_link(LinkState::Connecting),
            LinkEvent::Welcome(welcome) => self.on_welcome(*welcome, now),
            LinkEvent::Event(event) => self.on_event(*event, now),
            LinkEvent::Hint(hint) => self.on_hint(hint, now),
            LinkEvent::RequestDone(op, result) => self.on_request_done(op, result, now),
            LinkEvent::Offline { retry_in } => {
                let retry_at = now.clock + retry_in;
                self.set_link(LinkState::Offline { retry_at, shown_s: seconds_up(retry_in) });
                self.people.all_offline();
                self.changed.extend([Slice::People, Slice::Rooms, Slice::Timeline]);
            }
            LinkEvent::SignedOut { revoked } => self.on_signed_out(revoked),
            LinkEvent::UnsupportedVersion => {
                self.emit(Effect::notice(NoticeKind::Error, "unsupported_version", None));
            }
        }
    }

    pub(super) fn set_link(&mut self, link: LinkState) {
        if self.session.me().is_some() && self.link != link {
            self.link = link;
            self.touch(Slice::Connection);
        }
    }

    /// Nothing is left to count down: the next try is due.
    pub(super) fn countdown_over(&self) -> bool {
        matches!(self.link, LinkState::Offline { shown_s: 0, .. })
    }

    /// The seconds to the next try, as they are shown.
    pub(super) fn count_down(&mut self, now: Now) {
        let LinkState::Offline { retry_at, shown_s } = self.link else { return };
        let left = seconds_up(retry_at.saturating_sub(now.clock));
        if left != shown_s {
            self.set_link(LinkState::Offline { retry_at, shown_s: left });
        }
    }

    pub(super) fn set_my_user(&mut self, user: &User) {
        if let Phase::SignedIn { user: mine, .. } = &mut self.session.phase
            && mine.id == user.id
            && mine != user
        {
            *mine = user.clone();
            self.touch(Slice::Session);
        }
    }

    pub(super) fn save_preferences(&mut self) {
        self.emit(Effect::SavePreferences(Box::new(self.preferences.clone())));
    }

    pub(super) fn session_view(&self) -> SessionView {
        match &self.session.phase {
            Phase::Starting => SessionView::Starting,
            Phase::Locked { wrong } => SessionView::Locked { wrong: *wrong },
            // A sign-in shows its progress on the sign-in screen; a start goes on as a start.
            Phase::Opening { .. } if self.session.waiting.is_none() => SessionView::Starting,
            Phase::SignedOut | Phase::Opening { .. } => SessionView::SignedOut {
                relay_url: self.preferences.relay_url.clone(),
                keeping: self.session.keeping,
                reason: self.session.reason.clone(),
            },
            Phase::SignedIn { account, user } => SessionView::SignedIn {
                relay_url: account.relay_url.clone(),
                me: Me {
                    user_id: user.id,
                    display_name: user.display_name.clone(),
                    role: user.role,
                    avatar: user.avatar,
                    status_text: user.status_text.clone(),
                },
            },
        }
    }

    /// Refuses when the relay is away or nobody is signed in.
    pub(super) fn needs_relay(&mut self, reply: ReplyId) -> bool {
        if self.session.me().is_none() {
            self.refuse(reply, not_now("Nobody is signed in."));
            return false;
        }
        if matches!(self.connection_view(), ConnectionView::Offline { .. }) {
            self.refuse(reply, error(CommandErrorCode::Offline, "The relay does not answer."));
            return false;
        }
        true
    }
}

fn seconds_up(time: Duration) -> u32 {
    u32::try_from(time.as_millis().div_ceil(1000)).unwrap_or(u32::MAX)
}
