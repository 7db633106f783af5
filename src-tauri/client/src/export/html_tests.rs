//! Pages of hostile rooms, and of friendly ones.

use std::collections::BTreeMap;

use parley_shared::ids::*;
use parley_shared::view::ExportFormat;
use parley_shared::wire::*;
use proptest::prelude::*;

use super::super::room::Document;
use super::*;
use crate::core::ExportRoom;

const JO: UserId = UserId::from_bytes([1; 16]);
const ROOM: RoomId = RoomId::from_bytes([9; 16]);
/// 2026-11-27 23:30 in UTC.
const LATE: i64 = 1_795_822_200_000;

fn message(seq: u8, text: &str) -> Message {
    Message {
        id: MessageId::from_bytes([seq; 16]),
        room_id: ROOM,
        seq: Seq(u64::from(seq)),
        change: Change(u64::from(seq)),
        sender_id: JO,
        client_id: ClientMessageId::from_bytes([seq; 16]),
        sent_at_ms: UnixMs(LATE),
        edited_at_ms: None,
        reply_to: None,
        thread_id: None,
        thread: None,
        reactions: Vec::new(),
        pinned_at_ms: None,
        body: MessageBody::text(text),
    }
}

fn member(name: &str) -> Member {
    let user = User {
        id: JO,
        display_name: name.to_owned(),
        role: Role::Member,
        bot: false,
        avatar: None,
        status_text: String::new(),
    };
    Member { user, role: MemberRole::Owner, delivered_seq: Seq(0), read_seq: Seq(0) }
}

fn head(title: &str, topic: &str, name: &str) -> Head {
    let members = vec![member(name)];
    let room = Room {
        id: ROOM,
        kind: RoomKind::Group,
        name: title.to_owned(),
        topic: topic.to_owned(),
        visibility: Visibility::Private,
        max_members: 9,
        archived: false,
        created_at_ms: UnixMs(1),
        members: members.clone(),
        member_count: 1,
        last_seq: Seq(9),
        last_change: Change(9),
        last_message: None,
        unread: 0,
        mentions: 0,
        guests: false,
        notify: NotifyLevel::All,
        avatar: None,
        call: None,
    };
    let room = ExportRoom {
        room,
        title: title.to_owned(),
        format: ExportFormat::Html,
        language: "en".to_owned(),
        names: BTreeMap::new(),
        online: true,
        now: UnixMs(LATE),
    };
    Head { room, members, complete: true }
}

fn names(name: &str) -> Names {
    Names::new(BTreeMap::from([(JO, name.to_owned())]))
}

/// Everything that a person or a relay can write into a page is `text`.
fn hostile(text: &str) -> String {
    let mut page = HtmlPage::new(Words::English, TimeZone::UTC);
    let mut out = page.head(&Head { complete: false, ..head(text, text, text) });
    let quote =
        Quote { id: MessageId::from_bytes([3; 16]), sender: Some(text.to_owned()), text: Some(text.to_owned()) };
    let file = Attachment {
        id: FileId::from_bytes([4; 16]),
        name: text.to_owned(),
        size_bytes: u64::MAX,
        kind: AttachmentKind::File { media_type: text.to_owned() },
    };
    let reaction = Reaction { emoji: text.to_owned(), user_ids: vec![JO], count: u32::MAX };
    let message = Message {
        edited_at_ms: Some(UnixMs(i64::MAX)),
        sent_at_ms: UnixMs(i64::MIN),
        reactions: vec![reaction],
        body: MessageBody::Text { text: text.to_owned(), attachments: vec![file] },
        ..message(1, "")
    };
    let beside = Beside { reply: Some(quote.clone()), thread: Some(quote) };
    out.push_str(&page.message(&message, &beside, &names(text)));
    out.push_str(&page.foot());
    out
}

/// The tags of a page, without what stands in its style.
fn tags(page: &str) -> Vec<&str> {
    let (before, rest) = page.split_once("<style>").unwrap();
    let (_, after) = rest.split_once("</style>").unwrap();
    let of = |part| -> Vec<&str> {
        let part: &str = part;
        part.match_indices('<').map(|(at, _)| &part[at..at + part[at..].find('>').unwrap() + 1]).collect()
    };
    of(before).into_iter().chain(of(after)).collect()
}

