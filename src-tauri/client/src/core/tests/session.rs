use super::*;
use crate::core::Account;

fn sign_in(relay_url: &str) -> Command {
    Command::SignIn {
        relay_url: relay_url.to_owned(),
        email: "jo@example.org".to_owned(),
        password: "12345678".to_owned(),
    }
}

fn signed_out_desk() -> Desk {
    let mut desk = Desk::new();
    desk.feed(Input::Started(Box::default()));
    desk.feed(Input::Secrets(SecretsAnswer::Ready { keeping: SecretKeeping::Undecided, found: None }));
    desk
}

#[test]
fn the_last_state_is_on_the_screen_before_the_relay_answers() {
    let room = crate::core::RoomRecord {
        room: Room { last_message: Some(message(3, MINA, "see you")), last_seq: Seq(3), ..direct_room() },
        cursor: Change(3),
        history_from: Some(Seq(1)),
        oldest_at_ms: None,
        draft: String::new(),
    };
    let desk = Desk::signed_in(Cached { rooms: vec![room], ..Cached::default() });
    let snapshot = desk.core.snapshot();
    assert!(matches!(&snapshot.session, SessionView::SignedIn { me, .. } if me.display_name == "Jo"));
    assert_eq!(snapshot.connection, ConnectionView::Connecting);
    assert!(!snapshot.rooms.loading);
    assert_eq!(snapshot.rooms.rooms[0].title, "Mina");
    let text =
        Preview::Text { sender: "Mina".to_owned(), mine: false, text: "see you".to_owned(), images: 0, files: 0 };
    assert_eq!(snapshot.rooms.rooms[0].preview, text);
}

#[test]
fn signing_in_answers_when_the_history_is_open() {
    let mut desk = signed_out_desk();
    let answer = desk.command(sign_in("127.0.0.1:3001/"));
    let op =
        desk.api_op(|call| matches!(call, ApiCall::SignIn { relay_url, .. } if relay_url == "https://127.0.0.1:3001"));
    desk.feed(Input::ApiDone(op, Ok(ApiReply::Session(Box::new(wire_session())))));
    assert!(desk.answer(answer).is_none());
    assert!(desk.effects.iter().any(|effect| matches!(effect, Effect::Secrets(SecretsJob::Save { .. }))));
    desk.feed(Input::StoreOpened(Some(Box::default())));
    assert_eq!(desk.answer(answer), Some(Ok(())));
    assert!(matches!(desk.core.snapshot().session, SessionView::SignedIn { .. }));
    assert!(desk.core.snapshot().rooms.loading, "nothing is known of the rooms yet");
}

#[test]
fn a_refused_sign_in_says_why_and_changes_nothing() {
    let mut desk = signed_out_desk();
    let answer = desk.command(sign_in("http://relay"));
    let op = desk.api_op(|call| matches!(call, ApiCall::SignIn { .. }));
    let error = WireError { retry_after_s: Some(60), ..WireError::new(ErrorCode::RateLimited, "Later.") };
    desk.feed(Input::ApiDone(op, Err(CallFailure::Refused(error))));
    assert_eq!(desk.answer(answer), Some(Err(CommandErrorCode::RateLimited)));
    assert!(matches!(desk.core.snapshot().session, SessionView::SignedOut { reason: None, .. }));
}

#[test]
fn odd_relay_addresses_are_refused() {
    for url in ["", "  ", "ftp://relay", "http://"] {
        let mut desk = signed_out_desk();
        let answer = desk.command(sign_in(url));
        assert_eq!(desk.answer(answer), Some(Err(CommandErrorCode::InvalidArgument)), "{url:?}");
    }
}

#[test]
fn a_revoked_session_says_so_and_keeps_the_history_for_the_next_time() {
    let mut desk = Desk::online();
    desk.feed(event(Event::SignedOut));
    let snapshot = desk.core.snapshot();
    assert!(matches!(&snapshot.session, SessionView::SignedOut { reason: Some(word), .. } if word == "revoked"));
    assert!(snapshot.rooms.rooms.is_empty());
    assert!(desk.effects.iter().any(|effect| matches!(effect, Effect::CloseStore { wipe: false })));
    assert!(desk.effects.iter().any(|effect| matches!(effect, Effect::Secrets(SecretsJob::Forget { .. }))));
}

#[test]
fn signing_out_wipes_the_history_and_answers_whoever_still_waits() {
    let mut desk = Desk::online();
    let search = desk.command(Command::SearchPeople { query: "x".to_owned() });
    let out = desk.command(Command::SignOut);
    assert_eq!(desk.answer(search), Some(Err(CommandErrorCode::NotNow)));
    assert_eq!(desk.answer(out), Some(Ok(())));
    assert!(desk.effects.iter().any(|effect| matches!(effect, Effect::CloseStore { wipe: true })));
}

