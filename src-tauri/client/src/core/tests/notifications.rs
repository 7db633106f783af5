//! What is told outside of the window, and what is not.

use super::*;
use crate::core::RoomRecord;

const GROUP: RoomId = RoomId::from_bytes([8; 16]);
const CALL: CallId = CallId::from_bytes([6; 16]);

impl Desk {
    fn told(&self) -> Vec<NotificationView> {
        let told = |effect: &Effect| match effect {
            Effect::Show(event) => match event.as_ref() {
                ViewEvent::Notification(view) => Some(view.clone()),
                _ => None,
            },
            _ => None,
        };
        self.effects.iter().filter_map(told).collect()
    }

    /// Texts and counts of what was told.
    fn told_texts(&self) -> Vec<(String, u32)> {
        let text = |view: &NotificationView| match &view.about {
            NotificationAbout::Message { text, .. } => text.clone().unwrap_or_else(|| "(hidden)".to_owned()),
            NotificationAbout::MissedCall => "(missed call)".to_owned(),
        };
        self.told().iter().map(|view| (text(view), view.count)).collect()
    }

    fn gone(&self) -> Vec<RoomId> {
        let gone = |effect: &Effect| match effect {
            Effect::Show(event) => match event.as_ref() {
                ViewEvent::NotificationsGone { room_id } => Some(*room_id),
                _ => None,
            },
            _ => None,
        };
        self.effects.iter().filter_map(gone).collect()
    }

    fn read_by_me(&mut self, seq: u64) {
        let read = Seq(seq);
        self.feed(event(Event::ReceiptChanged { room_id: ROOM, user_id: ME, delivered_seq: read, read_seq: read }));
    }

    fn change_room(&mut self, change: impl FnOnce(&mut Room)) {
        let mut room = direct_room();
        change(&mut room);
        self.feed(event(Event::RoomChanged { room: Box::new(room) }));
    }

    fn level(&mut self, level: NotifyLevel) {
        self.change_room(|room| room.notify = level);
    }

    fn disturb(&mut self, do_not_disturb: DoNotDisturb) {
        let id = self.command(Command::SetDoNotDisturb { do_not_disturb });
        assert_eq!(self.answer(id), Some(Ok(())));
    }

    fn settings(&self) -> NotificationSettings {
        self.core.snapshot().settings.notifications
    }

    fn badge(&self) -> u32 {
        self.core.snapshot().rooms.badge
    }

    fn asks_disk_whether_to_me(&self) -> Option<Box<Message>> {
        self.effects.iter().find_map(|effect| match effect {
            Effect::Store(StoreJob::IsToMe(message)) => Some(message.clone()),
            _ => None,
        })
    }

    /// In front of the open room, which reaches to its newest message.
    fn in_front(&mut self) {
        self.open_room(Vec::new());
        self.command(Command::SetInFront { in_front: true });
    }
}

fn said(text: &str) -> Vec<(String, u32)> {
    vec![(text.to_owned(), 1)]
}

fn missed(seq: u64, outcome: CallOutcome) -> Message {
    let body = MessageBody::Call { call_id: CALL, outcome, duration_s: 0 };
    Message { body, ..message(seq, MINA, "") }
}

fn changed(message: Message, change: u64) -> Input {
    event(Event::MessageChanged { message: Box::new(Message { change: Change(change), ..message }) })
}

#[test]
fn message_of_another_person_is_told_at_once_and_once() {
    let mut desk = Desk::online();
    desk.feed(stored(message(1, MINA, "**Lunch**, <@everyone>?")));
    let told = desk.told();
    assert_eq!((told[0].sender.as_str(), told[0].room_title.as_str(), told[0].group), ("Mina", "Mina", false));
    assert!(told[0].sound);
    assert!(matches!(
        &told[0].about,
        NotificationAbout::Message { text: Some(text), mention: true, seq: Seq(1), .. } if text == "Lunch, @everyone?"
    ));
    desk.feed(stored(message(1, MINA, "**Lunch**, <@everyone>?")));
    desk.wait(Duration::from_secs(5));
    assert_eq!(desk.told().len(), 1);
}

