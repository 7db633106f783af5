use super::*;

fn send(desk: &mut Desk, text: &str) -> ReplyId {
    desk.command(text_command(text))
}

/// The relay's version of a message that was sent.
fn as_stored(request: &Request, seq: u64) -> Message {
    let Request::SendMessage { client_id, text, .. } = request else { panic!("not a message: {request:?}") };
    Message { client_id: *client_id, ..message(seq, ME, text) }
}

fn reply(message: Message) -> Result<Reply, CallFailure> {
    Ok(Reply::Message { message: Box::new(message) })
}

#[test]
fn a_message_is_shown_at_once_and_then_as_stored_delivered_and_read() {
    let mut desk = Desk::online();
    desk.open_room(Vec::new());
    let answer = send(&mut desk, "  hello ");
    assert_eq!(desk.answer(answer), Some(Ok(())));
    assert_eq!(desk.texts(), [("hello".to_owned(), MessageState::Sending)]);
    let first_id = desk.timeline().messages[0].client_id;

    let (op, request) = desk.take_requests().remove(0);
    desk.feed(Input::Link(LinkEvent::RequestDone(op, reply(as_stored(&request, 1)))));
    desk.feed(stored(as_stored(&request, 1)));
    assert_eq!(desk.texts(), [("hello".to_owned(), MessageState::Stored)]);
    assert_eq!(desk.timeline().messages[0].client_id, first_id);

    let receipt = |delivered, read| {
        event(Event::ReceiptChanged {
            room_id: ROOM,
            user_id: MINA,
            delivered_seq: Seq(delivered),
            read_seq: Seq(read),
        })
    };
    desk.feed(receipt(1, 0));
    assert_eq!(desk.texts()[0].1, MessageState::Delivered);
    desk.feed(receipt(1, 1));
    assert_eq!(desk.texts()[0].1, MessageState::Read);
    desk.feed(receipt(0, 0));
    assert_eq!(desk.texts()[0].1, MessageState::Read);
}

#[test]
fn messages_of_a_room_are_sent_one_after_another() {
    let mut desk = Desk::online();
    desk.open_room(Vec::new());
    send(&mut desk, "one");
    send(&mut desk, "two");
    let mut requests = desk.take_requests();
    assert_eq!(requests.len(), 1);
    let (op, request) = requests.remove(0);
    desk.feed(Input::Link(LinkEvent::RequestDone(op, reply(as_stored(&request, 1)))));
    assert!(matches!(&desk.requests()[..], [(_, Request::SendMessage { text, .. })] if text == "two"));
}

#[test]
fn what_is_written_offline_waits_and_keeps_its_id_when_the_answer_was_lost() {
    let mut desk = Desk::online();
    desk.open_room(Vec::new());
    send(&mut desk, "one");
    let (op, first) = desk.take_requests().remove(0);
    desk.feed(Input::Link(LinkEvent::Offline { retry_in: Duration::from_secs(1) }));
    send(&mut desk, "two");
    assert!(desk.requests().is_empty());
    desk.feed(welcome(false, Vec::new()));
    desk.feed(Input::Link(LinkEvent::RequestDone(op, Err(CallFailure::Lost))));
    let again: Vec<Request> = desk
        .take_requests()
        .into_iter()
        .map(|(_, request)| request)
        .filter(|r| matches!(r, Request::SendMessage { .. }))
        .collect();
    assert_eq!(again, [first]);
}

#[test]
fn a_refused_message_fails_and_can_be_sent_again_or_discarded() {
    let mut desk = Desk::online();
    desk.open_room(Vec::new());
    send(&mut desk, "hello");
    let (op, _) = desk.take_requests().remove(0);
    let refused = CallFailure::Refused(WireError::new(ErrorCode::Forbidden, "No."));
    desk.feed(Input::Link(LinkEvent::RequestDone(op, Err(refused.clone()))));
    assert_eq!(desk.texts()[0].1, MessageState::Failed { code: "forbidden".to_owned() });

    let client_id = desk.timeline().messages[0].client_id;
    desk.command(Command::RetryMessage { room_id: ROOM, client_id });
    assert_eq!(desk.texts()[0].1, MessageState::Sending);
    let (op, _) = desk.take_requests().remove(0);
    desk.feed(Input::Link(LinkEvent::RequestDone(op, Err(refused))));
    desk.command(Command::DiscardMessage { room_id: ROOM, client_id });
    assert!(desk.texts().is_empty());
}

