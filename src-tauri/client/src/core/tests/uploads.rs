use std::collections::BTreeSet;

use super::*;

fn file_id(n: u8) -> FileId {
    FileId::from_bytes([n; 16])
}

fn draft(n: u8) -> DraftFile {
    let kind =
        AttachmentKind::Image { width_px: 4, height_px: 3, placeholder: "1QcSHQRnh493V4dIh4eXh1h4kJUI".to_owned() };
    DraftFile { key: format!("draft-{n:032x}"), name: format!("{n}.png"), size_bytes: 100, kind }
}

fn attachment(n: u8) -> Attachment {
    Attachment { id: file_id(n), name: format!("{n}.png"), size_bytes: 90, kind: draft(n).kind }
}

fn attach(desk: &mut Desk, n: u8) -> String {
    desk.feed(Input::FileAttached(ReplyId(1_000 + u64::from(n)), Ok(draft(n))));
    draft(n).key
}

fn send(desk: &mut Desk, text: &str, files: &[u8]) -> ReplyId {
    let attachments = files.iter().map(|n| attach(desk, *n)).collect();
    desk.command(Command::SendMessage {
        room_id: ROOM,
        text: text.to_owned(),
        reply_to: None,
        thread_id: None,
        attachments,
    })
}

/// The uploads that were asked for: which, of what, and what the relay knows of it.
fn uploads(desk: &Desk) -> Vec<(UploadId, String, Option<FileId>)> {
    let of = |effect: &Effect| match effect {
        Effect::Files(FilesJob::Upload { upload, file, known, .. }) => Some((*upload, file.name.clone(), *known)),
        _ => None,
    };
    desk.effects.iter().filter_map(of).collect()
}

fn jobs(desk: &Desk) -> Vec<String> {
    let word = |effect: &Effect| match effect {
        Effect::Files(job) => Some(format!("{job:?}").split([' ', '(', '{']).next().unwrap_or_default().to_owned()),
        _ => None,
    };
    desk.effects.iter().filter_map(word).collect()
}

fn sent(desk: &Desk) -> Vec<(String, Vec<FileId>)> {
    let of = |(_, request)| match request {
        Request::SendMessage { text, attachments, .. } => Some((text, attachments)),
        _ => None,
    };
    desk.requests().into_iter().filter_map(of).collect()
}

fn done(desk: &mut Desk, upload: UploadId, n: u8) {
    desk.feed(Input::Upload(upload, UploadEvent::Created(file_id(n))));
    desk.feed(Input::Upload(upload, UploadEvent::Done(attachment(n))));
}

fn refused(desk: &mut Desk, upload: UploadId, error: WireError) {
    let failure = UploadFailure::Relay(CallFailure::Refused(error));
    desk.feed(Input::Upload(upload, UploadEvent::Failed(failure)));
}

/// What is shown of the files of a message: how much of each has left.
fn progress(desk: &Desk, at: usize) -> Vec<Option<u64>> {
    let BodyView::Text { attachments, .. } = &desk.timeline().messages[at].body else { panic!("no text") };
    attachments.iter().map(|file| file.upload.map(|upload| upload.sent_bytes)).collect()
}

/// The outbox as it was last written to the disk.
fn on_disk(desk: &Desk) -> Vec<super::super::Pending> {
    let mut entries: Vec<super::super::Pending> = Vec::new();
    for effect in &desk.effects {
        match effect {
            Effect::Store(StoreJob::SaveOutbox(pending)) => {
                entries.retain(|entry| entry.client_id != pending.client_id);
                // As the disk does it, with what is not written left out.
                entries.push(serde_json::from_str(&serde_json::to_string(pending).unwrap()).unwrap());
            }
            Effect::Store(StoreJob::RemoveOutbox(id)) => entries.retain(|entry| entry.client_id != *id),
            _ => {}
        }
    }
    entries
}

