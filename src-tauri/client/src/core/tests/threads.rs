//! Replies, threads, reactions and mentions, with a relay that is played by hand.

use super::*;

fn id(seq: u64) -> MessageId {
    message(seq, MINA, "").id
}

fn in_thread(seq: u64, root: u64, text: &str) -> Message {
    Message { thread_id: Some(id(root)), ..message(seq, MINA, text) }
}

fn flow(desk: &Desk) -> Vec<u64> {
    desk.timeline().messages.iter().filter_map(|message| message.seq).map(|seq| seq.0).collect()
}

fn thread(desk: &Desk) -> ThreadView {
    desk.core.snapshot().thread.expect("a thread is open")
}

fn done(op: OpId, reply: ApiReply) -> Input {
    Input::ApiDone(op, Ok(reply))
}

#[test]
fn messages_of_a_thread_count_in_the_room_and_stand_only_in_their_thread() {
    let mut desk = Desk::online();
    desk.open_room(vec![]);
    desk.feed(stored(message(1, MINA, "root")));
    desk.feed(stored(in_thread(2, 1, "reply")));
    desk.feed(stored(message(3, MINA, "flow")));
    assert_eq!(flow(&desk), [1, 3]);
    assert_eq!(desk.core.snapshot().rooms.rooms[0].unread, 3);

    desk.command(Command::OpenThread { room_id: ROOM, message_id: id(1) });
    assert!(thread(&desk).loading && thread(&desk).root.is_some());
    let (root, replies) = (message(1, MINA, "root"), vec![in_thread(2, 1, "reply")]);
    desk.feed(Input::ThreadLoaded { thread_id: id(1), root: Some(Box::new(root.clone())), messages: replies.clone() });
    assert_eq!(thread(&desk).messages.len(), 1);
    let op = desk.api_op(|call| matches!(call, ApiCall::Thread { after: None, .. }));
    desk.feed(done(op, ApiReply::Thread(Box::new(ThreadPage { root, messages: replies, has_more: false }))));
    desk.feed(stored(in_thread(4, 1, "live")));
    let view = thread(&desk);
    assert_eq!((view.messages.len(), view.loading, view.failed), (2, false, false));
    desk.command(Command::CloseThread);
    assert!(desk.core.snapshot().thread.is_none());
}

#[test]
fn what_i_write_in_a_thread_is_shown_there_and_sent_with_it() {
    let mut desk = Desk::online();
    desk.open_room(vec![message(1, MINA, "root")]);
    desk.command(Command::OpenThread { room_id: ROOM, message_id: id(1) });
    desk.effects.clear();
    desk.command(Command::SendMessage {
        room_id: ROOM,
        text: "mine".to_owned(),
        reply_to: Some(id(1)),
        thread_id: Some(id(1)),
        attachments: vec![],
    });
    assert_eq!(flow(&desk), [1]);
    let shown = &thread(&desk).messages[0];
    assert_eq!(shown.reply.as_ref().map(|reply| reply.text.as_str()), Some("root"));
    let sent = desk.requests();
    let [(_, Request::SendMessage { thread_id, reply_to, .. })] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!((*thread_id, *reply_to), (Some(id(1)), Some(id(1))));
}

#[test]
fn a_thread_that_the_disk_has_whole_has_not_failed_offline() {
    for (from, failed) in [(1, false), (2, true)] {
        let record = crate::core::RoomRecord {
            room: Room { last_seq: Seq(3), last_change: Change(3), ..direct_room() },
            cursor: Change(3),
            history_from: Some(Seq(from)),
            oldest_at_ms: None,
            draft: String::new(),
        };
        let mut desk = Desk::signed_in(Cached { rooms: vec![record], ..Cached::default() });
        desk.command(Command::OpenThread { room_id: ROOM, message_id: id(1) });
        let root = (from == 1).then(|| Box::new(message(1, MINA, "root")));
        desk.feed(Input::ThreadLoaded { thread_id: id(1), root, messages: vec![in_thread(2, 1, "reply")] });
        assert_eq!((thread(&desk).failed, thread(&desk).messages.len()), (failed, 1));
    }
}

#[test]
fn an_answered_message_comes_from_the_window_then_the_disk_then_the_relay() {
    let answer = |seq, to| Message { reply_to: Some(id(to)), ..message(seq, MINA, "answer") };
    let mut desk = Desk::online();
    desk.open_room(vec![message(50, MINA, "near"), answer(51, 50), answer(52, 7), answer(53, 8), answer(54, 9)]);
    let reply = |desk: &Desk, index: usize| {
        let reply = desk.timeline().messages[index].reply.clone().expect("a reply");
        (reply.text, reply.state)
    };
    assert_eq!(reply(&desk, 1), ("near".to_owned(), ReplyState::Known));
    assert_eq!(reply(&desk, 2).1, ReplyState::Unknown);

    let ids = vec![id(7), id(8), id(9)];
    desk.feed(Input::MessagesFound { room_id: ROOM, ids, messages: vec![message(7, MINA, "on disk")] });
    assert_eq!(reply(&desk, 2), ("on disk".to_owned(), ReplyState::Known));
    let eight = desk.api_op(|call| matches!(call, ApiCall::Message(_, asked) if *asked == id(8)));
    let deleted = Message { body: MessageBody::Deleted, ..message(8, MINA, "") };
    desk.feed(done(eight, ApiReply::Message(Box::new(deleted))));
    assert_eq!(reply(&desk, 3), (String::new(), ReplyState::Deleted));
    let nine = desk.api_op(|call| matches!(call, ApiCall::Message(_, asked) if *asked == id(9)));
    desk.feed(Input::ApiDone(nine, Err(CallFailure::Refused(WireError::new(ErrorCode::NotFound, "No.")))));
    assert_eq!(reply(&desk, 4).1, ReplyState::Unknown);

    // Each is asked for once.
    desk.effects.clear();
    desk.feed(stored(answer(55, 9)));
    assert!(desk.try_api_op(|call| matches!(call, ApiCall::Message(..))).is_none());
    assert!(!desk.effects.iter().any(|effect| matches!(effect, Effect::Store(StoreJob::FindMessages { .. }))));
}