#[test]
fn scripts_in_every_field_are_text() {
    let plain = hostile("x");
    let harmless = tags(&plain);
    for text in [
        "<script>alert(1)</script>",
        "\"><script>alert(1)</script>",
        "'><img src=x onerror=alert(1)>",
        "</style><script>alert(1)</script>",
        "</title><script>alert(1)</script>",
        "<!--",
        "<svg/onload=alert(1)>",
        "\0<\u{1b}script>",
    ] {
        let page = hostile(text);
        let names = |tags: Vec<&str>| -> Vec<String> {
            tags.into_iter().map(|tag| tag.split([' ', '>']).next().unwrap().to_owned()).collect()
        };
        assert_eq!(names(tags(&page)), names(harmless.clone()), "{text}");
        assert!(!page.contains("<script") && !page.contains('\0'));
        for tag in tags(&page) {
            assert!(!tag.contains("onerror") || tag.starts_with("<li title="), "{tag}");
        }
    }
}

#[test]
fn no_script_may_run_even_if_one_came_in_and_the_style_is_known_by_its_hash() {
    let page = hostile("x");
    let (_, policy) = page.split_once("Content-Security-Policy\" content=\"").unwrap();
    let (policy, _) = policy.split_once('"').unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(!policy.contains("unsafe") && !policy.contains("script-src"));
    assert!(page.find("Content-Security-Policy").unwrap() < page.find("<style>").unwrap());
    for fetched in ["src=", "url(", "@import", "<link", "<script", "<iframe"] {
        assert!(!page.contains(fetched), "{fetched}");
    }
}

#[test]
fn piled_up_marks_and_text_from_right_to_left_keep_to_their_place() {
    let piled = format!("a{}", "\u{301}".repeat(10_000));
    let page = hostile(&piled);
    assert!(page.contains(&piled));
    let clips = |rule: &str| SHEET.lines().any(|line| line.starts_with(rule) && line.contains("overflow: hidden;"));
    assert!(clips("article {") && clips("article header, .text {"));
    let mut page = HtmlPage::new(Words::English, TimeZone::UTC);
    let shown = page.message(&message(1, "שלום \u{202e}abc"), &Beside::default(), &names("דנה"));
    assert!(shown.contains("<div class=\"text\" dir=\"auto\"><p>שלום \u{202e}abc</p></div>"), "{shown}");
    assert!(shown.contains("<bdi class=\"who\">דנה</bdi>"));
}

#[test]
fn a_page_shows_what_the_app_shows() {
    let mut page = HtmlPage::new(Words::English, "Europe/Berlin".parse_zone());
    let whole = message(1, "hello **you**");
    let answer = Message {
        reply_to: Some(whole.id),
        thread_id: Some(whole.id),
        edited_at_ms: Some(UnixMs(LATE + 1)),
        pinned_at_ms: Some(UnixMs(LATE + 2)),
        reactions: vec![Reaction { emoji: "👍".to_owned(), user_ids: vec![JO], count: 2 }],
        ..message(2, &format!("<@{JO}> and <@everyone>"))
    };
    let quote = Quote { id: whole.id, sender: Some("Jo".to_owned()), text: Some("hello".to_owned()) };
    let beside = Beside { reply: Some(quote.clone()), thread: Some(Quote { text: None, ..quote }) };
    let thread = ThreadSummary { replies: 1, last_at_ms: UnixMs(LATE) };
    let whole = Message { thread: Some(thread), ..whole };
    let first = page.message(&whole, &Beside::default(), &names("Jo"));
    // Half past eleven in London is the next day in Berlin.
    assert!(first.starts_with("<h2>Saturday, 28 November 2026</h2>"), "{first}");
    assert!(first.contains(">00:30</time>") && first.contains("datetime=\"2026-11-27T23:30:00.000Z\""), "{first}");
    assert!(first.contains("<strong>you</strong>") && first.contains("1 reply in the thread"));
    let second = page.message(&answer, &beside, &names("Jo"));
    assert!(!second.contains("<h2>"), "one heading a day");
    for part in [
        "class=\"thread\"",
        "<span class=\"mark\">edited</span>",
        "<span class=\"mark\">pinned</span>",
        "<bdi class=\"mention\">@Jo</bdi> and <bdi class=\"mention\">@everyone</bdi>",
        "<li title=\"Jo\">👍 2</li>",
        "<bdi>Jo</bdi>: <bdi>hello</bdi>",
        "In the thread: Message is not available",
    ] {
        assert!(second.contains(part), "{part} in {second}");
    }
    let call = MessageBody::Call { call_id: CallId::from_bytes([7; 16]), outcome: CallOutcome::Missed, duration_s: 0 };
    let called = page.message(&Message { body: call, ..message(3, "") }, &Beside::default(), &Names::default());
    assert!(called.contains("Missed call") && called.contains("Unknown person"));
    let gone =
        page.message(&Message { body: MessageBody::Deleted, ..message(4, "") }, &Beside::default(), &names("Jo"));
    assert!(gone.contains("This message was deleted."));
}