#[test]
fn a_message_is_sent_when_its_files_are_at_the_relay() {
    let mut desk = Desk::online();
    desk.open_room(Vec::new());
    let answer = send(&mut desk, "", &[1, 2, 3]);
    assert_eq!(desk.answer(answer), Some(Ok(())));
    assert_eq!(progress(&desk, 0), [Some(0), Some(0), Some(0)]);
    let begun = uploads(&desk);
    let names: Vec<&str> = begun.iter().map(|(_, name, _)| name.as_str()).collect();
    assert_eq!(names, ["1.png", "2.png"], "two at once");

    desk.feed(Input::Upload(begun[0].0, UploadEvent::Sent { bytes: 40 }));
    assert_eq!(progress(&desk, 0), [Some(40), Some(0), Some(0)]);
    done(&mut desk, begun[0].0, 1);
    let third = uploads(&desk)[2].0;
    done(&mut desk, third, 3);
    assert!(sent(&desk).is_empty());
    done(&mut desk, begun[1].0, 2);
    assert_eq!(sent(&desk), [(String::new(), vec![file_id(1), file_id(2), file_id(3)])]);
}

#[test]
fn what_is_written_after_a_message_with_files_waits_for_it() {
    let mut desk = Desk::online();
    desk.open_room(Vec::new());
    send(&mut desk, "look", &[1]);
    send(&mut desk, "well?", &[]);
    assert!(sent(&desk).is_empty());
    let upload = uploads(&desk)[0].0;
    done(&mut desk, upload, 1);
    assert_eq!(sent(&desk).len(), 1);
    let (op, request) = desk.requests().into_iter().find(|(_, r)| matches!(r, Request::SendMessage { .. })).unwrap();
    let Request::SendMessage { client_id, text, .. } = &request else { panic!("not a message") };
    let body = MessageBody::Text { text: text.clone(), attachments: vec![attachment(1)] };
    let stored = Message { client_id: *client_id, body, ..message(1, ME, "") };
    desk.feed(Input::Link(LinkEvent::RequestDone(op, Ok(Reply::Message { message: Box::new(stored) }))));
    let texts: Vec<String> = sent(&desk).into_iter().map(|(text, _)| text).collect();
    assert_eq!(texts, ["look", "well?"]);
    assert_eq!(progress(&desk, 0), [None]);
    assert!(jobs(&desk).ends_with(&["Adopt".to_owned(), "Discard".to_owned()]), "{:?}", jobs(&desk));
}

#[test]
fn an_upload_goes_on_after_a_lost_connection_where_it_stood() {
    let mut desk = Desk::online();
    desk.open_room(Vec::new());
    send(&mut desk, "look", &[1]);
    let upload = uploads(&desk)[0].0;
    desk.feed(Input::Upload(upload, UploadEvent::Created(file_id(7))));
    desk.feed(Input::Upload(upload, UploadEvent::Failed(UploadFailure::Relay(CallFailure::Offline))));
    desk.feed(Input::Link(LinkEvent::Offline { retry_in: Duration::from_secs(1) }));
    desk.wait(Duration::from_secs(60));
    assert_eq!(uploads(&desk).len(), 1);
    desk.feed(welcome(false, Vec::new()));
    desk.wait(Duration::from_secs(3));
    assert_eq!(uploads(&desk)[1].2, Some(file_id(7)));
    assert_eq!(desk.texts()[0].1, MessageState::Sending);
}

#[test]
fn an_upload_goes_on_after_a_restart() {
    let mut desk = Desk::online();
    desk.open_room(Vec::new());
    send(&mut desk, "look", &[1, 2]);
    let begun = uploads(&desk);
    done(&mut desk, begun[0].0, 1);
    desk.feed(Input::Upload(begun[1].0, UploadEvent::Created(file_id(2))));
    desk.feed(Input::Upload(begun[1].0, UploadEvent::Sent { bytes: 50 }));
    attach(&mut desk, 3);

    let outbox = on_disk(&desk);
    let mut desk = Desk::signed_in(Cached { outbox, ..Cached::default() });
    let swept = desk.effects.iter().find_map(|effect| match effect {
        Effect::Files(FilesJob::Sweep { keep }) => Some(keep.clone()),
        _ => None,
    });
    assert_eq!(swept, Some(BTreeSet::from([draft(1).key, draft(2).key])));
    desk.feed(welcome(false, Vec::new()));
    let again = uploads(&desk);
    assert_eq!(again.len(), 1);
    assert_eq!((again[0].1.as_str(), again[0].2), ("2.png", Some(file_id(2))));
    done(&mut desk, again[0].0, 2);
    assert_eq!(sent(&desk), [("look".to_owned(), vec![file_id(1), file_id(2)])]);
}