#[test]
fn my_reaction_is_shown_at_once_and_taken_back_when_it_is_refused() {
    let mut desk = Desk::online();
    desk.open_room(vec![]);
    let liked = Message {
        reactions: vec![Reaction { emoji: "👍".to_owned(), user_ids: vec![MINA], count: 1 }],
        ..message(1, MINA, "hi")
    };
    desk.feed(stored(liked.clone()));
    let shown = |desk: &Desk| -> Vec<(String, u32, bool)> {
        let reactions = desk.timeline().messages[0].reactions.clone();
        reactions.into_iter().map(|reaction| (reaction.emoji, reaction.count, reaction.mine)).collect()
    };
    let react =
        |emoji: &str, on| Command::SetReaction { room_id: ROOM, message_id: id(1), emoji: emoji.to_owned(), on };
    desk.effects.clear();
    desk.command(react("👍", true));
    let answer = desk.command(react("🎉", true));
    assert_eq!(shown(&desk), [("👍".to_owned(), 2, true), ("🎉".to_owned(), 1, true)]);

    let requests = desk.take_requests();
    let refused = CallFailure::Refused(WireError::new(ErrorCode::Conflict, "Too many."));
    desk.feed(Input::Link(LinkEvent::RequestDone(requests[1].0, Err(refused))));
    assert_eq!(desk.answer(answer), Some(Err(CommandErrorCode::Conflict)));
    let both = Message {
        change: Change(2),
        reactions: vec![Reaction { emoji: "👍".to_owned(), user_ids: vec![MINA, ME], count: 2 }],
        ..liked
    };
    let reply = Reply::Message { message: Box::new(both) };
    desk.feed(Input::Link(LinkEvent::RequestDone(requests[0].0, Ok(reply))));
    assert_eq!(shown(&desk), [("👍".to_owned(), 2, true)]);
    assert_eq!(desk.timeline().messages[0].reactions[0].names, ["Mina"]);

    desk.command(react("👍", false));
    assert_eq!(shown(&desk), [("👍".to_owned(), 1, false)]);
}

#[test]
fn mentions_of_me_count_until_they_are_read_and_read_as_names() {
    let mut desk = Desk::online();
    desk.open_room(vec![]);
    desk.feed(stored(message(1, MINA, &format!("ping <@{ME}>"))));
    desk.feed(stored(message(2, MINA, "<@everyone> lunch")));
    let item = desk.core.snapshot().rooms.rooms[0].clone();
    assert_eq!((item.unread, item.mentions), (2, 2));
    assert!(matches!(item.preview, Preview::Text { text, .. } if text == "@everyone lunch"));
    let view = desk.timeline().messages[0].clone();
    let BodyView::Text { mentions, .. } = view.body else { panic!("no text") };
    assert!(view.mentions_me && mentions[0].me && mentions[0].name == "Jo");
    desk.command(Command::MarkRead { room_id: ROOM, seq: Seq(2) });
    let item = desk.core.snapshot().rooms.rooms[0].clone();
    assert_eq!((item.unread, item.mentions), (0, 0));
}

#[test]
fn an_edit_of_an_unread_message_counts_its_mentions_anew() {
    let mut desk = Desk::online();
    desk.feed(stored(message(1, MINA, &format!("ping <@{ME}>"))));
    desk.effects.clear();
    let edited = Message { change: Change(2), ..message(1, MINA, "never mind") };
    desk.feed(event(Event::MessageChanged { message: Box::new(edited) }));
    assert!(desk.effects.iter().any(|effect| matches!(effect, Effect::Store(StoreJob::CountUnread { .. }))));
    desk.feed(Input::UnreadCounted { room_id: ROOM, after: Seq(0), unread: Unread { messages: 1, mentions: 0 } });
    assert_eq!(desk.core.snapshot().rooms.rooms[0].mentions, 0);
}

#[test]
fn reading_the_last_message_of_the_flow_reads_the_threads_after_it() {
    let mut desk = Desk::online();
    desk.open_room(vec![]);
    for message in [message(1, MINA, "root"), in_thread(2, 1, "a"), message(3, MINA, "flow"), in_thread(4, 1, "b")] {
        desk.feed(stored(message));
    }
    desk.effects.clear();
    desk.command(Command::MarkRead { room_id: ROOM, seq: Seq(1) });
    desk.command(Command::MarkRead { room_id: ROOM, seq: Seq(3) });
    let read: Vec<Request> = desk.take_requests().into_iter().map(|(_, request)| request).collect();
    let mark = |seq| Request::MarkRead { room_id: ROOM, seq: Seq(seq) };
    assert_eq!(read, [mark(2), mark(4)]);
}