#[test]
fn a_message_that_came_too_fast_is_sent_again_when_the_relay_said() {
    let mut desk = Desk::online();
    desk.open_room(Vec::new());
    send(&mut desk, "hello");
    let (op, request) = desk.take_requests().remove(0);
    let error = WireError { retry_after_s: Some(3), ..WireError::new(ErrorCode::RateLimited, "Slowly.") };
    desk.feed(Input::Link(LinkEvent::RequestDone(op, Err(CallFailure::Refused(error)))));
    assert_eq!(desk.texts()[0].1, MessageState::Sending);
    desk.wait(Duration::from_millis(2_900));
    assert!(desk.requests().is_empty());
    desk.wait(Duration::from_millis(200));
    assert_eq!(desk.requests()[0].1, request);
}

#[test]
fn bad_texts_are_refused_with_their_field() {
    let mut desk = Desk::online();
    for text in ["", "  \n ", &"x".repeat(4_001)] {
        let answer = send(&mut desk, text);
        assert_eq!(desk.answer(answer), Some(Err(CommandErrorCode::InvalidArgument)), "{} characters", text.len());
    }
    let answer = send(&mut desk, &"ü".repeat(4_000));
    assert_eq!(desk.answer(answer), Some(Ok(())));
}

#[test]
fn arriving_messages_count_as_unread_and_are_acknowledged_as_delivered_once() {
    let mut desk = Desk::online();
    for seq in 1..=3 {
        desk.feed(stored(message(seq, MINA, "hi")));
        desk.feed(stored(message(seq, MINA, "hi")));
    }
    assert_eq!(desk.core.snapshot().rooms.rooms[0].unread, 3);
    desk.wait(Duration::from_secs(1));
    let delivered: Vec<Request> = desk.take_requests().into_iter().map(|(_, request)| request).collect();
    assert_eq!(delivered, [Request::MarkDelivered { room_id: ROOM, seq: Seq(3) }]);

    desk.command(Command::MarkRead { room_id: ROOM, seq: Seq(3) });
    assert_eq!(desk.core.snapshot().rooms.rooms[0].unread, 0);
    assert_eq!(desk.requests()[0].1, Request::MarkRead { room_id: ROOM, seq: Seq(3) });
}

#[test]
fn opening_a_room_shows_where_the_unread_begin_and_reads_nothing() {
    let mut desk = Desk::online();
    desk.feed(stored(message(1, MINA, "a")));
    desk.feed(stored(message(2, MINA, "b")));
    desk.effects.clear();
    desk.open_room(vec![message(1, MINA, "a"), message(2, MINA, "b")]);
    assert_eq!(desk.timeline().unread_from, Some(Seq(1)));
    assert_eq!(desk.core.snapshot().rooms.rooms[0].unread, 2);
    assert!(!desk.requests().iter().any(|(_, request)| matches!(request, Request::MarkRead { .. })));
}