#[test]
fn a_refused_file_fails_its_message_and_can_be_tried_again() {
    let mut desk = Desk::online();
    desk.open_room(Vec::new());
    send(&mut desk, "look", &[1]);
    send(&mut desk, "other", &[]);
    let upload = uploads(&desk)[0].0;
    refused(&mut desk, upload, WireError::new(ErrorCode::StorageFull, "Your storage is full."));
    assert_eq!(desk.texts()[0].1, MessageState::Failed { code: "storage_full".to_owned() });
    let texts: Vec<String> = sent(&desk).into_iter().map(|(text, _)| text).collect();
    assert_eq!(texts, ["other"], "a failed message holds nobody up");

    let client_id = desk.timeline().messages[0].client_id;
    desk.command(Command::RetryMessage { room_id: ROOM, client_id });
    assert_eq!(uploads(&desk).len(), 2);
    assert_eq!(desk.texts()[0].1, MessageState::Sending);
}

#[test]
fn a_relay_that_is_busy_is_asked_again_when_it_said() {
    let mut desk = Desk::online();
    desk.open_room(Vec::new());
    send(&mut desk, "look", &[1]);
    let upload = uploads(&desk)[0].0;
    let busy = WireError { retry_after_s: Some(5), ..WireError::new(ErrorCode::RateLimited, "Slowly.") };
    refused(&mut desk, upload, busy);
    desk.wait(Duration::from_millis(4_900));
    assert_eq!(uploads(&desk).len(), 1);
    desk.wait(Duration::from_millis(200));
    assert_eq!(uploads(&desk).len(), 2);
}

#[test]
fn an_upload_that_the_relay_swept_begins_again() {
    let mut desk = Desk::online();
    desk.open_room(Vec::new());
    send(&mut desk, "look", &[1]);
    let upload = uploads(&desk)[0].0;
    desk.feed(Input::Upload(upload, UploadEvent::Created(file_id(7))));
    refused(&mut desk, upload, WireError::new(ErrorCode::NotFound, "Gone."));
    assert_eq!(uploads(&desk)[1].2, None);
    let upload = uploads(&desk)[1].0;
    refused(&mut desk, upload, WireError::new(ErrorCode::NotFound, "There are no uploads here."));
    assert_eq!(desk.texts()[0].1, MessageState::Failed { code: "not_found".to_owned() });
}

#[test]
fn files_that_were_swept_before_the_message_was_sent_are_sent_once_more() {
    let mut desk = Desk::online();
    desk.open_room(Vec::new());
    send(&mut desk, "look", &[1]);
    for round in 0..2 {
        let upload = uploads(&desk).last().unwrap().0;
        done(&mut desk, upload, 1);
        assert_eq!(sent(&desk).len(), round + 1);
        let (op, _) = desk.requests().into_iter().rfind(|(_, r)| matches!(r, Request::SendMessage { .. })).unwrap();
        let error = WireError { field: Some("attachments".to_owned()), ..WireError::new(ErrorCode::NotFound, "Gone.") };
        desk.feed(Input::Link(LinkEvent::RequestDone(op, Err(CallFailure::Refused(error)))));
    }
    assert_eq!(uploads(&desk).len(), 2);
    assert_eq!(desk.texts()[0].1, MessageState::Failed { code: "not_found".to_owned() });
}

