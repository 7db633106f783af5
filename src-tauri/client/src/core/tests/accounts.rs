//! Accounts, guests and invites.

use super::*;

const LINK: &str = "https://other.example/invite/aBc-9";

fn signed_out() -> Desk {
    let mut desk = Desk::new();
    desk.feed(Input::Started(Box::default()));
    desk.feed(Input::Secrets(SecretsAnswer::Ready { keeping: SecretKeeping::Undecided, found: None }));
    desk
}

impl Desk {
    fn query(&mut self, query: Query) -> ReplyId {
        let id = ReplyId(10_000 + u64::try_from(self.effects.len()).expect("few effects"));
        self.feed(Input::Query(id, query));
        id
    }

    fn error(&self, id: ReplyId) -> Option<CommandError> {
        self.effects.iter().find_map(|effect| match effect {
            Effect::Reply(reply, Err(error)) if *reply == id => Some(error.clone()),
            _ => None,
        })
    }

    fn field(&self, id: ReplyId) -> Option<String> {
        self.error(id)?.field
    }

    fn json(&self, id: ReplyId) -> serde_json::Value {
        let answer = self.effects.iter().find_map(|effect| match effect {
            Effect::Reply(reply, Ok(answer)) if *reply == id => Some(answer),
            _ => None,
        });
        serde_json::to_value(answer.expect("it is answered")).expect("answers are JSON")
    }

    fn refuse(&mut self, op: OpId, code: ErrorCode) {
        self.feed(Input::ApiDone(op, Err(CallFailure::Refused(WireError::new(code, "No.")))));
    }

    fn wiped(&self) -> bool {
        self.effects.iter().any(|effect| matches!(effect, Effect::CloseStore { wipe: true }))
    }

    fn reason(&self) -> Option<String> {
        match self.core.snapshot().session {
            SessionView::SignedOut { reason, .. } => reason,
            SessionView::Starting | SessionView::Locked { .. } | SessionView::SignedIn { .. } => None,
        }
    }
}

fn sign_up(registration_code: Option<&str>) -> Command {
    Command::SignUp {
        relay_url: "https://other.example".to_owned(),
        display_name: "Jo".to_owned(),
        email: "jo@example.org".to_owned(),
        password: "12345678".to_owned(),
        registration_code: registration_code.map(str::to_owned),
    }
}

#[test]
fn a_registration_code_is_a_code_or_a_link_that_ends_in_one() {
    for (typed, sent) in [
        (None, None),
        (Some("  "), None),
        (Some(" come in, friend "), Some("come in, friend")),
        (Some(LINK), Some("aBc-9")),
        (Some("https://OTHER.example:443/invite/aBc-9/"), Some("aBc-9")),
    ] {
        let mut desk = signed_out();
        desk.command(sign_up(typed));
        desk.api_op(|call| match call {
            ApiCall::SignUp { body, .. } => body.registration_code.as_ref().map(Secret::reveal) == sent,
            _ => false,
        });
    }
}

#[test]
fn a_registration_code_of_another_relay_is_refused() {
    let mut desk = signed_out();
    let answer = desk.command(sign_up(Some("https://evil.example/invite/aBc-9")));
    assert_eq!(desk.field(answer).as_deref(), Some("registration_code"));
    assert!(desk.try_api_op(|call| matches!(call, ApiCall::SignUp { .. })).is_none());
}

#[test]
fn a_relay_that_wants_another_code_names_the_field() {
    let mut desk = signed_out();
    let answer = desk.command(sign_up(Some("wrong")));
    let op = desk.api_op(|call| matches!(call, ApiCall::SignUp { .. }));
    desk.refuse(op, ErrorCode::Forbidden);
    assert_eq!(desk.field(answer).as_deref(), Some("registration_code"));
}

