//! The battery that every store passes. `open` gives the same data each time, as a restarted relay finds it.
//!
//! Each part panics with a sentence when the store does otherwise.

mod call_reports;
mod conversation;
mod export;
mod files;
mod guests;
mod profiles;
mod search;
mod tenants;

use std::sync::Arc;

use futures_util::future::join_all;
use parley_shared::ids::{CallId, ClientMessageId, DeviceId, InviteId, MessageId, RoomId, Seq, UnixMs, UserId};
use parley_shared::wire::{
    CallOutcome, ChangeRoom, ErrorCode, HistoryQuery, MemberRole, Message, MessageBody, Role, RoomKind, User,
    Visibility,
};
use relay_core::work::{CallEntry, Done, NewMessage, OpenCall, Work};

use super::{
    Left, Mark, NewDevice, NewInvite, NewRefresh, NewRoom, NewUser, REFRESH_REPEAT_MS, Rotate, Rotated, Store,
    StoreError, TenantId,
};

/// Runs everything, each part over data of its own.
pub async fn run(open: impl Fn(&str) -> Arc<dyn Store>) {
    accounts(&open("accounts")).await;
    refresh_tokens(&open("refresh")).await;
    people(&open("people")).await;
    rooms(&open("rooms")).await;
    invites(&open("invites")).await;
    messages(&open("messages")).await;
    concurrent_sends(&open("concurrent")).await;
    receipts(&open("receipts")).await;
    calls(&open("calls")).await;
    conversation::run(&open).await;
    search::run(&open("search")).await;
    call_reports::run(&open("call_reports")).await;
    files::run(&open).await;
    export::run(&open("export")).await;
    profiles::run(&open).await;
    tenants::run(&open).await;
    guests::run(&open).await;
    deletion(&open("deletion")).await;
    reopening(&|| open("reopening")).await;
}

const AT: UnixMs = UnixMs(1_700_000_000_000);

async fn accounts(store: &Arc<dyn Store>) {
    let echo = store.create_user(NewUser { bot: true, ..new_user(9, "Echo") }).await.expect("a bot is made");
    assert_eq!(echo.role, Role::Member, "a program is never the first admin");
    let ada = person(store, 1, "Ada Lovelace").await;
    assert_eq!(ada.role, Role::Admin, "the first person is admin");
    assert_eq!(person(store, 2, "Bob").await.role, Role::Member);
    let same = NewUser { id: UserId::from_bytes([3; 16]), email: "P1@EXAMPLE.org".into(), ..new_user(1, "Eve") };
    assert_eq!(refused(store.create_user(same).await), ErrorCode::Conflict, "e-mail is unique, whatever its case");
    let found = store.credentials(TenantId::DEFAULT, " p1@Example.ORG ".into()).await.expect("readable");
    assert_eq!(found.map(|c| c.user.id), Some(ada.id));
    assert!(store.credentials(TenantId::DEFAULT, "nobody@example.org".into()).await.expect("readable").is_none());

    let first = sign_in(store, ada.id, 1, 1).await;
    let second = sign_in(store, ada.id, 2, 2).await;
    assert_eq!(store.device_user(first).await.expect("readable").map(|user| user.id), Some(ada.id));
    assert_eq!(store.devices(ada.id).await.expect("readable").len(), 2);
    assert!(!store.revoke_device(UserId::from_bytes([2; 16]), first).await.expect("writable"), "not Bob's device");
    assert_eq!(store.revoke_other_devices(ada.id, second).await.expect("writable"), [first]);
    assert_eq!(store.device_user(first).await.expect("readable"), None);
}