#[test]
fn a_message_is_taken_back_while_its_files_are_on_their_way() {
    let mut desk = Desk::online();
    desk.open_room(Vec::new());
    send(&mut desk, "look", &[1]);
    let client_id = desk.timeline().messages[0].client_id;
    let upload = uploads(&desk)[0].0;
    desk.feed(Input::Upload(upload, UploadEvent::Created(file_id(1))));
    let answer = desk.command(Command::DiscardMessage { room_id: ROOM, client_id });
    assert_eq!(desk.answer(answer), Some(Ok(())));
    assert!(desk.texts().is_empty() && on_disk(&desk).is_empty());
    assert!(jobs(&desk).ends_with(&["StopUpload", "GiveUp", "Discard"].map(str::to_owned)), "{:?}", jobs(&desk));
    // What was under way finds nothing left.
    done(&mut desk, upload, 1);
    assert!(sent(&desk).is_empty());
}

#[test]
fn a_message_that_the_relay_may_have_cannot_be_taken_back() {
    let mut desk = Desk::online();
    desk.open_room(Vec::new());
    send(&mut desk, "look", &[1]);
    let client_id = desk.timeline().messages[0].client_id;
    let upload = uploads(&desk)[0].0;
    done(&mut desk, upload, 1);
    let answer = desk.command(Command::DiscardMessage { room_id: ROOM, client_id });
    assert_eq!(desk.answer(answer), Some(Err(CommandErrorCode::NotNow)));
}

#[test]
fn keys_are_good_once_and_only_here() {
    let mut desk = Desk::online();
    desk.open_room(Vec::new());
    let key = attach(&mut desk, 1);
    let mut send_keys = |keys: &[String]| {
        let attachments = keys.to_vec();
        let (text, reply_to, thread_id) = (String::new(), None, None);
        let reply = desk.command(Command::SendMessage { room_id: ROOM, text, reply_to, thread_id, attachments });
        desk.answer(reply).unwrap()
    };
    assert_eq!(send_keys(&["draft-unknown".to_owned()]), Err(CommandErrorCode::NotFound));
    assert_eq!(send_keys(&[key.clone(), key.clone()]), Err(CommandErrorCode::NotFound));
    assert_eq!(send_keys(&vec![key.clone(); 11]), Err(CommandErrorCode::InvalidArgument));
    assert_eq!(send_keys(&[]), Err(CommandErrorCode::InvalidArgument));
    assert_eq!(send_keys(std::slice::from_ref(&key)), Ok(()));
    assert_eq!(send_keys(&[key]), Err(CommandErrorCode::NotFound));

    let key = attach(&mut desk, 2);
    let discard = |desk: &mut Desk| {
        let reply = desk.command(Command::DiscardFile { key: key.clone() });
        desk.answer(reply).unwrap()
    };
    assert_eq!(discard(&mut desk), Ok(()));
    assert_eq!(discard(&mut desk), Err(CommandErrorCode::NotFound));
}

#[test]
fn my_picture_is_uploaded_and_then_shown() {
    let mut desk = Desk::online();
    let key = attach(&mut desk, 1);
    let answer = desk.command(Command::SetAvatar { key: Some(key) });
    let upload = uploads(&desk)[0].0;
    assert_eq!(desk.answer(answer), None);
    desk.feed(Input::Upload(upload, UploadEvent::Created(file_id(1))));
    desk.feed(Input::Upload(upload, UploadEvent::Done(attachment(1))));
    let op = desk.api_op(|call| matches!(call, ApiCall::ChangeProfile(body) if body.avatar == Some(file_id(1))));
    let profile = Profile {
        user: User { avatar: Some(file_id(1)), ..user(ME) },
        email: "jo@example.org".to_owned(),
        bio: String::new(),
        storage_bytes: 0,
        storage_limit_bytes: 1,
    };
    desk.feed(Input::ApiDone(op, Ok(ApiReply::Profile(Box::new(profile)))));
    assert_eq!(desk.answer(answer), Some(Ok(())));
    let SessionView::SignedIn { me, .. } = desk.core.snapshot().session else { panic!("signed in") };
    assert_eq!(me.avatar, Some(file_id(1)));
}