#[test]
fn a_locked_file_is_opened_by_its_passphrase_or_left() {
    let account = Account { relay_url: "http://relay".to_owned(), user_id: ME };
    let mut desk = Desk::new();
    desk.feed(Input::Started(Box::new(Preferences { account: Some(account), ..Preferences::default() })));
    desk.feed(Input::Secrets(SecretsAnswer::Locked { wrong: false }));
    assert_eq!(desk.core.snapshot().session, SessionView::Locked { wrong: false });
    let wrong = desk.command(Command::Unlock { passphrase: "no".to_owned() });
    desk.feed(Input::Secrets(SecretsAnswer::Locked { wrong: true }));
    assert_eq!(desk.answer(wrong), Some(Err(CommandErrorCode::Forbidden)));
    assert_eq!(desk.core.snapshot().session, SessionView::Locked { wrong: true });
    let right = desk.command(Command::Unlock { passphrase: "yes".to_owned() });
    let found = Some(Box::new(wire_session()));
    desk.feed(Input::Secrets(SecretsAnswer::Ready { keeping: SecretKeeping::EncryptedFile, found }));
    desk.feed(Input::StoreOpened(Some(Box::default())));
    assert_eq!(desk.answer(right), Some(Ok(())));
}

#[test]
fn the_wait_for_the_next_try_counts_down() {
    let mut desk = Desk::online();
    desk.feed(Input::Link(LinkEvent::Offline { retry_in: Duration::from_millis(2_500) }));
    assert_eq!(desk.core.snapshot().connection, ConnectionView::Offline { retry_in_s: 3 });
    desk.wait(Duration::from_millis(600));
    assert_eq!(desk.core.snapshot().connection, ConnectionView::Offline { retry_in_s: 2 });
    desk.wait(Duration::from_secs(10));
    assert_eq!(desk.core.snapshot().connection, ConnectionView::Offline { retry_in_s: 0 });
}

#[test]
fn commands_that_need_the_relay_say_when_it_is_away() {
    let mut desk = Desk::online();
    desk.feed(Input::Link(LinkEvent::Offline { retry_in: Duration::from_secs(9) }));
    for command in [
        Command::StartCall { room_id: ROOM, camera: true, muted: false },
        Command::JoinRoom { room_id: ROOM },
        Command::SetFavourite { user_id: MINA, favourite: true },
    ] {
        let answer = desk.command(command.clone());
        assert_eq!(desk.answer(answer), Some(Err(CommandErrorCode::Offline)), "{command:?}");
    }
}

#[test]
fn an_answer_to_an_older_search_does_not_replace_a_newer_one() {
    let mut desk = Desk::online();
    desk.command(Command::SearchPeople { query: "mi".to_owned() });
    let older = desk.api_op(|call| matches!(call, ApiCall::People { query } if query == "mi"));
    desk.command(Command::SearchPeople { query: "min".to_owned() });
    let person = |id| Person {
        user: user(id),
        presence: Presence::Online,
        last_seen_at_ms: None,
        favourite: false,
        blocked: false,
        bio: String::new(),
    };
    let newer = desk.api_op(|call| matches!(call, ApiCall::People { query } if query == "min"));
    desk.feed(Input::ApiDone(newer, Ok(ApiReply::People(vec![person(MINA)]))));
    desk.feed(Input::ApiDone(older, Ok(ApiReply::People(Vec::new()))));
    let people = desk.core.snapshot().people;
    assert_eq!((people.query.as_str(), people.people.len(), people.loading), ("min", 1, false));
}

#[test]
fn presence_comes_back_with_the_relay_whatever_is_searched_for() {
    let mut desk = Desk::online();
    let presence = |desk: &Desk| desk.core.snapshot().rooms.rooms[0].peer.as_ref().unwrap().presence;
    desk.command(Command::SearchPeople { query: "nobody".to_owned() });
    desk.feed(Input::Link(LinkEvent::Hint(Hint::Presence {
        user_id: MINA,
        presence: Presence::Online,
        last_seen_at_ms: None,
    })));
    assert_eq!(presence(&desk), Presence::Online);
    desk.feed(Input::Link(LinkEvent::Offline { retry_in: Duration::from_secs(1) }));
    assert_eq!(presence(&desk), Presence::Offline);
    desk.feed(welcome(true, Vec::new()));
    let op = desk.api_op(|call| matches!(call, ApiCall::People { query } if query.is_empty()));
    let mina = Person {
        user: user(MINA),
        presence: Presence::Away,
        last_seen_at_ms: None,
        favourite: false,
        blocked: false,
        bio: String::new(),
    };
    desk.feed(Input::ApiDone(op, Ok(ApiReply::People(vec![mina]))));
    assert_eq!(presence(&desk), Presence::Away);
}

#[test]
fn every_slice_that_changed_is_shown_once() {
    let mut desk = Desk::online();
    desk.core.take_changes();
    for seq in 1..=20 {
        desk.feed(stored(message(seq, MINA, "hi")));
    }
    let changes = desk.core.take_changes();
    assert_eq!(changes.len(), 1);
    assert!(matches!(&changes[0], ViewEvent::Rooms(rooms) if rooms.rooms[0].unread == 20));
    assert!(!desk.core.has_changes());
}