async fn refresh_tokens(store: &Arc<dyn Store>) {
    let ada = person(store, 1, "Ada").await;
    let device = sign_in(store, ada.id, 1, 10).await;
    let rotate = |shown: u8, next: u8, attempt: Option<u8>, at: i64| Rotate {
        shown: [shown; 32],
        attempt: attempt.map(|byte| [byte; 32]),
        next: refresh(next),
        at: UnixMs(at),
    };
    let spent = Rotated::Spent { user: ada.clone(), device_id: device };
    let go = |rotate| async move { store.rotate_refresh(rotate).await.expect("writable") };
    assert_eq!(go(rotate(99, 11, None, AT.0)).await, Rotated::Unknown);
    assert_eq!(go(rotate(10, 11, Some(1), AT.0)).await, spent);
    assert_eq!(go(rotate(10, 12, Some(1), AT.0 + 1)).await, spent, "the answer was lost: the same attempt again");
    assert_eq!(go(rotate(11, 13, None, AT.0 + 2)).await, Rotated::Unknown, "what the lost answer held is void");
    assert_eq!(go(rotate(12, 14, Some(2), AT.0 + 3)).await, spent);
    assert_eq!(go(rotate(14, 15, None, AT.0 + 4)).await, spent);
    assert_eq!(
        go(rotate(12, 16, Some(2), AT.0 + 5)).await,
        Rotated::Reused { device_id: device },
        "its successor was used: this is a thief"
    );
    assert_eq!(go(rotate(15, 17, None, AT.0 + 6)).await, Rotated::Unknown, "reuse revoked the family");
    assert_eq!(store.device_user(device).await.expect("readable"), None);

    let device = sign_in(store, ada.id, 2, 20).await;
    let spent = Rotated::Spent { user: ada.clone(), device_id: device };
    assert_eq!(go(rotate(20, 21, Some(1), AT.0)).await, spent);
    let late = rotate(20, 22, Some(1), AT.0 + REFRESH_REPEAT_MS + 1);
    assert_eq!(go(late).await, Rotated::Reused { device_id: device }, "a repetition has its time");
    let device = sign_in(store, ada.id, 3, 30).await;
    assert_eq!(go(rotate(30, 31, None, AT.0 + 10_000_000)).await, Rotated::Unknown, "expired");
    assert!(store.device_user(device).await.expect("readable").is_some());
}

async fn people(store: &Arc<dyn Store>) {
    let ada = person(store, 1, "Ada Lovelace").await;
    let bob = person(store, 2, "Bob van Dam").await;
    person(store, 3, "Vanessa %_ Özil").await;
    let search = |query: &str| {
        let (query, store) = (query.to_owned(), store.clone());
        async move {
            let found = store.search_people(ada.id, query, None, 10).await.expect("readable");
            found.into_iter().map(|person| person.user.display_name).collect::<Vec<_>>()
        }
    };
    assert_eq!(search("van").await, ["Bob van Dam", "Vanessa %_ Özil"], "the beginning of any word");
    assert_eq!(search("b VAN").await, ["Bob van Dam"], "every word of the query");
    assert_eq!(search("özi").await, ["Vanessa %_ Özil"]);
    assert!(search("%").await.is_empty() && search("_").await.is_empty(), "no wildcards");
    assert!(search("ada").await.is_empty(), "not oneself");
    let all = store.search_people(ada.id, String::new(), None, 1).await.expect("readable");
    let rest = store.search_people(ada.id, String::new(), Some(all[0].user.id), 10).await.expect("readable");
    assert_eq!((all.len(), rest.len()), (1, 1), "pages follow each other");

    store.set_mark(ada.id, bob.id, Mark::Favourite, true).await.expect("writable");
    assert!(store.person(ada.id, bob.id).await.expect("readable").favourite);
    assert_eq!(store.marked_people(ada.id, Mark::Favourite).await.expect("readable").len(), 1);
    store.set_mark(bob.id, ada.id, Mark::Blocked, true).await.expect("writable");
    assert_eq!(refused(store.person(ada.id, bob.id).await), ErrorCode::NotFound, "a block looks like nobody");
    assert_eq!(search("van").await, ["Vanessa %_ Özil"]);
    assert_eq!(
        refused(store.create_room(direct(1, ada.id, bob.id)).await),
        ErrorCode::NotFound,
        "no direct room through a block"
    );
    let Ok(Done::People(audience)) = store.perform(Work::Audience { user_id: bob.id }).await else {
        panic!("an audience is people");
    };
    assert!(audience.is_empty(), "a blocked favourer sees no presence");
}