#[test]
fn a_picture_that_is_refused_or_offline_is_told_to_who_chose_it() {
    let mut desk = Desk::online();
    let key = attach(&mut desk, 1);
    let answer = desk.command(Command::SetRoomAvatar { room_id: ROOM, key: Some(key) });
    let upload = uploads(&desk)[0].0;
    refused(&mut desk, upload, WireError::new(ErrorCode::TooLarge, "Too large."));
    assert_eq!(desk.answer(answer), Some(Err(CommandErrorCode::TooLarge)));

    let key = attach(&mut desk, 2);
    desk.feed(Input::Link(LinkEvent::Offline { retry_in: Duration::from_secs(1) }));
    let answer = desk.command(Command::SetAvatar { key: Some(key) });
    assert_eq!(desk.answer(answer), Some(Err(CommandErrorCode::Offline)));
}

#[test]
fn a_change_of_somebody_is_seen_everywhere() {
    let mut desk = Desk::online();
    desk.open_room(Vec::new());
    let changed = User { avatar: Some(file_id(4)), status_text: "On holiday".to_owned(), ..user(MINA) };
    desk.feed(event(Event::UserChanged { user: changed }));
    let peer = desk.timeline().room.peer.unwrap();
    assert_eq!((peer.avatar, peer.status_text.as_str()), (Some(file_id(4)), "On holiday"));
    assert_eq!(desk.core.snapshot().rooms.rooms[0].avatar, Some(file_id(4)));
}

#[test]
fn a_profile_is_checked_before_it_is_sent() {
    let mut desk = Desk::online();
    let mut change = |display_name: &str, status_text: &str, bio: &str| {
        let reply = desk.command(Command::ChangeProfile {
            display_name: display_name.to_owned(),
            status_text: status_text.to_owned(),
            bio: bio.to_owned(),
        });
        desk.answer(reply)
    };
    let invalid = Some(Err(CommandErrorCode::InvalidArgument));
    assert_eq!(change("J", "", ""), invalid);
    assert_eq!(change("Jo", &"x".repeat(81), ""), invalid);
    assert_eq!(change("Jo", "a\nb", ""), invalid);
    assert_eq!(change("Jo", "", &"x".repeat(501)), invalid);
    assert_eq!(change(" Jo ", "here", "some\nlines"), None);
    desk.api_op(|call| matches!(call, ApiCall::ChangeProfile(body) if body.display_name.as_deref() == Some("Jo")));
}

#[test]
fn the_present_device_comes_first_and_others_can_be_signed_out() {
    let mut desk = Desk::online();
    let device = |n: u8, last: i64| Device {
        id: DeviceId::from_bytes([n; 16]),
        name: format!("device {n}"),
        created_at_ms: UnixMs(1),
        last_used_at_ms: UnixMs(last),
        current: n == 3,
    };
    desk.feed(Input::Query(ReplyId(500), Query::SignedInDevices));
    let op = desk.api_op(|call| matches!(call, ApiCall::Devices));
    desk.feed(Input::ApiDone(op, Ok(ApiReply::Devices(vec![device(1, 10), device(2, 20), device(3, 5)]))));
    let names = desk.effects.iter().find_map(|effect| match effect {
        Effect::Reply(ReplyId(500), Ok(Answer::SignedInDevices(devices))) => {
            Some(devices.iter().map(|device| device.name.clone()).collect::<Vec<_>>())
        }
        _ => None,
    });
    assert_eq!(names.unwrap(), ["device 3", "device 2", "device 1"]);

    let answer = desk.command(Command::RevokeDevice { device_id: DeviceId::from_bytes([1; 16]) });
    let op = desk.api_op(|call| matches!(call, ApiCall::RevokeDevice(_)));
    desk.feed(Input::ApiDone(op, Ok(ApiReply::Done)));
    assert_eq!(desk.answer(answer), Some(Ok(())));
}
