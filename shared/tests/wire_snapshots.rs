//! The JSON of the wire, as clients of any make meet it: what is here may only be added to.

use insta::assert_json_snapshot;
use parley_shared::ids::*;
use parley_shared::wire::*;

fn user() -> User {
    User {
        id: UserId::from_bytes([1; 16]),
        display_name: "Ada".into(),
        role: Role::Admin,
        bot: false,
        avatar: None,
        status_text: String::new(),
    }
}

fn message(body: MessageBody) -> Message {
    Message {
        id: MessageId::from_bytes([2; 16]),
        room_id: RoomId::from_bytes([3; 16]),
        seq: Seq(7),
        change: Change(9),
        sender_id: user().id,
        client_id: ClientMessageId::from_bytes([4; 16]),
        sent_at_ms: UnixMs(1_700_000_000_000),
        edited_at_ms: None,
        reply_to: None,
        thread_id: None,
        thread: None,
        reactions: vec![],
        pinned_at_ms: None,
        body,
    }
}

fn call() -> Call {
    Call {
        id: CallId::from_bytes([5; 16]),
        room_id: RoomId::from_bytes([3; 16]),
        caller: user(),
        phase: CallPhase::Active,
        started_at_ms: UnixMs(1_700_000_000_000),
        participants: vec![Participant {
            id: ParticipantId::from_bytes([6; 16]),
            user: user(),
            device_id: DeviceId::from_bytes([7; 16]),
            media: MediaState { microphone: true, camera: false },
        }],
    }
}

fn room() -> Room {
    Room {
        id: RoomId::from_bytes([3; 16]),
        kind: RoomKind::Group,
        name: "Garden".into(),
        topic: String::new(),
        visibility: Visibility::Private,
        max_members: 1_000,
        archived: false,
        created_at_ms: UnixMs(1),
        members: vec![Member { user: user(), role: MemberRole::Owner, delivered_seq: Seq(7), read_seq: Seq(6) }],
        member_count: 1,
        last_seq: Seq(7),
        last_change: Change(9),
        last_message: Some(message(MessageBody::Deleted)),
        unread: 1,
        mentions: 0,
        guests: false,
        notify: NotifyLevel::All,
        avatar: None,
        call: None,
    }
}

/// Every request, so that none changes its words unnoticed.
fn requests() -> Vec<Request> {
    let (room_id, message_id) = (RoomId::from_bytes([3; 16]), MessageId::from_bytes([2; 16]));
    let (call_id, participant_id) = (CallId::from_bytes([5; 16]), ParticipantId::from_bytes([6; 16]));
    let media = MediaState { microphone: true, camera: true };
    let signal = |signal| Request::Signal { call_id, to: participant_id, signal };
    vec![
        Request::SendMessage {
            room_id,
            client_id: ClientMessageId::from_bytes([4; 16]),
            text: "hi".into(),
            reply_to: None,
            thread_id: None,
            attachments: vec![],
        },
        Request::SendMessage {
            room_id,
            client_id: ClientMessageId::from_bytes([4; 16]),
            text: String::new(),
            reply_to: Some(message_id),
            thread_id: Some(message_id),
            attachments: vec![FileId::from_bytes([9; 16])],
        },
        Request::SetReaction { room_id, message_id, emoji: "👍🏽".into(), on: true },
        Request::SetPinned { room_id, message_id, pinned: true },
        Request::EditMessage { room_id, message_id, text: "hi".into() },
        Request::DeleteMessage { room_id, message_id },
        Request::MarkDelivered { room_id, seq: Seq(7) },
        Request::MarkRead { room_id, seq: Seq(7) },
        Request::SetTyping { room_id, typing: true },
        Request::StartCall { room_id, call_id, media },
        Request::RejoinCall { room_id, call_id, participant_id, media },
        Request::AcceptCall { call_id, media },
        Request::DeclineCall { call_id, reason: DeclineReason::Busy },
        Request::LeaveCall { call_id },
        Request::SetMedia { call_id, media },
        signal(Signal::Description {
            kind: DescriptionKind::Offer,
            sdp: "v=0".into(),
            generation: 1,
            tracks: vec![TrackInfo {
                id: TrackId::from_bytes([8; 16]),
                mid: "0".into(),
                source: TrackSource::ScreenAudio,
            }],
        }),
        signal(Signal::Candidate {
            candidate: "candidate:1".into(),
            sdp_mid: Some("0".into()),
            sdp_m_line_index: None,
            generation: 1,
        }),
        signal(Signal::CandidatesDone { generation: 1 }),
    ]
}