async fn rooms(store: &Arc<dyn Store>) {
    let (ada, bob) = (person(store, 1, "Ada").await, person(store, 2, "Bob").await);
    let (eve, dan) = (person(store, 3, "Eve").await, person(store, 4, "Dan").await);
    let (room, fresh) = store.create_room(direct(1, ada.id, bob.id)).await.expect("made");
    let (again, fresh_again) = store.create_room(direct(2, bob.id, ada.id)).await.expect("found");
    assert_eq!((fresh, fresh_again, room.id), (true, false, again.id), "the same two have one room");
    assert_eq!(refused(store.room(eve.id, room.id).await), ErrorCode::NotFound, "others do not see it");
    let rename = || ChangeRoom { name: Some("New name".into()), ..ChangeRoom::default() };
    assert_eq!(refused(store.change_room(ada.id, room.id, rename()).await), ErrorCode::Forbidden);
    assert_eq!(refused(store.remove_member(ada.id, room.id, ada.id).await), ErrorCode::Forbidden);

    let new = NewRoom { max_members: 3, ..group(3, ada.id, vec![bob.id]) };
    let (room, _) = store.create_room(new).await.expect("made");
    assert_eq!((room.member_count, room.members.len()), (2, 2));
    assert_eq!(refused(store.change_room(bob.id, room.id, rename()).await), ErrorCode::Forbidden);
    assert_eq!(refused(store.change_room(eve.id, room.id, rename()).await), ErrorCode::NotFound);
    assert_eq!(store.change_room(ada.id, room.id, rename()).await.expect("renamed").0.name, "New name");
    assert_eq!(refused(store.join_room(eve.id, room.id, AT).await), ErrorCode::NotFound, "private");
    let publish = ChangeRoom { visibility: Some(Visibility::Public), ..ChangeRoom::default() };
    store.change_room(ada.id, room.id, publish).await.expect("published");
    let listed = store.public_rooms(eve.id, "na".into(), None, 10).await.expect("readable");
    assert_eq!(listed.iter().map(|room| room.id).collect::<Vec<_>>(), [room.id]);
    store.join_room(eve.id, room.id, AT).await.expect("public");
    let full = store.add_members(ada.id, room.id, vec![dan.id], AT).await;
    assert_eq!(refused(full), ErrorCode::Conflict, "the room is full");
    assert_eq!(refused(store.room(dan.id, room.id).await), ErrorCode::NotFound, "and nothing was left of the try");

    assert_eq!(refused(store.remove_member(bob.id, room.id, eve.id).await), ErrorCode::Forbidden);
    store.change_member(ada.id, room.id, bob.id, MemberRole::Moderator).await.expect("promoted");
    assert_eq!(refused(store.remove_member(bob.id, room.id, ada.id).await), ErrorCode::Forbidden, "not an owner");
    assert_eq!(store.remove_member(bob.id, room.id, eve.id).await.expect("removed"), Left::Member);
    let demote = store.change_member(ada.id, room.id, ada.id, MemberRole::Member).await;
    assert_eq!(refused(demote), ErrorCode::Conflict, "a room keeps an owner");
    store.remove_member(ada.id, room.id, ada.id).await.expect("left");
    let seen = store.room(bob.id, room.id).await.expect("readable");
    assert_eq!(seen.members[0].role, MemberRole::Owner, "the next in line inherits");
    assert_eq!(
        store.remove_member(bob.id, room.id, bob.id).await.expect("left"),
        Left::RoomGone { guests: Vec::new() }
    );
    assert_eq!(store.rooms(bob.id, None, 10).await.expect("readable").len(), 1, "the direct room");
}

