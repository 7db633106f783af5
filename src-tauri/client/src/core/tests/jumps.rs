//! Jumps, the background fill, and how much is kept.

use proptest::prelude::*;

use super::*;

fn id(seq: u64) -> MessageId {
    message(seq, MINA, "").id
}

fn span(from: u64, to: u64) -> Vec<Message> {
    (from..=to).map(|seq| message(seq, MINA, "x")).collect()
}

fn record(newest: u64, from: u64) -> crate::core::RoomRecord {
    crate::core::RoomRecord {
        room: Room {
            last_seq: Seq(newest),
            last_change: Change(newest),
            last_message: Some(message(newest, MINA, "last")),
            ..direct_room()
        },
        cursor: Change(newest),
        history_from: Some(Seq(from)),
        oldest_at_ms: Some(message(from, MINA, "").sent_at_ms),
        draft: String::new(),
    }
}

fn offline(newest: u64, from: u64) -> Desk {
    Desk::signed_in(Cached { rooms: vec![record(newest, from)], ..Cached::default() })
}

fn online(newest: u64, from: u64) -> Desk {
    let mut desk = offline(newest, from);
    desk.feed(welcome(true, Vec::new()));
    desk.effects.clear();
    desk
}

fn jump(to: JumpTarget) -> Command {
    Command::JumpTo { room_id: ROOM, to }
}

fn place(seq: u64) -> JumpTarget {
    JumpTarget::Place { seq: Seq(seq) }
}

fn seqs(desk: &Desk) -> Vec<u64> {
    desk.timeline().messages.iter().filter_map(|message| message.seq).map(|seq| seq.0).collect()
}

fn history(messages: Vec<Message>, newest: u64) -> ApiReply {
    let has_before = messages.first().is_some_and(|first| first.seq > Seq(1));
    let has_after = messages.last().is_some_and(|last| last.seq < Seq(newest));
    ApiReply::History(HistoryPage { messages, has_before, has_after })
}

/// The disk answers the last place that was looked for.
fn disk_finds(desk: &mut Desk, seq: Option<u64>, on_disk: bool) {
    let jump = desk.effects.iter().rev().find_map(|effect| match effect {
        Effect::Store(StoreJob::FindPlace { jump, .. }) => Some(*jump),
        _ => None,
    });
    let message = seq.filter(|_| on_disk).map(|seq| Box::new(message(seq, MINA, "x")));
    desk.feed(Input::PlaceFound {
        room_id: ROOM,
        jump: jump.expect("a place is looked for"),
        seq: seq.map(Seq),
        message,
    });
}

#[test]
fn a_jump_within_the_window_moves_only_the_focus() {
    let mut desk = online(100, 1);
    desk.open_room(span(51, 100));
    let first = desk.command(jump(place(60)));
    let second = desk.command(jump(JumpTarget::Message { message_id: id(60) }));
    assert_eq!((desk.answer(first), desk.answer(second)), (Some(Ok(())), Some(Ok(()))));
    assert_eq!(desk.timeline().focus, Some(FocusView { seq: Seq(60), jump: 2 }));
    assert!(!desk.timeline().has_newer && seqs(&desk).len() == 50);
}