#[test]
fn a_guest_joins_by_a_link_and_sees_the_room() {
    let mut desk = signed_out();
    let answer = desk.command(Command::JoinAsGuest { link: LINK.to_owned(), display_name: "  Jo ".to_owned() });
    let op = desk.api_op(|call| match call {
        ApiCall::JoinAsGuest { relay_url, code, body } => {
            (relay_url.as_str(), code.as_str(), body.display_name.as_str()) == ("https://other.example", "aBc-9", "Jo")
        }
        _ => false,
    });
    desk.feed(Input::ApiDone(op, Ok(ApiReply::Session(Box::new(wire_session())))));
    assert!(desk.effects.iter().any(|effect| matches!(effect, Effect::Secrets(SecretsJob::Save { .. }))));
    desk.feed(Input::StoreOpened(Some(Box::default())));
    assert_eq!(desk.answer(answer), Some(Ok(())));
    desk.feed(welcome(false, Vec::new()));
    let rooms = desk.api_op(|call| matches!(call, ApiCall::Rooms));
    desk.feed(Input::ApiDone(rooms, Ok(ApiReply::Rooms(vec![direct_room()]))));
    assert_eq!(desk.timeline().room.id, ROOM);
    assert!(
        matches!(desk.core.snapshot().session, SessionView::SignedIn { relay_url, .. } if relay_url == "https://other.example")
    );
}

#[test]
fn a_guest_without_a_whole_link_a_name_or_a_free_app_is_refused() {
    for (link, name, field) in [
        ("aBc-9", "Jo", "code"),
        ("https://x", "Jo", "code"),
        ("ftp://x/invite/a", "Jo", "code"),
        (LINK, "J", "display_name"),
    ] {
        let mut desk = signed_out();
        let answer = desk.command(Command::JoinAsGuest { link: link.to_owned(), display_name: name.to_owned() });
        assert_eq!(desk.field(answer).as_deref(), Some(field), "{link}");
    }
    let mut desk = Desk::online();
    let answer = desk.command(Command::JoinAsGuest { link: LINK.to_owned(), display_name: "Jo".to_owned() });
    assert_eq!(desk.answer(answer), Some(Err(CommandErrorCode::NotNow)));
}

#[test]
fn an_invite_that_takes_no_guests_names_its_field() {
    let mut desk = signed_out();
    let answer = desk.command(Command::JoinAsGuest { link: LINK.to_owned(), display_name: "Jo".to_owned() });
    let op = desk.api_op(|call| matches!(call, ApiCall::JoinAsGuest { .. }));
    desk.refuse(op, ErrorCode::Forbidden);
    assert_eq!(desk.field(answer).as_deref(), Some("code"));
}

#[test]
fn an_invite_of_another_relay_is_not_taken_for_one_of_mine() {
    let mut desk = Desk::online();
    let answer = desk.command(Command::JoinByInvite { code: LINK.to_owned() });
    let error = desk.error(answer).unwrap();
    assert_eq!((error.code, error.field.as_deref()), (CommandErrorCode::InvalidArgument, Some("code")));
    assert!(error.message.contains("another relay"), "{}", error.message);
    for mine in ["http://relay/invite/aBc-9", "HTTP://Relay:80/invite/aBc-9/", "aBc-9"] {
        let answer = desk.command(Command::JoinByInvite { code: mine.to_owned() });
        let op = desk.api_op(|call| matches!(call, ApiCall::AcceptInvite(code) if code == "aBc-9"));
        desk.feed(Input::ApiDone(op, Ok(ApiReply::Room(Box::new(direct_room())))));
        assert_eq!(desk.answer(answer), Some(Ok(())), "{mine}");
        assert_eq!(desk.timeline().room.id, ROOM);
        desk.effects.clear();
    }
}

