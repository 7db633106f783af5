//! What people do with messages beyond saying them: answers, threads, reactions, pins, mentions, files, search; on several devices.

use anyhow::{Context, Result, anyhow};
use e2e::person::{Person, is_text, say};
use e2e::picture::plain_png;
use e2e::relay::{Relay, RelayProcess};
use parley_client::core::Answer;
use parley_client::files::Variant;
use parley_shared::ids::{MessageId, RoomId, UserId};
use parley_shared::view::{
    BodyView, Command, HistoryProtection, JumpTarget, MessageView, Query, ReplyState, SearchResults, SearchSource,
};
use parley_shared::wire::{AttachmentKind, Visibility};

/// Three people in a group, all looking at it.
async fn group(relay_url: &str) -> Result<(Vec<Person>, RoomId)> {
    let mut people = Vec::new();
    for name in ["Mara", "Jonas", "Seo-yeon"] {
        people.push(Person::sign_up(relay_url, name).await?);
    }
    let members = vec![people[0].find("Jonas").await?.id, people[0].find("Seo-yeon").await?.id];
    let (name, topic) = ("Harbour".to_owned(), "Where the boats are".to_owned());
    people[0].command(Command::CreateGroup { name, topic, visibility: Visibility::Private, members }).await?;
    let room = people[0].see_timeline("the group", |timeline| Some(timeline.room.id)).await?;
    for person in &people[1..] {
        person.open_room(room).await?;
        person.see_timeline("the group", |timeline| (timeline.room.id == room).then_some(())).await?;
    }
    Ok((people, room))
}

async fn said(person: &Person, room_id: RoomId, text: &str) -> Result<MessageId> {
    person.say(room_id, text).await?;
    stored(person, text).await
}

async fn stored(person: &Person, text: &str) -> Result<MessageId> {
    person
        .see_timeline(&format!("{text:?} stored"), |timeline| {
            timeline.messages.iter().find(|message| is_text(message, text))?.id
        })
        .await
}

async fn see_change<T>(
    person: &Person,
    what: &str,
    message_id: MessageId,
    mut look: impl FnMut(&MessageView) -> Option<T>,
) -> Result<T> {
    person
        .see_timeline(what, |timeline| {
            timeline.messages.iter().find(|message| message.id == Some(message_id)).and_then(&mut look)
        })
        .await
}