#[test]
fn a_far_jump_shows_another_window_and_scrolling_joins_the_newest_again() {
    let mut desk = online(1_000, 901);
    desk.open_room(span(951, 1_000));
    let asked = desk.command(jump(place(500)));
    disk_finds(&mut desk, Some(500), false);
    let op = desk.api_op(|call| matches!(call, ApiCall::History(_, query) if query.around == Some(Seq(500))));
    desk.feed(Input::ApiDone(op, Ok(history(span(475, 524), 1_000))));
    assert_eq!(desk.answer(asked), Some(Ok(())));
    let view = desk.timeline();
    assert_eq!((view.has_newer, view.has_older, view.focus.map(|focus| focus.seq)), (true, true, Some(Seq(500))));
    // What was fetched around a far place is not kept: what is on disk has no gaps.
    assert!(!desk.effects.iter().any(|effect| matches!(effect, Effect::Store(StoreJob::SaveMessages { .. }))));

    // Live messages stay out, and are counted.
    desk.feed(stored(message(1_001, MINA, "live")));
    assert_eq!(seqs(&desk), (475..=524).collect::<Vec<_>>());
    assert_eq!(desk.core.snapshot().rooms.rooms[0].unread, 1);

    let mut end = 524;
    while end < 900 {
        desk.command(Command::LoadNewer { room_id: ROOM });
        let op = desk.api_op(|call| matches!(call, ApiCall::History(_, query) if query.after == Some(Seq(end))));
        desk.feed(Input::ApiDone(op, Ok(history(span(end + 1, end + 50), 1_001))));
        end += 50;
    }
    // From where the history on disk begins, the disk goes on.
    for (from, to) in [(925, 974), (975, 1_001)] {
        desk.effects.clear();
        desk.command(Command::LoadNewer { room_id: ROOM });
        assert!(desk.try_api_op(|call| matches!(call, ApiCall::History(..))).is_none());
        desk.feed(page_loaded(PageAt::After(Seq(from - 1)), span(from, to), from, to));
    }
    assert!(!desk.timeline().has_newer);
    desk.feed(stored(message(1_002, MINA, "live")));
    assert_eq!(seqs(&desk), (475..=1_002).collect::<Vec<_>>());
}

#[test]
fn jumping_to_the_newest_or_writing_leaves_the_far_window() {
    for command in [jump(JumpTarget::Newest), text_command("hello")] {
        let mut desk = online(1_000, 901);
        desk.open_room(span(951, 1_000));
        desk.command(jump(place(910)));
        disk_finds(&mut desk, Some(910), true);
        desk.feed(page_loaded(PageAt::Around(Seq(910)), span(901, 934), 901, 934));
        assert!(desk.timeline().has_newer);
        desk.command(command);
        desk.feed(page_loaded(PageAt::Newest, span(951, 1_000), 951, u64::MAX));
        assert!(!desk.timeline().has_newer && seqs(&desk).contains(&1_000));
    }
}

#[test]
fn without_the_relay_a_jump_goes_as_far_as_the_disk() {
    let mut desk = offline(1_000, 901);
    desk.open_room(span(951, 1_000));
    let near = desk.command(jump(place(910)));
    disk_finds(&mut desk, Some(910), true);
    desk.feed(page_loaded(PageAt::Around(Seq(910)), span(901, 934), 901, 934));
    assert_eq!(desk.answer(near), Some(Ok(())));
    let far = desk.command(jump(place(500)));
    disk_finds(&mut desk, Some(500), false);
    assert_eq!(desk.answer(far), Some(Err(CommandErrorCode::Offline)));
    let unknown = desk.command(jump(JumpTarget::Message { message_id: id(4) }));
    disk_finds(&mut desk, None, false);
    assert_eq!(desk.answer(unknown), Some(Err(CommandErrorCode::Offline)));
    // 2 s after the beginning is before what the disk has; 950 s is not.
    let early = desk.command(jump(JumpTarget::Moment { at_ms: UnixMs(2_000) }));
    disk_finds(&mut desk, Some(901), false);
    assert_eq!(desk.answer(early), Some(Err(CommandErrorCode::Offline)));
    let late = desk.command(jump(JumpTarget::Moment { at_ms: UnixMs(905_000) }));
    disk_finds(&mut desk, Some(905), false);
    assert_eq!(desk.answer(late), Some(Ok(())));
    assert_eq!(desk.timeline().focus.map(|focus| focus.seq), Some(Seq(905)));
}