async fn invites(store: &Arc<dyn Store>) {
    let (ada, bob, eve) = (person(store, 1, "Ada").await, person(store, 2, "Bob").await, person(store, 3, "Eve").await);
    let (room, _) = store.create_room(group(1, ada.id, Vec::new())).await.expect("made");
    let invite = |n: u8, expires_at: Option<i64>, max_uses: Option<u32>| NewInvite {
        id: InviteId::from_bytes([n; 16]),
        code: format!("code-{n}"),
        at: AT,
        expires_at: expires_at.map(|ms| UnixMs(AT.0 + ms)),
        max_uses,
    };
    store.create_invite(ada.id, room.id, invite(1, None, Some(1))).await.expect("made");
    store.create_invite(ada.id, room.id, invite(2, Some(1_000), None)).await.expect("made");
    store.create_invite(ada.id, room.id, invite(3, None, None)).await.expect("made");
    assert_eq!(refused(store.invites(bob.id, room.id).await), ErrorCode::NotFound);
    store.accept_invite(bob.id, "code-1".into(), AT).await.expect("entered");
    store.accept_invite(bob.id, "code-1".into(), AT).await.expect("again, as a member");
    assert_eq!(refused(store.create_invite(bob.id, room.id, invite(4, None, None)).await), ErrorCode::Forbidden);
    assert_eq!(refused(store.accept_invite(eve.id, "code-1".into(), AT).await), ErrorCode::NotFound, "used up");
    let late = UnixMs(AT.0 + 1_000);
    assert_eq!(refused(store.accept_invite(eve.id, "code-2".into(), late).await), ErrorCode::NotFound, "expired");
    store.revoke_invite(ada.id, room.id, InviteId::from_bytes([3; 16])).await.expect("revoked");
    assert_eq!(refused(store.accept_invite(eve.id, "code-3".into(), AT).await), ErrorCode::NotFound, "revoked");
    store.accept_invite(eve.id, "code-2".into(), AT).await.expect("entered in time");
}