#[test]
fn what_an_invite_and_a_relay_are_is_told_also_to_who_is_signed_out() {
    let mut desk = signed_out();
    let relay = desk.query(Query::Relay { relay_url: "Other.example/".to_owned() });
    let op = desk.api_op(|call| matches!(call, ApiCall::Relay { relay_url } if relay_url == "https://other.example"));
    desk.feed(Input::ApiDone(op, Ok(ApiReply::Relay(RelayInfo { registration: Registration::Invite }))));
    assert_eq!(desk.json(relay), serde_json::json!({ "registration": "invite" }));

    let invite = desk.query(Query::InviteInfo { link: LINK.to_owned() });
    let op = desk.api_op(|call| matches!(call, ApiCall::InviteInfo { code, .. } if code == "aBc-9"));
    let name = format!("{}\u{7}", "ü".repeat(200));
    desk.feed(Input::ApiDone(op, Ok(ApiReply::InviteInfo(InviteInfo::Room { name, member_count: 3, guests: true }))));
    let told = desk.json(invite);
    assert_eq!((&told["relay_url"], &told["guests"]), (&"https://other.example".into(), &true.into()));
    assert_eq!(told["name"].as_str().unwrap().chars().count(), parley_shared::limits::ROOM_NAME_CHARS);

    let bare = desk.query(Query::InviteInfo { link: "aBc-9".to_owned() });
    assert_eq!(desk.field(bare).as_deref(), Some("code"), "nobody is signed in to say of which relay");
}

#[test]
fn a_bare_code_is_one_of_my_relay() {
    let mut desk = Desk::online();
    let invite = desk.query(Query::InviteInfo { link: "aBc-9".to_owned() });
    let op = desk.api_op(|call| matches!(call, ApiCall::InviteInfo { relay_url, .. } if relay_url == "http://relay"));
    desk.feed(Input::ApiDone(op, Ok(ApiReply::InviteInfo(InviteInfo::Registration))));
    let told = serde_json::json!({ "type": "registration", "relay_url": "http://relay", "code": "aBc-9" });
    assert_eq!(desk.json(invite), told);
}

#[test]
fn invites_are_links_the_newest_first() {
    let mut desk = Desk::online();
    let invite = |byte: u8, created: i64| Invite {
        id: InviteId::from_bytes([byte; 16]),
        code: format!("code{byte}"),
        created_at_ms: UnixMs(created),
        expires_at_ms: None,
        max_uses: Some(5),
        uses: 1,
    };
    let list = desk.query(Query::Invites { room_id: Some(ROOM) });
    let op = desk.api_op(|call| matches!(call, ApiCall::Invites(Some(ROOM))));
    desk.feed(Input::ApiDone(op, Ok(ApiReply::Invites(vec![invite(1, 10), invite(2, 20)]))));
    let links = desk.json(list);
    assert_eq!(links[0]["link"], "http://relay/invite/code2");
    assert_eq!(links[1]["link"], "http://relay/invite/code1");

    let made = desk.query(Query::CreateInvite { room_id: None, expires_in_s: Some(60), max_uses: Some(2) });
    let op = desk.api_op(|call| match call {
        ApiCall::CreateInvite(None, body) => (body.expires_in_s, body.max_uses) == (Some(60), Some(2)),
        _ => false,
    });
    desk.feed(Input::ApiDone(op, Ok(ApiReply::Invite(invite(3, 30)))));
    assert_eq!(desk.json(made)["link"], "http://relay/invite/code3");

    let never = desk.query(Query::CreateInvite { room_id: None, expires_in_s: None, max_uses: Some(0) });
    assert_eq!(desk.field(never).as_deref(), Some("max_uses"));

    let invite_id = InviteId::from_bytes([3; 16]);
    let revoked = desk.command(Command::RevokeInvite { room_id: None, invite_id });
    let op = desk.api_op(|call| matches!(call, ApiCall::RevokeInvite(None, id) if *id == invite_id));
    desk.feed(Input::ApiDone(op, Ok(ApiReply::Done)));
    assert_eq!(desk.answer(revoked), Some(Ok(())));
}