#[test]
fn a_jump_to_a_message_of_a_thread_opens_the_thread_beside_its_beginning() {
    let mut desk = online(100, 1);
    desk.open_room(span(51, 100));
    let asked = desk.command(jump(place(40)));
    let number = 1;
    let reply = Message { thread_id: Some(id(60)), ..message(40, MINA, "reply") };
    desk.feed(Input::PlaceFound { room_id: ROOM, jump: number, seq: Some(Seq(40)), message: Some(Box::new(reply)) });
    assert_eq!(desk.answer(asked), Some(Ok(())));
    assert_eq!(desk.timeline().focus.map(|focus| focus.seq), Some(Seq(60)));
    assert_eq!(desk.core.snapshot().thread.map(|thread| thread.thread_id), Some(id(60)));
}

#[test]
fn a_later_jump_replaces_one_that_has_not_arrived() {
    let mut desk = online(1_000, 901);
    desk.open_room(span(951, 1_000));
    let first = desk.command(jump(place(500)));
    let second = desk.command(jump(place(960)));
    assert_eq!(desk.answer(first), Some(Err(CommandErrorCode::NotNow)));
    assert_eq!(desk.answer(second), Some(Ok(())));
    desk.feed(Input::PlaceFound { room_id: ROOM, jump: 1, seq: Some(Seq(500)), message: None });
    assert!(desk.try_api_op(|call| matches!(call, ApiCall::History(_, query) if query.around.is_some())).is_none());
}

#[test]
fn a_page_that_shows_nothing_is_followed_by_another() {
    let mut desk = online(1_000, 901);
    desk.open_room(span(901, 1_000));
    let asked = desk.command(Command::LoadOlder { room_id: ROOM });
    let threads = |from: u64, to: u64| -> Vec<Message> {
        span(from, to).into_iter().map(|message| Message { thread_id: Some(id(1)), ..message }).collect()
    };
    let before =
        |seq| move |call: &ApiCall| matches!(call, ApiCall::History(_, query) if query.before == Some(Seq(seq)));
    let op = desk.api_op(before(901));
    desk.feed(Input::ApiDone(op, Ok(history(threads(851, 900), 1_000))));
    assert_eq!(desk.answer(asked), None);
    let op = desk.api_op(before(851));
    desk.feed(Input::ApiDone(op, Ok(history(span(801, 850), 1_000))));
    assert_eq!(desk.answer(asked), Some(Ok(())));
    assert_eq!(seqs(&desk).first(), Some(&801));
}

#[test]
fn the_background_fetches_each_room_to_its_beginning_once() {
    let mut desk = online(1_000, 901);
    let mut expected = 901;
    for _ in 0..20 {
        desk.wait(Duration::from_secs(4));
        let Some(op) = desk.try_api_op(|call| matches!(call, ApiCall::History(..))) else { break };
        let Some(Effect::Api(_, ApiCall::History(_, query))) =
            desk.effects.iter().rev().find(|effect| matches!(effect, Effect::Api(there, _) if *there == op))
        else {
            panic!("no call")
        };
        assert_eq!(query.before, Some(Seq(expected)));
        desk.effects.clear();
        let from = expected.saturating_sub(200).max(1);
        desk.feed(Input::ApiDone(op, Ok(history(span(from, expected - 1), 1_000))));
        assert!(desk.effects.iter().any(|effect| matches!(effect, Effect::Store(StoreJob::SaveMessages { .. }))));
        desk.effects.clear();
        expected = from;
    }
    assert_eq!(expected, 1);
    desk.wait(Duration::from_secs(60));
    assert!(desk.effects.is_empty());
}