#[test]
fn client_messages() {
    let mut messages = vec![
        ClientMsg::Hello {
            version: PROTOCOL_VERSION,
            access_token: Secret::new("token"),
            resume: Some(Resume { session_id: SessionId::from_bytes([9; 16]), last_seq: EventSeq(3) }),
        },
        ClientMsg::Ack { seq: EventSeq(3) },
        ClientMsg::Ping,
        ClientMsg::Idle { idle: true },
    ];
    messages.extend(requests().into_iter().map(|request| ClientMsg::Request { id: RequestId(1), request }));
    assert_json_snapshot!(messages);
    let text = serde_json::to_string(&messages).unwrap();
    assert_eq!(serde_json::from_str::<Vec<ClientMsg>>(&text).unwrap(), messages, "and it reads back");
}

#[test]
fn server_messages() {
    let (room_id, call_id) = (RoomId::from_bytes([3; 16]), CallId::from_bytes([5; 16]));
    let entry = MessageBody::Call { call_id, outcome: CallOutcome::Missed, duration_s: 0 };
    let events = [
        Event::MessageStored { message: Box::new(message(MessageBody::text("hi"))) },
        Event::MessageStored {
            message: Box::new(Message {
                reply_to: Some(MessageId::from_bytes([7; 16])),
                thread_id: Some(MessageId::from_bytes([8; 16])),
                thread: Some(ThreadSummary { replies: 2, last_at_ms: UnixMs(1_700_000_000_000) }),
                reactions: vec![Reaction { emoji: "👍🏽".into(), user_ids: vec![user().id], count: 1 }],
                pinned_at_ms: Some(UnixMs(1_700_000_000_000)),
                ..message(MessageBody::Text {
                    text: String::new(),
                    attachments: vec![
                        Attachment {
                            id: FileId::from_bytes([9; 16]),
                            name: "beach.jpg".into(),
                            size_bytes: 81_234,
                            kind: AttachmentKind::Image {
                                width_px: 1_600,
                                height_px: 1_200,
                                placeholder: "3OcRJYB4d3h/iIeHeEh3eIhw+j2w".into(),
                            },
                        },
                        Attachment {
                            id: FileId::from_bytes([10; 16]),
                            name: "notes.pdf".into(),
                            size_bytes: 4_096,
                            kind: AttachmentKind::File { media_type: "application/pdf".into() },
                        },
                    ],
                })
            }),
        },
        Event::MessageChanged { message: Box::new(message(entry)) },
        Event::ReceiptChanged { room_id, user_id: user().id, delivered_seq: Seq(7), read_seq: Seq(6) },
        Event::RoomChanged { room: Box::new(room()) },
        Event::RoomRemoved { room_id },
        Event::UserChanged { user: user() },
        Event::CallChanged { call: Box::new(call()) },
        Event::CallEnded { call_id, room_id, reason: CallEndReason::AnsweredElsewhere },
        Event::CallSignal {
            call_id,
            from: ParticipantId::from_bytes([6; 16]),
            signal: Signal::CandidatesDone { generation: 2 },
        },
        Event::SignedOut,
    ];
    let mut messages = vec![
        ServerMsg::Welcome(Box::new(Welcome {
            version: PROTOCOL_VERSION,
            session_id: SessionId::from_bytes([9; 16]),
            resumed: false,
            user: user(),
            device_id: DeviceId::from_bytes([7; 16]),
            server_time_ms: UnixMs(1_700_000_000_000),
            ice_servers: vec![IceServer { urls: vec!["stun:s.example".into()], username: None, credential: None }],
            calls: vec![call()],
        })),
        ServerMsg::Reply { id: RequestId(1), reply: Reply::Done },
        ServerMsg::Reply {
            id: RequestId(2),
            reply: Reply::Call { call: Box::new(call()), participant_id: ParticipantId::from_bytes([6; 16]) },
        },
        ServerMsg::Error {
            id: None,
            error: WireError { retry_after_s: Some(3), ..WireError::field("text", "A sentence.") },
            fatal: true,
        },
        ServerMsg::Hint {
            hint: Hint::Presence {
                user_id: user().id,
                presence: Presence::Offline,
                last_seen_at_ms: Some(UnixMs(1_700_000_000_000)),
            },
        },
        ServerMsg::Hint { hint: Hint::Typing { room_id, user_id: user().id, typing: true } },
        ServerMsg::Pong,
    ];
    messages.extend((1..).zip(events).map(|(seq, event)| ServerMsg::Event { seq: EventSeq(seq), event }));
    assert_json_snapshot!(messages);
    let text = serde_json::to_string(&messages).unwrap();
    assert_eq!(serde_json::from_str::<Vec<ServerMsg>>(&text).unwrap(), messages, "and it reads back");
}

#[test]
fn unknown_fields_are_ignored() {
    let text = r#"{"type":"ack","seq":3,"mood":"good"}"#;
    assert_eq!(serde_json::from_str::<ClientMsg>(text).unwrap(), ClientMsg::Ack { seq: EventSeq(3) });
}

#[test]
fn secrets_are_never_printed() {
    let hello = ClientMsg::Hello { version: 1, access_token: Secret::new("hush"), resume: None };
    assert!(!format!("{hello:?}").contains("hush"));
}