#[test]
fn what_i_wrote_on_another_device_is_not_told() {
    let mut desk = Desk::online();
    desk.feed(stored(message(1, ME, "from my telephone")));
    desk.wait(Duration::from_secs(5));
    assert!(desk.told().is_empty());
}

#[test]
fn messages_within_a_second_are_told_as_one() {
    let mut desk = Desk::online();
    for seq in 1..=20 {
        desk.feed(stored(message(seq, MINA, &format!("number {seq}"))));
    }
    desk.wait(Duration::from_secs(5));
    assert_eq!(desk.told_texts(), [("number 1".to_owned(), 1), ("number 20".to_owned(), 20)]);
}

#[test]
fn room_in_front_is_quiet_while_it_is_read() {
    let mut desk = Desk::online();
    desk.in_front();
    desk.feed(stored(message(1, MINA, "you see this")));
    desk.command(Command::MarkRead { room_id: ROOM, seq: Seq(1) });
    desk.wait(Duration::from_secs(10));
    assert!(desk.told().is_empty() && desk.gone().is_empty());

    desk.command(Command::SetInFront { in_front: false });
    desk.feed(stored(message(2, MINA, "you do not see this")));
    assert_eq!(desk.told_texts(), said("you do not see this"));
}

#[test]
fn room_in_front_tells_of_what_is_not_in_view() {
    let mut desk = Desk::online();
    desk.in_front();
    desk.feed(stored(message(1, MINA, "below what you read")));
    assert!(desk.told().is_empty());
    desk.wait(Duration::from_secs(3));
    assert_eq!(desk.told_texts(), said("below what you read"));
}

#[test]
fn another_room_is_told_while_the_window_is_in_front() {
    let mut desk = Desk::online();
    desk.command(Command::SetInFront { in_front: true });
    desk.feed(stored(message(1, MINA, "elsewhere")));
    assert_eq!(desk.told_texts(), said("elsewhere"));
}

#[test]
fn nothing_is_told_while_notifications_are_off() {
    let mut desk = Desk::online();
    desk.command(Command::SetNotifications { enabled: false, show_text: true, sound: true });
    desk.feed(stored(message(1, MINA, "nobody hears it")));
    desk.wait(Duration::from_secs(5));
    assert!(desk.told().is_empty());
    assert_eq!(desk.badge(), 1);
}

#[test]
fn text_is_hidden_and_sound_is_off_where_the_person_wants_it_so() {
    let mut desk = Desk::online();
    desk.command(Command::SetNotifications { enabled: true, show_text: false, sound: false });
    let file = Attachment {
        id: FileId::from_bytes([3; 16]),
        name: "plan.pdf".to_owned(),
        size_bytes: 9,
        kind: AttachmentKind::File { media_type: "application/pdf".to_owned() },
    };
    let body = MessageBody::Text { text: "a secret".to_owned(), attachments: vec![file] };
    desk.feed(stored(Message { body, ..message(1, MINA, "") }));
    let told = desk.told();
    assert!(!told[0].sound);
    assert!(matches!(told[0].about, NotificationAbout::Message { text: None, images: 0, files: 0, .. }));
}

#[test]
fn do_not_disturb_leaves_only_the_badge_and_tells_nothing_afterwards() {
    let mut desk = Desk::online();
    desk.disturb(DoNotDisturb::On);
    desk.feed(stored(message(1, MINA, "hush")));
    assert_eq!(desk.badge(), 1);
    desk.disturb(DoNotDisturb::Off);
    desk.wait(Duration::from_secs(5));
    assert!(desk.told().is_empty());
    desk.feed(stored(message(2, MINA, "hello")));
    assert_eq!(desk.told_texts(), said("hello"));
}