#[test]
fn the_background_stops_where_retention_or_a_wipe_ends_it() {
    let mut desk = online(1_000, 901);
    desk.now.wall = UnixMs(86_400_000 + 950_000);
    desk.command(Command::SetRetention { days: Some(1) });
    desk.effects.clear();
    desk.wait(Duration::from_secs(30));
    assert!(desk.try_api_op(|call| matches!(call, ApiCall::History(..))).is_none());

    let mut desk = online(1_000, 901);
    desk.open_room(span(951, 1_000));
    desk.now.wall = UnixMs(2_000_000);
    desk.command(Command::WipeHistory);
    assert!(desk.effects.iter().any(|effect| matches!(effect, Effect::Store(StoreJob::Wipe(_)))));
    // The open room asks for what it shows; nothing else is fetched.
    desk.feed(page_loaded(PageAt::Newest, Vec::new(), 1_001, u64::MAX));
    let op = desk.api_op(|call| matches!(call, ApiCall::History(_, query) if query.before == Some(Seq(1_001))));
    desk.feed(Input::ApiDone(op, Ok(history(span(951, 1_000), 1_000))));
    assert_eq!(seqs(&desk).len(), 50);
    desk.effects.clear();
    desk.wait(Duration::from_secs(60));
    assert!(desk.try_api_op(|call| matches!(call, ApiCall::History(..))).is_none());
}

#[test]
fn retention_moves_the_beginning_of_the_history_before_it_removes_anything() {
    let mut desk = offline(100, 1);
    desk.now.wall = UnixMs(86_400_000 + 50_000);
    let zero = desk.command(Command::SetRetention { days: Some(0) });
    assert_eq!(desk.answer(zero), Some(Err(CommandErrorCode::InvalidArgument)));
    desk.command(Command::SetRetention { days: Some(1) });
    let since = UnixMs(50_000);
    assert!(
        desk.effects.iter().any(|effect| matches!(effect, Effect::Store(StoreJob::FirstsSince(at)) if *at == since))
    );
    desk.effects.clear();
    desk.feed(Input::FirstsFound { since, firsts: [(ROOM, Seq(50))].into() });
    let jobs: Vec<String> = desk
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Store(StoreJob::SaveRoom(record)) => Some(format!("from {}", record.history_from.unwrap().0)),
            Effect::Store(StoreJob::Prune { before }) => Some(format!("prune {}", before.0)),
            _ => None,
        })
        .collect();
    assert_eq!(jobs, ["from 50", "prune 50000"]);
    assert_eq!(desk.core.snapshot().settings.retention_days, Some(1));
}