#[test]
fn what_only_a_device_had_says_so() {
    let page = HtmlPage::new(Words::German, TimeZone::UTC);
    assert!(!page.head(&head("a", "", "Jo")).contains("class=\"incomplete\""));
    assert!(page.head(&Head { complete: false, ..head("a", "", "Jo") }).contains("<p class=\"incomplete\">Das Relay"));
}

#[test]
fn json_has_the_fields_that_are_promised() {
    let mut document = Document::new(ExportFormat::Json, "en", TimeZone::UTC);
    let file = Attachment {
        id: FileId::from_bytes([4; 16]),
        name: "a.txt".to_owned(),
        size_bytes: 5,
        kind: AttachmentKind::File { media_type: "text/plain".to_owned() },
    };
    let text = format!("hi <@{JO}>");
    let with_file = Message {
        edited_at_ms: Some(UnixMs(LATE)),
        body: MessageBody::Text { text: text.clone(), attachments: vec![file] },
        ..message(1, "")
    };
    let deleted = Message { body: MessageBody::Deleted, ..message(2, "") };
    let mut json = document.head(&head("Garden", "plants", "Jo"));
    for message in [&with_file, &deleted] {
        json.push_str(&document.message(message, &Beside::default(), &names("Jo")));
    }
    json.push_str(&document.foot());
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["room"]["title"], "Garden");
    assert_eq!((&json["complete"], &json["format"]), (&true.into(), &1.into()));
    assert_eq!(json["exported_at"], "2026-11-27T23:30:00.000Z");
    assert_eq!(json["members"][0], serde_json::json!({ "id": JO, "name": "Jo", "role": "owner" }));
    let first = &json["messages"][0];
    assert_eq!(first["sender"], serde_json::json!({ "id": JO, "name": "Jo" }));
    assert_eq!((&first["text"], &first["edited"]), (&text.into(), &true.into()));
    assert_eq!(first["mentions"][0]["name"], "Jo");
    let file = serde_json::json!({ "id": FileId::from_bytes([4; 16]), "name": "a.txt", "size_bytes": 5, "type": "text/plain" });
    assert_eq!(first["attachments"][0], file);
    let second = &json["messages"][1];
    assert_eq!((&second["deleted"], &second["text"]), (&true.into(), &serde_json::Value::Null));
    for field in
        ["id", "seq", "sent_at", "edited_at", "reply_to", "thread", "thread_replies", "pinned", "reactions", "call"]
    {
        assert!(first.as_object().unwrap().contains_key(field), "{field}");
    }
}

trait Zone {
    fn parse_zone(&self) -> TimeZone;
}

impl Zone for str {
    fn parse_zone(&self) -> TimeZone {
        // The rule of central Europe, wherever the test runs.
        assert_eq!(self, "Europe/Berlin");
        TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a rule of POSIX")
    }
}

proptest! {
    #[test]
    fn no_text_adds_an_element_outside_of_the_messages_text(text in r#"([<>"'&/=`-]|<script>|</bdi>|on[a-z]+=|\PC){0,40}"#) {
        let page = HtmlPage::new(Words::English, TimeZone::UTC);
        let harmless = page.head(&head("x", "x", "x"));
        let hostile = page.head(&head(&text, &format!("{text}."), &text));
        prop_assert_eq!(tags(&hostile).len(), tags(&harmless).len());
        prop_assert_eq!(tags(&hostile), tags(&harmless));
    }
}