#[test]
fn do_not_disturb_ends_by_the_clock_on_the_wall_and_is_kept_on_the_disk() {
    let mut desk = Desk::online();
    let at_ms = UnixMs(desk.now.wall.0 + 3_600_000);
    desk.disturb(DoNotDisturb::Until { at_ms });
    let kept = desk.effects.iter().any(|effect| {
        matches!(effect, Effect::SavePreferences(kept) if kept.notifications.do_not_disturb == DoNotDisturb::Until { at_ms })
    });
    assert!(kept);
    desk.feed(stored(message(1, MINA, "hush")));
    assert!(desk.told().is_empty());
    let look = desk.core.poll_timeout().expect("the end is looked for");
    assert!(look <= desk.now.clock + Duration::from_secs(60), "a machine that slept looks soon");

    desk.core.take_changes();
    desk.now.wall = at_ms;
    desk.feed(Input::Tick);
    assert_eq!(desk.settings().do_not_disturb, DoNotDisturb::Off);
    assert!(desk.core.take_changes().iter().any(|change| matches!(change, ViewEvent::Settings(_))));
    desk.feed(stored(message(2, MINA, "awake")));
    assert_eq!(desk.told_texts(), said("awake"));
}

#[test]
fn muted_room_is_silent_and_counts_nothing() {
    let mut desk = Desk::online();
    desk.level(NotifyLevel::None);
    desk.feed(stored(message(1, MINA, "<@everyone> listen")));
    desk.feed(stored(missed(2, CallOutcome::Missed)));
    desk.wait(Duration::from_secs(5));
    assert!(desk.told().is_empty());
    assert_eq!(desk.badge(), 0);
}

#[test]
fn level_of_mentions_tells_of_mentions_and_counts_only_them() {
    let mut desk = Desk::online();
    desk.level(NotifyLevel::Mentions);
    desk.feed(stored(message(1, MINA, "nothing for you")));
    assert!(desk.told().is_empty());
    desk.feed(stored(message(2, MINA, &format!("<@{ME}> this is"))));
    assert_eq!(desk.told_texts(), said("@Jo this is"));
    assert_eq!(desk.badge(), 1);
}

#[test]
fn answer_to_me_counts_as_a_mention_once_the_disk_says_so() {
    let mut desk = Desk::online();
    desk.level(NotifyLevel::Mentions);
    desk.feed(stored(message(1, MINA, "not an answer")));
    assert!(desk.asks_disk_whether_to_me().is_none());
    let answer = |seq, text| Message { reply_to: Some(message(1, ME, "").id), ..message(seq, MINA, text) };
    desk.feed(stored(answer(2, "to somebody else")));
    desk.feed(stored(answer(3, "to you")));
    assert_eq!(desk.asks_disk_whether_to_me(), Some(Box::new(answer(2, "to somebody else"))));
    desk.wait(Duration::from_secs(5));
    assert!(desk.told().is_empty());
    desk.feed(Input::ToMe(Box::new(answer(3, "to you"))));
    assert_eq!(desk.told_texts(), said("to you"));
    assert!(matches!(desk.told()[0].about, NotificationAbout::Message { mention: true, .. }));
}

#[test]
fn thread_is_asked_about_too_and_an_answer_that_was_read_meanwhile_is_not_told() {
    let mut desk = Desk::online();
    desk.level(NotifyLevel::Mentions);
    let thread_id = Some(message(1, ME, "").id);
    desk.feed(stored(Message { thread_id, ..message(2, MINA, "in your thread") }));
    let asked = desk.asks_disk_whether_to_me().expect("the disk is asked");
    desk.read_by_me(2);
    desk.feed(Input::ToMe(asked));
    desk.wait(Duration::from_secs(5));
    assert!(desk.told().is_empty());
}