async fn me(person: &Person) -> Result<UserId> {
    person
        .see("who I am", |view| match &view.session {
            parley_shared::view::SessionView::SignedIn { me, .. } => Some(me.user_id),
            _ => None,
        })
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_reactions_pins_and_threads_reach_everybody_and_every_device() -> Result<()> {
    let relay = Relay::start().await?;
    let (people, room) = group(&relay.url).await?;
    let (mara, jonas) = (&people[0], &people[1]);
    let phone = jonas.another_device(&relay.url).await?;
    phone.open_room(room).await?;
    let question = said(mara, room, "Who brings the *boat*?").await?;
    stored(jonas, "Who brings the *boat*?").await?;

    let Command::SendMessage { text, attachments, .. } = say(room, "I do") else { unreachable!() };
    let answer = Command::SendMessage { room_id: room, text, reply_to: Some(question), thread_id: None, attachments };
    jonas.command(answer).await?;
    for person in [mara, jonas, &phone] {
        let reply = person.see_message("I do").await?.reply.context("it answers something")?;
        assert_eq!((reply.message_id, reply.state), (question, ReplyState::Known));
        assert_eq!(reply.sender_name, "Mara");
    }

    let react = |emoji: &str, on| Command::SetReaction { room_id: room, message_id: question, emoji: emoji.into(), on };
    jonas.command(react("⛵", true)).await?;
    mara.command(react("⛵", true)).await?;
    mara.command(react("👍🏽", true)).await?;
    see_change(&phone, "both boats", question, |message| {
        let boat = message.reactions.iter().find(|reaction| reaction.emoji == "⛵")?;
        (boat.count == 2 && boat.mine && boat.names == ["Mara"]).then_some(())
    })
    .await?;
    mara.command(react("👍🏽", false)).await?;
    see_change(jonas, "one emoji", question, |message| (message.reactions.len() == 1).then_some(())).await?;
    assert!(jonas.command(react("boat", true)).await.is_err(), "a word is no emoji");

    mara.command(Command::SetPinned { room_id: room, message_id: question, pinned: true }).await?;
    see_change(&phone, "the pin", question, |message| message.pinned.then_some(())).await?;
    let pins = phone.client.query(Query::Pins { room_id: room }).await.map_err(|error| anyhow!("{error:?}"))?;
    let Answer::Messages(pins) = pins else { panic!("pins are messages: {pins:?}") };
    assert_eq!(pins.iter().filter_map(|message| message.id).collect::<Vec<_>>(), [question]);

    jonas.command(Command::OpenThread { room_id: room, message_id: question }).await?;
    let in_thread = Command::SendMessage {
        room_id: room,
        text: "It needs paint".into(),
        reply_to: None,
        thread_id: Some(question),
        attachments: Vec::new(),
    };
    phone.command(in_thread).await?;
    jonas
        .see("the reply in the thread", |view| {
            view.thread.as_ref()?.messages.iter().find(|message| is_text(message, "It needs paint")).map(drop)
        })
        .await?;
    see_change(mara, "one reply", question, |message| (message.thread.as_ref()?.replies == 1).then_some(())).await?;
    let flow = mara.view().timeline.context("Mara's room is open")?.messages;
    assert!(!flow.iter().any(|message| is_text(message, "It needs paint")), "a thread is beside the flow");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mention_is_counted_on_all_devices_until_one_of_them_reads_it() -> Result<()> {
    let relay = Relay::start().await?;
    let (people, room) = group(&relay.url).await?;
    let (mara, jonas) = (&people[0], &people[1]);
    jonas.command(Command::CloseRoom).await?;
    let phone = jonas.another_device(&relay.url).await?;
    mara.say(room, "Anyone awake?").await?;
    mara.say(room, &format!("Coffee, <@{}>?", me(jonas).await?)).await?;

    let counted = |unread, mentions| {
        move |view: &parley_shared::view::Snapshot| {
            let item = view.rooms.rooms.iter().find(|item| item.id == room)?;
            ((item.unread, item.mentions) == (unread, mentions)).then_some(())
        }
    };
    jonas.see("one mention", counted(2, 1)).await?;
    phone.see("one mention", counted(2, 1)).await?;
    phone.open_room(room).await?;
    let last = phone
        .see_timeline("the mention", |timeline| timeline.messages.iter().find(|one| one.mentions_me).cloned())
        .await?;
    let BodyView::Text { mentions, .. } = &last.body else { panic!("it has a text") };
    assert!(mentions.iter().any(|mention| mention.me && mention.name == "Jonas"));
    phone.command(Command::MarkRead { room_id: room, seq: last.seq.context("it is stored")? }).await?;
    jonas.see("nothing unread", counted(0, 0)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn earlier_texts_and_receipts_can_be_asked_for() -> Result<()> {
    let relay = Relay::start().await?;
    let (people, room) = group(&relay.url).await?;
    let (mara, jonas) = (&people[0], &people[1]);
    let message_id = said(mara, room, "At tow").await?;
    mara.command(Command::EditMessage { room_id: room, message_id, text: "At two".into() }).await?;
    let read = jonas.see_message("At two").await?;
    let versions = jonas.client.query(Query::MessageVersions { room_id: room, message_id }).await;
    let Ok(Answer::Versions(versions)) = versions else { panic!("no versions: {versions:?}") };
    assert_eq!(versions.iter().map(|version| version.text.as_str()).collect::<Vec<_>>(), ["At two", "At tow"]);

    jonas.command(Command::MarkRead { room_id: room, seq: read.seq.context("it is stored")? }).await?;
    for _ in 0..200 {
        let receipts = mara.client.query(Query::Receipts { room_id: room, message_id }).await;
        let Ok(Answer::Receipts(receipts)) = receipts else { panic!("no receipts: {receipts:?}") };
        let names = |people: &[parley_shared::view::PersonItem]| {
            people.iter().map(|person| person.display_name.clone()).collect::<Vec<_>>()
        };
        if names(&receipts.read) == ["Jonas"] && names(&receipts.delivered) == ["Seo-yeon"] {
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the receipts never came");
}

async fn search(person: &Person, query: &str, source: SearchSource) -> Result<SearchResults> {
    let query = Query::Search { query: query.into(), source, room_id: None, before: None, utc_offset_min: 0 };
    match person.client.query(query).await {
        Ok(Answer::Search(results)) => Ok(results),
        other => Err(anyhow!("the search answered {other:?}")),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn relay_and_device_find_the_same_and_the_device_also_alone() -> Result<()> {
    let mut relay = RelayProcess::start()?;
    let (people, room) = group(&relay.url).await?;
    let (mara, jonas) = (&people[0], &people[1]);
    for text in ["The budget is tight", "Budgets are for the meek", "No money", "See https://example.org/budget"] {
        said(mara, room, text).await?;
    }
    said(jonas, room, "My budget, exact words").await?;
    stored(mara, "My budget, exact words").await?;

    for (query, expected) in [
        ("budget", 4),
        ("BUDGÉT", 4),
        ("from:jonas budget", 1),
        ("from:me budget", 3),
        ("in:harb \"exact words\"", 1),
        ("\"words exact\"", 0),
        ("has:link", 1),
        ("in:nowhere budget", 0),
        ("before:2020-01-01 budget", 0),
        ("budget NOT OR \" * ^ :", 0),
    ] {
        let found = async |source| -> Result<Vec<Option<MessageId>>> {
            Ok(search(mara, query, source).await?.hits.iter().map(|hit| hit.message.id).collect())
        };
        let (on_relay, on_device) = (found(SearchSource::Relay).await?, found(SearchSource::Device).await?);
        assert_eq!(on_relay.len(), expected, "{query} on the relay");
        assert_eq!(on_device, on_relay, "{query} on the device");
    }

    relay.kill();
    mara.see("that the relay is away", |view| {
        (view.connection != parley_shared::view::ConnectionView::Online).then_some(())
    })
    .await?;
    assert!(search(mara, "budget", SearchSource::Relay).await.is_err());
    let found = search(mara, "tight", SearchSource::Device).await?;
    let seq = found.hits[0].message.seq.context("a hit is stored")?;
    mara.command(Command::CloseRoom).await?;
    mara.command(Command::JumpTo { room_id: room, to: JumpTarget::Place { seq } }).await?;
    mara.see_timeline("the hit", |timeline| (timeline.focus?.seq == seq).then_some(())).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_and_a_file_reach_the_other_and_nobody_else() -> Result<()> {
    let relay = Relay::start().await?;
    let (people, room) = group(&relay.url).await?;
    let (mara, jonas) = (&people[0], &people[1]);
    let attach = async |name: &str, bytes: Vec<u8>| {
        mara.client.attach(name, bytes).await.map_err(|error| anyhow!("{name}: {error:?}"))
    };
    let photo = attach("../beach.png", plain_png(1_600, 1_200)?).await?;
    assert!(matches!(photo.kind, AttachmentKind::Image { width_px: 1_600, height_px: 1_200, .. }));
    let notes = attach("notes.txt", b"Bring towels".repeat(200_000)).await?;
    let attachments = vec![photo.key, notes.key];
    let text = String::new();
    mara.command(Command::SendMessage { room_id: room, text, reply_to: None, thread_id: None, attachments }).await?;

    let files = jonas
        .see_timeline("the files", |timeline| {
            timeline.messages.iter().find_map(|message| match &message.body {
                BodyView::Text { attachments, .. } if attachments.len() == 2 => Some(attachments.clone()),
                _ => None,
            })
        })
        .await?;
    assert_eq!(files[0].name, "beach.png");
    for variant in [Variant::Full, Variant::Thumbnail] {
        let shown = jonas.client.show_file(&files[0].key, variant).await.map_err(|error| anyhow!("{error:?}"))?;
        assert!(!shown.bytes.is_empty(), "{variant:?}");
    }
    let place = tempfile::tempdir()?;
    let saved = place.path().join("notes.txt");
    jonas.client.save_file(&files[1].key, saved.clone()).await.map_err(|error| anyhow!("{error:?}"))?;
    assert_eq!(std::fs::read(saved)?, b"Bring towels".repeat(200_000));

    let stranger = Person::sign_up(&relay.url, "Stranger").await?;
    assert!(stranger.client.show_file(&files[0].key, Variant::Full).await.is_err());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_history_on_disk_says_nothing_to_others() -> Result<()> {
    let relay = Relay::start().await?;
    let (people, room) = group(&relay.url).await?;
    let mara = &people[0];
    said(mara, room, "The combination is 4711").await?;
    assert_ne!(mara.view().settings.history_protection, HistoryProtection::None);
    let mut files = vec![mara.data_dir().context("Mara has a folder")?.to_owned()];
    let mut read = 0;
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(std::fs::read_dir(&path)?.filter_map(|entry| Some(entry.ok()?.path())));
            continue;
        }
        let bytes = std::fs::read(&path)?;
        read += bytes.len();
        for secret in ["combination", "Harbour", "Seo-yeon"] {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{secret:?} stands in {}", path.display());
        }
    }
    assert!(read > 10_000, "there is a history on disk");
    Ok(())
}
