//! Properties of the outbox and the timeline: whatever the order of what comes, each message stands once, in order.

use proptest::prelude::*;

use super::*;

/// What may happen around a few messages that I send and a few that Mina sends.
#[derive(Clone, Debug)]
enum Step {
    Write,
    /// The relay stores the oldest that is under way; its answer and its event come now, later, or get lost.
    Answer,
    Event(usize),
    Lose,
    Restart,
    Reconnect,
    MinaWrites,
    Edit(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Write),
        4 => Just(Step::Answer),
        4 => (0..8_usize).prop_map(Step::Event),
        2 => Just(Step::Lose),
        1 => Just(Step::Restart),
        2 => Just(Step::Reconnect),
        2 => Just(Step::MinaWrites),
        2 => (0..8_usize).prop_map(Step::Edit),
    ]
}

/// A relay that stores each client id once and may tell of it at any time, any number of times.
#[derive(Default)]
struct Relay {
    stored: Vec<Message>,
    change: u64,
}

impl Relay {
    fn store(&mut self, client_id: ClientMessageId, sender: UserId, text: &str) -> Message {
        if let Some(there) = self.stored.iter().find(|message| message.client_id == client_id) {
            return there.clone();
        }
        self.change += 1;
        let seq = self.stored.len() as u64 + 1;
        let stored = Message { client_id, change: Change(self.change), ..message(seq, sender, text) };
        self.stored.push(stored.clone());
        stored
    }

    fn edit(&mut self, index: usize) -> Option<Message> {
        self.change += 1;
        let message = self.stored.get_mut(index)?;
        message.change = Change(self.change);
        message.edited_at_ms = Some(UnixMs(1));
        message.body = MessageBody::text(format!("edit {}", self.change));
        Some(message.clone())
    }
}

struct World {
    desk: Desk,
    relay: Relay,
    under_way: Vec<(OpId, Request)>,
    /// My messages in the order of writing.
    written: Vec<ClientMessageId>,
}

impl World {
    fn new() -> Self {
        let mut desk = Desk::online();
        desk.open_room(Vec::new());
        desk.effects.clear();
        Self { desk, relay: Relay::default(), under_way: Vec::new(), written: Vec::new() }
    }

    fn run(&mut self, step: &Step) {
        match step {
            Step::Write => {
                let text = format!("mine {}", self.written.len());
                self.desk.command(text_command(&text));
                self.written.push(self.desk.timeline().messages.last().unwrap().client_id);
            }
            Step::Answer => {
                if !self.under_way.is_empty() {
                    let (op, request) = self.under_way.remove(0);
                    let message = self.store(&request);
                    let reply = Reply::Message { message: Box::new(message) };
                    self.desk.feed(Input::Link(LinkEvent::RequestDone(op, Ok(reply))));
                }
            }
            Step::Event(index) => {
                if let Some(message) = self.relay.stored.get(*index).cloned() {
                    self.desk.feed(stored(message));
                }
            }
            // Stored, but nobody hears of it: the connection is lost.
            Step::Lose => {
                for (op, request) in std::mem::take(&mut self.under_way) {
                    self.store(&request);
                    self.desk.feed(Input::Link(LinkEvent::RequestDone(op, Err(CallFailure::Lost))));
                }
            }
            Step::Restart | Step::Reconnect => self.reconnect(),
            Step::MinaWrites => {
                let n = self.relay.stored.len() as u8;
                let client_id = ClientMessageId::from_bytes([0xAA, n, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
                let message = self.relay.store(client_id, MINA, &format!("hers {n}"));
                self.desk.feed(stored(message));
            }
            Step::Edit(index) => {
                if let Some(message) = self.relay.edit(*index) {
                    self.desk.feed(event(Event::MessageChanged { message: Box::new(message) }));
                }
            }
        }
        self.look_for_requests();
    }

    fn store(&mut self, request: &Request) -> Message {
        let Request::SendMessage { client_id, text, .. } = request else { panic!("{request:?}") };
        self.relay.store(*client_id, ME, text)
    }

    fn reconnect(&mut self) {
        self.desk.feed(Input::Link(LinkEvent::Offline { retry_in: Duration::from_secs(1) }));
        self.desk.feed(welcome(false, Vec::new()));
        for (op, _) in std::mem::take(&mut self.under_way) {
            self.desk.feed(Input::Link(LinkEvent::RequestDone(op, Err(CallFailure::Lost))));
        }
        self.look_for_requests();
    }

    /// Plays the relay for every question that the core asked over REST, and takes note of what it sends.
    fn look_for_requests(&mut self) {
        loop {
            let effects = std::mem::take(&mut self.desk.effects);
            if effects.is_empty() {
                return;
            }
            for effect in effects {
                match effect {
                    Effect::Request(op, request @ Request::SendMessage { .. }) => self.under_way.push((op, request)),
                    Effect::Api(op, ApiCall::Changes { after, .. }) => {
                        let mut messages: Vec<Message> =
                            self.relay.stored.iter().filter(|message| message.change > after).cloned().collect();
                        messages.sort_by_key(|message| message.change);
                        let page = ChangesPage { messages, has_more: false };
                        self.desk.feed(Input::ApiDone(op, Ok(ApiReply::Changes(page))));
                    }
                    Effect::Api(op, ApiCall::Rooms) => {
                        let room = Room {
                            last_seq: Seq(self.relay.stored.len() as u64),
                            last_change: Change(self.relay.change),
                            ..direct_room()
                        };
                        self.desk.feed(Input::ApiDone(op, Ok(ApiReply::Rooms(vec![room]))));
                    }
                    _ => {}
                }
            }
        }
    }

    /// Lets everything that is under way arrive.
    fn settle(&mut self) {
        self.reconnect();
        for _ in 0..200 {
            self.desk.wait(Duration::from_secs(5));
            self.look_for_requests();
            if self.under_way.is_empty() {
                return;
            }
            self.run(&Step::Answer);
        }
        panic!("messages are still under way: {:?}", self.under_way);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn every_message_is_stored_once_in_the_order_of_writing_and_shown_as_stored(steps in prop::collection::vec(step(), 0..40)) {
        let mut world = World::new();
        for step in &steps {
            world.run(step);
            let mut ids: Vec<ClientMessageId> =
                world.desk.timeline().messages.iter().map(|message| message.client_id).collect();
            let shown = ids.len();
            ids.sort();
            ids.dedup();
            prop_assert_eq!(ids.len(), shown, "a message is shown twice after {:?}", step);
        }
        world.settle();
        let is_mine = |message: &&Message| message.sender_id == ME;
        let mine: Vec<ClientMessageId> =
            world.relay.stored.iter().filter(is_mine).map(|message| message.client_id).collect();
        prop_assert_eq!(mine, world.written);
        let stored: Vec<ClientMessageId> = world.relay.stored.iter().map(|message| message.client_id).collect();
        let view = world.desk.timeline();
        let shown: Vec<ClientMessageId> = view.messages.iter().map(|message| message.client_id).collect();
        prop_assert_eq!(shown, stored);
        for (view, message) in view.messages.iter().zip(&world.relay.stored) {
            prop_assert_eq!(view.seq, Some(message.seq));
            let MessageBody::Text { text, .. } = &message.body else { unreachable!() };
            let body = BodyView::Text { text: text.clone(), mentions: Vec::new(), attachments: Vec::new() };
            prop_assert_eq!(&view.body, &body);
        }
    }
}