async fn messages(store: &Arc<dyn Store>) {
    let (ada, bob, eve) = (person(store, 1, "Ada").await, person(store, 2, "Bob").await, person(store, 3, "Eve").await);
    let (room, _) = store.create_room(group(1, ada.id, vec![bob.id])).await.expect("made");
    let mut sent = Vec::new();
    for n in 1..=10 {
        let (message, fresh) = say(store, room.id, ada.id, n).await.expect("stored");
        assert_eq!((message.seq, message.change.0, fresh), (Seq(u64::from(n)), u64::from(n), true));
        sent.push(message);
    }
    let (again, fresh) = say(store, room.id, ada.id, 3).await.expect("stored before");
    assert_eq!((again.id, again.seq, fresh), (sent[2].id, Seq(3), false), "the same client_id, the same message");
    assert_eq!(say(store, room.id, eve.id, 99).await.err(), Some(ErrorCode::NotFound), "a foreign room");

    let id = sent[4].id;
    let edit = |user_id, text: &str| Work::EditMessage {
        room_id: room.id,
        user_id,
        message_id: id,
        text: text.into(),
        at: AT,
    };
    assert_eq!(store.perform(edit(bob.id, "x")).await.err().map(|e| e.code), Some(ErrorCode::Forbidden));
    let Ok(Done::Changed { message, fresh: true, .. }) = store.perform(edit(ada.id, "edited")).await else {
        panic!("an edit changes");
    };
    assert_eq!((message.seq, message.change.0), (Seq(5), 11), "the place stays, the change is new");
    assert!(matches!(store.perform(edit(ada.id, "edited")).await, Ok(Done::Changed { fresh: false, .. })));
    let delete = |user_id| Work::DeleteMessage { room_id: room.id, user_id, message_id: sent[0].id, at: AT };
    assert_eq!(store.perform(delete(bob.id)).await.err().map(|e| e.code), Some(ErrorCode::Forbidden));
    let Ok(Done::Changed { message, .. }) = store.perform(delete(ada.id)).await else { panic!("deleted") };
    assert_eq!(message.body, MessageBody::Deleted);
    assert!(matches!(store.perform(delete(ada.id)).await, Ok(Done::Changed { fresh: false, .. })));

    let changes = store.changes(bob.id, room.id, 9, 2).await.expect("readable");
    assert_eq!(changes.messages.iter().map(|m| m.seq.0).collect::<Vec<_>>(), [10, 5]);
    assert!(changes.has_more);
    let rest = store.changes(bob.id, room.id, 11, 2).await.expect("readable");
    assert_eq!((rest.messages.len(), rest.messages[0].seq, rest.has_more), (1, Seq(1), false));
    assert_eq!(refused(store.changes(eve.id, room.id, 0, 10).await), ErrorCode::NotFound);

    let page = |query: HistoryQuery| async move {
        let page = store.history(bob.id, room.id, query).await.expect("readable");
        (page.messages.iter().map(|m| m.seq.0).collect::<Vec<_>>(), page.has_before, page.has_after)
    };
    let limit = Some(3);
    let newest = HistoryQuery { limit, ..HistoryQuery::default() };
    assert_eq!(page(newest).await, (vec![8, 9, 10], true, false));
    assert_eq!(page(HistoryQuery { before: Some(Seq(8)), ..newest }).await, (vec![5, 6, 7], true, true));
    assert_eq!(page(HistoryQuery { before: Some(Seq(3)), ..newest }).await, (vec![1, 2], false, true));
    assert_eq!(page(HistoryQuery { after: Some(Seq(8)), ..newest }).await, (vec![9, 10], true, false));
    assert_eq!(page(HistoryQuery { after: Some(Seq(0)), ..newest }).await, (vec![1, 2, 3], false, true));
    let at = |n: i64| HistoryQuery { at_ms: Some(UnixMs(AT.0 + n * 1_000)), ..newest };
    assert_eq!(page(at(4)).await, (vec![4, 5, 6], true, true), "the first at or after a time");
    assert_eq!(page(at(-9)).await, (vec![1, 2, 3], false, true));
    assert_eq!(page(at(99)).await, (vec![], true, false));
    let around = |n| HistoryQuery { around: Some(Seq(n)), ..newest };
    assert_eq!(page(around(5)).await, (vec![4, 5, 6], true, true), "in the middle");
    assert_eq!(page(around(1)).await, (vec![1, 2, 3], false, true), "whole pages at the ends");
    assert_eq!(page(around(10)).await, (vec![8, 9, 10], true, false));
    assert_eq!(page(around(u64::MAX)).await, (vec![8, 9, 10], true, false));
    assert_eq!(page(HistoryQuery { after: Some(Seq(u64::MAX)), ..newest }).await.0, Vec::<u64>::new());
    let empty = store.create_room(group(2, ada.id, Vec::new())).await.expect("made").0;
    let none = store.history(ada.id, empty.id, newest).await.expect("readable");
    assert!(none.messages.is_empty() && !none.has_before && !none.has_after);

    let archive = ChangeRoom { archived: Some(true), ..ChangeRoom::default() };
    store.change_room(ada.id, room.id, archive).await.expect("archived");
    assert_eq!(say(store, room.id, ada.id, 50).await.err(), Some(ErrorCode::Conflict), "archived rooms are read");
    let (direct, _) = store.create_room(direct(7, ada.id, bob.id)).await.expect("made");
    store.set_mark(bob.id, ada.id, Mark::Blocked, true).await.expect("blocked");
    assert_eq!(say(store, direct.id, ada.id, 60).await.err(), Some(ErrorCode::NotFound), "blocked");
    assert_eq!(say(store, direct.id, bob.id, 61).await.err(), Some(ErrorCode::Forbidden), "blocks");
}

async fn concurrent_sends(store: &Arc<dyn Store>) {
    let ada = person(store, 1, "Ada").await;
    let (room, _) = store.create_room(group(1, ada.id, Vec::new())).await.expect("made");
    let sends: Vec<_> = (0..200).map(|n| store.perform(Work::SendMessage(text(room.id, ada.id, n)))).collect();
    let answers = join_all(sends).await;
    for (n, answer) in answers.into_iter().enumerate() {
        let Ok(Done::Stored { message, .. }) = answer else { panic!("every send is stored") };
        assert_eq!(message.seq.0, n as u64 + 1, "in the order of handing over, without gaps");
    }
}