#[test]
fn guests_and_roles_are_changed_and_shown() {
    let mut desk = Desk::online();
    desk.open_room(Vec::new());
    let answer = desk.command(Command::SetGuests { room_id: ROOM, guests: true });
    let op = desk.api_op(|call| matches!(call, ApiCall::ChangeRoom(ROOM, body) if body.guests == Some(true)));
    desk.feed(Input::ApiDone(op, Ok(ApiReply::Room(Box::new(Room { guests: true, ..direct_room() })))));
    assert_eq!(desk.answer(answer), Some(Ok(())));
    assert!(desk.timeline().room.guests);

    desk.command(Command::ChangeMember { room_id: ROOM, user_id: MINA, role: MemberRole::Moderator });
    let op = desk
        .api_op(|call| matches!(call, ApiCall::ChangeMember(ROOM, MINA, body) if body.role == MemberRole::Moderator));
    let members = vec![member(ME), Member { role: MemberRole::Moderator, ..member(MINA) }];
    desk.feed(Input::ApiDone(op, Ok(ApiReply::Room(Box::new(Room { members, ..direct_room() })))));
    assert_eq!(desk.timeline().room.members[1].role, MemberRole::Moderator);
}

#[test]
fn a_wrong_old_password_and_a_short_new_one_name_their_fields() {
    let mut desk = Desk::online();
    let change =
        |old: &str, new: &str| Command::ChangePassword { old_password: old.to_owned(), new_password: new.to_owned() };
    let short = desk.command(change("old password", "short"));
    assert_eq!(desk.field(short).as_deref(), Some("new_password"));
    let wrong = desk.command(change("old password", "new password"));
    let op = desk
        .api_op(|call| matches!(call, ApiCall::ChangePassword(body) if body.new_password.reveal() == "new password"));
    desk.refuse(op, ErrorCode::Forbidden);
    assert_eq!(desk.field(wrong).as_deref(), Some("old_password"));
    assert!(matches!(desk.core.snapshot().session, SessionView::SignedIn { .. }));
}

fn delete(desk: &mut Desk) -> (ReplyId, OpId) {
    let answer = desk.command(Command::DeleteAccount { password: "a password".to_owned() });
    (answer, desk.api_op(|call| matches!(call, ApiCall::DeleteAccount(_))))
}

#[test]
fn a_deleted_account_leaves_nothing_on_the_device() {
    let mut desk = Desk::online();
    let (answer, op) = delete(&mut desk);
    assert!(!desk.wiped());
    desk.feed(Input::ApiDone(op, Ok(ApiReply::Done)));
    assert_eq!(desk.answer(answer), Some(Ok(())));
    assert_eq!(desk.reason().as_deref(), Some("deleted"));
    assert!(desk.wiped());
    let forgotten = |effect: &Effect| matches!(effect, Effect::Secrets(SecretsJob::Forget { history: true, .. }));
    assert!(desk.effects.iter().any(forgotten));
}

#[test]
fn a_session_that_ends_before_the_answer_is_no_revocation() {
    let mut desk = Desk::online();
    let (answer, op) = delete(&mut desk);
    desk.feed(event(Event::SignedOut));
    desk.feed(Input::ApiDone(op, Ok(ApiReply::Done)));
    assert_eq!(desk.answer(answer), Some(Ok(())));
    assert_eq!(desk.reason().as_deref(), Some("deleted"));
    assert!(desk.wiped());
}

#[test]
fn a_wrong_password_deletes_nothing_and_a_session_revoked_meanwhile_is_over() {
    let mut desk = Desk::online();
    let (answer, op) = delete(&mut desk);
    desk.refuse(op, ErrorCode::Forbidden);
    assert_eq!(desk.field(answer).as_deref(), Some("password"));
    assert!(matches!(desk.core.snapshot().session, SessionView::SignedIn { .. }));

    let (answer, op) = delete(&mut desk);
    desk.feed(event(Event::SignedOut));
    desk.refuse(op, ErrorCode::Unauthenticated);
    assert_eq!(desk.answer(answer), Some(Err(CommandErrorCode::Unauthenticated)));
    assert_eq!(desk.reason().as_deref(), Some("revoked"));
    assert!(!desk.wiped(), "the same person may come back");
}