#[test]
fn typing_of_others_ends_by_itself_and_mine_is_told_sparingly() {
    let mut desk = Desk::online();
    desk.open_room(Vec::new());
    desk.feed(Input::Link(LinkEvent::Hint(Hint::Typing { room_id: ROOM, user_id: MINA, typing: true })));
    assert_eq!(desk.timeline().typing, ["Mina"]);
    desk.wait(Duration::from_millis(5_900));
    assert_eq!(desk.timeline().typing, ["Mina"]);
    desk.wait(Duration::from_millis(200));
    assert!(desk.timeline().typing.is_empty());

    desk.effects.clear();
    for _ in 0..10 {
        desk.command(Command::SetTyping { room_id: ROOM, typing: true });
        desk.wait(Duration::from_millis(400));
    }
    assert_eq!(desk.take_requests().len(), 2);
    desk.command(Command::SetTyping { room_id: ROOM, typing: false });
    desk.command(Command::SetTyping { room_id: ROOM, typing: false });
    assert_eq!(desk.take_requests().len(), 1);
}

#[test]
fn a_gap_in_the_changes_is_fetched_and_an_old_page_does_not_undo_an_edit() {
    let mut desk = Desk::online();
    desk.open_room(Vec::new());
    desk.feed(stored(message(1, MINA, "one")));
    desk.effects.clear();
    desk.feed(stored(message(4, MINA, "four")));
    let op = desk.api_op(|call| matches!(call, ApiCall::Changes { after: Change(1), .. }));
    let edited = Message { change: Change(5), ..message(2, MINA, "two, edited") };
    desk.feed(event(Event::MessageChanged { message: Box::new(edited) }));
    let page = ChangesPage {
        messages: vec![message(2, MINA, "two"), message(3, MINA, "three"), message(4, MINA, "four")],
        has_more: false,
    };
    desk.feed(Input::ApiDone(op, Ok(ApiReply::Changes(page))));
    let texts: Vec<String> = desk.texts().into_iter().map(|(text, _)| text).collect();
    assert_eq!(texts, ["one", "two, edited", "three", "four"]);
    desk.api_op(|call| matches!(call, ApiCall::Changes { after: Change(4), .. }));
}

#[test]
fn older_messages_come_from_disk_first_and_then_from_the_relay() {
    let mut desk = Desk::signed_in(Cached {
        rooms: vec![crate::core::RoomRecord {
            room: Room { last_seq: Seq(120), last_change: Change(120), ..direct_room() },
            cursor: Change(120),
            history_from: Some(Seq(51)),
            oldest_at_ms: None,
            draft: "half a thought".to_owned(),
        }],
        ..Cached::default()
    });
    let page = |from: u64, to: u64| (from..=to).map(|seq| message(seq, MINA, "x")).collect::<Vec<_>>();
    desk.open_room(page(71, 120));
    assert!(desk.timeline().has_older && desk.timeline().draft == "half a thought");
    desk.command(Command::LoadOlder { room_id: ROOM });
    desk.feed(page_loaded(PageAt::Before(Seq(71)), page(51, 70), 51, 70));
    assert_eq!(desk.timeline().messages.len(), 70);

    let offline = desk.command(Command::LoadOlder { room_id: ROOM });
    assert_eq!(desk.answer(offline), Some(Err(CommandErrorCode::Offline)));
    assert!(desk.timeline().older_failed);

    desk.feed(welcome(false, Vec::new()));
    desk.command(Command::LoadOlder { room_id: ROOM });
    let op = desk.api_op(|call| matches!(call, ApiCall::History(_, query) if query.before == Some(Seq(51))));
    let history = HistoryPage { messages: page(1, 50), has_before: false, has_after: true };
    desk.feed(Input::ApiDone(op, Ok(ApiReply::History(history))));
    let view = desk.timeline();
    assert_eq!((view.messages.len(), view.has_older, view.older_failed), (120, false, false));
}

#[test]
fn a_room_that_is_gone_takes_its_messages_along() {
    let mut desk = Desk::online();
    desk.open_room(Vec::new());
    send(&mut desk, "hello");
    desk.feed(event(Event::RoomRemoved { room_id: ROOM }));
    let snapshot = desk.core.snapshot();
    assert!(snapshot.timeline.is_none() && snapshot.rooms.rooms.is_empty());
    assert!(desk.effects.iter().any(|effect| matches!(effect, Effect::Store(StoreJob::RemoveOutbox(_)))));
}