#[test]
fn a_search_on_the_device_resolves_names_and_shows_hits() {
    let mut desk = offline(100, 1);
    let reply = ReplyId(900);
    let ask = |query: &str| {
        Input::Query(
            reply,
            Query::Search {
                query: query.to_owned(),
                source: SearchSource::Device,
                room_id: None,
                before: None,
                utc_offset_min: 0,
            },
        )
    };
    desk.feed(ask("plan from:mi in:mina"));
    let Some(Effect::AskStore(_, ReadJob::Search(spec))) = desk.effects.pop() else { panic!("nothing is asked") };
    assert_eq!((spec.from.clone(), spec.rooms.clone()), (Some(vec![MINA]), Some(vec![ROOM])));
    let found = Found { messages: vec![message(7, MINA, "the plan")], next: Some(5) };
    desk.feed(Input::StoreAnswered(reply, Some(StoreAnswer::Found { spec, found })));
    let Some(Effect::Reply(_, Ok(Answer::Search(results)))) = desk.effects.pop() else { panic!("no answer") };
    assert_eq!((results.hits[0].room_title.as_str(), results.next.as_deref()), ("Mina", Some("5")));
    assert_eq!(results.words, ["plan"]);
    // A name that nobody has finds nothing rather than everything.
    desk.feed(ask("plan from:zoe"));
    let Some(Effect::AskStore(_, ReadJob::Search(spec))) = desk.effects.pop() else { panic!("nothing is asked") };
    assert_eq!(spec.from, Some(Vec::new()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whatever the windows and pages: what is shown of the flow has no gaps, and at the end of scrolling it is whole.
    #[test]
    fn scrolling_from_anywhere_shows_every_message_once(target in 1_u64..300, threads in prop::collection::btree_set(2_u64..300, 0..60)) {
        let newest = 300;
        let all: Vec<Message> = span(1, newest).into_iter().map(|message| {
            let thread_id = threads.contains(&message.seq.0).then(|| id(1));
            Message { thread_id, ..message }
        }).collect();
        let mut desk = online(newest, newest + 1);
        desk.command(Command::OpenRoom { room_id: ROOM });
        let page = |query: &HistoryQuery| -> ApiReply {
            let limit = query.limit.unwrap_or(50) as usize;
            let messages: Vec<Message> = match query {
                HistoryQuery { before: Some(before), .. } => {
                    let older: Vec<Message> = all.iter().filter(|message| message.seq < *before).cloned().collect();
                    older[older.len().saturating_sub(limit)..].to_vec()
                }
                HistoryQuery { after: Some(after), .. } => {
                    all.iter().filter(|message| message.seq > *after).take(limit).cloned().collect()
                }
                HistoryQuery { around: Some(at), .. } => {
                    let first = at.0.saturating_sub(limit as u64 / 2);
                    all.iter().filter(|message| message.seq.0 >= first).take(limit).cloned().collect()
                }
                _ => Vec::new(),
            };
            history(messages, newest)
        };
        let settle = |desk: &mut Desk| loop {
            let effects = std::mem::take(&mut desk.effects);
            if effects.is_empty() {
                break;
            }
            for effect in effects {
                match effect {
                    Effect::Api(op, ApiCall::History(_, query)) => desk.feed(Input::ApiDone(op, Ok(page(&query)))),
                    Effect::Store(StoreJob::FindPlace { jump, place, .. }) => {
                        let (seq, root) = match place {
                            Wanted::Place(seq) => (seq, None),
                            Wanted::Message(_) => (Seq(1), Some(Box::new(all[0].clone()))),
                            Wanted::Moment(_) => unreachable!("no moment is asked for"),
                        };
                        desk.feed(Input::PlaceFound { room_id: ROOM, jump, seq: Some(seq), message: root });
                    }
                    Effect::Store(StoreJob::LoadPage { at, floor, .. }) => {
                        let (from, to) = match at {
                            PageAt::Newest => (floor.0, newest),
                            PageAt::Before(before) => (floor.0.max(before.0.saturating_sub(50)), before.0 - 1),
                            PageAt::After(after) => (after.0 + 1, (after.0 + 50).min(newest)),
                            PageAt::Around(at) => (at.0.saturating_sub(25).max(floor.0), (at.0 + 25).min(newest)),
                        };
                        let flow = all.iter().filter(|message| {
                            (from..=to).contains(&message.seq.0) && message.thread_id.is_none()
                        });
                        let input = page_loaded(at, flow.cloned().collect(), from, to);
                        desk.feed(input);
                    }
                    _ => {}
                }
            }
        };
        settle(&mut desk);
        let jump = Command::JumpTo { room_id: ROOM, to: JumpTarget::Place { seq: Seq(target) } };
        desk.command(jump);
        settle(&mut desk);
        for _ in 0..40 {
            if desk.timeline().has_newer {
                desk.command(Command::LoadNewer { room_id: ROOM });
            }
            if desk.timeline().has_older {
                desk.command(Command::LoadOlder { room_id: ROOM });
            }
            settle(&mut desk);
            let shown = seqs(&desk);
            if let (Some(first), Some(last)) = (shown.first(), shown.last()) {
                let expected: Vec<u64> = (*first..=*last).filter(|seq| !threads.contains(seq)).collect();
                prop_assert_eq!(shown, expected);
            }
        }
        let whole: Vec<u64> = (1..=newest).filter(|seq| !threads.contains(seq)).collect();
        prop_assert_eq!(seqs(&desk), whole);
        prop_assert!(!desk.timeline().has_newer && !desk.timeline().has_older);
    }
}