#[test]
fn blocked_people_and_archived_rooms_are_silent() {
    let mut desk = Desk::online();
    let blocked = Person {
        user: user(MINA),
        presence: Presence::Offline,
        last_seen_at_ms: None,
        favourite: false,
        blocked: true,
        bio: String::new(),
    };
    let op = desk.command(Command::SearchPeople { query: "Mi".to_owned() });
    let asked = desk.api_op(|call| matches!(call, ApiCall::People { .. }));
    desk.feed(Input::ApiDone(asked, Ok(ApiReply::People(vec![blocked.clone()]))));
    assert_eq!(desk.answer(op), Some(Ok(())));
    desk.feed(stored(message(1, MINA, "you blocked me")));
    assert!(desk.told().is_empty());

    let mut desk = Desk::online();
    desk.change_room(|room| room.archived = true);
    desk.feed(stored(message(1, MINA, "in the cellar")));
    assert!(desk.told().is_empty());
    assert_eq!(desk.badge(), 0);
}

#[test]
fn missed_calls_are_told_and_others_are_not() {
    let mut desk = Desk::online();
    desk.level(NotifyLevel::Mentions);
    desk.feed(stored(missed(1, CallOutcome::Completed)));
    desk.feed(stored(missed(2, CallOutcome::Declined)));
    assert!(desk.told().is_empty());
    desk.feed(stored(missed(3, CallOutcome::Missed)));
    assert_eq!(desk.told_texts(), said("(missed call)"));
}

#[test]
fn notification_goes_when_the_room_is_read_here_or_elsewhere() {
    let mut desk = Desk::online();
    desk.feed(stored(message(1, MINA, "one")));
    desk.command(Command::MarkRead { room_id: ROOM, seq: Seq(1) });
    assert_eq!(desk.gone(), [ROOM]);

    desk.wait(Duration::from_secs(2));
    desk.feed(stored(message(2, MINA, "two")));
    desk.read_by_me(2);
    desk.read_by_me(2);
    assert_eq!((desk.told_texts().len(), desk.gone().len()), (2, 2));
}

#[test]
fn message_that_is_read_elsewhere_before_it_is_due_is_not_told() {
    let mut desk = Desk::online();
    desk.feed(stored(message(1, MINA, "one")));
    desk.feed(stored(message(2, MINA, "two")));
    desk.read_by_me(2);
    desk.wait(Duration::from_secs(5));
    assert_eq!(desk.told_texts(), said("one"));
}

#[test]
fn count_falls_by_what_was_read() {
    let mut desk = Desk::online();
    for seq in 1..=3 {
        desk.feed(stored(message(seq, MINA, "many")));
        desk.wait(Duration::from_secs(2));
    }
    desk.read_by_me(2);
    assert!(desk.gone().is_empty(), "the newest is not read");
    desk.feed(stored(message(4, MINA, "more")));
    assert_eq!(desk.told().last().map(|told| told.count), Some(2));
}

#[test]
fn deleted_message_takes_its_notification_along() {
    let mut desk = Desk::online();
    desk.feed(stored(message(1, MINA, "oops")));
    desk.feed(changed(Message { body: MessageBody::Deleted, ..message(1, MINA, "") }, 2));
    assert_eq!(desk.gone(), [ROOM]);
}

#[test]
fn message_that_is_deleted_or_edited_before_it_is_due_is_told_as_it_is_then() {
    let mut desk = Desk::online();
    desk.feed(stored(message(1, MINA, "one")));
    desk.feed(stored(message(2, MINA, "tow")));
    desk.feed(stored(message(3, MINA, "oops")));
    desk.feed(changed(Message { body: MessageBody::Deleted, ..message(3, MINA, "") }, 4));
    desk.feed(changed(message(2, MINA, "two"), 5));
    desk.wait(Duration::from_secs(5));
    assert_eq!(desk.told_texts(), [("one".to_owned(), 1), ("two".to_owned(), 2)]);
}

#[test]
fn edited_message_is_no_news() {
    let mut desk = Desk::online();
    desk.feed(stored(message(1, MINA, "one")));
    desk.feed(changed(message(1, MINA, "edited"), 2));
    desk.wait(Duration::from_secs(5));
    assert_eq!(desk.told().len(), 1);
}

