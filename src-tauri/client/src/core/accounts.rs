//! Becoming someone, with an account or as a guest, and ending it.

use parley_shared::limits::{DISPLAY_NAME_CHARS, PASSWORD_CHARS};
use parley_shared::view::CommandError;
use parley_shared::wire::{ChangePassword, DeleteAccount, ErrorCode, JoinAsGuest, Secret, SignIn, SignUp};

use super::Core;
use super::failure::{failure_to_error, invalid, not_now};
use super::input::*;
use super::invites::whole_link;
use super::links::{InviteLink, relay_url, same_relay};
use super::ops::Op;

/// A relay's own codes are what its keeper thought of.
const REGISTRATION_CODE_CHARS: usize = 256;

/// What the sign-up form holds beside the relay's address.
pub(super) struct NewAccount {
    pub display_name: String,
    pub email: String,
    pub password: String,
    pub registration_code: Option<String>,
}

impl Core {
    pub(super) fn sign_up(&mut self, reply: ReplyId, relay_url: &str, account: NewAccount) {
        let Some(relay_url) = self.before_sign_in(reply, relay_url) else { return };
        let registration_code = match registration_code(account.registration_code, &relay_url) {
            Ok(code) => code.map(Secret::new),
            Err(error) => return self.refuse(reply, error),
        };
        let body = SignUp {
            display_name: account.display_name,
            email: account.email,
            password: Secret::new(account.password),
            device_name: self.device_name.clone(),
            registration_code,
        };
        self.api(Op::SignUp { reply, relay_url: relay_url.clone() }, ApiCall::SignUp { relay_url, body });
    }

    pub(super) fn sign_in(&mut self, reply: ReplyId, relay_url: &str, email: String, password: String) {
        let Some(relay_url) = self.before_sign_in(reply, relay_url) else { return };
        let body = SignIn { email, password: Secret::new(password), device_name: self.device_name.clone() };
        self.api(Op::SignIn { reply, relay_url: relay_url.clone() }, ApiCall::SignIn { relay_url, body });
    }

    pub(super) fn join_as_guest(&mut self, reply: ReplyId, link: &str, display_name: &str) {
        if let Some(why) = self.why_no_sign_in() {
            return self.refuse(reply, not_now(why));
        }
        let display_name = display_name.trim();
        if !DISPLAY_NAME_CHARS.contains(&display_name.chars().count()) {
            return self.refuse(reply, invalid("display_name", "A name has 2 to 64 characters."));
        }
        let link = match InviteLink::parse(link, "code") {
            Ok(link) => link,
            Err(error) => return self.refuse(reply, error),
        };
        let Some(relay_url) = link.relay_url else { return self.refuse(reply, whole_link()) };
        let body = JoinAsGuest { display_name: display_name.to_owned(), device_name: self.device_name.clone() };
        let op = Op::JoinAsGuest { reply, relay_url: relay_url.clone() };
        self.api(op, ApiCall::JoinAsGuest { relay_url, code: link.code, body });
    }

    /// The relay's address as it is kept, or a refusal.
    fn before_sign_in(&mut self, reply: ReplyId, typed: &str) -> Option<String> {
        if let Some(why) = self.why_no_sign_in() {
            self.refuse(reply, not_now(why));
            return None;
        }
        match relay_url(typed, "relay_url") {
            Ok(relay_url) => Some(relay_url),
            Err(error) => {
                self.refuse(reply, error);
                None
            }
        }
    }

    pub(super) fn change_password(&mut self, reply: ReplyId, old_password: String, new_password: String) {
        if !PASSWORD_CHARS.contains(&new_password.chars().count()) {
            return self.refuse(reply, invalid("new_password", "A password has 8 to 128 characters."));
        }
        let body = ChangePassword { old_password: Secret::new(old_password), new_password: Secret::new(new_password) };
        self.ask_relay(reply, Op::ChangePassword { reply }, ApiCall::ChangePassword(body));
    }

    pub(super) fn delete_account(&mut self, reply: ReplyId, password: String) {
        if self.ops.values().any(|op| matches!(op, Op::DeleteAccount { .. })) {
            return self.refuse(reply, not_now("The account is being deleted."));
        }
        let body = DeleteAccount { password: Secret::new(password) };
        self.ask_relay(reply, Op::DeleteAccount { reply }, ApiCall::DeleteAccount(body));
    }
}

/// What a refusal of an operation on accounts or invites is about, where the relay names no field.
pub(super) fn named_error(op: &Op, failure: CallFailure) -> CommandError {
    let refused = match &failure {
        CallFailure::Refused(error) => Some(error.code),
        CallFailure::Offline | CallFailure::Lost | CallFailure::Garbled => None,
    };
    let field = match (op, refused) {
        (Op::SignUp { .. }, Some(ErrorCode::Forbidden)) => Some("registration_code"),
        (Op::ChangePassword { .. }, Some(ErrorCode::Forbidden)) => Some("old_password"),
        (Op::DeleteAccount { .. }, Some(ErrorCode::Forbidden)) => Some("password"),
        (
            Op::JoinAsGuest { .. } | Op::JoinByInvite { .. } | Op::InviteInfo { .. },
            Some(ErrorCode::NotFound | ErrorCode::Forbidden),
        ) => Some("code"),
        (_, _) => None,
    };
    let error = failure_to_error(failure);
    CommandError { field: error.field.or(field.map(str::to_owned)), ..error }
}

/// The code of what was typed: itself, or the end of a link of this relay.
fn registration_code(typed: Option<String>, relay_url: &str) -> Result<Option<String>, CommandError> {
    const FIELD: &str = "registration_code";
    let typed = typed.unwrap_or_default();
    let typed = typed.trim();
    if typed.is_empty() {
        return Ok(None);
    }
    if typed.contains("/invite/") {
        let link = InviteLink::parse(typed, FIELD)?;
        let elsewhere = link.relay_url.is_some_and(|of_link| !same_relay(&of_link, relay_url));
        return if elsewhere { Err(invalid(FIELD, "This invite is of another relay.")) } else { Ok(Some(link.code)) };
    }
    if typed.chars().count() > REGISTRATION_CODE_CHARS || typed.chars().any(char::is_control) {
        return Err(invalid(FIELD, "This is no code."));
    }
    Ok(Some(typed.to_owned()))
}
