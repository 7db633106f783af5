//! Against a real bus and a service that speaks the real protocol.

use std::time::Duration;

use parley_shared::ids::{MessageId, RoomId, Seq};
use testbed::{GNOME, KDE, NotificationService, PrivateDbus, ShownNotification};
use tokio::sync::{mpsc, oneshot};

use super::freedesktop::{Bus, run};
use super::{Act, Notification, Order, Press, Target};

const SOON: Duration = Duration::from_secs(10);
const ROOM: RoomId = RoomId::from_bytes([1; 16]);
const OTHER_ROOM: RoomId = RoomId::from_bytes([2; 16]);

/// The board of an app, on a bus of its own.
struct Desk {
    orders: mpsc::Sender<Order>,
    presses: mpsc::Receiver<Press>,
    service: Option<NotificationService>,
    bus: PrivateDbus,
}

impl Desk {
    async fn start(capabilities: Option<&[&str]>) -> Self {
        let bus = PrivateDbus::start().expect("a session bus");
        let service = capabilities.map(|can| NotificationService::start(bus.address(), can).expect("a service"));
        let (orders, inbox) = mpsc::channel(8);
        let (to_presses, presses) = mpsc::channel(8);
        tokio::spawn(run(Bus::At(bus.address().to_owned()), inbox, to_presses));
        Self { orders, presses, service, bus }
    }

    async fn give(&self, order: Order) {
        self.orders.send(order).await.expect("the board takes orders");
    }

    async fn show(&self, room_id: RoomId, body: &str) -> ShownNotification {
        self.give(Order::Show(Box::new(notification(room_id, body)))).await;
        let last = |shown: &[ShownNotification]| shown.last().filter(|shown| shown.body.contains(body)).cloned();
        self.service().wait_for(body, SOON, last).expect("it is shown")
    }

    async fn available(&self) -> bool {
        let (answer, answered) = oneshot::channel();
        self.give(Order::Available(answer)).await;
        answered.await.expect("an answer")
    }

    fn service(&self) -> &NotificationService {
        self.service.as_ref().expect("this desk has a service")
    }

    fn see_none(&self) {
        self.service().wait_for("an empty screen", SOON, |shown| shown.is_empty().then_some(())).expect("it goes away");
    }

    async fn pressed(&mut self) -> Press {
        tokio::time::timeout(SOON, self.presses.recv()).await.expect("in time").expect("a press")
    }
}

fn target(room_id: RoomId) -> Target {
    Target { room_id, thread_id: None, message_id: Some(MessageId::from_bytes([9; 16])), seq: Some(Seq(7)) }
}

fn notification(room_id: RoomId, body: &str) -> Notification {
    Notification {
        target: target(room_id),
        title: "Ana\nin Garden".to_owned(),
        body: body.to_owned(),
        reply_label: Some("Reply".to_owned()),
        reply_placeholder: "Write a reply".to_owned(),
        open_label: "Open".to_owned(),
        sound: true,
    }
}

fn keys(shown: &ShownNotification) -> Vec<&str> {
    shown.actions.iter().map(|(key, _)| key.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn message_is_shown_with_its_buttons_and_a_click_opens_its_room() {
    let mut desk = Desk::start(Some(GNOME)).await;
    let shown = desk.show(ROOM, "Lunch?").await;
    assert_eq!((shown.app.as_str(), shown.title.as_str()), ("Parley", "Ana in Garden"));
    assert_eq!((keys(&shown), shown.silent), (vec!["default", "reply", "open"], false));
    desk.service().press(shown.id, "default");
    assert_eq!(desk.pressed().await, Press { target: target(ROOM), act: Act::Open });

    let shown = desk.show(ROOM, "Dinner?").await;
    desk.service().press(shown.id, "reply");
    assert_eq!(desk.pressed().await, Press { target: target(ROOM), act: Act::Write });
}

#[tokio::test(flavor = "multi_thread")]
async fn reply_is_written_into_the_notification_where_the_desktop_has_a_field() {
    let mut desk = Desk::start(Some(KDE)).await;
    let shown = desk.show(ROOM, "Lunch?").await;
    assert_eq!(keys(&shown), ["default", "inline-reply", "open"]);
    assert_eq!(shown.reply_placeholder.as_deref(), Some("Write a reply"));
    desk.service().reply(shown.id, "At noon");
    assert_eq!(desk.pressed().await, Press { target: target(ROOM), act: Act::Reply("At noon".to_owned()) });
}

#[tokio::test(flavor = "multi_thread")]
async fn missed_call_has_nothing_to_reply_to() {
    let desk = Desk::start(Some(KDE)).await;
    let call = Notification { reply_label: None, sound: false, ..notification(ROOM, "Missed call") };
    desk.give(Order::Show(Box::new(call))).await;
    let shown = desk.service().wait_for("the call", SOON, |shown| shown.first().cloned()).unwrap();
    assert_eq!((keys(&shown), shown.silent), (vec!["default", "open"], true));
}

#[tokio::test(flavor = "multi_thread")]
async fn later_notification_of_a_room_takes_the_place_of_the_earlier() {
    let desk = Desk::start(Some(GNOME)).await;
    let first = desk.show(ROOM, "one").await;
    let other = desk.show(OTHER_ROOM, "elsewhere").await;
    let second = desk.show(ROOM, "two").await;
    assert_eq!(first.id, second.id);
    assert_ne!(first.id, other.id);
    assert_eq!(desk.service().shown().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn notification_goes_when_its_room_is_read_and_all_go_at_the_end() {
    let desk = Desk::start(Some(GNOME)).await;
    desk.show(ROOM, "one").await;
    desk.give(Order::Close(OTHER_ROOM)).await;
    desk.give(Order::Close(ROOM)).await;
    desk.see_none();
    desk.show(ROOM, "two").await;
    desk.show(OTHER_ROOM, "three").await;
    let (done, ended) = oneshot::channel();
    desk.give(Order::End(done)).await;
    ended.await.unwrap();
    desk.see_none();
}

#[tokio::test(flavor = "multi_thread")]
async fn notification_that_was_wiped_away_is_not_replaced_and_not_closed() {
    let desk = Desk::start(Some(GNOME)).await;
    let first = desk.show(ROOM, "one").await;
    desk.service().dismiss(first.id);
    desk.see_none();
    let second = desk.show(ROOM, "two").await;
    assert_ne!(first.id, second.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn markup_of_others_is_text() {
    let desk = Desk::start(Some(GNOME)).await;
    let hostile = "<a href=\"http://evil\">x</a> &amp;";
    desk.give(Order::Show(Box::new(notification(ROOM, hostile)))).await;
    let shown = desk.service().wait_for("it", SOON, |shown| shown.first().cloned()).unwrap();
    assert_eq!(shown.body, "&lt;a href=&quot;http://evil&quot;&gt;x&lt;/a&gt; &amp;amp;");

    let plain = Desk::start(Some(&["body"])).await;
    let shown = plain.show(ROOM, "1 < 2").await;
    assert_eq!((shown.body.as_str(), shown.actions.len()), ("1 < 2", 0), "it reads no markup and has no buttons");
}

#[tokio::test(flavor = "multi_thread")]
async fn service_that_comes_later_is_found() {
    let mut desk = Desk::start(None).await;
    assert!(!desk.available().await);
    desk.give(Order::Show(Box::new(notification(ROOM, "nobody sees it")))).await;
    desk.service = Some(NotificationService::start(desk.bus.address(), GNOME).unwrap());
    assert!(desk.available().await);
    desk.show(ROOM, "seen").await;
}