#[test]
fn room_that_is_left_takes_its_notification_along() {
    let mut desk = Desk::online();
    desk.feed(stored(message(1, MINA, "bye")));
    desk.feed(event(Event::RoomRemoved { room_id: ROOM }));
    assert_eq!(desk.gone(), [ROOM]);
}

#[test]
fn signing_out_takes_all_notifications_along() {
    let mut desk = Desk::online();
    desk.feed(stored(message(1, MINA, "bye")));
    desk.command(Command::SignOut);
    assert_eq!(desk.gone(), [ROOM]);
}

/// The list of rooms comes, and then what happened in this one meanwhile.
fn catch_up(desk: &mut Desk, room: Room, messages: Vec<Message>) {
    let rooms = desk.api_op(|call| matches!(call, ApiCall::Rooms));
    desk.feed(Input::ApiDone(rooms, Ok(ApiReply::Rooms(vec![room]))));
    let changes = desk.api_op(|call| matches!(call, ApiCall::Changes { .. }));
    let (first, rest) = messages.split_at(messages.len() / 2);
    desk.feed(Input::ApiDone(changes, Ok(ApiReply::Changes(ChangesPage { messages: first.to_vec(), has_more: true }))));
    // The relay takes its time with the second page.
    desk.wait(Duration::from_secs(3));
    assert!(desk.told().is_empty(), "the room has not caught up");
    let changes = desk.api_op(|call| matches!(call, ApiCall::Changes { .. }));
    desk.feed(Input::ApiDone(changes, Ok(ApiReply::Changes(ChangesPage { messages: rest.to_vec(), has_more: false }))));
    desk.wait(Duration::from_secs(3));
}

fn room_after(seq: u64, read: u64) -> Room {
    let mut room = direct_room();
    (room.last_seq, room.last_change) = (Seq(seq), Change(seq));
    room.members[0].read_seq = Seq(read);
    room.unread = u32::try_from(seq - read).unwrap();
    room
}

/// A device that knew the room up to its second message.
fn returned() -> Desk {
    let record = RoomRecord {
        room: room_after(2, 2),
        cursor: Change(2),
        history_from: Some(Seq(1)),
        oldest_at_ms: None,
        draft: String::new(),
    };
    let mut desk = Desk::signed_in(Cached { rooms: vec![record], ..Cached::default() });
    desk.feed(welcome(false, Vec::new()));
    desk
}

#[test]
fn after_being_away_a_room_is_told_once_with_its_newest_message() {
    let mut desk = returned();
    let missed = (3..=40).map(|seq| message(seq, MINA, &format!("number {seq}"))).collect();
    catch_up(&mut desk, room_after(40, 2), missed);
    assert_eq!(desk.told_texts(), [("number 40".to_owned(), 38)]);
}

#[test]
fn what_was_read_on_another_device_meanwhile_is_not_told() {
    let mut desk = returned();
    let missed: Vec<Message> = (3..=10).map(|seq| message(seq, MINA, &format!("number {seq}"))).collect();
    catch_up(&mut desk, room_after(10, 10), missed.clone());
    assert!(desk.told().is_empty());

    let mut desk = returned();
    catch_up(&mut desk, room_after(10, 8), missed);
    assert_eq!(desk.told_texts(), [("number 10".to_owned(), 2)]);
}

#[test]
fn edits_of_what_was_known_before_are_not_told_after_being_away() {
    let mut desk = returned();
    let edits = [1, 2].map(|seq| Message { change: Change(seq + 2), ..message(seq, MINA, "edited") }).to_vec();
    let mut room = room_after(2, 0);
    room.last_change = Change(4);
    catch_up(&mut desk, room, edits);
    assert!(desk.told().is_empty());
}