async fn receipts(store: &Arc<dyn Store>) {
    let (ada, bob) = (person(store, 1, "Ada").await, person(store, 2, "Bob").await);
    let (room, _) = store.create_room(group(1, ada.id, vec![bob.id])).await.expect("made");
    for n in 1..=5 {
        say(store, room.id, ada.id, n).await.expect("stored");
    }
    say(store, room.id, bob.id, 6).await.expect("stored");
    assert_eq!(store.room(bob.id, room.id).await.expect("readable").unread, 5, "those of others");
    let mark = |delivered: u64, read: Option<u64>| Work::Mark {
        room_id: room.id,
        user_id: bob.id,
        delivered: Seq(delivered),
        read: read.map(Seq),
    };
    let marked = |answer| match answer {
        Ok(Done::Marked { delivered, read, fresh, .. }) => (delivered.0, read.0, fresh),
        other => panic!("a mark is marked, not {other:?}"),
    };
    assert_eq!(marked(store.perform(mark(4, None)).await), (4, 0, true));
    assert_eq!(marked(store.perform(mark(3, Some(3))).await), (4, 3, true), "receipts only grow");
    assert_eq!(marked(store.perform(mark(2, Some(2))).await), (4, 3, false));
    assert_eq!(marked(store.perform(mark(u64::MAX, Some(u64::MAX))).await), (6, 6, true), "never beyond the newest");
    assert_eq!(store.room(bob.id, room.id).await.expect("readable").unread, 0);
    let eve = person(store, 3, "Eve").await;
    store.add_members(ada.id, room.id, vec![eve.id], AT).await.expect("added");
    assert_eq!(store.room(eve.id, room.id).await.expect("readable").unread, 0, "newcomers owe nothing");
}

async fn calls(store: &Arc<dyn Store>) {
    let (ada, bob) = (person(store, 1, "Ada").await, person(store, 2, "Bob").await);
    let (room, _) = store.create_room(direct(1, ada.id, bob.id)).await.expect("made");
    let open = OpenCall {
        id: CallId::from_bytes([5; 16]),
        room_id: room.id,
        caller: ada.clone(),
        started_at: AT,
        answered_at: None,
    };
    store.perform(Work::OpenCall(open.clone())).await.expect("remembered");
    let answered = OpenCall { answered_at: Some(UnixMs(AT.0 + 1)), ..open };
    store.perform(Work::OpenCall(answered.clone())).await.expect("remembered");
    let known = store.open_calls().await.expect("readable");
    assert_eq!((known.len(), &known[0].0, known[0].1.members.len()), (1, &answered, 2));
    let entry = CallEntry {
        message_id: MessageId::from_bytes([6; 16]),
        room_id: room.id,
        call_id: answered.id,
        caller_id: ada.id,
        outcome: CallOutcome::Completed,
        duration_s: 42,
        at: AT,
    };
    let Ok(Done::Stored { message, .. }) = store.perform(Work::CloseCall(entry.clone())).await else {
        panic!("a call leaves an entry");
    };
    let body = MessageBody::Call { call_id: entry.call_id, outcome: CallOutcome::Completed, duration_s: 42 };
    assert_eq!((message.seq, &message.body), (Seq(1), &body));
    assert_eq!(store.perform(Work::CloseCall(entry)).await, Ok(Done::Nothing), "and only one");
    assert!(store.open_calls().await.expect("readable").is_empty());
    let page = store.history(bob.id, room.id, HistoryQuery::default()).await.expect("readable");
    assert_eq!(page.messages[0].body, body);
}

async fn deletion(store: &Arc<dyn Store>) {
    let (ada, bob) = (person(store, 1, "Ada").await, person(store, 2, "Bob").await);
    let (room, _) = store.create_room(group(1, ada.id, vec![bob.id])).await.expect("made");
    let (kept, _) = store.create_room(group(2, ada.id, Vec::new())).await.expect("made");
    for n in 0..250 {
        say(store, room.id, ada.id, n).await.expect("stored");
    }
    say(store, kept.id, ada.id, 251).await.expect("stored");
    assert_eq!(refused(store.delete_room(bob.id, room.id).await), ErrorCode::Forbidden);
    assert_eq!(store.delete_room(ada.id, room.id).await.expect("deleted").len(), 2);
    assert_eq!(refused(store.room(ada.id, room.id).await), ErrorCode::NotFound);
    assert_eq!(say(store, room.id, ada.id, 252).await.err(), Some(ErrorCode::NotFound));
    let mut rounds = 0;
    while store.sweep(AT).await.expect("swept") {
        rounds += 1;
        assert!(rounds < 10, "sweeping ends");
    }
    assert!(rounds >= 1, "a big room goes bit by bit");
    let page = store.history(ada.id, kept.id, HistoryQuery::default()).await.expect("readable");
    assert_eq!(page.messages.len(), 1, "other rooms stay whole");
}

