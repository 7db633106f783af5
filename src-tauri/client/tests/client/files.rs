//! Files from one person to another over a real relay, and pictures of people, while the wire is cut and programs restart.

use crate::support::{Person, Relay, Wire};
use parley_client::SecretsChoice;
use parley_client::files::Variant;
use parley_shared::ids::RoomId;
use parley_shared::limits::UPLOAD_CHUNK_BYTES;
use parley_shared::view::*;
use parley_shared::wire::AttachmentKind;

/// A PNG of some size on the wire: noise does not get smaller.
fn photo(side: u32) -> Vec<u8> {
    let mut state = 1_u32;
    let noise = image::RgbImage::from_fn(side, side, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        image::Rgb(state.to_be_bytes()[..3].try_into().unwrap())
    });
    let mut out = std::io::Cursor::new(Vec::new());
    noise.write_to(&mut out, image::ImageFormat::Png).unwrap();
    out.into_inner()
}

async fn send(person: &Person, room_id: RoomId, text: &str, files: &[DraftFile]) {
    let attachments = files.iter().map(|file| file.key.clone()).collect();
    let text = text.to_owned();
    person.command(Command::SendMessage { room_id, text, reply_to: None, thread_id: None, attachments }).await;
}

/// The files of the first message once it is stored.
fn stored_files(state: &Snapshot) -> Option<Vec<AttachmentView>> {
    let message = state.timeline.as_ref()?.messages.first()?;
    message.seq?;
    match &message.body {
        BodyView::Text { attachments, .. } => Some(attachments.clone()),
        BodyView::Deleted | BodyView::Call { .. } => None,
    }
}

async fn two_people(dir: &std::path::Path, jo_url: &str, relay: &Relay) -> (Person, Person) {
    let jo = Person::arrive_with(dir, "jo", SecretsChoice::File).await;
    jo.command(Command::KeepSecrets { passphrase: Some("correct horse".to_owned()) }).await;
    let jo = jo.sign_up(jo_url, "Jo").await;
    let mina = Person::arrive(dir, "mina").await.sign_up(&relay.url(), "Mina").await;
    (jo, mina)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_photo_and_a_file_arrive_and_are_saved() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start(dir.path()).await;
    let (jo, mina) = two_people(dir.path(), &relay.url(), &relay).await;
    let room_id = jo.open_direct("Mina").await;

    let notes = b"notes of the meeting\n".repeat(100_000);
    let picture = jo.client.attach("beach.png", photo(200)).await.unwrap();
    let file = jo.client.attach("notes.txt", notes.clone()).await.unwrap();
    assert!(matches!(picture.kind, AttachmentKind::Image { width_px: 200, height_px: 200, .. }));
    assert!(matches!(file.kind, AttachmentKind::File { .. }));
    let shown = jo.client.show_file(&picture.key, Variant::Thumbnail).await.unwrap();
    assert_eq!(shown.media_type, "image/jpeg");
    send(&jo, room_id, "", &[picture, file]).await;
    jo.until("the sending", stored_files).await;

    mina.until("the room", |state| state.rooms.rooms.first().map(|_| ())).await;
    mina.command(Command::OpenRoom { room_id }).await;
    let files = mina.until("the files", stored_files).await;
    let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["beach.png", "notes.txt"]);
    assert!(files.iter().all(|file| file.upload.is_none()));
    for variant in [Variant::Thumbnail, Variant::Full] {
        let shown = mina.client.show_file(&files[0].key, variant).await.unwrap();
        assert_eq!(image::load_from_memory(&shown.bytes).unwrap().width(), 200);
    }
    let no_picture = mina.client.show_file(&files[1].key, Variant::Full).await.unwrap_err();
    assert_eq!(no_picture.code, CommandErrorCode::InvalidArgument);
    let path = dir.path().join("saved.txt");
    mina.client.save_file(&files[1].key, path.clone()).await.unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), notes);

    mina.client.shutdown().await;
    jo.client.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_survives_a_cut_wire_and_a_restart_and_keeps_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start(dir.path()).await;
    let wire = Wire::to(relay.address()).await;
    let (mut jo, mina) = two_people(dir.path(), &wire.url(), &relay).await;
    let room_id = jo.open_direct("Mina").await;

    let bytes: Vec<u8> = (0..6 * UPLOAD_CHUNK_BYTES).map(|at| (at / 7) as u8).collect();
    let file = jo.client.attach("big.bin", bytes.clone()).await.unwrap();
    send(&jo, room_id, "here it is", &[file]).await;
    jo.say(room_id, "and a word").await;
    let under_way = |state: &Snapshot| {
        let BodyView::Text { attachments, .. } = &state.timeline.as_ref()?.messages.first()?.body else { return None };
        (attachments.first()?.upload?.sent_bytes > 0).then_some(())
    };
    jo.until("the progress", under_way).await;
    wire.cut();
    let away = |state: &Snapshot| matches!(state.connection, ConnectionView::Offline { .. }).then_some(());
    jo.until("the loss of the relay", away).await;

    jo.restart().await;
    jo.command(Command::Unlock { passphrase: "correct horse".to_owned() }).await;
    wire.mend();
    jo.until_online().await;
    jo.command(Command::OpenRoom { room_id }).await;
    jo.until_texts(&["here it is", "and a word"]).await;

    mina.until("the room", |state| state.rooms.rooms.first().map(|_| ())).await;
    mina.command(Command::OpenRoom { room_id }).await;
    mina.until_texts(&["here it is", "and a word"]).await;
    let files = mina.until("the file", stored_files).await;
    let path = dir.path().join("saved.bin");
    mina.client.save_file(&files[0].key, path.clone()).await.unwrap();
    assert!(std::fs::read(&path).unwrap() == bytes);

    mina.client.shutdown().await;
    jo.client.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_and_a_picture_are_seen_by_others() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start(dir.path()).await;
    let (jo, mina) = two_people(dir.path(), &relay.url(), &relay).await;
    let room_id = jo.open_direct("Mina").await;
    jo.say(room_id, "hello").await;
    mina.until("the room", |state| state.rooms.rooms.first().map(|_| ())).await;

    let (display_name, status_text, bio) = ("Joan".to_owned(), "On holiday".to_owned(), "Likes trains".to_owned());
    jo.command(Command::ChangeProfile { display_name, status_text, bio }).await;
    let picture = jo.client.attach("me.png", photo(300)).await.unwrap();
    jo.command(Command::SetAvatar { key: Some(picture.key) }).await;
    let seen = |state: &Snapshot| {
        let peer = state.rooms.rooms.first()?.peer.clone()?;
        (peer.display_name == "Joan" && peer.status_text == "On holiday").then_some(peer.avatar).flatten()
    };
    let avatar = mina.until("the picture", seen).await;
    let shown = mina.client.show_file(&avatar.to_string(), Variant::Full).await.unwrap();
    let shown = image::load_from_memory(&shown.bytes).unwrap();
    assert_eq!((shown.width(), shown.height()), (256, 256));

    let profile = serde_json::to_value(jo.client.query(Query::Profile).await.unwrap()).unwrap();
    assert_eq!((&profile["bio"], &profile["email"]), (&"Likes trains".into(), &"jo@example.org".into()));
    let devices = serde_json::to_value(jo.client.query(Query::SignedInDevices).await.unwrap()).unwrap();
    assert_eq!(devices[0]["current"], true);

    jo.command(Command::SetAvatar { key: None }).await;
    mina.until("no picture", |state| state.rooms.rooms.first()?.avatar.is_none().then_some(())).await;
    mina.client.shutdown().await;
    jo.client.shutdown().await;
}