#[test]
fn fresh_device_tells_nothing_of_what_was_there_before_it() {
    let mut desk = Desk::signed_in(Cached::default());
    desk.feed(welcome(false, Vec::new()));
    let rooms = desk.api_op(|call| matches!(call, ApiCall::Rooms));
    desk.feed(Input::ApiDone(rooms, Ok(ApiReply::Rooms(vec![room_after(5, 0)]))));
    let latest = desk.api_op(|call| matches!(call, ApiCall::History(..)));
    let messages = (1..=5).map(|seq| message(seq, MINA, "old")).collect();
    let page = HistoryPage { messages, has_before: false, has_after: false };
    desk.feed(Input::ApiDone(latest, Ok(ApiReply::History(page))));
    desk.wait(Duration::from_secs(5));
    assert!(desk.told().is_empty());
    assert_eq!(desk.badge(), 5);
    desk.feed(stored(message(6, MINA, "new")));
    assert_eq!(desk.told_texts(), said("new"));
}

#[test]
fn level_is_shown_at_once_and_taken_back_when_the_relay_refuses() {
    let mut desk = Desk::online();
    let level = |desk: &Desk| desk.core.snapshot().rooms.rooms[0].notify;
    let id = desk.command(Command::SetNotify { room_id: ROOM, level: NotifyLevel::None });
    assert_eq!((level(&desk), desk.answer(id)), (NotifyLevel::None, None));
    let op = desk.api_op(|call| matches!(call, ApiCall::SetNotify(ROOM, SetNotify { level: NotifyLevel::None })));
    desk.feed(Input::ApiDone(op, Err(CallFailure::Lost)));
    assert_eq!((level(&desk), desk.answer(id)), (NotifyLevel::All, Some(Err(CommandErrorCode::Offline))));

    let id = desk.command(Command::SetNotify { room_id: ROOM, level: NotifyLevel::Mentions });
    let op = desk.api_op(|call| matches!(call, ApiCall::SetNotify(..)));
    let room = Room { notify: NotifyLevel::Mentions, ..direct_room() };
    desk.feed(Input::ApiDone(op, Ok(ApiReply::Room(Box::new(room)))));
    assert_eq!((level(&desk), desk.answer(id)), (NotifyLevel::Mentions, Some(Ok(()))));
}

#[test]
fn level_is_not_changed_without_the_relay() {
    let mut desk = Desk::online();
    desk.feed(Input::Link(LinkEvent::Offline { retry_in: Duration::from_secs(5) }));
    let id = desk.command(Command::SetNotify { room_id: ROOM, level: NotifyLevel::None });
    assert_eq!(desk.answer(id), Some(Err(CommandErrorCode::Offline)));
    assert_eq!(desk.core.snapshot().rooms.rooms[0].notify, NotifyLevel::All);
}

#[test]
fn badge_adds_up_what_the_person_wants_to_know_of() {
    let mut desk = Desk::online();
    let room = |id: u8, notify, archived| Room {
        id: RoomId::from_bytes([id; 16]),
        unread: 10,
        mentions: 3,
        notify,
        archived,
        ..room_after(10, 0)
    };
    let rooms = [
        room(1, NotifyLevel::All, false),
        room(2, NotifyLevel::Mentions, false),
        room(3, NotifyLevel::None, false),
        room(4, NotifyLevel::All, true),
    ];
    for room in rooms {
        desk.feed(event(Event::RoomChanged { room: Box::new(room) }));
    }
    assert_eq!(desk.badge(), 13);
}

#[test]
fn group_is_named_beside_the_sender() {
    let mut desk = Desk::online();
    let group = Room { id: GROUP, kind: RoomKind::Group, name: "Garden".to_owned(), ..direct_room() };
    desk.feed(event(Event::RoomChanged { room: Box::new(group) }));
    desk.feed(stored(Message { room_id: GROUP, ..message(1, MINA, "hi") }));
    let told = desk.told();
    assert_eq!((told[0].room_title.as_str(), told[0].sender.as_str(), told[0].group), ("Garden", "Mina", true));
}