async fn reopening(open: &impl Fn() -> Arc<dyn Store>) {
    let store = open();
    let ada = person(&store, 1, "Ada").await;
    let (room, _) = store.create_room(group(1, ada.id, Vec::new())).await.expect("made");
    say(&store, room.id, ada.id, 1).await.expect("stored");
    drop(store);
    let store = open();
    let rooms = store.rooms(ada.id, None, 10).await.expect("readable");
    assert_eq!((rooms.len(), rooms[0].last_seq), (1, Seq(1)));
    let (message, _) = say(&store, room.id, ada.id, 2).await.expect("stored");
    assert_eq!(message.seq, Seq(2), "counting goes on");
    store.ping().await.expect("reads and writes");
}

fn new_user(n: u8, name: &str) -> NewUser {
    NewUser {
        id: UserId::from_bytes([n; 16]),
        tenant: TenantId::DEFAULT,
        display_name: name.into(),
        email: format!("p{n}@example.org"),
        password_hash: "hash".into(),
        role: None,
        bot: false,
        code: None,
        at: AT,
    }
}

async fn person(store: &Arc<dyn Store>, n: u8, name: &str) -> User {
    store.create_user(new_user(n, name)).await.expect("an account is made")
}

fn refresh(n: u8) -> NewRefresh {
    NewRefresh { hash: [n; 32], expires_at: UnixMs(AT.0 + 10_000_000) }
}

async fn sign_in(store: &Arc<dyn Store>, user_id: UserId, n: u8, token: u8) -> DeviceId {
    let id = DeviceId::from_bytes([n; 16]);
    let new = NewDevice {
        id,
        user_id,
        name: format!("device {n}"),
        at: UnixMs(AT.0 + i64::from(n)),
        refresh: refresh(token),
    };
    assert!(store.create_device(new).await.expect("signed in").is_empty());
    id
}

fn group(n: u8, owner: UserId, others: Vec<UserId>) -> NewRoom {
    NewRoom {
        id: RoomId::from_bytes([n; 16]),
        kind: RoomKind::Group,
        name: format!("Room {n}"),
        topic: String::new(),
        visibility: Visibility::Private,
        max_members: 100,
        owner,
        others,
        at: AT,
    }
}

fn direct(n: u8, owner: UserId, other: UserId) -> NewRoom {
    NewRoom { kind: RoomKind::Direct, name: String::new(), max_members: 2, ..group(n, owner, vec![other]) }
}

/// Message `n`, sent `n` seconds in.
fn text(room_id: RoomId, sender_id: UserId, n: u8) -> NewMessage {
    NewMessage {
        id: MessageId::from_bytes([n; 16]),
        room_id,
        sender_id,
        client_id: ClientMessageId::from_bytes([n; 16]),
        text: format!("message {n}"),
        reply_to: None,
        thread_id: None,
        attachments: Vec::new(),
        at: UnixMs(AT.0 + i64::from(n) * 1_000),
    }
}

async fn say(store: &Arc<dyn Store>, room_id: RoomId, sender_id: UserId, n: u8) -> Result<(Message, bool), ErrorCode> {
    match store.perform(Work::SendMessage(text(room_id, sender_id, n))).await {
        Ok(Done::Stored { message, fresh, .. }) => Ok((*message, fresh)),
        Ok(other) => panic!("a send is stored, not {other:?}"),
        Err(error) => Err(error.code),
    }
}

fn refused<T>(answer: Result<T, StoreError>) -> ErrorCode {
    match answer {
        Err(StoreError::Refused(error)) => error.code,
        Err(other) => panic!("refused, not {other}"),
        Ok(_) => panic!("refused, not done"),
    }
}
